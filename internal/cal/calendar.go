package cal

import "time"

// Calendar is one collection of objects: what the remote tells of it, and how we hold it.
type Calendar struct {
	ID      CalendarID
	Account AccountID
	Facts
	Token    Token  // where our copy stands in the calendar's history
	Pulled   string // the Mark that was listed before the last pull that ended well
	Audited  time.Time
	Selected bool
	State    CalendarState
	Missing  time.Time // first listed without it; zero: it is listed
	Rules    Rules
}

// Facts is what a remote tells of a calendar.
type Facts struct {
	Href        Href
	Name        string
	Color       string
	Description string
	TimeZone    string // the calendar-timezone property (RFC 4791 §5.2.2), raw; of a Google calendar the IANA name
	Order       string
	Components  string // upper case, sorted, joined by commas: "VEVENT,VTODO"; empty: not told, so anything goes
	Access      Access
	SyncToken   Token  // as listed; empty: not offered
	Mark        string // some text that differs whenever anything in the calendar did: sync-token or ctag; empty: not offered
}

// Described reports whether f and g describe the calendar alike, wherever its contents stand.
func (f Facts) Described(g Facts) bool {
	f.SyncToken, f.Mark = g.SyncToken, g.Mark
	return f == g
}

// Access is what the account may do in a calendar.
type Access string

const (
	AccessWrite    Access = "rw"
	AccessRead     Access = "ro"
	AccessFreeBusy Access = "freebusy"
)

// CalendarState is whether a calendar takes part in synchronisation.
type CalendarState string

const (
	CalendarActive CalendarState = "active"
	CalendarHeld   CalendarState = "held" // the deletion guard stopped its last run; waits for a person
	CalendarGone   CalendarState = "gone" // no longer at the remote
)

// Rules say what happens when both sides changed the same thing. The zero Rules are remote-wins and edit-wins.
type Rules struct {
	OnConflict Policy
	OnDelete   DeletePolicy
}

// Policy decides between two edits of the same property.
type Policy string

const (
	RemoteWins Policy = "remote-wins"
	LocalWins  Policy = "local-wins"
	NewestWins Policy = "newest-wins"
	KeepBoth   Policy = "keep-both"
	Manual     Policy = "manual" // the remote's for now; the conflict stays open until a person answers
)

// DeletePolicy decides between an edit and a deletion of the same object.
type DeletePolicy string

const (
	EditWins DeletePolicy = "edit-wins" // the edited object stays, or comes back
	AsPolicy DeletePolicy = "as-policy" // as OnConflict says
)
