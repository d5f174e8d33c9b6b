package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/event"
	"calbridge/internal/google"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// googleSide is a Google Calendar server as both sides meet it.
type googleSide struct {
	*sim.Google
	world   *world
	users   map[string]*sim.GoogleUser
	ids     map[place]string
	backup  func()
	serials map[place]int
}

func newGoogle(w *world, o sim.GoogleOptions) *googleSide {
	o.Clock = w.clock
	g := &googleSide{world: w, Google: sim.NewGoogle(o), users: map[string]*sim.GoogleUser{}, ids: map[place]string{}, serials: map[place]int{}}
	g.users["alice"] = g.AddUser(alice)
	g.ids[place{"alice", "work"}] = alice
	g.makeCalendar(place{"alice", "home"})
	if w.story.Second {
		g.users["bob"] = g.AddUser("bob@example.org")
		g.ids[place{"bob", "work"}] = "bob@example.org"
	}
	return g
}

func (g *googleSide) transport() http.RoundTripper { return g.Google.Transport() }

func (g *googleSide) accounts() (all []store.Account) {
	for _, name := range []string{"alice", "bob"} {
		if u := g.users[name]; u != nil {
			all = append(all, store.Account{Provider: "google", Owner: name, Name: name, Username: u.Email, Principal: u.Sub,
				Addresses: []string{"mailto:" + u.Email}, Scopes: scopes()})
		}
	}
	return all
}

func scopes() []string { return []string{google.ScopeEvents, google.ScopeCalendarList} }

func (g *googleSide) connect(ctx context.Context, p *process, a store.Account) (engine.Provider, error) {
	var memory json.RawMessage
	if err := p.profile(ctx, store.MemoryKey(a.ID), &memory); err != nil {
		return nil, err
	}
	return google.New(google.Config{API: "https://google.sim/calendar/v3/", Auth: bearer{g, a.Name, p.via(a.Name)}, Self: a.Addresses,
		Memory: memory, MemoryKey: store.MemoryKey(a.ID), Scopes: scopes(), PerMinute: -1, PageSize: 3, Now: g.world.clock})
}

// bearer has a token that is never old.
type bearer struct {
	side *googleSide
	user string
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.side.Token(b.side.users[b.user], scopes()...))
	return b.base.RoundTrip(r)
}

// stranger: the request goes to somebody else.
func (g *googleSide) stranger(_ wire, r *http.Request) bool { return r.URL.Host != "google.sim" }

func (g *googleSide) events(c place) (all []event.Event) {
	for _, id := range g.Events(g.ids[c]) {
		native, _ := g.Event(g.ids[c], id)
		if e, err := event.Parse([]byte(native)); err == nil {
			all = append(all, e)
		}
	}
	return all
}

// items are the events, an exception as an item of its own, and the cancelled occurrences of living series.
func (g *googleSide) items(c place) (all []item) {
	series := map[string]event.Parent{}
	for _, e := range g.events(c) {
		parent := series[e.RecurringEventID]
		if e.RecurringEventID == "" {
			series[e.ID] = event.Parent{UID: e.UID(event.Parent{}), TimeZone: e.Start.TimeZone}
		}
		if body, _, err := e.ICal(parent); err == nil {
			r := ical.Read(body)
			all = append(all, item{name: e.ID, uid: r.UID, part: r.RecurrenceID, body: string(body)})
		}
	}
	return append(all, g.holes(c, series)...)
}

// holes are occurrences that are cancelled one by one.
func (g *googleSide) holes(c place, series map[string]event.Parent) (all []item) {
	for id, parent := range series {
		for n := range instances {
			name := id + "_" + recurrenceID(n)
			native, ok := g.Event(g.ids[c], name)
			if !ok || !strings.Contains(native, `"cancelled"`) {
				continue
			}
			e, err := event.Parse([]byte(native))
			if err != nil {
				continue
			}
			if body, _, err := e.ICal(parent); err == nil {
				r := ical.Read(body)
				all = append(all, item{name: name, uid: r.UID, part: r.RecurrenceID, body: string(body), hole: true})
			}
		}
	}
	slices.SortFunc(all, func(a, b item) int { return strings.Compare(a.name, b.name) })
	return all
}

// create makes an event that is known elsewhere under its UID, as an import does.
func (g *googleSide) create(c place, body string) {
	text, err := event.New(cal.Body(scheduling.ReplaceAllString(body, "")), "there0", nil, "UTC")
	if err != nil {
		panic(fmt.Sprintf("simulate: %v: %s", err, body))
	}
	members := map[string]json.RawMessage{}
	_ = json.Unmarshal(text, &members)
	delete(members, "extendedProperties")
	g.serials[c]++ // an id is one calendar's: another may have the same
	members["id"], _ = json.Marshal(fmt.Sprintf("there%d", g.serials[c]))
	members["iCalUID"], _ = json.Marshal(uidOf(body))
	if strings.Contains(body, "ORGANIZER:mailto:boss") {
		members["organizer"] = json.RawMessage(`{"email":"boss@example.org"}`)
		members["attendees"] = json.RawMessage(`[{"email":"boss@example.org","organizer":true,"responseStatus":"accepted"},
			{"email":"` + alice + `","self":true,"responseStatus":"needsAction"}]`)
	}
	out, _ := json.Marshal(members)
	g.Put(g.ids[c], string(out))
}

