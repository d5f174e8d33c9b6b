// Package suite holds what every remote has to pass, over every database: the whole program but its commands, against real servers, and
// against the simulated Google.
package suite

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/store"
)

// Rig is the whole program but its commands: an engine over a database and one account on a server, with a calendar of its own there.
type Rig struct {
	T        testing.TB
	Name     string // of the server: "sim", "radicale", "xandikos", "cyrus", "google"
	Calendar string // the calendar's path on the server, or its id at Google
	DB       *store.DB
	Engine   *engine.Engine
	Account  store.Account
	Wire     *Wire
	Side     Side
	client   Client
}

// Side is the remote as somebody else works with it, past everything that is tested.
type Side interface {
	// Fresh makes an empty calendar for the components and gives its name.
	Fresh(t testing.TB, components ...string) string
	// Account is the account as it is stored once it was added.
	Account(t testing.TB, via http.RoundTripper) store.Account
	Connect(a store.Account, via http.RoundTripper) (Client, error)
	// Remote is what a calendar holds, by UID: name and text.
	Remote(t testing.TB, calendar string) map[string][2]string
	// Put makes an object; Replace writes another text over one, and Remove takes it away and tells whether it was there.
	Put(t testing.TB, calendar, uid, body string)
	Replace(t testing.TB, calendar, name, body string)
	Remove(t testing.TB, calendar, name string) bool
}

// Client is an account's wire with everything it can do.
type Client interface {
	engine.Provider
	MakeCalendar(context.Context, cal.Facts) (cal.Href, error)
	Describe(context.Context, cal.Href, cal.Facts) error
	DropCalendar(context.Context, cal.Href) error
}

// NewRig discovers the account as a user would have it discovered, and syncs nothing yet.
func NewRig(t testing.TB, s providertest.Server, d providertest.Database) *Rig {
	t.Helper()
	return newRig(t, s.Name, dav{s}, d)
}

func newRig(t testing.TB, name string, side Side, d providertest.Database) *Rig {
	t.Helper()
	r := &Rig{T: t, Name: name, Side: side, Calendar: side.Fresh(t), Wire: &Wire{}}
	var err error
	if r.DB, err = store.Open(context.Background(), d.URL, store.Options{Migrate: true}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.DB.Close() })
	r.Engine = &engine.Engine{Store: r.DB, Open: r.open, Owner: "test", Clock: time.Now, Chance: noJitter, Limits: engine.DefaultLimits()}
	r.Engine.Grace = 0
	a := side.Account(t, r.Wire)
	r.Write(func(tx *store.Tx) (err error) {
		r.Account, err = tx.AddAccount(a)
		return err
	})
	return r
}

// noJitter: what failed is tried again at once, so that a test need not wait.
func noJitter() float64 { return 0 }

// open gives the engine one client for the whole test, so that what it learned stays.
func (r *Rig) open(_ context.Context, a store.Account) (engine.Provider, error) {
	if r.client == nil {
		var err error
		if r.client, err = r.Side.Connect(a, r.Wire); err != nil {
			return nil, err
		}
	}
	return lasting{r.client}, nil
}

type lasting struct{ Client }

func (lasting) Close()                    {}
func (lasting) Learned() (string, []byte) { return "", nil }

// Watch implements engine.Watcher.
func (l lasting) Watch(ctx context.Context, ch cal.Channel) (cal.Channel, error) {
	w, ok := l.Client.(engine.Watcher)
	if !ok {
		return ch, cal.ErrNoPush
	}
	return w.Watch(ctx, ch)
}

// Stop implements engine.Watcher.
func (l lasting) Stop(ctx context.Context, ch cal.Channel) error {
	w, ok := l.Client.(engine.Watcher)
	if !ok {
		return cal.ErrNoPush
	}
	return w.Stop(ctx, ch)
}

// Once implements engine.Once.
func (l lasting) Once() bool {
	p, ok := l.Client.(engine.Once)
	return ok && p.Once()
}

// Sync runs once and gives what it did to the rig's calendar.
func (r *Rig) Sync() engine.Run { r.T.Helper(); return r.SyncMode(engine.Incremental) }

// SyncMode is Sync in another mode.
func (r *Rig) SyncMode(m engine.Mode) engine.Run {
	r.T.Helper()
	var run engine.Run
	rep := r.SyncAll(m)
	if id := r.CalendarID(); id != "" {
		for _, one := range rep.Runs {
			if one.Calendar == id {
				run = one
			}
		}
	}
	for _, a := range rep.Accounts {
		if a.Trouble != nil {
			r.T.Fatalf("sync %s: %s", r.Name, *a.Trouble)
		}
	}
	return run
}

