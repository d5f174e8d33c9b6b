package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// world is one engine, one account, one calendar "work", on a simulated server and a real SQLite file. Its clock stands still unless
// it is moved.
type world struct {
	t       *testing.T
	sim     *sim.CalDAV
	wire    *wire
	url     string
	db      *store.DB
	engine  *engine.Engine
	now     time.Time
	boots   int
	account cal.AccountID
}

// wire carries requests to the simulated server. It can lose them, lose the answers, or let the process die.
type wire struct {
	http.RoundTripper
	mu    sync.Mutex
	fault func(*http.Request) (before, after error)
	die   func()
	down  bool
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	before, after := w.draw(r)
	if before != nil {
		return nil, w.fail(before)
	}
	answer, err := w.RoundTripper.RoundTrip(r)
	if after != nil {
		return nil, w.fail(after)
	}
	return answer, err
}

func (w *wire) draw(r *http.Request) (before, after error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return errCrash, nil
	}
	if w.fault == nil {
		return nil, nil
	}
	return w.fault(r)
}

// fail ends an exchange. When the process dies, its database connection goes with it: whatever it still tries comes to nothing.
func (w *wire) fail(err error) error {
	if err == errCrash {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !w.down {
			w.down = true
			w.die()
		}
	}
	return err
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)}
	w.sim = sim.New(sim.Options{Users: map[string]string{"alice": "secret"}, Clock: func() time.Time { return w.now }})
	w.sim.AddCalendar("alice", "work", sim.Properties{})
	w.wire = &wire{RoundTripper: w.sim.Transport()}
	w.wire.die = func() { w.db.Close() }
	w.url = "sqlite:" + filepath.Join(t.TempDir(), "calbridge.db")
	w.boot()
	w.write(func(tx *store.Tx) error {
		a, err := tx.AddAccount(store.Account{Provider: "caldav", Name: "test", URL: "http://sim", Username: "alice"})
		w.account = a.ID
		return err
	})
	t.Cleanup(func() { w.db.Close() })
	return w
}

// boot starts the process, after a crash too.
func (w *world) boot() {
	db, err := store.Open(context.Background(), w.url, store.Options{Clock: func() time.Time { return w.now }})
	if err != nil {
		w.t.Fatal(err)
	}
	w.boots++
	chance := rand.New(rand.NewPCG(uint64(w.boots), 1))
	w.db, w.wire.down = db, false
	w.engine = &engine.Engine{
		Store: db, Open: w.open, Owner: fmt.Sprintf("boot %d", w.boots), Limits: engine.DefaultLimits(),
		Clock: func() time.Time { return w.now }, Chance: chance.Float64,
	}
	w.engine.Patience, w.engine.Connections = 0, 1
}

func (w *world) open(context.Context, store.Account) (engine.Provider, error) {
	home := "http://sim" + w.sim.Home("alice")
	var profile caldav.Profile
	w.read(func(tx *store.Tx) error {
		raw, err := tx.Server("http://sim")
		if err != nil || raw == nil {
			return err
		}
		return json.Unmarshal(raw, &profile)
	})
	c, err := caldav.New(caldav.Config{Home: home, Homes: []string{home}, Username: "alice", Password: "secret", AllowPrivate: true,
		Profile: profile, Now: func() time.Time { return w.now }, Via: w.wire})
	return provider{c}, err
}

// provider is the CalDAV client with a memory.
type provider struct{ *caldav.Client }

func (p provider) Learned() (string, []byte) {
	raw, _ := json.Marshal(p.Profile())
	return "http://sim", raw
}

// sync runs once; when the process dies in it, it is started again, after the lease of the dead one has run out.
func (w *world) sync() engine.Report { return w.syncMode(engine.Incremental) }

func (w *world) syncMode(m engine.Mode) engine.Report {
	rep := w.engine.Sync(context.Background(), []store.Account{w.stored()}, engine.Options{Mode: m})
	if w.wire.down {
		w.now = w.now.Add(w.engine.Lease + time.Second)
		w.boot()
	}
	return rep
}

func (w *world) stored() (a store.Account) {
	w.read(func(tx *store.Tx) (err error) {
		a, err = tx.Account(w.account)
		return err
	})
	return a
}

