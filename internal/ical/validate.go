package ical

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"calbridge/internal/cal"
)

// Validate lists what is wrong with a body that somebody wants to store. It asks for more than Read: an object as RFC 4791 §4.1 has
// it, every property as RFC 5545 has it, and nothing that a known server refuses. After a hundred problems it stops looking for more. No problems: nil.
func Validate(body cal.Body) []Problem {
	o, p := parse(string(body))
	if p != nil {
		return []Problem{*p}
	}
	v := validator{outline: o}
	v.calendar()
	v.objectsAgree()
	for c := range o.components {
		v.component(int32(c))
	}
	v.problems = append(v.problems, o.contradictions()...)
	if tree, err := o.decode(); err != nil {
		v.problems = append(v.problems, Problem{Line: 1, Text: err.Error()})
	} else if len(v.problems) == 0 {
		v.rulesOf(tree.Component)
	}
	slices.SortStableFunc(v.problems, func(a, b Problem) int { return a.Line - b.Line })
	return slices.Compact(v.problems)
}

type validator struct {
	*outline
	problems []Problem
}

// enough problems for anybody to read.
const enough = 100

func (v *validator) say(l *line, format string, args ...any) {
	if len(v.problems) >= enough {
		return
	}
	v.problems = append(v.problems, *l.problem(fmt.Sprintf(format, args...)))
}

// about says something of a component as a whole.
func (v *validator) about(c int32, format string, args ...any) {
	if len(v.problems) >= enough {
		return
	}
	begin := v.lines[v.components[c].begin]
	v.problems = append(v.problems, Problem{Line: int(begin.number), Property: v.components[c].name, Text: fmt.Sprintf(format, args...)})
}

// calendar checks what stands around the objects (RFC 5545 §3.6, §3.7).
func (v *validator) calendar() {
	for _, c := range v.roots()[1:] {
		v.about(c, "this is a second VCALENDAR; store one object at a time")
	}
	if version := v.find(0, "VERSION"); version == nil {
		v.about(0, "has no VERSION; write VERSION:2.0")
	} else if strings.TrimSpace(version.Value()) != "2.0" {
		v.say(version, "only 2.0 is understood")
	}
	if v.find(0, "PRODID") == nil {
		v.about(0, "has no PRODID; name the program that wrote it, as in PRODID:-//Example//EN")
	}
	if method := v.find(0, "METHOD"); method != nil { // RFC 4791 §4.1
		v.say(method, "belongs to invitations that are mailed, not to stored objects; leave it out")
	}
	if scale := v.find(0, "CALSCALE"); scale != nil && !strings.EqualFold(strings.TrimSpace(scale.Value()), "GREGORIAN") {
		v.say(scale, "only GREGORIAN is understood")
	}
}

// objectsAgree checks that all components are one object: one UID, one type, one series (RFC 4791 §4.1).
func (v *validator) objectsAgree() {
	if len(v.objects()) == 0 {
		v.about(0, "%v", errEmpty)
		return
	}
	first := v.objects()[0]
	for _, c := range v.objects() {
		switch name := v.components[c].name; name {
		case "VEVENT", "VTODO", "VJOURNAL":
		default:
			v.about(c, "cannot be stored in a calendar; only VEVENT, VTODO and VJOURNAL can")
		}
		if v.components[c].name != v.components[first].name {
			v.about(c, "stands beside %s; one object has one type of component", v.components[first].name)
		}
		if uid, before := v.find(c, "UID"), v.text(first, "UID"); uid != nil && before != "" && v.text(c, "UID") != before {
			v.say(uid, "differs from %q above; one object has one UID", before)
		}
		v.instance(c)
	}
}

// instance checks that an override is one: of the kind of its master, and not a series of its own.
func (v *validator) instance(c int32) {
	id := v.find(c, "RECURRENCE-ID")
	if id == nil {
		return
	}
	for _, property := range [...]string{"RRULE", "RDATE", "EXDATE", "EXRULE"} {
		if l := v.find(c, property); l != nil {
			v.say(l, "stands in an override; only the master has rules")
		}
	}
	start := v.find(v.main(), "DTSTART")
	if start == nil || v.main() == c {
		return
	}
	master, ok := start.moment()
	mine, fine := id.moment()
	if ok && fine && (master.kind == 'd') != (mine.kind == 'd') { // RFC 5545 §3.8.4.4
		v.say(id, "is not of the kind of the master's DTSTART; make both dates, or both date-times")
	}
}

