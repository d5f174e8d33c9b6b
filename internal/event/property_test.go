package event

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

var (
	words = []string{"", "Planning", "a, b; c", `back\slash \n`, "two\nlines\n", " spaces ", "Ünï 日本 👩‍👩‍👧", `"quoted" ^caret ^n^^'`, strings.Repeat("long, ", 40), "<ada@example.org> & <b"}
	zones = []string{"Europe/Berlin", "America/New_York", "Asia/Kolkata", "UTC", "Australia/Lord_Howe", "Asia/Calcutta"}
	rules = []string{"FREQ=DAILY", "FREQ=WEEKLY;BYDAY=MO,WE;COUNT=12", "FREQ=MONTHLY;BYDAY=-1FR", "FREQ=YEARLY;INTERVAL=2"}
	mails = []string{"bob@example.com", "carla@example.com", "dan@example.com", "room@resource.example.com"}
)

func pick(t *rapid.T, name string, from []string) string {
	return rapid.SampledFrom(from).Draw(t, name)
}

// drawEvent is an event as Google would have it, of things that text can say.
func drawEvent(t *rapid.T) map[string]any {
	e := map[string]any{"id": "0abc", "iCalUID": "0abc@google.com", "updated": "2026-01-03T09:16:31.512Z",
		"creator": map[string]any{"email": "ada@example.org", "self": true}, "organizer": map[string]any{"email": "ada@example.org", "self": true}}
	for _, name := range []string{"summary", "location", "description"} {
		e[name] = pick(t, name, words)
	}
	if rapid.IntRange(0, 3).Draw(t, "html") == 0 {
		e["description"] = "<b>bold</b><br>" + strings.TrimSpace(e["description"].(string))
	}
	e["status"] = pick(t, "status", []string{"confirmed", "tentative"})
	e["transparency"] = pick(t, "transparency", []string{"", "opaque", "transparent"})
	e["visibility"] = pick(t, "visibility", []string{"", "public", "private", "confidential"})
	if e["summary"] == "" {
		e["visibility"] = ""
	}
	e["colorId"] = pick(t, "colour", []string{"", "1", "11"})
	e["source"] = map[string]any{"url": pick(t, "source", []string{"", "https://example.org/a?b=1,2;3"})}
	e["extendedProperties"] = map[string]any{"shared": map[string]any{sharedCategories: pick(t, "categories", []string{"", "a,b\\,c", "ü"})}}
	start, end, recurrence := drawTimes(t)
	e["start"], e["end"], e["recurrence"] = start, end, recurrence
	e["attendees"] = drawAttendees(t)
	e["reminders"] = drawReminders(t)
	for name, value := range e {
		if value == "" {
			delete(e, name)
		}
	}
	return e
}

func drawTimes(t *rapid.T) (start, end Time, recurrence []string) {
	hours := time.Duration(rapid.IntRange(0, 24*365).Draw(t, "hours")) * time.Hour
	length := time.Duration(rapid.IntRange(1, 200).Draw(t, "quarters")) * 15 * time.Minute
	at := time.Date(2026, 1, 1, 0, 30, 0, 0, time.UTC).Add(hours)
	from, to := dateOf(at), dateOf(at.Add(length+24*time.Hour))
	if rapid.Bool().Draw(t, "timed") {
		zone, other := pick(t, "zone", zones), pick(t, "other zone", zones)
		if rapid.Bool().Draw(t, "one zone") {
			other = zone
		}
		from, to = inZone(at, zone), inZone(at.Add(length), other)
	}
	if rapid.Bool().Draw(t, "series") && from.exact() == from {
		recurrence = drawRecurrence(t, from)
	}
	return from.google(), to.google(), recurrence
}

func inZone(at time.Time, zone string) moment {
	loc, err := time.LoadLocation(zone)
	if err != nil {
		panic(err)
	}
	return instantIn(at, zone, loc)
}

func drawRecurrence(t *rapid.T, from moment) []string {
	lines := []string{"RRULE:" + pick(t, "rule", rules)}
	for range rapid.IntRange(0, 2).Draw(t, "exdates") {
		lines = append(lines, later(from, rapid.IntRange(1, 60).Draw(t, "days")).property("EXDATE"))
	}
	return lines
}

