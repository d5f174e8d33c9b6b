package simulate

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/reconcile"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// How a history knows that it came to a situation (situations.go): what somebody did is remembered until the engine has dealt with it.

// situated remembers. Both processes may speak at once.
type situated struct {
	mu      sync.Mutex
	memory  map[string]bool
	on      []string // switches of the server
	revoked bool     // the server refuses the account's credentials
	away    map[hidden]string
}

func newSituated() *situated { return &situated{memory: map[string]bool{}, away: map[hidden]string{}} }

func (s *situated) remember(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.memory[what] = true
}

func (s *situated) recalls(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.memory[what]
}

// settles forgets what was remembered, and tells whether it was.
func (s *situated) settles(what string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.memory[what]
	delete(s.memory, what)
	return was
}

// inForce reports whether the server has one of the switches on.
func (w *world) inForce(names ...string) bool {
	return slices.ContainsFunc(names, func(n string) bool { return slices.Contains(w.switches(), n) })
}

// switches are those of the server that are on.
func (w *world) switches() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.on == nil {
		w.on = w.remote.switches()
	}
	return w.on
}

// turned: the switches have to be looked at again.
func (w *world) turned() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = nil
}

func (d *dav) switches() []string {
	all := []string{}
	d.Quirks(func(q *sim.Quirks) {
		for _, s := range davSwitches {
			if s.IsOn(*q) {
				all = append(all, s.Name)
			}
		}
	})
	return all
}

func (g *googleSide) switches() []string {
	all := []string{}
	g.Quirks(func(q *sim.GoogleQuirks) {
		for _, s := range googleSwitches {
			if s.IsOn(*q) {
				all = append(all, "Google "+s.Name)
			}
		}
	})
	for _, one := range g.world.story.Server {
		if name, _, _ := strings.Cut(one, "="); !slices.ContainsFunc(googleSwitches, func(s sim.Switch[sim.GoogleQuirks]) bool { return s.Name == name }) {
			all = append(all, "Google "+name)
		}
	}
	return all
}

var (
	davSwitches    = sim.Switches()
	googleSwitches = sim.GoogleSwitches()
)

// ── what the engine decides ──

// witnessDecision is told of every decision, inside its transaction.
func (w *world) witnessDecision(c cal.Calendar, held []cal.Object, page cal.Page, plan cal.Plan) {
	becomes := map[cal.ObjectID]cal.Change{}
	for change := range plan.All() {
		if change.Object.ID == "" {
			w.reach.decision(cal.Object{}, reconcile.Sighting{Resource: cal.Resource{Version: change.Object.Base}}, c.Rules)
		} else {
			becomes[change.Object.ID] = change
		}
		w.witnessChange(c, change)
	}
	seen := sightings(page)
	for _, o := range held {
		if s, ok := w.sighting(seen, o, becomes[o.ID]); ok {
			w.reach.decision(o, s, c.Rules)
			w.witnessObject(o, s)
		}
	}
	w.witnessPage(c, held, page, plan)
}

func sightings(page cal.Page) map[cal.Href]reconcile.Sighting {
	seen := make(map[cal.Href]reconcile.Sighting, len(page.Present)+len(page.Removed)+len(page.Absent))
	for _, h := range page.Absent {
		seen[h] = reconcile.Sighting{Resource: cal.Resource{Href: h}}
	}
	for _, h := range page.Removed {
		seen[h] = reconcile.Sighting{Resource: cal.Resource{Href: h}, Removed: true}
	}
	for _, r := range page.Present { // a body in hand says more
		seen[r.Href] = reconcile.Sighting{Resource: r}
	}
	return seen
}

// sighting is what a page shows of an object, under a new name too.
func (w *world) sighting(seen map[cal.Href]reconcile.Sighting, o cal.Object, becomes cal.Change) (reconcile.Sighting, bool) {
	if to := becomes.Object.Href; to != "" && to != o.Href && seen[to].Exists() {
		if o.Base.Exists() {
			w.reach.Situation("S1")
		}
		return seen[to], true
	}
	s, ok := seen[o.Href]
	if s.Exists() && !s.Fixed && o.UID != "" && s.UID != "" && s.UID != o.UID {
		w.reach.Situation("S4")
		s = reconcile.Sighting{Resource: cal.Resource{Href: o.Href}, Removed: true}
	}
	return s, ok
}

func (w *world) witnessChange(c cal.Calendar, change cal.Change) {
	for _, n := range change.Notices {
		switch n.Kind {
		case cal.UIDDuplicate:
			w.remember("twin " + change.Object.UID)
			w.reach.Situation("S5")
		case cal.Reappeared:
			w.reach.Situation("S38")
		case cal.ServerAltered:
			if w.inForce("StripProperty", "DamageQuotes") {
				w.reach.Situation("S19")
			}
		}
	}
	if change.Object.Trouble != "" {
		w.reach.Situation("S41")
	}
	if change.Conflict != nil && c.Rules.OnConflict == cal.NewestWins && w.inForce("DateSkew") {
		w.reach.Situation("S23")
	}
}

