package suite

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/event"
	"calbridge/internal/google"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// GoogleSide is the simulated Google as a Side, with one user. Every exchange is checked against the discovery document.
type GoogleSide struct {
	*sim.Google
	User *sim.GoogleUser
	Odd  bool // members that the discovery document does not know are meant to be there
	url  string
}

// googleScopes: with the last, colours may be set.
var googleScopes = []string{google.ScopeEvents, google.ScopeCalendarList, google.ScopeCalendars, google.ScopeColors}

// NewGoogleSide starts a server of its own. At the end of the test it complains about whatever contradicts the discovery document, and
// about every mail to a guest.
func NewGoogleSide(t testing.TB, o sim.GoogleOptions) *GoogleSide {
	t.Helper()
	o.Discovery = providertest.Discovery(t)
	g := &GoogleSide{Google: sim.NewGoogle(o)}
	server := httptest.NewServer(g)
	t.Cleanup(func() {
		server.Close()
		for _, v := range g.Violations() {
			if !g.Odd || !strings.Contains(v, "unknown member") {
				t.Errorf("not as the discovery document has it: %s", v)
			}
		}
	})
	g.url, g.User = server.URL, g.AddUser("alice@gmail.example")
	return g
}

// NewGoogleRig is a rig on a simulated Google.
func NewGoogleRig(t testing.TB, g *GoogleSide, d providertest.Database) *Rig {
	t.Helper()
	return newRig(t, "google", g, d)
}

// Fresh makes an empty calendar. Components are not asked: Google has events only.
func (g *GoogleSide) Fresh(testing.TB, ...string) string {
	return g.AddCalendar(g.User, sim.GoogleCalendar{Summary: "test " + rand.Text()})
}

// Account is the account as it is after consent.
func (g *GoogleSide) Account(testing.TB, http.RoundTripper) store.Account {
	return store.Account{Provider: "google", Owner: rand.Text(), Name: "google", Username: g.User.Email, Principal: g.User.Sub,
		Addresses: []string{"mailto:" + g.User.Email}, Scopes: googleScopes}
}

// Connect gives a client with a token of its own.
func (g *GoogleSide) Connect(a store.Account, via http.RoundTripper) (Client, error) {
	return google.New(google.Config{
		API: g.url + "/calendar/v3/", Auth: bearer{g, via}, Self: a.Addresses, MemoryKey: store.MemoryKey(a.ID),
		Scopes: googleScopes, PerMinute: -1,
	})
}

// bearer has a token that is never old.
type bearer struct {
	side *GoogleSide
	base http.RoundTripper
}

func (b bearer) RoundTrip(q *http.Request) (*http.Response, error) {
	q = q.Clone(q.Context())
	q.Header.Set("Authorization", "Bearer "+b.side.Token(b.side.User, googleScopes...))
	return b.base.RoundTrip(q)
}

// Remote is what the calendar holds, in iCalendar text.
func (g *GoogleSide) Remote(t testing.TB, calendar string) map[string][2]string {
	t.Helper()
	all := map[string][2]string{}
	for _, id := range g.Events(calendar) {
		body := g.body(t, calendar, id)
		r := ical.Read(cal.Body(body))
		all[r.UID+r.RecurrenceID] = [2]string{id, body}
	}
	return all
}

func (g *GoogleSide) body(t testing.TB, calendar, id string) string {
	t.Helper()
	native, ok := g.Event(calendar, id)
	if !ok {
		return ""
	}
	e, err := event.Parse([]byte(native))
	if err != nil {
		t.Fatalf("event %s: %v", id, err)
	}
	body, _, err := e.ICal(event.Parent{})
	if err != nil {
		t.Fatalf("event %s: %v", id, err)
	}
	return string(body)
}

// Put makes an event that has a UID of its own, as an import does.
func (g *GoogleSide) Put(t testing.TB, calendar, uid, body string) {
	t.Helper()
	text, err := event.New(cal.Body(body), "there0", nil, "UTC")
	if err != nil {
		t.Fatal(err)
	}
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(text, &members); err != nil {
		t.Fatal(err)
	}
	delete(members, "extendedProperties")
	id, _ := json.Marshal("there" + strings.ToLower(rand.Text()[:16]))
	members["id"] = []byte(strings.Map(forID, string(id)))
	members["iCalUID"], _ = json.Marshal(uid)
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	g.Google.Put(calendar, string(out))
}

// forID keeps to what an event id may be made of: 0-9 and a-v.
func forID(r rune) rune {
	if r >= 'w' && r <= 'z' {
		return r - 'w' + '0'
	}
	return r
}

// Replace changes in an event what differs between its text and the new one.
func (g *GoogleSide) Replace(t testing.TB, calendar, id, body string) {
	t.Helper()
	native, _ := g.Event(calendar, id)
	patch, err := event.Patch([]byte(native), cal.Body(g.body(t, calendar, id)), cal.Body(body), "UTC")
	if err != nil {
		t.Fatal(err)
	}
	g.Patch(calendar, id, string(patch))
}

// Remove deletes it.
func (g *GoogleSide) Remove(_ testing.TB, calendar, id string) bool {
	return g.Google.Remove(calendar, id)
}
