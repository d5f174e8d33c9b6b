package simulate

import (
	"slices"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/reconcile"
)

// ofProperties is a version with these properties; none: absence.
func ofProperties(properties ...string) cal.Version {
	if len(properties) == 0 {
		return cal.Version{}
	}
	lines := slices.Concat([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VTODO", "UID:u", "DTSTAMP:20260101T000000Z"},
		properties, []string{"END:VTODO", "END:VCALENDAR", ""})
	body := cal.Body(strings.Join(lines, "\r\n"))
	return cal.Version{ETag: `"1"`, Digest: ical.Read(body).Digest, Body: body}
}

func refreshed(v cal.Version) cal.Version {
	v.ETag = `"2"`
	return v
}

var (
	ofNothing  = ofProperties()
	ofX        = ofProperties("SUMMARY:a", "LOCATION:b")
	ofEditA    = ofProperties("SUMMARY:mine", "LOCATION:b")
	ofEditA2   = ofProperties("SUMMARY:theirs", "LOCATION:b")
	ofEditB    = ofProperties("SUMMARY:a", "LOCATION:theirs")
	ofEditAB   = ofProperties("SUMMARY:mine", "LOCATION:theirs")
	ofStranger = ofProperties("SUMMARY:other", "LOCATION:elsewhere")
	ofWhole    = ofProperties("SUMMARY:a", "RECURRENCE-ID:20260105T090000Z")
	ofHidden   = ofProperties("SUMMARY:a", "RECURRENCE-ID:20260105T090000Z", "STATUS:CANCELLED")
	ofMoved    = ofProperties("SUMMARY:moved", "RECURRENCE-ID:20260105T090000Z")
)

func sighted(v cal.Version, removed bool) reconcile.Sighting {
	return reconcile.Sighting{Resource: cal.Resource{Href: "/x", Version: v}, Removed: removed}
}

func TestEveryRowHasItsSituations(t *testing.T) {
	found := map[string]bool{}
	for _, c := range []struct {
		base, local, remote cal.Version
		row                 string
	}{
		{ofNothing, ofNothing, ofNothing, "– – –"},
		{ofNothing, ofNothing, ofX, "– – created"},
		{ofNothing, ofX, ofNothing, "– created –"},
		{ofNothing, ofX, refreshed(ofX), "– created created-equal"},
		{ofNothing, ofX, ofStranger, "– created created-differs"},
		{ofNothing, ofX, ofEditA, "– created created-differs"},
		{ofX, ofX, ofX, "X =X =X"},
		{ofX, ofX, refreshed(ofX), "X =X =X"},
		{ofX, ofX, ofEditB, "X =X edit"},
		{ofX, ofX, ofNothing, "X =X deleted"},
		{ofWhole, ofWhole, ofHidden, "X =X deleted"},
		{ofX, ofEditA, ofX, "X edit-a =X"},
		{ofX, ofEditA, ofEditB, "X edit-a edit-b"},
		{ofX, ofEditA, refreshed(ofEditA), "X edit-a edit-a-equal"},
		{ofX, ofEditA, ofEditA2, "X edit-a edit-a-differs"},
		{ofX, ofEditA, ofNothing, "X edit-a deleted"},
		{ofWhole, ofMoved, ofHidden, "X edit-a deleted"},
		{ofX, ofNothing, refreshed(ofX), "X deleted =X"},
		{ofX, ofNothing, ofEditB, "X deleted edit"},
		{ofWhole, ofHidden, ofMoved, "X deleted edit"},
		{ofHidden, ofMoved, ofHidden, "X edit-a =X"},
		{ofX, ofNothing, ofNothing, "X deleted deleted"},
		{ofWhole, ofHidden, ofNothing, "X deleted deleted"},
	} {
		o := cal.Object{Base: c.base, Edit: &cal.Edit{Want: c.local}}
		if got := cell(o, sighted(c.remote, false), cal.Rules{}); got != c.row+" | remote-wins" {
			t.Errorf("%s: %s", c.row, got)
		}
		found[c.row] = true
	}
	for _, row := range rows {
		if !found[row] {
			t.Errorf("no situation for %s", row)
		}
	}
	if n := len(cells()); n != 80 || !slices.Contains(cells(), cell(cal.Object{Base: ofX}, sighted(ofX, false), cal.Rules{OnConflict: cal.Manual})) {
		t.Errorf("%d cells", n)
	}
}

func TestRecognitionsAreNamed(t *testing.T) {
	const first, none = `"1"`, ""
	named := map[string]bool{}
	for _, c := range []struct {
		base, want cal.Version
		match      cal.ETag
		seen       reconcile.Sighting
		rule       string
	}{
		{ofNothing, ofX, none, sighted(ofNothing, false), "create, not yet"},
		{ofNothing, ofX, none, sighted(ofNothing, true), "create, proved by tombstone"},
		{ofNothing, ofX, none, sighted(ofX, false), "create, applied"},
		{ofNothing, ofX, none, sighted(ofEditA, false), "create, applied in part"},
		{ofNothing, ofX, none, sighted(ofStranger, false), "create, met a stranger"},
		{ofNothing, ofX, none, reconcile.Sighting{Resource: cal.Resource{Href: "/y", Version: ofX}}, "create, under another name"},
		{ofNothing, ofX, none, reconcile.Sighting{Resource: cal.Resource{Href: "/y", Version: ofEditA}}, "create, met a stranger"},
		{ofX, ofEditA, first, sighted(ofX, false), "update, not yet"},
		{ofX, ofEditA, first, sighted(refreshed(ofEditA), false), "update, applied"},
		{ofX, ofEditA, first, sighted(refreshed(ofEditAB), false), "update, applied in part"},
		{ofX, ofEditA, first, sighted(refreshed(ofEditA2), false), "update, overtaken"},
		{ofX, ofEditA, first, sighted(ofNothing, true), "update, object gone"},
		{ofX, ofNothing, first, sighted(ofX, false), "delete, not yet"},
		{ofX, ofNothing, first, sighted(refreshed(ofEditA), false), "delete, overtaken"},
		{ofX, ofNothing, first, sighted(ofNothing, false), "delete, object gone"},
	} {
		for _, w := range doubts {
			o := cal.Object{Base: c.base, Sent: []cal.Attempt{{Href: "/x", Match: c.match, Want: c.want, State: w.state}}}
			if got := recognised(o, c.seen); got != w.name+c.rule {
				t.Errorf("%s%s: %s", w.name, c.rule, got)
			}
			named[w.name+c.rule] = true
		}
	}
	done := func(base, want cal.Version, match cal.ETag, seen reconcile.Sighting, rule string) {
		t.Helper()
		o := cal.Object{Base: base, Sent: []cal.Attempt{{Href: "/x", Match: match, Want: want, State: cal.AttemptDone}}}
		if got := recognised(o, seen); got != rule {
			t.Errorf("%s: %s", rule, got)
		}
		named[rule] = true
	}
	done(ofNothing, ofX, none, sighted(ofNothing, false), "yes taken back")
	done(ofX, ofEditA, first, sighted(ofX, false), "yes taken back")
	done(ofX, ofEditA, first, sighted(refreshed(ofEditA), false), "yes, kept")
	done(ofX, ofEditA, first, sighted(refreshed(ofEditAB), false), "yes, altered")
	done(ofX, ofEditA, first, sighted(ofNothing, false), "yes, vanished")
	done(ofX, ofNothing, first, sighted(ofNothing, false), "yes to a deletion, gone")
	done(ofX, ofNothing, first, sighted(refreshed(ofX), false), "yes to a deletion, came back")

	again := cal.Object{Base: ofX, Sent: []cal.Attempt{
		{Href: "/x", Match: first, Want: ofEditA, State: cal.AttemptLate}, {Href: "/x", Match: first, Want: ofEditA, State: cal.AttemptDone},
	}}
	if got := recognised(again, sighted(ofX, false)); got != "yes believed the second time" {
		t.Error(got)
	}
	named["yes believed the second time"] = true
	for _, rule := range recognitions() {
		if !named[rule] {
			t.Errorf("no situation for %q", rule)
		}
	}
	if got := recognised(cal.Object{Base: ofX}, sighted(ofX, false)); got != "" {
		t.Error(got)
	}
}
