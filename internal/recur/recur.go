// Package recur counts the instances that a recurrence rule makes (RFC 5545 §3.3.10). It works on the time on the wall, as rules do, and
// only then asks what instant that is.
//
// The expansion is teambition/rrule-go's, with what it gets wrong rewritten first or refused (rule.go).
package recur

import (
	"errors"
	"fmt"
	"strings"
	"time"

	goical "github.com/emersion/go-ical"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// ErrNoInstance: the rule does not make the instance that was asked for.
var ErrNoInstance = errors.New("no instance of the series' rule")

// most is how many instances are looked at: a daily series has so many in 27 years.
const most = 10_000

// Before tells how many instances the master's rule makes before the instance at (as cal.Object.RecurrenceID has it). The start counts
// as the first, and those that EXDATE takes out count as well, as they do for COUNT (RFC 5545 §3.3.10, §3.8.5.1). ErrNoInstance: the rule
// makes no such instance, or COUNT is used up before. A rule that cannot be counted is an error that says so.
func Before(master cal.Body, at string) (int, error) {
	s, err := read(master)
	if err != nil {
		return 0, fmt.Errorf("count the instances before %s: %w", at, err)
	}
	n, err := s.before(at)
	if err != nil {
		return 0, fmt.Errorf("count the instances before %s: %w", at, err)
	}
	return n, nil
}

// series is a master's start and rule.
type series struct {
	start time.Time // on the wall, as if it were UTC
	home  *time.Location
	form  string // of an instance's key
	rule  string
	until string // as the rule has it; empty: it has none
}

func read(master cal.Body) (*series, error) {
	tree, err := ical.Decode(master)
	if err != nil {
		return nil, err
	}
	for _, c := range tree.Children {
		if c.Name != goical.CompTimezone && c.Props.Get(goical.PropRecurrenceID) == nil {
			return readMaster(c)
		}
	}
	return nil, errors.New("there is no series in the text")
}

func readMaster(c *goical.Component) (*series, error) {
	start, rules := c.Props.Get(goical.PropDateTimeStart), c.Props.Values(goical.PropRecurrenceRule)
	switch {
	case start == nil:
		return nil, errors.New("it has no DTSTART")
	case len(rules) == 0:
		return nil, errors.New("it has no RRULE")
	case len(rules) > 1, c.Props.Get("EXRULE") != nil:
		return nil, errors.New("it has more than one rule, which cannot be counted")
	}
	s := &series{rule: strings.ToUpper(strings.TrimSpace(rules[0].Value))}
	err := s.readStart(strings.ToUpper(strings.TrimSpace(start.Value)), start.Params.Get(goical.PropTimezoneID))
	if err == nil && s.start.Year() < 1 {
		err = errors.New("its DTSTART is before the year 1")
	}
	return s, err
}

const (
	dateForm    = "20060102"
	wallForm    = "20060102T150405"
	instantForm = "20060102T150405Z"
)

func (s *series) readStart(value, tzid string) (err error) {
	s.form = wallForm
	switch {
	case len(value) == len(dateForm):
		s.form = dateForm
	case strings.HasSuffix(value, "Z"):
		s.form = instantForm
	case tzid != "":
		iana, known := ical.Zone(tzid)
		if !known {
			return fmt.Errorf("nobody knows the time zone %q", tzid)
		}
		if s.home, err = time.LoadLocation(iana); err != nil {
			return fmt.Errorf("the rules of the time zone %s are not on this machine: %w", iana, err)
		}
		s.start, err = time.Parse(wallForm, value)
		s.form = instantForm
		return err
	}
	s.start, err = time.Parse(s.form, value)
	return err
}

func (s *series) before(at string) (int, error) {
	r, err := s.normal()
	if err != nil {
		return 0, err
	}
	if s.ended(at) {
		return 0, ErrNoInstance
	}
	n := 0
	for wall := range s.walls(r) {
		key := s.key(wall)
		switch {
		case key == at:
			return n, nil
		case key > at, r.Count > 0 && n+1 >= r.Count:
			return 0, ErrNoInstance
		case n == most:
			return 0, fmt.Errorf("there are more than %d", most)
		}
		n++
	}
	return 0, ErrNoInstance
}

// ended reports whether the rule ended before the instance. UNTIL may be a date, and the instance a time, or the other way round: real
// calendars have both.
func (s *series) ended(at string) bool {
	n := min(len(at), len(s.until))
	return n >= len(dateForm) && at[:n] > s.until[:n]
}

// key is the instance as cal.Object.RecurrenceID has it.
func (s *series) key(wall time.Time) string {
	if s.home != nil {
		wall = ical.Resolve(wall, s.home).UTC()
	}
	return wall.Format(s.form)
}
