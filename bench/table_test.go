//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// table is what a run found out.
type table []row

// row is one measured thing. Floor and ratio are empty where nothing but ours is measured.
type row struct {
	what, server string
	floor, ours  string
	ratio        string
	bar          string
	met          bool
	notes        string
	load         string // /proc/loadavg, for others may use the machine too
}

// add keeps a row and tells it at once.
func (t *table) add(tb testing.TB, r row) {
	tb.Helper()
	r.load = load()
	*t = append(*t, r)
	tb.Log(r.line(" · "))
}

// tell prints the table, and writes it as Markdown to out/table.md.
func (t *table) tell(tb testing.TB) {
	text := machine() + "\n\n" + t.markdown()
	fmt.Println("\n" + text)
	if err := os.MkdirAll("out", 0o755); err != nil {
		tb.Fatal(err)
	}
	if err := os.WriteFile("out/table.md", []byte(text), 0o644); err != nil {
		tb.Fatal(err)
	}
}

func (t *table) markdown() string {
	lines := []string{"| what | server | floor | ours | ratio | bar | met | notes | load |", "|---|---|---|---|---|---|---|---|---|"}
	for _, r := range *t {
		lines = append(lines, "| "+r.line(" | ")+" |")
	}
	return strings.Join(lines, "\n") + "\n"
}

func (r row) line(between string) string {
	met := "NO"
	if r.met {
		met = "yes"
	}
	if r.bar == "" {
		met = ""
	}
	return strings.Join([]string{r.what, r.server, r.floor, r.ours, r.ratio, r.bar, met, r.notes, r.load}, between)
}

// samples are measurements of the same thing.
type samples []time.Duration

func (s samples) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

// String is the median and between what the others lie: "0.27 s (0.25–0.31)".
func (s samples) String() string {
	lo, hi := slices.Min(s), slices.Max(s)
	if s.median() < time.Second {
		return fmt.Sprintf("%.1f ms (%.1f–%.1f)", millis(s.median()), millis(lo), millis(hi))
	}
	return fmt.Sprintf("%.2f s (%.2f–%.2f)", s.median().Seconds(), lo.Seconds(), hi.Seconds())
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// times is how many times of the floor ours took.
func times(ours, floor samples) float64 { return float64(ours.median()) / float64(floor.median()) }

// load is the first figure of /proc/loadavg: how many processes wanted a core in the last minute.
func load() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "?"
	}
	return strings.Fields(string(text))[0]
}

// machine says on what this was measured.
func machine() string {
	facts := []string{fmt.Sprintf("%d cores", runtime.NumCPU()), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH, time.Now().UTC().Format(time.RFC3339)}
	for _, name := range []string{"cyrus-imapd", "radicale", "xandikos"} {
		if out, err := exec.Command("dpkg-query", "-W", "-f", "${Package} ${Version}", name).Output(); err == nil {
			facts = append(facts, string(out))
		}
	}
	return strings.Join(facts, ", ")
}
