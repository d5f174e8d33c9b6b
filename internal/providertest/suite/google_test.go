package suite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/google"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

func googleRig(t *testing.T) (*Rig, *GoogleSide) {
	t.Helper()
	g := NewGoogleSide(t, sim.GoogleOptions{MaxPage: 3})
	r := NewGoogleRig(t, g, providertest.SQLite(t))
	r.Sync()
	return r, g
}

// sent are the requests that may have changed something, as "method body".
func sent(g *GoogleSide) (all []string) {
	for _, x := range g.Writes() {
		all = append(all, x.ID+" "+x.Body)
	}
	return all
}

const meeting = `{"id":"meeting","summary":"Old title","description":"as it was","location":"Room 1",
	"start":{"dateTime":"2026-03-02T10:00:00+01:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-03-02T11:00:00+01:00","timeZone":"Europe/Berlin"},
	"recurrence":["RRULE:FREQ=WEEKLY;COUNT=6"],
	"attendees":[{"email":"alice@gmail.example","responseStatus":"accepted"},
		{"email":"bob@example.org","displayName":"Bob","responseStatus":"accepted","comment":"I bring cake","additionalGuests":2,"brandNew":{"a":1}},
		{"email":"room@example.org","resource":true,"responseStatus":"tentative"}],
	"reminders":{"useDefault":false,"overrides":[{"method":"popup","minutes":0},{"method":"email","minutes":60}]},
	"conferenceData":{"conferenceId":"abc-defg-hij","conferenceSolution":{"key":{"type":"hangoutsMeet"},"name":"Google Meet"},
		"entryPoints":[{"entryPointType":"video","uri":"https://meet.google.com/abc-defg-hij","label":"meet.google.com/abc-defg-hij"}]},
	"extendedProperties":{"private":{"theirs":"kept"}},"guestsCanModify":true,"colorId":"7","notInAnyDocument":{"x":[1,2,3]}}`

// TestGooglePatchesOnlyWhatChanged: a new title is a patch of the title. What nobody touched, known to us or not, is as it was; no guest
// hears of it.
func TestGooglePatchesOnlyWhatChanged(t *testing.T) {
	r, g := googleRig(t)
	g.Odd = true
	g.Google.Put(r.Calendar, meeting)
	before, _ := g.Event(r.Calendar, "meeting")
	r.Sync()
	uid := only(r).UID
	g.ResetJournal()
	r.Change(uid, "SUMMARY:Old title", "SUMMARY:New title")
	if run := r.Sync(); run.Pushed.Updated != 1 || run.Trouble != nil {
		t.Fatalf("%+v", run)
	}
	if w := sent(g); !reflect.DeepEqual(w, []string{`events.patch {"summary":"New title"}`}) {
		t.Errorf("sent %v", w)
	}
	after, _ := g.Event(r.Calendar, "meeting")
	if got, want := but(t, after, "summary", "etag", "updated", "sequence"), but(t, before, "summary", "etag", "updated", "sequence"); !reflect.DeepEqual(got, want) {
		t.Errorf("changed:\n got %v\nwant %v", got, want)
	}
	for _, x := range g.Writes() {
		if x.Query.Get("sendUpdates") != "none" || x.Query.Get("conferenceDataVersion") != "1" || x.IfMatch == "" {
			t.Errorf("%s %v If-Match %s", x.ID, x.Query, x.IfMatch)
		}
	}
	quietGuests(t, g)
	r.Quiet()
}

