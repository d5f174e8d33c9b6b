package engine_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// weather is what goes wrong around the engine.
type weather struct {
	faulty   float64 // chance that something happens to a request
	busy     float64 // chance that somebody edits while one is under way
	restarts float64 // chance that the process dies after a transaction

	hereOnly, thereOnly bool // who edits at all
	syncing             bool
	stalled             bool // another process is at work
	takenOver           bool // and has been since this sync began
	lied                bool // the server's history left something out
	restored            bool // the server forgot what it had confirmed
	doubles             bool // hrefs are escaped twice
	restore             func()
}

var errCrash = errors.New("the process died")

func (s *stormy) drawWeather() {
	s.faulty = []float64{0, 0.05, 0.2, 0.4}[s.draw(4)]
	s.busy = []float64{0, 0.1, 0.3}[s.draw(3)]
	s.restarts = []float64{0, 0, 0.03}[s.draw(3)]
	s.hereOnly, s.thereOnly = s.one(8), s.one(16)
	if s.hereOnly {
		s.thereOnly = false
	}
	s.sim.Quirks(s.drawQuirks)
}

// drawQuirks switches on a few things that real servers do and a correct client survives without losing anything.
func (s *stormy) drawQuirks(q *sim.Quirks) {
	for _, on := range []*bool{
		&q.RewriteBody, &q.NoETagOnPut, &q.ETagOnRewrite, &q.LyingETagOnPut, &q.NoInlineData, &q.NoSyncCollection, &q.MultigetOmits,
		&q.MultigetFailsWhole, &q.MultigetEmptyData, &q.DuplicateResponses, &q.AbsoluteHrefs, &q.CollectionAmongMembers, &q.LFBodies,
		&q.UnquotedETags, &q.InitialTombstones, &q.SkipShortLived, &q.TokenAlwaysFull, &q.PlainStatuses, &q.DeleteMissing412,
		&q.CounterETags, &q.Status207OnPut, &q.MissingFor412, &q.ConflictFor412, &q.MultigetReorders, &q.NoCTag,
	} {
		*on = s.one(7)
	}
	if s.one(5) {
		q.TruncateAt = 1 + s.draw(4)
	}
	if s.one(5) {
		q.TokenErrorStatus = []int{400, 403, 409, 410, 412, 418, 500}[s.draw(7)]
	}
	switch s.draw(10) {
	case 0, 1:
		q.AddProperty = "CLASS:PUBLIC"
	case 2:
		q.StripProperty = "LOCATION"
	}
	q.Hrefs = []sim.HrefStyle{"", "", sim.HrefEncoded, sim.HrefLowerHex, sim.HrefRaw, sim.HrefDouble}[s.draw(6)]
	if s.one(3) {
		q.UIDUnique = sim.UIDOff
	}
	s.drawLies(q)
	s.doubles = q.Hrefs == sim.HrefDouble
	if q.StripProperty != "" { // with an answer lost, nobody can tell the server's doing from another person's
		s.faulty, s.restarts = 0, 0
	}
	s.note("quirks %+v", *q)
}

// drawLies: what the history leaves out, only a complete listing finds.
func (s *stormy) drawLies(q *sim.Quirks) {
	q.NeverReportDeletions = s.one(14)
	s.lied = q.NeverReportDeletions || q.TokenAlwaysFull
}

// changeWeather switches on what passes, and lets the server be restored from a backup.
func (s *stormy) changeWeather() {
	switch n := s.draw(12); {
	case n < 5:
		s.sim.Quirks(func(q *sim.Quirks) { q.ForgetTokens = !q.ForgetTokens })
	case n < 8:
		s.sim.Quirks(func(q *sim.Quirks) {
			q.EmptyListing = !q.EmptyListing
			s.note("empty listings: %v", q.EmptyListing)
		})
		s.lied = true // and the token has moved on
	case n < 10:
		s.sim.Quirks(func(q *sim.Quirks) {
			q.ReadOnly = !q.ReadOnly
			s.note("read-only: %v", q.ReadOnly)
		})
	case n == 10 && s.restore == nil:
		s.restore = s.sim.Backup()
	case n == 10 && s.one(3):
		s.note("the server is restored from a backup")
		s.restored, s.lied = true, true
		s.restore()
	}
}

