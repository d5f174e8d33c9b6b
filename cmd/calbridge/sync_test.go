package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"calbridge/internal/caldav"
	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// TestSyncJSON: the shape that scripts rely on.
func TestSyncJSON(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	report := ask[struct {
		Runs     []map[string]any
		Accounts []map[string]any
	}](d, "sync")
	if len(report.Runs) != 2 || len(report.Accounts) != 1 {
		t.Fatalf("%+v", report)
	}
	run := report.Runs[slices.IndexFunc(report.Runs, func(r map[string]any) bool { return r["name"] == "Work" })]
	for _, key := range strings.Fields("id account calendar name mode complete pulled pushed conflicts unreadable requests bytes seconds trouble") {
		if _, ok := run[key]; !ok {
			t.Errorf("a run has no %q: %v", key, slices.Sorted(maps.Keys(run)))
		}
	}
	pulled, _ := json.Marshal(run["pulled"])
	if string(pulled) != `{"created":1,"deleted":0,"updated":0}` || run["account"] != id || run["mode"] != "incremental" || run["trouble"] != nil {
		t.Errorf("%+v", run)
	}
	for _, key := range strings.Fields("id requests seconds trouble") {
		if _, ok := report.Accounts[0][key]; !ok {
			t.Errorf("an account has no %q", key)
		}
	}
}

func TestSyncCountsRequests(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	for range 2 {
		d.server.Reset()
		report := ask[engine.Report](d, "sync")
		if sent := len(d.server.Journal()); report.Accounts[0].Requests != sent {
			t.Errorf("%d requests reported, %d sent", report.Accounts[0].Requests, sent)
		}
	}
	if n := len(d.server.Journal()); n != 1 {
		t.Errorf("a sync that finds nothing sends %d requests", n)
	}
}

func TestSyncWithoutAccounts(t *testing.T) {
	d := newDesk(t)
	if out := d.must("sync", "--json"); strings.Join(strings.Fields(out), "") != `{"runs":[],"accounts":[]}` {
		t.Errorf("%s", out)
	}
	if out := d.must("sync"); !strings.Contains(out, "account add") {
		t.Errorf("%s", out)
	}
}

// TestCheckWritesNothing: neither at the server nor here.
func TestCheckWritesNothing(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.server.Store(user, "work", "b.ics", event("b", "B"))
	d.must("sync")
	d.server.Store(user, "work", "c.ics", event("c", "C"))
	d.server.Remove(user, "work", "b.ics")
	d.must("object", "edit", string(d.object("a").ID), d.write("a.ics", event("a", "A here")))
	d.must("object", "create", "--calendar", "Work", d.write("d.ics", event("d", "D")))
	before := d.bytes("cal.db")
	d.server.Reset()
	for _, args := range [][]string{{"sync", "--check"}, {"sync", "--mode", "check"}} {
		report := ask[engine.Report](d, args...)
		var plan []string
		for _, r := range report.Runs {
			for _, s := range r.Plan {
				plan = append(plan, s.Side+" "+s.Action+" "+s.Title)
			}
		}
		slices.Sort(plan)
		want := []string{"local create C", "local delete B", "remote create D", "remote update A here"}
		if !slices.Equal(plan, want) {
			t.Errorf("%v: the plan is %q, want %q", args, plan, want)
		}
		if w := d.server.Writes(); len(w) > 0 {
			t.Errorf("%v sent %v", args, w)
		}
		if !bytes.Equal(before, d.bytes("cal.db")) {
			t.Errorf("%v changed the database", args)
		}
	}
	if out := d.must("sync", "--check"); !strings.Contains(out, "→ create D") || !strings.Contains(out, "← delete B") {
		t.Errorf("%s", out)
	}
}

func (d *desk) bytes(name string) []byte {
	d.t.Helper()
	raw, err := os.ReadFile(d.path(name))
	if err != nil {
		d.t.Fatal(err)
	}
	return raw
}

