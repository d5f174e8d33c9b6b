package ical

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Cut makes two series of one: "this and following". The master ends just before the instance at (as cal.Object.RecurrenceID has it),
// and next goes on from there as a series of its own with the UID uid. future is what is to be from there on: the text of an exception,
// which is whole in itself, so what it does not say is gone; empty: as it was. before is how many instances the rule makes before the
// cut, those excluded among them (RFC 5545 §3.8.5.1); it matters where the rule has a COUNT.
//
// When future has moved the start, all that follows moves along, and what cannot be moved without meaning something else is an error.
// When the series has nothing before the cut, old is empty.
func Cut(master cal.Body, at string, future cal.Body, uid string, before int) (old, next cal.Body, err error) {
	o, c := readMaster(master)
	if o == nil {
		return "", "", errors.New("there is no series in the text that could be cut")
	}
	k := cutter{o: o, c: c, clock: o.clock(), start: o.find(c, "DTSTART"), at: at, before: before}
	if err := k.check(); err != nil {
		return "", "", err
	}
	if at > k.first() {
		old = k.old()
	}
	next, err = k.next(future, uid)
	return old, next, err
}

// Continues reports whether next, which a cut at the instance made of master, has the instances that master would have had: then the
// exceptions from there on are exceptions of next as well.
func Continues(master, next cal.Body, at string) bool {
	a, c := readMaster(master)
	b, d := readMaster(next)
	if a == nil || b == nil {
		return false
	}
	was, is := a.find(c, "DTSTART"), b.find(d, "DTSTART")
	return was != nil && is != nil && sameClock(was, is) && a.clock().instance(is.Value(), is.parameter("TZID")) == at
}

// Counted reports whether a rule of the master has a COUNT.
func Counted(master cal.Body) bool {
	o, c := readMaster(master)
	counted := false
	if o != nil {
		o.own(c, func(l *line) { counted = counted || l.name == "RRULE" && rulePart(l.Value(), "COUNT") != "" })
	}
	return counted
}

// sameClock reports whether two starts are of one kind and in one zone.
func sameClock(a, b *line) bool {
	m, ok := a.moment()
	n, fine := b.moment()
	if !ok || !fine || m.kind != n.kind {
		return false
	}
	here, known := Zone(a.parameter("TZID"))
	there, too := Zone(b.parameter("TZID"))
	return m.kind != 'z' || known && too && here == there // an unknown zone may have other rules there
}

type cutter struct {
	o      *outline
	c      int32
	clock  *calendarClock
	start  *line // the master's DTSTART
	at     string
	before int
}

func (k *cutter) first() string { return k.clock.instance(k.start.Value(), k.start.parameter("TZID")) }

// check refuses what has no cut.
func (k *cutter) check() error {
	rules, counted := 0, false
	k.o.own(k.c, func(l *line) {
		if l.name == "RRULE" {
			rules++
			counted = counted || rulePart(l.Value(), "COUNT") != ""
		}
	})
	switch _, ok := k.clock.wall(k.at); {
	case k.start == nil:
		return errors.New("the series has no DTSTART")
	case strings.Contains(k.first(), "["):
		return unknownZone(k.start)
	case !ok, len(k.first()) != len(k.at):
		return fmt.Errorf("%q is no instance of a series that starts at %s; give one in the form of its start", k.at, k.first())
	case rules == 0 && k.o.find(k.c, "RDATE") == nil:
		return errors.New("the event does not recur, so nothing follows")
	case k.o.find(k.c, "EXRULE") != nil, counted && rules > 1:
		return errors.New("a series with EXRULE, or with COUNT and more than one RRULE, cannot be cut in two")
	case counted && k.rest() < 1:
		return fmt.Errorf("%s lies behind the last instance of the series", k.at)
	}
	return nil
}

func unknownZone(start *line) error {
	return fmt.Errorf("nobody knows the time zone %q; write an IANA name such as Europe/Berlin", start.parameter("TZID"))
}

// rest is what the cut leaves of COUNT.
func (k *cutter) rest() int {
	n, _ := strconv.Atoi(rulePart(k.o.value(k.c, "RRULE"), "COUNT"))
	return n - k.before
}

