package simulate

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// rest ends all that goes wrong, lets everything settle, and asks for every promise.
func (w *world) rest() {
	w.calmDown()
	w.settle()
	if w.refused() > 0 { // tried again after a day, some may be taken
		w.sleep(25 * time.Hour)
		w.process[0].calm(engine.Full)
		w.settle()
	}
	w.checkQuiet()
	w.checkAlike()
	w.checkWords()
	w.checkConflicts()
	w.checkTwins()
	w.checkFeed()
	w.checkMail()
	w.witnessRest()
}

// calmDown ends the faults. What was under way ends as it may.
func (w *world) calmDown() {
	w.note("calm")
	for _, p := range w.process {
		p.finish()
	}
	w.land(true)
	w.remote.calm()
	w.turned()
	w.resume()
}

// rests are the times between the syncs in which everything settles. Nobody waits longer than quarters of an hour for a try, or than an
// audit for what the server's history left out.
var rests = []time.Duration{20 * time.Minute, time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour}

// settle syncs until a sync finds nothing to do: it writes nothing there, changes nothing here and tells nothing (I8, I10).
func (w *world) settle() {
	last := ""
	for n, pause := range rests {
		w.sleep(pause)
		if n == 1 && w.lied {
			w.sleep(audit)
		}
		pushes, told := w.pushes, len(w.news())
		rep := w.process[0].calm(engine.Incremental)
		held := w.approve(rep)
		w.checkTroubles(rep)
		last = w.busy(rep, pushes, told)
		if n >= 1 && !held && last == "" {
			return
		}
	}
	if last != "" {
		w.violate("I10", "it does not settle: the last sync %s", last)
	}
}

// busy says what a sync did; empty: nothing.
func (w *world) busy(rep engine.Report, pushes, told int) string {
	if w.pushes > pushes {
		return fmt.Sprintf("writes %d times", w.pushes-pushes)
	}
	for _, a := range rep.Accounts {
		if a.Trouble != nil {
			return "is not made: " + *a.Trouble
		}
	}
	for _, r := range rep.Runs {
		if r.Pulled.Total()+r.Pushed.Total()+r.Pending > 0 {
			return fmt.Sprintf("pulls %+v of %s, and %d wait", r.Pulled, r.Name, r.Pending)
		}
	}
	if after := w.news(); len(after) > told {
		return fmt.Sprintf("tells %+v", after[told:])
	}
	return ""
}

// sleep moves the clock; nobody is awake.
func (w *world) sleep(d time.Duration) { time.Sleep(d) }

// checkTroubles: without faults a sync does not fail, but for what a person has to see.
func (w *world) checkTroubles(rep engine.Report) {
	for _, r := range rep.Runs {
		if r.Trouble != nil && !r.Held && r.Refused == 0 && !strings.Contains(*r.Trouble, "no longer lists") {
			w.violate("I1", "a sync fails without faults: %s", *r.Trouble)
		}
	}
	for _, a := range rep.Accounts {
		if a.Trouble != nil && !strings.Contains(*a.Trouble, "wait until") {
			w.violate("I1", "an account fails without faults: %s", *a.Trouble)
		}
	}
}

// checkQuiet: at rest not even a sync that lists everything finds anything to do.
func (w *world) checkQuiet() {
	w.sleep(20 * time.Minute)
	pushes, told := w.pushes+w.refused(), len(w.news()) // what was refused is tried again whenever everything is listed
	if rep := w.process[1].calm(engine.Full); w.busy(rep, pushes, told) != "" {
		w.violate("I8", "a settled sync that lists everything %s", w.busy(rep, pushes, told))
	}
}

// refused counts the edits that the remote does not take.
func (w *world) refused() (n int) {
	for _, c := range w.places() {
		for _, o := range w.objects(w.held[c], true) {
			if o.Edit != nil && o.Edit.Block != cal.Free {
				n++
			}
		}
	}
	return n
}

func (w *world) news() (all []store.Change) {
	w.read(func(tx *store.Tx) (err error) {
		all, err = tx.Changes(0, 1<<20)
		return err
	})
	return all
}

