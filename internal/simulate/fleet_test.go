package simulate

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

// The goroutines of a history hand over to each other at every gate. On one processor that costs next to nothing, across two it costs more
// than the history; so many histories are told by as many processes as there are processors, each of which uses one.

// told is what a process of the fleet has to say.
type told struct {
	Histories, Steps, Failed int
	Reach                    map[string]int
}

// fleet shares the work between n processes of this test.
func fleet(t *testing.T, n int) Summary {
	t.Helper()
	sum, began := Summary{Reach: NewReach()}, time.Now()
	dir := t.TempDir()
	var ships sync.WaitGroup
	for i := range n {
		ships.Go(func() {
			out, err := ship(filepath.Join(dir, fmt.Sprint(i)), i, n)
			if err != nil {
				t.Errorf("process %d: %v\n%s", i, err, out)
			}
		})
	}
	ships.Wait()
	for i := range n {
		sum.add(t, filepath.Join(dir, fmt.Sprint(i)))
	}
	sum.Elapsed = time.Since(began)
	return sum
}

// ship runs the i-th of n processes, which writes into a file what it has to say.
func ship(file string, i, n int) (string, error) {
	o := asked("", 1)
	c := exec.Command(os.Args[0], "-test.run=^TestFleet$", "-test.v", "-test.timeout=24h")
	c.Env = append(os.Environ(), "GOMAXPROCS=1", "GOGC=800", "CALBRIDGE_SHIP="+file, fmt.Sprint("CALBRIDGE_STRIDE=", n),
		fmt.Sprint("CALBRIDGE_SEED=", o.First+uint64(i)), fmt.Sprint("CALBRIDGE_HISTORIES=", (o.Count+n-1-i)/n))
	out, err := c.CombinedOutput()
	return string(out), err
}

// TestFleet is one process of a fleet.
func TestFleet(t *testing.T) {
	file := os.Getenv("CALBRIDGE_SHIP")
	if file == "" {
		return // nobody asked
	}
	sum := histories(t, "", 1)
	report, err := json.Marshal(told{sum.Histories, sum.Steps, len(sum.Failed), sum.Reach.counts})
	if err == nil {
		err = os.WriteFile(file, report, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// add takes in what a process wrote.
func (s *Summary) add(t *testing.T, file string) {
	var report told
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &report)
	}
	if err != nil {
		t.Error(err)
		return
	}
	s.Histories += report.Histories
	s.Steps += report.Steps
	s.Failed = append(s.Failed, make([]Outcome, report.Failed)...)
	for name, n := range report.Reach {
		s.Reach.counts[name] += n
	}
}
