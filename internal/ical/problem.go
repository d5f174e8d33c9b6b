package ical

import "strconv"

// Problem is one thing that is wrong with a body.
type Problem struct {
	Line     int    // of the body, from 1
	Property string // or the component; empty: the line has no name
	Text     string // what is wrong, and where it helps what to write instead
}

// Error reads "line 12: DTSTART: is not a date; write 20260131 or 20260131T090000Z".
func (p *Problem) Error() string { return p.String() }

func (p Problem) String() string {
	s := "line " + strconv.Itoa(p.Line) + ": "
	if p.Property != "" {
		s += p.Property + ": "
	}
	return s + p.Text
}
