package main

import (
	"fmt"
	"strings"
	"testing"

	"calbridge/internal/engine"
	"calbridge/internal/providertest"
)

// TestRealServers: from adding an account to restoring what was deleted, on every server that is installed.
func TestRealServers(t *testing.T) {
	providertest.EachServer(t, func(t *testing.T, server providertest.Server) {
		d := newDesk(t)
		o := d.feed(server.Password, "account", "add", "caldav", "--url", server.URL+server.Home, "--username", server.User, "--password-stdin", "--json")
		if o.code != exitDone {
			t.Fatalf("%s", o.err)
		}
		name := "calbridge " + strings.ReplaceAll(t.Name(), "/", " ")
		d.must("calendar", "create", name, "--account", server.User, "--components", "VEVENT")
		uid := func(i int) string { return fmt.Sprintf("cli-%d-%s", i, server.Name) }
		for i := range 3 {
			d.must("object", "create", "--calendar", name, d.write("e.ics", event(uid(i), fmt.Sprintf("Event %d", i))))
		}
		d.must("sync")
		id := string(d.object(uid(0)).ID)
		d.must("object", "edit", id, d.write("e.ics", event(uid(0), "Changed")))
		d.must("object", "delete", string(d.object(uid(1)).ID))
		d.must("sync")
		d.must("object", "restore", string(d.object(uid(1)).ID), "1")
		d.must("sync")
		rep := ask[engine.Report](d, "sync", "--mode", "full")
		for _, r := range rep.Runs {
			if r.Name == name && r.Pulled.Total()+r.Pushed.Total() > 0 {
				t.Errorf("not at rest: %+v", r)
			}
		}
		for i, want := range []string{"Changed", "Event 1", "Event 2"} {
			if o := d.object(uid(i)); o.Summary != want || o.Deleted || o.Sync.State != "synced" {
				t.Errorf("%+v", o)
			}
		}
		d.must("calendar", "delete", name, "--yes")
	})
}

// TestPostgres: the key has to be given, and the schema is only touched when asked.
func TestPostgres(t *testing.T) {
	d := newDesk(t)
	d.env["CALBRIDGE_DB"] = providertest.Postgres(t).URL
	d.fails(exitUsage, "migrate up|--migrate", "sync")
	if m := ask[struct{ Migrations []migrationView }](d, "migrate", "status").Migrations; m[0].Applied != nil {
		t.Errorf("%+v", m)
	}
	d.must("sync", "--migrate")
	o := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin")
	o.fails(t, exitUsage, "CALBRIDGE_KEY|CALBRIDGE_KEY_FILE")
	d.env["CALBRIDGE_KEY"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.must("sync")
	d.must("object", "edit", string(d.object("a").ID), d.write("a.ics", event("a", "B")))
	d.must("sync")
	if body, _, _ := d.server.Load(user, "work", "a.ics"); !strings.Contains(body, "SUMMARY:B\r\n") {
		t.Errorf("%s", body)
	}
}
