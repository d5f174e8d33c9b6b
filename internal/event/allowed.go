package event

import "slices"

// MayChange says why nothing of an event can be changed through Google's API; nil: something can. The error wraps cal.ErrRefused.
func MayChange(native []byte) error {
	e, err := Parse(native)
	if err != nil {
		return err
	}
	return e.mayChange()
}

func (e Event) mayChange() error {
	_, known := changeable[orElse(e.EventType, defaultType)]
	switch {
	case !known:
		return refuse("events of the type %q are not known here; change it at Google", e.EventType)
	case e.hidden():
		return refuse("it is private and says nothing, as where Google hides what it says; ask the calendar's owner for the right to see private events, or give it a title at Google")
	}
	return nil
}

// hidden reports whether the account sees that there is a private event, and not what it is (access role
// writerWithoutPrivateAccess). Nothing says so but that there is nothing to be seen.
func (e Event) hidden() bool {
	private := e.Visibility == "private" || e.Visibility == "confidential"
	blank := e.Summary == "" && e.Description == "" && e.Location == "" && len(e.Attendees) == 0 && e.ConferenceData == nil
	return private && blank && e.Status != cancelled
}

// changeable are the members that may be changed of each type of event; nil: all. Google, Manage focus time, out of office and
// working location events: the first two are timed and busy, the third is public and free, and all three have no guests. Of birthdays
// colour, title, reminders and date may be changed. What was taken from a mail keeps its times, which is asked elsewhere.
var changeable = map[string][]string{
	defaultType:       nil,
	"fromGmail":       nil,
	"birthday":        {"summary", "colorId", "reminders", "start", "end"},
	"focusTime":       {"summary", "description", "colorId", "reminders", "start", "end", "recurrence", "status", "visibility", "extendedProperties"},
	"outOfOffice":     {"summary", "description", "colorId", "reminders", "start", "end", "recurrence", "status", "visibility", "extendedProperties"},
	"workingLocation": {"summary", "description", "colorId", "reminders", "start", "end", "recurrence", "status", "extendedProperties"},
}

// lockedMembers cannot be changed of a locked copy (discovery document, Event.locked).
var lockedMembers = []string{"summary", "description", "location", "start", "end", "recurrence"}

// guestMembers are the guest's own, whoever organizes the event: the rest the organizer's next change would overwrite.
var guestMembers = []string{"reminders", "transparency", "visibility", "colorId"}

// properties are the members as the text has them.
var properties = map[string]string{
	"summary": "SUMMARY", "description": "DESCRIPTION", "location": "LOCATION", "status": "STATUS", "transparency": "TRANSP",
	"visibility": "CLASS", "colorId": "X-GOOGLE-COLOR-ID", "start": "DTSTART", "end": "DTEND", "recurrence": "RRULE, RDATE, EXDATE",
	"attendees": "ATTENDEE", "reminders": "VALARM", "source": "URL", "attachments": "ATTACH", "extendedProperties": "CATEGORIES",
}

// allowed says why Google would refuse the patch, or make of it what nobody wants.
func (c *change) allowed() error {
	changed := c.changed()
	if len(changed) == 0 {
		return nil
	}
	if err := c.event.mayChange(); err != nil {
		return err
	}
	if _, people := c.out["attendees"]; people && c.event.AttendeesOmitted {
		return refuse("ATTENDEE: Google does not list all who are invited, so a change would uninvite the others; make it at Google")
	}
	for _, member := range changed {
		if err := c.mayChange(member); err != nil {
			return err
		}
	}
	return c.typed()
}

func (c *change) mayChange(member string) error {
	kind := orElse(c.event.EventType, defaultType)
	members := changeable[kind]
	switch {
	case members != nil && !slices.Contains(members, member):
		return refuse("%s: it cannot be changed of an event of the type %s; change it at Google", properties[member], kind)
	case c.event.Locked && slices.Contains(lockedMembers, member):
		return refuse("%s: the event is locked; only its organizer can change it", properties[member])
	case c.event.guestOnly() && !slices.Contains(guestMembers, member) && !(member == "attendees" && len(c.others) == 0):
		return refuse("%s: only the organizer, %s, can change it; ask there", properties[member], orElse(c.event.Organizer.Email, "somebody else"))
	}
	return nil
}

// guestOnly reports whether somebody else organizes the event and keeps it to himself.
func (e Event) guestOnly() bool {
	return e.Organizer != nil && !e.Organizer.Self && !e.GuestsCanModify
}

// typed checks what some types of events must be.
func (c *change) typed() error {
	if _, moved := c.out["start"]; !moved {
		return nil
	}
	start, end := c.want.start, c.want.end
	switch kind := c.event.EventType; {
	case (kind == "focusTime" || kind == "outOfOffice") && start.isDate:
		return refuse("DTSTART: an event of the type %s has a time; write a date-time", kind)
	case kind == "birthday" && (!start.isDate || !end.t.Equal(start.t.AddDate(0, 0, 1))):
		return refuse("DTSTART, DTEND: a birthday is one whole day; write two dates, one day apart")
	}
	return nil
}