// TestGoogleAttendeesSurviveWhole: adding a guest sends the others as they are.
func TestGoogleAttendeesSurviveWhole(t *testing.T) {
	r, g := googleRig(t)
	g.Odd = true
	g.Google.Put(r.Calendar, meeting)
	r.Sync()
	r.Change(only(r).UID, "END:VEVENT", "ATTENDEE;CN=Carol:mailto:carol@example.org\r\nEND:VEVENT")
	r.Sync()
	after, _ := g.Event(r.Calendar, "meeting")
	var e struct{ Attendees []map[string]any }
	if err := json.Unmarshal([]byte(after), &e); err != nil || len(e.Attendees) != 4 {
		t.Fatalf("%v %s", err, after)
	}
	for _, a := range e.Attendees {
		if a["email"] == "bob@example.org" && (a["responseStatus"] != "accepted" || a["comment"] != "I bring cake" || a["brandNew"] == nil) {
			t.Errorf("Bob is now %v", a)
		}
	}
	quietGuests(t, g)
	r.Quiet()
}

// TestGoogleMailsWhoIsNamed: guests hear of an edit only when its author said so.
func TestGoogleMailsWhoIsNamed(t *testing.T) {
	r, g := googleRig(t)
	g.Odd = true
	g.Google.Put(r.Calendar, meeting)
	r.Sync()
	o := only(r)
	body := cal.Body(strings.Replace(string(o.Base.Body), "Room 1", "Room 2", 1))
	r.Write(func(tx *store.Tx) error {
		_, err := tx.Edit(store.Draft{Object: o.ID, Notify: cal.NotifyAll, Want: cal.Version{Digest: ical.Read(body).Digest, Body: body}})
		return err
	})
	r.Sync()
	if m := g.Mails(); len(m) == 0 || m[0].To != "bob@example.org" {
		t.Errorf("%v %+v", m, g.Writes())
	}
}

func quietGuests(t *testing.T, g *GoogleSide) {
	t.Helper()
	if m := g.Mails(); len(m) > 0 {
		t.Errorf("mailed: %v", m)
	}
	for _, x := range g.Writes() {
		if x.Silent {
			t.Errorf("%s does not say whom to mail", x.ID)
		}
	}
}

// but is a JSON object without some members.
func but(t *testing.T, text string, without ...string) map[string]any {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, name := range without {
		delete(all, name)
	}
	return all
}

func only(r *Rig) cal.Object {
	r.T.Helper()
	for _, o := range r.Objects() {
		return o
	}
	r.T.Fatal("nothing is here")
	return cal.Object{}
}

func single(n int) string {
	return fmt.Sprintf(`{"id":"single%d","summary":"Event %d","location":"x","start":{"dateTime":"2026-03-%02dT09:00:00Z"},"end":{"dateTime":"2026-03-%02dT10:00:00Z"}}`,
		n, n, n%27+1, n%27+1)
}

// TestGoogleTokenRefusedWhilePaging: the full list has no tombstones for what vanished meanwhile; it is swept. What the user typed stays.
func TestGoogleTokenRefusedWhilePaging(t *testing.T) {
	r, g := googleRig(t)
	for n := range 12 {
		g.Google.Put(r.Calendar, single(n))
	}
	r.Sync()
	r.Change("single3@google.com", "SUMMARY:Event 3", "SUMMARY:mine")
	r.Change("single4@google.com", "SUMMARY:Event 4", "SUMMARY:mine too")
	for n := range 8 {
		g.Patch(r.Calendar, fmt.Sprintf("single%d", n), `{"location":"there"}`)
	}
	asked := 0
	g.Faults(func(f *sim.GoogleFaults) {
		f.Hook = func(q *http.Request) *sim.GoogleFault {
			if q.Method == http.MethodPatch { // the edits cannot be sent yet
				return &sim.GoogleFault{Status: http.StatusServiceUnavailable}
			}
			if q.URL.Query().Get("syncToken") == "" || !strings.HasSuffix(q.URL.Path, "/events") {
				return nil
			}
			if asked++; asked == 2 { // the token dies in the middle of the answer; what vanished leaves no trace
				g.Google.Remove(r.Calendar, "single10")
				g.Forget(r.Calendar, "single10")
				g.ExpireSyncTokens()
			}
			return nil
		}
	})
	r.SyncAll(engine.Incremental)
	g.Faults(func(f *sim.GoogleFaults) { f.Clear() })
	if asked < 2 {
		t.Fatal("the token did not die in the middle")
	}
	r.Sync()
	var all []string
	for n := range 12 {
		if n != 10 {
			all = append(all, fmt.Sprintf("single%d@google.com", n))
		}
	}
	r.Agree(all...)
	for uid, title := range map[string]string{"single3@google.com": "mine", "single4@google.com": "mine too"} {
		if body := string(r.Object(uid).Base.Body); !strings.Contains(body, "SUMMARY:"+title+"\r\n") || !strings.Contains(body, "LOCATION:there") {
			t.Errorf("%s: %s", uid, body)
		}
	}
	r.NoConflicts()
	r.Quiet()
}

