package simulate

import (
	"slices"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/reconcile"
)

// A simulation that is green because it never came to the hard cases proves nothing. So every object that a page is about is looked up in
// the decision table (package reconcile), and the cells it was found in are counted.

// rows are those of the decision table: base, local, remote.
var rows = [...]string{
	"– – –",
	"– – created",
	"– created –",
	"– created created-equal",
	"– created created-differs",
	"X =X =X",
	"X =X edit",
	"X =X deleted",
	"X edit-a =X",
	"X edit-a edit-b",
	"X edit-a edit-a-equal",
	"X edit-a edit-a-differs",
	"X edit-a deleted",
	"X deleted =X",
	"X deleted edit",
	"X deleted deleted",
}

// cells are all cells of the table, as cell names them, row by row.
func cells() (all []string) {
	for _, row := range rows {
		for _, p := range [...]cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual} {
			all = append(all, row+" | "+string(p))
		}
	}
	return all
}

// cell is the cell of the table that an object falls into when it is seen, before our own writes are recognised: "X edit-a edit-b | local-wins".
// The versions must have their bodies.
func cell(o cal.Object, seen reconcile.Sighting, rules cal.Rules) string {
	policy := rules.OnConflict
	if policy == "" {
		policy = cal.RemoteWins
	}
	return rowOf(o.Base, o.Want(), seen.Version) + " | " + string(policy)
}

func rowOf(base, local, remote cal.Version) string {
	if !base.Exists() {
		return "– " + bothMade(local, remote)
	}
	mine, theirs := sideDid(base, local), sideDid(base, remote)
	if mine != "edit" {
		return "X " + mine + " " + theirs
	}
	if theirs == "edit" {
		theirs = editsMeet(base, local, remote)
	}
	return "X edit-a " + theirs
}

// bothMade is what both sides made where nothing was.
func bothMade(local, remote cal.Version) string {
	switch {
	case !local.Exists() && !remote.Exists():
		return "– –"
	case !local.Exists():
		return "– created"
	case !remote.Exists():
		return "created –"
	case local.Same(remote):
		return "created created-equal"
	}
	return "created created-differs"
}

// sideDid is what one side did since the base. To hide an occurrence of a series is to delete it.
func sideDid(base, v cal.Version) string {
	switch {
	case v.Same(base):
		return "=X"
	case !v.Exists(), ical.Hidden(v.Body) && !ical.Hidden(base.Body):
		return "deleted"
	}
	return "edit"
}

// editsMeet is how somebody else's edit meets ours. Two that cannot be mixed meet in the same property.
func editsMeet(base, local, remote cal.Version) string {
	if local.Same(remote) {
		return "edit-a-equal"
	}
	m, err := ical.Merge(ical.Sides{Base: base.Body, Mine: local.Body, Theirs: remote.Body}, cal.Theirs)
	if err != nil || m.Structural || len(m.Contested) > 0 {
		return "edit-a-differs"
	}
	return "edit-b"
}

// yesRules are the rules about writes that the remote said yes to, the rarest first.
var yesRules = [...]string{
	"yes believed the second time", // it shows what was there before, again
	"yes taken back",               // it shows what was there before
	"yes to a deletion, came back",
	"yes, vanished",
	"yes, altered",
	"yes to a deletion, gone",
	"yes, kept",
}

// doubtRules are the rules about writes whose answer was lost, for which a reading showed that they had not happened by then (late), or
// which were refused: what the reading proves of them, the rarest first.
var doubtRules = [...]string{
	"create, under another name",
	"create, proved by tombstone",
	"create, applied in part",
	"create, met a stranger",
	"update, applied in part",
	"update, object gone",
	"update, overtaken",
	"delete, overtaken",
	"create, applied",
	"update, applied",
	"delete, object gone",
	"create, not yet",
	"update, not yet",
	"delete, not yet",
}

