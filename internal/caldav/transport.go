package caldav

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/icholy/digest"

	"calbridge/internal/cal"
)

// How long what may take.
const (
	dialLimit   = 10 * time.Second
	tlsLimit    = 10 * time.Second
	answerLimit = 60 * time.Second  // from the request's last byte to the answer's header
	reportLimit = 120 * time.Second // the same for PROPFIND and REPORT: Radicale's first listing of 10,000 events takes 75 s
	silentLimit = 60 * time.Second  // between two bytes of an answer
	drainLimit  = 2 * time.Second   // for the rest of an answer nobody wants, so that the connection can be used again
	idleLimit   = 60 * time.Second  // that an unused connection stays open
)

const (
	maxIdle   = 8
	maxHeader = 256 << 10 // bytes of an answer's header
	maxDrain  = 256 << 10 // bytes read for the connection's sake
)

// wires are the ways to the network: with encryption anywhere, without it to private addresses only.
type wires struct {
	https, http http.RoundTripper
	real        bool // the network, and not Config.Via
}

func newWires(cfg Config) wires {
	if cfg.Via != nil {
		return wires{https: cfg.Via, http: cfg.Via}
	}
	return wires{
		https: newTransport(cfg, guard{private: cfg.AllowPrivate, public: true}),
		http:  newTransport(cfg, guard{private: cfg.AllowPrivate}),
		real:  true,
	}
}

func newTransport(cfg Config, g guard) *http.Transport {
	dialer := &net.Dialer{Timeout: dialLimit, Control: g.control, Resolver: cfg.Resolver}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!cfg.Profile.NoHTTP2)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			conn, err := dialer.DialContext(ctx, network, addr)
			if err != nil {
				return nil, err
			}
			return ackAtOnce(conn), nil
		},
		Proxy:                  nil, // a proxy would connect where the guard cannot see
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: cfg.RootCAs},
		TLSHandshakeTimeout:    tlsLimit,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleLimit,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // asked for and undone here, where the bytes are counted
		Protocols:              protocols,
	}
}

func (w wires) to(u *url.URL) http.RoundTripper {
	if u.Scheme == "https" {
		return w.https
	}
	return w.http
}

func (w wires) close() {
	for _, rt := range []http.RoundTripper{w.https, w.http} {
		if t, ok := rt.(*http.Transport); ok {
			t.CloseIdleConnections()
		}
	}
}

// exchange makes one HTTP request, whatever the answer. Servers close connections they find idle just as we write to them; a read that
// met with that is made once more; with Digest it is not, as the proof may have been used up (RFC 7616 §5.5).
func (c *Client) exchange(ctx context.Context, r request, u *url.URL, authorization string) (*http.Response, error) {
	f := c.launch(ctx, r, u)
	resp, err := f.fly(authorization)
	broke := err != nil && f.reused.Load() && !errors.Is(err, errSilent) && ctx.Err() == nil
	if !broke || !r.reads() || digest.IsDigest(authorization) {
		return resp, err
	}
	return c.launch(ctx, r, u).fly(authorization)
}

// wire writes r down as net/http wants it.
func (c *Client) wire(ctx context.Context, r request, u *url.URL, authorization string) *http.Request {
	req := (&http.Request{Method: r.method, URL: u, Host: u.Host, Header: r.header.Clone()}).WithContext(ctx)
	if req.Header == nil {
		req.Header = http.Header{}
	}
	set := func(name, value string) {
		if value != "" {
			req.Header.Set(name, value)
		}
	}
	set("Authorization", authorization)
	set("Content-Type", r.contentType)
	set("Depth", r.depth)
	set("User-Agent", "calbridge/"+orDev(c.cfg.Version))
	set("Accept-Encoding", encoding(r, u))
	if r.body != nil {
		// The length is always told: Radicale and SOGo refuse chunked bodies. GetBody lets net/http use a fresh connection when a kept one
		// turns out dead before a byte was written, and in no other case: it replays nothing but GET, HEAD, OPTIONS and TRACE.
		req.ContentLength = int64(len(r.body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil }
		req.Body, _ = req.GetBody()
	}
	return req
}

func orDev(version string) string {
	if version == "" {
		return "dev"
	}
	return version
}

// encoding asks for gzip where it pays and does no harm: listings from afar. Apache adds "-gzip" to the ETag header of what it
// compresses, after which no If-Match holds; listings carry their etags inside.
func encoding(r request, u *url.URL) string {
	if (r.method == "PROPFIND" || r.method == "REPORT") && !nearby(u.Hostname()) {
		return "gzip"
	}
	return "identity"
}

// flight is one exchange on its way.
type flight struct {
	client  *Client
	request request
	url     *url.URL
	ctx     context.Context
	cancel  context.CancelCauseFunc
	timer   *time.Timer // ends the exchange when the server is silent for too long
	started time.Time
	left    atomic.Bool // bytes of the request left, or may have
	reused  atomic.Bool // the connection had served others before
	status  atomic.Int32
	bytes   atomic.Int64
	ended   sync.Once
}

var errSilent = errors.New("the server did not answer in time")

func (c *Client) launch(ctx context.Context, r request, u *url.URL) *flight {
	f := &flight{client: c, request: r, url: u, started: c.cfg.Now()}
	f.ctx, f.cancel = context.WithCancelCause(ctx)
	f.timer = time.AfterFunc(dialLimit+tlsLimit+f.patience(), func() { f.cancel(errSilent) })
	f.left.Store(!c.wires.real) // whatever stands for the network tells by cal.ErrUnsent
	return f
}

func (f *flight) patience() time.Duration {
	if f.request.method == "PROPFIND" || f.request.method == "REPORT" {
		return reportLimit
	}
	return answerLimit
}

// traced is the context that tells when the request leaves. Each connection tried starts anew: net/http tries a second one only if
// nothing was written to the first, or if the server said that it did nothing (RFC 9113 §8.7).
func (f *flight) traced() context.Context {
	if !f.client.wires.real {
		return f.ctx
	}
	return httptrace.WithClientTrace(f.ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { f.left.Store(false) },
		GotConn:      func(conn httptrace.GotConnInfo) { f.reused.Store(conn.Reused) },
		WroteHeaders: func() { f.left.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) {
			if f.status.Load() == 0 { // some answer before they have heard us out
				f.timer.Reset(f.patience())
			}
		},
	})
}

