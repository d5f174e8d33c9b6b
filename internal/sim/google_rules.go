package sim

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"time"
)

// googleRules are what an insert, import, patch or update goes through. Each looks at the event as it is to be, and may put it right.
var googleRules = []func(*googleEdit) *googleError{
	(*googleEdit).shape, (*googleEdit).immutables, (*googleEdit).kind, (*googleEdit).revival, (*googleEdit).times, (*googleEdit).recurrence,
	(*googleEdit).reminderRules, (*googleEdit).extendedProperties, (*googleEdit).conference, (*googleEdit).attachments, (*googleEdit).label,
	(*googleEdit).attendees, (*googleEdit).defaults, (*googleEdit).typeRules, (*googleEdit).fixedEnd, (*googleEdit).locked,
	(*googleEdit).organizerOnly, (*googleEdit).visibility, (*googleEdit).notify,
}

// readOnly members are tolerated in what is sent, and without effect (discovery document, Event).
var readOnly = []string{"kind", "etag", "htmlLink", "created", "updated", "creator", "organizer", "hangoutLink", "locked"}

// writableOf is what was sent without what cannot be written.
func writableOf(sent jsonObject) jsonObject {
	doc, _ := copied(sent).(jsonObject)
	for _, name := range readOnly {
		delete(doc, name)
	}
	if doc == nil {
		doc = jsonObject{}
	}
	return doc
}

// shape: a member of the wrong JSON type is a parse error.
func (e *googleEdit) shape() *googleError {
	for _, name := range slices.Sorted(maps.Keys(e.sent)) {
		want, known := memberTypes[name]
		if value := e.sent[name]; known && value != nil && reflect.TypeOf(value) != want {
			return fail(http.StatusBadRequest, "parseError", "Parse Error: "+name+" has the wrong type.")
		}
	}
	return nil
}

var memberTypes = typesOf(map[any]string{
	"":        "id iCalUID status summary description location colorId eventLabelId transparency visibility eventType recurringEventId",
	true:      "endTimeUnspecified anyoneCanAddSelf attendeesOmitted guestsCanInviteOthers guestsCanModify guestsCanSeeOtherGuests privateCopy",
	number(0): "sequence",
}, "start end originalStartTime reminders extendedProperties conferenceData source birthdayProperties workingLocationProperties",
	"attendees attachments recurrence")

func typesOf(simple map[any]string, objects, arrays string) map[string]reflect.Type {
	types := map[string]reflect.Type{}
	put := func(sample any, names string) {
		for _, name := range strings.Fields(names) {
			types[name] = reflect.TypeOf(sample)
		}
	}
	for sample, names := range simple {
		put(sample, names)
	}
	put(jsonObject{}, objects)
	put([]any{}, arrays)
	return types
}

// immutables: id, iCalUID, recurringEventId, originalStartTime, privateCopy and birthdayProperties never change (discovery document, Event).
func (e *googleEdit) immutables() *googleError {
	if e.old == nil {
		return nil
	}
	for _, name := range [...]string{"id", "iCalUID", "recurringEventId", "privateCopy", "birthdayProperties"} {
		if sent := e.sent[name]; sent != nil && !e.importing && !reflect.DeepEqual(sent, e.old.doc[name]) {
			return invalid("The " + name + " of an event cannot be changed.")
		}
	}
	if sent := part(e.sent, "originalStartTime"); sent != nil {
		was, _ := e.instant(part(e.old.doc, "originalStartTime"))
		if is, err := e.instant(sent); err != nil || !is.Equal(was) {
			return invalid("The originalStartTime of an event cannot be changed.")
		}
	}
	for _, name := range [...]string{"id", "iCalUID", "recurringEventId", "privateCopy", "birthdayProperties", "originalStartTime"} {
		e.doc[name] = e.old.doc[name]
		if e.doc[name] == nil {
			delete(e.doc, name)
		}
	}
	return nil
}

