package event

import (
	"strconv"
	"strings"
	"time"

	"calbridge/internal/ical"
)

// alike is the zone that a VTIMEZONE stands for whose name nobody knows: the one it says (libical), the fixed offset that is all there
// is in it, or one whose clocks show the same all through the year of the event.
func (c clocks) alike(rules ical.Component, year int) (string, *time.Location) {
	for _, l := range rules.Lines {
		if l.Name == "X-LIC-LOCATION" {
			if zone, loc := c.find(ical.Text(l.Value)); loc != nil {
				return zone, loc
			}
		}
	}
	shown, ok := readShown(rules)
	if !ok {
		return "", nil
	}
	if len(shown) == 1 {
		return c.find(fixedZone(shown[0].to))
	}
	for _, zone := range candidates {
		if loc := c.load(zone); loc != nil && shows(shown, loc, year) {
			return zone, loc
		}
	}
	return "", nil
}

// fixedZone is the zone whose clocks never change. The names have their signs the other way round than everybody else; parts of hours
// have none.
func fixedZone(offset int) string {
	switch {
	case offset == 0:
		return utc
	case offset%3600 != 0:
		return ""
	}
	sign := "-"
	if offset < 0 {
		sign, offset = "+", -offset
	}
	return "Etc/GMT" + sign + strconv.Itoa(offset/3600)
}

// candidates are zones by which many people live, no two alike; of several with the same clocks the best known.
var candidates = []string{
	"America/New_York", "America/Chicago", "America/Denver", "America/Los_Angeles", "America/Anchorage", "America/Halifax", "America/St_Johns",
	"America/Havana", "America/Santiago", "America/Asuncion", "America/Sao_Paulo", "America/Mexico_City", "America/Nuuk", "Atlantic/Azores",
	"Europe/London", "Europe/Berlin", "Europe/Athens", "Europe/Chisinau", "Europe/Istanbul", "Europe/Moscow", "Asia/Jerusalem", "Asia/Beirut",
	"Africa/Cairo", "Asia/Tehran", "Australia/Sydney", "Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham",
}

// switching is one observance as far as it can be told here: once, or every year on some weekday of a month.
type switching struct {
	from, to int // seconds east of UTC
	first    time.Time
	month    time.Month // zero: once
	weekday  time.Weekday
	week     int // the first of a month is 1, the last -1
}

// readShown reads observances; ok is false where one follows a rule of another kind.
func readShown(rules ical.Component) (all []switching, ok bool) {
	for _, o := range rules.Children {
		s, ok := readSwitching(o)
		if !ok {
			return nil, false
		}
		all = append(all, s)
	}
	return all, len(all) > 0
}

func readSwitching(o ical.Component) (s switching, ok bool) {
	ok = true
	for _, l := range o.Lines {
		value, good := strings.TrimSpace(l.Value), true
		switch l.Name {
		case "TZOFFSETFROM":
			s.from, good = secondsEast(value)
		case "TZOFFSETTO":
			s.to, good = secondsEast(value)
		case "DTSTART":
			var err error
			s.first, err = time.Parse(wallForm, value)
			good = err == nil
		case "RRULE":
			good = s.yearly(value)
		case "RDATE":
			good = false
		}
		ok = ok && good
	}
	return s, ok && !s.first.IsZero()
}

func secondsEast(offset string) (int, bool) {
	t, err := time.Parse("-0700", offset)
	_, seconds := t.Zone()
	return seconds, err == nil
}

// yearly reads FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU.
func (s *switching) yearly(rule string) bool {
	parts := map[string]string{}
	for part := range strings.SplitSeq(strings.ToUpper(rule), ";") {
		name, value, _ := strings.Cut(part, "=")
		if name != "WKST" && !(name == "INTERVAL" && value == "1") {
			parts[name] = value
		}
	}
	month, err := strconv.Atoi(parts["BYMONTH"])
	day := parts["BYDAY"]
	if err != nil || month < 1 || month > 12 || len(parts) != 3 || parts["FREQ"] != "YEARLY" || len(day) < 3 {
		return false
	}
	s.month = time.Month(month)
	if s.week, err = strconv.Atoi(day[:len(day)-2]); err != nil {
		return false
	}
	i := strings.Index("SUMOTUWETHFRSA", day[len(day)-2:])
	s.weekday = time.Weekday(i / 2)
	return i >= 0 && i%2 == 0
}

// in is when the clocks change in a year; ok is false when they do not.
func (s switching) in(year int) (at time.Time, ok bool) {
	back := -time.Duration(s.from) * time.Second
	switch {
	case s.month == 0:
		return s.first.Add(back), s.first.Year() == year
	case s.first.Year() > year:
		return at, false
	}
	clock := s.first.Sub(s.first.Truncate(24 * time.Hour))
	day := time.Date(year, s.month, 1, 0, 0, 0, 0, time.UTC)
	if s.week < 0 {
		day = day.AddDate(0, 1, -7)
	}
	day = day.AddDate(0, 0, (int(s.weekday-day.Weekday())+7)%7)
	if s.week < 0 {
		return day.AddDate(0, 0, 7*(s.week+1)).Add(clock + back), true
	}
	return day.AddDate(0, 0, 7*(s.week-1)).Add(clock + back), true
}

// shows reports whether a zone's clocks agree with the observances from one New Year to the next, before and after each change.
func shows(all []switching, loc *time.Location, year int) bool {
	times := []time.Time{time.Date(year, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(year, 12, 31, 0, 0, 0, 0, time.UTC)}
	for month := range time.Month(12) {
		times = append(times, time.Date(year, month+1, 15, 0, 0, 0, 0, time.UTC))
	}
	for _, s := range all {
		if at, ok := s.in(year); ok {
			times = append(times, at, at.Add(-time.Second))
		}
	}
	for _, t := range times {
		_, want := t.In(loc).Zone()
		if got, ok := shownAt(all, t); !ok || got != want {
			return false
		}
	}
	return true
}

// shownAt is the offset by the latest change before t.
func shownAt(all []switching, t time.Time) (offset int, ok bool) {
	var latest time.Time
	for _, s := range all {
		for year := t.Year() - 1; year <= t.Year()+1; year++ {
			at, there := s.in(year)
			if s.month == 0 {
				at, there = s.first.Add(-time.Duration(s.from)*time.Second), true
			}
			if there && !at.After(t) && (!ok || at.After(latest)) {
				latest, offset, ok = at, s.to, true
			}
		}
	}
	return offset, ok
}
