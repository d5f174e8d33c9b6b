package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
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
	boots   int
	account cal.AccountID
	begun   func() // called at the beginning of each transaction; may be nil
	limits  engine.Limits

	mu  sync.Mutex
	now time.Time
}

// wire carries requests to the simulated server. What goes wrong with one, mishap says.
type wire struct {
	http.RoundTripper
	fault func(*http.Request) mishap
	die   func()

	mu    sync.Mutex // guards all below
	down  bool
	late  []*http.Request
	under sync.WaitGroup // requests under way
}

// mishap is what becomes of a request. The zero mishap is nothing.
type mishap struct {
	before, after error // errCrash: the process dies
	status        int   // answered in place of the server
	statusAfter   int   // answered when the server has done what it was asked for
	cut           int   // of the answer's body arrive so many bytes
	late          bool  // the request arrives later than anybody waits for
}

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w.under.Add(1)
	defer w.under.Done()
	m := w.draw(r)
	switch {
	case m.before != nil:
		return nil, w.fail(m.before)
	case m.late:
		return nil, w.delay(r)
	case m.status != 0:
		return instead(r, m.status), nil
	}
	answer, err := w.RoundTripper.RoundTrip(r)
	switch {
	case m.after != nil:
		return nil, w.fail(m.after)
	case m.statusAfter != 0:
		return instead(r, m.statusAfter), nil
	case m.cut > 0 && err == nil:
		answer.Body = io.NopCloser(io.MultiReader(io.LimitReader(answer.Body, int64(m.cut)), broken{}))
	}
	return answer, err
}

func (w *wire) draw(r *http.Request) mishap {
	w.mu.Lock()
	down := w.down
	w.mu.Unlock()
	switch {
	case down:
		return mishap{before: errCrash}
	case w.fault == nil:
		return mishap{}
	}
	return w.fault(r)
}

func instead(r *http.Request, status int) *http.Response {
	return &http.Response{StatusCode: status, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{}, Body: http.NoBody, Request: r}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// delay keeps a request back until land. Its sender hears no more of it.
func (w *wire) delay(r *http.Request) error {
	again := r.Clone(context.Background())
	if r.Body != nil {
		body, _ := io.ReadAll(r.Body)
		again.Body = io.NopCloser(bytes.NewReader(body))
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.late = append(w.late, again)
	return io.ErrUnexpectedEOF
}

// land lets requests that were kept back arrive: all, or just the creates.
func (w *wire) land(all bool) {
	w.mu.Lock()
	late := w.late
	w.late = nil
	w.mu.Unlock()
	for _, r := range late {
		if !all && r.Header.Get("If-None-Match") == "" {
			w.mu.Lock()
			w.late = append(w.late, r)
			w.mu.Unlock()
		} else if answer, err := w.RoundTripper.RoundTrip(r); err == nil {
			answer.Body.Close()
		}
	}
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

func (w *wire) dead() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, now: time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC), limits: engine.DefaultLimits()}
	w.limits.Patience, w.limits.Connections = 0, 1
	w.sim = sim.New(sim.Options{Users: map[string]string{"alice": "secret"}, Clock: w.clock})
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

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// pass lets time go by. Creates that are on their way arrive before: later than they can, nobody waits for them.
func (w *world) pass(d time.Duration) {
	w.wire.land(false)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *world) transaction() time.Time {
	if w.begun != nil {
		w.begun()
	}
	return w.clock()
}

// boot starts the process, after a crash too.
func (w *world) boot() {
	w.boots++
	db, err := store.Open(context.Background(), w.url, store.Options{Clock: w.transaction, Chance: rand.NewChaCha8([32]byte{byte(w.boots)})})
	if err != nil {
		w.t.Fatal(err)
	}
	chance := rand.New(rand.NewPCG(uint64(w.boots), 1))
	w.wire.mu.Lock()
	w.db, w.wire.down = db, false
	w.wire.mu.Unlock()
	w.engine = &engine.Engine{
		Store: db, Open: w.open, Owner: fmt.Sprintf("boot %d", w.boots), Limits: w.limits,
		Clock: w.clock, Chance: chance.Float64,
	}
}

func (w *world) open(ctx context.Context, _ store.Account) (engine.Provider, error) {
	home := "http://sim" + w.sim.Home("alice")
	var profile caldav.Profile
	err := w.db.Read(ctx, func(tx *store.Tx) error {
		raw, err := tx.Server("http://sim")
		if err != nil || raw == nil {
			return err
		}
		return json.Unmarshal(raw, &profile)
	})
	if err != nil {
		return nil, err
	}
	c, err := caldav.New(caldav.Config{Home: home, Homes: []string{home}, Username: "alice", Password: "secret", AllowPrivate: true,
		Profile: profile, Now: w.clock, Via: w.wire})
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
	w.wire.under.Wait()
	if w.wire.dead() {
		w.pass(w.engine.Lease + time.Second)
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
