package ical

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
)

// oddLines are what real events are made of, and what they are rarely made of.
var oddLines = []string{
	"SUMMARY:a", "SUMMARY:b", "SUMMARY;LANGUAGE=fr:a", "DESCRIPTION:d1", "DESCRIPTION:d2", "X-ALT-DESC;FMTTYPE=text/html:<b>d1</b>",
	"LOCATION:l1", "LOCATION:l2", "GEO:1;2", "STATUS:CONFIRMED", "STATUS:CANCELLED", "TRANSP:TRANSPARENT", "CLASS:PRIVATE",
	"CATEGORIES:a,b", "CATEGORIES:b,c", "CATEGORIES:a", "CATEGORIES;LANGUAGE=fr:a", "RESOURCES:x,y", "COMMENT:1", "COMMENT:2",
	"ATTENDEE;PARTSTAT=ACCEPTED:mailto:a@example.org", "ATTENDEE;CN=B:mailto:b@example.org", "ATTENDEE;CN=A:mailto:a@example.org",
	"ORGANIZER:mailto:a@example.org", "ORGANIZER;CN=o:mailto:a@example.org",
	"ATTACH:http://a.example", "ATTACH;FMTTYPE=x/y:http://a.example", "ATTACH:http://b.example",
	"EXDATE:20260106T090000Z", "EXDATE:20260106T090000Z,20260107T090000Z", "EXDATE;TZID=Europe/Berlin:20260106T100000", "EXDATE;X-A=1:20260107T090000Z",
	"RDATE:20260110T090000Z", "RDATE;VALUE=PERIOD:20260111T090000Z/PT1H", "RDATE;VALUE=PERIOD:20260111T090000Z/PT2H",
	"X-FOO:1", "X-FOO;P=1:1", "RELATED-TO:r1", "RELATED-TO;RELTYPE=CHILD:r1", "CONFERENCE;VALUE=URI:http://c1.example",
	"X-MOZ-LASTACK:20260101T000000Z",
	"BEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM",
	"BEGIN:VALARM\nUID:al\nACTION:DISPLAY\nTRIGGER:-PT10M\nEND:VALARM",
	"BEGIN:VALARM\nUID:al\nACTION:DISPLAY\nTRIGGER:-PT20M\nACKNOWLEDGED:20260101T000000Z\nEND:VALARM",
	"BEGIN:PARTICIPANT\nUID:p1\nSUMMARY:x\nEND:PARTICIPANT", "BEGIN:VLOCATION\nUID:p1\nNAME:x\nEND:VLOCATION",
}

// drawOdd is a series made of any of them.
func drawOdd(t *rapid.T, label string) cal.Body {
	properties, components := "", ""
	for _, l := range rapid.SliceOfN(rapid.SampledFrom(oddLines), 0, 8).Draw(t, label) {
		if strings.HasPrefix(l, "BEGIN") {
			components += l + "\n"
		} else {
			properties += l + "\n"
		}
	}
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART:20260105T090000Z\n" +
		"RRULE:FREQ=DAILY\n" + properties + components + "END:VEVENT\n"
	for _, id := range rapid.SliceOfDistinct(rapid.SampledFrom([]string{":20260108T090000Z", ":20260109T090000Z"}), rapid.ID).Draw(t, "overrides") {
		text += "BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID" + id + "\nDTSTART:20260108T110000Z\nSUMMARY:" +
			rapid.SampledFrom([]string{"o1", "o2"}).Draw(t, "title") + "\nEND:VEVENT\n"
	}
	return crlf(text + "END:VCALENDAR\n")
}

// means compares by meaning: the instants of EXDATE may be spelled in any zone.
func means(body cal.Body) string {
	return strings.Join(mustTakeApart(body).says(), "\n")
}

func mustTakeApart(body cal.Body) *series {
	s, err := readSeries(body)
	if err != nil {
		panic(err)
	}
	return s
}

