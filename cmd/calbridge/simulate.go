package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/simulate"
)

// simulateCmd is `calbridge simulate`: days in which everything goes wrong that can, with the real engine over servers that live in memory.
// It needs no settings, opens no socket, and leaves nothing behind.
type simulateCmd struct {
	Profile    string  `help:"What the server is like; \"any\" is one that misbehaves in any way. Plain unless said (profiles: ${profiles})." placeholder:"NAME"`
	Seed       *uint64 `help:"The same seed is the same history. Drawn and printed unless said." placeholder:"N"`
	Hours      int     `help:"How long the history is, in its own time; 24 unless said." placeholder:"N"`
	Policy     string  `help:"What decides where both sides changed the same: remote-wins unless said (${policies})." placeholder:"POLICY"`
	Deletions  string  `help:"What decides between an edit and a deletion: edit-wins unless said, or as-policy." placeholder:"RULE"`
	Faults     string  `help:"How much goes wrong with the network, the disk, the server and the processes: some unless said (none, some, many)." placeholder:"HOW"`
	Count      int     `help:"So many histories, of this seed and the following." placeholder:"N"`
	Story      string  `help:"Play the history in this file, - for standard input; --policy and --deletions may be other than it says." placeholder:"FILE"`
	PrintStory bool    `help:"Print the history, play nothing: to be edited, and played with --story."`
	Log        bool    `help:"Print all that happened, request by request."`
	Shrink     int     `help:"When a promise is broken, try so many shorter histories in search of the shortest that breaks it." default:"200" placeholder:"N"`
}

// Help implements kong.HelpProvider.
func (simulateCmd) Help() string {
	return `Try a policy before you point calbridge at calendars that matter. People edit on both sides, a sync runs every five minutes, requests and answers
get lost, processes die, the server has its accidents, all drawn from a seed. At the end both sides are compared and every promise is checked:
nobody lost an edit, saw a double, or was mailed. What people type is w1, w2, w3, each written once, so that every edit can be traced.

  calbridge simulate --profile nextcloud --policy keep-both
  calbridge simulate --profile any --seed 7 --hours 6 --faults many --log
  calbridge simulate --seed 7 --print-story > day.story && calbridge simulate --story day.story --policy manual

Exit codes: 0 every promise was kept, 1 one was broken (then the history is printed, as short as it gets), 2 bad usage.
docs/simulate.md tells how histories are written.`
}

// longest keeps a slip of the finger from running for a day.
const longest = 31 * 24

func (c simulateCmd) Run(ctx context.Context, s *session) error {
	c, err := c.settled(s)
	if err != nil {
		return err
	}
	if c.PrintStory {
		return c.printStory(s)
	}
	all, err := c.play(ctx, s)
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	return s.tellSimulation(ctx, c, all)
}

// settled fills in what was not said, and refuses what makes no sense.
func (c simulateCmd) settled(s *session) (simulateCmd, error) {
	if c.Story != "" && (c.Profile != "" || c.Seed != nil || c.Hours != 0 || c.Faults != "" || c.Count != 0 || c.PrintStory) {
		return c, usage("--story: the file says what the history is; beside it there can be --policy, --deletions, --log and --shrink only")
	}
	c.Profile, c.Faults = orElse(c.Profile, "plain"), orElse(c.Faults, string(simulate.Fair))
	for _, f := range []struct {
		flag, value string
		all         []string
	}{
		{"profile", c.Profile, simulate.Profiles()},
		{"policy", orElse(c.Policy, string(cal.RemoteWins)), simulate.Policies()},
		{"deletions", orElse(c.Deletions, string(cal.EditWins)), []string{string(cal.EditWins), string(cal.AsPolicy)}},
		{"faults", c.Faults, []string{string(simulate.Calm), string(simulate.Fair), string(simulate.Stormy)}},
	} {
		if !slices.Contains(f.all, f.value) {
			return c, usage("--%s is never %q; there are %s", f.flag, f.value, strings.Join(f.all, ", "))
		}
	}
	if c.Hours < 0 || c.Hours > longest || c.Count < 0 || c.Shrink < 0 {
		return c, usage("--hours is a number from 1 to %d, --count from 1 on, --shrink from 0 on", longest)
	}
	if c.Hours == 0 {
		c.Hours = 24
	}
	c.Count = max(1, c.Count)
	return c.seeded(s)
}

// seeded draws a seed that is short enough to be typed again.
func (c simulateCmd) seeded(s *session) (simulateCmd, error) {
	if c.Seed != nil || c.Story != "" {
		return c, nil
	}
	var raw [4]byte
	if _, err := io.ReadFull(s.chance, raw[:]); err != nil {
		return c, fmt.Errorf("draw a seed: %w", err)
	}
	seed := uint64(binary.LittleEndian.Uint32(raw[:]) % 1e6)
	c.Seed = &seed
	return c, nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// day makes the history of a seed.
func (c simulateCmd) day(profile string, seed uint64) simulate.Story {
	return simulate.Day(simulate.DayOptions{Profile: profile, Seed: seed, Hours: c.Hours, Policy: cal.Policy(orElse(c.Policy, string(cal.RemoteWins))),
		Delete: cal.DeletePolicy(c.Deletions), Faults: simulate.Weather(c.Faults)})
}

func (c simulateCmd) printStory(s *session) error {
	if c.Count > 1 {
		return usage("--print-story prints one history, not %d", c.Count)
	}
	story := c.day(c.Profile, *c.Seed)
	if s.JSON {
		return s.json(map[string]string{"story": text(story)})
	}
	_, err := story.WriteTo(s.stdout)
	return err
}

func text(story simulate.Story) string {
	var b strings.Builder
	_, _ = story.WriteTo(&b)
	return b.String()
}

// play plays the history of the file, or those of the seeds, in their order.
func (c simulateCmd) play(ctx context.Context, s *session) ([]simulate.Outcome, error) {
	o := simulate.Options{Profiles: []string{c.Profile}, Count: c.Count, Lanes: min(c.Count, runtime.GOMAXPROCS(0)), Story: c.day}
	if c.Story != "" {
		story, err := c.read(s.stdin)
		if err != nil {
			return nil, err
		}
		o.Story = func(string, uint64) simulate.Story { return story }
	} else {
		o.First = *c.Seed
	}
	var all []simulate.Outcome
	o.Told = func(one simulate.Outcome) { all = append(all, one) }
	_, err := simulate.Run(ctx, o)
	slices.SortFunc(all, func(a, b simulate.Outcome) int { return int(a.Story.Seed) - int(b.Story.Seed) })
	return all, err
}

// read reads the file, and changes what the flags say otherwise.
func (c simulateCmd) read(stdin io.Reader) (simulate.Story, error) {
	name, in := c.Story, stdin
	if name == "-" {
		name = "standard input"
	} else {
		f, err := os.Open(name)
		if err != nil {
			return simulate.Story{}, usage("%w", err)
		}
		defer f.Close()
		in = f
	}
	story, err := simulate.ReadStory(in)
	if err != nil {
		return story, usage("%s: %w (docs/simulate.md has all that may stand there)", name, err)
	}
	story.Policy = orElse(c.Policy, story.Policy)
	story.Delete = orElse(c.Deletions, story.Delete)
	return story, nil
}
