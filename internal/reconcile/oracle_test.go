package reconcile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// The oracle is the decision table boiled down to two properties: an event is (a, b), zero is absence. It is small enough to be
// checked by eye and by the walk over all interleavings that it was taken from; the real decision, on real iCalendar text, must
// agree with it on every input.

type pair struct{ a, b int } // a: SUMMARY, b: LOCATION; the zero pair is absence

func (p pair) exists() bool { return p != pair{} }

type sentPair struct {
	create bool
	match  int
	want   pair
	state  cal.AttemptState
}

type situation struct {
	base, local, remote pair
	baseTag, remoteTag  int
	removed             bool
	sent                []sentPair
	policy              cal.Policy
	newer               bool // under newest-wins: the local edit is
}

type verdict struct {
	local    pair
	conflict bool
	push     bool
}

func oracle(s situation) verdict {
	base, ours := s.base, false
	for i, a := range s.sent {
		if a.state == cal.AttemptDone && s.unmoved(a) && a.want != s.remote && !s.saidBefore(i) {
			a.state = cal.AttemptSent
		}
		switch {
		case a.state == cal.AttemptDone:
			base, ours = a.want, ours || a.want.exists()
		case !a.want.exists():
			if !s.remote.exists() {
				base = pair{}
			}
		case a.create:
			shares := s.remote.exists() && (s.remote.a == a.want.a || s.remote.b == a.want.b)
			if !base.exists() && (shares || !s.remote.exists() && s.removed) {
				base, ours = a.want, true
			}
		case base.exists() && s.remote.exists():
			if s.remote.a == a.want.a {
				base.a = a.want.a
			}
			if s.remote.b == a.want.b {
				base.b = a.want.b
			}
		}
	}
	l, r := s.local, s.remote
	mineWins := ours || s.policy == cal.LocalWins || s.policy == cal.NewestWins && s.newer
	v := verdict{}
	switch {
	case l == base || l == r:
		v.local = r
	case r == base:
		v.local = l
	case l.exists() && r.exists() && base.exists():
		one := func(b, l, r int) int {
			switch {
			case l == r || r == b:
				return l
			case l == b:
				return r
			}
			v.conflict = v.conflict || !ours
			if mineWins {
				return l
			}
			return r
		}
		v.local = pair{one(base.a, l.a, r.a), one(base.b, l.b, r.b)}
	case l.exists() && r.exists():
		v.local, v.conflict = r, !ours
		if mineWins {
			v.local = l
		}
	case !r.exists(): // edited here, deleted there: the edit wins
		v.local, v.conflict = l, !ours
	default: // deleted here, edited there: the edit wins, unless it is only our own write, altered
		v.local, v.conflict = r, !ours
		if ours {
			v.local = l
		}
	}
	v.push = v.local != r
	return v
}

// unmoved: the remote still shows what the write was conditional on.
func (s situation) unmoved(a sentPair) bool {
	if a.create {
		return !s.remote.exists() && !s.removed
	}
	return s.remote.exists() && s.remoteTag == a.match
}

func (s situation) saidBefore(i int) bool {
	for j, b := range s.sent {
		if j != i && b.state == cal.AttemptLate && b.want == s.sent[i].want {
			return true
		}
	}
	return false
}

