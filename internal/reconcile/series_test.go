package reconcile

import (
	"testing"

	"calbridge/internal/cal"
)

// TestExceptionsAreNotTheirSeries: a series and its exceptions share a UID, and each is an object. None is a move or a double of another.
func TestExceptionsAreNotTheirSeries(t *testing.T) {
	master, exception := held("m", "m", "u", pair{1, 1}, 1), held("x", "m_1", "u", pair{2, 2}, 2)
	exception.RecurrenceID = "20260105T090000Z"
	seen := func(href, recurrenceID string, p pair, tag int) cal.Resource {
		r := resource(href, "u", p, tag)
		r.RecurrenceID, r.Fixed = recurrenceID, true
		return r
	}
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{master, exception}, cal.Page{Present: []cal.Resource{
		seen("m", "", pair{1, 3}, 3), seen("m_1", "20260105T090000Z", pair{2, 3}, 4), seen("m_2", "20260112T090000Z", pair{3, 3}, 5),
	}}, Moment{Now: now})
	if got := counts(p); got != "c1 u2 d0 m0 s0 r0" {
		t.Fatal(got)
	}
	if c := p.Created[0]; len(c.Notices) > 0 || c.Object.RecurrenceID != "20260112T090000Z" {
		t.Errorf("%+v", c)
	}

	// An exception made here and not sent yet meets the one that is there, not the series.
	mine := cal.Object{ID: "y", Calendar: "c1", UID: "u", RecurrenceID: "20260112T090000Z",
		Edit: &cal.Edit{Rev: 1, Want: version(pair{3, 3}, 0), At: now}}
	p = Page(cal.Calendar{ID: "c1"}, []cal.Object{master, mine}, cal.Page{Present: []cal.Resource{
		seen("m_2", "20260112T090000Z", pair{3, 3}, 5),
	}}, Moment{Now: now})
	if got := counts(p); got != "c0 u0 d0 m0 s1 r0" || p.Settled[0].Object.ID != "y" || p.Settled[0].Object.Href != "m_2" {
		t.Errorf("%s %+v", got, p)
	}
}

// TestFixedNamesOutliveTheirUID: a Google event keeps its id whatever becomes of its UID, and an edit stays with it.
func TestFixedNamesOutliveTheirUID(t *testing.T) {
	o := held("a", "a", "old", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	r := resource("a", "new", pair{1, 2}, 2)
	r.Fixed = true
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{Present: []cal.Resource{r}}, Moment{Now: now})
	if got := counts(p); got != "c0 u0 d0 m1 s0 r0" || p.Merged[0].Object.UID != "new" || read(p.Merged[0].Object.Want()) != (pair{2, 2}) {
		t.Errorf("%s %+v", got, p)
	}
}

// TestGuardCountsSeries: one deleted series with nine exceptions is one deletion.
func TestGuardCountsSeries(t *testing.T) {
	changes := []cal.Change{{Object: cal.Object{ID: "other"}}}
	for _, id := range []cal.ObjectID{"1", "2", "3"} {
		changes = append(changes, cal.Change{Object: cal.Object{ID: id, UID: "u"}})
	}
	if n := Series(changes); n != 2 {
		t.Error(n)
	}
}
