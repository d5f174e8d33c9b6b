package ical

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Wire is what goes out when want is written over base (empty: a create). Line ends are CRLF, METHOD and a byte order mark go (RFC
// 4791 §4.1), and no SEQUENCE falls behind base's. When the account owns the event - it has no ORGANIZER, or one of the owner's
// addresses is it - and its time, recurrence, place or status differ from base's, SEQUENCE is raised past base's unless want did that
// itself, and DTSTAMP and LAST-MODIFIED are now (RFC 5546 §2.1.4); an attendee raises nothing. All else is as it was, and it says the
// same as want. A body that cannot be read goes out as it is.
func Wire(want, base cal.Body, owner []string, now time.Time) cal.Body {
	o, p := parse(string(want))
	if p != nil || len(o.objects()) == 0 {
		return want
	}
	out := newPatch(o)
	for i := range o.lines {
		if l := &o.lines[i]; l.name == "METHOD" && o.components[l.component].parent < 0 {
			out.replaceLine(l.index, "")
		}
	}
	if base != "" {
		out.sequence(takeApart(o), base, owner, now)
	}
	return cal.Body(toCRLF(strings.TrimPrefix(string(out.body()), byteOrderMark)))
}

func toCRLF(text string) string {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	if strings.Count(text, "\n") == strings.Count(text, "\r\n") {
		return text
	}
	return strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n")
}

// sequence raises the SEQUENCE of the components that changed in what others plan by.
func (p *patch) sequence(want *series, base cal.Body, owner []string, now time.Time) {
	was, err := readSeries(base)
	if err != nil || was.double || want.double {
		return
	}
	owned := want.ownedBy(owner)
	for key, is := range want.parts {
		before, there := was.parts[key]
		if !there {
			continue
		}
		old, current := was.number(before.component, "SEQUENCE"), want.number(is.component, "SEQUENCE")
		switch {
		case owned && replanned(before.groups, is.groups):
			stamp := now.UTC().Format("20060102T150405Z")
			p.set(is.component, "DTSTAMP", stamp)
			p.set(is.component, "LAST-MODIFIED", stamp)
			if current <= old {
				p.set(is.component, "SEQUENCE", strconv.Itoa(old+1))
			}
		case current < old:
			p.set(is.component, "SEQUENCE", strconv.Itoa(old))
		}
	}
}

// ownedBy reports whether one of the addresses is the organizer, or there is none.
func (s *series) ownedBy(owner []string) bool {
	l := s.find(s.main(), "ORGANIZER")
	return l == nil || slices.ContainsFunc(owner, func(address string) bool { return sameAddress(address, l.Value()) })
}

func sameAddress(a, b string) bool {
	return strings.EqualFold(string(appendAddress(nil, a)), string(appendAddress(nil, b)))
}

// replanned reports whether two forms of a component differ in what others plan by.
func replanned(was, is groups) bool {
	for _, key := range sortedKeys(was, is) {
		switch group, _, _ := strings.Cut(key, "|"); group {
		case "time", "recurrence", "EXDATE", "RDATE", "place", "status":
			if was[key].form() != is[key].form() {
				return true
			}
		}
	}
	return false
}

// set gives component c the property once.
func (p *patch) set(c int32, property, value string) {
	text := fold(property+":"+value, p.end)
	found := false
	p.to.own(c, func(l *line) {
		if l.name != property {
			return
		}
		if found {
			text = ""
		}
		p.replaceLine(l.index, text)
		found = true
	})
	if !found {
		p.insert(p.to.propertyPlace(c), text)
	}
}
