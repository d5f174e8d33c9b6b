package cal

import "time"

// Object is the smallest thing a remote gives an etag: a CalDAV resource, a Google event.
type Object struct {
	ID          ObjectID
	Calendar    CalendarID
	Href        Href // empty: it has no name at the remote yet
	Incarnation int  // grows whenever the object has to be created at the remote anew; each has an href of its own
	UID         string
	// RecurrenceID is the instance of the series with this UID that the object is, where a remote keeps exceptions as resources of their
	// own (Google): 20260105T080000Z, 20260105 for a date, 20260105T090000 for a floating time. Empty: a whole series, or a single event.
	RecurrenceID string
	Component    string // VEVENT, VTODO, VJOURNAL; empty when the body cannot be read
	Summary      string
	Trouble      string // why the body cannot be read; empty when it can
	Base         Version
	Edit         *Edit
	Sent         []Attempt // writes that may have happened, or still may, at the remote
}

// Want is the state the user sees: what the edit wants if there is one, else what was agreed on.
func (o Object) Want() Version {
	if o.Edit != nil {
		return o.Edit.Want
	}
	return o.Base
}

// Doubtful reports whether the object must be read at the remote before anything more is sent for it.
func (o Object) Doubtful() bool {
	for _, a := range o.Sent {
		if a.State != AttemptLate {
			return true
		}
	}
	return false
}

// Edit is a wish the remote has not granted yet. A newer one replaces Want and raises Rev; a push settles only the Rev it sent.
type Edit struct {
	Rev     int
	Want    Version // zero: the user wants it deleted
	At      time.Time
	Tries   int
	Due     time.Time // not to be sent before
	Block   Block
	Trouble string // what the remote said last

	After  ObjectID // not to be sent before what is wanted of this object has arrived; empty: at once
	Notify Notify
}

// Notify says whom the remote may mail about a write. What the engine writes of its own accord mails nobody.
type Notify string

const (
	NotifyNobody   Notify = ""
	NotifyAll      Notify = "all"
	NotifyExternal Notify = "externalOnly" // guests outside the organizer's domain
)

// Block says why an edit is not sent although it is there.
type Block string

const (
	Free     Block = ""
	Rejected Block = "rejected"  // the remote refused the content; the next edit clears it
	ReadOnly Block = "read_only" // the calendar may not be written; cleared when it may
)

// Attempt is one write, recorded before its first byte left. After a crash or a lost answer it tells "this strange version on the
// server is our own write" from "somebody else edited".
type Attempt struct {
	ID     string
	Object ObjectID
	Href   Href
	Match  ETag // the precondition: this version; empty: absence (If-None-Match: *)
	Rev    int  // the edit it carried
	Want   Version
	Notify Notify // not kept on record
	State  AttemptState
	At     time.Time
}

// Create reports whether the attempt was conditional on the resource being absent.
func (a Attempt) Create() bool { return a.Match == "" }

// AttemptState is what is on record about an attempt's outcome.
type AttemptState string

const (
	AttemptSent    AttemptState = "sent"    // it left, or was about to: it may have happened
	AttemptDone    AttemptState = "done"    // the remote said yes; what it stored has not been read yet
	AttemptRefused AttemptState = "refused" // the remote said that the precondition does not hold; what is there has not been read yet
	AttemptLate    AttemptState = "late"    // a read since showed that it had not happened; its precondition still holds, so it still may
)

// Resource is one object as the remote shows it: body and etag out of one answer.
type Resource struct {
	Href         Href
	Fixed        bool // the href names this object for ever (a Google event id), whatever becomes of its UID
	UID          string
	RecurrenceID string // as Object.RecurrenceID
	Component    string
	Summary      string
	Trouble      string    // why the body cannot be read; empty when it can
	Modified     time.Time // LAST-MODIFIED, else DTSTAMP; zero: not told
	Version
}
