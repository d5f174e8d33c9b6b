// Package caldav speaks CalDAV (RFC 4791) to servers as they are: it knows what the documents say and what iCloud, Nextcloud, Cyrus,
// Radicale, SOGo and the others make of them. It moves bytes and remembers what it learned about a server; it decides nothing.
package caldav

import (
	"cmp"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"calbridge/internal/cal"
)

// Client talks to one account of one server. It is safe for concurrent use.
type Client struct {
	cfg    Config
	home   *url.URL   // what relative hrefs resolve against
	homes  []*url.URL // the sites that may see the password
	wires  wires
	nonces nonces
	mu     sync.Mutex
	known  Profile
	sent   atomic.Int64 // requests
	read   atomic.Int64 // bytes of bodies as they arrived, before any decoding
}

// Config is what a Client needs to know.
type Config struct {
	Home         string   // absolute URL of the calendar home (RFC 4791 §6.2.1): what relative hrefs resolve against; Homes[0] if empty
	Homes        []string // all calendar homes, usually one
	Username     string
	Password     Secret
	AllowPrivate bool             // connect to loopback, private and other inner addresses, and use http there
	Profile      Profile          // what earlier runs learned of this server
	Version      string           // ours, for the User-Agent
	Now          func() time.Time // nil: time.Now
	Trace        func(Exchange)   // nil, or called after every exchange, from any goroutine

	Resolver *net.Resolver     // nil: the system's
	RootCAs  *x509.CertPool    // nil: the system's
	Via      http.RoundTripper // nil: the network. Anything else replaces it, address guard included, as a simulation does
}

// Exchange is one HTTP request and what became of it.
type Exchange struct {
	Method   string
	URL      string // never carries a secret
	Status   int    // 0: no answer
	Bytes    int64  // of the answer's body, as it arrived
	Duration time.Duration
}

// Secret is a password. It shows itself to nobody but the code that converts it to a string on purpose.
type Secret string

const hidden = "(hidden)"

func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, hidden) }

// New checks cfg and makes a Client. It sends nothing.
func New(cfg Config) (*Client, error) {
	cfg.Home = cmp.Or(cfg.Home, first(cfg.Homes))
	if cfg.Home == "" {
		return nil, errors.New("make a CalDAV client: no calendar home; discover the account first")
	}
	if err := checkCredentials(cfg); err != nil {
		return nil, fmt.Errorf("make a CalDAV client: %w", err)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	c := &Client{cfg: cfg, known: cfg.Profile.clone(), wires: newWires(cfg)}
	for _, home := range append([]string{cfg.Home}, cfg.Homes...) {
		u, err := parseURL(home)
		if err != nil {
			return nil, fmt.Errorf("make a CalDAV client: %w", err)
		}
		c.homes = append(c.homes, u)
	}
	c.home = c.homes[0]
	return c, nil
}

func first(list []string) string {
	if len(list) == 0 {
		return ""
	}
	return list[0]
}

// Format keeps fmt from looking inside, where it would print the password: it calls no methods on unexported fields.
func (c *Client) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, "caldav.Client("+c.home.Redacted()+")")
}

// Profile is what is known of the server by now; the caller stores it after a run.
func (c *Client) Profile() Profile {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known.clone()
}

// learn changes what is known of the server.
func (c *Client) learn(lesson func(*Profile)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	lesson(&c.known)
}

// Usage tells how many requests were sent, redirects and login rounds included, and how many bytes of bodies arrived. It only grows.
func (c *Client) Usage() (requests int, bytes int64) {
	return int(c.sent.Load()), c.read.Load()
}

// Close drops the idle connections.
func (c *Client) Close() { c.wires.close() }

// request is one HTTP request before it has a host and credentials.
type request struct {
	method      string
	href        cal.Href // a canonical path, or an absolute URL
	depth       string   // RFC 4918 §10.2; empty: no header
	header      http.Header
	body        []byte // XML or iCalendar; nil: none
	contentType string
}

// reads reports whether the request asks and changes nothing, so that it may be sent twice and somewhere else.
func (r request) reads() bool {
	switch r.method {
	case "PROPFIND", "REPORT", http.MethodGet, http.MethodHead, http.MethodOptions:
		return true
	}
	return false
}

