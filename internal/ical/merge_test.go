package ical

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"calbridge/internal/cal"
)

// swap replaces pairs of texts; an old one that is not there is a mistake in the test.
func swap(t testing.TB, body string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(body, pairs[i]) {
			t.Fatalf("%q is not in the text:\n%s", pairs[i], body)
		}
		body = strings.Replace(body, pairs[i], pairs[i+1], 1)
	}
	return body
}

const (
	bob      = "ATTENDEE;CN=\"Bob, B.\";PARTSTAT=ACCEPTED;ROLE=REQ-PARTICIPANT;RSVP=TRUE:mailto:bob@example.org\n"
	carol    = "ATTENDEE;CN=Carol;PARTSTAT=NEEDS-ACTION:mailto:carol@example.org\n"
	dave     = "ATTENDEE;CN=Dave:mailto:dave@example.org\n"
	exdates  = "EXDATE;TZID=Europe/Berlin:20260112T090000,20260119T090000\n"
	late     = "EXDATE:20260126T080000Z\n"
	reminder = "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Reminder\nTRIGGER:-PT15M\nEND:VALARM\n"
	email    = "BEGIN:VALARM\nUID:a1\nACTION:EMAIL\nTRIGGER:-PT1H\nEND:VALARM\n"
	pub      = "BEGIN:VEVENT\nUID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99\nRECURRENCE-ID;TZID=Europe/Berlin:20260107T090000\n" +
		"DTSTAMP:20260101T120000Z\nSUMMARY:Planning\\, this time in the pub\nDTSTART;TZID=Europe/Berlin:20260107T180000\n" +
		"DTEND;TZID=Europe/Berlin:20260107T200000\nEND:VEVENT\n"
	wednesday = "BEGIN:VEVENT\nUID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99\nRECURRENCE-ID:20260114T080000Z\nDTSTAMP:20260101T120000Z\n" +
		"SUMMARY:Planning on Wednesday\nDTSTART:20260114T100000Z\nDTEND:20260114T110000Z\nEND:VEVENT\n"
	atLast = "BEGIN:VEVENT\nUID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99\nRECURRENCE-ID;TZID=Europe/Berlin:20260114T090000\n" +
		"DTSTAMP:20260101T120000Z\nSUMMARY:Planning at last\nDTSTART:20260114T100000Z\nDTEND:20260114T110000Z\nEND:VEVENT\n"
	office = "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\n"
	end    = "END:VCALENDAR\n"
	rule   = "RRULE:FREQ=WEEKLY;COUNT=12;BYDAY=MO,WE;INTERVAL=1\n"
)

// mergeCase is what mine and theirs make of rich, and what the merge must make of it when theirs is preferred.
type mergeCase struct {
	mine, theirs, want []string // pairs: old, new
	wantMine           []string // when mine is preferred; nil: the same
	contested          string   // joined by spaces
	structural         bool
	spelling           bool // both wrote the same in two ways, and theirs stays
	oneWay             bool // what is at the remote already was sent before
}

