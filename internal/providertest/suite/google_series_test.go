package suite_test

import (
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// Where a series and its exceptions are edited on different sides. Each was once a way to lose an edit.

// TestGoogleSeriesDeletedHereOccurrenceEditedThere: the etag of a series says nothing of its exceptions.
func TestGoogleSeriesDeletedHereOccurrenceEditedThere(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	r.Sync()
	r.Accept(store.Draft{Object: only(r).ID}, "")
	g.Patch(r.Calendar, "weekly_20260316T080000Z", `{"summary":"theirs"}`)
	r.Sync()
	r.Sync()
	if !named(r, "theirs") {
		t.Error("somebody's edit is gone without a trace")
	}
}

// TestGoogleListLagsBehindTheSeries: an occurrence that looks unlike its series in an old list is no exception for that.
func TestGoogleListLagsBehindTheSeries(t *testing.T) {
	now := time.Now()
	g := NewGoogleSide(t, sim.GoogleOptions{Clock: func() time.Time { return now }})
	r := NewGoogleRig(t, g, providertest.SQLite(t))
	r.Engine.Clock = func() time.Time { return now }
	r.Sync()
	g.Google.Put(r.Calendar, weekly)
	r.Sync()
	now = now.Add(time.Hour)
	g.LagLists(time.Minute)
	m := only(r)
	r.Accept(store.Draft{Object: m.ID}, strings.Replace(string(m.Base.Body), "SUMMARY:Weekly", "SUMMARY:mine", 1))
	r.Sync()
	r.Accept(store.Draft{Calendar: r.CalendarID()}, exc("20260316", "SUMMARY:only this"))
	r.Sync()
	for range 3 {
		now = now.Add(time.Hour)
		r.Sync()
	}
	r.NoConflicts()
	if text, _ := g.Event(r.Calendar, "weekly_20260316T080000Z"); !strings.Contains(text, "only this") {
		t.Errorf("the edit did not arrive: %s", text)
	}
}

// TestGoogleExceptionDeletedThenSeries: what was to become of the exception goes with the series.
func TestGoogleExceptionDeletedThenSeries(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	g.Patch(r.Calendar, "weekly_20260316T080000Z", `{"summary":"exception"}`)
	r.Sync()
	r.Accept(store.Draft{Object: part(r, "20260316T080000Z").ID}, "")
	r.Accept(store.Draft{Object: part(r, "").ID}, "")
	for range 3 {
		r.SyncAll(engine.Incremental)
	}
	if n := len(r.All()); n != 0 {
		t.Errorf("%d left", n)
	}
	r.NoConflicts()
	r.Quiet()
}

// TestGoogleOccurrenceEditedAndCancelled: hiding an occurrence is deleting it, whichever side does it, and the row says who won.
func TestGoogleOccurrenceEditedAndCancelled(t *testing.T) {
	for _, rules := range []cal.Rules{{}, {OnConflict: cal.LocalWins}, {OnConflict: cal.LocalWins, OnDelete: cal.AsPolicy}, {OnConflict: cal.RemoteWins, OnDelete: cal.AsPolicy}} {
		for _, here := range []bool{true, false} {
			r, g := googleRig(t)
			r.Rules(rules)
			g.Google.Put(r.Calendar, weekly)
			g.Patch(r.Calendar, "weekly_20260316T080000Z", `{"summary":"exception"}`)
			r.Sync()
			e := part(r, "20260316T080000Z")
			if here {
				r.Accept(store.Draft{Object: e.ID}, strings.Replace(string(e.Base.Body), "SUMMARY:exception", "SUMMARY:edited", 1))
				g.Google.Remove(r.Calendar, "weekly_20260316T080000Z")
			} else {
				r.Accept(store.Draft{Object: e.ID}, "")
				g.Patch(r.Calendar, "weekly_20260316T080000Z", `{"summary":"edited"}`)
			}
			for range 3 {
				r.SyncAll(engine.Incremental)
			}
			text, _ := g.Event(r.Calendar, "weekly_20260316T080000Z")
			edited := rules.OnDelete != cal.AsPolicy || (rules.OnConflict == cal.LocalWins) == here
			if strings.Contains(text, "cancelled") == edited || strings.Contains(string(part(r, "20260316T080000Z").Want().Body), "STATUS:CANCELLED") == edited {
				t.Errorf("%+v, edited here %t: %s", rules, here, text)
			}
			r.Read(func(tx *store.Tx) error {
				cs, err := tx.Conflicts(store.ConflictFilter{})
				for _, c := range cs {
					if (c.Winner == cal.Mine) != (edited == here) {
						t.Errorf("%+v, edited here %t: the row says %s", rules, here, c.Winner)
					}
				}
				return err
			})
			r.Quiet()
		}
	}
}

// TestGoogleOccurrenceFirstEditedAndCancelled is the same where there was no exception before.
func TestGoogleOccurrenceFirstEditedAndCancelled(t *testing.T) {
	for _, here := range []bool{true, false} {
		r, g := googleRig(t)
		g.Google.Put(r.Calendar, weekly)
		r.Sync()
		if here {
			r.Accept(store.Draft{Calendar: r.CalendarID()}, exc("20260316", "SUMMARY:edited"))
			g.Google.Remove(r.Calendar, "weekly_20260316T080000Z")
		} else {
			r.Accept(store.Draft{Calendar: r.CalendarID()}, exc("20260316", "SUMMARY:x\r\nSTATUS:CANCELLED"))
			g.Patch(r.Calendar, "weekly_20260316T080000Z", `{"summary":"edited"}`)
		}
		for range 3 {
			r.SyncAll(engine.Incremental)
		}
		text, _ := g.Event(r.Calendar, "weekly_20260316T080000Z")
		if !strings.Contains(text, "edited") {
			t.Errorf("edited here %t: %s", here, text)
		}
		if !named(r, "edited") {
			t.Error("lost")
		}
		r.Quiet()
	}
}

func part(r *Rig, key string) (o cal.Object) {
	for _, o := range r.All() {
		if o.RecurrenceID == key {
			return o
		}
	}
	return
}

func exc(at, more string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:weekly@google.com\r\nDTSTAMP:20260101T000000Z\r\n" +
		"RECURRENCE-ID;TZID=Europe/Berlin:" + at + "T090000\r\nDTSTART;TZID=Europe/Berlin:" + at + "T140000\r\nDTEND;TZID=Europe/Berlin:" + at + "T150000\r\n" +
		more + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
}

func named(r *Rig, word string) bool {
	var b strings.Builder
	r.Read(func(tx *store.Tx) error {
		all, _ := tx.Objects(store.ObjectFilter{Calendar: r.CalendarID(), IncludeGone: true})
		for _, l := range all {
			o, err := tx.Object(l.ID)
			if err != nil {
				return err
			}
			b.WriteString(string(o.Want().Body))
			ns, _ := tx.Notices(l.ID)
			for _, n := range ns {
				for _, v := range []cal.Version{n.From, n.To} {
					if v.ID != "" {
						w, _ := tx.Version(v.ID)
						b.WriteString(string(w.Body))
					}
				}
			}
		}
		cs, err := tx.Conflicts(store.ConflictFilter{Calendar: r.CalendarID()})
		for _, c := range cs {
			for _, v := range []cal.Version{c.Base, c.Mine, c.Theirs} {
				if v.ID != "" {
					w, _ := tx.Version(v.ID)
					b.WriteString(string(w.Body))
				}
			}
			r.T.Logf("conflict %s won by %s %v", c.Kind, c.Winner, c.Contested)
		}
		return err
	})
	return strings.Contains(b.String(), word)
}
