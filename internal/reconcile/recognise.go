package reconcile

import (
	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// recognise finds our own writes in what the remote shows. It returns the base moved by them, whether what the remote shows stems
// from a write of ours, and the attempts that may still happen.
func recognise(o cal.Object, seen Sighting) (base cal.Version, ours bool, left []cal.Attempt) {
	base = o.Base
	for _, a := range o.Sent {
		var mine bool
		base, mine = moveBase(base, a, seen)
		ours = ours || mine
	}
	return base, ours, stillPossible(o.Sent, seen)
}

// stillPossible keeps the attempts that may still happen, the latest of those that ask for the same.
func stillPossible(sent []cal.Attempt, seen Sighting) (left []cal.Attempt) {
	type request struct {
		match cal.ETag
		want  cal.Digest
	}
	latest := map[request]int{}
	for _, a := range sent {
		if !mayStillHappen(a, seen) {
			continue
		}
		a.State = cal.AttemptLate
		if i, again := latest[request{a.Match, a.Want.Digest}]; again {
			left[i] = a
			continue
		}
		latest[request{a.Match, a.Want.Digest}] = len(left)
		left = append(left, a)
	}
	return left
}

// moveBase is base as it has to be seen when attempt a happened, as far as the sighting proves that it did.
func moveBase(base cal.Version, a cal.Attempt, seen Sighting) (cal.Version, bool) {
	switch {
	case a.State == cal.AttemptDone: // the remote said so; what was sent counts, not what the user has typed since
		return a.Want, a.Want.Exists()
	case !a.Want.Exists():
		if !seen.Exists() { // our deletion or somebody else's: the same fact
			return cal.Version{}, false
		}
	case a.Create():
		if !base.Exists() && createHappened(a, seen) {
			return a.Want, true
		}
	case base.Exists() && seen.Exists():
		return rebase(base, a.Want, seen.Version), false
	}
	return base, false
}

// createHappened: what is there carries something we sent, or the history says that it was there. Each creation has an href of its
// own, so even an old tombstone can only be ours; RFC 6578 §3.5.2 has members added and removed between two reports named as removed.
func createHappened(a cal.Attempt, seen Sighting) bool {
	if seen.Exists() {
		return seen.Same(a.Want) || ical.Shares(a.Want.Body, seen.Body)
	}
	return seen.Removed
}

// rebase takes into the base every property group that the remote shows just as we sent it. So "our write was applied, the answer
// was lost, then somebody edited another property" does not become a conflict.
func rebase(base, sent, seen cal.Version) cal.Version {
	if seen.Same(sent) {
		return sent
	}
	body, err := ical.Rebase(base.Body, sent.Body, seen.Body)
	if err != nil || body == base.Body {
		return base
	}
	return cal.Version{ETag: base.ETag, Digest: ical.Read(body).Digest, Body: body}
}

// mayStillHappen: a request that did not happen so far is remembered until its precondition can never hold again. Otherwise our
// own older write, arriving late, would look like somebody else's.
func mayStillHappen(a cal.Attempt, seen Sighting) bool {
	switch {
	case a.State == cal.AttemptDone, a.State == cal.AttemptRefused: // answered: it will not be carried out later
		return false
	case a.Create():
		return !seen.Exists() && !seen.Removed
	default:
		return seen.Exists() && seen.ETag == a.Match
	}
}
