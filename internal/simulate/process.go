package simulate

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// process is one calbridge that syncs: the real engine on its own way to the database. It runs in a goroutine of its own, from gate to gate.
type process struct {
	*handle
	world  *world
	name   string
	boots  int
	engine *engine.Engine
	cancel context.CancelFunc
	ended  chan engine.Report       // of the sync under way; nil: none
	report engine.Report            // of the last sync that ended
	last   string                   // the gate it went through last
	would  map[cal.CalendarID]share // what the page that it decided about last deletes
	paged  bool                     // it has applied a part of a listing, and not the last
}

func newProcess(w *world, name string, h *handle) *process {
	p := &process{handle: h, world: w, name: name, would: map[cal.CalendarID]share{}}
	h.gates.steps = &w.taken
	for _, d := range h.disks {
		d.onWrite = func() func(error) { return w.committing(p) }
	}
	p.boot()
	return p
}

// boot starts it, after a crash too.
func (p *process) boot() {
	p.boots++
	chance := rand.New(rand.NewPCG(p.world.story.Seed, uint64(p.boots)<<8+uint64(p.name[0])))
	limits := engine.DefaultLimits()
	limits.AuditEvery = audit
	owner := p.name + " " + string(rune('0'+p.boots%10))
	if p.world.story.Namesakes {
		owner = "somebody"
	}
	p.engine = &engine.Engine{
		Store: p.DB, Open: p.connect, Owner: owner, Clock: p.world.clock, Chance: chance.Float64,
		Limits: limits, Decided: p.decided, Answered: p.world.answered,
	}
	p.gates.shut()
}

// decided is told of every decision, inside its transaction.
func (p *process) decided(c cal.Calendar, held []cal.Object, page cal.Page, plan cal.Plan) {
	p.paged = !page.Last
	p.world.decided(c, held, page, plan)
	p.world.checkGuard(p, c.ID, plan)
}

// audit is how often everything is listed. What heals everything hides everything, so it is longer than a history takes.
const audit = 30 * 24 * time.Hour

func (p *process) connect(ctx context.Context, a store.Account) (engine.Provider, error) {
	return p.world.remote.connect(ctx, p, a)
}

// via is how its requests travel.
func (p *process) via(user string) http.RoundTripper { return wire{p, user} }

// begin starts a sync.
func (p *process) begin(m engine.Mode) {
	ctx, cancel := context.WithCancel(context.Background())
	p.cancel, p.ended = cancel, make(chan engine.Report, 1)
	accounts, ended := p.world.accounts(), p.ended
	go func() { ended <- p.engine.Sync(ctx, accounts, engine.Options{Mode: m}) }()
}

// settle notes that a sync has ended.
func (p *process) settle() {
	select {
	case rep := <-p.ended:
		p.cancel()
		p.ended, p.report = nil, rep
		p.world.synced(p, rep)
	default:
	}
}

// crash ends it without a word to anybody.
func (p *process) crash() {
	p.gates.die()
	if p.cancel != nil {
		p.cancel()
	}
}

// bury waits for a dead process's last goroutine and starts it anew.
func (p *process) bury() {
	if p.ended != nil {
		<-p.ended
		p.cancel()
		p.ended = nil
	}
	p.boot()
}

// memory of servers is in the database, as it is for the real thing.
func (p *process) profile(ctx context.Context, origin string, into any) error {
	return p.Read(ctx, func(tx *store.Tx) error {
		raw, err := tx.Server(origin)
		if err != nil || raw == nil {
			return err
		}
		return json.Unmarshal(raw, into)
	})
}

// calm syncs to the end, with nothing in the way.
func (p *process) calm(m engine.Mode) engine.Report {
	p.begin(m)
	p.world.wait()
	p.finish()
	return p.report
}

// finish opens one gate after the other until the sync has ended.
func (p *process) finish() {
	for p.ended != nil {
		p.world.tick()
		if line := p.inLine(); len(line) > 0 {
			p.let(line[0], mishap{})
		} else {
			time.Sleep(time.Second) // it waits for a moment
		}
		p.world.wait()
	}
}
