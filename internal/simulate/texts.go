package simulate

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// The events of a simulation are few and small: a title and a place, each a word that is written once, at nine in Berlin, where clocks change.

// instances is how many times a series takes place.
const instances = 5

func start(n int) time.Time {
	return time.Date(2026, 3, 9+7*n, 8, 0, 0, 0, time.UTC).Add(-summer(n))
}

// summer is how much earlier nine in Berlin is from the fourth week on.
func summer(n int) time.Duration {
	if n >= 3 { // 29 March 2026
		return time.Hour
	}
	return 0
}

func wall(n, hour int) string {
	return fmt.Sprintf("TZID=Europe/Berlin:%sT%02d0000", time.Date(2026, 3, 9+7*n, 0, 0, 0, 0, time.UTC).Format("20060102"), hour)
}

// recurrenceID is how package ical names the n-th instance.
func recurrenceID(n int) string { return start(n).Format("20060102T150405Z") }

// newEvent writes an event down.
func newEvent(uid, kind, a, b string) string {
	lines := []string{"DTSTART;" + wall(0, 9), "DTEND;" + wall(0, 10)}
	switch kind {
	case "series":
		lines = append(lines, fmt.Sprintf("RRULE:FREQ=WEEKLY;COUNT=%d", instances))
	case "meeting":
		lines = append(lines, "ORGANIZER:mailto:boss@example.org", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:"+alice,
			"ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.org")
	case "party":
		lines = append(lines, "ORGANIZER:mailto:"+alice, "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:guest@example.org")
	case "day":
		lines = []string{"DTSTART;VALUE=DATE:20260309", "DTEND;VALUE=DATE:20260311"}
	}
	return calendar(vevent(uid, append(lines, "SUMMARY:"+a, "LOCATION:"+b)...))
}

// alice is the user whose accounts are synced.
const alice = "alice@example.org"

func calendar(components string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//simulated//EN\r\n" + components + "END:VCALENDAR\r\n"
}

func vevent(uid string, lines ...string) string {
	return "BEGIN:VEVENT\r\nUID:" + uid + "\r\nDTSTAMP:20260101T000000Z\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n"
}

// exception is the component of an instance that differs.
func exception(uid string, n int, a, b string) string {
	return vevent(uid, "RECURRENCE-ID;"+wall(n, 9), "DTSTART;"+wall(n, 11), "DTEND;"+wall(n, 12), "SUMMARY:"+a, "LOCATION:"+b)
}

func version(body string) cal.Version {
	if body == "" {
		return cal.Version{}
	}
	return cal.Version{Digest: ical.Read(cal.Body(body)).Digest, Body: cal.Body(body)}
}

var propertyLine = map[string]*regexp.Regexp{
	"SUMMARY": regexp.MustCompile(`(?m)^SUMMARY:[^\r\n]*`), "LOCATION": regexp.MustCompile(`(?m)^LOCATION:[^\r\n]*`),
}

// components cuts a text into what stands around its events and the events.
var vevents = regexp.MustCompile(`(?s)BEGIN:VEVENT\r?\n.*?END:VEVENT\r?\n`)

// master gives the component that is the series or the event itself; of a lone exception it is that.
func master(body string) string {
	all := vevents.FindAllString(body, -1)
	for _, c := range all {
		if !strings.Contains(c, "RECURRENCE-ID") {
			return c
		}
	}
	if len(all) == 0 {
		return ""
	}
	return all[0]
}

// withValue gives the master's property another value. A property that is missing (a server may have stripped it) stays away.
func withValue(body, property, value string) string {
	m := master(body)
	old := propertyLine[property].FindString(m)
	if old == "" {
		return body
	}
	return strings.Replace(body, m, strings.Replace(m, old, property+":"+value, 1), 1)
}

// withLine adds a content line to the master.
func withLine(body, line string) string {
	m := master(body)
	return strings.Replace(body, m, strings.Replace(m, "END:VEVENT", line+"\r\nEND:VEVENT", 1), 1)
}