func (w *world) read(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.db.Read(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) write(fn func(*store.Tx) error) {
	w.t.Helper()
	if err := w.db.Write(context.Background(), fn); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) calendar() (c cal.Calendar, found bool) {
	w.read(func(tx *store.Tx) error {
		all, err := tx.Calendars(w.account)
		for _, one := range all {
			if strings.HasSuffix(string(one.Href), "/work/") {
				c, found = one, true
			}
		}
		return err
	})
	return c, found
}

// mustCalendar syncs once, undisturbed, if the calendar has not been found yet.
func (w *world) mustCalendar() cal.Calendar {
	c, found := w.calendar()
	if !found {
		fault := w.wire.fault
		w.wire.fault = nil
		w.sync()
		w.wire.fault = fault
		if c, found = w.calendar(); !found {
			w.t.Fatal("the calendar is not found")
		}
	}
	return c
}

func (w *world) setRules(r cal.Rules) {
	c := w.mustCalendar()
	c.Rules = r
	w.write(func(tx *store.Tx) error { return tx.UpdateCalendar(c) })
}

func (w *world) localCreate(uid, body string) {
	w.edit(store.Draft{Calendar: w.mustCalendar().ID, Want: version(body), UID: uid, Component: "VEVENT"})
}

func (w *world) localEdit(id cal.ObjectID, body string) {
	w.edit(store.Draft{Object: id, Want: version(body), Component: "VEVENT"})
}

func (w *world) localDelete(id cal.ObjectID) { w.edit(store.Draft{Object: id}) }

func (w *world) edit(e store.Draft) {
	w.t.Helper()
	w.write(func(tx *store.Tx) error {
		_, err := tx.Edit(e)
		return err
	})
}

func version(body string) cal.Version {
	return cal.Version{Digest: ical.Read(cal.Body(body)).Digest, Body: cal.Body(body)}
}

// objects are the live objects here, whole.
func (w *world) objects() (all []cal.Object) {
	w.read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: w.mustCalendar().ID})
		for _, r := range rows {
			o, err := tx.Object(r.ID)
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return err
	})
	return all
}

func (w *world) localByUID(uid string) (cal.Object, bool) {
	for _, o := range w.objects() {
		if o.UID == uid && o.Want().Exists() {
			return o, true
		}
	}
	return cal.Object{}, false
}

func (w *world) remoteByUID(uid string) (name, body string, found bool) {
	for _, name := range w.sim.List("alice", "work") {
		body, _, _ := w.sim.Load("alice", "work", name)
		if strings.Contains(body, "UID:"+uid+"\r\n") {
			return name, body, true
		}
	}
	return "", "", false
}

// allLocal and allRemote are what each side has, by meaning: the keys carry the values for a person to read. What the server refuses
// to take is visible as refused, and not part of it.
func (w *world) allLocal() map[string]bool {
	all := map[string]bool{}
	for _, o := range w.objects() {
		if refused := o.Edit != nil && o.Edit.Block != cal.Free; o.Want().Exists() && !refused {
			all[content(o.Want().Body)] = true
		}
	}
	return all
}

func (w *world) allRemote() map[string]bool {
	all := map[string]bool{}
	for _, name := range w.sim.List("alice", "work") {
		body, _, _ := w.sim.Load("alice", "work", name)
		all[content(cal.Body(body))] = true
	}
	return all
}

func content(body cal.Body) string {
	return strings.Join(anyValue.FindAllString(string(body), -1), " ") + " " + string(ical.Read(body).Digest)
}

func event(uid, summary, location string) string {
	return strings.ReplaceAll(fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//calbridge//test//EN
BEGIN:VEVENT
UID:%s
DTSTAMP:20260101T000000Z
DTSTART:20260102T090000Z
DTEND:20260102T100000Z
SUMMARY:%s
LOCATION:%s
END:VEVENT
END:VCALENDAR
`, uid, summary, location), "\n", "\r\n")
}

// body is the text of a version that may only be named.
func (w *world) body(tx *store.Tx, v cal.Version) cal.Body {
	if v.ID == "" || v.Body != "" {
		return v.Body
	}
	stored, err := tx.Version(v.ID)
	if err != nil {
		w.t.Fatalf("version %s is named and not there: %v", v.ID, err)
	}
	return stored.Body
}

// noticed are the texts of all versions that notices name.
func (w *world) noticed() (texts []string) {
	w.read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: w.mustCalendar().ID, IncludeGone: true})
		if err != nil {
			return err
		}
		for _, r := range rows {
			notices, err := tx.Notices(r.ID)
			if err != nil {
				return err
			}
			for _, n := range notices {
				texts = append(texts, string(w.body(tx, n.From)), string(w.body(tx, n.To)))
			}
		}
		return nil
	})
	return texts
}
