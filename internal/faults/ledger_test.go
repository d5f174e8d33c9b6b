//go:build faults

package faults

import (
	"fmt"
	"regexp"
	"sync"
)

// ledger knows every value that anybody was told is written. Each is unique, so an edit is found by its value alone, and at rest
//
//   - it is live on both sides, or
//   - somebody who saw it knowingly overwrote it, or
//   - a conflict or a notice names it, and it is in the object's history.
//
// What was deleted by somebody who saw it does not come back but for a conflict or a notice. An edit of which nobody was told what became of
// it need not be anywhere; what it may have overwritten is excused.
type ledger struct {
	lock    sync.Mutex
	n       int
	entries map[string]entry  // by value, of edits that were acknowledged
	created map[string]string // by UID, who made it; also where nobody knows whether it was made
	over    map[string]bool   // values that somebody saw and replaced
	dead    map[string]bool   // and those in objects that somebody saw and deleted
	excused map[string]bool   // values that may have been replaced or deleted, by an edit whose outcome nobody was told
	mixed   []mixed
}

// entry is one value somebody wrote.
type entry struct{ uid, by string }

// mixed is an edit of the user here that was put upon what had arrived since the version he saw. Where both changed the same, his word holds
// and no conflict says so (`object edit --base`).
type mixed struct {
	value, object string
	seen          int
}

func newLedger() ledger {
	return ledger{entries: map[string]entry{}, created: map[string]string{}, over: map[string]bool{}, dead: map[string]bool{}, excused: map[string]bool{}}
}

var anyValue = regexp.MustCompile(`\bw\d+\b`)

func valuesOf(text string) []string { return anyValue.FindAllString(text, -1) }

func mark(set map[string]bool, text string) {
	for _, v := range valuesOf(text) {
		set[v] = true
	}
}

// value gives one that was never written.
func (l *ledger) value() string {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.n++
	return fmt.Sprintf("w%d", l.n)
}

// change is what somebody does to one object.
type change struct {
	uid, by  string
	writes   string // the new values
	replaces string // the values that he saw in their place
	buries   string // the values that he saw in what he deletes
	creates  bool
}

// write enters a change that was acknowledged.
func (l *ledger) write(c change) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if c.creates {
		l.created[c.uid] = c.by
	}
	for _, v := range valuesOf(c.writes) {
		l.entries[v] = entry{c.uid, c.by}
	}
	mark(l.over, c.replaces+" "+c.buries)
	mark(l.dead, c.buries)
}

// perhaps enters a change of which nobody knows whether it was made.
func (l *ledger) perhaps(c change) {
	l.lock.Lock()
	defer l.lock.Unlock()
	if c.creates {
		l.created[c.uid] = c.by
	}
	mark(l.excused, c.replaces+" "+c.buries)
}

// mix notes that an edit was made from a version that may have been out of date.
func (l *ledger) mix(m mixed) {
	l.lock.Lock()
	defer l.lock.Unlock()
	l.mixed = append(l.mixed, m)
}

func (l *ledger) forgive(text string) {
	l.lock.Lock()
	defer l.lock.Unlock()
	mark(l.excused, text)
}
