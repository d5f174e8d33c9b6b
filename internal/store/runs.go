package store

import (
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Run is one synchronisation of one calendar, or of an account's own part of the work.
type Run struct {
	ID       cal.RunID
	Account  cal.AccountID
	Calendar cal.CalendarID // empty: the account's part
	Mode     string         // incremental, full, check
	State    RunState
	Counts   Counts
	Requests int
	Bytes    int64
	Started  time.Time
	Finished time.Time
	Trouble  string
	Held     []cal.ObjectID // what the plan that the deletion guard stopped would delete
	Guard    string         // digest of that: an approval counts for exactly this
}

// Counts is what a run did.
type Counts struct {
	Complete   bool  `json:"complete"` // it compared a complete listing
	Pulled     Tally `json:"pulled"`
	Pushed     Tally `json:"pushed"`
	Conflicts  int   `json:"conflicts"`
	Unreadable int   `json:"unreadable"`
}

// Tally counts objects.
type Tally struct {
	Created int `json:"created"`
	Updated int `json:"updated"`
	Deleted int `json:"deleted"`
}

// RunState is how far a run is.
type RunState string

const (
	RunRunning  RunState = "running"
	RunDone     RunState = "done"
	RunFailed   RunState = "failed"
	RunHeld     RunState = "held"     // the deletion guard stopped it; waits for a person
	RunApproved RunState = "approved" // a person said yes; the next run may
)

// idle reports whether a run has nothing worth keeping.
func (r Run) idle() bool {
	c := r.Counts
	c.Complete = false
	return r.State == RunDone && c == Counts{} && r.Trouble == ""
}

const runColumns = `id, account, calendar, mode, state, counts, idle, requests, bytes, started, finished, trouble, held, guard`

func (r Run) values() []any {
	return []any{
		string(r.ID), string(r.Account), string(r.Calendar), r.Mode, string(r.State), asJSON(r.Counts), truth(r.idle()), r.Requests, r.Bytes,
		millis(r.Started), millis(r.Finished), readable(r.Trouble), asJSON(r.Held), r.Guard,
	}
}

// AddRun stores a run that begins and gives it back with its id.
func (tx *Tx) AddRun(r Run) (Run, error) {
	id, err := tx.db.newID()
	if err != nil {
		return r, wrap("begin a run", err)
	}
	r.ID = cal.RunID(id)
	if r.State == "" {
		r.State = RunRunning
	}
	if r.Started.IsZero() {
		r.Started = tx.now
	}
	return r, wrap("begin a run", tx.insert(`INSERT INTO runs (`+runColumns+`)`, 14, r.values(), ""))
}

// UpdateRun stores the run as it is now; a state other than running sets the time it finished, unless that is set.
func (tx *Tx) UpdateRun(r Run) error {
	if r.State != RunRunning && r.Finished.IsZero() {
		r.Finished = tx.now
	}
	err := tx.one(`UPDATE runs SET account = ?, calendar = ?, mode = ?, state = ?, counts = ?, idle = ?, requests = ?, bytes = ?, started = ?,
		finished = ?, trouble = ?, held = ?, guard = ? WHERE id = ?`, append(r.values()[1:], string(r.ID))...)
	return wrap("store run "+string(r.ID), err)
}

// RunFilter picks runs; its zero value picks all.
type RunFilter struct {
	Account  cal.AccountID
	Calendar cal.CalendarID
	State    RunState
	Before   cal.RunID // older than this one
	Limit    int       // 0: all
}

// Runs lists runs, the newest first.
func (tx *Tx) Runs(f RunFilter) ([]Run, error) {
	where, args := []string{`1 = 1`}, []any{}
	add := func(clause, value string) {
		if value != "" {
			where, args = append(where, clause), append(args, value)
		}
	}
	add(`account = ?`, string(f.Account))
	add(`calendar = ?`, string(f.Calendar))
	add(`state = ?`, string(f.State))
	add(`id < ?`, string(f.Before))
	text := strings.Join(where, ` AND `) + ` ORDER BY id DESC` + limited(f.Limit, &args)
	all, err := tx.runs(text, args...)
	return all, wrap("list runs", err)
}

// Run gives one run.
func (tx *Tx) Run(id cal.RunID) (Run, error) {
	all, err := tx.runs(`id = ?`, string(id))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Run{}, wrap("read run "+string(id), err)
	}
	return all[0], nil
}

func (tx *Tx) runs(where string, args ...any) ([]Run, error) {
	var all []Run
	err := tx.each(`SELECT `+runColumns+` FROM runs WHERE `+where, args, func(scan scan) error {
		var r Run
		var idle int
		err := scan(&r.ID, &r.Account, &r.Calendar, &r.Mode, &r.State, document(&r.Counts), &idle, &r.Requests, &r.Bytes, moment(&r.Started),
			moment(&r.Finished), &r.Trouble, document(&r.Held), &r.Guard)
		all = append(all, r)
		return err
	})
	return all, err
}

// UseApproval reports whether a person has allowed what the deletion guard stopped in the calendar: exactly that set, by its digest. The
// caller goes on to delete in the same Write: an approval is used up once, and its run is done.
func (tx *Tx) UseApproval(calendar cal.CalendarID, guard string) (bool, error) {
	if err := tx.LockCalendar(calendar); err != nil {
		return false, err
	}
	n, err := tx.exec(`UPDATE runs SET state = 'done' WHERE calendar = ? AND state = 'approved' AND guard = ?`, string(calendar), guard)
	return n > 0, wrap("use up an approval", err)
}

// CloseHeld ends the runs of a calendar that wait for a person, or for the run that their approval allows: what they would have deleted is
// there again, or the question is another one by now.
func (tx *Tx) CloseHeld(calendar cal.CalendarID) error {
	if err := tx.LockCalendar(calendar); err != nil {
		return err
	}
	_, err := tx.exec(`UPDATE runs SET state = 'done' WHERE calendar = ? AND state IN ('held', 'approved')`, string(calendar))
	return wrap("close the held runs of calendar "+string(calendar), err)
}

// ApproveRun notes that a person allows what the deletion guard stopped. ErrNotFound: the run is not held.
func (tx *Tx) ApproveRun(id cal.RunID) error {
	err := tx.one(`UPDATE runs SET state = 'approved' WHERE id = ? AND state = 'held'`, string(id))
	return wrap("approve run "+string(id), err)
}
