package event

import (
	"reflect"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// TestPatch: one change of a text, and the patch that it comes to.
func TestPatch(t *testing.T) {
	for _, c := range []struct {
		name, property string
		lines          []string
		want           string
	}{
		{"timed", "SUMMARY", nil, `{"summary":""}`},
		{"timed", "LOCATION", []string{"LOCATION:Berlin\\, Mitte"}, `{"location":"Berlin, Mitte"}`},
		{"timed", "STATUS", nil, `{}`},
		{"timed", "STATUS", []string{"STATUS:TENTATIVE"}, `{"status":"tentative"}`},
		{"tentative", "STATUS", nil, `{"status":"confirmed"}`},
		{"timed", "TRANSP", []string{"TRANSP:OPAQUE"}, `{}`},
		{"timed", "TRANSP", []string{"TRANSP:TRANSPARENT"}, `{"transparency":"transparent"}`},
		{"transparent", "TRANSP", nil, `{"transparency":"opaque"}`},
		{"timed", "CLASS", []string{"CLASS:PUBLIC"}, `{}`},
		{"visibility-private", "CLASS", nil, `{"visibility":"default"}`},
		{"visibility-private", "CLASS", []string{"CLASS:PUBLIC"}, `{"visibility":"public"}`},
		{"timed", "X-GOOGLE-COLOR-ID", []string{"X-GOOGLE-COLOR-ID:3"}, `{"colorId":"3"}`},
		{"color", "X-GOOGLE-COLOR-ID", nil, `{"colorId":null}`},
		{"timed", "URL", []string{"URL:https://example.org/"}, `{"source":{"url":"https://example.org/"}}`},
		{"timed", "URL", []string{"URL:message:1"}, `{}`},
		{"source", "URL", nil, `{"source":null}`},
		{"timed", "CATEGORIES", []string{"CATEGORIES:a,b\\,c"}, `{"extendedProperties":{"shared":{"X-MOZ-CATEGORIES":"a,b\\,c"}}}`},
		{"categories", "CATEGORIES", []string{"CATEGORIES:Ünï", "CATEGORIES:Travel\\, far,Work"}, `{}`},
		{"categories", "CATEGORIES", nil, `{"extendedProperties":{"shared":{"X-MOZ-CATEGORIES":null}}}`},
		{"timed", "X-NOBODY-KNOWS", []string{"X-NOBODY-KNOWS:1", "PRIORITY:1", "GEO:1;2"}, `{}`},
		{"timed", "SEQUENCE", []string{"SEQUENCE:7"}, `{}`},
		{"type-focus-time", "X-GOOGLE-EVENT-TYPE", nil, `{}`},
		{"conference-meet", "CONFERENCE", nil, `{}`},

		{"timed", "DTEND", []string{"DTEND;TZID=Europe/Berlin:20260302T110000"},
			`{"end":{"dateTime":"2026-03-02T11:00:00+01:00","timeZone":"Europe/Berlin"},"start":{"dateTime":"2026-03-02T09:00:00+01:00","timeZone":"Europe/Berlin"}}`},
		{"timed", "DTEND", []string{"DURATION:PT1H"}, `{}`},
		{"timed", "DTEND", []string{"DTEND;TZID=W. Europe Standard Time:20260302T100000"}, `{}`},
		{"zone-old-name", "DTSTART", []string{"DTSTART;TZID=Asia/Kolkata:20260701T090000"}, `{}`},
		{"all-day-one", "DTEND", nil, `{}`},
		{"all-day-one", "DTEND", []string{"DURATION:P2D"}, `{"end":{"date":"2026-03-04"},"start":{"date":"2026-03-02"}}`},

		{"series-weekly", "RRULE", []string{"RRULE:COUNT=12;BYDAY=WE,MO;FREQ=WEEKLY;INTERVAL=1"}, `{}`},
		{"series-weekly", "RRULE", []string{"RRULE:FREQ=WEEKLY"}, `{"recurrence":["RRULE:FREQ=WEEKLY"]}`},
		{"series-weekly", "RRULE", nil, `{"recurrence":[]}`},
		{"series-weekly", "EXDATE", []string{"EXDATE:20260304T080000Z"}, `{"recurrence":["RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=12","EXDATE:20260304T080000Z"]}`},
		{"series-exdates", "EXDATE", []string{"EXDATE;TZID=Europe/Berlin:20260304T090000", "EXDATE;TZID=Europe/Berlin:20260308T090000", "EXDATE;TZID=Europe/Berlin:20260309T090000"},
			`{"recurrence":["RRULE:FREQ=DAILY","EXDATE;TZID=Europe/Berlin:20260304T090000","EXDATE;TZID=Europe/Berlin:20260308T090000","EXDATE;TZID=Europe/Berlin:20260309T090000"]}`},
		{"series-exdates", "EXDATE", []string{"EXDATE:20260304T080000Z,20260306T080000Z,20260308T080000Z"}, `{}`},
		// what was repaired or could not be shown stays as Google has it
		{"series-rdate-without-r", "RRULE", []string{"RRULE:FREQ=DAILY"}, `{"recurrence":["RRULE:FREQ=DAILY","DATE;TZID=Europe/Berlin:20260505T140000"]}`},
		{"series-exdate-date-on-timed", "RRULE", []string{"RRULE:FREQ=WEEKLY"}, `{"recurrence":["RRULE:FREQ=WEEKLY","EXDATE;VALUE=DATE:20260304"]}`},
		{"series-two-rules", "RRULE", []string{"RRULE:FREQ=DAILY"}, `{"recurrence":["RRULE:FREQ=MONTHLY;BYMONTHDAY=1","RRULE:FREQ=DAILY"]}`},
		{"series-rdate-period", "RRULE", []string{"RRULE:FREQ=DAILY"}, `{"recurrence":["RRULE:FREQ=DAILY","RDATE;VALUE=PERIOD:20260505T120000Z/PT2H"]}`},
		{"zone-none-offset", "RRULE", []string{"RRULE:FREQ=DAILY"},
			`{"end":{"dateTime":"2026-07-01T13:00:00Z","timeZone":"UTC"},"recurrence":["RRULE:FREQ=DAILY"],"start":{"dateTime":"2026-07-01T12:00:00Z","timeZone":"UTC"}}`},

		{"html", "DESCRIPTION", []string{"DESCRIPTION:new"}, `{"description":"new"}`},
		{"html", "X-ALT-DESC", nil, `{}`},
		{"html-only-break", "X-ALT-DESC", []string{"X-ALT-DESC;FMTTYPE=text/html:<b>one</b><br>two"}, `{"description":"<b>one</b><br>two"}`},
		{"html-only-break", "X-ALT-DESC", []string{"X-ALT-DESC;FMTTYPE=text/html:something else"}, `{}`},
		{"meet-block", "DESCRIPTION", []string{"DESCRIPTION:Agenda"}, `{}`},
		{"timed", "DESCRIPTION", []string{`DESCRIPTION:x\n-::~:~::~:~:~:~::-\nJoin: https://meet.google.com/a\n-::~:~::~:~:~:~::-`}, `{"description":"x"}`},

		{"attendees", "ATTENDEE", nil, `{"attendees":[]}`},
		// nobody comments for others, and a name that is left out stays
		{"attendees-comments", "ATTENDEE", []string{"ATTENDEE;PARTSTAT=DECLINED;X-RESPONSE-COMMENT=lazy:mailto:bob@example.com", `ATTENDEE;PARTSTAT=ACCEPTED;X-RESPONSE-COMMENT="I'll be late; 5 min, ^'maybe^' ^^ more^nsorry":mailto:ada@example.org`}, `{}`},
		{"attendees-room", "ATTENDEE", []string{"ATTENDEE;PARTSTAT=ACCEPTED:mailto:c_1885b@resource.calendar.google.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org"}, `{}`},
		{"invited", "TRANSP", []string{"TRANSP:TRANSPARENT", "CLASS:PRIVATE", "X-GOOGLE-COLOR-ID:2"}, `{"colorId":"2","transparency":"transparent","visibility":"private"}`},
		{"exception-moved", "DTSTART", []string{"DTSTART;TZID=Europe/Berlin:20260310T130000"},
			`{"end":{"dateTime":"2026-03-10T16:00:00+01:00","timeZone":"Europe/Berlin"},"start":{"dateTime":"2026-03-10T13:00:00+01:00","timeZone":"Europe/Berlin"}}`},
		{"exception-cancelled-bare", "STATUS", []string{"STATUS:CONFIRMED", "SUMMARY:back", "DURATION:PT1H"},
			`{"end":{"dateTime":"2026-03-09T10:00:00+01:00","timeZone":"Europe/Berlin"},"start":{"dateTime":"2026-03-09T09:00:00+01:00","timeZone":"Europe/Berlin"},"status":"confirmed","summary":"back"}`},
		{"attachments", "ATTACH", []string{"ATTACH:https://docs.google.com/document/d/2/edit", "ATTACH:https://example.org/no", "ATTACH;FMTTYPE=text/plain;FILENAME=n.txt:https://drive.google.com/open?id=9"},
			`{"attachments":[{"fileUrl":"https://docs.google.com/document/d/2/edit","title":"Notes","mimeType":"application/vnd.google-apps.document","fileId":"2"},{"fileUrl":"https://drive.google.com/open?id=9","title":"n.txt","mimeType":"text/plain"}]}`},
	} {
		s := byName(t, c.name)
		want := edited(s.body, c.property, c.lines...)
		if len(c.lines) > 0 && strings.HasPrefix(c.lines[0], "DURATION") {
			want = edited(edited(s.body, "DTEND"), c.property, c.lines...)
		}
		patch, err := Patch(s.raw, s.body, want, "Europe/Berlin")
		if err != nil || !sameJSON(t, string(patch), c.want) {
			t.Errorf("%s, %s: %s, %v\nwant %s", c.name, c.property, patch, err, c.want)
		}
	}
}

func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	return a != "" && reflect.DeepEqual(decoded(t, []byte(a)), decoded(t, []byte(b)))
}

