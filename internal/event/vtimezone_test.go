package event

import (
	"strings"
	"testing"
	"time"

	"github.com/teambition/rrule-go"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// onset is a time that the clocks change at, read out of a VTIMEZONE.
type onset struct {
	at     time.Time
	offset int
}

// unruly are zones that no yearly rule fits: Ramadan comes earlier each year, and Cairo's last Thursday of October may end in November.
var unruly = map[string]bool{"Africa/Casablanca": true, "Asia/Gaza": true, "Africa/Cairo": true}

// TestZonesShowWhatClocksShow compares our VTIMEZONEs, expanded by somebody else's code, with the time zone database.
func TestZonesShowWhatClocksShow(t *testing.T) {
	for _, zone := range []string{
		"Europe/Berlin", "Europe/London", "Europe/Dublin", "Europe/Lisbon", "Europe/Istanbul", "Europe/Moscow", "Europe/Chisinau",
		"America/New_York", "America/Chicago", "America/Los_Angeles", "America/Sao_Paulo", "America/Santiago", "America/Havana",
		"America/Nuuk", "America/St_Johns", "America/Caracas", "America/Mexico_City", "America/Asuncion",
		"Asia/Kolkata", "Asia/Kathmandu", "Asia/Jerusalem", "Asia/Tehran", "Asia/Beirut", "Asia/Gaza", "Asia/Pyongyang",
		"Australia/Sydney", "Australia/Lord_Howe", "Pacific/Auckland", "Pacific/Chatham", "Pacific/Apia", "Pacific/Norfolk",
		"Africa/Casablanca", "Africa/Cairo", "Africa/Juba", "Antarctica/Troll", "Etc/GMT+5",
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		for _, year := range []int{1955, 1972, 1989, 2004, 2026, 2044} {
			since := time.Date(year, 6, 15, 12, 0, 0, 0, time.UTC)
			compareZone(t, zone, loc, since)
		}
	}
}

func compareZone(t *testing.T, zone string, loc *time.Location, since time.Time) {
	t.Helper()
	text := vtimezone(zone, loc, since)
	onsets := readZone(t, text)
	for at := since; at.Year() < max(since.Year()+zoneYears-1, settled+20) && !(unruly[zone] && at.Year() > settled); at = at.Add(13*24*time.Hour + 7*time.Hour) {
		want, got, latest := 0, 0, time.Time{}
		_, want = at.In(loc).Zone()
		for _, o := range onsets {
			if !o.at.After(at) && !o.at.Before(latest) {
				got, latest = o.offset, o.at
			}
		}
		if got != want || latest.IsZero() {
			t.Errorf("%s since %d: at %s the offset is %d, want %d\n%s", zone, since.Year(), at, got, want, text)
			return
		}
	}
}

func readZone(t *testing.T, text string) (all []onset) {
	t.Helper()
	tree, err := ical.Tree(cal.Body("BEGIN:VCALENDAR\r\n" + text + "BEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range tree.Children[0].Children {
		all = append(all, readOnsets(t, o)...)
	}
	return all
}

func readOnsets(t *testing.T, o ical.Component) (all []onset) {
	t.Helper()
	var from, to int
	var walls []time.Time
	var rule string
	for _, l := range o.Lines {
		switch l.Name {
		case "TZOFFSETFROM":
			from = readOffset(t, l.Value)
		case "TZOFFSETTO":
			to = readOffset(t, l.Value)
		case "DTSTART", "RDATE":
			at, err := time.Parse(wallForm, l.Value)
			if err != nil {
				t.Fatal(err)
			}
			walls = append(walls, at)
		case "RRULE":
			rule = l.Value
		}
	}
	until := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	if rule != "" {
		head, end, bounded := strings.Cut(rule, ";UNTIL=")
		if bounded {
			until, _ = time.Parse(utcForm, end)
		}
		option, err := rrule.StrToROption(head)
		if err != nil {
			t.Fatal(err)
		}
		option.Dtstart, option.Count = walls[0], 120
		r, err := rrule.NewRRule(*option)
		if err != nil {
			t.Fatal(err)
		}
		walls = r.All()
	}
	for _, wall := range walls {
		if at := wall.Add(-time.Duration(from) * time.Second); !at.After(until) {
			all = append(all, onset{at, to})
		}
	}
	return all
}

func readOffset(t *testing.T, value string) int {
	t.Helper()
	layout := "-0700"
	if len(value) == 7 {
		layout = "-070000"
	}
	at, err := time.Parse(layout, value)
	if err != nil {
		t.Fatal(err)
	}
	_, offset := at.Zone()
	return offset
}

func TestZonesNameTheirRules(t *testing.T) {
	for zone, want := range map[string][]string{
		"Europe/Berlin":    {"RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\r\n", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\r\n"},
		"America/New_York": {"RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU\r\n", "RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU\r\n"},
		"Asia/Jerusalem":   {"RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=FR;BYMONTHDAY=23,24,25,26,27,28,29\r\n"},
		"Africa/Cairo":     {"BYMONTH=10;BYDAY=-1FR;UNTIL=20"},
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		text := vtimezone(zone, loc, time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC))
		for _, w := range want {
			if !strings.Contains(text, w) {
				t.Errorf("%s lacks %q\n%s", zone, w, text)
			}
		}
	}
}

// TestNoRuleWithoutEndThatDoesNotHold: of some years the last few changes look like a rule.
func TestNoRuleWithoutEndThatDoesNotHold(t *testing.T) {
	loc, err := time.LoadLocation("Africa/Cairo")
	if err != nil {
		t.Fatal(err)
	}
	for year := 2000; year < 2060; year++ {
		text := vtimezone("Africa/Cairo", loc, time.Date(year, 1, 5, 0, 0, 0, 0, time.UTC))
		if strings.Contains(text, "BYMONTH=10;BYDAY=-1FR\r\n") {
			t.Errorf("%d\n%s", year, text)
		}
	}
}

func TestZonesAreNamedOnce(t *testing.T) {
	for name, want := range map[string]int{"zone-two": 2, "timed": 1, "zone-utc": 0, "all-day": 0} {
		if n := strings.Count(string(byName(t, name).body), "BEGIN:VTIMEZONE"); n != want {
			t.Errorf("%s: %d zones, want %d", name, n, want)
		}
	}
}

func BenchmarkICal(b *testing.B) {
	all := specimens(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		s := all[i%len(all)]
		if _, _, err := s.event.ICal(s.parent); err != nil {
			b.Fatal(err)
		}
	}
}
