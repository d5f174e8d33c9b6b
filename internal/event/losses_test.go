package event

import (
	"reflect"
	"slices"
	"strings"

	"calbridge/internal/ical"
)

// known are the members of the resource that the discovery document has.
var known = func() map[string]bool {
	names := map[string]bool{"anyoneCanAddSelf": true, "guestsCanInviteOthers": true, "guestsCanSeeOtherGuests": true, "kind": true}
	for i := range reflect.TypeFor[Event]().NumField() {
		name, _, _ := strings.Cut(reflect.TypeFor[Event]().Field(i).Tag.Get("json"), ",")
		names[name] = true
	}
	return names
}()

func dropUnknown(e map[string]any) {
	for name := range e {
		if !known[name] {
			delete(e, name)
		}
	}
	dropEach(e, "attendees", "futureMember")
	dropIn(e, "start", "calendar")
	dropIn(e, "reminders", "snooze")
	if r, ok := e["reminders"].(map[string]any); ok {
		dropEach(r, "overrides", "sound")
	}
}

func dropIn(e map[string]any, member string, names ...string) {
	if o, ok := e[member].(map[string]any); ok {
		for _, name := range names {
			delete(o, name)
		}
	}
}

func dropEach(e map[string]any, member string, names ...string) {
	list, _ := e[member].([]any)
	for _, item := range list {
		for _, name := range names {
			delete(item.(map[string]any), name)
		}
	}
}

// keepIf keeps the elements of an array that are to stay.
func keepIf(e map[string]any, member string, stays func(o map[string]any) bool) {
	list, ok := e[member].([]any)
	if !ok {
		return
	}
	list = slices.DeleteFunc(list, func(item any) bool { return !stays(item.(map[string]any)) })
	if e[member] = list; len(list) == 0 {
		delete(e, member)
	}
}

func dropForeignFiles(e map[string]any) {
	keepIf(e, "attachments", func(o map[string]any) bool { return driveFile(o["fileUrl"].(string)) })
}

func dropProperties(e map[string]any) {
	all, _ := e["extendedProperties"].(map[string]any)
	shared, _ := all["shared"].(map[string]any)
	delete(e, "extendedProperties")
	if list, there := shared[sharedCategories]; there {
		e["extendedProperties"] = list
	}
}

func dropReminders(e map[string]any) {
	if r, ok := e["reminders"].(map[string]any); ok && (r["overrides"] == nil || len(r["overrides"].([]any)) == 0) {
		delete(e, "reminders")
	}
}

func popupOnly(e map[string]any) {
	r, _ := e["reminders"].(map[string]any)
	keepIf(r, "overrides", func(o map[string]any) bool {
		if o["method"] != email {
			o["method"] = popup
		}
		return true
	})
}

func dropComments(e map[string]any) {
	keepIf(e, "attendees", func(o map[string]any) bool {
		if o["email"] != "ada@example.org" {
			delete(o, "comment")
		}
		return true
	})
}

func dropNameless(e map[string]any) {
	keepIf(e, "attendees", func(o map[string]any) bool { return o["email"] != nil })
}

func lowerMail(e map[string]any) {
	keepIf(e, "attendees", func(o map[string]any) bool {
		name, domain, _ := strings.Cut(o["email"].(string), "@")
		o["email"] = name + "@" + strings.ToLower(domain)
		return true
	})
}

func dropZones(e map[string]any) {
	for _, name := range []string{"start", "end"} {
		if o, ok := e[name].(map[string]any); ok {
			if zone, _ := o["timeZone"].(string); zone == "" || zone == utc || !ical.IsIANA(zone) {
				delete(o, "timeZone")
			}
		}
	}
	if start, ok := e["start"].(map[string]any); ok && start["dateTime"] == "2026-10-25T01:30:00Z" {
		dropIn(e, "start", "timeZone") // the second time that the clocks show half past two can be said in UTC only
	}
}

func dropNoStart(e map[string]any) {
	if start, ok := e["start"].(map[string]any); ok && start["dateTime"] == "1970-01-01T00:00:00Z" {
		delete(e, "start")
		delete(e, "end")
	}
	if e["start"] == nil {
		e["start"] = "none"
	}
}

func dropEnd(e map[string]any) {
	start, _ := e["start"].(map[string]any)
	end, _ := e["end"].(map[string]any)
	if e["endTimeUnspecified"] == true || shown(end) == shown(start) || start["dateTime"] != nil && end["dateTime"] != nil && end["dateTime"].(string) < start["dateTime"].(string) {
		delete(e, "end")
	}
	if end["date"] != nil && start["date"] == "2026-03-05" {
		delete(e, "end")
	}
	delete(e, "endTimeUnspecified")
}

func dropUnsayable(e map[string]any) {
	list, ok := e["recurrence"].([]any)
	if ok {
		e["recurrence"] = slices.DeleteFunc(list, func(item any) bool { return strings.HasPrefix(item.(string), "unsayable ") })
	}
}

func dropPeriods(e map[string]any) {
	list, _ := e["recurrence"].([]any)
	for i := range list {
		list[i], _, _ = strings.Cut(list[i].(string), "/")
	}
}

func dropControls(e map[string]any) {
	for _, name := range []string{"summary", "description", "location"} {
		if text, ok := e[name].(string); ok {
			e[name] = strings.Map(func(r rune) rune {
				if r == '\n' {
					return r
				}
				return printable(r)
			}, text)
		}
	}
}

func dropMeet(e map[string]any) {
	if text, ok := e["description"].(string); ok {
		e["description"], _, _ = strings.Cut(text, "\n\n-::~:~::")
	}
}

// dropDefaults takes out what says nothing, and the marks that the other rows left.
func dropDefaults(e map[string]any) {
	for name, value := range e {
		if value == nil || value == "" || value == "default" || value == "none" {
			delete(e, name)
		}
	}
	keepIf(e, "attendees", func(map[string]any) bool { return true })
}
