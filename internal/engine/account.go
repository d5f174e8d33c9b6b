package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// walk is one sync of one account.
type walk struct {
	*Engine
	Options
	account  store.Account
	provider Provider
	lease    store.Lease
	sure     atomic.Int64 // when we last knew the lease to be ours, in Unix nanoseconds
	runs     []Run
	summary  AccountRun
}

func (w *walk) sync(ctx context.Context) {
	started := w.Clock()
	w.summary = AccountRun{ID: w.account.ID, Name: w.account.Name}
	err := plainly(ctx, w.open(ctx, w.walk))
	w.summary.Seconds = w.Clock().Sub(started).Seconds()
	w.summary.Trouble = trouble(err)
	w.summary.person = w.summary.person || errors.Is(err, cal.ErrLocked)
}

// errInterrupted is what a person calls a cancelled context.
var errInterrupted = errors.New("interrupted; the next sync goes on from here")

func plainly(ctx context.Context, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), context.Canceled) {
		return errInterrupted
	}
	return err
}

// open connects, takes the lease, and lets go of both whatever happens. A check takes no lease: it writes nothing.
func (w *walk) open(ctx context.Context, walk func(context.Context) error) (err error) {
	if err := w.mayRun(); err != nil {
		return err
	}
	if w.provider, err = w.Open(ctx, w.account); err != nil {
		return err
	}
	defer w.provider.Close()
	defer func() { w.summary.Requests, _ = w.provider.Usage() }()
	if w.Mode == Check {
		return walk(ctx)
	}
	ctx, release, err := w.takeLease(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release(err)) }()
	return walk(ctx)
}

// mayRun: an account whose credentials were refused waits for a person, one that was asked to wait waits. Trying again all the same
// is how accounts get blocked.
func (w *walk) mayRun() error {
	switch a := w.account; {
	case a.State == store.AccountLocked:
		w.summary.person = true
		if a.Provider == "google" {
			return fmt.Errorf("%w on an earlier run (%s): give consent again with `calbridge account add google --account %s`", cal.ErrLocked, a.Trouble, a.ID)
		}
		return fmt.Errorf("%w on an earlier run (%s): mend them, then `calbridge account resume %s`", cal.ErrLocked, a.Trouble, a.ID)
	case a.State == store.AccountPaused:
		return fmt.Errorf("the account is paused: `calbridge account resume %s` goes on with it", a.ID)
	case a.BusyUntil.After(w.Clock()):
		return fmt.Errorf("the remote asked to wait until %s", a.BusyUntil.UTC().Format(time.RFC3339))
	}
	return nil
}

// walk lists the calendars and syncs each. One broken calendar never stops the others, unless no use going on.
func (w *walk) walk(ctx context.Context) error {
	held, err := w.held(ctx)
	if err != nil {
		return err
	}
	listed, err := w.list(ctx, slices.ContainsFunc(held, compared))
	if err != nil {
		return err
	}
	w.tellMissing(held, listed)
	calendars, err := w.calendars(ctx, held, listed)
	if err != nil {
		return err
	}
	for _, c := range calendars {
		if err := w.calendar(ctx, c); stopsAccount(err) || ctx.Err() != nil {
			return errors.Join(err, context.Cause(ctx))
		}
	}
	w.watch(ctx, calendars)
	return nil
}

func (w *walk) held(ctx context.Context) (held []cal.Calendar, err error) {
	err = w.Store.Read(ctx, func(tx *store.Tx) error {
		held, err = tx.Calendars(w.account.ID)
		return err
	})
	return held, err
}

// compared: it was once listed whole, so that where it stands now says whether anything changed.
func compared(c cal.Calendar) bool { return !c.Audited.IsZero() }

// list asks for the calendars. Where one broken calendar keeps the server from telling the positions of all (Radicale), it is asked
// without them: every calendar is then pulled, and only the broken one fails.
func (w *walk) list(ctx context.Context, positions bool) (listed []cal.Facts, err error) {
	err = w.retry(ctx, func() error {
		listed, err = w.provider.Calendars(ctx, positions)
		return err
	})
	if err == nil || !positions || stopsAccount(err) || ctx.Err() != nil {
		return listed, err
	}
	listed, again := w.provider.Calendars(ctx, false)
	if again != nil {
		return nil, err
	}
	return listed, nil
}

// tellMissing reports the calendars that the remote does not list any more, as long as that is news.
func (w *walk) tellMissing(held []cal.Calendar, listed []cal.Facts) {
	for _, c := range held {
		there := slices.ContainsFunc(listed, func(f cal.Facts) bool { return f.Href == c.Href })
		if there || !c.Selected || c.State == cal.CalendarGone || w.Calendar != "" && w.Calendar != c.ID {
			continue
		}
		why := "the server no longer lists this calendar; what is here stays"
		w.runs = append(w.runs, Run{Account: w.account.ID, Calendar: c.ID, Name: c.Name, Mode: w.Mode, Trouble: &why, started: w.Clock()})
	}
}

