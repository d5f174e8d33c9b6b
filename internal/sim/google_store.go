package sim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// googleCalendar is one calendar; what each user sees of it is his googleEntry.
type googleCalendar struct {
	id     string
	owner  *GoogleUser // the data owner
	props  jsonObject  // summary, description, location, timeZone
	etag   string
	zone   *time.Location
	roles  map[*GoogleUser]string
	acl    map[*GoogleUser]int // changes of the role so far: they kill sync tokens
	events map[string]*googleEvent
	order  []*googleEvent            // in the order of their birth; pages walk it, so that changes move nothing
	parts  map[string][]*googleEvent // exceptions by the id of their series
	uids   map[string]string         // iCalUID to the id of the event or series
	seq    int64                     // of the last change
}

// googleEvent is an event, a series or an exception, or what is left of one: ids are never free again.
type googleEvent struct {
	id        string
	versions  []*googleVersion // the last one is current; older ones only while lists lag
	forgotten bool             // nobody is told of it any more, but the id stays taken
}

// googleVersion is an event between two changes. Nothing of it ever changes but the views.
type googleVersion struct {
	seq       int64
	at        time.Time // lists that lag show it later than then
	etag      string
	doc       jsonObject          // all but etag, kind and what differs from reader to reader
	before    jsonObject          // doc before its series was deleted; nil: it was not
	reminders map[*GoogleUser]any // who has none here has those of doc
	views     map[googleView][]byte
}

func (e *googleEvent) now() *googleVersion { return e.versions[len(e.versions)-1] }

// at is the version a list shows: the last one that is not after t; nil when there was none.
func (e *googleEvent) at(t time.Time) *googleVersion {
	if e.forgotten {
		return nil
	}
	for _, v := range slices.Backward(e.versions) {
		if !v.at.After(t) {
			return v
		}
	}
	return nil
}

func (v *googleVersion) cancelled() bool { return words(v.doc, "status") == "cancelled" }

func (v *googleVersion) series() string { return words(v.doc, "recurringEventId") }

// save makes a new version of an event, or a new event, and tells the channels.
func (g *Google) save(c *googleCalendar, id string, doc jsonObject, reminders map[*GoogleUser]any) *googleEvent {
	e := g.saveQuietly(c, id, doc, reminders)
	g.changed(c)
	return e
}

func (g *Google) saveQuietly(c *googleCalendar, id string, doc jsonObject, reminders map[*GoogleUser]any) *googleEvent {
	c.seq++
	v := &googleVersion{seq: g.row(c, id), at: g.clock(), etag: g.newETag(), doc: doc, reminders: reminders}
	e := c.events[id]
	if e == nil {
		e = &googleEvent{id: id}
		c.events[id] = e
		c.order = append(c.order, e)
		if series := words(doc, "recurringEventId"); series != "" {
			c.parts[series] = append(c.parts[series], e)
		} else {
			c.uids[words(doc, "iCalUID")] = id
		}
	}
	e.add(v, g.lag > 0)
	return e
}

// row is the place of the latest change in the order of changes: where incremental lists find it, or do not.
func (g *Google) row(c *googleCalendar, id string) int64 {
	switch e := c.events[id]; {
	case !nth(int(c.seq), g.quirks.LoseEveryRow):
		return c.seq
	case e != nil:
		return e.now().seq
	}
	return 1
}

// newETag: the etag changes with every change (Google, Get specific versions of resources).
func (g *Google) newETag() string {
	g.serial++
	return fmt.Sprintf("%q", fmt.Sprint(g.serial*2))
}

func (g *Google) newID() string {
	g.serial++
	return fmt.Sprintf("s%025d", g.serial)
}

func (g *Google) location(name string) *time.Location {
	if zone, known := g.zones[name]; known {
		return zone
	}
	zone, err := time.LoadLocation(name)
	if err != nil || name == "" || name == "Local" {
		zone = nil
	}
	g.zones[name] = zone
	return zone
}

func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }

