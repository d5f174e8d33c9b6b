package sim

import (
	"maps"

	"reflect"
	"slices"
	"strings"
)

// guestOf finds an attendee by address.
func guestOf(guests []any, email string) jsonObject {
	for _, guest := range guests {
		if a, isObject := guest.(jsonObject); isObject && strings.EqualFold(words(a, "email"), email) {
			return a
		}
	}
	return nil
}

// guests checks who wants to know: all, externalOnly or none; nothing said means nobody is told, though "some emails might still be sent"
// (discovery document, sendUpdates): the journal has it as Silent.
func (e *googleEdit) guests(parameter string) *googleError {
	switch value := e.r.query.Get(parameter); value {
	case "", "all", "externalOnly", "none":
		return nil
	default:
		return invalidParameter(parameter, "Invalid value '"+value+"'.")
	}
}

// attendees are the list to be: cleaned, with the answers that are kept, and without what only a first invitation can say.
func (e *googleEdit) attendees() *googleError {
	if err := e.guests("sendUpdates"); err != nil {
		return err
	}
	var was []any
	if e.old != nil {
		was = list(e.old.doc, "attendees")
	}
	sent, said := e.sent["attendees"].([]any)
	if !said {
		return nil
	}
	if yes(e.sent, "attendeesOmitted") && e.old != nil {
		e.doc["attendees"] = e.ownAnswer(was, sent)
		return nil
	}
	guests := make([]any, 0, len(sent))
	for _, g := range sent {
		guest, _ := g.(jsonObject)
		email := words(guest, "email")
		if email == "" {
			return required("Missing attendee email.")
		}
		if !strings.Contains(email, "@") {
			return invalid("Invalid attendee email.")
		}
		a, err := e.attendee(guest, guestOf(was, email))
		if err != nil {
			return err
		}
		guests = append(guests, a)
	}
	e.doc["attendees"] = guests
	return nil
}

// ownAnswer: with attendeesOmitted only the participant's response is updated (discovery document, Event.attendeesOmitted).
func (e *googleEdit) ownAnswer(was, sent []any) []any {
	mine := guestOf(sent, e.c.id)
	out := make([]any, len(was))
	for i, guest := range was {
		out[i] = guest
		if a, _ := guest.(jsonObject); mine != nil && strings.EqualFold(words(a, "email"), e.c.id) {
			out[i] = merged(a, only(mine, "responseStatus", "comment", "additionalGuests"))
		}
	}
	return out
}

// attendee is one entry to be. Who is sent without responseStatus has not answered any more and is invited again
// (nspady/google-calendar-mcp PR 148); resource counts only when the attendee is new (discovery document, EventAttendee.resource).
func (e *googleEdit) attendee(sent, was jsonObject) (jsonObject, *googleError) {
	a := maps.Clone(sent)
	for _, name := range [...]string{"self", "organizer", "id", "asyncOperation"} {
		delete(a, name)
	}
	if a["responseStatus"] == nil {
		a["responseStatus"] = "needsAction"
		if was != nil {
			e.mails = append(e.mails, Mail{Calendar: e.c.id, Event: e.id, To: words(a, "email"), Why: "reset"})
		}
	}
	if !slices.Contains([]string{"needsAction", "declined", "tentative", "accepted"}, words(a, "responseStatus")) {
		return nil, invalid("Invalid attendee response status.")
	}
	if was != nil {
		delete(a, "resource")
		if yes(was, "resource") {
			a["resource"] = true
		}
	}
	for name, usual := range map[string]any{"optional": false, "resource": false, "comment": "", "additionalGuests": number(0)} {
		if a[name] == usual || a[name] == nil {
			delete(a, name)
		}
	}
	return a, nil
}

// organizerOnly: on a copy of somebody else's event the shared properties cannot be changed, and leaving them out of an update is a change
// (Google, Handle API errors: forbiddenForNonOrganizer), unless guestsCanModify.
func (e *googleEdit) organizerOnly() *googleError {
	if e.old == nil || e.importing || own(e.c, e.old.doc) || yes(e.old.doc, "guestsCanModify") {
		return nil
	}
	for _, name := range e.changedMembers() {
		switch name {
		case "colorId", "eventLabelId", "transparency", "visibility", "status", "sequence":
		case "attendees":
			if !reflect.DeepEqual(e.others(e.doc), e.others(e.old.doc)) {
				return forbiddenForNonOrganizer()
			}
		case "extendedProperties":
			if !reflect.DeepEqual(part(part(e.doc, name), "shared"), part(part(e.old.doc, name), "shared")) {
				return forbiddenForNonOrganizer()
			}
		default:
			return forbiddenForNonOrganizer()
		}
	}
	return nil
}

// others are the attendees but oneself, whose answer, comment and company are one's own.
func (e *googleEdit) others(doc jsonObject) []any {
	var out []any
	for _, guest := range list(doc, "attendees") {
		a, _ := guest.(jsonObject)
		if strings.EqualFold(words(a, "email"), e.c.id) {
			a = maps.Clone(a)
			for _, name := range [...]string{"responseStatus", "comment", "additionalGuests"} {
				delete(a, name)
			}
		}
		out = append(out, any(a))
	}
	return out
}

// notify decides who is mailed about the write.
func (e *googleEdit) notify() *googleError {
	if e.importing {
		e.mails = nil
		return nil
	}
	for i := range e.mails {
		e.mails[i].Event = e.id
	}
	switch {
	case e.old == nil:
		e.tellAll("invited")
	case words(e.doc, "status") == "cancelled":
		e.tellAll("cancelled")
	case !e.sameDoc():
		e.tellOfChange()
	}
	return nil
}

// tellAll tells every guest; a guest who acts tells the organizer.
func (e *googleEdit) tellAll(why string) {
	if !own(e.c, e.doc) {
		e.tell(words(part(e.doc, "organizer"), "email"), "replied")
		return
	}
	for _, guest := range list(e.doc, "attendees") {
		a, _ := guest.(jsonObject)
		e.tell(words(a, "email"), why)
	}
}

func (e *googleEdit) tellOfChange() {
	if !own(e.c, e.doc) {
		e.tellAll("replied")
		return
	}
	was, is := list(e.old.doc, "attendees"), list(e.doc, "attendees")
	for _, guest := range is {
		a, _ := guest.(jsonObject)
		if guestOf(was, words(a, "email")) == nil {
			e.tell(words(a, "email"), "invited")
		} else {
			e.tell(words(a, "email"), "updated")
		}
	}
	for _, guest := range was {
		if a, _ := guest.(jsonObject); guestOf(is, words(a, "email")) == nil {
			e.tell(words(a, "email"), "cancelled")
		}
	}
}

// tell records a mail when sendUpdates wants it: externalOnly divides by the organizer's domain (probed by mmedum/google-calendar-mcp). The
// caller is never mailed.
func (e *googleEdit) tell(to, why string) {
	query := e.r.query
	all := query.Get("sendUpdates") == "all" || query.Get("sendNotifications") == "true" && !query.Has("sendUpdates")
	external := query.Get("sendUpdates") == "externalOnly" && domain(to) != domain(e.r.user.Email)
	if (all || external) && to != "" && !strings.EqualFold(to, e.r.user.Email) && !strings.EqualFold(to, e.c.id) {
		e.mails = append(e.mails, Mail{Calendar: e.c.id, Event: e.id, To: to, Why: why})
	}
}

func domain(email string) string { return strings.ToLower(email[strings.LastIndexByte(email, '@')+1:]) }