// SyncAll runs once and gives everything it did.
func (r *Rig) SyncAll(m engine.Mode) engine.Report {
	r.Read(func(tx *store.Tx) (err error) {
		r.Account, err = tx.Account(r.Account.ID)
		return err
	})
	return r.Engine.Sync(context.Background(), []store.Account{r.Account}, engine.Options{Mode: m, Calendar: r.CalendarID()})
}

// Read and Write are transactions that must not fail.
func (r *Rig) Read(fn func(*store.Tx) error) {
	r.T.Helper()
	if err := r.DB.Read(context.Background(), fn); err != nil {
		r.T.Fatal(err)
	}
}

// Write is a transaction that must not fail.
func (r *Rig) Write(fn func(*store.Tx) error) {
	r.T.Helper()
	if err := r.DB.Write(context.Background(), fn); err != nil {
		r.T.Fatal(err)
	}
}

// CalendarID is the rig's calendar as the store knows it; empty before the first sync.
func (r *Rig) CalendarID() (id cal.CalendarID) {
	r.Read(func(tx *store.Tx) error {
		all, err := tx.Calendars(r.Account.ID)
		for _, c := range all {
			if string(c.Href) == r.Calendar {
				id = c.ID
			}
		}
		return err
	})
	return id
}

// Objects are the live objects of the rig's calendar, by UID.
func (r *Rig) Objects() map[string]cal.Object {
	all := map[string]cal.Object{}
	r.Read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: r.CalendarID()})
		for _, row := range rows {
			o, err := tx.Object(row.ID)
			if err != nil {
				return err
			}
			all[o.UID] = o
		}
		return err
	})
	return all
}

// All are the live objects of the rig's calendar, exceptions of series too.
func (r *Rig) All() (all []cal.Object) {
	r.T.Helper()
	r.Read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: r.CalendarID()})
		for _, row := range rows {
			o, err := tx.Object(row.ID)
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return err
	})
	return all
}

// Object is one of them.
func (r *Rig) Object(uid string) cal.Object {
	r.T.Helper()
	o, ok := r.Objects()[uid]
	if !ok {
		r.T.Fatalf("no object %s here", uid)
	}
	return o
}

// Create, Change and Delete are what a user does here.
func (r *Rig) Create(uid, body string) {
	r.T.Helper()
	r.edit(store.Draft{Calendar: r.CalendarID(), UID: uid}, body)
}

// Change replaces text in what the user sees.
func (r *Rig) Change(uid, old, new string) {
	r.T.Helper()
	o := r.Object(uid)
	body := strings.Replace(string(o.Want().Body), old, new, 1)
	if body == string(o.Want().Body) {
		r.T.Fatalf("%q is not in %s", old, body)
	}
	r.edit(store.Draft{Object: o.ID}, body)
}

// Delete is what a user does here.
func (r *Rig) Delete(uid string) { r.T.Helper(); r.edit(store.Draft{Object: r.Object(uid).ID}, "") }

func (r *Rig) edit(e store.Draft, body string) {
	r.T.Helper()
	if body != "" {
		text := ical.Read(cal.Body(body))
		e.Want = cal.Version{Digest: text.Digest, Body: cal.Body(body)}
		e.Component = text.Component
	}
	r.Write(func(tx *store.Tx) error {
		_, err := tx.Edit(e)
		return err
	})
}

// Accept is what a user does here whose text may come to several objects; an empty body deletes.
func (r *Rig) Accept(d store.Draft, body string) {
	r.T.Helper()
	if body != "" {
		text := ical.Read(cal.Body(body))
		d.Want = cal.Version{Digest: text.Digest, Body: cal.Body(body)}
		d.UID, d.Component, d.Summary, d.RecurrenceID = text.UID, text.Component, text.Summary, text.RecurrenceID
	}
	r.Write(func(tx *store.Tx) error {
		_, err := engine.Accept(tx, d)
		return err
	})
}

// Remote is what the server has, by UID: name and text.
func (r *Rig) Remote() map[string][2]string { return r.Side.Remote(r.T, r.Calendar) }

// There stores an object as somebody else would.
func (r *Rig) There(uid, body string) { r.Side.Put(r.T, r.Calendar, uid, body) }

// ChangeThere replaces text in what the server has.
func (r *Rig) ChangeThere(uid, old, new string) {
	r.T.Helper()
	at, ok := r.Remote()[uid]
	if !ok || !strings.Contains(at[1], old) {
		r.T.Fatalf("%q is not at %v", old, at)
	}
	r.Side.Replace(r.T, r.Calendar, at[0], strings.Replace(at[1], old, new, 1))
}

