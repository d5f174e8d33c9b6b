package simulate

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// What people do. They see what is there when they do it, and nothing they do is refused but what makes no sense.

// places are where a story's events are; the first is where most happens.
var places = map[string]place{"work": {"alice", "work"}, "home": {"alice", "home"}, "other": {"bob", "work"}}

// where gives the calendar a step names by its last word; else it is work.
func where(s Step) place {
	if p, ok := places[s[len(s)-1]]; ok {
		return p
	}
	return places["work"]
}

// uid names the n-th event. Other tenants have others: a word of theirs here would be a leak. Other calendars too: some servers take a UID for
// one event wherever it is.
func uid(c place, n int) string {
	switch {
	case c.user == "bob":
		return fmt.Sprintf("bob-%d", n)
	case c.calendar == "home":
		return fmt.Sprintf("home-%d", n)
	}
	return fmt.Sprintf("uid-%d", n)
}

// ── here: users of ours ──

// mine is an object as its user sees it.
type mine struct {
	cal.Object
	body string
}

// mineOf gives what a user sees under a UID, the series first.
func (w *world) mineOf(tx *store.Tx, c place, uid string) (all []mine, err error) {
	rows, err := tx.Objects(store.ObjectFilter{Calendar: w.held[c], UID: uid})
	for _, r := range rows {
		o, e := tx.Object(r.ID)
		if e != nil {
			return nil, e
		}
		if body := string(o.Want().Body); body != "" && !ical.Hidden(o.Want().Body) {
			all = append(all, mine{o, body})
		}
	}
	slices.SortStableFunc(all, func(a, b mine) int { return strings.Compare(a.RecurrenceID, b.RecurrenceID) })
	return all, err
}

// here is one edit of a user. What the user sees and what comes of it is one transaction, as with If-Match.
func (w *world) here(s Step) error {
	if s.word(1) == "resume" {
		w.resume()
		return nil
	}
	c := where(s)
	if w.held[c] == "" {
		return nil
	}
	id := uid(c, s.number(2, 0))
	var then []func()
	err := w.own.Write(w.people(), func(tx *store.Tx) error {
		then = nil
		all, err := w.mineOf(tx, c, id)
		if err != nil {
			return err
		}
		e := editHere{world: w, tx: tx, place: c, uid: id, all: all, step: s}
		err = e.make()
		then = e.then
		return err
	})
	var unfit engine.Unfit
	switch {
	case errors.As(err, &unfit):
		w.note("     does not fit: %s", unfit.Reason)
		return nil
	case err != nil:
		return err
	}
	for _, f := range then {
		f()
	}
	w.tally.EditsHere += min(1, len(then))
	return nil
}

// editHere is an edit being made.
type editHere struct {
	*world
	tx    *store.Tx
	place place
	uid   string
	all   []mine
	step  Step
	then  []func() // once it is stored
}

func (e *editHere) after(f func()) { e.then = append(e.then, f) }

// accept takes a text for an object, or a new one, and enters the edit into the ledger: its author saw old.
func (e *editHere) accept(o cal.ObjectID, old, body string) error {
	d := store.Draft{Object: o, Want: version(body)}
	if o == "" {
		d.Calendar = e.held[e.place]
	}
	if body != "" {
		r := ical.Read(cal.Body(body))
		d.UID, d.Component, d.Summary, d.RecurrenceID = r.UID, r.Component, r.Summary, r.RecurrenceID
	}
	if _, err := engine.Accept(e.tx, d); err != nil {
		return err
	}
	uid := e.uid
	e.after(func() { e.changed(here, uid, old, body) })
	return nil
}

func (e *editHere) make() error {
	if e.step.word(1) == "create" {
		if len(e.all) > 0 {
			return nil
		}
		return e.accept("", "", newEvent(e.uid, e.step.word(3), e.word(), e.word()))
	}
	if len(e.all) == 0 {
		return nil
	}
	one, n := e.all[0], e.step.number(3, 1)
	switch e.step.word(1) {
	case "change":
		one = e.all[e.step.number(4, 0)%len(e.all)]
		now := withValue(one.body, e.step.word(3), e.word())
		if now == one.body {
			return nil
		}
		return e.accept(one.ID, one.body, now)
	case "delete":
		return e.delete(one)
	case "except":
		return e.except(one, n)
	case "exclude":
		return e.exclude(one, n)
	case "split":
		return e.split(one, n)
	case "move":
		return e.same(one, moved(one.body))
	case "answer":
		return e.same(one, answered(one.body))
	}
	return fmt.Errorf("a user does not %q", e.step.word(1))
}