var eventTypes = []string{"birthday", "default", "focusTime", "fromGmail", "outOfOffice", "workingLocation"}

// kind: the type of an event never changes, and an update that leaves it out says default (gemini-cli-extensions/workspace PR 319). fromGmail
// cannot be created (discovery document, Event.eventType).
func (e *googleEdit) kind() *googleError {
	kind := words(e.doc, "eventType")
	switch {
	case kind == "" && e.old != nil:
		e.doc["eventType"] = e.old.doc["eventType"]
	case e.old != nil && kind != words(e.old.doc, "eventType"):
		return fail(http.StatusBadRequest, "eventTypeRestriction", "Event type cannot be changed.").in("calendar")
	case !slices.Contains(eventTypes, kind) || kind == "fromGmail" && e.old == nil:
		return invalid("Invalid event type.")
	}
	if status := words(e.doc, "status"); !slices.Contains([]string{"confirmed", "tentative", "cancelled"}, status) {
		return invalid("Invalid event status.")
	}
	return nil
}

// revival: status=confirmed brings back a deleted event of one's own, or a cancelled exception of a live series; others get 403
// (googleapis/google-api-python-client#210, #846).
func (e *googleEdit) revival() *googleError {
	if e.old == nil || !e.old.cancelled() || words(e.doc, "status") == "cancelled" {
		return nil
	}
	if e.options.NoRevival || !own(e.c, e.old.doc) || e.old.series() != "" && !e.exceptionOfLiveSeries(e.c, e.old) {
		return forbidden("Forbidden")
	}
	return nil
}

// times: date or dateTime, not both, start and end of one kind, the end not before the start; a dateTime has an offset or a timeZone; zones
// are of the IANA database (discovery document, EventDateTime; Google, Calendars & events: the end of days is exclusive).
func (e *googleEdit) times() *googleError {
	for _, name := range [...]string{"start", "end"} {
		if part(e.doc, name) == nil {
			return required("Missing " + name + " time.")
		}
		if err := e.edgeRules(name, part(e.doc, name)); err != nil {
			return err
		}
	}
	start, end := part(e.doc, "start"), part(e.doc, "end")
	if (start["date"] == nil) != (end["date"] == nil) {
		return invalid("Start and end times must either both be date or both be dateTime.")
	}
	from, to := e.span(e.c, e.doc)
	if to.Before(from) || start["date"] != nil && !to.After(from) {
		return emptyTimeRange("")
	}
	return nil
}

func (e *googleEdit) edgeRules(name string, edge jsonObject) *googleError {
	date, at, zone := words(edge, "date"), words(edge, "dateTime"), words(edge, "timeZone")
	t, err := e.instant(edge)
	switch {
	case (date == "") == (at == ""):
		return invalid("Invalid " + name + " time.")
	case zone != "" && e.location(zone) == nil:
		return invalid("Invalid time zone definition for " + name + " time.")
	case zone == "" && at != "" && e.doc["recurrence"] != nil:
		// "For recurring events this field is required": the zone the rule is expanded in (discovery document, EventDateTime.timeZone).
		return required("Missing time zone definition for " + name + " time.")
	case err != nil && zone == "" && date == "":
		return required("Missing time zone definition for " + name + " time.")
	case err != nil:
		return invalid("Invalid " + name + " time.")
	case date != "":
		e.doc[name] = jsonObject{"date": date} // a zone means nothing to a day
		return nil
	case zone == "":
		zone = words(e.c.props, "timeZone")
	}
	if !e.isStill(name, t, zone) {
		e.doc[name] = jsonObject{"dateTime": t.Truncate(time.Second).In(e.location(zone)).Format(time.RFC3339), "timeZone": zone}
	}
	return nil
}

