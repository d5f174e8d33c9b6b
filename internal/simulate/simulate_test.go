package simulate

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"calbridge/internal/providertest"
)

// number reads a setting of a run.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
}

// few is how many histories are told beside other tests.
func few(n int) int {
	if raceDetector {
		return n / 4
	}
	return n
}

// keep writes a story down.
func keep(t *testing.T, dir string, o Outcome) {
	f, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.txt", o.Story.Profile, o.Story.Seed)))
	if err == nil {
		o.Story.Why = o.Broken[0].String()
		_, err = o.Story.WriteTo(f)
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		t.Error(err)
	}
}

// TestHistories tells some histories of every profile. `make sim` tells more, and asks that they come to everything there is to come to.
//
// CALBRIDGE_HISTORIES is how many, CALBRIDGE_SEED the first, CALBRIDGE_PROFILES which, CALBRIDGE_ONCE=1 stops at the first that fails,
// CALBRIDGE_KEEP names a folder for the stories of those that fail, CALBRIDGE_SHRINK is how many stories to try to shorten a failing one,
// CALBRIDGE_STORIES how many of these to print, CALBRIDGE_PROCESSES how many processes share the work (fleet_test.go), CALBRIDGE_REACH=1
// prints the counts of all that was come to, also into the file CALBRIDGE_REACH_TABLE, and fails where one is missing.
func TestHistories(t *testing.T) {
	var sum Summary
	if n := number("CALBRIDGE_PROCESSES", 0); n > 0 {
		sum = fleet(t, n)
	} else {
		sum = histories(t, "", runtime.GOMAXPROCS(0))
	}
	t.Logf("%d histories of %d steps on SQLite, %d failed, %.0f a minute", sum.Histories, sum.Steps/max(1, sum.Histories), len(sum.Failed),
		float64(sum.Histories)/sum.Elapsed.Minutes())
	if os.Getenv("CALBRIDGE_REACH") != "" {
		var b strings.Builder
		sum.Reach.WriteTo(&b)
		t.Log("\n" + b.String())
		if name := os.Getenv("CALBRIDGE_REACH_TABLE"); name != "" {
			if err := os.WriteFile(name, []byte(b.String()), 0o600); err != nil {
				t.Error(err)
			}
		}
		if missing := Unreached(sum.Reach); len(missing) > 0 {
			t.Errorf("never come to: %s", strings.Join(missing, "; "))
		}
	}
}

// TestHistoriesOnPostgres tells some of the same histories on PostgreSQL.
func TestHistoriesOnPostgres(t *testing.T) {
	db := providertest.Postgres(t)
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	sum := histories(t, db.URL, 1)
	t.Logf("%d histories of %d steps on PostgreSQL, %d failed, %.0f a minute", sum.Histories, sum.Steps/max(1, sum.Histories),
		len(sum.Failed), float64(sum.Histories)/sum.Elapsed.Minutes())
}

// histories tells those that the settings ask for.
func histories(t *testing.T, database string, lanes int) Summary {
	o := asked(database, lanes)
	logged := 0
	o.Told = func(o Outcome) {
		if !o.Failed() {
			return
		}
		t.Errorf("%s seed %d: %v", o.Story.Profile, o.Story.Seed, o.Broken)
		if dir := os.Getenv("CALBRIDGE_KEEP"); dir != "" {
			keep(t, dir, o)
		}
		if logged++; logged <= number("CALBRIDGE_STORIES", 0) {
			var b strings.Builder
			o.Story.WriteTo(&b)
			t.Logf("%s\n%s", b.String(), strings.Join(o.Log, "\n"))
		}
	}
	sum, err := Run(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// asked is what the settings ask for.
func asked(database string, lanes int) Options {
	o := Options{
		Profiles: Mixed(), First: uint64(number("CALBRIDGE_SEED", 1)), Count: number("CALBRIDGE_HISTORIES", few(160)), Steps: Steps,
		Stride: uint64(number("CALBRIDGE_STRIDE", 1)), Lanes: number("CALBRIDGE_LANES", lanes), Database: database,
		Shrink: number("CALBRIDGE_SHRINK", 0), Once: number("CALBRIDGE_ONCE", 0) > 0,
	}
	if s := os.Getenv("CALBRIDGE_PROFILES"); s != "" {
		o.Profiles = strings.Split(s, ",")
	}
	if database != "" {
		o.Count = number("CALBRIDGE_HISTORIES_POSTGRES", few(32))
	}
	return o
}

// TestTheSameSeedIsTheSameHistory: twice the same log, line by line, whatever else the lane told in between.
func TestTheSameSeedIsTheSameHistory(t *testing.T) {
	l, err := newLane(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all := Profiles()
	for seed := range uint64(number("CALBRIDGE_HISTORIES", few(64))) {
		story := Generate(all[seed%uint64(len(all))], seed, Steps)
		first, err := l.tell(t.Context(), story, NewReach())
		if err != nil {
			t.Fatal(err)
		}
		second, err := l.tell(t.Context(), story, NewReach())
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range first.Log {
			if i >= len(second.Log) || second.Log[i] != line {
				t.Errorf("%s seed %d differs in line %d:\n%s\n%s", story.Profile, seed, i, strings.Join(first.Log[max(0, i-5):i+1], "\n"), second.Log[min(i, len(second.Log)-1)])
				break
			}
		}
	}
}