// TestGoogleLostInsert: one event. Deleted and made again: another id.
func TestGoogleLostInsert(t *testing.T) {
	r, g := googleRig(t)
	r.Create("u", newEvent("u", "a", "x"))
	g.Faults(func(f *sim.GoogleFaults) { f.Next(1, http.MethodPost, "/events", sim.GoogleFault{LoseAnswer: true}) })
	r.SyncAll(engine.Incremental)
	r.Sync()
	r.Agree("u")
	first := g.Events(r.Calendar)
	r.NoConflicts()
	r.Delete("u")
	r.Sync()
	if n := len(g.Events(r.Calendar)); n != 0 {
		t.Errorf("%d there", n)
	}
	r.Create("u", newEvent("u", "again", "x"))
	r.Sync()
	r.Agree("u")
	if second := g.Events(r.Calendar); len(second) != 1 || len(first) != 1 || second[0] == first[0] {
		t.Errorf("first %v, then %v", first, second)
	}
	r.Quiet()
}

// TestGoogleHasNoWords: an edit in words that Google does not have is settled, said once, and not sent again.
func TestGoogleHasNoWords(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, single(1))
	r.Sync()
	r.Change("single1@google.com", "END:VEVENT", "X-OURS:1\r\nEND:VEVENT")
	if rep := r.SyncAll(engine.Incremental); rep.Failed() || len(sent(g)) > 0 {
		t.Errorf("sent %v, %+v", sent(g), rep)
	}
	if o := r.Object("single1@google.com"); o.Edit != nil || len(o.Sent) > 0 {
		t.Errorf("the edit is %+v, sent %+v", o.Edit, o.Sent)
	}
	r.Quiet()
}

// TestGooglePartsOfAnAnswerAreKept: exceptions are stored as they are told. Only what may have moved waits for the end.
func TestGooglePartsOfAnAnswerAreKept(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	r.Sync()
	for _, day := range []string{"02", "09", "16", "23"} {
		g.Patch(r.Calendar, "weekly_202603"+day+"T080000Z", `{"location":"there"}`)
	}
	g.ExpireSyncTokens()
	g.Faults(func(f *sim.GoogleFaults) {
		f.Hook = func(q *http.Request) *sim.GoogleFault {
			if q.URL.Query().Has("pageToken") {
				return &sim.GoogleFault{Status: http.StatusServiceUnavailable}
			}
			return nil
		}
	})
	if rep := r.SyncAll(engine.Incremental); !rep.Failed() || len(r.All()) < 2 {
		t.Errorf("%d objects, %+v", len(r.All()), rep)
	}
}

// TestGoogleDeletedThereAndRestoredHere: the id of a deleted event is taken for ever, so the object comes back under another.
func TestGoogleDeletedThereAndRestoredHere(t *testing.T) {
	r, g := googleRig(t)
	r.Create("u", newEvent("u", "a", "x"))
	r.Sync()
	o := r.Object("u")
	g.Google.Remove(r.Calendar, string(o.Href))
	r.Sync()
	r.Write(func(tx *store.Tx) error {
		_, err := tx.Edit(store.Draft{Object: o.ID, UID: "u", Want: cal.Version{Digest: o.Base.Digest, Body: o.Base.Body}})
		return err
	})
	r.Sync()
	r.Agree("u")
	if now := r.Object("u"); now.Href == o.Href || now.ID != o.ID {
		t.Errorf("was %s, is %s", o.Href, now.Href)
	}
	r.Quiet()
}

