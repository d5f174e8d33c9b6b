package sim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// googleMethod is a method of the API as the discovery document lists it.
type googleMethod struct {
	id     string // without "calendar."
	verb   string
	path   []string
	scopes []string // short names; any one of them is enough
	handle func(*Google, *googleRequest) (googleAnswer, *googleError)
}

// notifies tells whether the method has sendUpdates: guests may be mailed.
func (m *googleMethod) notifies() bool {
	switch m.id {
	case "events.insert", "events.update", "events.patch", "events.delete", "events.move":
		return true
	}
	return false
}

// matches compares escaped segments with the template; ids are escaped, so that holiday calendars ("#") fit in one segment.
func (m *googleMethod) matches(parts []string) (map[string]string, bool) {
	if len(parts) != len(m.path) {
		return nil, false
	}
	params := map[string]string{}
	for i, want := range m.path {
		got, err := url.PathUnescape(parts[i])
		switch {
		case err != nil:
			return nil, false
		case strings.HasPrefix(want, "{"):
			params[strings.Trim(want, "{}")] = got
		case want != got:
			return nil, false
		}
	}
	return params, true
}

func (m *googleMethod) allowed(scopes []string) bool {
	return slices.ContainsFunc(scopes, func(s string) bool {
		return slices.Contains(m.scopes, strings.TrimPrefix(s, googleScopePrefix))
	})
}

const googleScopePrefix = "https://www.googleapis.com/auth/"

// Sets of scopes in the discovery document, revision 20260925. calendar.events opens neither the calendar list nor the calendars.
const (
	eventReaders    = "calendar calendar.app.created calendar.events calendar.events.freebusy calendar.events.owned calendar.events.owned.readonly calendar.events.public.readonly calendar.events.readonly calendar.readonly"
	eventWriters    = "calendar calendar.app.created calendar.events calendar.events.owned"
	eventMovers     = "calendar calendar.events calendar.events.owned"
	listReaders     = "calendar calendar.calendarlist calendar.calendarlist.readonly calendar.readonly"
	listWriters     = "calendar calendar.calendarlist"
	entryReaders    = listReaders + " calendar.app.created"
	entryWriters    = listWriters + " calendar.app.created"
	calendarReaders = "calendar calendar.app.created calendar.calendars calendar.calendars.readonly calendar.readonly"
	calendarWriters = "calendar calendar.app.created calendar.calendars"
	calendarClearer = "calendar calendar.calendars"
	channelStoppers = eventReaders + " calendar.acls calendar.acls.readonly calendar.calendarlist calendar.calendarlist.readonly calendar.settings calendar.settings.readonly"
)

var googleMethods = []googleMethod{
	method("events.list", "GET", "calendars/{calendarId}/events", eventReaders, (*Google).listEvents),
	method("events.get", "GET", "calendars/{calendarId}/events/{eventId}", eventReaders, (*Google).getEvent),
	method("events.insert", "POST", "calendars/{calendarId}/events", eventWriters, (*Google).insertEvent),
	method("events.import", "POST", "calendars/{calendarId}/events/import", eventWriters, (*Google).importEvent),
	method("events.watch", "POST", "calendars/{calendarId}/events/watch", eventReaders, (*Google).watchEvents),
	method("events.patch", "PATCH", "calendars/{calendarId}/events/{eventId}", eventWriters, (*Google).patchEvent),
	method("events.update", "PUT", "calendars/{calendarId}/events/{eventId}", eventWriters, (*Google).updateEvent),
	method("events.delete", "DELETE", "calendars/{calendarId}/events/{eventId}", eventWriters, (*Google).deleteEvent),
	method("events.instances", "GET", "calendars/{calendarId}/events/{eventId}/instances", eventReaders, (*Google).listInstances),
	method("events.move", "POST", "calendars/{calendarId}/events/{eventId}/move", eventMovers, (*Google).moveEvent),
	method("calendarList.list", "GET", "users/me/calendarList", listReaders, (*Google).listEntries),
	method("calendarList.insert", "POST", "users/me/calendarList", listWriters, (*Google).insertEntry),
	method("calendarList.watch", "POST", "users/me/calendarList/watch", listReaders, (*Google).watchEntries),
	method("calendarList.get", "GET", "users/me/calendarList/{calendarId}", entryReaders, (*Google).getEntry),
	method("calendarList.patch", "PATCH", "users/me/calendarList/{calendarId}", entryWriters, (*Google).patchEntry),
	method("calendarList.update", "PUT", "users/me/calendarList/{calendarId}", entryWriters, (*Google).patchEntry),
	method("calendarList.delete", "DELETE", "users/me/calendarList/{calendarId}", entryWriters, (*Google).deleteEntry),
	method("calendars.insert", "POST", "calendars", calendarWriters, (*Google).insertCalendar),
	method("calendars.get", "GET", "calendars/{calendarId}", calendarReaders, (*Google).getCalendar),
	method("calendars.patch", "PATCH", "calendars/{calendarId}", calendarWriters, (*Google).patchCalendar),
	method("calendars.update", "PUT", "calendars/{calendarId}", calendarWriters, (*Google).patchCalendar),
	method("calendars.delete", "DELETE", "calendars/{calendarId}", calendarWriters, (*Google).deleteCalendar),
	method("calendars.clear", "POST", "calendars/{calendarId}/clear", calendarClearer, (*Google).clearCalendar),
	method("channels.stop", "POST", "channels/stop", channelStoppers, (*Google).stopChannel),
}

func method(id, verb, path, scopes string, handle func(*Google, *googleRequest) (googleAnswer, *googleError)) googleMethod {
	return googleMethod{id: id, verb: verb, path: strings.Split(path, "/"), scopes: strings.Fields(scopes), handle: handle}
}

// ok answers 200 with a body already written.
func ok(body []byte, etag string) (googleAnswer, *googleError) {
	a := googleAnswer{status: http.StatusOK, body: body}
	if etag != "" {
		a = a.with("ETag", etag)
	}
	return a, nil
}

func noContent() (googleAnswer, *googleError) {
	return googleAnswer{status: http.StatusNoContent}, nil
}
