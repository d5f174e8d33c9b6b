package google_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
)

// fixed answers everything with one text.
type fixed string

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(string(f))), Request: r}, nil
}

// listIs answers lists of events with a text, and leaves the rest to others.
type listIs struct {
	text string
	rest http.RoundTripper
}

func (l listIs) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/events") {
		return fixed(l.text).RoundTrip(r)
	}
	return l.rest.RoundTrip(r)
}

func configOf(auth http.RoundTripper) google.Config {
	return google.Config{API: "https://google.test/calendar/v3/", Auth: auth, PerMinute: -1}
}

func newClient(t *testing.T, cfg google.Config) *google.Client {
	t.Helper()
	c, err := google.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNewRefuses(t *testing.T) {
	for _, api := range []string{"https://google.test/calendar/v3", "/calendar/v3/", "https://google.test/", "://"} {
		if _, err := google.New(google.Config{API: api, Auth: fixed("")}); err == nil {
			t.Errorf("%s is taken", api)
		}
	}
	if _, err := google.New(google.Config{API: "https://google.test/calendar/v3/"}); err == nil {
		t.Error("no credentials are taken")
	}
}

// anything reads a calendar and gives the error that ends it.
func anything(c *google.Client) (err error) {
	nobody := cal.Ask{Held: func(context.Context, []cal.Href) (map[cal.Href]cal.ETag, error) { return nil, nil },
		Series: func(context.Context, []cal.Href) ([]cal.Holding, error) { return nil, nil }}
	for _, err = range c.Changes(context.Background(), cal.Calendar{Facts: cal.Facts{Href: "c"}}, nobody) {
	}
	return err
}

// No redirect is followed: neither with our own requests nor with the generated client's.
func TestRedirect(t *testing.T) {
	var there atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { there.Add(1) }))
	defer elsewhere.Close()
	here := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer here.Close()
	cfg := configOf(google.NewTransport())
	cfg.API = here.URL + "/calendar/v3/"
	c := newClient(t, cfg)
	if err := anything(c); !errors.Is(err, cal.ErrRefused) {
		t.Errorf("a list: %v", err)
	}
	if _, err := c.Calendars(t.Context(), false); !errors.Is(err, cal.ErrRefused) {
		t.Errorf("the calendars: %v", err)
	}
	if there.Load() != 0 {
		t.Error("the redirect was followed")
	}
}

// What never left is known not to have happened; what may have left is not.
func TestUnsent(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	cfg := configOf(google.NewTransport())
	cfg.API = "http://" + closed.Addr().String() + "/calendar/v3/"
	nobody := newClient(t, cfg)
	if err := anything(nobody); !errors.Is(err, cal.ErrUnsent) {
		t.Errorf("nobody there: %v", err)
	}
	if requests, _ := nobody.Usage(); requests != 0 {
		t.Errorf("%d requests to nobody", requests)
	}
	deaf := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	defer deaf.Close()
	cfg.API = deaf.URL + "/calendar/v3/"
	c := newClient(t, cfg)
	if err := anything(c); err == nil || errors.Is(err, cal.ErrUnsent) {
		t.Errorf("the answer was lost: %v", err)
	}
	err = c.Delete(t.Context(), cal.Calendar{Facts: cal.Facts{Href: "c"}}, cal.Attempt{Href: "e", Match: `"1"`})
	if err == nil || errors.Is(err, cal.ErrUnsent) {
		t.Errorf("the answer to a write was lost: %v", err)
	}
}

// A write whose answer was lost on a kept connection is not made again.
func TestWritesAreNotRepeated(t *testing.T) {
	var writes atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			fmt.Fprint(w, `{"items":[],"nextSyncToken":"x"}`)
			return
		}
		writes.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer server.Close()
	cfg := configOf(google.NewTransport())
	cfg.API = server.URL + "/calendar/v3/"
	c := newClient(t, cfg)
	if err := anything(c); err != nil { // the connection is kept
		t.Fatal(err)
	}
	if err := c.Delete(t.Context(), cal.Calendar{Facts: cal.Facts{Href: "c"}}, cal.Attempt{Href: "e", Match: `"1"`}); err == nil {
		t.Error("no error")
	}
	if writes.Load() != 1 {
		t.Errorf("%d writes", writes.Load())
	}
}

