// Package sim holds servers that misbehave on purpose: real HTTP, real bytes, and switches for what real servers get wrong.
//
// CalDAV is a whole CalDAV server in memory (RFC 4918, 4791, 6578, 5689). It is exact by default; every deviation is a field of Quirks
// that names servers known for it, every accident of the network a field of Fault, and what somebody else does on the server goes
// through the back door: Store, Remove, AddCalendar.
//
// Google is the part of Google Calendar that a sync engine speaks to, and its OAuth; see there.
//
// Both answer the same requests at the same times with the same bytes: what they make up comes from counters. They run no goroutine of
// their own (but Google's notifications, see GoogleOptions.HoldPosts) and call nobody with a lock held.
//
// Of go-webdav CalDAV uses what holds: caldav.Handler and caldav.Match read and decide calendar-query. The rest is intercepted, because
// caldav.Handler cannot do it: it parses and writes anew every body (here bodies are kept byte for byte), gives DELETE no precondition,
// answers every PUT 201, puts the principal one level above the home, lists properties in any order, and knows neither sync-collection nor
// PROPPATCH, MKCALENDAR, MOVE, getctag or sync-token.
package sim

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// CalDAV is one CalDAV server. All methods may be called at any time from anywhere, also from the hooks of a Fault.
type CalDAV struct {
	users  map[string]string
	digest bool
	clock  func() time.Time
	zips   sync.Pool // of *gzip.Writer, which are dear to make

	mu      sync.Mutex // guards all below
	quirks  Quirks
	fault   func(*http.Request) Fault
	journal []Exchange
	homes   map[string]map[string]*collection // user, calendar
	epochs  int                               // collections made so far

	requests int // so far
	mails    []Mail
}

// Options make a server.
type Options struct {
	Users  map[string]string // name to password; empty: anybody may do anything, as with Xandikos
	Digest bool              // asks for Digest (RFC 7616) and takes no Basic, as Baikal may
	Clock  func() time.Time  // nil: time.Now
}

// New makes a server whose users have no calendars yet.
func New(o Options) *CalDAV {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &CalDAV{users: o.Users, digest: o.Digest, clock: o.Clock, homes: map[string]map[string]*collection{}}
}

// Home is the path of a user's calendar home.
func (s *CalDAV) Home(user string) string { return "/dav/calendars/" + url.PathEscape(user) + "/" }

// Principal is the path of a user's principal.
func (s *CalDAV) Principal(user string) string {
	return "/dav/principals/" + url.PathEscape(user) + "/"
}

// Path is where an object is, or with an empty name the calendar itself, as the server lists it when nothing is switched on.
func (s *CalDAV) Path(user, calendar, name string) string {
	return href(Quirks{}, place{kind: atObject, user: user, calendar: calendar, name: name})
}

// Quirks changes what the server gets wrong. Requests that are under way keep what they began with.
func (s *CalDAV) Quirks(change func(*Quirks)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change(&s.quirks)
}

