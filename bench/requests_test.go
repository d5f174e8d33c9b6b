//go:build bench

package bench

import (
	"fmt"
	"os"
	"slices"
	"testing"

	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

const (
	several  = 20 // calendars
	inEach   = 10 // objects; in the one that is worked in, three times as many
	rehearse = 3  // measurements of what is counted and not timed
)

// requests counts what a sync of 20 calendars asks.
func (b *bench) requests(t *testing.T, s providertest.Server) {
	g := garden{bare: newBare(t, s)}
	shelves(several*inEach+4*inEach, uint64(os.Getpid()), func(all []sim.Sample) {
		for range several {
			g.calendar = providertest.FreshCalendar(t, s)
			g.put(t, g.calendar, all[:inEach])
			all = all[inEach:]
		}
		g.live, g.spare = all[:2*inEach], all[2*inEach:]
		g.put(t, g.calendar, g.live)
	})
	h := b.settle(t, s)
	h.sync()
	h.sync()
	b.countNothing(t, h, s)
	b.countChanges(t, h, s, &g)
}

func (b *bench) countNothing(t *testing.T, h *home, s providertest.Server) {
	var counts []int
	var walls samples
	for range rehearse {
		rep, c := h.sync()
		counts, walls = append(counts, rep.Accounts[0].Requests), append(walls, c.wall)
	}
	most := slices.Max(counts)
	b.table.add(t, row{what: "no change, 20 calendars", server: s.Name, floor: "1 request", ours: fmt.Sprint(most, " requests"),
		bar: "1", met: most <= 1, notes: "wall " + walls.String()})
}

func (b *bench) countChanges(t *testing.T, h *home, s providertest.Server, g *garden) {
	var counts []int
	var walls samples
	for range rehearse {
		g.tend(t)
		rep, c := h.sync()
		if pulled, _ := total(rep); pulled.Total() != 10 {
			t.Errorf("pulled %+v", pulled)
		}
		counts, walls = append(counts, rep.Accounts[0].Requests), append(walls, c.wall)
	}
	most := slices.Max(counts)
	b.table.add(t, row{what: "10 changes in one of 20 calendars", server: s.Name, floor: "3 requests", ours: fmt.Sprint(most, " requests"),
		bar: "≤ 3", met: most <= 3, notes: "wall " + walls.String()})
}
