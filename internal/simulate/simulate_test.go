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
)

// number reads a setting of a run.
func number(name string, otherwise int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return otherwise
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

// TestHistories tells some histories of every profile. `make sim` tells more.
//
// CALBRIDGE_HISTORIES is how many, CALBRIDGE_SEED the first, CALBRIDGE_PROFILES which, CALBRIDGE_ONCE=1 stops at the first that fails,
// CALBRIDGE_KEEP names a folder for the stories of those that fail, CALBRIDGE_SHRINK is how many stories to try to shorten a failing one, CALBRIDGE_STORIES how many of these to print.
func TestHistories(t *testing.T) {
	profiles := Profiles()
	if s := os.Getenv("CALBRIDGE_PROFILES"); s != "" {
		profiles = strings.Split(s, ",")
	}
	logged := 0
	sum, err := Run(context.Background(), Options{
		Profiles: profiles, First: uint64(number("CALBRIDGE_SEED", 1)), Count: number("CALBRIDGE_HISTORIES", 150), Steps: Steps,
		Lanes: number("CALBRIDGE_LANES", runtime.GOMAXPROCS(0)), Shrink: number("CALBRIDGE_SHRINK", 0), Once: number("CALBRIDGE_ONCE", 0) > 0,
		Told: func(o Outcome) {
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
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d histories of %d steps, %d failed, %.0f a minute", sum.Histories, sum.Steps/max(1, sum.Histories), len(sum.Failed),
		float64(sum.Histories)/sum.Elapsed.Minutes())
	if os.Getenv("CALBRIDGE_REACH") != "" {
		for _, s := range sum.Reach.Names() {
			t.Log(sum.Reach.Count(s), s)
		}
	}
}

// TestTheSameSeedIsTheSameHistory: twice the same log, line by line, whatever else the lane told in between.
func TestTheSameSeedIsTheSameHistory(t *testing.T) {
	l, err := newLane(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	all := Profiles()
	for seed := range uint64(number("CALBRIDGE_HISTORIES", 64)) {
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
