package sim_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

func (b *googleBench) put(n int) {
	for i := range n {
		b.Put(b.ada.Email, fmt.Sprintf(`{"id":"event%05d","summary":"%d",%s}`, i, i, monday))
	}
}

// pages follows a list to its end.
func (b *googleBench) pages(path string) (ids []string, pages int, last said) {
	b.t.Helper()
	for next := ""; ; pages++ {
		last = b.must("GET", path+next, "")
		ids = append(ids, last.ids()...)
		page, sync := last.str("nextPageToken"), last.str("nextSyncToken")
		if page != "" && sync != "" {
			b.t.Fatal("both tokens on one page")
		}
		if page == "" {
			return ids, pages + 1, last
		}
		next = "&pageToken=" + url.QueryEscape(page)
	}
}

func TestGooglePages(t *testing.T) {
	b := newGoogle(t)
	b.put(7)
	ids, pages, last := b.pages(primary + "?maxResults=3")
	if len(ids) != 7 || pages != 3 || last.str("nextSyncToken") == "" || last.str("accessRole") != "owner" || last.obj["defaultReminders"] == nil {
		t.Errorf("%d in %d pages: %s", len(ids), pages, last.text)
	}
	b.put(7) // all changed: a page token of before goes on where it was
	if ids, _, _ := b.pages(primary + "?maxResults=3"); len(slices.Compact(slices.Sorted(slices.Values(ids)))) != 7 {
		t.Errorf("%v", ids)
	}
	b.clean()
}

// A page may be empty and not the last: tombstones take room that the client does not see.
func TestGoogleEmptyPages(t *testing.T) {
	b := newGoogle(t)
	b.put(6)
	for i := range 4 {
		b.Remove(b.ada.Email, fmt.Sprintf("event%05d", i))
	}
	first := b.must("GET", primary+"?maxResults=2", "")
	if len(first.items()) != 0 || first.str("nextPageToken") == "" {
		t.Errorf("first page %s", first.text)
	}
	if ids, pages, _ := b.pages(primary + "?maxResults=2"); len(ids) != 2 || pages != 3 {
		t.Errorf("%v in %d", ids, pages)
	}
	if ids, _, _ := b.pages(primary + "?showDeleted=true"); len(ids) != 6 {
		t.Errorf("with deleted ones %v", ids)
	}
}

func TestGooglePageSizes(t *testing.T) {
	b := newGoogle(t)
	b.put(260)
	if n := len(b.must("GET", primary, "").items()); n != 250 {
		t.Errorf("default page of %d", n)
	}
	if n := len(b.must("GET", primary+"?maxResults=9999", "").items()); n != 260 {
		t.Errorf("page of %d", n)
	}
	small := newGoogle(t, sim.GoogleOptions{PageSize: 2, MaxPage: 3})
	small.put(9)
	if n, m := len(small.must("GET", primary, "").items()), len(small.must("GET", primary+"?maxResults=2500", "").items()); n != 2 || m != 3 {
		t.Errorf("pages of %d and %d", n, m)
	}
}

func TestGoogleIncrementalPages(t *testing.T) {
	b := newGoogle(t)
	b.put(1)
	token := b.must("GET", primary+"?maxResults=2", "").str("nextSyncToken")
	b.put(5)
	ids, pages, last := b.pages(primary + "?maxResults=2&syncToken=" + token)
	if len(ids) != 5 || pages != 3 {
		t.Errorf("%v in %d", ids, pages)
	}
	if again := b.must("GET", primary+"?maxResults=2&syncToken="+last.str("nextSyncToken"), ""); len(again.items()) != 0 {
		t.Errorf("again %s", again.text)
	}
	first := b.must("GET", primary+"?maxResults=2&syncToken="+token, "").str("nextPageToken")
	b.want(400, "invalid", "GET", primary+"?maxResults=2&pageToken="+first, "") // the sync token goes with every page
	b.PageTokensExpire()
	b.want(400, "invalid", "GET", primary+"?maxResults=2&syncToken="+token+"&pageToken="+first, "")
}

