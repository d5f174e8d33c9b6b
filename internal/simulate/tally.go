package simulate

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// Tally is what came of a history for the people in it.
type Tally struct {
	EditsHere  int            `json:"edits_here"`
	EditsThere int            `json:"edits_there"` // people's, past calbridge
	Syncs      int            `json:"syncs"`
	Requests   int            `json:"requests"`  // that left, whether or not they arrived
	Faults     map[string]int `json:"faults"`    // of the network, the disk and the processes, by kind: "lost", "status", "crash"
	Incidents  map[string]int `json:"incidents"` // at the server, by kind: "restored", "ReadOnly"
	Merges     int            `json:"merges"`
	Conflicts  []Contest      `json:"conflicts"`
	Notices    map[string]int `json:"notices"` // by cal.NoticeKind
	Refused    int            `json:"refused"` // edits that the server does not take; they wait for their authors
	Held       int            `json:"held"`    // mass deletions that waited for a person
	Mails      int            `json:"mails"`   // that nobody asked for

	held []cal.RunID // each counted once, however often it was looked at again
}

// Contest is a conflict and how it ended.
type Contest struct {
	UID       string   `json:"uid"`
	Title     string   `json:"title"`
	Kind      string   `json:"kind"` // of cal.ConflictKind
	Contested []string `json:"contested"`
	Policy    string   `json:"policy"`
	Winner    string   `json:"winner"` // of cal.Side
	Open      bool     `json:"open"`   // waits for a person
	Kept      []Kept   `json:"kept"`   // what is not in force
}

// Kept are words that lost, and where they can still be read.
type Kept struct {
	Side    string   `json:"side"`
	Words   []string `json:"words"`   // none: somebody deleted the object, or took something away
	Version int      `json:"version"` // in the history of the object; 0: it is no text
	Copy    string   `json:"copy"`    // the UID of the copy beside the object; empty: there is none
}

// Promise is one of the invariants, and what came of it.
type Promise struct {
	Invariant string `json:"invariant"`
	Says      string `json:"says"`
	State     string `json:"state"` // kept, broken; unasked: no client could keep it on such a server
}

// promises are those that a history asks for.
var promises = []Promise{
	{Invariant: "I1", Says: "at rest both sides hold the same"},
	{Invariant: "I2", Says: "no edit is lost: it is live, replaced by somebody who saw it, or on record and readable"},
	{Invariant: "I3", Says: "no doubles"},
	{Invariant: "I4", Says: "nothing is overwritten that was never read"},
	{Invariant: "I5", Says: "what was deleted does not come back without a record"},
	{Invariant: "I7", Says: "every write is on record before it leaves"},
	{Invariant: "I8", Says: "another sync changes nothing and tells nothing"},
	{Invariant: "I9", Says: "the change feed is complete, without gaps or repeats"},
	{Invariant: "I10", Says: "another sync writes nothing to the server"},
	{Invariant: "I11", Says: "nobody is in conflict with himself"},
	{Invariant: "I13", Says: "nothing crosses from one account to another"},
	{Invariant: "I16", Says: "nobody is mailed by mistake"},
}

// Promises tells of each promise what came of it.
func (o Outcome) Promises() []Promise {
	all := slices.Clone(promises)
	for i, p := range all {
		broken := slices.ContainsFunc(o.Broken, func(v Violation) bool { return v.Invariant == p.Invariant })
		switch {
		case broken:
			all[i].State = "broken"
		case slices.Contains(o.Unasked, p.Invariant):
			all[i].State = "unasked"
		default:
			all[i].State = "kept"
		}
	}
	return all
}

// unasked are the promises that nobody can keep on the server of this history: one that checks no preconditions lets anybody overwrite
// anything, and what a restored one forgot it forgot for all.
func (w *world) unasked() []string {
	switch {
	case w.blind():
		return []string{"I1", "I2", "I4", "I5", "I11"}
	case w.careless:
		return []string{"I2", "I4", "I5", "I11"}
	case w.restored:
		return []string{"I2", "I5"}
	case w.inForce("MoveHrefOnCreate"):
		return []string{"I5", "I11"}
	}
	return nil
}

