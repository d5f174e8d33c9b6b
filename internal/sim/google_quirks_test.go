package sim_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

func bearer(token string) func(http.Header) {
	return func(h http.Header) { h.Set("Authorization", "Bearer "+token) }
}

// three is a server with three events and a second calendar.
func three(t *testing.T) *googleBench {
	b := newGoogle(t)
	for i := range 3 {
		b.Put("ada@example.org", fmt.Sprintf(`{"id":"event%d","summary":"old",%s}`, i, monday))
	}
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: "second@group.calendar.google.com", Summary: "second"})
	return b
}

func (b *googleBench) since(token string) []string {
	return b.must("GET", primary+"?syncToken="+url.QueryEscape(token), "").ids()
}

// TestGoogleQuirks: each switch changes what it says, and without it the same script ends otherwise.
func TestGoogleQuirks(t *testing.T) {
	all := func(b *googleBench) string { return fmt.Sprint(b.must("GET", primary, "").ids()) }
	for _, c := range []struct {
		name string
		on   func(*sim.GoogleQuirks)
		act  func(*googleBench) string
		want string
	}{
		{"EmptyEvents", func(q *sim.GoogleQuirks) { q.EmptyEvents = true }, func(b *googleBench) string {
			s := b.must("GET", primary+"?maxResults=1", "")
			return fmt.Sprint(s.ids(), s.str("nextSyncToken") != "")
		}, "[] true"},
		{"EmptyEntries", func(q *sim.GoogleQuirks) { q.EmptyEntries = true }, func(b *googleBench) string {
			s := b.must("GET", "users/me/calendarList", "")
			return fmt.Sprint(s.ids(), s.str("nextSyncToken") != "")
		}, "[] true"},
		{"MissEntry", func(q *sim.GoogleQuirks) { q.MissEntry = 2 }, func(b *googleBench) string {
			return fmt.Sprint(b.must("GET", "users/me/calendarList", "").ids())
		}, "[ada@example.org]"},
		{"MissEvery", func(q *sim.GoogleQuirks) { q.MissEvery = 2 }, all, "[event0 event2]"},
		{"DuplicateItems", func(q *sim.GoogleQuirks) { q.DuplicateItems = true }, all, "[event0 event0 event1 event1 event2 event2]"},
		{"LoseEveryRow", func(q *sim.GoogleQuirks) { q.LoseEveryRow = 2 }, func(b *googleBench) string {
			token := b.start() // of three changes so far
			b.Put("ada@example.org", `{"id":"event4",`+monday+`}`)
			b.Patch("ada@example.org", "event0", `{"summary":"told"}`)
			b.Patch("ada@example.org", "event1", `{"summary":"untold"}`)
			return fmt.Sprint(b.since(token), b.must("GET", primary, "").ids())
		}, "[event0] [event0 event1 event2 event4]"},
		{"SyncTokensGone", func(q *sim.GoogleQuirks) { q.SyncTokensGone = true }, func(b *googleBench) string {
			s := b.ask("GET", primary+"?syncToken="+url.QueryEscape(b.start()), "")
			return fmt.Sprint(s.status, " ", s.reason)
		}, "410 fullSyncRequired"},
		{"PageTokensGone", func(q *sim.GoogleQuirks) { q.PageTokensGone = true }, func(b *googleBench) string {
			page := b.must("GET", primary+"?maxResults=1", "").str("nextPageToken")
			return fmt.Sprint(b.ask("GET", primary+"?maxResults=1&pageToken="+url.QueryEscape(page), "").status)
		}, "410"},
	} {
		if got := c.act(three(t)); got == c.want {
			t.Errorf("%s: without it too: %s", c.name, got)
		}
		b := three(t)
		b.Quirks(c.on)
		if got := c.act(b); got != c.want {
			t.Errorf("%s: %s", c.name, got)
		}
	}
}

func TestGoogleBackup(t *testing.T) {
	b := three(t)
	token := b.start()
	restore := b.Backup()
	etag := b.must("GET", primary+"/event0", "").str("etag")
	change := func() string {
		b.must("PATCH", primary+"/event0", `{"summary":"new"}`)
		b.must("DELETE", primary+"/event1", "")
		b.must("POST", primary, `{"id":"event9",`+monday+`}`)
		b.must("PATCH", "users/me/calendarList/second@group.calendar.google.com", `{"hidden":true}`)
		b.must("POST", "calendars", `{"summary":"third"}`)
		return b.must("GET", primary+"/event0", "").str("etag")
	}
	for range 2 {
		newer := change()
		future := b.start()
		restore()
		s := b.must("GET", primary, "")
		if got := s.ids(); !slices.Equal(got, []string{"event0", "event1", "event2"}) || s.items()[0].str("summary") != "old" || s.items()[0].str("etag") != etag {
			t.Fatal(got, s.text)
		}
		if got := b.must("GET", "users/me/calendarList", "").ids(); len(got) != 2 {
			t.Error(got)
		}
		if s := b.ask("GET", primary+"/event9", ""); s.status != 404 {
			t.Error(s)
		}
		b.want(410, "fullSyncRequired", "GET", primary+"?syncToken="+url.QueryEscape(future), "")
		if got := b.since(token); len(got) != 0 {
			t.Error(got)
		}
		if again := change(); again == newer {
			t.Error("an etag is given twice")
		}
		restore()
	}
}

// Lists that begin to lag go on showing what they have shown.
func TestLagLeavesWhatWasListed(t *testing.T) {
	b := three(t)
	b.Patch("ada@example.org", "event0", `{"summary":"listed"}`)
	b.LagLists(time.Minute)
	shows := func(ids string, summary string) {
		t.Helper()
		if s := b.must("GET", primary, ""); fmt.Sprint(s.ids()) != ids || s.items()[0].str("summary") != summary {
			t.Error(s.text)
		}
	}
	shows("[event0 event1 event2]", "listed")
	b.Patch("ada@example.org", "event0", `{"summary":"not yet"}`)
	b.Put("ada@example.org", `{"id":"event5",`+monday+`}`)
	shows("[event0 event1 event2]", "listed")
	b.pass(time.Second)
	b.LagLists(30 * time.Second)
	shows("[event0 event1 event2]", "listed")
	b.pass(time.Minute)
	shows("[event0 event1 event2 event5]", "not yet")
}

func TestGoogleTouchAll(t *testing.T) {
	b := three(t)
	token, was := b.start(), b.must("GET", primary+"/event1", "")
	b.TouchAll("ada@example.org")
	is := b.must("GET", primary+"/event1", "")
	bare := func(s said) string { return strings.Trim(s.str("etag"), `"`) }
	if bare(was) == bare(is) || strings.ReplaceAll(was.text, bare(was), bare(is)) != is.text {
		t.Error(is.text)
	}
	if got := b.since(token); len(got) != 3 {
		t.Error(got)
	}
}