// isStill tells whether a time is what it was, in other words perhaps; the words it had stay then.
func (e *googleEdit) isStill(name string, t time.Time, zone string) bool {
	if e.old == nil {
		return false
	}
	was := part(e.old.doc, name)
	before, err := e.instant(was)
	if err != nil || was["date"] != nil || !before.Equal(t) || words(was, "timeZone") != zone && was["timeZone"] != nil {
		return false
	}
	e.doc[name] = was
	return true
}

// recurrence: lines of RRULE, EXRULE, RDATE and EXDATE only, and none on an instance (discovery document, Event.recurrence).
func (e *googleEdit) recurrence() *googleError {
	if len(list(e.doc, "recurrence")) == 0 {
		delete(e.doc, "recurrence")
		return nil
	}
	if e.doc["recurringEventId"] != nil {
		return invalid("Cannot turn an instance of a recurring event into a recurring event itself.")
	}
	if _, err := e.seriesOf(e.c, e.doc); err != nil {
		return invalid("Invalid recurrence rule.")
	}
	return nil
}

// mergeReminders takes the writer's own reminders out of a patch: they are per authenticated user (discovery document, Event.reminders).
func (e *googleEdit) mergeReminders() {
	if e.old.doc["reminders"] == nil {
		delete(e.doc, "reminders")
	} else {
		e.doc["reminders"] = e.old.doc["reminders"]
	}
	sent, said := e.sent["reminders"]
	if !said {
		return
	}
	e.reminders = jsonObject{"useDefault": true}
	if patch, isObject := sent.(jsonObject); isObject {
		was, _ := e.old.remindersOf(e.r.user).(jsonObject)
		e.reminders = merged(was, patch)
	}
}

// reminderRules: at most five overrides, none beside the default ones, each with a method and 0 to 40320 minutes (discovery document,
// EventReminder).
func (e *googleEdit) reminderRules() *googleError {
	r, said := e.reminders.(jsonObject)
	if !said {
		return nil
	}
	overrides := list(r, "overrides")
	clean := jsonObject{"useDefault": yes(r, "useDefault")}
	switch {
	case len(overrides) > 0 && yes(r, "useDefault"):
		return fail(http.StatusBadRequest, "cannotUseDefaultRemindersAndSpecifyOverride",
			"Cannot specify both default reminders and overrides at the same time.").in("calendar")
	case len(overrides) > 5:
		return invalid("There can be at most 5 override reminders.")
	}
	kept := []any{}
	for _, o := range overrides {
		override, _ := o.(jsonObject)
		minutes, isNumber := override["minutes"].(json.Number)
		method := words(override, "method")
		n, err := minutes.Int64()
		switch {
		case method == "":
			return required("Missing override reminder method.")
		case method != "email" && method != "popup":
			return invalid("Invalid override reminder method.")
		case !isNumber:
			return required("Missing override reminder minutes.")
		case err != nil || n < 0 || n > 40320:
			return invalid("Invalid override reminder minutes.")
		}
		kept = append(kept, jsonObject{"method": method, "minutes": minutes})
	}
	if len(kept) > 0 {
		clean["overrides"] = kept
	}
	e.reminders = clean
	return nil
}

// extendedProperties: a name over 44 characters is dropped, a value over 1024 is cut, both silently; over 300 properties or 32 kB are
// refused (Google, Extended properties).
func (e *googleEdit) extendedProperties() *googleError {
	all, n, size := part(e.doc, "extendedProperties"), 0, 0
	for _, kind := range [...]string{"private", "shared"} {
		group := part(all, kind)
		for name, value := range group {
			text, isText := value.(string)
			if !isText {
				return invalid("Invalid extended property value.")
			}
			if len([]rune(name)) > 44 {
				delete(group, name)
				continue
			}
			if long := []rune(text); len(long) > 1024 {
				text = string(long[:1024])
			}
			group[name] = text
			n, size = n+1, size+len(name)+len(text)
		}
		if len(group) == 0 {
			delete(all, kind)
		}
	}
	if n > 300 || size > 32<<10 {
		return invalid("Too many extended properties.")
	}
	if len(all) == 0 {
		delete(e.doc, "extendedProperties")
	}
	return nil
}

