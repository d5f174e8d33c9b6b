package simulate

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// mishap is what goes wrong at a gate. The zero mishap is nothing; what does not fit the gate it meets is nothing too.
type mishap struct {
	word      string // as the story has it
	lost      bool   // the request, or the answer, never arrives
	late      bool   // the request arrives, but only after nobody waits for it any more
	twice     bool   // the request arrives twice
	status    int    // answered by something in between: before the request is carried out at one gate, after it at the other
	retry     string // Retry-After
	cut       int    // so many bytes of the answer's body arrive
	garbled   int    // the answer's body is damaged from this byte on
	moved     bool   // 302 to somewhere else
	html      bool   // 200 with a login page
	statement int    // the transaction's statement of this number fails
	dies      bool   // and with it the process
}

// parseMishap reads one word of a story: lost, late, twice, status=503, busy=120, cut=100, garbled=100, moved, html, full=3, dies=3, full, dies.
func parseMishap(word string) (mishap, error) {
	key, value, valued := strings.Cut(word, "=")
	n, err := strconv.Atoi(value)
	if valued && err != nil {
		return mishap{}, fmt.Errorf("mishap %q: %q is no number", word, value)
	}
	if !valued {
		n = atCommit
	}
	m := mishap{word: word}
	switch key {
	case "lost":
		m.lost = true
	case "late":
		m.late = true
	case "twice":
		m.twice = true
	case "moved":
		m.moved = true
	case "html":
		m.html = true
	case "status":
		m.status = n
	case "busy":
		m.status, m.retry = http.StatusServiceUnavailable, value
	case "cut":
		m.cut = n
	case "garbled":
		m.garbled = n
	case "full":
		m.statement = n
	case "dies":
		m.statement, m.dies = n, true
	default:
		return mishap{}, fmt.Errorf("mishap %q: no such thing; there are lost, late, twice, moved, html, status=N, busy=SECONDS, cut=N, garbled=N, full[=N], dies[=N]", word)
	}
	return m, nil
}

// wire carries the requests of one process to the server and the answers back.
type wire struct {
	*process
	user string // whose credentials it carries
}

// RoundTrip implements http.RoundTripper.
func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	again, err := repeatable(r)
	if err != nil {
		return nil, err
	}
	name := r.Method + " " + shown(r)
	m, err := w.gates.pass(r.Context(), "send "+name, r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	w.world.leaving(w, r)
	if answer, err, done := w.before(m, again); done {
		return answer, err
	}
	if m.twice {
		w.world.deliver(w, again())
	}
	answer, err := w.world.deliver(w, again())
	if m, e := w.gates.pass(r.Context(), "hear "+name, r.URL.RawQuery); e != nil {
		return nil, e
	} else if err == nil {
		return w.after(m, r, answer)
	}
	return answer, err
}

// repeatable gives the request as often as it is asked for.
func repeatable(r *http.Request) (func() *http.Request, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
	}
	return func() *http.Request {
		again := r.Clone(context.WithoutCancel(r.Context()))
		again.Body = io.NopCloser(bytes.NewReader(body))
		return again
	}, nil
}

// before is what happens to a request that has left.
func (w wire) before(m mishap, again func() *http.Request) (answer *http.Response, err error, done bool) {
	switch r := again(); {
	case m.lost:
		w.world.exercise(m, r)
		return nil, io.ErrUnexpectedEOF, true
	case m.late:
		w.world.exercise(m, r)
		w.world.late = append(w.world.late, late{w, r})
		return nil, io.ErrUnexpectedEOF, true
	case m.status != 0 || m.moved || m.html:
		w.world.exercise(m, r)
		return instead(r, m), nil, true
	}
	return nil, nil, false
}

// after is what happens to an answer.
func (w wire) after(m mishap, r *http.Request, answer *http.Response) (*http.Response, error) {
	if m.word != "" {
		w.world.exercise(m, r)
	}
	switch {
	case m.lost || m.late:
		return nil, io.ErrUnexpectedEOF
	case m.status >= 500 || m.status == http.StatusRequestTimeout || m.html: // the others say that nothing was done
		return instead(r, m), nil
	case m.cut > 0:
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, int64(m.cut)), broken{w.world.reach}))
	case m.garbled > 0 && !strings.HasPrefix(answer.Header.Get("Content-Type"), "text/calendar"): // where anything goes
		damage(answer, m.garbled)
	}
	return answer, nil
}

// damage turns some bytes of a body into such as no text has. Bytes that still make sense nobody can tell from what was meant; that they
// arrive as they were sent is TLS's to see to.
func damage(answer *http.Response, from int) {
	body, _ := io.ReadAll(answer.Body)
	bad := byte(0) // in JSON; from XML that servers do not write as they should it is stripped
	if strings.Contains(answer.Header.Get("Content-Type"), "xml") {
		bad = '<'
	}
	for i := from; i < len(body) && i < from+8; i++ {
		body[i] = bad
	}
	answer.Body = io.NopCloser(bytes.NewReader(body))
}

// instead is what something between us and the server answers.
func instead(r *http.Request, m mishap) *http.Response {
	a := &http.Response{StatusCode: m.status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: r}
	switch {
	case m.html:
		a.StatusCode = http.StatusOK
		a.Header.Set("Content-Type", "text/html; charset=utf-8")
		a.Body = io.NopCloser(strings.NewReader("<!DOCTYPE html><html><body>Please log in.</body></html>"))
	case m.moved:
		a.StatusCode = http.StatusFound
		a.Header.Set("Location", "https://elsewhere.example/")
	case m.retry != "":
		a.Header.Set("Retry-After", m.retry)
	}
	a.Status = fmt.Sprintf("%d %s", a.StatusCode, http.StatusText(a.StatusCode))
	return a
}

// broken is where a body ends too soon.
type broken struct{ *Reach }

// Read implements io.Reader.
func (b broken) Read([]byte) (int, error) {
	b.Situation("S9 body")
	return 0, io.ErrUnexpectedEOF
}

// late is a request that somebody gave up and that still travels.
type late struct {
	wire wire
	*http.Request
}

// creates: such a request arrives before its grace has passed, or never (RFC 9110 knows no way to call it back).
func (l late) creates() bool {
	return l.Method == http.MethodPost || l.Method == http.MethodPut && l.Header.Get("If-None-Match") != ""
}

// shown is a request's target without what a log does not need.
func shown(r *http.Request) string {
	path := r.URL.Path
	for _, prefix := range []string{"/dav/calendars/", "/calendar/v3/"} {
		path = strings.TrimPrefix(path, prefix)
	}
	return path
}
