package main

import (
	"fmt"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

func TestObjectLife(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("sync")
	d.server.Reset()

	made := ask[objectView](d, "object", "create", "--calendar", "Work", d.write("a.ics", event("a", "First")))
	if made.Sync.State != "pending" || made.UID != "a" || made.Summary != "First" || made.Component != "VEVENT" || made.Href != nil {
		t.Errorf("%+v", made)
	}
	if len(d.server.Journal()) > 0 {
		t.Error("creating an object talks to the server")
	}
	id := string(made.ID)
	if body := d.must("object", "show", id); body != event("a", "First") {
		t.Errorf("not byte for byte: %q", body)
	}
	d.must("sync")
	if o := d.object("a"); o.Sync.State != "synced" || o.Href == nil {
		t.Errorf("%+v", o)
	}
	o := d.feed(event("a", "Second"), "object", "edit", id, "-")
	if o.code != exitDone || o.out != id+" pending\n" {
		t.Errorf("%+v", o)
	}
	d.must("sync")
	d.must("object", "delete", id)
	d.must("sync")
	if names := d.server.List(user, "work"); len(names) > 0 {
		t.Errorf("still at the server: %v", names)
	}
	d.fails(exitUsage, "deleted", "object", "show", id)
	d.fails(exitUsage, "deleted", "object", "delete", id)
	d.fails(exitUsage, "restore", "object", "edit", id, d.write("a.ics", event("a", "Third")))

	history := ask[struct{ Versions []versionView }](d, "object", "history", id).Versions
	if len(history) < 2 || history[0].Summary != "First" {
		t.Fatalf("%+v", history)
	}
	d.fails(exitUsage, "version 99", "object", "restore", id, "99")
	d.must("object", "restore", id, "1")
	d.must("sync")
	names := d.server.List(user, "work")
	if len(names) != 1 {
		t.Fatalf("%v", names)
	}
	if body, _, _ := d.server.Load(user, "work", names[0]); !strings.Contains(body, "SUMMARY:First\r\n") {
		t.Errorf("%s", body)
	}
	if o := d.object("a"); o.Deleted || o.Sync.State != "synced" {
		t.Errorf("%+v", o)
	}
}

// TestEditFromAnOlderText: what arrived while the editor was open is not taken back by what the editor saves.
func TestEditFromAnOlderText(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "Before"))
	d.must("sync")
	id := string(d.object("a").ID)
	shown := ask[struct{ Version int }](d, "object", "show", id).Version
	if shown != 1 {
		t.Fatalf("version %d", shown)
	}
	d.server.Store(user, "work", "a.ics", strings.Replace(event("a", "Before"), "Room 1", "Room 2", 1))
	d.must("sync")
	saved := d.write("a.ics", strings.Replace(event("a", "Mine"), "UID:a\r\n", "UID:a\r\nDESCRIPTION:Bring tea\r\n", 1))

	d.fails(exitUsage, "version 99|object history", "object", "edit", id, saved, "--base", "99")
	d.must("object", "edit", id, saved, "--base", "1")
	body := d.must("object", "show", id)
	for _, line := range []string{"SUMMARY:Mine", "DESCRIPTION:Bring tea", "LOCATION:Room 2"} {
		if !strings.Contains(body, line+"\r\n") {
			t.Errorf("no %s in\n%s", line, body)
		}
	}
	if strings.Contains(body, "Room 1") {
		t.Errorf("the old place is back:\n%s", body)
	}

	d.must("object", "edit", id, saved) // without --base the text is taken as it is
	if now := d.must("object", "show", id); !strings.Contains(now, "Room 1") {
		t.Errorf("%s", now)
	}
	latest := ask[struct{ Version int }](d, "object", "show", id).Version
	d.must("object", "edit", id, d.write("a.ics", event("a", "Last")), "--base", fmt.Sprint(latest))
	if now := d.must("object", "show", id); now != event("a", "Last") {
		t.Errorf("not byte for byte: %s", now)
	}
}

// TestEditThatCannotBeMixed: the rule of a series on one side, its instances on the other.
func TestEditThatCannotBeMixed(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", series("Series", "DAILY", ""))
	d.must("sync")
	d.server.Store(user, "work", "a.ics", series("Series", "DAILY", "EXDATE:20260105T090000Z\r\n"))
	d.must("sync")
	id := string(d.object("a").ID)
	before := d.must("object", "show", id)
	d.fails(exitUsage, "version 1|recurrence|object show "+id, "object", "edit", id, d.write("a.ics", series("Series", "WEEKLY", "")), "--base", "1")
	if now := d.must("object", "show", id); now != before {
		t.Errorf("%s", now)
	}
}

