package simulate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// Outcome is what became of a history.
type Outcome struct {
	Story   Story
	Steps   int         // events, and gates that were opened
	Broken  []Violation // promises
	Unasked []string    // promises that nobody could keep here
	Tally   Tally
	Log     []string
}

// Failed reports whether a promise was broken.
func (o Outcome) Failed() bool { return len(o.Broken) > 0 }

// tell plays a story in a lane, inside a bubble.
func tell(ctx context.Context, l *lane, s Story, reach *Reach) (o Outcome, err error) {
	w := &world{story: s, lane: l, own: l.own, ledger: newLedger(), approved: map[cal.CalendarID]bool{}, copies: map[string]string{}, situated: newSituated(), began: time.Now(), reach: reach}
	if err := l.begin(s.Seed, w.clock); err != nil {
		return o, fmt.Errorf("empty the simulated database: %w", err)
	}
	if w.remote, err = newRemote(w); err != nil {
		return o, err
	}
	w.remote = witness{w.remote, &w.tally}
	for i, name := range []string{"A", "B"} {
		w.process[i] = newProcess(w, name, l.process[i])
	}
	defer w.end()
	w.settleIn()
	for _, step := range s.Steps {
		if err := ctx.Err(); err != nil {
			return o, err
		}
		if err := w.step(step); err != nil {
			return o, fmt.Errorf("%s: %w", step, err)
		}
	}
	w.rest()
	return Outcome{Story: s, Steps: w.steps, Broken: w.broken, Unasked: w.unasked(), Tally: w.count(), Log: w.log}, nil
}

// end lets nobody outlive the bubble.
func (w *world) end() {
	for _, p := range w.process {
		p.crash()
		if p.ended != nil {
			<-p.ended
		}
	}
}

// people have all the time they want.
func (w *world) people() context.Context { return context.Background() }

func (w *world) step(s Step) error {
	w.steps++
	w.tick()
	if s[0] != "A" && s[0] != "B" {
		w.note("%s", s)
	}
	switch s[0] {
	case "A", "B":
		return w.process[s[0][0]-'A'].do(s)
	case "here":
		return w.here(s)
	case "there":
		return w.there(s)
	case "pass":
		w.pass(time.Duration(s.number(1, 1)) * time.Second)
		w.mournAll()
	case "land":
		w.land(true)
	case "server":
		return w.serverDoes(s)
	case "policy":
		w.changePolicy(cal.Policy(s.word(1)))
	}
	return nil
}

func (w *world) mournAll() {
	for _, p := range w.process {
		w.mourn(p)
	}
}

// do is one step of a process: "A", "A crash", "A walk 5", "A end", "A 2 lost".
func (p *process) do(s Step) error {
	w := p.world
	switch s.word(1) {
	case "crash":
		if p.ended != nil {
			w.witnessDeath(p)
			w.tally.fault("crash")
			p.crash()
			w.mourn(p)
		}
	case "walk":
		for range s.number(2, 5) {
			w.steps++
			if w.advance(p, 0, mishap{}); p.ended == nil {
				break
			}
		}
	default:
		m := mishap{}
		if word := s.word(2); word != "" {
			var err error
			if m, err = parseMishap(word); err != nil {
				return err
			}
		}
		if verb := s.word(1); verb == "sends" || verb == "hears" || verb == "commits" {
			p.write(strings.TrimSuffix(verb, "s"), m)
			return nil
		}
		w.advance(p, s.number(1, 0), m)
	}
	return nil
}

// write goes on to the next request that writes, to its answer, or to the next transaction that writes, and lets that happen to it. A sync may end before it writes.
func (p *process) write(verb string, m mishap) {
	const enough = 60 // gates of a sync
	for range enough {
		p.world.steps++
		if n := p.writing(verb); n >= 0 {
			p.world.advance(p, n, m)
			return
		}
		if p.world.advance(p, 0, mishap{}); p.ended == nil {
			return
		}
	}
}

// writing is the number of the gate at which such a request waits, or a transaction.
func (p *process) writing(verb string) int {
	return slices.IndexFunc(p.inLine(), func(g *gate) bool {
		if verb == "commit" {
			return g.name == "write"
		}
		words := append(strings.Fields(g.name), "")
		return words[0] == verb && slices.Contains([]string{"PUT", "DELETE", "POST", "PATCH"}, words[1])
	})
}

// serverDoes turns a switch, "server on ReadOnly true", "server off ReadOnly", or is something that befalls it, "server forgets".
func (w *world) serverDoes(s Step) error {
	w.turned()
	switch s.word(1) {
	case "on":
		w.reach.Situation("server " + s.word(2))
		w.tally.incident(s.word(2))
		return w.remote.turn(s.word(2), strings.Join(s[min(3, len(s)):], " "))
	case "off":
		return w.remote.turn(s.word(2), "")
	}
	w.reach.Situation("server " + s[1])
	w.tally.incident(s[1])
	w.lied = w.lied || slices.Contains(healedByAudit, s[1])
	if s[1] == "rows-lost" {
		w.remember("rows lost")
	}
	return w.remote.befall(s[1])
}

// healedByAudit is what only a complete listing finds out about: the token has moved on, or back.
var healedByAudit = []string{"restored", "rows-lost"}

// marked takes note of what a switch does to the promises.
func (w *world) marked(name string, unsafe, lies, damages bool) {
	w.careless = w.careless || unsafe
	w.lied = w.lied || lies || slices.Contains([]string{"ReadOnly", "ReadOnlyIs404", "StaleETags"}, name) // a refusal holds for a day
	w.damages = w.damages || damages
	if slices.Contains([]string{"EmptyListing", "EmptyEvents", "MissEvery"}, name) {
		w.remember("denied")
	}
	w.uidMoves = w.uidMoves || name == "UIDMoves"
}

func (w *world) changePolicy(p cal.Policy) {
	w.story.Policy = string(p)
	w.write(func(tx *store.Tx) error {
		for _, id := range w.held {
			c, err := tx.Calendar(id)
			if err != nil {
				return err
			}
			c.Rules.OnConflict = p
			if err := tx.UpdateCalendar(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// approve lets a person agree to what the guard stopped.
func (w *world) approve(rep engine.Report) (any bool) {
	for _, r := range rep.Runs {
		if r.Held {
			any = true
			w.note("a person approves %s", r.ID)
			w.approved[r.Calendar] = true
			w.write(func(tx *store.Tx) error {
				_, err := engine.Approve(tx, r.ID)
				return err
			})
		}
	}
	return any
}
