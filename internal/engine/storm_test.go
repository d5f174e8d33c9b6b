package engine_test

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// The storm edits a handful of objects on both sides while the network and the process fail, and then asks of every single edit
// where it went. Every property value that anybody writes is unique, so an edit is found by its value alone:
//
//   - it is live on both sides, or
//   - its own side overwrote it knowingly, or
//   - a conflict or a notice names the object, and the value is in the object's versions.
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
	rng     *rand.Rand
	edits   int
	ledger  map[string]*entry // by value
	log     []string
	faulty  float64 // chance that a request fails
	deletes map[string]bool
}

// entry is one value somebody wrote.
type entry struct {
	uid   string
	local bool
	over  bool // its own side overwrote it, or deleted the object, having seen it
}

func newStormy(t *testing.T, seed uint64) *stormy {
	rng := rand.New(rand.NewPCG(seed, 17))
	s := &stormy{world: newWorld(t), rng: rng, ledger: map[string]*entry{}, deletes: map[string]bool{}}
	s.faulty = []float64{0, 0.05, 0.2, 0.4}[rng.IntN(4)]
	s.sim.Quirks(func(q *sim.Quirks) { s.drawQuirks(q) })
	s.wire.fault = s.fault
	policy := []cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual}[rng.IntN(5)]
	s.setRules(cal.Rules{OnConflict: policy})
	s.note("seed %d: faults %.2f, %s", seed, s.faulty, policy)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log("\n" + strings.Join(s.log, "\n"))
		}
	})
	return s
}

// drawQuirks switches on a few things that real servers do and a correct client survives without losing anything.
func (s *stormy) drawQuirks(q *sim.Quirks) {
	for _, on := range []*bool{
		&q.RewriteBody, &q.NoETagOnPut, &q.ETagOnRewrite, &q.LyingETagOnPut, &q.NoInlineData, &q.NoSyncCollection, &q.MultigetOmits,
		&q.MultigetFailsWhole, &q.MultigetEmptyData, &q.DuplicateResponses, &q.AbsoluteHrefs, &q.CollectionAmongMembers, &q.LFBodies,
		&q.UnquotedETags, &q.InitialTombstones, &q.SkipShortLived, &q.TokenAlwaysFull, &q.PlainStatuses, &q.DeleteMissing412,
	} {
		*on = s.rng.IntN(7) == 0
	}
	if s.rng.IntN(5) == 0 {
		q.TruncateAt = 1 + s.rng.IntN(4)
	}
	if s.rng.IntN(5) == 0 {
		q.TokenErrorStatus = []int{400, 403, 409, 410, 412, 418, 500}[s.rng.IntN(7)]
	}
	if s.rng.IntN(5) == 0 {
		q.AddProperty = "CLASS:PUBLIC"
	}
	s.note("quirks %+v", *q)
}

// fault decides what becomes of a request.
func (s *stormy) fault(r *http.Request) (before, after error) {
	if s.rng.Float64() >= s.faulty {
		return nil, nil
	}
	switch s.rng.IntN(4) {
	case 0:
		s.note("      %s %s: request lost", r.Method, r.URL.Path)
		return io.ErrUnexpectedEOF, nil
	case 1, 2:
		s.note("      %s %s: answer lost", r.Method, r.URL.Path)
		return nil, io.ErrUnexpectedEOF
	default:
		s.note("      %s %s: the process dies", r.Method, r.URL.Path)
		if s.rng.IntN(2) == 0 {
			return errCrash, nil
		}
		return nil, errCrash
	}
}