// objects are all that are here, tombstones too where wanted.
func (w *world) objects(c cal.CalendarID, gone bool) (all []cal.Object) {
	w.read(func(tx *store.Tx) error {
		all = nil
		rows, err := tx.Objects(store.ObjectFilter{Calendar: c, IncludeGone: gone})
		for _, r := range rows {
			o, e := tx.Object(r.ID)
			if e != nil {
				return e
			}
			all = append(all, o)
		}
		return err
	})
	return all
}

// lost: the remote has no such calendar any more. What is here stays here.
func (w *world) lost(c cal.CalendarID) (gone bool) {
	w.read(func(tx *store.Tx) error {
		k, err := tx.Calendar(c)
		gone = k.State == cal.CalendarGone || !k.Missing.IsZero()
		return err
	})
	return gone
}

// checkAlike: both sides hold the same, each thing as often (I1). A refused edit waits for its author, who sees it.
func (w *world) checkAlike() {
	for _, c := range w.places() {
		id := w.held[c]
		if w.lost(id) {
			w.reach.Situation("S10")
			continue
		}
		if !w.blind() {
			w.checkPlace(c, id)
		}
	}
}

// blind: the server shows one etag for different contents, so nobody can see what it holds without reading all of it, always.
func (w *world) blind() bool {
	return w.inForce("MtimeETags", "StaleETags") || w.restored && w.inForce("CounterETags")
}

func (w *world) checkPlace(c place, id cal.CalendarID) {
	here, there, says := map[string]int{}, map[string]int{}, map[string]string{}
	for _, o := range w.objects(id, true) {
		want := o.Want()
		switch {
		case o.Edit != nil && o.Edit.Block != cal.Free:
			w.note("refused: %s: %s", o.UID, o.Edit.Trouble)
			w.reach.Situation("an edit is refused")
			want = o.Base
		case o.Edit != nil || o.Doubtful():
			w.violate("I1", "%s %s waits at rest: %s", o.UID, o.RecurrenceID, waiting(o))
		}
		if want.Exists() {
			here[key(want.Body)]++
			says[key(want.Body)] = string(want.Body)
		}
	}
	for _, it := range w.remote.items(c) {
		there[key(cal.Body(it.body))]++
		says[key(cal.Body(it.body))] = it.body
	}
	for _, k := range slices.Sorted(maps.Keys(says)) {
		if here[k] != there[k] {
			w.violate("I1", "%d here and %d there of %s", here[k], there[k], gist(says[k]))
		}
	}
}

// key is an object by what it says.
func key(body cal.Body) string {
	r := ical.Read(body)
	if r.Trouble != "" { // servers end its lines as they like
		return strings.Join(strings.Fields(string(body)), " ")
	}
	return r.UID + " " + r.RecurrenceID + " " + string(r.Digest)
}

// gist is a text without what all have.
func gist(body string) string {
	if !vevents.MatchString(body) {
		return body
	}
	return strings.Join(strings.Fields(strings.Join(vevents.FindAllString(body, -1), " ")), " ")
}

func (w *world) places() (all []place) {
	for _, name := range []string{"work", "home", "other"} {
		if w.held[places[name]] != "" {
			all = append(all, places[name])
		}
	}
	return all
}

func waiting(o cal.Object) string {
	var b strings.Builder
	if e := o.Edit; e != nil {
		fmt.Fprintf(&b, "tries %d, due %s, block %q, after %q, trouble %q", e.Tries, e.Due.Format(time.RFC3339), e.Block, e.After, e.Trouble)
	}
	for _, a := range o.Sent {
		fmt.Fprintf(&b, "; %s %s If-Match %s at %s", a.State, a.Href, a.Match, a.At.Format(time.RFC3339))
	}
	return b.String()
}

