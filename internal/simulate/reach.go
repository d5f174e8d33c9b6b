package simulate

import (
	"maps"
	"slices"
	"sync"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
)

// Reach counts what histories came to. A simulation that never gets where things break proves nothing.
type Reach struct {
	mu     sync.Mutex
	counts map[string]int
}

// NewReach makes an empty one.
func NewReach() *Reach { return &Reach{counts: map[string]int{}} }

// Situation counts one.
func (r *Reach) Situation(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name]++
}

// Count tells how often something was come to.
func (r *Reach) Count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[name]
}

// Names lists everything that was come to.
func (r *Reach) Names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.counts))
}

func (r *Reach) decision(o cal.Object, s reconcile.Sighting, _ Story) {}

func (r *Reach) change(c cal.Change) {}