// witnessObject looks at one object and what is seen of it.
func (w *world) witnessObject(o cal.Object, s reconcile.Sighting) {
	for _, a := range o.Sent {
		w.witnessAttempt(a, s)
	}
	switch {
	case !s.Exists():
		w.witnessAbsence(o)
	case s.Same(o.Base) && o.Edit == nil && (s.ETag != o.Base.ETag || len(o.Sent) > 0):
		w.reach.Situation("S33")
		if w.settles("raised " + o.UID) {
			w.reach.Situation("S36")
		}
	case o.Edit != nil && o.Base.Exists() && o.Want().Exists() && !o.Want().Same(o.Base) && !s.Same(o.Base):
		w.witnessMeeting(string(o.Base.Body), string(o.Want().Body), string(s.Body))
	}
}

func (w *world) witnessAbsence(o cal.Object) {
	if w.settles("twin " + o.UID) {
		w.reach.Situation("S2")
	}
	if w.settles("hidden " + o.UID) {
		w.reach.Situation("S37")
	}
}

func (w *world) witnessAttempt(a cal.Attempt, s reconcile.Sighting) {
	op := operation(a)
	switch {
	case a.State == cal.AttemptSent && w.settles("unknown "+a.ID):
		w.reach.Situation("S20 " + op)
	case a.State == cal.AttemptSent && w.settles("died after"):
		w.reach.Situation("S25")
	case a.State == cal.AttemptSent && w.settles("died before"):
		w.reach.Situation("S26")
	case a.State != cal.AttemptDone || !a.Want.Exists() || !s.Exists():
	case w.inForce("LyingETagOnPut", "ETagOnRewrite"):
		w.reach.Situation("S18")
	case w.inForce("RewriteBody", "AddProperty"):
		w.reach.Situation("S17")
	}
}

func operation(a cal.Attempt) string {
	switch {
	case !a.Want.Exists():
		return "delete"
	case a.Create():
		return "create"
	}
	return "update"
}

// witnessMeeting looks at an object that both sides have changed.
func (w *world) witnessMeeting(base, mine, theirs string) {
	if myAnswer(mine) != myAnswer(base) && value(theirs, "DTSTART") != value(base, "DTSTART") {
		w.reach.Situation("S35")
	}
	if !isSeries(base) || !isSeries(mine) || !isSeries(theirs) {
		return
	}
	series, parts := wordsApart(base)
	mySeries, myParts := wordsApart(mine)
	theirSeries, theirParts := wordsApart(theirs)
	if series != mySeries && parts == myParts && series == theirSeries && parts != theirParts ||
		series == mySeries && parts != myParts && series != theirSeries && parts == theirParts {
		w.reach.Situation("S34")
	}
}

// wordsApart are the words of a series, and those of its exceptions.
func wordsApart(body string) (series, parts string) {
	m := master(body)
	return strings.Join(wordsOf(m), " "), strings.Join(wordsOf(strings.Replace(body, m, "", 1)), " ")
}

// witnessPage looks at a page as a whole.
func (w *world) witnessPage(c cal.Calendar, held []cal.Object, page cal.Page, plan cal.Plan) {
	news := len(plan.Created)+len(plan.Updated)+len(plan.Deleted)+len(plan.Merged) > 0
	if !page.Last {
		w.reach.Situation("S9 page")
	}
	if news && page.Complete && w.settles("refused token "+string(c.Href)) {
		w.reach.Situation("S6")
	}
	moves := page.Next != "" && page.Next != c.Token
	if !news && len(plan.Refreshed)+len(plan.Settled) == 0 && (len(page.Present) > 0 || moves) && w.inForce("TokenAlwaysZero", "SecondTokens", "RestlessTokens") {
		w.reach.Situation("S7")
	}
	if news && page.Complete && (w.recalls("rows lost") || w.inForce("LoseEveryRow", "LoseLogRows", "NeverReportDeletions", "Google LoseEveryRow")) {
		w.reach.Situation("S8")
	}
	if w.settles("made anew " + string(c.Href)) {
		w.reach.Situation("S11")
	}
	if page.Complete && len(held) > 0 && len(plan.Deleted) == 0 && w.inForce("EmptyListing", "Google EmptyEvents") {
		w.reach.Situation("S32")
	}
}

// ── what becomes of writes ──

// answered is told what became of each write, inside the transaction that notes it.
func (w *world) answered(a cal.Attempt, err error) {
	class := outcome(err)
	w.reach.Situation("outcome " + class)
	switch {
	case class == "unknown":
		w.remember("unknown " + a.ID)
	case class == "refused: read-only":
		w.remember("read-only " + string(a.Object))
	case class == "done" && w.settles("read-only "+string(a.Object)):
		w.reach.Situation("S12")
	case err != nil && a.Create() && w.inForce("TrashKeepsUIDs") && strings.Contains(err.Error(), "Deleted calendar object"):
		w.reach.Situation("S39")
	}
	if strings.HasPrefix(string(a.Match), "W/") {
		w.reach.Situation("S16")
	}
}

