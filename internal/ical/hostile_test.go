package ical

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

// filled is an event made of n lines, as far as a sixth of the limit goes: larger ones only take longer.
func filled(n int, line func(i int) string) string {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART:20260101T000000Z\n")
	for i := 0; i < n && b.Len() < maxBytes/6; i++ {
		b.WriteString(line(i))
	}
	b.WriteString("END:VEVENT\nEND:VCALENDAR\n")
	return b.String()
}

// hostile are bodies, each made to turn some loop into a square.
var hostile = map[string]string{
	"zones nobody knows":  filled(60_000, func(i int) string { return fmt.Sprintf("X-A;TZID=a%d:1\n", i) }),
	"exceptions in zones": filled(60_000, func(i int) string { return fmt.Sprintf("EXDATE;TZID=a%d:20260101T000000\n", i) }),
	"one long list":       filled(1, func(int) string { return "EXDATE:" + strings.Repeat("20260101,", 200_000) + "20260102\n" }),
	"list behind a page": filled(1, func(int) string {
		return "CATEGORIES;X-A=" + strings.Repeat("x", 1e6) + ":" + strings.Repeat("a,", 4e5) + "\n"
	}),
	"dates behind a page": filled(1, func(int) string {
		return "RDATE;X-A=" + strings.Repeat("x,", 4e5) + "x:" + strings.Repeat("20260101,", 1e5) + "\n"
	}),
	"one alarm, many times": filled(30_000, func(int) string { return "BEGIN:VALARM\nTRIGGER:-PT1M\nEND:VALARM\n" }),
	"alarms with a UID":     filled(30_000, func(int) string { return "BEGIN:VALARM\nUID:1\nEND:VALARM\n" }),
	"many parameters":       filled(1, func(int) string { return "X-A" + strings.Repeat(";X-B=c", 3e5) + ":d\n" }),
	"many attendees":        filled(45_000, func(i int) string { return fmt.Sprintf("ATTENDEE;PARTSTAT=ACCEPTED:mailto:%d@x\n", i) }),
	"one attendee":          filled(60_000, func(int) string { return "ATTENDEE:mailto:a@x\n" }),
	"long rule":             filled(1, func(int) string { return "RRULE:FREQ=DAILY;BYSETPOS=" + strings.Repeat("1,", 9e5) + "1\n" }),
	"rule of many parts":    filled(1, func(int) string { return "RRULE:" + strings.Repeat("A=1;", 4e5) + "\n" }),
	"long parameter":        filled(1, func(int) string { return `DESCRIPTION;ALTREP="` + strings.Repeat("x", 2_000_000) + "\":y\n" }),
	"folded after each":     filled(1, func(int) string { return "SUMMARY:" + strings.Repeat("x\n ", 90_000) + "\n" }),
	"backslashes":           filled(1, func(int) string { return "SUMMARY:" + strings.Repeat(`\`, 2_000_000) + "\n" }),
	"many overrides": filled(20_000, func(i int) string {
		return fmt.Sprintf("END:VEVENT\nBEGIN:VEVENT\nUID:u\nRECURRENCE-ID:%08dT000000Z\nDTSTART;TZID=b:20260101T000000\n", i)
	}),
	"many zones": "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VTIMEZONE\nTZID:z\nEND:VTIMEZONE\n", 30_000) + filled(20_000, func(int) string { return "X;TZID=q:1\n" })[len("BEGIN:VCALENDAR\n"):],
}

// TestHostileBodiesTakeLittleTime gives each a limit that only a square exceeds.
func TestHostileBodiesTakeLittleTime(t *testing.T) {
	for name, text := range hostile {
		body := cal.Body(text)
		if len(text) > maxBytes {
			t.Errorf("%s: %d bytes are not even looked at", name, len(text))
		}
		other := cal.Body(strings.Replace(text, "DTSTART:2026", "SUMMARY:x\nDTSTART:2027", 1))
		for what, do := range map[string]func(){
			"read":     func() { Read(body) },
			"validate": func() { Validate(body) },
			"merge":    func() { _, _ = Merge(Sides{body, other, body}, cal.Mine) },
			"rebase":   func() { _, _ = Rebase(body, other, body) },
			"wire":     func() { Wire(other, body, nil, time.Time{}) },
			"split":    func() { Split(body) },
			"copy":     func() { _, _ = Copy(body, "u2") },
		} {
			start := time.Now()
			if do(); time.Since(start) > 30*time.Second {
				t.Errorf("%s: %s takes %v", name, what, time.Since(start))
			}
		}
	}
}
