package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
)

// berlin is a series of Mondays at nine in Berlin; more goes into its master, others stand beside it.
func berlin(more string, others ...string) cal.Body {
	return crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\nBEGIN:VTIMEZONE\nTZID:Europe/Berlin\nX-LIC-LOCATION:Europe/Berlin\nEND:VTIMEZONE\n" +
		"BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Europe/Berlin:20260105T090000\nDTEND;TZID=Europe/Berlin:20260105T100000\n" +
		"RRULE:FREQ=WEEKLY\n" + more + "SUMMARY:Mondays\nEND:VEVENT\n" + strings.Join(others, "") + "END:VCALENDAR\n")
}

// override is an exception of that series, in UTC.
func override(day, more string) string {
	return "BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:" + day + "T080000Z\nDTSTART:" + day + "T120000Z\nDTEND:" + day + "T130000Z\n" +
		more + "SUMMARY:Moved\nEND:VEVENT\n"
}

func mustParts(t interface{ Fatal(...any) }, body cal.Body) []Part {
	parts, err := Parts(body)
	if err != nil {
		t.Fatal(err)
	}
	return parts
}

func bodies(parts []Part) (all []cal.Body) {
	for _, p := range parts {
		all = append(all, p.Body)
	}
	return all
}

func TestParts(t *testing.T) {
	body := berlin("", override("20260119", "STATUS:CANCELLED\n"), strings.Replace(override("20260112", ""), "RECURRENCE-ID:20260112T080000Z",
		"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260112T090000", 1))
	parts := mustParts(t, body)
	var got []string
	for _, p := range parts {
		got = append(got, fmt.Sprint(p.RecurrenceID, p.Future, p.Cancelled, strings.Count(string(p.Body), "VTIMEZONE"), len(Validate(p.Body))))
	}
	if !slices.Equal(got, []string{"false false 2 0", "20260119T080000Zfalse true 0 0", "20260112T080000Ztrue false 2 0"}) {
		t.Errorf("%q", got)
	}
}

func TestPartsOfOne(t *testing.T) {
	odd := cal.Body("BEGIN:VCALENDAR\nX-ODD:1\nBEGIN:VEVENT\nUID:u\nEND:VEVENT\nEND:VCALENDAR") // LF, no version, no end
	if parts := mustParts(t, odd); len(parts) != 1 || parts[0].Body != odd {
		t.Errorf("not byte for byte: %+v", parts)
	}
	master := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + override("20260119", "") + "BEGIN:VEVENT\nUID:u\nDTSTART:20260105T080000Z\nEND:VEVENT\nEND:VCALENDAR\n"
	if parts := mustParts(t, crlf(master)); parts[0].RecurrenceID != "" || parts[1].RecurrenceID == "" {
		t.Errorf("the master is not the first: %+v", parts)
	}
}

func TestPartsRefuse(t *testing.T) {
	for says, body := range map[string]cal.Body{
		"two objects":               berlin("", strings.Replace(override("20260119", ""), "UID:u", "UID:v", 1)),
		"the instance 20260119T080": berlin("", override("20260119", ""), override("20260119", "")),
		"the series itself":         berlin("", "BEGIN:VEVENT\nUID:u\nEND:VEVENT\n"),
		"no colon":                  "nonsense",
	} {
		if _, err := Parts(body); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v does not say %q", err, says)
		}
	}
}

// TestWholeOfParts: taken apart and put together again, a series says what it said.
func TestWholeOfParts(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		body := drawFacts(t).text(rapid.Bool().Draw(t, "another server"))
		parts := mustParts(t, body)
		again := Whole(bodies(rapid.Permutation(parts).Draw(t, "order")))
		if Read(again).Digest != Read(body).Digest {
			t.Fatalf("got\n%s\nwant\n%s", again, body)
		}
		if second := mustParts(t, again); !slices.Equal(keysOf(parts), keysOf(second)) {
			t.Fatalf("%v, then %v", keysOf(parts), keysOf(second))
		}
	})
}

func keysOf(parts []Part) (keys []string) {
	for _, p := range parts {
		keys = append(keys, p.RecurrenceID)
	}
	slices.Sort(keys)
	return keys
}

// TestWholeOfCancelled: hidden instances are EXDATEs, written like DTSTART, each once.
func TestWholeOfCancelled(t *testing.T) {
	cancelled := []string{override("20260119", "STATUS:CANCELLED\n"), override("20260309", "STATUS:cancelled\n"), override("20260112", "")}
	parts := mustParts(t, berlin("EXDATE;TZID=Europe/Berlin:20260126T090000\n", cancelled...))
	got := Whole(bodies(parts))
	want := berlin("EXDATE;TZID=Europe/Berlin:20260126T090000\nEXDATE;TZID=Europe/Berlin:20260119T090000\nEXDATE;TZID=Europe/Berlin:20260309T090000\n", cancelled[2])
	if Read(got).Digest != Read(want).Digest || len(Validate(got)) > 0 || strings.Count(string(got), "BEGIN:VTIMEZONE") != 1 {
		t.Errorf("%s\n%v", got, Validate(got))
	}
	if again := Whole(append(bodies(mustParts(t, got)), parts[1].Body)); Read(again).Digest != Read(want).Digest {
		t.Errorf("excluded twice:\n%s", again)
	}
	if want := []string{"20260119T080000Z", "20260126T080000Z", "20260309T080000Z"}; !slices.Equal(Excluded(got), want) {
		t.Errorf("%v", Excluded(got))
	}
}

