package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// TestFencedOff: a worker stands still in the middle of a request until its lease has run out and another has it. Whatever it meant to
// write down next, nothing of it is, and it sends nothing more.
func TestFencedOff(t *testing.T) {
	edited := func(w *world) {
		o, _ := w.localByUID("a")
		w.localEdit(o.ID, event("a", "mine", "x"))
	}
	for name, c := range map[string]struct {
		stalls string // in the first request with this method
		before func(*world)
	}{
		"before it stores the calendars": {"PROPFIND", func(w *world) { w.sim.AddCalendar("alice", "new", sim.Properties{}) }},
		"before it records attempts":     {"PROPFIND", edited},
		"before it notes an outcome":     {"PUT", edited},
		"before it applies a page": {"REPORT", func(w *world) {
			w.sim.Store("alice", "work", "a.ics", event("a", "theirs", "x"))
		}},
		"before it ends": {"PROPFIND", func(*world) {}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.sim.Store("alice", "work", "a.ics", event("a", "A", "x"))
			w.sync()
			c.before(w)
			w.sim.Reset()
			var before string
			w.wire.fault = func(r *http.Request) mishap {
				if r.Method == c.stalls && before == "" {
					w.takeOver()
					before = w.state()
				}
				return mishap{}
			}
			rep := w.sync()
			if before == "" {
				t.Fatal("it never stalled")
			}
			if after := w.state(); after != before {
				t.Errorf("it wrote:\n%s\n%s", before, after)
			}
			for _, x := range w.sim.Writes() {
				if x.Method != c.stalls {
					t.Errorf("it sent %s %s", x.Method, x.Path)
				}
			}
			if name != "before it ends" && !rep.Failed() {
				t.Error("it says that all went well")
			}
		})
	}
}

// takeOver gives the lease to another process, when its time has passed.
func (w *world) takeOver() {
	w.pass(w.engine.Lease + time.Second)
	w.write(func(tx *store.Tx) error {
		_, err := tx.TakeLease(w.account, "another", time.Hour)
		return err
	})
}

// state is everything that a sync could have written down.
func (w *world) state() string {
	var all []any
	w.read(func(tx *store.Tx) error {
		_, last, err := tx.FeedRange()
		if err != nil {
			return err
		}
		runs, err := tx.Runs(store.RunFilter{})
		if err != nil {
			return err
		}
		calendars, err := tx.Calendars(w.account)
		all = append(all, last, runs, calendars)
		return err
	})
	text, err := json.Marshal(append(all, w.objects()))
	if err != nil {
		w.t.Fatal(err)
	}
	return string(text)
}

// TestGuardCountsTheCalendar: what is deleted is compared with the whole calendar, however small the pages are that tell of it.
func TestGuardCountsTheCalendar(t *testing.T) {
	w := newWorld(t)
	for i := range 40 {
		uid := fmt.Sprint("e", i)
		w.sim.Store("alice", "work", uid+".ics", event(uid, "A", "x"))
	}
	w.sync()
	w.sim.Quirks(func(q *sim.Quirks) { q.TruncateAt = 5 })
	remove := func(from, to int) (held bool) {
		for i := from; i < to; i++ {
			w.sim.Remove("alice", "work", fmt.Sprint("e", i, ".ics"))
		}
		rep := w.engine.Sync(context.Background(), []store.Account{w.stored()}, engine.Options{Mode: engine.Incremental})
		for _, r := range rep.Runs {
			held = held || r.Held
		}
		return held
	}
	if held := remove(0, 12); held || len(w.objects()) != 28 {
		t.Errorf("12 of 40: held back %v, %d are left", held, len(w.objects()))
	}
	if held := remove(12, 32); !held || len(w.objects()) != 28 {
		t.Errorf("20 of 28: held back %v, %d are left", held, len(w.objects()))
	}
}

// TestUnreadIsReadLater: what cannot be read stops nothing, is not gone, and is not forgotten although the token moves on.
func TestUnreadIsReadLater(t *testing.T) {
	w := newWorld(t)
	w.sim.Store("alice", "work", "bad.ics", event("bad", "A", "x"))
	w.sync()
	w.sim.Quirks(func(q *sim.Quirks) { q.MultigetEmptyData, q.NoInlineData = true, true })
	w.wire.fault = func(r *http.Request) mishap {
		if r.Method == http.MethodGet && strings.HasSuffix(r.URL.Path, "/bad.ics") {
			return mishap{status: http.StatusInternalServerError}
		}
		return mishap{}
	}
	w.sim.Store("alice", "work", "bad.ics", event("bad", "B", "x"))
	w.sim.Store("alice", "work", "good.ics", event("good", "A", "x"))
	w.sync()
	if _, there := w.localByUID("good"); !there {
		t.Error("one that cannot be read stops the others")
	}
	if _, there := w.localByUID("bad"); !there {
		t.Error("gone")
	}
	w.wire.fault = nil
	w.pass(time.Hour)
	w.sync()
	if o, _ := w.localByUID("bad"); !strings.Contains(string(o.Want().Body), "SUMMARY:B") {
		t.Errorf("forgotten: %s", o.Want().Body)
	}
}

// TestHalfAPullIsNoPull: a pull that broke off half way is gone on with, although nothing has changed at the remote since.
func TestHalfAPullIsNoPull(t *testing.T) {
	w := newWorld(t)
	w.sim.Quirks(func(q *sim.Quirks) { q.TruncateAt = 2 })
	for i := range 6 {
		uid := fmt.Sprint("e", i)
		w.sim.Store("alice", "work", uid+".ics", event(uid, "A", "x"))
	}
	reports := 0
	w.wire.fault = func(r *http.Request) mishap {
		if r.Method == "REPORT" {
			reports++
		}
		if reports > 1 {
			return mishap{before: io.ErrUnexpectedEOF}
		}
		return mishap{}
	}
	w.sync()
	if n := len(w.objects()); n != 2 {
		t.Fatalf("%d of 6 came", n)
	}
	w.wire.fault = nil
	w.pass(time.Hour)
	w.sync()
	if n := len(w.objects()); n != 6 {
		t.Errorf("%d of 6 came", n)
	}
}

// TestDeathAfterAnyTransaction: the place in the history is never ahead of what was applied.
func TestDeathAfterAnyTransaction(t *testing.T) {
	for n := 1; n <= 12; n++ {
		w := newWorld(t)
		w.sim.Store("alice", "work", "a.ics", event("a", "A", "x"))
		w.sync()
		w.sim.Store("alice", "work", "a.ics", event("a", "B", "x"))
		w.sim.Store("alice", "work", "b.ics", event("b", "A", "x"))
		left := n
		w.begun = func() {
			if left--; left == 0 {
				w.wire.fail(errCrash)
			}
		}
		account := w.stored()
		left = n
		w.engine.Sync(context.Background(), []store.Account{account}, engine.Options{Mode: engine.Incremental})
		w.begun = nil
		if w.wire.dead() {
			w.pass(w.engine.Lease + time.Second)
			w.boot()
		}
		w.sync()
		a, _ := w.localByUID("a")
		if _, there := w.localByUID("b"); !there || !strings.Contains(string(a.Want().Body), "SUMMARY:B") {
			t.Errorf("dead after transaction %d, and something is never seen", n)
		}
	}
}