// later is m some days on, by the calendar.
func later(m moment, days int) moment {
	if m.t = m.t.AddDate(0, 0, days); !m.isDate {
		m.t = onClock(m.t.Format(wallForm), m.loc)
	}
	return m
}

func drawAttendees(t *rapid.T) (all []Attendee) {
	for _, mail := range mails {
		if rapid.Bool().Draw(t, mail) {
			continue
		}
		a := Attendee{Email: mail, ResponseStatus: pick(t, "answer", []string{"needsAction", "declined", "tentative", "accepted"})}
		a.DisplayName, a.Optional = pick(t, "name", words), rapid.Bool().Draw(t, "optional")
		a.Resource, a.AdditionalGuests = strings.HasPrefix(mail, "room"), rapid.IntRange(0, 2).Draw(t, "guests")
		all = append(all, a)
	}
	return all
}

func drawReminders(t *rapid.T) map[string]any {
	if rapid.Bool().Draw(t, "default reminders") {
		return map[string]any{"useDefault": true}
	}
	overrides := []Reminder{}
	for _, minutes := range rapid.SliceOfNDistinct(rapid.IntRange(0, 40320), 0, 5, rapid.ID).Draw(t, "minutes") {
		overrides = append(overrides, Reminder{pick(t, "method", []string{popup, email}), minutes})
	}
	return map[string]any{"useDefault": false, "overrides": overrides}
}

func TestRoundTripOfAnyEvent(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		raw, _ := json.Marshal(drawEvent(rt))
		s := newSpecimen(t, "drawn", raw)
		if problems := ical.Validate(s.body); len(problems) > 0 || len(s.notes) > 0 {
			rt.Fatalf("%v %v\n%s", problems, s.notes, s.body)
		}
		made, err := New(s.body, "0new0", []string{"mailto:ada@example.org"}, "Europe/Berlin")
		if err != nil {
			rt.Fatal(err)
		}
		var back map[string]any
		if err := json.Unmarshal(made, &back); err != nil {
			rt.Fatal(err)
		}
		back["creator"], back["organizer"] = json.RawMessage(`{"email":"ada@example.org","self":true}`), json.RawMessage(`{"email":"ada@example.org","self":true}`)
		again, _ := json.Marshal(back)
		e, err := Parse(again)
		if err != nil {
			rt.Fatal(err)
		}
		body, _, err := e.ICal(Parent{})
		if err != nil || ical.Read(body).Digest != ical.Read(s.body).Digest {
			rt.Fatalf("%v\nwas  %s\ncame %s\n%s\n%s", err, raw, again, s.body, body)
		}
	})
}

// TestAnyEditArrives: text, edited text, patch, patched event, and its text says what was wanted.
func TestAnyEditArrives(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		raw, _ := json.Marshal(drawEvent(rt))
		s := newSpecimen(t, "drawn", raw)
		want := s.body
		for range rapid.IntRange(1, 4).Draw(rt, "edits") {
			want = drawEdit(rt, s, want)
		}
		patch, err := Patch(raw, s.body, want, "Europe/Berlin")
		if err != nil {
			rt.Fatalf("%v\n%s\n%s", err, s.body, want)
		}
		patched := merged(t, raw, patch)
		e, err := Parse(patched)
		if err != nil {
			rt.Fatal(err)
		}
		body, _, err := e.ICal(Parent{})
		if err != nil || ical.Read(body).Digest != ical.Read(want).Digest {
			rt.Fatalf("%v\nnative %s\npatch %s\nwanted\n%s\ncame\n%s", err, raw, patch, want, body)
		}
		if (string(patch) == "{}") != (ical.Read(s.body).Digest == ical.Read(want).Digest) {
			rt.Fatalf("patch %s\n%s\n%s", patch, s.body, want)
		}
		if again, err := Patch(patched, body, want, "Europe/Berlin"); err != nil || string(again) != "{}" {
			rt.Fatalf("after %s comes %s, %v", patch, again, err)
		}
	})
}

