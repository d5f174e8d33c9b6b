package sim

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Google is the part of Google Calendar a sync engine speaks to, in memory: events, calendars, the calendar list, push channels (API v3,
// discovery document calendar/v3, revision 20260925) and OAuth. It is as strict as the published texts, and where they leave a thing open
// it does what is hardest on the client. What somebody else does goes through the back door: Put, Patch, Remove, SetRole. All methods may
// be called at any time from anywhere, also from the hook of GoogleFaults.
//
// Nothing travels between calendars: a guest's copy of an event is there when a test puts it there.
type Google struct {
	options GoogleOptions
	clock   func() time.Time

	mu         sync.Mutex // guards all below
	users      []*GoogleUser
	calendars  map[string]*googleCalendar
	journal    []GoogleExchange
	mails      []Mail
	violations []string
	faults     GoogleFaults
	quirks     GoogleQuirks
	lag        time.Duration
	serial     int64                     // of etags and of everything else that must differ
	tokenEpoch int                       // sync tokens of an older one are dead
	pageEpoch  int                       // page tokens likewise
	zones      map[string]*time.Location // nil: no such zone
	channels   map[string]*googleChannel
	oauth      googleOAuth
	held       []*http.Request // notifications that wait for TakePosts
	posts      int             // notifications under way
	settled    *sync.Cond      // posts has become less
}

// GoogleOptions make a server. The zero value is the server as it is.
type GoogleOptions struct {
	Clock    func() time.Time // nil: time.Now
	Latency  time.Duration    // before each request is handled
	PageSize int              // of a list that does not ask for one; 0: Google's 250, 100 for calendar lists
	MaxPage  int              // the most a page of events may hold, whatever is asked for; 0: Google's 2500

	PerMinute       int  // requests a user may make in any sixty seconds; 0: any number
	TooManyRequests bool // over PerMinute the answer is 429, not 403: both are documented (Google, Handle API errors)

	NoOpChangesETag         bool // a patch that changes nothing makes a new version all the same
	SeriesDeletionNamesAll  bool // a deleted series is listed with its exceptions, each cancelled; else only the series is
	ExceptionsTouchSeries   bool // writing an exception gives its series a new etag; whether Google does is not known
	ExdatesBecomeExceptions bool // EXDATE lines that are written turn into cancelled exceptions; whether Google does is not known
	NoRevival               bool // status=confirmed does not bring back a deleted event, 403: reports disagree
	ImportReplaces          bool // a second import of one iCalUID replaces the first, as reported in 2021; else 409, as reported in 2024
	PlainWebhooks           bool // push channels may have http addresses
	HoldPosts               bool // notifications wait for TakePosts; else each is sent at once, by a goroutine of its own
	Notify                  *http.Client
	ClientID, ClientSecret  string        // empty: any
	RedirectURIs            []string      // allowed besides the loopback addresses
	RotateRefreshTokens     bool          // each refresh gives a new refresh token, the old one dies when the new one is first used
	RefreshTokenLife        time.Duration // 0: no end; an external app in status Testing has seven days
	Discovery               *Discovery    // nil: exchanges are not checked against the discovery document
	UnknownMembersAreNormal bool          // a request body may have members the discovery document does not know
}

// GoogleUser is an account; its primary calendar has the address as id.
type GoogleUser struct {
	Sub, Email string

	list      map[string]*googleEntry // by calendar id; also what was taken off it
	listOrder []*googleEntry
	listSeq   int64
	requests  []time.Time // of the last sixty seconds
}

// NewGoogle makes a server without users.
func NewGoogle(o GoogleOptions) *Google {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Notify == nil {
		o.Notify = &http.Client{Timeout: 10 * time.Second}
	}
	g := &Google{options: o, clock: o.Clock, calendars: map[string]*googleCalendar{}, zones: map[string]*time.Location{},
		tokenEpoch: int(o.Clock().UnixMilli()), // a server that was started anew knows no older token
		channels:   map[string]*googleChannel{}, oauth: newGoogleOAuth(), serial: 1_700_000_000_000_000}
	g.settled = sync.NewCond(&g.mu)
	return g
}

// AddUser makes an account with an empty primary calendar in UTC.
func (g *Google) AddUser(email string) *GoogleUser {
	g.mu.Lock()
	defer g.mu.Unlock()
	u := &GoogleUser{Email: email, Sub: fmt.Sprintf("1000000000000000%05d", len(g.users)+1), list: map[string]*googleEntry{}}
	g.users = append(g.users, u)
	g.addCalendar(u, GoogleCalendar{ID: email, Summary: email})
	return u
}

// Transport reaches the server without a network, see CalDAV.Transport.
func (g *Google) Transport() http.RoundTripper { return transport{g} }

// ServeHTTP answers one request: the fault that waits for it first, then the method its path names.
func (g *Google) ServeHTTP(w http.ResponseWriter, hr *http.Request) {
	body, err := io.ReadAll(hr.Body)
	if err != nil {
		panic(http.ErrAbortHandler) // the client hung up
	}
	hr.Body = io.NopCloser(bytes.NewReader(body)) // for the hook
	r := &googleRequest{Request: hr, body: body, query: hr.URL.Query(), came: g.clock()}
	linger(hr.Context(), g.options.Latency)
	fault := g.faultFor(hr)
	if fault.CutRequest {
		g.recordGoogle(r, googleAnswer{}, true)
		panic(http.ErrAbortHandler)
	}
	a := g.faulty(r, fault)
	g.recordGoogle(r, a, fault.LoseAnswer)
	if fault.LoseAnswer {
		panic(http.ErrAbortHandler)
	}
	a.send(w)
}

// googleRequest is one request as the methods see it.
type googleRequest struct {
	*http.Request
	body   []byte
	query  url.Values
	came   time.Time
	method *googleMethod
	path   map[string]string // the parameters in the path, decoded
	user   *GoogleUser
}

// googleAnswer is what goes back, complete before its first byte is written.
type googleAnswer struct {
	status int
	reason string // of an error
	header http.Header
	body   []byte
}

func (a googleAnswer) with(key, value string) googleAnswer {
	if a.header == nil {
		a.header = http.Header{}
	}
	a.header.Set(key, value)
	return a
}

func (a googleAnswer) send(w http.ResponseWriter) {
	for key, values := range a.header {
		w.Header()[key] = values
	}
	if len(a.body) > 0 && w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// faulty answers r with all that is to go wrong on the server's side.
func (g *Google) faulty(r *googleRequest, f GoogleFault) googleAnswer {
	if f.Status != 0 && !f.Apply {
		return f.answer(r)
	}
	a := g.answerGoogle(r)
	if f.Status != 0 {
		return f.answer(r)
	}
	return a
}

func (g *Google) answerGoogle(r *googleRequest) googleAnswer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if rest, ok := strings.CutPrefix(r.URL.EscapedPath(), apiPrefix); ok {
		a := g.api(r, rest)
		g.checkExchange(r, a)
		return a
	}
	return g.answerOAuth(r)
}

const apiPrefix = "/calendar/v3/"

// api finds the method, the user and the right to it, in this order.
func (g *Google) api(r *googleRequest, path string) googleAnswer {
	known := r.route(path)
	if r.method == nil && known {
		return fail(http.StatusMethodNotAllowed, "httpMethodNotAllowed", "Method Not Allowed").answer()
	}
	if r.method == nil {
		return notFound().answer()
	}
	if err := g.admit(r); err != nil {
		return err.answer()
	}
	a, err := r.method.handle(g, r)
	if err != nil {
		return err.answer()
	}
	return a
}

// route finds the method of the path, and tells whether the path exists at all.
func (r *googleRequest) route(path string) (known bool) {
	parts := strings.Split(path, "/")
	for i := range googleMethods {
		m := &googleMethods[i]
		if params, ok := m.matches(parts); ok {
			known = true
			if m.verb == r.Method {
				r.method, r.path = m, params
				return true
			}
		}
	}
	return known
}

// linger waits, or until the client has gone.
func linger(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		panic(http.ErrAbortHandler)
	}
}
