package ical

import (
	"strings"
	"time"
)

// calendarClock tells which instance of a series a value names. Two programs write the same instance in different ways: in UTC, in
// the master's zone, in another one (DavMail, SOGo), or floating.
type calendarClock struct {
	home  *time.Location // of the master's DTSTART; nil: it is floating, a date, or in a zone nobody knows
	zones map[string]*time.Location
}

func (o *outline) clock() *calendarClock {
	c := &calendarClock{zones: map[string]*time.Location{}}
	if start := o.find(o.main(), "DTSTART"); start != nil {
		if m, ok := readMoment(strings.TrimSpace(start.Value()), start.parameter("TZID")); ok && m.kind == 'z' {
			c.home = c.zone(start.parameter("TZID"))
		}
	}
	return c
}

// zone is nil when the machine or the world does not know it.
func (c *calendarClock) zone(tzid string) *time.Location {
	if loc, asked := c.zones[tzid]; asked {
		return loc
	}
	var loc *time.Location
	if iana, ok := Zone(tzid); ok {
		loc, _ = time.LoadLocation(iana)
	}
	c.zones[tzid] = loc
	return loc
}

// instance is the key of the instance that a RECURRENCE-ID, EXDATE or RDATE value names: 20260105 for a date, 20260105T080000Z for an
// instant, 20260105T090000 for a floating time. A zone nobody knows stays behind the time. Of a period the start counts.
func (c *calendarClock) instance(value, tzid string) string {
	value, _, _ = strings.Cut(strings.TrimSpace(value), "/")
	m, ok := readMoment(value, tzid)
	if !ok {
		return value
	}
	wall := strings.ToUpper(m.wall)
	loc := c.home
	switch m.kind {
	case 'd':
		return wall
	case 'u':
		return wall + "Z"
	case 'z':
		if loc = c.zone(tzid); loc == nil {
			return wall + "[" + tzid + "]"
		}
	}
	if loc == nil {
		return wall
	}
	t, err := time.Parse(wallForm, wall)
	if err != nil {
		return wall
	}
	return Resolve(t, loc).UTC().Format(instantForm)
}

// How instances are written.
const (
	dateForm    = "20060102"
	wallForm    = "20060102T150405"
	instantForm = "20060102T150405Z"
)

// Resolve is the instant at which the clocks of a zone show a time; wall is that time as if it were UTC. Of one that they show twice it is
// the first, and one that they skip counts by the offset from before (RFC 5545 §3.3.5). Package time promises neither.
func Resolve(wall time.Time, zone *time.Location) time.Time {
	const aDay = 24 * time.Hour
	_, before := wall.Add(-aDay).In(zone).Zone()
	_, after := wall.Add(aDay).In(zone).Zone()
	first, second := wall.Add(-time.Duration(before)*time.Second), wall.Add(-time.Duration(after)*time.Second)
	_, atFirst := first.In(zone).Zone()
	_, atSecond := second.In(zone).Zone()
	if atFirst != before && atSecond == after {
		return second.In(zone)
	}
	return first.In(zone)
}
