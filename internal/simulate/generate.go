package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// Generate makes up the history of a seed. A few things happen often in some histories and never in others: which, the seed says too.
func Generate(profile string, seed uint64, steps int) Story {
	g := &generator{Rand: rand.New(rand.NewPCG(seed, 4)), story: Story{Profile: profile, Seed: seed}, events: 4}
	g.begin()
	for len(g.story.Steps) < steps {
		g.step()
	}
	return g.story
}

type generator struct {
	*rand.Rand
	story  Story
	events int // in a calendar

	faulty   float64 // of the gates that are opened
	crashes  float64
	edits    float64 // of the steps
	two      bool    // processes
	onlyHere bool
	onlyAway bool
	wild     bool // the server has its accidents
	could    []accident
	rich     bool      // series, meetings, moves; else titles and places
	locked   bool      // the credentials are revoked
	focus    *accident // what the history is about
}

func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g *generator, all ...T) T { return all[g.IntN(len(all))] }

func (g *generator) begin() {
	g.story.Policy = string(pick(g, cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual))
	if g.one(6) {
		g.story.Delete = string(cal.AsPolicy)
	}
	g.story.Second = g.one(5)
	g.faulty = pick(g, 0, 0, 0.03, 0.1, 0.25)
	g.crashes = pick(g, 0, 0, 0.01, 0.03)
	g.edits = pick(g, 0.1, 0.2, 0.35)
	g.two, g.wild, g.rich = g.one(3), g.one(3), g.one(2)
	g.story.Namesakes = g.two && g.one(3)
	g.onlyHere, g.onlyAway = g.one(10), g.one(16)
	if g.one(10) { // pure logic
		g.faulty, g.crashes, g.wild, g.two = 0, 0, false, false
	}
	if p, err := profile(g.story.Profile); err == nil {
		g.server(p)
		g.could = g.accidents(p)
	}
}

func (g *generator) add(format string, args ...any) {
	g.story.Steps = append(g.story.Steps, strings.Fields(fmt.Sprintf(format, args...)))
}

func (g *generator) step() {
	switch p := g.Float64(); {
	case p < g.edits:
		g.edit()
	case p < g.edits+0.03:
		g.add("pass %d", pick(g, 1, 10, 70, 100, 700))
	case p < g.edits+0.05 && g.wild:
		g.accident()
	case p < g.edits+0.055:
		g.add("land")
	case p < g.edits+0.07 && g.focus != nil:
		g.ambush()
	case p < g.edits+0.08 && g.story.Profile == "google":
		g.relic()
	case p < g.edits+0.2 && g.locked:
		g.locked = false
		g.add("here resume")
	case p < g.edits+0.058:
		g.add("policy %s", pick(g, cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual))
	case p < g.edits+0.063 && g.faulty > 0:
		g.stubborn()
	default:
		g.process()
	}
}

// stubborn is somebody who goes on typing into one field while requests are late: all that was sent before may still arrive.
func (g *generator) stubborn() {
	n, property := g.IntN(4), pick(g, "SUMMARY", "LOCATION")
	for range 1 + g.IntN(3) {
		g.add("here change %d %s", n, property)
		g.add("A sends late")
		g.add("A walk %d", 4+g.IntN(20))
		g.add("pass %d", pick(g, 1, 70, 700))
	}
	g.add("here change %d %s", n, property)
	if g.one(2) {
		g.add("A walk %d", 1+g.IntN(12))
	}
	g.add("land")
}

func (g *generator) process() {
	name := "A"
	if g.two && g.one(3) {
		name = "B"
	}
	switch {
	case g.Float64() < g.crashes:
		g.add("%s crash", name)
	case g.Float64() < g.faulty && g.one(3):
		g.write(name)
	case g.Float64() < g.faulty:
		g.add("%s %d %s", name, g.IntN(3), g.mishap())
	case g.one(6):
		g.add("%s walk %d", name, 2+g.IntN(12))
	default:
		g.add("%s %d", name, g.IntN(3))
	}
}

// write is where most can go wrong: a request that writes, or its answer. What was late may arrive soon.
func (g *generator) write(name string) {
	if g.one(4) {
		g.add("%s commits %s", name, pick(g, "full", "dies"))
		return
	}
	what := g.mishap()
	g.add("%s %s %s", name, pick(g, "sends", "hears"), what)
	for what == "late" && g.one(2) {
		g.add("%s walk %d", name, 2+g.IntN(12))
		if g.one(2) {
			g.add("land")
			return
		}
	}
}

