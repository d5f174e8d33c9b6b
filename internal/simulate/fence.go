package simulate

import (
	"fmt"
	"sync"
)

// fence watches who commits: a process that syncs may commit what it does under a lease, and nothing once somebody has taken that over
// (I2, I6, I9 hang on it). What comes of such a commit is mostly put right by the next sync, so it is asked at each.
type fence struct {
	mu    sync.Mutex
	found map[string]leased // before the last commit of anybody, by account
	mine  map[*process]epochs
}

type leased struct {
	owner string
	epoch int64
}

// epochs of the leases that a process took last, by account.
type epochs map[string]int64

// committing is called before each commit of a process, and what it gives after: nobody else commits in between.
func (w *world) committing(p *process) func(error) {
	w.fence.mu.Lock()
	return func(err error) {
		defer w.fence.mu.Unlock()
		if err == nil {
			w.committed(p)
		}
	}
}

func (w *world) committed(p *process) {
	now, err := w.leases()
	if err != nil {
		panic(fmt.Sprintf("simulate: read the leases: %v", err))
	}
	if !w.fence.allows(p, now) {
		w.violate("I6", "%s commits without a lease: %v", p.name, now)
	}
	if n := w.fence.touched(now); n > 1 {
		w.violate("I13", "%s changes the leases of %d accounts at once: %v", p.name, n, now)
	}
	w.fence.found = now
}

// allows: the process takes a lease by this commit, or held one before it.
func (f *fence) allows(p *process, now map[string]leased) (yes bool) {
	if f.mine == nil {
		f.mine = map[*process]epochs{}
	}
	for id, l := range now {
		switch was := f.found[id]; {
		case l.epoch > was.epoch && l.owner == p.engine.Owner:
			if f.mine[p] == nil {
				f.mine[p] = epochs{}
			}
			f.mine[p][id] = l.epoch
			yes = true
		case was.owner == p.engine.Owner && was.epoch == f.mine[p][id]:
			yes = true
		}
	}
	return yes
}

// touched counts the accounts whose lease is another now.
func (f *fence) touched(now map[string]leased) (n int) {
	for id, l := range now {
		if was, known := f.found[id]; known && was != l {
			n++
		}
	}
	return n
}

func (w *world) leases() (map[string]leased, error) {
	rows, err := w.lane.leases.Query()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	all := map[string]leased{}
	for rows.Next() {
		var id string
		var l leased
		if err := rows.Scan(&id, &l.owner, &l.epoch); err != nil {
			return nil, err
		}
		all[id] = l
	}
	return all, rows.Err()
}
