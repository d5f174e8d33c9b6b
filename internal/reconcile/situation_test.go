package reconcile

import (
	"math/rand/v2"
	"slices"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/model"
)

// situation is one input of the decision, as the model sees it.
type situation struct {
	object model.Object
	seen   model.Sighting
	rules  model.Rules
}

// drawn makes the n-th situation: every state of base, local and remote with every kind of attempt, biased to those that have to do with
// one another.
func drawn(seed, n uint64) situation {
	d := dice{rand.New(rand.NewPCG(seed, n))}
	s := situation{rules: model.Rules{Policy: model.Policy(d.IntN(5)), AsPolicy: d.oneIn(3), Newer: d.oneIn(2)}}
	o := &s.object
	o.Occurrence = d.oneIn(6)
	if !d.oneIn(4) {
		o.Base, o.Tag = d.event(), d.tag()
	}
	o.Want = d.near(o.Base, o.Base)
	d.attempts(o)
	o.Edited = o.Want != o.Base || len(o.Sent) > 0 && d.oneIn(2)
	o.Blocked = o.Edited && d.oneIn(4)
	s.seen.Event = d.near(o.Base, o.Want)
	if len(o.Sent) > 0 && d.oneIn(2) {
		s.seen.Event = d.near(o.Sent[d.IntN(len(o.Sent))].Want, o.Want)
	}
	if s.seen.There {
		s.seen.Tag = d.tag()
	} else {
		s.seen.Removed = d.oneIn(2)
	}
	return s
}

type dice struct{ *rand.Rand }

func (d dice) oneIn(n int) bool { return d.IntN(n) == 0 }

func (d dice) tag() uint8 { return uint8(1 + d.IntN(2)) }

// event mostly has the two properties that people edit.
func (d dice) event() model.Event {
	e := model.Event{There: true}
	for p := range e.Has {
		if p <= model.B || d.oneIn(4) {
			e.Has[p] = uint8(d.IntN(4))
		}
	}
	return e
}

// near is one event, or the other, or an edit of the one, or its absence, or something else.
func (d dice) near(e, other model.Event) model.Event {
	switch d.IntN(8) {
	case 0:
		return model.Event{}
	case 1:
		return other
	case 2:
		return d.event()
	case 3, 4:
		return e
	}
	if !e.There {
		return d.event()
	}
	for range 1 + d.IntN(2) {
		p := d.IntN(model.Properties)
		if d.oneIn(2) {
			p = d.IntN(model.B + 1)
		}
		e.Has[p] = uint8(d.IntN(4))
	}
	return e
}

// attempts draws up to three, in every state and with every precondition.
func (d dice) attempts(o *model.Object) {
	for range max(0, d.IntN(6)-2) {
		a := model.Attempt{Want: d.near(o.Want, o.Base), State: model.State(d.IntN(4)), Tag: o.Tag, Elsewhere: d.oneIn(8)}
		if d.oneIn(4) {
			a.Tag = uint8(d.IntN(3))
		}
		o.Sent = append(o.Sent, a)
	}
}

// simpler are the situations that lack one thing of s each.
func (s situation) simpler() (all []situation) {
	try := func(change func(*situation)) {
		t := s
		t.object.Sent = slices.Clone(s.object.Sent)
		change(&t)
		t.object.Edited = t.object.Edited || t.object.Want != t.object.Base
		all = append(all, t)
	}
	for i := range s.object.Sent {
		try(func(t *situation) { t.object.Sent = slices.Delete(t.object.Sent, i, i+1) })
		try(func(t *situation) { t.object.Sent[i].Elsewhere = false })
		try(func(t *situation) { t.object.Sent[i].State = model.Unanswered })
		try(func(t *situation) { t.object.Sent[i].Tag = t.object.Tag })
		try(func(t *situation) { t.object.Sent[i].Want = t.seen.Event })
	}
	try(func(t *situation) { t.rules = model.Rules{} })
	try(func(t *situation) { t.object.Occurrence = false })
	try(func(t *situation) { t.object.Blocked = false })
	try(func(t *situation) { t.seen.Removed = false })
	try(func(t *situation) { t.object.Base, t.object.Tag = model.Event{}, 0 })
	try(func(t *situation) { t.object.Want = t.object.Base })
	for p := range model.Properties {
		try(func(t *situation) {
			t.object.Base.Has[p], t.object.Want.Has[p], t.seen.Has[p] = 0, 0, 0
			for i := range t.object.Sent {
				t.object.Sent[i].Want.Has[p] = 0
			}
		})
		try(func(t *situation) { t.seen.Has[p] = t.object.Base.Has[p] })
		try(func(t *situation) { t.object.Want.Has[p] = t.object.Base.Has[p] })
	}
	return slices.DeleteFunc(all, s.equal)
}

func (s situation) equal(t situation) bool {
	a, b := s.object, t.object
	same := slices.Equal(a.Sent, b.Sent)
	return same && s.seen == t.seen && s.rules == t.rules && a.Base == b.Base && a.Want == b.Want && a.Tag == b.Tag &&
		a.Occurrence == b.Occurrence && a.Edited == b.Edited && a.Blocked == b.Blocked
}

var (
	policies = [...]cal.Policy{
		model.RemoteWins: cal.RemoteWins, model.LocalWins: cal.LocalWins, model.NewestWins: cal.NewestWins,
		model.KeepBoth: cal.KeepBoth, model.Manual: cal.Manual,
	}
	states = [...]cal.AttemptState{
		model.Unanswered: cal.AttemptSent, model.Done: cal.AttemptDone, model.Refused: cal.AttemptRefused, model.Late: cal.AttemptLate,
	}
)

// real is the situation in terms of the production decision.
func (s situation) real() (cal.Object, Sighting, cal.Rules) {
	of := func(e model.Event, tag uint8) cal.Version { return written(e, s.object.Occurrence, tag) }
	o := cal.Object{ID: "o1", Calendar: "c1", Href: "/c/o1-0.ics", UID: "u1", Base: of(s.object.Base, s.object.Tag)}
	if s.object.Edited {
		o.Edit = &cal.Edit{Rev: 1, Want: of(s.object.Want, 0), At: now}
		if s.object.Blocked {
			o.Edit.Block = cal.Rejected
		}
	}
	for _, a := range s.object.Sent {
		sent := cal.Attempt{Object: o.ID, Href: o.Href, Match: etags[a.Tag], Want: of(a.Want, 0), State: states[a.State], At: now}
		if a.Elsewhere {
			sent.Href = elsewhere
		}
		o.Sent = append(o.Sent, sent)
	}
	seen := Sighting{Resource: cal.Resource{Href: o.Href, Version: of(s.seen.Event, s.seen.Tag)}, Removed: s.seen.Removed}
	if s.seen.There {
		seen.UID, seen.Component, seen.Modified = "u1", "VTODO", now.Add(time.Minute)
		if s.rules.Newer {
			seen.Modified = now.Add(-time.Minute)
		}
	}
	rules := cal.Rules{OnConflict: policies[s.rules.Policy]}
	if s.rules.AsPolicy {
		rules.OnDelete = cal.AsPolicy
	}
	return o, seen, rules
}

const elsewhere = "/c/elsewhere.ics"
