package ical

import (
	"strings"

	"calbridge/internal/cal"
)

// Movement is how the instances of a series move when its start does: each by as much on the wall.
type Movement struct{ shift *shift }

// Moves compares two texts of a series' master; ok is false when the start is where it was, or cannot be read.
func Moves(was, is cal.Body) (m Movement, ok bool) {
	before, c := readMaster(was)
	after, d := readMaster(is)
	if before == nil || after == nil {
		return m, false
	}
	from, to := before.find(c, "DTSTART"), after.find(d, "DTSTART")
	if from == nil || to == nil {
		return m, false
	}
	clock := before.clock()
	k := cutter{o: before, c: c, clock: clock, start: from, at: clock.instance(from.Value(), from.parameter("TZID"))}
	s, err := k.shift(to)
	if err != nil || !s.moved {
		return m, false
	}
	return Movement{s}, true
}

// Instance is where an instance is now, as cal.Object.RecurrenceID has it.
func (m Movement) Instance(key string) (string, error) {
	t, err := m.shift.apply(key)
	switch {
	case m.shift.kind == 'd':
		return t.Format(dateForm), err
	case m.shift.kind == 'u':
		return t.Format(instantForm), err
	case m.shift.home != nil:
		return Resolve(t, m.shift.home).UTC().Format(instantForm), err
	}
	return t.Format(wallForm), err
}

// Exception is the text of an exception where its instance is now. One that took place at the time of its instance goes along; one that had
// been given a time of its own keeps that.
func (m Movement) Exception(body cal.Body, key string) (cal.Body, error) {
	o, err := readOutline(body)
	if err != nil {
		return "", err
	}
	at, err := m.shift.written(key)
	if err != nil {
		return "", err
	}
	p, c := newPatch(o), o.main()
	p.replaceLine(o.find(c, "RECURRENCE-ID").index, fold("RECURRENCE-ID"+at, p.end))
	start, end := o.find(c, "DTSTART"), o.find(c, "DTEND")
	if start == nil || m.shift.clock.instance(start.Value(), start.parameter("TZID")) != key || !m.along(end) {
		return p.body(), nil
	}
	p.replaceLine(start.index, fold("DTSTART"+at, p.end))
	if end != nil {
		p.replaceLine(end.index, fold(m.later(end), p.end))
	}
	return p.body(), nil
}

// along reports whether the end of an exception can be moved by as much as its start.
func (m Movement) along(end *line) bool {
	if end == nil {
		return true
	}
	is, ok := end.moment()
	return ok && is.kind == m.shift.kind && sameClock(end, m.shift.start)
}

// later is the line of a time, moved.
func (m Movement) later(l *line) string {
	is, _ := l.moment()
	key := m.shift.clock.instance(l.Value(), l.parameter("TZID"))
	if is.kind == 'd' {
		key = strings.ToUpper(is.wall)
	}
	at, err := m.shift.written(key)
	if err != nil {
		return l.name + ":" + l.Value()
	}
	return l.name + at
}
