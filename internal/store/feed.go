package store

import (
	"fmt"
	"time"

	"calbridge/internal/cal"
)

// Change is one row of the feed: something a user could notice happened to one thing.
type Change struct {
	Seq      int64 // 1, 2, 3 … in commit order, without gaps
	At       time.Time
	Account  cal.AccountID
	Calendar cal.CalendarID // empty for an account
	Kind     Kind
	Op       Op
	Subject  string        // the id of the thing
	Version  cal.VersionID // of an object: what it is now; empty once deleted
}

// Kind is what sort of thing changed. A deleted calendar or account takes everything in it along, without rows of their own.
type Kind string

const (
	AccountChange  Kind = "account"
	CalendarChange Kind = "calendar"
	ObjectChange   Kind = "object"
	ConflictChange Kind = "conflict"
)

// Op is what happened to it.
type Op string

const (
	Created Op = "created"
	Updated Op = "updated"
	Deleted Op = "deleted"
)

// Changes gives at most limit rows after the number, oldest first. ErrPruned: there were rows after it that are gone.
func (tx *Tx) Changes(after int64, limit int) ([]Change, error) {
	floor, _, err := tx.FeedRange()
	if err != nil {
		return nil, err
	}
	if after < floor {
		return nil, ErrPruned
	}
	var all []Change
	err = tx.each(`SELECT seq, at, account, calendar, kind, op, subject, version FROM changes WHERE seq > ? ORDER BY seq LIMIT ?`,
		[]any{after, limit}, func(scan scan) error {
			var c Change
			err := scan(&c.Seq, moment(&c.At), &c.Account, &c.Calendar, &c.Kind, &c.Op, &c.Subject, &c.Version)
			all = append(all, c)
			return err
		})
	return all, wrap("read the change feed", err)
}

// FeedRange tells the number up to which the feed was pruned, and the last number given out.
func (tx *Tx) FeedRange() (floor, last int64, err error) {
	err = tx.get(`SELECT floor, seq FROM feed`, nil, &floor, &last)
	return floor, last, wrap("read the change feed", err)
}

// tell notes a row for the feed. It gets its number when the transaction ends.
func (tx *Tx) tell(c Change) { tx.feed = append(tx.feed, c) }

// appendFeed numbers and writes the noted rows. The counter's row stays locked until the commit, so the next writer's numbers are higher
// and its commit is later; that is why this comes last, when nothing else is to be waited for.
func (tx *Tx) appendFeed() error {
	if len(tx.feed) == 0 {
		return nil
	}
	var last int64
	if err := tx.get(`UPDATE feed SET seq = seq + ? WHERE id = 1 RETURNING seq`, []any{len(tx.feed)}, &last); err != nil {
		return fmt.Errorf("number the changes: %w", err)
	}
	const columns = 8
	args := make([]any, 0, len(tx.feed)*columns)
	seq, at := last-int64(len(tx.feed)), millis(tx.now)
	for _, c := range tx.feed {
		seq++
		args = append(args, seq, at, string(c.Account), string(c.Calendar), string(c.Kind), string(c.Op), c.Subject, string(c.Version))
	}
	err := tx.insert(`INSERT INTO changes (seq, at, account, calendar, kind, op, subject, version)`, columns, args, "")
	return wrap("append to the change feed", err)
}

// wrap puts what we were doing before an error, if there is one.
func wrap(doing string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", doing, err)
}