func (t *Tally) fault(kind string) { count1(&t.Faults, kind) }

func (t *Tally) incident(kind string) { count1(&t.Incidents, kind) }

func count1(in *map[string]int, kind string) {
	if *in == nil {
		*in = map[string]int{}
	}
	(*in)[kind]++
}

// met counts a mishap at a gate where no request stands: the disk's. Those of requests are counted when they come about.
func (t *Tally) met(g *gate, m mishap) {
	if g.name == "write" && m.statement > 0 {
		kind, _, _ := strings.Cut(m.word, "=")
		t.fault(kind)
	}
}

func (t *Tally) synced(rep engine.Report) {
	t.Syncs++
	for _, r := range rep.Runs {
		t.Merges += r.Merged
		if r.Held && !slices.Contains(t.held, r.ID) {
			t.held = append(t.held, r.ID)
			t.Held++
		}
	}
}

// witness counts what people do at a server.
type witness struct {
	remote
	tally *Tally
}

func (s witness) create(c place, body string) {
	s.tally.EditsThere++
	s.remote.create(c, body)
}

func (s witness) replace(c place, it item, body string) {
	s.tally.EditsThere++
	s.remote.replace(c, it, body)
}

func (s witness) remove(c place, it item) {
	s.tally.EditsThere++
	s.remote.remove(c, it)
}

func (s witness) rename(c place, it item) bool {
	s.tally.EditsThere++
	return s.remote.rename(c, it)
}

func (s witness) touch(c place, it item) {
	s.tally.EditsThere++
	s.remote.touch(c, it)
}

func (s witness) except(c place, it item, n int, a, b string) {
	s.tally.EditsThere++
	s.remote.except(c, it, n, a, b)
}

func (s witness) exclude(c place, it item, n int) {
	s.tally.EditsThere++
	s.remote.exclude(c, it, n)
}

func (s witness) split(c place, it item, n int, uid string) {
	s.tally.EditsThere++
	s.remote.split(c, it, n, uid)
}

// ── at the end ──

// count adds to the tally what is on record at the end.
func (w *world) count() Tally {
	t := w.tally
	t.Faults, t.Incidents, t.Notices = orEmpty(t.Faults), orEmpty(t.Incidents), map[string]int{}
	t.Mails = len(w.remote.mailed())
	for _, c := range w.places() {
		for _, o := range w.objects(w.held[c], true) {
			if o.Edit != nil && o.Edit.Block != cal.Free {
				t.Refused++
			}
		}
	}
	w.read(func(tx *store.Tx) (err error) {
		t.Conflicts, err = w.contests(tx)
		if err != nil {
			return err
		}
		return w.countNotices(tx, t.Notices)
	})
	return t
}

func orEmpty(m map[string]int) map[string]int {
	if m == nil {
		return map[string]int{}
	}
	return m
}

func (w *world) countNotices(tx *store.Tx, into map[string]int) error {
	clear(into)
	return w.eachNotice(tx, func(n cal.Notice) error {
		into[string(n.Kind)]++
		return nil
	})
}