// conference: without conferenceDataVersion=1 what is sent is dropped silently, and what is there stays (discovery document,
// conferenceDataVersion).
func (e *googleEdit) conference() *googleError {
	version := e.r.query.Get("conferenceDataVersion")
	if version != "" && version != "0" && version != "1" {
		return invalidParameter("conferenceDataVersion", "Invalid value '"+version+"'.")
	}
	var was any
	if e.old != nil {
		was = e.old.doc["conferenceData"]
	}
	data := part(e.doc, "conferenceData")
	switch {
	case version != "1":
		e.restore("conferenceData", was)
	case data == nil:
		delete(e.doc, "conferenceData")
		delete(e.doc, "hangoutLink")
	case data["createRequest"] != nil:
		return e.createConference(data, part(e.sent, "conferenceData"))
	case part(data, "conferenceSolution") == nil || len(list(data, "entryPoints")) == 0:
		// "Either conferenceSolution and at least one entryPoint, or createRequest is required" (discovery document, ConferenceData)
		return invalid("Invalid conference data.")
	}
	return nil
}

// createConference: the request id is new for each request, the same again is ignored (discovery document, CreateConferenceRequest).
func (e *googleEdit) createConference(data, sent jsonObject) *googleError {
	id := words(part(data, "createRequest"), "requestId")
	if id == "" {
		return required("Missing conference request ID.")
	}
	var was jsonObject
	if e.old != nil {
		was = part(e.old.doc, "conferenceData")
	}
	if sent["createRequest"] == nil || id == words(part(was, "createRequest"), "requestId") {
		if was != nil {
			e.doc["conferenceData"] = was
		}
		return nil
	}
	e.serial++
	code := fmt.Sprintf("abc-%04d-xyz", e.serial%10000)
	link := "https://meet.google.com/" + code
	e.doc["hangoutLink"] = link
	e.doc["conferenceData"] = jsonObject{
		"createRequest": jsonObject{"requestId": id, "conferenceSolutionKey": jsonObject{"type": "hangoutsMeet"}, "status": jsonObject{"statusCode": "success"}},
		"entryPoints":   []any{jsonObject{"entryPointType": "video", "uri": link, "label": strings.TrimPrefix(link, "https://")}},
		"conferenceSolution": jsonObject{"key": jsonObject{"type": "hangoutsMeet"}, "name": "Google Meet",
			"iconUri": "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/web-512dp/logo_meet_2020q4_color_2x_web_512dp.png"},
		"conferenceId": code,
	}
	return nil
}

func (e *googleEdit) restore(name string, was any) {
	delete(e.doc, name)
	if was != nil {
		e.doc[name] = was
	}
}

// attachments need supportsAttachments=true, and are at most 25 (discovery document, Event.attachments).
func (e *googleEdit) attachments() *googleError {
	if e.r.query.Get("supportsAttachments") != "true" {
		var was any
		if e.old != nil {
			was = e.old.doc["attachments"]
		}
		e.restore("attachments", was)
		return nil
	}
	files := list(e.doc, "attachments")
	if len(files) > 25 {
		return invalid("There can be at most 25 attachments.")
	}
	for _, f := range files {
		if file, _ := f.(jsonObject); words(file, "fileUrl") == "" {
			return required("Missing attachment file URL.")
		}
	}
	return nil
}

// label: at eventLabelVersion 1 not sending eventLabelId removes it; at 0 it cannot be written (discovery document, Event.eventLabelId).
func (e *googleEdit) label() *googleError {
	var value any
	if e.old != nil {
		value = e.old.doc["eventLabelId"]
	}
	if e.r.query.Get("eventLabelVersion") == "1" {
		value = e.sent["eventLabelId"]
	}
	e.restore("eventLabelId", value)
	return nil
}

