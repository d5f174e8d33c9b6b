package sim

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
)

// GoogleCalendar is a calendar as a user has it in his list.
type GoogleCalendar struct {
	ID          string // empty: one is made up
	Summary     string
	Description string
	TimeZone    string // of the IANA database; empty: UTC
	AccessRole  string // empty: owner. A calendar first added with less belongs to somebody outside
	Hidden      bool
	Color       string // "#0088aa"
	Reminders   string // JSON of defaultReminders
}

// googleEntry is a calendar in the list of a user: what he can write, and when he last did.
type googleEntry struct {
	calendar *googleCalendar
	doc      jsonObject // only what the user can write
	deleted  bool
	seq      int64
	etag     string
}

// AddCalendar puts a calendar into the list of a user. One that exists already is shared with him.
func (g *Google) AddCalendar(u *GoogleUser, c GoogleCalendar) (id string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.addCalendar(u, c).calendar.id
}

// SetRole changes what a user may do with a calendar; "none" takes the access away and the calendar off his list. His sync tokens of it are
// dead then: "ACL changes" are one of the two named causes (Google, Synchronize resources efficiently).
func (g *Google) SetRole(u *GoogleUser, calendarID, role string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	c.roles[u] = role
	c.acl[u]++
	if e := u.list[c.id]; e != nil && (role == "none" || role == "") {
		e.deleted = true
		u.listed(g, e)
	}
}

func (g *Google) addCalendar(u *GoogleUser, o GoogleCalendar) *googleEntry {
	if o.ID == "" {
		g.serial++
		o.ID = fmt.Sprintf("c_%040x@group.calendar.google.com", g.serial)
	}
	if o.TimeZone == "" {
		o.TimeZone = "UTC"
	}
	if o.AccessRole == "" {
		o.AccessRole = "owner"
	}
	c := g.calendars[o.ID]
	if c == nil {
		c = &googleCalendar{id: o.ID, props: jsonObject{"summary": o.Summary, "timeZone": o.TimeZone}, etag: g.newETag(), zone: g.location(o.TimeZone),
			roles: map[*GoogleUser]string{}, acl: map[*GoogleUser]int{}, events: map[string]*googleEvent{}, parts: map[string][]*googleEvent{}, uids: map[string]string{}}
		if o.Description != "" {
			c.props["description"] = o.Description
		}
		if o.AccessRole == "owner" {
			c.owner = u
		}
		g.calendars[o.ID] = c
	}
	c.roles[u] = o.AccessRole
	return g.enlist(u, c, o)
}

func (g *Google) enlist(u *GoogleUser, c *googleCalendar, o GoogleCalendar) *googleEntry {
	e := u.list[c.id]
	if e == nil {
		e = &googleEntry{calendar: c}
		u.list[c.id] = e
		u.listOrder = append(u.listOrder, e)
	}
	e.deleted = false
	e.doc = jsonObject{"colorId": "14", "backgroundColor": "#9fe1e7", "foregroundColor": "#000000", "defaultReminders": []any{}, "selected": true}
	if o.Color != "" {
		e.doc["backgroundColor"] = o.Color
	}
	if o.Hidden {
		e.doc["hidden"] = true
	}
	if o.Reminders != "" {
		e.doc["defaultReminders"] = mustDecode(`{"r":` + o.Reminders + `}`)["r"]
	}
	u.listed(g, e)
	return e
}

// listed marks an entry as changed by its user, and tells his channels.
func (u *GoogleUser) listed(g *Google, e *googleEntry) {
	u.listSeq++
	e.seq, e.etag = u.listSeq, g.newETag()
	g.listChanged(u)
}

func (c *googleCalendar) primary() bool { return c.owner != nil && c.owner.Email == c.id }

// shown is an entry as its user reads it: what he wrote over what the calendar says.
func (e *googleEntry) shown(u *GoogleUser) jsonObject {
	c := e.calendar
	if e.deleted {
		return jsonObject{"kind": "calendar#calendarListEntry", "etag": e.etag, "id": c.id, "deleted": true}
	}
	out := maps.Clone(c.props)
	maps.Copy(out, e.doc)
	out["kind"], out["etag"], out["id"], out["accessRole"] = "calendar#calendarListEntry", e.etag, c.id, c.roles[u]
	out["conferenceProperties"] = jsonObject{"allowedConferenceSolutionTypes": []any{"hangoutsMeet"}}
	switch {
	case c.id == u.Email:
		out["primary"] = true
	case c.owner != nil:
		out["dataOwner"] = c.owner.Email // set only for secondary calendars (discovery document)
	}
	return out
}

