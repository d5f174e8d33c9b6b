package simulate

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
)

// gate is a point at which a goroutine of a process stands until the driver lets it go on: before a request leaves, before its answer is
// heard, before a transaction begins. Between two gates nothing that others could see happens, so one gate opened at a time is one order
// of events; and the order is the story's, whatever Go's scheduler does.
type gate struct {
	name   string // "send PUT /dav/…", "hear PUT /dav/…", "read", "write"
	about  string // tells apart what has the same name
	came   int    // the driver's step in which it was reached
	opened chan mishap
}

func (g *gate) String() string {
	if g.about != "" && (g.name == "read" || g.name == "write") {
		return g.name + " " + g.about
	}
	return g.name
}

// gates are those of one process.
type gates struct {
	mu      sync.Mutex
	waiting []*gate
	open    bool          // everybody passes: this is no process, but people
	dead    bool          // nobody passes: the process has died
	steps   *atomic.Int64 // taken by the driver so far
}

// errDied is what a dead process gets from whatever it still tries.
var errDied = errors.New("the process died")

// pass waits for the driver. A process that dies, or whose patience ends, goes no further.
func (g *gates) pass(ctx context.Context, name, about string) (mishap, error) {
	me, wait := g.enter(name, about)
	switch {
	case !wait:
		return mishap{}, g.alive()
	}
	select {
	case m := <-me.opened:
		return m, g.alive()
	case <-ctx.Done():
		g.leave(me)
		return mishap{}, context.Cause(ctx)
	}
}

func (g *gates) enter(name, about string) (me *gate, wait bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.open || g.dead {
		return nil, false
	}
	me = &gate{name: name, about: about, came: int(g.steps.Load()), opened: make(chan mishap, 1)}
	g.waiting = append(g.waiting, me)
	return me, true
}

func (g *gates) leave(me *gate) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.waiting = slices.DeleteFunc(g.waiting, func(o *gate) bool { return o == me })
}

func (g *gates) alive() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.dead {
		return errDied
	}
	return nil
}

// inLine gives the gates that are waited at, in an order that does not depend on who came first within one step.
func (g *gates) inLine() []*gate {
	g.mu.Lock()
	defer g.mu.Unlock()
	slices.SortStableFunc(g.waiting, func(a, b *gate) int {
		if a.came != b.came {
			return a.came - b.came
		}
		return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.about, b.about))
	})
	return slices.Clone(g.waiting)
}

// let opens a gate.
func (g *gates) let(one *gate, m mishap) {
	g.leave(one)
	one.opened <- m
}

// die lets nobody pass any more.
func (g *gates) die() {
	g.mu.Lock()
	g.dead = true
	waiting := g.waiting
	g.waiting = nil
	g.mu.Unlock()
	for _, one := range waiting {
		one.opened <- mishap{}
	}
}

// shut begins anew: the process was started again, or the weather turns.
func (g *gates) shut() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.open, g.dead = false, false
}
