package ical

import (
	"fmt"
	"slices"
	"strings"

	"calbridge/internal/cal"
)

// Sides are the three texts of a merge: what both agreed on, and what each has made of it.
type Sides struct{ Base, Mine, Theirs cal.Body }

// Merged is what two edits come to.
type Merged struct {
	Body       cal.Body // theirs, patched with what mine changed; byte for byte theirs when nothing of mine is kept
	Contested  []string // what both changed differently: "SUMMARY", "time", "attendee:mailto:bob@example.org", "20260105T090000Z/place"
	Structural bool     // the two cannot be mixed; Body is the preferred side's as it stands
}

// Merge joins two edits of one object, group by group (see group.go): a group that one side left alone is the other side's; what both
// changed, and differently, is contested, and prefer decides (cal.Mine; any other is cal.Theirs). Members of sets are never contested.
// An instance that one side deleted and the other edited stays, and is named; an answer of mine to an invitation that theirs has moved
// since is not kept, and is named.
//
// Two edits cannot be mixed when one changed which instances there are and the other changed single instances, when either changed
// what no group sees, or when what comes out is not valid although both sides were.
//
// It does the same every time, and swapping the sides and the preference gives the same meaning. The error says which side cannot be
// read.
func Merge(s Sides, prefer cal.Side) (Merged, error) {
	var m merger
	for _, side := range [...]struct {
		name string
		body cal.Body
		to   **series
	}{{"base", s.Base, &m.base}, {"mine", s.Mine, &m.mine}, {"theirs", s.Theirs, &m.theirs}} {
		var err error
		if *side.to, err = readSeries(side.body); err != nil {
			return Merged{}, fmt.Errorf("read %s to merge it: %w", side.name, err)
		}
	}
	m.preferMine, m.patch = prefer == cal.Mine, newPatch(m.theirs.outline)
	return m.merge(s), nil
}

type merger struct {
	base, mine, theirs *series
	preferMine         bool
	patch              *patch
	contested          []string
	revived            map[string]bool // the EXDATE groups of instances that stay
}

func (m *merger) merge(s Sides) Merged {
	why := m.structure()
	if len(why) == 0 {
		why = append(m.lost(m.mine), m.lost(m.theirs)...)
	}
	if len(why) == 0 {
		m.parts()
		m.zones()
		why = m.broken()
	}
	out := Merged{Body: m.patch.body(), Structural: len(why) > 0}
	if out.Structural {
		if body, ok := m.changedAlone(s); ok {
			return Merged{Body: body}
		}
		out.Body = s.Theirs
		if m.preferMine {
			out.Body = s.Mine
		}
	}
	out.Contested = append(m.contested, why...)
	slices.Sort(out.Contested)
	out.Contested = slices.Compact(out.Contested)
	return out
}

// structure names what keeps the two from being mixed: a rule changed on one side and instances on the other, so that keys may no
// longer name the same instances; a master or a UID that is not everywhere.
func (m *merger) structure() (why []string) {
	for _, s := range [...]*series{m.base, m.mine, m.theirs} {
		_, here := s.parts[""]
		_, before := m.base.parts[""]
		if here != before || s.double || s.uid() != m.base.uid() {
			return []string{"instances"}
		}
	}
	for tzid, rules := range m.mine.writer.rules {
		if other, both := m.theirs.writer.rules[tzid]; both && other != rules {
			return []string{"time zone"}
		}
	}
	mineRule, theirRule := m.base.ruleChanged(m.mine), m.base.ruleChanged(m.theirs)
	if mineRule && theirRule && !m.mine.ruleChanged(m.theirs) {
		return nil // both in the same way
	}
	if mineRule && m.base.instancesChanged(m.theirs) || theirRule && m.base.instancesChanged(m.mine) {
		return []string{"instances", "recurrence"}
	}
	return nil
}

func (s *series) uid() string { return s.text(s.main(), "UID") }

// ruleChanged reports whether o counts the instances of the series in another way: other rules, another start or zone, or another
// override that stands for all that follow it.
func (s *series) ruleChanged(o *series) bool {
	was, is := s.parts[""].groups, o.parts[""].groups
	if was["recurrence"].form() == "" && is["recurrence"].form() == "" && len(s.parts) == 1 && len(o.parts) == 1 {
		return false // not a series
	}
	return was["recurrence"].form() != is["recurrence"].form() || s.start() != o.start() || s.futures() != o.futures()
}

