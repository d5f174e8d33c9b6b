package ical

import (
	"fmt"
	"strconv"
	"strings"

	goical "github.com/emersion/go-ical"

	"calbridge/internal/cal"
)

// Decode gives the body as go-ical's tree, for typed values. go-ical panics on parameters it does not understand, takes quadratic time
// over long ones and recurses without bound; it sees only what the outline has let through, unfolded, and with long parameters kept
// aside. Several VCALENDARs become one.
func Decode(body cal.Body) (*goical.Calendar, error) {
	o, p := parse(string(body))
	if p != nil {
		return nil, p
	}
	return o.decode()
}

// longValue is what is kept aside: go-ical adds parameter values up byte by byte.
const longValue = 256

// aside stands for the n-th long value.
func aside(n int) string { return "\x00" + strconv.Itoa(n) }

func (o *outline) decode() (calendar *goical.Calendar, err error) {
	defer func() {
		if r := recover(); r != nil {
			calendar, err = nil, fmt.Errorf("parse: %v", r)
		}
	}()
	text, long := o.plain()
	decoder := goical.NewDecoder(strings.NewReader(text))
	for range o.roots() {
		next, err := decoder.Decode()
		if err != nil {
			return nil, fmt.Errorf("parse: %w", err)
		}
		if calendar == nil {
			calendar = next
			continue
		}
		calendar.Children = append(calendar.Children, next.Children...)
	}
	if len(long) > 0 {
		restore(calendar.Component, long)
	}
	return calendar, nil
}

// roots are the VCALENDARs; iCalendar text may hold several (RFC 5545 §3.4), an object of a calendar only one (RFC 4791 §4.1).
func (o *outline) roots() (roots []int32) {
	for c := range o.components {
		if o.components[c].parent < 0 {
			roots = append(roots, int32(c))
		}
	}
	return roots
}

// plain is the body with every content line on one line, and the long parameter values that were kept aside.
func (o *outline) plain() (text string, long []string) {
	var b strings.Builder
	b.Grow(len(o.raw))
	for i := range o.lines {
		l := &o.lines[i]
		if l.name == "BEGIN" || l.name == "END" {
			b.WriteString(l.name + ":" + o.components[l.component].name + "\n")
			continue
		}
		b.WriteString(l.name)
		l.each(func(p parameter) {
			b.WriteString(";" + p.name + "=")
			if len(p.values) <= longValue {
				b.WriteString(p.values)
				return
			}
			for first, rest := cutValue(p.values); ; first, rest = cutValue(rest) {
				b.WriteString(aside(len(long)))
				if long = append(long, first); rest == "" {
					return
				}
				b.WriteByte(',')
			}
		})
		b.WriteString(":" + l.Value() + "\n")
	}
	return b.String(), long
}

// restore puts the long values back.
func restore(c *goical.Component, long []string) {
	for _, list := range c.Props {
		for _, p := range list {
			for _, values := range p.Params {
				for i, v := range values {
					if n, err := strconv.Atoi(strings.TrimPrefix(v, "\x00")); err == nil && n < len(long) && v == aside(n) {
						values[i] = long[n]
					}
				}
			}
		}
	}
	for _, child := range c.Children {
		restore(child, long)
	}
}
