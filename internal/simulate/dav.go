package simulate

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// dav is a CalDAV server as both sides meet it: the processes over HTTP, other people through the back door.
type dav struct {
	*sim.CalDAV
	world   *world
	usual   sim.Quirks // what it always does
	backup  func()
	serials int
}

const davHost = "http://sim"

func newDAV(w *world, p sim.Profile) *dav {
	d := &dav{world: w, usual: p.Always, CalDAV: sim.New(sim.Options{Users: map[string]string{"alice": "secret", "bob": "secret"}, Clock: w.clock})}
	for _, c := range []string{"work", "home"} {
		d.AddCalendar("alice", c, sim.Properties{})
	}
	if w.story.Second {
		d.AddCalendar("bob", "work", sim.Properties{})
	}
	d.Quirks(func(q *sim.Quirks) { *q = p.Always })
	w.uidMoves = p.Always.UIDMoves
	w.marked("", len(p.Unsafe()) > 0, len(p.Lies()) > 0, len(p.Damages()) > 0)
	return d
}

func (d *dav) transport() http.RoundTripper { return d.CalDAV.Transport() }

func (d *dav) accounts() []store.Account {
	all := []store.Account{{Provider: "caldav", Owner: "a", Name: "alice", URL: davHost, Username: "alice", Addresses: []string{"mailto:" + alice},
		Homes: []string{davHost + d.Home("alice")}}}
	if d.world.story.Second {
		all = append(all, store.Account{Provider: "caldav", Owner: "b", Name: "bob", URL: davHost, Username: "bob", Homes: []string{davHost + d.Home("bob")}})
	}
	return all
}

// davProvider is the CalDAV client with a memory.
type davProvider struct{ *caldav.Client }

// Learned implements engine.Provider.
func (p davProvider) Learned() (string, []byte) {
	raw, _ := json.Marshal(p.Profile())
	return davHost, raw
}

func (d *dav) connect(ctx context.Context, p *process, a store.Account) (engine.Provider, error) {
	var profile caldav.Profile
	if err := p.profile(ctx, davHost, &profile); err != nil {
		return nil, err
	}
	c, err := caldav.New(caldav.Config{Homes: a.Homes, Username: a.Username, Password: "secret", AllowPrivate: true,
		Profile: profile, Now: d.world.clock, Via: p.via(a.Username)})
	return davProvider{c}, err
}

// stranger: the request carries somebody else's credentials.
func (d *dav) stranger(w wire, r *http.Request) bool {
	user, _, ok := r.BasicAuth()
	return ok && user != w.user || r.URL.Host != "sim" || !strings.Contains(r.URL.Path, "/"+w.user+"/")
}

// items are what a calendar holds.
func (d *dav) items(c place) (all []item) {
	for _, name := range d.List(c.user, c.calendar) {
		body, _, _ := d.Load(c.user, c.calendar, name)
		all = append(all, item{name: name, uid: uidOf(body), body: body})
	}
	return all
}

func (d *dav) name(string) string {
	d.serials++
	return fmt.Sprintf([]string{"r%d.ics", "r %d@é.ics", "R+%d (1)~.ics"}[d.serials%3], d.serials)
}

func (d *dav) create(c place, body string) { d.Store(c.user, c.calendar, d.name(body), body) }

func (d *dav) replace(c place, it item, body string) {
	d.serials++
	d.Store(c.user, c.calendar, it.name, dated(body, d.world.clock(), d.serials%5))
}

var stamps = regexp.MustCompile(`(DTSTAMP|LAST-MODIFIED):[^\r\n]*\r?\n`)

// dated says when a text was written, as clients do: not all of them do, and not all clocks are right.
func dated(body string, now time.Time, client int) string {
	const form = "20060102T150405Z"
	switch client {
	case 0:
		return stamps.ReplaceAllString(body, "")
	case 1:
		now = now.Add(24 * time.Hour)
	case 2:
		return body
	}
	return strings.ReplaceAll(stamps.ReplaceAllString(body, ""), "END:VEVENT", "DTSTAMP:"+now.Format(form)+"\r\nLAST-MODIFIED:"+now.Format(form)+"\r\nEND:VEVENT")
}

func (d *dav) remove(c place, it item) { d.Remove(c.user, c.calendar, it.name) }

// rename gives a resource another name.
func (d *dav) rename(c place, it item) bool {
	d.Remove(c.user, c.calendar, it.name)
	d.create(c, it.body)
	return true
}

