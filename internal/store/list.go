package store

import (
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Listed is an object as a listing shows it: what the user sees of it, without bodies.
type Listed struct {
	ID       cal.ObjectID
	Account  cal.AccountID
	Calendar cal.CalendarID
	Href     cal.Href
	UID      string
	// RecurrenceID is the instance that the object is, if it is one; see cal.Object.
	RecurrenceID string
	Component    string
	Summary      string
	Version      cal.VersionID // of what the user sees; empty: deleted
	Digest       cal.Digest
	State        SyncState
	Trouble      string // what the remote said last, or why the body cannot be read
	Tries        int
	Gone         time.Time // zero: it lives
	Created      time.Time
	Updated      time.Time
}

// SyncState is how an object stands to the remote.
type SyncState string

const (
	Synced   SyncState = "synced"
	Pending  SyncState = "pending"  // an edit waits, or a write's outcome is open
	Conflict SyncState = "conflict" // a conflict waits for a person
	Refused  SyncState = "refused"  // the remote refuses the edit; the next one may do
)

// ObjectFilter picks objects; its zero value picks everything a user sees.
type ObjectFilter struct {
	Object       cal.ObjectID
	Account      cal.AccountID
	Calendar     cal.CalendarID
	UID          string
	Component    string
	State        SyncState
	Query        string // in the summary
	UpdatedSince time.Time
	IncludeGone  bool // what is deleted too
	After        cal.ObjectID
	Limit        int // 0: all
}

const objectState = `CASE
	WHEN EXISTS (SELECT 1 FROM conflicts c WHERE c.object = o.id AND c.pending = 1) THEN 'conflict'
	WHEN e.block = 'rejected' THEN 'refused'
	WHEN e.object IS NOT NULL OR ` + inDoubt + ` THEN 'pending'
	ELSE 'synced' END`

// Objects lists objects by id, which is the order they were first seen in.
func (tx *Tx) Objects(f ObjectFilter) ([]Listed, error) {
	where, args := f.where()
	where += ` ORDER BY o.id` + limited(f.Limit, &args)
	var all []Listed
	err := tx.each(`SELECT o.id, k.account, o.calendar, o.href, o.uid, o.component, o.summary, COALESCE(v.id, ''), COALESCE(v.digest, ''),
		`+objectState+`, CASE WHEN e.trouble <> '' THEN e.trouble ELSE o.trouble END, COALESCE(e.tries, 0), o.gone, o.created, o.updated, o.recurrence_id
		FROM objects o JOIN calendars k ON k.id = o.calendar LEFT JOIN edits e ON e.object = o.id
		LEFT JOIN versions v ON v.id = COALESCE(e.want, o.base)
		WHERE `+where, args, func(scan scan) error {
		var l Listed
		err := scan(&l.ID, &l.Account, &l.Calendar, from(&l.Href), from(&l.UID), from(&l.Component), &l.Summary, &l.Version, &l.Digest,
			&l.State, &l.Trouble, &l.Tries, moment(&l.Gone), moment(&l.Created), moment(&l.Updated), from(&l.RecurrenceID))
		all = append(all, l)
		return err
	})
	return all, wrap("list objects", err)
}

// Listed gives one object as a listing shows it, deleted or not.
func (tx *Tx) Listed(id cal.ObjectID) (Listed, error) {
	all, err := tx.Objects(ObjectFilter{Object: id, IncludeGone: true})
	if err == nil && len(all) == 0 {
		err = wrap("read object "+string(id), ErrNotFound)
	}
	if err != nil {
		return Listed{}, err
	}
	return all[0], nil
}

func (f ObjectFilter) where() (string, []any) {
	where, args := []string{`o.id > ?`}, []any{string(f.After)}
	add := func(wanted bool, clause string, values ...any) {
		if wanted {
			where, args = append(where, clause), append(args, values...)
		}
	}
	add(f.Object != "", `o.id = ?`, string(f.Object))
	add(f.Account != "", `k.account = ?`, string(f.Account))
	add(f.Calendar != "", `o.calendar = ?`, string(f.Calendar))
	add(f.UID != "", `o.uid = ?`, foreign(f.UID))
	add(f.Component != "", `o.component = ?`, f.Component)
	add(f.State != "", objectState+` = ?`, string(f.State))
	add(f.Query != "", `LOWER(o.summary) LIKE ? ESCAPE '!'`, `%`+likeEscaper.Replace(strings.ToLower(readable(f.Query)))+`%`)
	add(!f.UpdatedSince.IsZero(), `o.updated >= ?`, millis(f.UpdatedSince))
	add(!f.IncludeGone, `v.id IS NOT NULL`)
	return strings.Join(where, ` AND `), args
}

var likeEscaper = strings.NewReplacer(`!`, `!!`, `%`, `!%`, `_`, `!_`)
