package simulate

import (
	"os"
	"slices"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

// TestStoriesAreReadAsWritten: whatever is generated passes for a history when it is read again, and is the same.
func TestStoriesAreReadAsWritten(t *testing.T) {
	for _, p := range Profiles() {
		for seed := range uint64(20) {
			checkRead(t, Generate(p, seed, Steps))
			checkRead(t, Day(DayOptions{Profile: p, Seed: seed, Hours: 2, Policy: "manual", Faults: Stormy}))
		}
	}
}

func checkRead(t *testing.T, s Story) {
	t.Helper()
	var b strings.Builder
	s.WriteTo(&b)
	again, err := ReadStory(strings.NewReader(b.String()))
	if err != nil {
		t.Fatalf("%s seed %d: %v", s.Profile, s.Seed, err)
	}
	var c strings.Builder
	again.WriteTo(&c)
	if b.String() != c.String() {
		t.Fatalf("%s seed %d is read as another story:\n%s\n%s", s.Profile, s.Seed, b.String(), c.String())
	}
}

// TestWrongStories: whoever writes a history is told the line, what is wrong, and what to write.
func TestWrongStories(t *testing.T) {
	for _, c := range []struct{ story, words string }{
		{"profile netxcloud", "line 1|netxcloud|nextcloud"},
		{"policy whatever", "line 1|whatever|remote-wins"},
		{"deletions never", "line 1|never|edit-wins"},
		{"seed seven", "line 1|seven"},
		{"server TruncateAt=4", "line 1|TruncateAt|230"},
		{"profile google\nserver TruncateAt=3", "line 2|Google|TruncateAt"},
		{"# a comment\n\nprofile plain\nhear create 1 plain", "line 4|hear|here, there"},
		{"here chnage 1 SUMMARY", "line 1|chnage|change"},
		{"here change 1 TITLE", "line 1|TITLE|SUMMARY|here change N PROPERTY"},
		{"here change one SUMMARY", "line 1|one|number"},
		{"here change 1", "line 1|PROPERTY is missing|here change N PROPERTY"},
		{"here create 1 sieres", "line 1|sieres|series"},
		{"here delete 1 office", "line 1|office|home"},
		{"here delete 1 home now", "line 1|now"},
		{"here touch 1", "line 1|touch|change"},
		{"there touch", "line 1|N is missing"},
		{"A\nA 0 lots", "line 2|lots|lost"},
		{"A lost", "line 1|lost|A [GATE [MISHAP]]"},
		{"A 0 status=x", "line 1|status=x|number"},
		{"A wlak 3", "line 1|wlak"},
		{"pass soon", "line 1|soon"},
		{"server on Nonsense true", "line 1|Nonsense"},
		{"server on ReadOnly maybe", "line 1|maybe|true"},
		{"server explodes", "line 1|explodes|restored"},
		{"A\npolicy none", "line 2|none|keep-both"},
	} {
		_, err := ReadStory(strings.NewReader(c.story))
		for word := range strings.SplitSeq(c.words, "|") {
			if err == nil || !strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v; it does not say %q", c.story, err, word)
			}
		}
	}
}

// TestEveryFormIsPlayed: what the grammar lets pass, people and processes can do.
func TestEveryFormIsPlayed(t *testing.T) {
	fill := strings.NewReplacer("[", "", "]", "", "PROPERTY", "SUMMARY", "PART", "0", "KIND", "series", "CALENDAR", "work", "COUNT", "3",
		"SECONDS", "10", "GATE", "0", "MISHAP", "lost", "POLICY", "manual", "SWITCH VALUE", "ReadOnly true", "SWITCH", "ReadOnly",
		"INCIDENT", "touched", " N", " 1", " K", " 1")
	s := Story{Profile: "plain", Policy: "keep-both"}
	for _, f := range Forms() {
		s.Steps = append(s.Steps, strings.Fields("there create 1 series"), strings.Fields("A walk 100"), strings.Fields(fill.Replace(f.Text)))
	}
	checkRead(t, s)
	o, err := Tell(t.Context(), s, "")
	if err != nil {
		t.Fatal(err)
	}
	if o.Failed() {
		t.Errorf("%v", o.Broken)
	}
}

// TestDocs: docs/simulate.md names everything that may stand in a history.
func TestDocs(t *testing.T) {
	raw, err := os.ReadFile("../../docs/simulate.md")
	if err != nil {
		t.Fatal(err)
	}
	dav, google := Incidents()
	names := slices.Concat(dav, google, Profiles(), policies, deletePolicies)
	for _, f := range Forms() {
		names = append(names, f.Text)
	}
	for _, m := range Mishaps() {
		names = append(names, m.Text)
		word := strings.NewReplacer("=N", "=3", "=SECONDS", "=3").Replace(m.Text)
		if _, err := parseMishap(word); err != nil {
			t.Errorf("%v", err)
		}
	}
	for _, all := range slots {
		names = append(names, all...)
	}
	for _, name := range names {
		if !strings.Contains(string(raw), "`"+name+"`") {
			t.Errorf("docs/simulate.md does not have `%s`", name)
		}
	}
	rows := slices.Concat(rowsOf(sim.Switches()), rowsOf(sim.GoogleSwitches()), rowsOf(sim.GoogleVariants()))
	for _, row := range rows {
		if !strings.Contains(string(raw), row) {
			t.Errorf("docs/simulate.md has no row that begins with %s", row)
		}
	}
}

// rowsOf are how the rows of the switches begin.
func rowsOf[T any](all []sim.Switch[T]) (rows []string) {
	for _, s := range all {
		var marks []string
		for _, m := range []struct {
			is   bool
			name string
		}{{s.Passing, "passing"}, {s.Lies, "lies"}, {s.Damages, "damages"}, {s.Unsafe, "unsafe"}} {
			if m.is {
				marks = append(marks, m.name)
			}
		}
		rows = append(rows, "| `"+s.Name+"` | `"+strings.Join(s.Values, "`, `")+"` | "+strings.Join(marks, ", ")+" | ")
	}
	return rows
}
