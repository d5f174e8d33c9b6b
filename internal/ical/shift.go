package ical

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// shift moves the instances of a series on the wall: from where one was to where it is now, every other by as much.
type shift struct {
	moved bool
	clock *calendarClock // of the series as it was
	kind  byte           // of the new start
	start *line          // the new one
	home  *time.Location // of the new start; nil: it has none
	from  time.Time      // as if it were UTC
	to    time.Time
}

// shift compares the new start with the instance at the cut.
func (k *cutter) shift(start *line) (*shift, error) {
	m, _ := start.moment()
	s := &shift{clock: k.clock, kind: m.kind, start: start}
	if m.kind == 'z' {
		if s.home = k.clock.zone(start.parameter("TZID")); s.home == nil {
			return nil, unknownZone(start)
		}
	}
	form := wallForm
	if m.kind == 'd' {
		form = dateForm
	}
	var err error
	if s.to, err = time.Parse(form, strings.ToUpper(m.wall)); err != nil {
		return nil, fmt.Errorf("read the new DTSTART: %w", err)
	}
	s.from, _ = k.clock.wall(k.at)
	if m.kind == 'd' {
		s.from = day(s.from)
	}
	s.moved = !sameClock(k.start, start) || !s.from.Equal(s.to)
	return s, nil
}

func day(t time.Time) time.Time { return t.Truncate(24 * time.Hour) }

// days is by how many days the start has moved.
func (s *shift) days() int { return int(day(s.to).Sub(day(s.from)) / (24 * time.Hour)) }

// apply is where an instance is now, as if it were UTC.
func (s *shift) apply(key string) (time.Time, error) {
	t, ok := s.clock.wall(key)
	if !ok {
		return t, fmt.Errorf("%q is no instance that could be moved", key)
	}
	if s.kind == 'd' {
		t = day(t)
	}
	return t.Add(s.to.Sub(s.from)), nil
}

// written is where an instance is now, as parameters, colon and value like those of the new start.
func (s *shift) written(key string) (string, error) {
	t, err := s.apply(key)
	switch s.kind {
	case 'd':
		return ";VALUE=DATE:" + t.Format(dateForm), err
	case 'u':
		return ":" + t.Format(instantForm), err
	case 'z':
		return ";TZID=" + quoted(s.start.parameter("TZID")) + ":" + t.Format(wallForm), err
	}
	return ":" + t.Format(wallForm), err
}

// until is the end of a rule that ended at last, in the value type of the new start (RFC 5545 §3.3.10).
func (s *shift) until(was, last string) string {
	t, err := s.apply(last)
	switch {
	case !s.moved || err != nil:
		return was
	case s.kind == 'd':
		return t.Format(dateForm)
	case s.kind == 'f':
		return t.Format(wallForm)
	case s.home != nil:
		t = Resolve(t, s.home)
	}
	return t.UTC().Format(instantForm)
}

// rule is the rule of a series that moved: what it says of days and hours moves along, where that can be said.
func (s *shift) rule(rule string) (string, error) {
	if !s.moved {
		return rule, nil
	}
	fixed := func(names ...string) bool {
		return slices.ContainsFunc(names, func(name string) bool { return rulePart(rule, name) != "" })
	}
	if s.kind == 'd' || !s.to.Equal(s.from.AddDate(0, 0, s.days())) {
		if fixed("BYHOUR", "BYMINUTE", "BYSECOND") {
			return "", s.cannot(rule)
		}
	}
	switch freq := rulePart(rule, "FREQ"); {
	case s.days() == 0:
		return rule, nil
	case freq == "WEEKLY", freq == "DAILY":
		if fixed("BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO") {
			return "", s.cannot(rule)
		}
		return s.weekdays(rule), nil
	case fixed("BYDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"):
		return "", s.cannot(rule)
	}
	return s.calendarDays(rule)
}

func (s *shift) cannot(rule string) error {
	return fmt.Errorf("the rule %s cannot be moved from %s to %s and mean the same; make an event of its own of what follows",
		strings.TrimSpace(rule), s.from.Format("Mon 2006-01-02 15:04"), s.to.Format("Mon 2006-01-02 15:04"))
}

// weekdays moves BYDAY, and the day that weeks begin with, so that they hold the same days as before.
func (s *shift) weekdays(rule string) string {
	if list := rulePart(rule, "BYDAY"); list != "" {
		days := strings.Split(list, ",")
		for i := range days {
			days[i] = s.weekday(strings.TrimSpace(days[i]))
		}
		rule = withPart(rule, "BYDAY", strings.Join(days, ","))
	}
	weekStart := rulePart(rule, "WKST")
	if weekStart == "" {
		weekStart = "MO"
	}
	if rulePart(rule, "INTERVAL") != "" || rulePart(rule, "BYSETPOS") != "" {
		rule = withPart(rule, "WKST", s.weekday(weekStart))
	}
	return rule
}

func (s *shift) weekday(name string) string {
	i := slices.Index(weekdays, name)
	if i < 0 {
		return name
	}
	return weekdays[((i+s.days())%7+7)%7]
}

// calendarDays moves the one day, and the one month, that a monthly or yearly rule may name beside its start.
func (s *shift) calendarDays(rule string) (string, error) {
	for _, part := range [...]struct {
		name     string
		from, to int
	}{{"BYMONTHDAY", s.from.Day(), s.to.Day()}, {"BYMONTH", int(s.from.Month()), int(s.to.Month())}} {
		switch named := rulePart(rule, part.name); {
		case named == "", part.from == part.to:
		case named == strconv.Itoa(part.from):
			rule = withPart(rule, part.name, strconv.Itoa(part.to))
		default:
			return "", s.cannot(rule)
		}
	}
	return rule, nil
}