const weekly = `{"id":"weekly","summary":"Weekly","location":"x","start":{"dateTime":"2026-03-02T09:00:00+01:00","timeZone":"Europe/Berlin"},
	"end":{"dateTime":"2026-03-02T10:00:00+01:00","timeZone":"Europe/Berlin"},"recurrence":["RRULE:FREQ=WEEKLY;COUNT=6"]}`

// TestGoogleInstanceDeletedThere is excluded here, and the series and its etag stay as they are.
func TestGoogleInstanceDeletedThere(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	r.Sync()
	g.Google.Remove(r.Calendar, "weekly_20260309T080000Z")
	if run := r.Sync(); run.Pulled.Created != 1 || run.Pulled.Total() != 1 {
		t.Errorf("%+v", run)
	}
	whole := string(ical.Whole(bodies(r)))
	if !strings.Contains(whole, "EXDATE;TZID=Europe/Berlin:20260309T090000") || strings.Contains(whole, "STATUS:CANCELLED") {
		t.Error(whole)
	}
	r.Quiet()
	g.ExpireSyncTokens() // a full list names cancelled occurrences too
	r.Sync()
	r.Quiet()
	g.Google.Remove(r.Calendar, "weekly")
	r.Sync()
	if n := len(r.All()); n != 0 {
		t.Errorf("%d objects are left of a deleted series", n)
	}
	r.Quiet()
}

func bodies(r *Rig) (all []cal.Body) {
	for _, o := range r.All() {
		all = append(all, o.Want().Body)
	}
	return all
}

// TestGoogleInstanceEditedHere: only it changes there.
func TestGoogleInstanceEditedHere(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	r.Sync()
	master, _ := g.Event(r.Calendar, "weekly")
	exception := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:weekly@google.com\r\nDTSTAMP:20260101T000000Z\r\n" +
		"RECURRENCE-ID;TZID=Europe/Berlin:20260316T090000\r\nDTSTART;TZID=Europe/Berlin:20260316T140000\r\nDTEND;TZID=Europe/Berlin:20260316T150000\r\n" +
		"SUMMARY:Weekly\\, moved\r\nLOCATION:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	r.Accept(store.Draft{Calendar: r.CalendarID()}, exception)
	g.ResetJournal()
	if run := r.Sync(); run.Pushed.Created != 1 || run.Trouble != nil {
		t.Errorf("%+v", run)
	}
	for _, x := range g.Writes() {
		if x.ID != "events.patch" || !strings.HasSuffix(x.Path, "/weekly_20260316T080000Z") || x.IfMatch == "" {
			t.Errorf("%+v", x)
		}
	}
	if now, _ := g.Event(r.Calendar, "weekly"); now != master {
		t.Errorf("the series changed: %s", now)
	}
	moved, _ := g.Event(r.Calendar, "weekly_20260316T080000Z")
	if !strings.Contains(moved, `Weekly, moved`) || !strings.Contains(moved, "2026-03-16T13:00:00Z") {
		t.Error(moved)
	}
	r.Quiet()

	// Deleting it here hides the occurrence there.
	for _, o := range r.All() {
		if o.RecurrenceID != "" {
			r.Accept(store.Draft{Object: o.ID}, "")
		}
	}
	r.Sync()
	if gone, _ := g.Event(r.Calendar, "weekly_20260316T080000Z"); !strings.Contains(gone, `"cancelled"`) {
		t.Error(gone)
	}
	if now, _ := g.Event(r.Calendar, "weekly"); now != master {
		t.Errorf("the series changed: %s", now)
	}
	r.Quiet()
	quietGuests(t, g)
}

