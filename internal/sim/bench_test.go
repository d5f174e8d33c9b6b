package sim_test

import (
	"fmt"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// filled has a calendar of 10,000 realistic objects.
func filled() *sim.CalDAV {
	s := newServer()
	for _, o := range sim.Realistic(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 10000, 1) {
		s.Store("alice", "work", o.Name, o.Body)
	}
	return s
}

func BenchmarkInitialSync(b *testing.B) {
	s := filled()
	for b.Loop() {
		if g := syncCollection(b, s, ""); g.status != 207 || len(g.body) < 15e6 {
			b.Fatal(g.status)
		}
	}
}

func BenchmarkNoChange(b *testing.B) {
	s := filled()
	token := between(syncCollection(b, s, "").body, "<D:sync-token>", "<")
	for b.Loop() {
		syncCollection(b, s, token)
	}
}

func BenchmarkPut(b *testing.B) {
	s := filled()
	for i := 0; b.Loop(); i++ {
		do(b, s, "PUT", fmt.Sprintf("%snew%d.ics", work, i), event(fmt.Sprint("new", i), "x"))
	}
}