// start is the canonical DTSTART of the master.
func (s *series) start() string {
	if l := s.find(s.main(), "DTSTART"); l != nil && s.parts[""].groups != nil {
		return s.form(l)
	}
	return ""
}

func (s *series) futures() (all string) {
	for _, key := range s.order {
		if s.parts[key].future {
			all += key + "=" + s.parts[key].groups.form() + ";"
		}
	}
	return all
}

// instancesChanged reports whether o has other overrides, exceptions or additions.
func (s *series) instancesChanged(o *series) bool {
	was, is := s.parts[""].groups, o.parts[""].groups
	if len(s.parts) != len(o.parts) || was.members("EXDATE") != is.members("EXDATE") || was.members("RDATE") != is.members("RDATE") {
		return true
	}
	for key, p := range s.parts {
		if q, there := o.parts[key]; !there || key != "" && p.groups.form() != q.groups.form() {
			return true
		}
	}
	return false
}

// form is all that the groups say.
func (g groups) form() string {
	var says []string
	for key, group := range g {
		if form := group.form(); form != "" {
			says = append(says, key+"\x00"+form)
		}
	}
	slices.Sort(says)
	return strings.Join(says, "\x00")
}

// members are the keys of a set.
func (g groups) members(set string) string {
	var keys []string
	for key := range g {
		if strings.HasPrefix(key, set+"|") {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return strings.Join(keys, ";")
}

// parts merges the master and the overrides.
func (m *merger) parts() {
	m.reviveInstances()
	for _, key := range m.instances() {
		b, wasThere := m.base.parts[key]
		mine, isMine := m.mine.parts[key]
		theirs, isTheirs := m.theirs.parts[key]
		switch {
		case isMine && isTheirs && wasThere:
			m.part(key, b, mine, theirs)
		case isMine && isTheirs:
			m.madeTwice(key, mine, theirs)
		case isMine && !wasThere, isMine && m.editedNotDropped(key, b, mine):
			m.patch.insert(m.theirs.endPlace(0), m.patch.excerptComponent(m.mine.outline, mine.component))
		case isTheirs && wasThere && !m.editedNotDropped(key, b, theirs):
			m.patch.removeComponent(theirs.component)
		}
	}
}

// instances are the keys of both sides, theirs first.
func (m *merger) instances() []string {
	all := slices.Clone(m.theirs.order)
	for _, key := range m.mine.order {
		if _, both := m.theirs.parts[key]; !both {
			all = append(all, key)
		}
	}
	return all
}

// reviveInstances finds the instances that one side took out by an EXDATE while the other edited them: the edit stays.
func (m *merger) reviveInstances() {
	m.revived = map[string]bool{}
	for _, s := range [...]struct{ editor, deleter *series }{{m.mine, m.theirs}, {m.theirs, m.mine}} {
		for key, is := range s.editor.parts {
			exdate := "EXDATE|" + key
			if key == "" || s.deleter.parts[""].groups[exdate] == nil || s.editor.parts[""].groups[exdate] != nil ||
				m.base.parts[""].groups[exdate] != nil || onlyWeak(m.base.parts[key].groups, is.groups) {
				continue
			}
			m.revived[exdate] = true
			m.contest(name(key, ""))
		}
	}
}

// editedNotDropped decides about an override that one side edited, or left alone, and the other dropped: an edit stays. A weak one
// does not beat a deletion.
func (m *merger) editedNotDropped(key string, was, is part) bool {
	if onlyWeak(was.groups, is.groups) {
		return false
	}
	m.contest(name(key, ""))
	return true
}

// madeTwice: both sides made an override of one instance, and there is nothing before it to compare with.
func (m *merger) madeTwice(key string, mine, theirs part) {
	if mine.groups.form() == theirs.groups.form() {
		return
	}
	m.contest(name(key, ""))
	if m.preferMine {
		m.patch.replaceComponent(theirs.component, m.patch.excerptComponent(m.mine.outline, mine.component))
	}
}

func (m *merger) contest(name string) { m.contested = append(m.contested, name) }

// takeMine decides about one group by its three forms.
func (m *merger) takeMine(instance, key string, base, mine, theirs *group) bool {
	b, l, r := base.form(), mine.form(), theirs.form()
	switch {
	case l == r, l == b:
		return false
	case r == b:
		return true
	}
	m.contest(name(instance, key))
	return m.preferMine
}

// part merges one component that is there on all sides.
func (m *merger) part(instance string, base, mine, theirs part) {
	swap := exchange{patch: m.patch, from: m.mine, to: m.theirs, source: mine, target: theirs}
	for _, key := range sortedKeys(base.groups, mine.groups, theirs.groups) {
		take := func(key string) bool {
			return m.takeMine(instance, key, base.groups[key], mine.groups[key], theirs.groups[key])
		}
		switch {
		case attached(key):
		case instance == "" && m.revived[key]:
			if theirs.groups[key] != nil {
				swap.take(key)
			}
		case attachment(key) == "" || mine.groups[key] == nil || theirs.groups[key] == nil:
			m.exchange(&swap, key, take(key), false)
		case take(attachment(key)):
			m.exchange(&swap, key, take(key), !m.stale(instance, key, base, theirs))
		default:
			m.exchange(&swap, key, take(key), false)
		}
	}
	swap.finish()
}

// stale reports whether an answer of mine is to a time that theirs has left since: an answer to the old time must not accept the new
// one, whoever is preferred (RFC 5546 §2.1.5).
func (m *merger) stale(instance, key string, base, theirs part) bool {
	moved := base.groups["time"].form() != theirs.groups["time"].form() || base.groups["recurrence"].form() != theirs.groups["recurrence"].form()
	if !strings.HasPrefix(key, "attendee:") || !moved ||
		m.theirs.number(theirs.component, "SEQUENCE") <= m.base.number(base.component, "SEQUENCE") {
		return false
	}
	m.contest(name(instance, key))
	return true
}

// exchange takes a group, or what is attached to it, or both.
func (m *merger) exchange(swap *exchange, key string, whole, attached bool) {
	switch {
	case strings.HasPrefix(key, "attendee:"):
		swap.attendee(key, whole, attached)
	case attachment(key) != "":
		swap.nested(key, whole, attached)
	case whole:
		swap.take(key)
	}
}

// attachment is the key of what belongs to a group and is merged apart from it: the answer of an attendee (who was removed stays so,
// whatever the answer), the acknowledgement of an alarm. Empty: there is none.
func attachment(key string) string {
	switch {
	case strings.HasPrefix(key, "attendee:"):
		return key + replyMark
	case strings.HasPrefix(key, "alarm"), strings.HasPrefix(key, "component:"):
		return key + ackMark
	}
	return ""
}

// attached reports whether the key is that of an attachment.
func attached(key string) bool {
	return strings.HasSuffix(key, replyMark) || strings.HasSuffix(key, ackMark)
}

// sortedKeys are those of all the maps, each once.
func sortedKeys[M ~map[string]V, V any](sets ...M) (keys []string) {
	for _, set := range sets {
		for key := range set {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// zones brings along the rules of the zones that were not used before.
func (m *merger) zones() {
	if len(m.patch.edits) == 0 {
		return
	}
	merged, p := parse(string(m.patch.body()))
	if p != nil {
		return // the validity gate will say so
	}
	used := m.theirs.zonesUsed()
	for _, tzid := range sortedKeys(merged.zonesUsed()) {
		if c := m.mine.zone(tzid); c >= 0 && m.theirs.zone(tzid) < 0 && !used[tzid] {
			first, _ := m.theirs.extent(m.theirs.objects()[0])
			m.patch.insert(first, m.patch.excerptComponent(m.mine.outline, c))
		}
	}
}

// zonesUsed are the TZIDs that properties name.
func (o *outline) zonesUsed() map[string]bool {
	used := map[string]bool{}
	for i := range o.lines {
		if tzid := o.lines[i].parameter("TZID"); tzid != "" {
			used[tzid] = true
		}
	}
	return used
}

// broken names the groups that contradict each other in what comes out, although they did not on either side.
func (m *merger) broken() (why []string) {
	merged, p := parse(string(m.patch.body()))
	if p != nil {
		return []string{groupName(p.Property)}
	}
	if len(m.mine.contradictions())+len(m.theirs.contradictions()) > 0 {
		return nil
	}
	for _, p := range merged.contradictions() {
		why = append(why, groupName(p.Property))
	}
	return why
}
