package sim_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
	"github.com/icholy/digest"

	"calbridge/internal/sim"
)

// event is a small legal body.
func event(uid, summary string) string {
	return strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VEVENT
UID:`+uid+`
DTSTAMP:20260101T000000Z
DTSTART:20260105T090000Z
DTEND:20260105T100000Z
SUMMARY:`+summary+`
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
}

// peer is go-webdav's client, which was not written with this server in mind.
func peer(t *testing.T, s *sim.CalDAV) *caldav.Client {
	t.Helper()
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	c, err := caldav.NewClient(webdav.HTTPClientWithBasicAuth(ts.Client(), "alice", "secret"), ts.URL+"/dav/")
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newServer() *sim.CalDAV {
	s := sim.New(sim.Options{Users: map[string]string{"alice": "secret", "bob": "hidden"}})
	s.AddCalendar("alice", "work", sim.Properties{Name: "Work & play", Description: "all of it", Components: []string{"VEVENT"}})
	return s
}

func TestPeerDiscovers(t *testing.T) {
	s := newServer()
	c, ctx := peer(t, s), context.Background()
	principal, err := c.FindCurrentUserPrincipal(ctx)
	if err != nil || principal != s.Principal("alice") {
		t.Fatalf("principal %q, %v", principal, err)
	}
	home, err := c.FindCalendarHomeSet(ctx, principal)
	if err != nil || home != s.Home("alice") {
		t.Fatalf("home %q, %v", home, err)
	}
	calendars, err := c.FindCalendars(ctx, home)
	if err != nil || len(calendars) != 1 {
		t.Fatalf("calendars %v, %v", calendars, err)
	}
	got := calendars[0]
	if got.Name != "Work & play" || got.Description != "all of it" || !slices.Equal(got.SupportedComponentSet, []string{"VEVENT"}) ||
		got.Path != s.Path("alice", "work", "") {
		t.Errorf("calendar %+v", got)
	}
}

func TestPeerSynchronises(t *testing.T) {
	s := newServer()
	c, ctx, path := peer(t, s), context.Background(), s.Path("alice", "work", "")
	s.Store("alice", "work", "a.ics", event("a", "one"))
	s.Store("alice", "work", "b.ics", event("b", "two"))
	first, err := c.SyncCollection(ctx, path, &caldav.SyncQuery{})
	if err != nil || len(first.Updated) != 2 || len(first.Deleted) != 0 {
		t.Fatalf("first %+v, %v", first, err)
	}
	s.Remove("alice", "work", "a.ics")
	s.Store("alice", "work", "b.ics", event("b", "three"))
	second, err := c.SyncCollection(ctx, path, &caldav.SyncQuery{SyncToken: first.SyncToken,
		CompRequest: caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true}})
	if err != nil || len(second.Updated) != 1 || !slices.Equal(second.Deleted, []string{path + "a.ics"}) {
		t.Fatalf("second %+v, %v", second, err)
	}
	if got, _ := second.Updated[0].Data.Events()[0].Props.Text(ical.PropSummary); got != "three" {
		t.Errorf("summary %q", got)
	}
	third, err := c.SyncCollection(ctx, path, &caldav.SyncQuery{SyncToken: second.SyncToken})
	if err != nil || len(third.Updated)+len(third.Deleted) != 0 || third.SyncToken != second.SyncToken {
		t.Errorf("third %+v, %v", third, err)
	}
}

func TestPeerReadsAndWrites(t *testing.T) {
	s := newServer()
	c, ctx, path := peer(t, s), context.Background(), s.Path("alice", "work", "")
	data, err := ical.NewDecoder(strings.NewReader(event("a", "one"))).Decode()
	if err != nil {
		t.Fatal(err)
	}
	put, err := c.PutCalendarObject(ctx, path+"a b@c.ics", data)
	if err != nil || put.ETag == "" {
		t.Fatalf("put %+v, %v", put, err)
	}
	got, err := c.MultiGetCalendar(ctx, path, &caldav.CalendarMultiGet{Paths: []string{path + "a b@c.ics"}})
	if err != nil || len(got) != 1 || got[0].ETag != put.ETag {
		t.Fatalf("multiget %+v, %v", got, err)
	}
	one, err := c.GetCalendarObject(ctx, path+"a b@c.ics")
	if err != nil || one.ETag != put.ETag {
		t.Errorf("get %+v, %v", one, err)
	}
	if err := c.Move(ctx, path+"a b@c.ics", path+"moved.ics", nil); err != nil {
		t.Error(err)
	}
	if names := s.List("alice", "work"); !slices.Equal(names, []string{"moved.ics"}) {
		t.Errorf("after the move %v", names)
	}
	if err := c.RemoveAll(ctx, path+"moved.ics"); err != nil || len(s.List("alice", "work")) != 0 {
		t.Error("not removed", err)
	}
}

func TestPeerQueries(t *testing.T) {
	s := newServer()
	s.Store("alice", "work", "in.ics", event("in", "in"))
	s.Store("alice", "work", "out.ics", strings.ReplaceAll(event("out", "out"), "20260105", "20270105"))
	found, err := peer(t, s).QueryCalendar(context.Background(), s.Path("alice", "work", ""), &caldav.CalendarQuery{
		CompFilter: caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{Name: "VEVENT",
			Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)}}}})
	if err != nil || len(found) != 1 || !strings.HasSuffix(found[0].Path, "/in.ics") {
		t.Errorf("found %+v, %v", found, err)
	}
}

func TestQueryFindsRatherTooMuch(t *testing.T) {
	s := newServer()
	s.Store("alice", "work", "broken.ics", strings.ReplaceAll(event("x", "x"), "SUMMARY:x", "X-A;P=v"))
	got := do(t, s, "REPORT", s.Path("alice", "work", ""), `<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">
		<D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"/></C:comp-filter></C:filter>
		</C:calendar-query>`)
	if got.status != 207 || !strings.Contains(got.body, "broken.ics") {
		t.Errorf("%+v", got)
	}
}

func TestDigest(t *testing.T) {
	s := sim.New(sim.Options{Users: map[string]string{"alice": "secret"}, Digest: true})
	s.Store("alice", "work", "a.ics", event("a", "one"))
	for password, want := range map[string]int{"secret": 200, "wrong": 401} {
		client := http.Client{Transport: &digest.Transport{Username: "alice", Password: password, Transport: s.Transport()}}
		r, err := client.Get("http://sim.test" + s.Path("alice", "work", "a.ics"))
		if err != nil || r.StatusCode != want {
			t.Errorf("%s: %v, %v", password, r, err)
		}
	}
}
