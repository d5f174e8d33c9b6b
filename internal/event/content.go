package event

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// content is what a VEVENT says, in the words that Google has for it. What Google has no word for is not there, so two texts that
// differ in that alone have one content.
type content struct {
	uid       string
	organizer *ical.Line
	instance  string // RECURRENCE-ID in canonical form; empty: it has none

	start, end moment // without DTEND and DURATION the end is as RFC 5545 §3.6.1 has it
	rules      []rule

	summary, location    string
	description, html    string
	status, transparency string // as Google writes them; empty: not there
	visibility           string
	color, url           string
	categories           []string

	guests      []guest
	alarms      []Reminder
	attachments []Attachment
}

// reader makes content out of a text.
type reader struct {
	content
	home    string // the zone that floating times are in
	zones   clocks
	foreign map[string]ical.Component // the VTIMEZONEs of the text, by TZID
	event   ical.Component
}

// read reads the only VEVENT of a text. Floating times are in the zone, an IANA name.
func read(body cal.Body, zone string) (content, error) {
	tree, err := ical.Tree(legible(body))
	if err != nil {
		return content{}, refuse("%v", err)
	}
	r := reader{home: zone, zones: NewZones(), foreign: map[string]ical.Component{}}
	if err := r.open(tree); err != nil {
		return content{}, err
	}
	if err := r.times(); err != nil {
		return content{}, err
	}
	if err := r.recurrence(); err != nil {
		return content{}, err
	}
	for _, l := range r.event.Lines {
		r.line(l)
	}
	r.alarms = readAlarms(r.event.Children, r.start.t, r.end.t)
	return r.content, nil
}

// refuse says why an event cannot be written, in the terms of its text.
func refuse(format string, args ...any) error {
	return fmt.Errorf("write the event for Google: "+format+": %w", append(args, cal.ErrRefused)...)
}

// open finds the VEVENT.
func (r *reader) open(tree ical.Component) error {
	found := 0
	for _, c := range tree.Children {
		switch c.Name {
		case "VTIMEZONE":
			for _, l := range c.Lines {
				if l.Name == "TZID" {
					r.foreign[ical.Text(strings.TrimSpace(l.Value))] = c
				}
			}
		case "VEVENT":
			found++
			r.event = c
			for i, l := range c.Lines {
				c.Lines[i].Value = strings.ToValidUTF8(l.Value, "\uFFFD") // as JSON can hold it
			}
		case "VTODO", "VJOURNAL", "VFREEBUSY", "VAVAILABILITY":
			return refuse("Google keeps events only, and this is a %s; put it into another calendar", c.Name)
		}
	}
	if found != 1 {
		return refuse("it has %d VEVENTs; give each exception of a series as an object of its own", found)
	}
	return nil
}

// find is a property of the event; ok is false when it is not there.
func (r *reader) find(name string) (ical.Line, bool) {
	for _, l := range r.event.Lines {
		if l.Name == name {
			return l, true
		}
	}
	return ical.Line{}, false
}

// times reads when the event is.
func (r *reader) times() error {
	start, ok := r.find("DTSTART")
	if !ok {
		return refuse("DTSTART: it has none; say when the event begins")
	}
	var err error
	if r.start, err = r.moment(start); err != nil {
		return err
	}
	if id, ok := r.find("RECURRENCE-ID"); ok {
		m, err := r.moment(id)
		if err != nil {
			return err
		}
		r.instance = m.key()
	}
	return r.ends()
}

func (r *reader) ends() (err error) {
	r.end = r.start
	if r.start.isDate {
		r.end.t = r.start.t.AddDate(0, 0, 1)
	}
	if l, ok := r.find("DTEND"); ok {
		r.end, err = r.moment(l)
	} else if l, ok := r.find("DURATION"); ok {
		r.end, err = r.lasting(l)
	}
	switch {
	case err != nil:
		return err
	case r.end.isDate != r.start.isDate:
		return refuse("DTEND: it is not of the kind of DTSTART; make both dates, or both date-times")
	case r.end.t.Year() > 9999:
		return refuse("DURATION: it ends after the year 9999")
	case r.end.t.Before(r.start.t):
		return refuse("DTEND: it lies before DTSTART")
	case r.end.isDate && r.end.t.Equal(r.start.t):
		r.end.t = r.start.t.AddDate(0, 0, 1) // seen; Google takes no day that has no length
	}
	return nil
}

// lasting is the end of an event that says how long it is: days by the calendar, hours by the clock (RFC 5545 §3.3.6).
func (r *reader) lasting(l ical.Line) (moment, error) {
	days, seconds, ok := ical.Duration(l.Value)
	if !ok {
		return moment{}, refuse("DURATION: %q is no duration; write PT1H30M, P1D or P2W", l.Value)
	}
	end := r.start
	if end.isDate {
		end.t = end.t.AddDate(0, 0, int(days))
		return end, nil
	}
	end.t = onClock(r.start.t.AddDate(0, 0, int(days)).Format(wallForm), r.start.loc)
	if days == 0 {
		end.t = r.start.t
	}
	end.t = end.t.Add(time.Duration(seconds) * time.Second)
	return end, nil
}

// moment reads a date or a date-time. Without a zone it is in the calendar's.
func (r *reader) moment(l ical.Line) (moment, error) {
	value := strings.ToUpper(strings.TrimSpace(l.Value))
	if len(value) == len(dateForm) {
		d, err := time.Parse(dateForm, value)
		if err != nil {
			return moment{}, refuse("%s: %q is no date; write 20260131", l.Name, value)
		}
		return dateOf(d), nil
	}
	if t, err := time.Parse(utcForm, value); err == nil {
		return instantIn(t, utc, time.UTC), nil
	}
	zone, loc, err := r.zone(l)
	if err != nil {
		return moment{}, err
	}
	t := onClock(value, loc)
	if t.IsZero() {
		return moment{}, refuse("%s: %q is no date; write 20260131 or 20260131T090000Z", l.Name, value)
	}
	return instantIn(t, zone, loc), nil
}

