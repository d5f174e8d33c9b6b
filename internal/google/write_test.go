package google_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// text is an event as somebody here writes it.
func text(uid string, lines ...string) cal.Body {
	return cal.Body("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n")
}

func meeting(summary string) cal.Body {
	return text("meeting@here", "DTSTART:20260105T090000Z", "DTEND:20260105T100000Z", "SUMMARY:"+summary)
}

// put writes what is wanted over what is held.
func (w *world) put(href cal.Href, body cal.Body, notify ...cal.Notify) error {
	base := w.held[href].Version
	a := cal.Attempt{Href: href, Match: base.ETag}
	if len(notify) > 0 {
		a.Notify = notify[0]
	}
	return w.client.Put(w.t.Context(), w.calendar, a, base, body)
}

func (w *world) drop(href cal.Href) error {
	return w.client.Delete(w.t.Context(), w.calendar, cal.Attempt{Href: href, Match: w.held[href].ETag})
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// edited is the text held, with one line replaced.
func (w *world) edited(href cal.Href, from, to string) cal.Body {
	w.t.Helper()
	body := string(w.held[href].Body)
	if !strings.Contains(body, from) {
		w.t.Fatalf("no %s in\n%s", from, body)
	}
	return cal.Body(strings.Replace(body, from, to, 1))
}

func (w *world) lastWrite() sim.GoogleExchange {
	w.t.Helper()
	all := w.Writes()
	if len(all) == 0 {
		w.t.Fatal("nothing was written")
	}
	return all[len(all)-1]
}

func TestName(t *testing.T) {
	w := newWorld(t)
	for _, c := range []struct {
		object cal.Object
		series cal.Href
		want   cal.Href
	}{
		{cal.Object{ID: "0123456789abcdefghij"}, "", "0123456789abcdefghij"},
		{cal.Object{ID: "0123456789abcdefghij", Incarnation: 12}, "", "0123456789abcdefghij12"},
		{cal.Object{ID: "x", RecurrenceID: "20260105T080000Z"}, "series", "series_20260105T080000Z"},
		{cal.Object{ID: "x", RecurrenceID: "20260105T080000Z"}, "series_R20260101T080000", "series_R20260101T080000_20260105T080000Z"},
		{cal.Object{ID: "x", RecurrenceID: "20260105", Incarnation: 3}, "series", "series_20260105"},
		{cal.Object{ID: "x", RecurrenceID: "20260105T080000"}, "series", ""}, // floating
		{cal.Object{ID: "x", RecurrenceID: "20260105T080000Z"}, "", ""},
	} {
		w.expect(fmt.Sprintf("%+v", c.object), w.client.Name(w.calendar, c.object, c.series), c.want)
	}
}

// An insert carries our id, so that it can be made twice and happens once; the UID comes back.
func TestInsert(t *testing.T) {
	w := newWorld(t)
	w.pull()
	w.must(w.put("ours0", meeting("one")))
	w.expect("insert", w.lastWrite().ID, "events.insert")
	if err := w.put("ours0", meeting("one")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("the same again: %v", err)
	}
	w.ResetJournal()
	w.pull("ours0")
	w.expect("requests of the reading back", w.asked(), "[events.list]")
	w.agrees()
	w.says("ours0", "meeting@here", "", "SUMMARY:one")

	w.Remove(ada, "ours0") // its id is taken for ever
	w.held = map[cal.Href]cal.Resource{}
	if err := w.put("ours0", meeting("one")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("a burnt id: %v", err)
	}
	w.pull("ours0")
	w.expect("told about the burnt id", w.pages[len(w.pages)-1].Removed, "[ours0]")
}

// A change sends what changed, on the condition that it is what it was, and mails nobody unless told to.
func TestUpdate(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, strings.Replace(plain("event1", "one"), `{`, `{"description":"<b>as it was</b>","attendees":[{"email":"bob@example.org","responseStatus":"accepted"}],`, 1))
	w.pull()
	w.ResetJournal()
	w.must(w.put("event1", w.edited("event1", "SUMMARY:one", "SUMMARY:two")))
	x := w.lastWrite()
	w.expect("requests", w.asked(), "[events.patch]")
	w.expect("body", x.Body, `{"summary":"two"}`)
	w.expect("condition", x.IfMatch, w.held["event1"].ETag)
	w.expect("sendUpdates", x.Query.Get("sendUpdates"), "none")
	w.expect("conferenceDataVersion", x.Query.Get("conferenceDataVersion"), "1")
	w.expect("supportsAttachments", x.Query.Get("supportsAttachments"), "true")
	w.expect("mails", len(w.Mails()), 0)
	w.pull()
	w.agrees()

	w.must(w.put("event1", w.edited("event1", "SUMMARY:two", "SUMMARY:three"), cal.NotifyAll))
	w.expect("sendUpdates", w.lastWrite().Query.Get("sendUpdates"), "all")
	w.expect("mails", len(w.Mails()), 1)
	w.pull()
	w.must(w.put("event1", w.edited("event1", "SUMMARY:three", "SUMMARY:four"), cal.NotifyExternal))
	w.expect("sendUpdates", w.lastWrite().Query.Get("sendUpdates"), "externalOnly")
}

