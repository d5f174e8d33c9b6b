package sim

import (
	"slices"
	"time"
)

// Exchange is one request and what became of it.
type Exchange struct {
	Method      string
	Path        string // as it was escaped
	Depth       string
	IfMatch     string
	IfNoneMatch string
	Destination string
	Authorized  bool   // an Authorization header came; its value is never kept
	Request     string // the body
	Status      int    // of the answer; 0: the request was dropped
	Lost        bool   // the client got no answer
	Time        time.Time
}

// Journal lists the exchanges in the order of their answers.
func (s *CalDAV) Journal() []Exchange {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.journal)
}

// Writes is the journal without what only reads.
func (s *CalDAV) Writes() []Exchange {
	return slices.DeleteFunc(s.Journal(), func(x Exchange) bool { return !x.Writes() })
}

// Reset empties the journal.
func (s *CalDAV) Reset() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = nil
}

// Writes tells whether the method changes anything.
func (x Exchange) Writes() bool {
	switch x.Method {
	case "GET", "HEAD", "OPTIONS", "PROPFIND", "REPORT":
		return false
	}
	return true
}

func (s *CalDAV) record(r request, x Exchange) {
	x.Method, x.Path, x.Request, x.Time = r.Method, r.URL.EscapedPath(), r.body, r.came
	x.Depth, x.Destination = r.Header.Get("Depth"), r.Header.Get("Destination")
	x.IfMatch, x.IfNoneMatch = r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	x.Authorized = r.Header.Get("Authorization") != ""
	s.mu.Lock()
	defer s.mu.Unlock()
	s.journal = append(s.journal, x)
}