// zone is the zone of a line's value: the one its TZID names, or that its VTIMEZONE is a copy of.
func (r *reader) zone(l ical.Line) (string, *time.Location, error) {
	tzid := l.Parameter("TZID")
	if tzid == "" {
		if zone, loc := r.zones.find(r.home); loc != nil {
			return zone, loc, nil
		}
		return "", nil, refuse("%s: it is in no time zone, and that of the calendar is not known; add a TZID", l.Name)
	}
	if zone, loc := r.zones.find(tzid); loc != nil {
		return zone, loc, nil
	}
	if rules, ok := r.foreign[tzid]; ok {
		if zone, loc := r.zones.alike(rules, r.year(l)); loc != nil {
			return zone, loc, nil
		}
	}
	return "", nil, refuse("%s: Google does not know the time zone %q; name one of the IANA database, such as Europe/Berlin", l.Name, tzid)
}

// year is the one that a line's time lies in.
func (r *reader) year(l ical.Line) int {
	value := strings.TrimSpace(l.Value)
	year, _ := strconv.Atoi(value[:min(4, len(value))])
	return year
}

// recurrence reads the lines that make a series. One that is none is refused: without it the event would be another.
func (r *reader) recurrence() error {
	rules := ruleReader{r.start, r.zones}
	for _, l := range r.event.Lines {
		native := l.Name + ":" + strings.TrimSpace(l.Value)
		switch l.Name {
		default:
			continue
		case "RRULE", "EXRULE":
		case "RDATE", "EXDATE":
			head, err := r.datesHead(l)
			if err != nil {
				return err
			}
			native = head + ":" + strings.TrimSpace(l.Value)
		}
		said := rules.read(native)
		if said.text == "" {
			return refuse("%s: %s cannot be read; correct it, or take it out", l.Name, clip(l.Value))
		}
		r.rules = append(r.rules, said)
	}
	return nil
}

// datesHead is what stands before the dates of a line, with the zone by a name that Google knows.
func (r *reader) datesHead(l ical.Line) (string, error) {
	head := l.Name + parameter("VALUE", strings.ToUpper(l.Parameter("VALUE")))
	if l.Parameter("TZID") == "" || inUTC(l.Value) {
		return head, nil
	}
	zone, _, err := r.zone(l)
	return head + parameter("TZID", zone), err
}

// line reads one of the other properties.
func (r *reader) line(l ical.Line) {
	word := strings.ToLower(strings.TrimSpace(l.Value))
	switch l.Name {
	case "UID":
		r.uid = identifier(ical.Text(l.Value))
	case "SUMMARY":
		r.summary = ical.Text(l.Value)
	case "LOCATION":
		r.location = ical.Text(l.Value)
	case "DESCRIPTION":
		r.description = withoutMeet(ical.Text(l.Value))
	case "X-ALT-DESC":
		if strings.EqualFold(l.Parameter("FMTTYPE"), "text/html") {
			r.html = ical.Text(l.Value)
		}
	case "STATUS":
		r.status = oneOf(word, "confirmed", "tentative", cancelled)
	case "TRANSP":
		r.transparency = oneOf(word, "opaque", "transparent")
	case "CLASS":
		r.visibility = visibilityOf(word)
	case "X-GOOGLE-COLOR-ID":
		r.color = ical.Text(strings.TrimSpace(l.Value))
	case "URL":
		if webAddress(strings.TrimSpace(l.Value)) {
			r.url = strings.TrimSpace(l.Value)
		}
	case "CATEGORIES":
		r.categories = append(r.categories, ical.Texts(l.Value)...)
	case "ATTACH":
		r.attachment(l)
	case "ORGANIZER":
		r.organizer = &l
	case "ATTENDEE":
		r.guests = append(r.guests, readGuest(l))
	}
}

// oneOf is a word that Google knows; empty: it knows no such.
func oneOf(word string, known ...string) string {
	if slices.Contains(known, word) {
		return word
	}
	return ""
}

// visibilityOf is a CLASS at Google; who does not know one treats it as private (RFC 5545 §3.8.1.3).
func visibilityOf(class string) string {
	switch class {
	case "", "public", "confidential":
		return class
	}
	return "private"
}

func (r *reader) attachment(l ical.Line) {
	if strings.EqualFold(l.Parameter("VALUE"), "BINARY") {
		return
	}
	r.attachments = append(r.attachments, Attachment{strings.TrimSpace(l.Value), parameterOf(l, "FILENAME"), parameterOf(l, "FMTTYPE")})
}

// text is the description as Google is to have it: the HTML where it says what DESCRIPTION says, so that who edits one of the two
// does not undo it with the other.
func (c content) text() string {
	words := strings.TrimSpace(c.description)
	if words != "" && isHTML(c.html) && plain(c.html) == words {
		return c.html
	}
	return c.description
}

// Cancelled reports whether body is one VEVENT with STATUS:CANCELLED. Of an exception: the occurrence is hidden.
func Cancelled(body cal.Body) bool {
	tree, err := ical.Tree(body)
	if err != nil {
		return false
	}
	r := reader{foreign: map[string]ical.Component{}}
	if r.open(tree) != nil {
		return false
	}
	status, ok := r.find("STATUS")
	return ok && strings.EqualFold(strings.TrimSpace(status.Value), cancelled)
}