// calendars brings the calendars we hold up to the listing and returns those to be synced, with the facts as listed now.
func (w *walk) calendars(ctx context.Context, held []cal.Calendar, listed []cal.Facts) ([]cal.Calendar, error) {
	held, err := w.applyCalendars(ctx, held, listed)
	if err != nil {
		return nil, err
	}
	return w.chosen(held, listed), nil
}

func (w *walk) applyCalendars(ctx context.Context, held []cal.Calendar, listed []cal.Facts) ([]cal.Calendar, error) {
	plan := reconcile.Calendars(held, listed, w.moment())
	if plan.Empty() {
		return held, nil
	}
	if w.Mode == Check {
		return withCreated(held, plan.Created), nil
	}
	err := w.write(ctx, func(tx *store.Tx) (err error) {
		if err := w.applyCalendarPlan(tx, plan); err != nil {
			return err
		}
		held, err = tx.Calendars(w.account.ID)
		return err
	})
	return held, err
}

func (w *walk) applyCalendarPlan(tx *store.Tx, plan reconcile.CalendarPlan) error {
	for _, f := range plan.Created {
		c := cal.Calendar{Account: w.account.ID, Facts: f, Selected: true, State: cal.CalendarActive}
		if _, err := tx.AddCalendar(c); err != nil {
			return err
		}
	}
	for _, c := range plan.Updated {
		if err := w.updateCalendar(tx, c); err != nil {
			return err
		}
	}
	for _, c := range plan.Deleted {
		if err := w.loseCalendar(tx, c); err != nil {
			return err
		}
	}
	return nil
}

// updateCalendar stores what the listing tells and nothing else: the user may have changed a setting since we read the calendar.
func (w *walk) updateCalendar(tx *store.Tx, c cal.Calendar) error {
	was, err := tx.Calendar(c.ID)
	if err != nil {
		return err
	}
	if was.State == cal.CalendarGone && c.State == cal.CalendarActive { // made anew: its history begins anew too
		was.Token, was.Pulled, was.Audited = "", "", time.Time{}
		if err := tx.UpdateCalendar(was); err != nil {
			return err
		}
	}
	if err := tx.SetFacts(c.ID, c.Facts); err != nil {
		return err
	}
	if was.Access != cal.AccessWrite && c.Access == cal.AccessWrite {
		if err := tx.Unblock(c.ID, cal.ReadOnly); err != nil {
			return err
		}
	}
	return tx.SetCalendarState(c.ID, c.State, c.Missing)
}

// loseCalendar notes that a calendar is gone at the remote. Its objects stay as they were; an edit that can no longer be sent becomes
// an open conflict, so that a person decides where its words belong.
func (w *walk) loseCalendar(tx *store.Tx, c cal.Calendar) error {
	stranded, err := unsent(tx, c.ID)
	if err != nil {
		return err
	}
	plan := cal.Plan{Calendar: c.ID, Since: c.Token}
	for _, o := range stranded {
		plan.Refreshed = append(plan.Refreshed, cal.Change{Was: o.Want(), Object: o, Conflict: &cal.Conflict{
			Object: o.ID, Calendar: c.ID, Kind: cal.CalendarLost, Base: o.Base, Mine: o.Edit.Want, Winner: cal.Theirs,
			Policy: c.Rules.OnConflict, Open: true, At: w.Clock(),
		}})
	}
	if err := tx.Apply(plan); err != nil {
		return err
	}
	return tx.SetCalendarState(c.ID, c.State, c.Missing)
}

// unsent are the objects with an edit, whatever keeps it here.
func unsent(tx *store.Tx, c cal.CalendarID) (all []cal.Object, err error) {
	for _, state := range []store.SyncState{store.Pending, store.Refused, store.Conflict} {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: c, State: state})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			o, err := tx.Object(row.ID)
			if err != nil {
				return nil, err
			}
			if o.Edit != nil {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// withCreated shows a check the calendars that a sync would add.
func withCreated(held []cal.Calendar, created []cal.Facts) []cal.Calendar {
	for _, f := range created {
		held = append(held, cal.Calendar{Facts: f, Selected: true, State: cal.CalendarActive})
	}
	return held
}

// chosen are the calendars to be synced: listed now, and selected or asked for by name.
func (w *walk) chosen(held []cal.Calendar, listed []cal.Facts) (chosen []cal.Calendar) {
	now := make(map[cal.Href]cal.Facts, len(listed))
	for _, f := range listed {
		now[f.Href] = f
	}
	for _, c := range held {
		f, there := now[c.Href]
		if !there || c.State == cal.CalendarGone {
			continue
		}
		if c.Facts = f; w.Calendar == c.ID || w.Calendar == "" && c.Selected && f.Access != cal.AccessFreeBusy {
			chosen = append(chosen, c)
		}
	}
	return chosen
}
