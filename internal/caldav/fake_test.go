package caldav

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"calbridge/internal/cal"
)

// quirky is a server that answers as one function says, and counts what it is asked.
type quirky struct {
	*httptest.Server
	mu    sync.Mutex
	asked []string // "REPORT sync-collection t1", "GET a.ics"
}

// question is what it is asked.
type question struct {
	*http.Request
	report string   // the local name of the body's root
	token  string   // the sync-token in it
	hrefs  []string // the hrefs in it, last segments only
	text   string
}

type reply struct {
	status int
	text   string
	header map[string]string
}

const (
	fakeHome     = "/home/"
	fakeCalendar = "/home/cal/"
)

func quirkyServer(t *testing.T, answer func(question) reply) *quirky {
	t.Helper()
	s := &quirky{}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := readQuestion(r)
		a := s.answer(q, answer)
		if a.status == 0 {
			a.status = http.StatusNotFound
		}
		for k, v := range a.header {
			w.Header().Set(k, v)
		}
		if a.status == http.StatusMultiStatus {
			w.Header().Set("Content-Type", "text/xml; charset=utf-8")
		}
		w.WriteHeader(a.status)
		_, _ = io.WriteString(w, a.text)
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *quirky) answer(q question, answer func(question) reply) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = append(s.asked, strings.TrimSpace(strings.Join([]string{q.Method, q.report, q.token, strings.Join(q.hrefs, " ")}, " ")))
	return answer(q)
}

func readQuestion(r *http.Request) question {
	body, _ := io.ReadAll(r.Body)
	q := question{Request: r, text: string(body)}
	if r.Method == http.MethodGet || r.Method == http.MethodDelete || r.Method == http.MethodPut {
		q.report = lastSegment(r.URL.EscapedPath())
		return q
	}
	x := newScanner(strings.NewReader(q.text))
	for {
		tok, err := x.next()
		switch {
		case err != nil:
			return q
		case tok != tokenOpen:
		case q.report == "":
			q.report = x.name.local
		case x.name == davSyncToken:
			q.token, _ = x.string(1000)
		case x.name == davHref:
			href, _ := x.string(1000)
			q.hrefs = append(q.hrefs, lastSegment(href))
		}
	}
}

func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// log is what was asked since the last time.
func (s *quirky) log() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	asked := s.asked
	s.asked = nil
	return asked
}

