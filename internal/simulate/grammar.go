package simulate

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// What may stand in a history. Whoever writes one by hand is told what is wrong with it, in which line, and how it is written.

// Form is one way to write a step: words as they are, slots in capitals, and in brackets what may be left out.
type Form struct{ Text, Does string }

// Forms are all steps there are.
func Forms() []Form {
	return slices.Concat(personForms("here"), personForms("there"), []Form{
		{"there touch N [CALENDAR]", "gives the resource a new etag; what it says stays the same"},
		{"there rename N [CALENDAR]", "gives the resource another name; Google has none"},
		{"there reuid N [CALENDAR]", "gives what is at that name another UID; not at Google"},
		{"there transfer N [CALENDAR]", "moves the event from work to home; not at Google"},
		{"there rezone N [CALENDAR]", "names the instances that differ in UTC; what it says stays the same; not at Google"},
		{"there raise N [CALENDAR]", "raises the event's SEQUENCE; what it says stays the same; not at Google"},
		{"there hide N [CALENDAR]", "hides the resource from the account"},
		{"there show N [CALENDAR]", "shows it again"},
		{"there poison N [CALENDAR]", "puts a text that nobody can read in the event's place; not at Google"},
		{"there revoke", "the server refuses alice's credentials from now on"},
		{"here resume", "alice mends her credentials, and has the account synced again"},
		{"there fill [CALENDAR]", "makes fourteen events"},
		{"there clear [CALENDAR]", "deletes everything"},
		{"there calendar name [CALENDAR]", "gives the calendar another name; not at Google"},
		{"there calendar delete home", "deletes the calendar; not at Google"},
		{"there calendar anew home", "makes it again, empty, at the same place"},
		{"A [GATE [MISHAP]]", "process A begins a sync, or goes through the gate of that number it stands at (0 is the one it stands at longest); B likewise"},
		{"A walk [COUNT]", "so many of these, 5 unless said; less when the sync ends"},
		{"A sends [MISHAP]", "goes on until a request that writes leaves"}, {"A hears [MISHAP]", "goes on until its answer is heard"},
		{"A commits [MISHAP]", "goes on until a transaction that writes begins"}, {"B commits [MISHAP]", ""},
		{"A crash", "the process dies where it stands, and starts again"},
		{"B [GATE [MISHAP]]", ""}, {"B walk [COUNT]", ""}, {"B sends [MISHAP]", ""}, {"B hears [MISHAP]", ""}, {"B crash", ""},
		{"pass [SECONDS]", "time goes by"},
		{"land", "requests that are late arrive"},
		{"server on SWITCH VALUE", "the server begins to do something wrong"},
		{"server off SWITCH", "it does as it always did"},
		{"server INCIDENT", "something befalls the server"},
		{"policy POLICY", "a user changes what decides conflicts"},
	})
}

// personForms are the edits of both sides.
func personForms(side string) []Form {
	return []Form{
		{side + " create N [KIND] [CALENDAR]", "makes the N-th event, if it is not there"},
		{side + " change N PROPERTY [PART] [CALENDAR]", "gives it another title or place; PART 1 is the first exception of a series that is an object of its own"},
		{side + " delete N [CALENDAR]", "deletes it, with its exceptions"},
		{side + " except N K [CALENDAR]", "changes the K-th instance of a series"},
		{side + " exclude N K [CALENDAR]", "deletes the K-th instance"},
		{side + " split N K [CALENDAR]", "changes the K-th instance and all that follow"},
		{side + " move N [CALENDAR]", "puts it five hours off, or back"},
		{side + " answer N [CALENDAR]", "alice accepts the invitation, or declines it"},
	}
}

// Mishap is something that can go wrong at a gate.
type Mishap struct{ Text, Does string }

