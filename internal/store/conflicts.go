package store

import (
	"strings"

	"calbridge/internal/cal"
)

// ConflictFilter picks conflicts; its zero value picks all.
type ConflictFilter struct {
	Calendar cal.CalendarID
	Object   cal.ObjectID
	Open     bool // only those that wait for a person
	After    cal.ConflictID
	Limit    int // 0: all
}

// Conflicts lists conflicts in the order they arose. Of the versions only ids are there.
func (tx *Tx) Conflicts(f ConflictFilter) ([]cal.Conflict, error) {
	where, args := []string{`id > ?`}, []any{string(f.After)}
	if f.Calendar != "" {
		where, args = append(where, `calendar = ?`), append(args, string(f.Calendar))
	}
	if f.Object != "" {
		where, args = append(where, `object = ?`), append(args, string(f.Object))
	}
	if f.Open {
		where = append(where, `pending = 1`)
	}
	text := strings.Join(where, ` AND `) + ` ORDER BY id` + limited(f.Limit, &args)
	all, err := tx.conflicts(text, args...)
	return all, wrap("list conflicts", err)
}

// limited ends a query; 0 is no limit.
func limited(limit int, args *[]any) string {
	if limit <= 0 {
		return ``
	}
	*args = append(*args, limit)
	return ` LIMIT ?`
}

// Conflict gives one conflict with its three versions whole.
func (tx *Tx) Conflict(id cal.ConflictID) (cal.Conflict, error) {
	c, err := tx.conflict(id)
	if err != nil {
		return c, wrap("read conflict "+string(id), err)
	}
	for _, v := range []*cal.Version{&c.Base, &c.Mine, &c.Theirs} {
		if v.ID == "" {
			continue
		}
		s, err := tx.Version(v.ID)
		if err != nil {
			return c, wrap("read conflict "+string(id), err)
		}
		*v = s.Version
	}
	return c, nil
}

func (tx *Tx) conflict(id cal.ConflictID) (cal.Conflict, error) {
	all, err := tx.conflicts(`id = ?`, string(id))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return cal.Conflict{}, err
	}
	return all[0], nil
}

func (tx *Tx) conflicts(where string, args ...any) ([]cal.Conflict, error) {
	var all []cal.Conflict
	err := tx.each(`SELECT id, object, calendar, kind, base, mine, theirs, winner, contested, policy, pending, at, resolution
		FROM conflicts WHERE `+where, args, func(scan scan) error {
		var c cal.Conflict
		err := scan(&c.ID, &c.Object, &c.Calendar, &c.Kind, &c.Base.ID, &c.Mine.ID, &c.Theirs.ID, &c.Winner, document(&c.Contested), &c.Policy,
			&c.Open, moment(&c.At), &c.Resolution)
		all = append(all, c)
		return err
	})
	return all, err
}

// ResolveConflict closes a conflict with a person's answer: mine, theirs or both. What follows for the object is an Edit like any other,
// in the same Write. ErrNotFound: it is not open, or never was.
func (tx *Tx) ResolveConflict(id cal.ConflictID, resolution cal.Side) error {
	c, err := tx.conflict(id)
	if err == nil {
		err = tx.LockCalendar(c.Calendar)
	}
	if err == nil {
		err = tx.one(`UPDATE conflicts SET pending = 0, resolution = ?, resolved = ? WHERE id = ? AND pending = 1`,
			string(resolution), millis(tx.now), string(id))
	}
	if err != nil {
		return wrap("resolve conflict "+string(id), err)
	}
	return tx.tellConflict(c, Updated)
}

func (tx *Tx) tellConflict(c cal.Conflict, op Op) error {
	account, err := tx.owner(c.Calendar)
	tx.tell(Change{Account: account, Calendar: c.Calendar, Kind: ConflictChange, Op: op, Subject: string(c.ID)})
	return err
}

const conflictWidth = 14

func conflictRow(c cal.Conflict) []any {
	return []any{
		string(c.ID), string(c.Object), string(c.Calendar), string(c.Kind), string(c.Base.ID), string(c.Mine.ID), string(c.Theirs.ID),
		string(c.Winner), asJSON(c.Contested), string(c.Policy), truth(c.Open), c.Resolution, millis(c.At), int64(0),
	}
}

func (tx *Tx) putConflicts(rows []any) error {
	return tx.insert(`INSERT INTO conflicts (id, object, calendar, kind, base, mine, theirs, winner, contested, policy, pending, resolution, at,
		resolved)`, conflictWidth, rows, "")
}

// Notices lists what stopped being effective without being contested, of one object, oldest first. Of the versions only ids are there.
func (tx *Tx) Notices(object cal.ObjectID) ([]cal.Notice, error) {
	var all []cal.Notice
	err := tx.each(`SELECT object, kind, was, became, at FROM notices WHERE object = ? ORDER BY id`, []any{string(object)}, func(scan scan) error {
		var n cal.Notice
		err := scan(&n.Object, &n.Kind, &n.From.ID, &n.To.ID, moment(&n.At))
		all = append(all, n)
		return err
	})
	return all, wrap("list the notices of object "+string(object), err)
}
