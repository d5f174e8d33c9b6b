package sim_test

import (
	"strings"
	"testing"
)

// Requests that are wrong, each with the error its rule names. one11 is a timed event, days1 an all-day series, zoom1 one with reminders.
func TestGoogleRefuses(t *testing.T) {
	timed := func(start, end string) string { return `{"start":` + start + `,"end":` + end + `}` }
	for _, c := range []struct {
		what, request, body string
		status              int
		reason              string
	}{
		{"an id in upper case", "POST E", `{"id":"ABCDE",` + monday + `}`, 400, "invalid"},
		{"an id with dashes", "POST E", `{"id":"aaaa-bbbb",` + monday + `}`, 400, "invalid"},
		{"an id with w to z", "POST E", `{"id":"wxyzw",` + monday + `}`, 400, "invalid"},
		{"a short id", "POST E", `{"id":"abcd",` + monday + `}`, 400, "invalid"},
		{"a long id", "POST E", `{"id":"` + strings.Repeat("a", 1025) + `",` + monday + `}`, 400, "invalid"},
		{"an id and an iCalUID", "POST E", `{"id":"abcde","iCalUID":"x@y",` + monday + `}`, 400, "invalid"},
		{"an id that is taken", "POST E", `{"id":"one11",` + monday + `}`, 409, "duplicate"},
		{"an override with the UID of the series", "POST E", `{"iCalUID":"days1@google.com",` + monday + `}`, 409, "duplicate"},
		{"an inserted instance", "POST E", `{"recurringEventId":"days1",` + monday + `}`, 400, "invalid"},
		{"no JSON", "POST E", `{`, 400, "parseError"},
		{"two JSON", "POST E", `{}{}`, 400, "parseError"},
		{"a number as summary", "POST E", `{"summary":1,` + monday + `}`, 400, "parseError"},

		{"no end", "POST E", `{"start":{"date":"2026-03-02"}}`, 400, "required"},
		{"no start", "POST E", `{"end":{"date":"2026-03-02"}}`, 400, "required"},
		{"no end any more", "PATCH E/one11", `{"end":null}`, 400, "required"},
		{"date and dateTime", "POST E", timed(`{"date":"2026-03-02","dateTime":"2026-03-02T09:00:00Z"}`, `{"date":"2026-03-03"}`), 400, "invalid"},
		{"neither", "POST E", timed(`{"timeZone":"UTC"}`, `{"date":"2026-03-03"}`), 400, "invalid"},
		{"a date and a dateTime", "POST E", timed(`{"date":"2026-03-02"}`, `{"dateTime":"2026-03-02T09:00:00Z"}`), 400, "invalid"},
		{"neither offset nor zone", "POST E", timed(`{"dateTime":"2026-03-02T09:00:00"}`, `{"dateTime":"2026-03-02T10:00:00"}`), 400, "required"},
		{"a zone from Windows", "POST E", timed(`{"dateTime":"2026-03-02T09:00:00Z","timeZone":"W. Europe Standard Time"}`, `{"dateTime":"2026-03-02T10:00:00Z"}`), 400, "invalid"},
		{"no date", "POST E", timed(`{"date":"2026-02-30"}`, `{"date":"2026-03-03"}`), 400, "invalid"},
		{"the end first", "POST E", timed(`{"dateTime":"2026-03-02T09:00:00Z"}`, `{"dateTime":"2026-03-02T08:00:00Z"}`), 400, "timeRangeEmpty"},
		{"no day, the end being exclusive", "POST E", timed(`{"date":"2026-03-02"}`, `{"date":"2026-03-02"}`), 400, "timeRangeEmpty"},

		{"a series without a zone", "POST E", `{"start":{"dateTime":"2026-03-02T09:00:00Z"},"end":{"dateTime":"2026-03-02T10:00:00Z"},"recurrence":["RRULE:FREQ=DAILY"]}`, 400, "required"},
		{"DTSTART in recurrence", "POST E", `{` + monday + `,"recurrence":["DTSTART:20260302T090000Z","RRULE:FREQ=DAILY"]}`, 400, "invalid"},
		{"no rule", "POST E", `{` + monday + `,"recurrence":["FREQ=DAILY"]}`, 400, "invalid"},
		{"a bad rule", "POST E", `{` + monday + `,"recurrence":["RRULE:FREQ=FORTNIGHTLY"]}`, 400, "invalid"},
		{"an EXDATE of days for times", "POST E", `{` + monday + `,"recurrence":["RRULE:FREQ=DAILY","EXDATE;VALUE=DATE:20260303"]}`, 400, "invalid"},
		{"an EXDATE of times for days", "POST E", `{` + aDay + `,"recurrence":["RRULE:FREQ=DAILY","EXDATE:20260303T000000Z"]}`, 400, "invalid"},
		{"a rule for an instance", "PATCH E/days1_20260303", `{"recurrence":["RRULE:FREQ=DAILY"]}`, 400, "invalid"},
		{"an occurrence there is not", "PATCH E/days1_20270303", `{"summary":"x"}`, 404, "notFound"},

		{"another id", "PATCH E/one11", `{"id":"other"}`, 400, "invalid"},
		{"another UID", "PATCH E/one11", `{"iCalUID":"other"}`, 400, "invalid"},
		{"another type", "PATCH E/one11", `{"eventType":"focusTime"}`, 400, "eventTypeRestriction"},
		{"an update without the type", "PUT E/focus", `{` + monday + `}`, 400, "eventTypeRestriction"},
		{"an update without an end", "PUT E/one11", `{"start":{"date":"2026-03-02"}}`, 400, "required"},
		{"an update that inserts", "PUT E/newone", `{` + monday + `}`, 404, "notFound"},
		{"an unknown type", "POST E", `{"eventType":"party",` + monday + `}`, 400, "invalid"},
		{"a fromGmail", "POST E", `{"eventType":"fromGmail",` + monday + `}`, 400, "invalid"},
		{"a day out of office", "POST E", `{"eventType":"outOfOffice",` + aDay + `}`, 400, "eventTypeRestriction"},
		{"free focus time", "POST E", `{"eventType":"focusTime","transparency":"transparent",` + monday + `}`, 400, "eventTypeRestriction"},
		{"a bare working location", "POST E", `{"eventType":"workingLocation",` + aDay + `}`, 400, "eventTypeRestriction"},
		{"a birthday with a key of ours", "POST E", `{"eventType":"birthday",` + aDay + `,"recurrence":["RRULE:FREQ=YEARLY"],"extendedProperties":{"private":{"a":"b"}}}`, 400, "eventTypeRestriction"},
		{"focus time elsewhere", "POST calendars/second@group.calendar.google.com/events", `{"eventType":"focusTime",` + monday + `}`, 400, "eventTypeRestriction"},
		{"an unknown status", "PATCH E/one11", `{"status":"maybe"}`, 400, "invalid"},

		{"six reminders", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[` + strings.TrimSuffix(strings.Repeat(`{"method":"popup","minutes":1},`, 6), ",") + `]}}`, 400, "invalid"},
		{"a reminder without minutes", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[{"method":"popup"}]}}`, 400, "required"},
		{"a reminder without a method", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[{"minutes":1}]}}`, 400, "required"},
		{"an early reminder", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":40321}]}}`, 400, "invalid"},
		{"a late reminder", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":-1}]}}`, 400, "invalid"},
		{"a reminder by telephone", "PATCH E/one11", `{"reminders":{"useDefault":false,"overrides":[{"method":"sms","minutes":1}]}}`, 400, "invalid"},
		{"reminders beside the default ones", "PATCH E/one11", `{"reminders":{"overrides":[{"method":"popup","minutes":1}]}}`, 400, "cannotUseDefaultRemindersAndSpecifyOverride"},

		{"a guest without an address", "PATCH E/one11", `{"attendees":[{"displayName":"x"}]}`, 400, "required"},
		{"a guest who answers maybe", "PATCH E/one11", `{"attendees":[{"email":"a@b.c","responseStatus":"maybe"}]}`, 400, "invalid"},
		{"an unknown sendUpdates", "PATCH E/one11?sendUpdates=some", `{"summary":"x"}`, 400, "invalidParameter"},
		{"the same for a delete", "DELETE E/one11?sendUpdates=some", ``, 400, "invalidParameter"},
		{"an unknown conferenceDataVersion", "PATCH E/one11?conferenceDataVersion=2", `{"summary":"x"}`, 400, "invalidParameter"},
		{"a conference without an id", "PATCH E/one11?conferenceDataVersion=1", `{"conferenceData":{"createRequest":{}}}`, 400, "required"},
		{"a conference without a way in", "PATCH E/one11?conferenceDataVersion=1", `{"conferenceData":{"notes":"x"}}`, 400, "invalid"},
		{"a number as extended property", "PATCH E/one11", `{"extendedProperties":{"private":{"a":1}}}`, 400, "invalid"},

		{"a window for a sync token", "GET E?syncToken=T&timeMin=2026-03-01T00:00:00Z", ``, 400, "badRequest"},
		{"a search for a sync token", "GET E?syncToken=T&q=x", ``, 400, "badRequest"},
		{"an order for a sync token", "GET E?syncToken=T&orderBy=updated", ``, 400, "badRequest"},
		{"showDeleted=false for a sync token", "GET E?syncToken=T&showDeleted=false", ``, 400, "badRequest"},
		{"other parameters than at first", "GET E?syncToken=T&singleEvents=true", ``, 400, "invalid"},
		{"a page size other than at first", "GET E?syncToken=T&maxResults=10", ``, 400, "invalid"},
		{"no sync token", "GET E?syncToken=nonsense", ``, 400, "invalid"},
		{"no page token", "GET E?pageToken=nonsense", ``, 400, "invalid"},
		{"a bound without an offset", "GET E?timeMin=2026-03-01T00:00:00", ``, 400, "badRequest"},
		{"an empty window", "GET E?timeMin=2026-03-02T00:00:00Z&timeMax=2026-03-01T00:00:00Z", ``, 400, "timeRangeEmpty"},
		{"series by start", "GET E?orderBy=startTime", ``, 400, "badRequest"},
		{"no page size", "GET E?maxResults=0", ``, 400, "invalidParameter"},
		{"no boolean", "GET E?singleEvents=1", ``, 400, "invalidParameter"},
		{"an unknown zone", "GET E?timeZone=Mars", ``, 400, "invalidParameter"},
		{"an unknown type of events", "GET E?eventTypes=party", ``, 400, "invalidParameter"},

		{"a calendar there is not", "GET calendars/nowhere@group.calendar.google.com/events", ``, 404, "notFound"},
		{"an event there is not", "GET E/nothere", ``, 404, "notFound"},
		{"a path there is not", "GET calendars/primary/nonsense", ``, 404, "notFound"},
		{"a verb there is not", "PUT E", `{}`, 405, "httpMethodNotAllowed"},
		{"a move to nowhere", "POST E/one11/move", ``, 400, "required"},
		{"a moved occurrence", "POST E/days1_20260303/move?destination=second@group.calendar.google.com", ``, 400, "cannotChangeOrganizer"},
	} {
		b := newGoogle(t)
		b.AddCalendar(b.ada, second)
		b.Put(b.ada.Email, `{"id":"one11",`+monday+`}`)
		b.Put(b.ada.Email, `{"id":"days1",`+aDay+`,"recurrence":["RRULE:FREQ=DAILY;COUNT=3"]}`)
		b.Put(b.ada.Email, `{"id":"focus","eventType":"focusTime",`+monday+`}`)
		verb, path, _ := strings.Cut(c.request, " ")
		path = strings.Replace(strings.Replace(path, "E", primary, 1), "syncToken=T", "syncToken="+b.start(), 1)
		s := b.ask(verb, path, c.body)
		if s.status != c.status || s.reason != c.reason {
			t.Errorf("%s: %d %s, want %d %s: %s", c.what, s.status, s.reason, c.status, c.reason, s.text)
		}
		for _, v := range b.Violations() {
			if strings.Contains(v, "answer") {
				t.Errorf("%s: %s", c.what, v)
			}
		}
	}
}

