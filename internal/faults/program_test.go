//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// program is calbridge with its settings.
type program struct {
	path string
	env  []string
}

// reconcileEvery is short, so that the healing of what a server's log lost is in the run too.
const reconcileEvery = "2m"

func newProgram(path, home, database string) program {
	return program{path, []string{"HOME=" + home, "CALBRIDGE_DB=" + database, "CALBRIDGE_KEY=MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=",
		"CALBRIDGE_ALLOW_PRIVATE_HOSTS=true", "CALBRIDGE_RECONCILE_INTERVAL=" + reconcileEvery}}
}

// outcome is what one call of the program came to.
type outcome struct {
	code     int // -1: it was killed
	out, err string
	hung     bool // it took too long, and so was killed by us
}

// Exit codes of calbridge.
const (
	done    = 0
	misused = 2
	person  = 3
)

// patience is how long a call of the program may take.
const patience = 2 * time.Minute

func (p program) run(stdin string, args ...string) outcome {
	r, err := p.start(stdin, args...)
	if err != nil {
		return outcome{code: -1, err: err.Error()}
	}
	return r.wait(patience)
}

func (p program) must(t testing.TB, args ...string) string {
	t.Helper()
	o := p.run("", args...)
	if o.code != done {
		t.Fatalf("calbridge %s: %+v", strings.Join(args, " "), o)
	}
	return o.out
}

func (p program) ask(t testing.TB, into any, args ...string) {
	t.Helper()
	if err := json.Unmarshal([]byte(p.must(t, append(args, "--json")...)), into); err != nil {
		t.Fatal(err)
	}
}

// try is ask while things may fail.
func (p program) try(into any, args ...string) bool {
	o := p.run("", append(args, "--json")...)
	return o.code == done && json.Unmarshal([]byte(o.out), into) == nil
}

// running is a call of the program that has not ended yet.
type running struct {
	cmd       *exec.Cmd
	out, errs bytes.Buffer
	ended     chan struct{}
}

func (p program) start(stdin string, args ...string) (*running, error) {
	r := &running{cmd: exec.Command(p.path, args...), ended: make(chan struct{})}
	r.cmd.Env, r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = p.env, strings.NewReader(stdin), &r.out, &r.errs
	if err := r.cmd.Start(); err != nil {
		return nil, err
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.ended)
	}()
	return r, nil
}

// signal reaches a process that runs, and tells whether it did.
func (r *running) signal(s syscall.Signal) bool {
	select {
	case <-r.ended:
		return false
	default:
		return r.cmd.Process.Signal(s) == nil
	}
}

// endedWithin waits.
func (r *running) endedWithin(d time.Duration) bool {
	select {
	case <-r.ended:
		return true
	case <-time.After(d):
		return false
	}
}

// wait gives the outcome; what takes longer is killed.
func (r *running) wait(most time.Duration) outcome {
	hung := !r.endedWithin(most)
	if hung {
		r.signal(syscall.SIGKILL)
		<-r.ended
	}
	return outcome{code: r.cmd.ProcessState.ExitCode(), out: r.out.String(), err: r.errs.String(), hung: hung}
}

// killed tells whether a process ended by the signal that cannot be caught.
func (r *running) killed() bool {
	<-r.ended
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}
