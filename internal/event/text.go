package event

import (
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// sheet is iCalendar text in the making.
type sheet struct{ strings.Builder }

// line adds one content line. Control characters have no place in one (RFC 5545 §3.1).
func (s *sheet) line(text string) {
	s.WriteString(ical.Fold(strings.Map(printable, text)))
}

func printable(r rune) rune {
	if r < ' ' && r != '\t' || r == 0x7F {
		return -1
	}
	return r
}

// legible is a body without the characters that sheet.line leaves out: what Google is told is what comes back from there. It goes by
// bytes, as a line may be folded inside of a letter.
func legible(body cal.Body) cal.Body {
	out := make([]byte, 0, len(body))
	for i := range len(body) {
		if c := body[i]; c == '\n' || printable(rune(c)) >= 0 || c == '\r' && strings.HasPrefix(string(body[i:]), "\r\n") {
			out = append(out, body[i])
		}
	}
	return cal.Body(out)
}

// text adds a TEXT property, unless it is empty.
func (s *sheet) text(name, value string) {
	if value != "" {
		s.line(name + ":" + ical.Escape(value))
	}
}

// value adds a property whose value is not TEXT, unless it is empty.
func (s *sheet) value(name, value string) {
	if value != "" {
		s.line(name + ":" + value)
	}
}

// longestParameter is a limit of ours: what has more in its parameters than 4 kB is not read here.
const longestParameter = 1000

// parameter is ;NAME=value, or nothing for an empty value.
func parameter(name, value string) string {
	if value == "" {
		return ""
	}
	if len(value) > longestParameter {
		value = strings.ToValidUTF8(value[:longestParameter], "")
	}
	value = caret.Replace(value)
	if strings.ContainsAny(value, ":;,") {
		value = `"` + value + `"`
	}
	return ";" + name + "=" + value
}

// RFC 6868 §3.1: parameters have no escapes of their own for these.
var (
	caret   = strings.NewReplacer("^", "^^", `"`, "^'", "\r\n", "^n", "\n", "^n", "\r", "")
	uncaret = strings.NewReplacer("^^", "^", "^'", `"`, "^n", "\n")
)

// parameterOf is the value of a parameter as text.
func parameterOf(l ical.Line, name string) string {
	return strings.ToValidUTF8(uncaret.Replace(l.Parameter(name)), "\uFFFD")
}
