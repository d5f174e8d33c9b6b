package store

import (
	"fmt"
	"time"

	"calbridge/internal/cal"
)

// Apply does what the plan says: versions, objects, edits, attempts, conflicts, notices and the feed. ErrMoved: the calendar no longer
// stands where the plan was made. The token stays; Advance moves it, in the same Write.
//
// A version without an ID that says the same as what it replaces takes its place and is no new version. A Created object without an ID
// whose href and UID are those of a tombstone is that object come back.
func (tx *Tx) Apply(p cal.Plan) error {
	if _, err := tx.at(p.Calendar, p.Since); err != nil {
		return err
	}
	a := &applying{tx: tx, calendar: p.Calendar}
	if err := a.load(p); err != nil {
		return wrap("read what the plan is about", err)
	}
	for c := range p.All() {
		if err := a.change(c); err != nil {
			return wrap(fmt.Sprintf("apply the plan to object %s %s", c.Object.ID, c.Object.Href), err)
		}
	}
	return wrap("apply the plan", a.write())
}

// applying collects the rows of a plan, so that they are written with few statements.
type applying struct {
	tx       *Tx
	calendar cal.CalendarID

	rows     map[cal.ObjectID]objectRow
	tombs    map[tomb]cal.ObjectID
	edited   map[cal.ObjectID]bool
	attempts map[cal.ObjectID][]string

	dead, live         []any // objects: the dead first, for they give up hrefs that the living may take
	renamed            []string
	versions           []any
	edits              []any
	granted            []string // objects that no longer have an edit
	closed             []string // attempts that are off the record
	judged             []cal.Attempt
	conflicts, notices []any
}

// tomb is how a resource that comes back is told from one that is new.
type tomb struct {
	href cal.Href
	uid  string
}

// change collects what becomes of one object.
func (a *applying) change(c cal.Change) error {
	row, err := a.row(c.Object)
	if err != nil {
		return err
	}
	o := c.Object
	o.ID, o.Calendar = row.ID, a.calendar
	if o.Href == "" {
		o.Base = cal.Version{}
	}
	known := known{}
	known.add(row.Base, c.Was)
	if err := a.contents(&row, &o, c.Was, known); err != nil {
		return err
	}
	if err := a.records(&row, c, known); err != nil {
		return err
	}
	a.wishes(&row, o)
	a.object(row, o, c.Was)
	if c.Copy != nil {
		if err := a.copy(*c.Copy); err != nil {
			return err
		}
	}
	return a.tx.tellObject(a.calendar, o.ID, c.Was, o.Want())
}

// contents stores the versions of the object itself.
func (a *applying) contents(row *objectRow, o *cal.Object, was cal.Version, known known) error {
	if err := a.version(row, &o.Base, Remote, known, row.Base, was); err != nil {
		return err
	}
	if o.Edit == nil {
		return nil
	}
	e := *o.Edit // the plan is the caller's
	o.Edit = &e
	if e.At.IsZero() {
		e.At = a.tx.now
	}
	if e.Want.Same(o.Base) { // whose body stays what the remote sent
		e.Want.ID = o.Base.ID
		return nil
	}
	origin := Merged
	if !o.Base.Exists() {
		origin = Local
	}
	return a.version(row, &e.Want, origin, known, was)
}

// version gives v an id. When it says the same as one of those it replaces, it takes that one's place.
func (a *applying) version(row *objectRow, v *cal.Version, origin Origin, known known, replaced ...cal.Version) error {
	if v.ID != "" || !v.Exists() {
		return nil
	}
	for _, r := range replaced {
		if r.ID != "" && r.Same(*v) {
			v.ID = r.ID
			return a.tx.refresh(v.ID, *v)
		}
	}
	return a.record(row, v, origin, known)
}

// record gives v an id: that of a version of this change that says the same, else one of its own.
func (a *applying) record(row *objectRow, v *cal.Version, origin Origin, known known) error {
	if v.ID != "" || !v.Exists() {
		return nil
	}
	if id := known[v.Digest]; id != "" {
		v.ID = id
		return nil
	}
	id, err := a.tx.db.newID()
	if err != nil {
		return err
	}
	v.ID = cal.VersionID(id)
	row.versions++
	a.versions = append(a.versions, versionRow(v.ID, row.ID, row.versions, origin, a.tx.now, *v)...)
	known.add(*v)
	return nil
}

// known are the versions of one change, by what they say.
type known map[cal.Digest]cal.VersionID

func (k known) add(versions ...cal.Version) {
	for _, v := range versions {
		if v.ID != "" && v.Exists() {
			k[v.Digest] = v.ID
		}
	}
}

