package ical

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// rich is an event with a bit of everything that real ones carry.
const rich = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example Corp.//CalDAV Client//EN
CALSCALE:GREGORIAN
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
BEGIN:STANDARD
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99
DTSTAMP:20260101T120000Z
CREATED:20251230T120000Z
LAST-MODIFIED:20260102T080000Z
SEQUENCE:2
SUMMARY:Planning\, weekly
DESCRIPTION:Agenda:\n- last week\n- this week; what blocks us\n- the long line
  that has to be folded because it is longer than the limit of seventy-five
  octets that RFC 5545 sets
LOCATION:Room 4\, Köln
GEO:50.94;6.96
DTSTART;TZID=Europe/Berlin:20260105T090000
DTEND;TZID=Europe/Berlin:20260105T100000
RRULE:FREQ=WEEKLY;COUNT=12;BYDAY=MO,WE;INTERVAL=1
EXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000
CATEGORIES:WORK,Team
STATUS:CONFIRMED
CLASS:PRIVATE
TRANSP:TRANSPARENT
PRIORITY:5
URL:https://example.org/plan?week=2&x=y
ORGANIZER;CN=Alice Example:mailto:alice@example.org
ATTENDEE;CN="Bob, B.";PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:bob@example.org
ATTENDEE;CN=Carol;PARTSTAT=NEEDS-ACTION:mailto:carol@example.org
ATTACH;FMTTYPE=text/plain:https://example.org/notes.txt
X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC
X-LOWER-CASE:some value
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Reminder
TRIGGER:-PT15M
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Early reminder
TRIGGER:-P1D
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99
RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000
DTSTAMP:20260101T120000Z
SUMMARY:Planning\, this time in the pub
DTSTART;TZID=Europe/Berlin:20260107T180000
DTEND;TZID=Europe/Berlin:20260107T200000
END:VEVENT
END:VCALENDAR
`

func crlf(s string) cal.Body { return cal.Body(strings.ReplaceAll(s, "\n", "\r\n")) }

func digestOf(t *testing.T, body cal.Body) cal.Digest {
	t.Helper()
	r := Read(body)
	if r.Trouble != "" {
		t.Fatalf("%s\n%s", r.Trouble, body)
	}
	return r.Digest
}

func TestReadTellsWhatABodySays(t *testing.T) {
	r := Read(crlf(rich))
	want := Reading{
		Digest: r.Digest, UID: "5FC53010-1267-4F8E-BC28-1D7AE55A7C99", Component: "VEVENT", Summary: "Planning, weekly",
		Start: "20260105T090000", Modified: later(r.Modified.AddDate(-9, 0, 0), "20260102T080000Z"), Sequence: 2,
	}
	if r != want {
		t.Errorf("got  %+v\nwant %+v", r, want)
	}
	if !strings.HasPrefix(string(r.Digest), "v1:") {
		t.Errorf("digest %s has no label", r.Digest)
	}
}

// sameMeaning lists rewritings of rich that change nothing a person would see.
var sameMeaning = map[string][]string{ // pairs: old, new
	"folded elsewhere":             {"SUMMARY:Planning", "SUMM\n ARY:Plan\n\tning"},
	"names in lower case":          {"LOCATION:", "Location:", "X-LOWER-CASE:", "x-lower-case:", "BEGIN:VALARM", "begin:valarm"},
	"parameter names and words":    {"CN=Carol;PARTSTAT=NEEDS-ACTION", "partstat=needs-action;cn=Carol"},
	"default parameters left out":  {";ROLE=REQ-PARTICIPANT", "", ";PARTSTAT=NEEDS-ACTION", ""},
	"default parameters added":     {"DTEND;", "DTEND;VALUE=DATE-TIME;", "TRIGGER:-PT15M", "TRIGGER;RELATED=START;VALUE=DURATION:-PT15M"},
	"quotes that change nothing":   {"CN=Carol", `CN="Carol"`, "TZID=Europe/Berlin:20260105T090000", `TZID="Europe/Berlin":20260105T090000`},
	"attendees in another order":   {"ATTENDEE;CN=Carol;PARTSTAT=NEEDS-ACTION:mailto:carol@example.org\n", "", "ATTACH", "ATTENDEE;CN=Carol;PARTSTAT=NEEDS-ACTION:mailto:carol@example.org\nATTACH"},
	"scheme and domain of address": {"mailto:bob@example.org", "MAILTO:bob@Example.ORG"},
	"rule parts reordered":         {"FREQ=WEEKLY;COUNT=12;BYDAY=MO,WE;INTERVAL=1", "BYDAY=WE,MO;FREQ=WEEKLY;WKST=MO;COUNT=12"},
	"exdates one by one":           {"EXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000", "EXDATE;TZID=Europe/Berlin:20260119T090000\nEXDATE;TZID=Europe/Berlin:20260112T090000"},
	"categories one by one":        {"CATEGORIES:WORK,Team", "CATEGORIES:Team\nCATEGORIES:WORK"},
	"escapes":                      {`\n- last`, `\N- last`, `week; what`, `week\; what`, "Room 4\\, Köln", "Room 4, Köln"},
	"durations":                    {"-PT15M", "-PT900S", "-P1D", "-P0W1D"},
	"who wrote it and when":        {"SEQUENCE:2", "SEQUENCE:3", "DTSTAMP:20260101T120000Z", "DTSTAMP:20260301T120000Z\nDTSTAMP:20260301T120000Z", "LAST-MODIFIED:20260102T080000Z\n", "", "PRODID:-//Example Corp.//CalDAV Client//EN", "PRODID:other"},
	"zone by its Windows name":     {"Europe/Berlin", "W. Europe Standard Time"},
	"zone behind a vendor's name":  {"Europe/Berlin", "/freeassociation.sourceforge.net/Europe/Berlin"},
	"zone rules left out":          {rich[strings.Index(rich, "BEGIN:VTIMEZONE"):strings.Index(rich, "BEGIN:VEVENT")], ""},
	"METHOD":                       {"CALSCALE:GREGORIAN\n", "METHOD:PUBLISH\n"},
	"schedule status":              {"RSVP=TRUE:", `RSVP=TRUE;SCHEDULE-STATUS="2.0;ok":`},
	"blank lines":                  {"BEGIN:VEVENT", "\nBEGIN:VEVENT"},
	"byte order mark":              {"BEGIN:VCALENDAR", "\uFEFFBEGIN:VCALENDAR"},
	"defaults written out":         {"X-LOWER-CASE", "TRANSP:OPAQUE\nX-LOWER-CASE", "TRANSP:TRANSPARENT\n", "TRANSP:TRANSPARENT\n", "TRANSP:OPAQUE\n", ""},
	"a status that says nothing":   {`SUMMARY:Planning\, this time`, "STATUS:CONFIRMED\nSUMMARY:Planning\\, this time"},
}

func TestDigestIgnoresWhatChangesNothing(t *testing.T) {
	want := digestOf(t, crlf(rich))
	if got := digestOf(t, cal.Body(rich)); got != want {
		t.Errorf("LF line ends change the digest")
	}
	for name, pairs := range sameMeaning {
		body := rich
		for i := 0; i < len(pairs); i += 2 {
			if !strings.Contains(body, pairs[i]) {
				t.Errorf("%s: %q is not in the text", name, pairs[i])
			}
			body = strings.ReplaceAll(body, pairs[i], pairs[i+1])
		}
		if got := digestOf(t, crlf(body)); got != want {
			t.Errorf("%s changes the digest", name)
		}
	}
}

func TestDigestIgnoresOrder(t *testing.T) {
	want := digestOf(t, crlf(rich))
	for _, order := range []func(lines []string){reverse, sortLines} {
		if got := digestOf(t, crlf(reorder(rich, order))); got != want {
			t.Errorf("the order of properties changes the digest:\n%s", reorder(rich, order))
		}
	}
	i, j, k := strings.Index(rich, "BEGIN:VEVENT"), strings.LastIndex(rich, "BEGIN:VEVENT"), strings.Index(rich, "END:VCALENDAR")
	if got := digestOf(t, cal.Body(rich[:i]+rich[j:k]+rich[i:j]+rich[k:])); got != want {
		t.Errorf("the order of components changes the digest")
	}
}

// TestDigestSeesEveryChange changes each letter and digit of every value that a person can see, one at a time.
func TestDigestSeesEveryChange(t *testing.T) {
	base := digestOf(t, crlf(rich))
	event := strings.Index(rich, "BEGIN:VEVENT")
	seen := map[cal.Digest]string{base: "nothing"}
	tried := 0
	for at := event; at < len(rich); at++ {
		body, ok := changed(rich, at)
		if !ok {
			continue
		}
		tried++
		what := fmt.Sprintf("%q at %q", rich[at], lineAt(rich, at))
		r := Read(crlf(body))
		if before, there := seen[r.Digest]; there {
			t.Errorf("changing %s gives the digest of changing %s", what, before)
		}
		seen[r.Digest] = what
	}
	if tried < 500 {
		t.Errorf("only %d changes tried", tried)
	}
}

// changed gives rich with one letter or digit of a visible value replaced.
func changed(text string, at int) (string, bool) {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	line := lineAt(text, at)
	name := line[:max(0, strings.IndexAny(line, ":;"))]
	switch name {
	case "BEGIN", "END", "DTSTAMP", "CREATED", "LAST-MODIFIED", "SEQUENCE":
		return "", false
	}
	colon := strings.IndexByte(line, ':')
	if line[0] != ' ' && at-start <= colon {
		return "", false
	}
	c := text[at]
	if text[at-1] == '\\' || strings.Contains(line, "INTERVAL=1") && strings.HasSuffix(text[start:at+1], "INTERVAL=1") {
		return "", false
	}
	switch {
	case 'a' <= c && c < 'z', 'A' <= c && c < 'Z', '0' <= c && c < '9':
		c++
	case c == '9', c == 'z', c == 'Z':
		c--
	default:
		return "", false
	}
	// A domain's case, a scheme's, a word's do not count; a letter changed to its neighbour always does.
	return text[:at] + string(c) + text[at+1:], true
}

func lineAt(text string, at int) string {
	start := strings.LastIndexByte(text[:at], '\n') + 1
	end := at + strings.IndexByte(text[at:], '\n')
	return text[start:end]
}

func TestDigestSeesWhatIsNotAValue(t *testing.T) {
	base := digestOf(t, crlf(rich))
	for _, pair := range [][2]string{
		{"CN=Carol", "CN=Carola"}, {"PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED"}, {"RSVP=TRUE", "RSVP=FALSE"},
		{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;TZID=Europe/Paris:20260105T090000"},
		{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART:20260105T090000"},
		{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART:20260105T090000Z"},
		{"TRANSP:TRANSPARENT\n", ""}, {"X-LOWER-CASE:some value\n", ""}, {"TRIGGER:-P1D", "TRIGGER:-PT24H"},
		{"TRIGGER:-PT15M", "TRIGGER;RELATED=END:-PT15M"}, {"RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;"},
		{"CATEGORIES:WORK,Team", `CATEGORIES:WORK\,Team`}, {"ATTENDEE;CN=Carol;", "ORGANIZER;CN=Carol;"},
		{"BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:-PT15M\nEND:VALARM\n", ""},
		{"FMTTYPE=text/plain", "FMTTYPE=text/html"}, {"BYDAY=MO,WE", "BYDAY=MO"}, {"INTERVAL=1", "INTERVAL=2"},
	} {
		if !strings.Contains(rich, pair[0]) {
			t.Errorf("%q is not in the text", pair[0])
		}
		if digestOf(t, crlf(strings.Replace(rich, pair[0], pair[1], 1))) == base {
			t.Errorf("%q for %q does not change the digest", pair[1], pair[0])
		}
	}
}

// TestDigestPairs compares small events that differ in one line, or two.
func TestDigestPairs(t *testing.T) {
	event := func(lines string) cal.Body {
		return cal.Body("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n" + lines + "\nEND:VEVENT\nEND:VCALENDAR\n")
	}
	for _, c := range []struct {
		same bool
		a, b string
	}{
		{true, `ATTENDEE;MEMBER="mailto:a@x","mailto:b@x":mailto:c@x`, `ATTENDEE;MEMBER="MAILTO:b@X","mailto:a@x":mailto:c@x`},
		{true, "TRIGGER:-PT0S", "TRIGGER:PT0M"}, {true, "RRULE:FREQ=MONTHLY;BYDAY=+1MO,-1FR;BYMONTH=01", "RRULE:BYMONTH=1;FREQ=monthly;BYDAY=-1FR,1MO"},
		{true, "ORGANIZER:a@Example.org", "ORGANIZER:mailto:a@example.org"}, {true, `DTSTART;TZID="tzone://Microsoft/Utc":20260101T000000`, "DTSTART;TZID=Etc/UTC:20260101T000000"},
		{true, "DTSTART;TZID=Argentina Standard Time:20260101T000000", "DTSTART;TZID=America/Argentina/Buenos_Aires:20260101T000000"},
		{true, "DTSTART;TZID=US/Eastern:20260101T000000", "DTSTART;TZID=/mozilla.org/20050126_1/America/New_York:20260101T000000"},
		{true, "DTSTART;VALUE=DATE:20260101", "DTSTART;VALUE=date;TZID=Europe/Berlin:20260101"}, {true, "EXDATE:20260101T000000Z,20260101T000000Z", "EXDATE:20260101T000000Z"},
		{true, "GEO:1.5\\;2", "GEO:1.5;2"}, {true, "DESCRIPTION:\nPRIORITY:0", "X-MOZ-GENERATION:7"},
		{true, "RDATE;VALUE=PERIOD:20260101T000000Z/PT60M", "RDATE;VALUE=PERIOD:20260101T000000Z/PT1H"},
		{false, "DTSTART:20260101T000000", "DTSTART:20260101T000000Z"}, {false, "DTSTART;TZID=UTC:20260101T000000", "DTSTART:20260101T000000Z"},
		{false, "DTSTART;VALUE=DATE:20260101", "DTSTART:20260101T000000"}, {false, "DTSTART;TZID=Europe/Oslo:20260101T000000", "DTSTART;TZID=Europe/Berlin:20260101T000000"},
		{false, "RRULE:FREQ=WEEKLY", "RRULE:FREQ=WEEKLY;WKST=SU"}, {false, "X-A:1\nX-A:1", "X-A:1"}, {false, "SUMMARY:a\\nb", "SUMMARY:a\\\\nb"},
		{false, "SUMMARY:ab", "SUMMARY:a\nLOCATION:b"}, {false, "COMMENT:a\nCOMMENT:b", "COMMENT:ab"}, {false, "URL:http://x/A", "URL:http://x/a"},
		{false, "ATTENDEE:mailto:Bob@x", "ATTENDEE:mailto:bob@x"}, {false, "ATTACH:cid:1", "ATTACH;FMTTYPE=a/b:cid:1"},
		{false, "ATTENDEE;X-A=" + strings.Repeat("x", 200) + ":mailto:a@x", "ATTENDEE;X-A=" + strings.Repeat("x", 201) + ":mailto:a@x"},
	} {
		if got := digestOf(t, event(c.a)) == digestOf(t, event(c.b)); got != c.same {
			t.Errorf("%q and %q: same digest %t", c.a, c.b, got)
		}
	}
}

func TestReadTakesTheStampWhereNothingElseTells(t *testing.T) {
	r := Read(cal.Body(strings.ReplaceAll(rich, "LAST-MODIFIED:20260102T080000Z\n", "")))
	if got := r.Modified.Format("20060102T150405Z"); got != "20260101T120000Z" {
		t.Error(got)
	}
	override := strings.Index(rich, "RECURRENCE-ID")
	swapped := rich[:strings.Index(rich, "BEGIN:VEVENT")] + pub + "BEGIN:VEVENT" + rich[strings.Index(rich, "BEGIN:VEVENT")+len("BEGIN:VEVENT"):override] + rich[override:]
	if r := Read(cal.Body(swapped)); r.Summary != "Planning, weekly" || r.Start != "20260105T090000" {
		t.Errorf("an override before the master stands for all: %+v", r)
	}
}

// TestDigestKeepsTheRulesOfAZoneNobodyKnows: a VTIMEZONE counts when its name alone says nothing.
func TestDigestKeepsTheRulesOfAZoneNobodyKnows(t *testing.T) {
	own := strings.ReplaceAll(rich, "Europe/Berlin", "Customized Time Zone")
	base := digestOf(t, crlf(own))
	if digestOf(t, crlf(strings.Replace(own, "TZOFFSETTO:+0200", "TZOFFSETTO:+0300", 1))) == base {
		t.Error("other rules, same digest")
	}
	if digestOf(t, crlf(strings.Replace(own, "TZNAME:CEST", "TZNAME:MESZ", 1))) != base {
		t.Error("another label of the same rules changes the digest")
	}
}

func TestReadRefusesWithALineAndAReason(t *testing.T) {
	for name, tt := range map[string]struct{ body, want string }{
		"empty":            {"", "line 1: there is no BEGIN:VCALENDAR"},
		"garbage":          {"<html>", "line 1: has no colon"},
		"cut off":          {rich[:strings.Index(rich, "END:VCALENDAR")], "has no END"},
		"no event":         {"BEGIN:VCALENDAR\nEND:VCALENDAR\n", "there is no event"},
		"a line in pieces": {strings.Replace(rich, "\n  that has", "\nthat has", 1), "must begin with a space"},
		"wrong END":        {strings.Replace(rich, "END:DAYLIGHT", "END:DAY", 1), "line 13: END: does not end BEGIN:DAYLIGHT of line 7"},
		"go-ical panics":   {strings.Replace(rich, "CN=Carol", `CN="Carol"x`, 1), "quote inside"},
		"no colon":         {strings.Replace(rich, "SUMMARY:Planning\\, weekly", "X-A;P=v", 1), "no colon behind its parameters"},
		"deep":             {"BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:A\n", 50_000), "nested more than 8 deep"},
		"long parameter":   {strings.Replace(rich, "CN=Carol", "CN="+strings.Repeat("x", 5000), 1), "longer than 4 kB"},
		"large":            {strings.Replace(rich, "SUMMARY:", "SUMMARY:"+strings.Repeat("x", 3<<20), 1), "the limit is 2097152"},
		"many lines":       {rich + strings.Repeat("\n", 200_000), "the limit is 100000"},
		"outside":          {rich + "SUMMARY:x\n", "stands outside"},
	} {
		r := Read(cal.Body(tt.body))
		if !strings.Contains(r.Trouble, tt.want) || !strings.HasPrefix(r.Trouble, "line ") {
			t.Errorf("%s: trouble %q, want %q", name, r.Trouble, tt.want)
		}
		if !strings.HasPrefix(string(r.Digest), "raw:") || r.Component != "" {
			t.Errorf("%s: read as %+v", name, r)
		}
		if strings.Contains(tt.body, "\nUID:") && r.UID != "5FC53010-1267-4F8E-BC28-1D7AE55A7C99" {
			t.Errorf("%s: its UID is lost: %q", name, r.UID)
		}
	}
}

func TestReadTakesLongDocumentsInParameters(t *testing.T) {
	body := strings.Replace(rich, "DESCRIPTION:Agenda", `DESCRIPTION;ALTREP="data:text/html,`+strings.Repeat("x", 100_000)+`":Agenda`, 1)
	if r := Read(cal.Body(body)); r.Trouble != "" {
		t.Error(r.Trouble)
	}
}

// TestDigestSurvivesWhatServersStore: a server that writes bodies anew has changed nothing, unless it lost something.
func TestDigestSurvivesWhatServersStore(t *testing.T) {
	for name, store := range servers {
		for _, body := range []string{rich, string(crlf(rich)), refold(strings.Replace(rich, "CLASS:PRIVATE\n", "", 1))} {
			if digestOf(t, cal.Body(store(body))) != digestOf(t, cal.Body(body)) {
				t.Errorf("%s changes the digest:\n%s", name, difference(store(body), lf(body)))
			}
		}
	}
	damaged := strings.Replace(rich, `CN="Bob, B."`, "CN=Bob,B.", 1) // DAViCal
	if digestOf(t, cal.Body(damaged)) == digestOf(t, cal.Body(rich)) {
		t.Error("a name that was cut in two is not seen")
	}
}

func TestDigestSurvivesWhatServersMakeOfTheCorpus(t *testing.T) {
	for path, file := range corpus(t) {
		bodies, _ := Split(file)
		for _, body := range bodies[:min(len(bodies), 50)] {
			want := Read(body).Digest
			for name, store := range servers {
				if stored := store(string(body)); Read(cal.Body(stored)).Digest != want {
					t.Errorf("%s: %s changes the digest:\n%s", path, name, difference(stored, lf(string(body))))
					break
				}
			}
		}
	}
}

// corpus gives every body under $CALBRIDGE_CORPUS.
func corpus(t testing.TB) map[string]cal.Body {
	t.Helper()
	root := os.Getenv("CALBRIDGE_CORPUS")
	if root == "" {
		if os.Getenv("CALBRIDGE_TEST_ALL") == "1" {
			t.Fatal("CALBRIDGE_CORPUS names no folder of .ics files")
		}
		t.Skip("CALBRIDGE_CORPUS names no folder of .ics files")
	}
	all := map[string]cal.Body{}
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".ics" {
			return err
		}
		text, err := os.ReadFile(path)
		all[path] = cal.Body(text)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("read the corpus in %s: %d files, %v", root, len(all), err)
	}
	return all
}

func TestReadTheCorpus(t *testing.T) {
	readable := 0
	for path, body := range corpus(t) {
		r := Read(body)
		if r.Trouble != "" {
			t.Logf("%s: %s", filepath.Base(path), r.Trouble)
			continue
		}
		readable++
		for name, rewrite := range map[string]func(string) string{"LF": lf, "refolded": refold, "reordered": func(s string) string { return reorder(s, reverse) }} {
			if got := Read(cal.Body(rewrite(string(body)))); got.Digest != r.Digest {
				t.Errorf("%s: %s changes the digest %s", path, name, got.Trouble)
			}
		}
	}
	if readable < 60 {
		t.Errorf("only %d files can be read", readable)
	}
}
