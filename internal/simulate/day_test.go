package simulate

import (
	"os"
	"reflect"
	"strings"
	"testing"
)

// TestDaysReadLikeLife: a sync every five minutes, a handful of edits an hour on both sides, and what goes wrong as much as was asked for.
func TestDaysReadLikeLife(t *testing.T) {
	for _, c := range []struct {
		faults Weather
		wrong  [2]int // steps that go wrong, at least and at most, of the 288 intervals
	}{{Calm, [2]int{0, 0}}, {Fair, [2]int{15, 70}}, {Stormy, [2]int{100, 220}}} {
		o := DayOptions{Profile: "nextcloud", Seed: 3, Hours: 24, Policy: "manual", Faults: c.faults}
		s := Day(o)
		if !reflect.DeepEqual(s, Day(o)) {
			t.Errorf("%s: the same day is another one", c.faults)
		}
		syncs, wrong, edits := 0, 0, map[string]int{}
		for _, step := range s.Steps {
			switch {
			case step.String() == "A walk 1000":
				syncs++
			case step[0] == "A" && step[1] != "walk", step[0] == "server":
				wrong++
			case step[0] == "here" || step[0] == "there":
				edits[step[0]]++
			}
		}
		if syncs != 24*12+1 || wrong < c.wrong[0] || wrong > c.wrong[1] || edits["here"] < 60 || edits["there"] < 60 {
			t.Errorf("%s: %d syncs, %d go wrong, edits %v", c.faults, syncs, wrong, edits)
		}
	}
}

// TestTally: what came of a history that is known by heart.
func TestTally(t *testing.T) {
	s, err := ReadStory(strings.NewReader(`profile plain
policy remote-wins
here create 0 plain        # w1 w2
there create 1 plain       # w3 w4
A walk 100
here change 0 SUMMARY      # w5
there change 0 SUMMARY     # w6: both, the title
here change 1 SUMMARY      # w7
there change 1 LOCATION    # w8: they merge
A walk 100
here delete 0
there change 0 LOCATION    # w9: an edit against a deletion
A sends lost
A crash
A walk 100
pass 600
A walk 100
server touched
`))
	if err != nil {
		t.Fatal(err)
	}
	o, err := Tell(t.Context(), s, "")
	if err != nil || o.Failed() {
		t.Fatal(o.Broken, err)
	}
	is := o.Tally
	if is.EditsHere != 4 || is.EditsThere != 4 || is.Merges != 1 || is.Faults["crash"] != 1 || is.Incidents["touched"] != 1 || is.Refused+is.Held+is.Mails != 0 {
		t.Errorf("%+v", is)
	}
	want := []Contest{
		{UID: "uid-0", Title: "w6", Kind: "update/update", Contested: []string{"SUMMARY"}, Policy: "remote-wins", Winner: "theirs",
			Kept: []Kept{{Side: "mine", Words: []string{"w5"}, Version: 2}}},
		{UID: "uid-0", Title: "w6", Kind: "delete/update", Contested: []string{}, Policy: "remote-wins", Winner: "theirs",
			Kept: []Kept{{Side: "mine", Words: []string{}}}},
	}
	if !reflect.DeepEqual(is.Conflicts, want) {
		t.Errorf("%+v\nwant %+v", is.Conflicts, want)
	}
}

// TestPromisesThatNobodyCanKeep are not called kept.
func TestPromisesThatNobodyCanKeep(t *testing.T) {
	for story, want := range map[string]string{
		"profile plain\nA walk 9": "", "profile plain\nserver IgnoreIfMatch=true\nA walk 9": "I2 I4 I5 I11",
		"profile plain\nserver backup\nserver restored\nA walk 9": "I2 I5",
	} {
		o, err := Replay(t.Context(), strings.NewReader(story), "")
		if err != nil {
			t.Fatal(err)
		}
		var unasked []string
		for _, p := range o.Promises() {
			if p.State == "unasked" {
				unasked = append(unasked, p.Invariant)
			} else if p.State != "kept" {
				t.Errorf("%q: %+v", story, p)
			}
		}
		if got := strings.Join(unasked, " "); got != want {
			t.Errorf("%q: not asked: %q, want %q", story, got, want)
		}
	}
}

// TestNothingIsLeftBehind: the database goes with the lane.
func TestNothingIsLeftBehind(t *testing.T) {
	l, err := newLane(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.folder); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(l.folder); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", l.folder, err)
	}
}
