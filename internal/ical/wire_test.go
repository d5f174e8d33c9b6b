package ical

import (
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

var noon = time.Date(2026, 2, 3, 12, 0, 0, 0, time.UTC)

func TestWireRaisesTheSequenceOfWhatOthersPlanBy(t *testing.T) {
	mine := []string{"mailto:carol@example.org", "MAILTO:Alice@Example.org"}
	for name, c := range map[string]struct {
		owner []string
		edit  []string
		want  string // of the master, with the time stamp where it is new
	}{
		"time":                     {mine, []string{"20260105T100000", "20260105T110000"}, "3 now"},
		"place":                    {mine, []string{"LOCATION:Room 4", "LOCATION:Room 5"}, "3 now"},
		"exception":                {mine, []string{exdates, exdates + late}, "3 now"},
		"status":                   {mine, []string{"STATUS:CONFIRMED", "STATUS:CANCELLED"}, "3 now"},
		"title":                    {mine, []string{"SUMMARY:Planning", "SUMMARY:Plan"}, "2"},
		"raised already":           {mine, []string{"COUNT=12", "COUNT=11", "SEQUENCE:2", "SEQUENCE:7"}, "7 now"},
		"fallen behind":            {mine, []string{"SUMMARY:Planning", "SUMMARY:Plan", "SEQUENCE:2\n", ""}, "2"},
		"fallen behind and moved":  {mine, []string{"COUNT=12", "COUNT=11", "SEQUENCE:2", "SEQUENCE:1"}, "3 now"},
		"an attendee raises none":  {mine[:1], []string{"COUNT=12", "COUNT=11"}, "2"},
		"without organizer, owned": {nil, []string{"COUNT=12", "COUNT=11", "ORGANIZER;CN=Alice Example:mailto:alice@example.org\n", ""}, "3 now"},
	} {
		want := crlf(swap(t, rich, c.edit...))
		sent := Wire(want, crlf(rich), c.owner, noon)
		o, _ := parse(string(sent))
		got := o.value(o.main(), "SEQUENCE")
		if o.value(o.main(), "DTSTAMP") == "20260203T120000Z" && o.value(o.main(), "LAST-MODIFIED") == "20260203T120000Z" {
			got += " now"
		}
		if got != c.want {
			t.Errorf("%s: got %q, want %q", name, got, c.want)
		}
		if digestOf(t, sent) != digestOf(t, want) {
			t.Errorf("%s: the wire says something else", name)
		}
	}
}

func TestWireLeavesTheRestAlone(t *testing.T) {
	if got := Wire(crlf(rich), "", nil, noon); got != crlf(rich) {
		t.Errorf("a create is changed:\n%s", difference(string(got), string(crlf(rich))))
	}
	if got := Wire(crlf(rich), crlf(rich), nil, noon); got != crlf(rich) {
		t.Errorf("an update without a change is changed:\n%s", difference(string(got), string(crlf(rich))))
	}
	if got := Wire("no iCalendar\n", "", nil, noon); got != "no iCalendar\n" {
		t.Errorf("what cannot be read is changed: %q", got)
	}
	sloppy := cal.Body("\uFEFF" + strings.TrimSuffix(swap(t, rich, "CALSCALE:GREGORIAN\n", "METHOD:REQUEST\nCALSCALE:GREGORIAN\n"), "\n"))
	if got := Wire(sloppy, "", nil, noon); got != crlf(rich) {
		t.Errorf("METHOD, byte order mark, line ends:\n%s", difference(string(got), string(crlf(rich))))
	}
}

func TestCopyCanMailNobody(t *testing.T) {
	mailer := "BEGIN:VALARM\nACTION:EMAIL\nSUMMARY:s\nDESCRIPTION:d\nATTENDEE:mailto:eve@example.org\nTRIGGER:-P2D\nEND:VALARM\n"
	body, err := Copy(crlf(swap(t, rich, reminder, reminder+mailer+"BEGIN:PARTICIPANT\nUID:p\nCALENDAR-ADDRESS:mailto:eve@example.org\nEND:PARTICIPANT\n", "STATUS:", "REQUEST-STATUS:2.0;ok\nSTATUS:", "CALSCALE:GREGORIAN\n", "METHOD:REQUEST\n")), "copy,1")
	if err != nil {
		t.Fatal(err)
	}
	body, err = Copy(cal.Body(swap(t, string(body), "copy\\,1", "5FC53010-1267-4F8E-BC28-1D7AE55A7C99", "copy\\,1", "5FC53010-1267-4F8E-BC28-1D7AE55A7C99")), "copy,1")
	if err != nil {
		t.Fatal(err)
	}
	want := swap(t, rich, bob, "", carol, "", "ORGANIZER;CN=Alice Example:mailto:alice@example.org\n", "", "CALSCALE:GREGORIAN\n", "")
	want = strings.ReplaceAll(want, "UID:5FC53010-1267-4F8E-BC28-1D7AE55A7C99", `UID:copy\,1`)
	if body != crlf(want) {
		t.Errorf("\n%s", difference(string(body), string(crlf(want))))
	}
	if r := Read(body); r.UID != "copy,1" || Scheduled(body) {
		t.Errorf("%+v", r)
	}
	if _, err := Copy("BEGIN:VCALENDAR\n", "u"); err == nil {
		t.Error("a copy of what cannot be read")
	}
}

func TestWeak(t *testing.T) {
	for _, c := range []struct {
		weak  bool
		pairs []string
	}{
		{true, nil},
		{true, []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED;X-RESPONSE-COMMENT=no"}},
		{true, []string{"RSVP=TRUE:", "RSVP=TRUE;SCHEDULE-STATUS=2.0:"}},
		{true, []string{"TRIGGER:-PT15M", "TRIGGER:-PT15M\nACKNOWLEDGED:20260105T074500Z"}},
		{true, []string{"TRIGGER:-P1D", "TRIGGER:-P1D\nX-MOZ-LASTACK:20260105T074500Z", "LAST-MODIFIED:20260102T080000Z", "LAST-MODIFIED:20260105T080000Z"}},
		{true, []string{"CLASS:PRIVATE", "CLASS:PRIVATE\nX-MOZ-SNOOZE-TIME-1:20260105T080000Z\nX-MOZ-LASTACK:20260105T074500Z"}},
		{false, []string{"SUMMARY:Planning", "SUMMARY:Plan"}},
		{false, []string{"TRIGGER:-P1D", "TRIGGER:-P2D"}},
		{false, []string{carol, ""}},
		{false, []string{pub, ""}},
		{false, []string{end, wednesday + end}},
		{false, []string{"in the pub", "in the park"}},
	} {
		if got := Weak(crlf(rich), crlf(swap(t, rich, c.pairs...))); got != c.weak {
			t.Errorf("%q: weak %t", c.pairs, got)
		}
	}
	own := strings.ReplaceAll(rich, "Europe/Berlin", "Office")
	if Weak(crlf(own), crlf(swap(t, own, "TZOFFSETTO:+0200", "TZOFFSETTO:+0300"))) {
		t.Error("other rules of a zone nobody knows are no weak difference")
	}
	if Weak(crlf(rich), "BEGIN:VCALENDAR") {
		t.Error("weakly different from what cannot be read")
	}
}

func TestRebaseRecognisesWhatWeSent(t *testing.T) {
	sent := []string{"SUMMARY:Planning\\, weekly", "SUMMARY:Plans", carol, "", exdates, exdates + late, end, wednesday + end, reminder, ""}
	for name, c := range map[string]struct{ sent, seen, want []string }{
		"not applied":                      {sent, nil, nil},
		"applied":                          {sent, sent, sent},
		"applied, and another title since": {sent, append(slices.Clone(sent[2:]), sent[0], "SUMMARY:Talks"), sent[2:]},
		"applied, and moved since":         {sent, append(slices.Clone(sent), "LOCATION:Room 4", "LOCATION:Room 5"), sent},
		"applied, and the override edited": {sent, append(slices.Clone(sent), "on Wednesday", "on Thursday"), sent},
		"an attendee's answer":             {[]string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"}, []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=C;PARTSTAT=DECLINED"}, []string{"CN=Carol;PARTSTAT=NEEDS-ACTION", "CN=Carol;PARTSTAT=DECLINED"}},
		"somebody else's override":         {[]string{end, wednesday + end}, []string{end, swap(t, wednesday, "SUMMARY:Planning on", "SUMMARY:Elsewhere on", "T100000Z", "T120000Z", "T110000Z", "T130000Z") + end}, nil},
		"an attendee who came back":        {[]string{bob, ""}, []string{bob, "ATTENDEE:mailto:bob@example.org\n"}, nil},
		"an alarm that came back":          {[]string{email, ""}, []string{email, strings.Replace(email, "PT1H", "PT2H", 1)}, nil},
		"an override removed":              {[]string{pub, ""}, []string{pub, "", "COUNT=12", "COUNT=13"}, []string{pub, ""}},
	} {
		rich := swap(t, rich, reminder, reminder+swap(t, email, "TRIGGER", "ACKNOWLEDGED:20260105T070000Z\nTRIGGER"))
		if name == "an alarm that came back" {
			c.sent[0] = swap(t, email, "TRIGGER", "ACKNOWLEDGED:20260105T070000Z\nTRIGGER")
			c.seen[0] = c.sent[0]
		}
		got, err := Rebase(crlf(rich), crlf(swap(t, rich, c.sent...)), crlf(swap(t, rich, c.seen...)))
		want := crlf(swap(t, rich, c.want...))
		if err != nil || digestOf(t, got) != digestOf(t, want) {
			t.Errorf("%s: %v\n%s", name, err, difference(string(got), string(want)))
		}
		if c.want == nil && got != crlf(rich) {
			t.Errorf("%s: the base is not left as it is", name)
		}
	}
}

func TestSharesLooksBeyondTheUID(t *testing.T) {
	one := "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART:20260102T090000Z\nSUMMARY:a\nEND:VEVENT\nEND:VCALENDAR\n"
	if !Shares(crlf(one), cal.Body(swap(t, one, "SUMMARY:a", "SUMMARY:b"))) {
		t.Error("the same time is not seen")
	}
	if Shares(crlf(one), crlf(swap(t, one, "SUMMARY:a", "SUMMARY:b", "0102T09", "0103T09"))) {
		t.Error("only UID and stamps are the same")
	}
}

func TestJoinAndSplitKeepWhatIsSaid(t *testing.T) {
	office := func(uid, offset string) string {
		return "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VTIMEZONE\nTZID:Office\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:" + offset +
			"\nTZOFFSETTO:" + offset + "\nEND:STANDARD\nEND:VTIMEZONE\nBEGIN:VEVENT\nUID:" + uid + "\nDTSTAMP:20260101T000000Z\nDTSTART;TZID=Office:20260102T090000\nEND:VEVENT\nEND:VCALENDAR\n"
	}
	bodies := []cal.Body{crlf(rich), cal.Body(office("u1", "+0100")), cal.Body(office("u2", "+0200")), cal.Body(office("u3", "+0100"))}
	file := Join("Work; plans", append(bodies, "broken"))
	if !strings.Contains(string(file), "X-WR-CALNAME:Work\\; plans\r\n") || strings.Count(string(file), "BEGIN:VCALENDAR") != 2 {
		t.Errorf("\n%s", file)
	}
	got, problems := Split(file)
	if len(got) != len(bodies) || len(problems) > 0 {
		t.Fatalf("%d bodies, %v", len(got), problems)
	}
	for _, body := range bodies {
		want := Read(body)
		if !slices.ContainsFunc(got, func(b cal.Body) bool { return Read(b).Digest == want.Digest }) {
			t.Errorf("%s is lost or changed", want.UID)
		}
	}
}

func TestSplitLeavesOutOnlyWhatIsBroken(t *testing.T) {
	broken := swap(t, rich, "BEGIN:VEVENT", "BEGIN:VEVENT\nUID:u9\nno property\nEND:VEVENT\nBEGIN:VEVENT\nSUMMARY:no UID\nEND:VEVENT\nBEGIN:VEVENT")
	bodies, problems := Split(cal.Body(broken))
	if len(bodies) != 1 || digestOf(t, bodies[0]) != digestOf(t, crlf(rich)) {
		t.Errorf("%d bodies: %s", len(bodies), bodies)
	}
	if len(problems) != 2 || problems[0].Line != 24 || !strings.Contains(problems[1].String(), "line 26: VEVENT: has no UID") {
		t.Errorf("%v", problems)
	}
	if _, problems := Split("<html>"); len(problems) != 1 {
		t.Errorf("%v", problems)
	}
}

func TestDecodeGivesTheTree(t *testing.T) {
	page := "data:text/html," + strings.Repeat("<b>x</b>;", 20_000)
	body := crlf(swap(t, rich, "DESCRIPTION:Agenda", `DESCRIPTION;X-A=1;ALTREP="`+page+`":Agenda`))
	tree, err := Decode(cal.Body("\uFEFF" + string(body)))
	if err != nil {
		t.Fatal(err)
	}
	event := tree.Events()[0]
	if got := event.Props.Get("DESCRIPTION").Params.Get("ALTREP"); got != page {
		t.Errorf("a long parameter comes back with %d bytes of %d", len(got), len(page))
	}
	if start, err := event.DateTimeStart(nil); err != nil || !start.Equal(time.Date(2026, 1, 5, 8, 0, 0, 0, time.UTC)) {
		t.Errorf("%v, %v", start, err)
	}
	for _, hostile := range []string{"X-A;P=v", `X-A;P="v"w:x`, strings.Repeat("BEGIN:A\n", 100_000), "X-A;P=" + strings.Repeat("x", 100_000) + ":v"} {
		if _, err := Decode(cal.Body("BEGIN:VCALENDAR\n" + hostile)); err == nil {
			t.Errorf("%.20q is no iCalendar text", hostile)
		}
	}
}

func TestDecodeTakesTheCorpusAsReadDoes(t *testing.T) {
	for path, body := range corpus(t) {
		_, p := parse(string(body))
		if _, err := Decode(body); (err == nil) != (p == nil) {
			t.Errorf("%s: outline says %v, go-ical says %v", path, p, err)
		}
	}
}

func TestSplitTheCorpus(t *testing.T) {
	objects := 0
	for path, file := range corpus(t) {
		bodies, _ := Split(file)
		var digests []cal.Digest
		for _, body := range bodies {
			r := Read(body)
			if r.Trouble != "" {
				t.Errorf("%s: %s\n%s", path, r.Trouble, body)
			}
			digests = append(digests, r.Digest)
			for name, rewrite := range map[string]func(string) string{"LF": lf, "refolded": refold, "reordered": func(s string) string { return reorder(s, reverse) }} {
				if got := Read(cal.Body(rewrite(string(body)))); got.Digest != r.Digest {
					t.Errorf("%s: %s changes the digest %s", path, name, got.Trouble)
				}
			}
		}
		objects += len(bodies)
		again, problems := Split(Join("all", bodies))
		if len(again) != len(bodies) || len(problems) > 0 {
			t.Errorf("%s: %d bodies joined and split are %d, %v", path, len(bodies), len(again), problems)
		}
		for _, body := range again {
			if !slices.Contains(digests, Read(body).Digest) {
				t.Errorf("%s: joined and split, an object says something else:\n%s", path, body)
			}
		}
	}
	if objects < 1000 {
		t.Errorf("only %d objects", objects)
	}
}
