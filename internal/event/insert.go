package event

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// New is the JSON of an insert: everything of the only VEVENT in body that Google has a word for, under the id. self are the account's
// calendar user addresses (mailto:ada@example.org); zone is the IANA name of the calendar's zone, which floating times are in. Errors wrap
// cal.ErrRefused and name the property and the remedy.
func New(body cal.Body, id string, self []string, zone string) ([]byte, error) {
	c, err := read(body, zone)
	if err != nil {
		return nil, err
	}
	if err := c.insertable(id, self); err != nil {
		return nil, err
	}
	out := c.members(self)
	out["id"] = id
	if c.uid != "" && c.uid != id+"@google.com" {
		extended(out)["private"] = map[string]any{ownUID: id + " " + c.uid}
	}
	return marshal(out)
}

// insertable says why Google would make something else of the event than it is.
func (c content) insertable(id string, self []string) error {
	switch {
	case c.instance != "":
		return refuse("RECURRENCE-ID: an exception is a change of its series' occurrence; it cannot be inserted")
	case c.status == cancelled:
		return refuse("STATUS: Google does not keep events that are CANCELLED; delete it, or make it CONFIRMED")
	case c.organizer != nil && !isOneOf(c.organizer.Value, self):
		return refuse("ORGANIZER: %s invites, and Google would make this account the organizer; take ORGANIZER and ATTENDEE out to keep a private copy",
			c.organizer.Value)
	case len(id)+1+len(c.uid) > longestProperty:
		return refuse("UID: it is longer than Google keeps; give the event one of less than 900 bytes")
	}
	return c.invitable(nil)
}

// invitable: a guest whom Google cannot reach would believe that nobody invited him.
func (c content) invitable(before []guest) error {
	for _, g := range c.guests {
		known := slices.ContainsFunc(before, func(b guest) bool { return b.address == g.address })
		if g.email == "" && !known {
			return refuse("ATTENDEE: %q is no mail address; write mailto:, or add EMAIL=", g.address)
		}
	}
	return nil
}

func isOneOf(address string, self []string) bool {
	return slices.ContainsFunc(self, func(own string) bool {
		return strings.EqualFold(ical.Address(own), ical.Address(address))
	})
}

// members is everything that the event says, as members of the resource.
func (c content) members(self []string) map[string]any {
	out := map[string]any{"start": c.start.google(), "end": c.end.google()}
	for name, value := range map[string]string{
		"summary": c.summary, "location": c.location, "description": c.text(), "status": c.status,
		"transparency": c.transparency, "visibility": c.visibility, "colorId": c.color,
	} {
		if value != "" {
			out[name] = value
		}
	}
	c.lists(out, self)
	if c.url != "" {
		out["source"] = map[string]any{"url": c.url}
	}
	if list := categoryList(c.categories); list != "" {
		extended(out)["shared"] = map[string]any{sharedCategories: list}
	}
	return out
}

// lists adds the members that are arrays. Without an alarm the calendar's reminders apply, as they do to an event that is read
// without one.
func (c content) lists(out map[string]any, self []string) {
	if lines := pushed(nil, c.rules); len(lines) > 0 {
		out["recurrence"] = lines
	}
	var attendees []any
	for _, g := range c.guests {
		attendees = append(attendees, g.json(isOneOf("mailto:"+g.email, self)))
	}
	if len(attendees) > 0 {
		out["attendees"] = attendees
	}
	if len(c.alarms) > 0 {
		out["reminders"] = map[string]any{"useDefault": false, "overrides": c.alarms}
	}
	var files []any
	for _, a := range c.attachments {
		if driveFile(a.FileURL) && len(files) < mostAttachments {
			files = append(files, a)
		}
	}
	if len(files) > 0 {
		out["attachments"] = files
	}
}

// mostAttachments is what an event may have at Google (discovery document, Event.attachments).
const mostAttachments = 25

// extended is the member extendedProperties, made if need be.
func extended(out map[string]any) map[string]any {
	if _, there := out["extendedProperties"]; !there {
		out["extendedProperties"] = map[string]any{}
	}
	return out["extendedProperties"].(map[string]any)
}

// marshal is JSON with sorted members, and HTML as it was written.
func marshal(out map[string]any) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(out); err != nil {
		return nil, fmt.Errorf("write an event as JSON: %w", err)
	}
	return bytes.TrimSpace(b.Bytes()), nil
}