func TestObjectMisuse(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("sync")
	create := func(body string) outcome { return d.feed(body, "object", "create", "--calendar", "Work") }
	create("").fails(t, exitUsage, "no iCalendar text|standard input")
	create("nonsense").fails(t, exitUsage, "invalid iCalendar|line 1")
	create(strings.Replace(event("a", "A"), "DTSTART:2026", "DTSTART:soon", 1)).fails(t, exitUsage, "line 7|DTSTART")
	create(strings.Replace(event("a", "A"), "UID:a\r\n", "", 1)).fails(t, exitUsage, "UID")
	create(strings.Repeat("x", maxBody+1)).fails(t, exitUsage, "larger than")
	create(strings.ReplaceAll(event("a", "A"), "VEVENT", "VJOURNAL")).fails(t, exitUsage, "")
	d.fails(exitUsage, "/nowhere", "object", "create", "--calendar", "Work", "/nowhere")

	id := string(ask[objectView](d, "object", "create", "--calendar", "Work", d.write("a.ics", event("a", "A"))).ID)
	create(event("a", "Another")).fails(t, exitUsage, `"a"|`+id)
	d.fails(exitUsage, `"a"|"b"`, "object", "edit", id, d.write("b.ics", event("b", "B")))
	d.feed("nonsense", "object", "edit", id).fails(t, exitUsage, "line 1")
	if n := len(ask[struct{ Objects []objectView }](d, "object", "list").Objects); n != 1 {
		t.Errorf("%d objects", n)
	}
}

// TestCreateAfterDelete: the UID of an object that is deleted here, but not yet at the server, may be used again.
func TestCreateAfterDelete(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "Old"))
	d.must("sync")
	d.must("object", "delete", string(d.object("a").ID))
	d.must("object", "create", "--calendar", "Work", d.write("a.ics", event("a", "New")))
	d.must("sync")
	if names := d.server.List(user, "work"); len(names) != 1 {
		t.Fatalf("%v", names)
	}
	if o := d.object("a"); o.Summary != "New" || o.Sync.State != "synced" {
		t.Errorf("%+v", o)
	}
}

func TestObjectList(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "Lunch with Ada"))
	d.server.Store(user, "work", "b.ics", event("b", "Dinner"))
	d.server.Store(user, "tasks", "c.ics", strings.NewReplacer("VEVENT", "VTODO", "DTEND", "DUE").Replace(event("c", "Pay rent")))
	d.must("sync")
	d.must("object", "edit", string(d.object("b").ID), d.write("b.ics", event("b", "Supper")))
	for args, want := range map[string]string{
		"":                  "Lunch with Ada,Pay rent,Supper",
		"--calendar Work":   "Lunch with Ada,Supper",
		"--component vtodo": "Pay rent",
		"--query lunch":     "Lunch with Ada",
		"--state pending":   "Supper",
		"--state synced":    "Lunch with Ada,Pay rent",
		"--uid c":           "Pay rent",
		"--account alice":   "Lunch with Ada,Pay rent,Supper",
		"--query 100%":      "",
	} {
		var got []string
		for _, o := range ask[struct{ Objects []objectView }](d, append([]string{"object", "list"}, strings.Fields(args)...)...).Objects {
			got = append(got, o.Summary)
		}
		if sortedList(got) != want {
			t.Errorf("object list %s: %s, want %s", args, sortedList(got), want)
		}
	}
}

// TestHostileNames: what a server calls things cannot steer the terminal.
func TestHostileNames(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "\x1b]0;owned\x07\u202egnp"))
	d.must("sync")
	id := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--name", "\x1b[2Jx\u202ey\x07", "--password-stdin")
	out := d.must("object", "list") + d.must("account", "list") + id.out
	for _, bad := range []string{"\x1b", "\x07", "\u202e"} {
		if strings.Contains(out, bad) {
			t.Errorf("%q gets through in %q", bad, out)
		}
	}
}

// TestNamesOfManyLines: what a server calls things cannot look like a line of ours either.
func TestNamesOfManyLines(t *testing.T) {
	d := newDesk(t)
	const name = "Forged\r\nline of its own\tand cells"
	d.server.AddCalendar(user, "forged", sim.Properties{Name: name, Components: []string{"VEVENT"}})
	d.join()
	d.server.Store(user, "forged", "a.ics", event("a", `Forged\nline of its own`))
	d.must("sync")
	for _, args := range []string{"calendar list", "object list", "calendar show " + d.calendar(name), "export -o /dev/null --calendar " + d.calendar(name),
		"account list", "sync -v"} {
		o := d.run(strings.Fields(args)...)
		for line := range strings.Lines(o.out + o.err) {
			if strings.HasPrefix(line, "line of its own") || strings.ContainsAny(line, "\r\t") {
				t.Errorf("%s prints the line %q", args, line)
			}
		}
	}
	if o := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--name", name, "--password-stdin"); strings.Contains(o.out, "\nline of") {
		t.Errorf("%q", o.out)
	}
}

func TestRefusedEdit(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("sync")
	d.must("object", "create", "--calendar", "Work", d.write("a.ics", event("a", "A")))
	refuse(d)
	d.run("sync")
	o := d.object("a")
	if o.Sync.State != "refused" || o.Sync.Trouble == nil || o.Sync.Tries != 1 {
		t.Errorf("%+v", o)
	}
	if out := d.must("object", "list", "--state", "refused"); !strings.Contains(out, string(o.ID)) {
		t.Errorf("%s", out)
	}
}
