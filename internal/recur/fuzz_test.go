package recur

import (
	"errors"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// FuzzBefore: whatever the rule, counting ends, and the count is that of the definition where that is short to write.
func FuzzBefore(f *testing.F) {
	for _, rule := range []string{"FREQ=DAILY;COUNT=9", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU", "FREQ=MONTHLY;BYDAY=3SA,TU", "FREQ=YEARLY;BYWEEKNO=2,4",
		"FREQ=MONTHLY;BYMONTHDAY=5,-1;UNTIL=20270101", "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "FREQ=DAILY;BYMONTH=3;BYDAY=FR;INTERVAL=3"} {
		f.Add(";VALUE=DATE:20260105", rule, "20260202")
		f.Add(":20260105T090000Z", rule, "20260202T090000Z")
		f.Add(";TZID=Europe/Berlin:20260105T090000", rule, "20260202T080000Z")
	}
	f.Fuzz(func(t *testing.T, start, rule, at string) {
		dog := time.AfterFunc(time.Minute, func() { panic("the work on one input is not bounded") })
		defer dog.Stop()
		n, err := Before(master(start, rule), at)
		if n < 0 || n > most || err != nil && n != 0 {
			t.Fatalf("%d, %v", n, err)
		}
		if err != nil && !errors.Is(err, ErrNoInstance) {
			return
		}
		if want, known := byDefinition(start, rule, at); known && (want < 0) != (err != nil) || known && err == nil && want != n {
			t.Fatalf("DTSTART%s RRULE:%s before %s: %d, %v; want %d", start, rule, at, n, err, want)
		}
	})
}

// plain is a rule of days, as a table of what its parts say.
type plain struct {
	freq            string
	interval, count int
	until           time.Time
	days            []ordinal
	month           [13]bool
	monthday        map[int]bool
	wkst            time.Weekday
	byDay, byMonth  bool
	byMonthDay      bool
}

// ordinal is the nth such day of the month or the year, counted from its end where n is negative; 0: every one.
type ordinal struct {
	n   int
	day time.Weekday
}

// byDefinition counts day by day (RFC 5545 §3.3.10), for all-day series within a few years and parts that need no table of their own. -1:
// there is no such instance.
func byDefinition(start, rule, at string) (n int, known bool) {
	value, isDate := strings.CutPrefix(start, ";VALUE=DATE:")
	first, err := time.Parse(dateForm, value)
	day, err2 := time.Parse(dateForm, at)
	p, ok := readPlain(rule)
	if !isDate || err != nil || err2 != nil || !ok || first.Year() < 1900 || day.Sub(first) > 9*365*24*time.Hour {
		return 0, false
	}
	for d := first; !d.After(day); d = d.AddDate(0, 0, 1) {
		makes := d.Equal(first) || p.makes(first, d)
		switch {
		case makes && (p.count > 0 && n >= p.count || !p.until.IsZero() && d.After(p.until)):
			return -1, true
		case d.Equal(day) && makes:
			return n, true
		case makes:
			n++
		}
	}
	return -1, true
}

var weekdays = []string{"SU", "MO", "TU", "WE", "TH", "FR", "SA"}

func readPlain(rule string) (p plain, ok bool) {
	p = plain{interval: 1, monthday: map[int]bool{}, wkst: time.Monday}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(rule, ";") {
		name, list, _ := strings.Cut(part, "=")
		if seen[name] || name != "FREQ" && p.freq == "" || !p.part(name, strings.Split(list, ",")) {
			return p, false
		}
		seen[name] = true
	}
	return p, p.freq != "" && !(seen["COUNT"] && seen["UNTIL"])
}

func (p *plain) part(name string, list []string) bool {
	number, err := strconv.Atoi(list[0])
	switch name {
	case "FREQ":
		p.freq = list[0]
		return slices.Contains([]string{"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}, p.freq)
	case "INTERVAL":
		p.interval = number
		return err == nil && len(list) == 1 && 0 < number && number < 1000
	case "COUNT":
		p.count = number
		return err == nil && len(list) == 1 && number > 0
	case "UNTIL":
		p.until, err = time.Parse(dateForm, list[0])
		return err == nil && len(list) == 1
	case "WKST":
		p.wkst = time.Weekday(slices.Index(weekdays, list[0]))
		return p.wkst >= 0 && len(list) == 1
	}
	for _, item := range list {
		if !p.item(name, item) {
			return false
		}
	}
	return true
}

func (p *plain) item(name, item string) bool {
	number, err := strconv.Atoi(item)
	switch name {
	case "BYDAY":
		i := slices.Index(weekdays, item[max(len(item)-2, 0):])
		n, bad := strconv.Atoi(item[:max(len(item)-2, 0)])
		if len(item) == 2 {
			n, bad = 0, nil
		} else if n == 0 || n < -53 || n > 53 || p.freq != "MONTHLY" && p.freq != "YEARLY" {
			return false
		}
		p.byDay, p.days = true, append(p.days, ordinal{n, time.Weekday(i)})
		return i >= 0 && bad == nil
	case "BYMONTH":
		if err != nil || number < 1 || number > 12 {
			return false
		}
		p.byMonth, p.month[number] = true, true
		return true
	case "BYMONTHDAY":
		p.byMonthDay, p.monthday[number] = true, true
		return err == nil && number != 0 && -31 <= number && number <= 31 && p.freq != "WEEKLY"
	}
	return false
}

// makes reports whether the rule makes the day.
func (p plain) makes(first, d time.Time) bool {
	switch {
	case p.byMonth && !p.month[d.Month()], p.byDay && !p.hasDay(d), p.byMonthDay && !p.monthday[d.Day()] && !p.monthday[d.Day()-1-lastDay(d)]:
		return false
	}
	days := int(d.Sub(first).Hours() / 24)
	switch p.freq {
	case "DAILY":
		return days%p.interval == 0
	case "WEEKLY":
		weeks := (days + int(first.Weekday()-p.wkst+7)%7) / 7
		return weeks%p.interval == 0 && (p.byDay || d.Weekday() == first.Weekday())
	case "MONTHLY":
		months := 12*(d.Year()-first.Year()) + int(d.Month()-first.Month())
		return months%p.interval == 0 && (p.byDay || p.byMonthDay || d.Day() == first.Day())
	}
	return (d.Year()-first.Year())%p.interval == 0 && p.dayOfYear(first, d)
}

// hasDay: an ordinal counts within the month where the rule names months, by its frequency or by BYMONTH.
func (p plain) hasDay(d time.Time) bool {
	at, all := d.Day(), lastDay(d)
	if p.freq == "YEARLY" && !p.byMonth {
		at, all = d.YearDay(), time.Date(d.Year(), time.December, 31, 0, 0, 0, 0, time.UTC).YearDay()
	}
	return slices.ContainsFunc(p.days, func(o ordinal) bool {
		return o.day == d.Weekday() && (o.n == 0 || o.n == (at+6)/7 || o.n == -(all-at+7)/7)
	})
}

// dayOfYear: what a yearly rule does not say, the start does.
func (p plain) dayOfYear(first, d time.Time) bool {
	sameDay := p.byDay || p.byMonthDay || d.Day() == first.Day()
	sameMonth := p.byMonth || p.byDay || p.byMonthDay || d.Month() == first.Month()
	return sameDay && sameMonth
}

func lastDay(d time.Time) int { return time.Date(d.Year(), d.Month()+1, 0, 0, 0, 0, 0, time.UTC).Day() }