// calendarList.list: with a sync token minAccessRole and showOwnOrganizationOnly are 400, showDeleted and showHidden may not be false, and
// an entry of which only read-only fields changed is not told (discovery document, calendarList.list syncToken).
func (g *Google) listEntries(r *googleRequest) (googleAnswer, *googleError) {
	u := r.user
	f, err := readEntryFilter(r)
	if err != nil {
		return googleAnswer{}, err
	}
	p, err := g.begin(r, "calendarList "+u.Sub, 0, u.listSeq, u.listSeq)
	if err != nil {
		return googleAnswer{}, err
	}
	size, err := r.integer("maxResults", 1)
	if err != nil {
		return googleAnswer{}, err
	}
	head := jsonObject{"kind": "calendar#calendarList", "etag": fmt.Sprintf("%q", fmt.Sprintf("p%d", u.listSeq))}
	size = min(either(size, min(either(g.options.PageSize, 100), 250)), 250)
	items, next := u.entries(f, p.At, p.From, size)
	if g.quirks.EmptyEntries {
		items, next = nil, 0
	}
	if next != 0 {
		head["nextPageToken"] = g.nextPage(r, p, next)
	} else {
		head["nextSyncToken"] = g.nextSync(p)
	}
	return ok(withItems(head, g.quirks.listed(items, g.quirks.MissEntry)), "")
}

// entryFilter tells what a list of entries is to show.
type entryFilter struct {
	hidden, deleted bool
	role            string
}

func readEntryFilter(r *googleRequest) (f entryFilter, err *googleError) {
	f.role = r.query.Get("minAccessRole")
	if f.role != "" && !slices.Contains(accessRoles[1:], f.role) {
		return f, invalidParameter("minAccessRole", "Invalid value '"+f.role+"'.")
	}
	if f.hidden, err = r.boolean("showHidden"); err != nil {
		return f, err
	}
	if f.deleted, err = r.boolean("showDeleted"); err != nil || r.query.Get("syncToken") == "" {
		return f, err
	}
	for _, name := range [...]string{"minAccessRole", "showOwnOrganizationOnly"} {
		if r.query.Has(name) {
			return f, fail(http.StatusBadRequest, "badRequest", "Sync token cannot be used with "+name+".").parameter(name)
		}
	}
	for _, name := range [...]string{"showDeleted", "showHidden"} {
		if r.query.Get(name) == "false" {
			return f, fail(http.StatusBadRequest, "badRequest", "Sync token cannot be used with "+name+"=false.").parameter(name)
		}
	}
	return entryFilter{hidden: true, deleted: true}, nil
}

func (u *GoogleUser) entries(f entryFilter, at int, from int64, size int) (items [][]byte, next int) {
	seen := 0
	for i := at; i < len(u.listOrder); i++ {
		e := u.listOrder[i]
		if e.seq <= from {
			continue
		}
		if seen == size {
			return items, i
		}
		seen++
		if (e.deleted && !f.deleted) || (yes(e.doc, "hidden") && !f.hidden) || (f.role != "" && !atLeast(e.calendar.roles[u], f.role)) {
			continue
		}
		items = append(items, encode(e.shown(u)))
	}
	return items, 0
}

func (g *Google) entry(r *googleRequest) (*googleEntry, *googleError) {
	id := r.path["calendarId"]
	if id == "primary" {
		id = r.user.Email
	}
	e := r.user.list[id]
	if e == nil || e.deleted {
		return nil, notFound()
	}
	return e, nil
}

func (g *Google) getEntry(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.entry(r)
	if err != nil {
		return googleAnswer{}, err
	}
	return ok(encode(e.shown(r.user)), e.etag)
}

// writableEntry are the members of an entry a user can write (discovery document, CalendarListEntry).
var writableEntry = []string{"summaryOverride", "colorId", "backgroundColor", "foregroundColor", "hidden", "selected", "defaultReminders", "notificationSettings"}

func (g *Google) insertEntry(r *googleRequest) (googleAnswer, *googleError) {
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	c := g.calendarNamed(r.user, words(sent, "id"))
	if c == nil {
		return googleAnswer{}, notFound()
	}
	e := r.user.list[c.id]
	if e == nil || e.deleted {
		e = g.enlist(r.user, c, GoogleCalendar{})
	}
	maps.Copy(e.doc, only(sent, writableEntry...))
	return ok(encode(e.shown(r.user)), e.etag)
}

