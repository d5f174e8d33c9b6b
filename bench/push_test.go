//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

// pushed is how many objects were made here.
const pushed = 1000

// push measures sending local creates, reading them back and confirming them, against nothing but sending.
func (b *bench) push(t *testing.T) {
	s := providertest.StartCyrus(t)
	var floor, ours, cpu samples
	for i := range seldom {
		seed := uint64(os.Getpid()) + 400 + 10*uint64(i)
		floor = append(floor, b.pushBare(t, s, seed))
		c := b.pushOurs(t, s, seed+5)
		ours, cpu = append(ours, c.wall), append(cpu, c.cpu)
	}
	ratio := times(ours, floor)
	b.table.add(t, row{what: "1,000 local creates pushed and read back", server: s.Name, floor: floor.String(), ours: ours.String(),
		ratio: fmt.Sprintf("%.2f", ratio), bar: "≤ 1.3×", met: ratio <= 1.3, notes: fmt.Sprintf("client CPU %v; floor: PUTs over %d connections", cpu, lanes)})
}

// pushBare stores objects in an empty calendar.
func (b *bench) pushBare(t *testing.T, s providertest.Server, seed uint64) time.Duration {
	floor, calendar := newBare(t, s), providertest.FreshCalendar(t, s)
	defer s.Do(t, "DELETE", calendar, "")
	defer floor.CloseIdleConnections() // Cyrus has a process for each
	all := sim.Realistic(time.Now(), pushed, seed)
	return clock(func() { floor.put(t, calendar, all, "If-None-Match", "*") })
}

// pushOurs imports objects into an empty calendar and syncs it.
func (b *bench) pushOurs(t *testing.T, s providertest.Server, seed uint64) cost {
	calendar := providertest.FreshCalendar(t, s)
	defer s.Do(t, "DELETE", calendar, "")
	h := b.settle(t, s)
	h.sync()
	var bodies []cal.Body
	for _, o := range sim.Realistic(time.Now(), pushed, seed) {
		bodies = append(bodies, cal.Body(o.Body))
	}
	_, c := h.run("import", "--invite", "--calendar", h.calendar(calendar), h.write("import.ics", string(ical.Join("bench", bodies))))
	t.Logf("import of %d: %v, %v CPU", pushed, c.wall, c.cpu)
	rep, c := h.sync()
	if _, sent := total(rep); sent.Created != pushed {
		t.Fatalf("pushed %+v", rep)
	}
	t.Logf("push: %+v, %d MiB, %d requests", c, c.peak, rep.Accounts[0].Requests)
	if there := len(s.List(t, calendar)); there != pushed {
		t.Errorf("the server has %d", there)
	}
	rep, _ = h.sync() // confirmed: nothing is left to send or to read
	if pulled, sent := total(rep); pulled.Total()+sent.Total() > 0 {
		t.Errorf("moved again: %+v", rep)
	}
	return c
}

// calendar is the id of the calendar at a path.
func (h *home) calendar(path string) string {
	h.t.Helper()
	out, _ := h.run("calendar", "list", "--json")
	var v struct {
		Calendars []struct{ ID, Href string }
	}
	if err := json.Unmarshal(out, &v); err != nil {
		h.t.Fatal(err)
	}
	for _, c := range v.Calendars {
		if c.Href == path {
			return c.ID
		}
	}
	h.t.Fatalf("no calendar %s in %s", path, out)
	return ""
}
