package sim

import (
	"io"
	"net/http"
	"net/http/httptest"
)

// Transport reaches the server without a network, for tests that make many requests. Connections that the server closes show as
// io.ErrUnexpectedEOF, answers cut short as a body that ends with it.
func (s *CalDAV) Transport() http.RoundTripper { return transport{s} }

type transport struct{ server http.Handler }

// RoundTrip implements http.RoundTripper. As with a network, the caller's deadline does not stop the server.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	in := r.Clone(r.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	if in.Host == "" {
		in.Host = in.URL.Host
	}
	w := httptest.NewRecorder()
	aborted := serve(t.server, w, in)
	if aborted && w.Body.Len() == 0 {
		return nil, io.ErrUnexpectedEOF
	}
	answer := w.Result()
	answer.Request = r
	if aborted {
		answer.Body = io.NopCloser(io.MultiReader(answer.Body, broken{}))
	}
	return answer, r.Context().Err()
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
