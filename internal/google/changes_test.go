package google_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// small makes pages of two.
func small(s *settings) { s.client.PageSize = 2 }

func TestFirstListThenChanges(t *testing.T) {
	w := newWorld(t, small)
	for n := range 5 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.pull()
	w.agrees()
	w.expect("held", len(w.held), 5)
	if last := w.pages[len(w.pages)-1]; !last.Complete {
		t.Error("a list from the beginning is not complete")
	}
	w.ResetJournal()
	w.pull()
	w.expect("requests when nothing changed", w.asked(), "[events.list]")
	w.expect("pages when nothing changed", len(w.pages), 1)

	w.Patch(ada, "event1", `{"summary":"two"}`)
	w.Remove(ada, "event2")
	w.Put(ada, plain("event9", "new"))
	w.pull()
	w.agrees()
	w.expect("removed", w.pages[len(w.pages)-1].Removed, "[event2]")
	if w.pages[len(w.pages)-1].Complete {
		t.Error("changes are taken for a complete list")
	}
	if body := w.held["event1"].Body; !strings.Contains(string(body), "SUMMARY:two") {
		t.Errorf("event1 is %s", body)
	}
}

// The parameters of every list are the same, but for the tokens: discovery document, events.list syncToken.
func TestFrozenParameters(t *testing.T) {
	w := newWorld(t, small)
	for n := range 3 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.pull()
	w.Remove(ada, "event0")
	w.Remove(ada, "event1")
	w.Remove(ada, "event2")
	w.pull()
	var first string
	for n, x := range w.Journal() {
		if wants := n >= 2; x.Query.Has("syncToken") != wants {
			t.Errorf("request %d: sync token %v", n, !wants)
		}
		for _, never := range []string{"showDeleted", "timeMin", "timeMax", "maxAttendees", "eventTypes", "timeZone", "orderBy"} {
			if x.Query.Has(never) {
				t.Errorf("request %d has %s", n, never)
			}
		}
		w.expect("singleEvents", x.Query.Get("singleEvents"), "false")
		x.Query.Del("syncToken")
		x.Query.Del("pageToken")
		if n == 0 {
			first = x.Query.Encode()
		}
		w.expect("parameters", x.Query.Encode(), first)
	}
}

// A token of a list with other parameters, or that an older program bound, is not used.
func TestTokenOfOtherParameters(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.pull()
	w.ResetJournal()
	for _, token := range []cal.Token{w.calendar.Token[1:], "0.abc." + w.calendar.Token, "nonsense", cal.Token(strings.Replace(string(w.calendar.Token), ".", ".0", 1))} {
		w.calendar.Token = token
		w.pull()
		if !w.pages[len(w.pages)-1].Complete || w.Journal()[0].Query.Has("syncToken") {
			t.Errorf("token %q was used", token)
		}
		w.expect("told", len(w.pages[0].Present), 1) // whatever it was mapped by
	}
	cfg := configOf(carrier{w.Google.Transport(), &w.token})
	cfg.PageSize = 7
	w.client = w.open(cfg)
	w.ResetJournal()
	w.pull()
	if w.Journal()[0].Query.Has("syncToken") {
		t.Error("a token was used with pages of another size than it was given for")
	}
}

// A page may be empty, or shorter than asked for, and not the last: discovery document, events.list maxResults.
func TestEmptyPages(t *testing.T) {
	w := newWorld(t, small)
	for n := range 9 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	for n := range 7 {
		w.Remove(ada, fmt.Sprintf("event%d", n))
	}
	w.pull()
	w.agrees()
	w.expect("held", len(w.held), 2)
	w.expect("requests", len(w.asked()), 5)
}

// After a token's death nobody tells what vanished in between, so it is asked for by name: here 200 and cancelled, there 404.
func TestTokenDies(t *testing.T) {
	w := newWorld(t, small)
	for n := range 5 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.pull()
	w.held["purged"] = w.held["event0"]
	w.Remove(ada, "event2")
	w.Patch(ada, "event1", `{"summary":"two"}`)
	w.ExpireSyncTokens()
	w.ResetJournal()
	w.pull()
	w.agrees()
	last := w.pages[len(w.pages)-1]
	if !last.Complete {
		t.Error("not complete")
	}
	w.expect("removed", last.Removed, "[event2]")
	w.expect("absent", last.Absent, "[purged]")
	w.expect("requests", w.asked(), "[events.list events.list events.list events.list events.get events.get]") // the first of them in vain
	told := 0
	for _, page := range w.pages {
		told += len(page.Present)
	}
	w.expect("told, what is as we hold it left out", told, 1)
}

