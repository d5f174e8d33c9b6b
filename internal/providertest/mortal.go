package providertest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Mortal is a program that a test has for itself, and may end in any way and start again: on the same port, with the same files.
type Mortal struct {
	launch func() (*process, error)
	answer func() error // waits until it does
	dir    string       // with its log
	proc   *process
}

// Start starts the program, anew if it runs, and waits until it answers.
func (m *Mortal) Start() (err error) {
	m.End(syscall.SIGKILL)
	if m.proc, err = m.launch(); err != nil {
		return err
	}
	if err := m.answer(); err != nil {
		return fmt.Errorf("%w\n%s", err, m.proc.log())
	}
	return nil
}

// End sends a signal to every process of the program and waits until they are gone; those that stay longer than ten seconds are killed.
func (m *Mortal) End(with syscall.Signal) {
	if m.proc == nil {
		return
	}
	group := -m.proc.cmd.Process.Pid
	syscall.Kill(group, with)
	m.proc.leash.Close()
	go m.proc.cmd.Wait()
	for deadline := time.Now().Add(10 * time.Second); !errors.Is(syscall.Kill(group, 0), syscall.ESRCH); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			syscall.Kill(group, syscall.SIGKILL)
			break
		}
	}
	m.proc = nil
}

// Said counts the lines of its log, of all its lives, in which the words are.
func (m *Mortal) Said(words string) (n int) {
	text, err := os.ReadFile(filepath.Join(m.dir, "log"))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if strings.Contains(line, words) {
			n++
		}
	}
	return n
}

// MortalRadicale gives a Radicale that keeps its data in a folder, and how to reach it as each of the users.
func MortalRadicale(t testing.TB, data string, users ...string) (*Mortal, []Server) {
	t.Helper()
	p, err := radicale.find()
	if missing(t, err) {
		t.Skip(err)
	}
	p.port = SteadyPort(t)
	var logins []Server
	for _, user := range users {
		logins = append(logins, Server{Name: radicale.name, URL: fmt.Sprintf("http://127.0.0.1:%d", p.port), Home: "/" + user + "/", User: user, Password: "secret"})
	}
	dir := t.TempDir()
	if err := configureRadicale(dir, data, p, logins...); err != nil {
		t.Fatal(err)
	}
	m := &Mortal{dir: dir, launch: func() (*process, error) { return launchRadicale(dir, p) }, answer: func() error { return answering(logins[0].URL) }}
	m.born(t)
	return m, logins
}

// MortalPostgres gives a PostgreSQL that keeps everything in a folder, and a database in it. It forgets nothing in a crash, and checks what it
// reads; its log of changes is kept small, for a small disk.
func MortalPostgres(t testing.TB, dir string) (*Mortal, Database) {
	t.Helper()
	bin, err := postgresPrograms()
	if missing(t, err) {
		t.Skip(err)
	}
	as, err := postgresUser(dir)
	if missing(t, err) {
		t.Skip(err)
	}
	if err := initCluster(as, bin, dir, "--data-checksums", "--wal-segsize=1"); err != nil {
		t.Fatal(err)
	}
	port := SteadyPort(t)
	c := clusterAt(port)
	launch := func() (*process, error) {
		return launchCluster(as, bin, dir, port, "-c", "max_wal_size=16MB", "-c", "min_wal_size=2MB", "-c", "wal_recycle=off", "-c", "log_checkpoints=off")
	}
	m := &Mortal{dir: dir, launch: launch, answer: func() error { return c.await(15 * time.Second) }}
	m.born(t)
	return m, c.fresh(t)
}

// born starts the program for as long as the test lasts.
func (m *Mortal) born(t testing.TB) {
	t.Helper()
	t.Cleanup(func() { m.End(syscall.SIGTERM) })
	if err := m.Start(); err != nil {
		t.Fatal(err)
	}
}

// StartToxiproxy gives a Toxiproxy (github.com/Shopify/toxiproxy), as the program at the path, and the address of its API.
func StartToxiproxy(t testing.TB, path string) (api string) {
	t.Helper()
	dir, port := t.TempDir(), SteadyPort(t)
	api = fmt.Sprintf("http://127.0.0.1:%d", port)
	m := &Mortal{dir: dir, answer: func() error { return answering(api + "/version") }}
	m.launch = func() (*process, error) { return launch(dir, path, "-host", "127.0.0.1", "-port", fmt.Sprint(port)) }
	m.born(t)
	return api
}

// SteadyPort is a loopback port that nobody listens on, and that the system gives to nobody who asks for any: a server that comes back finds
// it free.
func SteadyPort(t testing.TB) int {
	t.Helper()
	for range 100 {
		port := 15000 + rand.IntN(15000) // below 32768, where Linux begins to give
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("find a free port: a hundred are taken")
	return 0
}
