package event

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

func refusal(err error, remark string) bool {
	return errors.Is(err, cal.ErrRefused) && strings.Contains(err.Error(), remark)
}

// loss is something of an event that does not survive the way to iCalendar text and back to a new event. Patches leave it alone.
type loss struct {
	member, why string
	drop        func(e map[string]any) // nil: the member named
}

// losses is all that is lost; docs/google-mapping.md has the same table.
var losses = []loss{
	{"kind, etag, htmlLink, created, updated, sequence", "the server's own", nil},
	{"id", "chosen when the event is inserted", nil},
	{"iCalUID", "Google makes one of the id; the UID stays in a private property", nil},
	{"creator, organizer", "who inserts is both", nil},
	{"locked, privateCopy, attendeesOmitted", "what this copy can do", nil},
	{"guestsCanInviteOthers, guestsCanModify, guestsCanSeeOtherGuests, anyoneCanAddSelf", "no property for it", nil},
	{"hangoutLink, conferenceData", "shown, never sent: a conference belongs to one event", nil},
	{"eventType", "shown, never sent: it cannot be changed, and few accounts may choose it", nil},
	{"birthdayProperties, focusTimeProperties, outOfOfficeProperties, workingLocationProperties", "no property for it", nil},
	{"gadget, eventLabelId", "no property for it", nil},
	{"members the mapping does not know", "no property for them", dropUnknown},
	{"source.title", "URL has no title", func(e map[string]any) { dropIn(e, "source", "title") }},
	{"attachments[].fileId, attachments[].iconLink", "the server's own", func(e map[string]any) { dropEach(e, "attachments", "fileId", "iconLink") }},
	{"attachments[] outside of Drive", "Google attaches files of its Drive only", dropForeignFiles},
	{"extendedProperties, but for shared X-MOZ-CATEGORIES", "other programs' property", dropProperties},
	{"reminders without overrides", "no VALARM says the calendar's default", dropReminders},
	{"reminders of an unknown method", "shown and sent as a popup", popupOnly},
	{"attendees[].id, attendees[].self, attendees[].organizer, attendees[].asyncOperation", "the server's own",
		func(e map[string]any) { dropEach(e, "attendees", "id", "self", "organizer", "asyncOperation") }},
	{"attendees[].comment of others", "nobody comments for somebody else", dropComments},
	{"attendees[] without a mail address", "ATTENDEE needs an address", dropNameless},
	{"letter case of a mail address's domain", "it means nothing", lowerMail},
	{"start.timeZone, end.timeZone that are absent or unknown", "written in UTC", dropZones},
	{"start that is absent", "DTSTART has to be there; 1970 is written", dropNoStart},
	{"end that is unspecified, or does not lie behind the start", "left out; a new event ends when it starts, or at the end of the day", dropEnd},
	{"recurrence lines that are no rule, a second RRULE", "RFC 5545 has no place for them", dropUnsayable},
	{"the length of RDATE periods", "Google's text names none", dropPeriods},
	{"control characters, CR", "iCalendar text cannot hold them", dropControls},
	{"the Meet block in a description", "Google's own text; see conferenceData", dropMeet},
	{"defaults that are spelt out", "they say what their absence says", dropDefaults},
}

// TestRoundTrip: event, text, new event.
func TestRoundTrip(t *testing.T) {
	needed := map[string]bool{}
	for _, s := range specimens(t) {
		if s.event.Status == cancelled {
			continue // nothing to make anew; New refuses it
		}
		made := s.anew(t)
		want, got := decoded(t, s.raw).(map[string]any), decoded(t, made).(map[string]any)
		prepare(want, s.event)
		prepare(got, s.event)
		for _, l := range losses {
			before := shown(want)
			l.apply(want)
			l.apply(got)
			needed[l.member] = needed[l.member] || shown(want) != before
		}
		if !reflect.DeepEqual(want, got) {
			t.Errorf("%s:\nwas  %s\ncame %s\n%s", s.name, shown(want), shown(got), s.body)
		}
		e, err := Parse(made)
		if err != nil || e.UID(s.parent) != s.event.UID(s.parent) {
			t.Errorf("%s: the UID %q became %q (%v)", s.name, s.event.UID(s.parent), e.UID(s.parent), err)
		}
	}
	for _, l := range losses {
		if !needed[l.member] {
			t.Errorf("no specimen loses %q", l.member)
		}
	}
}