// TestGoogleSplitSurvivesACrash: "this and following" is a new series and a trimmed one. Whatever is lost in between, in the end there is
// each occurrence once.
func TestGoogleSplitSurvivesACrash(t *testing.T) {
	for lost := range 5 {
		t.Run(fmt.Sprint("answer ", lost), func(t *testing.T) {
			r, g := googleRig(t)
			g.Google.Put(r.Calendar, weekly)
			r.Sync()
			future := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:weekly@google.com\r\nDTSTAMP:20260101T000000Z\r\n" +
				"RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20260323T090000\r\nDTSTART;TZID=Europe/Berlin:20260323T090000\r\n" +
				"DTEND;TZID=Europe/Berlin:20260323T100000\r\nSUMMARY:From now on\r\nLOCATION:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
			master := only(r)
			whole := strings.Replace(string(master.Base.Body), "END:VCALENDAR", future[strings.Index(future, "BEGIN:VEVENT"):strings.Index(future, "END:VCALENDAR")]+"END:VCALENDAR", 1)
			r.Accept(store.Draft{Object: master.ID}, whole)
			writes := 0
			g.Faults(func(f *sim.GoogleFaults) {
				f.Hook = func(q *http.Request) *sim.GoogleFault {
					if q.Method == http.MethodGet {
						return nil
					}
					writes++
					return &sim.GoogleFault{LoseAnswer: writes-1 == lost, CutRequest: writes-2 == lost}
				}
			})
			r.SyncAll(engine.Incremental)
			g.Faults(func(f *sim.GoogleFaults) { f.Clear() })
			for range 3 {
				r.Sync()
			}
			count := map[string]int{}
			for _, at := range occurrences(t, g, r.Calendar) {
				count[at]++
			}
			if len(count) != 6 {
				t.Errorf("%v", count)
			}
			for at, n := range count {
				if n != 1 {
					t.Errorf("%s is there %d times", at, n)
				}
			}
			r.NoConflicts()
			r.Quiet()
			quietGuests(t, g)
		})
	}
}

// occurrences are the starts of all that is to be seen in a calendar.
func occurrences(t *testing.T, g *GoogleSide, calendar string) (all []string) {
	t.Helper()
	q := httptest.NewRequest(http.MethodGet, "/calendar/v3/calendars/"+url.PathEscape(calendar)+"/events?singleEvents=true&maxResults=2500", nil)
	q.Header.Set("Authorization", "Bearer "+g.Token(g.User, google.ScopeEvents))
	for page := ""; ; {
		w := httptest.NewRecorder()
		q.URL.RawQuery = "singleEvents=true&maxResults=2500" + page
		g.ServeHTTP(w, q)
		var list struct {
			Items         []struct{ Start struct{ DateTime string } }
			NextPageToken string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, i := range list.Items {
			all = append(all, i.Start.DateTime)
		}
		if list.NextPageToken == "" {
			return all
		}
		page = "&pageToken=" + url.QueryEscape(list.NextPageToken)
	}
}

// TestGoogleSaysNo: each no ends where it has to, with words that say what to do.
func TestGoogleSaysNo(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  sim.GoogleFault
		state  store.AccountState
		block  cal.Block
		person bool
		says   string
	}{
		{"scope lost", sim.GoogleFault{Status: 403, Reason: "insufficientPermissions"}, store.AccountLocked, "", true, "account add google"},
		{"role lost", sim.GoogleFault{Status: 403, Reason: "requiredAccessLevel"}, store.AccountActive, cal.ReadOnly, false, "read-only"},
		{"not the organizer", sim.GoogleFault{Status: 403, Reason: "forbiddenForNonOrganizer"}, store.AccountActive, cal.Rejected, false, "forbiddenForNonOrganizer"},
		{"too fast", sim.GoogleFault{Status: 403, Reason: "rateLimitExceeded"}, store.AccountActive, "", false, "fewer requests"},
		{"too fast, in other words", sim.GoogleFault{Status: 429, Reason: "rateLimitExceeded", RetryAfter: "120"}, store.AccountActive, "", false, "2m0s"},
		{"no writes today", sim.GoogleFault{Status: 403, Reason: "quotaExceeded"}, store.AccountActive, "", false, "no changes of this account before"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, g := googleRig(t)
			r.Create("u", newEvent("u", "a", "x"))
			r.There("v", newEvent("v", "b", "x"))
			g.Faults(func(f *sim.GoogleFaults) {
				f.Hook = func(q *http.Request) *sim.GoogleFault {
					if q.Method == http.MethodPost {
						return &c.fault
					}
					return nil
				}
			})
			rep := r.SyncAll(engine.Incremental)
			if rep.NeedsPerson() != c.person || !rep.Failed() {
				t.Errorf("%+v", rep)
			}
			if text := troubles(rep); !strings.Contains(text, c.says) {
				t.Errorf("it says %q, not %q", text, c.says)
			}
			r.Read(func(tx *store.Tx) error {
				a, err := tx.Account(r.Account.ID)
				if a.State != c.state {
					t.Errorf("the account is %s", a.State)
				}
				return err
			})
			o := r.Object("u")
			if o.Edit == nil || o.Edit.Block != c.block || len(o.Sent) > 0 {
				t.Errorf("the edit is %+v, sent %+v", o.Edit, o.Sent)
			}
		})
	}
}

