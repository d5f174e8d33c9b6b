package store

import (
	"context"
	"time"
)

// Retention is how long what is over is kept. What is in force, wanted, on its way or contested is kept in any case.
type Retention struct {
	Versions time.Duration // after another took its place, or a conflict that names it was closed; also notices and tombstones
	Changes  time.Duration // rows of the feed
	Runs     time.Duration
	IdleRuns time.Duration // runs that found nothing to do
}

// DefaultRetention is what the program promises.
var DefaultRetention = Retention{Versions: 180 * day, Changes: 30 * day, Runs: 30 * day, IdleRuns: day}

const day = 24 * time.Hour

// pruneStep is how many rows one transaction deletes, so that nobody waits long for it.
const pruneStep = 1000

// Prune deletes what is older than the retention.
func (db *DB) Prune(ctx context.Context, keep Retention) error {
	now := db.clock()
	before := func(d time.Duration) int64 { return millis(now.Add(-d)) }
	v := before(keep.Versions)
	for _, p := range []struct {
		text string
		args []any
	}{
		{pruneConflicts, []any{v, v}},
		{pruneNotices, []any{v}},
		{pruneVersions, []any{v, v, v}},
		{pruneObjects, []any{v}},
		{pruneRuns, []any{before(keep.Runs), before(keep.IdleRuns)}},
	} {
		if err := db.prune(ctx, p.text, p.args); err != nil {
			return wrap("prune the database", err)
		}
	}
	return wrap("prune the change feed", db.pruneFeed(ctx, before(keep.Changes)))
}

const (
	// A conflict's time runs from when a person answered it; resolved is 0 where nobody was asked.
	pruneConflicts = `DELETE FROM conflicts WHERE id IN (SELECT id FROM conflicts WHERE pending = 0 AND at < ? AND resolved < ? LIMIT ?)`
	pruneNotices   = `DELETE FROM notices WHERE id IN (SELECT id FROM notices WHERE at < ? LIMIT ?)`
	pruneRuns      = `DELETE FROM runs WHERE id IN (SELECT id FROM runs WHERE state IN ('done', 'failed', 'approved') AND
		(started < ? OR idle = 1 AND started < ?) LIMIT ?)`

	// A version's time runs from when another took its place: the last one from before the cut was in force after it, and stays.
	pruneVersions = `DELETE FROM versions WHERE id IN (SELECT v.id FROM versions v JOIN objects o ON o.id = v.object
		WHERE v.at < ? AND o.base <> v.id
		AND NOT EXISTS (SELECT 1 FROM edits e WHERE e.object = v.object AND e.want = v.id)
		AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.object = v.object AND a.want = v.id)
		AND NOT EXISTS (SELECT 1 FROM conflicts c WHERE c.object = v.object AND v.id IN (c.base, c.mine, c.theirs))
		AND (EXISTS (SELECT 1 FROM versions w WHERE w.object = v.object AND w.n > v.n AND w.at < ?) OR o.gone > 0 AND o.gone < ?)
		LIMIT ?)`

	pruneObjects = `DELETE FROM objects WHERE gone > 0 AND id IN (SELECT o.id FROM objects o WHERE o.gone > 0 AND o.gone < ?
		AND NOT EXISTS (SELECT 1 FROM versions v WHERE v.object = o.id)
		AND NOT EXISTS (SELECT 1 FROM edits e WHERE e.object = o.id)
		AND NOT EXISTS (SELECT 1 FROM attempts a WHERE a.object = o.id) LIMIT ?)`
)

func (db *DB) prune(ctx context.Context, text string, args []any) error {
	for {
		var n int64
		err := db.Write(ctx, func(tx *Tx) (err error) {
			n, err = tx.exec(text, append(args[:len(args):len(args)], pruneStep)...)
			return err
		})
		if err != nil || n < pruneStep {
			return err
		}
	}
}

// pruneFeed deletes the oldest rows and remembers up to where.
func (db *DB) pruneFeed(ctx context.Context, before int64) error {
	return db.Write(ctx, func(tx *Tx) error {
		var last int64
		err := tx.get(`SELECT COALESCE(MAX(seq), 0) FROM changes WHERE at < ?`, []any{before}, &last)
		if err != nil || last == 0 {
			return err
		}
		if _, err := tx.exec(`DELETE FROM changes WHERE seq <= ?`, last); err != nil {
			return err
		}
		return tx.one(`UPDATE feed SET floor = ? WHERE id = 1`, last)
	})
}
