package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"calbridge/internal/cal"
	eventjson "calbridge/internal/event"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// house is a server of the demo, as somebody else works there.
type house interface {
	http.Handler
	put(sc scene, body string)
	remove(sc scene)
	there(sc scene) string // the event's text; empty: it is not there
	writes() int           // since forget
	forget()
	mails() int
	join(ctx context.Context, p *place, st *stage) error
}

// join adds the account as `calbridge account add` does.
func (p *place) join(ctx context.Context, st *stage) error {
	if _, err := st.store(ctx); err != nil {
		return err
	}
	return p.house.join(ctx, p, st)
}

func (p *place) chosen(calendars []cal.Calendar, name string) {
	for _, k := range calendars {
		if k.Name == name {
			p.events = k.ID
		}
	}
}

// davHouse is a CalDAV server: events as they lie in real calendars, and tasks in a list of their own.
type davHouse struct{ *sim.CalDAV }

func newDavPlace(now time.Time) *place {
	server := sim.New(sim.Options{Users: map[string]string{demoUser: demoPassword}})
	p := &place{house: davHouse{server}, name: "CalDAV"}
	server.AddCalendar(demoUser, "work", sim.Properties{Name: "Work", Color: "#3366cc", Components: []string{"VEVENT"}})
	server.AddCalendar(demoUser, "tasks", sim.Properties{Name: "Tasks", Color: "#cc6633", Components: []string{"VTODO"}})
	for _, o := range sim.Realistic(now, demoObjects, demoSeed) {
		if o.Component == "VTODO" {
			p.cast[1]++
			server.Store(demoUser, "tasks", o.Name, o.Body)
		} else {
			p.cast[0]++
			server.Store(demoUser, "work", o.Name, o.Body)
		}
	}
	p.furnish(now)
	return p
}

func (h davHouse) put(sc scene, body string) { h.Store(demoUser, "work", sc.file(), body) }
func (h davHouse) remove(sc scene)           { h.Remove(demoUser, "work", sc.file()) }
func (h davHouse) writes() int               { return len(h.Writes()) }
func (h davHouse) forget()                   { h.Reset() }
func (h davHouse) mails() int                { return 0 }

// there finds the event by its UID: a new one has a name that calbridge chose.
func (h davHouse) there(sc scene) string {
	for _, name := range h.List(demoUser, "work") {
		if body, _, _ := h.Load(demoUser, "work", name); strings.Contains(body, "UID:"+sc.uid()+"\r\n") {
			return body
		}
	}
	return ""
}

func (h davHouse) join(ctx context.Context, p *place, st *stage) error {
	found, err := st.discover(ctx, p.url, demoUser, demoPassword)
	if err != nil {
		return err
	}
	a, calendars, err := st.addCaldav(ctx, addCaldavCmd{Name: "Demo"}, p.url, found, demoPassword)
	p.account = a
	p.chosen(calendars, "Work")
	return err
}

// googleHouse is the Google look-alike with one user and his own calendar.
type googleHouse struct{ *sim.Google }

const (
	demoClient = "demo.apps.googleusercontent.example"
	demoSecret = "demo-secret"
	googlePage = 10 // events; small, so that there are several
)

func newGooglePlace(clock func() time.Time) *place {
	server := sim.NewGoogle(sim.GoogleOptions{Clock: clock, ClientID: demoClient, ClientSecret: demoSecret, MaxPage: googlePage})
	server.AddUser(demoAddress)
	p := &place{house: googleHouse{server}, name: "Google"}
	for _, o := range sim.Realistic(clock(), demoObjects, demoSeed+1) {
		if putGoogle(server, "demo"+fmt.Sprint(p.cast[0]), o.Body) == nil {
			p.cast[0]++
		}
	}
	emptyPages(server)
	p.furnish(clock())
	return p
}

// emptyPages leaves room where events were deleted: Google's lists may have pages with nothing on them and others behind.
func emptyPages(g *sim.Google) {
	for n := range 3 * googlePage {
		id := fmt.Sprint("gone", n)
		if putGoogle(g, id, scenes[0].here.to.body(id, time.Unix(0, 0))) == nil {
			g.Remove(demoAddress, id)
		}
	}
}

