package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

func sortedList(words []string) string { return strings.Join(slices.Sorted(slices.Values(words)), ",") }

// refuse has the server refuse every write for good.
func refuse(d *desk) {
	d.server.OnRequest(func(r *http.Request) sim.Fault {
		if r.Method == http.MethodPut {
			return sim.Fault{Status: http.StatusForbidden}
		}
		return sim.Fault{}
	})
}

// quarrel gives one event two titles and syncs; it gives the conflict.
func quarrel(d *desk, policy string) conflictDetail {
	d.t.Helper()
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "Before"))
	d.must("sync")
	d.must("calendar", "policy", "Work", "--on-conflict", policy)
	d.server.Store(user, "work", "a.ics", event("a", "Theirs"))
	d.must("object", "edit", string(d.object("a").ID), d.write("a.ics", event("a", "Mine")))
	d.must("sync")
	all := ask[struct{ Conflicts []conflictView }](d, "conflict", "list").Conflicts
	if len(all) != 1 {
		d.t.Fatalf("%d conflicts", len(all))
	}
	return ask[conflictDetail](d, "conflict", "show", string(all[0].ID))
}

func TestConflictShow(t *testing.T) {
	d := newDesk(t)
	c := quarrel(d, "remote-wins")
	for side, want := range map[*string]string{c.Base.Body: "Before", c.Mine.Body: "Mine", c.Theirs.Body: "Theirs"} {
		if side == nil || !strings.Contains(*side, "SUMMARY:"+want+"\r\n") {
			t.Errorf("no %s in %+v", want, c)
		}
	}
	if c.Winner != "theirs" || c.Open || !slices.Equal(c.Contested, []string{"SUMMARY"}) || c.Kind != "update/update" || c.Policy != "remote-wins" {
		t.Errorf("%+v", c.conflictView)
	}
	out := d.must("conflict", "show", string(c.ID))
	for _, word := range []string{"SUMMARY:Before", "SUMMARY:Mine", "SUMMARY:Theirs", "object restore"} {
		if !strings.Contains(out, word) {
			t.Errorf("no %q in\n%s", word, out)
		}
	}
	d.fails(exitUsage, "closed|conflict show", "conflict", "resolve", string(c.ID), "--keep", "mine")
	if d.object("a").Summary != "Theirs" {
		t.Error("the server's title does not win")
	}
}

func TestConflictResolve(t *testing.T) {
	for keep, want := range map[string]string{"mine": "Mine", "theirs": "Theirs", "both": "Mine,Theirs"} {
		t.Run(keep, func(t *testing.T) {
			d := newDesk(t)
			c := quarrel(d, "manual")
			if !c.Open || d.object("a").Sync.State != "conflict" {
				t.Fatalf("not open: %+v", c.conflictView)
			}
			if open := ask[struct{ Conflicts []conflictView }](d, "conflict", "list", "--open").Conflicts; len(open) != 1 {
				t.Errorf("%+v", open)
			}
			d.must("conflict", "resolve", string(c.ID), "--keep", keep)
			d.must("sync")
			var titles []string
			for _, name := range d.server.List(user, "work") {
				body, _, _ := d.server.Load(user, "work", name)
				_, rest, _ := strings.Cut(body, "SUMMARY:")
				title, _, _ := strings.Cut(rest, "\r\n")
				titles = append(titles, title)
			}
			if sortedList(titles) != want {
				t.Errorf("the server has %s, want %s", sortedList(titles), want)
			}
			if open := ask[struct{ Conflicts []conflictView }](d, "conflict", "list", "--open").Conflicts; len(open) > 0 {
				t.Errorf("still open: %+v", open)
			}
			for _, o := range ask[struct{ Objects []objectView }](d, "object", "list").Objects {
				if o.Sync.State != "synced" {
					t.Errorf("%+v", o)
				}
			}
		})
	}
}

