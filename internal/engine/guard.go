package engine

import (
	"fmt"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// guard stops a page that would delete more than a server's fault should be able to. Nothing of the page is applied and the token
// stays, so every later run meets the same question, until it answers itself or a person has approved just this set.
func (p *pull) guard(tx *store.Tx, plan cal.Plan, page cal.Page) (*store.Run, error) {
	if len(plan.Deleted) == 0 {
		return nil, nil
	}
	held, err := tx.Count(p.calendar.ID)
	if err != nil {
		return nil, err
	}
	why := p.Guard.Trips(held, reconcile.Series(plan.Deleted), page.Complete)
	if why == "" {
		return nil, nil
	}
	set := reconcile.Fingerprint(plan.Deleted)
	if approved, err := tx.UseApproval(p.calendar.ID, set); approved || err != nil {
		return nil, err
	}
	return p.holdBack(tx, why, set, plan.Deleted)
}

// holdBack stores the run that waits for a person; the same question asked again is the same run.
func (p *pull) holdBack(tx *store.Tx, why, set string, deleted []cal.Change) (*store.Run, error) {
	waiting, err := tx.Runs(store.RunFilter{Calendar: p.calendar.ID, State: store.RunHeld})
	if err != nil {
		return nil, err
	}
	for _, r := range waiting {
		if r.Guard == set {
			return &r, nil
		}
	}
	r := store.Run{Account: p.account.ID, Calendar: p.calendar.ID, Mode: string(p.Mode), State: store.RunHeld,
		Trouble: why, Guard: set, Started: p.run.started}
	for _, c := range deleted {
		r.Held = append(r.Held, c.Object.ID)
	}
	if r, err = tx.AddRun(r); err != nil {
		return nil, err
	}
	if p.calendar.State == cal.CalendarHeld {
		return &r, nil
	}
	return &r, tx.SetCalendarState(p.calendar.ID, cal.CalendarHeld, p.calendar.Missing)
}

// hold ends the visit: the calendar waits for a person.
func (p *pull) hold(r store.Run) {
	why := fmt.Sprintf("held back: %s; if that is right, `calbridge approve %s`", r.Trouble, r.ID)
	p.run.ID, p.run.Held, p.run.Trouble = r.ID, true, &why
	p.calendar.State = cal.CalendarHeld
}

// Approve notes that a person allows what the guard stopped, and says which calendar to sync. Approval holds for just that set.
func Approve(tx *store.Tx, id cal.RunID) (store.Run, error) {
	r, err := tx.Run(id)
	if err != nil {
		return r, err
	}
	switch r.State {
	case store.RunApproved:
		return r, nil
	case store.RunHeld:
		return r, tx.ApproveRun(id)
	}
	return r, fmt.Errorf("run %s is %s: only a run that is held back waits for approval", id, r.State)
}
