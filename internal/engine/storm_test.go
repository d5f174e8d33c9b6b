package engine_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// The storm edits a handful of objects on both sides, between the syncs and in the middle of them, while the network, the server and
// the process fail (weather_test.go), and then asks of every single edit where it went (ledger_test.go).
//
// CALBRIDGE_STORM sets how many seeds are run, CALBRIDGE_SEED runs one.
func TestStorm(t *testing.T) {
	first, n := uint64(1), uint64(60)
	if s := os.Getenv("CALBRIDGE_STORM"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
	}
	if s := os.Getenv("CALBRIDGE_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	for seed := first; seed < first+n; seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) { storm(t, seed) })
	}
}

func storm(t *testing.T, seed uint64) {
	s := newStormy(t, seed)
	for range 12 + s.rng.IntN(20) {
		s.step()
	}
	s.calm()
	s.account()
}

// stormy is one seed's world.
type stormy struct {
	*world
	ledger
	weather
	work cal.CalendarID

	mu  sync.Mutex // guards all below, rng's draws in requests too
	rng *rand.Rand
	log []string
}

func newStormy(t *testing.T, seed uint64) *stormy {
	s := &stormy{world: newWorld(t), rng: rand.New(rand.NewPCG(seed, 17)), ledger: newLedger()}
	s.engine.AuditEvery = 30 * 24 * time.Hour // what heals everything hides everything: see calm
	s.limits.AuditEvery = s.engine.AuditEvery
	s.drawWeather()
	policy := []cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual}[s.draw(5)]
	s.setRules(cal.Rules{OnConflict: policy})
	s.work = s.mustCalendar().ID
	s.note("seed %d: %s", seed, policy)
	s.wire.fault, s.begun = s.fault, s.beginTransaction
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(s.log, "\n"))
		}
	})
	return s
}

func (s *stormy) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

// one is true once in n times.
func (s *stormy) one(n int) bool { return s.draw(n) == 0 }

func (s *stormy) chance(p float64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.Float64() < p
}

func (s *stormy) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *stormy) step() {
	switch n := s.draw(20); {
	case n < 6:
		s.editHere()
	case n < 12:
		s.editThere()
	case n < 14:
		s.changeWeather()
	default:
		s.note("sync")
		s.run()
		s.pass(time.Duration(s.draw(90)) * time.Second)
	}
}

// run is a sync in which anything may happen.
func (s *stormy) run() engine.Report {
	s.syncing, s.takenOver = true, false
	rep := s.sync()
	s.syncing = false
	return rep
}

// uid keeps the storm on few objects: conflicts are the point.
func (s *stormy) uid() string { return fmt.Sprintf("uid-%d", s.draw(4)) }

// editHere is one edit of a user of ours. What the user sees and what the user writes is one transaction, as with If-Match. It comes to
// nothing when the process is dead.
func (s *stormy) editHere() {
	if s.thereOnly || s.wire.dead() {
		return
	}
	uid, what := s.uid(), s.draw(5)
	var done func()
	err := s.db.Write(context.Background(), func(tx *store.Tx) error {
		o, found, err := wantedObject(tx, s.work, uid)
		var draft store.Draft
		switch {
		case err != nil:
			return err
		case !found:
			draft, done = s.createHere(uid)
		case what == 0:
			draft, done = store.Draft{Object: o.ID}, func() { s.deleted(string(o.Want().Body), uid, here) }
		default:
			body, changed := s.changed(string(o.Want().Body), uid, here)
			if done = changed; done == nil {
				return nil
			}
			draft = store.Draft{Object: o.ID, Want: version(body), Component: "VEVENT"}
		}
		_, err = tx.Edit(draft)
		return err
	})
	if err == nil && done != nil {
		done()
	}
}

func (s *stormy) createHere(uid string) (store.Draft, func()) {
	a, b := s.value(), s.value()
	return store.Draft{Calendar: s.work, Want: version(event(uid, a, b)), UID: uid, Component: "VEVENT"}, func() {
		s.note("here   create %s %s %s", uid, a, b)
		s.wrote(uid, here, a, b)
	}
}

func wantedObject(tx *store.Tx, c cal.CalendarID, uid string) (cal.Object, bool, error) {
	rows, err := tx.Objects(store.ObjectFilter{Calendar: c, UID: uid})
	for _, r := range rows {
		if o, err := tx.Object(r.ID); err != nil || o.Want().Exists() {
			return o, err == nil, err
		}
	}
	return cal.Object{}, false, err
}

