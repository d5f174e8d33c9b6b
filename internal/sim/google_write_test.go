package sim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"calbridge/internal/sim"
)

const (
	one     = primary + "/one11"
	patches = "?sendUpdates=none&conferenceDataVersion=1&supportsAttachments=true"
)

// withOne has one event that somebody made.
func withOne(t *testing.T, members string, o ...sim.GoogleOptions) *googleBench {
	b := newGoogle(t, o...)
	b.Put(b.ada.Email, `{"id":"one11","summary":"s",`+members+`}`)
	return b
}

func (b *googleBench) patch(body string, headers ...string) said {
	b.t.Helper()
	return b.must("PATCH", one+patches, body, headers...)
}

func TestGooglePatchMerges(t *testing.T) {
	b := withOne(t, monday+`,"location":"here","newMember":{"a":1},"extendedProperties":{"private":{"a":"1","b":"2"}},"attendees":[{"email":"x@y.z","responseStatus":"accepted"}]`,
		sim.GoogleOptions{UnknownMembersAreNormal: true})
	s := b.patch(`{"location":null,"extendedProperties":{"private":{"a":null}},"attendees":[{"email":"v@y.z","responseStatus":"accepted"}]}`)
	if s.obj["location"] != nil || s.str("extendedProperties", "private") != "map[b:2]" || strings.Contains(s.text, "x@y.z") || s.str("newMember", "a") != "1" ||
		s.str("summary") != "s" {
		t.Error(s.text)
	}
	b.clean()
}

func TestGoogleUpdateReplaces(t *testing.T) {
	b := withOne(t, monday+`,"location":"here","conferenceData":{"conferenceId":"x"},"source":{"url":"https://example.org","title":"t"}`)
	s := b.must("PUT", one+unasked, `{"summary":"new",`+monday+`}`)
	if s.obj["location"] != nil || s.str("summary") != "new" || s.str("iCalUID") != "one11@google.com" || s.str("conferenceData", "conferenceId") != "x" ||
		s.obj["source"] != nil {
		t.Error(s.text)
	}
	b.clean()
}

func TestGoogleNoOpPatch(t *testing.T) {
	for _, changes := range []bool{false, true} {
		b := withOne(t, monday, sim.GoogleOptions{NoOpChangesETag: changes})
		first := b.patch(`{"summary":"first"}`).str("etag")
		again := b.patch(`{"summary":"first","start":{"dateTime":"2026-03-02T10:00:00+01:00"}}`).str("etag")
		if (again != first) != changes {
			t.Errorf("%s then %s", first, again)
		}
	}
}

func TestGooglePreconditions(t *testing.T) {
	b := withOne(t, monday)
	etag := b.must("GET", one, "").str("etag")
	if s := b.ask("GET", one, "", "If-None-Match", etag); s.status != http.StatusNotModified || s.text != "" {
		t.Error(s.status)
	}
	b.Patch(b.ada.Email, "one11", `{"summary":"theirs"}`)
	for _, verb := range []string{"PATCH", "PUT", "DELETE"} {
		body := map[string]string{"PATCH": `{"summary":"x"}`, "PUT": `{` + monday + `}`}[verb]
		s := b.want(412, "conditionNotMet", verb, one+unasked, body, "If-Match", etag)
		if !strings.Contains(s.text, `"location":"If-Match"`) {
			t.Error(s.text)
		}
	}
	b.want(412, "conditionNotMet", "POST", one+"/move?destination=primary", "", "If-Match", etag)
	b.patch(`{"summary":"x"}`, "If-Match", "*")
	b.clean()
}

func TestGoogleTouch(t *testing.T) {
	b := withOne(t, monday)
	token, etag := b.start(), b.must("GET", one, "").str("etag")
	b.Touch(b.ada.Email, "one11")
	if s := b.must("GET", one, ""); s.str("etag") == etag || !slices.Equal(b.sync(token).ids(), []string{"one11"}) {
		t.Error(s.text)
	}
	b.want(412, "conditionNotMet", "DELETE", one+unasked, "", "If-Match", etag)
}

