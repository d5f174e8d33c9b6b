package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	goical "github.com/emersion/go-ical"
)

// value checks a value by the kind of its property.
func (v *validator) value(c int32, l *line) {
	value := strings.TrimSpace(l.Value())
	switch k := kindOf(l.name); {
	case l.name == "DTSTAMP", l.name == "CREATED", l.name == "LAST-MODIFIED", l.name == "COMPLETED": // RFC 5545 §3.8.2.1, §3.8.7
		if m, ok := readMoment(value, ""); !ok || m.kind != 'u' || !m.exists() {
			v.say(l, "%q is not a time in UTC; write 20260131T090000Z", value)
		}
	case l.name == "SEQUENCE", k == kindNumber:
		v.number(l, value)
	case k == kindDateTime:
		v.moment(l, value, l.parameter("TZID"), upper(l.parameter("VALUE")))
	case k == kindDateTimes:
		tzid, kind := l.parameter("TZID"), upper(l.parameter("VALUE"))
		for member := range strings.SplitSeq(value, ",") {
			v.moment(l, strings.TrimSpace(member), tzid, kind)
		}
	case k == kindDuration:
		v.duration(l, value)
	case k == kindTrigger && !isDated(k, value):
		v.duration(l, value)
	case l.name == "RRULE":
		v.rule(c, l, value)
	case k == kindAddress:
		if colon := strings.IndexByte(value, ':'); colon <= 0 && !strings.HasPrefix(value, "/") {
			v.say(l, "%q is no address; write mailto:name@example.org", value)
		}
	case l.name == "TZOFFSETFROM", l.name == "TZOFFSETTO":
		if !isOffset(value) {
			v.say(l, "%q is no offset; write +0100", value)
		}
	default:
		v.word(v.components[c].name, l, value)
	}
}

// words are the values that some properties may have, in some components (RFC 5545 §3.8.1.11, §3.8.2.7).
var words = map[string][]string{
	"VEVENT/STATUS":   {"TENTATIVE", "CONFIRMED", "CANCELLED"},
	"VTODO/STATUS":    {"NEEDS-ACTION", "COMPLETED", "IN-PROCESS", "CANCELLED"},
	"VJOURNAL/STATUS": {"DRAFT", "FINAL", "CANCELLED"},
	"VEVENT/TRANSP":   {"OPAQUE", "TRANSPARENT"},
}

func (v *validator) word(component string, l *line, value string) {
	if allowed, known := words[component+"/"+l.name]; known && !slices.Contains(allowed, upper(value)) {
		v.say(l, "%q is none of %s", value, strings.Join(allowed, ", "))
	}
	if l.name == "UID" && value == "" {
		v.say(l, "is empty; give each object one that no other has")
	}
}

// highest are the numbers that properties may go up to (RFC 5545 §3.8.1.8, §3.8.1.9).
var highest = map[string]int{"PRIORITY": 9, "PERCENT-COMPLETE": 100, "SEQUENCE": 1<<31 - 1, "REPEAT": 1<<31 - 1}

func (v *validator) number(l *line, value string) {
	if n, err := strconv.Atoi(value); err != nil || n < 0 || n > highest[l.name] {
		v.say(l, "%q is not a number from 0 to %d", value, highest[l.name])
	}
}

func (v *validator) duration(l *line, value string) {
	d, ok := readDuration(value)
	switch {
	case !ok:
		v.say(l, "%q is no duration; write PT1H30M, P1D or P2W", value)
	case d.negative && l.name == "DURATION":
		v.say(l, "is negative")
	}
}

// exists reports whether there is such a day and time: no 30th of February. Leap seconds are allowed (RFC 5545 §3.3.12).
func (m moment) exists() bool {
	wall := strings.ToUpper(m.wall)
	if m.kind == 'd' {
		_, err := time.Parse("20060102", wall)
		return err == nil
	}
	if strings.HasSuffix(wall, "60") {
		wall = wall[:len(wall)-2] + "59"
	}
	_, err := time.Parse("20060102T150405", wall)
	return err == nil
}

// moment checks a date, a date-time or a period against the TZID and the VALUE of its line.
func (v *validator) moment(l *line, value, tzid, kind string) {
	start, rest, period := strings.Cut(value, "/")
	m, ok := readMoment(start, tzid)
	switch {
	case !ok || !m.exists():
		v.say(l, "%q is not a date; write 20260131 or 20260131T090000Z", start)
	case period && (kind != "PERIOD" || l.name != "RDATE"):
		v.say(l, "%q is a period; only RDATE;VALUE=PERIOD takes one", value)
	case period:
		v.period(l, rest)
	case m.kind == 'd' && kind != "DATE":
		v.say(l, "%q is a date; write %s;VALUE=DATE:%s", value, l.name, value)
	case m.kind != 'd' && kind == "DATE":
		v.say(l, "%q is a date-time; leave VALUE=DATE out, or write %s", value, value[:8])
	case m.kind == 'u' && tzid != "":
		v.say(l, "has a TZID and the Z of UTC; leave one of them out")
	case m.kind == 'z':
		v.zoneOf(l, tzid)
	}
}

func (v *validator) period(l *line, end string) {
	if _, ok := readDuration(end); ok {
		return
	}
	if m, ok := readMoment(end, ""); !ok || !m.exists() || m.kind == 'd' {
		v.say(l, "%q is not the end of a period; write a date-time or a duration", end)
	}
}

// zoneOf checks that somebody knows the zone.
func (v *validator) zoneOf(l *line, tzid string) {
	if _, known := Zone(tzid); !known && v.zone(tzid) < 0 {
		v.say(l, "nobody knows the time zone %q; write an IANA name such as Europe/Berlin, or add its VTIMEZONE", tzid)
	}
}

func isOffset(value string) bool { // RFC 5545 §3.3.14
	return (len(value) == 5 || len(value) == 7) && (value[0] == '+' || value[0] == '-') && digits(value[1:])
}

// rulesOf asks go-ical whether it can make a rule of what was found to be in order.
func (v *validator) rulesOf(c *goical.Component) {
	if _, err := c.Props.RecurrenceRule(); err != nil {
		v.problems = append(v.problems, Problem{Line: 1, Property: "RRULE", Text: err.Error()})
	}
	for _, child := range c.Children {
		v.rulesOf(child)
	}
}
