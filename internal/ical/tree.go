package ical

import (
	"strings"

	"calbridge/internal/cal"
)

// Component is a component as content lines, for those who read one property by property.
type Component struct {
	Name     string // upper case
	Lines    []Line // its own, in their order
	Children []Component
}

// Line is one content line, unfolded.
type Line struct {
	Name  string // upper case
	Value string // as written, escapes and all
	of    *line
}

// Parameter is the first value of the named parameter, without its quotes; empty when it is not there.
func (l Line) Parameter(name string) string { return l.of.parameter(name) }

// Tree is the VCALENDAR of a body.
func Tree(body cal.Body) (Component, error) {
	o, err := readOutline(body)
	if err != nil {
		return Component{}, err
	}
	return o.tree(0), nil
}

func (o *outline) tree(c int32) Component {
	t := Component{Name: o.components[c].name}
	o.own(c, func(l *line) { t.Lines = append(t.Lines, Line{l.name, l.Value(), l}) })
	o.nested(c, func(c int32) { t.Children = append(t.Children, o.tree(c)) })
	return t
}

// ParseLine reads one content line that stands alone, without its line end.
func ParseLine(text string) (Line, error) {
	l := &line{text: text}
	if p := l.split(); p != nil {
		return Line{}, p
	}
	return Line{l.name, l.Value(), l}, nil
}

// Text is what a TEXT value stands for (RFC 5545 §3.3.11).
func Text(value string) string { return unescape(value) }

// Texts are the members of a list of TEXT values, their escapes undone.
func Texts(value string) (members []string) {
	for {
		first, rest, more := cutText(value)
		if text := unescape(strings.TrimSpace(first)); text != "" {
			members = append(members, text)
		}
		if !more {
			return members
		}
		value = rest
	}
}

// Escape writes a text as a TEXT value (RFC 5545 §3.3.11).
func Escape(text string) string { return escape(text) }

// Fold is an unfolded content line as physical lines that end in CRLF (RFC 5545 §3.1).
func Fold(text string) string { return fold(text, "\r\n") }

// Rule is a recurrence rule in its canonical form: rules that differ only in the order of their parts, or in parts that say what
// their absence says, share one.
func Rule(value string) string { return string(appendRule(nil, value)) }

// Address is a calendar address in its canonical form (RFC 5545 §3.3.3).
func Address(value string) string { return string(appendAddress(nil, value)) }

// Duration is a DURATION value (RFC 5545 §3.3.6): nominal days and exact seconds, both negative if it is.
func Duration(value string) (days, seconds int64, ok bool) {
	d, ok := readDuration(strings.TrimSpace(value))
	if d.negative {
		d.days, d.seconds = -d.days, -d.seconds
	}
	return d.days, d.seconds, ok
}

// IsIANA reports whether the time zone database has, or had, a zone of this name.
func IsIANA(name string) bool { return isIANA(name) }
