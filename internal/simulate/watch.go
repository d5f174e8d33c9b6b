package simulate

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// What is watched while a history is told. What can only be asked at rest is in rest.go.

// leaving looks at a request that writes as it leaves: its intent is on record (I7), and it is conditional (I4).
func (w *world) leaving(by wire, r *http.Request) {
	if w.remote.stranger(by, r) {
		w.violate("I13", "%s %s leaves with the credentials of %s", r.Method, r.URL, by.user)
	}
	w.tally.Requests++
	c, name, ok := w.target(r)
	if !ok || reads(r) {
		return
	}
	w.pushes++
	w.checkIntent(by, r, c, name)
	if r.Method != http.MethodPost && r.Header.Get("If-Match") == "" && r.Header.Get("If-None-Match") == "" {
		w.violate("I4", "%s %s is unconditional", r.Method, shown(r))
	}
}

func reads(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Method == "PROPFIND" || r.Method == "REPORT"
}

// arriving looks at a request that writes as it arrives: what it replaces was seen (I4). The function it gives looks at the answer.
func (w *world) arriving(r *http.Request) func(status int) {
	c, _, ok := w.target(r)
	if !ok || reads(r) {
		return func(int) {}
	}
	was := w.remote.items(c)
	w.witnessWrite(r)
	return func(status int) {
		if status/100 == 2 {
			w.checkSeen(r, c, was)
		}
	}
}

// target tells the calendar and the resource that a request is about.
func (w *world) target(r *http.Request) (c place, name string, ok bool) {
	path, err := url.PathUnescape(r.URL.EscapedPath())
	if err != nil {
		return c, "", false
	}
	for c := range w.held {
		prefix := string(w.remote.path(c))
		if !w.remote.whole() {
			prefix = "/calendar/v3/calendars/" + prefix + "/events"
		}
		if rest, ok := strings.CutPrefix(path, prefix); ok {
			return c, strings.TrimPrefix(rest, "/"), true
		}
	}
	return c, "", false
}

// checkIntent: no request that writes leaves without an attempt on record.
func (w *world) checkIntent(by wire, r *http.Request, c place, name string) {
	if w.story.Namesakes {
		return // it may be taken over between the record and the request, and whoever took over may have settled it
	}
	var known []cal.Href
	w.read(func(tx *store.Tx) (err error) {
		known, err = tx.Doubtful(w.held[c])
		return err
	})
	for _, h := range known {
		if r.Method == http.MethodPost || plain(string(h)) == plain(string(w.remote.path(c))+name) || plain(string(h)) == plain(name) {
			return
		}
	}
	for _, o := range w.objects(w.held[c], true) { // another process has looked meanwhile, and found that it had not arrived
		for _, a := range o.Sent {
			if plain(string(a.Href)) == plain(string(w.remote.path(c))+name) || plain(string(a.Href)) == plain(name) {
				return
			}
		}
	}
	if w.story.Namesakes { // the other one may take over while this one still sends
		return
	}
	w.violate("I7", "%s sends %s %s without an attempt on record: %v", by.name, r.Method, name, known)
}

// plain undoes escaping, however often.
func plain(path string) string {
	for range 3 {
		again, err := url.PathUnescape(path)
		if err != nil || again == path {
			break
		}
		path = again
	}
	return path
}

// checkSeen: what a write of ours replaced is in the history, or a person would have lost it unseen. A server that does not check
// preconditions cannot be kept to that.
func (w *world) checkSeen(r *http.Request, c place, was []item) {
	now := map[string]string{}
	for _, it := range w.remote.items(c) {
		now[it.name] = it.body
	}
	for _, it := range was {
		if now[it.name] == it.body {
			continue
		}
		for _, word := range wordsOf(it.body) {
			switch {
			case strings.Contains(now[it.name], word) || w.words[word] == nil || w.inHistory(c, it.uid, word):
			case w.careless:
				w.reach.Situation("S15")
			default:
				w.violate("I4", "%s %s replaces %s of %s, which was never read", r.Method, shown(r), word, it.uid)
			}
		}
	}
}

func (w *world) inHistory(c place, uid, word string) (found bool) {
	w.read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: w.held[c], IncludeGone: true})
		for _, r := range rows {
			if found || err != nil {
				break
			}
			if uid != "" && r.UID != uid && r.UID != "" { // without one it is a text that nobody can read
				continue
			}
			var all []store.Stored
			all, err = tx.Versions(r.ID)
			found = slices.ContainsFunc(all, func(v store.Stored) bool { return strings.Contains(string(v.Body), word) })
		}
		return err
	})
	return found
}

// decided is told of every decision, inside its transaction.
func (w *world) decided(c cal.Calendar, held []cal.Object, page cal.Page, plan cal.Plan) {
	w.witnessDecision(c, held, page, plan)
	w.checkCopies(plan)
	w.checkNewest(held, page, plan)
}

// checkNewest: ours wins as the newer only over something that tells when it was made, not in the future, and clearly earlier.
func (w *world) checkNewest(held []cal.Object, page cal.Page, plan cal.Plan) {
	theirs, mine := map[cal.Href]time.Time{}, map[cal.ObjectID]time.Time{}
	for _, r := range page.Present {
		theirs[r.Href] = r.Modified
	}
	for _, o := range held {
		if o.Edit != nil {
			mine[o.ID] = o.Edit.At
		}
	}
	for c := range plan.All() {
		if c.Conflict == nil || c.Conflict.Policy != cal.NewestWins || c.Conflict.Winner != cal.Mine || !c.Conflict.Theirs.Exists() {
			continue
		}
		at, known := theirs[c.Object.Href]
		if known && (at.IsZero() || at.After(w.clock().Add(time.Hour)) || mine[c.Object.ID].Sub(at) < 2*time.Second) {
			w.violate("I2", "ours, of %s, wins over %s, which is of %s, as the newer", mine[c.Object.ID], c.Object.UID, at)
		}
	}
}

// share is what a page deletes of what a calendar holds.
type share struct{ deleted, held int }

// checkGuard remembers what a page would delete. Whether it was stopped is seen when the sync ends.
func (w *world) checkGuard(p *process, c cal.CalendarID, plan cal.Plan) {
	if n := len(plan.Deleted); n >= 10 {
		w.reach.Situation("a page deletes ten or more")
	}
	w.read(func(tx *store.Tx) error {
		held, err := tx.Count(c)
		p.would[c] = share{reconcile.Series(plan.Deleted), held}
		return err
	})
}

// checkHeld: what empties a calendar waits for a person, and what takes less than a quarter of it does not (I12).
func (w *world) checkHeld(p *process, r engine.Run) {
	switch s := p.would[r.Calendar]; {
	case r.Held && 4*s.deleted < s.held:
		w.violate("I12", "%d deletions of %d in %s are held back", s.deleted, s.held, r.Name)
	case !r.Held && r.Trouble == nil && s.held >= 3 && s.deleted >= s.held && !w.approved[r.Calendar]:
		w.violate("I12", "%s, with %d objects, is emptied without a question", r.Name, s.held)
	}
	delete(p.would, r.Calendar)
}

// checkCopies: what is decided again, because the transaction that it was decided in came to nothing, makes the same copy (I3).
func (w *world) checkCopies(plan cal.Plan) {
	for c := range plan.All() {
		if c.Copy == nil {
			continue
		}
		of := string(c.Object.ID) + string(c.Was.Digest)
		if was := w.copies[of]; was != "" && was != c.Copy.UID {
			w.violate("I3", "one version of %s gets two copies, %s and %s", c.Object.UID, was, c.Copy.UID)
		}
		w.copies[of] = c.Copy.UID
	}
}
