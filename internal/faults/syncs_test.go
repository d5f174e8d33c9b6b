//go:build faults

package faults

import (
	"context"
	"math"
	"math/rand/v2"
	"sync"
	"syscall"
	"time"

	"encoding/json"
)

// syncs runs `calbridge sync` for one account, again and again, and does not let it live long.
func (w *world) syncs(ctx context.Context, l *lane) {
	r := w.chance(l.name + "syncs")
	var long sync.WaitGroup
	defer long.Wait()
	if l.stops {
		long.Go(func() { w.stops(ctx, l) })
	}
	for pause(ctx, between(r, 100*time.Millisecond, 900*time.Millisecond)) {
		switch dice := r.IntN(100); {
		case dice < 50:
			w.killed(r, l)
		case dice < 60:
			w.twins(r, l)
		case dice < 68:
			w.dozed(r, l)
		default:
			w.finished(w.sync(l))
		}
	}
}

func (w *world) sync(l *lane) *running {
	r, err := l.program.start("", "sync", "--json", "--account", l.account)
	if err != nil {
		w.Errorf("start a sync: %v", err)
		return nil
	}
	w.count("syncs", 1)
	return r
}

// killed is a sync that is killed somewhere between 0.05 and 5 s, if it still runs then.
func (w *world) killed(r *rand.Rand, l *lane) {
	w.kill(w.sync(l), moment(r))
}

func (w *world) kill(s *running, after time.Duration) {
	if s.endedWithin(after) || !s.signal(syscall.SIGKILL) || !s.killed() {
		w.finished(s)
		return
	}
	w.count("syncs killed", 1)
	w.fault("kill -9 of calbridge, syncing")
}

// moment draws from 0.05 to 5 s, each order of magnitude alike: a sync in which nothing goes wrong takes about a tenth.
func moment(r *rand.Rand) time.Duration {
	return time.Duration(0.05 * math.Pow(100, r.Float64()) * float64(time.Second))
}

// twins are two syncs of one account at once. One of them is killed, perhaps.
func (w *world) twins(r *rand.Rand, l *lane) {
	one := w.sync(l)
	time.Sleep(between(r, 0, 100*time.Millisecond))
	two := w.sync(l)
	w.count("two syncs of one account at once", 1)
	w.kill(one, moment(r))
	w.finished(two)
}

// dozed is a sync that stands still for a while, shorter than its lease.
func (w *world) dozed(r *rand.Rand, l *lane) {
	s := w.sync(l)
	if !s.endedWithin(between(r, 30*time.Millisecond, 400*time.Millisecond)) && s.signal(syscall.SIGSTOP) {
		time.Sleep(between(r, 500*time.Millisecond, 8*time.Second))
		s.signal(syscall.SIGCONT)
		w.fault("SIGSTOP of calbridge, shorter than the lease")
	}
	w.finished(s)
}

// asleep is longer than the lease of 90 s, so that another sync has taken over when the sleeper wakes up.
const asleep = 96 * time.Second

// stops lets syncs stand still for longer than their lease.
func (w *world) stops(ctx context.Context, l *lane) {
	r := w.chance(l.name + "stops")
	for pause(ctx, between(r, 3*time.Second, 40*time.Second)) {
		s := w.sync(l)
		if s.endedWithin(between(r, 40*time.Millisecond, 400*time.Millisecond)) || !s.signal(syscall.SIGSTOP) {
			w.finished(s)
			continue
		}
		if pause(ctx, asleep) {
			w.fault("SIGSTOP of calbridge, longer than the lease")
		}
		s.signal(syscall.SIGCONT)
		w.finished(s)
	}
}

// report is what `sync --json` tells.
type report struct {
	Runs []struct {
		ID, Name, Calendar          string
		Pulled, Pushed              struct{ Created, Updated, Deleted int }
		Conflicts, Refused, Pending int
		NextTry                     *time.Time `json:"next_try"`
		Trouble                     *string
		Held                        bool
	}
	Accounts []struct{ Trouble *string }
}

// finished lets a sync end and counts what it says.
func (w *world) finished(s *running) (rep report, ok bool) {
	o := s.wait(patience)
	if o.hung {
		w.count("syncs that took longer than two minutes", 1)
	}
	if o.code < 0 {
		return rep, false
	}
	if err := json.Unmarshal([]byte(o.out), &rep); err != nil {
		w.count("syncs that could not begin", 1)
		w.heard(o.err)
		return rep, false
	}
	if o.code == done {
		w.count("syncs that ended well", 1)
	} else {
		w.count("syncs that ended with trouble", 1)
	}
	w.read(rep)
	return rep, o.code == done
}

func (w *world) read(rep report) {
	for _, r := range rep.Runs {
		w.count("conflicts", r.Conflicts)
		w.count("objects pulled", r.Pulled.Created+r.Pulled.Updated+r.Pulled.Deleted)
		w.count("objects pushed", r.Pushed.Created+r.Pushed.Updated+r.Pushed.Deleted)
		w.heardOf(r.Trouble)
	}
	for _, a := range rep.Accounts {
		w.heardOf(a.Trouble)
	}
}