// Every write says whom to mail: otherwise that is up to Google.
func TestNoWriteIsSilent(t *testing.T) {
	w := newWorld(t)
	w.pull()
	w.must(w.put("ours0", meeting("one")))
	w.Put(ada, weekly("series"))
	w.pull()
	w.must(w.put("ours0", w.edited("ours0", "SUMMARY:one", "SUMMARY:two")))
	w.must(w.put(cal.Href(second("series")), text("uid-of-series", "RECURRENCE-ID:20260112T080000Z", "DTSTART:20260112T080000Z", "STATUS:CANCELLED")))
	w.pull()
	w.must(w.drop("series"))
	for _, x := range w.Writes() {
		if x.Silent {
			t.Errorf("%s does not say whom to mail", x.ID)
		}
	}
}

// Where nothing of what Google keeps changed, nothing is sent.
func TestNothingToSend(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.pull()
	w.ResetJournal()
	if err := w.put("event1", w.edited("event1", "SUMMARY:one", "SUMMARY:one\r\nX-OURS:1")); !errors.Is(err, cal.ErrMoot) {
		t.Errorf("%v", err)
	}
	w.expect("requests", len(w.Journal()), 0)
}

func TestChangedMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.pull()
	w.Patch(ada, "event1", `{"summary":"theirs"}`)
	if err := w.put("event1", w.edited("event1", "SUMMARY:one", "SUMMARY:ours")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("update: %v", err)
	}
	if err := w.drop("event1"); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("delete: %v", err)
	}
	w.pull("event1")
	w.says("event1", "event1@google.com", "", "SUMMARY:theirs")
}

func TestGoneMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.pull()
	w.held["never"] = w.held["event1"]
	if err := w.put("never", w.edited("event1", "SUMMARY:one", "SUMMARY:ours")); !errors.Is(err, cal.ErrGone) {
		t.Errorf("update: %v", err)
	}
	w.must(w.drop("never"))
	w.must(w.drop("event1"))
	w.must(w.client.Delete(t.Context(), w.calendar, cal.Attempt{Href: "event1", Match: w.held["event1"].ETag})) // 410, or 412: it is gone
	w.pull("event1")
	w.expect("held", len(w.held), 1)
}

func TestDeleteNeedsAnETag(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	if err := w.drop("event1"); !errors.Is(err, cal.ErrRefused) {
		t.Errorf("%v", err)
	}
	w.expect("requests", len(w.Journal()), 0)
}

