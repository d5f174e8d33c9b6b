package google

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
	"google.golang.org/api/calendar/v3"
	"google.golang.org/api/googleapi"
	"google.golang.org/api/option"

	"calbridge/internal/cal"
	"calbridge/internal/event"
)

// Client talks to Google Calendar for one account. It is safe for concurrent use.
//
// What holds events goes over the wire as raw JSON: typed structs drop the members they do not know, and a patch replaces arrays whole,
// so they would delete what they dropped. Calendars and channels hold none, so they go through the generated client.
type Client struct {
	cfg    Config
	api    *url.URL
	pace   *rate.Limiter // nil: none
	wire   http.RoundTripper
	lists  *calendar.Service
	zones  *event.Zones
	sent   atomic.Int64 // requests
	read   atomic.Int64 // bytes of bodies as they arrived, before any decoding
	mu     sync.Mutex
	memory memory
	news   bool // memory is not what Config.Memory holds
}

// Config is what a Client needs to know.
type Config struct {
	API       string            // absolute URL of the API; its path ends in /calendar/v3/
	Auth      http.RoundTripper // sends a request with the account's access token: OAuth.Transport over NewTransport
	Self      []string          // calendar user addresses of the account ("mailto:ada@example.org"); the primary calendar's is added
	Memory    []byte            // what Learned gave last time; nil: nothing
	MemoryKey string            // what Learned calls it
	PerMinute int               // requests the account may make in any 60 seconds; 0: Google's 600 for a user of a project; negative: any number
	PageSize  int               // of events.list; 0: 2500, Google's most
	Scopes    []string          // granted; nil: not known, so Google will say no itself
	Version   string            // ours, for the User-Agent
	Now       func() time.Time  // nil: time.Now
	Trace     func(Exchange)    // nil, or called after every exchange, from any goroutine
}

// Exchange is one HTTP request and what became of it.
type Exchange struct {
	Method   string
	URL      string // never carries a secret
	Status   int    // 0: no answer
	Bytes    int64  // of the answer's body, as it arrived
	Duration time.Duration
}

// PerMinute is how many requests an account may make in a minute unless the operator says otherwise ("Usage limits": for each user of
// a project).
const PerMinute = 600

const (
	pageSize = 2500 // discovery document, events.list maxResults
)

// New checks cfg and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	api, err := url.Parse(cfg.API)
	switch {
	case err != nil:
		return nil, fmt.Errorf("make a Google client: %w", err)
	case api.Host == "" || !strings.HasSuffix(api.Path, "/calendar/v3/"): // the generated client swallows "v3" where the last slash is missing
		return nil, fmt.Errorf("make a Google client: the API's URL %q does not end in /calendar/v3/", cfg.API)
	case cfg.Auth == nil:
		return nil, errors.New("make a Google client: nothing to authenticate with")
	}
	cfg.PerMinute, cfg.PageSize = cmp.Or(cfg.PerMinute, PerMinute), min(cmp.Or(cfg.PageSize, pageSize), pageSize)
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, api: api, pace: newPace(cfg.PerMinute), zones: event.NewZones(), memory: readMemory(cfg.Memory)}
	c.wire = &wire{Client: c, base: cfg.Auth}
	c.lists, err = calendar.NewService(context.Background(), option.WithEndpoint(cfg.API), option.WithHTTPClient(c.client()))
	if err != nil {
		return nil, fmt.Errorf("make a Google client: %w", err)
	}
	return c, nil
}

// newPace spaces requests out. Google counts in a sliding window, so what may go at once and what flows in a minute add up to the quota.
func newPace(perMinute int) *rate.Limiter {
	if perMinute < 0 {
		return nil
	}
	perMinute = max(perMinute, 4)
	burst := perMinute / 4
	return rate.NewLimiter(rate.Limit(float64(perMinute-burst)/60), burst)
}

// client is what the generated client sends with. It follows no redirect: the token would go along.
func (c *Client) client() *http.Client {
	return &http.Client{Transport: c.wire, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// Format keeps fmt from looking inside, where an access token may be.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "google.Client("+c.api.Redacted()+")")
}

// Once tells that an event id names one event for ever, also after its deletion (discovery document, events.insert: a client-given id is
// not free again).
func (*Client) Once() bool { return true }

// Usage tells how many requests were sent and how many bytes of bodies arrived. It only grows.
func (c *Client) Usage() (requests int, bytes int64) { return int(c.sent.Load()), c.read.Load() }

// Close drops the idle connections.
func (c *Client) Close() {
	if idle, ok := c.cfg.Auth.(interface{ CloseIdleConnections() }); ok {
		idle.CloseIdleConnections()
	}
}

// request is one HTTP request about events.
type request struct {
	method string
	path   []string // segments below the API's URL, not escaped
	query  url.Values
	match  cal.ETag // If-Match; empty: no precondition
	body   []byte   // JSON; nil: none
}

// send makes the request and returns an answer of 2xx, its body open. Any other answer is a fault: see errors.go.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	req, err := c.compose(ctx, r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	resp, err := c.wire.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := googleapi.CheckResponse(resp); err != nil {
		discard(resp)
		var answer *googleapi.Error
		if errors.As(err, &answer) {
			answer.Code = resp.StatusCode // the body may claim another
		}
		return nil, c.judge(r.method != http.MethodGet, err)
	}
	return resp, nil
}

// compose writes r down as net/http wants it.
func (c *Client) compose(ctx context.Context, r request) (*http.Request, error) {
	u := *c.api
	escaped := make([]string, len(r.path))
	for i, segment := range r.path {
		escaped[i] = url.PathEscape(segment)
	}
	u.Path, u.RawPath = u.Path+strings.Join(r.path, "/"), u.EscapedPath()+strings.Join(escaped, "/")
	query := url.Values{"prettyPrint": {"false"}} // a standard parameter: white space is a third of what Google sends
	for name, values := range r.query {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body) // with a GetBody, which lets net/http go on when a kept connection is found dead before a byte left
	}
	req, err := http.NewRequestWithContext(ctx, r.method, u.String(), body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		req.Header.Set("Content-Type", "application/json; charset=utf-8")
	}
	if r.match != "" {
		req.Header.Set("If-Match", string(r.match)) // quotes and all ("Get specific versions of resources")
	}
	return req, nil
}

// fetch makes a GET and reads its whole answer.
func (c *Client) fetch(ctx context.Context, r request) ([]byte, error) {
	r.method = http.MethodGet
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	return io.ReadAll(bound(resp.Body, maxWhole))
}

// change makes a request that changes something. What Google answers is read back with everything else, not here.
func (c *Client) change(ctx context.Context, r request) error {
	resp, err := c.send(ctx, r)
	if err == nil {
		discard(resp)
	}
	return err
}