func TestFullSync(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.must("sync")
	for _, r := range ask[engine.Report](d, "sync", "--mode", "full").Runs {
		if !r.Complete || r.Pulled.Total() > 0 || r.Mode != engine.Full {
			t.Errorf("%+v", r)
		}
	}
}

// TestOneBrokenCalendar: the other is synced all the same, and the exit code tells.
func TestOneBrokenCalendar(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.server.OnRequest(func(r *http.Request) sim.Fault {
		if strings.Contains(r.URL.Path, "/tasks/") {
			return sim.Fault{Status: http.StatusForbidden}
		}
		return sim.Fault{}
	})
	o := d.run("sync", "--json")
	var report engine.Report
	decode(t, o.out, &report)
	if o.code != exitFailed || len(report.Runs) != 2 {
		t.Fatalf("exit %d, %+v", o.code, report)
	}
	for _, r := range report.Runs {
		if (r.Name == "Tasks") != (r.Trouble != nil) {
			t.Errorf("%+v", r)
		}
	}
	if d.object("a").Sync.State != "synced" {
		t.Error("the other calendar was not synced")
	}
}

func TestSyncOneCalendar(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	report := ask[engine.Report](d, "sync", "--calendar", d.calendar("Work"), "--account", id)
	if len(report.Runs) != 1 || report.Runs[0].Name != "Work" {
		t.Errorf("%+v", report)
	}
	d.fails(exitUsage, "not in account", "sync", "--calendar", "Work", "--account", d.second())
}

// second adds another account and gives its id.
func (d *desk) second() string {
	d.users["bo"] = password
	d.server.AddCalendar("bo", "own", sim.Properties{Name: "Bo's"})
	o := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", "bo", "--password-stdin", "--json")
	var v struct{ Account accountView }
	decode(d.t, o.out, &v)
	return string(v.Account.ID)
}

func TestUnselect(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("calendar", "unselect", "Tasks")
	if report := ask[engine.Report](d, "sync"); len(report.Runs) != 1 {
		t.Errorf("%+v", report)
	}
	d.must("calendar", "select", d.calendar("Tasks"))
	if report := ask[engine.Report](d, "sync"); len(report.Runs) != 2 {
		t.Errorf("%+v", report)
	}
}

// TestGuard: a run that would delete too much waits for a person, who approves just that.
func TestGuard(t *testing.T) {
	d := newDesk(t)
	d.join()
	for i := range 12 {
		d.server.Store(user, "work", fmt.Sprintf("%d.ics", i), event(fmt.Sprint(i), fmt.Sprintf("Event %d", i)))
	}
	d.must("sync")
	for i := range 10 {
		d.server.Remove(user, "work", fmt.Sprintf("%d.ics", i))
	}
	o := d.run("sync", "--json")
	var report engine.Report
	decode(t, o.out, &report)
	held := report.Runs[slices.IndexFunc(report.Runs, func(r engine.Run) bool { return r.Held })]
	if o.code != exitPerson || held.ID == "" || held.Trouble == nil {
		t.Fatalf("exit %d, %+v", o.code, held)
	}
	if n := len(ask[struct{ Objects []objectView }](d, "object", "list").Objects); n != 12 {
		t.Fatalf("%d objects are left", n)
	}
	v := ask[struct{ Deletes []objectView }](d, "run", "show", string(held.ID))
	if len(v.Deletes) != 10 {
		t.Errorf("%d deletions are shown", len(v.Deletes))
	}
	if runs := ask[struct{ Runs []runView }](d, "run", "list", "--state", "held").Runs; len(runs) != 1 || runs[0].Held != 10 {
		t.Errorf("%+v", runs)
	}
	d.must("approve", string(held.ID))
	if n := len(ask[struct{ Objects []objectView }](d, "object", "list").Objects); n != 2 {
		t.Errorf("%d objects are left after approval", n)
	}
	d.must("sync")
	done := ask[struct{ Runs []runView }](d, "run", "list", "--state", "done").Runs
	d.fails(exitUsage, "done", "approve", string(done[0].ID))
}

