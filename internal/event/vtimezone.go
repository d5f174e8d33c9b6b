package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// zoneYears is how far a VTIMEZONE looks ahead. What is a rule for so long stays one: each date of a yearly rule falls on each weekday
// within 28 years, so no rule looks like another.
const zoneYears = 28

// settled is a year that no zone has announced other rules for, but Morocco and Palestine their Ramadans.
const settled = 2045

// lasting is how many years a rule must hold to have no end. Cairo's, the day after the last Thursday of October, falls into November
// every few years, which no rule can say.
const lasting = 12

// observance is one change of a zone's clocks (RFC 5545 §3.6.5).
type observance struct {
	at time.Time // the wall time it begins, in the offset before, as if it were UTC
	kind
}

// kind is what the clocks do.
type kind struct {
	from, to int // seconds east of UTC
	name     string
	summer   bool
}

// season is what the clocks do, and when in the year, but for the day of the month.
type season struct {
	kind
	month   time.Month
	weekday time.Weekday
	second  int // of the day
}

func (o observance) ofKind() kind { return o.kind }

func (o observance) season() season {
	hour, minute, second := o.at.Clock()
	return season{o.kind, o.at.Month(), o.at.Weekday(), hour*3600 + minute*60 + second}
}

// vtimezone says what the clocks of a zone show from the year of an instant on.
func vtimezone(tzid string, loc *time.Location, since time.Time) string {
	var b strings.Builder
	var single []observance // that follow no rule
	b.WriteString("BEGIN:VTIMEZONE\r\nTZID:" + tzid + "\r\n")
	first := time.Date(since.UTC().Year(), 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, -1)
	last := time.Date(max(first.Year()+zoneYears, settled), 12, 31, 0, 0, 0, 0, time.UTC)
	all := changes(loc, first, last)
	for _, set := range grouped(all, observance.season) {
		for len(set) > 0 {
			n, rule := yearly(set, last.Year())
			if rule == "" {
				single = append(single, set[0])
			} else {
				writeObservance(&b, set[:1], rule)
			}
			set = set[n:]
		}
	}
	slices.SortFunc(single, func(a, b observance) int { return a.at.Compare(b.at) })
	for _, set := range grouped(single, observance.ofKind) {
		writeObservance(&b, set, "")
	}
	b.WriteString("END:VTIMEZONE\r\n")
	return b.String()
}

// changes are what the clocks do between two instants, and what they showed at the first.
func changes(loc *time.Location, first, last time.Time) (all []observance) {
	t := first.In(loc)
	name, offset := t.Zone()
	begin, _ := t.ZoneBounds()
	from := offset
	if begin.IsZero() || begin.Year() < 1970 {
		begin = time.Unix(int64(-offset), 0) // 1970-01-01T00:00:00 by its clock: some programs read no earlier times
	} else {
		_, from = begin.Add(-time.Second).Zone()
	}
	if first.Year() < 1970 && begin.After(first) {
		begin = first
	}
	all = append(all, observanceAt(begin, from, offset, name, t.IsDST()))
	for t = nextBound(t); t.Before(last); t = nextBound(t) {
		if nextName, next := t.Zone(); nextName != name || next != offset {
			all = append(all, observanceAt(t, offset, next, nextName, t.IsDST()))
			name, offset = nextName, next
		}
	}
	return all
}

// nextBound is where the clocks may change next. Beyond the last year that a zone is written out for, package time also names where
// years begin, and at the end of some a bound that lies behind: a day further it finds its way.
func nextBound(t time.Time) time.Time {
	_, end := t.ZoneBounds()
	switch {
	case end.IsZero():
		return t.AddDate(10*zoneYears, 0, 0)
	case !end.After(t):
		return t.AddDate(0, 0, 1)
	}
	return end.In(t.Location())
}

func observanceAt(t time.Time, from, to int, name string, summer bool) observance {
	at := t.UTC().Add(time.Duration(from) * time.Second)
	return observance{at, kind{from, to, name, summer}}
}

// grouped puts changes of one key together, in the order of their first.
func grouped[K comparable](all []observance, key func(observance) K) (sets [][]observance) {
	places := map[K]int{}
	for _, o := range all {
		i, there := places[key(o)]
		if !there {
			i, sets = len(sets), append(sets, nil)
			places[key(o)] = i
		}
		sets[i] = append(sets[i], o)
	}
	return sets
}

// yearly finds how many of the changes, from the first on, one rule makes; a rule that still holds in the last year has no end.
func yearly(set []observance, last int) (n int, rule string) {
	low, high := set[0].at.Day(), set[0].at.Day()
	n = 1
	for n < len(set) && set[n].at.Year() == set[n-1].at.Year()+1 {
		day := set[n].at.Day()
		if max(high, day)-min(low, day) > 6 {
			break
		}
		low, high, n = min(low, day), max(high, day), n+1
	}
	if n < 3 {
		return 1, ""
	}
	at := set[0].at
	rule = fmt.Sprintf("FREQ=YEARLY;BYMONTH=%d;%s", at.Month(), weekdayRule(at, low, high))
	if end := set[n-1]; end.at.Year() < last || n < lasting {
		rule += ";UNTIL=" + end.at.Add(-time.Duration(end.from)*time.Second).Format(utcForm)
	}
	return n, rule
}

// weekdayRule names the weekday of a month that falls between two days of it.
func weekdayRule(at time.Time, low, high int) string {
	day := strings.ToUpper(at.Weekday().String()[:2])
	length := time.Date(2023, at.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day()
	switch {
	case low > length-7:
		return "BYDAY=-1" + day
	case (low-1)/7 == (high-1)/7:
		return "BYDAY=" + strconv.Itoa((low-1)/7+1) + day
	}
	days := make([]string, 0, 7)
	for d := low; d < low+7 && d <= length; d++ {
		days = append(days, strconv.Itoa(d))
	}
	return "BYDAY=" + day + ";BYMONTHDAY=" + strings.Join(days, ",")
}

func writeObservance(b *strings.Builder, set []observance, rule string) {
	o, name := set[0], "STANDARD"
	if o.summer {
		name = "DAYLIGHT"
	}
	fmt.Fprintf(b, "BEGIN:%s\r\nTZNAME:%s\r\nTZOFFSETFROM:%s\r\nTZOFFSETTO:%s\r\nDTSTART:%s\r\n", name, o.name, utcOffset(o.from), utcOffset(o.to), o.at.Format(wallForm))
	if rule != "" {
		b.WriteString("RRULE:" + rule + "\r\n")
	}
	for _, again := range set[1:] {
		b.WriteString("RDATE:" + again.at.Format(wallForm) + "\r\n")
	}
	b.WriteString("END:" + name + "\r\n")
}

// utcOffset is an offset as RFC 5545 §3.3.14 writes it.
func utcOffset(seconds int) string {
	sign := '+'
	if seconds < 0 {
		sign, seconds = '-', -seconds
	}
	text := fmt.Sprintf("%c%02d%02d", sign, seconds/3600, seconds/60%60)
	if rest := seconds % 60; rest != 0 {
		text += fmt.Sprintf("%02d", rest)
	}
	return text
}
