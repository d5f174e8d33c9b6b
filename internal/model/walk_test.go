package model

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"
)

// TestEveryInterleaving walks every order in which a few edits on both sides, the steps of the workers and a few faults can happen. In
// every world it comes to, the engine is left alone until it rests, and nothing may be lost, doubled or back from the dead.
func TestEveryInterleaving(t *testing.T) {
	for _, rules := range []Rules{{}, {AsPolicy: true}, {Policy: LocalWins}, {Policy: LocalWins, AsPolicy: true}, {Policy: KeepBoth}} {
		walked := 0
		for _, g := range grid() {
			walked += explore(t, rules, g.quirks, g.budget)
		}
		t.Logf("%+v: %d worlds", rules, walked)
	}
}

type configuration struct {
	quirks
	budget
}

func grid() []configuration {
	one := budget{local: 2, remote: 1, fault: 1, cycle: 2}
	if raceDetector || testing.Short() {
		return []configuration{{budget: one}, {quirks{fresh: true}, one}}
	}
	return []configuration{
		{quirks{}, budget{local: 2, remote: 2, fault: 1, cycle: 2}},
		{quirks{}, budget{local: 3, remote: 1, fault: 1, cycle: 2}},
		{quirks{}, budget{local: 2, remote: 1, fault: 2, cycle: 2}},
		{quirks{fresh: true}, budget{local: 3, remote: 1, fault: 2, cycle: 3}},
		{quirks{rewrites: true}, one},
		{quirks{strips: true}, one},
		{quirks{strips: true, fresh: true}, budget{local: 2, remote: 1, fault: 1, cycle: 3}},
		{quirks{touches: true}, one},
		{quirks{two: true}, budget{local: 2, remote: 1, fault: 1, cycle: 2, takeover: 1}},
		{quirks{two: true, fresh: true}, budget{local: 2, remote: 2, fault: 1, cycle: 2, takeover: 1}},
	}
}

func explore(t *testing.T, rules Rules, q quirks, b budget) (walked int) {
	t.Helper()
	w := walk{seed: maphash.MakeSeed(), seen: map[uint64]struct{}{}}
	w.from(begin(rules, q, b))
	if w.broken != "" {
		t.Errorf("%+v %+v %+v: %s\n%s", rules, q, b, w.broken, strings.Join(w.shortest, " > "))
	}
	return len(w.seen)
}

// begin is the world before anything happens: nothing is there, or an event that both sides know.
func begin(rules Rules, q quirks, b budget) world {
	w := world{quirks: q, rules: rules, left: b}
	if q.fresh {
		return w
	}
	e := Event{There: true}
	e.Has[A], e.Has[B] = w.ghosts.next(), w.ghosts.next()
	w.server.write(e)
	w.record.base, w.record.want, w.record.tag, w.token = e, e, w.server.tag, w.server.seq
	w.ghosts.known = edits(e)
	return w
}

type walk struct {
	seed     maphash.Seed
	seen     map[uint64]struct{} // fingerprints of worlds
	path     []string
	broken   violation
	shortest []string
}

func (k *walk) from(w world) {
	mark := maphash.Comparable(k.seed, w)
	if _, been := k.seen[mark]; been {
		return
	}
	k.seen[mark] = struct{}{}
	k.try("rest", func() { w.atRest() })
	for _, here := range []bool{true, false} {
		for _, what := range []string{"a", "b", "create", "delete", "touch"} {
			next, name, possible := w, map[bool]string{true: "here ", false: "there "}[here]+what, false
			if k.try(name, func() { possible = next.edit(here, what) }) && possible {
				k.on(name, next)
			}
		}
	}
	for i := range w.workers {
		if i == 0 || w.quirks.two {
			k.work(w, i)
		}
	}
	if w.travels.there {
		k.step("a delayed request arrives", w, func(next *world) {
			next.travels = request{}
			next.serve(w.travels.Attempt)
		})
	}
}

// work lets one worker take a step, with every fault that there is.
func (k *walk) work(w world, i int) {
	is, stalled := w.workers[i].phase, w.workers[1-i].phase != idle
	if is == idle {
		if w.left.cycle == 0 || stalled && w.left.takeover == 0 {
			return
		}
		w.left.cycle--
		if stalled {
			w.left.takeover--
		}
	}
	take := func(fault string) {
		next := w
		name := fmt.Sprint("worker ", i, " ", doing[is])
		if fault != "" {
			next.left.fault--
			name += ", " + fault
		}
		k.step(name, next, func(next *world) { next.step(&next.workers[i], fault) })
	}
	take("")
	if w.left.fault == 0 || is == idle {
		return
	}
	take("crash")
	if is == recorded {
		take("drop")
		take("lose")
		if !w.travels.there {
			take("delay")
		}
	}
}

// step takes a step that may break an invariant.
func (k *walk) step(name string, w world, step func(*world)) {
	if k.try(name, func() { step(&w) }) {
		k.on(name, w)
	}
}

func (k *walk) on(name string, w world) {
	k.path = append(k.path, name)
	k.from(w)
	k.path = k.path[:len(k.path)-1]
}

func (k *walk) try(name string, step func()) (sound bool) {
	defer func() {
		broken := recover()
		if broken == nil {
			sound = true
			return
		}
		v, ours := broken.(violation)
		if !ours {
			panic(broken)
		}
		if path := append(append([]string(nil), k.path...), name); k.broken == "" || len(path) < len(k.shortest) {
			k.broken, k.shortest = v, path
		}
	}()
	step()
	return false
}
