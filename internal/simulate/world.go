package simulate

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing/synctest"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// world is one history being told.
type world struct {
	ledger
	*situated
	story    Story
	lane     *lane
	own      *handle // people's way to the database, and ours
	remote   remote
	process  [2]*process
	began    time.Time
	steps    int          // taken so far: events and gates
	taken    atomic.Int64 // the same, for who comes to a gate while time passes
	log      []string
	reach    *Reach
	tally    Tally
	late     []late
	held     map[place]cal.CalendarID
	ids      []cal.AccountID
	broken   []Violation
	fence    fence
	approved map[cal.CalendarID]bool // somebody has agreed to deletions there
	copies   map[string]string       // their UIDs, by object and content

	pushes   int  // requests that write
	careless bool // the server does not check what a write is conditional on
	restored bool // the server forgot what it had confirmed
	lied     bool // the server's history left something out: a complete listing finds it
	uidMoves bool // the server takes a UID for one event, wherever it is
	damages  bool // the server changes what it is given to keep
}

// place is a calendar of a user.
type place struct{ user, calendar string }

// item is one thing a remote gives an etag.
type item struct {
	name, uid string
	part      string // the instance it is, where that is a resource of its own
	body      string
	hole      bool // a cancelled instance: nobody sees it
}

// remote is a server from all sides.
type remote interface {
	transport() http.RoundTripper
	accounts() []store.Account
	connect(context.Context, *process, store.Account) (engine.Provider, error)
	stranger(wire, *http.Request) bool // the request goes where, or as whom, it must not

	// What other people do.
	items(place) []item
	create(c place, body string)
	replace(c place, it item, body string)
	remove(c place, it item)
	rename(c place, it item) bool
	touch(c place, it item)
	except(c place, it item, n int, a, b string)
	exclude(c place, it item, n int)
	split(c place, it item, n int, uid string)
	makeCalendar(place)
	nameCalendar(c place, name string)
	removeCalendar(place)

	path(place) cal.Href
	turn(name, value string) error // a switch on, or with an empty value off
	befall(what string) error
	calm()
	mailed() []string
	whole() bool        // a series and its exceptions are one resource
	switches() []string // that are on
	cancelled(c place, id string) bool
}

// Violation is a broken promise.
type Violation struct {
	Invariant string // I1 … I16
	What      string
}

func (v Violation) String() string { return v.Invariant + " " + v.What }

// epoch is when every history begins. A bubble's clock begins elsewhere.
var epoch = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func (w *world) clock() time.Time { return epoch.Add(time.Since(w.began)) }

func (w *world) note(format string, args ...any) {
	w.log = append(w.log, fmt.Sprintf("%s %4d  ", w.clock().Format("02 15:04:05"), w.steps)+fmt.Sprintf(format, args...))
}

func (w *world) violate(invariant, format string, args ...any) {
	v := Violation{invariant, fmt.Sprintf(format, args...)}
	w.note("VIOLATION %s", v)
	w.broken = append(w.broken, v)
}

func (w *world) read(fn func(*store.Tx) error) {
	if err := w.own.Read(context.Background(), fn); err != nil {
		panic(fmt.Sprintf("simulate: read: %v", err))
	}
}

func (w *world) write(fn func(*store.Tx) error) {
	if err := w.own.Write(context.Background(), fn); err != nil {
		panic(fmt.Sprintf("simulate: write: %v", err))
	}
}

// settleIn sets the world up: accounts, a first sync in calm weather, the rules.
func (w *world) settleIn() {
	w.write(func(tx *store.Tx) error {
		for _, a := range w.remote.accounts() {
			a, err := tx.AddAccount(a)
			if err != nil {
				return err
			}
			w.ids = append(w.ids, a.ID)
		}
		return nil
	})
	w.process[0].calm(engine.Incremental)
	w.write(func(tx *store.Tx) error { return w.setRules(tx) })
}

func (w *world) setRules(tx *store.Tx) error {
	w.held = map[place]cal.CalendarID{}
	for i, a := range w.ids {
		calendars, err := tx.Calendars(a)
		if err != nil {
			return err
		}
		for _, c := range calendars {
			c.Rules = cal.Rules{OnConflict: cal.Policy(w.story.Policy), OnDelete: cal.DeletePolicy(w.story.Delete)}
			if err := tx.UpdateCalendar(c); err != nil {
				return err
			}
			for _, name := range []string{"work", "home"} {
				if p := (place{[]string{"alice", "bob"}[i], name}); w.remote.path(p) == c.Href {
					w.held[p] = c.ID
				}
			}
		}
	}
	return nil
}

