//go:build bench

package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"calbridge/internal/engine"
	"calbridge/internal/providertest"
)

// home is calbridge as one user has it: a database file of its own, one account.
type home struct {
	t       testing.TB
	program string
	dir     string
	env     []string
}

// settle makes a home with an account at the server. The database lies on disk, as a user's would.
func (b *bench) settle(t testing.TB, s providertest.Server) *home {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "calbridge-bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &home{t: t, program: b.program, dir: dir, env: []string{
		"HOME=" + dir, "CALBRIDGE_DB=sqlite:" + filepath.Join(dir, "calbridge.db"), "CALBRIDGE_ALLOW_PRIVATE_HOSTS=true",
	}}
	password := h.write("password", s.Password)
	h.run("account", "add", "caldav", "--url", s.URL+s.Home, "--username", s.User, "--password-file", password)
	return h
}

func (h *home) write(name, text string) (path string) {
	h.t.Helper()
	path = filepath.Join(h.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		h.t.Fatal(err)
	}
	return path
}

// cost is what one call of the program took.
type cost struct {
	wall, cpu time.Duration
	peak      int // MiB of resident memory
}

// run calls the program from its start to its end. Linux counts what a process was before exec into its peak, and a process that Go starts
// is until then a part of us; so we have to be smaller than what we measure.
func (h *home) run(args ...string) (stdout []byte, c cost) {
	h.t.Helper()
	cmd := exec.Command(h.program, args...)
	cmd.Env, cmd.Stderr = h.env, os.Stderr
	started := time.Now()
	stdout, err := cmd.Output()
	c.wall = time.Since(started)
	if err != nil {
		h.t.Fatalf("calbridge %v: %v\n%s", args, err, stdout)
	}
	c.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	c.peak = int(cmd.ProcessState.SysUsage().(*syscall.Rusage).Maxrss / 1024)
	return stdout, c
}

// sync is one `calbridge sync`.
func (h *home) sync() (engine.Report, cost) {
	h.t.Helper()
	out, c := h.run("sync", "--json")
	var rep engine.Report
	if err := json.Unmarshal(out, &rep); err != nil || rep.Failed() || len(rep.Accounts) != 1 {
		h.t.Fatalf("sync: %v\n%s", err, out)
	}
	return rep, c
}

// total sums up what a sync moved.
func total(rep engine.Report) (pulled, pushed engine.Tally) {
	for _, r := range rep.Runs {
		pulled, pushed = plus(pulled, r.Pulled), plus(pushed, r.Pushed)
	}
	return pulled, pushed
}

func plus(a, b engine.Tally) engine.Tally {
	return engine.Tally{Created: a.Created + b.Created, Updated: a.Updated + b.Updated, Deleted: a.Deleted + b.Deleted}
}

// ourPeak is the most memory that this process ever had, in MiB.
func ourPeak() int {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return int(u.Maxrss / 1024)
}

// peak is the largest of several, with a warning where we were larger ourselves.
func peak(of []int) string {
	most := 0
	for _, p := range of {
		most = max(most, p)
	}
	if most <= ourPeak() {
		return fmt.Sprintf("≤ %d MiB", most)
	}
	return fmt.Sprintf("%d MiB", most)
}