func TestTimedAndAllDayTakeEachOthersPlace(t *testing.T) {
	s := byName(t, "timed")
	want := edited(edited(s.body, "DTEND", "DTEND;VALUE=DATE:20260303"), "DTSTART", "DTSTART;VALUE=DATE:20260302")
	patch, err := Patch(s.raw, s.body, want, "")
	if err != nil || string(patch) != `{"end":{"date":"2026-03-03","dateTime":null,"timeZone":null},"start":{"date":"2026-03-02","dateTime":null,"timeZone":null}}` {
		t.Errorf("%s, %v", patch, err)
	}
	s = byName(t, "all-day-one")
	want = edited(edited(s.body, "DTEND", "DTEND:20260302T100000Z"), "DTSTART", "DTSTART:20260302T090000")
	patch, err = Patch(s.raw, s.body, want, "Europe/London")
	if err != nil || string(patch) != `{"end":{"date":null,"dateTime":"2026-03-02T10:00:00Z","timeZone":"UTC"},"start":{"date":null,"dateTime":"2026-03-02T09:00:00Z","timeZone":"Europe/London"}}` {
		t.Errorf("%s, %v", patch, err)
	}
}

func alarm(lines string) string {
	return "BEGIN:VALARM\r\n" + lines + "\r\nEND:VALARM"
}

