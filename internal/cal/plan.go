package cal

import (
	"context"
	"iter"
	"time"
)

// Ask is a question to a provider: what happened in a calendar since Since?
type Ask struct {
	Since Token
	Full  bool   // list everything, whatever Since says: heals what the server's change log lost
	Read  []Href // resources to be read in any case
	Held  Held
	// Series tells what we hold of the series that the hrefs are part of: these objects and every other with their UID.
	Series func(ctx context.Context, hrefs []Href) ([]Holding, error)
}

// Holding is one object as we hold it.
type Holding struct {
	Href         Href
	ETag         ETag
	UID          string
	RecurrenceID string
	Native       string
}

// Held tells the etags we hold: of the hrefs named, or of everything in the calendar when hrefs is nil. Only a provider that lists
// calls for everything.
type Held func(ctx context.Context, hrefs []Href) (map[Href]ETag, error)

// Page is one part of the answer. Pages are applied one by one; everything but the last page's Next may be told twice.
type Page struct {
	Present  []Resource
	Removed  []Href   // the calendar's history names them as removed
	Absent   []Href   // asked for by name, and not there
	Unread   []Unread // reported, but not readable now; what we hold of them stays
	Next     Token    // where we stand once this page is applied; empty: as before
	Last     bool
	Complete bool // on the last page: the answer named everything there is
}

// Unread is a resource that was reported and could not be fetched.
type Unread struct {
	Href   Href
	Reason string
}

// Pages is a provider's answer, as it arrives.
type Pages = iter.Seq2[Page, error]

// Plan is what one page will change. It is applied whole or not at all, and only if the calendar still stands at Since.
type Plan struct {
	Calendar CalendarID
	Since    Token

	Created   []Change // new to the user
	Updated   []Change // the user sees the remote's content now
	Deleted   []Change // gone for the user
	Merged    []Change // both sides changed different things; what the remote lacks of it will be pushed
	Settled   []Change // the remote has what the edit wanted
	Refreshed []Change // nothing a user sees: an etag, an attempt that can no longer happen
}

// All walks every change of the plan.
func (p Plan) All() iter.Seq[Change] {
	return func(yield func(Change) bool) {
		for _, set := range [][]Change{p.Created, p.Updated, p.Deleted, p.Merged, p.Settled, p.Refreshed} {
			for _, c := range set {
				if !yield(c) {
					return
				}
			}
		}
	}
}

// Change is what a plan does to one object. Versions without an ID are new; a Base that lost its Href is kept as a tombstone.
type Change struct {
	Was      Version // what the user saw before; the feed gets a row when this and Object.Want differ
	Object   Object  // as it is to be; an empty ID: a new one
	Conflict *Conflict
	Notices  []Notice
	Copy     *Object // keep-both: a second object that carries the local version
}

// Conflict says that two sides changed the same thing, and what was done about it. No version it names is ever dropped while open.
type Conflict struct {
	ID                 ConflictID
	Object             ObjectID
	Calendar           CalendarID
	Kind               ConflictKind
	Base, Mine, Theirs Version // the zero Version: deleted, or never there
	Winner             Side
	Contested          []string // the property groups: "SUMMARY", "time", "attendee:mailto:bob@example.org", "20260105T090000Z/SUMMARY"
	Policy             Policy
	Open               bool
	At                 time.Time
	Resolution         string // how a person resolved it: mine, theirs, both
}

// ConflictKind names what the two sides did, the local one first.
type ConflictKind string

const (
	UpdateUpdate ConflictKind = "update/update"
	UpdateDelete ConflictKind = "update/delete"
	DeleteUpdate ConflictKind = "delete/update"
	CreateCreate ConflictKind = "create/create"
	Structural   ConflictKind = "structural" // the series' rule on one side, its instances on the other: no mixing
	CalendarLost ConflictKind = "calendar/gone"
)

// Side names one of the two.
type Side string

const (
	Mine   Side = "mine"
	Theirs Side = "theirs"
	Both   Side = "both"
)

// Notice records that a version stopped being effective without anybody contesting it.
type Notice struct {
	Object   ObjectID
	Kind     NoticeKind
	From, To Version
	At       time.Time
}

// NoticeKind says why.
type NoticeKind string

const (
	ServerAltered NoticeKind = "server_altered" // the server stored something else than what we sent
	Reappeared    NoticeKind = "reappeared"     // an object that was deleted came back at the remote
	Vanished      NoticeKind = "vanished"       // what we created was removed before we ever saw it
	UIDDuplicate  NoticeKind = "uid_duplicate"  // two resources of one calendar share a UID
)
