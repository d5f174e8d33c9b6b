//go:build bench

package bench

import (
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// large is how many objects the large calendars hold: 15 to 18 MB.
const large = 10_000

// shelf is how many objects are made at a time, so that we stay small ourselves.
const shelf = 500

// shelves makes n objects, a shelf of them at a time. Each run and each use has a seed of its own: Cyrus takes a UID once in all calendars
// of a user.
func shelves(n int, seed uint64, each func([]sim.Sample)) {
	for ; n > 0; n -= shelf {
		each(sim.Realistic(time.Now(), min(n, shelf), seed))
		seed++
	}
}

// garden is a calendar that somebody else keeps working in.
type garden struct {
	*bare
	calendar string
	live     []sim.Sample // some of what is there
	spare    []sim.Sample // what is not there yet
	turn     int
}

// tend makes ten changes: 5 edits, 3 creates, 2 deletes. It gives the hrefs that are there now.
func (g *garden) tend(t testing.TB) (changed [][]string) {
	t.Helper()
	g.turn++
	for i := range g.live[:5] {
		g.live[i].Body = strings.Replace(g.live[i].Body, "SUMMARY:", "SUMMARY:"+strings.Repeat("again ", g.turn%3+1), 1)
	}
	now := slices.Concat(g.live[:5], g.spare[:3])
	g.put(t, g.calendar, now)
	for _, o := range g.live[5:7] {
		g.remove(t, g.calendar+o.Name)
	}
	g.live = slices.Concat(g.live[7:], now)
	g.spare = g.spare[3:]
	for _, o := range now {
		changed = append(changed, []string{"", g.calendar + o.Name})
	}
	return changed
}
