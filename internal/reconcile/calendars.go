package reconcile

import (
	"time"

	"calbridge/internal/cal"
)

// CalendarPlan is what a listing of an account's calendars changes.
type CalendarPlan struct {
	Created []cal.Facts
	Updated []cal.Calendar // as they are to be
	Deleted []cal.Calendar // as they are to be
}

// Empty reports whether the listing changes nothing.
func (p CalendarPlan) Empty() bool { return len(p.Created)+len(p.Updated)+len(p.Deleted) == 0 }

// patience is how long a calendar must be missing from the listings before it counts as deleted at the remote.
const patience = 10 * time.Minute

// Calendars compares the calendars held with those listed. One listing that lacks a calendar proves little: it has to be missing
// for ten minutes. A listing that names none at all proves nothing: it is more likely a server that lost its mind.
func Calendars(held []cal.Calendar, listed []cal.Facts, m Moment) CalendarPlan {
	var p CalendarPlan
	byHref := make(map[cal.Href]cal.Facts, len(listed))
	for _, f := range listed {
		byHref[f.Href] = f
	}
	for _, c := range held {
		f, there := byHref[c.Href]
		delete(byHref, c.Href)
		if there {
			p.listed(c, f)
		} else if len(listed) > 0 {
			p.missing(c, m.Now)
		}
	}
	for _, f := range listed {
		if _, unknown := byHref[f.Href]; unknown {
			p.Created = append(p.Created, f)
		}
	}
	return p
}

func (p *CalendarPlan) listed(c cal.Calendar, f cal.Facts) {
	if c.State != cal.CalendarGone && c.Missing.IsZero() && c.Described(f) {
		return
	}
	c.Facts, c.Missing = f, time.Time{}
	if c.State == cal.CalendarGone { // made anew under the same URL: what we remember of its history is void
		c.State, c.Token, c.Pulled = cal.CalendarActive, "", ""
	}
	p.Updated = append(p.Updated, c)
}

func (p *CalendarPlan) missing(c cal.Calendar, now time.Time) {
	switch {
	case c.State == cal.CalendarGone:
	case c.Missing.IsZero():
		c.Missing = now
		p.Updated = append(p.Updated, c)
	case now.Sub(c.Missing) >= patience:
		c.State = cal.CalendarGone
		p.Deleted = append(p.Deleted, c)
	}
}
