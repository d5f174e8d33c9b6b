package engine_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// TestCalendarGone: it has to be missing for ten minutes. What the user still wanted in it then waits for a person.
func TestCalendarGone(t *testing.T) {
	w := newWorld(t)
	w.sim.AddCalendar("alice", "zzz", sim.Properties{})
	w.sim.Store("alice", "work", "a.ics", event("a", "A", "x"))
	w.sync()
	o, _ := w.localByUID("a")
	w.localEdit(o.ID, event("a", "mine", "x"))
	w.sim.RemoveCalendar("alice", "work")
	w.sync()
	if c := w.mustCalendar(); c.State != cal.CalendarActive {
		t.Errorf("gone at once: %+v", c)
	}
	w.pass(11 * time.Minute)
	w.sync()
	if c := w.mustCalendar(); c.State != cal.CalendarGone {
		t.Errorf("not gone: %+v", c)
	}
	w.read(func(tx *store.Tx) error {
		open, err := tx.Conflicts(store.ConflictFilter{Open: true})
		if len(open) != 1 || open[0].Kind != cal.CalendarLost {
			t.Errorf("%+v", open)
		}
		return err
	})
	if o, found := w.localByUID("a"); !found || !strings.Contains(string(o.Want().Body), "SUMMARY:mine") {
		t.Errorf("the edit is lost: %+v", o)
	}
}

// TestLocked: the first 401 stops the account, after one request, until a person has done something about it.
func TestLocked(t *testing.T) {
	w := newWorld(t)
	w.sync()
	w.sim.OnRequest(func(*http.Request) sim.Fault { return sim.Fault{Status: http.StatusUnauthorized} })
	w.sim.Reset()
	if rep := w.sync(); !rep.NeedsPerson() || len(w.sim.Journal()) != 1 {
		t.Errorf("%d requests, %+v", len(w.sim.Journal()), rep)
	}
	w.sim.OnRequest(nil)
	if rep := w.sync(); !rep.NeedsPerson() || len(w.sim.Journal()) != 1 {
		t.Errorf("tried again: %+v", rep)
	}
	a := w.stored()
	a.State = store.AccountActive
	w.write(func(tx *store.Tx) error { return tx.UpdateAccount(a) })
	if rep := w.sync(); rep.Failed() {
		t.Errorf("%+v", rep)
	}
}

// TestBusy: what a server asks for is the least that it gets.
func TestBusy(t *testing.T) {
	w := newWorld(t)
	w.sync()
	w.sim.OnRequest(func(*http.Request) sim.Fault {
		return sim.Fault{Status: http.StatusServiceUnavailable, Header: http.Header{"Retry-After": {"120"}}}
	})
	w.sync()
	w.sim.OnRequest(nil)
	w.sim.Reset()
	w.pass(119 * time.Second)
	if rep := w.sync(); !rep.Failed() || len(w.sim.Journal()) != 0 {
		t.Errorf("%d requests, %+v", len(w.sim.Journal()), rep)
	}
	w.pass(15 * time.Minute)
	if rep := w.sync(); rep.Failed() {
		t.Errorf("%+v", rep)
	}
}

// TestOneRefusedObject: what the server does not take is shown with its words, and stops nobody.
func TestOneRefusedObject(t *testing.T) {
	w := newWorld(t)
	w.sim.Quirks(func(q *sim.Quirks) { q.RefuseText = "forbidden words" })
	w.localCreate("a", event("a", "forbidden words", "x"))
	w.localCreate("b", event("b", "fine", "x"))
	w.sync()
	if _, _, found := w.remoteByUID("b"); !found {
		t.Error("the good one was not sent")
	}
	o, _ := w.localByUID("a")
	if o.Edit == nil || o.Edit.Block != cal.Rejected || o.Edit.Trouble == "" {
		t.Errorf("%+v", o.Edit)
	}
	w.sim.Reset()
	w.sync()
	if writes := w.sim.Writes(); len(writes) > 0 {
		t.Errorf("sent again as it is: %v", writes)
	}
	w.localEdit(o.ID, event("a", "better words", "x"))
	w.sync()
	if _, _, found := w.remoteByUID("a"); !found {
		t.Error("the mended one was not sent")
	}
}

// TestFenced: a worker that stalls in the middle of a request, until its lease has run out and another has done the work, changes
// nothing any more, and sends nothing that another has not already read.
func TestFenced(t *testing.T) {
	w := newWorld(t)
	w.sim.Store("alice", "work", "a.ics", event("a", "A", "x"))
	w.sync()
	o, _ := w.localByUID("a")
	w.localEdit(o.ID, event("a", "mine", "x"))
	stalled, goOn := make(chan struct{}), make(chan struct{})
	w.wire.fault = func(r *http.Request) mishap {
		if r.Method == http.MethodPut {
			w.wire.fault = nil
			close(stalled)
			<-goOn
		}
		return mishap{}
	}
	first := make(chan engine.Report)
	account := w.stored()
	go func() {
		first <- w.engine.Sync(context.Background(), []store.Account{account}, engine.Options{Mode: engine.Incremental})
	}()
	<-stalled
	w.pass(w.engine.Lease + time.Second)
	other := *w.engine
	other.Owner = "another"
	if rep := other.Sync(context.Background(), []store.Account{w.stored()}, engine.Options{Mode: engine.Incremental}); rep.Failed() {
		t.Fatalf("%+v", rep)
	}
	w.localEdit(o.ID, event("a", "mine again", "x"))
	close(goOn)
	<-first
	w.pass(time.Hour)
	w.sync()
	w.sync()
	if _, body, _ := w.remoteByUID("a"); !strings.Contains(body, "SUMMARY:mine again") {
		t.Errorf("lost:\n%s", body)
	}
	w.read(func(tx *store.Tx) error {
		all, err := tx.Conflicts(store.ConflictFilter{})
		if len(all) > 0 {
			t.Errorf("contested by nobody: %+v", all)
		}
		return err
	})
}