func TestAlarmsArePushedWhenTheyChange(t *testing.T) {
	for _, c := range []struct{ name, alarms, want string }{
		{"timed", alarm("ACTION:DISPLAY\r\nTRIGGER:-PT5M"), `{"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":5}]}}`},
		{"timed", "", `{}`},
		{"reminders-none", "", `{}`},
		{"reminders-popup", "", `{"reminders":{"useDefault":false,"overrides":[]}}`},
		{"reminders-popup", alarm("ACTION:AUDIO\r\nTRIGGER:-P0DT0H10M0S"), `{}`},
		{"reminders-unknown-members", alarm("ACTION:DISPLAY\r\nTRIGGER:-PT10M") + "\r\n" + alarm("ACTION:EMAIL\r\nTRIGGER:-P1D"),
			`{"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":10,"sound":"bell"},{"method":"email","minutes":1440}]}}`},
	} {
		s := byName(t, c.name)
		text := string(s.body)
		if i := strings.Index(text, "BEGIN:VALARM"); i >= 0 {
			text = text[:i] + "END:VEVENT\r\nEND:VCALENDAR\r\n"
		}
		if c.alarms != "" {
			text = strings.Replace(text, "END:VEVENT", c.alarms+"\r\nEND:VEVENT", 1)
		}
		patch, err := Patch(s.raw, s.body, cal.Body(text), "")
		if err != nil || !sameJSON(t, string(patch), c.want) {
			t.Errorf("%s: %s, %v; want %s", c.name, patch, err, c.want)
		}
	}
}

