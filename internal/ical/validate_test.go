package ical

import (
	"strings"
	"testing"

	"calbridge/internal/cal"
)

func TestValidateFindsNothingInGoodBodies(t *testing.T) {
	todo := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTODO\nUID:u\nDTSTAMP:20260101T000000Z\nDUE;VALUE=DATE:20260105\nSTATUS:IN-PROCESS\nPERCENT-COMPLETE:50\nEND:VTODO\nEND:VCALENDAR\n"
	for _, body := range []string{
		rich, todo,
		swap(t, rich, "DTSTAMP:20260101T120000Z", "DTSTAMP:20260101T120000Z\nDTSTAMP:20260101T120000Z"),
		swap(t, rich, "BYDAY=MO,WE", "BYDAY=1MO,-1WE", "FREQ=WEEKLY", "FREQ=MONTHLY"),
		swap(t, rich, exdates, exdates+"RDATE;VALUE=PERIOD:20260301T090000Z/PT1H,20260302T090000Z/20260302T100000Z\n"),
		strings.ReplaceAll(rich, "Europe/Berlin", "My own zone"),
	} {
		if problems := Validate(crlf(body)); len(problems) > 0 {
			t.Errorf("%v\n%s", problems, body)
		}
	}
}

func TestValidateNamesLinePropertyAndRemedy(t *testing.T) {
	for _, c := range []struct {
		edit []string
		want string
	}{
		{[]string{"END:VALARM\n", ""}, "line 59: END: does not end BEGIN:VALARM of line 50"},
		{[]string{"VERSION:2.0\n", ""}, "line 1: VCALENDAR: has no VERSION; write VERSION:2.0"},
		{[]string{"PRODID:-//Example Corp.//CalDAV Client//EN\n", ""}, "line 1: VCALENDAR: has no PRODID"},
		{[]string{"CALSCALE:GREGORIAN", "METHOD:REQUEST"}, "line 4: METHOD: belongs to invitations"},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART:tomorrow"}, `line 34: DTSTART: "tomorrow" is not a date; write 20260131 or 20260131T090000Z`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART:20260230T090000"}, `line 34: DTSTART: "20260230T090000" is not a date`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART:20260105"}, `DTSTART: "20260105" is a date; write DTSTART;VALUE=DATE:20260105`},
		{[]string{"20260105T100000", "20260105T083000"}, "line 35: DTEND: lies before DTSTART"},
		{[]string{"DTEND;TZID=Europe/Berlin:20260105T100000", "DTEND;VALUE=DATE:20260106"}, "line 35: DTEND: is not of the kind of DTSTART"},
		{[]string{"EXDATE", "DURATION:PT1H\nEXDATE"}, "DURATION: cannot stand beside DTEND"},
		{[]string{"FREQ=WEEKLY", "FREQ=OFTEN"}, "line 36: RRULE: FREQ=OFTEN is none of SECONDLY"},
		{[]string{"COUNT=12", "COUNT=-1"}, "RRULE: COUNT=-1 is not a number from 1 up"},
		{[]string{"COUNT=12", "COUNT=12;UNTIL=20260401T000000Z"}, "RRULE: has COUNT and UNTIL"},
		{[]string{"COUNT=12", "UNTIL=20260401"}, "RRULE: UNTIL is not of the kind of DTSTART"},
		{[]string{"COUNT=12", "UNTIL=20260401T000000"}, "must be in UTC"},
		{[]string{"BYDAY=MO,WE", "BYDAY=1MO"}, "goes with FREQ=MONTHLY or YEARLY only"},
		{[]string{"BYDAY=MO,WE", "BYDAY=MO,XX"}, `BYDAY: "XX" is no weekday`},
		{[]string{"BYDAY=MO,WE", "BYMONTHDAY=32"}, `"32" is not a number from 1 to 31`},
		{[]string{"UID:5FC53010", "UID:other"}, `UID: differs from "other-1267-4F8E-BC28-1D7AE55A7C99" above`},
		{[]string{"UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99\n", ""}, "line 22: VEVENT: has no UID"},
		{[]string{"RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000\n", ""}, "VEVENT: is a second one with the UID"},
		{[]string{end, pub + end}, "RECURRENCE-ID: there is another component for this instance"},
		{[]string{"RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000", "RECURRENCE-ID;VALUE=DATE:20260107"}, "RECURRENCE-ID: is not of the kind of the master's DTSTART"},
		{[]string{"SUMMARY:Planning\\, this", "RRULE:FREQ=DAILY\nSUMMARY:Planning\\, this"}, "RRULE: stands in an override"},
		{[]string{"STATUS:CONFIRMED", "STATUS:DONE"}, `STATUS: "DONE" is none of TENTATIVE, CONFIRMED, CANCELLED`},
		{[]string{"STATUS:CONFIRMED", "STATUS:CONFIRMED\nSTATUS:TENTATIVE"}, "STATUS: is there twice"},
		{[]string{"PRIORITY:5", "PRIORITY:high"}, `PRIORITY: "high" is not a number from 0 to 9`},
		{[]string{"TRIGGER:-PT15M", "TRIGGER:15 minutes"}, `TRIGGER: "15 minutes" is no duration; write PT1H30M`},
		{[]string{"TRIGGER:-PT15M\n", ""}, "VALARM: has no TRIGGER"},
		{[]string{"mailto:bob@example.org", "Bob"}, `ATTENDEE: "Bob" is no address; write mailto:`},
		{[]string{"DTSTART;TZID=Europe/Berlin", "DTSTART;TZID=Nowhere"}, `nobody knows the time zone "Nowhere"`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;TZID=Europe/Berlin:20260105T090000Z"}, "has a TZID and the Z of UTC"},
		{[]string{"BEGIN:VALARM", "BEGIN:VEVENT\nEND:VEVENT\nBEGIN:VALARM"}, "VEVENT: cannot stand inside of VEVENT"},
		{[]string{"SUMMARY:Planning", "SUMMARY:Plan\x07ning"}, `SUMMARY: has the control character '\a'`},
		{[]string{"SUMMARY:Planning", "SUMMARY:Plan\xffning"}, "SUMMARY: is not UTF-8"},
		{[]string{"SUMMARY:Planning", "to be continued: Planning"}, "is no property name; was the line to continue the one before"},
		{[]string{end, "BEGIN:VTODO\nUID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99\nDTSTAMP:20260101T120000Z\nEND:VTODO\n" + end}, "VTODO: stands beside VEVENT"},
		{[]string{end, end + rich}, "line 70: VCALENDAR: this is a second VCALENDAR"},
	} {
		var all []string
		for _, p := range Validate(crlf(swap(t, rich, c.edit...))) {
			all = append(all, p.String())
		}
		if !strings.Contains(strings.Join(all, "\n"), c.want) {
			t.Errorf("%q:\n got %s\nwant %s", c.edit, strings.Join(all, "\n     "), c.want)
		}
	}
	if problems := Validate(cal.Body("")); len(problems) != 1 {
		t.Errorf("an empty body: %v", problems)
	}
}

func TestValidateTheCorpus(t *testing.T) {
	good := 0
	for _, body := range corpus(t) {
		bodies, _ := Split(body)
		for _, b := range bodies {
			if len(Validate(b)) == 0 {
				good++
			}
		}
	}
	if good < 700 {
		t.Errorf("only %d objects are valid", good)
	}
	t.Logf("%d objects are valid", good)
}