// component checks where a component stands, what it must have, and each of its lines.
func (v *validator) component(c int32) {
	name, parent := v.components[c].name, ""
	if p := v.components[c].parent; p >= 0 {
		parent = v.components[p].name
	}
	if allowed, known := nestings[name]; known && !slices.Contains(allowed, parent) {
		v.about(c, "cannot stand inside of %s", parent)
	}
	for _, property := range required[name] {
		if v.find(c, property) == nil {
			v.about(c, "has no %s", property)
		}
	}
	seen := map[string]bool{}
	v.own(c, func(l *line) {
		if seen[l.name] && once(name, l.name) {
			v.say(l, "is there twice")
		}
		seen[l.name] = true
		v.line(c, l)
	})
	for _, pair := range exclusive {
		if seen[pair[0]] && seen[pair[1]] && name != "VALARM" {
			v.say(v.find(c, pair[1]), "cannot stand beside %s; keep one of them", pair[0])
		}
	}
}

// nestings are where components may stand; others may anywhere (RFC 5545 §3.6, RFC 9073, RFC 9074).
var nestings = map[string][]string{
	"VCALENDAR": {""},
	"VEVENT":    {"VCALENDAR"},
	"VTODO":     {"VCALENDAR"},
	"VJOURNAL":  {"VCALENDAR"},
	"VTIMEZONE": {"VCALENDAR"},
	"STANDARD":  {"VTIMEZONE"},
	"DAYLIGHT":  {"VTIMEZONE"},
	"VALARM":    {"VEVENT", "VTODO"},
}

// required are the properties that must be there (RFC 5545 §3.6; Cyrus insists on DTSTAMP, DAViCal and Sabre on DTSTART).
var required = map[string][]string{
	"VEVENT":    {"UID", "DTSTAMP", "DTSTART"},
	"VTODO":     {"UID", "DTSTAMP"},
	"VJOURNAL":  {"UID", "DTSTAMP"},
	"VTIMEZONE": {"TZID"},
	"STANDARD":  {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO"},
	"DAYLIGHT":  {"DTSTART", "TZOFFSETFROM", "TZOFFSETTO"},
	"VALARM":    {"ACTION", "TRIGGER"},
}

// exclusive are pairs of which only one may be there (RFC 5545 §3.6.1, §3.6.2).
var exclusive = [...][2]string{{"DTEND", "DURATION"}, {"DUE", "DURATION"}}

// once reports whether a property may be there only once. DTSTAMP is not among them: Google and iCloud write it twice.
func once(component, property string) bool {
	switch property {
	case "DTSTART", "DTEND", "DUE", "DURATION", "UID", "SUMMARY", "LOCATION", "GEO", "CLASS", "CREATED", "LAST-MODIFIED", "ORGANIZER",
		"PRIORITY", "SEQUENCE", "STATUS", "TRANSP", "URL", "RECURRENCE-ID", "RRULE", "COMPLETED", "PERCENT-COMPLETE", "COLOR",
		"VERSION", "PRODID", "CALSCALE", "TZID", "TZOFFSETFROM", "TZOFFSETTO", "ACTION", "TRIGGER", "REPEAT":
		return component != "STANDARD" && component != "DAYLIGHT" || property != "RRULE"
	case "DESCRIPTION":
		return component != "VJOURNAL" // RFC 5545 §3.6.3
	}
	return false
}

// line checks one property: its letters, then its value by kind.
func (v *validator) line(c int32, l *line) {
	if i := strings.IndexFunc(l.name, func(r rune) bool { return r != '-' && r != '_' && r != '.' && !letterOrDigit(r) }); i >= 0 {
		v.say(l, "is no property name; was the line to continue the one before, it must begin with a space")
		return
	}
	if !utf8.ValidString(l.text) {
		v.say(l, "is not UTF-8; convert the text")
		return
	}
	if i := strings.IndexFunc(l.text, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7F }); i >= 0 {
		v.say(l, "has the control character %q; take it out", l.text[i])
		return
	}
	v.value(c, l)
}

func letterOrDigit(r rune) bool {
	return 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z' || '0' <= r && r <= '9'
}
