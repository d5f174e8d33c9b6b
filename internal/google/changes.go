package google

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"calbridge/internal/cal"
	"calbridge/internal/event"
)

// Changes tells what happened in a calendar since ask.Since: what Google lists from the sync token in it on, or everything, when there is no
// token that Google takes, or when ask.Full.
//
// Every event is a resource: a series, a single event, an exception, and also a cancelled exception of a series that lives ("hide this
// occurrence"); any other cancelled event is one that is gone (discovery document, Event.status). What needs to be seen whole waits for the
// last page: an exception whose series was not in the answer so far, and everything gone. After a token's death Google names nothing that
// vanished in between, so what we hold and a complete list does not name is asked for by name.
//
// The bodies are event's; UID, Digest and the like are left to the reader. An event that cannot be read is Unread: what we hold of it
// stays, and it is asked for by name from then on. An error wraps cal.ErrGone when the calendar itself is not there.
func (c *Client) Changes(ctx context.Context, calendar cal.Calendar, ask cal.Ask) cal.Pages {
	return func(yield func(cal.Page, error) bool) {
		p := &pull{Client: c, ctx: ctx, calendar: calendar.Href, ask: ask, yield: yield, asked: map[cal.Href]bool{}}
		for _, h := range ask.Read {
			p.asked[h] = true
		}
		if err := p.run(); err != nil && !errors.Is(err, errStopped) {
			yield(cal.Page{}, fmt.Errorf("read the changes of %s: %w", calendar.Href, err))
		}
	}
}

// errStopped: whoever reads the pages wants no more.
var errStopped = errors.New("stopped by the reader")

// pull is one answer in the making.
type pull struct {
	*Client
	ctx      context.Context
	calendar cal.Href
	ask      cal.Ask
	asked    map[cal.Href]bool // ask.Read
	yield    func(cal.Page, error) bool

	whole bool                  // everything is listed
	known map[cal.Href]cal.ETag // whole: what we hold
	told  map[cal.Href]bool     // what the answer names

	alive   map[cal.Href]event.Parent // series and single events
	parts   map[cal.Href]cal.Href     // exceptions that are not cancelled, and their series
	handed  map[cal.Href]cal.Href     // exceptions handed on, and their series: whoever reads may not have stored them yet
	waiting map[cal.Href]item         // exceptions whose series has not been seen
	removed map[cal.Href]bool
	absent  map[cal.Href]bool
	unread  []cal.Unread
	next    cal.Token
}

func (p *pull) run() error {
	p.forget()
	sync := p.place(p.ask.Since)
	if sync == "" || p.ask.Full {
		return p.everything()
	}
	err := p.follow(sync)
	if err != nil && expired(err) {
		return p.everything()
	} else if err != nil {
		return err
	}
	return p.finish()
}

// everything lists all there is. When its pages die under way it begins anew, once.
func (p *pull) everything() (err error) {
	p.whole = true
	if p.known, err = p.ask.Held(p.ctx, nil); err != nil {
		return err
	}
	for try := range 2 {
		p.forget()
		if err = p.follow(""); try == 0 && errors.Is(err, errPageGone) {
			continue
		} else if err != nil {
			return err
		}
		return p.finish()
	}
	return err
}

func (p *pull) forget() {
	p.told, p.alive = map[cal.Href]bool{}, map[cal.Href]event.Parent{}
	p.parts, p.handed = map[cal.Href]cal.Href{}, map[cal.Href]cal.Href{}
	p.waiting, p.removed, p.absent, p.unread = map[cal.Href]item{}, map[cal.Href]bool{}, map[cal.Href]bool{}, nil
}

// follow takes a list to its end; sync: Google's token, empty: from the beginning.
func (p *pull) follow(sync string) error {
	ctx, cancel := context.WithCancel(p.ctx)
	defer cancel()
	query := p.frozen()
	if sync != "" {
		query.Set("syncToken", sync)
	}
	for part := range p.list(ctx, p.calendar, query) {
		switch {
		case part.err != nil:
			return part.err
		case part.last:
			p.next = p.token(part.sync)
			return nil
		}
		if err := p.take(part.items); err != nil {
			return err
		}
	}
	return context.Cause(p.ctx)
}

// take reads a part of the list and hands on what can be told already.
func (p *pull) take(items []item) error {
	eachOf(items, (*item).read)
	items = lastOf(items)
	for _, i := range items {
		p.note(i)
	}
	ready := make([]item, 0, len(items))
	for _, i := range items {
		if p.ready(&i) {
			ready = append(ready, i)
		}
	}
	return p.hand(ready)
}