// What changes while pages are fetched is told again by the next sync.
func TestGoogleChangeBetweenPages(t *testing.T) {
	b := newGoogle(t)
	b.put(4)
	first := b.must("GET", primary+"?maxResults=2", "")
	b.Patch(b.ada.Email, "event00000", `{"summary":"late"}`)
	last := b.must("GET", primary+"?maxResults=2&pageToken="+first.str("nextPageToken"), "")
	delta := b.must("GET", primary+"?maxResults=2&syncToken="+last.str("nextSyncToken"), "")
	if !slices.Contains(delta.ids(), "event00000") {
		t.Errorf("lost: %s", delta.text)
	}
}

func TestGoogleTokenDeath(t *testing.T) {
	b := newGoogle(t)
	token := b.start()
	b.ExpireSyncTokens()
	s := b.want(410, "fullSyncRequired", "GET", primary+"?syncToken="+token, "")
	if !strings.Contains(s.text, `"location":"syncToken"`) {
		t.Error(s.text)
	}
	token = b.start()
	b.SetRole(b.ada, b.ada.Email, "writer") // an ACL change is the other named cause
	b.want(410, "fullSyncRequired", "GET", primary+"?syncToken="+token, "")
	b.want(410, "updatedMinTooLongAgo", "GET", primary+"?updatedMin=2020-01-01T00:00:00Z", "")
}

// Without showDeleted a full list has nothing of what vanished.
func TestGoogleNoTombstonesInFullLists(t *testing.T) {
	b := newGoogle(t)
	b.put(2)
	b.Remove(b.ada.Email, "event00000")
	if ids := b.must("GET", primary, "").ids(); !slices.Equal(ids, []string{"event00001"}) {
		t.Error(ids)
	}
}

func TestGoogleCancelledExceptionsAreListed(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"series","summary":"s",`+daily+`}`)
	etag := b.must("GET", primary+"/series", "").str("etag")
	token := b.start()
	b.must("DELETE", primary+"/series_20260303T090000Z"+unasked, "")
	if now := b.must("GET", primary+"/series", ""); now.str("etag") != etag || strings.Contains(now.text, "EXDATE") {
		t.Errorf("the series changed: %s", now.text)
	}
	for _, list := range []said{b.must("GET", primary, ""), b.sync(token)} {
		i := slices.Index(list.ids(), "series_20260303T090000Z")
		if i < 0 {
			t.Fatalf("not listed: %s", list.text)
		}
		bare := list.items()[i]
		if bare.str("status") != "cancelled" || bare.str("recurringEventId") != "series" || bare.str("originalStartTime", "dateTime") != "2026-03-03T09:00:00Z" ||
			bare.obj["start"] != nil || bare.obj["summary"] != nil {
			t.Errorf("bare %v", bare.obj)
		}
	}
	if ids := b.must("GET", primary+"?singleEvents=true", "").ids(); len(ids) != 4 || slices.Contains(ids, "series") {
		t.Errorf("single events %v", ids)
	}
	if ids := b.must("GET", primary+"?singleEvents=true&showDeleted=true", "").ids(); len(ids) != 5 {
		t.Errorf("single events and deleted ones %v", ids)
	}
	b.clean()
}

func TestGoogleSeriesGoesWithItsExceptions(t *testing.T) {
	for _, all := range []bool{false, true} {
		b := newGoogle(t, sim.GoogleOptions{SeriesDeletionNamesAll: all})
		b.Put(b.ada.Email, `{"id":"series","summary":"s",`+daily+`}`)
		b.must("PATCH", primary+"/series_20260303T090000Z"+unasked, `{"summary":"other"}`)
		token := b.start()
		b.must("DELETE", primary+"/series"+unasked, "")
		want := []string{"series"}
		if all {
			want = append(want, "series_20260303T090000Z")
		}
		if ids := b.sync(token).ids(); !slices.Equal(ids, want) {
			t.Errorf("%v, want %v", ids, want)
		}
		if ids := b.Events(b.ada.Email); len(ids) != 0 {
			t.Errorf("left %v", ids)
		}
		b.must("PATCH", primary+"/series"+unasked, `{"status":"confirmed"}`) // and come back with it
		if ids := b.sync(token).ids(); len(ids) != 2 || b.must("GET", primary+"/series_20260303T090000Z", "").str("summary") != "other" {
			t.Errorf("back %v", ids)
		}
	}
}

// Of what was deleted an incremental list tells the id; with showDeleted, and by get, one's own details as well.
func TestGoogleTombstones(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"mine1","summary":"s",`+monday+`}`)
	b.Put(b.ada.Email, `{"id":"theirs","summary":"s",`+monday+`,"organizer":{"email":"bob@example.com"}}`)
	plain, full := b.start(), b.must("GET", primary+"?showDeleted=true", "").str("nextSyncToken")
	b.Remove(b.ada.Email, "mine1")
	b.Remove(b.ada.Email, "theirs")
	for _, i := range b.sync(plain).items() {
		if i.str("status") != "cancelled" || i.obj["summary"] != nil || i.obj["start"] != nil {
			t.Errorf("stub %v", i.obj)
		}
	}
	detailed := b.must("GET", primary+"?showDeleted=true&syncToken="+full, "").items()
	if detailed[0].str("summary") != "s" || detailed[1].str("summary") != "" {
		t.Errorf("detailed %v", detailed)
	}
	if got := b.must("GET", primary+"/mine1", ""); got.str("status") != "cancelled" || got.str("summary") != "s" {
		t.Errorf("get %s", got.text)
	}
	b.clean()
}

