package main

import (
	"os"
	"strings"
	"testing"
)

type configAnswer struct{ Settings []settingView }

func (c configAnswer) value(name string) (any, string) {
	for _, s := range c.Settings {
		if s.Name == name {
			return s.Value, s.From
		}
	}
	return nil, ""
}

// TestPrecedence: flags, then the environment, then the file, then the defaults.
func TestPrecedence(t *testing.T) {
	d := newDesk(t)
	file := d.write("calbridge.toml", "max_delete = 0.1\nreconcile_interval = \"1h\"\nallow_private_hosts = false\ndatabase = \"/nowhere.db\"\n")
	d.env = map[string]string{"HOME": d.folder}
	for _, c := range []struct {
		name, env string
		flags     []string
		want      any
		from      string
	}{
		{name: "max_delete", want: 0.5, from: "default"},
		{name: "max_delete", flags: []string{"--config", file}, want: 0.1, from: file},
		{name: "max_delete", flags: []string{"--config", file}, env: "CALBRIDGE_MAX_DELETE=0.2", want: 0.2, from: "CALBRIDGE_MAX_DELETE"},
		{name: "max_delete", flags: []string{"--config", file, "--max-delete", "0.3"}, env: "CALBRIDGE_MAX_DELETE=0.2", want: 0.3, from: "the command line"},
		{name: "allow_private_hosts", want: false, from: "default"},
		{name: "allow_private_hosts", flags: []string{"--config", file}, env: "CALBRIDGE_ALLOW_PRIVATE_HOSTS=true", want: true, from: "CALBRIDGE_ALLOW_PRIVATE_HOSTS"},
		{name: "allow_private_hosts", flags: []string{"--no-allow-private-hosts"}, env: "CALBRIDGE_ALLOW_PRIVATE_HOSTS=true", want: false, from: "the command line"},
		{name: "reconcile_interval", want: "24h", from: "default"},
		{name: "reconcile_interval", env: "CALBRIDGE_CONFIG=" + file, want: "1h", from: file},
		{name: "database", env: "CALBRIDGE_DB=my.db", want: "sqlite:my.db", from: "CALBRIDGE_DB"},
		{name: "database", flags: []string{"--config", file, "--db", "sqlite:/x.db"}, want: "sqlite:/x.db", from: "the command line"},
	} {
		name, value, _ := strings.Cut(c.env, "=")
		d.env[name] = value
		got, from := ask[configAnswer](d, append([]string{"config"}, c.flags...)...).value(c.name)
		if got != c.want || from != c.from {
			t.Errorf("%s with %v and %q: %v from %q, want %v from %q", c.name, c.flags, c.env, got, from, c.want, c.from)
		}
		delete(d.env, name)
	}
}

func TestStateFolder(t *testing.T) {
	d := newDesk(t)
	d.env = map[string]string{"HOME": "/home/alice"}
	for state, want := range map[string]string{
		"":       "sqlite:/home/alice/.local/state/calbridge/calbridge.db",
		"/state": "sqlite:/state/calbridge/calbridge.db",
		"state":  "sqlite:/home/alice/.local/state/calbridge/calbridge.db",
	} {
		d.env["XDG_STATE_HOME"] = state
		if got, _ := ask[configAnswer](d, "config").value("database"); got != want {
			t.Errorf("XDG_STATE_HOME=%q: %v, want %s", state, got, want)
		}
	}
	d.env = nil
	d.fails(exitUsage, "CALBRIDGE_DB|HOME", "config")
}

