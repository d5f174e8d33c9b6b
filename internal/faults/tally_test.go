//go:build faults

package faults

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// tally is what the report tells.
type tally struct {
	counting sync.Mutex
	counts   map[string]int
	faults   map[string]int
	troubles map[string]int // what calbridge said, numbers left out
	problems []string
	lasted   time.Duration
	settled  []string // how each account came to rest
	findings findings
}

// findings is what the ledger says at the end.
type findings struct {
	lost, doubled, resurrected                   int
	live, overwritten, recorded, excused, unseen int
}

func newTally() tally {
	return tally{counts: map[string]int{}, faults: map[string]int{}, troubles: map[string]int{}}
}

func (t *tally) count(what string, n int) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.counts[what] += n
}

func (t *tally) fault(kind string) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.faults[kind]++
}

// problem is something that must not be.
func (t *tally) problem(format string, args ...any) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.problems = append(t.problems, fmt.Sprintf(format, args...))
	fmt.Println("PROBLEM:", fmt.Sprintf(format, args...))
}

var particular = regexp.MustCompile(`\(database: [^)]*\)|\(vm[^)]*\)|[0-9.]+:\d+(->[0-9.]+:\d+)?|test-\w+|\b[0-9a-v]{20}\b|by-\S*|here-\S*|/tmp/\S*|\d+(\.\d+)?`)

// heard notes what calbridge said about a fault.
func (t *tally) heard(text string) {
	t.counting.Lock()
	defer t.counting.Unlock()
	t.troubles[strings.Join(strings.Fields(particular.ReplaceAllString(text, "…")), " ")]++
}

func (t *tally) heardOf(trouble *string) {
	if trouble != nil {
		t.heard(*trouble)
	}
}

func (t *tally) brief() string {
	t.counting.Lock()
	defer t.counting.Unlock()
	n := 0
	for _, k := range t.faults {
		n += k
	}
	return fmt.Sprintf("%d faults, %d edits there, %d here, %d syncs (%d ended well, %d killed), %d conflicts", n, t.counts["edits there"],
		t.counts["edits here"], t.counts["syncs"], t.counts["syncs that ended well"], t.counts["syncs killed"], t.counts["conflicts"])
}

// tell writes the report, to standard output and to the file FAULTS_REPORT.
func (w *world) tell() {
	text := w.report()
	fmt.Print(text)
	if path := os.Getenv("FAULTS_REPORT"); path != "" {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			w.Error(err)
		}
	}
	for _, p := range w.problems {
		w.Error(p)
	}
}

func (t *tally) report() string {
	var b strings.Builder
	total := 0
	for _, n := range t.faults {
		total += n
	}
	f := t.findings
	fmt.Fprintf(&b, "lost %d, doubled %d, resurrected %d, other problems %d\n", f.lost, f.doubled, f.resurrected,
		len(t.problems)-f.lost-f.doubled-f.resurrected)
	fmt.Fprintf(&b, "seconds of faults: %.0f\n\n%d faults of %d kinds\n", t.lasted.Seconds(), total, len(t.faults))
	rows(&b, t.faults)
	fmt.Fprintf(&b, "\nwhat happened\n")
	rows(&b, t.counts)
	fmt.Fprintf(&b, "\nwhere the values are that somebody was told are written\n")
	rows(&b, map[string]int{"live on both sides": f.live, "overwritten or deleted by somebody who saw them": f.overwritten,
		"named by a conflict or a notice, and in the history":           f.recorded,
		"replaced by an edit of which nobody knows whether it was made": f.excused,
		"arrived between the user's look and his edit or deletion":      f.unseen})
	fmt.Fprintf(&b, "\nat rest\n")
	for _, s := range t.settled {
		fmt.Fprintln(&b, "  "+s)
	}
	fmt.Fprintf(&b, "\nwhat calbridge said meanwhile (numbers and names left out)\n")
	said := slices.SortedFunc(maps.Keys(t.troubles), func(a, b string) int { return t.troubles[b] - t.troubles[a] })
	for _, s := range said[:min(len(said), 40)] {
		fmt.Fprintf(&b, "%7d  %s\n", t.troubles[s], s)
	}
	return b.String()
}

func rows(b *strings.Builder, of map[string]int) {
	for _, k := range slices.Sorted(maps.Keys(of)) {
		fmt.Fprintf(b, "%7d  %s\n", of[k], k)
	}
}
