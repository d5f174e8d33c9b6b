package sim

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
)

// googleEdit is one write on its way through the rules.
type googleEdit struct {
	*Google
	r         *googleRequest
	c         *googleCalendar
	id        string
	old       *googleVersion // nil: a birth
	sent      jsonObject     // as it came
	doc       jsonObject     // as it is to be
	reminders any            // the writer's own; nil: unchanged
	whole     bool           // sent is the whole event: insert, import, update
	importing bool
	mails     []Mail
}

// events.insert takes an id of the client's choice or an iCalUID, not both (discovery document, Event.id). There is no conditional insert:
// If-Match is not looked at. An id once used is never free again, deleted or not: 409 (googleapis/google-api-ruby-client#1811).
func (g *Google) insertEvent(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.birth(r)
	if err != nil {
		return googleAnswer{}, err
	}
	id, uid := words(e.sent, "id"), words(e.sent, "iCalUID")
	switch {
	case id != "" && uid != "":
		return googleAnswer{}, invalid("Only one of id and iCalUID can be specified.")
	case id != "" && !legalID(id):
		return googleAnswer{}, invalid("Invalid resource id value.")
	case id != "" && e.c.events[id] != nil, uid != "" && e.c.uids[uid] != "":
		return googleAnswer{}, duplicate()
	case e.sent["recurringEventId"] != nil || e.sent["originalStartTime"] != nil:
		return googleAnswer{}, invalid("An instance cannot be inserted, only patched.") // both are immutable (discovery document)
	}
	if id == "" {
		id = g.newID()
	}
	return e.create(id)
}

// events.import makes a private copy: it needs an iCalUID, takes the organizer as it comes and makes every event one of type default
// (discovery document, events.import). It has no sendUpdates and mails nobody.
func (g *Google) importEvent(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.birth(r)
	if err != nil {
		return googleAnswer{}, err
	}
	uid := words(e.sent, "iCalUID")
	if uid == "" {
		return googleAnswer{}, required("Missing iCal UID.")
	}
	e.importing = true
	delete(e.doc, "eventType")
	if o := part(e.sent, "organizer"); o != nil {
		e.doc["organizer"] = o
	}
	id := e.c.uids[uid]
	if id == "" {
		return e.create(g.newID())
	}
	if !g.options.ImportReplaces { // insanum/gcalcli#784: refused as duplicate, also after the deletion
		return googleAnswer{}, duplicate()
	}
	e.old = e.c.events[id].now()
	return e.create(id)
}

// events.patch merges; arrays are replaced whole (Google, Patch).
func (g *Google) patchEvent(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.edit(r)
	if err != nil {
		return googleAnswer{}, err
	}
	e.doc = merged(e.old.doc, writableOf(e.sent))
	e.mergeReminders()
	return e.finish()
}

// events.update clears what is not sent, but for what cannot be written.
func (g *Google) updateEvent(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.edit(r)
	if err != nil {
		return googleAnswer{}, err
	}
	e.whole = true
	e.doc = writableOf(e.sent)
	for _, name := range [...]string{"created", "creator", "organizer", "htmlLink", "hangoutLink", "iCalUID", "recurringEventId", "originalStartTime",
		"updated", "id", "locked", "privateCopy", "birthdayProperties", "gadget"} {
		if value := e.old.doc[name]; value != nil && e.doc[name] == nil {
			e.doc[name] = value
		}
	}
	for name, usual := range map[string]any{"sequence": e.old.doc["sequence"], "status": "confirmed", "eventType": "default"} {
		if e.doc[name] == nil {
			e.doc[name] = usual
		}
	}
	if kept := e.old.doc["source"]; kept != nil && !e.isCreator() {
		e.doc["source"] = kept // changed only by the creator (discovery document, Event.source)
	}
	delete(e.doc, "reminders")
	e.reminders = copied(e.sent["reminders"])
	if e.reminders == nil {
		e.reminders = jsonObject{"useDefault": true}
	}
	return e.finish()
}

func (e *googleEdit) isCreator() bool {
	return strings.EqualFold(words(part(e.old.doc, "creator"), "email"), e.r.user.Email)
}

// events.delete: an unknown id is 404, a deleted one 410 (Google, Handle API errors). Of an occurrence it leaves a cancelled exception.
func (g *Google) deleteEvent(r *googleRequest) (googleAnswer, *googleError) {
	c, v, err := g.target(r, "writer")
	if err != nil {
		return googleAnswer{}, err
	}
	if v.cancelled() {
		return googleAnswer{}, alreadyDeleted()
	}
	if err := precondition(r, v); err != nil {
		return googleAnswer{}, err
	}
	e := &googleEdit{Google: g, r: r, c: c, id: r.path["eventId"], old: v, doc: v.doc}
	if err := e.guests("sendUpdates"); err != nil {
		return googleAnswer{}, err
	}
	g.touchSeries(c, g.cancel(c, e.id, v).now())
	e.tellAll("cancelled")
	g.mails = append(g.mails, e.mails...)
	return noContent()
}