// What a list lacks is not believed to be gone when it is there.
func TestListLacksWhatIsThere(t *testing.T) {
	w := newWorld(t)
	for n := range 3 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.pull()
	w.now = w.now.Add(40 * time.Minute)
	w.LagLists(30 * time.Minute)
	w.Put(ada, plain("event9", "late"))
	w.pull("event9") // the list does not have it yet
	w.agrees()
	ask := w.ask()
	ask.Full = true
	if err := w.try(ask); err != nil {
		t.Fatal(err)
	}
	w.agrees()
	w.expect("gone", len(w.pages[len(w.pages)-1].Absent), 0)
}

// More is missing than is asked for one by one: then a hundred that are gone speak for the rest.
func TestManyMissing(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event0", "one"))
	w.pull()
	for n := range 450 {
		w.held[cal.Href(fmt.Sprintf("gone%03d", n))] = cal.Resource{Version: cal.Version{ETag: `"1"`}}
	}
	ask := w.ask()
	ask.Full = true
	w.ResetJournal()
	if err := w.try(ask); err != nil {
		t.Fatal(err)
	}
	w.agrees()
	w.expect("requests", len(w.Journal()), 101)
	w.expect("absent", len(w.pages[len(w.pages)-1].Absent), 450)
}

// A list that lacks what is there is not believed about anything: all of it is asked for.
func TestListIsNotBelieved(t *testing.T) {
	w := newWorld(t)
	w.now = w.now.Add(40 * time.Minute)
	w.LagLists(30 * time.Minute)
	var read []cal.Href
	for n := range 250 {
		id := fmt.Sprintf("event%d", n)
		w.Put(ada, plain(id, "one"))
		read = append(read, cal.Href(id))
	}
	w.pull(read...)
	w.expect("held", len(w.held), 250)
	ask := w.ask()
	ask.Full = true
	if err := w.try(ask); err != nil {
		t.Fatal(err)
	}
	w.agrees()
}

// What is in doubt is told as it is, also when it is as we hold it.
func TestDoubtIsAnswered(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("a", "one"))
	w.Put(ada, plain("b", "one"))
	w.pull()
	ask := w.ask("a")
	ask.Full = true
	if err := w.try(ask); err != nil {
		t.Fatal(err)
	}
	if len(w.pages[0].Present) != 1 || w.pages[0].Present[0].Href != "a" {
		t.Errorf("told %+v", w.pages[0])
	}
}

// refuseList answers one of a list's requests, counted from 1, with f.
func (w *world) refuseList(nth int, f sim.GoogleFault) {
	var n atomic.Int64
	w.Faults(func(all *sim.GoogleFaults) {
		all.Hook = func(r *http.Request) *sim.GoogleFault {
			if r.Method != http.MethodGet || !strings.HasSuffix(r.URL.Path, "/events") {
				return nil
			}
			if n.Add(1) == int64(nth) {
				return &f
			}
			return nil
		}
	})
}

func TestTokenDiesInTheMiddle(t *testing.T) {
	for _, f := range []sim.GoogleFault{{Status: 410, Reason: "fullSyncRequired"}, {Status: 410, Reason: "updatedMinTooLongAgo"}, {Status: 400, Reason: "invalid"}} {
		t.Run(fmt.Sprint(f.Status, f.Reason), func(t *testing.T) {
			w := newWorld(t, small)
			for n := range 5 {
				w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
			}
			w.pull()
			for n := range 4 {
				w.Patch(ada, fmt.Sprintf("event%d", n), `{"summary":"two"}`)
			}
			w.Remove(ada, "event4")
			w.refuseList(2, f)
			w.pull()
			w.agrees()
			if !w.pages[len(w.pages)-1].Complete {
				t.Error("not complete")
			}
		})
	}
}