func (g *Google) patchEntry(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.entry(r)
	if err != nil {
		return googleAnswer{}, err
	}
	if err := ifMatch(r, e.etag); err != nil {
		return googleAnswer{}, err
	}
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	for name := range sent {
		if !slices.Contains(writableEntry, name) {
			delete(sent, name)
		}
	}
	base := e.doc
	if r.Method == http.MethodPut {
		base = jsonObject{"defaultReminders": []any{}}
	}
	if doc := merged(base, sent); !reflect.DeepEqual(doc, e.doc) {
		e.doc = doc
		r.user.listed(g, e)
	}
	return ok(encode(e.shown(r.user)), e.etag)
}

// calendarList.delete: the data owner cannot take his calendar off his list (probed by mmedum/google-calendar-mcp).
func (g *Google) deleteEntry(r *googleRequest) (googleAnswer, *googleError) {
	e, err := g.entry(r)
	if err != nil {
		return googleAnswer{}, err
	}
	if e.calendar.owner == r.user {
		return googleAnswer{}, forbidden("The data owner of a calendar cannot remove it from his calendar list.")
	}
	e.deleted = true
	r.user.listed(g, e)
	return noContent()
}

// shown has an etag of its own, other than those of the entries (Google, Get specific versions of resources).
func (c *googleCalendar) shown() jsonObject {
	out := maps.Clone(c.props)
	out["kind"], out["etag"], out["id"] = "calendar#calendar", c.etag, c.id
	out["conferenceProperties"] = jsonObject{"allowedConferenceSolutionTypes": []any{"hangoutsMeet"}}
	if c.owner != nil && !c.primary() {
		out["dataOwner"] = c.owner.Email
	}
	return out
}

// calendars.insert makes the caller the data owner (discovery document).
func (g *Google) insertCalendar(r *googleRequest) (googleAnswer, *googleError) {
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	if words(sent, "summary") == "" {
		return googleAnswer{}, required("Missing title.")
	}
	if err := g.checkZone(sent); err != nil {
		return googleAnswer{}, err
	}
	e := g.addCalendar(r.user, GoogleCalendar{Summary: words(sent, "summary"), Description: words(sent, "description"), TimeZone: words(sent, "timeZone")})
	if l := words(sent, "location"); l != "" {
		e.calendar.props["location"] = l
	}
	return ok(encode(e.calendar.shown()), e.calendar.etag)
}

func (g *Google) checkZone(sent jsonObject) *googleError {
	if zone := words(sent, "timeZone"); zone != "" && g.location(zone) == nil {
		return invalid("Invalid time zone.")
	}
	return nil
}

func (g *Google) getCalendar(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "freeBusyReader")
	if err != nil {
		return googleAnswer{}, err
	}
	return ok(encode(c.shown()), c.etag)
}

// calendars.patch honours If-Match, and one that changes nothing keeps the etag (probed by mmedum/google-calendar-mcp).
func (g *Google) patchCalendar(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "owner")
	if err != nil {
		return googleAnswer{}, err
	}
	if err := ifMatch(r, c.etag); err != nil {
		return googleAnswer{}, err
	}
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	if err := g.checkZone(sent); err != nil {
		return googleAnswer{}, err
	}
	base := c.props
	if r.Method == http.MethodPut {
		base = only(c.props, "timeZone")
	}
	for name := range sent {
		if !slices.Contains([]string{"summary", "description", "location", "timeZone"}, name) {
			delete(sent, name)
		}
	}
	props := merged(base, sent)
	if words(props, "summary") == "" {
		return googleAnswer{}, required("Missing title.")
	}
	if !reflect.DeepEqual(props, c.props) {
		c.props, c.etag, c.zone = props, g.newETag(), g.location(words(props, "timeZone"))
	}
	return ok(encode(c.shown()), c.etag)
}

// calendars.delete is for secondary calendars, and for their data owner (discovery document).
func (g *Google) deleteCalendar(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "owner")
	switch {
	case err != nil:
		return googleAnswer{}, err
	case c.primary():
		return googleAnswer{}, invalid("A primary calendar cannot be deleted, only cleared.")
	case c.owner != r.user:
		return googleAnswer{}, forbidden("Only the data owner can delete a calendar.")
	}
	delete(g.calendars, c.id)
	for _, u := range g.users {
		if e := u.list[c.id]; e != nil && !e.deleted {
			e.deleted = true
			u.listed(g, e)
		}
	}
	return noContent()
}

// calendars.clear is for primary calendars only (discovery document; 400 elsewhere: probed by mmedum/google-calendar-mcp).
func (g *Google) clearCalendar(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "owner")
	if err != nil {
		return googleAnswer{}, err
	}
	if !c.primary() {
		return googleAnswer{}, invalid("Only a primary calendar can be cleared.")
	}
	for _, e := range slices.Clone(c.order) {
		if v := e.now(); !v.cancelled() {
			g.cancel(c, e.id, v)
		}
	}
	return noContent()
}