func troubles(rep engine.Report) string {
	var all []string
	for _, a := range rep.Accounts {
		if a.Trouble != nil {
			all = append(all, *a.Trouble)
		}
	}
	for _, run := range rep.Runs {
		if run.Trouble != nil {
			all = append(all, *run.Trouble)
		}
	}
	return strings.Join(all, "\n")
}

// TestGoogleWritesRest: quotaExceeded stops what is written, in every calendar of the account, and nothing that is read.
func TestGoogleWritesRest(t *testing.T) {
	r, g := googleRig(t)
	now := time.Now()
	r.Engine.Clock = func() time.Time { return now }
	r.Create("u", newEvent("u", "a", "x"))
	g.Faults(func(f *sim.GoogleFaults) {
		f.Next(1, http.MethodPost, "/events", sim.GoogleFault{Status: 403, Reason: "quotaExceeded"})
	})
	r.SyncAll(engine.Incremental)
	r.There("v", newEvent("v", "b", "x"))
	r.Wire.Reset()
	if rep := r.SyncAll(engine.Incremental); !rep.Failed() || len(r.Wire.Writes()) > 0 {
		t.Errorf("%v %+v", r.Wire.Writes(), rep)
	}
	r.Object("v")
	now = now.Add(24 * time.Hour)
	r.Sync()
	r.Agree("u", "v")
}

// TestGoogleWritesStop: what has not left when the quota is spent stays here, and is not in doubt.
func TestGoogleWritesStop(t *testing.T) {
	r, g := googleRig(t)
	const edits = 60
	for n := range edits {
		u := fmt.Sprint("u", n)
		r.Create(u, newEvent(u, "a", "x"))
	}
	g.Faults(func(f *sim.GoogleFaults) {
		f.Hook = func(q *http.Request) *sim.GoogleFault {
			if q.Method == http.MethodPost {
				return &sim.GoogleFault{Status: 403, Reason: "quotaExceeded"}
			}
			return nil
		}
	})
	r.Wire.Reset()
	r.SyncAll(engine.Incremental)
	if n := len(r.Wire.Writes()); n == 0 || n > edits/2 {
		t.Errorf("%d of %d left", n, edits)
	}
	for uid, o := range r.Objects() {
		if o.Edit == nil || len(o.Sent) > 0 {
			t.Errorf("%s: the edit is %+v, sent %+v", uid, o.Edit, o.Sent)
		}
	}
}

