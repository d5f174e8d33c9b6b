//go:build faults

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"calbridge/internal/providertest"
)

// sky is what faults come from.
type sky struct {
	proxy                   toxiproxy
	radicale, postgres      *providertest.Mortal
	logins                  []providertest.Server // of Radicale
	database                providertest.Database
	files, clusters, sqlite *disk
}

// toxiproxyModule is the program that cuts and delays. It is no module of ours: it is built aside.
const toxiproxyModule = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.5.0"

func (s *sky) raise(t *testing.T) {
	dir := t.TempDir()
	install := exec.Command("go", "install", toxiproxyModule)
	install.Env = append(os.Environ(), "GOBIN="+dir, "GOFLAGS=-mod=mod")
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("install %s: %v\n%s", toxiproxyModule, err, out)
	}
	s.proxy = toxiproxy{t, providertest.StartToxiproxy(t, filepath.Join(dir, "server"))}
	s.files, s.clusters, s.sqlite = smallDisk(t, "radicale", 256), smallDisk(t, "postgres", 600), smallDisk(t, "sqlite", 256)
	s.radicale, s.logins = providertest.MortalRadicale(t, s.files.dir, "alice", "bob", "carol")
	s.postgres, s.database = providertest.MortalPostgres(t, s.clusters.dir)
}

// weather lets everything fail that can, each kind on its own.
func (w *world) weather(ctx context.Context, all *sync.WaitGroup) {
	radicale, postgres := &sync.Mutex{}, &sync.Mutex{} // nobody restarts what somebody else is restarting
	every := func(kind string, from, to time.Duration, strike func(r *rand.Rand) string) {
		all.Go(func() {
			r := w.chance(kind)
			for pause(ctx, between(r, from, to)) {
				w.fault(strike(r))
			}
		})
	}
	every("radicale's network", 3*time.Second, 10*time.Second, func(r *rand.Rand) string { return w.network(r, "radicale") })
	every("cyrus's network", 4*time.Second, 14*time.Second, func(r *rand.Rand) string { return w.network(r, "cyrus") })
	every("database's network", 8*time.Second, 25*time.Second, func(r *rand.Rand) string { return w.network(r, "postgres") })
	every("radicale dies", 15*time.Second, 45*time.Second, func(r *rand.Rand) string {
		return w.restart(r, w.sky.radicale, radicale, syscall.SIGKILL, "kill -9 of Radicale, started again")
	})
	every("postgres dies", 20*time.Second, 60*time.Second, func(r *rand.Rand) string {
		return w.restart(r, w.sky.postgres, postgres, syscall.SIGQUIT, "immediate stop of PostgreSQL, started again")
	})
	every("postgres full", 40*time.Second, 100*time.Second, func(r *rand.Rand) string {
		w.fill(r, w.sky.clusters)
		w.revive(w.sky.postgres, postgres, w.sky.database.URL)
		return "disk of PostgreSQL full, then freed"
	})
	every("radicale full", 40*time.Second, 100*time.Second, func(r *rand.Rand) string {
		w.fill(r, w.sky.files)
		return "disk of Radicale full, then freed"
	})
	every("sqlite full", 30*time.Second, 80*time.Second, func(r *rand.Rand) string {
		w.fill(r, w.sky.sqlite)
		return "disk of SQLite full, then freed"
	})
}

// restart ends a server without a warning and starts it again, at once or after a while.
func (w *world) restart(r *rand.Rand, m *providertest.Mortal, alone *sync.Mutex, with syscall.Signal, kind string) string {
	alone.Lock()
	defer alone.Unlock()
	m.End(with)
	if r.IntN(2) == 0 {
		time.Sleep(between(r, 0, 3*time.Second))
	}
	w.start(m)
	return kind
}

// start tries until it works: on a full disk it may not.
func (w *world) start(m *providertest.Mortal) {
	var err error
	for range 10 {
		if err = m.Start(); err == nil {
			return
		}
		w.count("servers that did not start at once", 1)
	}
	w.problem("a server does not start any more: %v", err)
}

// revive starts PostgreSQL again if the full disk ended it, as an operator would.
func (w *world) revive(m *providertest.Mortal, alone *sync.Mutex, url string) {
	alone.Lock()
	defer alone.Unlock()
	for range 50 {
		if reachable(url) {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	w.count("PostgreSQL was ended by its full disk", 1)
	w.start(m)
}

// fill leaves nothing of a disk for some seconds.
func (w *world) fill(r *rand.Rand, d *disk) {
	until := time.Now().Add(between(r, time.Second, 7*time.Second))
	for time.Now().Before(until) {
		d.fill(w)
		time.Sleep(300 * time.Millisecond)
	}
	d.free(w)
}

// network lets one thing go wrong with the connections to a server, for some seconds.
func (w *world) network(r *rand.Rand, proxy string) string {
	name := "network: "
	if proxy == "postgres" {
		name = "database connection: "
	}
	lasts := between(r, 300*time.Millisecond, 5*time.Second)
	to := []string{"upstream", "downstream"}[r.IntN(2)]
	switch r.IntN(7) {
	case 0:
		w.sky.proxy.with(proxy, toxic{"limit_data", to, map[string]int{"bytes": r.IntN(6000)}}, lasts)
		return name + "cut after n bytes"
	case 1:
		w.sky.proxy.with(proxy, toxic{"reset_peer", to, map[string]int{"timeout": r.IntN(300)}}, lasts)
		return name + "reset"
	case 2:
		w.sky.proxy.without(proxy, lasts/4)
		return name + "cut, and refused for a while"
	case 3:
		w.sky.proxy.with(proxy, toxic{"latency", to, map[string]int{"latency": 50 + r.IntN(1500), "jitter": 50}}, lasts)
		return name + "latency"
	case 4:
		w.sky.proxy.with(proxy, toxic{"bandwidth", to, map[string]int{"rate": 1 + r.IntN(4)}}, lasts)
		return name + "bandwidth of some kB/s"
	case 5:
		w.sky.proxy.with(proxy, toxic{"timeout", to, map[string]int{"timeout": 0}}, lasts)
		return name + "partition, one way"
	}
	w.sky.proxy.with(proxy, toxic{"slow_close", to, map[string]int{"delay": 1000}}, lasts)
	return name + "slow close"
}

// disk is a small one.
type disk struct {
	dir  string
	lock sync.Mutex
}

func smallDisk(t *testing.T, name string, megabytes int) *disk {
	dir, err := os.MkdirTemp(os.Getenv("FAULTS_DIR"), "calbridge-faults-"+name+"-")
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", megabytes)); err != nil {
		t.Fatalf("make a small disk: %v (it takes root, and in a container --privileged)", err)
	}
	t.Cleanup(func() {
		syscall.Unmount(dir, syscall.MNT_DETACH)
		os.Remove(dir)
	})
	return &disk{dir: dir}
}

func (d *disk) ballast() string { return filepath.Join(d.dir, ".ballast") }

// fill takes every byte that is left.
func (d *disk) fill(w *world) {
	d.lock.Lock()
	defer d.lock.Unlock()
	f, err := os.OpenFile(d.ballast(), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return // it is as full as that
	}
	defer f.Close()
	for block := make([]byte, 1<<20); len(block) > 0; {
		if _, err := f.Write(block); err != nil {
			block = block[:len(block)/2]
		}
	}
}

func (d *disk) free(w *world) {
	d.lock.Lock()
	defer d.lock.Unlock()
	if err := os.Remove(d.ballast()); err != nil {
		w.count("disks that were full already", 1)
	}
}
