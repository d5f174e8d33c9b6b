package store_test

import (
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

func (w *world) held() (c cal.Calendar) {
	w.Helper()
	w.read(func(tx *store.Tx) (err error) {
		c, err = tx.Calendar(w.calendar)
		return err
	})
	return c
}

// What a sync writes of a calendar leaves alone what a person set meanwhile, and the other way round.
func TestNarrowCalendarUpdates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		stale := w.held() // what a sync read before the person came
		w.write(func(tx *store.Tx) error {
			c, err := tx.Calendar(w.calendar)
			if err != nil {
				return err
			}
			c.Selected, c.Rules = false, cal.Rules{OnConflict: cal.Manual}
			return tx.UpdateCalendar(c)
		})
		missing := w.clock()
		w.write(func(tx *store.Tx) error { return tx.SetCalendarState(w.calendar, cal.CalendarHeld, missing) })
		now := w.held()
		equal(t, "state", []any{now.State, now.Missing, now.Selected, now.Rules.OnConflict}, []any{cal.CalendarHeld, missing, false, cal.Manual})

		var after int64
		w.news(&after)
		facts := stale.Facts
		facts.Mark = "9"
		w.write(func(tx *store.Tx) error { return tx.SetFacts(w.calendar, facts) })
		w.told(&after) // where the contents stand is nothing a user sees
		facts.Name = "Office"
		w.write(func(tx *store.Tx) error { return tx.SetFacts(w.calendar, facts) })
		w.told(&after, "calendar updated")
		now = w.held()
		equal(t, "facts", now.Facts, facts)
		equal(t, "the rest", []any{now.State, now.Missing, now.Selected, now.Rules.OnConflict}, []any{cal.CalendarHeld, time.Time{}, false, cal.Manual})

		w.write(func(tx *store.Tx) error { return tx.SetCalendarState(w.calendar, cal.CalendarHeld, missing) })
		w.told(&after)
		w.write(func(tx *store.Tx) error { return tx.SetCalendarState(w.calendar, cal.CalendarActive, time.Time{}) })
		w.told(&after, "calendar updated")
		w.refused(store.ErrNotFound, func(tx *store.Tx) error { return tx.SetFacts("none", facts) })
		w.refused(store.ErrNotFound, func(tx *store.Tx) error { return tx.SetCalendarState("none", cal.CalendarHeld, missing) })
	})
}

func (w *world) stopped(guard string) (r store.Run) {
	w.Helper()
	w.write(func(tx *store.Tx) (err error) {
		r, err = tx.AddRun(store.Run{Account: w.account, Calendar: w.calendar, State: store.RunHeld, Guard: guard})
		return err
	})
	return r
}

func (w *world) approve(r store.Run) {
	w.Helper()
	w.write(func(tx *store.Tx) error { return tx.ApproveRun(r.ID) })
}

func (w *world) useApproval(guard string) (yes bool) {
	w.Helper()
	w.write(func(tx *store.Tx) (err error) {
		yes, err = tx.UseApproval(w.calendar, guard)
		return err
	})
	return yes
}

func (w *world) state(r store.Run) store.RunState {
	w.Helper()
	w.read(func(tx *store.Tx) (err error) {
		r, err = tx.Run(r.ID)
		return err
	})
	return r.State
}

// A yes to one deletion is no yes to the same deletion next month.
func TestApprovalIsUsedUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.stopped("set")
		equal(t, "not approved yet", w.useApproval("set"), false)
		w.approve(r)
		equal(t, "another set", w.useApproval("another"), false)
		equal(t, "approved", w.useApproval("set"), true)
		equal(t, "state", w.state(r), store.RunDone)
		equal(t, "used up", w.useApproval("set"), false)
	})
}

// A question that answered itself is closed, and so is a yes that nobody needed: both were about what was there then.
func TestCloseHeld(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		open, yes := w.stopped("one"), w.stopped("two")
		w.approve(yes)
		other := w.calendar
		w.calendar = w.addCalendar(w.account, "/alice/home/")
		elsewhere := w.stopped("one")
		w.write(func(tx *store.Tx) error { return tx.CloseHeld(other) })
		equal(t, "states", []any{w.state(open), w.state(yes), w.state(elsewhere)}, []any{store.RunDone, store.RunDone, store.RunHeld})
	})
}