// fly makes the exchange. Without an error it ends when the answer's body is closed.
func (f *flight) fly(authorization string) (*http.Response, error) {
	c, r, u := f.client, f.request, f.url
	req := c.wire(f.traced(), r, u, authorization)
	resp, err := c.wires.to(u).RoundTrip(req)
	if f.left.Load() {
		c.sent.Add(1)
	}
	if err != nil {
		return nil, f.failed(err)
	}
	f.status.Store(int32(resp.StatusCode))
	f.timer.Stop()
	resp.Request = req
	if err := f.wrap(resp); err != nil {
		f.end()
		return nil, fmt.Errorf("%s %s: %w", r.method, u.Redacted(), err)
	}
	return resp, nil
}

// failed ends an exchange that got no answer.
func (f *flight) failed(err error) error {
	if cause := context.Cause(f.ctx); errors.Is(cause, errSilent) {
		err = cause
	}
	f.end()
	if !f.left.Load() && !errors.Is(err, cal.ErrUnsent) {
		err = fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	return fmt.Errorf("%s %s: %w", f.request.method, f.url.Redacted(), err)
}

// end lets go of what the exchange holds, and reports it.
func (f *flight) end() {
	f.ended.Do(func() {
		f.timer.Stop()
		f.cancel(nil)
		if f.client.cfg.Trace != nil {
			f.client.cfg.Trace(Exchange{Method: f.request.method, URL: f.url.Redacted(), Status: int(f.status.Load()), Bytes: f.bytes.Load(),
				Duration: f.client.cfg.Now().Sub(f.started)})
		}
	})
}

// wrap puts the counting, the guard against silence and the decoding around the answer's body.
func (f *flight) wrap(resp *http.Response) error {
	raw := &wireBody{flight: f, body: resp.Body}
	resp.Body = raw
	switch strings.ToLower(resp.Header.Get("Content-Encoding")) {
	case "", "identity":
		return nil
	case "gzip", "x-gzip":
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.Uncompressed = -1, true
		resp.Body = &unzipped{wireBody: raw}
		return nil
	}
	_ = resp.Body.Close()
	return fmt.Errorf("the answer is encoded as %q, which was not asked for", clip(printable(resp.Header.Get("Content-Encoding")), 40))
}

// wireBody is an answer's body as it arrives.
type wireBody struct {
	flight *flight
	body   io.ReadCloser
	done   bool // read to the end, or broken
}

// Read gives up on a server that falls silent. Time between reads is the reader's own.
func (b *wireBody) Read(p []byte) (int, error) {
	b.flight.timer.Reset(silentLimit)
	n, err := b.body.Read(p)
	b.flight.timer.Stop()
	b.flight.bytes.Add(int64(n))
	b.flight.client.read.Add(int64(n))
	b.done = b.done || err != nil
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.flight.ctx), errSilent) {
		err = errSilent
	}
	return n, err
}

// Close reads what little is left, as HTTP/1.1 connections can be used again only at the end of an answer.
func (b *wireBody) Close() error {
	if !b.done {
		b.flight.timer.Reset(drainLimit)
		n, _ := io.CopyN(io.Discard, b.body, maxDrain)
		b.flight.bytes.Add(n)
		b.flight.client.read.Add(n)
		b.done = true
	}
	err := b.body.Close()
	b.flight.end()
	return err
}

// unzipped is a body that came compressed.
type unzipped struct {
	*wireBody
	zip *gzip.Reader
}

// Read opens the compressed stream when it is wanted: an empty answer may claim to be one.
func (u *unzipped) Read(p []byte) (int, error) {
	if u.zip == nil {
		zip, err := gzip.NewReader(u.wireBody)
		if err != nil {
			return 0, err
		}
		u.zip = zip
	}
	return u.zip.Read(p)
}

// discard uses up an answer nobody will read.
func discard(resp *http.Response) { _ = resp.Body.Close() }
