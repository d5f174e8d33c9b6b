// Package store keeps what was seen and what is wanted, in SQLite or PostgreSQL, with the same SQL.
//
// A transaction is a function: Read hands it a snapshot, Write a Tx that commits whole or not at all. Neither may wait for the network,
// and a Write's function may run more than once, so it changes nothing but the database and variables it sets anew each time.
//
// Who may write when (docs/decisions/0001-locks-instead-of-serializable.md):
//
//   - A Write takes the row of the account it is about before it reads or writes anything of that account, so the writers of one account
//     are serial. The methods of Tx see to it; Lock and Hold do it by name.
//   - A sync run holds a Lease, and every Write of it begins with Hold. A worker whose lease was taken over gets ErrFenced there.
//   - The feed's counter is raised last, so the numbers of the change feed come in commit order and without gaps.
//
// Bodies are in versions, once, in order, for as long as the retention says; objects, edits, attempts and conflicts point there.
package store

import (
	"bufio"
	"context"
	"crypto/rand"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"calbridge/internal/cal"
)

// What a caller may have to act on.
var (
	ErrNotFound = errors.New("not found")
	ErrMoved    = errors.New("the calendar was synchronised by somebody else meanwhile") // the token is not the one the plan was made for
	ErrLeased   = errors.New("another worker is synchronising the account")
	ErrFenced   = errors.New("another worker has taken the account over")
	ErrSchema   = errors.New("the database schema is not current: run `calbridge migrate up`")
	ErrPruned   = errors.New("the change feed no longer goes back that far")
	ErrStale    = errors.New("the object changed since the text of this edit was read") // nothing was stored: merge, or ask again
	ErrUnknown  = errors.New("the database did not say whether it committed")           // read before doing anything over
)

// Options are what Open cannot know.
type Options struct {
	Clock   func() time.Time // nil: time.Now
	Chance  io.Reader        // nil: crypto/rand
	Migrate bool             // PostgreSQL: bring the schema up to date; SQLite always does
	AnyAge  bool             // open whatever the schema's age, in order to migrate it

	// Via, unless nil, stands between the store and the database's driver, as a simulation does that stops and fails what passes. Leases go
	// by Clock then, as everything else does, and not by the database's clock.
	Via func(driver.Connector) driver.Connector
}

// DB is an open database. It is safe for concurrent use.
type DB struct {
	*dialect
	readers  *pool
	writers  *pool
	clock    func() time.Time
	oneClock bool // leases go by clock, whatever the dialect

	mu     sync.Mutex // guards chance
	chance *bufio.Reader

	owners sync.Map // cal.CalendarID → cal.AccountID, which never changes
}

// Open connects to "sqlite:/path/to/file.db" or "postgres://user:password@host/name". A SQLite file is made when it is missing, for its
// owner's eyes only.
func Open(ctx context.Context, url string, o Options) (*DB, error) {
	db, err := connect(url, o)
	if err != nil {
		return nil, err
	}
	db.clock, db.oneClock = o.Clock, o.Via != nil
	if db.clock == nil {
		db.clock = time.Now
	}
	if o.Chance == nil {
		o.Chance = rand.Reader
	}
	db.chance = bufio.NewReader(o.Chance)
	if err := db.readySoon(ctx, o); err != nil {
		db.Close()
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return db, nil
}

// readySoon looks again while another process is still at it: SQLite has no lock that a migration could hold from beginning to end, so
// whoever comes second finds the file busy, or half of the tables already there.
func (db *DB) readySoon(ctx context.Context, o Options) (err error) {
	const tries, pause = 60, 50 * time.Millisecond
	for range tries {
		if err = db.ready(ctx, o); err == nil || db.dialect != &sqliteDialect || ctx.Err() != nil || !db.passing(err) && !halfMade(err) {
			return err
		}
		time.Sleep(pause)
	}
	return err
}

// halfMade: somebody else made the table or the column meanwhile.
func halfMade(err error) bool {
	return strings.Contains(err.Error(), "already exists") || strings.Contains(err.Error(), "duplicate column")
}

// ready makes sure that the schema is the one this program was written for.
func (db *DB) ready(ctx context.Context, o Options) error {
	current, err := db.current(ctx)
	if err != nil {
		return err
	}
	switch {
	case current || o.AnyAge:
		return nil
	case o.Migrate || db.dialect == &sqliteDialect:
		return db.Migrate(ctx)
	default:
		return ErrSchema
	}
}

// Dialect is "sqlite" or "postgres".
func (db *DB) Dialect() string { return db.name }

// Close waits for nothing: transactions still open fail.
func (db *DB) Close() error {
	err := db.writers.Close()
	if db.readers != db.writers {
		err = errors.Join(err, db.readers.Close())
	}
	return err
}

func connect(url string, o Options) (*DB, error) {
	scheme, rest, _ := strings.Cut(url, ":")
	switch scheme {
	case "sqlite":
		return openSQLite(strings.TrimPrefix(rest, "//"), o)
	case "postgres", "postgresql":
		return openPostgres(url, o)
	}
	return nil, fmt.Errorf("open the database: its URL begins with neither sqlite: nor postgres: (CALBRIDGE_DB)")
}

// newID makes an id out of the clock and chance handed in.
func (db *DB) newID() (string, error) {
	db.mu.Lock()
	defer db.mu.Unlock()
	return cal.NewID(db.clock(), db.chance)
}
