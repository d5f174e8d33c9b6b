package sim

import (
	"maps"
	"strings"
	"time"
)

// googleView is all that makes two readers see different bytes of one version.
type googleView struct {
	user  *GoogleUser
	role  string
	zone  string // times are written in
	stubs bool   // of what was deleted only the id is told
}

func (g *Google) viewOf(c *googleCalendar, u *GoogleUser) googleView {
	role := c.roles[u]
	if u == nil {
		role = "owner"
	}
	return googleView{user: u, role: role, zone: words(c.props, "timeZone")}
}

// render writes an event, once per version and view.
func (g *Google) render(c *googleCalendar, id string, v *googleVersion, view googleView) []byte {
	if text := v.views[view]; text != nil {
		return text
	}
	text := encode(g.shown(c, id, v, view))
	if v.views == nil {
		v.views = map[googleView][]byte{}
	}
	v.views[view] = text
	return text
}

// shown is what a reader sees of an event.
func (g *Google) shown(c *googleCalendar, id string, v *googleVersion, view googleView) jsonObject {
	out := g.inside(c, id, v, view)
	out["kind"], out["etag"], out["id"] = "calendar#event", v.etag, id
	zone := g.location(view.zone)
	for _, name := range [...]string{"start", "end", "originalStartTime"} {
		if t := part(out, name); t != nil {
			out[name] = inZone(t, zone, g)
		}
	}
	return out
}

// inside is an event without its frame.
func (g *Google) inside(c *googleCalendar, id string, v *googleVersion, view googleView) jsonObject {
	switch {
	case v.cancelled() && g.exceptionOfLiveSeries(c, v):
		// Guaranteed are id, recurringEventId and originalStartTime, no start, no summary (discovery document, Event.status).
		return only(v.doc, "status", "recurringEventId", "originalStartTime")
	case v.cancelled() && (view.stubs || !own(c, v.doc) && !invited(c, v.doc)):
		// Only id is guaranteed. The organizer's own and invitations a guest removed keep their details, but not in incremental lists
		// without showDeleted (discovery document, Event.status).
		return only(v.doc, "status")
	case view.role == "freeBusyReader":
		out := only(v.doc, "status", "start", "end", "recurringEventId", "originalStartTime")
		out["visibility"] = "private"
		return out
	case hidden(v.doc, view.role):
		return only(v.doc, "status", "htmlLink", "created", "updated", "start", "end", "recurrence", "recurringEventId", "originalStartTime",
			"iCalUID", "sequence", "visibility", "transparency", "eventType")
	}
	return g.personal(c, v, view.user)
}

// hidden tells whether the details of a private event are kept from a role (discovery document, Events.accessRole: reader and
// writerWithoutPrivateAccess).
func hidden(doc jsonObject, role string) bool {
	if role != "reader" && role != "writerWithoutPrivateAccess" {
		return false
	}
	visibility := words(doc, "visibility")
	return visibility == "private" || visibility == "confidential"
}

// personal adds what is computed for the calendar and the user who reads: reminders are per authenticated user (Event.reminders), source is
// for the creator (Event.source), self is for the calendar the copy is on (EventAttendee.self) and so is on no secondary calendar.
func (g *Google) personal(c *googleCalendar, v *googleVersion, u *GoogleUser) jsonObject {
	out := maps.Clone(v.doc)
	out["reminders"] = v.remindersOf(u)
	if u != nil && !strings.EqualFold(words(part(out, "creator"), "email"), u.Email) {
		delete(out, "source")
	}
	organizer := words(part(out, "organizer"), "email")
	for _, name := range [...]string{"organizer", "creator"} {
		if p := part(out, name); p != nil {
			out[name] = flagged(p, "self", strings.EqualFold(words(p, "email"), c.id))
		}
	}
	if guests := list(out, "attendees"); len(guests) > 0 {
		out["attendees"] = c.guestsShown(guests, organizer)
	}
	return out
}

func (c *googleCalendar) guestsShown(guests []any, organizer string) []any {
	shown := make([]any, len(guests))
	for i, guest := range guests {
		shown[i] = guest
		if a, isObject := guest.(jsonObject); isObject {
			email := words(a, "email")
			shown[i] = flagged(flagged(a, "self", strings.EqualFold(email, c.id)), "organizer", strings.EqualFold(email, organizer))
		}
	}
	return shown
}

// remindersOf: an event nobody said anything about uses the calendar's default reminders.
func (v *googleVersion) remindersOf(u *GoogleUser) any {
	if r := v.reminders[u]; r != nil {
		return r
	}
	if r := v.doc["reminders"]; r != nil {
		return r
	}
	return jsonObject{"useDefault": true}
}

// flagged sets a flag that is left out when it is false.
func flagged(o jsonObject, name string, set bool) jsonObject {
	if _, there := o[name]; there == set && yes(o, name) == set {
		return o
	}
	o = maps.Clone(o)
	delete(o, name)
	if set {
		o[name] = true
	}
	return o
}

func only(doc jsonObject, names ...string) jsonObject {
	out := jsonObject{}
	for _, name := range names {
		if value := doc[name]; value != nil {
			out[name] = value
		}
	}
	return out
}

// own tells whether the calendar is the organizer of an event.
func own(c *googleCalendar, doc jsonObject) bool {
	return strings.EqualFold(words(part(doc, "organizer"), "email"), c.id)
}

func invited(c *googleCalendar, doc jsonObject) bool {
	return guestOf(list(doc, "attendees"), c.id) != nil
}

func (g *Google) exceptionOfLiveSeries(c *googleCalendar, v *googleVersion) bool {
	if v.series() == "" {
		return false
	}
	series := c.events[v.series()]
	return series == nil || !series.now().cancelled() // without a series here it is an orphan instance, and stays what it is
}

// inZone writes a time in the zone of the reader: the instant is the same, the digits are not (discovery document, events.list timeZone).
func inZone(t jsonObject, zone *time.Location, g *Google) jsonObject {
	if zone == nil || t["dateTime"] == nil {
		return t
	}
	at, err := g.instant(t)
	if err != nil {
		return t
	}
	out := maps.Clone(t)
	out["dateTime"] = at.In(zone).Format(time.RFC3339)
	return out
}