// checkWords asks where every word went (I2), and whether what was buried stayed so (I5).
func (w *world) checkWords() {
	if w.restored || w.careless {
		return // what the server forgot, it forgot for all; and one that checks nothing lets anybody overwrite anything
	}
	live, kept := map[string]bool{}, map[string]bool{}
	for _, c := range w.places() {
		for _, it := range w.remote.items(c) {
			if !it.hole {
				mark(live, it.body)
			}
		}
	}
	recorded := w.recorded()
	for _, c := range w.places() {
		for _, o := range w.objects(w.held[c], true) {
			if o.Edit != nil || w.lost(w.held[c]) { // refused, and shown as such, or all that is left
				mark(kept, string(o.Want().Body))
				recorded[o.UID] = recorded[o.UID] || o.Edit != nil // whoever deleted or replaced it sees that it is still there
			}
		}
	}
	renamed := w.inForce("MoveHrefOnCreate") // deleted here before its other name was read, it is a stranger's when it turns up
	for _, one := range w.sorted() {
		e := w.words[one]
		if live[one] && e.dead && !e.twice && !recorded[one] && !recorded[e.uid] && !renamed {
			w.violate("I5", "%s (%s, %s) came back without a record", one, e.uid, e.by)
		}
		if !live[one] && !kept[one] && !e.over && !recorded[one] {
			w.violate("I2", "%s (%s, %s) is lost without a record", one, e.uid, e.by)
		}
	}
}

func mark(words map[string]bool, text string) {
	for _, one := range wordsOf(text) {
		words[one] = true
	}
}

// recorded are the words that a conflict or a notice names, and that can still be read in the history; and where a series has parts of its
// own, the UIDs: what is decided of the series holds for them.
func (w *world) recorded() map[string]bool {
	all := map[string]bool{}
	w.read(func(tx *store.Tx) error {
		err := w.eachNotice(tx, func(n cal.Notice) error {
			w.reach.Situation("notice " + string(n.Kind))
			return w.markNotice(tx, all, n)
		})
		if err != nil {
			return err
		}
		conflicts, err := tx.Conflicts(store.ConflictFilter{})
		for _, c := range conflicts {
			if err := markVersions(tx, all, c.Base, c.Mine, c.Theirs); err != nil {
				return err
			}
			if o, err := tx.Listed(c.Object); err == nil && !w.remote.whole() {
				all[o.UID] = true
			}
		}
		return err
	})
	return all
}

