package event

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"calbridge/internal/cal"
)

// Patch is the JSON merge patch (RFC 7396) that turns what base says into what want says: only the members whose meaning changed, {}
// if none did. A patch replaces arrays whole, so they are made out of native, the event as Google has it, and what is not known of
// their elements survives. A cleared text is "", a cleared array [], anything else null. zone is as in New. Errors wrap cal.ErrRefused
// and name the property and the remedy.
func Patch(native []byte, base, want cal.Body, zone string) ([]byte, error) {
	c, err := newChange(native, base, want, zone)
	if err != nil {
		return nil, err
	}
	if err := c.identity(); err != nil {
		return nil, err
	}
	for _, step := range []func() error{c.words, c.description, c.times, c.recurrence, c.people, c.alarms, c.source, c.attachments, c.categories, c.allowed} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	return marshal(c.out)
}

// change is one patch in the making.
type change struct {
	event      Event
	native     map[string]json.RawMessage
	base, want content
	zones      clocks
	out        map[string]any

	others []string // the guests whom the change touches, the account itself left out
}

func newChange(native []byte, base, want cal.Body, zone string) (*change, error) {
	c := &change{zones: NewZones(), out: map[string]any{}}
	var err error
	if c.event, err = Parse(native); err != nil {
		return nil, err
	}
	if err = json.Unmarshal(native, &c.native); err != nil {
		return nil, fmt.Errorf("read an event: %w", err)
	}
	if c.base, err = read(base, zone); err != nil {
		return nil, fmt.Errorf("read what the event was: %w", err)
	}
	c.want, err = read(want, zone)
	return c, err
}

// identity: what says which event it is, and what Google would take for a deletion.
func (c *change) identity() error {
	switch {
	case c.want.status == cancelled && c.base.status != cancelled:
		return refuse("STATUS: CANCELLED would delete the event at Google; delete it, or an exception by its instance")
	case c.want.uid != c.base.uid:
		return refuse("UID: it cannot be changed; make a new event with it")
	case c.want.instance != c.base.instance:
		return refuse("RECURRENCE-ID: it cannot be changed; it says which occurrence this is")
	case c.want.instance != "" && len(c.want.rules) > 0 && !slices.Equal(keysOf(c.want.rules), keysOf(c.base.rules)):
		return refuse("%s: an exception has no rule; change that of the series", c.want.rules[0].keys[0])
	}
	return c.sameOrganizer()
}

// sameOrganizer: a text without guests has no ORGANIZER, one with its first guests names the account.
func (c *change) sameOrganizer() error {
	is := c.want.organizer
	if is == nil || c.base.organizer != nil && isOneOf(is.Value, []string{c.base.organizer.Value}) {
		return nil
	}
	was := c.event.Organizer
	if was == nil && c.base.organizer == nil {
		return nil
	}
	for _, p := range []*Person{was, c.event.Creator} {
		if p != nil && (p == was || was != nil && was.Self) && isOneOf(is.Value, []string{"mailto:" + p.Email}) {
			return nil
		}
	}
	return refuse("ORGANIZER: %s cannot take it over by a change of the text; move the event to that calendar", is.Value)
}