func (w *world) accounts() (all []store.Account) {
	w.read(func(tx *store.Tx) error {
		all = nil
		for _, id := range w.ids {
			a, err := tx.Account(id)
			if err != nil {
				return err
			}
			all = append(all, a)
		}
		return nil
	})
	return all
}

// deliver carries a request to the server.
func (w *world) deliver(by wire, r *http.Request) (*http.Response, error) {
	if w.revoked && by.user == "alice" {
		w.note("     %s: %s %s: the credentials are revoked", by.name, r.Method, shown(r))
		return unauthorized(r), nil
	}
	check, id := w.arriving(r), w.idOf(r)
	answer, err := w.remote.transport().RoundTrip(r)
	if err == nil {
		check(answer.StatusCode)
		w.witnessAnswer(r, id, answer.StatusCode)
	}
	if err != nil {
		w.note("     %s: %s %s: %v", by.name, r.Method, shown(r), err)
	} else {
		w.note("     %s: %s %s: %d", by.name, r.Method, shown(r), answer.StatusCode)
	}
	return answer, err
}

// wait lets every goroutine come to its gate or its end.
func (w *world) wait() {
	synctest.Wait()
	for _, p := range w.process {
		if p.ended != nil {
			p.settle()
		}
	}
}

// pass lets time go by. Creates that are on their way arrive before: later than they can, nobody waits for them.
func (w *world) pass(d time.Duration) {
	w.land(false)
	time.Sleep(d)
	w.wait()
}

// land lets requests arrive that were given up: all, or just the creates.
func (w *world) land(all bool) {
	travelling := w.late
	w.late = nil
	for _, l := range travelling {
		if !all && !l.creates() {
			w.late = append(w.late, l)
			continue
		}
		w.note("late")
		if answer, err := w.deliver(l.wire, l.Request); err == nil {
			answer.Body.Close()
			w.witnessLate(l, answer.StatusCode)
		}
		w.excuseTwins()
	}
}

// excuseTwins: a create that is late may arrive beside what somebody has made under the same UID meanwhile, and what we wrote there.
func (w *world) excuseTwins() {
	for _, c := range w.places() {
		series := map[string]string{}
		for _, it := range w.remote.items(c) {
			if other, twins := series[it.uid+it.part]; twins && !it.hole {
				w.doubled(other + it.body)
			}
			series[it.uid+it.part] = it.body
		}
	}
}

// tick lets a moment pass: nothing happens at the same time as anything else.
func (w *world) tick() {
	w.taken.Store(int64(w.steps))
	time.Sleep(time.Millisecond)
}

// advance lets a process do one thing: begin a sync, or go through one of the gates it stands at.
func (w *world) advance(p *process, pick int, m mishap) {
	w.tick()
	if p.ended == nil {
		w.note("%s begins a sync", p.name)
		p.begin(engine.Incremental)
		w.wait()
		return
	}
	for _, nap := range []time.Duration{0, time.Second, 10 * time.Second, time.Minute} { // it may be waiting for a moment
		if nap > 0 {
			w.pass(nap)
		}
		if line := p.inLine(); len(line) > 0 {
			one := line[pick%len(line)]
			w.note("%s: %s %s", p.name, one, m.word)
			w.tally.met(one, m)
			if m.dies && one.name == "write" {
				w.witnessDeath(p)
			}
			p.last = one.name
			p.let(one, m)
			w.wait()
			break
		}
		if p.ended == nil {
			break
		}
	}
	w.mourn(p)
}

// mourn buries a process that died, and starts it again.
func (w *world) mourn(p *process) {
	if p.alive() == nil {
		return
	}
	w.note("%s has died", p.name)
	p.crash()
	w.wait()
	p.bury()
}

// synced looks at what a sync says of itself.
func (w *world) synced(p *process, rep engine.Report) {
	w.note("%s has synced: %s", p.name, strings.Join(troubles(rep), "; "))
	w.tally.synced(rep)
	w.witnessReport(rep)
	for _, r := range rep.Runs {
		if r.Held {
			w.reach.Situation("a mass deletion is held back")
		}
		w.checkHeld(p, r)
	}
}

func troubles(rep engine.Report) (all []string) {
	for _, a := range rep.Accounts {
		if a.Trouble != nil {
			all = append(all, *a.Trouble)
		}
	}
	for _, r := range rep.Runs {
		if r.Trouble != nil {
			all = append(all, *r.Trouble)
		}
	}
	return all
}

// exercise counts a mishap that really happened to a request.
func (w *world) exercise(m mishap, r *http.Request) {
	key, _, _ := strings.Cut(m.word, "=")
	if m.status == http.StatusNotFound && r.Method == http.MethodGet { // whoever said so: it was there
		w.remember("denied")
	}
	w.reach.Situation("fault " + key + " on " + r.Method)
	w.tally.fault(key)
}
