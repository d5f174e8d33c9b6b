package store

import (
	"strconv"
	"time"

	"calbridge/internal/cal"
)

// ByHref gives the objects that live at the hrefs; those without one are left out. Bodies are there only of objects that have an edit or
// an attempt: for the others the digest is enough to decide.
func (tx *Tx) ByHref(calendar cal.CalendarID, hrefs []cal.Href) ([]cal.Object, error) {
	return tx.within(calendar, `href`, foreigns(hrefs))
}

// ByUID gives the objects that live under the UIDs, with bodies as ByHref.
func (tx *Tx) ByUID(calendar cal.CalendarID, uids []string) ([]cal.Object, error) {
	return tx.within(calendar, `uid`, foreigns(uids))
}

func (tx *Tx) within(calendar cal.CalendarID, column string, values []string) ([]cal.Object, error) {
	if err := tx.LockCalendar(calendar); err != nil {
		return nil, err
	}
	var all []cal.Object
	err := chunked(values, func(list string, args []any) error {
		some, err := tx.objects(`o.gone = 0 AND o.calendar = ? AND o.`+column+` <> '' AND o.`+column+` IN `+list, append([]any{string(calendar)}, args...)...)
		all = append(all, some...)
		return err
	})
	return all, wrap("read objects by "+column, err)
}

// Object gives one object with all its bodies, a tombstone too. In a Write it also takes the account's row.
func (tx *Tx) Object(id cal.ObjectID) (cal.Object, error) {
	if err := tx.lockObject(id); err != nil {
		return cal.Object{}, err
	}
	all, err := tx.objects(`o.id = ?`, string(id))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err == nil {
		err = tx.loadBases(all, func(cal.Object) bool { return true })
	}
	if err != nil {
		return cal.Object{}, wrap("read object "+string(id), err)
	}
	return all[0], nil
}

// lockObject is Lock for the account that the object belongs to.
func (tx *Tx) lockObject(id cal.ObjectID) error {
	if !tx.writes || tx.db.lock == "" {
		return nil
	}
	var calendar cal.CalendarID
	if err := tx.get(`SELECT calendar FROM objects WHERE id = ?`, []any{string(id)}, &calendar); err != nil {
		return wrap("find object "+string(id), err)
	}
	return tx.LockCalendar(calendar)
}

// Held gives the base etags of the hrefs, or of the whole calendar when hrefs is nil. An object in doubt, or whose etag we were never
// told, has an empty one, which is like no etag of the remote, so that it is read.
func (tx *Tx) Held(calendar cal.CalendarID, hrefs []cal.Href) (map[cal.Href]cal.ETag, error) {
	held := make(map[cal.Href]cal.ETag, len(hrefs))
	if hrefs == nil {
		err := tx.held(held, ``, string(calendar))
		return held, wrap("read the etags held", err)
	}
	err := chunked(foreigns(hrefs), func(list string, args []any) error {
		return tx.held(held, ` AND o.href IN `+list, append([]any{string(calendar)}, args...)...)
	})
	return held, wrap("read the etags held", err)
}

func (tx *Tx) held(into map[cal.Href]cal.ETag, where string, args ...any) error {
	text := `SELECT o.href, CASE WHEN ` + inDoubt + ` THEN '' ELSE o.base_etag END FROM objects o
		WHERE o.calendar = ? AND o.gone = 0 AND o.href <> '' AND (o.base <> '' OR ` + inDoubt + `)` + where
	return tx.each(text, args, func(scan scan) error {
		var href cal.Href
		var etag cal.ETag
		err := scan(from(&href), from(&etag))
		into[href] = etag
		return err
	})
}

// inDoubt is cal.Object.Doubtful as SQL.
const inDoubt = `EXISTS (SELECT 1 FROM attempts a WHERE a.object = o.id AND a.state <> 'late')`

// Series gives what we hold of the series that the hrefs are part of: these objects and every other of the calendar with their UID.
func (tx *Tx) Series(calendar cal.CalendarID, hrefs []cal.Href) ([]cal.Holding, error) {
	var all []cal.Holding
	err := chunked(foreigns(hrefs), func(list string, args []any) error {
		return tx.each(`SELECT o.href, o.base_etag, o.uid, o.recurrence_id, v.native FROM objects o LEFT JOIN versions v ON v.id = o.base
			WHERE o.calendar = ? AND o.gone = 0 AND o.href <> '' AND o.uid IN
			(SELECT s.uid FROM objects s WHERE s.calendar = ? AND s.gone = 0 AND s.uid <> '' AND s.href IN `+list+`)`,
			append([]any{string(calendar), string(calendar)}, args...), func(scan scan) error {
				var h cal.Holding
				err := scan(from(&h.Href), from(&h.ETag), from(&h.UID), from(&h.RecurrenceID), bytes(&h.Native))
				all = append(all, h)
				return err
			})
	})
	return all, wrap("read a series", err)
}

