package model

import "slices"

// ground is what the decision stands on: the base, once our own writes are recognised.
type ground struct {
	base Event
	ours bool      // what made the base is a write of ours, so that what differs from it is not somebody's edit, as far as we know
	gone bool      // a deletion of ours was granted
	sent []Attempt // that may still happen
}

// recognise finds our own writes in what the remote shows. Attempts are taken in the order they were sent.
func (o Object) recognise(seen Sighting) ground {
	g := ground{base: o.Base}
	for _, a := range o.Sent {
		if o.doubted(a, seen) {
			a.State = Unanswered
		}
		g.recognise(a, seen)
		g.remember(a, seen)
	}
	return g
}

// recognise moves the base by one attempt, as far as the sighting proves that it happened. A refused one is looked for as well: it is
// the repetition of a request that had been carried out, or what was refused is what somebody else wrote too.
func (g *ground) recognise(a Attempt, seen Sighting) {
	switch {
	case a.State == Done && !a.besides(seen): // the base is what was sent, not what the user has typed since
		g.base, g.ours, g.gone = a.Want, g.ours || a.Want.There, g.gone || !a.Want.There
	case !a.Want.There:
		if !seen.There { // whoever deleted it: the same fact
			g.base = Event{}
		}
	case a.Tag == 0 && !g.base.There:
		if a.created(seen) {
			g.base, g.ours = a.Want, true
		}
	case g.base.There && seen.There:
		for p, value := range a.Want.Has {
			if seen.Has[p] == value {
				g.base.Has[p] = value
			}
		}
	}
}

// besides: the remote took our creation, and under another name shows something else. That may be ours as it keeps it, or somebody else's of
// the same UID beside it; so nothing is proved.
func (a Attempt) besides(seen Sighting) bool {
	return a.Tag == 0 && a.Want.There && a.Elsewhere && seen.There && seen.Event != a.Want
}

// created: what is there has something of what we sent; or it is not there, and was. Every creation has a name of its own, so nothing
// else can have been removed under it. Under another name only the very same content is ours.
func (a Attempt) created(seen Sighting) bool {
	switch {
	case a.Elsewhere, seen.Event == a.Want:
		return seen.Event == a.Want
	case seen.There:
		return seen.shares(a.Want)
	}
	return seen.Removed
}

// open: the remote shows what the attempt is conditional on, so that it can still be carried out.
func (a Attempt) open(seen Sighting) bool {
	if a.Tag == 0 {
		return !seen.There && !seen.Removed
	}
	return seen.There && seen.Tag == a.Tag
}

// doubted: the remote said yes and shows what was there before. The first time this is a copy that lags behind; a remote that says so
// again takes writes and does not keep them.
func (o Object) doubted(a Attempt, seen Sighting) bool {
	before := slices.ContainsFunc(o.Sent, func(b Attempt) bool { return b.State == Late && b.same(a) })
	return a.State == Done && a.open(seen) && seen.Event != a.Want && !before
}

// same: the two ask for the same.
func (a Attempt) same(b Attempt) bool { return a.Tag == b.Tag && a.Want == b.Want }

// remember keeps an attempt for as long as it can still be carried out: our own older write, arriving late, must not look like
// somebody else's. Of those that ask for the same the latest is kept.
func (g *ground) remember(a Attempt, seen Sighting) {
	if a.State == Done || a.State == Refused || !a.open(seen) {
		return
	}
	a.State = Late
	if i := slices.IndexFunc(g.sent, a.same); i >= 0 {
		g.sent[i] = a
		return
	}
	g.sent = append(g.sent, a)
}