func TestBadSettings(t *testing.T) {
	for _, c := range []struct{ env, value, words string }{
		{"CALBRIDGE_MAX_DELETE", "2", "max_delete|CALBRIDGE_MAX_DELETE|0.5"},
		{"CALBRIDGE_MAX_DELETE", "NaN", "max_delete"},
		{"CALBRIDGE_RECONCILE_INTERVAL", "soon", "reconcile_interval|24h"},
		{"CALBRIDGE_RECONCILE_INTERVAL", "-1h", "reconcile_interval"},
		{"CALBRIDGE_ALLOW_PRIVATE_HOSTS", "perhaps", "allow_private_hosts|true"},
		{"CALBRIDGE_DB", "mysql://x", "database|sqlite:FILE"},
		{"CALBRIDGE_GOOGLE_API_URL", "https://google.example/calendar/v2/", "google_api_url|/calendar/v3/|https://www.googleapis.com/calendar/v3/"},
		{"CALBRIDGE_GOOGLE_API_URL", "https://google.example/calendar/v3/?key=x", "google_api_url|query"},
		{"CALBRIDGE_GOOGLE_AUTH_URL", "http://google.example/auth", "google_auth_url|https:"},
		{"CALBRIDGE_GOOGLE_TOKEN_URL", "oauth2.googleapis.com/token", "google_token_url|https://host/path"},
		{"CALBRIDGE_GOOGLE_REVOKE_URL", "ftp://oauth2.googleapis.com/", "google_revoke_url|https:"},
		{"CALBRIDGE_PUBLIC_URL", "http://192.168.1.2/", "public_url|https:"},
		{"CALBRIDGE_CONFIG", "/nowhere.toml", "/nowhere.toml"},
	} {
		d := newDesk(t)
		d.env[c.env] = c.value
		d.fails(exitUsage, c.words, "config")
	}
	d := newDesk(t)
	d.env["CALBRIDGE_GOOGLE_API_URL"] = "https://me:hunter2@google.example/"
	d.fails(exitUsage, "google_api_url", "config")
	if o := d.run("config"); strings.Contains(o.err, "hunter2") {
		t.Errorf("a password shows: %s", o.err)
	}
	delete(d.env, "CALBRIDGE_GOOGLE_API_URL")
	d.fails(exitUsage, "max_deletes|calbridge config", "config", "--config", d.write("typo.toml", "max_deletes = 1"))
	d.fails(exitUsage, "broken.toml", "config", "--config", d.write("broken.toml", "max_delete = = 1"))
}

func TestGoogleSettings(t *testing.T) {
	d := newDesk(t)
	for name, want := range map[string]string{
		"google_client_id": "", "google_client_secret": "", "public_url": "",
		"google_api_url":    "https://www.googleapis.com/calendar/v3/",
		"google_auth_url":   "https://accounts.google.com/o/oauth2/v2/auth",
		"google_token_url":  "https://oauth2.googleapis.com/token",
		"google_revoke_url": "https://oauth2.googleapis.com/revoke",
	} {
		if got, from := ask[configAnswer](d, "config").value(name); got != want || from != "default" {
			t.Errorf("%s is %v from %s, want %q", name, got, from, want)
		}
	}
	for given, want := range map[string]string{
		"http://127.0.0.1:9000":                "http://127.0.0.1:9000/calendar/v3/",
		"http://[::1]:9000/":                   "http://[::1]:9000/calendar/v3/",
		"http://localhost/calendar/v3":         "http://localhost/calendar/v3/",
		"https://google.example/calendar/v3/":  "https://google.example/calendar/v3/",
		"https://google.example/x/calendar/v3": "https://google.example/x/calendar/v3/",
	} {
		d.env["CALBRIDGE_GOOGLE_API_URL"] = given
		if got, _ := ask[configAnswer](d, "config").value("google_api_url"); got != want {
			t.Errorf("%s is read as %v, want %s", given, got, want)
		}
	}
}

func TestConfigHidesSecrets(t *testing.T) {
	d := newDesk(t)
	d.env["CALBRIDGE_KEY"] = "c2VjcmV0"
	d.env["CALBRIDGE_DB"] = "postgres://me:hunter2@db.example/cal"
	d.env["CALBRIDGE_GOOGLE_CLIENT_SECRET"] = "GOCSPX-x"
	for _, out := range []string{d.must("config"), d.must("config", "--json")} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "c2VjcmV0") || strings.Contains(out, "GOCSPX") {
			t.Errorf("secrets show:\n%s", out)
		}
		if !strings.Contains(out, "db.example") {
			t.Errorf("the database does not show:\n%s", out)
		}
	}
}

// TestFirstStart: the database and its key are made, for their owner only.
func TestFirstStart(t *testing.T) {
	d := newDesk(t)
	d.env["CALBRIDGE_DB"], d.env["XDG_STATE_HOME"] = "", d.path("state")
	d.join()
	for _, name := range []string{"state/calbridge/calbridge.db", "state/calbridge/calbridge.key"} {
		info, err := os.Stat(d.path(name))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", name, info.Mode())
		}
	}
	d.must("sync")
}

func TestPostgresNeedsAKey(t *testing.T) {
	s := settings{database: "postgres://me@db.example/cal"}
	if s.keyPath() != "" {
		t.Errorf("the key of a PostgreSQL database is looked for in %q", s.keyPath())
	}
	v := newSession(process{env: func(string) string { return "" }}, flags{})
	v.inForce = &s
	if _, err := v.keys(t.Context()); exitCode(err) != exitUsage || !strings.Contains(err.Error(), "CALBRIDGE_KEY") {
		t.Errorf("%v", err)
	}
}