func TestGuardSetting(t *testing.T) {
	d := newDesk(t)
	d.join()
	for i := range 12 {
		d.server.Store(user, "work", fmt.Sprintf("%d.ics", i), event(fmt.Sprint(i), "E"))
	}
	d.must("sync")
	for i := range 3 {
		d.server.Remove(user, "work", fmt.Sprintf("%d.ics", i))
	}
	if o := d.run("sync", "--max-delete", "0.1"); o.code != exitPerson || !strings.Contains(o.out, "calbridge approve") {
		t.Errorf("%+v", o)
	}
	d.must("sync", "--max-delete", "1")
}

func TestRuns(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.must("sync")
	runs := ask[struct{ Runs []runView }](d, "run", "list", "--calendar", "Work").Runs
	if len(runs) != 1 || runs[0].State != "done" || runs[0].Pulled.Created != 1 || runs[0].Started == nil || runs[0].Finished == nil {
		t.Fatalf("%+v", runs)
	}
	if out := d.must("run", "show", string(runs[0].ID)); !strings.Contains(out, "+1") {
		t.Errorf("%s", out)
	}
}

func TestCalendars(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("sync")
	made := ask[calendarView](d, "calendar", "create", "Choir", "--account", user, "--color", "#336699", "--components", "VEVENT")
	if made.Name != "Choir" || !slices.Equal(made.Components, []string{"VEVENT"}) || !made.Selected {
		t.Errorf("%+v", made)
	}
	d.must("object", "create", "--calendar", "Choir", d.write("a.ics", event("a", "A")))
	d.must("sync")
	if d.object("a").Sync.State != "synced" {
		t.Error("the new calendar is not synced")
	}
	d.must("calendar", "edit", "Choir", "--name", "Singing")
	if out := d.must("calendar", "show", "Singing"); !strings.Contains(out, "#336699") {
		t.Errorf("%s", out)
	}
	d.must("sync")
	d.calendar("Singing")
	d.fails(exitUsage, "--yes", "calendar", "delete", "Singing")
	d.must("calendar", "delete", "Singing", "--yes")
	d.must("sync")
	d.fails(exitUsage, "Singing", "calendar", "show", "Singing")
	v := ask[calendarView](d, "calendar", "policy", "Work", "--on-conflict", "keep-both", "--on-delete", "as-policy")
	if v.Policy.OnConflict != "keep-both" || v.Policy.OnDelete != "as-policy" {
		t.Errorf("%+v", v)
	}
}

func TestWorthPruning(t *testing.T) {
	idle, busy := engine.Report{Runs: []engine.Run{{}}}, engine.Report{Runs: []engine.Run{{Pushed: engine.Tally{Deleted: 1}}}}
	if worthPruning(idle, 0) || !worthPruning(busy, 0) || worthPruning(busy, pruneShare) {
		t.Error("pruned too often, or never")
	}
}

// TestLearned: what a sync found out about the server is there for the next process.
func TestLearned(t *testing.T) {
	d := newDesk(t)
	d.join()
	if p := d.profile(); p.Auth != caldav.AuthBasic || p.InlineData != caldav.Unknown {
		t.Errorf("adding the account: %+v", p)
	}
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.must("sync")
	if p := d.profile(); p.InlineData != caldav.Yes {
		t.Errorf("the first sync: %+v", p)
	}
}

// profile is what is stored about the server.
func (d *desk) profile() (p caldav.Profile) {
	d.t.Helper()
	db, err := store.Open(d.t.Context(), d.env["CALBRIDGE_DB"], store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	err = db.Read(d.t.Context(), func(tx *store.Tx) error {
		raw, err := tx.Server(strings.TrimSuffix(d.url, "/"))
		if err != nil {
			return err
		}
		return json.Unmarshal(raw, &p)
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return p
}
