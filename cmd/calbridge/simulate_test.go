package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"calbridge/internal/simulate"
)

// soon is how long six simulated hours may take: people wait for it.
const soon = 5 * time.Second

func TestSimulate(t *testing.T) {
	for _, profile := range []string{"plain", "google", "nextcloud"} {
		t.Run(profile, func(t *testing.T) {
			d := newDesk(t)
			began := time.Now()
			out := d.must("simulate", "--profile", profile, "--seed", "7", "--hours", "6", "--policy", "keep-both")
			if took := time.Since(began); took > soon {
				t.Errorf("it took %v", took)
			}
			for _, words := range []string{"6 hours beside a server like " + profile, "--profile " + profile + " --seed 7 --hours 6 --faults some --policy keep-both",
				"update/update  title  both kept", "in a copy beside it", "✓ I16 nobody is mailed", "✓ Every promise was kept"} {
				if !strings.Contains(out, words) {
					t.Errorf("no %q in\n%s", words, out)
				}
			}
		})
	}
}

// TestSimulateAgain: a seed is a history, to the last request.
func TestSimulateAgain(t *testing.T) {
	for _, flags := range []string{"--profile nextcloud --seed 11 --hours 4 --faults many --log", "--profile google --seed 12 --hours 2 --faults many --log",
		"--profile any --seed 3 --hours 1 --count 4 --log"} {
		d := newDesk(t)
		args := append([]string{"simulate"}, strings.Fields(flags)...)
		a, b := d.run(args...), d.run(args...)
		if a.out != b.out || a.code != b.code {
			t.Errorf("%s: two runs differ:\n%s", flags, firstDifference(a.out, b.out))
		}
		if strings.Count(a.out, "\n") < 100 {
			t.Errorf("%s: hardly any log:\n%s", flags, a.out)
		}
	}
}

func firstDifference(a, b string) string {
	other := strings.Split(b, "\n")
	for i, line := range strings.Split(a, "\n") {
		if i >= len(other) || line != other[i] {
			return line + "\n" + strings.Join(other[min(i, len(other)):min(i+1, len(other))], "")
		}
	}
	return ""
}

// TestSimulateDrawsASeed: without one it is drawn, and told, so that the history can be had again.
func TestSimulateDrawsASeed(t *testing.T) {
	d := newDesk(t)
	out := d.must("simulate", "--hours", "1")
	_, rest, found := strings.Cut(out, "The same again: calbridge ")
	if !found {
		t.Fatal(out)
	}
	flags, _, _ := strings.Cut(rest, "\n")
	if again := d.must(strings.Fields(flags)...); again != out {
		t.Errorf("%s is another history:\n%s", flags, firstDifference(out, again))
	}
}

func TestSimulateJSON(t *testing.T) {
	d := newDesk(t)
	v := ask[simulationView](d, "simulate", "--seed", "7", "--hours", "3", "--count", "2", "--faults", "none", "--log")
	if !v.OK || len(v.Histories) != 2 || v.Histories[0].Seed != 7 || v.Histories[1].Seed != 8 || len(v.Histories[1].Log) == 0 {
		t.Fatalf("%+v", v)
	}
	h := v.Histories[0]
	if h.Policy != "remote-wins" || h.Deletions != "edit-wins" || h.Story != nil || len(h.Broken) != 0 || len(h.Promises) < 10 || h.Promises[0].State != "kept" {
		t.Errorf("%+v", h)
	}
	if h.Tally.Syncs < 36 || h.Tally.EditsHere == 0 || h.Tally.EditsThere == 0 || len(h.Tally.Faults) != 0 {
		t.Errorf("%+v", h.Tally)
	}
	if sum := h.Tally.Syncs + v.Histories[1].Tally.Syncs; v.Total.Syncs != sum {
		t.Errorf("%d syncs in all, %d in the histories", v.Total.Syncs, sum)
	}
}

