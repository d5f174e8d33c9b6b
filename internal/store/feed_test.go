package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// Whoever reads the feed while several processes write never sees a number before a lower one: that would be lost to a reader who
// moves on. Some of the writers change their minds at the end.
func TestFeedIsInCommitOrderWithoutGaps(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const writers, writes = 6, 25
		var calendars [writers]cal.CalendarID
		for i := range calendars {
			calendars[i] = w.addCalendar(w.addAccount(fmt.Sprint("writer ", i)), "/w/")
		}
		var after int64
		before := int64(len(w.news(&after)))
		var wg sync.WaitGroup
		var told atomic.Int64
		for i := range writers {
			db := w.db
			if i%2 == 1 {
				db = w.open() // another process, as far as the database can tell
			}
			wg.Go(func() {
				for j := range writes {
					n, err := scribble(db, calendars[i], j)
					if err != nil {
						t.Error(err)
					}
					told.Add(n)
				}
			})
		}
		seen := int64(0)
		follow := func() {
			for _, c := range w.news(&after) {
				seen++
				if c.Seq != before+seen {
					t.Fatalf("number %d follows %d", c.Seq, before+seen-1)
				}
			}
		}
		done := make(chan bool)
		go func() { wg.Wait(); close(done) }()
		for open := true; open; {
			select {
			case <-done:
				open = false
			default:
			}
			follow()
		}
		follow()
		equal(t, "rows", seen, told.Load())
	})
}

// scribble writes one to three objects, or takes them back, and tells how many rows the feed has to show for it.
func scribble(db *store.DB, calendar cal.CalendarID, j int) (told int64, err error) {
	oops := errors.New("oops")
	err = db.Write(context.Background(), func(tx *store.Tx) error {
		told = 0
		for k := range j%3 + 1 {
			if _, err := tx.Edit(store.Draft{Calendar: calendar, UID: fmt.Sprint(j, k), Want: wanted("apple")}); err != nil {
				return err
			}
			told++
		}
		if j%5 == 4 {
			return oops
		}
		return nil
	})
	if errors.Is(err, oops) {
		return 0, nil
	}
	return told, err
}

func TestFeedIsPruned(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.pulled("apple")
		w.pass(31 * 24 * time.Hour)
		w.edit(store.Draft{Want: wanted("banana")})
		w.edit(store.Draft{Want: wanted("cherry")})
		if err := w.db.Prune(context.Background(), store.DefaultRetention); err != nil {
			t.Fatal(err)
		}
		w.read(func(tx *store.Tx) error {
			if _, err := tx.Changes(0, 10); !errors.Is(err, store.ErrPruned) {
				t.Errorf("a cursor from before the pruning: %v", err)
			}
			floor, last, err := tx.FeedRange()
			if err != nil {
				return err
			}
			rows, err := tx.Changes(floor, 10)
			equal(t, "rows", []any{len(rows), rows[0].Seq, last}, []any{2, floor + 1, floor + 2})
			return err
		})
	})
}
