package sim

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// eventList is a request for events.list, its parameters read.
type eventList struct {
	page
	c                *googleCalendar
	view             googleView
	size             int
	single, deleted  bool
	types            []string
	uid, text, order string
	private, shared  []string
	updatedMin       time.Time
	asOf             time.Time // what a lagging list shows
	guests           int       // maxAttendees; 0: all
}

// events.list pages by position in the order of birth, so that no change in between makes a row appear twice or never. A page may hold
// fewer rows than asked for, or none, and yet not be the last (discovery document, events.list maxResults): what is filtered out counts.
func (g *Google) listEvents(r *googleRequest) (googleAnswer, *googleError) {
	l, err := g.readEventList(r)
	if err != nil {
		return googleAnswer{}, err
	}
	var items [][]byte
	next, etag := 0, fmt.Sprintf("%q", fmt.Sprintf("p%d", l.c.seq))
	if l.single || l.order != "" {
		items, next = g.gathered(l)
	} else {
		items, next = g.rows(l)
	}
	if g.quirks.EmptyEvents {
		items, next = nil, 0
	}
	head := g.eventsHead(l.c, r.user, etag)
	switch {
	case next != 0:
		head["nextPageToken"] = g.nextPage(r, l.page, next)
	case l.filtered(): // what a sync token cannot be combined with, it cannot come from
	default:
		head["nextSyncToken"] = g.nextSync(l.page) // only on the last page (discovery document, Events)
	}
	return ok(withItems(head, g.quirks.listed(items, g.quirks.MissEvery)), etag)
}

func (g *Google) eventsHead(c *googleCalendar, u *GoogleUser, etag string) jsonObject {
	head := jsonObject{"kind": "calendar#events", "etag": etag, "summary": c.props["summary"], "timeZone": c.props["timeZone"],
		"accessRole": c.roles[u], "updated": timestamp(g.clock()), "defaultReminders": []any{}}
	if d := words(c.props, "description"); d != "" {
		head["description"] = d
	}
	if e := u.list[c.id]; e != nil && e.doc["defaultReminders"] != nil {
		head["defaultReminders"] = e.doc["defaultReminders"]
	}
	return head
}

// withItems writes a collection whose items are already written.
func withItems(head jsonObject, items [][]byte) []byte {
	text, size := encode(head), 0
	for _, item := range items {
		size += len(item) + 1
	}
	out := make([]byte, 0, len(text)+size+16)
	out = append(out, text[:len(text)-1]...)
	out = append(out, `,"items":[`...)
	for i, item := range items {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, item...)
	}
	return append(out, "]}"...)
}

func (g *Google) readEventList(r *googleRequest) (*eventList, *googleError) {
	c, err := g.reachable(r, "freeBusyReader")
	if err != nil {
		return nil, err
	}
	if err := checkSync(r); err != nil {
		return nil, err
	}
	l := &eventList{c: c, view: g.viewOf(c, r.user), uid: r.query.Get("iCalUID"), text: r.query.Get("q"), order: r.query.Get("orderBy"),
		types: r.query["eventTypes"], private: r.query["privateExtendedProperty"], shared: r.query["sharedExtendedProperty"], asOf: g.clock().Add(-g.lag)}
	if l.page, err = g.begin(r, c.id+" "+r.user.Sub, c.acl[r.user], c.seqAt(l.asOf, g.lag), c.seq); err != nil {
		return nil, err
	}
	for _, read := range []func(*googleRequest) *googleError{l.readFlags, l.readNumbers, l.readTimes, g.readZone(l)} {
		if err := read(r); err != nil {
			return nil, err
		}
	}
	if l.size == 0 {
		l.size = either(g.options.PageSize, 250) // discovery document: by default 250 events, never more than 2500
	}
	l.size = min(l.size, either(g.options.MaxPage, 2500))
	if l.view.role == "freeBusyReader" {
		l.single = true // busy blocks only
	}
	l.view.stubs = l.sync && !l.deleted
	return l, nil
}

func either(n, usual int) int {
	if n > 0 {
		return n
	}
	return usual
}

func (l *eventList) readFlags(r *googleRequest) (err *googleError) {
	if l.single, err = r.boolean("singleEvents"); err != nil {
		return err
	}
	if l.deleted, err = r.boolean("showDeleted"); err != nil {
		return err
	}
	for _, kind := range l.types {
		if !slices.Contains(eventTypes, kind) {
			return invalidParameter("eventTypes", "Invalid value '"+kind+"'.")
		}
	}
	if l.order != "" && l.order != "updated" && l.order != "startTime" {
		return invalidParameter("orderBy", "Invalid value '"+l.order+"'.")
	}
	if l.order == "startTime" && !l.single { // discovery document, events.list orderBy
		return fail(400, "badRequest", "The requested ordering is not available for the particular query.").parameter("orderBy")
	}
	return nil
}