// records collects the conflict and the notices.
func (a *applying) records(row *objectRow, c cal.Change, known known) error {
	if c.Conflict != nil {
		if err := a.conflict(row, *c.Conflict, known); err != nil {
			return err
		}
	}
	for _, n := range c.Notices {
		if err := a.record(row, &n.From, Local, known); err != nil {
			return err
		}
		if err := a.record(row, &n.To, Remote, known); err != nil {
			return err
		}
		id, err := a.tx.db.newID()
		if err != nil {
			return err
		}
		a.notices = append(a.notices, id, string(row.ID), string(n.Kind), string(n.From.ID), string(n.To.ID), millis(a.or(n.At)))
	}
	return nil
}

func (a *applying) conflict(row *objectRow, c cal.Conflict, known known) error {
	for _, side := range []struct {
		*cal.Version
		Origin
	}{{&c.Base, Remote}, {&c.Theirs, Remote}, {&c.Mine, Local}} {
		if err := a.record(row, side.Version, side.Origin, known); err != nil {
			return err
		}
	}
	id, err := a.tx.db.newID()
	if err != nil {
		return err
	}
	c.ID, c.Object, c.Calendar, c.At = cal.ConflictID(id), row.ID, a.calendar, a.or(c.At)
	a.conflicts = append(a.conflicts, conflictRow(c)...)
	return a.tx.tellConflict(c, Created)
}

// or is the time, or the transaction's where there is none.
func (a *applying) or(t time.Time) time.Time {
	if t.IsZero() {
		return a.tx.now
	}
	return t
}

// wishes collects what becomes of the edit and the attempts.
func (a *applying) wishes(row *objectRow, o cal.Object) {
	if o.Edit != nil {
		row.rev = max(row.rev, o.Edit.Rev)
		a.edits = append(a.edits, editRow(o, *o.Edit)...)
	} else if a.edited[o.ID] {
		a.granted = append(a.granted, string(o.ID))
	}
	kept := map[string]bool{}
	for _, s := range o.Sent {
		kept[s.ID] = true
		a.judged = append(a.judged, s)
	}
	for _, id := range a.attempts[o.ID] {
		if !kept[id] {
			a.closed = append(a.closed, id)
		}
	}
}

// object collects the object's own row.
func (a *applying) object(row objectRow, o cal.Object, was cal.Version) {
	next := objectRow{Object: o, versions: row.versions, rev: row.rev, created: row.created, updated: row.updated}
	next.Incarnation = max(o.Incarnation, row.Incarnation)
	if !o.Want().Same(was) {
		next.updated = a.tx.now
	}
	if o.Base.Exists() || o.Edit != nil || len(o.Sent) > 0 {
		if row.Href != "" && row.Href != o.Href {
			a.renamed = append(a.renamed, string(o.ID))
		}
		a.live = append(a.live, next.values()...)
		return
	}
	next.gone = a.tx.now
	if next.Href == "" {
		next.Href = row.Href // by which it is known again
	}
	a.dead = append(a.dead, next.values()...)
}

// copy collects a second object that carries the local version. Doing it twice makes no second copy: its UID follows from what it says.
func (a *applying) copy(o cal.Object) error {
	there, err := a.tx.ByUID(a.calendar, []string{o.UID})
	if err != nil || len(there) > 0 {
		return err
	}
	o.ID = ""
	if o.Edit != nil {
		e := *o.Edit
		e.Want.ID = "" // a version belongs to one object
		o.Edit = &e
	}
	return a.change(cal.Change{Object: o})
}

// write writes what was collected.
func (a *applying) write() error {
	for _, step := range []func() error{
		func() error { return a.in(`UPDATE objects SET href = '' WHERE id IN `, a.renamed) },
		func() error { return a.tx.putObjects(a.dead) },
		func() error { return a.tx.putObjects(a.live) },
		func() error { return a.tx.putVersions(a.versions) },
		func() error { return a.in(`DELETE FROM edits WHERE object IN `, a.granted) },
		func() error { return a.tx.putEdits(a.edits) },
		func() error { return a.in(`DELETE FROM attempts WHERE id IN `, a.closed) },
		a.judge,
		func() error { return a.tx.putConflicts(a.conflicts) },
		func() error {
			return a.tx.insert(`INSERT INTO notices (id, object, kind, was, became, at)`, 6, a.notices, "")
		},
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (a *applying) in(text string, ids []string) error {
	return chunked(ids, func(list string, args []any) error {
		_, err := a.tx.exec(text+list, args...)
		return err
	})
}

func (a *applying) judge() error {
	for _, s := range a.judged {
		if _, err := a.tx.exec(`UPDATE attempts SET state = ? WHERE id = ?`, string(s.State), s.ID); err != nil {
			return err
		}
	}
	return nil
}
