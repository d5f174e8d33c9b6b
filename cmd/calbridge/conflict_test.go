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