// eachNotice hands over every notice there is.
func (w *world) eachNotice(tx *store.Tx, note func(cal.Notice) error) error {
	for _, c := range w.places() {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: w.held[c], IncludeGone: true})
		if err != nil {
			return err
		}
		for _, r := range rows {
			notices, err := tx.Notices(r.ID)
			for _, n := range notices {
				err = errors.Join(err, note(n))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// markNotice: that the server altered what we sent excuses a server that drops something, and what somebody else wrote on top of ours. Where
// the server keeps what it is given, it excuses nothing that was written here.
func (w *world) markNotice(tx *store.Tx, all map[string]bool, n cal.Notice) error {
	named := map[string]bool{}
	if err := markVersions(tx, named, n.From, n.To); err != nil {
		return err
	}
	for one := range named {
		if e := w.words[one]; n.Kind != cal.ServerAltered || w.damages || e != nil && e.by == there {
			all[one] = true
		}
	}
	return nil
}

func markVersions(tx *store.Tx, words map[string]bool, versions ...cal.Version) error {
	for _, v := range versions {
		if v.ID == "" {
			continue
		}
		whole, err := tx.Version(v.ID)
		if err != nil {
			return err
		}
		mark(words, string(whole.Body))
	}
	return nil
}

// checkConflicts: nobody is in conflict with himself (I11).
func (w *world) checkConflicts() {
	if w.careless || w.inForce("MoveHrefOnCreate") { // under another name our own event is known by its UID only, as anybody's
		return
	}
	var all []cal.Conflict
	w.read(func(tx *store.Tx) (err error) {
		if all, err = tx.Conflicts(store.ConflictFilter{}); err != nil {
			return err
		}
		for i := range all {
			for _, v := range []*cal.Version{&all[i].Base, &all[i].Mine, &all[i].Theirs} {
				if v.ID == "" {
					continue
				}
				whole, err := tx.Version(v.ID)
				if err != nil {
					return err
				}
				v.Body = whole.Body
			}
		}
		return nil
	})
	for _, c := range all {
		w.reach.Situation("conflict " + string(c.Kind))
		if slices.Contains(c.Contested, "exdate") {
			w.violate("I11", "a conflict over EXDATE, which has nothing in it that two could write differently")
		}
		uid := uidOf(string(c.Mine.Body))
		if uid == "" {
			uid = uidOf(string(c.Theirs.Body))
		}
		contested := string(c.Theirs.Body)
		if c.Kind == cal.UpdateDelete {
			contested = string(c.Base.Body) // whoever deleted it
		}
		if c.Kind == cal.CalendarLost || w.recalls("denied") && c.Kind != cal.UpdateUpdate { // the server said that it is not there
			continue
		}
		if !w.meddled[uid] && !w.foreign(contested) && !w.foreign(string(c.Base.Body)) && !w.restored {
			w.violate("I11", "a conflict with nobody over %s: %s %v\nmine %v\ntheirs %v", uid, c.Kind, c.Contested,
				wordsOf(string(c.Mine.Body)), wordsOf(string(c.Theirs.Body)))
		}
	}
}

// checkTwins: what was created here is there once at most, whatever was tried how often (I3). The copies that keep-both makes say what the
// original says, under a UID that follows from it.
func (w *world) checkTwins() {
	for _, c := range w.places() {
		words, copies := map[string]string{}, map[string]string{}
		for _, it := range w.remote.items(c) {
			w.checkInstances(it)
			if strings.HasPrefix(it.uid, "copy-") {
				if strings.Contains(it.body, "\nATTENDEE") {
					w.violate("I16", "the copy %s has guests", it.uid)
				}
				w.once(copies, it.uid+it.part, it)
				continue
			}
			for _, one := range wordsOf(master(it.body)) {
				if e := w.words[one]; !it.hole && e != nil && e.by == here && !e.twice && !w.meddled[e.uid] {
					w.once(words, one, it)
				}
			}
		}
	}
}

// checkInstances: no instance is said to differ twice (RFC 5545 §3.8.4.4).
func (w *world) checkInstances(it item) {
	known := map[string]bool{}
	for _, c := range vevents.FindAllString(it.body, -1) {
		id := ical.Read(cal.Body(calendar(c))).RecurrenceID
		if known[id] {
			w.violate("I3", "%s of %s is there twice in %s", id, it.uid, it.name)
		}
		known[id] = true
	}
}

func (w *world) once(where map[string]string, what string, it item) {
	if other := where[what]; other != "" && other != it.name {
		w.violate("I3", "%s is there twice: %s and %s", what, other, it.name)
	}
	where[what] = it.name
}

// checkFeed: whoever follows the feed from the beginning has what there is, and heard nothing twice, without a gap (I9).
func (w *world) checkFeed() {
	told := map[string]cal.Digest{}
	seq := int64(0)
	w.read(func(tx *store.Tx) error {
		for _, c := range w.news() {
			if seq++; c.Seq != seq {
				w.violate("I9", "change %d follows on %d", c.Seq, seq-1)
				seq = c.Seq
			}
			if c.Kind != store.ObjectChange {
				continue
			}
			var is cal.Digest
			if c.Version != "" {
				v, err := tx.Version(c.Version)
				if err != nil {
					return err
				}
				is = v.Digest
			}
			if was, again := told[c.Subject]; again && was == is {
				w.violate("I9", "the feed tells twice of object %s, change %d", c.Subject, c.Seq)
			}
			told[c.Subject] = is
		}
		return nil
	})
	for _, c := range w.places() {
		for _, o := range w.objects(w.held[c], true) {
			if told[string(o.ID)] != o.Want().Digest {
				w.violate("I9", "the feed has another content of object %s (%s)", o.ID, o.UID)
			}
			delete(told, string(o.ID))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(told)) {
		if told[id] != "" {
			w.violate("I9", "the feed has object %s, which is gone", id)
		}
	}
}

// checkMail: nobody was mailed (I16).
func (w *world) checkMail() {
	if m := w.remote.mailed(); len(m) > 0 {
		w.violate("I16", "mailed: %v", m)
	}
}
