package sim

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Fault is what goes wrong with one request. The zero Fault is nothing.
type Fault struct {
	Delay       time.Duration // before anything
	DropRequest bool          // the connection is closed, nothing is applied
	DropAnswer  bool          // everything is applied, then the connection is closed
	Status      int           // answered instead of applying anything
	StatusAfter int           // answered after applying everything
	Header      http.Header   // added to the answer
	CutBodyAt   int           // the connection is closed after so many bytes of the body; the header promises all; 0: never
	Before      func()        // called between the request's arrival and its effect
	Between     func()        // called between a write's check of its preconditions and its effect: the check is not atomic (Sabre, DAViCal, SOGo)
	After       func()        // called between the effect and the answer
}

// Slow is how an answer trickles: Chunk bytes, then Pause, and again.
type Slow struct {
	Chunk int
	Pause time.Duration
}

func (s Slow) String() string { return fmt.Sprintf("%d/%s", s.Chunk, s.Pause) }

// perform answers r with all that is to go wrong, and writes it into the journal.
func (s *CalDAV) perform(w http.ResponseWriter, r request) {
	f := r.fault
	pause(r, f.Delay)
	if f.DropRequest {
		s.record(r, Exchange{Lost: true})
		panic(http.ErrAbortHandler)
	}
	call(f.Before)
	a := s.effect(r)
	call(f.After)
	if f.StatusAfter != 0 {
		a = answer{status: f.StatusAfter}
	}
	for key, values := range f.Header {
		for _, v := range values {
			a = a.with(key, v)
		}
	}
	s.record(r, Exchange{Status: a.status, Lost: f.DropAnswer})
	if f.DropAnswer {
		panic(http.ErrAbortHandler)
	}
	s.send(w, r, a)
}

func (s *CalDAV) effect(r request) answer {
	if r.fault.Status != 0 {
		return answer{status: r.fault.Status}
	}
	return s.answer(r)
}

// send writes an answer, as fast and as far as it is to get.
func (s *CalDAV) send(w http.ResponseWriter, r request, a answer) {
	a = s.compressed(r, a)
	w.Header().Set("Date", r.came.Add(r.q.DateSkew).UTC().Format(http.TimeFormat)) // RFC 9110 §6.6.1
	for key, values := range a.header {
		w.Header()[key] = values
	}
	if r.q.HTTP10Close {
		w.Header().Set("Connection", "close")
	}
	if r.Method != http.MethodHead && a.status != http.StatusNoContent && a.status != http.StatusNotModified {
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if r.Method == http.MethodHead {
		return
	}
	if at := r.fault.CutBodyAt; at > 0 && at < len(a.body) {
		w.Write(a.body[:at])
		flush(w)
		panic(http.ErrAbortHandler)
	}
	trickle(w, r, a.body)
}

func trickle(w http.ResponseWriter, r request, body []byte) {
	slow := r.q.SlowBody
	for slow.Chunk > 0 && len(body) > slow.Chunk {
		w.Write(body[:slow.Chunk])
		flush(w)
		body = body[slow.Chunk:]
		pause(r, slow.Pause)
	}
	w.Write(body)
}

// compressed applies gzip, and to the etag what Apache's mod_deflate does to it then.
func (s *CalDAV) compressed(r request, a answer) answer {
	wanted := r.q.Gzip || r.q.GzipETagSuffix && r.Method == http.MethodGet
	if !wanted || len(a.body) == 0 || !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		return a
	}
	var b bytes.Buffer
	z, _ := s.zips.Get().(*gzip.Writer)
	if z == nil {
		z = gzip.NewWriter(nil)
	}
	z.Reset(&b)
	z.Write(a.body)
	z.Close()
	s.zips.Put(z)
	a = a.with("Content-Encoding", "gzip")
	a.body = b.Bytes()
	if tag := a.header.Get("ETag"); r.q.GzipETagSuffix && strings.HasSuffix(tag, `"`) {
		a = a.with("ETag", strings.TrimSuffix(tag, `"`)+`-gzip"`)
	}
	return a
}

// pause waits, or until the client has gone.
func pause(r request, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
		panic(http.ErrAbortHandler)
	}
}

func call(f func()) {
	if f != nil {
		f()
	}
}

func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}