// old is the master up to the cut.
func (k *cutter) old() cal.Body {
	p := newPatch(k.o)
	earlier := func(key string) bool { return key < k.at }
	p.keepDates(k.c, "EXDATE", earlier)
	p.keepDates(k.c, "RDATE", earlier)
	k.o.own(k.c, func(l *line) {
		if l.name != "RRULE" {
			return
		}
		until := k.justBefore()
		if was := rulePart(l.Value(), "UNTIL"); was != "" && was < until {
			until = was
		}
		p.replaceLine(l.index, fold(l.text[:l.value]+withPart(withPart(l.Value(), "COUNT", ""), "UNTIL", until), p.end))
	})
	return p.body()
}

// justBefore is the UNTIL of a rule that ends before the cut, in the value type of DTSTART; beside a time in a zone it is in UTC (RFC 5545
// §3.3.10).
func (k *cutter) justBefore() string {
	form, step := formOf(k.at)
	t, _ := time.Parse(form, k.at)
	return t.Add(-step).Format(form)
}

// formOf is the form of an instance, and how far two of them are apart at least.
func formOf(key string) (form string, step time.Duration) {
	switch {
	case len(key) == len(dateForm):
		return dateForm, 24 * time.Hour
	case strings.HasSuffix(key, "Z"):
		return instantForm, time.Second
	}
	return wallForm, time.Second
}

// withPart is a rule with one part set, in its place or at the end; an empty value takes it out.
func withPart(rule, name, value string) string {
	var parts []string
	for part := range strings.SplitSeq(strings.TrimSpace(rule), ";") {
		is, _, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case !strings.EqualFold(is, name):
			parts = append(parts, part)
		case value != "":
			parts = append(parts, name+"="+value)
			value = ""
		}
	}
	if value != "" {
		parts = append(parts, name+"="+value)
	}
	return strings.Join(parts, ";")
}

// next is the series from the cut on.
func (k *cutter) next(future cal.Body, uid string) (cal.Body, error) {
	src, c := k.o, k.c
	if future != "" {
		var err error
		if src, err = readOutline(future); err != nil {
			return "", err
		}
		c = src.main()
	}
	p := newPatch(src)
	start, err := k.startIn(p, c, future != "")
	if err != nil {
		return "", err
	}
	rules, err := k.recurrence(start, p.end)
	if err != nil {
		return "", err
	}
	src.own(c, func(l *line) {
		switch l.name {
		case "RECURRENCE-ID", "RRULE", "RDATE", "EXDATE", "EXRULE", "SEQUENCE":
			p.replaceLine(l.index, "")
		}
	})
	p.set(c, "UID", escape(uid))
	p.insert(src.propertyPlace(c), rules)
	return k.withZones(p.body()), nil
}

// withZones brings along the rules of the zones that the new text names and the old one has.
func (k *cutter) withZones(body cal.Body) cal.Body {
	o, err := readOutline(body)
	if err != nil {
		return body
	}
	p := newPatch(o)
	for _, tzid := range sortedKeys(o.zonesUsed()) {
		if c := k.o.zone(tzid); c >= 0 && o.zone(tzid) < 0 {
			first, _ := o.extent(o.objects()[0])
			p.insert(first, p.excerptComponent(k.o, c))
		}
	}
	return p.body()
}

// startIn gives component c the start of the new series, and tells it. A user's own start stays, unless it is in UTC while the series is
// in a zone: there it would wander when clocks change.
func (k *cutter) startIn(p *patch, c int32, given bool) (*line, error) {
	start := p.to.find(c, "DTSTART")
	if start == nil {
		return nil, errors.New("what is to be from there on has no DTSTART")
	}
	m, ok := start.moment()
	switch {
	case !ok:
		return nil, errors.New("the DTSTART of what is to be from there on is no date")
	case !given:
		if err := k.moveEnds(p, c); err != nil {
			return nil, err
		}
		return p.restart(start, k.clock.written(k.start, k.at)), nil
	case m.kind == 'u' && k.clock.home != nil:
		return p.restart(start, k.clock.written(k.start, strings.ToUpper(strings.TrimSpace(start.Value())))), nil
	}
	return start, nil
}