// TestAttendeesSurviveWhole: a patch replaces the array, so all that is known of who stays must be in it, to the last digit.
func TestAttendeesSurviveWhole(t *testing.T) {
	s := byName(t, "attendees-unknown-members")
	want := cal.Body(strings.Replace(string(s.body), "ORGANIZER", "ATTENDEE;CN=New:mailto:new@example.org\r\nORGANIZER", 1))
	patch, err := Patch(s.raw, s.body, want, "")
	const whole = `{"attendees":[{"email":"ada@example.org","organizer":true,"self":true,"responseStatus":"accepted","id":"1122"},` +
		`{"email":"bob@example.com","responseStatus":"accepted","id":"3344","asyncOperation":"none","futureMember":{"a":[1,2.50,9007199254740993]}},` +
		`{"email":"new@example.org","displayName":"New","responseStatus":"needsAction"}]}`
	if err != nil || !sameJSON(t, string(patch), whole) {
		t.Errorf("%s, %v", patch, err)
	}
	s = byName(t, "attendees-without-mail")
	patch, err = Patch(s.raw, s.body, edited(s.body, "ATTENDEE", "ATTENDEE;PARTSTAT=DECLINED:MAILTO:Ada@Example.org"), "")
	if err != nil || !sameJSON(t, string(patch), `{"attendees":[{"email":"ada@example.org","organizer":true,"self":true,"responseStatus":"declined"},{"displayName":"A phone","responseStatus":"needsAction","id":"77"}]}`) {
		t.Errorf("%s, %v", patch, err)
	}
}

// TestOwnAnswer: a guest answers, and changes nothing else of what the organizer says.
func TestOwnAnswer(t *testing.T) {
	s := byName(t, "invited")
	boss := "ATTENDEE;PARTSTAT=ACCEPTED:mailto:boss@example.com"
	patch, err := Patch(s.raw, s.body, edited(s.body, "ATTENDEE", boss, "ATTENDEE;PARTSTAT=TENTATIVE;X-RESPONSE-COMMENT=\"late; sorry\":mailto:ada@example.org"), "")
	if err != nil || !sameJSON(t, string(patch), `{"attendees":[{"email":"boss@example.com","organizer":true,"responseStatus":"accepted"},{"email":"ada@example.org","self":true,"responseStatus":"tentative","comment":"late; sorry"}]}`) {
		t.Errorf("%s, %v", patch, err)
	}
	for _, lines := range [][]string{
		{"ATTENDEE;PARTSTAT=ACCEPTED:mailto:ada@example.org"},
		{strings.Replace(boss, "ACCEPTED", "DECLINED", 1), "ATTENDEE:mailto:ada@example.org"},
		{boss, "ATTENDEE:mailto:ada@example.org", "ATTENDEE:mailto:new@example.org"},
	} {
		if patch, err := Patch(s.raw, s.body, edited(s.body, "ATTENDEE", lines...), ""); !refusal(err, "ATTENDEE: only the organizer, boss@example.com") {
			t.Errorf("%v: %s, %v", lines, patch, err)
		}
	}
	may := byName(t, "invited-may-modify")
	patch, err = Patch(may.raw, may.body, edited(may.body, "LOCATION", "LOCATION:x"), "")
	if err != nil || string(patch) != `{"location":"x"}` {
		t.Errorf("%s, %v", patch, err)
	}
}