// DeleteThere removes it as somebody else would.
func (r *Rig) DeleteThere(uid string) {
	r.T.Helper()
	if !r.Side.Remove(r.T, r.Calendar, r.Remote()[uid][0]) {
		r.T.Fatalf("%s is not there", uid)
	}
}

// Agree fails unless both sides say the same about the same UIDs, and those are the ones named.
func (r *Rig) Agree(uids ...string) {
	r.T.Helper()
	here, there := r.Objects(), r.Remote()
	for uid, o := range here {
		if got, want := ical.Read(cal.Body(there[uid][1])).Digest, o.Want().Digest; got != want {
			r.T.Errorf("%s differs:\nhere\n%s\nthere\n%s", uid, o.Want().Body, there[uid][1])
		}
		if o.Edit != nil || len(o.Sent) > 0 {
			r.T.Errorf("%s is not settled: %+v %+v", uid, o.Edit, o.Sent)
		}
	}
	if got := len(there); got != len(uids) || len(here) != len(uids) {
		r.T.Errorf("%d here, %d there, want %v", len(here), got, uids)
	}
	for _, uid := range uids {
		if _, ok := here[uid]; !ok {
			r.T.Errorf("%s is not here", uid)
		}
	}
}

// Quiet fails unless one more sync sends no write and brings nothing.
func (r *Rig) Quiet() {
	r.T.Helper()
	r.Wire.Reset()
	run := r.Sync()
	if w := r.Wire.Writes(); len(w) > 0 || run.Pulled.Total() > 0 || run.Pushed.Total() > 0 {
		r.T.Errorf("a settled sync is not quiet: wrote %v, run %+v", w, run)
	}
}

// Rules sets the calendar's.
func (r *Rig) Rules(rules cal.Rules) {
	r.T.Helper()
	r.Write(func(tx *store.Tx) error {
		c, err := tx.Calendar(r.CalendarID())
		if err != nil {
			return err
		}
		c.Rules = rules
		return tx.UpdateCalendar(c)
	})
}

// NoConflicts fails when there ever was one.
func (r *Rig) NoConflicts() {
	r.T.Helper()
	r.Read(func(tx *store.Tx) error {
		all, err := tx.Conflicts(store.ConflictFilter{Calendar: r.CalendarID()})
		if len(all) > 0 {
			r.T.Errorf("conflicts contested by nobody: %+v", all)
		}
		return err
	})
}

// Client is the account's wire.
func (r *Rig) Client() Client {
	r.T.Helper()
	if _, err := r.open(context.Background(), r.Account); err != nil {
		r.T.Fatal(err)
	}
	return r.client
}

// Listed is a calendar as the server lists it now; the zero Facts: it does not.
func (r *Rig) Listed(href cal.Href) cal.Facts {
	r.T.Helper()
	all, err := r.Client().Calendars(context.Background(), true)
	if err != nil {
		r.T.Fatal(err)
	}
	for _, f := range all {
		if f.Href == href {
			return f
		}
	}
	return cal.Facts{}
}

// Wire sees every request of the client, and can lose answers.
type Wire struct {
	mu   sync.Mutex
	seen []string
	lose func(*http.Request) error
}

// Lose has f asked, after the server has answered, whether the answer gets lost; nil: no more.
func (w *Wire) Lose(f func(*http.Request) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lose = f
}

// RoundTrip implements http.RoundTripper.
func (w *Wire) RoundTrip(q *http.Request) (*http.Response, error) {
	a, err := http.DefaultTransport.RoundTrip(q)
	w.mu.Lock()
	w.seen = append(w.seen, q.Method+" "+q.URL.Path)
	lose := w.lose
	w.mu.Unlock()
	if err != nil || lose == nil {
		return a, err
	}
	if lost := lose(q); lost != nil {
		a.Body.Close()
		return nil, lost
	}
	return a, nil
}

// Requests lists what was sent since Reset.
func (w *Wire) Requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.seen)
}

// Writes lists what was sent since Reset and may have changed something.
func (w *Wire) Writes() []string {
	return slices.DeleteFunc(w.Requests(), func(s string) bool {
		return strings.HasPrefix(s, "PROPFIND") || strings.HasPrefix(s, "REPORT") || strings.HasPrefix(s, "GET")
	})
}

// Reset forgets what was sent.
func (w *Wire) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen = nil
}
