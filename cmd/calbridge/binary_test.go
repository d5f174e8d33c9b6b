package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/providertest"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// beMain makes the test's own executable the program.
const beMain = "CALBRIDGE_TEST_BE_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(beMain) != "" {
		main()
	}
	os.Exit(providertest.Run(m))
}

// command is the real program in a process of its own, in the desk's environment.
func (d *desk) command(args ...string) *exec.Cmd {
	d.t.Helper()
	path, err := os.Executable()
	if err != nil {
		d.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = []string{beMain + "=1"}
	for name, value := range d.env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	return cmd
}

// start runs the real program.
func (d *desk) start(args ...string) (*exec.Cmd, *bytes.Buffer) {
	d.t.Helper()
	cmd, out := d.command(args...), &bytes.Buffer{}
	cmd.Stdout = out
	if err := cmd.Start(); err != nil {
		d.t.Fatal(err)
	}
	return cmd, out
}

// TestBinary: the program as it is shipped, from the first start on.
func TestBinary(t *testing.T) {
	d := newDesk(t)
	file := d.write("password", password)
	for _, args := range []string{"account add caldav --url " + d.url + " --username alice --password-file " + file, "sync --json", "demo --once"} {
		cmd, out := d.start(strings.Fields(args)...)
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%s: %v\n%s", args, err, out)
		}
	}
	cmd, _ := d.start("sync", "--nonsense")
	if err := cmd.Wait(); exitOf(err) != exitUsage {
		t.Errorf("%v", err)
	}
}

func exitOf(err error) int {
	var e *exec.ExitError
	if errors.As(err, &e) {
		return e.ExitCode()
	}
	return 0
}

// TestInterrupt: Ctrl-C ends a sync cleanly, with its report, and the next one goes on.
func TestInterrupt(t *testing.T) {
	d := newDesk(t)
	d.join()
	d.server.Store(user, "work", "a.ics", event("a", "A"))
	reached := make(chan struct{}, 10)
	d.server.OnRequest(func(r *http.Request) sim.Fault {
		reached <- struct{}{}
		return sim.Fault{Delay: time.Minute}
	})
	cmd, out := d.start("sync", "--json")
	<-reached
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); exitOf(err) != exitFailed {
		t.Errorf("%v\n%s", err, out)
	}
	var report struct{ Accounts []struct{ Trouble *string } }
	decode(t, out.String(), &report)
	if len(report.Accounts) != 1 || report.Accounts[0].Trouble == nil {
		t.Errorf("%+v", report)
	}
	d.server.OnRequest(nil)
	d.must("sync")
}

// TestKilled: a killed process leaves a lease behind, which is taken over at once on the same machine; one of another machine is not.
func TestKilled(t *testing.T) {
	d := newDesk(t)
	id := d.join()
	reached := make(chan struct{}, 10)
	d.server.OnRequest(func(r *http.Request) sim.Fault {
		reached <- struct{}{}
		return sim.Fault{Delay: time.Minute}
	})
	cmd, _ := d.start("sync")
	<-reached
	if o := d.run("sync"); o.code != exitFailed || !strings.Contains(o.out, "another worker") {
		t.Errorf("two syncs at once: %+v", o)
	}
	cmd.Process.Signal(syscall.SIGKILL)
	cmd.Wait()
	d.server.OnRequest(nil)
	d.must("object", "list") // takes in what the dead left in the journal
	before := d.bytes("cal.db")
	d.must("sync", "--check")
	if !bytes.Equal(before, d.bytes("cal.db")) {
		t.Error("a check ended the lease of the dead")
	}
	d.must("sync")

	d.lease(id, "elsewhere+1/99999999/aa")
	if o := d.run("sync"); o.code != exitFailed || !strings.Contains(o.out, "another worker") {
		t.Errorf("the lease of another machine: %+v", o)
	}
}

// lease gives the account's lease to somebody.
func (d *desk) lease(account, owner string) {
	d.t.Helper()
	db, err := store.Open(context.Background(), d.env["CALBRIDGE_DB"], store.Options{})
	if err != nil {
		d.t.Fatal(err)
	}
	defer db.Close()
	err = db.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.TakeLease(cal.AccountID(account), owner, time.Hour)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// TestDemoKeepsRunning: until Ctrl-C the demo's server is there, for the commands it says to try.
func TestDemoKeepsRunning(t *testing.T) {
	d := newDesk(t)
	d.env["TMPDIR"] = d.folder
	cmd := d.command("demo")
	told, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(told); lines.Scan(); {
		if _, settings, found := strings.Cut(lines.Text(), "export "); found {
			for one := range strings.FieldsSeq(settings) {
				name, value, _ := strings.Cut(one, "=")
				d.env[name] = value
			}
		}
		if strings.Contains(lines.Text(), "doctor") {
			break
		}
	}
	if out := d.must("object", "list", "--query", "budget"); !strings.Contains(out, "Budget, in full") {
		t.Errorf("%s", out)
	}
	d.must("sync")
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	if left, _ := filepath.Glob(d.path("calbridge-demo-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}