// TestGoogleCalendarTurnsReader: edits wait, say so, and are sent when the right comes back.
func TestGoogleCalendarTurnsReader(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, single(1))
	r.Sync()
	r.Change("single1@google.com", "SUMMARY:Event 1", "SUMMARY:mine")
	g.SetRole(g.User, r.Calendar, "reader")
	if rep := r.SyncAll(engine.Incremental); !rep.Failed() || !strings.Contains(troubles(rep), "read-only") {
		t.Errorf("%+v", rep)
	}
	if o := r.Object("single1@google.com"); o.Edit == nil || o.Edit.Block != cal.ReadOnly {
		t.Errorf("%+v", o.Edit)
	}
	g.SetRole(g.User, r.Calendar, "writer")
	r.Sync()
	r.Sync()
	r.Agree("single1@google.com")
}

// TestGoogleSeriesMoves: when a series is moved, what was deleted of it stays deleted, and what was changed is there once.
func TestGoogleSeriesMoves(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	g.Patch(r.Calendar, "weekly_20260309T080000Z", `{"start":{"dateTime":"2026-03-09T15:00:00+01:00","timeZone":"Europe/Berlin"},"end":{"dateTime":"2026-03-09T16:00:00+01:00","timeZone":"Europe/Berlin"}}`)
	g.Patch(r.Calendar, "weekly_20260323T080000Z", `{"summary":"Only the title"}`)
	g.Google.Remove(r.Calendar, "weekly_20260316T080000Z")
	r.Sync()
	for _, o := range r.All() {
		if o.RecurrenceID == "" {
			later := strings.NewReplacer("20260302T090000", "20260302T110000", "20260302T100000", "20260302T120000").Replace(string(o.Base.Body))
			r.Accept(store.Draft{Object: o.ID}, later)
		}
	}
	for range 2 {
		if run := r.Sync(); run.Trouble != nil {
			t.Errorf("%+v %s", run, *run.Trouble)
		}
	}
	// Monday at 11:00 in Berlin is 10:00Z, from the 29th on 9:00Z. The 9th has a time of its own, the 16th does not take place.
	want := []string{"2026-03-02T10:00:00Z", "2026-03-09T14:00:00Z", "2026-03-23T10:00:00Z", "2026-03-30T09:00:00Z", "2026-04-06T09:00:00Z"}
	got := occurrences(t, g, r.Calendar)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("there are\n%v, want\n%v", got, want)
	}
	if title, _ := g.Event(r.Calendar, "weekly_20260323T100000Z"); !strings.Contains(title, "Only the title") {
		t.Error(title)
	}
	r.NoConflicts()
	r.Quiet()
	quietGuests(t, g)
}

// TestGoogleRuleLosesAnException: an edit that would leave a changed occurrence without its instance is refused, and says which.
func TestGoogleRuleLosesAnException(t *testing.T) {
	r, g := googleRig(t)
	g.Google.Put(r.Calendar, weekly)
	g.Patch(r.Calendar, "weekly_20260406T070000Z", `{"summary":"The last one"}`)
	r.Sync()
	for _, o := range r.All() {
		if o.RecurrenceID != "" {
			continue
		}
		body := cal.Body(strings.Replace(string(o.Base.Body), "COUNT=6", "COUNT=5", 1))
		err := r.DB.Write(t.Context(), func(tx *store.Tx) error {
			_, err := engine.Accept(tx, store.Draft{Object: o.ID, Want: cal.Version{Digest: ical.Read(body).Digest, Body: body}})
			return err
		})
		if unfit := (engine.Unfit{}); !errors.As(err, &unfit) || !strings.Contains(err.Error(), "20260406T070000Z") {
			t.Errorf("%v", err)
		}
	}
}
