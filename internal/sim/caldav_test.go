package sim_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"calbridge/internal/sim"
)

// got is an answer read to its end.
type got struct {
	status int
	header http.Header
	body   string
}

// do sends a request as alice, without a network. Headers come as "Name: value".
func do(t testing.TB, s *sim.CalDAV, method, path, body string, headers ...string) got {
	t.Helper()
	g, err := try(s, method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, path, err)
	}
	return g
}

func try(s *sim.CalDAV, method, path, body string, headers ...string) (got, error) {
	r, err := http.NewRequest(method, "http://sim.test"+path, strings.NewReader(body))
	if err != nil {
		return got{}, err
	}
	r.SetBasicAuth("alice", "secret")
	r.Header.Set("Depth", "1")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	w, err := s.Transport().RoundTrip(r)
	if err != nil {
		return got{}, err
	}
	text, err := io.ReadAll(w.Body)
	return got{w.StatusCode, w.Header, string(text)}, err
}

const work = "/dav/calendars/alice/work/"

func TestWellKnownNeedsNoCredentials(t *testing.T) {
	g := do(t, newServer(), "PROPFIND", "/.well-known/caldav", "", "Authorization: none")
	if g.status != 301 || g.header.Get("Location") != "/dav/" {
		t.Errorf("%+v", g)
	}
}

func TestStrangersStayOut(t *testing.T) {
	s := newServer()
	if g := do(t, s, "PROPFIND", work, "", "Authorization: Basic YWxpY2U6d3Jvbmc="); g.status != 401 || g.header.Get("WWW-Authenticate") == "" {
		t.Errorf("wrong password: %+v", g)
	}
	if g := do(t, s, "PROPFIND", "/dav/calendars/bob/", ""); g.status != 403 {
		t.Errorf("another's home: %+v", g)
	}
}

// TestBytesSurvive: what PUT sends, GET gives, and multiget does, wherever XML can.
func TestBytesSurvive(t *testing.T) {
	s := newServer()
	bodies := map[string]string{
		"crlf": event("crlf", "a\\nb <&> \"é\""), "lf": strings.ReplaceAll(event("lf", "x"), "\r\n", "\n"),
		"mixed": event("mixed", "x\ty") + "\n\r\n", "empty": "", "garbage": "no calendar at all",
	}
	for name, body := range bodies {
		if g := do(t, s, "PUT", work+name, body); g.status != 201 || g.header.Get("ETag") == "" {
			t.Errorf("%s: PUT %+v", name, g)
		}
		if g := do(t, s, "GET", work+name, ""); g.body != body {
			t.Errorf("%s: GET %q, want %q", name, g.body, body)
		}
		if data := calendarData(t, multiget(t, s, name)); len(data) != 1 || data[0] != body {
			t.Errorf("%s: multiget %q, want %q", name, data, body)
		}
	}
}

func TestWhatXMLCannotCarryIsLeftOut(t *testing.T) {
	s := newServer()
	for name, text := range map[string]string{"control": "a\x0bb", "latin1": "caf\xe9", "nonchar": "a\uffff"} {
		s.Store("alice", "work", name, event(name, text))
		g := multiget(t, s, name)
		if len(calendarData(t, g)) != 0 || !strings.Contains(g.body, "getetag>&quot;") {
			t.Errorf("%s: %s", name, g.body)
		}
	}
}

func TestPreconditions(t *testing.T) {
	for _, c := range []struct {
		name, method, there, header string
		status                      int
	}{
		{"create", "PUT", "", "If-None-Match: *", 201},
		{"create what is there", "PUT", "x", "If-None-Match: *", 412},
		{"overwrite", "PUT", "x", "If-Match: %", 204},
		{"overwrite, one of a list", "PUT", "x", `If-Match: "zz", %`, 204},
		{"overwrite anything", "PUT", "x", "If-Match: *", 204},
		{"overwrite another version", "PUT", "x", `If-Match: "zz"`, 412},
		{"overwrite, weak", "PUT", "x", "If-Match: W/%", 412},
		{"overwrite nothing", "PUT", "", `If-Match: "zz"`, 412},
		{"delete", "DELETE", "x", "If-Match: %", 204},
		{"delete another version", "DELETE", "x", `If-Match: "zz"`, 412},
		{"delete nothing", "DELETE", "", `If-Match: "zz"`, 404},
	} {
		s, etag := newServer(), ""
		if c.there != "" {
			etag = s.Store("alice", "work", "a.ics", event("a", "there"))
		}
		g := do(t, s, c.method, work+"a.ics", event("a", "new"), strings.ReplaceAll(c.header, "%", etag))
		body, now, _ := s.Load("alice", "work", "a.ics")
		if g.status != c.status || (c.status >= 400) != (now == etag) {
			t.Errorf("%s: %d, want %d; now %q", c.name, g.status, c.status, body)
		}
	}
}