var doubts = [...]struct {
	state cal.AttemptState
	name  string
}{{cal.AttemptLate, "late "}, {cal.AttemptRefused, "refused "}, {cal.AttemptSent, "lost "}}

// recognitions are all rules by which our own writes are recognised, as recognised names them, the rarest first.
func recognitions() []string {
	all := slices.Clone(yesRules[:])
	for _, rule := range doubtRules {
		for _, w := range doubts {
			all = append(all, w.name+rule)
		}
	}
	return all
}

// recognised names the rule that applies to the writes of an object that are on record when it is seen: "late update, applied in part". Of
// several it is the one that comes first in recognitions; without any write it is empty. The versions must have their bodies.
func recognised(o cal.Object, seen reconcile.Sighting) (rarest string) {
	order := recognitions()
	first := len(order)
	for _, a := range o.Sent {
		if i := slices.Index(order, ruleFor(o, a, seen)); i >= 0 && i < first {
			first, rarest = i, order[i]
		}
	}
	return rarest
}

func ruleFor(o cal.Object, a cal.Attempt, seen reconcile.Sighting) string {
	if a.State == cal.AttemptDone {
		return yesRule(o, a, seen)
	}
	for _, w := range doubts {
		if w.state == a.State {
			return w.name + doubtRule(o, a, seen)
		}
	}
	return ""
}

// yesRule is what becomes of a yes.
func yesRule(o cal.Object, a cal.Attempt, seen reconcile.Sighting) string {
	before := func(b cal.Attempt) bool {
		return b.State == cal.AttemptLate && b.Match == a.Match && b.Want.Same(a.Want)
	}
	switch {
	case a.Want.Exists() && seen.Same(a.Want):
		return "yes, kept"
	case !seen.Exists() && !a.Want.Exists():
		return "yes to a deletion, gone"
	case stillOpen(a, seen) && slices.ContainsFunc(o.Sent, before):
		return "yes believed the second time"
	case stillOpen(a, seen):
		return "yes taken back"
	case !a.Want.Exists():
		return "yes to a deletion, came back"
	case seen.Exists():
		return "yes, altered"
	}
	return "yes, vanished"
}

// doubtRule is what a reading proves of a write without a yes.
func doubtRule(o cal.Object, a cal.Attempt, seen reconcile.Sighting) string {
	switch {
	case !a.Want.Exists():
		return "delete, " + deletionProof(a, seen)
	case a.Create():
		return "create, " + creationProof(a, seen)
	}
	return "update, " + updateProof(o, a, seen)
}

func deletionProof(a cal.Attempt, seen reconcile.Sighting) string {
	switch {
	case !seen.Exists():
		return "object gone"
	case stillOpen(a, seen):
		return "not yet"
	}
	return "overtaken"
}

func creationProof(a cal.Attempt, seen reconcile.Sighting) string {
	switch {
	case !seen.Exists() && seen.Removed && a.Href == seen.Href:
		return "proved by tombstone"
	case !seen.Exists():
		return "not yet"
	case seen.Same(a.Want) && a.Href != seen.Href:
		return "under another name"
	case seen.Same(a.Want):
		return "applied"
	case a.Href == seen.Href && ical.Shares(a.Want.Body, seen.Body):
		return "applied in part"
	}
	return "met a stranger"
}

func updateProof(o cal.Object, a cal.Attempt, seen reconcile.Sighting) string {
	switch {
	case !seen.Exists():
		return "object gone"
	case seen.Same(a.Want):
		return "applied"
	case stillOpen(a, seen):
		return "not yet"
	}
	if body, err := ical.Rebase(o.Base.Body, a.Want.Body, seen.Body); err == nil && body != o.Base.Body {
		return "applied in part"
	}
	return "overtaken"
}

// stillOpen: the remote shows what the write is conditional on.
func stillOpen(a cal.Attempt, seen reconcile.Sighting) bool {
	if a.Create() {
		return !seen.Exists() && !seen.Removed
	}
	return seen.Exists() && seen.ETag == a.Match
}
