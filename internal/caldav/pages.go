package caldav

import (
	"errors"
	"maps"
	"slices"

	"calbridge/internal/cal"
)

// pages hands the answer on in parts that fit into memory, so that the engine works while we read. What is gone waits for the last part:
// the server answers a long history in several requests (RFC 6578 §3.6), and what one answer says is gone another may show anew.
type pages struct {
	yield func(cal.Page, error) bool
	page  cal.Page
	bytes int
	gone  map[cal.Href]departure
}

// departure is how we know that a resource is gone: by the history, by its name, or both.
type departure struct{ removed, absent bool }

const (
	pageLength = 256       // resources
	pageBytes  = 512 << 10 // of bodies
)

// errStopped: whoever reads the pages wants no more.
var errStopped = errors.New("stopped by the reader")

func (p *pages) present(r cal.Resource) error {
	delete(p.gone, r.Href)
	if p.page.Present == nil {
		p.page.Present = make([]cal.Resource, 0, pageLength)
	}
	p.page.Present = append(p.page.Present, r)
	p.bytes += len(r.Body)
	if len(p.page.Present) < pageLength && p.bytes < pageBytes {
		return nil
	}
	return p.flush()
}

// removed notes what the history names as removed.
func (p *pages) removed(hrefs []cal.Href) {
	for _, h := range hrefs {
		p.leave(h, departure{removed: true, absent: p.gone[h].absent})
	}
}

// absent notes what was asked for by name and is not there.
func (p *pages) absent(h cal.Href) {
	p.leave(h, departure{removed: p.gone[h].removed, absent: true})
}

func (p *pages) leave(h cal.Href, how departure) {
	if p.gone == nil {
		p.gone = map[cal.Href]departure{}
	}
	p.gone[h] = how
}

// revive takes back that a resource is gone: it is listed again, and has to be read. It reports whether it was gone.
func (p *pages) revive(h cal.Href) bool {
	_, was := p.gone[h]
	delete(p.gone, h)
	return was
}

func (p *pages) unread(h cal.Href, reason string) {
	p.page.Unread = append(p.page.Unread, cal.Unread{Href: h, Reason: reason})
}

// reach ends what belongs to one token: once this page is applied, the calendar stands at next. With something gone that is not told
// yet, it must not stand there.
func (p *pages) reach(next cal.Token) error {
	if len(p.gone) == 0 {
		p.page.Next = next
	}
	return p.flush()
}

// last ends the answer.
func (p *pages) last(next cal.Token, complete bool) error {
	for _, h := range slices.Sorted(maps.Keys(p.gone)) {
		if p.gone[h].removed {
			p.page.Removed = append(p.page.Removed, h)
		}
		if p.gone[h].absent {
			p.page.Absent = append(p.page.Absent, h)
		}
	}
	p.page.Next, p.page.Last, p.page.Complete = next, true, complete
	return p.flush()
}

func (p *pages) flush() error {
	page := p.page
	p.page, p.bytes = cal.Page{}, 0
	if !p.yield(page, nil) {
		return errStopped
	}
	return nil
}