// TestResolveOnlyTheContested: an answer about the title is no answer about what else the two of them, or anybody since, changed.
func TestResolveOnlyTheContested(t *testing.T) {
	for keep, want := range map[string]string{"mine": "Mine", "theirs": "Theirs later"} {
		t.Run(keep, func(t *testing.T) {
			d := newDesk(t)
			text := func(title, more, place string) string {
				return strings.NewReplacer("UID:a\r\n", "UID:a\r\n"+more, "Room 1", place).Replace(event("a", title))
			}
			d.join()
			d.server.Store(user, "work", "a.ics", event("a", "Before"))
			d.must("sync")
			d.must("calendar", "policy", "Work", "--on-conflict", "manual")
			d.server.Store(user, "work", "a.ics", text("Theirs", "DESCRIPTION:Agenda\r\n", "Room 1"))
			d.must("object", "edit", string(d.object("a").ID), d.write("a.ics", text("Mine", "PRIORITY:1\r\n", "Room 1")))
			d.must("sync")
			d.server.Store(user, "work", "a.ics", text("Theirs later", "DESCRIPTION:Agenda\r\nPRIORITY:2\r\n", "Room 7"))
			d.must("sync")
			open := ask[struct{ Conflicts []conflictView }](d, "conflict", "list", "--open").Conflicts
			if len(open) != 1 {
				t.Fatalf("%+v", open)
			}
			d.must("conflict", "resolve", string(open[0].ID), "--keep", keep)
			d.must("sync")
			body, _, _ := d.server.Load(user, "work", "a.ics")
			for _, line := range []string{"SUMMARY:" + want, "DESCRIPTION:Agenda", "LOCATION:Room 7", "PRIORITY:2"} {
				if !strings.Contains(body, line+"\r\n") {
					t.Errorf("no %s in\n%s", line, body)
				}
			}
		})
	}
}

// series is an event that comes again by a rule.
func series(title, rule, more string) string {
	return strings.Replace(event("a", title), "DTEND", "RRULE:FREQ="+rule+"\r\n"+more+"DTEND", 1)
}

// TestResolveWhatCannotBeMixed: one version goes whole into the place of the other only while nothing else would be lost by that.
func TestResolveWhatCannotBeMixed(t *testing.T) {
	const exception = "EXDATE:20260105T090000Z\r\n"
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", series("Series", "DAILY", ""))
	d.must("sync")
	d.must("calendar", "policy", "Work", "--on-conflict", "manual")
	d.server.Store(user, "work", "a.ics", series("Series", "DAILY", exception))
	id := string(d.object("a").ID)
	mine := d.write("a.ics", series("Series", "WEEKLY", ""))
	d.must("object", "edit", id, mine)
	d.must("sync")
	open := ask[struct{ Conflicts []conflictView }](d, "conflict", "list", "--open").Conflicts
	if len(open) != 1 || open[0].Kind != "structural" {
		t.Fatalf("%+v", open)
	}
	conflict := string(open[0].ID)
	d.server.Store(user, "work", "a.ics", series("Renamed since", "DAILY", exception))
	d.must("sync")
	d.fails(exitUsage, "object restore "+id+" |conflict resolve "+conflict+" --keep mine", "conflict", "resolve", conflict, "--keep", "mine")
	if body := d.must("object", "show", id); !strings.Contains(body, "Renamed since") {
		t.Errorf("%s", body)
	}
	if n := len(ask[struct{ Conflicts []conflictView }](d, "conflict", "list", "--open").Conflicts); n != 1 {
		t.Errorf("%d open", n)
	}
	d.must("object", "edit", id, mine) // by hand
	d.must("conflict", "resolve", conflict, "--keep", "mine")
	if body := d.must("object", "show", id); !strings.Contains(body, "WEEKLY") {
		t.Errorf("%s", body)
	}
}

// TestResolveWhatIsDeletedSince: an answer does not bring back what somebody deleted after the conflict.
func TestResolveWhatIsDeletedSince(t *testing.T) {
	d := newDesk(t)
	c := quarrel(d, "manual")
	d.server.Remove(user, "work", "a.ics")
	d.must("sync")
	d.fails(exitUsage, "object restore "+string(c.Object), "conflict", "resolve", string(c.ID), "--keep", "mine")
	d.must("conflict", "resolve", string(c.ID), "--keep", "theirs") // what is in force stays
	if !d.object("a").Deleted {
		t.Error("it is back")
	}
}
