//go:build faults

package faults

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calbridge/internal/providertest"
)

// lane is one account: its server, its database, and the program set up for both.
type lane struct {
	name      string // "alice at radicale, postgres"
	server    providertest.Server
	program   program
	account   string
	calendars []*calendar
	stops     bool // its syncs are stopped for longer than their lease lasts

	database string // past every proxy
}

// calendar is one of its calendars.
type calendar struct {
	ID, Name, Href string
}

// policies are those of the calendars of each lane.
var policies = []string{"remote-wins", "keep-both"}

func newWorld(t *testing.T) *world {
	if os.Geteuid() != 0 {
		t.Fatal("only root can make small disks: sudo make faults")
	}
	w := &world{T: t, seed: uint64(time.Now().UnixNano()), ledger: newLedger(), tally: newTally()}
	binary := build(t)
	w.sky.raise(t)
	proxy := w.sky.proxy
	pg := postgresLane(w.sky.database.URL, proxy.put("postgres", hostOf(w.sky.database.URL)))
	radicale := proxy.put("radicale", hostOf(w.sky.logins[0].URL))
	small := providertest.Database{Name: "sqlite", URL: "sqlite:" + w.sky.sqlite.dir + "/calbridge.db"}
	w.lane(binary, "alice at radicale, postgres", w.sky.logins[0], radicale, w.sky.database.URL, pg)
	w.lane(binary, "bob at radicale, postgres", w.sky.logins[1], radicale, w.sky.database.URL, pg).stops = true
	w.lane(binary, "carol at radicale, sqlite", w.sky.logins[2], radicale, small.URL, small.URL)
	cyrus := providertest.StartCyrus(t)
	w.lane(binary, "alice at cyrus, postgres", cyrus, proxy.put("cyrus", hostOf(cyrus.URL)), w.sky.database.URL, pg)
	return w
}

// postgresLane is the URL of a database with another host.
func postgresLane(url, via string) string {
	return strings.Replace(url, hostOf(url), via, 1) + "&connect_timeout=10"
}

// hostOf is host and port of a URL.
func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	rest, _, _ = strings.Cut(rest, "/")
	return rest[strings.LastIndex(rest, "@")+1:]
}

// build makes the program as it is shipped.
func build(t *testing.T) string {
	path := filepath.Join(t.TempDir(), "calbridge")
	if out, err := exec.Command("go", "build", "-o", path, "calbridge/cmd/calbridge").CombinedOutput(); err != nil {
		t.Fatalf("build calbridge: %v\n%s", err, out)
	}
	return path
}

// lane sets up an account with its calendars.
func (w *world) lane(binary, name string, s providertest.Server, via, database, databaseVia string) *lane {
	l := &lane{name: name, server: s, database: database, program: newProgram(binary, w.TempDir(), databaseVia)}
	hrefs := []string{providertest.FreshCalendar(w, s, "VEVENT"), providertest.FreshCalendar(w, s, "VEVENT")}
	l.program.must(w, "migrate", "up")
	password := filepath.Join(w.TempDir(), "password")
	if err := os.WriteFile(password, []byte(s.Password), 0o600); err != nil {
		w.Fatal(err)
	}
	var added struct {
		Account   struct{ ID string }
		Calendars []*calendar
	}
	l.program.ask(w, &added, "account", "add", "caldav", "--url", "http://"+via, "--username", s.User, "--password-file", password)
	l.account = added.Account.ID
	for i, policy := range policies {
		for _, c := range added.Calendars {
			if strings.HasSuffix(c.Href, hrefs[i]) {
				c.Href = hrefs[i]
				l.program.must(w, "calendar", "policy", c.ID, "--on-conflict", policy)
				l.calendars = append(l.calendars, c)
			}
		}
	}
	if len(l.calendars) != len(policies) {
		w.Fatalf("%s: the calendars are not found: %+v", name, added.Calendars)
	}
	l.program.must(w, "sync", "--account", l.account)
	w.lanes = append(w.lanes, l)
	fmt.Println("set up:", name)
	return l
}
