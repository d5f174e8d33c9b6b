package sim

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

// GoogleFaults decide what goes wrong with requests to a Google server, OAuth included.
type GoogleFaults struct {
	Hook func(*http.Request) *GoogleFault // asked before the request is handled, without any lock; nil, or nil from it: handle it

	waiting []waitingFault
}

// GoogleFault is what goes wrong with one request. The zero GoogleFault is nothing.
type GoogleFault struct {
	Status                    int    // answered
	Reason, Message, Location string // of the error body; Location is a parameter
	RetryAfter                string
	Apply                     bool // the request is handled all the same, then Status is answered
	LoseAnswer                bool // the request is handled, then the connection is cut
	CutRequest                bool // the connection is cut before the request is handled
}

type waitingFault struct {
	verb, path string
	times      int
	fault      GoogleFault
}

// Next lets the next n requests of a verb ("" for any) whose path contains a text run into f; the faults wait in line.
func (f *GoogleFaults) Next(n int, verb, path string, fault GoogleFault) {
	f.waiting = append(f.waiting, waitingFault{verb: verb, path: path, times: n, fault: fault})
}

// Clear forgets the hook and all that waits.
func (f *GoogleFaults) Clear() { *f = GoogleFaults{} }

// Faults changes what goes wrong from now on.
func (g *Google) Faults(change func(*GoogleFaults)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.faults)
}

// LagLists makes lists show what was there d ago, while get shows what is: a list may lag a write. It holds for writes from now on; what
// lists show already they go on showing.
func (g *Google) LagLists(d time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	asOf := g.clock().Add(-g.lag)
	for _, c := range g.calendars {
		for _, e := range c.order {
			if v := e.at(asOf); v != nil {
				v.at = time.Time{}
			}
		}
	}
	g.lag = d
}

// PageTokensExpire kills the page tokens handed out so far: 400, as for any page token Google does not know.
func (g *Google) PageTokensExpire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.pageEpoch++
}

// ExpireSyncTokens kills the sync tokens handed out so far: 410 fullSyncRequired.
func (g *Google) ExpireSyncTokens() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.tokenEpoch++
}

func (g *Google) faultFor(r *http.Request) GoogleFault {
	g.mu.Lock()
	waiting, found := g.faults.take(r)
	hook := g.faults.Hook
	g.mu.Unlock()
	if found || hook == nil {
		return waiting
	}
	if f := hook(r); f != nil {
		return *f
	}
	return GoogleFault{}
}

func (f *GoogleFaults) take(r *http.Request) (GoogleFault, bool) {
	for i := range f.waiting {
		w := &f.waiting[i]
		if w.verb != "" && w.verb != r.Method || !strings.Contains(r.URL.Path, w.path) {
			continue
		}
		fault := w.fault
		if w.times--; w.times <= 0 {
			f.waiting = slices.Delete(f.waiting, i, i+1)
		}
		return fault, true
	}
	return GoogleFault{}, false
}

func (f GoogleFault) answer(r *googleRequest) googleAnswer {
	reason, message := f.Reason, f.Message
	if reason == "" {
		reason = usualReason(f.Status)
	}
	if message == "" {
		message = http.StatusText(f.Status)
	}
	if !strings.HasPrefix(r.URL.Path, apiPrefix) {
		return tokenError(f.Status, reason, message)
	}
	e := fail(f.Status, reason, message)
	e.retryAfter = f.RetryAfter
	if strings.Contains(reason, "ateLimit") || reason == "quotaExceeded" {
		e.domain = "usageLimits"
	}
	if f.Location != "" {
		e.parameter(f.Location)
	} else if reason == "fullSyncRequired" {
		e = fullSyncRequired()
	}
	return e.answer()
}

func usualReason(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authError"
	case http.StatusForbidden, http.StatusTooManyRequests:
		return "rateLimitExceeded"
	case http.StatusNotFound:
		return "notFound"
	case http.StatusConflict:
		return "conflict"
	case http.StatusGone:
		return "fullSyncRequired"
	case http.StatusPreconditionFailed:
		return "conditionNotMet"
	}
	if status >= 500 {
		return "backendError"
	}
	return "badRequest"
}