func TestGoogleWindow(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"early",`+monday+`}`)
	b.Put(b.ada.Email, `{"id":"series",`+daily+`}`)
	b.Put(b.ada.Email, `{"id":"late1","start":{"dateTime":"2026-04-01T09:00:00Z"},"end":{"dateTime":"2026-04-01T10:00:00Z"}}`)
	for query, want := range map[string]string{
		"timeMin=2026-03-02T10:00:00Z":                                     "series late1", // exclusive, of the end
		"timeMin=2026-03-02T09:59:59Z":                                     "early series late1",
		"timeMax=2026-03-02T09:00:00Z":                                     "", // exclusive, of the start
		"timeMax=2026-03-02T09:00:01Z":                                     "early series",
		"timeMin=2026-03-06T09:30:00Z":                                     "series late1",
		"timeMin=2026-03-06T10:00:00Z":                                     "late1",
		"timeMin=2026-03-02T11:00:00%2B02:00&timeMax=2026-03-03T00:00:00Z": "early series",
		"q=nothing": "",
	} {
		if ids := b.must("GET", primary+"?"+query, "").ids(); strings.Join(ids, " ") != want {
			t.Errorf("%s: %v, want %s", query, ids, want)
		}
	}
	// The window is frozen in the token.
	token := b.must("GET", primary+"?timeMin=2026-03-10T00:00:00Z", "").str("nextSyncToken")
	b.Patch(b.ada.Email, "early", `{"summary":"x"}`)
	b.Patch(b.ada.Email, "late1", `{"summary":"x"}`)
	if ids := b.sync(token).ids(); !slices.Equal(ids, []string{"late1"}) {
		t.Error(ids)
	}
	b.clean()
}

func TestGoogleFilters(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"plain",`+monday+`,"iCalUID":"a@b"}`)
	b.Put(b.ada.Email, `{"id":"marked","summary":"Lunch",`+monday+`,"extendedProperties":{"private":{"k":"v"},"shared":{"s":"t"}},"eventType":"outOfOffice"}`)
	for query, want := range map[string]string{
		"iCalUID=a@b": "plain", "privateExtendedProperty=k%3Dv": "marked", "privateExtendedProperty=k%3Dw": "", "sharedExtendedProperty=s%3Dt": "marked",
		"q=lunch": "marked", "eventTypes=outOfOffice": "marked", "eventTypes=outOfOffice&eventTypes=default": "plain marked", "orderBy=updated": "plain marked",
	} {
		got := b.must("GET", primary+"?"+query, "")
		if strings.Join(got.ids(), " ") != want {
			t.Errorf("%s: %v", query, got.ids())
		}
		if !strings.HasPrefix(query, "eventTypes") && got.str("nextSyncToken") != "" {
			t.Errorf("%s: a sync token that cannot be used", query)
		}
	}
	b.clean()
}

