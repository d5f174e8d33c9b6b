package google

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"calbridge/internal/cal"
	"calbridge/internal/event"
)

// Here is what ends a pull: events read by name, exceptions whose series the answer did not hold, and what goes with a series that is gone.

const (
	lanes      = 4   // requests at once
	sampleSize = 100 // of what a complete list lacks, asked for by name before the list is believed
)

// askByName reads what was asked for and not told, what the answer contradicts itself about, and what a complete list lacks.
func (p *pull) askByName() error {
	if p.asked[noName] {
		p.absent[noName] = true
	}
	if _, err := p.name(slices.Concat(p.untold(p.ask.Read), p.contradictory())); err != nil {
		return err
	}
	missing := p.untold(sortedKeys(p.known))
	for part := range slices.Chunk(missing, sampleSize) {
		found, err := p.name(part)
		if err != nil {
			return err
		}
		if found == 0 { // the list is believed about the rest as well
			break
		}
	}
	for _, h := range p.untold(missing) {
		p.absent[h] = true
	}
	return nil
}

func sortedKeys[V any](m map[cal.Href]V) []cal.Href { return slices.Sorted(maps.Keys(m)) }

// untold are those of the hrefs, each once, that nothing was learned about.
func (p *pull) untold(hrefs []cal.Href) (left []cal.Href) {
	for _, h := range hrefs {
		if !p.told[h] && !p.absent[h] {
			left = append(left, h)
		}
	}
	slices.Sort(left)
	return slices.Compact(left)
}

// contradictory are exceptions listed as alive of a series that is listed as gone: one is older than the other.
func (p *pull) contradictory() (hrefs []cal.Href) {
	for h, series := range p.parts {
		if p.removed[series] {
			hrefs = append(hrefs, h)
		}
	}
	return hrefs
}

// name reads events by name, and tells how many of them are there.
func (p *pull) name(hrefs []cal.Href) (alive int, err error) {
	items := make([]item, len(hrefs))
	g, ctx := errgroup.WithContext(p.ctx)
	g.SetLimit(lanes)
	for n, h := range hrefs {
		g.Go(func() (err error) {
			items[n], err = p.event(ctx, p.calendar, h)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return 0, err
	}
	var ready []item
	for _, i := range items {
		if i.err == nil && !i.cancelled() {
			alive++
		}
		if p.named(&i) {
			ready = append(ready, i)
		}
	}
	return alive, p.hand(ready)
}

// event reads one event by name. Only what concerns more than this one event is an error; the item's own error says what else went wrong.
func (c *Client) event(ctx context.Context, calendar, href cal.Href) (item, error) {
	raw, err := c.fetch(ctx, request{path: []string{"calendars", string(calendar), "events", string(href)}})
	i := item{href: href, raw: raw, err: err}
	if err == nil {
		i.read()
		i.href = href
		return i, nil
	}
	var busy cal.Busy
	if ctx.Err() != nil || errors.Is(err, cal.ErrLocked) || errors.Is(err, cal.ErrUnsent) || errors.As(err, &busy) {
		return i, fmt.Errorf("read the event %s: %w", href, err)
	}
	return i, nil
}

// named notes an event read by name, and reports whether it can be handed on now. Whether an occurrence is an exception only its series
// can tell, so it waits.
func (p *pull) named(i *item) bool {
	if missing(i.err) {
		delete(p.parts, i.href)
		delete(p.waiting, i.href)
		p.absent[i.href] = true
		return false
	}
	i.named = !p.told[i.href]
	p.note(*i)
	if i.err == nil && i.series() != "" {
		p.waiting[i.href] = *i
		return false
	}
	return p.ready(i)
}

// holdings is what we hold of the series that anything is left to be told about.
func (p *pull) holdings() (map[cal.Href]cal.Holding, error) {
	about := maps.Clone(p.removed)
	maps.Copy(about, p.absent)
	for h, i := range p.waiting {
		about[h], about[i.series()] = true, true
	}
	held := map[cal.Href]cal.Holding{}
	if len(about) == 0 {
		return held, nil
	}
	all, err := p.ask.Series(p.ctx, sorted(about))
	for _, h := range all {
		if h.Native != "" { // else the remote has never shown it
			held[h.Href] = h
		}
	}
	return held, err
}

// settle decides about the exceptions that waited, and returns those to be handed on.
func (p *pull) settle(held map[cal.Href]cal.Holding) (late []item, err error) {
	for _, h := range sortedKeys(p.waiting) {
		i := p.waiting[h]
		parent, lives := p.parent(i, held)
		i.parent = parent
		if i.cancelled() {
			if lives {
				late = append(late, i)
			} else { // of a series that is gone, or never was ours to see: it is gone with it
				p.removed[h] = true
			}
			continue
		}
		_, ours := held[h]
		if i.named && !ours && lives {
			real, err := p.excepted(p.ctx, p.calendar, i.event)
			if err != nil {
				return nil, err
			}
			if !real {
				p.absent[h] = true
				continue
			}
		}
		late = append(late, i)
	}
	return late, nil
}

// parent finds what is known of an exception's series, and whether that lives: in this answer, else in what we hold. Somebody invited to
// one occurrence has no series, only that occurrence, which keeps the UID it has here.
func (p *pull) parent(i item, held map[cal.Href]cal.Holding) (parent event.Parent, lives bool) {
	if parent, lives = p.alive[i.series()]; lives {
		return parent, true
	}
	if h, ok := held[i.series()]; ok {
		if e, err := event.Parse([]byte(h.Native)); err == nil && e.RecurringEventID == "" {
			parent = parentOf(e)
			parent.UID = h.UID
			return parent, !p.removed[i.series()] && !p.absent[i.series()]
		}
	}
	return event.Parent{UID: held[i.href].UID}, false
}

// bury removes with every series that is gone its exceptions, those we hold and those handed on just now: Google names only the series.
func (p *pull) bury(held map[cal.Href]cal.Holding) {
	parts := p.handed
	for href, h := range held {
		if e, err := event.Parse([]byte(h.Native)); err == nil && e.RecurringEventID != "" {
			parts[href] = cal.Href(e.RecurringEventID)
		}
	}
	for href, series := range parts {
		_, lives := p.parts[href]
		switch {
		case lives:
		case p.removed[series]:
			p.removed[href] = true
		case p.absent[series]:
			p.absent[href] = true
		}
	}
}