func (l *eventList) readNumbers(r *googleRequest) (err *googleError) {
	if l.size, err = r.integer("maxResults", 1); err != nil {
		return err
	}
	l.guests, err = r.integer("maxAttendees", 1)
	return err
}

// readTimes: bounds need an offset, and milliseconds are ignored (discovery document, events.list timeMin).
func (l *eventList) readTimes(r *googleRequest) (err *googleError) {
	if r.query.Has("timeMin") || r.query.Has("timeMax") {
		if l.Min, err = r.time("timeMin"); err != nil {
			return err
		}
		if l.Max, err = r.time("timeMax"); err != nil {
			return err
		}
		if !l.Min.IsZero() && !l.Max.IsZero() && !l.Min.Before(l.Max) {
			return emptyTimeRange("timeMax")
		}
	}
	if l.updatedMin, err = r.time("updatedMin"); err == nil && !l.updatedMin.IsZero() && r.came.Sub(l.updatedMin) > oldestUpdatedMin {
		return updatedMinTooLongAgo()
	}
	return err
}

// oldestUpdatedMin is a guess: that there is a limit is documented (Google, Handle API errors), where it is is not.
const oldestUpdatedMin = 28 * 24 * time.Hour

func (r *googleRequest) time(name string) (time.Time, *googleError) {
	text := r.query.Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return t, fail(400, "badRequest", "Bad Request").parameter(name)
	}
	return t.Truncate(time.Second), nil
}

func (g *Google) readZone(l *eventList) func(*googleRequest) *googleError {
	return func(r *googleRequest) *googleError {
		if name := r.query.Get("timeZone"); name != "" {
			if g.location(name) == nil {
				return invalidParameter("timeZone", "Invalid time zone.")
			}
			l.view.zone = name
		}
		return nil
	}
}

// checkSync: with a sync token these are 400, and showDeleted may not be false (discovery document, events.list syncToken).
func checkSync(r *googleRequest) *googleError {
	if r.query.Get("syncToken") == "" {
		return nil
	}
	for _, name := range [...]string{"iCalUID", "orderBy", "privateExtendedProperty", "sharedExtendedProperty", "q", "timeMin", "timeMax", "updatedMin"} {
		if r.query.Has(name) {
			return fail(400, "badRequest", "Sync token cannot be used with "+name+".").parameter(name)
		}
	}
	if r.query.Get("showDeleted") == "false" {
		return fail(400, "badRequest", "Sync token cannot be used with showDeleted=false.").parameter("showDeleted")
	}
	return nil
}

func (l *eventList) filtered() bool {
	return l.uid != "" || l.text != "" || l.order != "" || len(l.private)+len(l.shared) > 0 || !l.updatedMin.IsZero()
}

// seqAt is the last change a list may know of.
func (c *googleCalendar) seqAt(t time.Time, lag time.Duration) int64 {
	if lag == 0 {
		return c.seq
	}
	var last int64
	for _, e := range c.order {
		if v := e.at(t); v != nil {
			last = max(last, v.seq)
		}
	}
	return last
}

// rows are masters and exceptions; next is the position the next page begins at, 0 when this is the last.
func (g *Google) rows(l *eventList) (items [][]byte, next int) {
	seen := 0
	for i := l.At; i < len(l.c.order); i++ {
		e := l.c.order[i]
		v := e.at(l.asOf)
		if v == nil || v.seq <= l.From {
			continue
		}
		if seen == l.size {
			return items, i
		}
		seen++
		if g.wanted(l, v) {
			items = append(items, g.item(l, e.id, v))
		}
	}
	return items, 0
}

// wanted tells whether a version belongs into the list.
func (g *Google) wanted(l *eventList, v *googleVersion) bool {
	if v.cancelled() {
		// Deletions are always in an incremental list; cancelled exceptions of a live series are in any list of masters (discovery document,
		// events.list syncToken and showDeleted), and never in a list of instances unless deleted ones are asked for.
		exception := !l.single && g.exceptionOfLiveSeries(l.c, v)
		if !l.sync && !l.deleted && !exception && l.updatedMin.IsZero() {
			return false
		}
		return l.uid == "" || l.uid == words(v.doc, "iCalUID")
	}
	return l.matches(v.doc) && !v.olderThan(l.updatedMin) && g.within(l, v)
}

