package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

func TestAccountAdd(t *testing.T) {
	d := newDesk(t)
	o := d.feed(password+"\n", "account", "add", "caldav", "--url", d.url, "--username", user, "--name", "Home", "--owner", "al", "--password-stdin")
	if o.code != exitDone || !strings.Contains(o.out, "(Home) with 2 calendars") {
		t.Fatalf("%+v", o)
	}
	v := ask[struct{ Accounts []accountView }](d, "account", "list")
	if len(v.Accounts) != 1 {
		t.Fatalf("%+v", v)
	}
	a := v.Accounts[0]
	if a.Name != "Home" || a.Owner != "al" || a.Username != user || a.State != "active" || a.Provider != "caldav" || a.Calendars != 2 || a.Created == nil {
		t.Errorf("%+v", a)
	}
	if len(d.server.Writes()) > 0 {
		t.Errorf("adding an account wrote: %v", d.server.Writes())
	}
	if show := d.must("account", "show", "Home"); !strings.Contains(show, d.url) {
		t.Errorf("%s", show)
	}
	if again := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin"); !strings.Contains(again.err, "(Home) has the same calendars already") {
		t.Errorf("no warning of the second: %+v", again)
	}
	if none := ask[struct{ Accounts []accountView }](d, "account", "list", "--owner", "bo"); none.Accounts == nil || len(none.Accounts) > 0 {
		t.Errorf("%+v", none)
	}
}

func TestPasswordFile(t *testing.T) {
	d := newDesk(t)
	file := d.write("password", password+"\r\n")
	d.must("account", "add", "caldav", "--url", d.url, "--username", user, "--password-file", file)
	d.must("sync")
}

func TestAccountAddMisuse(t *testing.T) {
	d := newDesk(t)
	add := []string{"account", "add", "caldav"}
	d.fails(exitUsage, "--username", append(add, "--url", d.url)...)
	d.fails(exitUsage, "--url|--preset", append(add, "--username", user)...)
	d.fails(exitUsage, "--password-stdin|--password-file", append(add, "--url", d.url, "--username", user)...)
	d.fails(exitUsage, "empty", append(add, "--url", d.url, "--username", user, "--password-stdin")...)
	d.fails(exitUsage, "/nowhere", append(add, "--url", d.url, "--username", user, "--password-file", "/nowhere")...)
	d.fails(exitUsage, `"acme"|--preset list`, append(add, "--preset", "acme", "--username", user)...)
	d.fails(exitUsage, "nextcloud|--url", append(add, "--preset", "nextcloud", "--username", user)...)
	d.fails(exitUsage, "--password", append(add, "--password", "x")...)
	for _, url := range []string{"ftp://cal.example/", "https://al:secret@cal.example/", "https:///"} {
		o := d.feed(password, append(add, "--url", url, "--username", user, "--password-stdin")...)
		o.fails(t, exitUsage, "URL|--url")
		if strings.Contains(o.err, "secret") {
			t.Errorf("the password in the URL shows: %s", o.err)
		}
	}
	if len(d.server.Journal()) > 0 {
		t.Errorf("misuse sent %v", d.server.Journal())
	}
	if presets := d.must(append(add, "--preset", "list")...); !strings.Contains(presets, "icloud") {
		t.Errorf("%s", presets)
	}
}

// TestWrongPassword: one request, exit 3, nothing stored.
func TestWrongPassword(t *testing.T) {
	d := newDesk(t)
	d.feed("wrong\n", "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin").fails(t, exitPerson, "credentials refused|nothing was stored")
	if n := authorized(d); n != 1 {
		t.Errorf("%d requests carried the wrong password", n)
	}
	if v := ask[struct{ Accounts []accountView }](d, "account", "list"); len(v.Accounts) > 0 {
		t.Errorf("stored all the same: %+v", v)
	}
}

func authorized(d *desk) (n int) {
	for _, x := range d.server.Journal() {
		if x.Authorized {
			n++
		}
	}
	return n
}

