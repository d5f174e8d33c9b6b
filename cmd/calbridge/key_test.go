package main

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"calbridge/internal/caldav"
)

func TestKeyRotate(t *testing.T) {
	d := newDesk(t)
	d.join()
	key, db := d.bytes("cal.key"), d.bytes("cal.db")
	v := ask[struct{ Sealed int }](d, "key", "rotate")
	if v.Sealed != 1 {
		t.Errorf("%+v", v)
	}
	if bytes.Equal(key, d.bytes("cal.key")) || bytes.Equal(db, d.bytes("cal.db")) {
		t.Error("nothing was rotated")
	}
	d.must("sync")
	d.write("cal.key", string(key))
	if o := d.run("sync"); o.code == exitDone || !strings.Contains(o.out, "another master key") {
		t.Errorf("the old key still opens: %+v", o)
	}
}

// TestRetiredKey: an old copy of the database does not open under the new key, unless that is asked for.
func TestRetiredKey(t *testing.T) {
	for _, flags := range []string{"", "--keep-old"} {
		d := newDesk(t)
		d.join()
		copied := string(d.bytes("cal.db"))
		d.must(append([]string{"key", "rotate"}, strings.Fields(flags)...)...)
		d.write("cal.db", copied)
		if o := d.run("sync"); (o.code == exitDone) != (flags != "") {
			t.Errorf("key rotate %s: the old copy: %+v", flags, o)
		}
	}
}

// TestRotateWhilePasswordsAreStored: a process that read the key before `key rotate`, and stores a password after it, leaves none that
// opens with the retired key only.
func TestRotateWhilePasswordsAreStored(t *testing.T) {
	for name, store := range map[string]func(d *desk, s *session, id string) error{
		"added": func(d *desk, s *session, _ string) error {
			_, _, err := s.addCaldav(d.t.Context(), addCaldavCmd{}, d.url, discovery{Account: caldav.Account{Username: user}}, password)
			return err
		},
		"changed": func(d *desk, s *session, id string) error {
			return s.changePassword(d.t.Context(), id, passwordFlags{PasswordStdin: true})
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := newDesk(t)
			id := d.join()
			var errs bytes.Buffer
			s := newSession(process{stdin: strings.NewReader(password), stdout: &errs, stderr: &errs,
				env: func(name string) string { return d.env[name] }}, flags{})
			defer s.close()
			if _, err := s.store(t.Context()); err != nil {
				t.Fatal(err)
			}
			if _, err := s.keys(t.Context()); err != nil {
				t.Fatal(err)
			}
			d.must("key", "rotate")
			if err := store(d, s, id); err != nil {
				t.Fatalf("%v\n%s", err, errs.String())
			}
			if o := d.run("key", "rotate"); o.code != exitDone {
				t.Errorf("a password does not open any more: %s", o.err)
			}
		})
	}
}

func TestKeyInEnvironment(t *testing.T) {
	d := newDesk(t)
	d.env["CALBRIDGE_KEY"] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	d.join()
	d.must("sync")
	if _, err := os.Stat(d.path("cal.key")); err == nil {
		t.Error("a key file was made all the same")
	}
	d.fails(exitUsage, "CALBRIDGE_KEY|--new-key-file", "key", "rotate")
	d.must("key", "rotate", "--new-key-file", d.path("new.key"))
	if o := d.run("sync"); o.code == exitDone {
		t.Error("the old key still opens")
	}
	delete(d.env, "CALBRIDGE_KEY")
	d.must("sync", "--key-file", d.path("new.key"))
}

func TestBadKeys(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.env["CALBRIDGE_KEY"] = "hunter2!"
	o := d.run("sync")
	if o.code == exitDone || strings.Contains(o.out+o.err, "hunter2") || !strings.Contains(o.out+o.err, "CALBRIDGE_KEY") {
		t.Errorf("%+v", o)
	}
	delete(d.env, "CALBRIDGE_KEY")
	if err := os.Remove(d.path("cal.key")); err != nil {
		t.Fatal(err)
	}
	if o := d.run("sync"); o.code == exitDone || !strings.Contains(o.out, "cal.key is missing") {
		t.Errorf("%+v", o)
	}
	if _, err := os.Stat(d.path("cal.key")); err == nil {
		t.Error("a lost key was replaced by a new one, which opens nothing")
	}
}
