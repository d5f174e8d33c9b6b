package main

import (
	"context"
	"fmt"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/simulate"
)

// simulationView is what came of some histories.
type simulationView struct {
	OK        bool           `json:"ok"`
	Histories []historyView  `json:"histories"`
	Total     simulate.Tally `json:"total"`
}

// historyView is what came of one.
type historyView struct {
	Profile   string             `json:"profile"`
	Seed      uint64             `json:"seed"`
	Policy    cal.Policy         `json:"policy"`
	Deletions cal.DeletePolicy   `json:"deletions"`
	Server    []string           `json:"server"` // what it does besides what the profile always does
	OK        bool               `json:"ok"`
	Tally     simulate.Tally     `json:"tally"`
	Promises  []simulate.Promise `json:"promises"`
	Broken    []brokenView       `json:"broken"`
	Story     *string            `json:"story"` // where a promise was broken: the shortest history that does it
	Log       []string           `json:"log,omitempty"`
}

// brokenView is a promise that was broken, and how.
type brokenView struct {
	Invariant string `json:"invariant"`
	What      string `json:"what"`
}

func viewHistory(o simulate.Outcome, withLog bool) historyView {
	v := historyView{Profile: o.Story.Profile, Seed: o.Story.Seed, Policy: cal.Policy(orElse(o.Story.Policy, string(cal.RemoteWins))),
		Deletions: cal.DeletePolicy(orElse(o.Story.Delete, string(cal.EditWins))), Server: list(o.Story.Server), OK: !o.Failed(), Tally: o.Tally,
		Promises: o.Promises(), Broken: []brokenView{}}
	for _, b := range o.Broken {
		v.Broken = append(v.Broken, brokenView(b))
	}
	if withLog {
		v.Log = o.Log
	}
	return v
}

// tellSimulation prints what came of the histories; a broken promise is an error.
func (s *session) tellSimulation(ctx context.Context, c simulateCmd, all []simulate.Outcome) error {
	v := simulationView{OK: true}
	first := -1
	for i, o := range all {
		v.OK = v.OK && !o.Failed()
		v.Histories = append(v.Histories, viewHistory(o, c.Log))
		v.Total = v.Total.Plus(o.Tally)
		if o.Failed() && first < 0 {
			first = i
		}
	}
	if first >= 0 {
		v.Histories[first].Story = orNull(text(s.shortest(ctx, c, all[first])))
	}
	if s.JSON {
		if err := s.json(v); err != nil {
			return err
		}
	} else {
		s.tellHistories(c, v)
	}
	if !v.OK {
		return failure{errTold, exitFailed}
	}
	return nil
}

// shortest looks for the shortest history that breaks what this one broke.
func (s *session) shortest(ctx context.Context, c simulateCmd, o simulate.Outcome) simulate.Story {
	if c.Shrink > 0 {
		s.note("A promise was broken. Looking for the shortest history that breaks it; --shrink 0 does without.")
		o = simulate.Shrink(o, c.Shrink, func(story simulate.Story) (simulate.Outcome, error) { return simulate.Tell(ctx, story, "") })
	}
	return o.Story
}

func (s *session) tellHistories(c simulateCmd, v simulationView) {
	s.say("%s", s.paint(bold, "calbridge simulate"))
	s.tellSetting(c, v.Histories)
	for _, h := range v.Histories {
		s.tellLog(h)
	}
	s.tellTally(v.Total)
	s.tellContests(v)
	s.tellPromises(v)
	for _, h := range v.Histories {
		s.tellBroken(c, h)
	}
	if v.OK {
		s.say("\n%s", s.paint(green, "✓ Every promise was kept: nobody lost an edit, saw a double, or was mailed by mistake."))
	}
}

func (s *session) tellLog(h historyView) {
	if len(h.Log) > 0 {
		s.say("\n%s", s.paint(bold, fmt.Sprintf("Seed %d: the day, the hour, the step, and what happened", h.Seed)))
	}
	for _, line := range h.Log {
		s.say("%s", line)
	}
}

func (s *session) tellSetting(c simulateCmd, all []historyView) {
	h := all[0]
	server := "a server like " + h.Profile
	if len(h.Server) > 0 && len(all) == 1 {
		server += " (" + strings.Join(h.Server, " ") + ")"
	}
	s.say("%s beside %s, policy %s, deletions %s.", c.length(h, len(all)), server, h.Policy, h.Deletions)
	if c.Story == "" {
		s.say("The same again: calbridge simulate %s", c.again(h.Seed))
	}
	s.say("%s", s.paint(dim, "w1, w2, w3 … are what people typed: each is written once, so that every edit can be traced."))
}

// length says what was played.
func (c simulateCmd) length(h historyView, n int) string {
	switch {
	case c.Story != "":
		return "The history of " + c.Story
	case n > 1:
		return fmt.Sprintf("%d histories of %s, seeds %d to %d,", n, count(c.Hours, "hour"), h.Seed, h.Seed+uint64(n)-1)
	}
	return count(c.Hours, "hour")
}