func (g *generator) mishap() string {
	switch g.IntN(14) {
	case 0, 1, 2:
		return "lost"
	case 3, 4:
		return "late"
	case 5:
		return "twice"
	case 6:
		return "moved"
	case 7:
		return "html"
	case 8:
		return fmt.Sprintf("status=%d", pick(g, 500, 502, 503, 504, 429, 408, 400, 403, 404, 412))
	case 9:
		return fmt.Sprintf("busy=%d", pick(g, 1, 30, 120))
	case 10:
		return fmt.Sprintf("cut=%d", 1+g.IntN(800))
	case 11:
		return fmt.Sprintf("garbled=%d", g.IntN(600))
	case 12:
		return fmt.Sprintf("full=%d", 1+g.IntN(20))
	}
	return fmt.Sprintf("dies=%d", 1+g.IntN(20))
}

func (g *generator) edit() {
	if g.one(30) {
		g.add("there calendar name %s", pick(g, "work", "home"))
		return
	}
	side := pick(g, "here", "there")
	if g.onlyHere {
		side = "here"
	} else if g.onlyAway {
		side = "there"
	}
	n, c := g.IntN(g.events), ""
	switch {
	case g.one(8):
		c = " home"
	case g.story.Second && g.one(5):
		c = " other"
	}
	what := ""
	switch p := g.IntN(20); {
	case p < 5:
		what = fmt.Sprintf("create %d %s", n, g.kind(side))
	case p < 13 || !g.rich && p < 17:
		what = fmt.Sprintf("change %d %s %d", n, pick(g, "SUMMARY", "LOCATION"), g.IntN(3))
	case p < 15:
		what = fmt.Sprintf("delete %d", n)
	default:
		what = g.odd(side, n)
	}
	g.add("%s %s%s", side, what, c)
}

func (g *generator) kind(side string) string {
	switch {
	case !g.rich:
		return "plain"
	case side == "here": // nobody makes what somebody else organizes
		return pick(g, "plain", "plain", "series", "series", "party", "day")
	}
	return pick(g, "plain", "plain", "series", "series", "meeting", "day")
}

func (g *generator) odd(side string, n int) string {
	all := []string{"except %d %d", "except %d %d", "exclude %d %d", "split %d %d", "move %d", "answer %d"}
	if side == "there" {
		all = append(all, "touch %d", "rename %d", "reuid %d", "transfer %d", "touch %d", "rezone %d", "raise %d", "hide %d", "show %d", "poison %d")
		if g.one(12) {
			if g.one(3) { // some of many
				g.add("there fill")
				for n := range 4 {
					g.add("there create %d plain", n)
				}
				g.add("A walk 40")
				g.add("A walk 40")
				for n := range 3 {
					g.add("there delete %d", n)
				}
			}
			what := pick(g, "fill", "clear")
			if what == "clear" && g.one(2) { // a small calendar, all of it known here
				for n := range 4 {
					g.add("there create %d plain", n)
				}
				g.add("A walk 40")
				g.add("A walk 40")
			}
			return what
		}
	}
	verb := all[g.IntN(len(all))]
	if verb == "exclude %d %d" && g.one(2) { // two people at once, and mostly two instances
		g.add("%s exclude %d %d", pick(g, "here", "there"), n, g.IntN(instances))
	}
	if verb == "rezone %d" {
		k := g.IntN(instances)
		g.add("there except %d %d", n, k)
		g.add("A walk 40")
		g.add("A walk 40")
		g.add("here except %d %d", n, k)
	}
	if strings.Count(verb, "%d") == 1 {
		return fmt.Sprintf(verb, n)
	}
	return fmt.Sprintf(verb, n, g.IntN(instances))
}

// server draws the switches that are on from the beginning: of the profile's own now and then, of "any" server up to four.
func (g *generator) server(p sim.Profile) {
	switch {
	case p.Google:
		for _, v := range p.GoogleVariants() {
			if len(v.Values) > 0 && g.one(2) {
				g.switchOn(v.Name, v.Values)
			}
		}
		for _, v := range sim.GoogleVariants() {
			if g.one(8) {
				g.switchOn(v.Name, v.Values)
			}
		}
		drawn(g, sim.GoogleSwitches(), 4)
		some := passing(sim.GoogleSwitches())
		g.focus = &some[g.IntN(len(some))]
	case g.story.Profile == Any:
		all := sim.Switches()
		g.aim(all[g.IntN(len(all))])
		for range g.IntN(4) {
			drawn(g, all[g.IntN(len(all)):][:1], 1)
		}
	default:
		drawn(g, p.Switches(), 4)
	}
	if !p.Google && g.one(16) {
		g.switchOn("DateSkew", []string{"-24h0m0s", "24h0m0s"})
	}
}