func TestMove(t *testing.T) {
	s := newServer()
	s.AddCalendar("alice", "home", sim.Properties{})
	etag := s.Store("alice", "work", "a.ics", event("a", "one"))
	if g := do(t, s, "MOVE", work+"a.ics", "", "If-Match: \"zz\"", "Destination: http://sim.test/dav/calendars/alice/home/b.ics"); g.status != 412 {
		t.Errorf("wrong etag: %+v", g)
	}
	if g := do(t, s, "MOVE", work+"a.ics", "", "If-Match: "+etag, "Destination: /dav/calendars/alice/home/b.ics"); g.status != 201 {
		t.Errorf("%+v", g)
	}
	if _, now, _ := s.Load("alice", "home", "b.ics"); now != etag || len(s.List("alice", "work")) != 0 {
		t.Errorf("etag %q, want %q; left behind %v", now, etag, s.List("alice", "work"))
	}
}

func TestCalendarsAreMadeAndDescribed(t *testing.T) {
	s := newServer()
	path := "/dav/calendars/alice/new/"
	body := `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop><D:displayname>New</D:displayname>
		<C:supported-calendar-component-set><C:comp name="VTODO"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`
	if g := do(t, s, "MKCALENDAR", path, body); g.status != 201 {
		t.Fatalf("%+v", g)
	}
	if g := do(t, s, "MKCALENDAR", path, body); g.status != 403 || !strings.Contains(g.body, "resource-must-be-null") {
		t.Errorf("twice: %+v", g)
	}
	g := do(t, s, "PROPPATCH", path, `<D:propertyupdate xmlns:D="DAV:" xmlns:A="http://apple.com/ns/ical/"><D:set><D:prop>
		<A:calendar-color>#123456ff</A:calendar-color></D:prop></D:set></D:propertyupdate>`)
	if g.status != 207 {
		t.Errorf("%+v", g)
	}
	g = do(t, s, "PROPFIND", path, everyProperty)
	for _, want := range []string{"<D:displayname>New<", "<A:calendar-color>#123456ff<", `<C:comp name="VTODO"/></C:supp`, "<D:write/>", "<D:sync-collection/>",
		"<D:sync-token>data:,", "<CS:getctag>"} {
		if !strings.Contains(g.body, want) {
			t.Errorf("no %s in %s", want, g.body)
		}
	}
	if g := do(t, s, "PUT", path+"a.ics", event("a", "x")); g.status != 403 || !strings.Contains(g.body, "supported-calendar-component") {
		t.Errorf("an event among tasks: %+v", g)
	}
	if g := do(t, s, "DELETE", path, ""); g.status != 204 {
		t.Errorf("%+v", g)
	}
}

const everyProperty = `<D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:A="http://apple.com/ns/ical/">
	<D:prop><D:displayname/><D:resourcetype/><D:getetag/><D:sync-token/><CS:getctag/><A:calendar-color/><D:current-user-privilege-set/>
	<D:supported-report-set/><C:supported-calendar-component-set/></D:prop></D:propfind>`

func TestPagesEnd(t *testing.T) {
	s := newServer()
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		s.Store("alice", "work", name, event(name, name))
	}
	seen, token, pages := []string{}, "", 0
	for more := true; more; pages++ {
		g := syncCollection(t, s, token, "<D:limit><D:nresults>2</D:nresults></D:limit>")
		seen = append(seen, members(g)...)
		more, token = strings.Contains(g.body, " 507 "), between(g.body, "<D:sync-token>", "<")
	}
	if slices.Sort(seen); !slices.Equal(seen, []string{"a", "b", "c", "d", "e"}) || pages != 3 {
		t.Errorf("%v in %d pages", seen, pages)
	}
}

func TestTokensThatAreNotKnown(t *testing.T) {
	s := newServer()
	s.Store("alice", "work", "a", event("a", "one"))
	token := between(syncCollection(t, s, "").body, "<D:sync-token>", "<")
	restore := s.Backup()
	refused := func(why string) {
		t.Helper()
		if g := syncCollection(t, s, token); g.status != 403 || !strings.Contains(g.body, "valid-sync-token") {
			t.Errorf("%s: %+v", why, g)
		}
	}
	s.AddCalendar("alice", "work", sim.Properties{})
	refused("another calendar of that name")
	restore()
	if g := syncCollection(t, s, token); g.status != 207 {
		t.Errorf("after the backup: %+v", g)
	}
	s.Expire("alice", "work")
	refused("expired")
	token = "nonsense"
	refused("nonsense")
}

