// Package reconcile decides. It compares what both sides last agreed on (base), what the user wants (local) and what the remote
// shows (remote), and says what becomes of the object. It reads nothing, sends nothing and knows no clock: object in, object out.
// Deciding happens inside the transaction that applies the outcome, so that an edit typed during a network call is never overlooked.
//
// The base always becomes exactly what was read: a body and an etag out of one answer of the server. What changes is the local
// version, and with it whether there is something left to push. a and b stand for two property groups, X for any content:
//
//	base  local      remote            remote-wins, manual   local-wins            newest-wins (1)       keep-both
//	----  ---------  ----------------  --------------------  --------------------  --------------------  ---------------------
//	–     –          –                 –                     same                  same                  same
//	–     –          created           remote                same                  same                  same
//	–     created    –                 local, create         same                  same                  same
//	–     created    created, equal    settled               same                  same                  same
//	–     created    created, differs  remote ✗              local, update ✗       remote ✗              remote ✗ + copy
//	X     =X         =X, any etag      X                     same                  same                  same
//	X     =X         edit              remote                same                  same                  same
//	X     =X         deleted           –                     same                  same                  same
//	X     edit a     =X, any etag      local, update         same                  same                  same
//	X     edit a     edit b            both, update          same                  same                  same
//	X     edit a     edit a, equal     settled               same                  same                  same
//	X     edit a     edit a, differs   remote ✗              local, update ✗       remote ✗              remote ✗ + copy
//	X     edit a     deleted      (2)  – ✗                   local, create ✗       – ✗                   local, create ✗ (3)
//	X     deleted    =X, any etag      –, DELETE             same                  same                  same
//	X     deleted    edit         (2)  remote ✗              –, DELETE ✗           remote ✗              remote ✗
//	X     deleted    deleted           –                     same                  same                  same
//
//	✗   a conflict row names base, local, remote and winner; under manual it stays open until a person answers
//	(1) as when the remote is newer; when the local edit is, as local-wins
//	(2) under OnDelete = edit-wins, the default, both rows are decided as in the keep-both column, whatever the policy
//	(3) not when the object has attendees: creating it anew would mail them, so the deletion stands and the row names the edit
//
// A weak change (a participation status, an acknowledged alarm) never beats a deletion and never raises a conflict against one.
//
// Before the table is asked, our own writes are recognised (recognise.go): an attempt whose answer was lost may be what the remote
// shows now, in part or as a whole, and then it moves the base. That, not the etag, keeps a rewriting server, a crash after the
// write, and a user who typed again meanwhile from becoming a conflict.
package reconcile

