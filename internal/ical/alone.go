package ical

import (
	"slices"
	"strings"

	"calbridge/internal/cal"
)

// lost names what of a side's change does not arrive when it is merged over the base alone. Groups do not see everything that a digest
// sees; what they overlook would vanish with nothing contested.
func (m *merger) lost(side *series) []string {
	if side.raw == m.base.raw {
		return nil
	}
	alone := merger{base: m.base, mine: side, theirs: m.base, preferMine: true, patch: newPatch(m.base.outline)}
	alone.parts()
	alone.zones()
	got, p := parse(string(alone.patch.body()))
	if p != nil {
		return []string{groupName(p.Property)}
	}
	if got.digest() == side.digest() {
		return nil
	}
	return differing(takeApart(got).says(), side.says())
}

// changedAlone is the text of the one side that changed anything. ok: there is one, or neither did.
func (m *merger) changedAlone(s Sides) (body cal.Body, ok bool) {
	was := m.base.digest()
	switch {
	case m.mine.digest() == was:
		return s.Theirs, true
	case m.theirs.digest() == was:
		return s.Mine, true
	}
	return "", false
}

// differing are the names of the statements that only one of two sorted lists has.
func differing(a, b []string) (names []string) {
	for _, lists := range [...][2][]string{{a, b}, {b, a}} {
		for _, statement := range lists[0] {
			if count(lists[0], statement) > count(lists[1], statement) {
				name, _, _ := strings.Cut(statement, "\x00")
				names = append(names, name)
			}
		}
	}
	return names
}

// count is how often a sorted list has it.
func count(sorted []string, statement string) (n int) {
	at, _ := slices.BinarySearch(sorted, statement)
	for at+n < len(sorted) && sorted[at+n] == statement {
		n++
	}
	return n
}

// says is all that a body means, statement by statement, sorted: a name for people, a zero byte, and the canonical form. It sees what a
// digest sees, but for the zone in which the instants of a series are spelled.
func (s *series) says() []string {
	t := statements{series: s, sets: map[string]bool{}}
	for _, key := range s.order {
		c := s.parts[key].component
		t.add(name(key, ""), s.components[c].name, false)
		s.own(c, func(l *line) { t.property(key, l) })
		s.nested(c, func(n int32) { t.add(name(key, nestedName(s.components[n].name)), s.wholeForm(n), false) })
	}
	slices.Sort(t.all)
	return t.all
}

type statements struct {
	*series
	all  []string
	sets map[string]bool // statements that say nothing more when they are made twice
}

func (t *statements) add(name, form string, isSet bool) {
	statement := name + "\x00" + form
	if form == "" || isSet && t.sets[statement] {
		return
	}
	t.sets[statement] = isSet
	t.all = append(t.all, statement)
}

func (t *statements) property(key string, l *line) {
	as := name(key, groupName(l.name))
	switch k := kindOf(l.name); {
	case k == kindDateTimes, k == kindTexts:
		t.eachMember(l, func(_, id string) { t.add(as, l.name+"|"+id, true) })
	case l.name == "RECURRENCE-ID":
		t.writer.parameters(l, k, isDated(k, l.Value())) // RANGE, and what others write there
		t.add(as, key+";"+string(t.writer.params), false)
	default:
		form := t.form(l)
		t.add(as, form, form != "" && isSet([]byte(form)))
	}
}

func nestedName(component string) string {
	if component == "VALARM" {
		return "alarm"
	}
	return strings.ToLower(component)
}

// wholeForm is the canonical meaning of a nested component.
func (s *series) wholeForm(c int32) string {
	says := []string{s.components[c].name}
	s.own(c, func(l *line) { says = append(says, s.form(l)) })
	s.nested(c, func(n int32) { says = append(says, s.wholeForm(n)) })
	slices.Sort(says)
	return strings.Join(says, "")
}
