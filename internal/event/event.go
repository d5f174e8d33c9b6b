// Package event maps Google's events to iCalendar text and back.
//
// What Google sends is an event resource in JSON (discovery document calendar/v3, revision 20260925); what everybody else here reads is
// a VCALENDAR with one VEVENT. ICal says in iCalendar what an event says. The way back is never a whole event: Patch compares two
// texts by what they mean at Google and names only the members that changed, so that what the mapping does not know, what iCalendar
// cannot say and what a repair left out stay at Google as they are. docs/google-mapping.md has the mapping row by row.
package event

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Event is an event in the field names of Google's event resource; members that the mapping does not use are left out. Times are
// RFC 3339, zones IANA names.
type Event struct {
	ID      string `json:"id,omitempty"`
	ETag    string `json:"etag,omitempty"`    // quotes and all
	Status  string `json:"status,omitempty"`  // confirmed (also if empty), tentative, cancelled
	Created string `json:"created,omitempty"` // set by the server
	Updated string `json:"updated,omitempty"` // set by the server; changed reminders do not move it

	ICalUID  string `json:"iCalUID,omitempty"`  // the UID that other calendar programs see; all occurrences share it
	HTMLLink string `json:"htmlLink,omitempty"` // the event in Google's own pages
	Sequence int    `json:"sequence,omitempty"` // RFC 5545 §3.8.7.4; set by the server

	Summary     string `json:"summary,omitempty"`
	Description string `json:"description,omitempty"` // plain text or HTML; nothing tells which but the text itself
	Location    string `json:"location,omitempty"`
	ColorID     string `json:"colorId,omitempty"` // a key of the event colours of Google's colors resource

	Creator   *Person `json:"creator,omitempty"`
	Organizer *Person `json:"organizer,omitempty"`

	Start              *Time    `json:"start,omitempty"`
	End                *Time    `json:"end,omitempty"`                // exclusive; for a series, of its first occurrence
	EndTimeUnspecified bool     `json:"endTimeUnspecified,omitempty"` // there is an end all the same, which means nothing
	Recurrence         []string `json:"recurrence,omitempty"`         // RRULE, EXRULE, RDATE and EXDATE lines; never on an occurrence

	RecurringEventID  string `json:"recurringEventId,omitempty"`  // the id of the series that this is an exception of
	OriginalStartTime *Time  `json:"originalStartTime,omitempty"` // where the rule had put the occurrence; it stays when that is moved

	Transparency string `json:"transparency,omitempty"` // opaque (also if empty), transparent
	Visibility   string `json:"visibility,omitempty"`   // default (also if empty), public, private, confidential

	Attendees        []Attendee `json:"attendees,omitempty"`
	AttendeesOmitted bool       `json:"attendeesOmitted,omitempty"` // there are more attendees than are listed

	ExtendedProperties *Properties `json:"extendedProperties,omitempty"`

	HangoutLink    string      `json:"hangoutLink,omitempty"`
	ConferenceData *Conference `json:"conferenceData,omitempty"`

	GuestsCanModify bool `json:"guestsCanModify,omitempty"`
	PrivateCopy     bool `json:"privateCopy,omitempty"` // changes stay in this calendar
	Locked          bool `json:"locked,omitempty"`      // summary, description, location, start, end and recurrence cannot be changed

	Reminders   *Reminders   `json:"reminders,omitempty"` // of the user who asks, nobody else's
	Source      *Source      `json:"source,omitempty"`
	Attachments []Attachment `json:"attachments,omitempty"`

	EventType string `json:"eventType,omitempty"` // default (also if empty), birthday, focusTime, fromGmail, outOfOffice, workingLocation
}

// Person is who made or who organizes an event.
type Person struct {
	Email       string `json:"email,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
	Self        bool   `json:"self,omitempty"` // it is the calendar that the event was read from
}

// Time is a date (Date), or an instant (DateTime with an offset) and the zone it is meant in.
type Time struct {
	Date     string `json:"date,omitempty"`     // 2026-01-05
	DateTime string `json:"dateTime,omitempty"` // 2026-01-05T09:00:00+01:00; without an offset it is local to TimeZone
	TimeZone string `json:"timeZone,omitempty"` // Europe/Berlin
}

// Attendee is one invited person, room or thing.
type Attendee struct {
	Email            string `json:"email,omitempty"`
	DisplayName      string `json:"displayName,omitempty"`
	Organizer        bool   `json:"organizer,omitempty"`
	Self             bool   `json:"self,omitempty"`
	Resource         bool   `json:"resource,omitempty"`
	Optional         bool   `json:"optional,omitempty"`
	ResponseStatus   string `json:"responseStatus,omitempty"` // needsAction, declined, tentative, accepted
	Comment          string `json:"comment,omitempty"`
	AdditionalGuests int    `json:"additionalGuests,omitempty"`
}

// Properties are those that programs keep with an event: on this copy, or on the copies of all attendees.
type Properties struct {
	Private map[string]string `json:"private,omitempty"`
	Shared  map[string]string `json:"shared,omitempty"`
}

// Conference is how to join a video conference.
type Conference struct {
	EntryPoints []EntryPoint `json:"entryPoints,omitempty"`
}

// EntryPoint is one way into a conference.
type EntryPoint struct {
	Type  string `json:"entryPointType,omitempty"` // video, phone, sip, more
	URI   string `json:"uri,omitempty"`
	Label string `json:"label,omitempty"`
}

// Reminders are the calendar's own (UseDefault), or these, which may be none.
type Reminders struct {
	UseDefault bool       `json:"useDefault"`
	Overrides  []Reminder `json:"overrides,omitempty"` // at most five
}

// Reminder is one alarm.
type Reminder struct {
	Method  string `json:"method,omitempty"` // popup, email
	Minutes int    `json:"minutes"`          // before the start, 0 to 40320
}

// Source is the page or message an event was made from; only its creator sees it.
type Source struct {
	URL   string `json:"url,omitempty"`
	Title string `json:"title,omitempty"`
}

// Attachment is a file that an event links to.
type Attachment struct {
	FileURL  string `json:"fileUrl,omitempty"`
	Title    string `json:"title,omitempty"`
	MIMEType string `json:"mimeType,omitempty"`
}

// Parse reads one event resource. Unknown members are ignored; one of an unexpected type is an error that names it.
func Parse(raw []byte) (Event, error) {
	var e Event
	err := json.Unmarshal(raw, &e)
	var wrong *json.UnmarshalTypeError
	switch {
	case errors.As(err, &wrong) && wrong.Field != "":
		return Event{}, fmt.Errorf("read the event %q: its %s cannot be a JSON %s: %w", e.ID, wrong.Field, wrong.Value, err)
	case err != nil:
		return Event{}, fmt.Errorf("read an event: %w", err)
	}
	return e, nil
}

// What marks an event that is not to be shown as others are.
const (
	cancelled   = "cancelled"
	defaultType = "default"
)

// exception reports whether the event is an occurrence of a series. Ids tell nothing: a series that was split off another has
// the form of an occurrence's id.
func (e Event) exception() bool { return e.RecurringEventID != "" }