func TestGoogleForgets(t *testing.T) {
	b := withOne(t, monday)
	b.must("DELETE", one+unasked, "")
	b.Forget(b.ada.Email, "one11")
	b.want(404, "notFound", "GET", one, "")
	b.want(404, "notFound", "DELETE", one+unasked, "")
	b.want(409, "duplicate", "POST", primary+unasked, `{"id":"one11",`+monday+`}`)
	if ids := b.must("GET", primary+"?showDeleted=true", "").ids(); len(ids) != 0 {
		t.Error(ids)
	}
}

// What is not known of Google can be either way.
func TestGoogleOpenQuestions(t *testing.T) {
	b := withOne(t, daily, sim.GoogleOptions{ExceptionsTouchSeries: true, ExdatesBecomeExceptions: true, NoRevival: true})
	token, etag := b.start(), b.must("GET", one, "").str("etag")
	b.must("PATCH", one+"_20260303T090000Z"+unasked, `{"summary":"x"}`)
	if s := b.must("GET", one, ""); s.str("etag") == etag {
		t.Error("the series was not touched")
	}
	s := b.patch(`{"recurrence":["RRULE:FREQ=DAILY;COUNT=5","EXDATE:20260304T090000Z,20270101T090000Z"]}`)
	if s.str("recurrence") != "[RRULE:FREQ=DAILY;COUNT=5]" {
		t.Error(s.text)
	}
	if ids := b.sync(token).ids(); !slices.Contains(ids, "one11_20260304T090000Z") || len(ids) != 3 {
		t.Error(ids)
	}
	b.must("DELETE", one+unasked, "")
	b.want(403, "forbidden", "PATCH", one+unasked, `{"status":"confirmed"}`)
	b.clean()
}

// An id is never free again, a tombstone is read with 200, and one's own is brought back by status=confirmed.
func TestGoogleTombstonesKeepTheirIDs(t *testing.T) {
	b := withOne(t, monday)
	b.must("DELETE", one+unasked, "")
	b.want(410, "deleted", "DELETE", one+unasked, "")
	b.want(404, "notFound", "DELETE", primary+"/never"+unasked, "")
	b.want(409, "duplicate", "POST", primary+unasked, `{"id":"one11",`+monday+`}`)
	if s := b.must("GET", one, ""); s.str("status") != "cancelled" {
		t.Error(s.text)
	}
	if s := b.patch(`{"status":"confirmed"}`); s.str("status") != "confirmed" || s.str("summary") != "s" {
		t.Error(s.text)
	}
	b.Put(b.ada.Email, `{"id":"theirs","status":"cancelled",`+monday+`,"organizer":{"email":"bob@example.com"}}`)
	b.want(403, "forbidden", "PATCH", primary+"/theirs"+unasked, `{"status":"confirmed"}`)
	b.clean()
}

func TestGoogleOneInsertWins(t *testing.T) {
	b := newGoogle(t)
	var mu sync.Mutex
	var all []int
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			s := b.ask("POST", primary+unasked, `{"id":"abcde",`+monday+`}`)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, s.status)
		})
	}
	wait.Wait()
	slices.Sort(all)
	if fmt.Sprint(all) != "[200 409 409 409 409 409 409 409]" {
		t.Error(all)
	}
}

func TestGoogleICalUID(t *testing.T) {
	b := newGoogle(t)
	made := b.must("POST", primary+unasked, `{"iCalUID":"u@example.org",`+monday+`}`)
	if made.str("iCalUID") != "u@example.org" || made.str("id") == "" {
		t.Error(made.text)
	}
	b.want(409, "duplicate", "POST", primary+unasked, `{"iCalUID":"u@example.org",`+monday+`}`)
	b.want(400, "invalid", "POST", primary+unasked, `{"id":"abcde","iCalUID":"v@example.org",`+monday+`}`)
}

func TestGoogleImport(t *testing.T) {
	path, body := primary+"/import", `{"iCalUID":"u@example.org","organizer":{"email":"bob@example.com"},`+monday+`}`
	for _, replaces := range []bool{false, true} {
		b := newGoogle(t, sim.GoogleOptions{ImportReplaces: replaces})
		first := b.must("POST", path, body)
		if first.str("organizer", "email") != "bob@example.com" || first.str("eventType") != "default" {
			t.Error(first.text)
		}
		if replaces {
			if s := b.must("POST", path, body); s.str("id") != first.str("id") {
				t.Error(s.text)
			}
			continue
		}
		b.want(409, "duplicate", "POST", path, body)
		b.must("DELETE", primary+"/"+first.str("id")+unasked, "")
		b.want(409, "duplicate", "POST", path, body)
		b.want(400, "required", "POST", path, `{`+monday+`}`)
	}
}

