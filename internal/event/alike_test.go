package event

import (
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// TestZonesAreKnownByTheirClocks: a VTIMEZONE under a name nobody knows.
func TestZonesAreKnownByTheirClocks(t *testing.T) {
	since := time.Date(2026, 1, 5, 0, 0, 0, 0, time.UTC)
	for zone, want := range map[string]string{
		"America/New_York": "America/New_York", "America/Toronto": "America/New_York", "Europe/Paris": "Europe/Berlin", "Europe/Lisbon": "Europe/London",
		"Australia/Melbourne": "Australia/Sydney", "Pacific/Auckland": "Pacific/Auckland", "Pacific/Chatham": "Pacific/Chatham",
		"Asia/Tokyo": "Etc/GMT-9", "America/Phoenix": "Etc/GMT+7", "UTC": "UTC", "Asia/Kolkata": "", "Africa/Casablanca": "",
	} {
		loc, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := NewZones().alike(component(t, vtimezone("Custom", loc, since)), 2026); got != want {
			t.Errorf("%s: %q, want %q", zone, got, want)
		}
	}
}

func component(t *testing.T, text string) ical.Component {
	t.Helper()
	tree, err := ical.Tree(cal.Body("BEGIN:VCALENDAR\r\n" + text + "BEGIN:VEVENT\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return tree.Children[0]
}

// TestOldRulesAreOfOldYears: what Outlook wrote until 2006 is New York then, and nothing now.
func TestOldRulesAreOfOldYears(t *testing.T) {
	const old = "BEGIN:VTIMEZONE\r\nTZID:Eastern\r\nBEGIN:STANDARD\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:-0400\r\nTZOFFSETTO:-0500\r\nRRULE:FREQ=YEARLY;WKST=MO;INTERVAL=1;BYMONTH=10;BYDAY=-1SU\r\nEND:STANDARD\r\n" +
		"BEGIN:DAYLIGHT\r\nDTSTART:16010101T020000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0400\r\nRRULE:FREQ=YEARLY;WKST=MO;INTERVAL=1;BYMONTH=4;BYDAY=1SU\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\n"
	timed := strings.Replace(string(edited(edited(byName(t, "timed").body, "DTEND"), "DTSTART")), "BEGIN:VEVENT\r\n", old+"BEGIN:VEVENT\r\nDTSTART;TZID=Eastern:20050404T090000\r\n", 1)
	raw, err := New(cal.Body(timed), "0abc", nil, "")
	if err != nil || !strings.Contains(string(raw), `"start":{"dateTime":"2005-04-04T09:00:00-04:00","timeZone":"America/New_York"}`) {
		t.Errorf("%s, %v", raw, err)
	}
	raw, err = New(cal.Body(strings.Replace(timed, "20050404", "20260404", 1)), "0abc", nil, "")
	if !refusal(err, `does not know the time zone "Eastern"`) {
		t.Errorf("%s, %v", raw, err)
	}
}