// putGoogle puts an event in the primary calendar as somebody else would. What Google cannot hold is an error.
func putGoogle(g *sim.Google, id, body string) error {
	text, err := eventjson.New(cal.Body(body), id, []string{"mailto:" + demoAddress}, "UTC")
	if err == nil {
		g.Put(demoAddress, string(text))
	}
	return err
}

// id is what the event is called at Google unless calbridge made it.
func (sc scene) id() string {
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'v' {
			return r
		}
		return '0'
	}, sc.uid())
}

func (h googleHouse) put(sc scene, body string) {
	id := cmp.Or(h.find(sc), sc.id())
	if native, there := h.Event(demoAddress, id); there {
		patch, err := eventjson.Patch([]byte(native), cal.Body(h.there(sc)), cal.Body(body), "UTC")
		if err == nil {
			h.Patch(demoAddress, id, string(patch))
		}
		return
	}
	_ = putGoogle(h.Google, id, body) // the judge notices
}

func (h googleHouse) remove(sc scene) { h.Remove(demoAddress, h.find(sc)) }
func (h googleHouse) writes() int     { return len(h.Writes()) }
func (h googleHouse) forget()         { h.ResetJournal() }
func (h googleHouse) mails() int      { return len(h.Mails()) }

// find gives the id of the scene's event; empty: it is not there.
func (h googleHouse) find(sc scene) string {
	for _, id := range h.Events(demoAddress) {
		if ical.Read(h.body(id)).UID == sc.uid() {
			return id
		}
	}
	return ""
}

func (h googleHouse) there(sc scene) string { return string(h.body(h.find(sc))) }

func (h googleHouse) body(id string) cal.Body {
	native, _ := h.Event(demoAddress, id)
	e, err := eventjson.Parse([]byte(native))
	if err != nil {
		return ""
	}
	body, _, err := e.ICal(eventjson.Parent{})
	if err != nil {
		return ""
	}
	return body
}

// join consents as a person does who agrees to everything: the look-alike asks nobody that is no browser.
func (h googleHouse) join(ctx context.Context, p *place, st *stage) error {
	o, err := st.oauthClient()
	if err != nil {
		return err
	}
	c := addGoogleCmd{Name: "Demo Google"}
	question, err := o.Begin("http://127.0.0.1:1"+answerPath, c.scopes(store.Account{}), st.chance)
	if err != nil {
		return err
	}
	answer, err := agree(ctx, question.URL)
	if err != nil {
		return err
	}
	g, err := o.Finish(ctx, question, answer)
	if err != nil {
		return err
	}
	found, err := st.googleCalendars(ctx, o, g)
	if err != nil {
		return err
	}
	k, err := st.storeGoogle(ctx, c, found)
	p.account = k.Account
	p.chosen(k.calendars, demoAddress)
	return err
}

// agree opens the consent page and reads the answer off the address that it leads to.
func agree(ctx context.Context, page string) (url.Values, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, page, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	w, err := client.Do(r)
	if err != nil {
		return nil, err
	}
	defer w.Body.Close()
	back, err := w.Location()
	if err != nil {
		return nil, errors.New("the look-alike did not consent")
	}
	return back.Query(), nil
}

// withGoogle is the environment with settings that lead to the look-alike.
func withGoogle(env func(string) string, base string) func(string) string {
	settings := map[string]string{}
	for _, s := range googleSettingsFor(base) {
		settings[s[0]] = s[1]
	}
	return func(name string) string { return cmp.Or(settings[name], env(name)) }
}

// googleSettingsFor are the settings for a look-alike at base, which ends in a slash.
func googleSettingsFor(base string) [][2]string {
	return [][2]string{
		{"CALBRIDGE_GOOGLE_CLIENT_ID", demoClient},
		{"CALBRIDGE_GOOGLE_CLIENT_SECRET", demoSecret},
		{"CALBRIDGE_GOOGLE_API_URL", base + "calendar/v3/"},
		{"CALBRIDGE_GOOGLE_AUTH_URL", base + "o/oauth2/v2/auth"},
		{"CALBRIDGE_GOOGLE_TOKEN_URL", base + "token"},
		{"CALBRIDGE_GOOGLE_REVOKE_URL", base + "revoke"},
	}
}
