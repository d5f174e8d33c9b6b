package engine_test

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// ledger knows of every value that anybody wrote. Each is unique, so an edit is found by its value alone, and at rest
//
//   - it is live on both sides, or
//   - its own side overwrote it knowingly, or
//   - a conflict or a notice names the object, and the value is in the object's versions.
//
// What somebody deleted, having seen it, does not come back but for a conflict or a notice; a conflict names what somebody else did;
// nothing of ours is there twice; the feed tells all that happened, and each thing once.
type ledger struct {
	edits   int
	entries map[string]*entry // by value
	foreign map[string]bool   // UIDs that somebody at the server did more to than to change a value
}

// entry is one value somebody wrote.
type entry struct {
	uid  string
	by   side
	over bool // its own side overwrote it, or deleted the object, having seen it
	dead bool // somebody deleted the object, having seen it

	twice bool // it stands in two objects
}

type side string

const (
	here  side = "here "
	there side = "there"
)

func newLedger() ledger {
	return ledger{entries: map[string]*entry{}, foreign: map[string]bool{}}
}

var anyValue = regexp.MustCompile(`\bw\d+\b`)

func (l *ledger) value() string {
	l.edits++
	return fmt.Sprintf("w%d", l.edits)
}

func (l *ledger) wrote(uid string, by side, values ...string) {
	for _, v := range values {
		l.entries[v] = &entry{uid: uid, by: by}
	}
}

// overwritten: whoever changes what it sees supersedes it knowingly, whoever wrote it.
func (l *ledger) overwritten(text string) {
	for _, v := range anyValue.FindAllString(text, -1) {
		if e := l.entries[v]; e != nil {
			e.over = true
		}
	}
}

func (l *ledger) buried(text string) {
	for _, v := range anyValue.FindAllString(text, -1) {
		if e := l.entries[v]; e != nil {
			e.dead = true
		}
	}
}

// doubled: what is said in two places does not die with one.
func (l *ledger) doubled(text string) {
	for _, v := range anyValue.FindAllString(text, -1) {
		if e := l.entries[v]; e != nil {
			e.twice = true
		}
	}
}

// account asks where every edit went.
func (s *stormy) account() {
	here, there := s.allLocal(), s.allRemote()
	if !maps.Equal(here, there) {
		s.t.Errorf("the sides differ at rest:\nhere  %v\nthere %v", here, there)
	}
	s.checkFeed()
	if s.restored {
		return // what the server forgot, it forgot for all
	}
	s.checkValues(here)
	s.checkConflicts()
	s.checkNames()
}

func (s *stormy) checkValues(here map[string]bool) {
	live := map[string]bool{}
	for content := range here {
		mark(live, content)
	}
	recorded := s.recordedValues()
	for _, v := range slices.Sorted(maps.Keys(s.entries)) {
		if e := s.entries[v]; live[v] && e.dead && !e.twice && !recorded[v] {
			s.t.Errorf("%s (%s, %s) came back without a record", v, e.uid, e.by)
		}
	}
	for _, o := range s.objects() { // refused, and shown as such
		mark(live, string(o.Want().Body))
	}
	for _, v := range slices.Sorted(maps.Keys(s.entries)) {
		if e := s.entries[v]; !live[v] && !e.over && !recorded[v] {
			s.t.Errorf("%s (%s, %s) is lost without a record", v, e.uid, e.by)
		}
	}
}

func mark(values map[string]bool, text string) {
	for _, v := range anyValue.FindAllString(text, -1) {
		values[v] = true
	}
}

// recordedValues are those a conflict or a notice names, and that can still be read in the history.
func (s *stormy) recordedValues() map[string]bool {
	recorded := map[string]bool{}
	for _, c := range s.conflicts() {
		for _, v := range []cal.Version{c.Base, c.Mine, c.Theirs} {
			mark(recorded, string(v.Body))
		}
	}
	for _, body := range s.noticed() {
		mark(recorded, body)
	}
	return recorded
}