// words compares the members that have one property each.
func (c *change) words() error {
	for _, w := range []struct{ name, was, is, cleared string }{
		{"summary", c.base.summary, c.want.summary, ""},
		{"location", c.base.location, c.want.location, ""},
		{"status", orElse(c.base.status, "confirmed"), orElse(c.want.status, "confirmed"), ""},
		{"transparency", orElse(c.base.transparency, "opaque"), orElse(c.want.transparency, "opaque"), ""},
	} {
		if w.was != w.is {
			c.out[w.name] = w.is
		}
	}
	// RFC 5545 §3.8.1.3: no CLASS says PUBLIC. Programs add and drop it, and mean nothing by it.
	if orElse(c.base.visibility, "public") != orElse(c.want.visibility, "public") {
		c.out["visibility"] = orElse(c.want.visibility, "default")
	}
	switch {
	case c.base.color == c.want.color:
	case c.want.color == "":
		c.out["colorId"] = nil
	default:
		c.out["colorId"] = c.want.color
	}
	return nil
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

// description: HTML is sent if it was edited itself. Else a text that did not change leaves the HTML at Google alone, and one that
// did takes its place.
func (c *change) description() error {
	was, is := c.base.description, c.want.description
	if c.base.html != "" { // then the words were made out of it, trimmed
		was, is = strings.TrimSpace(was), strings.TrimSpace(is)
	}
	text := c.want.text()
	rewritten := c.want.html != c.base.html && text == c.want.html && text != ""
	if (rewritten || was != is) && text != c.event.Description {
		c.out["description"] = text
	}
	return nil
}

// times sends start and end together: each alone might not go with the other that is there.
func (c *change) times() error {
	if c.base.start.same(c.want.start) && c.base.end.same(c.want.end) {
		return nil
	}
	return c.sendTimes()
}

func (c *change) sendTimes() error {
	if c.event.EndTimeUnspecified || c.event.EventType == "fromGmail" {
		return refuse("DTSTART, DTEND: Google lets nobody change when an event ends that it took from a mail or that has no end")
	}
	c.out["start"] = timeMember(c.want.start, c.event.Start)
	c.out["end"] = timeMember(c.want.end, c.event.End)
	return nil
}

// timeMember is a time that takes the place of another: what the other kind needs is taken out.
func timeMember(m moment, was *Time) map[string]any {
	is := m.google()
	out := map[string]any{}
	if m.isDate {
		out["date"] = is.Date
		if was != nil && was.Date == "" {
			out["dateTime"], out["timeZone"] = nil, nil
		}
		return out
	}
	out["dateTime"], out["timeZone"] = is.DateTime, is.TimeZone
	if was != nil && was.Date != "" {
		out["date"] = nil
	}
	return out
}

// recurrence: the lines at Google stay as they are written where they say what is still wanted.
func (c *change) recurrence() error {
	if slices.Equal(keysOf(c.base.rules), keysOf(c.want.rules)) {
		return nil
	}
	c.out["recurrence"] = []string{}
	if len(c.want.rules) > 0 {
		c.out["recurrence"] = pushed(readRules(c.event.Recurrence, c.want.start, c.zones), c.want.rules)
	}
	// A series needs the zone that it repeats in (discovery document, EventDateTime.timeZone).
	start := c.event.Start
	if _, sent := c.out["start"]; !sent && len(c.want.rules) > 0 && !c.want.start.isDate && (start == nil || start.TimeZone == "") {
		return c.sendTimes()
	}
	return nil
}

// pushed are the lines that say what is wanted, made out of those that are there.
func pushed(native, wanted []rule) (lines []string) {
	missing := map[string]bool{}
	for _, key := range keysOf(wanted) {
		missing[key] = true
	}
	for _, r := range native {
		kept := 0
		for _, key := range r.keys {
			if missing[key] {
				kept++
			}
		}
		switch {
		case kept == len(r.keys): // also what could not be said here, and so was not taken out
			lines = append(lines, r.native)
		case kept > 0:
			lines = append(lines, r.only(missing))
		}
		for _, key := range r.keys {
			delete(missing, key)
		}
	}
	for _, r := range wanted {
		if line := r.only(missing); line != "" {
			lines = append(lines, line)
		}
		for _, key := range r.keys {
			delete(missing, key)
		}
	}
	slices.SortStableFunc(lines, func(a, b string) int { return lineRank(a) - lineRank(b) })
	return lines
}

// lineRank puts rules before dates.
func lineRank(line string) int {
	if strings.HasPrefix(strings.ToUpper(line), "RRULE") {
		return 0
	}
	return 1
}

// only is the line with no more than the keys named; empty: it says none of them. Google's text names no periods, so of one the
// start is sent.
func (r rule) only(keys map[string]bool) string {
	if len(r.dates) == 0 {
		if len(r.keys) == 1 && keys[r.keys[0]] {
			return r.text
		}
		return ""
	}
	var kept []moment
	for i, m := range r.dates {
		if keys[r.keys[i]] {
			kept = append(kept, m)
		}
	}
	name, _, _ := strings.Cut(r.keys[0], ":")
	line := rule{}
	line.say(name, kept)
	return line.text
}

// categories are a shared extended property; null takes it out (RFC 7396).
func (c *change) categories() error {
	was, is := slices.Sorted(slices.Values(c.base.categories)), slices.Sorted(slices.Values(c.want.categories))
	if slices.Equal(slices.Compact(was), slices.Compact(is)) {
		return nil
	}
	var list any
	if text := categoryList(c.want.categories); text != "" {
		list = text
	}
	c.out["extendedProperties"] = map[string]any{"shared": map[string]any{sharedCategories: list}}
	return nil
}

// alarms: while they are those of the text, reminders stay as they are, the calendar's defaults with them. Once they change there
// are no defaults any more.
func (c *change) alarms() error {
	if reflect.DeepEqual(alarmSet(c.base.alarms), alarmSet(c.want.alarms)) {
		return nil
	}
	overrides := []any{}
	known := c.overrides()
	for _, r := range c.want.alarms {
		if raw, there := known[r]; there {
			overrides = append(overrides, raw)
			continue
		}
		overrides = append(overrides, r)
	}
	c.out["reminders"] = map[string]any{"useDefault": false, "overrides": overrides}
	return nil
}

func alarmSet(alarms []Reminder) map[Reminder]bool {
	set := map[Reminder]bool{}
	for _, r := range alarms {
		set[r] = true
	}
	return set
}

// overrides are the reminders at Google as they came.
func (c *change) overrides() map[Reminder]json.RawMessage {
	var reminders struct{ Overrides []json.RawMessage }
	if c.native["reminders"] == nil || json.Unmarshal(c.native["reminders"], &reminders) != nil {
		return nil
	}
	known := map[Reminder]json.RawMessage{}
	for _, raw := range reminders.Overrides {
		var r Reminder
		if json.Unmarshal(raw, &r) == nil {
			known[r] = raw
		}
	}
	return known
}

// elements are those of an array of the event, as they came.
func (c *change) elements(array string) (raw []json.RawMessage) {
	if c.native[array] != nil {
		_ = json.Unmarshal(c.native[array], &raw) // Parse has read it before
	}
	return raw
}

// source is seen and changed by the creator only (discovery document, Event.source).
func (c *change) source() error {
	switch {
	case c.base.url == c.want.url:
	case c.event.Creator != nil && !c.event.Creator.Self:
		return refuse("URL: only who made the event, %s, can change its source; leave the URL as it is", c.event.Creator.Email)
	case c.want.url == "":
		c.out["source"] = nil
	default:
		c.out["source"] = map[string]any{"url": c.want.url}
	}
	return nil
}

// attachments are known by their address. Google takes new ones from its Drive only; others stay in the text.
func (c *change) attachments() error {
	was, is := addresses(c.base.attachments), addresses(c.want.attachments)
	files, changed, there := []any{}, false, map[string]bool{}
	for _, raw := range c.elements("attachments") {
		var a Attachment
		_ = json.Unmarshal(raw, &a) // Parse has read it before
		if was[a.FileURL] && !is[a.FileURL] {
			changed = true
			continue
		}
		files = append(files, raw)
		there[a.FileURL] = true
	}
	for _, a := range c.want.attachments {
		if !was[a.FileURL] && !there[a.FileURL] && driveFile(a.FileURL) && len(files) < mostAttachments {
			files, changed = append(files, a), true
			there[a.FileURL] = true
		}
	}
	if changed {
		c.out["attachments"] = files
	}
	return nil
}

func addresses(files []Attachment) map[string]bool {
	set := map[string]bool{}
	for _, a := range files {
		set[a.FileURL] = true
	}
	return set
}

// changed are the names of the members in the patch, sorted.
func (c *change) changed() []string { return slices.Sorted(maps.Keys(c.out)) }