func TestGoogleExceptions(t *testing.T) {
	b := withOne(t, daily)
	etag := b.must("GET", one, "").str("etag")
	if s := b.must("GET", one+"_20260304T090000Z", ""); s.str("etag") != etag { // an occurrence without a version of its own
		t.Errorf("etag %s", s.str("etag"))
	}
	made := b.must("PATCH", one+"_20260304T090000Z"+unasked, `{"summary":"moved","start":{"dateTime":"2026-03-04T15:00:00Z"},"end":{"dateTime":"2026-03-04T16:00:00Z"}}`, "If-Match", etag)
	if made.str("originalStartTime", "dateTime") != "2026-03-04T09:00:00Z" || made.str("start", "dateTime") != "2026-03-04T15:00:00Z" || made.str("etag") == etag {
		t.Error(made.text)
	}
	b.want(400, "invalid", "PATCH", one+"_20260304T090000Z"+unasked, `{"originalStartTime":{"dateTime":"2026-03-04T10:00:00Z"}}`)
	b.want(400, "invalid", "PATCH", one+"_20260304T090000Z"+unasked, `{"recurringEventId":"other"}`)
	b.want(400, "invalid", "PATCH", one+"_20260304T090000Z"+unasked, `{"recurrence":["RRULE:FREQ=DAILY"]}`)
	// status=cancelled is the same as a delete, and can be taken back.
	b.must("PATCH", one+"_20260305T090000Z"+unasked, `{"status":"cancelled"}`)
	b.want(410, "deleted", "DELETE", one+"_20260305T090000Z"+unasked, "")
	if s := b.must("PATCH", one+"_20260305T090000Z"+unasked, `{"status":"confirmed"}`); s.str("summary") != "s" {
		t.Error(s.text)
	}
	// Trimming the series leaves the exceptions after the cut.
	b.patch(`{"recurrence":["RRULE:FREQ=DAILY;COUNT=2"]}`)
	if ids := b.must("GET", one+"/instances", "").ids(); fmt.Sprint(ids) != "[one11_20260302T090000Z one11_20260303T090000Z one11_20260304T090000Z one11_20260305T090000Z]" {
		t.Error(ids)
	}
	b.clean()
}