// TestSimulatePolicies: the same history ends as each policy says.
func TestSimulatePolicies(t *testing.T) {
	const story = `profile plain
policy manual
there create 1 plain
A walk 100
here change 1 SUMMARY
there change 1 SUMMARY
A walk 100
`
	d := newDesk(t)
	file := d.write("clash.story", story)
	for policy, ended := range map[string]string{"": "waits for a person", "manual": "waits for a person", "remote-wins": "there won  w3: version 2 of its history",
		"local-wins": "here won  w4: version 3 of its history", "keep-both": "both kept  w3: in a copy beside it"} {
		args := []string{"simulate", "--story", file}
		if policy != "" {
			args = append(args, "--policy", policy)
		}
		out := d.must(args...)
		if !strings.Contains(out, ended) {
			t.Errorf("%s: no %q in\n%s", policy, ended, out)
		}
		if o := d.feed(story, append([]string{"simulate", "--story", "-"}, args[3:]...)...); o.code != exitDone || !strings.Contains(o.out, ended) {
			t.Errorf("from standard input: %+v", o)
		}
	}
}

// TestSimulatePrintsStories: what is printed is played like the seed itself.
func TestSimulatePrintsStories(t *testing.T) {
	d := newDesk(t)
	flags := []string{"simulate", "--profile", "sogo", "--seed", "5", "--hours", "2", "--policy", "manual"}
	file := d.write("day.story", d.must(append(flags, "--print-story")...))
	a := ask[simulationView](d, append(flags, "--log")...).Histories[0].Log
	b := ask[simulationView](d, "simulate", "--story", file, "--log").Histories[0].Log
	if len(a) == 0 || strings.Join(a, "\n") != strings.Join(b, "\n") {
		t.Errorf("another history:\n%s", firstDifference(strings.Join(a, "\n"), strings.Join(b, "\n")))
	}
}

func TestSimulateUsage(t *testing.T) {
	d := newDesk(t)
	wrong := d.write("wrong.story", "profile plain\n\nhere create 1 plain\nA 0 lots\n")
	for _, c := range []struct{ args, words string }{
		{"simulate --profile netxcloud", "--profile|netxcloud|any, plain, icloud|nextcloud|google"},
		{"simulate --policy whatever", "--policy|keep-both"},
		{"simulate --deletions whatever", "--deletions|as-policy"},
		{"simulate --faults several", "--faults|none, some, many"},
		{"simulate --hours=-1", "--hours"},
		{"simulate --hours 100000", "--hours|744"},
		{"simulate --count=-1", "--count"},
		{"simulate --count 2 --print-story", "--print-story"},
		{"simulate --story nowhere.story", "nowhere.story"},
		{"simulate --story " + wrong, "wrong.story|line 4|lots|lost, late|docs/simulate.md"},
		{"simulate --seed 3 --story " + wrong, "--story|--policy"},
	} {
		t.Run(c.args, func(t *testing.T) {
			d.t = t
			d.fails(exitUsage, c.words, strings.Fields(c.args)...)
		})
	}
}

// TestSimulateTellsOfBrokenPromises: the promise, the shortest history, how it is played, and exit code 1.
func TestSimulateTellsOfBrokenPromises(t *testing.T) {
	for _, asJSON := range []bool{false, true} {
		d := newDesk(t)
		var out, errs strings.Builder
		s := newSession(process{stdout: &out, stderr: &errs, env: func(string) string { return "" }}, flags{JSON: asJSON})
		c, err := simulateCmd{Seed: new(uint64)}.settled(s)
		if err != nil {
			t.Fatal(err)
		}
		o := simulate.Outcome{Story: simulate.Story{Profile: "plain", Policy: "manual", Seed: 9, Steps: []simulate.Step{{"A", "walk", "3"}}},
			Broken: []simulate.Violation{{Invariant: "I2", What: "w7 is lost without a record"}}}
		err = s.tellSimulation(context.Background(), c, []simulate.Outcome{o})
		if code := exitCode(err); code != exitFailed {
			t.Errorf("exit %d: %v", code, err)
		}
		for _, words := range []string{"I2", "w7 is lost without a record", "A walk 3"} {
			if !strings.Contains(out.String(), words) {
				t.Errorf("no %q in\n%s", words, out.String())
			}
		}
		if asJSON {
			var v simulationView
			decode(d.t, out.String(), &v)
			if v.OK || v.Histories[0].OK || v.Histories[0].Promises[1].State != "broken" || v.Histories[0].Story == nil {
				t.Errorf("%+v", v)
			}
			continue
		}
		for _, words := range []string{"✗ I2", "✗ seed 9", "--story FILE"} {
			if !strings.Contains(out.String(), words) {
				t.Errorf("no %q in\n%s", words, out.String())
			}
		}
		if strings.Contains(out.String(), "Every promise was kept") {
			t.Errorf("%s", out.String())
		}
	}
}