// defaults leaves out what says what is so anyway, as Google does.
func (e *googleEdit) defaults() *googleError {
	delete(e.doc, "attendeesOmitted")
	for name, usual := range map[string]any{"summary": "", "description": "", "location": "", "colorId": "", "transparency": "opaque", "visibility": "default",
		"guestsCanModify": false, "anyoneCanAddSelf": false, "guestsCanInviteOthers": true, "guestsCanSeeOtherGuests": true, "endTimeUnspecified": false,
		"privateCopy": false} {
		if e.doc[name] == usual && (e.old == nil || e.old.doc[name] != usual) {
			delete(e.doc, name)
		}
	}
	for _, name := range [...]string{"attendees", "attachments"} {
		if len(list(e.doc, name)) == 0 {
			delete(e.doc, name)
		}
	}
	for name, value := range e.doc {
		if value == nil {
			delete(e.doc, name)
		}
	}
	return nil
}

// typeRules: what only some types may or must be, and that all but default live on primary calendars (Google, Manage focus time, out of
// office, and working location events; discovery document, EventBirthdayProperties).
func (e *googleEdit) typeRules() *googleError {
	kind := words(e.doc, "eventType")
	allDay := part(e.doc, "start")["date"] != nil
	private := part(part(e.doc, "extendedProperties"), "private")
	bad := false
	switch kind {
	case "focusTime", "outOfOffice":
		bad = allDay || words(e.doc, "transparency") == "transparent"
	case "workingLocation":
		bad = words(e.doc, "visibility") != "public" || words(e.doc, "transparency") != "transparent" || e.doc["workingLocationProperties"] == nil
	case "birthday":
		rule, _ := append(list(e.doc, "recurrence"), any(""))[0].(string)
		bad = !allDay || len(private) > 0 || e.old == nil && !strings.Contains(rule, "FREQ=YEARLY")
	}
	if bad || kind != "default" && kind != "fromGmail" && !e.c.primary() {
		return fail(http.StatusBadRequest, "eventTypeRestriction", "The event does not fit its event type.").in("calendar")
	}
	return nil
}

// fixedEnd: the end of these cannot be changed (kewisch/gdata-provider; phw198/OutlookGoogleCalendarSync#1919).
func (e *googleEdit) fixedEnd() *googleError {
	if e.old != nil && (words(e.old.doc, "eventType") == "fromGmail" || yes(e.old.doc, "endTimeUnspecified")) && !reflect.DeepEqual(e.doc["end"], e.old.doc["end"]) {
		return invalid("The end time of this event cannot be changed.")
	}
	return nil
}

// locked: no changes to these can be made (discovery document, Event.locked).
func (e *googleEdit) locked() *googleError {
	if e.old == nil || !yes(e.old.doc, "locked") {
		return nil
	}
	for _, name := range e.changedMembers() {
		if slices.Contains([]string{"summary", "description", "location", "start", "end", "recurrence"}, name) {
			return forbidden("The event is locked: " + name + " cannot be changed.")
		}
	}
	return nil
}

// visibility of one instance: a stricter one holds for the whole series, a looser one is ignored (discovery document, Event.visibility).
func (e *googleEdit) visibility() *googleError {
	if e.old == nil || e.old.series() == "" || reflect.DeepEqual(e.doc["visibility"], e.old.doc["visibility"]) {
		return nil
	}
	series := e.c.events[e.old.series()]
	strict := words(e.doc, "visibility") == "private" || words(e.doc, "visibility") == "confidential"
	if !strict || series == nil {
		e.restore("visibility", e.old.doc["visibility"])
		return nil
	}
	for _, other := range append([]*googleEvent{series}, e.c.parts[series.id]...) {
		if v := other.now(); other.id != e.id && !v.cancelled() {
			doc, _ := copied(v.doc).(jsonObject)
			doc["visibility"] = e.doc["visibility"]
			e.saveQuietly(e.c, other.id, doc, v.reminders)
		}
	}
	return nil
}
