package engine_test

import (
	"slices"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/store"
)

// TestAcceptFollowing: this and following, step by step.
func TestAcceptFollowing(t *testing.T) {
	onShelves(t, func(s *shelf) {
		hidden := strings.Replace(on("26", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)
		master := s.create(mondays("Standup", exdate+"05T090000\n", on("12", "Early"), on("19", "Cut"), hidden, strings.Replace(on("02", "Late"), "202601", "202602", -1)))
		s.sent()
		made := s.create(text(from("19", "09", "Sitdown")))
		if made.Summary != "Sitdown" || made.UID == "u" || made.RecurrenceID != "" {
			t.Errorf("%+v", made)
		}
		s.expect("two series", s.shows(), "u -05 <19 Standup", "u 20260112T080000Z Early", "u 20260119T080000Z hidden", "u 20260126T080000Z hidden",
			"u 20260202T080000Z hidden", "next -26 Sitdown", "next20260202T080000Z Late")
		s.expect("nothing goes before the new one is there", s.outbox(), "next -26 Sitdown")
		if until := string(s.find("u", "").Want().Body); !strings.Contains(until, "UNTIL=20260119T075959Z") {
			t.Error(until)
		}
		settle(s, made.ID)
		s.expect("then all may go", s.outbox(), "next20260202T080000Z Late", "u -05 <19 Standup", "u 20260119T080000Z hidden", "u 20260202T080000Z hidden")
		s.sent()
		s.refuses(s.draft("", text(from("19", "09", "Again"))), "no instance")
		s.edit(master, mondays("Old", ""))
		s.expect("the old one is still a series like any other", s.outbox(), "u Old")
	})
}

// settle makes the remote take one object.
func settle(s *shelf, id cal.ObjectID) {
	s.Helper()
	s.write(func(tx *store.Tx) error {
		o, err := tx.Object(id)
		if err != nil {
			return err
		}
		o.Base, o.Href, o.Edit = o.Want(), cal.Href("e"+id), nil
		o.Base.ETag = "1"
		return tx.Apply(cal.Plan{Calendar: s.calendar, Settled: []cal.Change{{Object: o, Was: o.Base}}})
	})
}

// TestAcceptFollowingMoved: exceptions cannot go along with a series that has other instances.
func TestAcceptFollowingMoved(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	hidden := strings.Replace(on("26", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)
	before := strings.ReplaceAll(hidden, "20260126", "20260112")
	master := s.create(mondays("Standup", "", before, hidden, strings.Replace(on("02", "Late"), "202601", "202602", -1)))
	s.sent()
	s.create(text(strings.Replace(on("09", "Unsent"), "202601", "202602", -1)))
	if o := s.edit(master, text(from("19", "15", "Sitdown"))); o.ID != master.ID {
		t.Errorf("not the object that was named: %+v", o)
	}
	s.expect("hidden, and excluded where it moved to", s.shows(), "u <19 Standup", "u 20260112T080000Z hidden", "u 20260126T080000Z hidden",
		"u 20260202T080000Z hidden", "next -26 Sitdown")
	s.expect("first things first", s.outbox(), "next -26 Sitdown")
	if next := s.series("Sitdown"); !slices.Equal(ical.Excluded(next.Want().Body), []string{"20260126T140000Z"}) {
		t.Errorf("%s", next.Want().Body)
	}
}

func (s *shelf) series(title string) cal.Object {
	s.Helper()
	for _, o := range s.all() {
		if o.Want().Exists() && ical.Read(o.Want().Body).Summary == title {
			return o
		}
	}
	s.Fatalf("no %s", title)
	return cal.Object{}
}

// TestAcceptFollowingRefused: when the remote will not have the new series, the old one stays as it was there.
func TestAcceptFollowingRefused(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	s.create(mondays("Standup", ""))
	s.sent()
	next := s.create(text(from("19", "09", "Sitdown")))
	s.write(func(tx *store.Tx) error {
		return tx.EditTrouble(next.ID, next.Edit.Rev, store.Failure{Tries: 1, Block: cal.Rejected, Trouble: "no"})
	})
	s.expect("nothing is cut off", s.outbox())
	s.remove(s.find("u", ""))
	s.edit(s.find("u", ""), mondays("Standup", ""))
	s.remove(next)
	s.expect("given up", s.shows(), "u Standup")
}

// TestAcceptFollowingInAText: a file may hold both, and comes to the same however often it is taken.
func TestAcceptFollowingInAText(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	hidden := strings.Replace(on("26", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)
	body := mondays("Standup", "", on("12", "Early"), from("19", "09", "Sitdown"), hidden, strings.Replace(on("02", "Late"), "202601", "202602", -1))
	made := s.create(body)
	if made.UID != "u" {
		t.Errorf("%+v", made)
	}
	want := []string{"u <19 Standup", "u 20260112T080000Z Early", "next -26 Sitdown", "next20260202T080000Z Late"}
	s.expect("two series", s.shows(), want...)
	s.expect("neither waits", s.outbox(), "u <19 Standup", "next -26 Sitdown")
	s.sent()
	s.unchanged(s.draft(made.ID, body), true)
	s.edit(made, body)
	s.expect("again", s.shows(), want...)
	s.expect("nothing to send", s.outbox())
	s.unchanged(s.draft(made.ID, mondays("Standup", "", on("12", "Sooner"), from("19", "09", "Sitdown"))), false)
}

// TestAcceptFollowingAgain: what went along with the new series the first time stays there the second.
func TestAcceptFollowingAgain(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	late, hidden := strings.ReplaceAll(on("02", "Late"), "202601", "202602"), strings.Replace(on("26", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)
	made := s.create(mondays("Standup", "", late, hidden))
	s.sent()
	body := mondays("Standup", "", from("19", "09", "Sitdown"), on("26", "Shown"))
	want := []string{"u <19 Standup", "u 20260126T080000Z hidden", "u 20260202T080000Z hidden", "next Sitdown", "next20260126T080000Z Shown", "next20260202T080000Z Late"}
	s.edit(made, body)
	s.expect("once", s.shows(), want...)
	s.sent()
	s.edit(made, body)
	s.expect("twice", s.shows(), want...)
	s.expect("nothing to send", s.outbox())
}

func (s *shelf) unchanged(d store.Draft, want bool) {
	s.Helper()
	s.write(func(tx *store.Tx) error {
		got, err := engine.Unchanged(tx, d)
		if got != want {
			s.Errorf("unchanged: %v", got)
		}
		return err
	})
}

// TestAcceptFollowingFromTheFirst is an edit of the series itself.
func TestAcceptFollowingFromTheFirst(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	master := s.create(mondays("Standup", "", on("05", "First"), on("19", "Late")))
	s.sent()
	if made := s.create(text(from("05", "09", "Sitdown"))); made.ID != master.ID {
		t.Errorf("%+v", made)
	}
	s.expect("one series", s.shows(), "u Sitdown", "u 20260105T080000Z Sitdown", "u 20260119T080000Z Late")
}

// TestAcceptNothingFollows: a series may also just end.
func TestAcceptNothingFollows(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	master := s.create(mondays("Standup", "", on("12", "Early"), on("26", "Late")))
	s.sent()
	gone := strings.Replace(from("19", "09", "x"), "SUMMARY:x", "STATUS:CANCELLED", 1)
	s.edit(master, text(gone))
	s.expect("it ends", s.shows(), "u <19 Standup", "u 20260112T080000Z Early", "u 20260126T080000Z hidden")
	s.expect("the rule first", s.outbox(), "u <19 Standup")
	s.edit(master, text(strings.ReplaceAll(gone, "19", "05")))
	s.expect("before it began", s.outbox(), "u deleted")
}

// TestAcceptFollowingCounted: COUNT is shared out, and what cannot be counted cannot be cut.
func TestAcceptFollowingCounted(t *testing.T) {
	s := newShelf(t, providertest.SQLite(t).URL, "google")
	counted := func(rule string) cal.Body {
		return cal.Body(strings.Replace(string(mondays("Standup", "")), "FREQ=WEEKLY", rule, 1))
	}
	master := s.create(counted("FREQ=WEEKLY;COUNT=5"))
	s.create(text(from("19", "09", "Sitdown")))
	if body := string(s.series("Sitdown").Want().Body); !strings.Contains(body, "RRULE:FREQ=WEEKLY;COUNT=3\r\n") {
		t.Errorf("%s", body)
	}
	s.edit(master, counted("FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=5"))
	s.refuses(s.draft("", text(from("19", "09", "x"))), "BYSETPOS", "cannot be counted")
	s.edit(master, counted("FREQ=MONTHLY;COUNT=5"))
	s.refuses(s.draft("", text(from("19", "09", "x"))), "no instance")
	s.refuses(s.draft("", text(strings.ReplaceAll(from("19", "09", "x"), "UID:u", "UID:v"))), `"v"`, "nothing follows")
}