// restart puts another DTSTART in the place of one.
func (p *patch) restart(start *line, rest string) *line {
	l := reparse("DTSTART" + rest)
	l.name = "DTSTART"
	p.replaceLine(start.index, fold(l.text, p.end))
	return &l
}

// moveEnds moves the master's DTEND or DUE to the cut: what lasts, lasts as long everywhere (RFC 5545 §3.8.5.3).
func (k *cutter) moveEnds(p *patch, c int32) error {
	for _, property := range [...]string{"DTEND", "DUE"} {
		l := p.to.find(c, property)
		if l == nil {
			continue
		}
		end := k.clock.instance(l.Value(), l.parameter("TZID"))
		form, _ := formOf(end)
		to, err := time.Parse(form, end)
		form, _ = formOf(k.at)
		from, err2 := time.Parse(form, k.first())
		at, err3 := time.Parse(form, k.at)
		if err := errors.Join(err, err2, err3); err != nil {
			return fmt.Errorf("move the %s of the series: %w", property, err)
		}
		form, _ = formOf(end)
		p.replaceLine(l.index, fold(property+k.clock.written(l, at.Add(to.Sub(from)).Format(form)), p.end))
	}
	return nil
}

// recurrence is what makes the new series recur, as lines.
func (k *cutter) recurrence(start *line, end string) (lines string, err error) {
	s, err := k.shift(start)
	if err != nil {
		return "", err
	}
	k.o.own(k.c, func(l *line) {
		var text string
		var why error
		switch l.name {
		case "RRULE":
			text, why = k.rule(l, s, end)
		case "EXDATE", "RDATE":
			text, why = k.dates(l, s, end)
		}
		lines, err = lines+text, errors.Join(err, why)
	})
	return lines, err
}

// rule is the rule from the cut on: with what is left of COUNT, or to the same end. One that ended before makes nothing more.
func (k *cutter) rule(l *line, s *shift, end string) (string, error) {
	rule := l.Value()
	if until := rulePart(rule, "UNTIL"); until != "" {
		last, err := k.last(until)
		if err != nil || last < k.at {
			return "", err
		}
		rule = withPart(rule, "UNTIL", s.until(until, last))
	}
	if rulePart(rule, "COUNT") != "" {
		rule = withPart(rule, "COUNT", strconv.Itoa(k.rest()))
	}
	rule, err := s.rule(rule)
	return fold(l.text[:l.value]+rule, end), err
}

// last is UNTIL as an instance's key. A day beside a start that has a time is meant to its end.
func (k *cutter) last(until string) (string, error) {
	if len(until) == len(dateForm) && len(k.at) > len(dateForm) {
		until += "T235959"
	}
	if len(until) > len(dateForm) && len(k.at) == len(dateForm) {
		until = until[:len(dateForm)]
	}
	key := k.clock.instance(until, "")
	if _, ok := k.clock.wall(key); !ok {
		return "", fmt.Errorf("the UNTIL of the series, %q, is no date", until)
	}
	return key, nil
}

// dates is a list from the cut on. The instance at the cut is there in any case: it is the start.
func (k *cutter) dates(l *line, s *shift, end string) (string, error) {
	later := func(key string) bool { return key > k.at }
	if !s.moved {
		text, _ := k.clock.kept(l, later, end)
		return text, nil
	}
	var b strings.Builder
	for _, key := range slices.DeleteFunc(k.clock.members(l), func(key string) bool { return !later(key) }) {
		if strings.Contains(l.Value(), "/") {
			return "", errors.New("the periods of RDATE cannot be moved; write them as dates")
		}
		rest, err := s.written(key)
		if err != nil {
			return "", err
		}
		b.WriteString(fold(l.name+rest, end))
	}
	return b.String(), nil
}

// wall is the time on the wall of the series' zone that an instance's key names, as if it were UTC.
func (c *calendarClock) wall(key string) (t time.Time, ok bool) {
	form, _ := formOf(key)
	t, err := time.Parse(form, key)
	if err == nil && form == instantForm && c.home != nil {
		t, err = time.Parse(wallForm, t.In(c.home).Format(wallForm))
	}
	return t, err == nil
}
