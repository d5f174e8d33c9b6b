package engine

import (
	"context"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// check computes what a sync would do. It writes nothing, neither here nor at the remote: not even a lease is taken.
func (v *visit) check(ctx context.Context, t todo) error {
	if err := v.checkPush(ctx); err != nil {
		return err
	}
	if !v.worthAsking(t) {
		return nil
	}
	v.pulled = true
	planned := v.run
	return v.retry(ctx, func() error {
		v.run = planned
		p := &pull{visit: v, ask: v.ask(t.read)}
		return p.preview(ctx)
	})
}

// checkPush tells what would be sent. What the remote makes of it, a conflict for one, only the sync itself can tell.
func (v *visit) checkPush(ctx context.Context) error {
	if v.calendar.ID == "" {
		return nil
	}
	return v.Store.Read(ctx, func(tx *store.Tx) error {
		objects, err := tx.Outbox(v.calendar.ID, v.Clock(), 1<<30)
		for _, o := range objects {
			v.run.Plan = append(v.run.Plan, outgoing(o))
			v.run.Pushed.add(parcel{attempt: cal.Attempt{Match: o.Base.ETag, Want: o.Edit.Want}})
		}
		return err
	})
}

func outgoing(o cal.Object) Step {
	s := Step{Side: "remote", Action: "update", Object: o.ID, Href: o.Href, UID: o.UID, Title: o.Summary}
	switch {
	case !o.Edit.Want.Exists():
		s.Action = "delete"
	case !o.Base.Exists():
		s.Action = "create"
	}
	return s
}

func (p *pull) preview(ctx context.Context) error {
	for page, err := range p.provider.Changes(ctx, p.calendar, p.ask) {
		if err != nil {
			return err
		}
		for i := range page.Present {
			readBody(&page.Present[i])
		}
		page = p.withhold(page)
		if err := p.previewPage(ctx, page); err != nil {
			return err
		}
	}
	return nil
}

func (p *pull) previewPage(ctx context.Context, page cal.Page) error {
	var plan cal.Plan
	var later []cal.Resource
	var held int
	err := p.Store.Read(ctx, func(tx *store.Tx) (err error) {
		if plan, page, later, err = p.plan(tx, page); err == nil && p.calendar.ID != "" {
			held, err = tx.Count(p.calendar.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	p.count(applied{page: page, later: later, plan: plan, next: p.calendar})
	if why := p.Guard.Trips(held, reconcile.Series(plan.Deleted), page.Complete); why != "" {
		p.run.Held, p.run.Trouble = true, &why
	}
	p.list(plan)
	return nil
}

func (p *pull) list(plan cal.Plan) {
	sets := []struct {
		action string
		set    []cal.Change
	}{{"create", plan.Created}, {"update", plan.Updated}, {"delete", plan.Deleted}, {"merge", plan.Merged}}
	for _, s := range sets {
		for _, c := range s.set {
			p.run.Plan = append(p.run.Plan, incoming(s.action, c))
		}
	}
}

func incoming(action string, c cal.Change) Step {
	if c.Conflict != nil {
		action = "conflict"
	}
	o := c.Object
	return Step{Side: "local", Action: action, Object: o.ID, Href: o.Href, UID: o.UID, Title: o.Summary}
}