// clearUp ends what passes.
func (s *stormy) clearUp(q *sim.Quirks) {
	q.ForgetTokens, q.EmptyListing, q.ReadOnly = false, false, false
}

// fault decides what becomes of a request.
func (s *stormy) fault(r *http.Request) mishap {
	if writes := r.Method == http.MethodPut || r.Method == http.MethodDelete; writes && !s.takenOver {
		s.checkIntent(r)
	}
	if s.stalled {
		return mishap{}
	}
	if s.chance(s.busy) {
		s.meanwhile()
	}
	if !s.chance(s.faulty) {
		return mishap{}
	}
	return s.mishap(r)
}

// meanwhile is what people do while a request is under way.
func (s *stormy) meanwhile() {
	s.note("      meanwhile:")
	if s.one(2) {
		s.editHere()
	} else {
		s.editThere()
	}
}

func (s *stormy) mishap(r *http.Request) mishap {
	s.note("      %s %s …", r.Method, r.URL.Path)
	writes := r.Method == http.MethodPut || r.Method == http.MethodDelete
	switch n := s.draw(12); {
	case n < 2:
		return s.happens("request lost", mishap{before: io.ErrUnexpectedEOF})
	case n < 4:
		return s.happens("answer lost", mishap{after: io.ErrUnexpectedEOF})
	case n == 4:
		return s.happens("the process dies before", mishap{before: errCrash})
	case n == 5:
		return s.happens("the process dies after", mishap{after: errCrash})
	case n == 6:
		return s.happens("502", mishap{status: http.StatusBadGateway})
	case n == 7:
		return s.happens("504 after", mishap{statusAfter: http.StatusGatewayTimeout})
	case n == 8 && !writes:
		return s.happens("cut off", mishap{cut: 1 + s.draw(600)})
	case n < 11 && writes:
		return s.happens("late", mishap{late: true})
	case n == 11:
		return s.stall(r)
	}
	return mishap{}
}

func (s *stormy) happens(what string, m mishap) mishap {
	s.note("        %s", what)
	return m
}

// stall: the process stands still until its lease has run out and another has done the work; then it goes on. A create that it had
// not sent by then never arrives: its time is over.
func (s *stormy) stall(r *http.Request) mishap {
	s.note("        stalls; another process takes over")
	s.stalled, s.takenOver = true, true
	s.pass(s.engine.Lease + time.Second)
	other := *s.engine
	other.Owner = "another"
	if a, err := s.login(); err == nil {
		other.Sync(context.Background(), []store.Account{a}, engine.Options{Mode: engine.Incremental})
	}
	s.note("        goes on")
	s.stalled = false
	if r.Method == http.MethodPut && r.Header.Get("If-None-Match") != "" {
		return mishap{before: io.ErrUnexpectedEOF}
	}
	return mishap{}
}

func (s *stormy) login() (a store.Account, err error) {
	err = s.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		a, err = tx.Account(s.world.account)
		return err
	})
	return a, err
}

// beginTransaction lets the process die once the transaction has ended.
func (s *stormy) beginTransaction() {
	if s.syncing && s.chance(s.restarts) {
		s.note("      the process dies after a transaction")
		s.wire.fail(errCrash)
	}
}

// checkIntent: no request that writes leaves without an attempt on record.
func (s *stormy) checkIntent(r *http.Request) {
	var known []cal.Href
	err := s.db.Read(context.Background(), func(tx *store.Tx) (err error) {
		known, err = tx.Doubtful(s.work)
		return err
	})
	for _, h := range known {
		if path, _ := url.PathUnescape(string(h)); err != nil || path == r.URL.Path || s.doubles {
			return
		}
	}
	if err == nil {
		s.t.Errorf("%s %s leaves without an attempt on record: %v", r.Method, r.URL.Path, known)
	}
}