// events.get also shows cancelled events, with 200 (discovery document, Event.status).
func (g *Google) getEvent(r *googleRequest) (googleAnswer, *googleError) {
	c, v, err := g.target(r, "freeBusyReader")
	if err != nil {
		return googleAnswer{}, err
	}
	l := &eventList{c: c, view: g.viewOf(c, r.user)}
	if l.guests, err = r.integer("maxAttendees", 1); err != nil {
		return googleAnswer{}, err
	}
	if err := g.readZone(l)(r); err != nil {
		return googleAnswer{}, err
	}
	if r.Header.Get("If-None-Match") == v.etag { // Google, Get specific versions of resources
		return googleAnswer{status: http.StatusNotModified}.with("ETag", v.etag), nil
	}
	return ok(g.item(l, r.path["eventId"], v), v.etag)
}

// events.move is for events of type default only, and changes the organizer. What stays behind is a cancelled event of which only the id is
// told (discovery document, Event.status); the answer shows that one although the move succeeded (probed by mmedum/google-calendar-mcp).
func (g *Google) moveEvent(r *googleRequest) (googleAnswer, *googleError) {
	c, v, err := g.target(r, "writer")
	if err != nil {
		return googleAnswer{}, err
	}
	to := g.calendarNamed(r.user, r.query.Get("destination"))
	id := r.path["eventId"]
	switch {
	case r.query.Get("destination") == "":
		return googleAnswer{}, required("Required parameter: destination").parameter("destination")
	case to == nil:
		return googleAnswer{}, notFound()
	case !atLeast(to.roles[r.user], "writer"):
		return googleAnswer{}, needAccess("writer")
	case words(v.doc, "eventType") != "default" || v.series() != "" || v.cancelled() || !own(c, v.doc):
		return googleAnswer{}, fail(http.StatusBadRequest, "cannotChangeOrganizer", "Cannot change the organizer of this event.").in("calendar")
	}
	if err := precondition(r, v); err != nil {
		return googleAnswer{}, err
	}
	if to.events[id] != nil {
		return googleAnswer{}, duplicate()
	}
	g.moveDoc(to, id, v)
	for _, e := range c.parts[id] {
		g.moveDoc(to, e.id, e.now())
	}
	left := maps.Clone(v.doc)
	left["status"], left["organizer"] = "cancelled", jsonObject{"email": to.id}
	e := g.save(c, id, left, v.reminders)
	g.settleParts(c, id, v)
	return ok(g.render(c, id, e.now(), g.viewOf(c, r.user)), e.now().etag)
}

func (g *Google) moveDoc(to *googleCalendar, id string, v *googleVersion) {
	doc := maps.Clone(v.doc)
	doc["organizer"], doc["updated"] = jsonObject{"email": to.id, "displayName": to.props["summary"]}, timestamp(g.clock())
	g.save(to, id, doc, v.reminders)
}

// birth begins an insert or an import.
func (g *Google) birth(r *googleRequest) (*googleEdit, *googleError) {
	c, err := g.reachable(r, "writer")
	if err != nil {
		return nil, err
	}
	sent, err := r.object()
	if err != nil {
		return nil, err
	}
	e := &googleEdit{Google: g, r: r, c: c, sent: sent, doc: writableOf(sent), whole: true}
	delete(e.doc, "reminders")
	e.reminders = copied(sent["reminders"])
	if e.reminders == nil {
		e.reminders = jsonObject{"useDefault": true}
	}
	return e, nil
}

func (e *googleEdit) create(id string) (googleAnswer, *googleError) {
	e.id = id
	e.doc["creator"] = jsonObject{"email": e.r.user.Email}
	if e.doc["organizer"] == nil {
		e.doc["organizer"] = jsonObject{"email": e.c.id}
		if e.c.id != e.r.user.Email {
			e.doc["organizer"] = jsonObject{"email": e.c.id, "displayName": e.c.props["summary"]}
		}
	}
	e.doc = e.completed(e.c, id, e.doc)
	return e.finish()
}

// edit begins a patch or an update.
func (g *Google) edit(r *googleRequest) (*googleEdit, *googleError) {
	c, v, err := g.target(r, "writer")
	if err != nil {
		return nil, err
	}
	if err := precondition(r, v); err != nil {
		return nil, err
	}
	sent, err := r.object()
	if err != nil {
		return nil, err
	}
	return &googleEdit{Google: g, r: r, c: c, id: r.path["eventId"], old: v, sent: sent}, nil
}

// finish applies the rules in turn, and makes a new version when something is different then.
func (e *googleEdit) finish() (googleAnswer, *googleError) {
	for _, rule := range googleRules {
		if err := rule(e); err != nil {
			return googleAnswer{}, err
		}
	}
	if e.same() && !e.options.NoOpChangesETag {
		return ok(e.answer(e.old))
	}
	e.number()
	reminders := map[*GoogleUser]any{}
	if e.old != nil {
		reminders = maps.Clone(e.old.reminders)
	}
	if e.reminders != nil {
		if reminders == nil {
			reminders = map[*GoogleUser]any{}
		}
		reminders[e.r.user] = e.reminders
	}
	dates := e.takeExdates()
	saved := e.save(e.c, e.id, e.doc, reminders)
	e.settleParts(e.c, e.id, e.old)
	e.cancelDates(saved, dates)
	e.touchSeries(e.c, saved.now())
	e.Google.mails = append(e.Google.mails, e.mails...)
	return ok(e.answer(saved.now()))
}

