package ical

import (
	"slices"
	"strconv"
	"strings"
)

// moment is a DATE or DATE-TIME value in parts: it is never turned into another kind (RFC 5545 §3.3.5).
type moment struct {
	kind byte   // 'd' date, 'f' floating, 'u' UTC, 'z' in a zone
	wall string // 20260105 or 20260105T090000
}

// readMoment takes a value apart; ok is false when it is no date and no date-time. A TZID counts only where one may stand: not on
// dates (RFC 5545 §3.2.19), not on UTC.
func readMoment(value, tzid string) (m moment, ok bool) {
	switch len(value) {
	case 8:
		return moment{'d', value}, digits(value)
	case 15, 16:
		if !digits(value[:8]) || value[8]|0x20 != 't' || !digits(value[9:15]) {
			return m, false
		}
	default:
		return m, false
	}
	m.wall = value[:15]
	switch {
	case len(value) == 16 && value[15]|0x20 == 'z':
		m.kind = 'u'
	case len(value) == 16:
		return m, false
	case tzid != "":
		m.kind = 'z'
	default:
		m.kind = 'f'
	}
	return m, true
}

func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// appendUnescaped appends the text that value stands for (RFC 5545 §3.3.11). Backslashes before anything else stay.
func appendUnescaped(b []byte, value string) []byte {
	for {
		i := strings.IndexByte(value, '\\')
		if i < 0 || i+1 == len(value) {
			return append(b, value...)
		}
		b = append(b, value[:i]...)
		switch c := value[i+1]; c {
		case 'n', 'N':
			b = append(b, '\n')
		case ',', ';', '\\':
			b = append(b, c)
		default:
			b = append(b, '\\', c)
		}
		value = value[i+2:]
	}
}

func unescape(value string) string {
	if strings.IndexByte(value, '\\') < 0 {
		return value
	}
	return string(appendUnescaped(nil, value))
}

// cutText is the first of a list of texts, still escaped, and the rest behind its comma.
func cutText(list string) (first, rest string, more bool) {
	for i := 0; i < len(list); i++ {
		switch list[i] {
		case '\\':
			i++
		case ',':
			return list[:i], list[i+1:], true
		}
	}
	return list, "", false
}

// appendUpper appends s with a-z in upper case.
func appendUpper(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

func appendLower(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

// appendAddress appends a calendar address (RFC 5545 §3.3.3) with its scheme and its domain in lower case; the part before the @ is
// the receiver's business (RFC 5321 §2.4).
func appendAddress(b []byte, value string) []byte {
	value = strings.TrimSpace(value)
	colon, at := strings.IndexByte(value, ':'), strings.LastIndexByte(value, '@')
	if colon < 0 && at >= 0 {
		b = append(b, "mailto:"...) // a bare mail address; not allowed, and seen
	}
	b = appendLower(b, value[:colon+1])
	if at <= colon || at >= 0 && colon >= 0 && !strings.EqualFold(value[:colon], "mailto") {
		return append(b, value[colon+1:]...)
	}
	b = append(b, value[colon+1:at]...)
	return appendLower(b, value[at:])
}

// duration is an RFC 5545 §3.3.6 value. A day is not 24 hours: it has 23 or 25 when clocks change.
type duration struct {
	negative      bool
	days, seconds int64
}

func readDuration(value string) (d duration, ok bool) {
	s := strings.ToUpper(value)
	if strings.HasPrefix(s, "-") || strings.HasPrefix(s, "+") {
		d.negative = s[0] == '-'
		s = s[1:]
	}
	s, ok = strings.CutPrefix(s, "P")
	if !ok || s == "" {
		return d, false
	}
	inTime := false
	for s != "" {
		if s[0] == 'T' && !inTime {
			inTime, s = true, s[1:]
			continue
		}
		n := 0
		for n < len(s) && '0' <= s[n] && s[n] <= '9' {
			n++
		}
		if n == 0 || n == len(s) || n > 9 || !d.add(s[n], s[:n], inTime) {
			return d, false
		}
		s = s[n+1:]
	}
	d.negative = d.negative && (d.days != 0 || d.seconds != 0)
	return d, true
}

func (d *duration) add(unit byte, number string, inTime bool) bool {
	n, _ := strconv.ParseInt(number, 10, 64)
	switch {
	case unit == 'W' && !inTime:
		d.days += 7 * n
	case unit == 'D' && !inTime:
		d.days += n
	case unit == 'H' && inTime:
		d.seconds += 3600 * n
	case unit == 'M' && inTime:
		d.seconds += 60 * n
	case unit == 'S' && inTime:
		d.seconds += n
	default:
		return false
	}
	return true
}

func (d duration) append(b []byte) []byte {
	if d.negative {
		b = append(b, '-')
	}
	b = strconv.AppendInt(b, d.days, 10)
	b = append(b, 'd')
	b = strconv.AppendInt(b, d.seconds, 10)
	return append(b, 's')
}

// appendRule appends a recurrence rule (RFC 5545 §3.3.10) with parts and lists sorted and defaults left out. Xandikos and Cyrus
// reorder the parts.
func appendRule(b []byte, value string) []byte {
	var room [16]string
	parts := room[:0]
	for part := range strings.SplitSeq(strings.ToUpper(value), ";") {
		switch part = strings.TrimSpace(part); part {
		case "", "INTERVAL=1", "WKST=MO", "RSCALE=GREGORIAN", "SKIP=OMIT":
		default:
			parts = append(parts, part)
		}
	}
	slices.Sort(parts)
	for _, part := range parts {
		name, list, _ := strings.Cut(part, "=")
		b = append(b, ';')
		b = append(b, name...)
		b = append(b, '=')
		b = appendRuleList(b, list)
	}
	return b
}

func appendRuleList(b []byte, list string) []byte {
	if strings.IndexByte(list, ',') < 0 {
		return append(b, ruleNumber(list)...)
	}
	var room [32]string
	items := room[:0]
	for item := range strings.SplitSeq(list, ",") {
		items = append(items, ruleNumber(strings.TrimSpace(item)))
	}
	slices.Sort(items)
	for i, item := range slices.Compact(items) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, item...)
	}
	return b
}

// ruleNumber writes +1MO as 1MO and 01 as 1.
func ruleNumber(item string) string {
	item = strings.TrimPrefix(item, "+")
	for len(item) > 1 && len(item) < 8 && item[0] == '0' && '0' <= item[1] && item[1] <= '9' {
		item = item[1:]
	}
	return item
}
