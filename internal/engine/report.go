package engine

import (
	"errors"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// Mode is how much a sync asks of the remote.
type Mode string

const (
	Incremental Mode = "incremental" // what changed since the last time
	Full        Mode = "full"        // forget tokens, list everything
	Check       Mode = "check"       // compute and report the plan; write nothing anywhere
)

// Tally counts objects created, updated and deleted.
type Tally struct {
	Created int `json:"created"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
}

// Total is the number of objects touched.
func (t Tally) Total() int { return t.Created + t.Updated + t.Deleted }

// Run is what one sync did to one calendar.
type Run struct {
	ID         cal.RunID      `json:"id"`
	Account    cal.AccountID  `json:"account"`
	Calendar   cal.CalendarID `json:"calendar"`
	Name       string         `json:"name"`
	Mode       Mode           `json:"mode"`
	Complete   bool           `json:"complete"` // the remote listed everything it has
	Pulled     Tally          `json:"pulled"`
	Pushed     Tally          `json:"pushed"`
	Merged     int            `json:"merged"`
	Conflicts  int            `json:"conflicts"`
	Unreadable int            `json:"unreadable"`
	Refused    int            `json:"refused"` // edits the remote does not take as they are; they wait for a better one
	Pending    int            `json:"pending"` // edits that wait for their time
	NextTry    *time.Time     `json:"next_try"`
	Requests   int            `json:"requests"`
	Bytes      int64          `json:"bytes"`
	Seconds    float64        `json:"seconds"`
	Trouble    *string        `json:"trouble"`
	Held       bool           `json:"held,omitempty"` // waits for `calbridge approve ID`
	Plan       []Step         `json:"plan,omitempty"` // of a check: what would be done

	started time.Time
}

// store writes the run down, or what is new about a run that is held back.
func (r *Run) store(tx *store.Tx) error {
	if r.Held {
		return nil // stored when the guard stopped it
	}
	row := store.Run{
		Account: r.Account, Calendar: r.Calendar, Mode: string(r.Mode), State: store.RunDone, Requests: r.Requests, Bytes: r.Bytes,
		Started: r.started, Finished: r.started.Add(time.Duration(r.Seconds * float64(time.Second))),
		Counts: store.Counts{Complete: r.Complete, Pulled: store.Tally(r.Pulled), Pushed: store.Tally(r.Pushed),
			Conflicts: r.Conflicts, Unreadable: r.Unreadable},
	}
	if r.Trouble != nil {
		row.State, row.Trouble = store.RunFailed, *r.Trouble
	}
	row, err := tx.AddRun(row)
	r.ID = row.ID
	return err
}

// Step is one line of a plan.
type Step struct {
	Side   string       `json:"side"`   // local: would change here; remote: would be sent
	Action string       `json:"action"` // create, update, delete, merge, conflict
	Object cal.ObjectID `json:"object,omitempty"`
	Href   cal.Href     `json:"href,omitempty"`
	UID    string       `json:"uid,omitempty"`
	Title  string       `json:"summary,omitempty"`
}

// AccountRun is what one sync did to one account.
type AccountRun struct {
	ID       cal.AccountID `json:"id"`
	Name     string        `json:"name"`
	Requests int           `json:"requests"`
	Seconds  float64       `json:"seconds"`
	Trouble  *string       `json:"trouble"`

	person bool // needs one: credentials refused
}

// Report is what one sync did.
type Report struct {
	Runs     []Run        `json:"runs"`
	Accounts []AccountRun `json:"accounts"`
}

// Failed reports whether some account or calendar could not be synced.
func (r Report) Failed() bool {
	for _, a := range r.Accounts {
		if a.Trouble != nil {
			return true
		}
	}
	for _, c := range r.Runs {
		if c.Trouble != nil {
			return true
		}
	}
	return false
}

// NeedsPerson reports whether something waits for a person: credentials were refused, or a run is held back.
func (r Report) NeedsPerson() bool {
	for _, a := range r.Accounts {
		if a.person {
			return true
		}
	}
	for _, c := range r.Runs {
		if c.Held {
			return true
		}
	}
	return false
}

// Progress is told while a sync runs.
type Progress struct {
	Account  cal.AccountID
	Calendar cal.CalendarID
	Name     string
	Done     int // objects moved so far in this calendar, both ways
}

func trouble(err error) *string {
	if err == nil {
		return nil
	}
	text := err.Error()
	return &text
}

// stopsAccount: no use going on with the account's other calendars.
func stopsAccount(err error) bool {
	var busy cal.Busy
	return errors.Is(err, cal.ErrLocked) || !stopsWrites(err) && (errors.Is(err, cal.ErrUnsent) || errors.As(err, &busy))
}

// stopsWrites: the remote takes no more writes of the account for a while, and goes on being read.
func stopsWrites(err error) bool {
	var busy cal.Busy
	return errors.As(err, &busy) && busy.Writes
}
