package model

import "fmt"

// ghosts know what no participant does: who wrote what, and what its author could see. Edits are numbered, and a set of them is a mask.
type ghosts struct {
	edits      uint8 // made so far
	local      set   // by the user
	superseded set   // edited over, or deleted, by somebody on the same side who saw them
	named      set   // by a conflict or a notice
	known      set   // read from the server, or made here
	deletions  set
	saw        [maxEdits]set // by the author of a deletion
	deleted    uint8         // the deletion that made the server's absence; zero: our own request, or it was never there
	wish       uint8         // the deletion that the user wants
	pushes     uint8
}

type set uint16

const maxEdits = 16

func one(edit uint8) set {
	if edit == 0 {
		return 0
	}
	return 1 << edit
}

// edits are those that an event shows.
func edits(e Event) set { return one(e.Has[A]) | one(e.Has[B]) }

// violation is an invariant that does not hold.
type violation string

func violated(format string, args ...any) { panic(violation(fmt.Sprintf(format, args...))) }

// unseen: a write replaces only what we have read.
func (w *world) unseen(stored Event) {
	g := w.ghosts
	if gone := edits(w.server.is) &^ edits(stored) &^ g.superseded &^ g.known; gone != 0 {
		violated("I4: the edits %b were overwritten unread", gone)
	}
}

// repeat: the same sighting again changes nothing.
func (w *world) repeat(v Verdict, seen Sighting) {
	again := Decide(v.Object, seen, w.rules)
	if again.Object.Want != v.Object.Want || again.Push() != v.Push() || again.Conflict.Kind != "" || again.Notice.Kind != "" ||
		len(again.Object.Sent) != len(v.Object.Sent) {
		violated("I8: deciding again changes something")
	}
}

// account enters a decision into the ledger.
func (w *world) account(before Object, v Verdict, k *worker) {
	g, c := &w.ghosts, v.Conflict
	theirs := edits(k.seen.Event)
	g.known |= theirs
	if c.Kind != "" {
		foreign := theirs&^g.local&^edits(before.Base) != 0 || !k.seen.There && k.deleted != 0 ||
			k.seen.Has[Extra] != before.Base.Has[Extra] // nobody can tell whose that is
		if !foreign {
			violated("I11: a conflict contested by nobody")
		}
		g.named |= edits(c.Mine) | edits(c.Theirs)
		g.name(!c.Mine.There, g.wish)
		g.name(!c.Theirs.There, k.deleted)
	}
	for _, a := range before.Sent {
		g.name(!a.Want.There && !k.seen.There, k.deleted) // a deletion of ours was on its way: nobody can tell whose it was
	}
	if n := v.Notice; n.Kind != "" {
		g.named |= edits(n.From) | edits(n.To)
		g.name(n.Kind == Vanished, k.deleted)
		g.name(n.Kind == Reappeared, g.wish)
	}
}

func (g *ghosts) name(it bool, deletion uint8) {
	if it {
		g.named |= one(deletion)
	}
}

// rename: the object has a new name at the remote. Nothing may be left under the old one.
func (w *world) rename() {
	if w.server.is.There || w.creationTravels() {
		violated("I3: the object is created under a second name")
	}
	w.server.removed, w.travels = 0, request{}
}

// edit is what a person does, here or there.
func (w *world) edit(here bool, what string) (possible bool) {
	is, g, left := &w.server.is, &w.ghosts, &w.left.remote
	if here {
		is, left = &w.record.want, &w.left.local
	}
	if *left == 0 || is.There == (what == "create") || what == "touch" && (here || !w.quirks.touches) || !here && what == "create" {
		return false // nobody else creates what bears a name of ours
	}
	*left--
	was, becomes := *is, *is
	switch what {
	case "a":
		becomes.Has[A] = g.next()
	case "b":
		becomes.Has[B] = g.next()
	case "create":
		g.superseded |= one(g.wish)
		if w.record.dead() && g.edits > 0 {
			w.rename() // who brings a dead object back gives it a new name
		}
		becomes = Event{There: true}
		becomes.Has[A], becomes.Has[B] = g.next(), g.next()
	case "delete":
		becomes = Event{}
		w.delete(here, was)
	}
	g.superseded |= edits(was) &^ edits(becomes)
	if here {
		w.want(becomes)
	} else {
		w.server.write(becomes)
	}
	return true
}

func (g *ghosts) next() uint8 {
	g.edits++
	return g.edits
}

func (w *world) delete(here bool, was Event) {
	g := &w.ghosts
	id := g.next()
	g.deletions |= one(id)
	g.saw[id] = edits(was)
	if here {
		g.wish = id
	} else {
		g.deleted = id
	}
}

// want accepts a local edit.
func (w *world) want(e Event) {
	mine := edits(e) &^ edits(w.record.want)
	w.ghosts.local |= mine
	w.ghosts.known |= mine
	w.record.want = e
	w.record.edited = e != w.record.base || w.record.open > 0
}

// atRest lets a single worker go on undisturbed, and then asks for all that was ever done.
func (w world) atRest() {
	if w.token >= w.server.reported && !w.record.doubtful() && w.record.base != w.server.is {
		violated("I6: the token is ahead of the data")
	}
	w.workers, w.travels, w.ghosts.pushes = [2]worker{}, request{}, 0
	k := &w.workers[0]
	for cycle := 0; cycle < 6 || k.phase != idle; {
		if w.step(k, ""); k.phase == idle {
			cycle++
		}
	}
	switch r := w.record; {
	case r.want != r.base || r.doubtful():
		violated("I1: something is left to do for ever")
	case r.want != w.server.is:
		violated("I1: the sides differ at rest")
	case w.ghosts.pushes > 3:
		violated("I10: %d pushes", w.ghosts.pushes)
	}
	w.nothingIsLost()
}

func (w *world) nothingIsLost() {
	g, live := w.ghosts, edits(w.record.want)
	for id := uint8(1); id <= g.edits; id++ {
		it := one(id)
		switch {
		case (live|g.named)&it != 0:
		case g.deletions&it != 0:
			if g.superseded&it == 0 && w.record.want.There && live&g.saw[id] != 0 {
				violated("I5: what deletion %d removed is back", id)
			}
		case g.superseded&it == 0:
			violated("I2: edit %d is lost", id)
		}
	}
}