// drawEdit makes one change that Google can express.
func drawEdit(t *rapid.T, s specimen, body cal.Body) cal.Body {
	text := func(name string) cal.Body {
		if value := pick(t, name, words); value != "" {
			return edited(body, name, name+":"+ical.Escape(value))
		}
		return edited(body, name)
	}
	word := func(name string, values ...string) cal.Body {
		if value := pick(t, name, values); value != "" {
			return edited(body, name, name+":"+value)
		}
		return edited(body, name)
	}
	switch rapid.IntRange(0, 11).Draw(t, "edit") {
	case 0:
		if s.event.Visibility == "private" || s.event.Visibility == "confidential" {
			return body // without a title it would look like one whose details are hidden
		}
		return text("SUMMARY")
	case 1:
		return text("LOCATION")
	case 2:
		body = edited(body, "X-ALT-DESC")
		if strings.Contains(s.event.Description, "<b>") {
			return edited(body, "DESCRIPTION", "DESCRIPTION:something else")
		}
		return text("DESCRIPTION")
	case 3:
		return word("STATUS", "CONFIRMED", "TENTATIVE")
	case 4:
		return word("TRANSP", "", "OPAQUE", "TRANSPARENT")
	case 5:
		if s.event.Summary == "" {
			return body
		}
		return word("CLASS", "", "PRIVATE", "CONFIDENTIAL")
	case 6:
		return word("X-GOOGLE-COLOR-ID", "", "2", "11")
	case 7:
		return word("URL", "", "https://example.org/b")
	case 8:
		return word("CATEGORIES", "", "a", "b\\,c,d")
	case 9:
		return drawTimesEdit(t, body)
	case 10:
		return drawAlarms(t, body)
	}
	return drawGuests(t, body)
}

func drawTimesEdit(t *rapid.T, body cal.Body) cal.Body {
	start, end, recurrence := drawTimes(t)
	from, _, _ := NewZones().moment(&start, "")
	to, _, _ := NewZones().moment(&end, "")
	if recurrence == nil {
		from = from.exact()
	}
	for _, name := range []string{"RRULE", "EXDATE", "DTEND"} {
		body = edited(body, name)
	}
	return edited(body, "DTSTART", append([]string{from.property("DTSTART"), to.exact().property("DTEND")}, recurrence...)...)
}

func drawAlarms(t *rapid.T, body cal.Body) cal.Body {
	text := string(body)
	if i := strings.Index(text, "BEGIN:VALARM"); i >= 0 {
		text = text[:i] + "END:VEVENT\r\nEND:VCALENDAR\r\n"
	}
	lines := ""
	for _, minutes := range rapid.SliceOfNDistinct(rapid.IntRange(0, 40320), 0, 5, rapid.ID).Draw(t, "minutes") {
		if rapid.Bool().Draw(t, "mail") {
			lines += alarm(fmt.Sprintf("ACTION:EMAIL\r\nSUMMARY:Reminder\r\nDESCRIPTION:Reminder\r\nATTENDEE:mailto:ada@example.org\r\nTRIGGER:-PT%dM", minutes)) + "\r\n"
			continue
		}
		lines += alarm(fmt.Sprintf("ACTION:DISPLAY\r\nDESCRIPTION:Reminder\r\nTRIGGER:-PT%dM", minutes)) + "\r\n"
	}
	return cal.Body(strings.Replace(text, "END:VEVENT", lines+"END:VEVENT", 1))
}

func drawGuests(t *rapid.T, body cal.Body) cal.Body {
	body = edited(edited(body, "ATTENDEE"), "ORGANIZER")
	var lines []string
	for _, mail := range mails {
		if rapid.Bool().Draw(t, mail) {
			continue
		}
		partstat := pick(t, "partstat", []string{"NEEDS-ACTION", "ACCEPTED", "DECLINED", "TENTATIVE"})
		role := pick(t, "role", []string{"", ";ROLE=OPT-PARTICIPANT"})
		cutype := ""
		if strings.HasPrefix(mail, "room") {
			cutype = ";CUTYPE=RESOURCE"
		}
		lines = append(lines, "ATTENDEE;PARTSTAT="+partstat+role+cutype+parameter("CN", "Name of "+mail)+":mailto:"+mail)
	}
	if len(lines) == 0 {
		return body
	}
	return edited(body, "ATTENDEE", append(lines, "ORGANIZER:mailto:ada@example.org")...)
}
