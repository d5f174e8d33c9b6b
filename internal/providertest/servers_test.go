package providertest_test

import (
	"database/sql"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }

// TestServersTakeObjects: the same few steps on every server, with conditions that hold and that do not.
func TestServersTakeObjects(t *testing.T) {
	providertest.EachServer(t, func(t *testing.T, s providertest.Server) {
		calendar := providertest.FreshCalendar(t, s)
		body := sim.Realistic(time.Now(), 1, uint64(os.Getpid()))[0].Body
		href := calendar + "a.ics"
		etag := s.Put(t, href, body, "If-None-Match", "*")
		if got := s.List(t, calendar); !slices.Equal(got, []string{href}) {
			t.Errorf("lists %v", got)
		}
		if a := s.Do(t, "PUT", href, body, "Content-Type", "text/calendar", "If-None-Match", "*"); a.Status != 412 {
			t.Errorf("created twice: %d", a.Status)
		}
		now := s.Put(t, href, strings.Replace(body, "SUMMARY:", "SUMMARY:New ", 1), "If-Match", etag)
		if a := s.Do(t, "DELETE", href, "", "If-Match", etag); a.Status != 412 || now == etag {
			t.Errorf("deleted with an old etag: %d", a.Status)
		}
		if got, _, ok := s.Get(t, href); !ok || !strings.Contains(got, "New ") {
			t.Errorf("holds %q", got)
		}
		if !s.Delete(t, href) || s.Delete(t, href) || len(s.List(t, calendar)) != 0 {
			t.Error("not deleted once")
		}
	})
}

// TestRealisticIsAccepted: the strictest server takes every object, and so does any other.
func TestRealisticIsAccepted(t *testing.T) {
	s := providertest.StartCyrus(t)
	calendar := providertest.FreshCalendar(t, s)
	for _, o := range sim.Realistic(time.Now(), 300, uint64(os.Getpid())+1) {
		if a := s.Do(t, "PUT", calendar+o.Name, o.Body, "Content-Type", "text/calendar"); !a.OK() {
			t.Fatalf("%d %s\n%s", a.Status, a.Body, o.Body)
		}
	}
	if n := len(s.List(t, calendar)); n != 300 {
		t.Errorf("lists %d", n)
	}
}

func TestServersAsksForAll(t *testing.T) {
	if s := providertest.Servers(t); s[0].Sim == nil {
		t.Errorf("%+v", s)
	}
}

func TestDatabasesAreEmptyAndApart(t *testing.T) {
	a, b := providertest.Databases(t), providertest.Databases(t)
	for i := range a {
		if a[i].URL == b[i].URL {
			t.Errorf("%s twice", a[i].URL)
		}
	}
}

func TestPostgres(t *testing.T) {
	db, err := sql.Open("postgres", providertest.Postgres(t).URL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var tables int
	if err := db.QueryRow("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables, %v", tables, err)
	}
}