// TestPasswordNowhere: neither in the database nor in any other file is the password readable.
func TestPasswordNowhere(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.must("sync", "--verbose")
	err := filepath.WalkDir(d.folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if bytes.Contains(raw, []byte(password)) {
			t.Errorf("%s holds the password", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestPrivateAddress: refused before a byte is sent, with the setting's name; allowed by it.
func TestPrivateAddress(t *testing.T) {
	d := newDesk(t)
	delete(d.env, "CALBRIDGE_ALLOW_PRIVATE_HOSTS")
	o := d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin")
	o.fails(t, exitFailed, "CALBRIDGE_ALLOW_PRIVATE_HOSTS")
	if len(d.server.Journal()) > 0 {
		t.Errorf("sent %v", d.server.Journal())
	}
	o = d.feed(password, "account", "add", "caldav", "--url", d.url, "--username", user, "--password-stdin", "--allow-private-hosts")
	if o.code != exitDone {
		t.Errorf("%+v", o)
	}
	if o := d.run("doctor", d.url); o.code != exitFailed || !strings.Contains(o.err, "CALBRIDGE_ALLOW_PRIVATE_HOSTS") {
		t.Errorf("%+v", o)
	}
}

// TestRedirectElsewhere: another host never sees the password.
func TestRedirectElsewhere(t *testing.T) {
	d := newDesk(t)
	var met atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { met.Add(1) }))
	defer thief.Close()
	lure := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, thief.URL+"/dav/", http.StatusPermanentRedirect)
	}))
	defer lure.Close()
	o := d.feed(password, "account", "add", "caldav", "--url", lure.URL+"/dav/", "--username", user, "--password-stdin")
	o.fails(t, exitFailed, "password is not sent there")
	if met.Load() > 0 {
		t.Error("the redirect was followed")
	}
}

// TestLockedAccount: once refused, the password is not tried again until a person resumes the account.
func TestLockedAccount(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	d.must("sync")
	restart(d, "another")
	if o := d.run("sync"); o.code != exitPerson || !strings.Contains(o.out, "credentials refused") {
		t.Fatalf("%+v", o)
	}
	if n := len(d.server.Journal()); n != 1 {
		t.Errorf("%d requests with a password that is refused", n)
	}
	if o := d.run("sync"); o.code != exitPerson || !strings.Contains(o.out, "account resume "+id) {
		t.Errorf("%+v", o)
	}
	if n := len(d.server.Journal()); n != 1 {
		t.Errorf("the refused password was tried again")
	}
	d.fails(exitPerson, "account resume", "calendar", "edit", "Work", "--name", "Elsewhere")
	if n := len(d.server.Journal()); n != 1 {
		t.Errorf("another command tried the refused password again")
	}
	d.feed("wrong again", "account", "resume", id, "--password-stdin").fails(t, exitPerson, "credentials refused")
	if o := d.feed("another", "account", "resume", id, "--password-stdin"); o.code != exitDone {
		t.Fatalf("%+v", o)
	}
	d.must("sync")
}

// restart has the server take another password, and forget its journal.
func restart(d *desk, password string) {
	d.users[user] = password // which the server looks up
	d.server.Reset()
}

func TestPause(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	d.must("account", "pause", id)
	d.server.Reset()
	d.must("sync")
	if o := d.run("sync", "--account", id); o.code != exitFailed || !strings.Contains(o.out, "paused") {
		t.Errorf("%+v", o)
	}
	if len(d.server.Journal()) > 0 {
		t.Errorf("a paused account sent %v", d.server.Journal())
	}
	d.must("account", "resume", id)
	d.must("sync")
	if len(d.server.Journal()) == 0 {
		t.Error("a resumed account is not synced")
	}
}

func TestRemove(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	d.must("sync")
	d.fails(exitUsage, "--yes", "account", "remove", id)
	d.server.Reset()
	d.must("account", "remove", id, "--yes")
	if v := ask[struct{ Objects []objectView }](d, "object", "list"); len(v.Objects) > 0 {
		t.Errorf("%+v", v)
	}
	if len(d.server.Journal()) > 0 {
		t.Errorf("removing an account sent %v", d.server.Journal())
	}
	d.fails(exitUsage, id, "account", "show", id)
}

func TestDoctor(t *testing.T) {
	d := newDesk(t)
	file := d.write("password", password)
	out := d.must("doctor", d.url, "--username", user, "--password-file", file)
	for _, word := range []string{"sync-collection", "yes", "Work", "Tasks"} {
		if !strings.Contains(out, word) {
			t.Errorf("no %q in\n%s", word, out)
		}
	}
	if v := ask[struct{ Homes []string }](d, "doctor", d.url, "--username", user, "--password-file", file); len(v.Homes) != 1 {
		t.Errorf("%+v", v)
	}
	if len(d.server.Writes()) > 0 {
		t.Errorf("the doctor wrote %v", d.server.Writes())
	}
	if o := d.feed("wrong", "doctor", d.url, "--username", user, "--password-stdin"); o.code != exitPerson {
		t.Errorf("%+v", o)
	}
	if _, err := os.Stat(d.path("cal.db")); err == nil {
		t.Error("the doctor made a database")
	}
}
