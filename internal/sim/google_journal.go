package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// GoogleExchange is one request and what became of it. Credentials are never kept: neither header nor form.
type GoogleExchange struct {
	ID                   string // of the method, as "events.patch"; empty: none, or not of the API
	Method               string
	Path                 string // as it was escaped
	Query                url.Values
	IfMatch, IfNoneMatch string
	User                 string // the address; empty: nobody
	Body                 string // empty for OAuth
	Status               int    // of the answer; 0: the request was dropped
	Reason               string // of an error
	Silent               bool   // sendUpdates was not said on a write that has it: whether guests are mailed is then up to Google
	Lost                 bool   // the client got no answer
	Time                 time.Time
}

// Mail is a message the server would have sent to a guest.
type Mail struct {
	Calendar, Event string // ids
	To              string
	Why             string // "invited", "updated", "cancelled", "replied"; "reset": his answer was overwritten and he is asked again
}

// Journal lists the exchanges in the order of their answers.
func (g *Google) Journal() []GoogleExchange {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.journal)
}

// Writes is the journal of API requests without what only reads.
func (g *Google) Writes() []GoogleExchange {
	return slices.DeleteFunc(g.Journal(), func(x GoogleExchange) bool {
		return x.Method == http.MethodGet || !strings.HasPrefix(x.Path, apiPrefix)
	})
}

// ResetJournal empties the journal; the mails stay.
func (g *Google) ResetJournal() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.journal = nil
}

// Mails lists every mail that would have been sent, in order.
func (g *Google) Mails() []Mail {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.mails)
}

// Violations lists what contradicted the discovery document, in requests and answers; see GoogleOptions.Discovery.
func (g *Google) Violations() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.violations)
}

func (g *Google) recordGoogle(r *googleRequest, a googleAnswer, lost bool) {
	x := GoogleExchange{Method: r.Method, Path: r.URL.EscapedPath(), Status: a.status, Reason: a.reason, Lost: lost, Time: r.came}
	if strings.HasPrefix(x.Path, apiPrefix) {
		x.Query, x.Body = r.query, string(r.body)
		x.IfMatch, x.IfNoneMatch = r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	}
	if r.method != nil {
		x.ID = r.method.id
		x.Silent = r.method.notifies() && !r.query.Has("sendUpdates") && !r.query.Has("sendNotifications")
	}
	if r.user != nil {
		x.User = r.user.Email
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.journal = append(g.journal, x)
}