// isSeries: the text has a rule.
func isSeries(body string) bool { return strings.Contains(master(body), "\nRRULE") }

// uidOf reads a UID as they are here: short, and said once.
func uidOf(body string) string {
	_, rest, _ := strings.Cut(body, "\nUID:")
	uid, _, _ := strings.Cut(rest, "\n")
	return strings.TrimSuffix(uid, "\r")
}

// exceptionOf gives the component of the n-th instance; empty: there is none.
func exceptionOf(body string, n int) string {
	for _, c := range vevents.FindAllString(body, -1) {
		if ical.Read(cal.Body(calendar(c))).RecurrenceID == recurrenceID(n) {
			return c
		}
	}
	return ""
}

// withException changes one instance of a series, in a text that holds it all.
func withException(body string, n int, a, b string) string {
	c := exception(uidOf(body), n, a, b)
	if was := exceptionOf(body, n); was != "" {
		return strings.Replace(body, was, c, 1)
	}
	return strings.Replace(body, "END:VCALENDAR", c+"END:VCALENDAR", 1)
}

// withExclusion takes one instance out of a series, in a text that holds it all.
func withExclusion(body string, n int) string {
	if was := exceptionOf(body, n); was != "" {
		body = strings.Replace(body, was, "", 1)
	}
	if excluded(body, n) {
		return body
	}
	return withLine(body, "EXDATE;"+wall(n, 9))
}

// excluded: the series has no such instance.
func excluded(body string, n int) bool {
	return strings.Contains(master(body), "EXDATE;"+wall(n, 9)) || n >= count(body)
}

var counted = regexp.MustCompile(`COUNT=(\d+)`)

func count(body string) (n int) {
	if m := counted.FindStringSubmatch(master(body)); m != nil {
		_, _ = fmt.Sscan(m[1], &n)
	}
	return n
}

// hours moves an event to another time of its day.
var clockTimes = strings.NewReplacer("T090000", "T140000", "T100000", "T150000", "T140000", "T090000", "T150000", "T100000")

func moved(body string) string {
	m := master(body)
	if isSeries(body) || strings.Contains(m, "VALUE=DATE") {
		return body
	}
	return strings.Replace(body, m, clockTimes.Replace(m), 1)
}

// answered has alice answer an invitation.
func answered(body string) string {
	for _, change := range [][2]string{{"NEEDS-ACTION", "ACCEPTED"}, {"ACCEPTED", "DECLINED"}, {"DECLINED", "ACCEPTED"}} {
		old, now := "PARTSTAT="+change[0]+":mailto:"+alice, "PARTSTAT="+change[1]+":mailto:"+alice
		if strings.Contains(body, old) {
			return strings.Replace(body, old, now, 1)
		}
	}
	return body
}

var sequence = regexp.MustCompile(`SEQUENCE:\d+\r?\n`)

// raised gives an event a higher SEQUENCE, as an organizer does who moves it (RFC 5546 §2.1.4).
func raised(body string, n int) string {
	return withLine(sequence.ReplaceAllString(body, ""), fmt.Sprintf("SEQUENCE:%d", n))
}

var stamped = regexp.MustCompile(`DTSTAMP:\w+`)

// restamped says the same at another time.
func restamped(body string, n int) string {
	return stamped.ReplaceAllString(body, fmt.Sprintf("DTSTAMP:20260102T%06dZ", n%240000))
}

// value is what the master's property says, without parameters.
func value(body, property string) string {
	for line := range strings.Lines(master(body)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		if name == property || strings.HasPrefix(name, property+";") {
			return value
		}
	}
	return ""
}

var partstat = regexp.MustCompile(`PARTSTAT=([A-Z-]+)[^\r\n]*:mailto:` + regexp.QuoteMeta(alice))

// myAnswer is alice's participation status.
func myAnswer(body string) string {
	if m := partstat.FindStringSubmatch(strings.ReplaceAll(body, "\r\n ", "")); m != nil {
		return m[1]
	}
	return ""
}
