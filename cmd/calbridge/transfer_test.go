package main

import (
	"os"
	"strings"
	"testing"

	"calbridge/internal/caldav"
	"calbridge/internal/store"
)

func TestImportExport(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "Old A"))
	d.server.Store(user, "work", "same.ics", event("same", "Same"))
	d.must("sync")
	inner := func(body string) string {
		_, body, _ = strings.Cut(body, "PRODID:-//test//EN\r\n")
		return strings.TrimSuffix(body, "END:VCALENDAR\r\n")
	}
	file := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//other//EN\r\n" + inner(event("a", "New A")) + inner(event("same", "Same")) +
		inner(event("b", "B")) + inner(strings.ReplaceAll(event("todo", "T"), "VEVENT", "VTODO")) + "END:VCALENDAR\r\n"
	o := d.run("import", "--calendar", "Work", d.write("all.ics", file), "--json")
	var v imported
	decode(t, o.out, &v)
	if o.code != exitUsage || v.Created != 1 || v.Updated != 1 || v.Unchanged != 1 || len(v.Problems) != 1 || v.Problems[0].UID != "todo" {
		t.Fatalf("exit %d: %+v\n%s", o.code, v, o.err)
	}
	d.must("sync")
	if names := d.server.List(user, "work"); len(names) != 3 {
		t.Errorf("%v", names)
	}
	if d.object("a").Summary != "New A" {
		t.Error("an imported event whose UID is there is no edit")
	}

	out := d.must("export", "--calendar", "Work")
	for _, want := range []string{"SUMMARY:New A", "SUMMARY:Same", "SUMMARY:B"} {
		if strings.Count(out, want+"\r\n") != 1 {
			t.Errorf("%q is not once in the export", want)
		}
	}
	if again := d.must("import", "--calendar", "Work", d.write("again.ics", out)); !strings.Contains(again, "0 created, 0 updated, 3 unchanged") {
		t.Errorf("an export imported again: %s", again)
	}
	d.must("export", "--calendar", "Work", "-o", d.path("out.ics"))
	if raw, err := os.ReadFile(d.path("out.ics")); err != nil || string(raw) != out {
		t.Errorf("%v", err)
	}
	if v := ask[struct{ Body string }](d, "export", "--calendar", "Work"); v.Body != out {
		t.Error("another body in JSON")
	}
}

func TestImportMisuse(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.fails(exitUsage, "invalid iCalendar|line 1", "import", "--calendar", "Work", d.write("x.ics", "nonsense"))
	d.fails(exitUsage, "no event", "import", "--calendar", "Work", d.write("y.ics", "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"))
	d.fails(exitUsage, "/nowhere", "import", "--calendar", "Work", "/nowhere")
}

// TestImportMailsNobody: where the server sends invitations itself, events with attendees are left out until they are asked for.
func TestImportMailsNobody(t *testing.T) {
	d := newDesk(t)
	d.join()
	meeting := strings.Replace(event("a", "A"), "SUMMARY", "ORGANIZER:mailto:alice@example.org\r\nATTENDEE:mailto:bo@example.org\r\nSUMMARY", 1)
	file := d.write("meeting.ics", meeting)
	d.setProfile(caldav.Profile{DAV: "1, calendar-access, calendar-auto-schedule"})
	if o := d.run("import", "--calendar", "Work", file); o.code != exitUsage || !strings.Contains(o.err, "--invite") {
		t.Errorf("%+v", o)
	}
	if n := len(ask[struct{ Objects []objectView }](d, "object", "list").Objects); n > 0 {
		t.Errorf("%d objects were imported all the same", n)
	}
	d.must("import", "--calendar", "Work", "--invite", file)
	d.must("import", "--calendar", "Work", file) // unchanged by now
	d.setProfile(caldav.Profile{DAV: "1, calendar-access"})
	d.must("import", "--calendar", "Work", d.write("other.ics", strings.Replace(meeting, "UID:a", "UID:b", 1)))
}

// TestImportOverAMeeting: taking the attendees off a meeting makes such a server mail them that it is cancelled (RFC 6638 §3.2.1.2).
func TestImportOverAMeeting(t *testing.T) {
	d := newDesk(t)
	d.join()
	meeting := strings.Replace(event("a", "A"), "SUMMARY", "ORGANIZER:mailto:alice@example.org\r\nATTENDEE:mailto:bo@example.org\r\nSUMMARY", 1)
	d.server.Store(user, "work", "a.ics", meeting)
	d.must("sync")
	d.setProfile(caldav.Profile{DAV: "1, calendar-access, calendar-auto-schedule"})
	alone := d.write("alone.ics", event("a", "Alone"))
	left := func(when string) {
		t.Helper()
		if o := d.run("import", "--calendar", "Work", alone); o.code != exitUsage || !strings.Contains(o.err, "--invite") {
			t.Errorf("%s: %+v", when, o)
		}
	}
	left("held")
	if d.object("a").Summary != "A" {
		t.Error("it was imported all the same")
	}
	id := string(d.object("a").ID)
	d.must("object", "delete", id)
	left("deleted here, still at the server")
	d.must("object", "restore", id, "1")
	d.must("object", "edit", id, d.write("other.ics", event("a", "Another")))
	left("without attendees here, with them at the server")
	d.must("import", "--calendar", "Work", "--invite", alone)
}

// TestImportWithoutKnowingTheServer: one that never said what it can do may mail.
func TestImportWithoutKnowingTheServer(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.setProfile(caldav.Profile{})
	meeting := strings.Replace(event("a", "A"), "SUMMARY", "ATTENDEE:mailto:bo@example.org\r\nSUMMARY", 1)
	if o := d.run("import", "--calendar", "Work", d.write("meeting.ics", meeting)); o.code != exitUsage || !strings.Contains(o.err, "--invite") {
		t.Errorf("%+v", o)
	}
	d.must("import", "--calendar", "Work", d.write("b.ics", event("b", "B")))
}

func (d *desk) setProfile(p caldav.Profile) {
	d.t.Helper()
	db, err := store.Open(d.t.Context(), d.env["CALBRIDGE_DB"], store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(d.t.Context(), func(tx *store.Tx) error { return tx.PutServer(strings.TrimSuffix(d.url, "/"), marshal(p)) })
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestGoogleImportTwice: what Google has no field for is no reason to write the same file again.
func TestGoogleImportTwice(t *testing.T) {
	d := newGoogleDesk(t)
	d.joins()
	d.must("sync")
	id := d.calendar("ada@example.org")
	file := d.write("some.ics", strings.Replace(event("u", "Walk"), "SUMMARY", "GEO:48.1;11.5\r\nX-OURS:1\r\nPRIORITY:5\r\nSUMMARY", 1))
	first := ask[imported](d.desk, "import", "--calendar", id, file)
	d.must("sync")
	again := ask[imported](d.desk, "import", "--calendar", id, file)
	if first.Created != 1 || again.Unchanged != 1 || again.Updated != 0 {
		t.Errorf("%+v, then %+v", first, again)
	}
	file = d.write("more.ics", strings.Replace(event("u", "Walk"), "SUMMARY:Walk", "SUMMARY:Run", 1))
	if more := ask[imported](d.desk, "import", "--calendar", id, file); more.Updated != 1 {
		t.Errorf("%+v", more)
	}
}