// What cannot be said at Google is refused before anything is sent.
func TestRefusedUnsent(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.Put(ada, strings.Replace(plain("strange", "one"), `{`, `{"eventType":"hologram",`, 1))
	w.pull()
	w.ResetJournal()
	for name, err := range map[string]error{
		"a task":                 w.put("ours0", cal.Body(strings.ReplaceAll(string(meeting("one")), "VEVENT", "VTODO"))),
		"somebody else's":        w.put("ours0", cal.Body(strings.Replace(string(meeting("one")), "SUMMARY", "ORGANIZER:mailto:eve@example.org\r\nSUMMARY", 1))),
		"a cancelled event":      w.put("event1", w.edited("event1", "STATUS:CONFIRMED", "STATUS:CANCELLED")),
		"an unknown type":        w.put("strange", w.edited("strange", "SUMMARY:one", "SUMMARY:two")),
		"garbage":                w.put("ours0", "garbage"),
		"an exception of no one": w.put("nobody", text("u", "RECURRENCE-ID:20260105T080000Z", "DTSTART:20260105T080000Z")),
	} {
		if !errors.Is(err, cal.ErrRefused) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.expect("requests", w.asked(), "[]")
}

// exceptional is the second occurrence of a weekly series as somebody here changed it.
func exceptional(summary string, more ...string) cal.Body {
	return text("uid-of-series", append([]string{"RECURRENCE-ID;TZID=Europe/Berlin:20260112T090000", "DTSTART;TZID=Europe/Berlin:20260112T090000",
		"DTEND;TZID=Europe/Berlin:20260112T100000", "SUMMARY:" + summary}, more...)...)
}

func TestMakeAnException(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	w.ResetJournal()
	w.must(w.put(cal.Href(second("series")), exceptional("special")))
	w.expect("requests", w.asked(), "[events.instances events.list events.get events.patch]")
	w.expect("body", w.lastWrite().Body, `{"summary":"special"}`)
	if w.lastWrite().IfMatch == "" {
		t.Error("unconditional")
	}
	w.ResetJournal()
	w.pull(cal.Href(second("series")))
	w.expect("requests of the reading back", w.asked(), "[events.list]")
	w.agrees()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:special")

	w.must(w.put(cal.Href(second("series")), w.edited(cal.Href(second("series")), "SUMMARY:special", "SUMMARY:still")))
	w.pull()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:still")
}

// An exception of a series of whole days.
func TestMakeAnExceptionOfADay(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, `{"id":"days","summary":"day","recurrence":["RRULE:FREQ=WEEKLY;COUNT=10"],"start":{"date":"2026-01-05"},"end":{"date":"2026-01-06"}}`)
	w.pull()
	w.must(w.put("days_20260112", text("days@google.com", "RECURRENCE-ID;VALUE=DATE:20260112", "DTSTART;VALUE=DATE:20260112", "DTEND;VALUE=DATE:20260113", "SUMMARY:off")))
	w.pull()
	w.agrees()
	w.says("days_20260112", "days@google.com", "20260112", "SUMMARY:off")
}

// Somebody made an exception of it first: theirs is read before ours is made, also when the list is late to show it.
func TestExceptionIsThereAlready(t *testing.T) {
	for _, lag := range []bool{false, true} {
		for _, theirs := range []string{`{"location":"elsewhere"}`,
			`{"start":{"dateTime":"2026-01-12T11:00:00+01:00"},"end":{"dateTime":"2026-01-12T12:00:00+01:00"}}`,
			`{"end":{"dateTime":"2026-01-12T12:00:00+01:00"}}`} {
			testExceptionIsThere(t, lag, theirs)
		}
	}
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	w.Patch(ada, second("series"), `{"summary":"other"}`)
	w.Patch(ada, second("series"), `{"summary":"weekly"}`) // says again what the series says, and is an exception all the same
	if err := w.put(cal.Href(second("series")), exceptional("special")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("changed and changed back: %v", err)
	}
	w.Remove(ada, second("series"))
	if err := w.put(cal.Href(second("series")), exceptional("special")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("cancelled: %v", err)
	}
}

func testExceptionIsThere(t *testing.T, lag bool, theirs string) {
	t.Helper()
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	if lag {
		w.now = w.now.Add(40 * time.Minute)
		w.LagLists(30 * time.Minute)
	}
	w.Patch(ada, second("series"), theirs)
	w.ResetJournal()
	for _, body := range []cal.Body{exceptional("special"), exceptional("weekly", "STATUS:CANCELLED")} {
		if err := w.put(cal.Href(second("series")), body); !errors.Is(err, cal.ErrChanged) {
			t.Errorf("lag %v, %s: %v", lag, theirs, err)
		}
	}
	w.expect("writes", len(w.Writes()), 0)
}