// anew is the event made out of its text: inserted, or patched into a bare occurrence.
func (s specimen) anew(t *testing.T) []byte {
	t.Helper()
	if !s.event.exception() {
		self := []string{"mailto:ada@example.org"}
		if s.event.Organizer != nil {
			self = append(self, "mailto:"+s.event.Organizer.Email)
		}
		raw, err := New(s.body, "0new0", self, "Europe/Berlin")
		if err != nil {
			t.Fatalf("%s: %v", s.name, err)
		}
		return raw
	}
	bare, err := json.Marshal(map[string]any{"id": s.event.ID, "status": cancelled, "recurringEventId": s.event.RecurringEventID,
		"originalStartTime": s.event.OriginalStartTime, "extendedProperties": s.event.ExtendedProperties, "iCalUID": s.event.ICalUID})
	if err != nil {
		t.Fatal(err)
	}
	native := newSpecimen(t, s.name, bare)
	patch, err := Patch(bare, native.body, s.body, "Europe/Berlin")
	if err != nil {
		t.Fatalf("%s: %v", s.name, err)
	}
	return merged(t, bare, patch)
}

// apply takes out of e what is lost.
func (l loss) apply(e map[string]any) {
	if l.drop != nil {
		l.drop(e)
		return
	}
	for name := range strings.SplitSeq(l.member, ", ") {
		delete(e, name)
	}
}

func shown(e map[string]any) string {
	raw, _ := json.Marshal(e)
	return string(raw)
}

// prepare writes what can be written in several ways in one: instants in UTC, and what a recurrence says.
func prepare(e map[string]any, of Event) {
	for _, name := range []string{"start", "end", "originalStartTime"} {
		if at, ok := e[name].(map[string]any); ok {
			if d, ok := at["dateTime"].(string); ok {
				at["dateTime"] = canonicalInstant(d, at["timeZone"])
			}
			if at["timeZone"] == "Etc/UTC" {
				at["timeZone"] = utc
			}
		}
	}
	lines, ok := e["recurrence"].([]any)
	start, _, hasStart := NewZones().moment(of.Start, "")
	if !ok || !hasStart {
		return
	}
	var natives []string
	for _, l := range lines {
		natives = append(natives, l.(string))
	}
	var keys []any
	for _, r := range readRules(natives, start, NewZones()) {
		if r.text == "" {
			keys = append(keys, "unsayable "+r.native)
		}
		for _, key := range r.keys {
			if strings.Contains(r.native, "PERIOD") {
				key += "/" + r.native
			}
			keys = append(keys, key)
		}
	}
	slices.SortFunc(keys, func(a, b any) int { return strings.Compare(a.(string), b.(string)) })
	e["recurrence"] = keys
}

func canonicalInstant(text string, zone any) string {
	if at, err := time.Parse(time.RFC3339, text); err == nil {
		return at.UTC().Format(time.RFC3339)
	}
	loc, err := time.LoadLocation(fmt.Sprint(zone))
	if err != nil {
		return text
	}
	at, _ := time.ParseInLocation("2006-01-02T15:04:05", text, loc)
	return at.UTC().Format(time.RFC3339)
}