// send makes the request and returns the answer whatever its status, its body open and unzipped. The body has no limit: see limitBody.
// The answer's Request tells the URL that gave it, after redirects.
//
// Errors wrap cal.ErrUnsent when no byte of the request left, cal.ErrLocked for 401, cal.Busy for 429 and 503, cal.ErrRefused for a
// redirect that must not be followed; any other error is a passing fault, its outcome unknown.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	u, err := c.target(r.href)
	if err != nil {
		return nil, fmt.Errorf("%s %s: %w", r.method, clip(printable(string(r.href)), 200), err)
	}
	for range maxRedirects + 1 {
		resp, err := c.login(ctx, r, u)
		if err != nil {
			return nil, err
		}
		if !redirects(resp) {
			return c.judge(r, resp)
		}
		if u, err = c.follow(r, resp); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("%s %s: more than %d redirects", r.method, u.Redacted(), maxRedirects)
}

// target finds the URL of an href. An absolute one came from the server, so it has to lie on a site that may see the password.
func (c *Client) target(h cal.Href) (*url.URL, error) {
	text := string(h)
	if strings.HasPrefix(text, "/") { // "//host" too is a path here, never another host
		text = c.home.Scheme + "://" + c.home.Host + text
	}
	u, err := parseURL(text)
	if err != nil {
		return nil, errors.Join(cal.ErrUnsent, err)
	}
	if !c.trusts(u) {
		return nil, fmt.Errorf("%w: %w", cal.ErrRefused, strangerError(u, c.home))
	}
	return u, nil
}

// maxRedirects is how many redirects in a row are followed.
const maxRedirects = 3

// redirects reports whether resp sends us elsewhere with the same method (RFC 9110 §15.4). For 301 and 302 the document lets clients
// turn a POST into GET; a PROPFIND stays one. 303 asks for a GET, which no answer of ours could come of.
func redirects(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return resp.Header.Get("Location") != ""
	}
	return false
}

// follow uses up a redirect and returns where it leads, if r may go there: reads only, and only where the password may be shown.
func (c *Client) follow(r request, resp *http.Response) (*url.URL, error) {
	from := resp.Request.URL
	discard(resp)
	to, err := parseURLFrom(from, resp.Header.Get("Location"))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %s: redirected: %w: %w", r.method, from.Redacted(), cal.ErrRefused, err)
	case !c.trusts(to) || downgrades(from, to):
		return nil, fmt.Errorf("%s %s: redirected: %w: %w", r.method, from.Redacted(), cal.ErrRefused, strangerError(to, from))
	case !r.reads():
		return nil, fmt.Errorf("%s %s: %w: the server redirects writes to %s; it seems to have moved: re-add the account",
			r.method, from.Redacted(), cal.ErrRefused, to.Redacted())
	}
	return to, nil
}

// judge turns the statuses that mean the same for every request into errors. The answer of any other status is the caller's.
func (c *Client) judge(r request, resp *http.Response) (*http.Response, error) {
	switch resp.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		busy := cal.Busy{Wait: retryAfter(resp.Header, c.cfg.Now())}
		discard(resp)
		return nil, fmt.Errorf("%s %s: %d: %w", r.method, resp.Request.URL.Redacted(), resp.StatusCode, busy)
	}
	c.observe(resp)
	return resp, nil
}

// observe learns from the headers of an answer.
func (c *Client) observe(resp *http.Response) {
	c.learn(func(p *Profile) {
		p.sawServer(resp.Header.Get("Server"))
		p.sawDAV(resp.Header.Values("DAV"), resp.Request.Method == http.MethodOptions)
	})
}

// maxRetryAfter is the longest a server may make us wait in one go.
const maxRetryAfter = 2 * time.Hour

// retryAfter reads Retry-After (RFC 9110 §10.2.3): seconds or a date, the latter against the server's own clock where it tells it.
// What cannot be read, or lies in the past, is zero.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(maxRetryAfter/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxRetryAfter)
}

// limitBody makes reading more than n bytes from body an error, so that a hostile or broken answer cannot fill the memory.
func limitBody(body io.ReadCloser, n int64) io.ReadCloser {
	return &limited{ReadCloser: body, left: n, limit: n}
}

type limited struct {
	io.ReadCloser
	left, limit int64
}

// Read lets one byte more than the limit through, to tell an answer that just fits from one that does not.
func (l *limited) Read(p []byte) (int, error) {
	if int64(len(p)) > l.left+1 {
		p = p[:l.left+1]
	}
	n, err := l.ReadCloser.Read(p)
	if l.left -= int64(n); l.left < 0 {
		return 0, fmt.Errorf("the answer is larger than %d bytes", l.limit)
	}
	return n, err
}
