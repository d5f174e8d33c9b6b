package reconcile

import (
	"slices"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// recognise finds our own writes in what the remote shows. It returns the base moved by them, whether what the remote shows stems
// from a write of ours, and the attempts that may still happen.
func recognise(o cal.Object, seen Sighting) (base cal.Version, ours bool, left []cal.Attempt) {
	base = o.Base
	sent := doubted(o.Sent, seen)
	for _, a := range sent {
		var mine bool
		base, mine = moveBase(base, a, seen)
		ours = ours || mine
	}
	return base, ours, stillPossible(sent, seen)
}

// doubted takes back a yes that the evidence speaks against: the remote still shows what the write was conditional on. It may lag
// behind itself (a replica, a search index), so the write counts as one whose outcome is unknown. Said twice it is believed: then the
// remote takes the write and does not keep it.
func doubted(sent []cal.Attempt, seen Sighting) []cal.Attempt {
	sent = slices.Clone(sent)
	for i, a := range sent {
		if a.State == cal.AttemptDone && unmoved(a, seen) && !seen.Same(a.Want) && !saidBefore(sent, a) {
			sent[i].State = cal.AttemptSent
		}
	}
	return sent
}

// unmoved: the remote shows what attempt a was conditional on.
func unmoved(a cal.Attempt, seen Sighting) bool {
	if a.Create() {
		return !seen.Exists() && !seen.Removed
	}
	return seen.Exists() && seen.ETag == a.Match
}

func saidBefore(sent []cal.Attempt, a cal.Attempt) bool {
	return slices.ContainsFunc(sent, func(b cal.Attempt) bool {
		return b.State == cal.AttemptLate && b.Match == a.Match && b.Want.Same(a.Want)
	})
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
	case a.State == cal.AttemptDone && !besides(a, seen): // the remote said so; what was sent counts, not what the user has typed since
		return a.Want, a.Want.Exists()
	case !a.Want.Exists():
		if !seen.Exists() { // our deletion or somebody else's: the same fact
			return cal.Version{}, false
		}
	case a.Create() && !base.Exists():
		if createHappened(a, seen) {
			return a.Want, true
		}
	case base.Exists() && seen.Exists():
		return rebase(base, a.Want, seen.Version), false
	}
	return base, false
}

// besides: the remote took our creation, and under another name shows something else of its UID. That may be ours as the server keeps it
// (Google's CalDAV and Zoho file objects under names of their own), or somebody else's beside it, whose words and ours are then in conflict.
func besides(a cal.Attempt, seen Sighting) bool {
	return a.Create() && a.Want.Exists() && a.Href != seen.Href && seen.Exists() && !seen.Same(a.Want)
}

// createHappened: what is there carries something we sent, or the history says that it was there. Each creation has an href of its
// own, so even an old tombstone can only be ours; RFC 6578 §3.5.2 has members added and removed between two reports named as removed.
// Under another href the UID is all that a stranger's object has in common with ours (the same invitation, added elsewhere): only the
// very content we sent is ours there (Google's CalDAV and Zoho file objects under names of their own).
func createHappened(a cal.Attempt, seen Sighting) bool {
	if a.Href != seen.Href {
		return seen.Same(a.Want)
	}
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
	answered := a.State == cal.AttemptDone || a.State == cal.AttemptRefused // it will not be carried out later
	return !answered && unmoved(a, seen)
}
