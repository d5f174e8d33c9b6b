package reconcile

import (
	"fmt"
	"testing"

	"calbridge/internal/cal"
)

func resource(href, uid string, p pair, tag int) cal.Resource {
	return cal.Resource{Href: cal.Href(href), UID: uid, Component: "VTODO", Version: version(p, tag)}
}

func held(id, href, uid string, p pair, tag int) cal.Object {
	return cal.Object{ID: cal.ObjectID(id), Calendar: "c1", Href: cal.Href(href), UID: uid, Base: version(p, tag)}
}

func counts(p cal.Plan) string {
	return fmt.Sprintf("c%d u%d d%d m%d s%d r%d", len(p.Created), len(p.Updated), len(p.Deleted), len(p.Merged), len(p.Settled), len(p.Refreshed))
}

func TestPageSortsIntoSets(t *testing.T) {
	edited := held("e", "/e", "e", pair{1, 1}, 1)
	edited.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	granted := held("g", "/g", "g", pair{1, 1}, 1)
	granted.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	all := []cal.Object{
		held("a", "/a", "a", pair{1, 1}, 1), held("b", "/b", "b", pair{1, 1}, 1), held("c", "/c", "c", pair{1, 1}, 1),
		held("d", "/d", "d", pair{1, 1}, 1), edited, granted,
	}
	p := Page(cal.Calendar{ID: "c1"}, all, cal.Page{
		Present: []cal.Resource{
			resource("/a", "a", pair{1, 1}, 1), resource("/b", "b", pair{2, 2}, 2), resource("/c", "c", pair{1, 1}, 9),
			resource("/e", "e", pair{1, 2}, 2), resource("/g", "g", pair{2, 1}, 2), resource("/n", "n", pair{3, 3}, 1),
		},
		Removed: []cal.Href{"/d", "/unknown"}, Absent: []cal.Href{"/d"},
	}, Moment{Now: now})
	if got := counts(p); got != "c1 u1 d1 m1 s1 r1" {
		t.Error(got)
	}
}

func TestPageFollowsAMove(t *testing.T) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{
		Present: []cal.Resource{resource("/b", "a", pair{1, 2}, 7)}, Removed: []cal.Href{"/a"},
	}, Moment{Now: now})
	if got := counts(p); got != "c0 u0 d0 m1 s0 r0" {
		t.Fatal(got)
	}
	if got := p.Merged[0].Object; got.ID != "a" || got.Href != "/b" || read(got.Edit.Want) != (pair{2, 2}) {
		t.Errorf("%+v", got)
	}
}

// TestPageFollowsAMoveOfTheSame: an etag made from the content stays the same; the name is new all the same.
func TestPageFollowsAMoveOfTheSame(t *testing.T) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{
		Present: []cal.Resource{resource("/b", "a", pair{1, 1}, 1)}, Removed: []cal.Href{"/a"},
	}, Moment{Now: now})
	if got := counts(p); got != "c0 u0 d0 m0 s0 r1" {
		t.Fatal(got)
	}
	if got := p.Refreshed[0].Object; got.ID != "a" || got.Href != "/b" {
		t.Errorf("%+v", got)
	}
}

// TestPageKeepsAnEditFromAnotherUID: the href was removed and made anew between two reports.
func TestPageKeepsAnEditFromAnotherUID(t *testing.T) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{Present: []cal.Resource{resource("/a", "other", pair{3, 3}, 2)}}, Moment{Now: now})
	if got := counts(p); got != "c1 u0 d0 m0 s0 r1" {
		t.Fatal(got)
	}
	old := p.Refreshed[0]
	if old.Object.Href != "" || old.Object.Incarnation != 1 || old.Conflict == nil || read(old.Object.Want()) != (pair{2, 1}) {
		t.Errorf("%+v", old)
	}
}

// TestDeletionThatDidNotLast: the remote granted it, and shows the object all the same; whoever deleted it is told.
func TestDeletionThatDidNotLast(t *testing.T) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 1, At: now}
	o.Sent = []cal.Attempt{{Object: "a", Href: "/a", Match: `"1"`, Rev: 1, State: cal.AttemptDone, At: now}}
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{Present: []cal.Resource{resource("/a", "a", pair{2, 1}, 2)}}, Moment{Now: now})
	if got := counts(p); got != "c1 u0 d0 m0 s0 r0" {
		t.Fatal(got)
	}
	if n := p.Created[0].Notices; len(n) != 1 || n[0].Kind != cal.Reappeared || read(n[0].From) != (pair{1, 1}) || read(n[0].To) != (pair{2, 1}) {
		t.Errorf("%+v", n)
	}
}

// TestPageAdoptsOnce: what was made here and never arrived meets its UID there, twice; one of them is it, the other is its own object.
func TestPageAdoptsOnce(t *testing.T) {
	o := cal.Object{ID: "a", Calendar: "c1", UID: "a", Edit: &cal.Edit{Rev: 1, Want: version(pair{1, 1}, 0), At: now}}
	p := Page(cal.Calendar{ID: "c1"}, []cal.Object{o}, cal.Page{
		Present: []cal.Resource{resource("/x", "a", pair{1, 1}, 1), resource("/y", "a", pair{1, 1}, 1)},
	}, Moment{Now: now})
	if got := counts(p); got != "c1 u0 d0 m0 s1 r0" {
		t.Fatal(got)
	}
	if len(p.Created[0].Notices) != 1 || p.Created[0].Notices[0].Kind != cal.UIDDuplicate {
		t.Errorf("%+v", p.Created[0])
	}
}

func TestCalendarsNeedPatienceToBeGone(t *testing.T) {
	c := cal.Calendar{ID: "c1", Facts: cal.Facts{Href: "/c/"}, State: cal.CalendarActive}
	other := cal.Facts{Href: "/d/"}
	p := Calendars([]cal.Calendar{c}, []cal.Facts{other}, Moment{Now: now})
	if len(p.Created) != 1 || len(p.Updated) != 1 || len(p.Deleted) != 0 || p.Updated[0].Missing != now {
		t.Fatalf("%+v", p)
	}
	missing := p.Updated[0]
	if p := Calendars([]cal.Calendar{missing}, []cal.Facts{other}, Moment{Now: now.Add(patience)}); len(p.Deleted) != 1 {
		t.Errorf("%+v", p)
	}
	if p := Calendars([]cal.Calendar{missing}, nil, Moment{Now: now.Add(patience)}); !p.Empty() {
		t.Errorf("a listing of nothing: %+v", p)
	}
	if p := Calendars([]cal.Calendar{missing}, []cal.Facts{{Href: "/c/"}}, Moment{Now: now}); len(p.Updated) != 1 || !p.Updated[0].Missing.IsZero() {
		t.Errorf("back again: %+v", p)
	}
}

func TestGuard(t *testing.T) {
	g := Guard{Share: 0.5, Least: 10}
	for _, c := range []struct {
		held, deleted   int
		complete, trips bool
	}{
		{100, 0, false, false}, {100, 50, false, false}, {100, 51, false, true}, {100, 26, true, true}, {100, 25, true, false},
		{9, 8, false, false}, {9, 9, false, true}, {3, 3, false, true}, {2, 2, false, false}, {500, 500, false, true}, {10, 1, true, false},
	} {
		if why := g.Trips(c.held, c.deleted, c.complete); (why != "") != c.trips {
			t.Errorf("%+v: %q", c, why)
		}
	}
	if why := (Guard{Share: 1}).Trips(500, 500, true); why != "" {
		t.Errorf("switched off: %q", why)
	}
}