func TestGoogleTimesAreShownInTheReadersZone(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"plain",`+monday+`}`)
	token := b.must("GET", primary+"?timeZone=America/New_York", "")
	if at := token.items()[0].str("start", "dateTime"); at != "2026-03-02T04:00:00-05:00" {
		t.Error(at)
	}
	b.must("PATCH", "calendars/primary", `{"timeZone":"Asia/Tokyo"}`)
	if at := b.must("GET", primary+"/plain", "").str("start", "dateTime"); at != "2026-03-02T18:00:00+09:00" {
		t.Error(at)
	}
}

func TestGoogleLagLists(t *testing.T) {
	b := newGoogle(t)
	b.put(1)
	b.LagLists(time.Minute)
	b.pass(2 * time.Minute)
	token := b.start()
	b.Patch(b.ada.Email, "event00000", `{"summary":"new"}`)
	if got := b.must("GET", primary+"/event00000", "").str("summary"); got != "new" {
		t.Error("get lags", got)
	}
	lagging := b.sync(token)
	if len(lagging.items()) != 0 || b.must("GET", primary, "").items()[0].str("summary") != "0" {
		t.Error("the list does not lag")
	}
	b.pass(2 * time.Minute)
	if ids := b.sync(lagging.str("nextSyncToken")).ids(); len(ids) != 1 {
		t.Error("lost for ever")
	}
}

func TestGoogleInstances(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"series","summary":"s",`+monday+`,"recurrence":["RRULE:FREQ=DAILY;COUNT=5","EXDATE;TZID=Europe/Zurich:20260304T100000"]}`)
	b.Put(b.ada.Email, `{"id":"days1","start":{"date":"2026-03-28"},"end":{"date":"2026-03-29"},"recurrence":["RRULE:FREQ=DAILY;COUNT=3"]}`)
	b.Put(b.ada.Email, `{"id":"series_R20260401T080000",`+strings.ReplaceAll(daily, "2026-03-02", "2026-04-01")+`}`)
	b.Put(b.ada.Email, `{"id":"tuesdays",`+monday+`,"recurrence":["RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2"]}`)
	b.must("PATCH", primary+"/series_20260303T090000Z"+unasked, `{"start":{"dateTime":"2026-03-03T12:00:00Z"},"end":{"dateTime":"2026-03-03T13:00:00Z"}}`)
	for path, want := range map[string]string{
		"series/instances": "series_20260302T090000Z series_20260303T090000Z series_20260305T090000Z series_20260306T090000Z",
		"days1/instances":  "days1_20260328 days1_20260329 days1_20260330",
		"series/instances?originalStart=2026-03-03T10:00:00%2B01:00": "series_20260303T090000Z",
		"tuesdays/instances":                                             "tuesdays_20260303T090000Z tuesdays_20260310T090000Z", // the start is no occurrence when the rule says so
		"series_20260305T090000Z/instances":                              "series_20260305T090000Z",
		"series/instances?timeMin=2026-03-06T10:00:00Z":                  "series_20260306T090000Z", // inclusive, unlike in a list
		"series/instances?timeMin=2026-03-05T00:00:00Z":                  "series_20260305T090000Z series_20260306T090000Z",
		"series_R20260401T080000/instances?timeMax=2026-04-02T00:00:00Z": "series_R20260401T080000_20260401T090000Z",
	} {
		if ids := b.must("GET", primary+"/"+path, "").ids(); strings.Join(ids, " ") != want {
			t.Errorf("%s: %v", path, ids)
		}
	}
	b.must("DELETE", primary+"/series_20260305T090000Z"+unasked, "")
	if ids := b.must("GET", primary+"/series_20260305T090000Z/instances", "").ids(); len(ids) != 0 {
		t.Errorf("of a cancelled one %v", ids)
	}
	for _, id := range []string{"series_20260304T090000Z", "series_20260401T090000Z", "series_20260302", "series_R20260401T080000_20260501T090000Z"} {
		b.want(404, "notFound", "GET", primary+"/"+id, "")
	}
	b.must("GET", primary+"/series_R20260401T080000_20260402T090000Z", "") // "_" in an id does not mean instance
	got := b.must("GET", primary+"/series_20260303T090000Z", "")
	if got.str("originalStartTime", "dateTime") != "2026-03-03T09:00:00Z" || got.str("recurringEventId") != "series" || got.obj["recurrence"] != nil ||
		got.str("iCalUID") != "series@google.com" {
		t.Errorf("exception %s", got.text)
	}
	b.clean()
}

