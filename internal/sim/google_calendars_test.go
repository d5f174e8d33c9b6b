package sim_test

import (
	"slices"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

var second = sim.GoogleCalendar{ID: "second@group.calendar.google.com", Summary: "Second", TimeZone: "Europe/Zurich", Reminders: `[{"method":"popup","minutes":10}]`}

const entries = "users/me/calendarList"

func TestGoogleCalendarList(t *testing.T) {
	b := newGoogle(t)
	b.AddCalendar(b.ada, second)
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: "hidden@group.calendar.google.com", Summary: "Hidden", Hidden: true, AccessRole: "reader"})
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: "de.german#holiday@group.v.calendar.google.com", Summary: "Holidays", AccessRole: "reader"})
	list := b.must("GET", entries, "")
	if !slices.Equal(list.ids(), []string{"ada@example.org", "second@group.calendar.google.com", "de.german#holiday@group.v.calendar.google.com"}) {
		t.Error(list.ids())
	}
	first, other := list.items()[0], list.items()[1]
	if first.str("primary") != "true" || first.str("dataOwner") != "" || other.str("dataOwner") != "ada@example.org" || other.str("timeZone") != "Europe/Zurich" ||
		other.str("accessRole") != "owner" || other.str("defaultReminders") != "[map[method:popup minutes:10]]" {
		t.Error(list.text)
	}
	if ids := b.must("GET", entries+"?minAccessRole=owner", "").ids(); len(ids) != 2 {
		t.Error(ids)
	}
	if ids, pages, _ := b.pages(entries + "?maxResults=2&showHidden=true"); len(ids) != 4 || pages != 2 {
		t.Error(ids, pages)
	}
	if s := b.must("GET", entries+"/de.german%23holiday@group.v.calendar.google.com", ""); s.str("summary") != "Holidays" {
		t.Error(s.text)
	}
	if s := b.must("GET", "calendars/second@group.calendar.google.com/events", ""); s.str("defaultReminders") != "[map[method:popup minutes:10]]" || s.str("timeZone") != "Europe/Zurich" {
		t.Error(s.text)
	}
	b.clean()
}

func TestGoogleCalendarListSync(t *testing.T) {
	b := newGoogle(t)
	b.AddCalendar(b.ada, second)
	bob := b.AddUser("bob@example.com")
	team := b.AddCalendar(bob, sim.GoogleCalendar{ID: "team@group.calendar.google.com", Summary: "Team"})
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: team, AccessRole: "writer"})
	token := b.must("GET", entries, "").str("nextSyncToken")
	delta := func() said { t.Helper(); return b.must("GET", entries+"?syncToken="+token, "") }

	// An entry of which only read-only fields changed is not told, and keeps its etag.
	before := b.must("GET", entries+"/second@group.calendar.google.com", "")
	renamed := b.must("PATCH", "calendars/second@group.calendar.google.com", `{"summary":"Renamed"}`)
	b.SetRole(b.ada, team, "reader")
	after := b.must("GET", entries+"/second@group.calendar.google.com", "")
	if len(delta().items()) != 0 || after.str("summary") != "Renamed" || after.str("etag") != before.str("etag") || renamed.str("etag") == after.str("etag") {
		t.Error(delta().text, after.text)
	}
	b.must("PATCH", entries+"/second@group.calendar.google.com", `{"hidden":true,"summary":"ignored"}`)
	b.SetRole(b.ada, team, "none")
	items := delta().items()
	if len(items) != 2 || items[0].str("hidden") != "true" || items[0].str("summary") != "Renamed" || items[1].str("deleted") != "true" {
		t.Error(delta().text)
	}
	for _, bad := range []string{"&minAccessRole=owner", "&showOwnOrganizationOnly=true", "&showDeleted=false", "&showHidden=false"} {
		if s := b.ask("GET", entries+"?syncToken="+token+bad, ""); s.status != 400 {
			t.Error(bad, s.text)
		}
	}
	b.ExpireSyncTokens()
	b.want(410, "fullSyncRequired", "GET", entries+"?syncToken="+token, "")
	b.clean()
}

func TestGoogleCalendars(t *testing.T) {
	b := newGoogle(t)
	made := b.must("POST", "calendars", `{"summary":"New","timeZone":"Europe/Zurich"}`)
	id := made.str("id")
	if s := b.must("GET", entries+"/"+id, ""); s.str("accessRole") != "owner" || s.str("dataOwner") != "ada@example.org" || s.str("etag") == made.str("etag") {
		t.Error(s.text)
	}
	same := b.must("PATCH", "calendars/"+id, `{"summary":"New"}`)
	if same.str("etag") != made.str("etag") { // what changes nothing keeps the etag
		t.Error(same.text)
	}
	if s := b.must("PUT", "calendars/"+id, `{"summary":"Newer"}`, "If-Match", same.str("etag")); s.str("timeZone") != "Europe/Zurich" {
		t.Error(s.text)
	}
	b.want(412, "conditionNotMet", "PATCH", "calendars/"+id, `{"summary":"x"}`, "If-Match", same.str("etag"))
	b.want(400, "required", "POST", "calendars", `{}`)
	b.want(400, "invalid", "POST", "calendars", `{"summary":"x","timeZone":"Mars"}`)
	b.want(400, "invalid", "POST", "calendars/"+id+"/clear", "") // primary only
	b.want(400, "invalid", "DELETE", "calendars/primary", "")    // secondary only
	b.want(403, "forbidden", "DELETE", entries+"/"+id, "")       // the data owner cannot drop it
	b.must("POST", "calendars/"+id+"/events"+unasked, `{`+monday+`}`)
	b.must("DELETE", "calendars/"+id, "")
	b.want(404, "notFound", "GET", "calendars/"+id+"/events", "")
	b.want(404, "notFound", "GET", entries+"/"+id, "")
	b.put(3)
	b.must("POST", "calendars/primary/clear", "")
	if ids := b.Events("ada@example.org"); len(ids) != 0 {
		t.Error(ids)
	}
}

// The owner role is not data ownership.
func TestGoogleDataOwner(t *testing.T) {
	b := newGoogle(t)
	bob := b.AddUser("bob@example.com")
	team := b.AddCalendar(bob, sim.GoogleCalendar{Summary: "Team"})
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: team})
	b.want(403, "forbidden", "DELETE", "calendars/"+team, "")
	b.must("DELETE", entries+"/"+team, "")
	if s := b.must("GET", "calendars/"+team+"/events", ""); s.str("accessRole") != "owner" { // off the list, not out of reach
		t.Error(s.text)
	}
	b.must("POST", entries, `{"id":"`+team+`"}`)
	if ids := b.must("GET", entries, "").ids(); !slices.Contains(ids, team) {
		t.Error(ids)
	}
	b.must("DELETE", entries+"/"+team, "")
	if plain, all := b.must("GET", entries, "").ids(), b.must("GET", entries+"?showDeleted=true", "").ids(); slices.Contains(plain, team) || !slices.Contains(all, team) {
		t.Error(plain, all)
	}
	if _, known := b.Event(team, "x"); known || strings.Contains(team, " ") {
		t.Error(team)
	}
	b.clean()
}
