package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

const (
	user     = "alice"
	password = "correct horse battery staple"
)

// desk is somebody who uses calbridge: a server with two calendars, a folder for the database, an environment.
type desk struct {
	t      *testing.T
	server *sim.CalDAV
	users  map[string]string // of the server
	url    string
	folder string
	env    map[string]string
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{t: t, users: map[string]string{user: password}, folder: t.TempDir()}
	d.server = sim.New(sim.Options{Users: d.users})
	d.server.AddCalendar(user, "work", sim.Properties{Name: "Work", Components: []string{"VEVENT"}})
	d.server.AddCalendar(user, "tasks", sim.Properties{Name: "Tasks", Components: []string{"VTODO"}})
	listener := httptest.NewServer(d.server)
	t.Cleanup(listener.Close)
	d.url = listener.URL + "/"
	d.env = map[string]string{"CALBRIDGE_DB": "sqlite:" + d.path("cal.db"), "CALBRIDGE_ALLOW_PRIVATE_HOSTS": "true", "HOME": d.folder}
	return d
}

func (d *desk) path(name string) string { return filepath.Join(d.folder, name) }

// outcome is what one call of the program came to.
type outcome struct {
	code     int
	out, err string
}

// run calls the program, in this process, with nothing on standard input.
func (d *desk) run(args ...string) outcome { return d.feed("", args...) }

// feed is run with something on standard input.
func (d *desk) feed(stdin string, args ...string) outcome {
	d.t.Helper()
	var out, errs bytes.Buffer
	code := run(context.Background(), process{args: args, stdin: strings.NewReader(stdin), stdout: &out, stderr: &errs,
		env: func(name string) string { return d.env[name] }})
	for _, text := range []string{out.String(), errs.String()} {
		if strings.Contains(text, password) {
			d.t.Errorf("calbridge %s shows the password:\n%s", strings.Join(args, " "), text)
		}
	}
	return outcome{code, out.String(), errs.String()}
}

// must is run, and that it ends well.
func (d *desk) must(args ...string) string {
	d.t.Helper()
	o := d.run(args...)
	if o.code != exitDone {
		d.t.Fatalf("calbridge %s: exit %d\n%s%s", strings.Join(args, " "), o.code, o.out, o.err)
	}
	return o.out
}

// fails is run, and that it ends with the code and one line that says all of the words.
func (d *desk) fails(code int, words string, args ...string) {
	d.t.Helper()
	d.run(args...).fails(d.t, code, words)
}

func (o outcome) fails(t *testing.T, code int, words string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit %d, want %d\n%s%s", o.code, code, o.out, o.err)
	}
	if o.out != "" {
		t.Errorf("a failure prints on standard output: %q", o.out)
	}
	if strings.Count(o.err, "\n") != 1 {
		t.Errorf("not one line: %q", o.err)
	}
	for word := range strings.SplitSeq(words, "|") {
		if !strings.Contains(o.err, word) {
			t.Errorf("%q does not say %q", o.err, word)
		}
	}
}

// ask calls a command with --json and reads its answer, which has to be one document and nothing else.
func ask[T any](d *desk, args ...string) (v T) {
	d.t.Helper()
	out := d.must(append(args, "--json")...)
	decode(d.t, out, &v)
	return v
}

func decode(t *testing.T, out string, into any) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(out))
	if err := dec.Decode(into); err != nil {
		t.Fatalf("no JSON: %v\n%s", err, out)
	}
	if _, err := dec.Token(); err != io.EOF {
		t.Fatalf("more than one document:\n%s", out)
	}
}

// join adds the account and gives its id.
func (d *desk) join() string {
	d.t.Helper()
	o := d.feed(password+"\n", "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin", "--json")
	if o.code != exitDone {
		d.t.Fatalf("add the account: exit %d\n%s", o.code, o.err)
	}
	var v struct{ Account accountView }
	decode(d.t, o.out, &v)
	return string(v.Account.ID)
}

