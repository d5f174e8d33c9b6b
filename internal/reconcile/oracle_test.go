package reconcile

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/model"
)

// decisions is how many situations are decided twice, by the production code and by the model: a million, or as many as the environment
// asks for. Under the race detector, which makes each ten times as long, and under -short it is a tenth.
func decisions(t *testing.T) uint64 {
	if n := os.Getenv("CALBRIDGE_DECISIONS"); n != "" {
		asked, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			t.Fatalf("CALBRIDGE_DECISIONS is to be a number: %v", err)
		}
		return asked
	}
	if raceDetector || testing.Short() {
		return 100_000
	}
	return 1_000_000
}

// TestDecisionAgreesWithTheOracle: the oracle is the model, and the decision on real iCalendar text answers exactly as it does.
func TestDecisionAgreesWithTheOracle(t *testing.T) {
	n := decisions(t)
	for i := range n {
		if s := drawn(1, i); s.differs() != "" {
			s = smallest(s)
			t.Fatalf("situation %d comes down to\n%s\n%s", i, s, s.differs())
		}
	}
	t.Logf("%d situations", n)
}

// TestDecidingTwiceIsDecidingOnce: any page may be told again.
func TestDecidingTwiceIsDecidingOnce(t *testing.T) {
	for i := range uint64(50_000) {
		s := drawn(2, i)
		o, seen, rules := s.real()
		first := Object(o, seen, rules, Moment{Now: now, Grace: time.Minute})
		again := first.Object
		again.Href = o.Href
		second := Object(again, seen, rules, Moment{Now: now, Grace: time.Minute})
		if second.Conflict != nil || second.Copy != nil || len(second.Notices) > 0 || !second.Was.Same(second.Object.Want()) {
			t.Fatalf("%s\n first %+v\nsecond %+v", s, first, second)
		}
	}
}

// smallest leaves out of a situation whatever the disagreement does not need.
func smallest(s situation) situation {
	for _, t := range s.simpler() {
		if t.differs() != "" && t.size() < s.size() {
			return smallest(t)
		}
	}
	return s
}

// size counts what there is to look at.
func (s situation) size() (n int) {
	count := func(e model.Event) {
		n += 4
		for p, value := range e.Has {
			if value != 0 {
				n += 2
			}
			if value != s.object.Base.Has[p] {
				n++
			}
		}
	}
	count(s.object.Base)
	count(s.object.Want)
	count(s.seen.Event)
	for _, a := range s.object.Sent {
		n += 10 + int(a.State)
		count(a.Want)
		for _, more := range [...]bool{a.Elsewhere, a.Tag != s.object.Tag, a.Want != s.seen.Event} {
			if more {
				n++
			}
		}
	}
	for _, more := range [...]bool{s.object.Occurrence, s.object.Blocked, s.seen.Removed, s.rules.AsPolicy, s.rules.Newer, s.rules != model.Rules{}, s.object.Want != s.object.Base} {
		if more {
			n++
		}
	}
	return n
}

// differs says in what the two decisions differ; empty: in nothing.
func (s situation) differs() string {
	o, seen, rules := s.real()
	c := Object(o, seen, rules, Moment{Now: now, Grace: time.Minute})
	v := model.Decide(s.object, s.seen, s.rules)
	is := comparison{occurrence: s.object.Occurrence}
	is.object(c, v)
	is.conflict(c.Conflict, v.Conflict)
	is.records(c, v)
	return is.different
}

// comparison collects what differs.
type comparison struct {
	occurrence bool
	different  string
}

func (is *comparison) differ(what string, got, want any) {
	is.different += fmt.Sprintf("%s: decided %v, the model says %v\n", what, got, want)
}

func (is *comparison) version(what string, got cal.Version, want model.Event) {
	if !got.Same(written(want, is.occurrence, 0)) {
		is.differ(what, show(event(got.Body)), show(want))
	}
}

func same[T comparable](is *comparison, what string, got, want T) {
	if got != want {
		is.differ(what, got, want)
	}
}

func (is *comparison) object(c cal.Change, v model.Verdict) {
	is.version("base", c.Object.Base, v.Object.Base)
	same(is, "etag", c.Object.Base.ETag, etags[v.Object.Tag])
	is.version("local", c.Object.Want(), v.Object.Want)
	same(is, "left to push", c.Object.Edit != nil, v.Push())
	if c.Object.Edit != nil {
		same(is, "blocked", c.Object.Edit.Block != cal.Free, v.Object.Blocked)
		same(is, "waits", !c.Object.Edit.Due.IsZero(), v.Waits)
	}
	same(is, "renamed", c.Object.Href == "", v.Renamed)
	same(is, "incarnation", c.Object.Incarnation == 1, v.Renamed)
	same(is, "attempts kept", len(c.Object.Sent), len(v.Object.Sent))
	for i := range min(len(c.Object.Sent), len(v.Object.Sent)) {
		got, want := c.Object.Sent[i], v.Object.Sent[i]
		is.version("attempt kept", got.Want, want.Want)
		same(is, "precondition kept", got.Match, etags[want.Tag])
		same(is, "state of the attempt kept", got.State, states[want.State])
		same(is, "name of the attempt kept", got.Href == elsewhere, want.Elsewhere)
	}
}

func (is *comparison) conflict(got *cal.Conflict, want model.Conflict) {
	if got == nil {
		same(is, "conflict", "", want.Kind)
		return
	}
	same(is, "conflict", got.Kind, cal.ConflictKind(want.Kind))
	same(is, "winner", got.Winner, cal.Side(want.Winner))
	same(is, "conflict open", got.Open, want.Open)
	is.version("base of the conflict", got.Base, want.Base)
	is.version("local side of the conflict", got.Mine, want.Mine)
	is.version("remote side of the conflict", got.Theirs, want.Theirs)
	for p, contested := range want.Contested {
		name := names[p]
		if is.occurrence {
			name = instance + "/" + name
		}
		same(is, "contested "+name, slices.Contains(got.Contested, name), contested)
	}
}

func (is *comparison) records(c cal.Change, v model.Verdict) {
	same(is, "copy", c.Copy != nil, v.Copy.There)
	if c.Copy != nil {
		same(is, "content of the copy", event(c.Copy.Edit.Want.Body), v.Copy)
	}
	same(is, "notice", len(c.Notices) > 0, v.Notice.Kind != "")
	for _, n := range c.Notices {
		same(is, "kind of notice", string(n.Kind), v.Notice.Kind)
		is.version("before the notice", n.From, v.Notice.From)
		is.version("after the notice", n.To, v.Notice.To)
	}
}

func (s situation) String() string {
	out := fmt.Sprintf("base %s etag %d, local %s, remote %s etag %d removed %v\nrules %+v, %+v\n", show(s.object.Base), s.object.Tag,
		show(s.object.Want), show(s.seen.Event), s.seen.Tag, s.seen.Removed, policies[s.rules.Policy], s.rules)
	out += fmt.Sprintf("occurrence %v, edit on record %v, blocked %v\n", s.object.Occurrence, s.object.Edited, s.object.Blocked)
	for _, a := range s.object.Sent {
		out += fmt.Sprintf("attempt %s: %s on etag %d, elsewhere %v\n", states[a.State], show(a.Want), a.Tag, a.Elsewhere)
	}
	return out
}

func show(e model.Event) string {
	if !e.There {
		return "–"
	}
	return fmt.Sprint(e.Has)
}
