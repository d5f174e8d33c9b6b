package store

import (
	"context"
	"database/sql"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"calbridge/internal/cal"

	"github.com/jmoiron/sqlx"
)

// Tx is a transaction, and everything that can be asked of the database or done to it. It ends with the function it was given to.
type Tx struct {
	ctx    context.Context
	db     *DB
	pool   *pool
	sql    *sqlx.Tx
	writes bool
	now    time.Time // one for the whole transaction
	locked map[cal.AccountID]bool
	texts  map[string]*sqlx.Stmt
	feed   []Change // what the end of the transaction appends
}

// Read runs fn on one snapshot.
func (db *DB) Read(ctx context.Context, fn func(*Tx) error) error {
	return db.try(ctx, func() error {
		// REPEATABLE READ is what makes it one snapshot in PostgreSQL; in SQLite every transaction is one.
		return db.run(ctx, db.readers, &sql.TxOptions{Isolation: sql.LevelRepeatableRead, ReadOnly: true}, false, fn)
	})
}

// Write runs fn and commits, unless fn returns an error. fn runs again when the database asks for it. ErrUnknown: the connection broke
// while it committed, so it may have happened or not.
func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error {
	return db.try(ctx, func() error { return db.run(ctx, db.writers, nil, true, fn) })
}

// Deadlocks and a busy database pass; nothing of the transaction happened.
const (
	maxTries   = 6
	firstPause = 5 * time.Millisecond
)

func (db *DB) try(ctx context.Context, run func() error) error {
	pause := firstPause
	for tries := 1; ; tries++ {
		err := run()
		if err == nil || tries == maxTries || errors.Is(err, ErrUnknown) || !db.passing(err) {
			return err
		}
		if err := db.pause(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// pause waits for a random part of the longest time.
func (db *DB) pause(ctx context.Context, longest time.Duration) error {
	var b [2]byte
	db.mu.Lock()
	_, err := db.chance.Read(b[:])
	db.mu.Unlock()
	if err != nil {
		return fmt.Errorf("draw a pause: %w", err)
	}
	t := time.NewTimer(longest * time.Duration(binary.BigEndian.Uint16(b[:])) >> 16)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (db *DB) run(ctx context.Context, p *pool, o *sql.TxOptions, writes bool, fn func(*Tx) error) error {
	if db.prepared {
		p.prepare(ctx)
	}
	s, err := p.BeginTxx(ctx, o)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer s.Rollback() // also when fn panics; nothing once committed
	tx := &Tx{
		ctx: ctx, db: db, pool: p, sql: s, writes: writes, now: db.clock(),
		locked: map[cal.AccountID]bool{}, texts: map[string]*sqlx.Stmt{},
	}
	if err := fn(tx); err != nil {
		return err
	}
	if !writes {
		return nil
	}
	if err := tx.appendFeed(); err != nil {
		return err
	}
	return db.commit(ctx, s)
}

func (db *DB) commit(ctx context.Context, s *sqlx.Tx) error {
	if err := ctx.Err(); err != nil {
		return err // before anything was said to the database, so it is certain
	}
	err := s.Commit()
	if err == nil || errors.Is(err, sql.ErrTxDone) || db.answered(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnknown, err)
}

// Now is the time of the transaction.
func (tx *Tx) Now() time.Time { return tx.now }

// ── Running SQL. Placeholders are written ?, and rebound here. ──

// exec runs a statement and tells how many rows it touched.
func (tx *Tx) exec(text string, args ...any) (int64, error) {
	var (
		r   sql.Result
		err error
	)
	if s, e := tx.statement(text); e != nil {
		return 0, e
	} else if s != nil {
		r, err = s.ExecContext(tx.ctx, args...)
	} else {
		r, err = tx.sql.ExecContext(tx.ctx, sqlx.Rebind(tx.db.bind, text), args...)
	}
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// one is exec for a row that has to be there.
func (tx *Tx) one(text string, args ...any) error {
	n, err := tx.exec(text, args...)
	if err == nil && n == 0 {
		return ErrNotFound
	}
	return err
}

// rows runs a query. The caller reads the rows to their end before it asks anything else.
func (tx *Tx) rows(text string, args ...any) (*sqlx.Rows, error) {
	if s, err := tx.statement(text); err != nil {
		return nil, err
	} else if s != nil {
		return s.QueryxContext(tx.ctx, args...)
	}
	return tx.sql.QueryxContext(tx.ctx, sqlx.Rebind(tx.db.bind, text), args...)
}

// get reads one row into the variables; ErrNotFound when there is none.
func (tx *Tx) get(text string, args []any, into ...any) error {
	found := false
	err := tx.each(text, args, func(scan scan) error {
		found = true
		return scan(into...)
	})
	if err == nil && !found {
		return ErrNotFound
	}
	return err
}

type scan func(into ...any) error

// each hands every row of a query to fn.
func (tx *Tx) each(text string, args []any, fn func(scan) error) error {
	rows, err := tx.rows(text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := fn(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// statement gives the text prepared in this transaction; nil where that does not pay.
func (tx *Tx) statement(text string) (*sqlx.Stmt, error) {
	if !tx.db.prepared {
		return nil, nil
	}
	if s := tx.texts[text]; s != nil {
		return s, nil
	}
	var s *sqlx.Stmt
	if kept := tx.pool.statement(text); kept != nil {
		s = tx.sql.StmtxContext(tx.ctx, kept)
	} else {
		var err error
		if s, err = tx.sql.PreparexContext(tx.ctx, text); err != nil {
			return nil, err
		}
	}
	tx.texts[text] = s
	return s, nil
}

// chunked calls fn with the values in lists as long as an IN list may be. The last value fills a list up to a power of two, so that the
// texts stay few.
func chunked[T any](values []T, fn func(list string, args []any) error) error {
	for len(values) > 0 {
		n := min(len(values), maxRows)
		args := make([]any, 0, maxRows)
		for _, v := range values[:n] {
			args = append(args, v)
		}
		for len(args)&(len(args)-1) != 0 {
			args = append(args, args[len(args)-1])
		}
		if err := fn(placeholders(len(args)), args); err != nil {
			return err
		}
		values = values[n:]
	}
	return nil
}

// placeholders gives "(?,?,?)".
func placeholders(n int) string {
	return "(" + strings.Repeat("?,", n-1) + "?)"
}

// insert writes rows of so many columns with as few statements as the dialect likes. head is the text up to VALUES, tail what follows
// the rows.
func (tx *Tx) insert(head string, columns int, args []any, tail string) error {
	row := placeholders(columns)
	for len(args) > 0 {
		n := tx.db.batch(len(args) / columns)
		text := head + " VALUES " + strings.Repeat(row+",", n-1) + row + tail
		if _, err := tx.exec(text, args[:n*columns]...); err != nil {
			return err
		}
		args = args[n*columns:]
	}
	return nil
}