func TestWhatOneSideAloneChangedArrives(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base, edited := drawOdd(t, "base"), drawOdd(t, "edited")
		for _, prefer := range []cal.Side{cal.Mine, cal.Theirs} {
			for side, s := range map[string]Sides{"mine": {base, edited, base}, "theirs": {base, base, edited}} {
				m, err := Merge(s, prefer)
				if err != nil {
					t.Fatal(err)
				}
				if means(m.Body) != means(edited) || m.Structural || len(m.Contested) > 0 {
					t.Fatalf("%s alone, prefer %s: contested %v, structural %v\nbase\n%s\nedited\n%s\ngot\n%s", side, prefer,
						m.Contested, m.Structural, base, edited, m.Body)
				}
			}
		}
	})
}

// TestNothingVanishesUnnamed: a change of either side is in the result, or something is contested.
func TestNothingVanishesUnnamed(t *testing.T) {
	const head, tail = "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART:20260105T090000Z\nRRULE:FREQ=DAILY\n",
		"END:VEVENT\nEND:VCALENDAR\n"
	const person = "ATTENDEE;CN=A:mailto:a@example.org\n"
	for name, c := range map[string]struct {
		base, mine, theirs string
		want               string
		contested          string
		structural         bool
	}{
		"a second line for an attendee": {person, person + "ATTENDEE;CN=A2;ROLE=CHAIR:mailto:a@example.org\n", person + "SUMMARY:b\n",
			person + "ATTENDEE;CN=A2;ROLE=CHAIR:mailto:a@example.org\nSUMMARY:b\n", "", false},
		"a second line, and an answer": {person, person + "ATTENDEE;CN=A2;ROLE=CHAIR:mailto:a@example.org\n",
			"ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:a@example.org\n",
			"ATTENDEE;CN=A;PARTSTAT=ACCEPTED:mailto:a@example.org\n", "attendee:mailto:a@example.org", false},
		"the same line twice": {person, person + person, person + "SUMMARY:b\n", person + "SUMMARY:b\n", "", false},
		"the language of a category": {"CATEGORIES:a,b\n", "CATEGORIES:b\nCATEGORIES;LANGUAGE=fr:a\n", "CATEGORIES:a,b,c\n",
			"CATEGORIES:b,c\nCATEGORIES;LANGUAGE=fr:a\n", "", false},
		"another spelling of a time is no change": {"EXDATE:20260106T090000Z\n", "EXDATE;TZID=Europe/Berlin:20260106T100000\n",
			"EXDATE:20260106T090000Z\nSUMMARY:b\n", "EXDATE:20260106T090000Z\nSUMMARY:b\n", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			m, err := Merge(Sides{crlf(head + c.base + tail), crlf(head + c.mine + tail), crlf(head + c.theirs + tail)}, cal.Theirs)
			if err != nil {
				t.Fatal(err)
			}
			if want := crlf(head + c.want + tail); means(m.Body) != means(want) || strings.Join(m.Contested, " ") != c.contested || m.Structural != c.structural {
				t.Errorf("contested %q, structural %v\n%s", m.Contested, m.Structural, difference(string(m.Body), string(want)))
			}
		})
	}
}

// TestWhatCannotBePatchedIsNotMixed: RANGE is in no group, so a patch cannot carry it.
func TestWhatCannotBePatchedIsNotMixed(t *testing.T) {
	base := crlf(rich)
	mine := cal.Body(strings.Replace(string(base), "RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", 1))
	theirs := cal.Body(strings.Replace(string(base), "SUMMARY:Planning\\, weekly", "SUMMARY:Plans", 1))
	if mine == base || theirs == base {
		t.Fatal("nothing was changed")
	}
	for prefer, want := range map[cal.Side]cal.Body{cal.Mine: mine, cal.Theirs: theirs} {
		m, err := Merge(Sides{base, mine, theirs}, prefer)
		if err != nil {
			t.Fatal(err)
		}
		if m.Body != want || !m.Structural || len(m.Contested) == 0 {
			t.Errorf("prefer %s: structural %v, contested %v", prefer, m.Structural, m.Contested)
		}
	}
}
