package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"calbridge/internal/sim"
)

func TestTouchChangesTheETagOnly(t *testing.T) {
	for name, on := range map[string]func(*sim.Quirks){"content": nil, "counter": func(q *sim.Quirks) { q.CounterETags = true }} {
		s := prepared(on)
		s.Store("alice", "work", "b.ics", event("b", "b"))
		token := between(syncCollection(t, s, "").body, "<D:sync-token>", "<")
		was, before, _ := s.Load("alice", "work", "old.ics")
		s.Touch("alice", "work", "old.ics", "nothing.ics")
		is, after, _ := s.Load("alice", "work", "old.ics")
		if was != is || before == after {
			t.Errorf("%s: %s, %s", name, before, after)
		}
		if g := do(t, s, "PUT", work+"old.ics", event("old", "x"), "If-Match: "+before); g.status != 412 {
			t.Errorf("%s: the old etag matches: %+v", name, g)
		}
		if got := members(syncCollection(t, s, token)); !slices.Equal(got, []string{"old.ics"}) {
			t.Errorf("%s: %q", name, got)
		}
		s.Touch("alice", "work")
		if got := members(syncCollection(t, s, token)); len(got) != 2 {
			t.Errorf("%s: all touched, told %q", name, got)
		}
	}
}

func TestLoseRows(t *testing.T) {
	s := prepared(nil)
	token := between(syncCollection(t, s, "").body, "<D:sync-token>", "<")
	s.Store("alice", "work", "b.ics", event("b", "b"))
	s.Remove("alice", "work", "old.ics")
	s.LoseRows("alice", "work")
	if got := members(syncCollection(t, s, token)); len(got) != 0 {
		t.Errorf("told %q", got)
	}
	s.Store("alice", "work", "c.ics", event("c", "c"))
	if got := members(syncCollection(t, s, token)); !slices.Equal(got, []string{"c.ics"}) {
		t.Errorf("told %q", got)
	}
	if got := members(syncCollection(t, s, "")); !slices.Equal(got, []string{"b.ics", "c.ics"}) {
		t.Errorf("there is %q", got)
	}
}

// What was there before a token and is not after it is told as removed, however often it was made anew meanwhile.
func TestSkipShortLivedKnowsEarlierLives(t *testing.T) {
	s := prepared(func(q *sim.Quirks) { q.SkipShortLived = true })
	token := between(syncCollection(t, s, "").body, "<D:sync-token>", "<")
	s.Remove("alice", "work", "old.ics")
	s.Store("alice", "work", "old.ics", event("old", "again"))
	s.Remove("alice", "work", "old.ics")
	if got := members(syncCollection(t, s, token)); !slices.Equal(got, []string{"old.ics"}) {
		t.Errorf("told %q", got)
	}
}

func TestSchedules(t *testing.T) {
	meeting := func(organizer string, guests ...string) string {
		lines := "ORGANIZER:mailto:" + organizer + "\r\n"
		for _, g := range guests {
			lines += "ATTENDEE" + g + "\r\n"
		}
		return strings.Replace(event("m", "meeting"), "SUMMARY", lines+"SUMMARY", 1)
	}
	mine, theirs := "alice@example.org", "boss@example.org"
	self := ";PARTSTAT=NEEDS-ACTION:mailto:" + mine
	for name, c := range map[string]struct {
		was, is string // nothing: not there
		header  string
		want    []string // who and why
	}{
		"nobody asked":      {"", event("m", "alone"), "", nil},
		"invites":           {"", meeting(mine, ":mailto:Ben@example.org", ":mailto:cy@example.org", ":mailto:"+mine), "", []string{"ben@example.org invited", "cy@example.org invited"}},
		"client does it":    {"", meeting(mine, ";SCHEDULE-AGENT=CLIENT:mailto:ben@example.org", ";SCHEDULE-AGENT=NONE:mailto:cy@example.org"), "", nil},
		"updates":           {meeting(mine, ":mailto:ben@example.org"), strings.Replace(meeting(mine, ":mailto:ben@example.org"), "meeting", "later", 1), "", []string{"ben@example.org updated"}},
		"changes nothing":   {meeting(mine, ":mailto:ben@example.org"), meeting(mine, ":mailto:ben@example.org"), "", nil},
		"takes one off":     {meeting(mine, ":mailto:ben@example.org", ":mailto:cy@example.org"), meeting(mine, ":mailto:cy@example.org"), "", []string{"cy@example.org updated", "ben@example.org cancelled"}},
		"deletes":           {meeting(mine, ":mailto:ben@example.org"), "", "X: y", []string{"ben@example.org cancelled"}},
		"answers":           {meeting(theirs, self), meeting(theirs, strings.Replace(self, "NEEDS-ACTION", "ACCEPTED", 1)), "", []string{"boss@example.org replied"}},
		"answers nothing":   {meeting(theirs, self), strings.Replace(meeting(theirs, self), "meeting", "mine", 1), "", nil},
		"declines":          {meeting(theirs, self), "", "X: y", []string{"boss@example.org replied"}},
		"declines silently": {meeting(theirs, self), "", "Schedule-Reply: F", nil},
	} {
		s := newServer()
		s.Quirks(func(q *sim.Quirks) { q.Schedules = true })
		if c.was != "" {
			s.Store("alice", "work", "m.ics", c.was)
		}
		if c.is == "" {
			do(t, s, "DELETE", work+"m.ics", "", c.header)
		} else {
			do(t, s, "PUT", work+"m.ics", c.is)
		}
		var got []string
		for _, m := range s.Mails() {
			got = append(got, m.To+" "+m.Why)
			if m.Calendar != "work" || m.Event != "m.ics" {
				t.Errorf("%s: %+v", name, m)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	s := newServer()
	if do(t, s, "PUT", work+"m.ics", meeting(mine, ":mailto:ben@example.org")); len(s.Mails()) != 0 {
		t.Error("mails without being asked to")
	}
}

// Inside a bubble nothing is left waiting, and clocks are the bubble's.
func TestServersInABubble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := prepared(func(q *sim.Quirks) { q.SlowBody = sim.Slow{Chunk: 10, Pause: 1e9} })
		if g := do(t, s, "GET", work+"old.ics", ""); g.header.Get("Date") != "Sat, 01 Jan 2000 00:00:00 GMT" {
			t.Error(g.header)
		}
		g := sim.NewGoogle(sim.GoogleOptions{HoldPosts: true})
		u := g.AddUser("ada@example.org")
		d := script{t: t, way: g.Transport(), headers: bearer(g.Token(u))}
		events := "https://www.googleapis.com/calendar/v3/calendars/primary/events"
		d.send("POST", events+"/watch", `{"id":"b","type":"web_hook","address":"https://hook.example.org/b","token":"t"}`)
		d.send("POST", events+"/watch", `{"id":"a","type":"web_hook","address":"https://hook.example.org/a","token":"t"}`)
		g.Put(u.Email, "{"+monday+"}")
		var got []string
		for _, r := range g.TakePosts() {
			got = append(got, fmt.Sprint(r.URL, " ", r.Header.Get("X-Goog-Resource-State"), " ", r.Header.Get("X-Goog-Channel-Token")))
		}
		want := []string{"https://hook.example.org/b sync t", "https://hook.example.org/a sync t", "https://hook.example.org/a exists t", "https://hook.example.org/b exists t"}
		if !slices.Equal(got, want) || len(g.TakePosts()) != 0 {
			t.Errorf("%q", got)
		}
		synctest.Wait()
		g.Settle()
	})
}