var mergeCases = map[string]mergeCase{
	"nothing": {},
	"mine alone": {
		mine: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"theirs alone": {
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"different properties": {
		mine:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		theirs: []string{"LOCATION:Room 4\\, Köln", "LOCATION:Room 5", "X-LOWER-CASE:some value\n", "X-New:1\n"},
		want:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans", "LOCATION:Room 4\\, Köln", "LOCATION:Room 5", "X-LOWER-CASE:some value\n", "X-New:1\n"}},
	"the same change": {
		mine:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUM\n MARY:Plans"},
		want:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"the same property": {
		mine:      []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		theirs:    []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Talks"},
		want:      []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Talks"},
		wantMine:  []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		contested: "SUMMARY"},
	"place is one group": {
		mine:      []string{"LOCATION:Room 4\\, Köln\n", ""},
		theirs:    []string{"GEO:50.94;6.96", "GEO:1;2"},
		want:      []string{"GEO:50.94;6.96", "GEO:1;2"},
		wantMine:  []string{"LOCATION:Room 4\\, Köln\n", ""},
		contested: "place"},
	"time is one group": {
		mine:      []string{"DTEND;TZID=Europe/Berlin:20260105T100000", "DTEND;TZID=Europe/Berlin:20260105T110000"},
		theirs:    []string{"DTEND;TZID=Europe/Berlin:20260105T100000", "DURATION:PT2H"},
		want:      []string{"DTEND;TZID=Europe/Berlin:20260105T100000", "DURATION:PT2H"},
		wantMine:  []string{"DTEND;TZID=Europe/Berlin:20260105T100000", "DTEND;TZID=Europe/Berlin:20260105T110000"},
		contested: "time"},
	"removed and left alone": {
		mine: []string{"URL:https://example.org/plan?week=2&x=y\n", ""},
		want: []string{"URL:https://example.org/plan?week=2&x=y\n", ""}},
	"sets are never contested": {
		mine:   []string{"CATEGORIES:WORK,Team", "CATEGORIES:WORK,Mine"},
		theirs: []string{"CATEGORIES:WORK,Team", "CATEGORIES:Team\nCATEGORIES:Theirs"},
		want:   []string{"CATEGORIES:WORK,Team", "CATEGORIES:Theirs,Mine"}},
	"attachments": {
		mine:   []string{"ATTACH;", "ATTACH:https://example.org/mine\nATTACH;"},
		theirs: []string{"ATTACH;FMTTYPE=text/plain:https://example.org/notes.txt\n", "ATTACH:https://example.org/theirs\n"},
		want:   []string{"ATTACH;FMTTYPE=text/plain:https://example.org/notes.txt\n", "ATTACH:https://example.org/theirs\nATTACH:https://example.org/mine\n"}},
	"exdates": {
		mine:   []string{exdates, "EXDATE;TZID=Europe/Berlin:20260119T090000\n"},
		theirs: []string{exdates, exdates + late},
		want:   []string{exdates, "EXDATE;TZID=Europe/Berlin:20260119T090000\n" + late}},
	"one instance, written in two ways": {
		mine:   []string{exdates, exdates + late},
		theirs: []string{exdates, exdates + "EXDATE;TZID=Europe/Berlin:20260126T090000\n"},
		want:   []string{exdates, exdates + "EXDATE;TZID=Europe/Berlin:20260126T090000\n"}, spelling: true},
	"one instance, without its zone": {
		mine:   []string{exdates, exdates + late},
		theirs: []string{exdates, exdates + "EXDATE:20260126T090000\n"},
		want:   []string{exdates, exdates + "EXDATE:20260126T090000\n"}, spelling: true},
	"an alarm seen here, the event moved there": {
		mine:   []string{"TRIGGER:-PT15M", "TRIGGER:-PT15M\nACKNOWLEDGED:20260105T074500Z"},
		theirs: []string{"20260105T100000", "20260105T110000", "SEQUENCE:2", "SEQUENCE:3"},
		want:   []string{"TRIGGER:-PT15M", "TRIGGER:-PT15M\nACKNOWLEDGED:20260105T074500Z", "20260105T100000", "20260105T110000"}},
	"attendees by address": {
		mine:   []string{carol, "", "ATTACH", dave + "ATTACH"},
		theirs: []string{"CN=\"Bob, B.\"", "CN=Robert"},
		want:   []string{carol, "", "ATTACH", dave + "ATTACH", "CN=\"Bob, B.\"", "CN=Robert"}},
	"the answer is a field of its own": {
		mine:   []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"},
		theirs: []string{"CN=Carol", "CN=Caroline"},
		want:   []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Caroline;PARTSTAT=DECLINED"}},
	"who was removed stays removed, whatever the answer": {
		mine:   []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"},
		theirs: []string{carol, ""},
		want:   []string{carol, ""}},
	"an answer to the old time": {
		mine:      []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=ACCEPTED"},
		theirs:    []string{"20260105T100000", "20260105T110000", "SEQUENCE:2", "SEQUENCE:3"},
		want:      []string{"20260105T100000", "20260105T110000"},
		contested: "attendee:mailto:carol@example.org", oneWay: true},
	"two answers": {
		mine:      []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"},
		theirs:    []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=ACCEPTED"},
		want:      []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=ACCEPTED"},
		wantMine:  []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"},
		contested: "attendee:mailto:carol@example.org"},
	"alarms": {
		mine:   []string{reminder, reminder + email},
		theirs: []string{"BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Early reminder\nTRIGGER:-P1D\nEND:VALARM\n", ""},
		want:   []string{reminder, reminder + email, "BEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:Early reminder\nTRIGGER:-P1D\nEND:VALARM\n", ""}},
	"an alarm seen here is moved there": {
		mine:   []string{"TRIGGER:-PT15M", "TRIGGER:-PT15M\nACKNOWLEDGED:20260105T074500Z"},
		theirs: []string{"STATUS:CONFIRMED", "STATUS:TENTATIVE"},
		want:   []string{"TRIGGER:-PT15M", "TRIGGER:-PT15M\nACKNOWLEDGED:20260105T074500Z", "STATUS:CONFIRMED", "STATUS:TENTATIVE"}},
	"master and override": {
		mine:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		theirs: []string{"in the pub", "in the park"},
		want:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans", "in the pub", "in the park"}},
	"override contested": {
		mine:      []string{"in the pub", "in the park"},
		theirs:    []string{"in the pub", "in the bar"},
		want:      []string{"in the pub", "in the bar"},
		wantMine:  []string{"in the pub", "in the park"},
		contested: "20260107T080000Z/SUMMARY"},
	"override added": {
		mine:   []string{end, wednesday + end},
		theirs: []string{"in the pub", "in the bar"},
		want:   []string{"in the pub", "in the bar", end, wednesday + end}},
	"override made on both sides": {
		mine:      []string{end, wednesday + end},
		theirs:    []string{end, atLast + end},
		want:      []string{end, atLast + end},
		wantMine:  []string{end, wednesday + end},
		contested: "20260114T080000Z"},
	"override dropped": {
		mine:   []string{pub, ""},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{pub, "", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"instance deleted here, edited there": {
		mine:      []string{pub, "", exdates, exdates + "EXDATE:20260107T080000Z\n"},
		theirs:    []string{"in the pub", "in the park"},
		want:      []string{"in the pub", "in the park"},
		contested: "20260107T080000Z"},
	"instance edited here, deleted there": {
		mine:      []string{"in the pub", "in the park"},
		theirs:    []string{pub, "", exdates, "EXDATE;TZID=Europe/Berlin:20260107T090000,20260112T090000,20260119T090000\n"},
		want:      []string{"in the pub", "in the park"},
		contested: "20260107T080000Z"},
	"rule here, instance there": {
		mine:       []string{"COUNT=12", "COUNT=10"},
		theirs:     []string{exdates, exdates + late},
		want:       []string{exdates, exdates + late},
		wantMine:   []string{"COUNT=12", "COUNT=10"},
		contested:  "instances recurrence",
		structural: true},
	"instance here, start there": {
		mine:       []string{"in the pub", "in the park"},
		theirs:     []string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;TZID=Europe/Berlin:20260105T083000"},
		want:       []string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;TZID=Europe/Berlin:20260105T083000"},
		wantMine:   []string{"in the pub", "in the park"},
		contested:  "instances recurrence",
		structural: true},
	"rule here, title there": {
		mine:   []string{"COUNT=12", "COUNT=10"},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{"COUNT=12", "COUNT=10", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"what comes out would not be valid": {
		mine:       []string{"COUNT=12", "UNTIL=20260401T000000Z"},
		theirs:     []string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;VALUE=DATE:20260105", "DTEND;TZID=Europe/Berlin:20260105T100000", "DTEND;VALUE=DATE:20260106"},
		want:       []string{"DTSTART;TZID=Europe/Berlin:20260105T090000", "DTSTART;VALUE=DATE:20260105", "DTEND;TZID=Europe/Berlin:20260105T100000", "DTEND;VALUE=DATE:20260106"},
		wantMine:   []string{"COUNT=12", "UNTIL=20260401T000000Z"},
		contested:  "recurrence",
		structural: true},
	"the same rule on both sides, an instance there": {
		mine:   []string{"COUNT=12", "COUNT=10", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		theirs: []string{"COUNT=12", "COUNT=10", exdates, exdates + late},
		want:   []string{"COUNT=12", "COUNT=10", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans", exdates, exdates + late}},
	"an override for all that follow, an instance there": {
		mine:       []string{"RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", "in the pub", "in the park"},
		theirs:     []string{exdates, exdates + late},
		want:       []string{exdates, exdates + late},
		wantMine:   []string{"RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", "in the pub", "in the park"},
		contested:  "instances recurrence",
		structural: true},
	"rule here, another date there": {
		mine:       []string{"COUNT=12", "COUNT=10"},
		theirs:     []string{exdates, exdates + "RDATE:20260301T090000Z\n"},
		want:       []string{exdates, exdates + "RDATE:20260301T090000Z\n"},
		wantMine:   []string{"COUNT=12", "COUNT=10"},
		contested:  "instances recurrence",
		structural: true},
	"other dates on both sides": {
		mine:   []string{exdates, exdates + "RDATE;VALUE=PERIOD:20260301T090000Z/PT1H\n"},
		theirs: []string{exdates, exdates + "RDATE;VALUE=PERIOD:20260301T090000Z/PT2H,20260302T090000Z/PT2H\n"},
		want:   []string{exdates, exdates + "RDATE;VALUE=PERIOD:20260301T090000Z/PT2H,20260302T090000Z/PT2H\nRDATE;VALUE=PERIOD:20260301T090000Z/PT1H\n"}},
	"a zone of one name with other rules": {
		mine:       []string{"BEGIN:VEVENT", office + "BEGIN:VEVENT", "DTEND;TZID=Europe/Berlin:20260105", "DTEND;TZID=Office:20260105"},
		theirs:     []string{"BEGIN:VEVENT", strings.ReplaceAll(office, "+0100", "+0200") + "BEGIN:VEVENT", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:       []string{"BEGIN:VEVENT", strings.ReplaceAll(office, "+0100", "+0200") + "BEGIN:VEVENT", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		wantMine:   []string{"BEGIN:VEVENT", office + "BEGIN:VEVENT", "DTEND;TZID=Europe/Berlin:20260105", "DTEND;TZID=Office:20260105"},
		contested:  "time zone",
		structural: true},
	"instance deleted on both sides, override left on one": {
		mine:      []string{pub, "", exdates, exdates + "EXDATE:20260107T080000Z\n"},
		theirs:    []string{"in the pub", "in the park", exdates, exdates + "EXDATE:20260107T080000Z\n"},
		want:      []string{"in the pub", "in the park", exdates, exdates + "EXDATE:20260107T080000Z\n"},
		contested: "20260107T080000Z"},
	"another UID": {
		mine:       []string{"UID:5FC53010", "UID:6", "UID:5FC53010", "UID:6"},
		theirs:     []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:       []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		wantMine:   []string{"UID:5FC53010", "UID:6", "UID:5FC53010", "UID:6"},
		contested:  "instances",
		structural: true},
	"two components for one instance": {
		mine:       []string{end, pub + end},
		theirs:     []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:       []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		wantMine:   []string{end, pub + end},
		contested:  "instances",
		structural: true},
	"one side was not valid before": {
		mine:   []string{"20260105T100000", "20260105T080000"},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{"20260105T100000", "20260105T080000", "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"two alarms that are alike": {
		mine:   []string{reminder, reminder + reminder},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{reminder, reminder + reminder, "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"}},
	"a zone comes along": {
		mine:   []string{"RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000", "RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000\nCOMMENT:x", "BEGIN:VEVENT", "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT", "DTEND;TZID=Europe/Berlin:20260107T200000", "DTEND;TZID=Office:20260107T200000"},
		theirs: []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans"},
		want:   []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans", "RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000", "RECURRENCE-ID;TZID=Europe/Berlin:20260107T090000\nCOMMENT:x", "BEGIN:VEVENT", "BEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT", "DTEND;TZID=Europe/Berlin:20260107T200000", "DTEND;TZID=Office:20260107T200000"}},
}

func TestMerge(t *testing.T) {
	for name, c := range mergeCases {
		t.Run(name, func(t *testing.T) {
			s := Sides{Base: crlf(rich), Mine: crlf(swap(t, rich, c.mine...)), Theirs: crlf(swap(t, rich, c.theirs...))}
			c.check(t, s, cal.Theirs, c.want)
			mine := c.wantMine
			if mine == nil {
				mine = c.want
			}
			c.check(t, s, cal.Mine, mine)
			if !c.spelling && !c.oneWay {
				c.checkSwapped(t, s)
			}
		})
	}
}

func (c mergeCase) check(t *testing.T, s Sides, prefer cal.Side, pairs []string) {
	t.Helper()
	m, err := Merge(s, prefer)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(m.Contested, " "); got != c.contested || m.Structural != c.structural {
		t.Errorf("prefer %s: contested %q, structural %t; want %q, %t", prefer, got, m.Structural, c.contested, c.structural)
	}
	want := crlf(swap(t, rich, pairs...))
	if digestOf(t, m.Body) != digestOf(t, want) {
		t.Errorf("prefer %s: got\n%s\nwant\n%s", prefer, difference(string(m.Body), string(want)), "")
	}
	if strings.Contains(strings.ReplaceAll(string(m.Body), "\r\n", ""), "\n") {
		t.Errorf("prefer %s: line ends are mixed", prefer)
	}
}

// checkSwapped: swapping the sides and the preference changes nothing.
func (c mergeCase) checkSwapped(t *testing.T, s Sides) {
	t.Helper()
	for _, prefer := range [][2]cal.Side{{cal.Mine, cal.Theirs}, {cal.Theirs, cal.Mine}} {
		one, _ := Merge(s, prefer[0])
		other, _ := Merge(Sides{s.Base, s.Theirs, s.Mine}, prefer[1])
		if digestOf(t, one.Body) != digestOf(t, other.Body) || !slices.Equal(one.Contested, other.Contested) || one.Structural != other.Structural {
			t.Errorf("swapped: %v and %v\n%s", one.Contested, other.Contested, difference(string(one.Body), string(other.Body)))
		}
	}
}

// difference lists the lines that only one of two texts has.
func difference(got, want string) string {
	var b strings.Builder
	a, z := strings.Split(got, "\n"), strings.Split(want, "\n")
	for _, line := range a {
		if !slices.Contains(z, line) {
			b.WriteString("+ " + line + "\n")
		}
	}
	for _, line := range z {
		if !slices.Contains(a, line) {
			b.WriteString("- " + line + "\n")
		}
	}
	return b.String()
}

// TestMergeAlarmsByUID: what an alarm does, and that somebody saw it, are merged apart.
func TestMergeAlarmsByUID(t *testing.T) {
	alarm := "BEGIN:VALARM\nUID:a1\nACTION:AUDIO\nTRIGGER:-PT1H\nBEGIN:VLOCATION\nNAME:door\nEND:VLOCATION\nEND:VALARM\n"
	with := func(pairs ...string) cal.Body {
		return crlf(swap(t, rich, reminder, swap(t, alarm, pairs...)+reminder))
	}
	moved := []string{"-PT1H", "-PT2H", "NAME:door", "NAME:gate"}
	seen := []string{"TRIGGER", "ACKNOWLEDGED:20260105T070000Z\nTRIGGER"}
	later := []string{"TRIGGER", "ACKNOWLEDGED:20260105T073000Z\nTRIGGER"}
	for name, c := range map[string]struct {
		mine, theirs, want cal.Body
		contested          string
	}{
		"moved here, seen there": {with(moved...), with(seen...), with(append(slices.Clone(seen), moved...)...), ""},
		"seen here, moved there": {with(seen...), with(moved...), with(append(slices.Clone(seen), moved...)...), ""},
		"both here":              {with(append(slices.Clone(seen), moved...)...), with(), with(append(slices.Clone(seen), moved...)...), ""},
		"seen twice":             {with(seen...), with(later...), with(later...), "alarm:a1"},
		"moved and seen here":    {with(append(slices.Clone(seen), moved...)...), with(later...), with(append(slices.Clone(later), moved...)...), "alarm:a1"},
		"moved twice":            {with("-PT1H", "-PT3H"), with(moved...), with(moved...), "alarm:a1"},
		"seen here, gone there":  {with(seen...), crlf(rich), crlf(rich), ""},
		"gone here, seen there":  {crlf(rich), with(seen...), crlf(rich), ""},
	} {
		m, err := Merge(Sides{with(), c.mine, c.theirs}, cal.Theirs)
		if err != nil || strings.Join(m.Contested, " ") != c.contested || digestOf(t, m.Body) != digestOf(t, c.want) {
			t.Errorf("%s: %v %v\n%s", name, err, m.Contested, difference(string(m.Body), string(c.want)))
		}
	}
}

// TestMergeFoldsBetweenLetters: a line that is put together anew is folded at 75 octets, and no letter is cut in two.
func TestMergeFoldsBetweenLetters(t *testing.T) {
	long := "CN=Caroline " + strings.Repeat("ä€𝄞", 40)
	mine := crlf(swap(t, rich, "CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"))
	m, err := Merge(Sides{crlf(rich), mine, crlf(swap(t, rich, "CN=Carol", long))}, cal.Theirs)
	if err != nil || digestOf(t, m.Body) != digestOf(t, crlf(swap(t, rich, "CN=Carol;PARTSTAT=NEEDS-ACTION", long+";PARTSTAT=DECLINED"))) {
		t.Error(err, string(m.Body))
	}
	_, attendee, _ := strings.Cut(string(m.Body), "ATTENDEE;CN=Caro")
	attendee, _, _ = strings.Cut("ATTENDEE;CN=Caro"+attendee, "ATTACH")
	for line := range strings.SplitSeq(attendee, "\r\n") {
		if len(line) > 75 || !utf8.ValidString(line) {
			t.Errorf("%d octets: %q", len(line), line)
		}
	}
}

func TestMergeTouchesNothingElse(t *testing.T) {
	mine := crlf(swap(t, rich, "SUMMARY:Planning\\, weekly", "SUMMARY:Plans"))
	theirs := crlf(swap(t, rich, "X-LOWER-CASE:some value", "x-lower-case;odd=\"1\":so\n me", "DTSTAMP:20260101T120000Z", "DTSTAMP:20260202T120000Z"))
	m, err := Merge(Sides{crlf(rich), mine, theirs}, cal.Theirs)
	if want := strings.Replace(string(theirs), "SUMMARY:Planning\\, weekly", "SUMMARY:Plans", 1); err != nil || string(m.Body) != want {
		t.Errorf("%v\n%s", err, difference(string(m.Body), want))
	}
	if m, _ := Merge(Sides{crlf(rich), crlf(rich), theirs}, cal.Mine); m.Body != theirs {
		t.Errorf("nothing of mine is kept, and theirs is changed:\n%s", difference(string(m.Body), string(theirs)))
	}
}

func TestMergeTakesTheLineEndsOfTheirs(t *testing.T) {
	m, err := Merge(Sides{crlf(rich), crlf(swap(t, rich, "week; what", "week; who")), cal.Body(rich)}, cal.Theirs)
	if err != nil || string(m.Body) != swap(t, rich, "week; what", "week; who") {
		t.Errorf("%v\n%s", err, m.Body)
	}
}

func TestMergeTellsWhichSideCannotBeRead(t *testing.T) {
	_, err := Merge(Sides{crlf(rich), "BEGIN:VCALENDAR\n", crlf(rich)}, cal.Mine)
	if err == nil || !strings.HasPrefix(err.Error(), "read mine to merge it: line 1: BEGIN: ") {
		t.Error(err)
	}
}

// TestCopyOfAnException: a copy of what is an exception of a series, and alone in its body, is an event of its own.
func TestCopyOfAnException(t *testing.T) {
	body := cal.Body(strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:a\nRECURRENCE-ID:20260105T090000Z\n"+
		"DTSTAMP:20260101T000000Z\nDTSTART:20260105T100000Z\nSUMMARY:moved\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n"))
	got, err := Copy(body, "b")
	if r := Read(got); err != nil || r.UID != "b" || r.RecurrenceID != "" || strings.Contains(string(got), "RECURRENCE-ID") || r.Summary != "moved" {
		t.Errorf("%v %s", err, got)
	}
}
