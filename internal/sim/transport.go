package sim

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
)

// Transport reaches the server without a network, for tests that make many requests: the caller's goroutine does all the work, so it may be
// used inside a bubble of testing/synctest. Connections that the server closes show as io.ErrUnexpectedEOF, answers cut short as a body
// that ends with it.
func (s *CalDAV) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server http.Handler }

// RoundTrip implements http.RoundTripper. As with a network, the caller's deadline does not stop the server.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.WithContext(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	var w recorder
	aborted := serve(t.server, &w, in)
	if aborted && w.body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	return w.answer(r, aborted), r.Context().Err()
}

// recorder is an http.ResponseWriter that keeps what it is given.
type recorder struct {
	status int
	header http.Header
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

func (w *recorder) WriteHeader(status int) { w.status = status }

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.body.Write(b)
}

func (w *recorder) answer(r *http.Request, aborted bool) *http.Response {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	a := &http.Response{Status: strconv.Itoa(w.status) + " " + http.StatusText(w.status), StatusCode: w.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.Header(), Request: r, ContentLength: int64(w.body.Len()), Body: io.NopCloser(&w.body)}
	if n, err := strconv.ParseInt(a.Header.Get("Content-Length"), 10, 64); err == nil {
		a.ContentLength = n
	}
	if aborted {
		a.Body = io.NopCloser(io.MultiReader(&w.body, broken{}))
	}
	return a
}

// serve runs a handler and tells whether it closed the connection.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (aborted bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