// Mishaps are all there are.
func Mishaps() []Mishap {
	return []Mishap{
		{"lost", "the request never arrives; where an answer waits to be heard, that is lost"},
		{"late", "the request arrives, but only when nobody waits for it any more; an answer is lost"},
		{"twice", "the request arrives twice"},
		{"moved", "302 to somewhere else, instead of the server's answer"},
		{"html", "200 with a login page"},
		{"status=N", "that status: before the request is carried out; at an answer's gate (5xx and 408 only) after it"},
		{"busy=SECONDS", "503 with that Retry-After"},
		{"cut=N", "the connection ends after N bytes of the answer's body"},
		{"garbled=N", "eight bytes of the answer's body are damaged, from the N-th on"},
		{"full=N", "the N-th statement of the transaction fails, its commit included: the disk is full"},
		{"full", "its commit fails, whatever its number"},
		{"dies=N", "the process dies at the N-th statement"},
		{"dies", "it dies at the commit"},
	}
}

// Incidents are what can befall a CalDAV server and a Google server.
func Incidents() (dav, google []string) {
	return []string{"expired", "touched", "rows-lost", "backup", "restored"}, []string{"expired", "touched", "lags", "catches-up", "backup", "restored"}
}

var policies = []string{string(cal.RemoteWins), string(cal.LocalWins), string(cal.NewestWins), string(cal.KeepBoth), string(cal.Manual)}

// Policies are what may decide conflicts.
func Policies() []string { return slices.Clone(policies) }

var deletePolicies = []string{string(cal.EditWins), string(cal.AsPolicy)}

// slots are what the capitals of a form stand for; numbers are not among them.
var slots = map[string][]string{
	"KIND": {"plain", "series", "party", "meeting", "day"}, "PROPERTY": {"SUMMARY", "LOCATION"}, "CALENDAR": {"work", "home", "other"},
	"POLICY": policies,
}

var numbered = []string{"N", "K", "PART", "GATE", "COUNT", "SECONDS"}

// checkStep says what is wrong with a step on the server of a profile.
func checkStep(s Step, p sim.Profile) error {
	forms := slices.DeleteFunc(Forms(), func(f Form) bool { return strings.Fields(f.Text)[0] != s[0] })
	var why error
	for _, f := range forms {
		err := f.fits(s, p)
		if err == nil {
			return nil
		}
		if why == nil || s.word(1) == strings.Fields(f.Text)[min(1, len(strings.Fields(f.Text))-1)] {
			why = fmt.Errorf("%w; it is written %q", err, f.Text)
		}
	}
	if second := seconds(forms); len(second) > 0 && !slices.Contains(second, s.word(1)) && s[0] != "A" && s[0] != "B" {
		return fmt.Errorf("%q: after %q comes one of %s", s, s[0], strings.Join(append(second, incidentsOf(s[0], p)...), ", "))
	}
	return fmt.Errorf("%q: %w", s, why)
}

// seconds are the plain words that may follow the first.
func seconds(forms []Form) (all []string) {
	for _, f := range forms {
		if words := strings.Fields(f.Text); len(words) > 1 && words[1] == strings.ToLower(words[1]) && words[1][0] != '[' && !slices.Contains(all, words[1]) {
			all = append(all, words[1])
		}
	}
	return all
}

func incidentsOf(verb string, p sim.Profile) []string {
	dav, google := Incidents()
	switch {
	case verb != "server":
		return nil
	case p.Google:
		return google
	}
	return dav
}

// fits compares a step with a form, word by word.
func (f Form) fits(s Step, p sim.Profile) error {
	at := 0
	for _, slot := range strings.Fields(f.Text) {
		bare := strings.Trim(slot, "[]")
		switch err := fill(bare, s, at, p); {
		case err == nil && bare == "VALUE":
			return nil // the rest is the value
		case err == nil:
			at++
		case bare == slot || at < len(s) && !laterFits(f, bare, s, at, p):
			return err
		}
	}
	if at < len(s) {
		return fmt.Errorf("%q is one word too many", s[at])
	}
	return nil
}

