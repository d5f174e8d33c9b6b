package event

import (
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// rule is one recurrence line, of Google's or out of a text, and what it says beside a DTSTART.
type rule struct {
	native string   // the line as it came
	text   string   // as a content line that RFC 5545 allows; empty: it cannot be said
	keys   []string // what it says, each rule and each date by itself, in canonical form
	dates  []moment // of dates, one for each key
	tzid   string   // the zone that text names
	note   string   // what had to be done or left out
}

// readRules reads the lines of one event. Of several RRULE the first that can be said is: RFC 5545 §3.8.5.3 allows no other.
func readRules(lines []string, start moment, zones clocks) []rule {
	r := ruleReader{start, zones}
	all := make([]rule, 0, len(lines))
	repeated := false
	for _, line := range lines {
		next := r.read(line)
		if strings.HasPrefix(next.text, "RRULE:") {
			if repeated {
				next = rule{native: line, note: "recurrence: more than one RRULE; all but the first are left out"}
			}
			repeated = true
		}
		all = append(all, next)
	}
	return all
}

// keysOf is what a set of lines says, in an order of its own.
func keysOf(rules []rule) (keys []string) {
	for _, r := range rules {
		keys = append(keys, r.keys...)
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

type ruleReader struct {
	start moment
	zones clocks
}

func (r ruleReader) read(native string) rule {
	said := rule{native: native}
	line, err := ical.ParseLine(mended(native))
	if err != nil {
		said.note = "recurrence: " + clip(native) + " is no content line; left out"
		return said
	}
	switch line.Name {
	case "RRULE", "EXRULE":
		r.rule(&said, line)
	case "RDATE", "EXDATE":
		r.dates(&said, line)
	default:
		said.note = "recurrence: " + clip(line.Name) + " does not belong there; left out"
	}
	if said.text != "" && mended(native) != strings.TrimSpace(native) {
		said.note = "recurrence: an RDATE that came as RRULE is written as RDATE"
	}
	return said
}

// mended is a line with the R that Google loses at times: RRULE:DATE;TZID=... stands for RDATE;TZID=...
func mended(line string) string {
	line = strings.TrimSpace(line)
	if rest, ok := cutPrefixFold(line, "RRULE:"); ok {
		if _, dates := cutPrefixFold(rest, "DATE"); dates {
			return "R" + rest
		}
	}
	if _, dates := cutPrefixFold(line, "DATE"); dates {
		return "R" + line
	}
	return line
}

func cutPrefixFold(s, prefix string) (rest string, ok bool) {
	if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
		return s[len(prefix):], true
	}
	return s, false
}

// rule brings UNTIL into the form that goes with the start (RFC 5545 §3.3.10).
func (r ruleReader) rule(said *rule, line ical.Line) {
	parts := strings.Split(strings.Trim(strings.TrimSpace(line.Value), ";"), ";")
	for i, part := range parts {
		name, until, _ := strings.Cut(part, "=")
		if !strings.EqualFold(strings.TrimSpace(name), "UNTIL") {
			continue
		}
		fit, ok := r.until(strings.ToUpper(strings.TrimSpace(until)))
		if ok && !strings.EqualFold(fit, strings.TrimSpace(until)) {
			parts[i] = "UNTIL=" + fit
			said.note = "recurrence: UNTIL is written in the form that goes with the start"
		}
	}
	value := strings.Join(parts, ";")
	if !r.holds(value) {
		said.note = "recurrence: " + clip(value) + " is no rule; left out"
		return
	}
	said.text = line.Name + ":" + value
	said.keys = []string{line.Name + ":" + ical.Rule(value)}
}

// until is the last moment of a rule as a date beside a date, in UTC beside an instant.
func (r ruleReader) until(value string) (string, bool) {
	switch {
	case len(value) < len(dateForm):
		return "", false
	case r.start.isDate:
		return value[:len(dateForm)], true
	case len(value) == len(dateForm):
		value += "T235959"
	case strings.HasSuffix(value, "Z"):
		return value, true
	}
	t := onClock(value, r.start.loc)
	return t.UTC().Format(utcForm), !t.IsZero()
}

// holds reports whether a rule is one, beside this start.
func (r ruleReader) holds(value string) bool {
	b := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:x\nDTSTAMP:19700101T000000Z\n" +
		r.start.property("DTSTART") + "\nRRULE:" + value + "\nEND:VEVENT\nEND:VCALENDAR\n"
	return !strings.ContainsAny(value, "\r\n") && len(ical.Validate(cal.Body(b))) == 0
}

// dates brings dates into the form of the start: RFC 5545 §3.8.5.1, §3.8.5.2 have them agree, Google does not care.
func (r ruleReader) dates(said *rule, line ical.Line) {
	zone, loc := r.zones.find(line.Parameter("TZID"))
	switch {
	case inUTC(line.Value):
		zone, loc = utc, time.UTC
	case loc == nil:
		zone, loc = r.start.zone, r.start.loc
	}
	if strings.EqualFold(line.Parameter("VALUE"), "PERIOD") && line.Name == "RDATE" && !r.start.isDate {
		r.periods(said, line, zone, loc)
		return
	}
	var all []moment
	for value := range strings.SplitSeq(line.Value, ",") {
		m, ok := r.date(strings.ToUpper(strings.TrimSpace(value)), zone, loc)
		if !ok {
			said.note = "recurrence: " + clip(value) + " is no date; left out"
			continue
		}
		all = append(all, m)
	}
	said.say(line.Name, all)
	if plain, _, _ := strings.Cut(line.Value, ","); said.note == "" && len(said.keys) > 0 && len(plain) != len(firstValue(said.text)) {
		said.note = "recurrence: dates of " + line.Name + " are written in the form of the start"
	}
}

// inUTC reports whether every value of a list is an instant in UTC.
func inUTC(list string) bool {
	for value := range strings.SplitSeq(list, ",") {
		if value = strings.TrimSpace(value); len(value) != len(utcForm) || !strings.HasSuffix(strings.ToUpper(value), "Z") {
			return false
		}
	}
	return true
}

func firstValue(text string) string {
	_, values, _ := strings.Cut(text, ":")
	first, _, _ := strings.Cut(values, ",")
	return first
}

// say writes dates as one line.
func (said *rule) say(name string, all []moment) {
	if len(all) == 0 {
		return
	}
	values := make([]string, len(all))
	for i, m := range all {
		values[i], _ = m.value()
		said.keys = append(said.keys, name+":"+m.key())
		said.dates = append(said.dates, m)
	}
	_, said.tzid = all[0].value()
	head := strings.TrimSuffix(all[0].property(name), values[0])
	said.text = head + strings.Join(values, ",")
}

// date reads one value as a moment of the start's kind.
func (r ruleReader) date(value, zone string, loc *time.Location) (moment, bool) {
	value, _, _ = strings.Cut(value, "/")
	if r.start.isDate {
		d, err := time.Parse(dateForm, value[:min(len(value), len(dateForm))])
		return dateOf(d), err == nil
	}
	switch len(value) {
	case len(dateForm):
		zone, loc = r.start.zone, r.start.loc
		value += r.start.t.Format("T150405")
	case len(utcForm):
		t, err := time.Parse(utcForm, value)
		return instantIn(t, zone, loc), err == nil
	}
	t := onClock(value, loc)
	return instantIn(t, zone, loc), !t.IsZero()
}

// periods stay as they are (RFC 5545 §3.3.9), but for the name of their zone.
func (r ruleReader) periods(said *rule, line ical.Line, zone string, loc *time.Location) {
	var values []string
	for value := range strings.SplitSeq(strings.ToUpper(line.Value), ",") {
		start, length, ok := strings.Cut(strings.TrimSpace(value), "/")
		m, fine := r.date(start, zone, loc)
		if !ok || !fine || length == "" {
			said.note = "recurrence: " + clip(value) + " is no period; left out"
			continue
		}
		if strings.HasSuffix(start, "Z") || strings.HasSuffix(length, "Z") {
			m = instantIn(m.t, utc, time.UTC)
		}
		begin, tzid := m.value()
		if len(values) == 0 {
			said.tzid = tzid
		}
		if tzid != said.tzid {
			m = instantIn(m.t, utc, time.UTC)
			begin, _ = m.value()
		}
		values = append(values, begin+"/"+length)
		said.keys = append(said.keys, "RDATE:"+m.key()) // Google's text names no periods: their start counts
		said.dates = append(said.dates, m)
	}
	if len(values) == 0 {
		return
	}
	said.text = "RDATE;VALUE=PERIOD"
	if said.tzid != "" {
		said.text += ";TZID=" + said.tzid
	}
	said.text += ":" + strings.Join(values, ",")
}

// clip is a text short enough for a note.
func clip(text string) string {
	if len(text) > 60 {
		text = strings.ToValidUTF8(text[:57], "") + "..."
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r", " "), "\n", " ")
}
