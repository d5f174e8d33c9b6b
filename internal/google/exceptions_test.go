package google_test

import (
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

func (w *world) says(href string, uid, recurrenceID, line string) {
	w.t.Helper()
	r, held := w.held[cal.Href(href)]
	if !held {
		w.t.Errorf("%s is not held", href)
		return
	}
	if r.UID != uid || r.RecurrenceID != recurrenceID || !strings.Contains(string(r.Body), line+"\r\n") {
		w.t.Errorf("%s: UID %q, RECURRENCE-ID %q, want %q, %q and the line %s in\n%s", href, r.UID, r.RecurrenceID, uid, recurrenceID, line, r.Body)
	}
}

// An exception has the UID of its series, be that listed before it, after it, or not at all because only the exception changed.
func TestExceptionAndItsSeries(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("first"))
	w.Put(ada, exception("first", "moved"))
	late := exception("late", "moved") // born before its series
	w.Put(ada, late)
	w.Put(ada, weekly("late"))
	w.Put(ada, late)
	w.pull()
	w.agrees()
	w.says(second("first"), "uid-of-first", "20260112T080000Z", "SUMMARY:moved")
	w.says(second("late"), "uid-of-late", "20260112T080000Z", "SUMMARY:moved")

	w.Patch(ada, second("first"), `{"summary":"again"}`)
	w.pull()
	w.agrees()
	w.says(second("first"), "uid-of-first", "20260112T080000Z", "SUMMARY:again")
}

// Somebody invited to one occurrence has that and no series.
func TestOccurrenceWithoutSeries(t *testing.T) {
	w := newWorld(t)
	alone := strings.Replace(exception("elsewhere", "invited"), `{"id"`, `{"iCalUID":"theirs@example.org","id"`, 1)
	w.Put(ada, alone)
	w.pull()
	w.says(second("elsewhere"), "theirs@example.org", "20260112T080000Z", "SUMMARY:invited")
	w.Patch(ada, second("elsewhere"), `{"summary":"changed"}`)
	w.pull()
	w.agrees()
	w.Remove(ada, second("elsewhere"))
	w.pull()
	w.expect("held", len(w.held), 0)
}

// A cancelled occurrence of a series that lives is an object, with what only the series knows; when the series goes it goes as well.
func TestCancelledOccurrence(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	w.Remove(ada, second("series"))
	w.pull()
	w.agrees()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "STATUS:CANCELLED")
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "DTSTART;TZID=Europe/Berlin:20260112T090000")
	w.calendar.Token, w.held = "", map[cal.Href]cal.Resource{}
	w.pull()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "STATUS:CANCELLED")
	w.Remove(ada, "series")
	w.pull()
	w.expect("held", len(w.held), 0)
}

// With a series go its exceptions, which Google may name or not.
func TestSeriesDeleted(t *testing.T) {
	for _, named := range []bool{false, true} {
		w := newWorld(t, func(s *settings) { s.sim.SeriesDeletionNamesAll = named })
		w.Put(ada, weekly("series"))
		w.Put(ada, exception("series", "moved"))
		w.Put(ada, weekly("other"))
		w.Put(ada, exception("other", "moved"))
		w.Remove(ada, "other_20260119T080000Z")
		w.pull()
		w.Remove(ada, "series")
		w.pull()
		w.agrees()
		w.expect("held", len(w.held), 3)
		w.expect("removed", w.pages[len(w.pages)-1].Removed, "[series "+second("series")+"]")
	}
}

// An exception that changed before its series was deleted may be listed as it was: it is asked for.
func TestExceptionOutlivesItsSeries(t *testing.T) {
	w := newWorld(t, small)
	w.Put(ada, weekly("series"))
	w.Put(ada, exception("series", "moved"))
	w.pull()
	w.Remove(ada, "series")
	w.refuseList(0, sim.GoogleFault{}) // no fault
	stale := `{"items":[` + exception("series", "stale") + `,{"id":"series","status":"cancelled","etag":"\"9\""}],"nextSyncToken":"x"}`
	c := w.open(configOf(listIs{stale, carrier{w.Google.Transport(), &w.token}}))
	for page, err := range c.Changes(t.Context(), w.calendar, w.ask()) {
		if err != nil {
			t.Fatal(err)
		}
		w.apply(page)
	}
	w.expect("held", len(w.held), 0)
}

// What is asked for by name and is no more than an occurrence is no exception, and so not there; one that the list is late to show is.
func TestOccurrenceReadByName(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	w.pull(cal.Href(second("series")))
	w.expect("absent", w.pages[len(w.pages)-1].Absent, "["+second("series")+"]")

	w.now = w.now.Add(40 * time.Minute)
	w.LagLists(30 * time.Minute)
	w.Patch(ada, second("series"), `{"summary":"exception"}`)
	w.pull(cal.Href(second("series")))
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:exception")
	w.agrees()
}

// Of an exception that says again what its series says we know that it is one, because we hold it.
func TestExceptionLikeItsSeries(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.Patch(ada, second("series"), `{"summary":"exception"}`)
	w.pull()
	w.Patch(ada, second("series"), `{"summary":"weekly"}`)
	w.pull()
	w.pull(cal.Href(second("series")))
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:weekly")
	w.agrees()
}

// A token dies, and meanwhile a series and its exceptions went, an exception was made, another cancelled.
func TestExceptionsAfterTheTokenDied(t *testing.T) {
	w := newWorld(t, small)
	for _, id := range []string{"stays", "goes", "grows"} {
		w.Put(ada, weekly(id))
	}
	w.Put(ada, exception("stays", "moved"))
	w.Put(ada, exception("goes", "moved"))
	w.pull()
	w.Remove(ada, "goes")
	w.Remove(ada, second("stays"))
	w.Put(ada, exception("grows", "moved"))
	w.ExpireSyncTokens()
	w.pull()
	w.agrees()
	w.expect("held", len(w.held), 4)
	w.says(second("stays"), "uid-of-stays", "20260112T080000Z", "STATUS:CANCELLED")
}