func TestGoogleOrphans(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"gone1_20260302T090000Z","recurringEventId":"gone1","originalStartTime":{"dateTime":"2026-03-02T09:00:00Z"},"iCalUID":"x@google.com",`+monday+`}`)
	if s := b.must("GET", primary, "").items(); len(s) != 1 || s[0].str("recurringEventId") != "gone1" {
		t.Error(s)
	}
	b.want(404, "notFound", "GET", primary+"/gone1", "")
	b.clean()
}

func TestGoogleConference(t *testing.T) {
	b := withOne(t, monday)
	create := `{"conferenceData":{"createRequest":{"requestId":"r1","conferenceSolutionKey":{"type":"hangoutsMeet"}}}}`
	if s := b.must("PATCH", one+unasked, create); s.obj["conferenceData"] != nil { // version 0: dropped silently
		t.Error(s.text)
	}
	first := b.patch(create)
	link := first.str("hangoutLink")
	if first.str("conferenceData", "createRequest", "status", "statusCode") != "success" || link == "" || first.str("conferenceData", "conferenceId") == "" {
		t.Error(first.text)
	}
	if again := b.patch(create); again.text != first.text { // the same request id is ignored
		t.Error(again.text)
	}
	if s := b.must("PATCH", one+unasked, `{"conferenceData":null}`); s.str("hangoutLink") != link { // version 0 leaves what is there
		t.Error(s.text)
	}
	if s := b.patch(strings.Replace(create, "r1", "r2", 1)); s.str("hangoutLink") == link {
		t.Error(s.text)
	}
	if s := b.patch(`{"conferenceData":null}`); s.obj["conferenceData"] != nil || s.obj["hangoutLink"] != nil {
		t.Error(s.text)
	}
	b.clean()
}

func TestGoogleRemindersArePersonal(t *testing.T) {
	b := withOne(t, monday)
	bob := b.AddUser("bob@example.com")
	b.AddCalendar(bob, sim.GoogleCalendar{ID: b.ada.Email, AccessRole: "writer"})
	before := b.must("GET", one, "")
	b.pass(1e9)
	mine := b.patch(`{"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":0}]}}`)
	if mine.str("reminders", "useDefault") != "false" || mine.str("reminders", "overrides") != "[map[method:popup minutes:0]]" {
		t.Error(mine.text)
	}
	if mine.str("updated") != before.str("updated") || mine.str("etag") == before.str("etag") {
		t.Error("updated moved, or the etag did not")
	}
	if s := b.askAs(b.Token(bob), "GET", "calendars/"+b.ada.Email+"/events/one11", ""); s.str("reminders", "useDefault") != "true" {
		t.Error(s.text)
	}
	if none := b.patch(`{"reminders":{"useDefault":false,"overrides":[]}}`); none.str("reminders", "overrides") != "" || none.str("reminders", "useDefault") != "false" {
		t.Error(none.text)
	}
	b.clean()
}

func TestGoogleExtendedProperties(t *testing.T) {
	b := withOne(t, monday)
	s := b.patch(`{"extendedProperties":{"private":{"` + strings.Repeat("k", 45) + `":"v","long":"` + strings.Repeat("é", 1030) + `"}}}`)
	if got := s.str("extendedProperties", "private", "long"); len([]rune(got)) != 1024 || strings.Contains(s.text, "kkk") {
		t.Error(s.text)
	}
	many := make([]string, 301)
	for i := range many {
		many[i] = fmt.Sprintf(`"k%d":"v"`, i)
	}
	b.want(400, "invalid", "PATCH", one+unasked, `{"extendedProperties":{"shared":{`+strings.Join(many, ",")+`}}}`)
}

func TestGoogleAttachments(t *testing.T) {
	b := withOne(t, monday)
	files := `{"attachments":[{"fileUrl":"https://drive.google.com/open?id=1","title":"t"}]}`
	if s := b.must("PATCH", one+unasked, files); s.obj["attachments"] != nil {
		t.Error(s.text)
	}
	if s := b.patch(files); s.obj["attachments"] == nil {
		t.Error(s.text)
	}
	b.want(400, "invalid", "PATCH", one+patches, `{"attachments":[`+strings.TrimSuffix(strings.Repeat(`{"fileUrl":"https://a.b/c"},`, 26), ",")+`]}`)
}

func TestGoogleLabels(t *testing.T) {
	b := withOne(t, monday+`,"eventLabelId":"l1"`)
	if s := b.patch(`{"summary":"x"}`); s.str("eventLabelId") != "l1" {
		t.Error(s.text)
	}
	if s := b.must("PATCH", one+"?sendUpdates=none&eventLabelVersion=1", `{"summary":"y"}`); s.obj["eventLabelId"] != nil {
		t.Error(s.text)
	}
}

func TestGoogleVisibilityOfOneInstance(t *testing.T) {
	b := withOne(t, daily)
	b.must("PATCH", one+"_20260304T090000Z"+unasked, `{"visibility":"private"}`) // stricter: all of it
	if s := b.must("GET", one, ""); s.str("visibility") != "private" {
		t.Error(s.text)
	}
	if s := b.must("PATCH", one+"_20260304T090000Z"+unasked, `{"visibility":"public"}`); s.str("visibility") != "private" { // looser: ignored
		t.Error(s.text)
	}
}

func TestGoogleMove(t *testing.T) {
	b := withOne(t, monday)
	other := b.AddCalendar(b.ada, sim.GoogleCalendar{Summary: "Other"})
	s := b.must("POST", one+"/move?sendUpdates=none&destination="+other, "")
	if s.str("status") != "cancelled" {
		t.Error(s.text)
	}
	there := b.must("GET", "calendars/"+other+"/events/one11", "")
	if there.str("organizer", "email") != other || there.str("status") != "confirmed" || there.str("organizer", "self") != "true" {
		t.Error(there.text)
	}
	if left := b.must("GET", one, ""); left.obj["summary"] != nil || left.str("status") != "cancelled" {
		t.Error(left.text)
	}
	b.clean()
}

func TestGoogleSequence(t *testing.T) {
	b := withOne(t, monday+`,"sequence":4`)
	if s := b.patch(`{"sequence":2,"summary":"x"}`); s.str("sequence") != "4" { // never lowered
		t.Error(s.text)
	}
	if s := b.patch(`{"end":{"dateTime":"2026-03-02T11:00:00Z"}}`); s.str("sequence") != "5" {
		t.Error(s.text)
	}
}

func TestGoogleLocked(t *testing.T) {
	b := withOne(t, monday+`,"locked":true`)
	b.want(403, "forbidden", "PATCH", one+unasked, `{"summary":"x"}`)
	b.patch(`{"colorId":"3"}`)
}

func TestGoogleFixedEnd(t *testing.T) {
	for _, member := range []string{`"endTimeUnspecified":true`, `"eventType":"fromGmail"`} {
		b := withOne(t, monday+`,`+member)
		b.want(400, "invalid", "PATCH", one+unasked, `{"end":{"dateTime":"2026-03-02T11:00:00Z"}}`)
		b.patch(`{"summary":"x"}`)
	}
}

func TestGoogleTurnsIntoDays(t *testing.T) {
	b := withOne(t, monday)
	b.want(400, "invalid", "PATCH", one+unasked, `{"start":{"date":"2026-03-02"},"end":{"date":"2026-03-03"}}`)
	s := b.patch(`{"start":{"date":"2026-03-02","dateTime":null,"timeZone":null},"end":{"date":"2026-03-03","dateTime":null,"timeZone":null}}`)
	if s.str("start") != "map[date:2026-03-02]" {
		t.Error(s.text)
	}
	b.clean()
}

func TestGoogleFaults(t *testing.T) {
	b := withOne(t, monday)
	b.Faults(func(f *sim.GoogleFaults) {
		f.Next(1, "PATCH", "/events/", sim.GoogleFault{Status: 503, RetryAfter: "7"})
		f.Next(1, "PATCH", "/events/", sim.GoogleFault{Status: 500, Apply: true})
		f.Next(1, "", "", sim.GoogleFault{Status: 403, Reason: "quotaExceeded", Message: "Calendar usage limits exceeded."})
	})
	if s := b.want(503, "backendError", "PATCH", one+unasked, `{"summary":"x"}`); s.header.Get("Retry-After") != "7" {
		t.Error(s.header)
	}
	b.want(500, "backendError", "PATCH", one+unasked, `{"summary":"applied"}`)
	if s := b.want(403, "quotaExceeded", "GET", one, ""); !strings.Contains(s.text, `"domain":"usageLimits"`) {
		t.Error(s.text)
	}
	if s := b.must("GET", one, ""); s.str("summary") != "applied" {
		t.Error(s.text)
	}
	b.Faults(func(f *sim.GoogleFaults) {
		f.Next(1, "POST", "/token", sim.GoogleFault{Status: 400, Reason: "invalid_grant"})
		f.Next(1, "", "", sim.GoogleFault{Status: 410})
	})
	if s := b.post("/token", nil); s.reason != "invalid_grant" || s.status != 400 {
		t.Error(s.obj)
	}
	if s := b.want(410, "fullSyncRequired", "GET", primary, ""); !strings.Contains(s.text, `"location":"syncToken"`) {
		t.Error(s.text)
	}
	for _, applied := range []bool{false, true} {
		b.Faults(func(f *sim.GoogleFaults) {
			f.Hook = func(*http.Request) *sim.GoogleFault {
				return &sim.GoogleFault{CutRequest: !applied, LoseAnswer: applied}
			}
		})
		r := httptest.NewRequest("PATCH", "https://g/calendar/v3/"+one+unasked, strings.NewReader(fmt.Sprintf(`{"summary":"lost %v"}`, applied)))
		r.Header.Set("Authorization", "Bearer "+b.token)
		if _, err := b.Transport().RoundTrip(r); err == nil {
			t.Error("the connection was not cut")
		}
		b.Faults((*sim.GoogleFaults).Clear)
		if s := b.must("GET", one, ""); (s.str("summary") == "lost true") != applied {
			t.Error(s.text)
		}
	}
	lost := 0
	for _, x := range b.Journal() {
		if x.Lost {
			lost++
		}
	}
	if lost != 2 {
		t.Errorf("%d lost", lost)
	}
}
