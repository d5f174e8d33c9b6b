package google_test

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
)

const ada = "ada@example.org"

// world is a Google server with one user, a client for him, and what the client's reader holds.
type world struct {
	*sim.Google
	client   *google.Client
	t        *testing.T
	user     *sim.GoogleUser
	token    string
	now      time.Time
	calendar cal.Calendar
	held     map[cal.Href]cal.Resource
	stored   map[cal.Href]cal.Resource // held when the question was put: the engine may be some pages behind
	unread   map[cal.Href]string
	pages    []cal.Page // of the last answer
}

type settings struct {
	sim    sim.GoogleOptions
	client google.Config
	scopes []string
	rough  bool // what is sent need not keep to the discovery document
}

func newWorld(t *testing.T, change ...func(*settings)) *world {
	t.Helper()
	w := &world{t: t, now: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC), held: map[cal.Href]cal.Resource{}, unread: map[cal.Href]string{}}
	s := settings{scopes: []string{google.ScopeEvents, google.ScopeCalendarList}}
	s.sim = sim.GoogleOptions{Clock: func() time.Time { return w.now }, Discovery: discovery(t)}
	s.client = google.Config{API: "https://google.test/calendar/v3/", Self: []string{"mailto:" + ada}, PerMinute: -1, MemoryKey: "account:1",
		Now: func() time.Time { return w.now }}
	for _, f := range change {
		f(&s)
	}
	w.Google = sim.NewGoogle(s.sim)
	w.user = w.AddUser(ada)
	w.token = w.Token(w.user, s.scopes...)
	if s.client.Auth == nil {
		s.client.Auth = carrier{w.Google.Transport(), &w.token}
	}
	if s.client.Scopes == nil {
		s.client.Scopes = s.scopes
	}
	w.client = w.open(s.client)
	w.calendar = cal.Calendar{ID: "c1", Facts: cal.Facts{Href: ada, TimeZone: "UTC", Access: cal.AccessWrite}}
	t.Cleanup(func() {
		if v := w.Violations(); len(v) > 0 && !s.rough {
			t.Errorf("contradicts the discovery document:\n%s", strings.Join(v, "\n"))
		}
	})
	return w
}

func (w *world) open(cfg google.Config) *google.Client {
	w.t.Helper()
	c, err := google.New(cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	return c
}

// carrier carries the access token.
type carrier struct {
	base  http.RoundTripper
	token *string
}

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+*c.token)
	return c.base.RoundTrip(r)
}

var loadDiscovery = sync.OnceValues(func() (*sim.Discovery, error) {
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		return nil, err
	}
	return sim.LoadDiscovery(filepath.Join(strings.TrimSpace(string(dir)), "calendar", "v3", "calendar-api.json"))
})

