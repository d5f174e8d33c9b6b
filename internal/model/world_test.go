package model

import "slices"

// The walk's world is one object: what is on record of it, its server, one or two workers, and requests that travel. Everything in it is
// a plain value, so that two worlds are the same when they are equal.

// maxSent is more attempts than the budgets of the walk can leave open.
const maxSent = 5

type world struct {
	quirks quirks
	rules  Rules

	record  record
	token   uint8 // what of the server's history is applied
	epoch   uint8 // of the lease
	server  server
	workers [2]worker
	travels request // delayed: it arrives later, if ever, and nobody hears the answer
	ghosts  ghosts
	left    budget
}

// quirks are what a server does that it need not, and what is asked of the walk.
type quirks struct {
	rewrites bool // adds a property to whatever is written
	strips   bool // does not take B
	touches  bool // gives a new etag to what nobody edited
	two      bool // a second worker takes the lease over from one that has stalled
	fresh    bool // nothing is there at first
}

// budget is how often each thing may still happen.
type budget struct{ local, remote, fault, cycle, takeover uint8 }

// record is the object as the database holds it.
type record struct {
	base, want Event
	tag        uint8
	edited     bool
	sent       [maxSent]Attempt
	open       uint8
}

func (r record) object() Object {
	return Object{Base: r.base, Tag: r.tag, Want: r.want, Edited: r.edited, Sent: r.sent[:r.open:r.open]}
}

func (r *record) keep(v Verdict) {
	*r = record{base: v.Object.Base, want: v.Object.Want, tag: v.Object.Tag, edited: v.Object.Edited}
	for _, a := range v.Object.Sent {
		a.Elsewhere = a.Elsewhere || v.Renamed
		r.send(a)
	}
}

func (r *record) send(a Attempt) {
	r.sent[r.open] = a
	r.open++
}

// creates: a creation may still arrive.
func (r record) creates() bool {
	return slices.ContainsFunc(r.sent[:r.open], func(a Attempt) bool { return a.Tag == 0 })
}

// dead: nothing is left of it but its name.
func (r record) dead() bool { return !r.base.There && !r.want.There && r.open == 0 }

// doubtful: it is read before anything more is sent for it.
func (r record) doubtful() bool {
	for _, a := range r.sent[:r.open] {
		if a.State != Late {
			return true
		}
	}
	return false
}

// server is the remote: the object under its present name.
type server struct {
	is       Event
	seq      uint8 // its change counter; every change has a new etag out of it
	tag      uint8
	reported uint8 // the last change that a listing tells
	removed  uint8 // the change that removed it under this name; zero: none did
}

// request is a write as the server gets it.
type request struct {
	there bool
	Attempt
}

type answer uint8

const (
	lost answer = iota
	granted
	refused
)

type phase uint8

const (
	idle phase = iota
	listed
	read
	applied
	recorded // the attempt is on record, no byte has left
	answered
)

var doing = [...]string{idle: "list", listed: "read", read: "apply", applied: "record", recorded: "send", answered: "settle"}

// worker is what a process has in its memory. A crash takes it all.
type worker struct {
	phase   phase
	epoch   uint8
	token   uint8 // as the listing gave it
	changed bool
	patient bool // no creation can still arrive that the listing would not have shown
	seen    Sighting
	deleted uint8 // ghost: whose deletion is seen
	request Attempt
	answer  answer
}

// ---- the server ----

func (s *server) write(e Event) {
	s.seq++
	s.reported, s.is, s.tag = s.seq, e, s.seq
	if !e.There {
		s.tag, s.removed = 0, s.seq
	}
}

// serve carries a request out, if its condition holds.
func (w *world) serve(a Attempt) answer {
	s := &w.server
	if holds := s.is.There && s.tag == a.Tag || !s.is.There && a.Tag == 0; !holds || a.Elsewhere {
		return refused
	}
	stored := a.Want
	if w.quirks.rewrites && stored.There {
		stored.Has[Extra] = 1
	}
	if w.quirks.strips && stored.There {
		stored.Has[B] = s.is.Has[B]
	}
	if s.is.There {
		w.unseen(stored)
	}
	s.write(stored)
	w.ghosts.deleted = 0
	return granted
}

// ---- the workers ----

// step takes one worker one step on; every step is one transaction or one message.
func (w *world) step(k *worker, fault string) {
	stale := k.epoch != w.epoch
	if fault == "crash" || stale && k.phase.needsLease(k.request) {
		*k = worker{}
		return
	}
	switch k.phase {
	case idle:
		w.list(k)
	case listed:
		w.read(k)
	case read:
		w.apply(k)
	case applied:
		w.put(k)
	case recorded:
		w.send(k, fault)
	case answered:
		w.settle(k)
	}
}

// needsLease: every transaction checks that the lease is still held. What is on its way to the server cannot be stopped, and its condition
// makes it harmless; but a creation is only sent where it arrives within the lease.
func (p phase) needsLease(a Attempt) bool {
	return p == read || p == applied || p == answered || p == recorded && a.Tag == 0
}

// list takes the lease and asks what has changed.
func (w *world) list(k *worker) {
	w.epoch++
	s := w.server
	*k = worker{phase: listed, epoch: w.epoch, token: s.seq, changed: s.reported > w.token, patient: !w.creationTravels()}
	if k.changed && !s.is.There && s.removed > w.token {
		k.seen.Removed, k.deleted = true, w.ghosts.deleted
	}
}

// read reads what has changed, and what is in doubt, by name. What the listing has as removed is not asked for.
func (w *world) read(k *worker) {
	k.phase = read
	if k.seen.Removed {
		return
	}
	if k.changed = k.changed || w.record.doubtful(); k.changed {
		k.seen, k.deleted = Sighting{Event: w.server.is, Tag: w.server.tag}, w.ghosts.deleted
	}
}

// apply decides and writes the decision down, and the token with it. It is one transaction.
func (w *world) apply(k *worker) {
	k.phase, w.token = applied, k.token
	if !k.changed {
		return
	}
	before := w.record.object()
	v := Decide(before, k.seen, w.rules)
	w.repeat(v, k.seen)
	w.account(before, v, k)
	w.record.keep(v)
	k.patient = k.patient && !w.record.creates()
	if v.Renamed {
		w.rename()
	}
}

func (w *world) creationTravels() bool { return w.travels.there && w.travels.Tag == 0 }

// put puts an attempt on record before its first byte leaves. Where a creation may still arrive, whatever the user wants by now waits for
// a cycle whose listing would have shown it, and its deletion as well: what has arrived and was deleted must not be made again.
func (w *world) put(k *worker) {
	r := &w.record
	if r.want == r.base || r.doubtful() || r.creates() && !k.patient {
		*k = worker{}
		return
	}
	k.phase, k.request = recorded, Attempt{Tag: r.tag, Want: r.want}
	r.send(k.request)
	w.ghosts.pushes++
}

func (w *world) send(k *worker, fault string) {
	k.phase, k.answer = answered, lost
	switch fault {
	case "drop":
	case "delay":
		w.travels = request{true, k.request}
	case "lose":
		w.serve(k.request)
	default:
		k.answer = w.serve(k.request)
	}
}

// settle writes down what became of the attempt: never what the user wants, who may have typed again.
func (w *world) settle(k *worker) {
	a := &w.record.sent[w.record.open-1]
	switch k.answer {
	case granted:
		a.State = Done
	case refused:
		a.State = Refused
	}
	*k = worker{}
}
