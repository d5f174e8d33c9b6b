package google_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
	"calbridge/internal/sim"
)

// list gives the calendars as "name access".
func (w *world) list() string {
	w.t.Helper()
	all, err := w.client.Calendars(w.t.Context(), true)
	w.must(err)
	var text []string
	for _, f := range all {
		text = append(text, f.Name+" "+string(f.Access))
	}
	return strings.Join(text, ", ")
}

func TestCalendars(t *testing.T) {
	w := newWorld(t)
	eve := w.AddUser("eve@example.org")
	w.AddCalendar(w.user, sim.GoogleCalendar{ID: "b#own", Summary: "Own", Description: "mine", TimeZone: "Europe/Berlin", Color: "#0088aa"})
	for role, id := range map[string]string{"reader": "c", "freeBusyReader": "d", "writerWithoutPrivateAccess": "e", "writer": "f"} {
		w.AddCalendar(eve, sim.GoogleCalendar{ID: id, Summary: role})
		w.AddCalendar(w.user, sim.GoogleCalendar{ID: id, AccessRole: role})
	}
	w.AddCalendar(w.user, sim.GoogleCalendar{ID: "g", Summary: "Hidden", Hidden: true})
	w.expect("calendars", w.list(), "ada@example.org rw, Own rw, reader ro, freeBusyReader freebusy, writerWithoutPrivateAccess rw, writer rw, Hidden rw")
	all, err := w.client.Calendars(t.Context(), true)
	w.must(err)
	w.expect("facts", fmt.Sprintf("%+v", all[1]), fmt.Sprintf("%+v", cal.Facts{Href: "b#own", Name: "Own", Description: "mine",
		TimeZone: "Europe/Berlin", Color: "#0088aa", Components: "VEVENT", Access: cal.AccessWrite}))
}

// After the first time only what changed is asked for; once a day, and when the token has died, everything.
func TestCalendarsAgain(t *testing.T) {
	w := newWorld(t)
	for n := range 300 { // more than a page
		w.AddCalendar(w.user, sim.GoogleCalendar{ID: fmt.Sprintf("c%03d", n), Summary: fmt.Sprint(n)})
	}
	first := w.list()
	w.expect("requests", len(w.Journal()), 2)
	w.ResetJournal()
	w.expect("again", w.list(), first)
	w.expect("requests", len(w.Journal()), 1)
	if !w.Journal()[0].Query.Has("syncToken") || w.Journal()[0].Query.Get("showDeleted") == "false" || w.Journal()[0].Query.Get("showHidden") != "true" {
		t.Errorf("asked with %v", w.Journal()[0].Query)
	}
	id := w.AddCalendar(w.user, sim.GoogleCalendar{ID: "b", Summary: "new"})
	w.expect("a new one", w.list(), strings.Replace(first, "ada@example.org rw", "ada@example.org rw, new rw", 1))

	key, memory := w.client.Learned()
	w.expect("key", key, "account:1")
	cfg := configOf(carrier{w.Google.Transport(), &w.token})
	cfg.Memory, cfg.Now = memory, func() time.Time { return w.now }
	w.client = w.open(cfg)
	if _, again := w.client.Learned(); again != nil {
		t.Errorf("nothing was learned, and yet %s", again)
	}
	w.ResetJournal()
	w.expect("another client", len(strings.Split(w.list(), ", ")), 302)
	w.expect("requests", len(w.Journal()), 1)

	w.ExpireSyncTokens()
	w.ResetJournal()
	w.expect("token died", len(strings.Split(w.list(), ", ")), 302)
	w.expect("requests", len(w.Journal()), 3)

	w.now = w.now.Add(24 * time.Hour)
	w.token = w.Token(w.user, google.ScopeEvents, google.ScopeCalendarList)
	w.ResetJournal()
	w.expect("next day", len(strings.Split(w.list(), ", ")), 302)
	if w.Journal()[0].Query.Has("syncToken") {
		t.Error("not read whole")
	}
	_ = id
}

func TestMemoryOfAnotherProgram(t *testing.T) {
	w := newWorld(t)
	for _, memory := range []string{"", "nonsense", `{"version":99,"token":"x","read":"2026-01-01T12:00:00Z"}`, `{"version":1,"token":"x","read":"2027-01-01T12:00:00Z","entries":{"z":{}}}`} {
		cfg := configOf(carrier{w.Google.Transport(), &w.token})
		cfg.Memory, cfg.Now = []byte(memory), func() time.Time { return w.now }
		w.client = w.open(cfg)
		w.expect(memory, w.list(), "ada@example.org rw")
	}
}

func TestCalendarLeavesTheList(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.scopes = append(s.scopes, google.ScopeCalendars) })
	w.AddCalendar(w.user, sim.GoogleCalendar{ID: "b", Summary: "Second"})
	w.expect("calendars", w.list(), "ada@example.org rw, Second rw")
	w.must(w.client.DropCalendar(t.Context(), "b"))
	w.expect("calendars", w.list(), "ada@example.org rw")
	w.must(w.client.DropCalendar(t.Context(), "b")) // it is gone already
	if err := w.client.DropCalendar(t.Context(), ada); !errors.Is(err, cal.ErrRefused) {
		t.Errorf("the primary calendar: %v", err)
	}
}

func TestMakeAndDescribeACalendar(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.scopes = append(s.scopes, google.ScopeCalendars) })
	w.list()
	href, err := w.client.MakeCalendar(t.Context(), cal.Facts{Name: "Work", Description: "for work", TimeZone: "Europe/Berlin"})
	w.must(err)
	if !strings.Contains(w.list(), "Work rw") {
		t.Error(w.list())
	}
	w.must(w.client.Describe(t.Context(), href, cal.Facts{Name: "Play"}))
	if !strings.Contains(w.list(), "Play rw") {
		t.Error(w.list())
	}
	if _, memory := w.client.Learned(); !json.Valid(memory) || !strings.Contains(string(memory), "for work") {
		t.Errorf("%s", memory)
	}
	href, err = w.client.MakeCalendar(t.Context(), cal.Facts{Name: "Colourful", Color: "#ff0000"})
	if href == "" || !errors.Is(err, cal.ErrRefused) || !strings.Contains(err.Error(), "colour") {
		t.Errorf("%q, %v", href, err)
	}
	if _, err := w.client.MakeCalendar(t.Context(), cal.Facts{Name: "Tasks", Components: "VTODO"}); !errors.Is(err, cal.ErrRefused) {
		t.Errorf("tasks: %v", err)
	}
}

func TestManagingNeedsConsent(t *testing.T) {
	w := newWorld(t)
	w.list()
	w.ResetJournal()
	_, made := w.client.MakeCalendar(t.Context(), cal.Facts{Name: "Work"})
	for _, err := range []error{made, w.client.Describe(t.Context(), ada, cal.Facts{Name: "x"}), w.client.DropCalendar(t.Context(), "b")} {
		if !errors.Is(err, cal.ErrRefused) || !strings.Contains(err.Error(), "calbridge account add google --manage-calendars") {
			t.Errorf("%v", err)
		}
	}
	w.expect("requests", len(w.Journal()), 0)
}