func (d *dav) touch(c place, it item) { d.replace(c, it, restamped(it.body, d.world.steps)) }

func (d *dav) except(c place, it item, n int, a, b string) {
	d.replace(c, it, withException(it.body, n, a, b))
}

func (d *dav) exclude(c place, it item, n int) { d.replace(c, it, withExclusion(it.body, n)) }

// split makes two series of one.
func (d *dav) split(c place, it item, n int, uid string) {
	rest := strings.Replace(vevents.FindString(it.body), "UID:"+it.uid, "UID:"+uid, 1)
	rest = strings.NewReplacer(wall(0, 9), wall(n, 9), wall(0, 10), wall(n, 10),
		fmt.Sprintf("COUNT=%d", count(it.body)), fmt.Sprintf("COUNT=%d", count(it.body)-n)).Replace(rest)
	d.create(c, calendar(regexp.MustCompile(`EXDATE[^\r\n]*\r?\n`).ReplaceAllString(rest, "")))
	d.replace(c, it, cutShort(it.body, n))
}

// cutShort ends a series before its n-th instance.
func cutShort(body string, n int) string {
	for k := n; k < instances; k++ {
		if c := exceptionOf(body, k); c != "" {
			body = strings.Replace(body, c, "", 1)
		}
	}
	return counted.ReplaceAllString(body, fmt.Sprintf("COUNT=%d", n))
}

func (d *dav) makeCalendar(c place) { d.AddCalendar(c.user, c.calendar, sim.Properties{}) }

// nameCalendar gives a calendar another name, as other clients do (RFC 4918 §9.2). The server may refuse.
func (d *dav) nameCalendar(c place, name string) {
	r, err := http.NewRequest("PROPPATCH", davHost+string(d.path(c)), strings.NewReader(
		`<propertyupdate xmlns="DAV:"><set><prop><displayname>`+name+`</displayname></prop></set></propertyupdate>`))
	if err != nil {
		panic(fmt.Sprintf("simulate: %v", err))
	}
	r.SetBasicAuth(c.user, "secret")
	if answer, err := d.transport().RoundTrip(r); err == nil {
		answer.Body.Close()
	}
}

func (d *dav) removeCalendar(c place) { d.RemoveCalendar(c.user, c.calendar) }

func (d *dav) path(c place) cal.Href { return cal.Href(d.Path(c.user, c.calendar, "")) }

// turn turns a switch of the server.
func (d *dav) turn(name, value string) error {
	for _, s := range sim.Switches() {
		if s.Name != name {
			continue
		}
		ok := true
		d.Quirks(func(q *sim.Quirks) {
			if value == "" {
				s.Off(q, d.usual)
			} else if ok = s.Set(q, value); ok {
				d.world.marked(name, s.Unsafe, s.Lies, s.Damages)
			}
		})
		if !ok {
			return fmt.Errorf("switch %s of the server is never %q; it may be %s", name, value, strings.Join(s.Values, ", "))
		}
		return nil
	}
	return fmt.Errorf("a CalDAV server has no switch %q", name)
}

// befall is something that happens to the server itself.
func (d *dav) befall(what string) error {
	mine := []string{"work", "home"}
	switch what {
	case "expired":
		for _, c := range mine {
			d.Expire("alice", c)
		}
	case "touched":
		for _, c := range mine {
			d.Touch("alice", c)
		}
	case "rows-lost":
		for _, c := range mine {
			d.LoseRows("alice", c)
		}
	case "backup":
		d.backup = d.Backup()
	case "restored":
		if d.backup != nil {
			d.backup()
			d.world.restored = true
		}
	default:
		return fmt.Errorf("a CalDAV server is never %q", what)
	}
	return nil
}

// calm ends what passes.
func (d *dav) calm() {
	d.Quirks(func(q *sim.Quirks) {
		for _, s := range sim.Switches() {
			if s.Passing || s.Name == "StaleETags" { // nobody can see the last change as long as listings show the etag before it
				s.Off(q, sim.Quirks{})
			}
		}
	})
}

// mailed are the guests who heard of what their host's users here did not do.
func (d *dav) mailed() (all []string) {
	for _, m := range d.Mails() {
		body, _, _ := d.Load("alice", m.Calendar, m.Event)
		if strings.HasPrefix(uidOf(body), "copy-") {
			all = append(all, fmt.Sprint(m))
		}
	}
	return all
}

func (d *dav) whole() bool { return true }