// same is an edit that replaces no words.
func (e *editHere) same(one mine, now string) error {
	if now == one.body {
		return nil
	}
	return e.accept(one.ID, one.body, now)
}

// delete: with a series go its exceptions, which its user sees.
func (e *editHere) delete(one mine) error {
	if err := e.accept(one.ID, one.body, ""); err != nil {
		return err
	}
	for _, part := range e.all {
		if part.ID == one.ID || one.RecurrenceID == "" && part.RecurrenceID != "" {
			e.after(func() { e.changed(here, e.uid, part.body, ""); e.buried(part.body) })
		}
	}
	return nil
}

func (e *editHere) except(one mine, n int) error {
	switch a, b := e.word(), e.word(); {
	case !isSeries(one.body) || excluded(one.body, n):
		return nil
	case e.remote.whole():
		return e.accept(one.ID, one.body, withException(one.body, n, a, b))
	default:
		return e.accept("", e.part(n), calendar(exception(e.uid, n, a, b)))
	}
}

// part is what is here of an instance that is an object of its own.
func (e *editHere) part(n int) string {
	for _, m := range e.all {
		if m.RecurrenceID == recurrenceID(n) {
			return m.body
		}
	}
	return ""
}

func (e *editHere) exclude(one mine, n int) error {
	switch {
	case !isSeries(one.body) || excluded(one.body, n):
		return nil
	case e.remote.whole():
		return e.accept(one.ID, one.body, withExclusion(one.body, n))
	}
	was := e.part(n)
	if err := e.accept(one.ID, one.body, withLine(one.body, "EXDATE;"+wall(n, 9))); err != nil {
		return err
	}
	e.after(func() { e.changed(here, e.uid, was, "") })
	return nil
}

// split is "this and following".
func (e *editHere) split(one mine, n int) error {
	if !isSeries(one.body) || excluded(one.body, n) || n == 0 {
		return nil
	}
	a, b := e.word(), e.word()
	if e.remote.whole() {
		rest := newEvent(fmt.Sprintf("%s-after-%d-%d", e.uid, n, e.steps), "series", a, b)
		if err := e.accept("", "", rest); err != nil {
			return err
		}
		return e.accept(one.ID, one.body, cutShort(one.body, n))
	}
	gone := ""
	for k := n; k < instances; k++ {
		gone += e.part(k)
	}
	text := strings.Replace(calendar(exception(e.uid, n, a, b)), "RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", 1)
	return e.accept("", gone, text)
}

// ── there: everybody else ──

// seen are the items that people there see under a UID, the series first.
func (w *world) seen(c place, uid string) []item {
	all := slices.DeleteFunc(w.remote.items(c), func(it item) bool { return it.uid != uid || it.hole })
	slices.SortStableFunc(all, func(a, b item) int { return strings.Compare(a.part, b.part) })
	return all
}

