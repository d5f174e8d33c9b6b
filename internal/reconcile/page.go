package reconcile

import (
	"calbridge/internal/cal"
)

// Page decides what one page of a provider's answer means for one calendar: the created, updated and deleted sets. held is every
// object of the calendar that the page touches: by href, and by UID where the page has an href we do not know.
func Page(c cal.Calendar, held []cal.Object, page cal.Page, m Moment) cal.Plan {
	p := planner{plan: cal.Plan{Calendar: c.ID, Since: c.Token}, calendar: c, Moment: m, held: index(held), moved: map[cal.Href]bool{}}
	p.told = make(map[cal.Href]bool, len(page.Present))
	p.moves(page)
	for _, r := range page.Present {
		if p.first(r.Href) {
			p.present(r)
		}
	}
	for _, h := range page.Removed {
		if p.first(h) {
			p.gone(h, true)
		}
	}
	for _, h := range page.Absent {
		if p.first(h) {
			p.gone(h, false)
		}
	}
	return p.plan
}

// first: what a page says twice is decided once. A body in hand says more than a name on a list.
func (p *planner) first(h cal.Href) bool {
	again := p.told[h]
	p.told[h] = true
	return !again
}

// planner sorts decisions into the sets of a plan.
type planner struct {
	Moment
	calendar cal.Calendar
	held     holdings
	told     map[cal.Href]bool
	moved    map[cal.Href]bool // where an object has a new name: that is news, whatever the etag
	plan     cal.Plan
}

// holdings finds what we hold by name, and by UID what may turn up under another name.
type holdings struct {
	byHref map[cal.Href]*cal.Object
	byPart map[part]*cal.Object
}

// part is what an object is, whatever its name: a series, or an instance of one that is a resource of its own.
type part struct{ uid, recurrenceID string }

func index(held []cal.Object) holdings {
	h := holdings{make(map[cal.Href]*cal.Object, len(held)), make(map[part]*cal.Object, len(held))}
	for i := range held {
		o := &held[i]
		if o.Href != "" {
			h.byHref[o.Href] = o
		}
		if o.UID != "" {
			h.byPart[part{o.UID, o.RecurrenceID}] = o
		}
	}
	return h
}

// moves follows an object to its new href: the old one is gone and the UID turns up under another, or it is ours and was refused
// because the remote has the UID already. Identity and a pending edit go along.
func (p *planner) moves(page cal.Page) {
	gone := map[cal.Href]bool{}
	for _, set := range [][]cal.Href{page.Removed, page.Absent} {
		for _, h := range set {
			gone[h] = true
		}
	}
	moved := map[part]bool{}
	for _, r := range page.Present {
		is := part{r.UID, r.RecurrenceID}
		o := p.held.byPart[is]
		if r.UID == "" || o == nil || moved[is] || p.held.byHref[r.Href] != nil {
			continue
		}
		if gone[o.Href] || neverArrived(*o) {
			p.move(*o, r.Href)
			moved[is] = true
		}
	}
}

func (p *planner) move(o cal.Object, to cal.Href) {
	delete(p.held.byHref, o.Href)
	p.moved[to] = true
	o.Href = to
	p.held.byHref[to] = &o
}

// neverArrived: the remote has never shown the object, and as far as was seen no request of ours has made it.
func neverArrived(o cal.Object) bool {
	for _, a := range o.Sent {
		if a.State != cal.AttemptRefused && a.State != cal.AttemptLate {
			return false
		}
	}
	return !o.Base.Exists() && o.Edit != nil
}

func (p *planner) present(r cal.Resource) {
	o, known := p.held.byHref[r.Href]
	switch {
	case !known:
		p.created(r)
	case !r.Fixed && o.UID != "" && r.UID != "" && o.UID != r.UID:
		p.replaced(*o, r)
	case !p.moved[r.Href] && unchanged(*o, r):
	default:
		p.decided(*o, Sighting{Resource: r})
	}
}

// unchanged: the echo of what we know already, the common case of a complete listing.
func unchanged(o cal.Object, r cal.Resource) bool {
	return len(o.Sent) == 0 && r.ETag != "" && o.Base.ETag == r.ETag && o.Base.Same(r.Version)
}

func (p *planner) created(r cal.Resource) {
	o := cal.Object{Calendar: p.calendar.ID, Href: r.Href, UID: r.UID, RecurrenceID: r.RecurrenceID}
	c := Object(o, Sighting{Resource: r}, p.calendar.Rules, p.Moment)
	if twin := p.held.byPart[part{r.UID, r.RecurrenceID}]; r.UID != "" && twin != nil {
		c.Notices = append(c.Notices, cal.Notice{Kind: cal.UIDDuplicate, From: twin.Want(), To: r.Version, At: p.Now})
	}
	p.plan.Created = append(p.plan.Created, c)
}

// replaced: the href holds another object now. RFC 6578 §3.5.1 reports remove + add between two reports as a change, so the UID is
// compared; an edit of the old object never lands on the new one.
func (p *planner) replaced(o cal.Object, r cal.Resource) {
	p.decided(o, Sighting{Resource: cal.Resource{Href: o.Href}, Removed: true})
	p.created(r)
}

func (p *planner) gone(h cal.Href, removed bool) {
	if o, known := p.held.byHref[h]; known {
		p.decided(*o, Sighting{Resource: cal.Resource{Href: h}, Removed: removed})
	}
}

// decided puts a decision where it belongs: by what the user sees before and after, and by what is left to push.
func (p *planner) decided(o cal.Object, s Sighting) {
	c := Object(o, s, p.calendar.Rules, p.Moment)
	set := &p.plan.Refreshed
	switch is := c.Object.Want(); {
	case c.Was.Same(is) && o.Edit != nil && c.Object.Edit == nil:
		set = &p.plan.Settled
	case c.Was.Same(is):
	case !is.Exists():
		set = &p.plan.Deleted
	case !c.Was.Exists():
		set = &p.plan.Created
	case c.Object.Edit != nil:
		set = &p.plan.Merged
	default:
		set = &p.plan.Updated
	}
	*set = append(*set, c)
}