func text(p pair) cal.Body {
	if !p.exists() {
		return ""
	}
	return cal.Body(strings.ReplaceAll(fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//test//EN
BEGIN:VTODO
UID:u1
DTSTAMP:20260101T000000Z
SUMMARY:a%d
LOCATION:b%d
END:VTODO
END:VCALENDAR
`, p.a, p.b), "\n", "\r\n"))
}

func version(p pair, tag int) cal.Version {
	if !p.exists() {
		return cal.Version{}
	}
	return cal.Version{ETag: cal.ETag(fmt.Sprintf(`"%d"`, tag)), Digest: ical.Read(text(p)).Digest, Body: text(p)}
}

var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

func decideReal(s situation) cal.Change {
	o := cal.Object{ID: "o1", Calendar: "c1", Href: "/c/o1-0.ics", UID: "u1", Base: version(s.base, s.baseTag)}
	if s.local != s.base || len(s.sent) > 0 { // an edit that says what the base says stays while a write is on its way
		o.Edit = &cal.Edit{Rev: 1, Want: version(s.local, 0), At: now}
	}
	for _, a := range s.sent {
		at := cal.Attempt{Object: o.ID, Href: o.Href, Want: version(a.want, 0), State: a.state, At: now}
		if !a.create {
			at.Match = cal.ETag(fmt.Sprintf(`"%d"`, a.match))
		}
		o.Sent = append(o.Sent, at)
	}
	seen := Sighting{Resource: cal.Resource{Href: o.Href, Version: version(s.remote, s.remoteTag)}, Removed: s.removed}
	if s.remote.exists() {
		seen.UID, seen.Component, seen.Modified = "u1", "VTODO", now.Add(time.Minute)
		if s.newer {
			seen.Modified = now.Add(-time.Minute)
		}
	}
	return Object(o, seen, cal.Rules{OnConflict: s.policy}, Moment{Now: now, Grace: time.Minute})
}

func drawSituation(t *rapid.T) situation {
	value := rapid.IntRange(1, 4)
	event := rapid.Custom(func(t *rapid.T) pair {
		if rapid.IntRange(0, 3).Draw(t, "absent") == 0 {
			return pair{}
		}
		return pair{value.Draw(t, "a"), value.Draw(t, "b")}
	})
	s := situation{
		base: event.Draw(t, "base"), local: event.Draw(t, "local"), remote: event.Draw(t, "remote"),
		baseTag: 1, remoteTag: rapid.IntRange(1, 2).Draw(t, "tag"), newer: rapid.Bool().Draw(t, "newer"),
		policy: rapid.SampledFrom([]cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual}).Draw(t, "policy"),
	}
	s.removed = !s.remote.exists() && rapid.Bool().Draw(t, "removed")
	for range rapid.IntRange(0, 2).Draw(t, "attempts") {
		want := event.Draw(t, "want")
		state := rapid.SampledFrom([]cal.AttemptState{cal.AttemptSent, cal.AttemptDone, cal.AttemptRefused, cal.AttemptLate}).Draw(t, "state")
		create := !s.base.exists()
		if create && !want.exists() {
			continue
		}
		s.sent = append(s.sent, sentPair{create: create, match: 1, want: want, state: state})
	}
	return s
}

func read(v cal.Version) (p pair) {
	for line := range strings.Lines(string(v.Body)) {
		fmt.Sscanf(line, "SUMMARY:a%d", &p.a)
		fmt.Sscanf(line, "LOCATION:b%d", &p.b)
	}
	return p
}

func TestDecisionAgreesWithTheOracle(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		want, c := oracle(s), decideReal(s)
		got := verdict{local: read(c.Object.Want()), conflict: c.Conflict != nil, push: c.Object.Edit != nil}
		if got != want {
			t.Fatalf("%+v\n got %+v\nwant %+v", s, got, want)
		}
		if read(c.Object.Base) != s.remote {
			t.Fatalf("the base must become what was read: %+v", s)
		}
	})
}

// TestDecidingTwiceIsDecidingOnce: any page may be told again.
func TestDecidingTwiceIsDecidingOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t)
		first := decideReal(s)
		seen := Sighting{Resource: cal.Resource{Href: "/c/o1-0.ics", UID: first.Object.UID, Version: version(s.remote, s.remoteTag)}, Removed: s.removed}
		o := first.Object
		o.Href = "/c/o1-0.ics"
		second := Object(o, seen, cal.Rules{OnConflict: s.policy}, Moment{Now: now, Grace: time.Minute})
		if second.Conflict != nil || second.Copy != nil || len(second.Notices) > 0 || !second.Was.Same(second.Object.Want()) {
			t.Fatalf("%+v\n first %+v\nsecond %+v", s, first, second)
		}
	})
}
