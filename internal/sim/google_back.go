package sim

import "slices"

// Forget drops what is left of a deleted event: tombstones disappear at a time Google does not name (discovery document, Event.status).
func (g *Google) Forget(calendarID, eventID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	delete(c.events, eventID)
	c.order = slices.DeleteFunc(c.order, func(e *googleEvent) bool { return e.id == eventID })
}
