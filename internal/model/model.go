// Package model is the executable specification of what package reconcile decides, and of the protocol around it. It shares no code
// with what it specifies: an event is a handful of numbers, an etag is a number, and there is no text, no clock and no database. It is
// small enough to be checked by eye, and quick enough to be checked by machine in every situation there is:
//
//   - Decide is the decision. The tests of package reconcile put the production decision beside it on a million random situations, and
//     both must answer alike.
//   - The test of this package walks every interleaving of a few edits, a worker's steps and faults, and asks in every state whether
//     anything was lost, doubled or brought back from the dead (walk_test.go).
//
// The rules, in the order they are applied:
//
//  1. Own writes are recognised first (recognise.go). A write whose answer was lost, or whose effect somebody has since edited, moves the
//     base, property by property. What is recognised is never a conflict.
//  2. Whoever changed nothing since the base gives way. Two who changed different properties both have their way.
//  3. What both changed, and differently, is contested: the policy says whose it is, and a row names what lost. Between an edit and a
//     deletion the edit wins, unless the rules say that the policy is to be asked there too.
//  4. Nothing stops being effective in silence: what was contested is named by a conflict, what the server did to our own write by a
//     notice.
package model

// A property of an event. Zero is a property that is not there; any other number says who wrote it.
const (
	A      = iota // two that people edit
	B             //
	Extra         // one that a server may add
	Ack           // a weak one: an alarm that somebody has seen
	Guests        // whom a server mails when the event is made
	Status        // Cancelled, or anything else
	Properties
)

// Cancelled is the Status by which a single occurrence of a series is hidden.
const Cancelled = 1

// Event is the content of one object. The zero Event is absence.
type Event struct {
	There bool
	Has   [Properties]uint8
}

// hidden: for an occurrence of a series, being cancelled is being deleted.
func (e Event) hidden(occurrence bool) bool {
	return occurrence && e.There && e.Has[Status] == Cancelled
}

// alike reports whether two events differ in nothing but what nobody would mourn.
func (e Event) alike(f Event) bool {
	e.Has[Ack] = f.Has[Ack]
	return e == f
}

// shares reports whether some property that is there is the same in both.
func (e Event) shares(f Event) bool {
	for p, value := range e.Has {
		if value != 0 && value == f.Has[p] {
			return true
		}
	}
	return false
}

// Object is one object as it is on record.
type Object struct {
	Occurrence bool // a single occurrence that is an object of its own
	Base       Event
	Tag        uint8 // the etag that the base was read with
	Want       Event // what the user sees
	Edited     bool  // an edit is on record; always, where Want is not Base
	Blocked    bool  // the edit is not to be sent: the remote has refused the content
	Sent       []Attempt
}

// Attempt is one write that went out.
type Attempt struct {
	Tag       uint8 // the etag it was conditional on; zero: on absence
	Want      Event
	State     State
	Elsewhere bool // it went to another name than the one that was read
}

// State is what is known of an attempt.
type State uint8

const (
	Unanswered State = iota // it may have happened
	Done                    // the remote said yes; what it stored was not read yet
	Refused                 // the remote said that the condition does not hold
	Late                    // a reading showed that it had not happened by then; it still may
)

// Sighting is one reading of the object at the remote.
type Sighting struct {
	Event
	Tag     uint8
	Removed bool // not there, and the calendar's history says that it was
}

// Policy says whose is what both sides changed.
type Policy uint8

const (
	RemoteWins Policy = iota
	LocalWins
	NewestWins
	KeepBoth
	Manual
)

// Rules are what the calendar's owner chose.
type Rules struct {
	Policy   Policy
	AsPolicy bool // the policy decides between an edit and a deletion too; else the edit wins
	Newer    bool // the local edit is surely newer than what the remote shows
}

// Verdict is a decision.
type Verdict struct {
	Object   Object // as it is to be
	Waits    bool   // what is left to be pushed is not to be pushed at once
	Renamed  bool   // what is left to be pushed is a creation, and needs a name that was never used
	Conflict Conflict
	Notice   Notice
	Copy     Event // the local version as an object of its own
}

// Push reports whether something is left to be pushed.
func (v Verdict) Push() bool { return v.Object.Want != v.Object.Base }

// Conflict is two sides that wanted different things. The zero Conflict is none.
type Conflict struct {
	Kind               Kind
	Winner             Side
	Open               bool // a person is to answer
	Contested          [Properties]bool
	Base, Mine, Theirs Event
}

// Kind names what the two sides did, the local one first.
type Kind string

const (
	UpdateUpdate Kind = "update/update"
	UpdateDelete Kind = "update/delete"
	DeleteUpdate Kind = "delete/update"
	CreateCreate Kind = "create/create"
)

// Side names one of the two.
type Side string

const (
	Mine   Side = "mine"
	Theirs Side = "theirs"
	Both   Side = "both"
)

// Notice is a version that stopped being effective without anybody contesting it. The zero Notice is none.
type Notice struct {
	Kind     string // Altered, Reappeared, Vanished
	From, To Event
}

const (
	Altered    = "server_altered" // the server keeps something else than what we sent
	Reappeared = "reappeared"     // the server granted a deletion, and shows the object
	Vanished   = "vanished"       // what we wrote is gone before we ever saw it there
)
