package simulate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
)

// ledger knows every word that anybody wrote. Each is written once, so an edit is found by its word alone, and at rest
//
//   - it is live on both sides, or
//   - somebody replaced it who saw it, or
//   - a conflict, a notice or a refused edit names the object, and the word is in its history.
//
// What somebody deleted, having seen it, does not come back but for a record of it.
type ledger struct {
	serial int
	words  map[string]*word
	// meddled are the UIDs with which somebody at the server did more than to change a value: a conflict over them is with somebody.
	meddled map[string]bool
}

type word struct {
	uid  string
	by   side
	over bool // somebody replaced it, or deleted the object, having seen it
	dead bool // somebody deleted the object, having seen it

	twice bool // it stands in two objects
}

type side string

const (
	here  side = "here"
	there side = "there"
)

func newLedger() ledger { return ledger{words: map[string]*word{}, meddled: map[string]bool{}} }

var anyWord = regexp.MustCompile(`\bw\d+\b`)

func wordsOf(text string) []string { return anyWord.FindAllString(text, -1) }

// word makes a new one. It counts once it is written somewhere.
func (l *ledger) word() string {
	l.serial++
	return fmt.Sprintf("w%d", l.serial)
}

// changed notes an edit of somebody who saw the old text and wrote the new one.
func (l *ledger) changed(by side, uid, old, now string) {
	had := wordsOf(old)
	for _, w := range wordsOf(now) {
		if l.words[w] == nil {
			l.words[w] = &word{uid: uid, by: by}
		}
	}
	for _, w := range had {
		if e := l.words[w]; e != nil && !slices.Contains(wordsOf(now), w) {
			e.over = true
		}
	}
}

// buried notes a deletion that was sure to be of what its author saw.
func (l *ledger) buried(text string) {
	l.each(text, func(e *word) { e.dead = true })
}

// doubled: what is said in two places does not die with one.
func (l *ledger) doubled(text string) {
	l.each(text, func(e *word) { e.twice = true })
}

func (l *ledger) each(text string, note func(*word)) {
	for _, w := range wordsOf(text) {
		if e := l.words[w]; e != nil {
			note(e)
		}
	}
}

// foreign reports whether somebody at the server wrote any word of the text.
func (l *ledger) foreign(text string) bool {
	return slices.ContainsFunc(wordsOf(text), func(w string) bool { return l.words[w] != nil && l.words[w].by == there })
}

func (l *ledger) sorted() []string { return slices.Sorted(maps.Keys(l.words)) }
