package ical

import (
	"slices"
	"strconv"
	"strings"
)

var (
	frequencies = []string{"SECONDLY", "MINUTELY", "HOURLY", "DAILY", "WEEKLY", "MONTHLY", "YEARLY"}
	weekdays    = []string{"MO", "TU", "WE", "TH", "FR", "SA", "SU"}
)

// ruleNumbers are the lists of numbers in a rule, and what they go up to; the signed may also count from the end (RFC 5545 §3.3.10).
var ruleNumbers = map[string]struct {
	least, most int
	signed      bool
}{
	"BYSECOND": {0, 60, false}, "BYMINUTE": {0, 59, false}, "BYHOUR": {0, 23, false}, "BYMONTH": {1, 12, false},
	"BYMONTHDAY": {1, 31, true}, "BYYEARDAY": {1, 366, true}, "BYWEEKNO": {1, 53, true}, "BYSETPOS": {1, 366, true},
}

// rule checks a recurrence rule part by part, and the parts against each other (RFC 5545 §3.3.10).
func (v *validator) rule(c int32, l *line, value string) {
	parts := map[string]string{}
	for part := range strings.SplitSeq(strings.ToUpper(value), ";") {
		name, list, ok := strings.Cut(part, "=")
		if _, twice := parts[name]; !ok || twice || list == "" {
			v.say(l, "%q is no part of a rule, or one too many; write FREQ=WEEKLY;BYDAY=MO", part)
			return
		}
		parts[name] = list
		v.rulePart(l, name, list)
	}
	v.ruleParts(c, l, parts)
}

func (v *validator) rulePart(l *line, name, list string) {
	numbers, isList := ruleNumbers[name]
	switch {
	case name == "FREQ":
		v.oneOf(l, name, list, frequencies)
	case name == "WKST":
		v.oneOf(l, name, list, weekdays)
	case name == "INTERVAL", name == "COUNT":
		if n, err := strconv.Atoi(list); err != nil || n < 1 {
			v.say(l, "%s=%s is not a number from 1 up", name, list)
		}
	case name == "UNTIL":
		if m, ok := readMoment(list, ""); !ok || !m.exists() {
			v.say(l, "UNTIL=%s is not a date; write 20260131 or 20260131T090000Z", list)
		}
	case name == "BYDAY":
		for day := range strings.SplitSeq(list, ",") {
			v.weekday(l, day)
		}
	case isList:
		for item := range strings.SplitSeq(list, ",") {
			n, err := strconv.Atoi(item)
			if numbers.signed && n < 0 {
				n = -n
			}
			if err != nil || n < numbers.least || n > numbers.most {
				v.say(l, "%s=%s: %q is not a number from %d to %d", name, list, item, numbers.least, numbers.most)
			}
		}
	case name == "RSCALE", name == "SKIP", strings.HasPrefix(name, "X-"): // RFC 7529
	default:
		v.say(l, "%q is no part of a rule", name)
	}
}

func (v *validator) oneOf(l *line, name, value string, allowed []string) {
	if !slices.Contains(allowed, value) {
		v.say(l, "%s=%s is none of %s", name, value, strings.Join(allowed, ", "))
	}
}

// weekday checks MO, 1MO, -1MO.
func (v *validator) weekday(l *line, day string) {
	at := max(0, len(day)-2)
	n := 1
	if at > 0 {
		n, _ = strconv.Atoi(day[:at])
	}
	if !slices.Contains(weekdays, day[at:]) || n == 0 || n < -53 || n > 53 {
		v.say(l, "BYDAY: %q is no weekday; write MO, 1MO for the first Monday, -1MO for the last", day)
	}
}

func (v *validator) ruleParts(c int32, l *line, parts map[string]string) {
	freq := parts["FREQ"]
	_, count := parts["COUNT"]
	until, ends := parts["UNTIL"]
	switch {
	case freq == "":
		v.say(l, "has no FREQ; write FREQ=WEEKLY")
	case count && ends:
		v.say(l, "has COUNT and UNTIL; keep one of them")
	case parts["BYWEEKNO"] != "" && freq != "YEARLY":
		v.say(l, "BYWEEKNO goes with FREQ=YEARLY only")
	case freq != "MONTHLY" && freq != "YEARLY" && strings.ContainsAny(parts["BYDAY"], "0123456789"):
		v.say(l, "BYDAY=%s counts days of a month or a year; it goes with FREQ=MONTHLY or YEARLY only", parts["BYDAY"])
	case parts["BYSETPOS"] != "" && !slices.ContainsFunc(ruleLists, func(name string) bool { return parts[name] != "" }):
		v.say(l, "BYSETPOS needs another BY part to choose from")
	case ends:
		v.untilKind(c, l, until)
	}
}

var ruleLists = []string{"BYSECOND", "BYMINUTE", "BYHOUR", "BYDAY", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYMONTH"}

// untilKind: beside a DTSTART in UTC or in a zone, UNTIL is in UTC (RFC 5545 §3.3.10). In a VTIMEZONE it always is.
func (v *validator) untilKind(c int32, l *line, until string) {
	start := v.find(c, "DTSTART")
	if start == nil || inZone(v.outline, c) {
		return
	}
	from, ok := start.moment()
	to, fine := readMoment(until, "")
	if ok && fine && to.kind == 'f' && (from.kind == 'u' || from.kind == 'z') {
		v.say(l, "UNTIL=%s must be in UTC, for DTSTART is in a time zone; write UNTIL=%sZ, converted", until, until)
	}
}