// To cancel an occurrence is to delete it, and the series stays as it is; to want it back is a change of the cancelled one.
func TestCancelAndRestoreAnOccurrence(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, weekly("series"))
	w.pull()
	before := w.held["series"].ETag
	href := cal.Href(second("series"))
	w.must(w.put(href, exceptional("weekly", "STATUS:CANCELLED")))
	w.expect("write", w.lastWrite().ID, "events.delete")
	if w.lastWrite().IfMatch == "" {
		t.Error("unconditional")
	}
	w.pull(href)
	w.agrees()
	w.expect("series", w.held["series"].ETag, before)
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "STATUS:CANCELLED")

	w.ResetJournal()
	if err := w.put(href, w.held[href].Body); !errors.Is(err, cal.ErrMoot) {
		t.Errorf("%v", err)
	}
	w.expect("cancelling what is cancelled", len(w.Journal()), 0)

	w.must(w.put(href, exceptional("back")))
	w.expect("write", w.lastWrite().ID, "events.patch")
	w.pull(href)
	w.agrees()
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "SUMMARY:back")

	w.must(w.put(href, w.edited(href, "STATUS:CONFIRMED", "STATUS:CANCELLED")))
	w.expect("write", w.lastWrite().ID, "events.delete")
	w.pull(href)
	w.says(second("series"), "uid-of-series", "20260112T080000Z", "STATUS:CANCELLED")
}

// Google's ids of occurrences are not documented, so the series is asked; an answer that is not the one expected stops the write.
func TestOccurrenceIsNamedOtherwise(t *testing.T) {
	w := newWorld(t, func(s *settings) { s.rough = true })
	w.Put(ada, weekly("series"))
	w.pull()
	err := w.put("series_20260113T080000Z", exceptional("no such day"))
	if !errors.Is(err, cal.ErrRefused) || !strings.Contains(err.Error(), "no occurrence at 2026-01-13T08:00:00Z") {
		t.Errorf("%v", err)
	}
	c := w.open(configOf(fixed(`{"items":[{"id":"other","recurringEventId":"series"}]}`)))
	err = c.Put(t.Context(), w.calendar, cal.Attempt{Href: cal.Href(second("series"))}, cal.Version{}, exceptional("special"))
	if !errors.Is(err, cal.ErrRefused) || !strings.Contains(err.Error(), `"other"`) || !strings.Contains(err.Error(), second("series")) {
		t.Errorf("%v", err)
	}
	w.expect("writes", len(w.Writes()), 0)
}

// A write in a calendar that may not be written says so, and the list of calendars is not trusted any more.
func TestReadOnly(t *testing.T) {
	w := newWorld(t)
	eve := w.AddUser("eve@example.org")
	id := w.AddCalendar(eve, sim.GoogleCalendar{ID: "team@group.calendar.google.com", Summary: "Team"})
	w.AddCalendar(w.user, sim.GoogleCalendar{ID: id, AccessRole: "writer"})
	w.calendar.Href = cal.Href(id)
	w.Put(id, plain("a", "one"))
	list := func(want cal.Access) {
		t.Helper()
		all, err := w.client.Calendars(t.Context(), true)
		w.must(err)
		w.expect("access", all[1].Access, want)
	}
	list(cal.AccessWrite)
	w.pull()
	w.SetRole(w.user, id, "reader")
	list(cal.AccessWrite) // Google does not tell of it
	if err := w.put("a", w.edited("a", "SUMMARY:one", "SUMMARY:two")); !errors.Is(err, cal.ErrReadOnly) {
		t.Errorf("%v", err)
	}
	list(cal.AccessRead)
}

// An insert whose answer was lost is made again, and happens once.
func TestInsertTwice(t *testing.T) {
	w := newWorld(t)
	w.pull()
	w.Faults(func(f *sim.GoogleFaults) { f.Next(1, http.MethodPost, "/events", sim.GoogleFault{LoseAnswer: true}) })
	if err := w.put("ours0", meeting("one")); err == nil || errors.Is(err, cal.ErrUnsent) || errors.Is(err, cal.ErrRefused) {
		t.Errorf("the answer was lost: %v", err)
	}
	if err := w.put("ours0", meeting("one")); !errors.Is(err, cal.ErrChanged) {
		t.Errorf("%v", err)
	}
	w.expect("events", w.Events(ada), "[ours0]")
	w.expect("requests", len(w.Writes()), 2)
}

// A thousand inserts are a thousand requests, and one more reads them back.
func TestThousandInserts(t *testing.T) {
	w := newWorld(t)
	w.pull()
	w.ResetJournal()
	var read []cal.Href
	for n := range 1000 {
		href := cal.Href(fmt.Sprintf("ours%d", n))
		w.must(w.put(href, meeting("one")))
		read = append(read, href)
	}
	w.pull(read...)
	w.agrees()
	w.expect("requests", len(w.Journal()), 1001)
	w.expect("events", len(w.held), 1000)
}