// The wall clock stays over the change to summer time.
func TestGoogleSummerTime(t *testing.T) {
	b := newGoogle(t)
	b.Put(b.ada.Email, `{"id":"series",`+strings.ReplaceAll(daily, "2026-03-02", "2026-03-28")+`}`)
	if ids := b.must("GET", primary+"/series/instances", "").ids(); !slices.Contains(ids, "series_20260329T080000Z") {
		t.Error(ids)
	}
}

func TestGoogleAccessRoles(t *testing.T) {
	b := newGoogle(t)
	bob := b.AddUser("bob@example.com")
	team := b.AddCalendar(bob, sim.GoogleCalendar{ID: "team@group.calendar.google.com", Summary: "Team"})
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: team, AccessRole: "freeBusyReader"})
	b.Put(team, `{"id":"secret","summary":"hush","visibility":"private",`+daily+`}`)
	b.Put(team, `{"id":"public1","summary":"open",`+monday+`}`)
	b.Put(team, `{"id":"free1","summary":"open","transparency":"transparent",`+monday+`}`) // blocks no time
	path := "calendars/" + team + "/events"

	busy := b.must("GET", path, "")
	if len(busy.items()) != 6 || strings.Contains(busy.text, "hush") || strings.Contains(busy.text, "open") || slices.Contains(busy.ids(), "secret") {
		t.Errorf("free/busy %s", busy.text)
	}
	b.want(403, "requiredAccessLevel", "POST", path+unasked, `{`+monday+`}`)
	for _, role := range []string{"reader", "writerWithoutPrivateAccess"} {
		b.SetRole(b.ada, team, role)
		read := b.must("GET", path, "")
		if strings.Contains(read.text, "hush") || !strings.Contains(read.text, "open") || !slices.Contains(read.ids(), "secret") || read.str("accessRole") != role {
			t.Errorf("%s: %s", role, read.text)
		}
	}
	b.want(403, "forbidden", "PATCH", path+"/secret"+unasked, `{"summary":"x"}`)
	b.must("PATCH", path+"/public1"+unasked, `{"summary":"x"}`)
	b.SetRole(b.ada, team, "reader")
	b.want(403, "requiredAccessLevel", "PATCH", path+"/public1"+unasked, `{"summary":"y"}`)
	b.want(403, "requiredAccessLevel", "DELETE", path+"/public1"+unasked, "")
	b.SetRole(b.ada, team, "writer")
	if !strings.Contains(b.must("GET", path, "").text, "hush") {
		t.Error("a writer sees private events")
	}
	b.SetRole(b.ada, team, "none")
	b.want(404, "notFound", "GET", path, "")
	b.clean()
}

func TestGoogleQuota(t *testing.T) {
	for status, many := range map[int]bool{403: false, 429: true} {
		b := newGoogle(t, sim.GoogleOptions{PerMinute: 3, TooManyRequests: many})
		for range 3 {
			b.must("GET", primary, "")
			b.pass(10 * time.Second)
		}
		b.want(status, "rateLimitExceeded", "GET", primary, "")
		b.pass(31 * time.Second) // the first two slide out
		b.must("GET", primary, "")
	}
}

func TestGoogleScopes(t *testing.T) {
	b := newGoogle(t)
	b.token = b.Token(b.ada, "calendar.events", "openid")
	b.must("GET", primary, "")
	b.want(403, "insufficientPermissions", "GET", "users/me/calendarList", "") // calendar.events does not open the list
	b.want(403, "insufficientPermissions", "GET", "calendars/primary", "")
	b.token = b.Token(b.ada, "calendar.events.readonly", "calendar.calendarlist.readonly")
	b.must("GET", "users/me/calendarList", "")
	b.want(403, "insufficientPermissions", "POST", primary+unasked, `{`+monday+`}`)
	b.DropScope(b.ada, "calendar.calendarlist.readonly")
	b.want(403, "insufficientPermissions", "GET", "users/me/calendarList", "")
	b.pass(time.Hour)
	b.want(401, "authError", "GET", primary, "")
	b.token = b.Token(b.ada)
	b.Revoke(b.ada)
	b.want(401, "authError", "GET", primary, "")
}