// scheduling is what an event of Google's own says otherwise.
var scheduling = regexp.MustCompile(`(?m)^(ORGANIZER|ATTENDEE)[^\r\n]*\r?\n`)

// replace writes what differs, as the organizer may, whom nobody has to ask.
func (g *googleSide) replace(c place, it item, body string) {
	if it.hole || it.body == body {
		return
	}
	patch := map[string]any{}
	for member, property := range map[string]string{"summary": "SUMMARY", "location": "LOCATION"} {
		if now := value(body, property); now != value(it.body, property) {
			patch[member] = now
		}
	}
	for member, property := range map[string]string{"start": "DTSTART", "end": "DTEND"} {
		if now := value(body, property); now != value(it.body, property) {
			at, _ := time.Parse("20060102T150405", now)
			patch[member] = map[string]string{"dateTime": at.Format("2006-01-02T15:04:05"), "timeZone": "Europe/Berlin"}
		}
	}
	if now := myAnswer(body); now != myAnswer(it.body) {
		patch["attendees"] = []any{map[string]any{"email": "boss@example.org", "organizer": true, "responseStatus": "accepted"},
			map[string]any{"email": alice, "self": true, "responseStatus": strings.ToLower(now)}}
	}
	text, _ := json.Marshal(patch)
	g.Patch(g.ids[c], it.name, string(text))
}

func (g *googleSide) remove(c place, it item) { g.Remove(g.ids[c], it.name) }

// rename: an event's id is for ever.
func (g *googleSide) rename(place, item) bool { return false }

func (g *googleSide) touch(c place, it item) {
	if !it.hole {
		g.Touch(g.ids[c], it.name)
	}
}

func (g *googleSide) except(c place, it item, n int, a, b string) {
	defer func() { _ = recover() }() // the occurrence is excluded, so nobody sees it
	patch, _ := json.Marshal(map[string]string{"summary": a, "location": b})
	g.Patch(g.ids[c], it.name+"_"+recurrenceID(n), string(patch))
}

func (g *googleSide) exclude(c place, it item, n int) {
	g.Remove(g.ids[c], it.name+"_"+recurrenceID(n))
}

func (g *googleSide) split(c place, it item, n int, _ string) {
	defer func() { _ = recover() }() // there is no such occurrence
	g.Split(g.ids[c], it.name, start(n))
}

func (g *googleSide) makeCalendar(c place) {
	g.ids[c] = g.AddCalendar(g.users[c.user], sim.GoogleCalendar{ID: c.calendar + "@group.calendar.google.com", Summary: c.calendar})
}

func (g *googleSide) removeCalendar(place) {}

func (g *googleSide) nameCalendar(place, string) {}

func (g *googleSide) path(c place) cal.Href { return cal.Href(g.ids[c]) }

// turn turns a switch of the server. What Google is like from the beginning is no switch: newGoogle.
func (g *googleSide) turn(name, value string) error {
	for _, s := range sim.GoogleSwitches() {
		if s.Name != name {
			continue
		}
		ok := true
		g.Quirks(func(q *sim.GoogleQuirks) {
			if value == "" {
				s.Off(q, sim.GoogleQuirks{})
			} else if ok = s.Set(q, value); ok {
				g.world.marked(name, s.Unsafe, s.Lies, s.Damages)
			}
		})
		if !ok {
			return fmt.Errorf("switch %s of Google is never %q; it may be %s", name, value, strings.Join(s.Values, ", "))
		}
		return nil
	}
	return fmt.Errorf("a Google server has no switch %q", name)
}

// befall is something that happens to the server itself.
func (g *googleSide) befall(what string) error {
	switch what {
	case "expired":
		g.ExpireSyncTokens()
		g.PageTokensExpire()
	case "touched":
		for _, id := range g.Events(alice) {
			g.Touch(alice, id)
		}
	case "lags":
		g.LagLists(time.Minute)
	case "catches-up":
		g.LagLists(0)
	case "backup":
		g.backup = g.Backup()
	case "restored":
		if g.backup != nil {
			g.backup()
			g.world.restored = true
		}
	default:
		return fmt.Errorf("a Google server is never %q", what)
	}
	return nil
}

func (g *googleSide) calm() {
	g.LagLists(0)
	g.Quirks(func(q *sim.GoogleQuirks) {
		for _, s := range sim.GoogleSwitches() {
			if s.Passing {
				s.Off(q, sim.GoogleQuirks{})
			}
		}
	})
}

func (g *googleSide) mailed() (all []string) {
	for _, m := range g.Mails() {
		all = append(all, fmt.Sprint(m))
	}
	return all
}

func (g *googleSide) whole() bool { return false }
