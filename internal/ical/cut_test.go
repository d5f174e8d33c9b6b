package ical

import (
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// recurring is an event with these lines.
func recurring(lines ...string) cal.Body {
	return crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\n" + strings.Join(lines, "\n") +
		"\nEND:VEVENT\nEND:VCALENDAR\n")
}

// following is the text that stands for an instance and all that follow.
func following(id, start string) cal.Body {
	return recurring("RECURRENCE-ID;RANGE=THISANDFUTURE"+id, "DTSTART"+start, "SUMMARY:New", "LOCATION:Hall")
}

// TestCut: the lines of the two series that tell when they are.
func TestCut(t *testing.T) {
	const zoned = ";TZID=Europe/Berlin:"
	for name, c := range map[string]struct {
		master     []string
		at, future string // future: the start from there on; empty: as it was
		before     int
		old, next  string
	}{
		"no end": {[]string{"DTSTART" + zoned + "20260105T090000", "RRULE:FREQ=WEEKLY"}, "20260119T080000Z", zoned + "20260119T090000", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T090000 RRULE:FREQ=WEEKLY;UNTIL=20260119T075959Z",
			"DTSTART;TZID=Europe/Berlin:20260119T090000 RRULE:FREQ=WEEKLY"},
		"days": {[]string{"DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260301", "EXDATE;VALUE=DATE:20260106,20260110"}, "20260108", ";VALUE=DATE:20260108", 0,
			"DTSTART;VALUE=DATE:20260105 RRULE:FREQ=DAILY;UNTIL=20260107 EXDATE;VALUE=DATE:20260106",
			"DTSTART;VALUE=DATE:20260108 RRULE:FREQ=DAILY;UNTIL=20260301 EXDATE;VALUE=DATE:20260110"},
		"floating": {[]string{"DTSTART:20260105T090000", "RRULE:FREQ=DAILY"}, "20260108T090000", ":20260108T090000", 0,
			"DTSTART:20260105T090000 RRULE:FREQ=DAILY;UNTIL=20260108T085959",
			"DTSTART:20260108T090000 RRULE:FREQ=DAILY"},
		"count": {[]string{"DTSTART:20260105T090000Z", "RRULE:COUNT=10;FREQ=DAILY"}, "20260108T090000Z", ":20260108T090000Z", 3,
			"DTSTART:20260105T090000Z RRULE:FREQ=DAILY;UNTIL=20260108T085959Z",
			"DTSTART:20260108T090000Z RRULE:COUNT=7;FREQ=DAILY"},
		"as it was": {[]string{"DTSTART" + zoned + "20260105T233000", "DTEND" + zoned + "20260106T003000", "RRULE:FREQ=WEEKLY"}, "20260330T213000Z", "", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T233000 DTEND;TZID=Europe/Berlin:20260106T003000 RRULE:FREQ=WEEKLY;UNTIL=20260330T212959Z",
			"DTSTART;TZID=Europe/Berlin:20260330T233000 DTEND;TZID=Europe/Berlin:20260331T003000 RRULE:FREQ=WEEKLY"},
		"written in UTC": {[]string{"DTSTART" + zoned + "20260105T090000", "RRULE:FREQ=WEEKLY"}, "20260330T070000Z", ":20260330T080000Z", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T090000 RRULE:FREQ=WEEKLY;UNTIL=20260330T065959Z",
			"DTSTART;TZID=Europe/Berlin:20260330T100000 RRULE:FREQ=WEEKLY"},
		"two hours later": {[]string{"DTSTART" + zoned + "20260105T090000", "RRULE:FREQ=WEEKLY;UNTIL=20260427T070000Z",
			"EXDATE:20260112T080000Z,20260330T070000Z", "RDATE" + zoned + "20260401T090000"}, "20260323T080000Z", zoned + "20260323T110000", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T090000 RRULE:FREQ=WEEKLY;UNTIL=20260323T075959Z EXDATE:20260112T080000Z",
			"DTSTART;TZID=Europe/Berlin:20260323T110000 RRULE:FREQ=WEEKLY;UNTIL=20260427T090000Z EXDATE;TZID=Europe/Berlin:20260330T110000 RDATE;TZID=Europe/Berlin:20260401T110000"},
		"on another day": {[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=9"}, "20260119T090000Z", ":20260118T090000Z", 2,
			"DTSTART:20260105T090000Z RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;UNTIL=20260119T085959Z",
			"DTSTART:20260118T090000Z RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=SU,SA;COUNT=7;WKST=SU"},
		"in another zone": {[]string{"DTSTART" + zoned + "20260105T090000", "RRULE:FREQ=DAILY", "EXDATE:20260110T080000Z"}, "20260108T080000Z", ";TZID=Asia/Tokyo:20260108T170000", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T090000 RRULE:FREQ=DAILY;UNTIL=20260108T075959Z",
			"DTSTART;TZID=Asia/Tokyo:20260108T170000 RRULE:FREQ=DAILY EXDATE;TZID=Asia/Tokyo:20260110T170000"},
		"all day from there": {[]string{"DTSTART" + zoned + "20260105T090000", "RRULE:FREQ=DAILY;UNTIL=20260201T080000Z", "EXDATE:20260110T080000Z"}, "20260108T080000Z", ";VALUE=DATE:20260108", 0,
			"DTSTART;TZID=Europe/Berlin:20260105T090000 RRULE:FREQ=DAILY;UNTIL=20260108T075959Z",
			"DTSTART;VALUE=DATE:20260108 RRULE:FREQ=DAILY;UNTIL=20260201 EXDATE;VALUE=DATE:20260110"},
		"at a time from there": {[]string{"DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=DAILY;UNTIL=20260201"}, "20260108", zoned + "20260108T100000", 0,
			"DTSTART;VALUE=DATE:20260105 RRULE:FREQ=DAILY;UNTIL=20260107",
			"DTSTART;TZID=Europe/Berlin:20260108T100000 RRULE:FREQ=DAILY;UNTIL=20260201T090000Z"},
		"the fifth becomes the seventh": {[]string{"DTSTART;VALUE=DATE:20260105", "RRULE:FREQ=MONTHLY;BYMONTHDAY=5"}, "20260205", ";VALUE=DATE:20260207", 0,
			"DTSTART;VALUE=DATE:20260105 RRULE:FREQ=MONTHLY;BYMONTHDAY=5;UNTIL=20260204",
			"DTSTART;VALUE=DATE:20260207 RRULE:FREQ=MONTHLY;BYMONTHDAY=7"},
		"another birthday": {[]string{"DTSTART;VALUE=DATE:20200131", "RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31"}, "20260131", ";VALUE=DATE:20260201", 0,
			"DTSTART;VALUE=DATE:20200131 RRULE:FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=31;UNTIL=20260130",
			"DTSTART;VALUE=DATE:20260201 RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=1"},
		"dates alone": {[]string{"DTSTART:20260105T090000Z", "RDATE:20260107T090000Z,20260109T090000Z,20260111T090000Z"}, "20260109T090000Z", ":20260109T090000Z", 0,
			"DTSTART:20260105T090000Z RDATE:20260107T090000Z",
			"DTSTART:20260109T090000Z RDATE:20260111T090000Z"},
		"a rule that ended": {[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;UNTIL=20260107T090000Z", "RDATE:20260120T090000Z"}, "20260120T090000Z", ":20260120T090000Z", 0,
			"DTSTART:20260105T090000Z RRULE:FREQ=DAILY;UNTIL=20260107T090000Z",
			"DTSTART:20260120T090000Z"},
		"an end of another kind": {[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;UNTIL=20260207"}, "20260107T090000Z", ":20260107T110000Z", 0,
			"DTSTART:20260105T090000Z RRULE:FREQ=DAILY;UNTIL=20260107T085959Z",
			"DTSTART:20260107T110000Z RRULE:FREQ=DAILY;UNTIL=20260208T015959Z"},
		"at the first": {[]string{"DTSTART:20260105T090000Z", "RRULE:FREQ=DAILY;COUNT=3"}, "20260105T090000Z", ":20260105T110000Z", 0,
			"", "DTSTART:20260105T110000Z RRULE:FREQ=DAILY;COUNT=3"},
	} {
		t.Run(name, func(t *testing.T) {
			future := cal.Body("")
			if c.future != "" {
				future = following(":"+c.at, c.future)
			}
			old, next, err := Cut(recurring(append(c.master, "SUMMARY:Old")...), c.at, future, "v", c.before)
			if err != nil || times(old) != c.old || times(next) != c.next {
				t.Fatalf("%v\ngot  %s\nwant %s\ngot  %s\nwant %s", err, times(old), c.old, times(next), c.next)
			}
			if c.future != "" && (Read(next).Summary != "New" || Read(next).UID != "v") {
				t.Errorf("%s", next)
			}
			if strings.Contains(string(next), "RECURRENCE-ID") || old != "" && (Read(old).Summary != "Old" || Read(old).UID != "u") {
				t.Errorf("%s%s", old, next)
			}
		})
	}
}

// times are the lines that tell when a series is, on one line.
func times(body cal.Body) string {
	var all []string
	for _, want := range []string{"DTSTART", "DTEND", "RRULE", "EXDATE", "RDATE"} {
		for _, line := range unfolded(string(body)) {
			if strings.HasPrefix(line, want) {
				all = append(all, line)
			}
		}
	}
	return strings.Join(all, " ")
}

// TestCutRefuses what has no cut, and what cannot be moved.
func TestCutRefuses(t *testing.T) {
	at, start := "20260119T090000Z", ":20260119T090000Z"
	for _, c := range []struct{ rule, at, start, says string }{
		{"RRULE:FREQ=DAILY", "20260119", start, "no instance"},
		{"RRULE:FREQ=DAILY", "nonsense", start, "no instance"},
		{"RRULE:FREQ=DAILY;COUNT=3", at, start, "behind the last"},
		{"RRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", at, start, "EXRULE"},
		{"RRULE:FREQ=DAILY;COUNT=30\nRRULE:FREQ=WEEKLY", at, start, "more than one RRULE"},
		{"LOCATION:x", at, start, "does not recur"},
		{"RRULE:FREQ=DAILY;BYHOUR=9,15", at, ":20260119T100000Z", "cannot be moved"},
		{"RRULE:FREQ=MONTHLY;BYDAY=3MO", at, ":20260120T090000Z", "cannot be moved"},
		{"RRULE:FREQ=MONTHLY;BYMONTHDAY=19,20", at, ":20260121T090000Z", "cannot be moved"},
		{"RRULE:FREQ=WEEKLY;BYMONTH=1", at, ":20260120T090000Z", "cannot be moved"},
		{"RRULE:FREQ=DAILY\nRDATE;VALUE=PERIOD:20260201T090000Z/PT1H", at, ":20260119T100000Z", "periods"},
		{"RRULE:FREQ=DAILY", at, ";TZID=Nowhere:20260119T090000", "Nowhere"},
		{"RRULE:FREQ=DAILY", at, ":soon", "no date"},
	} {
		master := recurring("DTSTART:20260105T090000Z", c.rule)
		if old, next, err := Cut(master, c.at, following(":"+at, c.start), "v", 14); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v\n%s%s", c, err, old, next)
		}
	}
	if _, _, err := Cut(following(":"+at, start), at, "", "v", 0); err == nil || !strings.Contains(err.Error(), "no series") {
		t.Error(err)
	}
}

// TestCutKeeps what has nothing to do with the cut, byte for byte, and the rules of its zones.
func TestCutKeeps(t *testing.T) {
	zone := "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nX-ODD:rules\r\nEND:VTIMEZONE\r\n"
	master := strings.Replace(string(recurring("DTSTART;TZID=Europe/Berlin:20260105T090000", "x-odd;a=b:c", "RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20260202T090000")),
		"BEGIN:VEVENT", zone+"BEGIN:VEVENT", 1)
	old, next, err := Cut(cal.Body(master), "20260119T080000Z", following(":20260119T080000Z", ";TZID=Europe/Berlin:20260119T090000"), "v", 0)
	want := strings.NewReplacer("FREQ=WEEKLY", "FREQ=WEEKLY;UNTIL=20260119T075959Z", "EXDATE;TZID=Europe/Berlin:20260202T090000\r\n", "").Replace(master)
	if err != nil || string(old) != want {
		t.Errorf("%v\n%s", err, old)
	}
	if !strings.Contains(string(next), zone) || !strings.Contains(string(next), "LOCATION:Hall") || strings.Contains(string(next), "x-odd") {
		t.Errorf("%s", next)
	}
	if !Continues(cal.Body(master), next, "20260119T080000Z") || Continues(cal.Body(master), next, "20260126T080000Z") {
		t.Error("it does not go on where the other ends")
	}
}