// conflicts are all conflicts, with the bodies of what they name.
func (s *stormy) conflicts() (all []cal.Conflict) {
	s.read(func(tx *store.Tx) (err error) {
		all, err = tx.Conflicts(store.ConflictFilter{})
		for i := range all {
			for _, v := range []*cal.Version{&all[i].Base, &all[i].Mine, &all[i].Theirs} {
				v.Body = s.body(tx, *v)
			}
		}
		return err
	})
	return all
}

// checkConflicts: nobody is in conflict with himself.
func (s *stormy) checkConflicts() {
	for _, c := range s.conflicts() {
		uid := uidOf(c.Mine.Body + c.Theirs.Body + c.Base.Body)
		contested := string(c.Theirs.Body)
		if c.Kind == cal.UpdateUpdate {
			contested = ""
			for _, group := range c.Contested {
				property := map[string]string{"SUMMARY": "SUMMARY", "place": "LOCATION"}[group]
				if line := propertyLine[property]; line != nil && line.MatchString(string(c.Theirs.Body)) {
					contested += line.FindString(string(c.Theirs.Body)) + "\n"
				} else { // dropped, perhaps by the server, perhaps by somebody
					contested = string(c.Theirs.Body + c.Base.Body)
				}
			}
		}
		if !s.foreign[uid] && !s.foreigners(contested) {
			s.t.Errorf("a conflict with nobody over %s: %s %v\nmine %s\ntheirs %s", uid, c.Kind, c.Contested, values(c.Mine), values(c.Theirs))
		}
	}
}

func values(v cal.Version) []string { return anyValue.FindAllString(string(v.Body), -1) }

var uidLine = regexp.MustCompile(`(?m)^UID:(uid-\d+)`)

func uidOf(body cal.Body) string {
	if m := uidLine.FindStringSubmatch(string(body)); m != nil {
		return m[1]
	}
	return ""
}

// foreigners reports whether somebody at the server wrote any of the values.
func (s *stormy) foreigners(text string) bool {
	return slices.ContainsFunc(anyValue.FindAllString(text, -1), func(v string) bool {
		e := s.entries[v]
		return e != nil && e.by == there
	})
}

var ownName = regexp.MustCompile(`^([0-9a-v]{20})-\d+\.ics$`)

// checkNames: what was created here is there once at most, whatever was tried how often.
func (s *stormy) checkNames() {
	named := map[string][]string{}
	for _, name := range s.sim.List("alice", "work") {
		body, _, _ := s.sim.Load("alice", "work", name)
		if m := ownName.FindStringSubmatch(name); m != nil {
			key := m[1] + " " + uidOf(cal.Body(body)) // somebody may have put another into its place
			named[key] = append(named[key], name)
		}
	}
	for id, names := range named {
		if len(names) > 1 {
			s.t.Errorf("object %s is there as %s", id, strings.Join(names, " and "))
		}
	}
}

func (s *stormy) news() (all []store.Change) {
	s.read(func(tx *store.Tx) (err error) {
		all, err = tx.Changes(0, 1<<20)
		return err
	})
	return all
}

// checkFeed: whoever follows the feed from the beginning has what there is, and heard nothing twice.
func (s *stormy) checkFeed() {
	told := map[string]cal.Digest{}
	s.read(func(tx *store.Tx) error {
		for _, c := range s.news() {
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
				s.t.Errorf("the feed tells twice of object %s, change %d", c.Subject, c.Seq)
			}
			told[c.Subject] = is
		}
		return nil
	})
	for _, o := range s.objects() {
		if told[string(o.ID)] != o.Want().Digest {
			s.t.Errorf("the feed has another content of object %s", o.ID)
		}
		delete(told, string(o.ID))
	}
	for id, digest := range told {
		if digest != "" {
			s.t.Errorf("the feed has object %s, which is gone", id)
		}
	}
}