// aim makes a switch the one that a history is about, so that in the long run no switch is left out.
func (g *generator) aim(s sim.Switch[sim.Quirks]) {
	if s.Passing {
		g.focus = &accident{s.Name, s.Values}
		return
	}
	g.switchOn(s.Name, s.Values)
	if s.Damages {
		g.faulty, g.crashes = 0, 0
	}
}

// ambush turns the switch on in the middle of a sync that has something to send, and off again.
func (g *generator) ambush() {
	g.add("here %s", pick(g, "create 0 plain", "create 1 plain", "delete 0", "delete 1", "change 0 SUMMARY 0", "change 1 SUMMARY 0"))
	g.add("A walk %d", 2+g.IntN(10))
	g.add("server on %s %s", g.focus.name, g.focus.values[g.IntN(len(g.focus.values))])
	g.add("A sends")
	g.add("server off %s", g.focus.name)
}

// relic has somebody delete what a late create has just made, while it is about to be repeated: its id is used up by then.
func (g *generator) relic() {
	n := g.IntN(4)
	g.add("here create %d plain", n)
	g.add("A sends late")
	g.add("A walk 25")
	g.add("pass 10")
	g.add("A walk %d", 6+g.IntN(10))
	g.add("land")
	g.add("there delete %d", n)
	g.add("A sends %s", pick(g, "", "", "status=429"))
}

// drawn turns on each of the switches that may last, once in n times. Where a server damages what it is given and an answer is lost, nobody
// can tell the server's doing from another person's.
func drawn[T any](g *generator, all []sim.Switch[T], n int) {
	for _, s := range all {
		if s.Passing || s.Unsafe && !g.one(3) || !g.one(n) || g.senseless(s.Name) {
			continue
		}
		g.switchOn(s.Name, s.Values)
		if s.Damages {
			g.faulty, g.crashes = 0, 0
		}
	}
}

// senseless: together with what is on already no client could tell anything. A page of one that always begins with the same one never ends;
// what is filed under another name with something missing is like somebody else's.
func (g *generator) senseless(name string) bool {
	for _, pair := range [][2]string{{"SecondTokens", "TruncateAt"}, {"TokenAlwaysZero", "TruncateAt"}, {"MoveHrefOnCreate", "StripProperty"}} {
		if i := slices.Index(pair[:], name); i >= 0 && slices.ContainsFunc(g.story.Server, func(s string) bool { return strings.HasPrefix(s, pair[1-i]+"=") }) {
			return true
		}
	}
	return false
}

func (g *generator) switchOn(name string, values []string) {
	one := name + "=" + values[g.IntN(len(values))]
	if !slices.ContainsFunc(g.story.Server, func(s string) bool { return strings.HasPrefix(s, name+"=") }) {
		g.story.Server = append(g.story.Server, one)
	}
}

// passing are the switches that a story turns on and off again.
func passing[T any](all []sim.Switch[T]) (some []accident) {
	for _, s := range all {
		if s.Passing {
			some = append(some, accident{s.Name, s.Values})
		}
	}
	return some
}

type accident struct {
	name   string
	values []string // of a switch; none: it befalls the server
}

func (g *generator) accidents(p sim.Profile) (all []accident) {
	switch {
	case p.Google:
		all = append(passing(p.GoogleSwitches()), accident{name: "lags"}, accident{name: "catches-up"})
	case g.story.Profile == Any: // also one that writes its names now so and now so
		all = append(passing(sim.Switches()), accident{"Hrefs", []string{"encoded", "lower-hex", "raw"}})
	default:
		all = passing(p.Switches())
	}
	incidents := p.Incidents
	if g.story.Profile == Any {
		incidents = []sim.Incident{sim.Restored, sim.Touched, sim.Expired, sim.RowsLost}
	}
	for _, i := range incidents {
		all = append(all, accident{name: strings.ReplaceAll(string(i), " ", "-")})
		if i == sim.Restored {
			all = append(all, accident{name: "backup"})
		}
	}
	return all
}

func (g *generator) accident() {
	if g.one(8) {
		g.add("there calendar %s home", pick(g, "delete", "anew"))
		return
	}
	if g.one(12) {
		g.locked = true
		g.add("there revoke")
		return
	}
	if len(g.could) == 0 {
		return
	}
	a := g.could[g.IntN(len(g.could))]
	if len(a.values) > 0 && g.one(2) {
		g.add("server off %s", a.name)
		return
	}
	g.befalls(a)
}

func (g *generator) befalls(a accident) {
	if len(a.values) == 0 {
		g.add("server %s", a.name)
		return
	}
	g.add("server on %s %s", a.name, a.values[g.IntN(len(a.values))])
}