func (v *googleVersion) olderThan(least time.Time) bool {
	if least.IsZero() {
		return false
	}
	updated, err := time.Parse(time.RFC3339, words(v.doc, "updated"))
	return err == nil && updated.Before(least)
}

func (l *eventList) matches(doc jsonObject) bool {
	properties := part(doc, "extendedProperties")
	return (l.uid == "" || l.uid == words(doc, "iCalUID")) &&
		(len(l.types) == 0 || slices.Contains(l.types, words(doc, "eventType"))) &&
		(l.text == "" || strings.Contains(strings.ToLower(searched(doc)), strings.ToLower(l.text))) &&
		hasAll(part(properties, "private"), l.private) && hasAll(part(properties, "shared"), l.shared) &&
		!(l.view.role == "freeBusyReader" && words(doc, "transparency") == "transparent")
}

func searched(doc jsonObject) string {
	return words(doc, "summary") + "\n" + words(doc, "description") + "\n" + words(doc, "location")
}

// hasAll: the constraint may be repeated, and all must hold (discovery document, events.list privateExtendedProperty).
func hasAll(properties jsonObject, constraints []string) bool {
	for _, constraint := range constraints {
		name, value, _ := strings.Cut(constraint, "=")
		if got, isText := properties[name].(string); !isText || got != value {
			return false
		}
	}
	return true
}

// within: timeMin is an exclusive bound of the end, timeMax one of the start (discovery document). A series is within when one of its
// occurrences is. Whoever has left the window of a sync token is not told of.
func (g *Google) within(l *eventList, v *googleVersion) bool {
	if l.Min.IsZero() && l.Max.IsZero() {
		return true
	}
	if v.doc["recurrence"] != nil {
		s, err := g.seriesOf(l.c, v.doc)
		return err == nil && s.touches(l.Min, l.Max)
	}
	start, end := g.span(l.c, v.doc)
	return overlaps(start, end, l.Min, l.Max)
}

func overlaps(start, end, least, most time.Time) bool {
	return (least.IsZero() || end.After(least)) && (most.IsZero() || start.Before(most))
}

// item writes one event the way the list wants it.
func (g *Google) item(l *eventList, id string, v *googleVersion) []byte {
	if l.guests == 0 || len(list(v.doc, "attendees")) <= l.guests || v.cancelled() {
		return g.render(l.c, id, v, l.view)
	}
	return encode(fewerGuests(g.shown(l.c, id, v, l.view), l.guests))
}

// fewerGuests: "If there are more than the specified number of attendees, only the participant is returned" (discovery document), and
// attendeesOmitted says so. Whoever writes such a list back deletes guests.
func fewerGuests(event jsonObject, most int) jsonObject {
	guests := list(event, "attendees")
	if most == 0 || len(guests) <= most {
		return event
	}
	left := []any{}
	for _, guest := range guests {
		if a, isObject := guest.(jsonObject); isObject && yes(a, "self") {
			left = append(left, guest)
		}
	}
	event["attendees"], event["attendeesOmitted"] = left, true
	return event
}

// gathered lists what has to be sorted or expanded first; pages are parts of the whole.
func (g *Google) gathered(l *eventList) (items [][]byte, next int) {
	all := g.everything(l)
	switch l.order {
	case "updated":
		slices.SortStableFunc(all, func(a, b located) int { return strings.Compare(words(a.doc, "updated"), words(b.doc, "updated")) })
	case "startTime":
		slices.SortStableFunc(all, func(a, b located) int { return a.start.Compare(b.start) })
	}
	for i := l.At; i < len(all); i++ {
		if i == l.At+l.size {
			return items, i
		}
		items = append(items, g.item(l, all[i].id, all[i].googleVersion))
	}
	return items, 0
}

// located is a version with what it is sorted by.
type located struct {
	id    string
	start time.Time
	*googleVersion
}

func (g *Google) everything(l *eventList) []located {
	var all []located
	add := func(id string, v *googleVersion) {
		if g.wanted(l, v) {
			start, _ := g.span(l.c, v.doc)
			all = append(all, located{id, start, v})
		}
	}
	for _, e := range l.c.order {
		v := e.at(l.asOf)
		switch {
		case v == nil || v.seq <= l.From:
		case l.single && v.doc["recurrence"] != nil:
			// Never the series itself, also of what was deleted only single instances are told (discovery document, showDeleted).
			for id, o := range g.unexceptional(l.c, e.id, v, l.Min, l.Max) {
				add(id, o)
			}
		default:
			add(e.id, v)
		}
	}
	return all
}
