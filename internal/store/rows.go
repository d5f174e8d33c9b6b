package store

import (
	"time"

	"calbridge/internal/cal"
)

// objectRow is a row of objects: the object, and what only the store keeps of it. Of the base it has id, etag and digest.
type objectRow struct {
	cal.Object
	versions int // the highest number given to a version
	rev      int // the highest number given to an edit
	gone     time.Time
	created  time.Time
	updated  time.Time
}

const (
	objectColumns = `id, calendar, href, incarnation, uid, component, trouble, summary, base, base_etag, versions, rev, gone, created, updated, recurrence_id`
	objectWidth   = 16
)

func (r objectRow) values() []any {
	if r.updated.IsZero() {
		r.updated = r.created
	}
	return []any{
		string(r.ID), string(r.Calendar), foreign(r.Href), r.Incarnation, foreign(r.UID), foreign(r.Component), readable(r.Trouble), readable(r.Summary),
		string(r.Base.ID), foreign(r.Base.ETag), r.versions, r.rev, millis(r.gone), millis(r.created), millis(r.updated),
		foreign(r.RecurrenceID),
	}
}

// putObjects writes objects, new and old alike.
func (tx *Tx) putObjects(rows []any) error {
	return tx.insert(`INSERT INTO objects (`+objectColumns+`)`, objectWidth, rows, ` ON CONFLICT (id) DO UPDATE SET href = excluded.href,
		incarnation = excluded.incarnation, uid = excluded.uid, component = excluded.component, trouble = excluded.trouble,
		summary = excluded.summary, base = excluded.base, base_etag = excluded.base_etag, versions = excluded.versions, rev = excluded.rev,
		gone = excluded.gone, updated = excluded.updated, recurrence_id = excluded.recurrence_id`)
}

// load reads the rows of the objects the plan names, and the tombstones that its new objects may be.
func (a *applying) load(p cal.Plan) error {
	a.rows, a.tombs = map[cal.ObjectID]objectRow{}, map[tomb]cal.ObjectID{}
	a.edited, a.attempts = map[cal.ObjectID]bool{}, map[cal.ObjectID][]string{}
	var ids, hrefs []string
	for c := range p.All() {
		if c.Object.ID != "" {
			ids = append(ids, string(c.Object.ID))
		} else if c.Object.Href != "" {
			hrefs = append(hrefs, foreign(c.Object.Href))
		}
	}
	if err := a.loadTombs(hrefs); err != nil {
		return err
	}
	if err := a.loadRows(`o.id`, ids, ``, nil); err != nil {
		return err
	}
	return a.loadWishes(ids)
}

func (a *applying) loadTombs(hrefs []string) error {
	err := a.loadRows(`o.href`, hrefs, ` AND o.calendar = ? AND o.gone > 0`, []any{string(a.calendar)})
	for id, row := range a.rows {
		t := tomb{row.Href, row.UID}
		a.tombs[t] = max(a.tombs[t], id) // the youngest
	}
	return err
}

func (a *applying) loadRows(column string, values []string, where string, more []any) error {
	return chunked(values, func(list string, args []any) error {
		return a.tx.each(`SELECT o.id, o.href, o.incarnation, o.uid, o.base, o.base_etag, COALESCE(v.digest, ''), o.versions, o.rev,
			o.created, o.updated FROM objects o LEFT JOIN versions v ON v.id = o.base WHERE `+column+` IN `+list+where,
			append(args, more...), func(scan scan) error {
				var r objectRow
				err := scan(&r.ID, from(&r.Href), &r.Incarnation, from(&r.UID), &r.Base.ID, from(&r.Base.ETag), &r.Base.Digest,
					&r.versions, &r.rev, moment(&r.created), moment(&r.updated))
				a.rows[r.ID] = r
				return err
			})
	})
}

func (a *applying) loadWishes(ids []string) error {
	return chunked(ids, func(list string, args []any) error {
		err := a.tx.each(`SELECT object FROM edits WHERE object IN `+list, args, func(scan scan) error {
			var id cal.ObjectID
			err := scan(&id)
			a.edited[id] = true
			return err
		})
		if err != nil {
			return err
		}
		return a.tx.each(`SELECT id, object FROM attempts WHERE object IN `+list, args, func(scan scan) error {
			var id string
			var object cal.ObjectID
			err := scan(&id, &object)
			a.attempts[object] = append(a.attempts[object], id)
			return err
		})
	})
}

// row gives the row the object has so far: its own, that of its tombstone, or a new one.
func (a *applying) row(o cal.Object) (objectRow, error) {
	id := o.ID
	if id == "" && o.Href != "" {
		id = a.tombs[tomb{o.Href, o.UID}]
	}
	if id != "" {
		row, ok := a.rows[id]
		if !ok {
			return row, ErrNotFound
		}
		return row, nil
	}
	fresh, err := a.tx.db.newID()
	return objectRow{Object: cal.Object{ID: cal.ObjectID(fresh)}, created: a.tx.now}, err
}

// tellObject notes a row for the feed when what the user sees of an object changed.
func (tx *Tx) tellObject(calendar cal.CalendarID, id cal.ObjectID, was, now cal.Version) error {
	op := Updated
	switch {
	case was.Same(now):
		return nil
	case !was.Exists():
		op = Created
	case !now.Exists():
		op = Deleted
	}
	account, err := tx.owner(calendar)
	tx.tell(Change{Account: account, Calendar: calendar, Kind: ObjectChange, Op: op, Subject: string(id), Version: now.ID})
	return err
}
