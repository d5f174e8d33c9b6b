// Package simulate tells histories: the real engine, the real adapters and the real store, over servers that misbehave on purpose, with
// people on both sides, processes that overlap, stall and die, and everything going wrong that can. Then it asks for every promise.
//
// One history is one world in one bubble of testing/synctest, where time is ours. Its processes stand still at gates (gate.go): before a
// request leaves, before its answer is heard, before a transaction begins. A Story (story.go) says step by step who does what and which gate
// is opened with which mishap; nothing else is left to chance, so the same story is always the same history, and one that breaks a promise
// can be cut down to the few steps that matter (shrink.go), and kept as a file.
//
// What is real: engine, reconcile, both adapters from their HTTP client up, store and database. What is not: the servers (package sim), the
// network, the clock, and, in a history, the process that dies: its goroutines get nothing done any more.
//
//	generate.go        a seed's story                   watch.go    what is asked while it is told: I4, I7, I13
//	tell.go people.go  what happens, step by step       rest.go     what is asked at rest: I1, I2, I3, I5, I8 to I11, I16
//	dav.go google.go   the servers, from all sides      ledger.go   who wrote which word, and who saw it
//	wire.go disk.go    what goes wrong with requests    reach.go    which situations, cells and faults were come to
package simulate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// Options say what to simulate.
type Options struct {
	Profiles []string // names of sim.Profiles, and "any"; each in turn
	First    uint64   // seed
	Count    int
	Stride   uint64                                  // from one seed to the next; 0: 1
	Steps    int                                     // of a generated story
	Story    func(profile string, seed uint64) Story // nil: Generate
	Lanes    int                                     // histories told at once
	Database string                                  // empty: SQLite in memory; else a PostgreSQL database that may be emptied
	Until    time.Time                               // begin no more histories then; zero: whenever
	Once     bool                                    // begin no more histories when one has failed
	Shrink   int                                     // how many stories to try to shorten a failing one; 0: leave it
	Told     func(Outcome)                           // called for each history, one at a time; may be nil
}

// Summary is what came of it.
type Summary struct {
	Histories int
	Steps     int
	Failed    []Outcome
	Elapsed   time.Duration
	Reach     *Reach
}

// Steps is how long a generated story is unless somebody says otherwise. With the gates that it walks through, a history takes about 200.
const Steps = 120

// Run tells the histories of the seeds. An error is the simulation's own; broken promises are in the Summary.
func Run(ctx context.Context, o Options) (Summary, error) {
	r := run{Options: o, Summary: Summary{Reach: NewReach()}}
	began := time.Now()
	var lanes sync.WaitGroup
	for range max(1, o.Lanes) {
		lanes.Go(func() { r.fail(r.lane(ctx)) })
	}
	lanes.Wait()
	r.Elapsed = time.Since(began)
	return r.Summary, errors.Join(r.errs...)
}

type run struct {
	Options
	Summary
	next atomic.Int64
	mu   sync.Mutex
	errs []error
}

func (r *run) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil {
		r.errs = append(r.errs, err)
	}
}

func (r *run) failed() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.Failed) > 0
}

func (r *run) lane(ctx context.Context) error {
	l, err := newLane(ctx, r.Database)
	if err != nil {
		return err
	}
	defer l.Close()
	for ctx.Err() == nil && (r.Until.IsZero() || time.Now().Before(r.Until)) {
		n := int(r.next.Add(1) - 1)
		if n >= r.Count || r.Once && r.failed() {
			return nil
		}
		seed := r.First + uint64(n)*max(1, r.Stride)
		if err := r.history(ctx, l, r.story(r.Profiles[seed%uint64(len(r.Profiles))], seed)); err != nil {
			return fmt.Errorf("seed %d: %w", seed, err)
		}
	}
	return ctx.Err()
}

func (r *run) story(profile string, seed uint64) Story {
	if r.Story != nil {
		return r.Story(profile, seed)
	}
	return Generate(profile, seed, r.Options.Steps)
}

func (r *run) history(ctx context.Context, l *lane, s Story) error {
	o, err := l.tell(ctx, s, r.Reach)
	if err != nil {
		return err
	}
	if o.Failed() && r.Shrink > 0 {
		nowhere := NewReach()
		o = Shrink(o, r.Shrink, func(s Story) (Outcome, error) { return l.tell(ctx, s, nowhere) })
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Histories++
	r.Summary.Steps += o.Steps
	if o.Failed() {
		r.Failed = append(r.Failed, o)
	}
	if r.Told != nil {
		r.Told(o)
	}
	return nil
}

// tell plays a story in a bubble.
func (l *lane) tell(ctx context.Context, s Story, reach *Reach) (o Outcome, err error) {
	err = inBubble(func() (err error) {
		o, err = tell(ctx, l, s, reach)
		return err
	})
	return o, err
}

// Tell plays one story on a database of its own.
func Tell(ctx context.Context, s Story, database string) (Outcome, error) {
	l, err := newLane(ctx, database)
	if err != nil {
		return Outcome{}, err
	}
	defer l.Close()
	return l.tell(ctx, s, NewReach())
}

// Replay reads a story and plays it.
func Replay(ctx context.Context, r io.Reader, database string) (Outcome, error) {
	s, err := ReadStory(r)
	if err != nil {
		return Outcome{}, err
	}
	return Tell(ctx, s, database)
}