// again are the flags that make a history once more.
func (c simulateCmd) again(seed uint64) string {
	words := []string{"--profile", c.Profile, "--seed", fmt.Sprint(seed), "--hours", fmt.Sprint(c.Hours), "--faults", c.Faults,
		"--policy", orElse(c.Policy, string(cal.RemoteWins))}
	if c.Deletions != "" {
		words = append(words, "--deletions", c.Deletions)
	}
	if c.Count > 1 {
		words = append(words, "--count", fmt.Sprint(c.Count))
	}
	return strings.Join(words, " ")
}

func (s *session) tellTally(t simulate.Tally) {
	s.say("\n%s", s.paint(bold, "1  What happened"))
	s.say("   %s here, %s at the server; %s, %s", count(t.EditsHere, "edit"), count(t.EditsThere, "edit"), count(t.Syncs, "sync"),
		count(t.Requests, "request"))
	s.say("   went wrong: %s", often(t.Faults))
	s.say("   befell the server: %s", often(t.Incidents))
	s.say("   %s, %s, %s held back until a person agreed", count(t.Merges, "merge"), count(len(t.Conflicts), "conflict"), count(t.Held, "mass deletion"))
	s.say("   %s refused by the server, shown to their authors; notices: %s; mailed by mistake: %d", count(t.Refused, "edit"), often(t.Notices), t.Mails)
}

func often(counts map[string]int) string {
	var all []string
	for _, kind := range simulate.Often(counts) {
		all = append(all, fmt.Sprintf("%s %d", kind, counts[kind]))
	}
	return orElse(strings.Join(all, ", "), "nothing")
}

// shownContests is how many conflicts people want to read about.
const shownContests = 15

func (s *session) tellContests(v simulationView) {
	all := v.Total.Conflicts
	if len(all) == 0 {
		return
	}
	s.say("\n%s", s.paint(bold, "2  How the conflicts ended"))
	t := s.table("event", "now called", "here / there", "about", "ended", "what is not in force, and where it is")
	for _, c := range all[:min(len(all), shownContests)] {
		t.row(c.UID, orDots(c.Title), c.Kind, orDots(strings.Join(about(c.Contested), ", ")), ending(c), orDots(kept(c)))
	}
	_ = t.flush()
	if more := len(all) - shownContests; more > 0 {
		s.say("… and %d more, which --json lists: %s", more, often(endings(all[shownContests:])))
	}
}

func endings(all []simulate.Contest) map[string]int {
	counts := map[string]int{}
	for _, c := range all {
		counts[ending(c)]++
	}
	return counts
}

// about names what was contested as people do.
func about(contested []string) (all []string) {
	for _, c := range contested {
		all = append(all, strings.NewReplacer("SUMMARY", "title", "LOCATION", "place").Replace(c))
	}
	return all
}

func ending(c simulate.Contest) string {
	switch {
	case c.Open:
		return "waits for a person"
	case c.Winner == string(cal.Mine):
		return "here won"
	case c.Winner == string(cal.Theirs):
		return "there won"
	}
	return "both kept"
}

// kept says of everything that lost where it can still be read.
func kept(c simulate.Contest) string {
	var all []string
	for _, k := range c.Kept {
		words := strings.Join(k.Words, " ")
		switch {
		case k.Version == 0:
			all = append(all, "a deletion")
		case k.Copy != "":
			all = append(all, orElse(words, "the rest")+": in a copy beside it")
		default:
			all = append(all, fmt.Sprintf("%s: version %d of its history", orElse(words, "no word"), k.Version))
		}
	}
	return strings.Join(all, ", ")
}

// tellPromises has a line for each promise: the worst that any of the histories made of it.
func (s *session) tellPromises(v simulationView) {
	s.say("\n%s", s.paint(bold, "3  The promises"))
	for i, p := range v.Histories[0].Promises {
		states := map[string]int{}
		for _, h := range v.Histories {
			states[h.Promises[i].State]++
		}
		s.say("%s", s.promise(p, states))
	}
}

func (s *session) promise(p simulate.Promise, states map[string]int) ink {
	line := fmt.Sprintf("%-4s%s", p.Invariant, p.Says)
	switch {
	case states["broken"] > 0:
		return s.paint(red, "   ✗ "+line)
	case states["kept"] == 0:
		return s.paint(dim, "   · "+line+" (not asked: nobody could on this server, see docs/simulate.md)")
	}
	if states["unasked"] > 0 {
		line += fmt.Sprintf(" (not asked in %d)", states["unasked"])
	}
	return "   " + s.paint(green, "✓") + ink(" "+clean(line))
}

func (s *session) tellBroken(c simulateCmd, h historyView) {
	if h.OK {
		return
	}
	s.say("")
	for _, b := range h.Broken {
		s.say("%s", s.paint(red, fmt.Sprintf("✗ seed %d: %s %s", h.Seed, b.Invariant, b.What)))
	}
	if h.Story == nil {
		return
	}
	s.say("\nThe shortest history that was found to break it:\n")
	for line := range strings.Lines(*h.Story) {
		s.say("   %s", strings.TrimRight(line, "\n"))
	}
	s.say("\nPlease report it with these lines. Saved in a file, they are played by: calbridge simulate --story FILE --log")
}
