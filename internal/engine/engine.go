// Package engine drives one account: it lists the calendars, then for each pushes what the user wants and pulls what the remote has.
// It knows no wire: a Provider moves the bytes, package reconcile decides, package store remembers.
//
//	push   store.Read outbox → store.Write records the attempts → one guarded request each → store.Write notes the outcomes
//	pull   store.Read doubts → provider, no lock held → digests, no lock held → one store.Write per page that reads the objects,
//	       decides, applies, moves the token and appends the feed
//
// Push goes first, so that a refusal is settled by the pull of the same run, and the pull reads back what was written. A crash
// between any two steps leaves nothing to repair: the next run reads what is in doubt and decides again.
package engine

import (
	"context"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// Provider is one account at a remote. Paging, batching, truncation, expired tokens and the choice between delta and listing end
// inside it. Its errors are of the kinds of package cal; any other is a passing fault with an unknown outcome.
type Provider interface {
	// Calendars lists every calendar of the account; positions: and where each stands (SyncToken, Mark), by which most syncs see that
	// nothing changed. Not asked for when it is no use: some servers walk through whole calendars to tell.
	Calendars(ctx context.Context, positions bool) ([]cal.Facts, error)
	// Changes answers what happened in a calendar. An expired token is no error: the answer is complete.
	Changes(ctx context.Context, c cal.Calendar, ask cal.Ask) cal.Pages
	// Name is what the object is to be called at the remote in its present incarnation. Pure: a retry uses the same name. series is where the
	// series lives that it is an exception of, if that is a resource of its own. Empty: it can have no name without one.
	Name(c cal.Calendar, o cal.Object, series cal.Href) cal.Href
	// Put writes body over base, under the attempt's precondition; nil: the remote said yes.
	Put(ctx context.Context, c cal.Calendar, a cal.Attempt, base cal.Version, body cal.Body) error
	// Delete removes the resource under the attempt's precondition; nil: it is not there any more.
	Delete(ctx context.Context, c cal.Calendar, a cal.Attempt) error
	// Usage counts the HTTP requests sent and the bytes received so far.
	Usage() (requests int, bytes int64)
	// Learned is what was found out about the server and is to be handed to the next Provider; nil: nothing new.
	Learned() (server string, profile []byte)
	Close()
}

// Engine syncs accounts.
type Engine struct {
	Store    *store.DB
	Open     func(ctx context.Context, a store.Account) (Provider, error) // connects to an account's remote; sends nothing yet
	Owner    string                                                       // names this process in leases
	Clock    func() time.Time
	Chance   func() float64 // in [0,1), for jitter
	Progress func(Progress) // may be nil
	Notify   string         // where remotes send push notifications; empty: none are asked for
	// Decided, unless nil, is told what was held of what a page of a calendar is about, and what was decided; Answered, what became of each
	// write. Both inside the transaction, so perhaps more than once.
	Decided  func(c cal.Calendar, held []cal.Object, page cal.Page, plan cal.Plan)
	Answered func(cal.Attempt, error)
	Limits
}

// Limits are the engine's numbers.
type Limits struct {
	Guard       reconcile.Guard
	Grace       time.Duration // how long a create whose answer was lost may still arrive
	AuditEvery  time.Duration // between complete listings, which heal what a server's change log lost; 0: never
	Connections int           // writes in flight at once
	Deadline    time.Duration // of one write
	Lease       time.Duration // longer than Deadline: who was thought dead cannot have a write under way
	Patience    time.Duration // with passing faults of reads, within one run
}

// DefaultLimits are what calbridge runs with.
func DefaultLimits() Limits {
	return Limits{
		Guard: reconcile.Guard{Share: 0.5, Least: 10}, Grace: time.Minute, AuditEvery: 24 * time.Hour,
		Connections: 4, Deadline: 30 * time.Second, Lease: 90 * time.Second, Patience: 8 * time.Second,
	}
}

// Options say what to sync.
type Options struct {
	Mode     Mode
	Calendar cal.CalendarID // empty: all that are selected
}

// Sync syncs the accounts one after the other. A broken account never stops the rest.
func (e *Engine) Sync(ctx context.Context, accounts []store.Account, o Options) Report {
	var rep Report
	for _, a := range accounts {
		w := &walk{Engine: e, account: a, Options: o}
		w.sync(ctx)
		rep.Accounts = append(rep.Accounts, w.summary)
		rep.Runs = append(rep.Runs, w.runs...)
	}
	return rep
}

// Once is a Provider that keeps events and the exceptions of series apart, each under a name that serves one creation only, even after
// deletion (Google's event ids). A create that arrives late cannot bring back what somebody deleted meanwhile, so nobody need wait for it;
// but neither a UID nor the etag of a series guards against what somebody else has just made.
type Once interface{ Once() bool }

func (w *walk) moment() reconcile.Moment {
	m := reconcile.Moment{Now: w.Clock(), Grace: w.Grace}
	if w.once() {
		m.Grace = 0
	}
	return m
}

func (w *walk) once() bool {
	p, ok := w.provider.(Once)
	return ok && p.Once()
}
