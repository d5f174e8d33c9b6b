package sim

// The back door of a Google server: what somebody else does, past all rules, and what is there.

// Put inserts or replaces an event as it is written, an exception when it has recurringEventId and originalStartTime. What no event is
// without is added: id, iCalUID, status, created, organizer. It panics when text is no JSON object or there is no such calendar.
func (g *Google) Put(calendarID, text string) (id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, doc := g.mustFind(calendarID), mustDecode(text)
	id = words(doc, "id")
	if id == "" {
		id = g.newID()
	}
	var was *googleVersion
	var reminders map[*GoogleUser]any
	if e := c.events[id]; e != nil {
		was = e.now()
	}
	if was != nil && doc["reminders"] == nil {
		reminders = was.reminders
	}
	g.save(c, id, g.completed(c, id, doc), reminders)
	g.settleParts(c, id, was)
	return id
}

// Patch merges into an event (RFC 7396); the id of an occurrence that is no exception yet makes it one. It panics when nothing is there.
func (g *Google) Patch(calendarID, eventID, text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c, patch := g.mustFind(calendarID), mustDecode(text)
	v := g.find(c, eventID)
	if v == nil {
		panic("sim: no event " + eventID + " in " + calendarID)
	}
	doc := g.completed(c, eventID, merged(v.doc, patch))
	doc["updated"] = timestamp(g.clock())
	reminders := v.reminders
	if patch["reminders"] != nil {
		reminders = nil
	}
	g.save(c, eventID, doc, reminders)
	g.settleParts(c, eventID, v)
}

// Remove deletes an event, or cancels an occurrence; it tells whether there was something.
func (g *Google) Remove(calendarID, eventID string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	v := g.find(c, eventID)
	if v == nil || v.cancelled() {
		return false
	}
	g.cancel(c, eventID, v)
	return true
}

// Touch gives an event a new etag and changes nothing else, as Google does when it finishes work of its own; lists tell of it.
func (g *Google) Touch(calendarID, eventID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	e := c.events[eventID]
	g.replace(c, e, e.now().again(), true)
	g.changed(c)
}

// TouchAll touches every event of a calendar.
func (g *Google) TouchAll(calendarID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	for _, e := range c.order {
		g.replace(c, e, e.now().again(), true)
	}
	g.changed(c)
}

// Forget lets the rest of a deleted event disappear: "such cancelled events will eventually disappear" (discovery document, Event.status).
func (g *Google) Forget(calendarID, eventID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e := g.mustFind(calendarID).events[eventID]; e.now().cancelled() {
		e.forgotten = true
	}
}

// Event shows an event as the data owner of the calendar reads it, also a cancelled one; ok says whether there ever was one of that id.
func (g *Google) Event(calendarID, eventID string) (text string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	e := c.events[eventID]
	if e == nil {
		return "", false
	}
	return string(g.render(c, e.id, e.now(), g.viewOf(c, c.owner))), true
}

// Events lists the ids of events, series and exceptions that are not cancelled, oldest first.
func (g *Google) Events(calendarID string) []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var ids []string
	for _, e := range g.mustFind(calendarID).order {
		if !e.now().cancelled() {
			ids = append(ids, e.id)
		}
	}
	return ids
}

func (g *Google) mustFind(calendarID string) *googleCalendar {
	c := g.calendars[calendarID]
	if c == nil {
		panic("sim: no calendar " + calendarID)
	}
	return c
}

func mustDecode(text string) jsonObject {
	doc, err := decode([]byte(text))
	if err != nil {
		panic("sim: not a JSON object: " + err.Error() + ": " + text)
	}
	return doc
}
