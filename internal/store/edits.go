package store

import (
	"slices"
	"time"

	"calbridge/internal/cal"
)

// Draft is what a user wants an object to be.
type Draft struct {
	Object    cal.ObjectID   // empty: a new one
	Calendar  cal.CalendarID // of a new one
	UID       string         // empty: as before
	Component string         // empty: as before
	Summary   string
	// RecurrenceID is the instance that the object is, if it is one; empty: as before.
	RecurrenceID string
	Want         cal.Version // digest, body, native; zero: to be deleted

	// Seen is the version that the user's text was made from; empty: not told. Give it wherever time may pass between showing an object
	// and storing what became of it: ErrStale then says that the user sees another one by now, and that nothing was stored.
	Seen cal.VersionID

	After  cal.ObjectID // not to be sent before this object is at the remote; empty: as before
	Notify cal.Notify   // whom the remote may mail about it
}

// Edit accepts a user's write: from here on it is kept whatever happens. It gives the object back as it is now, whole.
//
// An edit that says the same as the base takes the edit back, unless a write is still on its way that would have to be undone. Deleting
// what never reached the remote makes it a tombstone at once. Editing a tombstone brings it back, under a new name at the remote.
func (tx *Tx) Edit(d Draft) (cal.Object, error) {
	o, err := tx.drafted(d)
	if err != nil {
		return o, wrap("accept an edit", err)
	}
	if err := tx.edit(o, d); err != nil {
		return o, wrap("accept an edit of object "+string(o.ID), err)
	}
	return tx.Object(o.ID)
}

// drafted gives the object of the draft as it is so far.
func (tx *Tx) drafted(d Draft) (cal.Object, error) {
	if d.Object != "" {
		o, err := tx.Object(d.Object)
		if err == nil && d.Seen != "" && d.Seen != o.Want().ID {
			err = ErrStale
		}
		return o, err
	}
	if d.Seen != "" {
		return cal.Object{}, ErrStale
	}
	if !d.Want.Exists() {
		return cal.Object{}, ErrNotFound
	}
	if err := tx.LockCalendar(d.Calendar); err != nil {
		return cal.Object{}, err
	}
	id, err := tx.db.newID()
	o := cal.Object{ID: cal.ObjectID(id), Calendar: d.Calendar, UID: d.UID, Component: d.Component, Summary: d.Summary, RecurrenceID: d.RecurrenceID}
	if err == nil {
		err = tx.insert(`INSERT INTO objects (`+objectColumns+`)`, objectWidth, objectRow{Object: o, created: tx.now}.values(), "")
	}
	return o, err
}

func (tx *Tx) edit(o cal.Object, d Draft) error {
	was, now := o.Want(), d.Want
	dead := !o.Base.Exists() && o.Edit == nil && len(o.Sent) == 0
	var err error
	switch {
	case o.Edit == nil && was.Same(now) && (dead == !now.Exists()):
		return nil
	case !now.Exists() && !o.Base.Exists() && len(o.Sent) == 0:
		err = tx.bury(o)
	case now.Same(o.Base) && len(o.Sent) == 0:
		now.ID, err = o.Base.ID, tx.dropEdit(o.ID)
	default:
		now.ID, err = tx.setEdit(o, d, dead && o.Incarnation+len(o.Href) > 0)
	}
	if err != nil {
		return err
	}
	return tx.touched(o, was, now, d)
}

// touched brings what a listing shows up to date, and tells the feed.
func (tx *Tx) touched(o cal.Object, was, now cal.Version, d Draft) error {
	if was.Same(now) {
		return nil
	}
	_, err := tx.exec(`UPDATE objects SET updated = ? WHERE id = ?`, millis(tx.now), string(o.ID))
	if err == nil && now.Exists() {
		_, err = tx.exec(`UPDATE objects SET summary = ?, trouble = '', uid = CASE WHEN ? <> '' THEN ? ELSE uid END,
			component = CASE WHEN ? <> '' THEN ? ELSE component END, recurrence_id = CASE WHEN ? <> '' THEN ? ELSE recurrence_id END
			WHERE id = ?`, readable(d.Summary), foreign(d.UID), foreign(d.UID), foreign(d.Component), foreign(d.Component),
			foreign(d.RecurrenceID), foreign(d.RecurrenceID), string(o.ID))
	}
	if err != nil {
		return err
	}
	return tx.tellObject(o.Calendar, o.ID, was, now)
}

