// Package providertest starts what the tests run against: CalDAV servers as they are installed (Radicale, Xandikos, Cyrus), the one that
// misbehaves on purpose (package sim), and databases.
//
// A test binary whose TestMain calls Run shares each server among all its tests; without it every test starts and stops its own. What is
// not installed is skipped with a message, or with CALBRIDGE_TEST_ALL=1 fails.
package providertest

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

// Server is a CalDAV server that answers.
type Server struct {
	Name     string // "sim", "radicale", "xandikos", "cyrus"
	URL      string // where discovery begins: "http://127.0.0.1:41234"
	Home     string // the path of the user's calendar home: "/alice/"
	User     string
	Password string
	NoAuth   bool        // lets anybody in (Xandikos)
	UserUIDs bool        // a UID may be used once in all calendars of a user, not once in each (Cyrus)
	Sim      *sim.CalDAV // the server itself, where it is ours
}

// Servers gives every server that is installed, sim first.
func Servers(t testing.TB) []Server {
	t.Helper()
	out := []Server{StartSim(t)}
	for _, r := range recipes {
		s, err := get(t, r)
		if missing(t, err) {
			t.Log(err)
			continue
		}
		out = append(out, s)
	}
	return out
}

// EachServer runs a test on every server, each in a subtest of its name that is skipped where it is not installed.
func EachServer(t *testing.T, test func(*testing.T, Server)) {
	t.Helper()
	t.Run("sim", func(t *testing.T) { test(t, StartSim(t)) })
	for _, r := range recipes {
		t.Run(r.name, func(t *testing.T) { test(t, must(t, r)) })
	}
}

// StartSim gives a fresh sim without quirks, and with it the switches.
func StartSim(t testing.TB) Server {
	t.Helper()
	s := sim.New(sim.Options{Users: map[string]string{"alice": "secret"}})
	ts := httptest.NewServer(s)
	t.Cleanup(ts.Close)
	return Server{Name: "sim", URL: ts.URL, Home: s.Home("alice"), User: "alice", Password: "secret", Sim: s}
}

// StartRadicale gives a Radicale.
func StartRadicale(t testing.TB) Server { t.Helper(); return must(t, radicale) }

// StartXandikos gives a Xandikos.
func StartXandikos(t testing.TB) Server { t.Helper(); return must(t, xandikos) }

// StartCyrus gives a Cyrus, which only root can start.
func StartCyrus(t testing.TB) Server { t.Helper(); return must(t, cyrus) }

func must(t testing.TB, r recipe) Server {
	t.Helper()
	s, err := get(t, r)
	if missing(t, err) {
		t.Skip(err)
	}
	return s
}

// FreshCalendar makes an empty calendar that is removed at the end of the test, and gives its path. Without components it holds what the
// server thinks right.
func FreshCalendar(t testing.TB, s Server, components ...string) (href string) {
	t.Helper()
	href = s.Home + "test-" + strings.ToLower(rand.Text()[:12]) + "/"
	body, headers := "", []string{}
	if len(components) > 0 {
		headers = append(headers, "Content-Type", "application/xml") // without a body Xandikos takes offence at it
		body = `<C:mkcalendar xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:supported-calendar-component-set>` +
			`<C:comp name="` + strings.Join(components, `"/><C:comp name="`) + `"/></C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>`
	}
	if a := s.Do(t, "MKCALENDAR", href, body, headers...); a.Status != http.StatusCreated {
		t.Fatalf("make a calendar on %s: %d %s", s.Name, a.Status, a.Body)
	}
	t.Cleanup(func() { s.Do(t, http.MethodDelete, href, "") }) // Cyrus says 404, and does it
	return href
}
