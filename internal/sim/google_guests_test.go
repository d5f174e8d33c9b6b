package sim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

const guests = monday + `,"attendees":[{"email":"ada@example.org","responseStatus":"accepted"},{"email":"ben@example.org","responseStatus":"accepted"},{"email":"cy@else.net","responseStatus":"tentative"}]`

func (b *googleBench) mailed() string {
	var all []string
	for _, m := range b.Mails() {
		all = append(all, m.To+" "+m.Why)
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func TestGoogleMails(t *testing.T) {
	kept := `"attendees":[{"email":"ada@example.org","responseStatus":"accepted"},{"email":"ben@example.org","responseStatus":"accepted"},{"email":"new@else.net"}]`
	for _, c := range []struct{ what, verb, query, body, want string }{
		{"all", "PATCH", "sendUpdates=all", `{"summary":"x"}`, "ben@example.org updated, cy@else.net updated"},
		{"outside the organizer's domain", "PATCH", "sendUpdates=externalOnly", `{"summary":"x"}`, "cy@else.net updated"},
		{"nobody", "PATCH", "sendUpdates=none", `{"summary":"x"}`, ""},
		{"nothing said", "PATCH", "", `{"summary":"x"}`, ""},
		{"the old parameter", "PATCH", "sendNotifications=true", `{"summary":"x"}`, "ben@example.org updated, cy@else.net updated"},
		{"nothing changed", "PATCH", "sendUpdates=all", `{"summary":"s"}`, ""},
		{"one added, one gone", "PATCH", "sendUpdates=all", `{` + kept + `}`, "ben@example.org updated, cy@else.net cancelled, new@else.net invited"},
		{"deleted", "DELETE", "sendUpdates=all", ``, "ben@example.org cancelled, cy@else.net cancelled"},
		{"deleted in silence", "DELETE", "sendUpdates=none", ``, ""},
		{"no answers sent", "PATCH", "sendUpdates=none", `{"attendees":[{"email":"ada@example.org","responseStatus":"accepted"},{"email":"ben@example.org"},{"email":"cy@else.net","responseStatus":"tentative"}]}`,
			"ben@example.org reset"},
	} {
		b := withOne(t, guests)
		b.must(c.verb, one+"?"+c.query, c.body)
		if got := b.mailed(); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
		if x := b.Journal()[0]; x.Silent != (c.query == "") {
			t.Errorf("%s: silent %v", c.what, x.Silent)
		}
	}
	b := newGoogle(t)
	b.must("POST", primary+"?sendUpdates=all", `{`+guests+`}`)
	if got := b.mailed(); got != "ben@example.org invited, cy@else.net invited" {
		t.Error(got)
	}
}

func TestGoogleResetsAnswers(t *testing.T) {
	b := withOne(t, guests)
	s := b.patch(`{"attendees":[{"email":"BEN@example.org"},{"email":"cy@else.net","responseStatus":"tentative"}]}`)
	if !strings.Contains(s.text, "needsAction") || strings.Contains(s.text, `"accepted"`) {
		t.Error(s.text)
	}
}

func TestGoogleResourceCountsWhenAdded(t *testing.T) {
	b := withOne(t, monday+`,"attendees":[{"email":"ben@example.org","responseStatus":"accepted"}]`)
	s := b.patch(`{"attendees":[{"email":"ben@example.org","responseStatus":"accepted","resource":true},{"email":"room@example.org","resource":true}]}`)
	if strings.Count(s.text, `"resource":true`) != 1 {
		t.Error(s.text)
	}
}

func TestGoogleMaxAttendees(t *testing.T) {
	b := withOne(t, guests)
	for _, s := range []said{b.must("GET", one+"?maxAttendees=1", ""), b.must("GET", primary+"?maxAttendees=1", "").items()[0]} {
		if s.str("attendeesOmitted") != "true" || fmt.Sprint(s.obj["attendees"]) != "[map[email:ada@example.org organizer:true responseStatus:accepted self:true]]" {
			t.Error(s.obj)
		}
	}
	if s := b.must("GET", one+"?maxAttendees=3", ""); s.obj["attendeesOmitted"] != nil {
		t.Error(s.text)
	}
	b.clean()
}

// On a copy of somebody else's event only what is one's own can be changed.
func TestGoogleNonOrganizer(t *testing.T) {
	b := withOne(t, guests+`,"organizer":{"email":"ben@example.org"}`)
	answers := strings.Replace(guests[strings.Index(guests, `"attendees"`):], `"accepted"`, `"declined"`, 1)
	for _, body := range []string{`{"colorId":"2"}`, `{"transparency":"transparent"}`, `{"reminders":{"useDefault":false}}`, `{"extendedProperties":{"private":{"a":"b"}}}`,
		`{` + answers + `}`, `{"attendeesOmitted":true,"attendees":[{"email":"ada@example.org","responseStatus":"accepted"}]}`} {
		b.patch(body)
	}
	s := b.must("GET", one, "")
	if strings.Count(s.text, "responseStatus") != 3 || strings.Count(s.text, "accepted") != 2 || s.str("organizer", "self") != "" {
		t.Error(s.text)
	}
	for _, body := range []string{`{"summary":"x"}`, `{"attendees":[{"email":"ada@example.org","responseStatus":"accepted"}]}`, `{"extendedProperties":{"shared":{"a":"b"}}}`,
		`{"start":{"dateTime":"2026-03-02T08:00:00Z"}}`} {
		b.want(403, "forbiddenForNonOrganizer", "PATCH", one+unasked, body)
	}
	b.want(403, "forbiddenForNonOrganizer", "PUT", one+unasked, `{`+monday+`}`) // what is left out reads as a change
	b.Patch(b.ada.Email, "one11", `{"guestsCanModify":true}`)
	b.patch(`{"summary":"x"}`)
	b.clean()
}

func TestGoogleAnswerIsMailedToTheOrganizer(t *testing.T) {
	b := withOne(t, guests+`,"organizer":{"email":"ben@example.org"}`)
	b.must("PATCH", one+"?sendUpdates=all", `{"attendeesOmitted":true,"attendees":[{"email":"ada@example.org","responseStatus":"declined"}]}`)
	if got := b.mailed(); got != "ben@example.org replied" {
		t.Error(got)
	}
}

// The flag self is missing on secondary calendars.
func TestGoogleSelf(t *testing.T) {
	b := withOne(t, guests)
	if s := b.must("GET", one, ""); strings.Count(s.text, `"self":true`) != 3 { // organizer, creator, attendee
		t.Error(s.text)
	}
	b.AddCalendar(b.ada, second)
	s := b.must("POST", "calendars/"+second.ID+"/events"+unasked, `{`+guests+`}`)
	if strings.Count(s.text, `"self":true`) != 1 || s.str("organizer", "email") != second.ID || s.str("creator", "email") != "ada@example.org" {
		t.Error(s.text)
	}
	if b.must("POST", "calendars/"+second.ID+"/events?sendUpdates=all", `{`+guests+`}`); strings.Contains(b.mailed(), "ada@") {
		t.Error("mailed to the caller")
	}
	b.clean()
}

func TestGoogleSourceIsForItsCreator(t *testing.T) {
	b := withOne(t, monday+`,"source":{"url":"https://example.org","title":"t"}`)
	bob := b.Token(b.AddUser("bob@example.com"))
	if s := b.must("GET", one, ""); s.str("source", "title") != "t" {
		t.Error(s.text)
	}
	if s := b.askAs(bob, "GET", "calendars/ada@example.org/events/one11", ""); s.status != 404 {
		t.Error(s.text)
	}
	b.Patch(b.ada.Email, "one11", `{"creator":{"email":"bob@example.com"}}`)
	if s := b.must("GET", one, ""); s.obj["source"] != nil {
		t.Error(s.text)
	}
	b.must("PUT", one+unasked, `{`+monday+`}`) // who cannot see it cannot clear it
	b.Patch(b.ada.Email, "one11", `{"creator":{"email":"ada@example.org"}}`)
	if s := b.must("GET", one, ""); s.str("source", "title") != "t" {
		t.Error(s.text)
	}
}
