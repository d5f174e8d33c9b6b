package google

import (
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

	"calbridge/internal/cal"
)

// How long what may take, and how much may come.
const (
	dialLimit   = 10 * time.Second
	tlsLimit    = 10 * time.Second
	answerLimit = 60 * time.Second // from the request to the answer's header
	silentLimit = 60 * time.Second // between two bytes of an answer
	idleLimit   = 90 * time.Second // that an unused connection stays open

	maxAnswer = 256 << 20 // bytes, unzipped, of a page of 2500 events, which is read as a stream
	maxWhole  = 16 << 20  // bytes, unzipped, of an answer that is read as a whole
	maxFault  = 64 << 10  // bytes of an error's explanation
	maxHeader = 256 << 10
	maxIdle   = 8
)

// NewTransport is the network for OAuth.Transport. It never repeats a write: net/http does that only where no byte had left.
func NewTransport() *http.Transport {
	dialer := &net.Dialer{Timeout: dialLimit}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            dialer.DialContext,
		ForceAttemptHTTP2:      true,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    tlsLimit,
		MaxIdleConnsPerHost:    maxIdle,
		IdleConnTimeout:        idleLimit,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true, // asked for and undone here, where the bytes are counted
	}
}

// wire stands between us and the access token: every request, the generated client's too, is paced, counted, timed and bounded here.
type wire struct {
	*Client
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper. ErrUnsent: no byte of the request left.
func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	if w.pace != nil {
		if err := w.pace.Wait(req.Context()); err != nil {
			closeBody(req)
			return nil, fmt.Errorf("%w: wait for the quota of %d requests a minute: %w", cal.ErrUnsent, w.cfg.PerMinute, err)
		}
	}
	f := w.launch(req)
	resp, err := w.base.RoundTrip(f.request)
	w.sent.Add(f.sent(err))
	if err != nil {
		return nil, f.failed(err)
	}
	f.status = resp.StatusCode
	f.timer.Stop()
	if err := f.wrap(resp); err != nil {
		f.end()
		return nil, err
	}
	return resp, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// flight is one request on its way.
type flight struct {
	client  *Client
	request *http.Request
	cancel  context.CancelCauseFunc
	timer   *time.Timer // ends the exchange when Google is silent for too long
	started time.Time
	dialled atomic.Bool  // it went to the network, which tells what left
	left    atomic.Bool  // bytes of the request left, or may have
	written atomic.Int64 // how often the request was sent: twice where its token was refused
	status  int
	bytes   atomic.Int64
	ended   sync.Once
}

var errSilent = errors.New("no answer from Google in time")

func (w *wire) launch(req *http.Request) *flight {
	f := &flight{client: w.Client, started: w.cfg.Now()}
	ctx, cancel := context.WithCancelCause(req.Context())
	f.cancel = cancel
	f.timer = time.AfterFunc(dialLimit+tlsLimit+answerLimit, func() { cancel(errSilent) })
	f.request = req.Clone(httptrace.WithClientTrace(ctx, f.trace()))
	// Google compresses for those whose User-Agent has the word gzip in it ("Performance tips").
	f.request.Header.Set("User-Agent", "calbridge/"+orDev(w.cfg.Version)+" (gzip)")
	f.request.Header.Set("Accept-Encoding", "gzip")
	return f
}

// trace tells when the request leaves. Each connection tried starts anew: net/http tries a second one only if nothing was written to the
// first, or if the server said that it did nothing (RFC 9113 §8.7).
func (f *flight) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { f.dialled.Store(true); f.left.Store(false) },
		WroteHeaders: func() { f.left.Store(true); f.written.Add(1) },
	}
}

func orDev(version string) string {
	if version == "" {
		return "dev"
	}
	return version
}

// sent is how many requests left. Where no network tells it was one, unless err knows better.
func (f *flight) sent(err error) int64 {
	if f.dialled.Load() || errors.Is(err, cal.ErrUnsent) {
		return f.written.Load()
	}
	return 1
}