// calendar gives the id of the calendar of that name.
func (d *desk) calendar(name string) string {
	d.t.Helper()
	v := ask[struct{ Calendars []calendarView }](d, "calendar", "list")
	for _, c := range v.Calendars {
		if c.Name == name {
			return string(c.ID)
		}
	}
	d.t.Fatalf("there is no calendar %q in %+v", name, v)
	return ""
}

// object gives the id of the object with that UID.
func (d *desk) object(uid string) objectView {
	d.t.Helper()
	v := ask[struct{ Objects []objectView }](d, "object", "list", "--uid", uid, "--deleted")
	if len(v.Objects) != 1 {
		d.t.Fatalf("%d objects have the UID %q", len(v.Objects), uid)
	}
	return v.Objects[0]
}

func (d *desk) write(name, text string) string {
	d.t.Helper()
	path := d.path(name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		d.t.Fatal(err)
	}
	return path
}

func event(uid, summary string) string {
	return strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\nBEGIN:VEVENT\nUID:"+uid+
		"\nDTSTAMP:20260101T000000Z\nDTSTART:20260102T090000Z\nDTEND:20260102T100000Z\nSUMMARY:"+summary+
		"\nLOCATION:Room 1\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
}

func TestUsage(t *testing.T) {
	d := newDesk(t)
	for _, c := range []struct{ args, words string }{
		{"nonsense", "nonsense|--help"},
		{"sync --mode sideways", "--mode"},
		{"sync --check --mode full", "--check|--mode full"},
		{"sync --nonsense", "--nonsense"},
		{"object create", "--calendar"},
		{"conflict resolve x --keep neither", "--keep"},
		{"account show nobody", `"nobody"|account list`},
		{"calendar show nothing", `"nothing"|calendar list`},
		{"object show nothing", `"nothing"|object list`},
		{"object history nothing", `"nothing"`},
		{"object delete nothing", `"nothing"`},
		{"object restore nothing 1", `"nothing"`},
		{"conflict show nothing", `"nothing"|conflict list`},
		{"conflict resolve nothing --keep mine", `"nothing"`},
		{"run show nothing", `"nothing"|run list`},
		{"approve nothing", `"nothing"`},
		{"sync --account nobody", `"nobody"`},
		{"sync --calendar nothing", `"nothing"`},
		{"export --calendar nothing", `"nothing"`},
		{"calendar policy nothing", "--on-conflict"},
		{"calendar policy nothing --on-conflict whatever", "--on-conflict"},
		{"calendar edit nothing", "--name"},
		{"calendar edit nothing --color blue", "#rrggbb"},
		{"calendar create X --account nobody", `"nobody"`},
		{"object list --state odd", "--state"},
		{"object list --limit=-1", "--limit"},
		{"run list --limit=-1", "--limit"},
	} {
		t.Run(c.args, func(t *testing.T) {
			d.t = t
			d.fails(exitUsage, c.words, strings.Fields(c.args)...)
		})
	}
}

func TestHelpIsNoFailure(t *testing.T) {
	d := newDesk(t)
	for _, args := range []string{"--help", "account --help", "account add caldav --help", "sync --help", "demo --help"} {
		if o := d.run(strings.Fields(args)...); o.code != exitDone || !strings.Contains(o.out, "Usage: calbridge") || o.err != "" {
			t.Errorf("%s: %+v", args, o)
		}
	}
	if o := d.run(); o.code != exitUsage || o.out != "" || !strings.Contains(o.err, "Usage: calbridge") {
		t.Errorf("without arguments: %+v", o)
	}
}

func TestVersion(t *testing.T) {
	d := newDesk(t)
	v := ask[struct{ Version, Go string }](d, "version")
	if v.Version == "" || !strings.HasPrefix(v.Go, "go1.") {
		t.Errorf("%+v", v)
	}
}
