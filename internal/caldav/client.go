// Package caldav speaks CalDAV (RFC 4791) to servers as they are: it knows what the documents say and what iCloud, Nextcloud, Cyrus,
// Radicale, SOGo and the others make of them. It moves bytes and remembers what it learned about a server; it decides nothing.
package caldav

import (
	"context"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"calbridge/internal/cal"
)

// Client talks to one account of one server. It is safe for concurrent use.
type Client struct {
	cfg   Config
	mu    sync.Mutex
	known Profile
	sent  atomic.Int64 // requests
	read  atomic.Int64 // bytes of bodies as they arrived, before any decoding
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
	return &Client{cfg: cfg, known: cfg.Profile.clone()}, nil
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
func (c *Client) Close() {}

// request is one HTTP request before it has a host and credentials.
type request struct {
	method      string
	href        cal.Href // a canonical path, or an absolute URL
	depth       string   // RFC 4918 §10.2; empty: no header
	header      http.Header
	body        []byte // XML or iCalendar; nil: none
	contentType string
}

// send makes the request and returns the answer whatever its status, its body open and unzipped. The body has no limit: see limitBody.
//
// Errors wrap cal.ErrUnsent when no byte of the request left, cal.ErrLocked for 401, cal.Busy for 429 and 503, cal.ErrRefused for a
// redirect that must not be followed; any other error is a passing fault, its outcome unknown.
func (c *Client) send(ctx context.Context, r request) (*http.Response, error) {
	return nil, fmt.Errorf("%s %s: %w", r.method, r.href, cal.ErrUnsent)
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
