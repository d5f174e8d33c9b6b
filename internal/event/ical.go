package event

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// Parent is what is known of an exception's series where the exception does not tell: a bare cancelled one has its id, the id of its
// series and its original start. The zero Parent: nothing is known.
type Parent struct {
	UID      string
	TimeZone string // of the series' start, IANA
	AllDay   bool
}

// ownUID is the private extended property in which an insert of ours keeps the UID: "<event id> <UID>".
const ownUID = "calbridge.uid"

// UID is the UID that the event has here. Google makes one of the id of an event that was inserted with an id, so an insert carries
// the UID along; who splits a series copies that to the new one, where it counts no more.
func (e Event) UID(p Parent) string {
	if e.exception() && p.UID != "" {
		return p.UID
	}
	if e.ExtendedProperties != nil {
		id, uid, _ := strings.Cut(e.ExtendedProperties.Private[ownUID], " ")
		if uid = identifier(uid); uid != "" && id != "" && (id == e.ID || id == e.RecurringEventID) {
			return uid
		}
	}
	uid := identifier(e.ICalUID)
	switch {
	case uid != "":
		return uid
	case e.exception():
		return e.RecurringEventID + "@google.com"
	}
	return e.ID + "@google.com"
}

// identifier is a UID as it is read back out of a text, where a line break is a letter like others.
func identifier(uid string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return printable(r)
	}, uid))
}

// ICal is the event as one VCALENDAR with one VEVENT and the VTIMEZONEs it names. What iCalendar cannot say, and what had to be
// repaired, is named in the notes. The same event always gives the same text. An error means that the event has no identity: no
// id, or of an exception no original start.
func (e Event) ICal(p Parent) (body cal.Body, notes []string, err error) {
	return NewZones().ICal(e, p)
}

// ICal is Event.ICal for one of many events.
func (z *Zones) ICal(e Event, p Parent) (body cal.Body, notes []string, err error) {
	if e.ID == "" {
		return "", nil, errors.New("write the event as iCalendar: it has no id")
	}
	v := vevent{Event: e, parent: p, uid: e.UID(p), zones: z, used: map[string]time.Time{}}
	if err := v.times(); err != nil {
		return "", nil, fmt.Errorf("write the event %q as iCalendar: %w", e.ID, err)
	}
	v.write()
	return v.calendar(), v.notes, nil
}

// vevent is one event on its way into text.
type vevent struct {
	Event
	parent Parent
	uid    string
	zones  clocks
	used   map[string]time.Time // the zones named, with the earliest time they are asked about
	order  []string
	notes  []string

	start, end, original moment
	hasEnd               bool
	out                  sheet
}

func (v *vevent) note(format string, args ...any) {
	v.notes = append(v.notes, fmt.Sprintf(format, args...))
}

// calendar puts around the VEVENT what belongs there.
func (v *vevent) calendar() cal.Body {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//calbridge//EN\r\n")
	for _, zone := range v.order {
		b.WriteString(v.zones.text(zone, v.used[zone]))
	}
	b.WriteString("BEGIN:VEVENT\r\n" + v.out.String() + "END:VEVENT\r\nEND:VCALENDAR\r\n")
	return cal.Body(b.String())
}

// moment writes one time.
func (v *vevent) moment(name string, m moment) {
	_, tzid := m.value()
	v.use(tzid, m.t)
	v.out.line(m.property(name))
}

func (v *vevent) use(tzid string, at time.Time) {
	if tzid == "" {
		return
	}
	earliest, named := v.used[tzid]
	if !named {
		v.order = append(v.order, tzid)
	}
	if !named || at.Before(earliest) {
		v.used[tzid] = at
	}
}

// times reads when the event is, and repairs what no calendar program would read.
func (v *vevent) times() error {
	if v.exception() {
		if err := v.originally(); err != nil {
			return err
		}
	}
	var unknown string
	var ok bool
	v.start, unknown, ok = v.zones.moment(v.Start, v.parent.TimeZone)
	v.unknownZone("start", unknown)
	switch {
	case ok:
	case v.exception():
		v.start = v.original
	default:
		v.start = instantIn(time.Unix(0, 0), utc, time.UTC)
		v.note("start: it has none that can be read; 1970 is written")
	}
	if len(v.Recurrence) == 0 {
		v.start = v.start.exact()
	}
	v.ends()
	return nil
}

