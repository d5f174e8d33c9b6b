package ical

import (
	"slices"
	"strconv"
	"strings"

	"calbridge/internal/cal"
)

// A group is what is merged as one: a property or several that mean something only together, one member of a set, one attendee, one
// alarm.
type group struct {
	says      []string // canonical entries; none: it says what its absence says
	lines     []int32  // that carry it; a member of a list shares its line with others
	component int32    // that the lines stand in
}

// form is what a group means: two that mean the same have one form, and what is not there has the empty one.
func (g *group) form() string {
	if g == nil {
		return ""
	}
	slices.Sort(g.says)
	return strings.Join(g.says, "")
}

// groups are those of one component by key. A key is the group's name, with the part behind "|" telling members of a set apart.
type groups map[string]*group

// series is a body taken apart for merging.
type series struct {
	*outline
	clock  *calendarClock
	writer *writer
	parts  map[string]part // by instance; the master's key is empty
	order  []string        // the keys as they come
	double bool            // two components claim one key
	twins  map[twin]int    // how often a nested component was met
}

// twin is a nested component that may be there more than once.
type twin struct {
	parent int32
	key    string
}

// part is one component of a series: the master or an override.
type part struct {
	component int32
	groups    groups
	future    bool // RANGE=THISANDFUTURE (RFC 5545 §3.2.13)
}

// readSeries reads and takes apart a body.
func readSeries(body cal.Body) (*series, error) {
	o, err := readOutline(body)
	if err != nil {
		return nil, err
	}
	return takeApart(o), nil
}

// takeApart finds the groups of a body.
func takeApart(o *outline) *series {
	s := &series{outline: o, clock: o.clock(), writer: &writer{o: o, rules: o.foreignRules()}, parts: map[string]part{}, twins: map[twin]int{}}
	for _, c := range o.objects() {
		key, future := "", false
		if id := o.find(c, "RECURRENCE-ID"); id != nil {
			key = s.clock.instance(id.Value(), id.parameter("TZID"))
			future = strings.EqualFold(id.parameter("RANGE"), "THISANDFUTURE")
		}
		if _, there := s.parts[key]; there {
			s.double = true
		}
		s.parts[key] = part{component: c, groups: s.groupsOf(c), future: future}
		s.order = append(s.order, key)
	}
	return s
}

func (s *series) groupsOf(c int32) groups {
	g := groups{}
	end := s.components[c].end
	for i := s.components[c].begin + 1; i < end; i++ {
		l := &s.lines[i]
		if l.name == "BEGIN" {
			s.addNested(g, l.component)
			i = s.components[l.component].end
			continue
		}
		s.addLine(g, c, i)
	}
	return g
}

// addLine files a line under its group.
func (s *series) addLine(g groups, c, i int32) {
	l := &s.lines[i]
	switch k := kindOf(l.name); {
	case k == kindDropped, l.name == "UID", l.name == "RECURRENCE-ID":
	case k == kindDateTimes, k == kindTexts:
		s.addMembers(g, c, i)
	case l.name == "ATTENDEE":
		s.addAttendee(g, c, i)
	case l.name == "ATTACH":
		g.add("ATTACH|"+s.form(l), s.form(l), c, i)
	default:
		g.add(groupName(l.name), s.form(l), c, i)
	}
}

// groupName is the group that a property belongs to.
func groupName(property string) string {
	switch property {
	case "DTSTART", "DTEND", "DURATION", "DUE":
		return "time"
	case "RRULE", "EXRULE":
		return "recurrence"
	case "DESCRIPTION", "STYLED-DESCRIPTION", "X-ALT-DESC":
		return "DESCRIPTION"
	case "LOCATION", "GEO", "CONFERENCE", "X-APPLE-STRUCTURED-LOCATION":
		return "place"
	case "STATUS", "PERCENT-COMPLETE", "COMPLETED":
		return "status"
	case "ORGANIZER":
		return "organizer"
	}
	return property
}

// add puts a line into the group of the key, and what it says.
func (g groups) add(key, says string, c, line int32) {
	have := g[key]
	if have == nil {
		have = &group{component: c}
		g[key] = have
	}
	have.lines = append(have.lines, line)
	if says != "" {
		have.says = append(have.says, says)
	}
}

// form is the canonical meaning of a line; empty when it says what its absence says.
func (s *series) form(l *line) string {
	w := s.writer
	w.buf, w.entries = w.buf[:0], w.entries[:0]
	w.property(l)
	return string(w.buf)
}

// addMembers files every member of a set as a group of its own, so that additions and removals on both sides never meet.
func (s *series) addMembers(g groups, c, i int32) {
	l := &s.lines[i]
	s.eachMember(l, func(_, id string) {
		key := l.name + "|" + id
		if have := g[key]; have == nil {
			g.add(key, id, c, i)
		} else if have.lines[len(have.lines)-1] != i {
			have.lines = append(have.lines, i)
		}
	})
}

// eachMember calls f for each member of a list, with what identifies it: with other parameters it is another member.
func (s *series) eachMember(l *line, f func(member, id string)) {
	k := kindOf(l.name)
	tzid := s.writer.parameters(l, k, isDated(k, l.Value()))
	params := string(s.writer.params)
	if params != "" {
		params = "\x00" + params
	}
	for _, member := range l.members() {
		if id := s.member(k, tzid, member); id != "" {
			f(member, id+params)
		}
	}
}

