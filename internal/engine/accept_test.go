package engine_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/store"
)

// shelf is a calendar whose remote keeps the exceptions of a series as resources of their own, and nothing else: what texts come to there
// can be seen without any server.
type shelf struct {
	*testing.T
	db       *store.DB
	calendar cal.CalendarID
}

func newShelf(t *testing.T, url, provider string) *shelf {
	t.Helper()
	clock := time.Date(2026, 1, 1, 9, 0, 0, 0, time.UTC)
	db, err := store.Open(context.Background(), url, store.Options{Migrate: true, Clock: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	s := &shelf{T: t, db: db}
	s.write(func(tx *store.Tx) error {
		a, err := tx.AddAccount(store.Account{Provider: provider, Name: "ada", Owner: "ada@example.org", URL: "https://example.org/"})
		if err != nil {
			return err
		}
		k, err := tx.AddCalendar(cal.Calendar{Account: a.ID, Selected: true, Facts: cal.Facts{Href: "primary", Name: "Ada", Access: cal.AccessWrite}})
		s.calendar = k.ID
		return err
	})
	return s
}

// onShelves runs a test on every kind of database.
func onShelves(t *testing.T, test func(*shelf)) {
	providertest.EachDatabase(t, func(t *testing.T, d providertest.Database) { test(newShelf(t, d.URL, "google")) })
}

func (s *shelf) write(fn func(*store.Tx) error) {
	s.Helper()
	if err := s.db.Write(context.Background(), fn); err != nil {
		s.Fatal(err)
	}
}

func (s *shelf) try(d store.Draft) (o cal.Object, err error) {
	s.Helper()
	err = s.db.Write(context.Background(), func(tx *store.Tx) (err error) {
		o, err = engine.Accept(tx, d)
		return err
	})
	return o, err
}

func (s *shelf) accept(d store.Draft) cal.Object {
	s.Helper()
	o, err := s.try(d)
	if err != nil {
		s.Fatal(err)
	}
	return o
}

// draft is a text for an object; an empty id: for a new one.
func (s *shelf) draft(id cal.ObjectID, body cal.Body) store.Draft {
	r := ical.Read(body)
	return store.Draft{Object: id, Calendar: s.calendar, UID: r.UID, Component: r.Component, Summary: r.Summary, Want: cal.Version{Digest: r.Digest, Body: body}}
}

func (s *shelf) create(body cal.Body) cal.Object { s.Helper(); return s.accept(s.draft("", body)) }
func (s *shelf) edit(o cal.Object, body cal.Body) cal.Object {
	s.Helper()
	return s.accept(s.draft(o.ID, body))
}
func (s *shelf) remove(o cal.Object) { s.Helper(); s.accept(store.Draft{Object: o.ID}) }
func (s *shelf) refuses(d store.Draft, says ...string) (object cal.ObjectID) {
	s.Helper()
	before := s.shows()
	_, err := s.try(d)
	var u engine.Unfit
	if !errors.As(err, &u) {
		s.Fatalf("%v", err)
	}
	for _, word := range says {
		if !strings.Contains(u.Error(), word) {
			s.Errorf("%q does not say %q", u, word)
		}
	}
	if after := s.shows(); !slices.Equal(before, after) {
		s.Errorf("refused, and stored all the same: %v", after)
	}
	return u.Object
}

func (s *shelf) all() (all []cal.Object) {
	s.Helper()
	s.write(func(tx *store.Tx) error {
		all = nil
		listed, err := tx.Objects(store.ObjectFilter{Calendar: s.calendar, IncludeGone: true})
		for _, l := range listed {
			o, err := tx.Object(l.ID)
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return err
	})
	return all
}

// sent makes the remote take everything that waits.
func (s *shelf) sent() {
	s.Helper()
	p := cal.Plan{Calendar: s.calendar}
	for _, o := range s.all() {
		if o.Edit == nil {
			continue
		}
		if was := o.Want(); was.Exists() {
			o.Base, o.Href = was, cal.Href("e"+o.ID)
			o.Base.ETag = "1"
		} else {
			o.Base = cal.Version{}
		}
		o.Edit = nil
		p.Settled = append(p.Settled, cal.Change{Object: o, Was: o.Want()})
	}
	s.write(func(tx *store.Tx) error { return tx.Apply(p) })
}

// outbox is what may be sent now.
func (s *shelf) outbox() (titles []string) {
	s.Helper()
	s.write(func(tx *store.Tx) error {
		titles = nil
		ready, err := tx.Outbox(s.calendar, tx.Now().Add(time.Hour), 100)
		for _, o := range ready {
			titles = append(titles, s.title(o))
		}
		return err
	})
	slices.Sort(titles)
	return titles
}

func (s *shelf) title(o cal.Object) string {
	name, want := strings.TrimSuffix(o.UID+" "+o.RecurrenceID, " "), o.Want()
	if i := strings.Index(name, "-"); i > 0 {
		name = "next" + strings.TrimPrefix(name[36:], " ") // a UID of our making
	}
	switch {
	case !want.Exists():
		return name + " deleted"
	case strings.Contains(string(want.Body), "STATUS:CANCELLED"):
		return name + " hidden"
	}
	for _, key := range ical.Excluded(want.Body) {
		name += " -" + key[6:8]
	}
	if _, until, ok := strings.Cut(string(want.Body), "UNTIL="); ok {
		name += " <" + until[6:8]
	}
	return name + " " + ical.Read(want.Body).Summary
}

// shows is what a user sees.
func (s *shelf) shows() (titles []string) {
	s.Helper()
	for _, o := range s.all() {
		if o.Want().Exists() {
			titles = append(titles, s.title(o))
		}
	}
	slices.Sort(titles)
	return titles
}

func (s *shelf) expect(what string, got []string, want ...string) {
	s.Helper()
	slices.Sort(want)
	if !slices.Equal(got, want) {
		s.Fatalf("%s:\ngot  %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// find is the object with the instance; empty: the series.
func (s *shelf) find(uid, day string) cal.Object {
	s.Helper()
	for _, o := range s.all() {
		if o.UID == uid && strings.HasPrefix(o.RecurrenceID, day) && (day != "" || o.RecurrenceID == "") {
			return o
		}
	}
	s.Fatalf("no %s %s", uid, day)
	return cal.Object{}
}

// mondays is a series at nine in Berlin; more are lines of its master.
func mondays(title, more string, others ...string) cal.Body {
	return text("BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T100000\n" +
		"RRULE:FREQ=WEEKLY\n" + more + "SUMMARY:" + title + "\nEND:VEVENT\n" + strings.Join(others, ""))
}

func text(components string) cal.Body {
	return cal.Body(strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n"+components+"END:VCALENDAR\n", "\n", "\r\n"))
}

// on is an exception of that series in January, an hour later.
func on(day, title string) string {
	return "BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID;TZID=Europe/Berlin:202601" + day + "T090000\n" +
		"DTSTART;TZID=Europe/Berlin:202601" + day + "T100000\nDTEND;TZID=Europe/Berlin:202601" + day + "T110000\nSUMMARY:" + title + "\nEND:VEVENT\n"
}

// from is the text that stands for an instance and all that follow, at an hour.
func from(day, hour, title string) string {
	return strings.NewReplacer("RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", "T100000", "T"+hour+"0000", "T110000", "T"+hour+"3000").Replace(on(day, title))
}

const exdate = "EXDATE;TZID=Europe/Berlin:202601"

func TestAcceptElsewhere(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "caldav")
	body := mondays("Standup", exdate+"12T090000\n", on("19", "Late"))
	made := s.create(body)
	s.expect("one object", s.shows(), "u -12 Standup")
	s.remove(made)
	s.expect("removed", s.shows())
}

func TestAcceptSeries(t *testing.T) {
	onShelves(t, func(s *shelf) {
		made := s.create(mondays("Standup", exdate+"12T090000\n", on("19", "Late"), on("26", "Later")))
		if made.RecurrenceID != "" || made.Summary != "Standup" {
			t.Errorf("%+v", made)
		}
		s.expect("taken apart", s.shows(), "u -12 Standup", "u 20260119T080000Z Late", "u 20260126T080000Z Later")
		s.expect("the series first", s.outbox(), "u -12 Standup")
		s.sent()
		s.expect("all is sent", s.outbox())

		s.edit(made, mondays("Standup", exdate+"12T090000\n", on("19", "Late"), on("26", "Sooner")))
		s.expect("what says the same is no edit", s.outbox(), "u 20260126T080000Z Sooner")
		s.sent()
		s.edit(made, mondays("Sitdown", exdate+"12T090000\n"))
		s.expect("what is not mentioned stays", s.shows(), "u -12 Sitdown", "u 20260119T080000Z Late", "u 20260126T080000Z Sooner")
		s.edit(made, mondays("Sitdown", exdate+"12T090000,20260119T090000\n"))
		s.expect("an EXDATE hides the exception", s.shows(), "u -12 Sitdown", "u 20260119T080000Z hidden", "u 20260126T080000Z Sooner")
		s.sent()
		s.edit(made, mondays("Sitdown", exdate+"19T090000\n"))
		s.expect("and is not needed once it is hidden", s.shows(), "u Sitdown", "u 20260119T080000Z hidden", "u 20260126T080000Z Sooner")
		s.edit(made, mondays("Sitdown", exdate+"19T090000\n", on("19", "Back")))
		s.expect("what the text shows is shown", s.shows(), "u Sitdown", "u 20260119T080000Z Back", "u 20260126T080000Z Sooner")
		s.edit(made, mondays("Sitdown", "", strings.Replace(on("19", "Back"), "SUMMARY:Back", "STATUS:CANCELLED", 1), strings.Replace(on("12", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)))
		s.expect("cancelled ones are hidden", s.shows(), "u Sitdown", "u 20260112T080000Z hidden", "u 20260119T080000Z hidden", "u 20260126T080000Z Sooner")
	})
}

// TestAcceptKeepsBytes: where there is nothing to take apart, the text is kept as it was written.
func TestAcceptKeepsBytes(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	odd := cal.Body(strings.ReplaceAll(string(mondays("Standup", "x-odd;A=b:c\n"+exdate+"12T090000\n")), "\r\n", "\n"))
	d := s.draft("", odd)
	d.Want.Native = "{}"
	o := s.accept(d)
	if o.Want().Body != odd || o.Want().Native != "{}" {
		t.Errorf("%q", o.Want())
	}
}

func TestAcceptException(t *testing.T) {
	onShelves(t, func(s *shelf) {
		s.refuses(s.draft("", text(on("19", "Late"))), `"u"`, "20260119T080000Z", "create the series first")
		master := s.create(mondays("Standup", ""))
		late := s.create(text(on("19", "Late")))
		if late.RecurrenceID != "20260119T080000Z" || late.Edit.After != master.ID {
			t.Errorf("%+v", late.Edit)
		}
		s.expect("the series first", s.outbox(), "u Standup")
		if again := s.create(text(on("19", "Later"))); again.ID != late.ID {
			t.Error("the instance is there twice")
		}
		s.sent()
		s.edit(late, text(on("19", "Latest")))
		s.expect("edited", s.outbox(), "u 20260119T080000Z Latest")

		if right := s.refuses(s.draft(late.ID, mondays("Standup", "")), "whole series", string(master.ID)); right != master.ID {
			t.Error(right)
		}
		s.refuses(s.draft(late.ID, text(on("26", "Other"))), "20260126T080000Z", "create")
		other := s.create(text(on("26", "Other")))
		s.refuses(s.draft(late.ID, text(on("26", "Other"))), string(other.ID))
		s.refuses(s.draft(late.ID, text(on("19", "a")+on("26", "b"))), "several")
		if right := s.refuses(s.draft(master.ID, text(on("26", "Other"))), "is the series", string(other.ID)); right != other.ID {
			t.Error(right)
		}
		if right := s.refuses(s.draft("", mondays("Twice", "")), "in use", string(master.ID)); right != master.ID {
			t.Error(right)
		}
		s.refuses(s.draft(master.ID, cal.Body(strings.ReplaceAll(string(mondays("Standup", "")), "UID:u", "UID:v"))), `"u"`, `"v"`)
		s.refuses(s.draft("", text(from("12", "09", "x")+from("19", "09", "y"))), "more than once")
		s.refuses(s.draft("", mondays("Standup", "", on("19", "a"), on("19", "b"))), "not one series")

		s.remove(late)
		s.expect("its instance is hidden", s.shows(), "u Standup", "u 20260119T080000Z hidden", "u 20260126T080000Z Other")
		s.sent()
		s.remove(late)
		s.expect("once", s.outbox())
	})
}

// TestAcceptBoth: a text that leaves out an instance and tells of it all the same shows it.
func TestAcceptBoth(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	made := s.create(mondays("Standup", exdate+"19T090000\n", on("19", "Late")))
	s.expect("shown", s.shows(), "u Standup", "u 20260119T080000Z Late")
	s.sent()
	late := s.find("u", "20260119").ID
	s.write(func(tx *store.Tx) error { // as the remote may tell of a hidden one, with details
		o, err := tx.Object(late)
		o.Base.Body = text(strings.Replace(on("19", "Late"), "SUMMARY", "STATUS:CANCELLED\nSUMMARY", 1))
		o.Base.ID, o.Base.Digest = "", ical.Read(o.Base.Body).Digest
		if err != nil {
			return err
		}
		return tx.Apply(cal.Plan{Calendar: s.calendar, Updated: []cal.Change{{Object: o}}})
	})
	s.edit(made, mondays("Standup", exdate+"19T090000\n"))
	s.remove(s.find("u", "20260119"))
	s.expect("hidden already", s.outbox())
}

// TestAcceptOrphan: somebody was invited to one instance only.
func TestAcceptOrphan(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	body := text(on("19", "Invited"))
	s.write(func(tx *store.Tx) error {
		o := cal.Object{Href: "x", UID: "u", RecurrenceID: "20260119T080000Z", Component: "VEVENT", Base: cal.Version{ETag: "1", Digest: ical.Read(body).Digest, Body: body}}
		return tx.Apply(cal.Plan{Calendar: s.calendar, Created: []cal.Change{{Object: o}}})
	})
	orphan := s.find("u", "20260119")
	s.edit(orphan, text(on("19", "Noted")))
	s.expect("edited", s.shows(), "u 20260119T080000Z Noted")
	s.remove(orphan)
	s.expect("deleted, for there is no series to hide it from", s.outbox(), "u 20260119T080000Z deleted")
	s.edit(orphan, body)
	s.expect("taken back", s.outbox())
	s.remove(orphan)
	s.sent()
	s.refuses(s.draft(orphan.ID, body), "create the series first")
}

func TestAcceptDeletionOfASeries(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	master := s.create(mondays("Standup", "", on("19", "Late")))
	s.remove(master)
	s.expect("with its exceptions, which could never be sent", s.shows())
	s.expect("nothing to tell the remote", s.outbox())
	s.edit(master, mondays("Standup", "", on("19", "Late")))
	s.expect("back again", s.shows(), "u Standup", "u 20260119T080000Z Late")
	s.sent()
	s.create(text(on("26", "Unsent")))
	s.remove(master)
	s.expect("the remote takes along what it has", s.outbox(), "u deleted")
	s.expect("until then it is here", s.shows(), "u 20260119T080000Z Late")
}

// TestAcceptPassesOn whom the remote may mail, and what the user has seen.
func TestAcceptPassesOn(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	d := s.draft("", mondays("Standup", "", on("19", "Late")))
	d.Notify = cal.NotifyAll
	seen := s.accept(d).Want().ID
	for _, o := range s.all() {
		if o.Edit.Notify != cal.NotifyAll {
			t.Errorf("%s %q", s.title(o), o.Edit.Notify)
		}
	}
	master := s.edit(s.find("u", ""), mondays("Sitdown", "", on("19", "Late")))
	if e := s.find("u", "20260119").Edit; e.Notify != cal.NotifyAll {
		t.Error("what was not touched is no longer told of")
	}
	d = s.draft(master.ID, mondays("Lie down", "", on("19", "Overlooked")))
	d.Seen = seen
	if _, err := s.try(d); !errors.Is(err, store.ErrStale) {
		t.Error(err)
	}
	d.Seen = master.Want().ID
	s.accept(d)
	s.expect("seen", s.shows(), "u Lie down", "u 20260119T080000Z Overlooked")
}

// TestAcceptSaysTheSame: whatever the text, what is here afterwards is that text, put together again.
func TestAcceptSaysTheSame(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	for i, body := range []cal.Body{
		mondays("Standup", ""),
		mondays("Standup", exdate+"12T090000\n"+exdate+"26T090000\n", on("19", "Late")),
		mondays("Standup", exdate+"12T090000\n", on("19", "Late"), on("26", "Later")),
		mondays("Sitdown", exdate+"12T090000,20260119T090000,20260126T090000\n"),
		mondays("Sitdown", "", on("12", "a"), on("19", "b"), on("26", "c")),
		mondays("Sitdown", exdate+"19T090000\n", on("12", "a"), on("26", "c")),
	} {
		var id cal.ObjectID
		if i > 0 {
			id = s.find("u", "").ID
		}
		s.accept(s.draft(id, body))
		if i%2 == 0 {
			s.sent()
		}
		var parts []cal.Body
		for _, o := range s.all() {
			if o.Want().Exists() {
				parts = append(parts, o.Want().Body)
			}
		}
		if whole := ical.Whole(parts); ical.Read(whole).Digest != ical.Read(body).Digest {
			t.Fatalf("%d: got\n%s\nwant\n%s", i, whole, body)
		}
		s.unchanged(s.draft(s.find("u", "").ID, body), true)
	}
}
