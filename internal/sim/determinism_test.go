package sim_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// The same requests at the same times get the same bytes, on every server and in every run: ids, tokens and etags come from counters and
// from what is stored, never from chance, from the wall clock or from the order of a map.

func TestCalDAVIsDeterministic(t *testing.T) {
	for seed := range uint64(12) {
		want := caldavHistory(t, seed)
		for range 3 {
			sameHistory(t, fmt.Sprint("seed ", seed), want, caldavHistory(t, seed))
		}
	}
}

func TestGoogleIsDeterministic(t *testing.T) {
	for seed := range uint64(12) {
		want := googleHistory(t, seed)
		for range 3 {
			sameHistory(t, fmt.Sprint("seed ", seed), want, googleHistory(t, seed))
		}
	}
}

func sameHistory(t *testing.T, name string, want, got []string) {
	t.Helper()
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Fatalf("%s: step %d was\n%s\nand is\n%s", name, i, want[i], got[min(i, len(got)-1)])
		}
	}
}

// ticking is a clock that moves on by a little whenever it is read.
func ticking() func() time.Time {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(7 * time.Millisecond)
		return now
	}
}

// script sends requests and keeps what came back.
type script struct {
	*rand.Rand
	t       *testing.T
	way     http.RoundTripper
	headers func(http.Header)
	said    []string
}

func (s *script) pick(from ...string) string { return from[s.IntN(len(from))] }

func (s *script) send(method, address, body string, headers ...string) (text string) {
	r, err := http.NewRequest(method, address, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	s.headers(r.Header)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	answer, err := s.way.RoundTrip(r)
	if err != nil {
		s.said = append(s.said, fmt.Sprintf("%s %s: %v", method, address, err))
		return ""
	}
	dump, err := httputil.DumpResponse(answer, true)
	s.said = append(s.said, fmt.Sprintf("%s %s: %s %v", method, address, dump, err))
	return string(dump)
}

func caldavHistory(t *testing.T, seed uint64) []string {
	s := sim.New(sim.Options{Users: map[string]string{"alice": "secret"}, Clock: ticking()})
	d := &caldavScript{CalDAV: s, tokens: map[string]string{}, script: script{Rand: rand.New(rand.NewPCG(seed, 1)), t: t, way: s.Transport(), headers: func(h http.Header) {
		h.Set("Authorization", "Basic YWxpY2U6c2VjcmV0")
	}}}
	for _, name := range caldavCalendars {
		s.AddCalendar("alice", name, sim.Properties{Components: []string{"VEVENT"}})
	}
	for range 300 {
		d.step()
	}
	return append(d.said, fmt.Sprint(s.Journal()), fmt.Sprint(s.Mails()))
}

var caldavCalendars = []string{"work", "home", "club"}

type caldavScript struct {
	*sim.CalDAV
	script
	tokens  map[string]string
	restore func()
}

func (d *caldavScript) step() {
	calendar, name := d.pick(caldavCalendars...), d.pick("a.ics", "b.ics", "c d.ics", "e@f.ics")
	home := "http://sim.test/dav/calendars/alice/"
	path := home + calendar + "/" + url.PathEscape(name)
	body := event(d.pick("u1", "u2", "u3"), fmt.Sprint(d.IntN(1000)))
	switch d.IntN(16) {
	case 0, 1, 2:
		d.send("PUT", path, body)
	case 3:
		d.send("PUT", path, body, "If-None-Match: *")
	case 4:
		d.Store("alice", calendar, name, body)
		d.said = append(d.said, fmt.Sprint(d.Load("alice", calendar, name)))
	case 5:
		d.send("DELETE", path, "")
	case 6:
		d.send("MOVE", path, "", "Destination: "+home+d.pick(caldavCalendars...)+"/m.ics")
	case 7:
		d.send("PROPFIND", d.pick(home, home+calendar+"/", "http://sim.test/dav/", "http://sim.test/dav/principals/alice/", path), d.pick("", everyProperty), "Depth: 1")
	case 8, 9:
		d.sync(home, calendar)
	case 10:
		d.send("REPORT", home+calendar+"/", `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>`+
			"<D:href>/dav/calendars/alice/"+calendar+"/a.ics</D:href><D:href>/dav/calendars/alice/"+calendar+"/e@f.ics</D:href></C:calendar-multiget>")
	case 11:
		d.send("REPORT", home+calendar+"/", `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop>`+
			`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter></C:calendar-query>`)
	case 12:
		d.Quirks(func(q *sim.Quirks) { d.quirk(q) })
	case 13:
		d.restore = backUp(d.restore, d.Backup)
	case 14:
		d.Touch("alice", calendar)
	case 15:
		d.pickOne(func() { d.Expire("alice", calendar) }, func() { d.LoseRows("alice", calendar) }, func() { d.send("PUT", path, meeting) })
	}
}

const meeting = "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:u1\r\nORGANIZER:mailto:alice@example.org\r\nATTENDEE:mailto:b@example.org\r\n" +
	"ATTENDEE:mailto:a@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func (d *caldavScript) quirk(q *sim.Quirks) {
	*q = sim.Quirks{}
	if profiles := sim.Profiles(); d.IntN(2) == 0 {
		*q = profiles[d.IntN(len(profiles))].Always
	}
	switches := sim.Switches()
	for range d.IntN(5) {
		switches[d.IntN(len(switches))].On(q, d.IntN)
	}
	q.SlowBody = sim.Slow{} // which takes real time
}

func (s *script) pickOne(acts ...func()) { acts[s.IntN(len(acts))]() }

