package simulate

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"calbridge/internal/store"
)

// lane is where histories run one after the other: a database, emptied in between because making one anew costs more than a history, and
// three handles on it: one for each process, and one for people and for looking.
type lane struct {
	folder  string // of its own; empty: the database is somebody else's
	tables  *sql.DB
	leases  *sql.Stmt // who holds which account
	own     *handle
	process [2]*handle
}

// handle is one process's way to the database.
type handle struct {
	*store.DB
	*gates
	disks  []*disk
	clock  func() time.Time
	chance *rand.ChaCha8
}

// newLane opens a database; url is empty for a SQLite file of the lane's own.
func newLane(ctx context.Context, url string) (*lane, error) {
	l := &lane{}
	if url == "" {
		folder, err := os.MkdirTemp(memory(), "calbridge-simulate-")
		if err != nil {
			return nil, fmt.Errorf("make a folder for the simulated database: %w", err)
		}
		l.folder, url = folder, "sqlite:"+folder+"/calbridge.db"
	}
	for _, into := range []**handle{&l.own, &l.process[0], &l.process[1]} {
		h, err := newHandle(ctx, url)
		if err != nil {
			return nil, errors.Join(err, l.Close())
		}
		*into = h
	}
	if err := l.open(url); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, l.warm(ctx)
}

// open gives a connection that the store knows nothing of.
func (l *lane) open(url string) (err error) {
	if file, ok := strings.CutPrefix(url, "sqlite:"); ok {
		l.tables, err = sql.Open("sqlite", "file:"+file+"?_pragma=busy_timeout(10000)")
	} else {
		l.tables, err = sql.Open("postgres", url)
	}
	if err != nil {
		return err
	}
	l.tables.SetMaxOpenConns(1)
	l.leases, err = l.tables.Prepare(`SELECT id, lease_owner, epoch FROM accounts`)
	return err
}

// everything is what a history leaves behind, what refers to others first.
const everything = `DELETE FROM changes; DELETE FROM runs; DELETE FROM todo; DELETE FROM notices; DELETE FROM conflicts; DELETE FROM attempts;
	DELETE FROM edits; DELETE FROM versions; DELETE FROM objects; DELETE FROM channels; DELETE FROM calendars; DELETE FROM servers;
	DELETE FROM accounts; UPDATE feed SET seq = 0, floor = 0`

func (l *lane) empty() error {
	_, err := l.tables.Exec(everything)
	return err
}

// memory is a folder that lies in memory where there is one: what a simulation writes is not meant to last.
func memory() string {
	const shm = "/dev/shm"
	if _, err := os.Stat(shm); err == nil {
		return shm
	}
	return ""
}

func newHandle(ctx context.Context, url string) (*handle, error) {
	h := &handle{gates: &gates{open: true, steps: new(atomic.Int64)}, clock: time.Now}
	db, err := store.Open(ctx, url, store.Options{
		Clock: func() time.Time { return h.clock() }, Chance: (*drip)(h), Migrate: true,
		Via: func(c driver.Connector) driver.Connector {
			d := &disk{Connector: c, gates: h.gates, quick: strings.HasPrefix(url, "sqlite:")}
			h.disks = append(h.disks, d)
			return d
		},
	})
	h.DB = db
	return h, err
}

// drip gives one byte at a time, so that no buffer carries chance from one history into the next.
type drip handle

// Read implements io.Reader.
func (d *drip) Read(p []byte) (int, error) {
	if d.chance == nil || len(p) == 0 {
		return 0, io.ErrNoProgress
	}
	return d.chance.Read(p[:1])
}

// warm opens the connections now: one opened inside a history would belong to it.
func (l *lane) warm(ctx context.Context) error {
	for _, h := range l.handles() {
		if err := h.Read(ctx, func(*store.Tx) error { return nil }); err != nil {
			return err
		}
	}
	return l.empty()
}

func (l *lane) handles() []*handle { return []*handle{l.own, l.process[0], l.process[1]} }

// begin empties the database and hands out the seed's clock and chance.
func (l *lane) begin(seed uint64, clock func() time.Time) error {
	for i, h := range l.handles() {
		var key [32]byte
		for b := range 8 {
			key[b] = byte(seed >> (8 * b))
		}
		key[31] = byte(i)
		h.clock, h.chance = clock, rand.NewChaCha8(key)
		h.gates.open, h.gates.dead, h.gates.waiting = h == l.own, false, nil
		for _, d := range h.disks {
			d.failIn.Store(0)
		}
	}
	return l.empty()
}

// Close removes what the lane made.
func (l *lane) Close() error {
	var errs []error
	for _, h := range l.handles() {
		if h != nil && h.DB != nil {
			errs = append(errs, h.DB.Close())
		}
	}
	if l.tables != nil {
		errs = append(errs, l.tables.Close())
	}
	if l.folder != "" {
		errs = append(errs, os.RemoveAll(l.folder))
	}
	return errors.Join(errs...)
}