// editThere is what somebody else does at the server.
func (s *stormy) editThere() {
	if s.hereOnly {
		return
	}
	uid := s.uid()
	name, body, found := s.remoteByUID(uid)
	switch n := s.draw(20); {
	case !found:
		a, b := s.value(), s.value()
		s.note("there  create %s %s %s", uid, a, b)
		s.wrote(uid, there, a, b)
		s.sim.Store("alice", "work", s.newName(), event(uid, a, b))
	case n < 4:
		s.deleted(body, uid, there)
		s.sim.Remove("alice", "work", name)
	case n == 4:
		s.note("there  move %s", uid)
		s.foreign[uid] = true
		s.doubled(body) // a deletion on its way finds nothing under the old name, and the new one is news
		s.sim.Remove("alice", "work", name)
		s.sim.Store("alice", "work", s.newName(), body)
	case n == 5:
		s.note("there  touch %s", uid)
		s.sim.Store("alice", "work", name, stamped.ReplaceAllString(body, fmt.Sprintf("DTSTAMP:20260101T%06dZ", s.edits)))
	case n == 6:
		other := fmt.Sprintf("uid-%d", 10+s.edits)
		s.edits++
		s.note("there  another UID for %s: %s", uid, other)
		s.foreign[uid], s.foreign[other] = true, true
		s.doubled(body)
		s.sim.Store("alice", "work", name, strings.Replace(body, "UID:"+uid+"\r\n", "UID:"+other+"\r\n", 1))
	default:
		if body, done := s.changed(body, uid, there); done != nil {
			done()
			s.sim.Store("alice", "work", name, body)
		}
	}
}

// newName is what others call a resource.
func (s *stormy) newName() string {
	s.edits++
	return fmt.Sprintf([]string{"r%d.ics", "r %d@é.ics", "R+%d (1)~.ics"}[s.draw(3)], s.edits)
}

var (
	stamped      = regexp.MustCompile(`DTSTAMP:\w+`)
	propertyLine = map[string]*regexp.Regexp{
		"SUMMARY": regexp.MustCompile(`(?m)^SUMMARY:.*$`), "LOCATION": regexp.MustCompile(`(?m)^LOCATION:.*$`),
	}
)

// changed gives one property a new value. A property that is missing (a server may have stripped it) stays away.
func (s *stormy) changed(body, uid string, by side) (string, func()) {
	property := []string{"SUMMARY", "LOCATION"}[s.draw(2)]
	old := strings.TrimRight(propertyLine[property].FindString(body), "\r")
	if old == "" {
		return body, nil
	}
	v := s.value()
	return strings.Replace(body, old, property+":"+v, 1), func() {
		s.note("%s change %s %s -> %s", by, uid, old, v)
		s.overwritten(old)
		s.wrote(uid, by, v)
	}
}

// deleted: a create of ours that was never confirmed may be made anew when somebody has deleted it meanwhile: not all servers tell.
func (s *stormy) deleted(body, uid string, by side) {
	s.note("%s delete %s", by, uid)
	s.overwritten(body)
	if by == there {
		s.foreign[uid] = true
	}
	if by == here || s.confirmed(uid) {
		s.buried(body)
	}
}

func (s *stormy) confirmed(uid string) (yes bool) {
	err := s.db.Read(context.Background(), func(tx *store.Tx) error {
		o, found, err := wantedObject(tx, s.work, uid)
		yes = found && o.Base.Exists()
		return err
	})
	return yes && err == nil
}

// calm ends the faults and lets everything settle.
func (s *stormy) calm() {
	s.wire.fault, s.begun = nil, nil
	s.wire.land(true)
	s.sim.Quirks(s.clearUp)
	s.note("calm")
	for n, wait := range []time.Duration{20 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour} {
		s.pass(wait)
		if n == 1 && s.lied { // found out by nothing but a complete listing
			s.pass(s.engine.AuditEvery)
		}
		s.settle()
	}
	s.sim.Reset()
	s.pass(20 * time.Minute)
	before := s.news()
	rep := s.sync()
	if writes := s.sim.Writes(); len(writes) > 0 {
		s.t.Errorf("a settled sync sends %v", writes)
	}
	for _, r := range rep.Runs {
		if r.Pulled.Total() > 0 {
			s.t.Errorf("a settled sync pulls %+v", r.Pulled)
		}
	}
	if after := s.news(); len(after) != len(before) {
		s.t.Errorf("a settled sync tells %+v", after[len(before):])
	}
}

// settle is a sync after which nobody waits for a person.
func (s *stormy) settle() {
	rep := s.sync()
	for _, r := range rep.Runs {
		if r.Held {
			s.approve(r.ID)
		}
		if r.Trouble != nil && !r.Held && r.Refused == 0 { // what the server does not take is visible as refused
			s.t.Fatalf("sync fails without faults: %s", troubles(rep))
		}
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

func (s *stormy) approve(id cal.RunID) {
	s.note("approve %s", id)
	s.write(func(tx *store.Tx) error {
		_, err := engine.Approve(tx, id)
		return err
	})
}