// OnRequest has f asked for every request, before anything else is done with it, what is to go wrong. It may be called concurrently; nil
// ends it.
func (s *CalDAV) OnRequest(f func(*http.Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// ServeHTTP answers one request: the fault that waits for it first, then the quirks that answer for everything, then its method.
func (s *CalDAV) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	body, err := io.ReadAll(hr.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client hung up
	}
	r := request{Request: hr, body: string(body), came: s.clock()}
	s.mu.Lock()
	s.requests++
	r.q, r.number = s.quirks, s.requests
	fault := s.fault
	s.mu.Unlock()
	if fault != nil {
		r.fault = fault(hr)
	}
	r.at = parsePath(r.q, hr.URL.EscapedPath())
	s.perform(w, r)
}

// request is one request as the methods see it.
type request struct {
	*http.Request
	body  string
	came  time.Time
	at    place
	user  string // who asks; empty when the server lets anybody in
	q     Quirks // in force when it came
	fault Fault

	number int // of the requests so far
}

// answer is what goes back, complete before its first byte is written.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) with(key, value string) answer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

// answer decides who answers.
func (s *CalDAV) answer(r request) answer {
	if a, all := answersForAll(r); all {
		return a
	}
	if r.at.kind == atWellKnown { // RFC 6764 §5: needs no credentials
		return answer{status: http.StatusMovedPermanently}.with("Location", "/dav/")
	}
	user, ok := s.authenticate(r)
	if !ok {
		return s.challenge()
	}
	r.user = user
	if r.at.user != "" && user != "" && r.at.user != user {
		return refuse(http.StatusForbidden, davNeedPrivileges).answer(r)
	}
	return s.method(r)
}

// answersForAll are the quirks that let no request through.
func answersForAll(r request) (answer, bool) {
	switch {
	case r.q.HTMLInsteadOfXML:
		page := "<!DOCTYPE html><html><head><title>Log in</title></head><body><form><input name=password></form></body></html>\n"
		return answer{status: http.StatusOK, body: []byte(page)}.with("Content-Type", "text/html; charset=utf-8"), true
	case r.q.RetryAfter != "":
		return answer{status: http.StatusServiceUnavailable}.with("Retry-After", r.q.RetryAfter), true
	case nth(r.number, r.q.ThrottleEvery):
		return answer{status: http.StatusServiceUnavailable}.with("Retry-After", "1"), true
	case r.q.RefuseChunked && len(r.TransferEncoding) > 0:
		return answer{status: http.StatusBadRequest}, true
	}
	return answer{}, false
}

// nth tells whether it is the turn of number i, counted from 1, when every n-th has it; n 0: never.
func nth(i, n int) bool { return n > 0 && i%n == 0 }

func (s *CalDAV) method(r request) answer {
	switch r.Method {
	case http.MethodOptions:
		return s.options()
	case http.MethodGet, http.MethodHead:
		return s.get(r)
	case http.MethodPut:
		return s.put(r)
	case http.MethodDelete:
		return s.remove(r)
	case "MOVE":
		return s.move(r)
	case "PROPFIND":
		return s.propfind(r)
	case "PROPPATCH":
		return s.proppatch(r)
	case "MKCALENDAR", "MKCOL":
		return s.makeCalendar(r)
	case "REPORT":
		return s.report(r)
	}
	return answer{status: http.StatusMethodNotAllowed}.with("Allow", allowed)
}

const allowed = "OPTIONS, GET, HEAD, PUT, DELETE, MOVE, PROPFIND, PROPPATCH, MKCALENDAR, MKCOL, REPORT"

func (s *CalDAV) options() answer {
	return answer{status: http.StatusOK}.with("DAV", "1, 3, access-control, calendar-access, extended-mkcol").with("Allow", allowed)
}

// place is what a path names.
type place struct {
	kind                 placeKind
	user, calendar, name string // decoded
}

type placeKind int

const (
	atNowhere placeKind = iota
	atWellKnown
	atRoot
	atPrincipal
	atHome
	atCalendar
	atObject
)

// parsePath reads an escaped path segment by segment, so that an escaped slash stays inside its name.
func parsePath(q Quirks, escaped string) place {
	parts := strings.Split(strings.Trim(escaped, "/"), "/")
	for i := range parts {
		parts[i] = unescape(q, parts[i])
	}
	switch {
	case len(parts) == 2 && parts[0] == ".well-known" && parts[1] == "caldav":
		return place{kind: atWellKnown}
	case len(parts) == 1 && (parts[0] == "" || parts[0] == "dav"):
		return place{kind: atRoot}
	case parts[0] != "dav" || len(parts) < 3:
		return place{}
	case parts[1] == "principals" && len(parts) == 3:
		return place{kind: atPrincipal, user: parts[2]}
	case parts[1] == "calendars":
		return parseHome(parts[2:])
	}
	return place{}
}

func parseHome(parts []string) place {
	switch len(parts) {
	case 1:
		return place{kind: atHome, user: parts[0]}
	case 2:
		return place{kind: atCalendar, user: parts[0], calendar: parts[1]}
	case 3:
		return place{kind: atObject, user: parts[0], calendar: parts[1], name: parts[2]}
	}
	return place{}
}

func unescape(q Quirks, segment string) string {
	name, err := url.PathUnescape(segment)
	if err != nil {
		return segment
	}
	if q.Hrefs == HrefDouble {
		if again, err := url.PathUnescape(name); err == nil {
			return again
		}
	}
	return name
}