func (s *stormy) note(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

func (s *stormy) value() string {
	s.edits++
	return fmt.Sprintf("v%d", s.edits)
}

func (s *stormy) step() {
	switch n := s.rng.IntN(10); {
	case n < 3:
		s.editHere()
	case n < 6:
		s.editThere()
	case n == 6:
		s.sim.Quirks(func(q *sim.Quirks) { q.ForgetTokens = s.rng.IntN(3) == 0 })
	default:
		s.note("sync")
		s.sync()
		s.now = s.now.Add(time.Duration(s.rng.IntN(90)) * time.Second)
	}
}

// uids keeps the storm on few objects: conflicts are the point.
func (s *stormy) uid() string { return fmt.Sprintf("uid-%d", s.rng.IntN(4)) }

func (s *stormy) editHere() {
	uid := s.uid()
	o, found := s.localByUID(uid)
	switch {
	case !found:
		a, b := s.value(), s.value()
		s.note("here  create %s %s %s", uid, a, b)
		s.localCreate(uid, event(uid, a, b))
		s.wrote(uid, true, a, b)
	case s.rng.IntN(5) == 0:
		s.note("here  delete %s", uid)
		s.overwritten(string(o.Want().Body), true)
		s.localDelete(o.ID)
	default:
		s.change(uid, string(o.Want().Body), true, func(body string) { s.localEdit(o.ID, body) })
	}
}

func (s *stormy) editThere() {
	uid := s.uid()
	name, body, found := s.remoteByUID(uid)
	switch {
	case !found:
		a, b := s.value(), s.value()
		s.note("there create %s %s %s", uid, a, b)
		s.sim.Store("alice", "work", fmt.Sprintf("r%d.ics", s.edits), event(uid, a, b))
		s.wrote(uid, false, a, b)
	case s.rng.IntN(5) == 0:
		s.note("there delete %s", uid)
		s.overwritten(body, false)
		s.sim.Remove("alice", "work", name)
	default:
		s.change(uid, body, false, func(body string) { s.sim.Store("alice", "work", name, body) })
	}
}

var propertyLine = map[string]*regexp.Regexp{
	"SUMMARY": regexp.MustCompile(`(?m)^SUMMARY:.*$`), "LOCATION": regexp.MustCompile(`(?m)^LOCATION:.*$`),
}

// change gives one property a new value. A property that is missing (a server may have stripped it) stays away.
func (s *stormy) change(uid, body string, local bool, save func(string)) {
	property := []string{"SUMMARY", "LOCATION"}[s.rng.IntN(2)]
	old := propertyLine[property].FindString(body)
	if old == "" {
		return
	}
	v := s.value()
	s.note("%s  change %s %s %s -> %s", side(local), uid, property, strings.TrimSpace(old), v)
	s.overwritten(old, local)
	save(strings.Replace(body, strings.TrimRight(old, "\r"), property+":"+v, 1))
	s.wrote(uid, local, v)
}

func side(local bool) string {
	if local {
		return "here "
	}
	return "there"
}

func (s *stormy) wrote(uid string, local bool, values ...string) {
	for _, v := range values {
		s.ledger[v] = &entry{uid: uid, local: local}
	}
}

var anyValue = regexp.MustCompile(`\bv\d+\b`)

// overwritten: whoever changes or deletes what it sees supersedes it knowingly, whoever wrote it.
func (s *stormy) overwritten(text string, local bool) {
	for _, v := range anyValue.FindAllString(text, -1) {
		if e := s.ledger[v]; e != nil {
			e.over = true
		}
	}
}

// calm ends the faults and lets everything settle.
func (s *stormy) calm() {
	s.wire.fault = nil
	s.sim.Quirks(func(q *sim.Quirks) { q.ForgetTokens = false })
	s.note("calm")
	for n := range 5 {
		s.now = s.now.Add(20 * time.Minute)
		if n == 2 { // a full listing that posed as a delta (DAViCal) is found out by the daily one
			s.now = s.now.Add(s.engine.AuditEvery)
		}
		rep := s.sync()
		if rep.Failed() && !rep.NeedsPerson() {
			s.t.Fatalf("sync fails without faults: %+v", rep)
		}
		for _, r := range rep.Runs {
			if r.Held {
				s.approve(r.ID)
			}
		}
	}
	s.sim.Reset()
	s.now = s.now.Add(20 * time.Minute)
	rep := s.sync()
	if writes := s.sim.Writes(); len(writes) > 0 {
		s.t.Errorf("a settled sync sends %v", writes)
	}
	for _, r := range rep.Runs {
		if r.Pulled.Total() > 0 {
			s.t.Errorf("a settled sync pulls %+v", r.Pulled)
		}
	}
}

func (s *stormy) approve(id cal.RunID) {
	s.note("approve %s", id)
	s.write(func(tx *store.Tx) error {
		_, err := engine.Approve(tx, id)
		return err
	})
}

// account asks where every edit went.
func (s *stormy) account() {
	here, there := s.allLocal(), s.allRemote()
	if !maps.Equal(here, there) {
		s.t.Errorf("the sides differ at rest:\nhere  %v\nthere %v", here, there)
	}
	live := map[string]bool{}
	for content := range here {
		for _, v := range anyValue.FindAllString(content, -1) {
			live[v] = true
		}
	}
	recorded := s.recordedValues()
	for _, o := range s.objects() { // refused, and shown as such
		for _, v := range anyValue.FindAllString(string(o.Want().Body), -1) {
			live[v] = true
		}
	}
	for _, v := range slices.Sorted(maps.Keys(s.ledger)) {
		if e := s.ledger[v]; !live[v] && !e.over && !recorded[v] {
			s.t.Errorf("%s (%s, %s) is lost without a record", v, e.uid, side(e.local))
		}
	}
}

// recordedValues are those a conflict or a notice names, and that can still be read in the history.
func (s *stormy) recordedValues() map[string]bool {
	recorded := map[string]bool{}
	s.read(func(tx *store.Tx) error {
		conflicts, err := tx.Conflicts(store.ConflictFilter{})
		for _, c := range conflicts {
			for _, v := range []cal.Version{c.Base, c.Mine, c.Theirs} {
				for _, value := range anyValue.FindAllString(string(s.body(tx, v)), -1) {
					recorded[value] = true
				}
			}
		}
		return err
	})
	for _, body := range s.noticed() {
		for _, value := range anyValue.FindAllString(body, -1) {
			recorded[value] = true
		}
	}
	return recorded
}

var errCrash = errors.New("the process died")