func discovery(t testing.TB) *sim.Discovery {
	t.Helper()
	d, err := loadDiscovery()
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// ask is a question as the engine puts it.
func (w *world) ask(read ...cal.Href) cal.Ask {
	return cal.Ask{Since: w.calendar.Token, Read: read, Held: w.heldETags, Series: w.series}
}

func (w *world) heldETags(_ context.Context, hrefs []cal.Href) (map[cal.Href]cal.ETag, error) {
	all := map[cal.Href]cal.ETag{}
	for h, r := range w.stored {
		if hrefs == nil || slices.Contains(hrefs, h) {
			all[h] = r.ETag
		}
	}
	return all, nil
}

func (w *world) series(_ context.Context, hrefs []cal.Href) (all []cal.Holding, err error) {
	uids := map[string]bool{}
	for _, h := range hrefs {
		if r, ok := w.stored[h]; ok {
			uids[r.UID] = true
		}
	}
	for h, r := range w.stored {
		if uids[r.UID] {
			all = append(all, cal.Holding{Href: h, ETag: r.ETag, UID: r.UID, RecurrenceID: r.RecurrenceID, Native: r.Native})
		}
	}
	return all, nil
}

// try asks, and applies the answer as the engine does: pages as they come, what is gone with the last.
func (w *world) try(ask cal.Ask) error {
	w.pages, w.stored = nil, maps.Clone(w.held)
	for page, err := range w.client.Changes(context.Background(), w.calendar, ask) {
		if err != nil {
			return err
		}
		w.apply(page)
	}
	return nil
}

func (w *world) apply(page cal.Page) {
	w.pages = append(w.pages, page)
	for _, r := range page.Present {
		text := ical.Read(r.Body)
		r.UID, r.RecurrenceID, r.Trouble = text.UID, text.RecurrenceID, text.Trouble
		w.held[r.Href] = r
		delete(w.unread, r.Href)
	}
	if page.Next != "" {
		w.calendar.Token = page.Next
	}
	for _, h := range slices.Concat(page.Removed, page.Absent) {
		delete(w.held, h)
		delete(w.unread, h)
	}
	for _, u := range page.Unread {
		w.unread[u.Href] = u.Reason
	}
}

// pull asks, and demands an answer that is right in form.
func (w *world) pull(read ...cal.Href) {
	w.t.Helper()
	if err := w.try(w.ask(read...)); err != nil {
		w.t.Fatal(err)
	}
	w.wellFormed()
}

func (w *world) wellFormed() {
	w.t.Helper()
	for n, page := range w.pages {
		last := n == len(w.pages)-1
		if page.Last != last || page.Next != "" != last {
			w.t.Errorf("page %d of %d: last %v, token %q", n+1, len(w.pages), page.Last, page.Next)
		}
		for _, r := range page.Present {
			if !r.Fixed || r.ETag == "" || r.Native == "" || r.Body == "" {
				w.t.Errorf("%s is told without its etag, text or JSON, or as one that may move", r.Href)
			}
		}
	}
}

// agrees compares what is held with what is there: every live event, exceptions too, and nothing else but cancelled occurrences.
func (w *world) agrees() {
	w.t.Helper()
	there := map[cal.Href]bool{}
	for _, id := range w.Events(string(w.calendar.Href)) {
		there[cal.Href(id)] = true
		text, _ := w.Event(string(w.calendar.Href), id)
		if r, ok := w.held[cal.Href(id)]; !ok {
			w.t.Errorf("%s is not held", id)
		} else if !strings.Contains(text, fmt.Sprintf(`"etag":"\"%s\""`, strings.Trim(string(r.ETag), `"`))) {
			w.t.Errorf("%s is held as %s, and is %s", id, r.ETag, text)
		} else if r.Trouble != "" {
			w.t.Errorf("%s: %s\n%s", id, r.Trouble, r.Body)
		}
	}
	for h, r := range w.held {
		if !there[h] && !strings.Contains(string(r.Body), "STATUS:CANCELLED") {
			w.t.Errorf("%s is held, and is not there", h)
		}
	}
}

// asked are the requests since the journal was emptied, as "events.list" and so on.
func (w *world) asked() (all []string) {
	for _, x := range w.Journal() {
		all = append(all, x.ID)
	}
	return all
}

func (w *world) expect(what string, got, want any) {
	w.t.Helper()
	if g, x := fmt.Sprint(got), fmt.Sprint(want); g != x {
		w.t.Errorf("%s: %s, want %s", what, g, x)
	}
}

// plain is a single event.
func plain(id, summary string) string {
	return fmt.Sprintf(`{"id":%q,"summary":%q,"start":{"dateTime":"2026-01-05T09:00:00Z","timeZone":"UTC"},"end":{"dateTime":"2026-01-05T10:00:00Z","timeZone":"UTC"}}`, id, summary)
}

// weekly is a series of ten Mondays at nine in Berlin; its UID is one that somebody chose.
func weekly(id string) string {
	return fmt.Sprintf(`{"id":%q,"summary":"weekly","recurrence":["RRULE:FREQ=WEEKLY;COUNT=10"],
		"start":{"dateTime":"2026-01-05T09:00:00+01:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-01-05T10:00:00+01:00","timeZone":"Europe/Berlin"},
		"extendedProperties":{"private":{"calbridge.uid":"%s uid-of-%s"}}}`, id, id, id)
}

// second is the id of the second occurrence of a weekly series.
func second(series string) string { return series + "_20260112T080000Z" }

// exception is an exception of a weekly series' second occurrence, as it is stored.
func exception(series, summary string) string {
	return fmt.Sprintf(`{"id":%q,"summary":%q,"recurringEventId":%q,"originalStartTime":{"dateTime":"2026-01-12T09:00:00+01:00","timeZone":"Europe/Berlin"},
		"start":{"dateTime":"2026-01-12T11:00:00+01:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-01-12T12:00:00+01:00","timeZone":"Europe/Berlin"}}`,
		second(series), summary, series)
}