func (s *quirky) client(t *testing.T, profile Profile) *Client {
	t.Helper()
	c, err := New(Config{Home: s.URL + fakeHome, Username: "alice", Password: "secret", AllowPrivate: true, Profile: profile})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// objects is what a fake holds: etags by name. The body of each is made of both.
type objects map[string]string

func bodyOf(name, etag string) string {
	return "BEGIN:VCALENDAR\r\nX-NAME:" + name + "\r\nX-ETAG:" + etag + "\r\nEND:VCALENDAR\r\n"
}

// listing is one response for each object, with its body if data.
func (o objects) listing(data bool) string {
	out := ""
	for _, name := range slices.Sorted(maps.Keys(o)) {
		out += o.response(name, data)
	}
	return out
}

func (o objects) response(name string, data bool) string {
	body := ""
	if data {
		body = `<C:calendar-data><![CDATA[` + bodyOf(name, o[name]) + `]]></C:calendar-data>`
	}
	return `<D:response><D:href>` + fakeCalendar + name + `</D:href><D:propstat><D:prop><D:getetag>` + o[name] + `</D:getetag>` + body +
		`</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>`
}

// multiget answers calendar-multiget as most servers do.
func (o objects) multiget(q question) reply {
	out := ""
	for _, name := range q.hrefs {
		if _, ok := o[name]; ok {
			out += o.response(name, true)
		} else {
			out += gone(name)
		}
	}
	return reply{status: 207, text: in207(out)}
}

func (o objects) get(q question) reply {
	etag, ok := o[q.report]
	if !ok {
		return reply{status: 404}
	}
	return reply{status: 200, text: bodyOf(q.report, etag), header: map[string]string{"ETag": etag, "Content-Type": "text/calendar"}}
}

func gone(name string) string { return withStatus(fakeCalendar+name, 404) }

func withStatus(href string, status int) string {
	return fmt.Sprintf(`<D:response><D:href>%s</D:href><D:status>HTTP/1.1 %d %s</D:status></D:response>`, href, status, http.StatusText(status))
}

func tokenIs(t string) string { return `<D:sync-token>` + t + `</D:sync-token>` }

func ok207(inside string) reply { return reply{status: 207, text: in207(inside)} }

// told is an answer of Changes, all pages together.
type told struct {
	present  objects
	bodies   map[string]string
	removed  []string
	absent   []string
	unread   map[string]string
	nexts    []string
	complete bool
	err      error
}

// changes asks for the changes of the fake's calendar.
func changes(t *testing.T, c *Client, ask cal.Ask, held objects) told {
	t.Helper()
	ask.Held = held.held
	out := told{present: objects{}, bodies: map[string]string{}, unread: map[string]string{}}
	last := false
	for page, err := range c.Changes(context.Background(), cal.Calendar{Facts: cal.Facts{Href: fakeCalendar, Components: "VEVENT"}}, ask) {
		if last {
			t.Error("something after the last page")
		}
		if out.err = err; err != nil {
			continue
		}
		out.add(page)
		last = page.Last
	}
	if last == (out.err != nil) {
		t.Errorf("last page: %v, error: %v", last, out.err)
	}
	slices.Sort(out.removed)
	slices.Sort(out.absent)
	return out
}

func (o *told) add(page cal.Page) {
	for _, r := range page.Present {
		o.present[lastSegment(string(r.Href))] = string(r.ETag)
		o.bodies[lastSegment(string(r.Href))] = string(r.Body)
	}
	for _, h := range page.Removed {
		o.removed = append(o.removed, lastSegment(string(h)))
	}
	for _, h := range page.Absent {
		o.absent = append(o.absent, lastSegment(string(h)))
	}
	for _, u := range page.Unread {
		o.unread[lastSegment(string(u.Href))] = u.Reason
	}
	if page.Next != "" {
		o.nexts = append(o.nexts, string(page.Next))
	}
	o.complete = page.Complete
}

func (o objects) held(_ context.Context, hrefs []cal.Href) (map[cal.Href]cal.ETag, error) {
	held := map[cal.Href]cal.ETag{}
	for name, etag := range o {
		if href := cal.Href(fakeCalendar + name); hrefs == nil || slices.Contains(hrefs, href) {
			held[href] = cal.ETag(etag)
		}
	}
	return held, nil
}

// check compares with what should have been told.
func (o told) check(t *testing.T, want told) {
	t.Helper()
	if o.err != nil {
		t.Fatal(o.err)
	}
	if !maps.Equal(o.present, want.present) {
		t.Errorf("present: %v, want %v", o.present, want.present)
	}
	for name, body := range o.bodies {
		if body != bodyOf(name, o.present[name]) {
			t.Errorf("%s: etag and body are not of one version: %q", name, body)
		}
	}
	if !slices.Equal(o.removed, want.removed) || !slices.Equal(o.absent, want.absent) {
		t.Errorf("removed %v, absent %v; want %v, %v", o.removed, o.absent, want.removed, want.absent)
	}
	if fmt.Sprint(slices.Sorted(maps.Keys(o.unread))) != fmt.Sprint(slices.Sorted(maps.Keys(want.unread))) {
		t.Errorf("unread: %v, want %v", o.unread, want.unread)
	}
	if !slices.Equal(o.nexts, want.nexts) || o.complete != want.complete {
		t.Errorf("next %q, complete %v; want %q, %v", o.nexts, o.complete, want.nexts, want.complete)
	}
}

func checkAsked(t *testing.T, s *quirky, want ...string) {
	t.Helper()
	if got := s.log(); !slices.Equal(got, want) {
		t.Errorf("asked\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func hrefsOf(names ...string) []cal.Href {
	var out []cal.Href
	for _, n := range names {
		out = append(out, cal.Href(fakeCalendar+n))
	}
	return out
}