// SeriesHref is where the series itself, not one of its exceptions, lives at the remote; empty: nowhere yet.
func (tx *Tx) SeriesHref(calendar cal.CalendarID, uid string) (href cal.Href, err error) {
	err = tx.get(`SELECT href FROM objects WHERE calendar = ? AND uid = ? AND recurrence_id = '' AND gone = 0 AND href <> '' AND base <> ''
		ORDER BY id LIMIT 1`, []any{string(calendar), foreign(uid)}, from(&href))
	if err == ErrNotFound {
		return "", nil
	}
	return href, wrap("find a series", err)
}

// Count tells how many objects of the calendar are at the remote, as far as we know. A series counts once, however many exceptions of
// it are objects of their own.
func (tx *Tx) Count(calendar cal.CalendarID) (int, error) {
	var n int
	err := tx.get(`SELECT count(DISTINCT CASE WHEN uid = '' THEN id ELSE uid END) FROM objects WHERE calendar = ? AND gone = 0 AND base <> ''`, []any{string(calendar)}, &n)
	return n, wrap("count objects", err)
}

// Outbox gives the objects whose edit may be sent now, the oldest edit first, with all their bodies. Objects in doubt are not among them:
// they have to be read first. Nor are those that wait for what another object wants to have arrived at the remote.
func (tx *Tx) Outbox(calendar cal.CalendarID, now time.Time, limit int) ([]cal.Object, error) {
	if err := tx.LockCalendar(calendar); err != nil {
		return nil, err
	}
	var ids []string
	err := tx.each(`SELECT o.object FROM edits o WHERE o.calendar = ? AND o.block = '' AND o.due <= ?
		AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.object = o.object AND a.state <> 'late')
		AND NOT EXISTS (SELECT 1 FROM edits e JOIN objects m ON m.id = e.object WHERE e.object = o.after_object
			AND (m.base = '' OR e.block = '')) ORDER BY o.at, o.object LIMIT `+strconv.Itoa(limit), // SQLite plans anew for each value of a ?
		[]any{string(calendar), millis(now)}, func(scan scan) error {
			var id string
			err := scan(&id)
			ids = append(ids, id)
			return err
		})
	if err != nil {
		return nil, wrap("read the outbox", err)
	}
	all, err := tx.whole(ids)
	return all, wrap("read the outbox", err)
}

// Unguarded reports whether an edit of the calendar, made at the time or later, asks for what an etag may not guard: an object that is not
// at the remote yet, or the end of one that may have exceptions elsewhere.
func (tx *Tx) Unguarded(calendar cal.CalendarID, since time.Time) (bool, error) {
	var n int
	err := tx.get(`SELECT count(*) FROM (SELECT 1 FROM edits e JOIN objects o ON o.id = e.object
		WHERE e.calendar = ? AND e.at >= ? AND e.block = '' AND (e.want <> '' AND o.base = '' OR e.want = '' AND o.recurrence_id = '') LIMIT 1) c`,
		[]any{string(calendar), millis(since)}, &n)
	return n > 0, wrap("look for edits that no etag guards", err)
}

// Repeats reports whether a create of the calendar, its answer lost, was not there when it was looked for, and would be sent again.
func (tx *Tx) Repeats(calendar cal.CalendarID) (bool, error) {
	var n int
	err := tx.get(`SELECT count(*) FROM (SELECT 1 FROM attempts WHERE calendar = ? AND state = 'late' AND condition = '' LIMIT 1) c`,
		[]any{string(calendar)}, &n)
	return n > 0, wrap("look for creates in doubt", err)
}

// Pending tells how many edits of the calendar wait for their time, and when the next of them may be sent (zero: at once, or there is
// none), and how many are blocked.
func (tx *Tx) Pending(calendar cal.CalendarID) (waiting, blocked int, next time.Time, err error) {
	err = tx.get(`SELECT COALESCE(SUM(CASE WHEN block = '' THEN 1 ELSE 0 END), 0), COALESCE(SUM(CASE WHEN block <> '' THEN 1 ELSE 0 END), 0),
		COALESCE(MIN(CASE WHEN block = '' THEN due END), 0) FROM edits WHERE calendar = ?`,
		[]any{string(calendar)}, &waiting, &blocked, moment(&next))
	return waiting, blocked, next, wrap("count the edits", err)
}

// whole gives objects with all their bodies, in the order of the ids.
func (tx *Tx) whole(ids []string) ([]cal.Object, error) {
	found := make(map[string]cal.Object, len(ids))
	err := chunked(ids, func(list string, args []any) error {
		some, err := tx.objects(`o.id IN `+list, args...)
		for _, o := range some {
			found[string(o.ID)] = o
		}
		return err
	})
	all := make([]cal.Object, 0, len(ids))
	for _, id := range ids {
		if o, ok := found[id]; ok {
			all = append(all, o)
		}
	}
	return all, err
}

