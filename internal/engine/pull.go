package engine

import (
	"context"
	"fmt"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// pull brings what happened at the remote, page by page. What a page names as gone waits for the last page, where the guard sees
// all of it; until then the token does not move either, so that a crash in between only means being told again.
func (v *visit) pull(ctx context.Context, read []cal.Href) error {
	err := v.retry(ctx, func() error {
		v.asked = v.Clock()
		p := &pull{visit: v, ask: v.ask(read)}
		return p.receive(ctx)
	})
	if err != nil {
		return fmt.Errorf("pull: %w", err)
	}
	v.pulled, v.pushed = true, false
	return nil
}

func (v *visit) ask(read []cal.Href) cal.Ask {
	id := v.calendar.ID // the provider asks while pages are applied, which moves v.calendar
	ask := cal.Ask{Since: v.calendar.Token, Read: read, Full: v.Mode == Full || v.auditDue()}
	ask.Held = func(ctx context.Context, hrefs []cal.Href) (held map[cal.Href]cal.ETag, err error) {
		err = v.Store.Read(ctx, func(tx *store.Tx) error {
			held, err = tx.Held(id, hrefs)
			return err
		})
		return held, err
	}
	ask.Series = func(ctx context.Context, hrefs []cal.Href) (all []cal.Holding, err error) {
		err = v.Store.Read(ctx, func(tx *store.Tx) error {
			all, err = tx.Series(id, hrefs)
			return err
		})
		return all, err
	}
	return ask
}

// pull is one answer being received.
type pull struct {
	*visit
	ask  cal.Ask
	kept cal.Page // of the pages so far: Removed and Absent, and what of Present may have moved
}

// receive lets the wire, the reading of bodies and the database work at the same time, a few pages apart.
func (p *pull) receive(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	raw, digested := make(chan answer, 1), make(chan answer, 1)
	go p.fetch(ctx, raw)
	go digest(ctx, raw, digested)
	for a := range digested {
		if a.err != nil && ctx.Err() == nil {
			return a.err
		} else if a.err != nil {
			break // what was asked for failed because nobody waits any more
		}
		if err := p.page(ctx, a.page); err != nil || p.run.Held {
			return err
		}
	}
	return context.Cause(ctx)
}

// answer is a page or the end of them.
type answer struct {
	page cal.Page
	err  error
}

func (p *pull) fetch(ctx context.Context, out chan<- answer) {
	defer close(out)
	for page, err := range p.provider.Changes(ctx, p.calendar, p.ask) {
		if !send(ctx, out, answer{page, err}) || err != nil {
			return
		}
	}
}

func digest(ctx context.Context, in <-chan answer, out chan<- answer) {
	defer close(out)
	for a := range in {
		for i := range a.page.Present {
			readBody(&a.page.Present[i])
		}
		if !send(ctx, out, a) {
			return
		}
	}
}

func send(ctx context.Context, out chan<- answer, a answer) bool {
	select {
	case out <- a:
		return true
	case <-ctx.Done():
		return false
	}
}

// readBody adds what only the text tells. A body that cannot be parsed is kept as it is, and says why.
func readBody(r *cal.Resource) {
	text := ical.Read(r.Body)
	r.UID, r.RecurrenceID, r.Component, r.Summary = text.UID, text.RecurrenceID, text.Component, text.Summary
	r.Digest, r.Modified, r.Trouble = text.Digest, text.Modified, text.Trouble
}

// page applies one page.
func (p *pull) page(ctx context.Context, page cal.Page) error {
	page = p.withhold(page)
	if p.nothing(page) {
		return nil
	}
	var outcome applied
	err := p.write(ctx, func(tx *store.Tx) (err error) {
		outcome, err = p.apply(tx, page)
		return err
	})
	if err != nil {
		return err
	}
	if outcome.held != nil {
		p.hold(*outcome.held)
		return nil
	}
	p.count(outcome)
	return nil
}

// withhold keeps back until the last page what is gone, and what only then can be told from a move; and the token with it.
func (p *pull) withhold(page cal.Page) cal.Page {
	p.kept.Removed = append(p.kept.Removed, page.Removed...)
	p.kept.Absent = append(p.kept.Absent, page.Absent...)
	page.Removed, page.Absent = nil, nil
	if page.Last {
		page.Removed, page.Absent = p.kept.Removed, p.kept.Absent
		page.Present = append(page.Present, p.kept.Present...)
	} else if len(p.kept.Removed)+len(p.kept.Absent)+len(p.kept.Present) > 0 {
		page.Next = ""
	}
	return page
}

// setAside takes off a page what turns up under an unknown name with the UID of an object we hold. Whether that object moved is known
// once everything gone has been named, which may be pages later.
func setAside(page cal.Page, held []cal.Object) (now cal.Page, later []cal.Resource) {
	if page.Last {
		return page, nil
	}
	type part struct{ uid, recurrenceID string }
	hrefs, parts := map[cal.Href]bool{}, map[part]bool{}
	for _, o := range held {
		hrefs[o.Href], parts[part{o.UID, o.RecurrenceID}] = true, true
	}
	now = page
	now.Present = nil
	for _, r := range page.Present {
		if !hrefs[r.Href] && r.UID != "" && parts[part{r.UID, r.RecurrenceID}] {
			later = append(later, r)
		} else {
			now.Present = append(now.Present, r)
		}
	}
	if len(later) > 0 {
		now.Next = ""
	}
	return now, later
}

// nothing: neither an object nor our place in the history changes.
func (p *pull) nothing(page cal.Page) bool {
	moves := page.Next != "" && page.Next != p.calendar.Token
	marks := page.Last && (p.mark() != p.calendar.Pulled || page.Complete)
	return len(page.Present)+len(page.Removed)+len(page.Absent)+len(page.Unread) == 0 && !moves && !marks
}

// mark is what the listing before this pull showed. After a push of ours it is stale, but never wrong: it costs one question more.
func (p *pull) mark() string { return p.calendar.Mark }

// applied is what a page did, counted once its transaction has committed.
type applied struct {
	page  cal.Page
	later []cal.Resource
	plan  cal.Plan
	held  *store.Run
	next  cal.Calendar
}

// apply decides and applies inside one transaction, on the objects as they are now.
func (p *pull) apply(tx *store.Tx, page cal.Page) (applied, error) {
	plan, page, later, err := p.plan(tx, page)
	if err != nil {
		return applied{}, err
	}
	if stop, err := p.guard(tx, plan, page); stop != nil || err != nil {
		return applied{held: stop}, err
	}
	if err := tx.Apply(plan); err != nil {
		return applied{}, err
	}
	if err := p.follow(tx, page); err != nil {
		return applied{}, err
	}
	next, err := p.advance(tx, page)
	return applied{page: page, later: later, plan: plan, next: next}, err
}

// plan decides about a page, but for what has to be set aside.
func (p *pull) plan(tx *store.Tx, page cal.Page) (cal.Plan, cal.Page, []cal.Resource, error) {
	held, err := touched(tx, p.calendar.ID, page)
	if err != nil {
		return cal.Plan{}, page, nil, err
	}
	page, later := setAside(page, held)
	plan := reconcile.Page(p.calendar, held, page, p.moment())
	if p.Decided != nil {
		p.Decided(p.calendar, held, page, plan)
	}
	return plan, page, later, nil
}

// touched are the objects a page may be about: those it names, and those whose UID turns up under an unknown name.
func touched(tx *store.Tx, c cal.CalendarID, page cal.Page) ([]cal.Object, error) {
	held, err := tx.ByHref(c, hrefs(page))
	if err != nil {
		return nil, err
	}
	known := make(map[cal.Href]bool, len(held))
	for _, o := range held {
		known[o.Href] = true
	}
	var uids []string
	for _, r := range page.Present {
		if !known[r.Href] && r.UID != "" {
			uids = append(uids, r.UID)
		}
	}
	twins, err := tx.ByUID(c, uids)
	for _, o := range twins {
		if !known[o.Href] || o.Href == "" {
			held = append(held, o)
		}
	}
	return held, err
}

func hrefs(page cal.Page) []cal.Href {
	all := make([]cal.Href, 0, len(page.Present)+len(page.Removed)+len(page.Absent))
	for _, r := range page.Present {
		all = append(all, r.Href)
	}
	return append(append(all, page.Removed...), page.Absent...)
}

// follow keeps the list of what has to be read again: added when it could not be read, dropped when it could.
func (p *pull) follow(tx *store.Tx, page cal.Page) error {
	if err := tx.TodoDone(p.calendar.ID, hrefs(page)); err != nil {
		return err
	}
	return tx.Todo(p.calendar.ID, page.Unread)
}

// advance moves our place in the history, in the transaction that applied everything up to it.
func (p *pull) advance(tx *store.Tx, page cal.Page) (cal.Calendar, error) {
	next, step := p.calendar, store.Progress{Since: p.calendar.Token, Next: page.Next}
	if page.Next != "" {
		next.Token = page.Next
	}
	if page.Last {
		next.Pulled, step.Pulled = p.mark(), p.mark()
	}
	if page.Last && (page.Complete || next.Audited.IsZero()) {
		next.Audited, step.Audited = p.Clock(), p.Clock()
	}
	if err := tx.Advance(p.calendar.ID, step); err != nil {
		return next, err
	}
	if page.Complete && !p.pulled && next.Access == cal.AccessWrite {
		if err := tx.Retry(next.ID); err != nil {
			return next, err
		}
	}
	return p.letGo(tx, next, page)
}

// letGo ends the guard's hold: the page that it stopped has passed, or does not come any more.
func (p *pull) letGo(tx *store.Tx, next cal.Calendar, page cal.Page) (cal.Calendar, error) {
	if !page.Last || next.State != cal.CalendarHeld {
		return next, nil
	}
	next.State = cal.CalendarActive
	if err := tx.CloseHeld(next.ID); err != nil {
		return next, err
	}
	return next, tx.SetCalendarState(next.ID, next.State, next.Missing)
}

// count counts what a committed page did.
func (p *pull) count(a applied) {
	page := a.page
	p.kept.Present = append(p.kept.Present, a.later...)
	p.run.Unreadable += len(page.Unread)
	for _, r := range page.Present {
		if r.Trouble != "" {
			p.run.Unreadable++
		}
	}
	p.run.Complete = p.run.Complete || page.Complete
	p.run.Pulled.Created += len(a.plan.Created)
	p.run.Pulled.Updated += len(a.plan.Updated) + len(a.plan.Merged)
	p.run.Pulled.Deleted += len(a.plan.Deleted)
	p.run.Merged += len(a.plan.Merged)
	for c := range a.plan.All() {
		if c.Conflict != nil {
			p.run.Conflicts++
		}
	}
	p.calendar = a.next
	p.progress(len(page.Present) + len(page.Removed) + len(page.Absent))
}