// witnessWrite counts the switches that are on while a write arrives.
func (w *world) witnessWrite(r *http.Request) {
	op := "update"
	switch {
	case r.Method == http.MethodDelete:
		op = "delete"
	case r.Method == http.MethodPost, r.Header.Get("If-None-Match") != "":
		op = "create"
	}
	for _, name := range w.switches() {
		w.reach.Situation("switch " + name + " " + op)
	}
}

// witnessAnswer looks at what the server itself answers.
func (w *world) witnessAnswer(r *http.Request, id string, status int) {
	c, _, ok := w.target(r)
	switch {
	case !ok:
	case r.Method == "REPORT" && status >= 400 && status != http.StatusNotFound && status != http.StatusServiceUnavailable,
		r.Method == http.MethodGet && status == http.StatusGone:
		w.remember("refused token " + string(w.remote.path(c)))
	case id != "" && status == http.StatusConflict:
		if w.remote.cancelled(c, id) {
			w.reach.Situation("S40")
		}
	}
}

// idOf is the id that an insert asks for.
func (w *world) idOf(r *http.Request) string {
	if r.Method != http.MethodPost || r.Body == nil {
		return ""
	}
	body, _ := io.ReadAll(r.Body)
	r.Body = io.NopCloser(bytes.NewReader(body))
	var doc struct{ ID string }
	_ = json.Unmarshal(body, &doc)
	return doc.ID
}

func (*dav) cancelled(place, string) bool { return false }

// cancelled: an id is that of a cancelled event.
func (g *googleSide) cancelled(c place, id string) bool {
	native, _ := g.Event(g.ids[c], id)
	return strings.Contains(native, `"cancelled"`)
}

// ── where processes die, and what they say ──

// witnessDeath looks at where a process stands when it dies.
func (w *world) witnessDeath(p *process) {
	for _, g := range p.inLine() {
		verb, method, _ := strings.Cut(g.name, " ")
		if verb == "write" { // what was heard last was not written down yet
			verb, method, _ = strings.Cut(p.last, " ")
		}
		reading := strings.HasPrefix(method, "GET") || strings.HasPrefix(method, "PROPFIND") || strings.HasPrefix(method, "REPORT")
		switch {
		case verb == "hear" && !reading:
			w.remember("died after")
		case verb == "send" && !reading:
			w.remember("died before")
		case verb == "hear" && g.name == "write":
			w.reach.Situation("S27")
		}
	}
	if p.paged {
		w.reach.Situation("S28")
	}
	p.paged = false
}

// witnessReport looks at what a sync says of itself.
func (w *world) witnessReport(rep engine.Report) {
	for _, trouble := range troubles(rep) {
		for name, err := range map[string]error{"S24 turned away": store.ErrLeased, "S24 fenced": store.ErrFenced} {
			if strings.Contains(trouble, err.Error()) {
				w.reach.Situation(name)
			}
		}
	}
}

// witnessLate looks at what became of a request that was given up.
func (w *world) witnessLate(l late, status int) {
	switch {
	case reads(l.Request):
	case l.creates() && status/100 == 2:
		w.reach.Situation("S21 create")
	case !l.creates() && status/100 == 4:
		w.reach.Situation("S21 update or delete")
	}
}

// witnessRest looks at the world at rest.
func (w *world) witnessRest() {
	for _, o := range w.objects(w.held[places["home"]], false) {
		if w.settles("moved "+o.UID) && !w.holds(places["work"], o.UID) {
			w.reach.Situation("S3")
		}
	}
	switch {
	case !w.restored:
	case w.inForce("CounterETags", "MtimeETags"):
		w.reach.Situation("S31")
	default:
		w.reach.Situation("S30")
	}
}

func (w *world) holds(c place, uid string) bool {
	return slices.ContainsFunc(w.objects(w.held[c], false), func(o cal.Object) bool { return o.UID == uid })
}

// ── credentials ──

// resume is what a user does whose account is locked: the credentials are mended, and the account goes on.
func (w *world) resume() {
	w.revoked = false
	for _, a := range w.accounts() {
		if a.State != store.AccountLocked {
			continue
		}
		w.reach.Situation("S13")
		w.write(func(tx *store.Tx) error {
			a, err := tx.Account(a.ID)
			a.State, a.Trouble, a.Failures, a.BusyUntil = store.AccountActive, "", 0, time.Time{}
			return errors.Join(err, tx.UpdateAccount(a))
		})
	}
}

// unauthorized is what a server answers that takes the credentials no more.
func unauthorized(r *http.Request) *http.Response {
	return instead(r, mishap{status: http.StatusUnauthorized})
}
