package store

import (
	"time"

	"calbridge/internal/cal"
)

// Attempt puts writes on record before their first byte leaves, under the epoch of the lease. It sets their ids, times and state, and the
// ids of the versions they send. An object without a name at the remote gets the attempt's.
func (tx *Tx) Attempt(l Lease, attempts []cal.Attempt) error {
	if err := tx.Hold(l); err != nil {
		return err
	}
	objects, err := tx.wanting(attempts)
	if err != nil {
		return wrap("put writes on record", err)
	}
	var rows []any
	for i := range attempts {
		a := &attempts[i]
		o, ok := objects[a.Object]
		if !ok {
			return wrap("put a write of object "+string(a.Object)+" on record", ErrNotFound)
		}
		if err := tx.attempt(a, o); err != nil {
			return wrap("put a write of object "+string(a.Object)+" on record", err)
		}
		rows = append(rows, a.ID, string(a.Object), string(o.Calendar), foreign(a.Href), foreign(a.Match), a.Rev, string(a.Want.ID),
			string(a.State), millis(a.At), l.Epoch)
	}
	err = tx.insert(`INSERT INTO attempts (id, object, calendar, href, condition, rev, want, state, at, epoch)`, 10, rows, "")
	return wrap("put writes on record", err)
}

// wanting gives the objects of attempts with their edits.
func (tx *Tx) wanting(attempts []cal.Attempt) (map[cal.ObjectID]cal.Object, error) {
	var ids []string
	for _, a := range attempts {
		ids = append(ids, string(a.Object))
	}
	objects := make(map[cal.ObjectID]cal.Object, len(ids))
	err := chunked(ids, func(list string, args []any) error {
		some, err := tx.bare(`o.id IN `+list, args...)
		if err == nil {
			err = tx.loadEdits(some)
		}
		for _, o := range some {
			objects[o.ID] = o
		}
		return err
	})
	return objects, err
}

func (tx *Tx) attempt(a *cal.Attempt, o cal.Object) (err error) {
	if a.Want, err = tx.sending(o, a.Want); err != nil {
		return err
	}
	if a.ID, err = tx.db.newID(); err != nil {
		return err
	}
	a.State, a.At = cal.AttemptSent, tx.now
	if o.Href == "" && a.Href != "" {
		return tx.SetHref(o.ID, a.Href)
	}
	return nil
}

// sending gives the version that is sent its id. What is sent may differ from what the edit wants in what says nothing (DTSTAMP).
func (tx *Tx) sending(o cal.Object, v cal.Version) (cal.Version, error) {
	switch {
	case v.ID != "" || !v.Exists():
		return v, nil
	case o.Edit != nil && o.Edit.Want.Same(v):
		v.ID = o.Edit.Want.ID
		return v, nil
	}
	var err error
	v.ID, err = tx.addVersion(o.ID, v, Local)
	return v, err
}

// Outcome notes what became of an attempt.
func (tx *Tx) Outcome(id string, state cal.AttemptState) error {
	err := tx.one(`UPDATE attempts SET state = ? WHERE id = ?`, string(state), id)
	return wrap("note the outcome of a write", err)
}

// Believe notes that an attempt is done, whatever the remote goes on to show: no etag is like its condition any more.
func (tx *Tx) Believe(id string) error {
	err := tx.one(`UPDATE attempts SET state = ?, condition = 'moot' WHERE id = ?`, string(cal.AttemptDone), id)
	return wrap("note the outcome of a write", err)
}

// Forget takes an attempt off the record because it surely did not happen and no longer can.
func (tx *Tx) Forget(id string) error {
	_, err := tx.exec(`DELETE FROM attempts WHERE id = ?`, id)
	return wrap("forget a write", err)
}

// SetHref gives an object its name at the remote.
func (tx *Tx) SetHref(id cal.ObjectID, href cal.Href) error {
	err := tx.one(`UPDATE objects SET href = ? WHERE id = ?`, foreign(href), string(id))
	return wrap("name object "+string(id), err)
}

// Todo notes resources that were reported and could not be read. Each time one is noted again it waits twice as long, from a minute to
// a day.
func (tx *Tx) Todo(calendar cal.CalendarID, unread []cal.Unread) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	for _, u := range unread {
		if err := tx.todo(calendar, u); err != nil {
			return wrap("note an unread resource", err)
		}
	}
	return nil
}

const (
	firstWait = time.Minute
	lastWait  = 24 * time.Hour
)

func (tx *Tx) todo(calendar cal.CalendarID, u cal.Unread) error {
	var tries int
	err := tx.get(`INSERT INTO todo (calendar, href, reason, tries, due) VALUES (?, ?, ?, 1, 0)
		ON CONFLICT (calendar, href) DO UPDATE SET reason = excluded.reason, tries = todo.tries + 1 RETURNING tries`,
		[]any{string(calendar), foreign(u.Href), readable(u.Reason)}, &tries)
	if err != nil {
		return err
	}
	wait := min(firstWait<<min(tries-1, 11), lastWait)
	_, err = tx.exec(`UPDATE todo SET due = ? WHERE calendar = ? AND href = ?`, millis(tx.now.Add(wait)), string(calendar), foreign(u.Href))
	return err
}

// TodoDone takes resources off the list that have been read, or are gone.
func (tx *Tx) TodoDone(calendar cal.CalendarID, hrefs []cal.Href) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	err := chunked(foreigns(hrefs), func(list string, args []any) error {
		_, err := tx.exec(`DELETE FROM todo WHERE calendar = ? AND href IN `+list, append([]any{string(calendar)}, args...)...)
		return err
	})
	return wrap("take resources off the unread", err)
}

// Unread lists the resources of a calendar that could not be read.
func (tx *Tx) Unread(calendar cal.CalendarID) ([]cal.Unread, error) {
	var all []cal.Unread
	err := tx.each(`SELECT href, reason FROM todo WHERE calendar = ? ORDER BY href`, []any{string(calendar)}, func(scan scan) error {
		var u cal.Unread
		err := scan(from(&u.Href), &u.Reason)
		all = append(all, u)
		return err
	})
	return all, wrap("list the unread resources", err)
}