// eachOf does something with every item, on all cores.
func eachOf(items []item, do func(*item)) {
	share := (len(items) + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
	var g errgroup.Group
	for part := range slices.Chunk(items, max(share, 16)) {
		g.Go(func() error {
			for i := range part {
				do(&part[i])
			}
			return nil
		})
	}
	_ = g.Wait()
}

// lastOf leaves of several versions of an event the last, which a list may hold when the event changed while it was being read.
func lastOf(items []item) []item {
	at := make(map[cal.Href]int, len(items))
	for n, i := range items {
		at[i.href] = n
	}
	if len(at) == len(items) {
		return items
	}
	var last []item
	for n, i := range items {
		if at[i.href] == n || i.href == "" {
			last = append(last, i)
		}
	}
	return last
}

// note remembers what an event tells of itself and others.
func (p *pull) note(i item) {
	if i.href == "" {
		return
	}
	p.told[i.href] = true
	delete(p.waiting, i.href)
	delete(p.removed, i.href)
	delete(p.alive, i.href)
	delete(p.parts, i.href)
	switch {
	case i.err != nil:
	case i.series() == "" && i.cancelled():
		p.removed[i.href] = true
	case i.series() == "":
		p.alive[i.href] = parentOf(i.event)
	case !i.cancelled():
		p.parts[i.href] = i.series()
	}
}

func parentOf(e event.Event) event.Parent {
	parent := event.Parent{UID: e.UID(event.Parent{})}
	if e.Start != nil {
		parent.TimeZone, parent.AllDay = e.Start.TimeZone, e.Start.Date != ""
	}
	return parent
}

// ready reports whether an event can be handed on now, and prepares it.
func (p *pull) ready(i *item) bool {
	switch {
	case i.err != nil:
		p.cannotRead(*i)
		return false
	case p.removed[i.href], p.unchanged(*i):
		return false
	case i.series() == "":
		return true
	}
	parent, seen := p.alive[i.series()]
	if i.parent = parent; !seen {
		p.waiting[i.href] = *i
	}
	return seen
}

// unchanged: what a complete list shows as we hold it is not mapped and compared again, unless it is in doubt, or was mapped by an older
// program.
func (p *pull) unchanged(i item) bool {
	etag := cal.ETag(i.event.ETag)
	return p.whole && etag != "" && p.known[i.href] == etag && !p.asked[i.href] && p.place(p.ask.Since) != ""
}

// noName stands for the id of an event that tells none. It is no event's, so there is nothing to be read by that name.
const noName = "(no id)"

func (p *pull) cannotRead(i item) {
	href := i.href
	if href == "" {
		href = noName
	}
	p.unread = append(p.unread, cal.Unread{Href: href, Reason: sentence(i.err.Error())})
}

// hand maps events and hands them on.
func (p *pull) hand(items []item) error {
	eachOf(items, func(i *item) { i.body, _, i.err = p.zones.ICal(i.event, i.parent) })
	page := cal.Page{Present: make([]cal.Resource, 0, len(items))}
	for _, i := range items {
		if i.err != nil {
			p.cannotRead(i)
			continue
		}
		if i.series() != "" {
			p.handed[i.href] = i.series()
		}
		page.Present = append(page.Present, cal.Resource{Href: i.href, Fixed: true,
			Version: cal.Version{ETag: cal.ETag(i.event.ETag), Body: i.body, Native: string(i.raw)}})
	}
	if len(page.Present) == 0 {
		return nil
	}
	return p.put(page)
}

func (p *pull) put(page cal.Page) error {
	if !p.yield(page, nil) {
		return errStopped
	}
	return nil
}

// finish tells what had to wait until the whole list was seen.
func (p *pull) finish() error {
	if err := p.askByName(); err != nil {
		return err
	}
	held, err := p.holdings()
	if err != nil {
		return err
	}
	late, err := p.settle(held)
	if err != nil {
		return err
	}
	p.bury(held)
	for part := range slices.Chunk(late, portionLength) {
		if err := p.hand(part); err != nil {
			return err
		}
	}
	return p.put(cal.Page{Removed: sorted(p.removed), Absent: sorted(p.absent), Unread: p.unread, Next: p.next, Last: true, Complete: p.whole})
}

func sorted(hrefs map[cal.Href]bool) []cal.Href {
	return slices.Sorted(maps.Keys(hrefs))
}
