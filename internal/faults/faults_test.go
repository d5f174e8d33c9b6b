//go:build faults

// Package faults runs the program as it is shipped against servers, databases and disks as they fail: killed, stopped, cut off, slow, full.
// `make faults` plays it for FAULTS_MINUTES, half an hour unless told.
//
// Four accounts are synced by processes that are killed all the time, three with PostgreSQL (at Radicale, at Radicale, at Cyrus), one with
// SQLite (at Radicale). Each has two calendars, where the remote wins and where both are kept. Of each calendar three people edit few
// objects: two at the server, one here through the command line, so that conflicts are the rule. Whatever anybody was told is done stands in
// a ledger; at the end, when everything works again, every edit has to be accounted for.
//
// It needs root, who alone can make small disks, and what is tested with: see scripts/faults.sh.
package faults

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"calbridge/internal/providertest"
)

func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }

func TestFaults(t *testing.T) {
	w := newWorld(t)
	w.storm(minutes(t))
	w.settle()
	w.judge()
	w.tell()
}

// minutes is how long things go wrong.
func minutes(t *testing.T) time.Duration {
	n, err := strconv.ParseFloat(cmp.Or(os.Getenv("FAULTS_MINUTES"), "30"), 64)
	if err != nil || n <= 0 {
		t.Fatalf("FAULTS_MINUTES=%q is not a number of minutes", os.Getenv("FAULTS_MINUTES"))
	}
	return time.Duration(n * float64(time.Minute))
}

// world is everything that takes part.
type world struct {
	*testing.T
	ledger
	tally
	seed  uint64
	lanes []*lane
	sky   sky
}

// chance gives a stream of its own to everybody who acts.
func (w *world) chance(who string) *rand.Rand {
	var n uint64
	for _, c := range []byte(who) {
		n = n*131 + uint64(c)
	}
	return rand.New(rand.NewPCG(w.seed, n))
}

// storm lets everybody work and everything fail, for a time.
func (w *world) storm(lasts time.Duration) {
	ctx, stop := context.WithTimeout(context.Background(), lasts)
	defer stop()
	var all sync.WaitGroup
	for _, l := range w.lanes {
		for _, e := range []string{"ann", "ben"} {
			all.Go(func() { w.somebody(ctx, l, e) })
		}
		all.Go(func() { w.user(ctx, l) })
		all.Go(func() { w.syncs(ctx, l) })
	}
	w.weather(ctx, &all)
	began := time.Now()
	all.Go(func() { w.progress(ctx, began) })
	all.Wait()
	w.lasted = time.Since(began)
}

// progress shows once a minute that the run is alive.
func (w *world) progress(ctx context.Context, began time.Time) {
	for pause(ctx, time.Minute) {
		fmt.Printf("%4.0f s: %s\n", time.Since(began).Seconds(), w.brief())
	}
}

// pause waits, and reports whether to go on.
func pause(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// between draws a time.
func between(r *rand.Rand, from, to time.Duration) time.Duration {
	return from + time.Duration(r.Int64N(int64(to-from)))
}
