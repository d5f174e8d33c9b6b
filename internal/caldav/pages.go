package caldav

import (
	"errors"

	"calbridge/internal/cal"
)

// pages hands the answer on in parts that fit into memory, so that the engine works while we read.
type pages struct {
	yield func(cal.Page, error) bool
	page  cal.Page
	bytes int
}

const (
	pageLength = 256       // resources
	pageBytes  = 512 << 10 // of bodies
)

// errStopped: whoever reads the pages wants no more.
var errStopped = errors.New("stopped by the reader")

func (p *pages) present(r cal.Resource) error {
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

func (p *pages) absent(h cal.Href) {
	p.page.Absent = append(p.page.Absent, h)
}

func (p *pages) unread(h cal.Href, reason string) {
	p.page.Unread = append(p.page.Unread, cal.Unread{Href: h, Reason: reason})
}

// reach ends what belongs to one token: once this page is applied, the calendar stands at next.
func (p *pages) reach(next cal.Token, removed []cal.Href) error {
	p.page.Next, p.page.Removed = next, removed
	return p.flush()
}

// last ends the answer.
func (p *pages) last(next cal.Token, removed []cal.Href, complete bool) error {
	p.page.Last, p.page.Complete = true, complete
	return p.reach(next, removed)
}

func (p *pages) flush() error {
	page := p.page
	p.page, p.bytes = cal.Page{}, 0
	if !p.yield(page, nil) {
		return errStopped
	}
	return nil
}