func (d *caldavScript) sync(home, calendar string) {
	text := d.send("REPORT", home+calendar+"/", `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token>`+d.tokens[calendar]+
		`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>`)
	d.tokens[calendar] = between(text, "<D:sync-token>", "<")
}

// backUp makes a backup, or puts back what there is.
func backUp(restore func(), backup func() func()) func() {
	if restore == nil {
		return backup()
	}
	restore()
	return nil
}

func googleHistory(t *testing.T, seed uint64) []string {
	g := sim.NewGoogle(sim.GoogleOptions{Clock: ticking(), PageSize: 3, HoldPosts: true})
	ada, ben := g.AddUser("ada@example.org"), g.AddUser("ben@example.org")
	shared := g.AddCalendar(ada, sim.GoogleCalendar{Summary: "shared"})
	g.AddCalendar(ben, sim.GoogleCalendar{ID: shared, AccessRole: "writer"})
	d := &googleScript{Google: g, tokens: map[string]string{}, calendars: []string{"ada@example.org", shared},
		script: script{Rand: rand.New(rand.NewPCG(seed, 2)), t: t, way: g.Transport()}}
	keys := []string{g.Token(ada), g.Token(ben)}
	d.headers = func(h http.Header) { h.Set("Authorization", "Bearer "+keys[d.IntN(2)]) }
	for range 150 {
		d.step()
	}
	return append(d.said, fmt.Sprint(g.Journal()), fmt.Sprint(g.Mails()), g.RefreshToken(ada, "calendar"), g.Token(ben), consent(t, g))
}

type googleScript struct {
	*sim.Google
	script
	tokens    map[string]string
	calendars []string
	restore   func()
}

func (d *googleScript) step() {
	calendar := d.calendars[d.IntN(len(d.calendars))]
	events := "https://www.googleapis.com/calendar/v3/calendars/" + url.PathEscape(calendar) + "/events"
	id := d.pick("event0", "event1", "event2", "event3")
	when := `"start":{"dateTime":"2026-03-02T09:00:00Z","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-03-02T10:00:00Z","timeZone":"Europe/Berlin"}`
	change := fmt.Sprintf(`{"summary":"%d","location":"%d","attendees":[{"email":"cy@example.org"},{"email":"di@example.com"}],"extendedProperties":{"private":{"a":"1","b":"2"}}}`,
		d.IntN(99), d.IntN(99))
	switch d.IntN(18) {
	case 0, 1:
		d.send("POST", events+"?sendUpdates=all", `{"summary":"x",`+when+`}`)
	case 2:
		d.send("POST", events, `{"id":"`+id+`",`+when+`,"recurrence":["RRULE:FREQ=DAILY;COUNT=5"]}`)
	case 3, 4:
		d.send("PATCH", events+"/"+d.pick(id, id+"_20260303T090000Z")+"?sendUpdates=all", change)
	case 5:
		d.send("PATCH", events+"/"+id, `{"summary":1,"location":2,"start":3,"colorId":4,"status":5}`) // wrong in many ways, one of which is told
	case 6:
		d.send("DELETE", events+"/"+d.pick(id, id+"_20260304T090000Z"), "")
	case 7, 8, 9:
		d.list(events)
	case 10:
		d.send("GET", "https://www.googleapis.com/calendar/v3/users/me/calendarList?maxResults=1", "")
	case 11:
		d.send("GET", events+"?singleEvents=true&orderBy=startTime", "")
	case 12:
		d.Put(calendar, `{"id":"`+id+`","locked":true,`+when+`}`)
	case 13:
		d.send("GET", events+"/"+id, "")
	case 14:
		d.Quirks(func(q *sim.GoogleQuirks) {
			*q = sim.GoogleQuirks{}
			switches := sim.GoogleSwitches()
			switches[d.IntN(len(switches))].On(q, d.IntN)
		})
	case 15:
		d.pickOne(func() { d.TouchAll(calendar) }, d.ExpireSyncTokens, d.PageTokensExpire, func() { d.LagLists(time.Duration(d.IntN(200)) * time.Millisecond) })
	case 16:
		d.restore = backUp(d.restore, d.Backup)
	case 17:
		d.send("POST", events+"/watch", fmt.Sprintf(`{"id":"channel-%d","type":"web_hook","address":"https://hook.example.org/"}`, d.IntN(50)))
		for _, r := range d.TakePosts() {
			d.said = append(d.said, fmt.Sprint(r.URL, r.Header))
		}
	}
}

func (d *googleScript) list(events string) {
	query := "?showDeleted=true"
	if token := d.tokens[events]; token != "" {
		query += "&syncToken=" + token
	}
	text := d.send("GET", events+query, "")
	if next := between(text, `"nextPageToken":"`, `"`); next != "" {
		text = d.send("GET", events+query+"&pageToken="+next, "")
	}
	d.tokens[events] = between(text, `"nextSyncToken":"`, `"`)
}

// consent is what a whole consent gives: code, tokens and the ID token.
func consent(t *testing.T, g *sim.Google) string {
	s := script{t: t, way: g.Transport(), headers: func(http.Header) {}}
	text := s.send("GET", "https://accounts.google.com/o/oauth2/v2/auth?"+url.Values{"client_id": {"c"}, "redirect_uri": {"http://127.0.0.1/x"}, "response_type": {"code"},
		"scope": {"openid email"}, "state": {"s"}, "code_challenge_method": {"S256"}, "code_challenge": {challenge()}}.Encode(), "")
	code, _ := url.QueryUnescape(between(text, "code=", "&"))
	return text + s.send("POST", "https://oauth2.googleapis.com/token", url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"c"},
		"redirect_uri": {"http://127.0.0.1/x"}, "code_verifier": {verifier}}.Encode(), "Content-Type: application/x-www-form-urlencoded")
}