// setEdit writes the edit and the version it wants, and gives that version's id.
func (tx *Tx) setEdit(o cal.Object, d Draft, revive bool) (cal.VersionID, error) {
	id, err := tx.wanted(o, d.Want)
	if err != nil {
		return "", err
	}
	var rev int
	text := `UPDATE objects SET rev = rev + 1, gone = 0 WHERE id = ? RETURNING rev`
	if revive { // a name at the remote is used for one incarnation only
		text = `UPDATE objects SET rev = rev + 1, gone = 0, href = '', incarnation = incarnation + 1 WHERE id = ? RETURNING rev`
	}
	if err := tx.get(text, []any{string(o.ID)}, &rev); err != nil {
		return "", err
	}
	_, err = tx.exec(`DELETE FROM edits WHERE object = ?`, string(o.ID))
	if err != nil {
		return "", err
	}
	if d.After == "" && o.Edit != nil {
		d.After = o.Edit.After
	}
	return id, tx.putEdits(editRow(o, cal.Edit{Rev: rev, Want: cal.Version{ID: id}, At: tx.now, Due: tx.awaited(o), After: d.After, Notify: d.Notify}))
}

// arrives is how long a create whose answer was lost may still take to arrive.
const arrives = time.Minute

// awaited is until when such a create may still arrive: whatever the user wants by now, it is not sent before. What was refused meanwhile
// was to wait for longer, for another reason.
func (tx *Tx) awaited(o cal.Object) (until time.Time) {
	if o.Edit == nil || !slices.ContainsFunc(o.Sent, cal.Attempt.Create) {
		return until
	}
	until = o.Edit.Due
	if latest := tx.now.Add(arrives); o.Edit.Block != cal.Free && until.After(latest) {
		until = latest
	}
	return until
}

// wanted stores the content of an edit: in the place of what the last edit wanted when that says the same, else as a new version.
func (tx *Tx) wanted(o cal.Object, want cal.Version) (cal.VersionID, error) {
	switch {
	case !want.Exists():
		return "", nil
	case want.Same(o.Base): // whose body stays what the remote sent
		return o.Base.ID, nil
	case o.Edit != nil && o.Edit.Want.Same(want):
		return o.Edit.Want.ID, tx.refresh(o.Edit.Want.ID, want)
	}
	return tx.addVersion(o.ID, want, Local)
}

const editWidth = 11

func editRow(o cal.Object, e cal.Edit) []any {
	return []any{
		string(o.ID), string(o.Calendar), e.Rev, string(e.Want.ID), millis(e.At), e.Tries, millis(e.Due), string(e.Block), readable(e.Trouble),
		string(e.After), string(e.Notify),
	}
}

func (tx *Tx) putEdits(rows []any) error {
	return tx.insert(`INSERT INTO edits (object, calendar, rev, want, at, tries, due, block, trouble, after_object, notify)`, editWidth, rows,
		` ON CONFLICT (object) DO UPDATE SET rev = excluded.rev, want = excluded.want, at = excluded.at, tries = excluded.tries,
		due = excluded.due, block = excluded.block, trouble = excluded.trouble, after_object = excluded.after_object, notify = excluded.notify`)
}

func (tx *Tx) dropEdit(id cal.ObjectID) error {
	_, err := tx.exec(`DELETE FROM edits WHERE object = ?`, string(id))
	return err
}

// bury makes a tombstone of an object that never reached the remote.
func (tx *Tx) bury(o cal.Object) error {
	if err := tx.dropEdit(o.ID); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE objects SET gone = ? WHERE id = ?`, millis(tx.now), string(o.ID))
	return err
}

// Failure is what became of sending an edit.
type Failure struct {
	Tries   int
	Due     time.Time
	Block   cal.Block
	Trouble string
}

// EditTrouble notes why an edit was not granted. It touches only the revision that was sent: a newer one starts afresh.
func (tx *Tx) EditTrouble(id cal.ObjectID, rev int, f Failure) error {
	_, err := tx.exec(`UPDATE edits SET tries = ?, due = ?, block = ?, trouble = ? WHERE object = ? AND rev = ?`,
		f.Tries, millis(f.Due), string(f.Block), readable(f.Trouble), string(id), rev)
	return wrap("note why the edit of object "+string(id)+" failed", err)
}

// Block keeps back every edit of a calendar that is not kept back yet, and says why.
func (tx *Tx) Block(calendar cal.CalendarID, reason cal.Block, trouble string) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE edits SET block = ?, trouble = ? WHERE calendar = ? AND block = ''`, string(reason), readable(trouble), string(calendar))
	return wrap("keep the edits back", err)
}

// Retry frees the edits of a calendar that were held back, and are due.
func (tx *Tx) Retry(calendar cal.CalendarID) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE edits SET block = '', tries = 0, due = 0 WHERE calendar = ? AND block <> '' AND due <= ?`, string(calendar), millis(tx.now))
	return wrap("free the blocked edits", err)
}

// Unblock frees the edits of a calendar that were held back for the reason.
func (tx *Tx) Unblock(calendar cal.CalendarID, reason cal.Block) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE edits SET block = '', tries = 0, due = 0 WHERE calendar = ? AND block = ?`, string(calendar), string(reason))
	return wrap("free the blocked edits", err)
}