// A list from the beginning whose pages die begins anew, once.
func TestPageDies(t *testing.T) {
	w := newWorld(t, small)
	for n := range 5 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.refuseList(2, sim.GoogleFault{Status: 410, Reason: "fullSyncRequired"})
	w.pull()
	w.agrees()

	w.calendar.Token = ""
	w.Faults(func(all *sim.GoogleFaults) {
		all.Hook = func(r *http.Request) *sim.GoogleFault {
			if r.URL.Query().Has("pageToken") {
				return &sim.GoogleFault{Status: 410, Reason: "fullSyncRequired"}
			}
			return nil
		}
	})
	if err := w.try(w.ask()); err == nil {
		t.Error("it goes on for ever, or says nothing")
	}
	w.expect("token", w.calendar.Token, "")
}

// A page that fails ends the answer without a token; the next one tells all of it.
func TestPageFails(t *testing.T) {
	for _, f := range []sim.GoogleFault{{Status: 500}, {Status: 503}, {Status: 403, Reason: "rateLimitExceeded"}, {CutRequest: true}, {LoseAnswer: true}} {
		t.Run(fmt.Sprintf("%+v", f), func(t *testing.T) {
			w := newWorld(t, small)
			for n := range 3 {
				w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
			}
			w.pull()
			for n := range 3 {
				w.Patch(ada, fmt.Sprintf("event%d", n), `{"summary":"two"}`)
			}
			w.Remove(ada, "event0")
			token := w.calendar.Token
			w.refuseList(2, f)
			if err := w.try(w.ask()); err == nil {
				t.Fatal("no error")
			}
			w.expect("token", w.calendar.Token, token)
			w.pull()
			w.agrees()
		})
	}
}

// What is cut off in the middle is no answer, however much of it could be read.
func TestAnswerCutOff(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.rough = true })
	for _, text := range []string{``, `{`, `{"items":[`, `{"items":[{"id":"a"}`, `{"items":[{"id":"a"}],"nextSyncToken":"x"`, `{"items":[{"id":"a"}]}`,
		`[]`, `null`, `{"items":{}}`, `{"items":[],"nextSyncToken":5}`} {
		c := w.open(configOf(fixed(text)))
		for page, err := range c.Changes(context.Background(), w.calendar, w.ask()) {
			if page.Last || page.Next != "" {
				t.Errorf("%q: the last page %+v, error %v", text, page, err)
			}
		}
	}
}

// An event that cannot be read stops nothing, is told, and costs nothing that is held.
func TestUnreadableEvent(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.rough = true })
	w.Put(ada, plain("good", "one"))
	w.Put(ada, plain("bad", "one"))
	w.pull()
	w.Put(ada, `{"id":"bad","summary":["a","list"],"start":{"dateTime":"2026-01-05T09:00:00Z"},"end":{"dateTime":"2026-01-05T10:00:00Z"}}`)
	w.Put(ada, plain("other", "one"))
	w.pull()
	if _, held := w.held["bad"]; !held || w.unread["bad"] == "" || !strings.Contains(w.unread["bad"], "summary") {
		t.Errorf("held %v, unread %v", held, w.unread)
	}
	w.expect("held", len(w.held), 3)
	w.Put(ada, plain("bad", "better"))
	w.pull("bad")
	w.expect("unread", len(w.unread), 0)
	w.agrees()
}

// An event that tells no id is told once; there is no name to ask for it by.
func TestEventWithoutID(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.rough = true })
	w.client = w.open(configOf(fixed(`{"items":[{"summary":"who am I"},{"summary":"and I"}],"nextSyncToken":"x"}`)))
	w.pull()
	w.expect("unread", len(w.unread), 1)
	w.pull("(no id)")
	w.expect("absent", w.pages[0].Absent, "[(no id)]")
	requests, _ := w.client.Usage()
	w.expect("requests", requests, 2)
}

func TestReadByName(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("old", "one"))
	w.Put(ada, plain("gone", "one"))
	w.pull()
	w.Remove(ada, "gone")
	w.pull()
	w.Put(ada, plain("new", "one"))
	w.ResetJournal()
	w.pull("old", "new", "gone", "never")
	w.expect("requests", w.asked(), "[events.list events.get events.get events.get]") // "new" was listed
	last := w.pages[len(w.pages)-1]
	w.expect("removed", last.Removed, "[gone]")
	w.expect("absent", last.Absent, "[never]")
	w.agrees()
}