func (w *world) there(s Step) error {
	c := where(s)
	if c.user == "bob" && !w.story.Second {
		return nil
	}
	switch s.word(1) {
	case "fill":
		for n := range 14 {
			w.thereCreates(c, fmt.Sprintf("%s-full-%d", uid(c, 0), n), "")
		}
		return nil
	case "clear":
		w.clear(c)
		return nil
	case "calendar":
		w.thereCalendar(c, s.word(2))
		return nil
	case "revoke":
		w.revoked = true
		return nil
	}
	id := uid(c, s.number(2, 0))
	all := w.seen(c, id)
	if s.word(1) == "create" {
		if len(all) == 0 {
			w.thereCreates(c, id, s.word(3))
		}
		return nil
	}
	if s.word(1) == "show" {
		w.show(c, id)
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	return w.thereDoes(c, s, all)
}

func (w *world) thereCreates(c place, id, kind string) {
	body := newEvent(id, kind, w.word(), w.word())
	w.changed(there, id, "", body)
	w.remote.create(c, body)
}

// clear deletes everything.
func (w *world) clear(c place) {
	w.reach.Situation("everything is deleted there")
	for _, it := range w.remote.items(c) {
		if !it.hole {
			w.removes(c, it)
		}
	}
}

// removes deletes one item, with what hangs on it.
func (w *world) removes(c place, it item) {
	for _, part := range w.seen(c, it.uid) {
		if part.name == it.name || it.part == "" && part.part != "" {
			w.changed(there, it.uid, part.body, "")
			w.meddled[it.uid] = true
			if w.agreed(c, it.uid) {
				w.buried(part.body)
			}
		}
	}
	w.remote.remove(c, it)
}

// agreed: we know by now that it is there. A create of ours that was never confirmed may be made anew when somebody has deleted it
// meanwhile: not all servers tell.
func (w *world) agreed(c place, uid string) (yes bool) {
	if w.held[c] == "" {
		return false
	}
	w.read(func(tx *store.Tx) error {
		all, err := tx.ByUID(w.held[c], []string{uid})
		yes = len(all) > 0 && !slices.ContainsFunc(all, func(o cal.Object) bool { return !o.Base.Exists() })
		return err
	})
	return yes
}

func (w *world) thereDoes(c place, s Step, all []item) error {
	it, n := all[0], s.number(3, 1)
	switch s.word(1) {
	case "change":
		it = all[s.number(4, 0)%len(all)]
		if now := withValue(it.body, s.word(3), w.word()); now != it.body {
			w.changed(there, it.uid, it.body, now)
			w.remote.replace(c, it, now)
		}
	case "delete":
		w.removes(c, it)
	case "touch":
		w.remote.touch(c, it)
	case "rename":
		w.meddled[it.uid] = true
		w.doubled(it.body) // a deletion on its way finds nothing under the old name, and the new one is news
		w.remote.rename(c, it)
	case "reuid":
		w.reuid(c, it)
	case "transfer":
		w.transfer(c, it)
	case "rezone":
		w.rezone(c, it)
	case "raise":
		w.raise(c, it)
	case "hide":
		w.hide(c, it)
	case "poison":
		w.poison(c, it)
	case "move":
		w.meddled[it.uid] = true
		w.remote.replace(c, it, raised(moved(it.body), w.steps))
	case "answer":
		w.meddled[it.uid] = true
		w.remote.replace(c, it, answered(it.body))
	case "except":
		w.thereExcepts(c, it, all, n)
	case "exclude":
		if isSeries(it.body) && !excluded(it.body, n) {
			w.changed(there, it.uid, w.instance(it, all, n), "")
			w.remote.exclude(c, it, n)
			w.meddled[it.uid] = true
		}
	case "split":
		if isSeries(it.body) && !excluded(it.body, n) && n > 0 {
			w.thereSplits(c, it, n)
		}
	default:
		return fmt.Errorf("nobody at the server does %q", s.word(1))
	}
	return nil
}

// instance is what is there of one instance that differs; empty: it does not.
func (w *world) instance(series item, all []item, n int) string {
	if w.remote.whole() {
		return exceptionOf(series.body, n)
	}
	for _, it := range all {
		if it.part == recurrenceID(n) {
			return it.body
		}
	}
	return ""
}

func (w *world) thereExcepts(c place, it item, all []item, n int) {
	if !isSeries(it.body) || excluded(it.body, n) {
		return
	}
	a, b, was := w.word(), w.word(), w.instance(it, all, n)
	w.remote.except(c, it, n, a, b)
	now := w.seen(c, it.uid)
	if text := w.instance(now[0], now, n); strings.Contains(text, a) {
		w.changed(there, it.uid, was, text)
	}
}

func (w *world) thereSplits(c place, it item, n int) {
	before := text(w.seen(c, it.uid))
	w.meddled[it.uid] = true
	w.doubled(it.body)
	w.remote.split(c, it, n, fmt.Sprintf("%s-split-%d", it.uid, w.steps))
	after := text(w.seen(c, it.uid))
	w.changed(there, it.uid, before, after)
	for _, one := range wordsOf(master(it.body)) { // the new series says it too
		w.words[one].over = false
	}
}

func text(all []item) string {
	var b strings.Builder
	for _, it := range all {
		b.WriteString(it.body)
	}
	return b.String()
}

// reuid gives what is at a name another UID.
func (w *world) reuid(c place, it item) {
	if !w.remote.whole() || w.inForce("MoveHrefOnCreate") { // which files under the UID, on top of whatever is there
		return
	}
	other := fmt.Sprintf("%s-was-%d", it.uid, w.steps)
	w.meddled[it.uid], w.meddled[other] = true, true
	w.doubled(it.body)
	w.remote.replace(c, it, regexp.MustCompile(`UID:[^\r\n]+`).ReplaceAllString(it.body, "UID:"+other))
}

// transfer moves an event to the other calendar.
func (w *world) transfer(c place, it item) {
	if c != places["work"] || !w.remote.whole() || len(w.seen(places["home"], it.uid)) > 0 {
		return
	}
	w.meddled[it.uid] = true
	w.doubled(it.body)
	if w.uidMoves { // an edit of ours brings it back here, and the server takes it away there
		w.changed(there, it.uid, it.body, "")
	}
	w.remember("moved " + it.uid)
	w.remote.remove(c, it)
	w.remote.create(places["home"], it.body)
}

// thereCalendar deletes a calendar, or makes it anew.
func (w *world) thereCalendar(c place, what string) {
	if what == "name" {
		w.remote.nameCalendar(c, fmt.Sprintf("%s of step %d", c.calendar, w.steps))
		return
	}
	if c != places["home"] || !w.remote.whole() {
		return
	}
	for _, it := range w.remote.items(c) {
		w.changed(there, it.uid, it.body, "")
		w.meddled[it.uid] = true
		w.doubled(it.body)
	}
	switch what {
	case "delete":
		w.remote.removeCalendar(c)
	case "anew":
		w.remember("made anew " + string(w.remote.path(c)))
		w.remote.makeCalendar(c)
	}
}

// rezone names the instances that differ in UTC, as some clients do. It says the same.
func (w *world) rezone(c place, it item) {
	now := it.body
	for n := range instances {
		now = strings.Replace(now, "RECURRENCE-ID;"+wall(n, 9), "RECURRENCE-ID:"+recurrenceID(n), 1)
	}
	if w.remote.whole() && now != it.body {
		w.remote.replace(c, it, now)
	}
}

// raise gives an event another SEQUENCE, and nothing else.
func (w *world) raise(c place, it item) {
	if w.remote.whole() {
		w.remember("raised " + it.uid)
		w.remote.replace(c, it, raised(it.body, w.steps))
	}
}

// hide takes a resource out of what the account may see; nobody has deleted it.
func (w *world) hide(c place, it item) {
	if it.part != "" {
		return
	}
	for _, part := range w.seen(c, it.uid) {
		w.changed(there, it.uid, part.body, "")
	}
	w.meddled[it.uid] = true
	w.doubled(it.body)
	w.remember("hidden " + it.uid)
	w.away[hidden{c, it.uid}] = it.body
	w.remote.remove(c, it)
}

// show undoes hide.
func (w *world) show(c place, uid string) {
	body := w.away[hidden{c, uid}]
	if body == "" || len(w.seen(c, uid)) > 0 {
		return
	}
	delete(w.away, hidden{c, uid})
	w.meddled[uid] = true
	w.doubled(body)
	w.remote.create(c, body)
}

// hidden is a resource that the account may not see.
type hidden struct {
	place
	uid string
}

// poison puts what nobody can read where an event was.
func (w *world) poison(c place, it item) {
	if !w.remote.whole() || w.inForce("MoveHrefOnCreate") {
		return
	}
	now := "BEGIN:VCALENDAR " + w.word()
	w.changed(there, it.uid, it.body, now)
	w.meddled[it.uid] = true
	w.remote.replace(c, it, now)
}