// failed ends an exchange that got no answer. Whatever stands for the network tells by cal.ErrUnsent itself.
func (f *flight) failed(err error) error {
	if errors.Is(context.Cause(f.request.Context()), errSilent) {
		err = errSilent
	}
	f.end()
	if f.dialled.Load() && !f.left.Load() && !errors.Is(err, cal.ErrUnsent) {
		err = fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	return fmt.Errorf("%s %s: %w", f.request.Method, plainURL(f.request.URL), err)
}

// end lets go of what the exchange holds, and reports it.
func (f *flight) end() {
	f.ended.Do(func() {
		f.timer.Stop()
		f.cancel(nil)
		if trace := f.client.cfg.Trace; trace != nil {
			trace(Exchange{Method: f.request.Method, URL: plainURL(f.request.URL), Status: f.status, Bytes: f.bytes.Load(),
				Duration: f.client.cfg.Now().Sub(f.started)})
		}
	})
}

// plainURL leaves out the tokens that place a list: they are long, and tell a reader nothing.
func plainURL(u *url.URL) string {
	short := *u
	query := short.Query()
	for _, name := range [...]string{"syncToken", "pageToken"} {
		if query.Has(name) {
			query.Set(name, "...")
		}
	}
	short.RawQuery = query.Encode()
	return short.Redacted()
}

// wrap puts the counting, the guard against silence, the decoding and the bound around the answer's body.
func (f *flight) wrap(resp *http.Response) error {
	raw := &wireBody{flight: f, body: resp.Body}
	var plain io.Reader = raw
	switch encoding := strings.ToLower(resp.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip":
		resp.Header.Del("Content-Encoding")
		resp.Header.Del("Content-Length")
		resp.ContentLength, resp.Uncompressed = -1, true
		plain = &unzipped{body: raw}
	default:
		_ = raw.Close()
		return fmt.Errorf("%s %s: the answer is encoded as %q, which was not asked for", f.request.Method, plainURL(f.request.URL), oneLine(encoding))
	}
	if resp.StatusCode >= 300 {
		plain = io.LimitReader(plain, maxFault)
	} else {
		plain = bound(plain, maxAnswer)
	}
	resp.Body = struct {
		io.Reader
		io.Closer
	}{plain, raw}
	return nil
}

// wireBody is an answer's body as it arrives.
type wireBody struct {
	flight *flight
	body   io.ReadCloser
}

// Read gives up on a server that falls silent. Time between reads is the reader's own.
func (b *wireBody) Read(p []byte) (int, error) {
	b.flight.timer.Reset(silentLimit)
	n, err := b.body.Read(p)
	b.flight.timer.Stop()
	b.flight.bytes.Add(int64(n))
	b.flight.client.read.Add(int64(n))
	if err != nil && err != io.EOF && errors.Is(context.Cause(b.flight.request.Context()), errSilent) {
		err = errSilent
	}
	return n, err
}

func (b *wireBody) Close() error {
	err := b.body.Close()
	b.flight.end()
	return err
}

// unzipped is a body that came compressed; the stream is opened when it is wanted, as an empty answer may claim to be one.
type unzipped struct {
	body io.Reader
	zip  *gzip.Reader
}

func (u *unzipped) Read(p []byte) (int, error) {
	if u.zip == nil {
		zip, err := gzip.NewReader(u.body)
		if err != nil {
			return 0, err
		}
		u.zip = zip
	}
	return u.zip.Read(p)
}

// bound makes reading more than n bytes an error, so that no answer fills the memory.
func bound(body io.Reader, n int64) io.Reader { return &bounded{body: body, left: n, limit: n} }

type bounded struct {
	body        io.Reader
	left, limit int64
}

func (b *bounded) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, fmt.Errorf("the answer is larger than %d bytes", b.limit)
	}
	return n, err
}