// originally reads where the rule had put the exception.
func (v *vevent) originally() error {
	zone := v.parent.TimeZone
	if zone == "" && v.Start != nil {
		zone = v.Start.TimeZone
	}
	m, unknown, ok := v.zones.moment(v.OriginalStartTime, zone)
	if !ok {
		return errors.New("it is an exception of a series, and has no originalStartTime that can be read")
	}
	v.unknownZone("originalStartTime", unknown)
	if v.parent.AllDay && !m.isDate {
		m = dateOf(m.t)
	}
	v.original = m.exact()
	return nil
}

func (v *vevent) unknownZone(field, zone string) {
	if zone != "" {
		v.note("%s.timeZone: nobody knows the zone %q; the time is written in UTC", field, clip(zone))
	}
}

// ends reads the end. One that does not lie behind the start is left out, which makes a day of a date and nothing of a time
// (RFC 5545 §3.6.1).
func (v *vevent) ends() {
	if v.EndTimeUnspecified {
		return
	}
	end, unknown, ok := v.zones.moment(v.End, v.start.zone)
	if !ok {
		return
	}
	v.unknownZone("end", unknown)
	v.end, v.hasEnd = end.exact(), true
	switch {
	case v.end.isDate != v.start.isDate:
		v.note("end: it is not of the kind of the start; left out")
	case v.end.t.Before(v.start.t):
		v.note("end: it lies before the start; left out")
	case v.end.t.Equal(v.start.t):
	default:
		return
	}
	v.hasEnd = false
}

// write writes the properties of the VEVENT.
func (v *vevent) write() {
	v.out.text("UID", v.uid)
	v.stamps()
	if v.exception() {
		v.moment("RECURRENCE-ID", v.original)
	}
	if v.exception() && v.Status == cancelled { // nothing more is sure to be there: discovery document, Event.status
		v.moment("DTSTART", v.original)
		v.out.line("STATUS:CANCELLED")
		return
	}
	v.moment("DTSTART", v.start)
	if v.hasEnd {
		v.moment("DTEND", v.end)
	}
	v.rules()
	v.words()
	v.description()
	v.people()
	v.links()
	v.reminders()
}

// never is when something happened of which nobody knows when. RFC 5545 §3.6.1 has DTSTAMP in every VEVENT.
const never = "19700101T000000Z"

func (v *vevent) stamps() {
	created, updated := stamp(v.Created), stamp(v.Updated)
	switch {
	case updated != "":
		v.out.line("DTSTAMP:" + updated)
	case created != "":
		v.out.line("DTSTAMP:" + created)
	default:
		v.out.line("DTSTAMP:" + never)
	}
	if v.exception() && v.Status == cancelled {
		return
	}
	v.out.value("CREATED", created)
	v.out.value("LAST-MODIFIED", updated)
	if v.Sequence > 0 {
		v.out.line("SEQUENCE:" + strconv.Itoa(v.Sequence))
	}
}

func stamp(rfc3339 string) string {
	t, err := time.Parse(time.RFC3339, rfc3339)
	if err != nil || t.Year() < 1 {
		return ""
	}
	return t.UTC().Format(utcForm)
}

func (v *vevent) rules() {
	if v.exception() && len(v.Recurrence) > 0 {
		v.note("recurrence: an exception has no rule; left out")
		return
	}
	for _, r := range readRules(v.Recurrence, v.start, v.zones) {
		if r.note != "" {
			v.note("%s", r.note)
		}
		if r.text != "" {
			v.use(r.tzid, v.start.t)
			v.out.line(r.text)
		}
	}
}

// words are the members that have one property each.
func (v *vevent) words() {
	v.out.text("SUMMARY", v.Summary)
	v.out.text("LOCATION", v.Location)
	switch v.Status {
	case "confirmed", "tentative", cancelled:
		v.out.line("STATUS:" + strings.ToUpper(v.Status))
	}
	switch v.Transparency {
	case "opaque", "transparent":
		v.out.line("TRANSP:" + strings.ToUpper(v.Transparency))
	}
	switch v.Visibility {
	case "public", "private", "confidential":
		v.out.line("CLASS:" + strings.ToUpper(v.Visibility))
	}
	v.out.text("X-GOOGLE-COLOR-ID", v.ColorID)
	if v.EventType != "" && v.EventType != defaultType {
		v.out.text("X-GOOGLE-EVENT-TYPE", v.EventType)
	}
	v.categories()
}

// description writes HTML beside its words: DESCRIPTION is plain text (RFC 5545 §3.8.1.5), X-ALT-DESC is what Outlook and others
// read HTML from.
func (v *vevent) description() {
	if !isHTML(v.Description) {
		v.out.text("DESCRIPTION", v.Description)
		return
	}
	v.out.text("DESCRIPTION", plain(v.Description))
	v.out.line("X-ALT-DESC;FMTTYPE=text/html:" + ical.Escape(v.Description))
}