func (w *world) contests(tx *store.Tx) ([]Contest, error) {
	all := []Contest{}
	listed, err := tx.Conflicts(store.ConflictFilter{})
	if err != nil {
		return nil, err
	}
	for _, c := range listed {
		c, err := tx.Conflict(c.ID)
		if err != nil {
			return nil, err
		}
		one, err := contest(tx, c)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, nil
}

// contest tells how a conflict ended.
func contest(tx *store.Tx, c cal.Conflict) (Contest, error) {
	out := Contest{Kind: string(c.Kind), Contested: append([]string{}, c.Contested...), Policy: string(c.Policy), Winner: string(c.Winner),
		Open: c.Open, Kept: []Kept{}}
	if c.Object == "" {
		return out, nil
	}
	versions, err := tx.Versions(c.Object)
	if err != nil {
		return out, err
	}
	if o, err := tx.Listed(c.Object); err == nil {
		out.UID, out.Title = o.UID, o.Summary
	}
	h := annals{c, versions}
	for _, side := range []cal.Side{cal.Mine, cal.Theirs} {
		if k, lost := h.kept(side); lost {
			out.Kept = append(out.Kept, k)
		}
	}
	if out.Title == "" {
		out.Title = h.title()
	}
	return out, h.copied(tx, &out)
}

// annals are a conflict and the history of its object.
type annals struct {
	cal.Conflict
	versions []store.Stored
}

func (h annals) side(s cal.Side) (mine, other cal.Version) {
	if s == cal.Mine {
		return h.Mine, h.Theirs
	}
	return h.Theirs, h.Mine
}

// kept gives what a side wanted and did not get: the words that were not there before, that the other side does not say, and that no merge
// took over.
func (h annals) kept(s cal.Side) (k Kept, lost bool) {
	is, other := h.side(s)
	if h.Winner == s || h.Winner == cal.Both && s == cal.Theirs {
		return k, false
	}
	k = Kept{Side: string(s), Words: []string{}, Version: h.number(is.ID)}
	said := string(h.Base.Body) + string(other.Body) + h.merged(k.Version)
	for _, word := range wordsOf(string(is.Body)) {
		if !slices.Contains(wordsOf(said), word) && !slices.Contains(k.Words, word) {
			k.Words = append(k.Words, word)
		}
	}
	return k, true
}

func (h annals) number(id cal.VersionID) int {
	for _, v := range h.versions {
		if v.ID == id && id != "" {
			return v.N
		}
	}
	return 0
}

// merged are the texts that came of mixing both sides since.
func (h annals) merged(since int) string {
	var b strings.Builder
	for _, v := range h.versions {
		if v.Origin == store.Merged && v.N > since {
			b.WriteString(string(v.Body))
		}
	}
	return b.String()
}

// title is what the object was called.
func (h annals) title() string {
	for _, v := range []cal.Version{h.Theirs, h.Mine, h.Base} {
		if v.Exists() {
			return ical.Read(v.Body).Summary
		}
	}
	return ""
}

// copied finds the copy that keep-both made, which says what mine says.
func (h annals) copied(tx *store.Tx, c *Contest) error {
	if h.Winner != cal.Both {
		return nil
	}
	rows, err := tx.Objects(store.ObjectFilter{Calendar: h.Calendar, IncludeGone: true})
	for _, r := range rows {
		if !strings.HasPrefix(r.UID, "copy-") {
			continue
		}
		all, err := tx.Versions(r.ID)
		if err != nil {
			return err
		}
		for i := range c.Kept {
			if len(all) > 0 && says(string(all[0].Body), c.Kept[i].Words) {
				c.Kept[i].Copy = r.UID
			}
		}
	}
	return err
}

func says(text string, words []string) bool {
	return !slices.ContainsFunc(words, func(word string) bool { return !slices.Contains(wordsOf(text), word) })
}

// Plus adds up the tallies of several histories.
func (t Tally) Plus(o Tally) Tally {
	t.EditsHere, t.EditsThere = t.EditsHere+o.EditsHere, t.EditsThere+o.EditsThere
	t.Syncs, t.Requests, t.Merges = t.Syncs+o.Syncs, t.Requests+o.Requests, t.Merges+o.Merges
	t.Refused, t.Held, t.Mails = t.Refused+o.Refused, t.Held+o.Held, t.Mails+o.Mails
	t.Conflicts = slices.Concat(t.Conflicts, o.Conflicts)
	t.Faults, t.Incidents, t.Notices = added(t.Faults, o.Faults), added(t.Incidents, o.Incidents), added(t.Notices, o.Notices)
	return t
}

func added(a, b map[string]int) map[string]int {
	sum := map[string]int{}
	for _, m := range []map[string]int{a, b} {
		for k, n := range m {
			sum[k] += n
		}
	}
	return sum
}

// Often lists kinds with their counts, the most frequent first.
func Often(counts map[string]int) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(counts[b]-counts[a], strings.Compare(a, b))
	})
}
