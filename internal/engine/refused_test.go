package engine_test

import (
	"net/http"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// TestRefusedInPassing: Radicale 3.1 answers a PUT with 400 when its disk is full (Errno 28). Such an edit must reach the server by itself once
// there is room again, be it only with the next complete listing.
func TestRefusedInPassing(t *testing.T) {
	w := newWorld(t)
	w.sim.Store("alice", "work", "a.ics", event("a", "A", "x"))
	w.sync()
	o, _ := w.localByUID("a")
	w.localEdit(o.ID, event("a", "mine", "x"))
	w.sim.OnRequest(func(r *http.Request) sim.Fault {
		if r.Method == http.MethodPut {
			return sim.Fault{Status: http.StatusBadRequest}
		}
		return sim.Fault{}
	})
	w.sync()
	w.sim.OnRequest(nil)
	w.pass(25 * time.Hour)
	w.sync()
	if o, _ := w.localByUID("a"); o.Edit != nil {
		t.Errorf("never sent again: %+v", o.Edit)
	}
}
