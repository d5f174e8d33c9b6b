package google_test

import (
	"maps"
	"net/http"
	"slices"
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
	w.ResetJournal()
	w.pull(cal.Href(second("series")))
	w.expect("requests", w.asked(), "[events.list events.get]")
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

// answers gives lists page by page as they are written, and leaves the rest to others.
type answers struct {
	pages []string
	rest  http.RoundTripper
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if !strings.HasSuffix(r.URL.Path, "/events") || len(a.pages) == 0 {
		return a.rest.RoundTrip(r)
	}
	page := a.pages[0]
	if a.pages = a.pages[1:]; len(a.pages) > 0 {
		return fixed(`{"items":[` + page + `],"nextPageToken":"` + strings.Repeat("p", len(a.pages)) + `"}`).RoundTrip(r)
	}
	return fixed(`{"items":[` + page + `],"nextSyncToken":"x"}`).RoundTrip(r)
}

// A list may name an event twice when it changed while it was read: the last word counts, on one page or on two.
func TestListedTwice(t *testing.T) {
	const (
		gone      = `{"id":"series","status":"cancelled","etag":"\"9\""}`
		cancelled = `{"id":"series_20260112T080000Z","status":"cancelled","recurringEventId":"series","originalStartTime":{"dateTime":"2026-01-12T09:00:00+01:00","timeZone":"Europe/Berlin"},"etag":"\"8\""}`
	)
	series := strings.Replace(weekly("series"), `{`, `{"etag":"\"1\"",`, 1)
	moved := strings.Replace(exception("series", "moved"), `{`, `{"etag":"\"2\"",`, 1)
	for name, c := range map[string]struct {
		pages    []string
		held     string // what is held in the end, with STATUS:CANCELLED or not
		requests int
	}{
		"gone and back":  {[]string{gone, series}, "series", 2},
		"there and gone": {[]string{series, gone}, "", 2},
		"there and gone, and its exception after":   {[]string{series, gone + `,` + cancelled}, "", 2},
		"exception there and cancelled":             {[]string{moved, cancelled + `,` + series}, "series, series_20260112T080000Z cancelled", 2},
		"exception there, and both gone":            {[]string{moved, gone + `,` + cancelled}, "", 2},
		"exception cancelled and back":              {[]string{cancelled, moved, series}, "series, series_20260112T080000Z", 3},
		"twice on a page, gone last":                {[]string{series + `,` + gone}, "", 1},
		"twice on a page, gone first":               {[]string{gone + `,` + series}, "series", 1},
		"its exception as it was before both went":  {[]string{gone, moved}, "series_20260112T080000Z", 3}, // the only case that has to be asked about
		"cancelled occurrence of nothing we see":    {[]string{cancelled}, "", 1},
		"exception before its series":               {[]string{moved, series}, "series, series_20260112T080000Z", 2},
		"exception of nothing we see":               {[]string{moved}, "series_20260112T080000Z", 1},
		"cancelled occurrence, then its series":     {[]string{cancelled, series}, "series, series_20260112T080000Z cancelled", 2},
		"series, cancelled occurrence, series gone": {[]string{series + `,` + cancelled, gone}, "", 2},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, func(s *settings) { s.rough = true })
			cfg := configOf(&answers{c.pages, fixed(moved)}) // what is asked by name
			cfg.PageSize = 2
			w.client = w.open(cfg)
			w.pull()
			var held []string
			for _, h := range slices.Sorted(maps.Keys(w.held)) {
				text := string(h)
				if strings.Contains(string(w.held[h].Body), "STATUS:CANCELLED") {
					text += " cancelled"
				}
				held = append(held, text)
			}
			// What was handed on before the series was listed as gone the store holds by then, and forgets by itself.
			for _, p := range w.pages[:len(w.pages)-1] {
				if len(p.Removed) > 0 {
					t.Error("something gone was told before the end")
				}
			}
			w.expect("held", strings.Join(held, ", "), c.held)
			requests, _ := w.client.Usage()
			w.expect("requests", requests, c.requests)
		})
	}
}

// An occurrence that outlives its series keeps the UID it has here.
func TestUIDIsKept(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.Put(ada, exception("series", "moved"))
	w.pull()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:moved")
	delete(w.held, "series") // as if somebody had been uninvited from the series and not from the occurrence
	w.Patch(ada, second("series"), `{"summary":"again"}`)
	w.pull()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:again")
}