// What looks wrong and is not.
func TestGoogleAccepts(t *testing.T) {
	for what, body := range map[string]string{
		"an EXDATE that hits nothing": `{` + daily[:len(daily)-1] + `,"EXDATE:20270101T000000Z"]}`,
		"no time at all":              `{"start":{"dateTime":"2026-03-02T09:00:00Z"},"end":{"dateTime":"2026-03-02T09:00:00Z"}}`,
		"two zones":                   `{"start":{"dateTime":"2026-03-02T09:00:00","timeZone":"Europe/Zurich"},"end":{"dateTime":"2026-03-02T09:00:00","timeZone":"America/New_York"}}`,
		"a zone for a day":            `{"start":{"date":"2026-03-02","timeZone":"Europe/Zurich"},"end":{"date":"2026-03-03"}}`,
		"read-only members":           `{"kind":"calendar#event","etag":"x","created":"2020-01-01T00:00:00Z","organizer":{"email":"b@c.d"},` + monday + `}`,
		"an EXDATE with a zone":       `{` + daily[:len(daily)-1] + `,"EXDATE;TZID=Europe/Zurich:20260303T100000"]}`,
		"an RDATE, no rule":           `{` + monday + `,"recurrence":["RDATE:20260310T090000Z"]}`,
		"an EXRULE":                   `{` + daily[:len(daily)-1] + `,"EXRULE:FREQ=DAILY;INTERVAL=2"]}`,
	} {
		b := newGoogle(t)
		if s := b.ask("POST", primary+unasked, body); s.status != 200 {
			t.Errorf("%s: %s", what, s.text)
		} else if what == "an EXRULE" || what == "an RDATE, no rule" {
			if ids := b.must("GET", primary+"/"+s.str("id")+"/instances", "").ids(); len(ids) != 2 {
				t.Errorf("%s: %v", what, ids)
			}
		}
		b.clean()
	}
}
