package ical

import (
	"fmt"
	"strings"
)

// contradictions are what is wrong between the properties of a body: each may be well written, and together they make no sense.
func (o *outline) contradictions() (all []Problem) {
	if len(o.objects()) == 0 {
		return nil // and no start that could tell the zone
	}
	clock := o.clock()
	seen := map[string]bool{}
	for _, c := range o.objects() {
		all = append(all, o.ends(clock, c)...)
		all = append(all, o.until(c)...)
		all = append(all, o.identity(clock, c, seen)...)
	}
	return all
}

// ends: what ends does so behind its start, and in the same kind of time (RFC 5545 §3.8.2.2, §3.8.2.3).
func (o *outline) ends(clock *calendarClock, c int32) (all []Problem) {
	start := o.find(c, "DTSTART")
	for _, property := range [...]string{"DTEND", "DUE"} {
		end := o.find(c, property)
		if start == nil || end == nil {
			continue
		}
		from, ok := start.moment()
		to, fine := end.moment()
		switch {
		case !ok || !fine:
		case (from.kind == 'd') != (to.kind == 'd'):
			all = append(all, *end.problem("is not of the kind of DTSTART; make both dates, or both date-times"))
		case clock.instance(end.Value(), end.parameter("TZID")) < clock.instance(start.Value(), start.parameter("TZID")):
			all = append(all, *end.problem("lies before DTSTART"))
		}
	}
	return all
}

// until: the last moment of a rule is a date if DTSTART is one; else it is in UTC, or floating if DTSTART is (RFC 5545 §3.3.10).
func (o *outline) until(c int32) (all []Problem) {
	start, rule := o.find(c, "DTSTART"), o.find(c, "RRULE")
	if start == nil || rule == nil {
		return nil
	}
	from, ok := start.moment()
	to, fine := readMoment(rulePart(rule.Value(), "UNTIL"), "")
	if ok && fine && (from.kind == 'd') != (to.kind == 'd') {
		return []Problem{*rule.problem("UNTIL is not of the kind of DTSTART; write both as dates, or UNTIL as a date-time in UTC")}
	}
	return nil
}

// rulePart is the value of one part of a recurrence rule, in upper case; empty when it is not there.
func rulePart(rule, part string) string {
	for p := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		if name, value, _ := strings.Cut(strings.TrimSpace(p), "="); name == part {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// identity: there is one master for each UID, and one override for each instance (RFC 4791 §4.1).
func (o *outline) identity(clock *calendarClock, c int32, seen map[string]bool) []Problem {
	id := o.find(c, "RECURRENCE-ID")
	key := o.text(c, "UID") + "\x00"
	if id != nil {
		key += clock.instance(id.Value(), id.parameter("TZID"))
	}
	if !seen[key] {
		seen[key] = true
		return nil
	}
	if id == nil {
		text := fmt.Sprintf("is a second one with the UID %q and without RECURRENCE-ID; give it another UID", o.text(c, "UID"))
		return []Problem{{Line: int(o.lines[o.components[c].begin].number), Property: o.components[c].name, Text: text}}
	}
	return []Problem{*id.problem("there is another component for this instance")}
}

// moment reads a date or date-time property.
func (l *line) moment() (moment, bool) {
	return readMoment(strings.TrimSpace(l.Value()), l.parameter("TZID"))
}
