package sim_test

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The check catches planted mistakes, on both sides, and finds nothing where there is nothing.
func TestDiscoveryCheck(t *testing.T) {
	d := discovery(t)
	event := `{"kind":"calendar#event","id":"abcde","start":{"date":"2026-03-02"},"end":{"date":"2026-03-03"}}`
	refusal := `{"error":{"errors":[{"domain":"global","reason":"notFound","message":"Not Found"}],"code":404,"message":"Not Found"}}`
	insert, patch, list := "POST /calendar/v3/calendars/primary/events", "PATCH /calendar/v3/calendars/primary/events/abcde", "GET /calendar/v3/calendars/primary/events"
	watch, channel := "POST /calendar/v3/calendars/primary/events/watch", `{"id":"c"}`
	for _, c := range []struct {
		what, request, body string
		status              int
		answer, want        string // want is in the violation; empty: there is none
	}{
		{"an insert", insert + "?sendUpdates=none&conferenceDataVersion=1", event, 200, event, ""},
		{"a patch with null", patch, `{"location":null}`, 200, event, ""},
		{"a delete", strings.Replace(patch, "PATCH", "DELETE", 1), "", 204, "", ""},
		{"a list", list + "?maxResults=5&eventTypes=default&eventTypes=birthday&timeMin=2026-01-01T00:00:00Z", "", 200, `{"items":[` + event + `],"nextSyncToken":"x"}`, ""},
		{"a refusal", patch, `{}`, 404, refusal, ""},
		{"not modified", list, "", 304, "", ""},
		{"numbers as strings", watch, `{"id":"c","expiration":"1700000000000"}`, 200, channel, ""},
		{"any name", patch, `{"extendedProperties":{"private":{"any":"thing"}}}`, 200, event, ""},
		{"a dateTime with a zone instead of an offset", patch, `{"start":{"dateTime":"2026-03-02T09:00:00","timeZone":"UTC"}}`, 200, event, ""},

		{"no such path", "GET /calendar/v3/calendars/primary/event", "", 200, "", "no such method"},
		{"no such verb", "PUT /calendar/v3/calendars/primary/events", "", 200, "", "no such method"},
		{"not of the API", "GET /calendar/v2/calendars/primary/events", "", 200, "", "no such method"},
		{"unknown parameter", list + "?maxresults=5", "", 200, `{}`, "maxresults: unknown parameter"},
		{"a parameter of another method", insert + "?syncToken=x", event, 200, event, "syncToken: unknown parameter"},
		{"a parameter twice", list + "?maxResults=5&maxResults=6", "", 200, `{}`, "maxResults: repeated"},
		{"no integer", list + "?maxResults=many", "", 200, `{}`, "maxResults: \"many\" is no int32"},
		{"below the least", list + "?maxResults=0", "", 200, `{}`, "maxResults"},
		{"above the most", insert + "?conferenceDataVersion=2", event, 200, event, "conferenceDataVersion"},
		{"no boolean", list + "?singleEvents=1", "", 200, `{}`, "singleEvents"},
		{"not in the enumeration", insert + "?sendUpdates=some", event, 200, event, "sendUpdates"},
		{"no offset", list + "?timeMin=2026-01-01T00:00:00", "", 200, `{}`, "timeMin"},
		{"required parameter", strings.Replace(patch, "PATCH", "POST", 1) + "/move", "", 200, event, "destination: required parameter missing"},
		{"a body where there is none", list, `{}`, 200, `{}`, "body: there should be none"},
		{"no body where there is one", insert, ``, 200, event, "body: not one JSON object"},
		{"required member", insert, `{"start":{"date":"2026-03-02"}}`, 200, event, ".end: required member missing"},
		{"wrong type", patch, `{"summary":1}`, 200, event, ".summary: json.Number instead of string"},
		{"wrong type inside", patch, `{"reminders":{"overrides":[{"method":"popup","minutes":"5"}]}}`, 200, event, ".reminders.overrides[0].minutes: string instead of integer"},
		{"an array where none is", patch, `{"start":[]}`, 200, event, ".start"},
		{"an object where none is", patch, `{"attendees":{}}`, 200, event, ".attendees: an object instead of array"},
		{"unknown member", patch, `{"start":{"datetime":"2026-03-02T09:00:00Z"}}`, 200, event, ".start.datetime: unknown member"},
		{"no date", patch, `{"start":{"date":"2.3.2026"}}`, 200, event, ".start.date"},
		{"a fraction", patch, `{"sequence":1.5}`, 200, event, ".sequence"},
		{"null in an insert", insert, strings.Replace(event, `"abcde"`, `null`, 1), 200, event, ".id: null"},
		{"a number as string", watch, `{"id":"c","expiration":1700000000000}`, 200, channel, ".expiration: json.Number instead of string"},
		{"wrong answer", patch, `{}`, 200, `{"id":5}`, "answer 200: .id"},
		{"unknown member of an answer", list, ``, 200, `{"items":[{"ID":"x"}]}`, ".items[0].ID: unknown member"},
		{"an answer where none is", strings.Replace(patch, "PATCH", "DELETE", 1), "", 204, `{}`, "body: there should be none"},
		{"another error", patch, `{}`, 404, `{"error":"not_found"}`, "not the documented error"},
		{"another code", patch, `{}`, 403, refusal, "not the documented error"},
	} {
		verb, target, _ := strings.Cut(c.request, " ")
		found := d.Check(httptest.NewRequest(verb, target, nil), []byte(c.body), c.status, []byte(c.answer))
		got := strings.Join(found, "\n")
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}

func TestGoogleCollectsViolations(t *testing.T) {
	b := newGoogle(t)
	b.ask("POST", primary+"?senUpdates=none", `{"sumary":"x",`+monday+`}`)
	if got := strings.Join(b.Violations(), "\n"); !strings.Contains(got, "senUpdates: unknown parameter") || !strings.Contains(got, ".sumary: unknown member") {
		t.Error(got)
	}
}
