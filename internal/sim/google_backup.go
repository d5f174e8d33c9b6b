package sim

import (
	"maps"
	"slices"
)

// Backup remembers all calendars and calendar lists, and gives the function that puts them back: the order of changes and sync tokens jump
// back with them, and what is changed after that gets the tokens of other changes before it. A sync token that knows more than the server is
// 410. Etags and ids are never given twice; users, grants and channels stay as they are.
func (g *Google) Backup() (restore func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	saved := g.copies()
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.putBack(saved)
	}
}

// googleBackup maps what there was to what it was like. What others point to, as channels do to calendars, is put back in its place.
type googleBackup struct {
	calendars map[string]*googleCalendar
	content   map[*googleCalendar]googleCalendar
	users     map[*GoogleUser]GoogleUser
	entries   map[*googleEntry]googleEntry
}

func (g *Google) copies() googleBackup {
	b := googleBackup{calendars: maps.Clone(g.calendars), content: map[*googleCalendar]googleCalendar{}, users: map[*GoogleUser]GoogleUser{},
		entries: map[*googleEntry]googleEntry{}}
	for _, c := range g.calendars {
		b.content[c] = c.copied()
	}
	for _, u := range g.users {
		was := *u
		was.list, was.listOrder = maps.Clone(u.list), slices.Clone(u.listOrder)
		b.users[u] = was
		for _, e := range u.listOrder {
			b.entries[e] = e.copied()
		}
	}
	return b
}

func (g *Google) putBack(b googleBackup) {
	g.calendars = maps.Clone(b.calendars)
	for c, was := range b.content {
		*c = was.copied()
	}
	for u, was := range b.users {
		u.list, u.listOrder, u.listSeq = maps.Clone(was.list), slices.Clone(was.listOrder), was.listSeq
	}
	for e, was := range b.entries {
		*e = was.copied()
	}
	for _, u := range g.users {
		g.listChanged(u)
	}
	for _, id := range slices.Sorted(maps.Keys(g.calendars)) {
		g.changed(g.calendars[id])
	}
}

// copied shares versions, which never change, and nothing else.
func (c *googleCalendar) copied() googleCalendar {
	d := *c
	d.props, d.roles, d.acl, d.uids = maps.Clone(c.props), maps.Clone(c.roles), maps.Clone(c.acl), maps.Clone(c.uids)
	d.events, d.order, d.parts = map[string]*googleEvent{}, nil, map[string][]*googleEvent{}
	for _, e := range c.order {
		f := &googleEvent{id: e.id, versions: slices.Clone(e.versions), forgotten: e.forgotten}
		d.events[e.id] = f
		d.order = append(d.order, f)
	}
	for series, parts := range c.parts {
		for _, e := range parts {
			d.parts[series] = append(d.parts[series], d.events[e.id])
		}
	}
	return d
}

func (e *googleEntry) copied() googleEntry {
	f := *e
	f.doc = maps.Clone(e.doc)
	return f
}