func TestJournal(t *testing.T) {
	s := newServer()
	do(t, s, "GET", work+"a%20b.ics", "")
	do(t, s, "PUT", work+"a%20b.ics", "body", "If-None-Match: *")
	all, writes := s.Journal(), s.Writes()
	if len(all) != 2 || len(writes) != 1 || all[0].Status != 404 {
		t.Fatalf("%+v", all)
	}
	if x := writes[0]; x.Method != "PUT" || x.Path != work+"a%20b.ics" || x.IfNoneMatch != "*" || !x.Authorized || x.Request != "body" || x.Status != 201 {
		t.Errorf("%+v", x)
	}
	if s.Reset(); len(s.Journal()) != 0 {
		t.Error("not empty")
	}
}

func TestFaults(t *testing.T) {
	for _, c := range []struct {
		name    string
		fault   sim.Fault
		applied bool
		status  int // 0: no answer
	}{
		{"nothing", sim.Fault{}, true, 201},
		{"dropped request", sim.Fault{DropRequest: true}, false, 0},
		{"dropped answer", sim.Fault{DropAnswer: true}, true, 0},
		{"instead", sim.Fault{Status: 503, Header: http.Header{"Retry-After": {"7"}}}, false, 503},
		{"afterwards", sim.Fault{StatusAfter: 502}, true, 502},
	} {
		s := newServer()
		s.OnRequest(func(*http.Request) sim.Fault { return c.fault })
		g, err := try(s, "PUT", work+"a.ics", event("a", "x"))
		if g.status != c.status || (err != nil) != (c.status == 0) || (len(s.List("alice", "work")) == 1) != c.applied {
			t.Errorf("%s: %+v, %v, stored %v", c.name, g, err, s.List("alice", "work"))
		}
		if c.fault.Header != nil && g.header.Get("Retry-After") != "7" {
			t.Errorf("%s: no header", c.name)
		}
	}
}

func TestCutBody(t *testing.T) {
	s := newServer()
	s.Store("alice", "work", "a.ics", event("a", "x"))
	s.OnRequest(func(*http.Request) sim.Fault { return sim.Fault{CutBodyAt: 10} })
	if g, err := try(s, "GET", work+"a.ics", ""); len(g.body) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("in process: %q, %v", g.body, err)
	}
	ts := httptest.NewServer(sim.New(sim.Options{}))
	ts.Config.Handler = s
	defer ts.Close()
	r, _ := http.NewRequest("GET", ts.URL+work+"a.ics", nil)
	r.SetBasicAuth("alice", "secret")
	w, err := ts.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if text, err := io.ReadAll(w.Body); len(text) != 10 || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("by network: %q, %v", text, err)
	}
}

// TestHooks: somebody else writes at each of the three moments of our PUT.
func TestHooks(t *testing.T) {
	for _, c := range []struct {
		moment func(*sim.Fault, func())
		status int
		winner string
	}{
		{func(f *sim.Fault, h func()) { f.Before = h }, 412, "theirs"},
		{func(f *sim.Fault, h func()) { f.Between = h }, 204, "mine"},
		{func(f *sim.Fault, h func()) { f.After = h }, 204, "theirs"},
	} {
		s := newServer()
		etag := s.Store("alice", "work", "a.ics", event("a", "base"))
		s.OnRequest(func(*http.Request) (f sim.Fault) {
			c.moment(&f, func() { s.Store("alice", "work", "a.ics", event("a", "theirs")) })
			return f
		})
		g := do(t, s, "PUT", work+"a.ics", event("a", "mine"), "If-Match: "+etag)
		if body, _, _ := s.Load("alice", "work", "a.ics"); g.status != c.status || !strings.Contains(body, c.winner) {
			t.Errorf("%d, want %d with %s; stored %s", g.status, c.status, c.winner, body)
		}
	}
}

// TestOneWriterWins: of many writers with one etag just one gets through.
func TestOneWriterWins(t *testing.T) {
	s := newServer()
	etag := s.Store("alice", "work", "a.ics", event("a", "base"))
	var wg sync.WaitGroup
	statuses := make([]int, 20)
	for i := range statuses {
		wg.Go(func() {
			g, _ := try(s, "PUT", work+"a.ics", event("a", strings.Repeat("x", i+1)), "If-Match: "+etag)
			statuses[i] = g.status
		})
	}
	wg.Wait()
	if slices.Sort(statuses); statuses[0] != 204 || statuses[1] != 412 {
		t.Errorf("%v", statuses)
	}
}