import (
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// Sighting is one reading of one resource. The zero Version: it is not there.
type Sighting struct {
	cal.Resource
	Removed bool // the calendar's history names it as removed, so it was there once
}

// Moment is what a decision may know of time: now, and how long a create whose answer was lost may still arrive.
type Moment struct {
	Now   time.Time
	Grace time.Duration
}

// Object decides what a sighting means for one object. It is idempotent: the same sighting again changes nothing more.
func Object(o cal.Object, seen Sighting, rules cal.Rules, m Moment) cal.Change {
	d := decision{object: o, seen: seen, rules: rules, Moment: m, local: o.Want()}
	d.base, d.ours, d.left = recognise(o, seen)
	d.decide()
	return d.change()
}

// Spare decides between the deletion of a series and somebody's later change of one of its exceptions, where that is an object of its own.
func Spare(o cal.Object, exception cal.Version, rules cal.Rules, m Moment) cal.Change {
	d := decision{object: o, seen: Sighting{Resource: cal.Resource{Href: o.Href, Version: exception}}, rules: rules, Moment: m, base: o.Base}
	d.contest(cal.DeleteUpdate, nil, d.deleteWinner(cal.DeleteUpdate))
	c := cal.Change{Was: o.Want(), Object: o, Conflict: d.conflict}
	c.Conflict.Theirs.ID = "" // a version belongs to one object
	if d.result.Exists() {
		c.Object.Edit = nil
	}
	return c
}

// decision is one row of the table being looked up.
type decision struct {
	Moment
	object      cal.Object
	seen        Sighting
	rules       cal.Rules
	base, local cal.Version
	ours        bool          // what the base became is our own write, recognised or acknowledged
	left        []cal.Attempt // the attempts that may still happen

	result   cal.Version // the new local version
	merged   bool        // result is neither side's
	conflict *cal.Conflict
	copy     *cal.Object
}

func (d *decision) decide() {
	theirs := d.seen.Version
	localChanged, remoteChanged := !d.local.Same(d.base), !theirs.Same(d.base)
	switch {
	case !localChanged || d.local.Same(theirs) || gone(d.local) && gone(theirs) && !(d.local.Exists() && theirs.Exists()):
		d.result = theirs
	case !remoteChanged:
		d.result = d.local
	case d.local.Exists() && theirs.Exists() && ical.Hidden(d.local.Body) != ical.Hidden(theirs.Body):
		d.editedAndDeleted() // of an occurrence: hiding it is deleting it
	case d.local.Exists() && theirs.Exists() && d.base.Exists():
		d.bothEdited()
	case d.local.Exists() && theirs.Exists():
		d.contest(cal.CreateCreate, nil, d.winner())
	default:
		d.editedAndDeleted()
	}
}

// bothEdited merges property by property; only what both sides changed differently is contested.
func (d *decision) bothEdited() {
	winner := d.winner()
	prefer := winner
	if prefer == cal.Both {
		prefer = cal.Theirs
	}
	m, err := ical.Merge(ical.Sides{Base: d.base.Body, Mine: d.local.Body, Theirs: d.seen.Body}, prefer)
	if err != nil || m.Structural {
		d.contest(cal.Structural, m.Contested, winner)
		return
	}
	if len(m.Contested) > 0 {
		d.contest(cal.UpdateUpdate, m.Contested, winner)
	}
	d.take(m.Body)
	if d.conflict != nil && d.result.Same(d.local) { // an instance edited here and deleted there stays, whatever the policy
		d.conflict.Winner = cal.Mine
	}
}

// take makes a merged body the result; where it says what one side says, it is that side's version.
func (d *decision) take(body cal.Body) {
	d.result = cal.Version{Digest: ical.Read(body).Digest, Body: body}
	switch {
	case d.result.Same(d.seen.Version):
		d.result = d.seen.Version
	case d.result.Same(d.local):
		d.result = d.local
	default:
		d.merged = true
	}
}

func (d *decision) editedAndDeleted() {
	kind, edited := cal.UpdateDelete, d.local
	deleted := d.seen.Version
	if !d.local.Exists() || ical.Hidden(d.local.Body) {
		kind, edited, deleted = cal.DeleteUpdate, d.seen.Version, d.local
	}
	if d.base.Exists() && ical.Weak(d.base.Body, edited.Body) {
		d.result = deleted
		return
	}
	d.contest(kind, nil, d.deleteWinner(kind))
}

// deleteWinner decides between an edit and a deletion. What the engine creates anew must not mail anybody, so an object with
// attendees is not brought back by itself.
func (d *decision) deleteWinner(kind cal.ConflictKind) cal.Side {
	winner := d.winner()
	if d.rules.OnDelete != cal.AsPolicy || winner == cal.Both {
		winner = cal.Theirs
		if kind == cal.UpdateDelete {
			winner = cal.Mine
		}
	}
	if d.ours {
		winner = cal.Mine
	}
	if kind == cal.UpdateDelete && winner == cal.Mine && ical.Scheduled(d.local.Body) {
		return cal.Theirs
	}
	return winner
}

// contest lets one side win whole and records that there was another.
func (d *decision) contest(kind cal.ConflictKind, contested []string, winner cal.Side) {
	d.result = d.seen.Version
	if winner == cal.Mine {
		d.result = d.local
	}
	if d.ours && winner == cal.Mine {
		return // contested by nobody: the other side is our own write as the server keeps it, and a notice says so
	}
	d.conflict = &cal.Conflict{
		Object: d.object.ID, Calendar: d.object.Calendar, Kind: kind,
		Base: d.base, Mine: d.local, Theirs: d.seen.Version,
		Winner: winner, Contested: contested, Policy: d.policy(), Open: d.policy() == cal.Manual, At: d.Now,
	}
	if winner == cal.Both {
		d.keepBoth()
	}
}

func (d *decision) policy() cal.Policy {
	if d.rules.OnConflict == "" {
		return cal.RemoteWins
	}
	return d.rules.OnConflict
}

// skew is how far a server's clock may run ahead before newest-wins stops believing it; draw is how close two edits may lie before
// neither is the newer one.
const (
	skew = 5 * time.Minute
	draw = 2 * time.Second
)

// winner is the policy's choice. When the remote shows our own write, altered by the server, there is no other person: what the
// user typed since stands.
func (d *decision) winner() cal.Side {
	if d.ours {
		return cal.Mine
	}
	switch d.policy() {
	case cal.LocalWins:
		return cal.Mine
	case cal.KeepBoth:
		return cal.Both
	case cal.NewestWins:
		theirs := d.seen.Modified
		believable := !theirs.IsZero() && theirs.Before(d.Now.Add(skew))
		if believable && d.object.Edit != nil && d.object.Edit.At.Sub(theirs) > draw {
			return cal.Mine
		}
	}
	return cal.Theirs
}

func gone(v cal.Version) bool { return !v.Exists() || ical.Hidden(v.Body) }
