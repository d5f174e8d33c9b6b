package event

import (
	"strings"
	"time"

	"calbridge/internal/ical"
)

// moment is a date or an instant, as both sides can say it.
type moment struct {
	isDate bool
	t      time.Time // of a date: its midnight in UTC
	zone   string    // IANA, as it was written; UTC for an instant that is in no other. Empty for a date
	loc    *time.Location
}

const (
	wallForm = "20060102T150405"
	dateForm = "20060102"
	utcForm  = wallForm + "Z"
	utc      = "UTC"
)

func dateOf(t time.Time) moment {
	return moment{isDate: true, t: time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC), loc: time.UTC}
}

func instantIn(t time.Time, zone string, loc *time.Location) moment {
	return moment{t: t.In(loc).Truncate(time.Second), zone: zone, loc: loc}
}

// key is what the moment is, however written.
func (m moment) key() string {
	if m.isDate {
		return m.t.Format(dateForm)
	}
	return m.t.UTC().Format(utcForm)
}

// same reports whether m and n are one moment in one zone; names that a zone had in the past do not count.
func (m moment) same(n moment) bool {
	return m.isDate == n.isDate && m.t.Equal(n.t) && currentName(m.zone) == currentName(n.zone)
}

func currentName(zone string) string {
	if iana, ok := ical.Zone(zone); ok {
		return iana
	}
	return zone
}

// value is the moment as a DATE or DATE-TIME value, and the TZID it needs.
func (m moment) value() (value, tzid string) {
	switch {
	case m.isDate:
		return m.t.Format(dateForm), ""
	case m.zone == utc:
		return m.t.UTC().Format(utcForm), ""
	}
	return m.t.Format(wallForm), m.zone
}

// property is the moment as a property. RFC 5545 §3.2.19: a TZID stands neither on dates nor on UTC.
func (m moment) property(name string) string {
	value, tzid := m.value()
	switch {
	case m.isDate:
		return name + ";VALUE=DATE:" + value
	case tzid != "":
		return name + ";TZID=" + tzid + ":" + value
	}
	return name + ":" + value
}

// exact is m in UTC where its wall time names another instant as well, the first one, as in the hour that clocks go back
// (RFC 5545 §3.3.5).
func (m moment) exact() moment {
	if m.isDate || m.zone == utc {
		return m
	}
	if first := onClock(m.t.Format(wallForm), m.loc); !first.Equal(m.t) {
		return instantIn(m.t, utc, time.UTC)
	}
	return m
}

// onClock is the instant at which clocks show the wall time: the first if there are two; if there is none, by the offset before the
// gap (RFC 5545 §3.3.5). The zero time: wall is no date-time.
func onClock(wall string, loc *time.Location) time.Time {
	naive, err := time.Parse(wallForm, wall)
	if err != nil {
		return time.Time{}
	}
	t := time.Date(naive.Year(), naive.Month(), naive.Day(), naive.Hour(), naive.Minute(), naive.Second(), 0, loc)
	_, offset := t.Add(-24 * time.Hour).Zone()
	before := naive.Add(-time.Duration(offset) * time.Second).In(loc)
	if before.Format(wallForm) == wall && before.Before(t) || t.Format(wallForm) != wall {
		return before
	}
	return t
}

// google is the moment as Google has it.
func (m moment) google() Time {
	if m.isDate {
		return Time{Date: m.t.Format(time.DateOnly)}
	}
	return Time{DateTime: m.t.Format(time.RFC3339), TimeZone: m.zone}
}

// clocks are the zones that were asked for.
type clocks = *Zones

// find is the zone with a name from anywhere, by a name that both Google and the machine know; nil: there is none.
func (c clocks) find(name string) (zone string, loc *time.Location) {
	iana, ok := ical.Zone(name)
	switch {
	case !ok:
		return "", nil
	case iana == utc:
		return utc, time.UTC
	case ical.IsIANA(strings.TrimSpace(name)):
		zone = strings.TrimSpace(name) // Google knows the older names too; so nothing changes by being read
	default:
		zone = iana
	}
	return zone, c.load(zone)
}

// moment reads a time of Google's; ok is false when there is none in it. Where t names no zone it is meant in the fallback, if there
// is one; a zone that nobody knows is told in unknown, and the moment is then in UTC.
func (c clocks) moment(t *Time, fallback string) (m moment, unknown string, ok bool) {
	switch {
	case t == nil:
		return m, "", false
	case t.Date != "":
		d, err := time.Parse(time.DateOnly, t.Date)
		return dateOf(d), "", err == nil
	}
	name := t.TimeZone
	if name == "" {
		name = fallback
	}
	zone, loc := c.find(name)
	if loc == nil {
		zone, loc, unknown = utc, time.UTC, name
	}
	at, err := time.Parse(time.RFC3339, t.DateTime)
	if err != nil {
		if at, err = time.ParseInLocation("2006-01-02T15:04:05", t.DateTime, loc); err != nil {
			return m, unknown, false
		}
	}
	return instantIn(at, zone, loc), unknown, 1 < at.Year() && at.Year() < 9999 // so that no zone moves it to a year of other than four digits
}