// completed adds what the server gives to every event.
func (g *Google) completed(c *googleCalendar, id string, doc jsonObject) jsonObject {
	doc = maps.Clone(doc)
	now := timestamp(g.clock())
	for name, value := range map[string]any{
		"status": "confirmed", "created": now, "updated": now, "eventType": "default", "sequence": number(0),
		"creator": jsonObject{"email": c.creator(nil)}, "organizer": jsonObject{"email": c.id},
		"htmlLink": "https://www.google.com/calendar/event?eid=" + base64.RawURLEncoding.EncodeToString([]byte(id+" "+c.id)),
	} {
		if doc[name] == nil {
			doc[name] = value
		}
	}
	if series := c.events[words(doc, "recurringEventId")]; series != nil && doc["iCalUID"] == nil {
		doc["iCalUID"] = series.now().doc["iCalUID"] // all occurrences share it (discovery document, Event.iCalUID)
	}
	if doc["iCalUID"] == nil {
		doc["iCalUID"] = strings.TrimSuffix(id, "@google.com") + "@google.com"
	}
	doc["id"] = id
	delete(doc, "etag")
	delete(doc, "kind")
	withoutFlags(doc)
	return doc
}

// withoutFlags takes out what is computed for each reader.
func withoutFlags(doc jsonObject) {
	for _, name := range [...]string{"organizer", "creator"} {
		if p := part(doc, name); p != nil {
			doc[name] = flagged(p, "self", false)
		}
	}
	if guests := list(doc, "attendees"); len(guests) > 0 {
		clean := make([]any, len(guests))
		for i, guest := range guests {
			clean[i] = guest
			if a, isObject := guest.(jsonObject); isObject {
				clean[i] = flagged(flagged(a, "self", false), "organizer", false)
			}
		}
		doc["attendees"] = clean
	}
}

func (c *googleCalendar) creator(u *GoogleUser) string {
	switch {
	case u != nil:
		return u.Email
	case c.owner != nil:
		return c.owner.Email
	}
	return c.id
}

// find is the current version of an event, or of an occurrence that has none of its own yet; nil when there is neither.
func (g *Google) find(c *googleCalendar, id string) *googleVersion {
	if e := c.events[id]; e != nil {
		return e.at(e.now().at)
	}
	return g.occurrence(c, id)
}

// cancel deletes. Of an occurrence it makes a cancelled exception; the series stays as it is, byte for byte and etag included: no EXDATE
// is written (googleapis/google-api-ruby-client#129).
func (g *Google) cancel(c *googleCalendar, id string, v *googleVersion) *googleEvent {
	doc := maps.Clone(v.doc)
	doc["status"], doc["updated"] = "cancelled", timestamp(g.clock())
	e := g.save(c, id, doc, v.reminders)
	g.settleParts(c, id, v)
	return e
}

// settleParts lets the exceptions of a series go with it, and come back with it. Clients store cancelled exceptions "for the lifetime of the
// parent" (discovery document, Event.status), so by default a list tells of the deleted series only.
func (g *Google) settleParts(c *googleCalendar, series string, was *googleVersion) {
	ended := c.events[series].now().cancelled()
	if ended == (was != nil && was.cancelled()) {
		return
	}
	for _, e := range c.parts[series] {
		v := e.now()
		switch {
		case ended && !v.cancelled():
			doc := maps.Clone(v.doc)
			doc["status"] = "cancelled"
			g.replace(c, e, &googleVersion{doc: doc, before: v.doc, reminders: v.reminders}, g.options.SeriesDeletionNamesAll)
		case !ended && v.before != nil:
			g.replace(c, e, &googleVersion{doc: v.before, reminders: v.reminders}, true)
		default: // one cancelled by itself is shown differently now, and who dropped it with its series has to hear of it again
			g.replace(c, e, &googleVersion{doc: v.doc, etag: v.etag, reminders: v.reminders}, !ended)
		}
	}
}

// again is the version with another etag.
func (v *googleVersion) again() *googleVersion {
	return &googleVersion{doc: v.doc, before: v.before, reminders: v.reminders}
}

// touchSeries is GoogleOptions.ExceptionsTouchSeries.
func (g *Google) touchSeries(c *googleCalendar, exception *googleVersion) {
	if series := c.events[exception.series()]; series != nil && g.options.ExceptionsTouchSeries {
		g.replace(c, series, series.now().again(), true)
	}
}

// replace makes a new version of an event, with or without a place in the order of changes.
func (g *Google) replace(c *googleCalendar, e *googleEvent, v *googleVersion, told bool) {
	v.seq, v.at = e.now().seq, g.clock()
	if told {
		c.seq++
		v.seq = c.seq
	}
	if v.etag == "" {
		v.etag = g.newETag()
	}
	e.add(v, g.lag > 0)
}

// add makes a version the current one; the others are kept only for lists that lag.
func (e *googleEvent) add(v *googleVersion, keep bool) {
	if !keep {
		e.versions = nil
	}
	e.versions = append(e.versions, v)
}
