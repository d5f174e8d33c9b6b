//go:build bench

package bench

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

// How often is measured.
const (
	often   = 15
	seldom  = 5
	hardly  = 3
	maxPeak = 64 // MiB
)

// cyrus is the large calendar on the fastest server, which shows the client most.
func (b *bench) cyrus(t *testing.T) {
	s := providertest.StartCyrus(t)
	g := &garden{bare: newBare(t, s), calendar: providertest.FreshCalendar(t, s)}
	shelves(large, uint64(os.Getpid())+100, func(some []sim.Sample) {
		g.put(t, g.calendar, some)
		g.live = some
	})
	shelves(often*3+3, uint64(os.Getpid())+200, func(some []sim.Sample) { g.spare = some })
	h := b.first(t, g, seldom, 3)
	h.sync()
	b.nothing(t, h, g)
	b.changes(t, h, g)
}

// radicale is the same calendar on a server that is slow itself, where a client can only do nothing needless.
func (b *bench) radicale(t *testing.T) {
	s := providertest.StartRadicale(t)
	g := &garden{bare: newBare(t, s), calendar: providertest.FreshCalendar(t, s)}
	folder := radicaleFolder(t, s, g.calendar)
	shelves(large, uint64(os.Getpid())+300, func(some []sim.Sample) {
		for _, o := range some {
			if err := os.WriteFile(filepath.Join(folder, o.Name), []byte(o.Body), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	})
	t.Logf("radicale read its files in %v", clock(func() { g.inline(t, g.calendar) })) // and keeps what it understood
	b.first(t, g, hardly, 1.2)
}

// radicaleFolder finds where a Radicale keeps a calendar: 10,000 PUTs take it five minutes, 10,000 files one.
func radicaleFolder(t *testing.T, s providertest.Server, calendar string) string {
	t.Helper()
	configs, _ := filepath.Glob("/tmp/calbridge-radicale-*/config")
	address := strings.TrimPrefix(s.URL, "http://")
	for _, config := range configs {
		if text, err := os.ReadFile(config); err == nil && strings.Contains(string(text), "hosts = "+address+"\n") {
			return filepath.Join(filepath.Dir(config), "data", "collection-root", calendar)
		}
	}
	t.Fatalf("no config of the radicale at %s", address)
	return ""
}

// first measures the first sync of everything, into a database that has nothing but the account.
func (b *bench) first(t *testing.T, g *garden, n int, bar float64) (h *home) {
	var inline, listed, calendars, ours, cpu samples
	var peaks []int
	for range n {
		inline = append(inline, clock(func() { g.inline(t, g.calendar) }))
		listed = append(listed, clock(func() { g.listed(t, g.calendar) }))
		calendars = append(calendars, clock(func() { g.home(t) }))
		h = b.settle(t, g.server)
		rep, c := h.sync()
		if pulled, _ := total(rep); pulled.Created != large {
			t.Errorf("pulled %+v", pulled)
		}
		ours, cpu, peaks = append(ours, c.wall), append(cpu, c.cpu), append(peaks, c.peak)
	}
	floor := inline
	if listed.median() < inline.median() {
		floor = listed
	}
	ratio := times(ours, floor)
	b.table.add(t, row{what: "first sync, 10,000 objects", server: g.server.Name, floor: floor.String(), ours: ours.String(),
		ratio: fmt.Sprintf("%.2f", ratio), bar: fmt.Sprintf("≤ %g×", bar), met: ratio <= bar,
		notes: fmt.Sprintf("client CPU %v; floor in one answer %v, by multiget of 1,000 %v; listing the calendars before that %v", cpu, inline,
			listed, calendars)})
	most := peak(peaks)
	b.table.add(t, row{what: "its peak memory", server: g.server.Name, ours: most, bar: fmt.Sprintf("≤ %d MiB", maxPeak),
		met: met(peaks, maxPeak), notes: fmt.Sprintf("each %v; the harness itself %d", peaks, ourPeak())})
	return h
}

func met(peaks []int, most int) bool {
	for _, p := range peaks {
		if p > most {
			return false
		}
	}
	return true
}

// nothing measures a sync that finds nothing.
func (b *bench) nothing(t *testing.T, h *home, g *garden) {
	var floor, ours, cpu, version samples
	token := g.token(t, g.calendar)
	for range often {
		floor = append(floor, clock(func() { g.history(t, io.Discard, g.calendar, token, "") }))
		rep, c := h.sync()
		if pulled, pushed := total(rep); pulled.Total()+pushed.Total() > 0 {
			t.Errorf("moved %+v %+v", pulled, pushed)
		}
		ours, cpu = append(ours, c.wall), append(cpu, c.cpu)
		_, c = h.run("version")
		version = append(version, c.wall)
	}
	b.timed(t, "no change, 10,000 objects", g.server.Name, floor, ours, 80*time.Millisecond,
		fmt.Sprintf("client CPU %v; `calbridge version` %v", cpu, version))
}

// changes measures a sync that finds ten changes.
func (b *bench) changes(t *testing.T, h *home, g *garden) {
	var floor, ours, cpu samples
	for range often {
		token := g.token(t, g.calendar)
		changed := g.tend(t)
		rep, c := h.sync()
		if pulled, _ := total(rep); pulled.Total() != 10 {
			t.Errorf("pulled %+v", pulled)
		}
		ours, cpu = append(ours, c.wall), append(cpu, c.cpu)
		floor = append(floor, clock(func() {
			g.history(t, io.Discard, g.calendar, token, "")
			g.multiget(t, g.calendar, changed)
		}))
	}
	b.timed(t, "10 changes in 10,000 objects", g.server.Name, floor, ours, 150*time.Millisecond, fmt.Sprintf("client CPU %v", cpu))
}

// timed keeps a row whose bar is a time.
func (b *bench) timed(t *testing.T, what, server string, floor, ours samples, bar time.Duration, notes string) {
	b.table.add(t, row{what: what, server: server, floor: floor.String(), ours: ours.String(), ratio: fmt.Sprintf("%.1f", times(ours, floor)),
		bar: "< " + bar.String(), met: ours.median() < bar, notes: notes})
}