func TestPatchRefuses(t *testing.T) {
	for _, c := range []struct {
		name, property string
		lines          []string
		remark         string
	}{
		{"timed", "STATUS", []string{"STATUS:CANCELLED"}, "STATUS: CANCELLED would delete"},
		{"timed", "UID", []string{"UID:other"}, "UID"},
		{"timed", "RECURRENCE-ID", []string{"RECURRENCE-ID:20260302T080000Z"}, "RECURRENCE-ID"},
		{"exception-moved", "RRULE", []string{"RRULE:FREQ=DAILY"}, "an exception has no rule"},
		{"attendees", "ORGANIZER", []string{"ORGANIZER:mailto:bob@example.com"}, "ORGANIZER"},
		{"attendees-omitted", "ATTENDEE", nil, "uninvite the others"},
		{"invited", "LOCATION", []string{"LOCATION:x"}, "LOCATION: only the organizer, boss@example.com"},
		{"invited-locked", "LOCATION", []string{"LOCATION:x"}, "LOCATION: the event is locked"},
		{"locked", "DTSTART", []string{"DTSTART;TZID=Europe/Berlin:20260302T083000"}, "locked"},
		{"end-time-unspecified", "DTSTART", []string{"DTSTART;TZID=Europe/Berlin:20260302T083000"}, "DTSTART, DTEND"},
		{"type-from-gmail", "DTSTART", []string{"DTSTART;TZID=Europe/Berlin:20260302T083000"}, "DTSTART, DTEND"},
		{"type-focus-time", "TRANSP", []string{"TRANSP:TRANSPARENT"}, "TRANSP: it cannot be changed of an event of the type focusTime"},
		{"type-out-of-office", "ATTENDEE", []string{"ATTENDEE:mailto:b@example.org"}, "outOfOffice"},
		{"type-working-location", "CLASS", []string{"CLASS:PRIVATE"}, "workingLocation"},
		{"type-birthday", "LOCATION", []string{"LOCATION:x"}, "birthday"},
		{"type-birthday", "DTEND", []string{"DTEND;VALUE=DATE:20260503"}, "one whole day"},
		{"type-unknown", "LOCATION", []string{"LOCATION:x"}, "holodeck"},
		{"visibility-hidden", "LOCATION", []string{"LOCATION:x"}, "private"},
		{"invited-may-modify", "URL", []string{"URL:https://example.org"}, "URL: only who made the event"},
		{"timed", "DTSTART", []string{"DTSTART;TZID=Nowhere:20260302T083000"}, "DTSTART: Google does not know"},
		{"timed", "ATTENDEE", []string{"ATTENDEE:urn:uuid:7"}, "ATTENDEE"},
	} {
		s := byName(t, c.name)
		if patch, err := Patch(s.raw, s.body, edited(s.body, c.property, c.lines...), ""); !refusal(err, c.remark) {
			t.Errorf("%s, %s: %s, %v; want %q", c.name, c.property, patch, err, c.remark)
		}
	}
}

// TestPrivateWithoutTitle: it is one's own as long as anything of it can be seen.
func TestPrivateWithoutTitle(t *testing.T) {
	for raw, hidden := range map[string]bool{
		`{"id":"x","visibility":"private","start":{"date":"2026-01-05"}}`:                 true,
		`{"id":"x","visibility":"confidential"}`:                                          true,
		`{"id":"x","visibility":"private","location":"home"}`:                             false,
		`{"id":"x","visibility":"public"}`:                                                false,
		`{"id":"x_1","visibility":"private","recurringEventId":"x","status":"cancelled"}`: false,
	} {
		if err := MayChange([]byte(raw)); (err != nil) != hidden {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

// TestFirstGuests: who invites somebody to an event of his own names himself as the organizer.
func TestFirstGuests(t *testing.T) {
	for name, organizer := range map[string]string{"timed": "mailto:ada@example.org", "minimal": "mailto:anybody@example.org"} {
		s := byName(t, name)
		want := edited(s.body, "ATTENDEE", "ORGANIZER:"+organizer, "ATTENDEE:mailto:bob@example.com")
		patch, err := Patch(s.raw, s.body, want, "")
		if err != nil || !sameJSON(t, string(patch), `{"attendees":[{"email":"bob@example.com","responseStatus":"needsAction"}]}`) {
			t.Errorf("%s: %s, %v", name, patch, err)
		}
	}
}
