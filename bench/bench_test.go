//go:build bench

// Package bench measures calbridge, as a program and as it is shipped, against the least that any client would have to do, on servers as
// people run them. `make bench` prints one table; each row stands beside its floor, measured in the same run, and beside the bar it is held to.
//
// The floor is a bare net/http client on a connection that stays open. It sends the fewest requests that bring the bytes over, and throws
// those away: it parses nothing and stores nothing.
package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"calbridge/internal/providertest"
)

func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }

// TestBench measures one part after the other. A server that is not installed leaves its rows out. The part that takes memory here comes
// last, for the peak of a program that we start is never below ours (see run).
func TestBench(t *testing.T) {
	b := &bench{program: build(t)}
	defer b.table.tell(t)
	t.Run("large/cyrus", b.cyrus)
	t.Run("push/cyrus", b.push)
	t.Run("requests", func(t *testing.T) { providertest.EachServer(t, b.requests) })
	t.Run("large/radicale", b.radicale)
	t.Run("google", b.google)
	t.Run("reconcile", b.reconcile)
}

// bench is one run of all of it.
type bench struct {
	program string // the built calbridge
	table   table
}

// build makes the program once.
func build(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "calbridge")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/calbridge").CombinedOutput(); err != nil {
		t.Fatalf("build calbridge: %v\n%s", err, out)
	}
	return path
}
