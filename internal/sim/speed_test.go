package sim_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// What one request costs in a small world, as a simulation has it: a calendar of twelve objects, no network.

func BenchmarkSmallCalDAV(b *testing.B) {
	small := func() *sim.CalDAV {
		s := newServer()
		for i, o := range sim.Realistic(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 12, 1) {
			s.Store("alice", "work", fmt.Sprint(i, ".ics"), o.Body)
		}
		return s
	}
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			newServer()
		}
	})
	s := small()
	token := between(syncCollection(b, s, "").body, "<D:sync-token>", "<")
	for name, act := range map[string]func(int){
		"Discover":     func(int) { do(b, s, "PROPFIND", "/dav/", principalQuery, "Depth: 0") },
		"Home":         func(int) { do(b, s, "PROPFIND", "/dav/calendars/alice/", everyProperty) },
		"List":         func(int) { do(b, s, "PROPFIND", work, everyProperty) },
		"SyncNothing":  func(int) { syncCollection(b, s, token) },
		"SyncAll":      func(int) { syncCollection(b, s, "") },
		"Multiget":     func(int) { multiget(b, s, "1.ics", "2.ics", "3.ics") },
		"Get":          func(int) { do(b, s, "GET", work+"1.ics", "") },
		"PutOverwrite": func(i int) { do(b, s, "PUT", work+"1.ics", event("a", fmt.Sprint(i))) },
		"Backup":       func(int) { s.Backup() },
	} {
		b.Run(name, func(b *testing.B) {
			s = small()
			for i := 0; b.Loop(); i++ {
				if act(i); i%1000 == 0 {
					s.Reset()
				}
			}
		})
	}
}

const principalQuery = `<propfind xmlns="DAV:"><prop><current-user-principal/><calendar-home-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`

func BenchmarkSmallGoogle(b *testing.B) {
	small := func() (*sim.Google, *sim.GoogleUser) {
		g := sim.NewGoogle(sim.GoogleOptions{})
		return g, g.AddUser("ada@example.org")
	}
	b.Run("New", func(b *testing.B) {
		for b.Loop() {
			g, u := small()
			g.Token(u)
		}
	})
	const events = "https://www.googleapis.com/calendar/v3/calendars/primary/events"
	for name, act := range map[string]func(way func(method, url, body string), i int){
		"CalendarList": func(way func(method, url, body string), _ int) {
			way("GET", "https://www.googleapis.com/calendar/v3/users/me/calendarList", "")
		},
		"List": func(way func(method, url, body string), _ int) { way("GET", events+"?showDeleted=true", "") },
		"Get":  func(way func(method, url, body string), _ int) { way("GET", events+"/event1", "") },
		"Patch": func(way func(method, url, body string), i int) {
			way("PATCH", events+"/event1", fmt.Sprintf(`{"summary":"%d"}`, i))
		},
	} {
		b.Run(name, func(b *testing.B) {
			g, u := small()
			for i := range 12 {
				g.Put(u.Email, fmt.Sprintf(`{"id":"event%d","summary":"Meeting %d","attendees":[{"email":"ben@example.org"}],%s}`, i, i, monday))
			}
			token := g.Token(u)
			for i := 0; b.Loop(); i++ {
				act(func(method, url, body string) { through(b, g.Transport(), method, url, token, body) }, i)
				if i%1000 == 0 {
					g.ResetJournal()
				}
			}
		})
	}
}

func through(b *testing.B, way http.RoundTripper, method, url, token, body string) {
	r, _ := http.NewRequest(method, url, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := way.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	io.Copy(io.Discard, answer.Body)
}