func (s *series) member(k kind, tzid, value string) string {
	if k == kindTexts {
		return unescape(strings.TrimSpace(value))
	}
	id := s.clock.instance(value, tzid)
	if _, length, period := strings.Cut(value, "/"); period {
		id += "/" + strings.TrimSpace(length)
	}
	return id
}

// replyParameter: what an attendee's answer changes (RFC 5546 §3.2.3); all else is the organiser's to say.
func replyParameter(name string) bool {
	return strings.EqualFold(name, "PARTSTAT") || strings.EqualFold(name, "X-RESPONSE-COMMENT")
}

const replyMark = "|reply"

// addAttendee files an attendee under the address, and the answer as a group of its own. Several lines for one address that do not say
// the same are one group, answers and all: nobody can tell whose they are.
func (s *series) addAttendee(g groups, c, i int32) {
	l := &s.lines[i]
	key := "attendee:" + string(appendAddress(nil, l.Value()))
	if g[key] != nil {
		s.addToAttendee(g, key, i)
		return
	}
	invited := reparse(l.withParameters(nil, replyParameter))
	g.add(key, s.form(&invited), c, i)
	g.add(key+replyMark, s.reply(l), c, i)
}

func (s *series) addToAttendee(g groups, key string, i int32) {
	have, says := g[key], s.form(&s.lines[i])
	known := have.says
	if !have.several() {
		known = []string{s.form(&s.lines[have.lines[0]])}
	}
	have.lines = append(have.lines, i)
	if !slices.Contains(known, says) {
		have.says = append(known, says)
		g[key+replyMark].says = slices.Clone(have.says)
	}
}

// several reports whether an attendee's lines say different things.
func (g *group) several() bool { return g != nil && len(g.says) > 1 }

// reply is the canonical meaning of an attendee's answer.
func (s *series) reply(l *line) string {
	var says []string
	l.each(func(p parameter) {
		if replyParameter(p.name) {
			s.writer.buf = s.writer.buf[:0]
			s.writer.parameter(parameter{upper(p.name), p.values}, kindAddress)
			says = append(says, string(s.writer.buf))
		}
	})
	slices.Sort(says)
	return strings.Join(says, "")
}

// reparse makes a line out of unfolded text that came out of a line.
func reparse(text string) line {
	l := line{text: text}
	_ = l.split() // it was split before
	return l
}

const ackMark = "|ack"

// acknowledged: what a program notes when its user has seen an alarm, or put it off (RFC 9074 §6.1; Thunderbird).
func acknowledged(property string) bool {
	return property == "ACKNOWLEDGED" || property == "X-MOZ-LASTACK" || strings.HasPrefix(property, "X-MOZ-SNOOZE") ||
		property == "X-LASTACK"
}

// addNested files an alarm under its UID, or else under what it does; and every other component under its name and content.
func (s *series) addNested(g groups, c int32) {
	key := s.nestedKey(c)
	same := twin{s.components[c].parent, key}
	if s.twins[same]++; s.twins[same] > 1 {
		key += "#" + strconv.Itoa(s.twins[same])
	}
	alarm := &group{component: c, says: []string{s.components[c].name}}
	g[key] = alarm
	s.own(c, func(l *line) {
		if acknowledged(l.name) {
			g.add(key+ackMark, s.form(l), c, l.index)
		} else if says := s.form(l); says != "" {
			alarm.says = append(alarm.says, says)
		}
	})
	s.nested(c, func(n int32) { alarm.says = append(alarm.says, s.nestedForm(n)) })
}

func (s *series) nestedKey(c int32) string {
	name := s.components[c].name
	if name != "VALARM" {
		return "component:" + strings.ToLower(name) + "|" + s.nestedForm(c)
	}
	for _, property := range [...]string{"UID", "X-WR-ALARMUID"} {
		if uid := s.text(c, property); uid != "" {
			return "alarm:" + uid
		}
	}
	if trigger := s.value(c, "TRIGGER"); trigger != "" {
		return "alarm:" + s.value(c, "ACTION") + " " + trigger + "|" + s.nestedForm(c)
	}
	return "alarm|" + s.nestedForm(c)
}

// nestedForm is the canonical meaning of a nested component, without what was acknowledged.
func (s *series) nestedForm(c int32) string {
	says := []string{s.components[c].name}
	s.own(c, func(l *line) {
		if !acknowledged(l.name) {
			says = append(says, s.form(l))
		}
	})
	s.nested(c, func(n int32) { says = append(says, s.nestedForm(n)) })
	slices.Sort(says)
	return strings.Join(says, "")
}

// name is what people are told of a key.
func name(instance, key string) string {
	key, _, _ = strings.Cut(key, "|")
	switch key {
	case "EXDATE", "CATEGORIES", "RESOURCES", "ATTACH":
		key = strings.ToLower(key)
	case "RDATE":
		key = "recurrence"
	}
	switch {
	case instance == "":
		return key
	case key == "":
		return instance
	}
	return instance + "/" + key
}