func (e *googleEdit) answer(v *googleVersion) ([]byte, string) {
	l := &eventList{c: e.c, view: e.viewOf(e.c, e.r.user)}
	l.guests, _ = e.r.integer("maxAttendees", 1)
	return e.item(l, e.id, v), v.etag
}

// same tells whether the write changes nothing.
func (e *googleEdit) same() bool {
	return e.old != nil && e.sameDoc() && (e.reminders == nil || reflect.DeepEqual(e.reminders, e.old.remindersOf(e.r.user)))
}

func (e *googleEdit) sameDoc() bool { return len(e.changedMembers()) == 0 }

// changedMembers names the members the write changes, reminders apart.
func (e *googleEdit) changedMembers() []string {
	var names []string
	for name := range e.doc {
		if !reflect.DeepEqual(e.doc[name], e.old.doc[name]) {
			names = append(names, name)
		}
	}
	for name := range e.old.doc {
		if _, kept := e.doc[name]; !kept {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.DeleteFunc(names, func(name string) bool { return name == "reminders" || name == "updated" || name == "etag" })
}

// number moves updated and sequence. Changing reminders does not move updated (discovery document, Event.updated). When Google raises
// sequence is not documented; here it is when the times change, and it is never lowered.
func (e *googleEdit) number() {
	if e.old == nil {
		return
	}
	if !e.sameDoc() {
		e.doc["updated"] = timestamp(e.clock())
	}
	sequence := max(count(e.doc["sequence"]), count(e.old.doc["sequence"]))
	for _, name := range [...]string{"start", "end", "recurrence"} {
		if !reflect.DeepEqual(e.doc[name], e.old.doc[name]) {
			sequence = max(sequence, count(e.old.doc["sequence"])+1)
		}
	}
	e.doc["sequence"] = number(sequence)
}

// precondition: a stale If-Match is 412 (Google, Get specific versions of resources); * is always true.
func precondition(r *googleRequest, v *googleVersion) *googleError { return ifMatch(r, v.etag) }

func ifMatch(r *googleRequest, etag string) *googleError {
	if want := r.Header.Get("If-Match"); want != "" && want != "*" && want != etag {
		return conditionNotMet()
	}
	return nil
}

// target finds the event or occurrence a path names, for somebody with at least a role.
func (g *Google) target(r *googleRequest, role string) (*googleCalendar, *googleVersion, *googleError) {
	c, err := g.reachable(r, role)
	if err != nil {
		return nil, nil, err
	}
	v := g.find(c, r.path["eventId"])
	if v == nil {
		return nil, nil, notFound()
	}
	if role == "writer" && hidden(v.doc, c.roles[r.user]) { // "The user can't modify private events" (discovery document, minAccessRole)
		return nil, nil, forbidden("You cannot modify private events on this calendar.")
	}
	return c, v, nil
}

// reachable finds the calendar of the path. Who has no access is told that it is not there; who has too little, what it needs.
func (g *Google) reachable(r *googleRequest, role string) (*googleCalendar, *googleError) {
	c := g.calendarNamed(r.user, r.path["calendarId"])
	if c == nil {
		return nil, notFound()
	}
	if !atLeast(c.roles[r.user], role) {
		return nil, needAccess(role)
	}
	return c, nil
}

// calendarNamed knows "primary" as another name for the user's primary calendar.
func (g *Google) calendarNamed(u *GoogleUser, id string) *googleCalendar {
	if id == "primary" {
		id = u.Email
	}
	c := g.calendars[id]
	if c == nil || c.roles[u] == "" || c.roles[u] == "none" {
		return nil
	}
	return c
}

// accessRoles from least to most; a switch over four of them breaks (discovery document, CalendarListEntry.accessRole).
var accessRoles = []string{"none", "freeBusyReader", "reader", "writerWithoutPrivateAccess", "writer", "owner"}

// atLeast: who may write but private events may write.
func atLeast(role, least string) bool {
	if least == "writer" {
		least = "writerWithoutPrivateAccess"
	}
	return slices.Index(accessRoles, role) >= slices.Index(accessRoles, least)
}

func (r *googleRequest) object() (jsonObject, *googleError) {
	sent, err := decode(r.body)
	if err != nil {
		return nil, fail(http.StatusBadRequest, "parseError", fmt.Sprintf("Parse Error: %v", err))
	}
	return sent, nil
}

// legalID: characters of base32hex in lower case, 5 to 1024 of them (discovery document, Event.id).
func legalID(id string) bool {
	return len(id) >= 5 && len(id) <= 1024 && strings.Trim(id, "0123456789abcdefghijklmnopqrstuv") == ""
}
