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
		{"CALBRIDGE_CONFIG", "/nowhere.toml", "/nowhere.toml"},
	} {
		d := newDesk(t)
		d.env[c.env] = c.value
		d.fails(exitUsage, c.words, "config")
	}
	d := newDesk(t)
	d.fails(exitUsage, "max_deletes|calbridge config", "config", "--config", d.write("typo.toml", "max_deletes = 1"))
	d.fails(exitUsage, "broken.toml", "config", "--config", d.write("broken.toml", "max_delete = = 1"))
}

func TestConfigHidesSecrets(t *testing.T) {
	d := newDesk(t)
	d.env["CALBRIDGE_KEY"] = "c2VjcmV0"
	d.env["CALBRIDGE_DB"] = "postgres://me:hunter2@db.example/cal"
	for _, out := range []string{d.must("config"), d.must("config", "--json")} {
		if strings.Contains(out, "hunter2") || strings.Contains(out, "c2VjcmV0") {
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