// What a list names need not be asked for again: reading back a thousand inserts costs the list alone.
func TestInsertsAreReadBackByTheList(t *testing.T) {
	w := newWorld(t)
	w.pull()
	var read []cal.Href
	for n := range 300 {
		id := fmt.Sprintf("insert%d", n)
		w.Put(ada, plain(id, "one"))
		read = append(read, cal.Href(id))
	}
	w.ResetJournal()
	w.pull(read...)
	w.expect("requests", w.asked(), "[events.list]")
	w.agrees()
}

// One event that cannot be read by name does not stop the others; what concerns the account does.
func TestReadByNameFails(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("a", "one"))
	w.Put(ada, plain("b", "one"))
	w.pull()
	for _, status := range []int{500, 400, 403} { // none of them says that it is gone
		f := sim.GoogleFault{Status: status, Reason: "strange"}
		w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "GET", "/events/a", f) })
		w.pull("a", "b")
		w.expect("unread", len(w.unread), 1)
		w.expect("held", len(w.held), 2)
	}
	w.Faults(func(f *sim.GoogleFaults) { f.Next(1, "GET", "/events/a", sim.GoogleFault{Status: 429}) })
	token := w.calendar.Token
	var busy cal.Busy
	if err := w.try(w.ask("a", "b")); !errors.As(err, &busy) {
		t.Errorf("429: %v", err)
	}
	w.expect("token", w.calendar.Token, token)
}

func TestCalendarMissing(t *testing.T) {
	w := newWorld(t)
	w.calendar.Href = "nowhere@example.org"
	if err := w.try(w.ask()); !errors.Is(err, cal.ErrGone) {
		t.Errorf("%v", err)
	}
}

// While the reader is busy with a page, the next is on its way.
func TestNextPageOnItsWay(t *testing.T) {
	w := newWorld(t, small)
	for n := range 6 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	for range w.client.Changes(context.Background(), w.calendar, w.ask()) {
		for wait := time.Now(); len(w.Journal()) < 2; time.Sleep(time.Millisecond) {
			if time.Since(wait) > 5*time.Second {
				t.Fatal("nothing is asked while the reader works")
			}
		}
		break // and a reader who wants no more is no error
	}
}

func TestInterrupted(t *testing.T) {
	w := newWorld(t, small)
	for n := range 6 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var last error
	for page, err := range w.client.Changes(ctx, w.calendar, w.ask()) {
		if cancel(); page.Last {
			t.Error("an answer that was interrupted has an end")
		}
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("%v", last)
	}
}

// Under the token of a calendar that was given to us to write, then to read, everything is read anew; nothing is lost.
func TestRoleChanges(t *testing.T) {
	w := newWorld(t)
	eve := w.AddUser("eve@example.org")
	id := w.AddCalendar(eve, sim.GoogleCalendar{ID: "team@group.calendar.google.com", Summary: "Team"})
	w.AddCalendar(w.user, sim.GoogleCalendar{ID: id, AccessRole: "writer"})
	w.calendar.Href = cal.Href(id)
	w.Put(id, plain("a", "one"))
	w.pull()
	w.SetRole(w.user, id, "reader")
	w.pull()
	w.agrees()
	if !w.pages[len(w.pages)-1].Complete {
		t.Error("not complete")
	}
}

func TestPagesHoldNoMoreThanAPortion(t *testing.T) {
	w := newWorld(t)
	for n := range 600 {
		w.Put(ada, plain(fmt.Sprintf("event%d", n), "one"))
	}
	w.pull()
	w.agrees()
	w.expect("requests", len(w.asked()), 1)
	for _, page := range w.pages {
		if len(page.Present) > 250 {
			t.Errorf("a page of %d", len(page.Present))
		}
	}
	if slices.ContainsFunc(w.pages[:len(w.pages)-1], func(p cal.Page) bool { return p.Last || len(p.Removed) > 0 }) {
		t.Error("what must wait did not")
	}
}