// Doubtful gives the hrefs that have to be read: of objects whose attempts' outcome is open, and of resources that could not be read
// before and are due.
func (tx *Tx) Doubtful(calendar cal.CalendarID) ([]cal.Href, error) {
	var hrefs []cal.Href
	err := tx.each(`SELECT href FROM attempts WHERE calendar = ? AND state IN ('sent', 'done', 'refused')
		UNION SELECT href FROM todo WHERE calendar = ? AND due <= ?`,
		[]any{string(calendar), string(calendar), millis(tx.now)}, func(scan scan) error {
			var href cal.Href
			err := scan(from(&href))
			hrefs = append(hrefs, href)
			return err
		})
	return hrefs, wrap("read what is in doubt", err)
}

// objects reads objects o with their edits and attempts.
func (tx *Tx) objects(where string, args ...any) ([]cal.Object, error) {
	all, err := tx.bare(where, args...)
	if err != nil || len(all) == 0 {
		return all, err
	}
	if err := tx.loadEdits(all); err != nil {
		return nil, err
	}
	if err := tx.loadAttempts(all); err != nil {
		return nil, err
	}
	return all, tx.loadBases(all, func(o cal.Object) bool { return o.Edit != nil || len(o.Sent) > 0 })
}

func (tx *Tx) bare(where string, args ...any) ([]cal.Object, error) {
	var all []cal.Object
	err := tx.each(`SELECT o.id, o.calendar, o.href, o.incarnation, o.uid, o.component, o.summary, o.trouble, o.base, o.base_etag,
		COALESCE(v.digest, ''), o.recurrence_id
		FROM objects o LEFT JOIN versions v ON v.id = o.base WHERE `+where, args, func(scan scan) error {
		var o cal.Object
		err := scan(&o.ID, &o.Calendar, from(&o.Href), &o.Incarnation, from(&o.UID), from(&o.Component), &o.Summary, &o.Trouble, &o.Base.ID,
			from(&o.Base.ETag), &o.Base.Digest, from(&o.RecurrenceID))
		all = append(all, o)
		return err
	})
	return all, err
}

func (tx *Tx) loadEdits(all []cal.Object) error {
	at := places(all)
	return chunked(keys(all), func(list string, args []any) error {
		return tx.each(`SELECT e.object, e.rev, e.at, e.tries, e.due, e.block, e.trouble, e.after_object, e.notify, `+wantColumns+`
			FROM edits e LEFT JOIN versions v ON v.id = e.want WHERE e.object IN `+list, args, func(scan scan) error {
			var id string
			var e cal.Edit
			err := scan(append([]any{&id, &e.Rev, moment(&e.At), &e.Tries, moment(&e.Due), &e.Block, &e.Trouble, &e.After, &e.Notify}, version(&e.Want)...)...)
			all[at[id]].Edit = &e
			return err
		})
	})
}

func (tx *Tx) loadAttempts(all []cal.Object) error {
	at := places(all)
	return chunked(keys(all), func(list string, args []any) error {
		return tx.each(`SELECT e.id, e.object, e.href, e.condition, e.rev, e.state, e.at, `+wantColumns+`
			FROM attempts e LEFT JOIN versions v ON v.id = e.want WHERE e.object IN `+list+` ORDER BY e.at, e.id`, args, func(scan scan) error {
			var a cal.Attempt
			err := scan(append([]any{&a.ID, &a.Object, from(&a.Href), from(&a.Match), &a.Rev, &a.State, moment(&a.At)}, version(&a.Want)...)...)
			o := &all[at[string(a.Object)]]
			o.Sent = append(o.Sent, a)
			return err
		})
	})
}

// loadBases fetches the bodies of the bases of the objects that need them.
func (tx *Tx) loadBases(all []cal.Object, needs func(cal.Object) bool) error {
	var ids []string
	at := map[string]int{}
	for i, o := range all {
		if o.Base.ID != "" && needs(o) {
			ids = append(ids, string(o.Base.ID))
			at[string(o.Base.ID)] = i
		}
	}
	return chunked(ids, func(list string, args []any) error {
		return tx.each(`SELECT id, native, body FROM versions WHERE id IN `+list, args, func(scan scan) error {
			var id, native string
			var body cal.Body
			err := scan(&id, &native, &body)
			base := &all[at[id]].Base
			base.Native, base.Body = native, body
			return err
		})
	})
}

const wantColumns = `COALESCE(v.id, ''), COALESCE(v.etag, ''), COALESCE(v.digest, ''), v.native, v.body`

// version scans wantColumns; where there is no version it stays zero.
func version(v *cal.Version) []any {
	return []any{&v.ID, from(&v.ETag), &v.Digest, bytes(&v.Native), bytes(&v.Body)}
}

func places(all []cal.Object) map[string]int {
	at := make(map[string]int, len(all))
	for i, o := range all {
		at[string(o.ID)] = i
	}
	return at
}

func keys(all []cal.Object) []string {
	ids := make([]string, len(all))
	for i, o := range all {
		ids[i] = string(o.ID)
	}
	return ids
}