// laterFits: a slot was left out, and the word belongs to one behind it.
func laterFits(f Form, slot string, s Step, at int, p sim.Profile) bool {
	_, behind, _ := strings.Cut(f.Text, "["+slot+"]")
	return slices.ContainsFunc(strings.Fields(behind), func(other string) bool { return fill(strings.Trim(other, "[]"), s, at, p) == nil })
}

// fill says why a word does not go into a slot.
func fill(slot string, s Step, at int, p sim.Profile) error {
	word := s.word(at)
	switch {
	case word == "":
		return fmt.Errorf("%s is missing", slot)
	case slices.Contains(numbered, slot):
		if n, err := strconv.Atoi(word); err != nil || n < 0 {
			return fmt.Errorf("%s is a number, not %q", slot, word)
		}
	case slot == "MISHAP":
		_, err := parseMishap(word)
		return err
	case slot == "SWITCH":
		return checkSwitch(p, word, "")
	case slot == "VALUE":
		return checkSwitch(p, s.word(at-1), strings.Join(s[at:], " "))
	case slot == "INCIDENT":
		return among("the server", word, incidentsOf("server", p))
	case slots[slot] != nil:
		return among(slot, word, slots[slot])
	case word != slot:
		return fmt.Errorf("%q is not %q", word, slot)
	}
	return nil
}

func among(what, word string, all []string) error {
	if slices.Contains(all, word) {
		return nil
	}
	return fmt.Errorf("%s is never %q; there are %s", what, word, strings.Join(all, ", "))
}

// checkSwitch says what is wrong with a switch, or with its value, on the server of a profile.
func checkSwitch(p sim.Profile, name, value string) error {
	all := SwitchesOf(p)
	values, known := all[name]
	switch {
	case !known && p.Google:
		return fmt.Errorf("a Google server has no switch %q; see docs/simulate.md", name)
	case !known:
		return fmt.Errorf("a CalDAV server has no switch %q; see docs/simulate.md", name)
	case value == "" || slices.Contains(values, value):
		return nil
	}
	return fmt.Errorf("switch %s is never %q; it may be %s", name, value, strings.Join(values, ", "))
}

// SwitchesOf gives the switches of the kind of server that a profile is, with their values.
func SwitchesOf(p sim.Profile) map[string][]string {
	all := map[string][]string{}
	if !p.Google {
		for _, s := range sim.Switches() {
			all[s.Name] = s.Values
		}
		return all
	}
	for _, s := range sim.GoogleSwitches() {
		all[s.Name] = s.Values
	}
	for _, s := range sim.GoogleVariants() {
		all[s.Name] = s.Values
	}
	return all
}

// lineNumbers are where a history has what.
type lineNumbers struct {
	profile, server, policy, deletions int
	steps                              []int
}

// note remembers what a line that was just read is.
func (l *lineNumbers) note(n int, first string, s *Story) {
	if len(l.steps) < len(s.Steps) {
		l.steps = append(l.steps, n)
		return
	}
	for _, head := range []struct {
		word string
		line *int
	}{{"profile", &l.profile}, {"server", &l.server}, {"policy", &l.policy}, {"deletions", &l.deletions}} {
		if head.word == first {
			*head.line = n
		}
	}
}

// check says what is wrong with a story, and where.
func (s *Story) check(at lineNumbers) error {
	p, err := profile(s.Profile)
	if err != nil {
		return inLine(at.profile, err)
	}
	for _, one := range s.Server {
		name, value, _ := strings.Cut(one, "=")
		if err := checkSwitch(p, name, value); err != nil {
			return inLine(at.server, err)
		}
	}
	if s.Policy != "" {
		if err := among("policy", s.Policy, policies); err != nil {
			return inLine(at.policy, err)
		}
	}
	if s.Delete != "" {
		if err := among("deletions", s.Delete, deletePolicies); err != nil {
			return inLine(at.deletions, err)
		}
	}
	for i, step := range s.Steps {
		if err := checkStep(step, p); err != nil {
			return inLine(at.steps[i], err)
		}
	}
	return nil
}

func inLine(n int, err error) error { return fmt.Errorf("line %d of the history: %w", n, err) }
