package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// rounds bounds how often one run pushes and pulls a calendar: a merge found by the pull is pushed in the second round and read back
// by the pull of it; somebody who edits faster than that is met again by the next run.
const rounds = 3

// calendar syncs one calendar: push, then pull, again while the pull leaves something to push.
func (w *walk) calendar(ctx context.Context, c cal.Calendar) error {
	v := &visit{walk: w, calendar: c}
	v.begin()
	var err error
	for range rounds {
		var again bool
		if again, err = v.round(ctx); err != nil || !again {
			break
		}
	}
	v.end(plainly(ctx, errors.Join(err, v.left(context.WithoutCancel(ctx)))))
	w.runs = append(w.runs, v.run)
	return err
}

// visit is one sync of one calendar.
type visit struct {
	*walk
	calendar cal.Calendar
	run      Run
	requests int
	bytes    int64
	pushed   bool // something was sent, so the remote's mark is no longer the one listed
	pulled   bool
	asked    time.Time // when the last pull began: what somebody does at the remote after it is not seen yet
	refused  error     // the first edit that the remote refused in this visit
	done     int
}

func (v *visit) begin() {
	v.run = Run{Account: v.account.ID, Calendar: v.calendar.ID, Name: v.calendar.Name, Mode: v.Mode, started: v.Clock()}
	v.requests, v.bytes = v.provider.Usage()
}

func (v *visit) end(err error) {
	requests, bytes := v.provider.Usage()
	v.run.Requests, v.run.Bytes = requests-v.requests, bytes-v.bytes
	v.run.Seconds = v.Clock().Sub(v.run.started).Seconds()
	if err != nil {
		v.run.Trouble = trouble(err)
	}
}

// left counts the edits that stay here. One that was refused just now is trouble worth an exit code; later runs only count it.
func (v *visit) left(ctx context.Context) error {
	if v.Mode == Check || v.calendar.ID == "" {
		return nil
	}
	err := v.Store.Read(ctx, func(tx *store.Tx) error {
		var next time.Time
		var err error
		v.run.Pending, v.run.Refused, next, err = tx.Pending(v.calendar.ID)
		if !next.IsZero() {
			v.run.NextTry = &next
		}
		return err
	})
	if err == nil && v.run.Pending > 0 && v.calendar.Access != cal.AccessWrite {
		return v.strand(ctx)
	}
	if err == nil && v.writesRest() && v.run.Pending > 0 {
		until := v.account.WritesUntil
		v.run.NextTry = &until
		return fmt.Errorf("the remote takes no changes of this account before %s; %d wait here", until.UTC().Format(time.RFC3339), v.run.Pending)
	}
	if err == nil && v.refused != nil && v.run.Refused > 0 {
		err = fmt.Errorf("%d of our edits refused; the first: %w", v.run.Refused, v.refused)
	}
	return err
}

// strand marks the edits of a calendar that may no longer be written. They stay, and are sent when it may be again.
func (v *visit) strand(ctx context.Context) error {
	why := fmt.Errorf("%w now: %d edits wait here. Ask its owner for the right to make changes, or take the edits back", cal.ErrReadOnly, v.run.Pending)
	v.run.Pending, v.run.Refused, v.run.NextTry = 0, v.run.Refused+v.run.Pending, nil
	err := v.write(ctx, func(tx *store.Tx) error { return tx.Block(v.calendar.ID, cal.ReadOnly, why.Error()) })
	return errors.Join(why, err)
}

// round is one push and one pull. It reports whether the pull left something that can be pushed at once.
func (v *visit) round(ctx context.Context) (again bool, err error) {
	todo, err := v.look(ctx)
	if err != nil {
		return false, err
	}
	if v.Mode == Check {
		return false, v.check(ctx, todo)
	}
	// A CalDAV server refuses a UID that is there already, or both are found by the pull. Google names events by our id, and a second event
	// of one UID would be a double that everybody sees; and the etag of a series says nothing of its exceptions. So it is looked at first.
	// Nor is a create repeated before the history was asked whether it arrived and somebody has deleted it since.
	if todo.look {
		if err := v.pull(ctx, todo.read); err != nil || v.run.Held {
			return false, err
		}
	}
	if todo.push && v.calendar.State != cal.CalendarHeld {
		if err := v.push(ctx); err != nil {
			return false, err
		}
		if todo, err = v.look(ctx); err != nil {
			return false, err
		}
	}
	if !v.worthAsking(todo) {
		return false, nil
	}
	if err := v.pull(ctx, todo.read); err != nil || v.run.Held {
		return false, err
	}
	todo, err = v.look(ctx)
	return todo.push, err
}

// todo is what the store says there is to do in a calendar.
type todo struct {
	push bool       // something can be pushed now
	look bool       // but not before the remote was looked at
	read []cal.Href // resources in doubt
}

func (v *visit) look(ctx context.Context) (t todo, err error) {
	if v.calendar.ID == "" { // a check of a calendar we do not hold yet
		return t, nil
	}
	err = v.Store.Read(ctx, func(tx *store.Tx) error {
		next, err := tx.Outbox(v.calendar.ID, v.Clock(), 1)
		if err != nil {
			return err
		}
		t.push = len(next) > 0 && v.calendar.Access == cal.AccessWrite && !v.writesRest()
		if t.look, err = v.looksFirst(tx, t.push); err != nil {
			return err
		}
		t.read, err = tx.Doubtful(v.calendar.ID)
		return err
	})
	return t, err
}

func (v *visit) looksFirst(tx *store.Tx, push bool) (bool, error) {
	if !push {
		return false, nil
	}
	if repeats, err := tx.Repeats(v.calendar.ID); repeats || err != nil || !v.once() {
		return repeats && !v.pulled, err
	}
	return tx.Unguarded(v.calendar.ID, v.asked)
}

// worthAsking: most syncs find nothing, and the listing of the calendars says so already. A server that offers neither sync-token
// nor ctag has to be asked every time.
func (v *visit) worthAsking(t todo) bool {
	c := v.calendar
	switch {
	case len(t.read) > 0, v.pushed, v.Mode == Full && !v.pulled, v.auditDue() && !v.pulled:
		return true
	case v.pulled:
		return false
	case c.State == cal.CalendarHeld:
		return true
	}
	same := c.Mark != "" && c.Mark == c.Pulled || c.SyncToken != "" && c.SyncToken == c.Token
	return !same
}

// auditDue: once a day everything is listed, whatever the tokens say.
func (v *visit) auditDue() bool {
	return v.AuditEvery > 0 && !v.calendar.Audited.IsZero() && v.Clock().Sub(v.calendar.Audited) >= v.AuditEvery
}

func (v *visit) progress(n int) {
	v.done += n
	if v.Progress != nil {
		v.Progress(Progress{Account: v.account.ID, Calendar: v.calendar.ID, Name: v.calendar.Name, Done: v.done})
	}
}
