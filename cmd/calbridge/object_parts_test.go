package main

import (
	"slices"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// google puts a Google account with one calendar, "Ada", into the database: enough for all that asks no server.
func (d *desk) google() {
	d.t.Helper()
	d.join() // makes the database
	d.tx(func(tx *store.Tx) error {
		a, err := tx.AddAccount(store.Account{Provider: "google", Name: "ada", Owner: "ada@example.org"})
		if err != nil {
			return err
		}
		_, err = tx.AddCalendar(cal.Calendar{Account: a.ID, Selected: true, Facts: cal.Facts{Href: "primary", Name: "Ada", Access: cal.AccessWrite}})
		return err
	})
}

func (d *desk) tx(fn func(*store.Tx) error) {
	d.t.Helper()
	db, err := store.Open(d.t.Context(), d.env["CALBRIDGE_DB"], store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	if err := db.Write(d.t.Context(), fn); err != nil {
		d.t.Fatal(err)
	}
}

// meetings is a series in Berlin; more are lines of its master, others its exceptions.
func meetings(more string, others ...string) string {
	return strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\nBEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\n"+
		"DTSTART;TZID=Europe/Berlin:20260105T090000\nRRULE:FREQ=WEEKLY\n"+more+"SUMMARY:Standup\nEND:VEVENT\n"+strings.Join(others, "")+"END:VCALENDAR\n", "\n", "\r\n")
}

func exception(day, lines string) string {
	return "BEGIN:VEVENT\nUID:a\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID;TZID=Europe/Berlin:" + day + "T090000\nDTSTART;TZID=Europe/Berlin:" + day + "T110000\n" +
		lines + "END:VEVENT\n"
}

func alone(component string) string {
	_, rest, _ := strings.Cut(meetings("", component), "END:VEVENT\r\n")
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + rest
}

// objects are those of the calendar, the series first.
func (d *desk) objects() []objectView {
	d.t.Helper()
	all := ask[struct{ Objects []objectView }](d, "object", "list", "--calendar", "Ada").Objects
	slices.SortFunc(all, func(a, b objectView) int { return strings.Compare(a.RecurrenceID, b.RecurrenceID) })
	return all
}

func TestExceptionsApart(t *testing.T) {
	d := newDesk(t)
	d.google()
	made := ask[objectView](d, "object", "create", "--calendar", "Ada", d.write("a.ics", meetings("", exception("20260119", "SUMMARY:Late\n"))))
	all := d.objects()
	if len(all) != 2 || made.RecurrenceID != "" || made.Summary != "Standup" {
		t.Fatalf("%+v %+v", made, all)
	}
	series, late := all[0], all[1]
	if late.RecurrenceID != "20260119T080000Z" || late.RecurringObject != series.ID || series.RecurringObject != "" || series.ID != made.ID {
		t.Errorf("%+v", all)
	}
	if out := d.must("object", "show", string(late.ID), "--json"); !strings.Contains(out, `"recurrence_id": "20260119T080000Z"`) || !strings.Contains(out, `"recurring_object": "`+string(series.ID)) {
		t.Errorf("%s", out)
	}
	if out := d.must("object", "show", string(series.ID), "--json"); strings.Contains(out, "recur"+"rence_id") || strings.Contains(out, "recurring_object") {
		t.Errorf("%s", out)
	}

	d.fails(exitUsage, "whole series|object edit "+string(series.ID), "object", "edit", string(late.ID), d.write("b.ics", meetings("")))
	other := d.write("c.ics", alone(exception("20260126", "SUMMARY:Other\n")))
	d.fails(exitUsage, "20260126T080000Z", "object", "edit", string(late.ID), other)
	d.must("object", "create", "--calendar", "Ada", other)
	d.fails(exitUsage, "20260126T080000Z|in use|object edit", "object", "create", "--calendar", "Ada", other)
	d.fails(exitUsage, `"a"|`+string(series.ID), "object", "create", "--calendar", "Ada", d.write("b.ics", meetings("")))
	d.fails(exitUsage, "create the series first", "object", "create", "--calendar", "Ada", d.write("d.ics", strings.ReplaceAll(alone(exception("20260126", "")), "UID:a", "UID:b")))

	d.must("object", "edit", string(late.ID), d.write("e.ics", alone(exception("20260119", "SUMMARY:Later\n"))))
	d.must("object", "delete", string(late.ID))
	if body := d.must("object", "show", string(late.ID)); !strings.Contains(body, "STATUS:CANCELLED\r\n") || strings.Contains(body, "SUMMARY") {
		t.Errorf("%s", body)
	}
	d.must("object", "restore", string(late.ID), "1")
	if body := d.must("object", "show", string(late.ID)); !strings.Contains(body, "SUMMARY:Late\r\n") {
		t.Errorf("%s", body)
	}
	next := ask[objectView](d, "object", "create", "--calendar", "Ada", d.write("f.ics", alone(strings.Replace(exception("20260202", "SUMMARY:Next\n"), "RECURRENCE-ID", "RECURRENCE-ID;RANGE=THISANDFUTURE", 1))))
	if next.UID == "a" || next.Summary != "Next" || next.RecurrenceID != "" {
		t.Errorf("%+v", next)
	}
	if body := d.must("object", "show", string(series.ID)); !strings.Contains(body, "UNTIL=20260202T075959Z") {
		t.Errorf("%s", body)
	}
}

// TestNotify: nobody is mailed unless it is asked for, and only Google can be told.
func TestNotify(t *testing.T) {
	d := newDesk(t)
	d.google()
	notify := func(id cal.ObjectID) (n cal.Notify) {
		d.tx(func(tx *store.Tx) error {
			o, err := tx.Object(id)
			n = o.Edit.Notify
			return err
		})
		return n
	}
	file := d.write("a.ics", event("e", "First"))
	made := ask[objectView](d, "object", "create", "--calendar", "Ada", "--notify", "all", file)
	if got := notify(made.ID); got != cal.NotifyAll {
		t.Errorf("%q", got)
	}
	d.must("object", "edit", string(made.ID), "--notify", "externalOnly", d.write("b.ics", event("e", "Second")))
	if got := notify(made.ID); got != cal.NotifyExternal {
		t.Errorf("%q", got)
	}
	d.must("object", "edit", string(made.ID), file)
	if got := notify(made.ID); got != cal.NotifyNobody {
		t.Errorf("%q", got)
	}
	d.fails(exitUsage, "--notify", "object", "delete", string(made.ID), "--notify", "everybody")
	d.must("object", "delete", string(made.ID), "--notify", "all")
	d.must("sync", "--account", "alice")
	d.fails(exitUsage, "--notify|Google", "object", "create", "--calendar", "Work", "--notify", "all", file)
	d.fails(exitUsage, "--notify", "import", "--calendar", "Ada", "--notify", "all", file)
}

// TestImportApart: what goes in as one series comes out as one, however the calendar keeps it.
func TestImportApart(t *testing.T) {
	d := newDesk(t)
	d.google()
	body := meetings("EXDATE;TZID=Europe/Berlin:20260112T090000\n", exception("20260119", "SUMMARY:Late\n"), exception("20260126", "SUMMARY:Later\nATTENDEE:mailto:bo@example.org\n"))
	same := func(file string) string {
		t.Helper()
		bodies, problems := ical.Split(cal.Body(d.must("export", "--calendar", "Ada")))
		if len(bodies) != 1 || len(problems) > 0 || ical.Read(bodies[0]).Digest != ical.Read(cal.Body(file)).Digest {
			t.Fatalf("%v\n%s\nwant\n%s", problems, bodies, file)
		}
		return string(bodies[0])
	}
	if out := d.must("import", "--calendar", "Ada", d.write("a.ics", body)); !strings.Contains(out, "1 created, 0 updated, 0 unchanged") {
		t.Errorf("%s", out)
	}
	if n := len(d.objects()); n != 3 {
		t.Errorf("%d objects", n)
	}
	out := same(body)
	if again := d.must("import", "--calendar", "Ada", d.write("b.ics", out)); !strings.Contains(again, "0 created, 0 updated, 1 unchanged") {
		t.Errorf("an export imported again: %s", again)
	}
	d.must("object", "delete", string(d.objects()[1].ID))
	without := meetings("EXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000\n", exception("20260126", "SUMMARY:Later\nATTENDEE:mailto:bo@example.org\n"))
	out = same(without)
	if again := d.must("import", "--calendar", "Ada", d.write("b.ics", out)); !strings.Contains(again, "0 created, 0 updated, 1 unchanged") {
		t.Errorf("with a hidden one: %s", again)
	}
	if again := d.must("import", "--calendar", "Ada", d.write("a.ics", body)); !strings.Contains(again, "0 created, 1 updated, 0 unchanged") {
		t.Errorf("and back: %s", again)
	}
	same(body)
	o := d.run("import", "--calendar", "Ada", d.write("c.ics", strings.ReplaceAll(alone(exception("20260126", "SUMMARY:x\n")), "UID:a", "UID:b")))
	if o.code != exitUsage || !strings.Contains(o.err, "create the series first") {
		t.Errorf("%+v", o)
	}
}

// TestWholes: two resources with one UID are not one series.
func TestWholes(t *testing.T) {
	master, late := cal.Body(meetings("")), cal.Body(alone(exception("20260119", "SUMMARY:Late\n")))
	got := wholes([]exported{{"a", "20260119T080000Z", late}, {"b", "", "x"}, {"a", "", master}, {"a", "", master}, {"", "", "y"}, {"", "", "z"}})
	if len(got) != 5 || strings.Count(string(got[0]), "BEGIN:VEVENT") != 2 || got[1] != "x" || got[2] != master || got[3] != "y" || got[4] != "z" {
		t.Errorf("%q", got)
	}
}