// TestDocumentListsTheLosses keeps docs/google-mapping.md honest.
func TestDocumentListsTheLosses(t *testing.T) {
	raw, err := os.ReadFile("../../docs/google-mapping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(raw), "## What does not survive\n")
	if !found {
		t.Fatal("the document has no such section")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var rows []string
	for line := range strings.Lines(section) {
		if cells := strings.Split(line, "|"); len(cells) == 4 && !strings.Contains(line, "---") && !strings.Contains(line, "| Google |") {
			rows = append(rows, strings.ReplaceAll(strings.TrimSpace(cells[1])+" | "+strings.TrimSpace(cells[2]), "`", ""))
		}
	}
	var want []string
	for _, l := range losses {
		want = append(want, l.member+" | "+l.why)
	}
	if !slices.Equal(rows, want) {
		t.Errorf("the document has\n%s\nthe test\n%s", strings.Join(rows, "\n"), strings.Join(want, "\n"))
	}
}

func TestNewRefuses(t *testing.T) {
	timed := byName(t, "timed").body
	swap := func(name string, lines ...string) cal.Body { return edited(timed, name, lines...) }
	for _, c := range []struct {
		body         cal.Body
		zone, remark string
	}{
		{swap("STATUS", "STATUS:CANCELLED"), "", "STATUS"},
		{swap("ORGANIZER", "ORGANIZER:mailto:bob@example.org"), "", "ORGANIZER: mailto:bob@example.org invites"},
		{swap("RECURRENCE-ID", "RECURRENCE-ID;TZID=Europe/Berlin:20260302T090000"), "", "RECURRENCE-ID"},
		{swap("DTSTART", "DTSTART;TZID=Nowhere:20260302T090000"), "", `DTSTART: Google does not know the time zone "Nowhere"`},
		{swap("DTSTART", "DTSTART:20260302T090000"), "", "that of the calendar is not known"},
		{swap("DTSTART"), "", "DTSTART: it has none"},
		{swap("DTEND", "DTEND:20260301T000000Z"), "", "lies before DTSTART"},
		{swap("DTEND", "DTEND;VALUE=DATE:20260303"), "", "DTEND: it is not of the kind"},
		{swap("RRULE", "RRULE:FREQ=SOMETIMES"), "", "RRULE: FREQ=SOMETIMES cannot be read"},
		{swap("ATTENDEE", "ATTENDEE:urn:uuid:1"), "", "ATTENDEE: "},
		{swap("UID", "UID:"+strings.Repeat("x", 1100)), "", "UID: it is longer"},
		{cal.Body(strings.ReplaceAll(string(timed), "VEVENT", "VTODO")), "", "VTODO"},
		{cal.Body(strings.Replace(string(timed), "END:VEVENT\r\n", "END:VEVENT\r\nBEGIN:VEVENT\r\nEND:VEVENT\r\n", 1)), "", "2 VEVENTs"},
		{"nonsense", "", "line 1"},
	} {
		raw, err := New(c.body, "0abc", []string{"mailto:ada@example.org"}, c.zone)
		if !refusal(err, c.remark) {
			t.Errorf("%q: %s, %v", c.remark, raw, err)
		}
	}
}

// TestNewReads: what other programs write, and Google does not.
func TestNewReads(t *testing.T) {
	timed := edited(edited(byName(t, "timed").body, "DTEND"), "DTSTART")
	own := "BEGIN:VTIMEZONE\r\nTZID:Mine\r\nX-LIC-LOCATION:Europe/Paris\r\nEND:VTIMEZONE\r\nBEGIN:VTIMEZONE\r\nTZID:Five\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:-0500\r\nTZOFFSETTO:-0500\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\n"
	timed = cal.Body(strings.Replace(string(timed), "BEGIN:VEVENT\r\n", own, 1))
	for _, c := range []struct {
		lines []string
		want  string // members
	}{
		{[]string{"DTSTART:20260705T090000", "DURATION:PT90M"}, `"end":{"dateTime":"2026-07-05T10:30:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260328T090000", "DURATION:P1D"}, `"end":{"dateTime":"2026-03-29T09:00:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260328T090000", "DURATION:PT24H"}, `"end":{"dateTime":"2026-03-29T10:00:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART;VALUE=DATE:20260705"}, `"end":{"date":"2026-07-06"}`},
		{[]string{"DTSTART;VALUE=DATE:20260705", "DURATION:P1W"}, `"end":{"date":"2026-07-12"}`},
		{[]string{"DTSTART;TZID=W. Europe Standard Time:20260705T090000"}, `"start":{"dateTime":"2026-07-05T09:00:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART;TZID=/freeassociation.sourceforge.net/Europe/Vienna:20260705T090000"}, `"timeZone":"Europe/Vienna"`},
		{[]string{"DTSTART;TZID=Mine:20260705T090000"}, `"start":{"dateTime":"2026-07-05T09:00:00+02:00","timeZone":"Europe/Paris"}`},
		{[]string{"DTSTART;TZID=Five:20260705T090000"}, `"start":{"dateTime":"2026-07-05T09:00:00-05:00","timeZone":"Etc/GMT+5"}`},
		{[]string{"DTSTART:20260705T090000Z", "RRULE:FREQ=DAILY"}, `"start":{"dateTime":"2026-07-05T09:00:00Z","timeZone":"UTC"}`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20260329T023000"}, `"start":{"dateTime":"2026-03-29T03:30:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART;TZID=America/New_York:20260308T023000"}, `"start":{"dateTime":"2026-03-08T03:30:00-04:00","timeZone":"America/New_York"}`},
		{[]string{"DTSTART;TZID=Europe/Berlin:20261025T023000"}, `"start":{"dateTime":"2026-10-25T02:30:00+02:00","timeZone":"Europe/Berlin"}`},
		{[]string{"DTSTART:20260705T090000Z", "RRULE:FREQ=DAILY", "EXDATE;TZID=Mine:20260706T110000"}, `"EXDATE;TZID=Europe/Paris:20260706T110000"`},
		{[]string{"DTSTART:20260705T090000Z", "RDATE;VALUE=PERIOD:20260706T090000Z/PT1H"}, `"recurrence":["RDATE:20260706T090000Z"]`},
		{[]string{"DTSTART:20260705T090000Z", "CLASS:X-SECRET"}, `"visibility":"private"`},
		{[]string{"DTSTART:20260705T090000Z", "CATEGORIES:a\\,b,c", "CATEGORIES:d"}, `"X-MOZ-CATEGORIES":"a\\,b,c,d"`},
		{[]string{"DTSTART:20260705T090000Z", "ATTENDEE;ROLE=CHAIR;PARTSTAT=DELEGATED;CUTYPE=ROOM:mailto:r@example.org"},
			`"attendees":[{"email":"r@example.org","resource":true,"responseStatus":"needsAction"}]`},
		{[]string{"DTSTART:20260705T090000Z", "ATTENDEE;EMAIL=a@example.org:urn:uuid:1"}, `"email":"a@example.org"`},
		{[]string{"DTSTART:20260705T090000Z", "URL:message:x"}, `"summary":"Planning"}`},
		{[]string{"DTSTART:20260705T090000Z", "X-ALT-DESC;FMTTYPE=text/html:<b>x</b>", "DESCRIPTION:other"}, `"description":"other"`},
	} {
		text := strings.Replace(string(timed), "BEGIN:VEVENT\r\n", "BEGIN:VEVENT\r\n"+strings.Join(c.lines, "\r\n")+"\r\n", 1)
		raw, err := New(cal.Body(text), "0abc", nil, "Europe/Berlin")
		if err != nil || !strings.Contains(string(raw), c.want) {
			t.Errorf("%q: %s, %v; want %s", c.lines, raw, err, c.want)
		}
	}
}

func TestAlarmsAreReadAsReminders(t *testing.T) {
	timed := byName(t, "timed").body // an hour
	for alarm, want := range map[string]string{
		"ACTION:AUDIO\nTRIGGER:-PT15M":                             `[{"method":"popup","minutes":15}]`,
		"ACTION:EMAIL\nTRIGGER:-P1DT1H":                            `[{"method":"email","minutes":1500}]`,
		"ACTION:DISPLAY\nTRIGGER:PT5M":                             `[{"method":"popup","minutes":0}]`,
		"ACTION:DISPLAY\nTRIGGER:-P9W":                             `[{"method":"popup","minutes":40320}]`,
		"ACTION:DISPLAY\nTRIGGER;RELATED=END:-PT70M":               `[{"method":"popup","minutes":10}]`,
		"ACTION:DISPLAY\nTRIGGER;VALUE=DATE-TIME:20260302T074500Z": `[{"method":"popup","minutes":15}]`,
		"ACTION:DISPLAY\nTRIGGER:-PT90S":                           `[{"method":"popup","minutes":1}]`,
	} {
		lines := "BEGIN:VALARM\r\n" + strings.ReplaceAll(alarm, "\n", "\r\n") + "\r\nEND:VALARM\r\nEND:VEVENT"
		raw, err := New(cal.Body(strings.Replace(string(timed), "END:VEVENT", lines, 1)), "0abc", nil, "")
		if err != nil || !strings.Contains(string(raw), `"overrides":`+want) {
			t.Errorf("%s: %s, %v", alarm, raw, err)
		}
	}
	none := "BEGIN:VALARM\r\nACTION:NONE\r\nTRIGGER;VALUE=DATE-TIME:19760401T005545Z\r\nEND:VALARM\r\nEND:VEVENT"
	raw, err := New(cal.Body(strings.Replace(string(timed), "END:VEVENT", none, 1)), "0abc", nil, "")
	if err != nil || strings.Contains(string(raw), "reminders") {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestRepairs(t *testing.T) {
	for name, want := range map[string][]string{
		"series-rdate-disguised":           {"RDATE;TZID=Europe/Berlin:20260505T140000,20260506T140000"},
		"series-rdate-without-r":           {"RRULE:FREQ=WEEKLY", "RDATE;TZID=Europe/Berlin:20260505T140000"},
		"series-until-date-on-timed":       {"RRULE:FREQ=DAILY;UNTIL=20260310T225959Z"},
		"series-until-time-on-all-day":     {"RRULE:FREQ=DAILY;UNTIL=20260310\r\n"},
		"series-until-floating":            {"RRULE:FREQ=DAILY;UNTIL=20260310T225959Z"},
		"series-exdate-date-on-timed":      {"EXDATE;TZID=Europe/Berlin:20260304T090000"},
		"series-exdate-time-on-all-day":    {"EXDATE;VALUE=DATE:20260304"},
		"series-exdate-windows-zone":       {"EXDATE;TZID=Europe/Berlin:20260304T090000"},
		"series-exdate-in-utc":             {"EXDATE:20260304T080000Z"},
		"series-rdate-period":              {"RDATE;VALUE=PERIOD:20260505T120000Z/PT2H"},
		"series-exrule":                    {"EXRULE:FREQ=WEEKLY;BYDAY=SA,SU"},
		"series-two-rules":                 {"RRULE:FREQ=WEEKLY;BYDAY=MO"},
		"series-utc":                       {"DTSTART:20260302T090000Z", "EXDATE:20260303T090000Z"},
		"zone-two":                         {"DTSTART;TZID=Europe/Berlin:20260701T090000", "DTEND;TZID=America/New_York:20260701T140000"},
		"zone-none-offset":                 {"DTSTART:20260701T120000Z", "DTEND:20260701T130000Z"},
		"clock-goes-back":                  {"DTSTART:20261025T013000Z"},
		"exception-moved":                  {"RECURRENCE-ID;TZID=Europe/Berlin:20260309T090000", "DTSTART;TZID=Europe/Berlin:20260310T140000"},
		"exception-all-day":                {"RECURRENCE-ID;VALUE=DATE:20260309", "DTSTART;VALUE=DATE:20260310"},
		"exception-all-day-made-timed":     {"RECURRENCE-ID;VALUE=DATE:20260309", "DTSTART;TZID=Europe/Berlin:20260302T090000"},
		"exception-cancelled-bare":         {"UID:the series@example.org", "DTSTAMP:19700101T000000Z", "STATUS:CANCELLED", "DTSTART;TZID=Europe/Berlin:20260309T090000"},
		"exception-cancelled-bare-offset":  {"RECURRENCE-ID;TZID=Europe/Berlin:20260309T090000"},
		"exception-cancelled-all-day":      {"DTSTART;VALUE=DATE:20260309"},
		"exception-cancelled-with-details": {"UID:abc@google.com", "DTSTAMP:20260103T091631Z", "STATUS:CANCELLED"},
		"series-split-copied-uid":          {"UID:abc123_R20260302T080000@google.com"},
		"uid-own":                          {"UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99"},
		"exception-own-uid":                {"UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99"},
		"uid-copied":                       {"UID:0abd@google.com"},
		"uid-none":                         {"UID:euidnone@google.com"},
		"html-only-break":                  {`DESCRIPTION:one\ntwo`, "X-ALT-DESC;FMTTYPE=text/html:one<br>two"},
		"html":                             {`two & three`, `the page (https://example.org/x?a=1&b=2)\nbye bye`},
		"reminders-at-start":               {"TRIGGER:-PT0M"},
		"conference-meet":                  {"CONFERENCE;VALUE=URI;FEATURE=PHONE;LABEL=+49 30 3001234:tel:+49-30-300-1234", "X-GOOGLE-CONFERENCE:https://meet.google.com/aaa-bbbb-ccc"},
		"type-focus-time":                  {"X-GOOGLE-EVENT-TYPE:focusTime"},
		"attendees-room":                   {`ATTENDEE;CUTYPE=RESOURCE;PARTSTAT=ACCEPTED;CN="Room: ^'Turing^', 4th floor; west":mailto:c_1885b@resource.calendar.google.com`},
	} {
		s := byName(t, name)
		text := strings.ReplaceAll(string(s.body), "\r\n ", "")
		for _, line := range want {
			if !strings.Contains(text, line) {
				t.Errorf("%s lacks %q\n%s", name, line, text)
			}
		}
	}
	for name, unwanted := range map[string]string{
		"exception-cancelled-with-details": "SUMMARY", "end-time-unspecified": "DTEND", "negative-duration": "DTEND", "zero-duration": "DTEND",
		"organizer-elsewhere": "ORGANIZER", "series-with-dtstart-line": "DTSTART;TZID=Europe/Berlin:20260302T090000\r\nDTSTART",
		"extended-properties": "LASTACK", "timed": "VALARM", "text-angle-brackets": "X-ALT-DESC", "attachments-elsewhere": "not an address",
	} {
		if s := byName(t, name); strings.Contains(string(s.body), unwanted) {
			t.Errorf("%s has %q\n%s", name, unwanted, s.body)
		}
	}
	for _, name := range []string{"negative-duration", "no-start", "zone-unknown", "series-two-rules", "series-broken-rule", "series-rdate-disguised", "attendees-omitted", "attendees-without-mail"} {
		if s := byName(t, name); len(s.notes) == 0 {
			t.Errorf("%s: nothing is said of what was left out", name)
		}
	}
}

func TestParseNamesWhatIsWrong(t *testing.T) {
	for raw, want := range map[string]string{
		`{"id":"abc","originalStartTime":"2026-03-02T09:00:00Z"}`: "its originalStartTime cannot be a JSON string",
		`{"id":"abc","start":{"dateTime":5}}`:                     "its start.dateTime cannot be a JSON number",
		`{"id":"abc","attendees":[{"optional":"yes"}]}`:           "attendees",
		`[]`: "array",
		`{`:  "unexpected end",
	} {
		if _, err := Parse([]byte(raw)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func TestHTMLAsText(t *testing.T) {
	for given, want := range map[string]string{
		"<p>a</p><p></p><p></p><p></p><p>b</p>":                         "a\n\nb",
		"<ul><li>a</li><li>b &lt;c&gt;</li></ul>":                       "- a\n- b <c>",
		`<a href="mailto:ada@example.org">ada@example.org</a>`:          "mailto:ada@example.org",
		`<A HREF='https://example.org'>the <b>page</b></A><br/>x`:       "the page (https://example.org)\nx",
		"<!DOCTYPE html><head><style>b{}</style></head><b>x</b>&nbsp;y": "x y",
	} {
		if got := plain(given); got != want || !isHTML(given) {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
	raw, err := New(byName(t, "html-only-break").body, "0abc", nil, "")
	if err != nil || !strings.Contains(string(raw), `"one<br>two"`) {
		t.Errorf("%s, %v", raw, err)
	}
}

func TestDefaultRemindersAreNoAlarms(t *testing.T) {
	e := Event{ID: "x", Start: &Time{Date: "2026-01-05"}, Reminders: &Reminders{UseDefault: true, Overrides: []Reminder{{popup, 5}}}}
	if body, _, err := e.ICal(Parent{}); err != nil || strings.Contains(string(body), "VALARM") {
		t.Errorf("%s, %v", body, err)
	}
}

func TestNoIdentityIsAnError(t *testing.T) {
	for _, e := range []Event{{}, {ID: "x", RecurringEventID: "y"}, {ID: "x", RecurringEventID: "y", OriginalStartTime: &Time{DateTime: "soon"}}} {
		if body, _, err := e.ICal(Parent{}); err == nil {
			t.Errorf("%+v: %s", e, body)
		}
	}
}

func TestUIDIsWhatIsReadBack(t *testing.T) {
	for given, want := range map[string]string{" a\u0007b ": "ab", " ": "x@google.com", "": "x@google.com", "a,b;c": "a,b;c"} {
		e := Event{ID: "x", ICalUID: given}
		body, _, err := e.ICal(Parent{})
		if read := ical.Read(body).UID; err != nil || e.UID(Parent{}) != want || read != want {
			t.Errorf("%q: %q, read back %q, %v", given, e.UID(Parent{}), read, err)
		}
	}
}

func TestCancelled(t *testing.T) {
	for name, want := range map[string]bool{"exception-cancelled-bare": true, "timed": false, "tentative": false} {
		if got := Cancelled(byName(t, name).body); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if Cancelled("nonsense") {
		t.Error("nonsense is cancelled")
	}
}
