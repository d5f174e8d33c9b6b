package model

import "slices"

// Decide says what becomes of an object when it is seen.
func Decide(o Object, seen Sighting, rules Rules) Verdict {
	d := decision{Object: o, ground: o.recognise(seen), seen: seen, rules: rules}
	d.verdict.Object = Object{Occurrence: o.Occurrence, Base: seen.Event, Tag: seen.Tag, Sent: d.sent}
	d.verdict.Object.Want = d.want()
	d.notice()
	d.push()
	return d.verdict
}

type decision struct {
	Object
	ground
	seen    Sighting
	rules   Rules
	verdict Verdict
}

// want is what the user sees from now on.
func (d *decision) want() Event {
	base, mine, theirs := d.base, d.Want, d.seen.Event
	deletedHere := !mine.There || mine.hidden(d.Occurrence)
	deletedThere := !theirs.There || theirs.hidden(d.Occurrence)
	switch {
	case mine == base, mine == theirs, deletedHere && deletedThere && !(mine.There && theirs.There): // deleted by both, each in its own way
		return theirs
	case theirs == base:
		return mine
	case deletedHere != deletedThere:
		return d.editOrDeletion(deletedHere)
	case !base.There: // without an ancestor a mix of two events is nobody's intent
		return d.contest(CreateCreate, d.winner(), [Properties]bool{})
	}
	return d.merge()
}

// merge goes property by property.
func (d *decision) merge() (merged Event) {
	winner := d.winner()
	var contested [Properties]bool
	for p := range merged.Has {
		base, mine, theirs := d.base.Has[p], d.Want.Has[p], d.seen.Has[p]
		contested[p] = mine != theirs && mine != base && theirs != base
		merged.Has[p] = theirs
		if theirs == base || contested[p] && winner == Mine {
			merged.Has[p] = mine
		}
	}
	merged.There = true
	if contested != [Properties]bool{} {
		d.contest(UpdateUpdate, winner, contested)
	}
	return merged
}

// editOrDeletion decides where one side has it and the other does not. Who acknowledged an alarm did not mean to keep an event.
func (d *decision) editOrDeletion(deletedHere bool) Event {
	kind, edited, deleted := UpdateDelete, d.Want, d.seen.Event
	if deletedHere {
		kind, edited, deleted = DeleteUpdate, d.seen.Event, d.Want
	}
	if d.base.There && edited.alike(d.base) {
		return deleted
	}
	return d.contest(kind, d.survivor(kind), [Properties]bool{})
}

// survivor: the edit survives, unless the owner left it to the policy. Nobody is mailed by what nobody asked for: what has guests is
// not brought back.
func (d *decision) survivor(kind Kind) Side {
	winner := d.winner()
	switch {
	case d.ours || d.rules.AsPolicy && d.rules.Policy != KeepBoth:
	case kind == UpdateDelete:
		winner = Mine
	default:
		winner = Theirs
	}
	if kind == UpdateDelete && d.Want.Has[Guests] != 0 {
		return Theirs
	}
	return winner
}

// winner is whose is what both sides changed. Where the remote shows our own write as the server keeps it there is no other side.
func (d *decision) winner() Side {
	newer := d.rules.Newer && d.seen.There && d.Edited
	switch {
	case d.ours, d.rules.Policy == LocalWins, d.rules.Policy == NewestWins && newer:
		return Mine
	case d.rules.Policy == KeepBoth:
		return Both
	}
	return Theirs
}

// contest gives it to one side whole, and names both.
func (d *decision) contest(kind Kind, winner Side, contested [Properties]bool) Event {
	whole := d.seen.Event
	if winner == Mine {
		whole = d.Want
	}
	if d.ours && winner == Mine {
		return whole // contested by nobody; the notice names what the server made of our write
	}
	d.verdict.Conflict = Conflict{
		Kind: kind, Winner: winner, Open: d.rules.Policy == Manual, Contested: contested,
		Base: d.base, Mine: d.Want, Theirs: d.seen.Event,
	}
	if winner == Both && !d.Want.hidden(d.Occurrence) { // that an occurrence does not take place cannot stand alone
		d.verdict.Copy = d.Want
		d.verdict.Copy.Has[Guests] = 0 // a copy mails nobody
	}
	return whole
}

// notice names what the remote made of a write of ours.
func (d *decision) notice() {
	switch {
	case d.gone && d.seen.There && d.verdict.Conflict.Kind == "":
		d.verdict.Notice = Notice{Reappeared, d.Base, d.seen.Event}
	case !d.ours || d.base == d.seen.Event:
	case d.seen.There:
		d.verdict.Notice = Notice{Altered, d.base, d.seen.Event}
	default:
		d.verdict.Notice = Notice{Vanished, d.base, d.seen.Event}
	}
}

// push says when and how what is left can be pushed.
func (d *decision) push() {
	v := &d.verdict
	if !v.Push() {
		return
	}
	created := func(a Attempt) bool { return a.Tag == 0 }
	stuck := func(a Attempt) bool { return a.State == Refused && a.Tag != 0 && a.Tag == d.seen.Tag }
	v.Object.Edited = true
	v.Object.Blocked = d.Blocked && v.Object.Want == d.Want && d.Base.There == d.seen.There // else the refusal was of something else
	v.Renamed = !d.seen.There && (d.Base.There || d.base.There)
	v.Waits = slices.ContainsFunc(d.sent, created) || // a creation may still arrive: repeated now, it could outlive a deletion
		d.seen.There && slices.ContainsFunc(d.Sent, stuck) // the etag that was refused is the one still shown: a listing lags
}
