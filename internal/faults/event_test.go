//go:build faults

package faults

import (
	"fmt"
	"math/rand/v2"
	"regexp"
	"strings"
)

// properties are those that people edit; each holds one value.
var properties = []*regexp.Regexp{
	regexp.MustCompile(`(SUMMARY:)(w\d+)`), regexp.MustCompile(`(LOCATION:)(w\d+)`), regexp.MustCompile(`(DESCRIPTION:)(w\d+)`),
}

// newEvent is an event of three values, and long enough to be cut in the middle.
func (w *world) newEvent(uid string) string {
	text := fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Faults//EN
BEGIN:VEVENT
UID:%s
DTSTAMP:20260101T000000Z
DTSTART:20260105T080000Z
DTEND:20260105T090000Z
SUMMARY:%s
LOCATION:%s
DESCRIPTION:%s
COMMENT:%s
END:VEVENT
END:VCALENDAR
`, uid, w.value(), w.value(), w.value(), strings.TrimSpace(strings.Repeat("so that there is something to be cut ", 30)))
	return strings.ReplaceAll(fold(text), "\n", "\r\n")
}

// fold breaks long lines (RFC 5545 §3.1).
func fold(text string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		var parts []string
		for ; len(line) > 70; line = line[70:] {
			parts = append(parts, line[:70])
		}
		lines[i] = strings.Join(append(parts, line), "\n ")
	}
	return strings.Join(lines, "\n")
}

// retouch changes one or two properties.
func (w *world) retouch(r *rand.Rand, text string) (edited string, writes, replaces string) {
	edited = text
	for _, i := range r.Perm(len(properties))[:1+r.IntN(2)] {
		m := properties[i].FindStringSubmatch(edited)
		if m == nil {
			continue
		}
		v := w.value()
		edited = strings.Replace(edited, m[0], m[1]+v, 1)
		writes, replaces = writes+" "+v, replaces+" "+m[2]
	}
	return edited, writes, replaces
}

var uidLine = regexp.MustCompile(`(?m)^UID:(\S+)`)

func uidOf(text string) string {
	if m := uidLine.FindStringSubmatch(unfold(text)); m != nil {
		return m[1]
	}
	return ""
}

func unfold(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.ReplaceAll(text, "\n ", "")
}