func TestWholeWithoutASeries(t *testing.T) {
	stub := crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + override("20260119", "STATUS:CANCELLED\n") + "END:VCALENDAR\n")
	other := crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + override("20260112", "") + "END:VCALENDAR\n")
	if got := string(Whole([]cal.Body{stub, other})); !strings.Contains(got, "STATUS:CANCELLED") || strings.Index(got, "ID:20260112") > strings.Index(got, "ID:20260119") {
		t.Errorf("%s", got)
	}
	single := crlf(strings.Replace(strings.ReplaceAll(string(berlin("")), "\r\n", "\n"), "RRULE:FREQ=WEEKLY\n", "", 1))
	if got := string(Whole([]cal.Body{single, stub})); strings.Contains(got, "EXDATE") || !strings.Contains(got, "STATUS:CANCELLED") {
		t.Errorf("what does not recur excludes nothing:\n%s", got)
	}
	if got := Whole([]cal.Body{"nonsense", other}); Read(got).Digest != Read(other).Digest {
		t.Errorf("%s", got)
	}
}

// TestWritten: an instance in the form of the start.
func TestWritten(t *testing.T) {
	for _, c := range [][3]string{
		{";TZID=Europe/Berlin:20260105T090000", "20260119T080000Z", ";TZID=Europe/Berlin:20260119T090000"},
		{`;VALUE=DATE-TIME;TZID="Europe/Berlin":20260105T090000`, "20260119T080000Z", ";TZID=Europe/Berlin:20260119T090000"},
		{";TZID=Europe/Berlin:20260105T023000", "20261025T003000Z", ";TZID=Europe/Berlin:20261025T023000"},
		{";TZID=Europe/Berlin:20260105T023000", "20261025T013000Z", ":20261025T013000Z"}, // the second half past two
		{";VALUE=DATE:20260105", "20260119", ";VALUE=DATE:20260119"},
		{":20260105T090000", "20260119T090000", ":20260119T090000"},
		{":20260105T090000Z", "20260119T090000Z", ":20260119T090000Z"},
		{";TZID=Nowhere:20260105T090000", "20260119T090000[Nowhere]", ";TZID=Nowhere:20260119T090000"},
		{`;TZID="No;where":20260105T090000`, "20260119T090000[No;where]", `;TZID="No;where":20260119T090000`},
	} {
		body := crlf("BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nDTSTART" + c[0] + "\nRRULE:FREQ=DAILY\nEND:VEVENT\nEND:VCALENDAR\n")
		got := Exclude(body, []string{c[1], c[1]})
		if strings.Count(string(got), "EXDATE"+c[2]+"\r\n") != 1 || !slices.Equal(Excluded(got), []string{c[1]}) {
			t.Errorf("DTSTART%s without %s: want %s in\n%s", c[0], c[1], c[2], got)
		}
		if back := DropExcluded(got, []string{c[1]}); back != body {
			t.Errorf("dropped again: %s", back)
		}
	}
}

func TestDropExcluded(t *testing.T) {
	body := berlin("EXDATE;TZID=Europe/Berlin:20260119T090000,20260126T090000\nEXDATE:20260202T080000Z\n")
	got := DropExcluded(body, []string{"20260119T080000Z", "20260202T080000Z", "20260309T080000Z"})
	if want := berlin("EXDATE;TZID=Europe/Berlin:20260126T090000\n"); got != want {
		t.Errorf("%s", got)
	}
	if DropExcluded(body, nil) != body || DropExcluded("nonsense", nil) != "nonsense" || Excluded("nonsense") != nil {
		t.Error("nothing to drop, and something changed")
	}
}

func TestHide(t *testing.T) {
	alarm := "ATTENDEE:mailto:bo@example.org\nSEQUENCE:3\nBEGIN:VALARM\nACTION:DISPLAY\nTRIGGER:-PT5M\nEND:VALARM\n"
	shown := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n" + strings.Replace(override("20260119", alarm), "RECURRENCE-ID:20260119T080000Z",
		"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260119T090000", 1) + "END:VCALENDAR\n"
	got, err := Hide(crlf(shown))
	want := crlf("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\n" +
		"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260119T090000\nDTSTART;TZID=Europe/Berlin:20260119T090000\nSTATUS:CANCELLED\nEND:VEVENT\nEND:VCALENDAR\n")
	if err != nil || Read(got).Digest != Read(want).Digest || len(Validate(got)) > 0 || !mustParts(t, got)[0].Cancelled {
		t.Errorf("%v\n%s", err, got)
	}
	if twice, err := Hide(got); err != nil || twice != got {
		t.Errorf("%v\n%s", err, twice)
	}
	if _, err := Hide(berlin("")); err == nil || !strings.Contains(err.Error(), "RECURRENCE-ID") {
		t.Errorf("a series was hidden: %v", err)
	}
}

func TestOnlyThis(t *testing.T) {
	other := recurring("RECURRENCE-ID;TZID=Europe/Berlin;RANGE=THISANDFUTURE:20260119T090000", "DTSTART:20260119T090000Z")
	if got, want := OnlyThis(other), recurring("RECURRENCE-ID;TZID=Europe/Berlin:20260119T090000", "DTSTART:20260119T090000Z"); got != want {
		t.Errorf("%s", got)
	}
	if got := OnlyThis(berlin("", override("20260119", ""))); got != berlin("", override("20260119", "")) {
		t.Errorf("%s", got)
	}
	if got := Rename(berlin("", override("20260119", "")), "v,w"); strings.Count(string(got), `UID:v\,w`) != 2 || strings.Contains(string(got), "UID:u") {
		t.Errorf("%s", got)
	}
}
