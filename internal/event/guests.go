package event

import (
	"encoding/json"
	"fmt"

	"calbridge/internal/cal"
)

// people compares the guests. One who stays keeps what is known of him at Google but for what the text changed: an attendee that is
// sent without his answer is invited anew.
func (c *change) people() error {
	if err := c.want.invitable(c.base.guests); err != nil {
		return err
	}
	was, is := byAddress(c.base.guests), byAddress(c.want.guests)
	met := map[string]bool{}
	list, err := c.staying(was, is, met)
	if err != nil {
		return err
	}
	for _, g := range c.want.guests {
		key := addressKey(g.email)
		_, before := was[key] // and no longer at Google: nobody here asked for that to be undone
		if g.email != "" && !before && !met[key] {
			list = append(list, g.json(false))
			c.others = append(c.others, g.email)
		}
		met[key] = true
	}
	if c.out["attendees"] != nil || len(c.others) > 0 {
		c.out["attendees"] = list
	}
	return nil
}

func byAddress(guests []guest) map[string]guest {
	set := map[string]guest{}
	for _, g := range guests {
		if g.email != "" {
			set[addressKey(g.email)] = g
		}
	}
	return set
}

// staying are the attendees at Google that are still wanted, or that the text never showed. It tells whom it met.
func (c *change) staying(was, is map[string]guest, met map[string]bool) ([]any, error) {
	list := []any{}
	for _, raw := range c.elements("attendees") {
		var a Attendee
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &a) != nil || json.Unmarshal(raw, &members) != nil {
			return nil, fmt.Errorf("read the attendee %s: %w", raw, cal.ErrRefused)
		}
		key := addressKey(a.Email)
		before, shown := was[key]
		now, wanted := is[key]
		met[key] = true
		if !shown {
			before = a.guest()
		}
		switch {
		case shown && !wanted:
			c.touched(a)
			continue
		case wanted:
			if edits := before.edits(now, a.Self); len(edits) > 0 {
				set(members, edits)
				c.touched(a)
			}
		}
		list = append(list, members)
	}
	return list, nil
}

// touched remembers that the change touches an attendee.
func (c *change) touched(a Attendee) {
	c.out["attendees"] = true
	if !a.Self {
		c.others = append(c.others, a.Email)
	}
}

// guest is the attendee as a text would have him.
func (a Attendee) guest() guest {
	return guest{"mailto:" + a.Email, a.Email, a.DisplayName, orElse(a.ResponseStatus, "needsAction"), a.Comment, a.Optional, a.Resource, a.AdditionalGuests}
}

// edits are the members in which g became now. Nobody comments for somebody else; that a name is left out says nothing; and whether
// somebody is a thing is settled when he is invited (discovery document, EventAttendee).
func (g guest) edits(now guest, own bool) map[string]any {
	edits := map[string]any{}
	if now.name != g.name && now.name != "" {
		edits["displayName"] = now.name
	}
	if now.status != g.status {
		edits["responseStatus"] = now.status
	}
	if now.optional != g.optional {
		edits["optional"] = now.optional
	}
	if now.guests != g.guests {
		edits["additionalGuests"] = now.guests
	}
	if now.comment != g.comment && own {
		edits["comment"] = now.comment
	}
	return edits
}

func set(object map[string]json.RawMessage, edits map[string]any) {
	for name, value := range edits {
		object[name], _ = json.Marshal(value) // a string, a number or a bool: that never fails
	}
}