// The quota is kept: no more go at once than the burst, and in a minute no more than allowed.
func TestPace(t *testing.T) {
	cfg := configOf(fixed(`{"items":[],"nextSyncToken":"x"}`))
	cfg.PerMinute = 40 // 10 at once, then one in two seconds
	c := newClient(t, cfg)
	for range 10 {
		if err := anything(c); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	started := time.Now()
	err := c.Delete(ctx, cal.Calendar{Facts: cal.Facts{Href: "c"}}, cal.Attempt{Href: "e", Match: `"1"`})
	if !errors.Is(err, cal.ErrUnsent) || time.Since(started) > time.Second {
		t.Errorf("the eleventh request: %v", err)
	}
	if requests, _ := c.Usage(); requests != 10 {
		t.Errorf("%d requests", requests)
	}
}

// Everything is counted, the generated client's requests too, as it arrives; answers come compressed.
func TestUsageAndTrace(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = io.WriteString(z, `{"items":[],"nextSyncToken":"`+strings.Repeat("x", 5000)+`"}`)
	z.Close()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "gzip" || !strings.Contains(r.Header.Get("User-Agent"), "gzip") {
			t.Errorf("not asked to compress: %v", r.Header)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(zipped.Bytes())
	}))
	defer server.Close()
	var seen []google.Exchange
	cfg := configOf(google.NewTransport())
	cfg.API, cfg.Trace = server.URL+"/calendar/v3/", func(x google.Exchange) { seen = append(seen, x) }
	c := newClient(t, cfg)
	if err := anything(c); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Calendars(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if requests, bytes := c.Usage(); requests != 2 || bytes != int64(2*zipped.Len()) {
		t.Errorf("%d requests, %d bytes", requests, bytes)
	}
	if len(seen) != 2 || seen[0].Status != 200 || seen[0].Bytes != int64(zipped.Len()) || seen[0].Method != "GET" {
		t.Errorf("traced %+v", seen)
	}
}

// A path is made of ids as they are: those of holiday calendars have a "#".
func TestIDsAreEscaped(t *testing.T) {
	var path string
	c := newClient(t, configOf(seeing(func(r *http.Request) { path = r.URL.EscapedPath() })))
	for range c.Changes(t.Context(), cal.Calendar{Facts: cal.Facts{Href: "de#holiday@a/b"}}, cal.Ask{Held: func(context.Context, []cal.Href) (map[cal.Href]cal.ETag, error) { return nil, nil }}) {
	}
	if path != "/calendar/v3/calendars/de%23holiday@a%2Fb/events" {
		t.Error(path)
	}
}

type seeing func(*http.Request)

func (s seeing) RoundTrip(r *http.Request) (*http.Response, error) {
	s(r)
	return fixed(`{"items":[],"nextSyncToken":"x"}`).RoundTrip(r)
}

// An answer without an end is an error, not the end of our memory.
func TestEndlessAnswer(t *testing.T) {
	c := newClient(t, configOf(endless{}))
	held := map[cal.Href]cal.ETag{"a": `"1"`}
	ask := cal.Ask{Read: []cal.Href{"a"}, Held: func(context.Context, []cal.Href) (map[cal.Href]cal.ETag, error) { return held, nil },
		Series: func(context.Context, []cal.Href) ([]cal.Holding, error) { return nil, nil }}
	for page, err := range c.Changes(t.Context(), cal.Calendar{Facts: cal.Facts{Href: "c"}}, ask) {
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Unread) != 1 || !strings.Contains(page.Unread[0].Reason, "larger than") {
			t.Errorf("%+v", page)
		}
	}
}

// endless lists nothing, and any event without an end.
type endless struct{}

func (endless) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.HasSuffix(r.URL.Path, "/events") {
		return fixed(`{"items":[],"nextSyncToken":"x"}`).RoundTrip(r)
	}
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(zeros{}), Request: r}, nil
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }

func TestClientShowsNothing(t *testing.T) {
	secret := "ya29.secret"
	c := newClient(t, configOf(carrier{fixed(""), &secret}))
	for _, form := range []string{"%v", "%+v", "%#v", "%s"} {
		if text := fmt.Sprintf(form, c); strings.Contains(text, "ya29") {
			t.Errorf("%s: %s", form, text)
		}
	}
}

// circle answers a list with pages that lead to each other, without an end.
type circle struct{}

func (circle) RoundTrip(r *http.Request) (*http.Response, error) {
	next := map[string]string{"": "a", "a": "b", "b": "a"}[r.URL.Query().Get("pageToken")]
	return fixed(`{"items":[],"nextPageToken":"` + next + `"}`).RoundTrip(r)
}

// TestPagesInACircle: a list whose pages come round again ends with an error.
func TestPagesInACircle(t *testing.T) {
	ask := cal.Ask{Held: func(context.Context, []cal.Href) (map[cal.Href]cal.ETag, error) { return nil, nil }}
	for _, err := range newClient(t, configOf(circle{})).Changes(t.Context(), cal.Calendar{Facts: cal.Facts{Href: ada}}, ask) {
		if err != nil && !strings.Contains(err.Error(), "circle") {
			t.Error(err)
		}
		if err != nil {
			return
		}
	}
	t.Error("it ended well")
}
