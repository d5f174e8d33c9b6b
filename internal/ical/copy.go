package ical

import (
	"strings"

	"calbridge/internal/cal"
)

// Copy is body as an object of its own: it has the new UID everywhere, and nobody whom a server or an alarm could mail on its behalf. An
// exception that stands alone becomes an event like any other: there is no series with the new UID.
func Copy(body cal.Body, uid string) (cal.Body, error) {
	o, err := readOutline(body)
	if err != nil {
		return "", err
	}
	p := newPatch(o)
	for i := range o.lines {
		if l := &o.lines[i]; mails(l.name) {
			p.replaceLine(l.index, "")
		}
	}
	for c := range o.components {
		if o.mailer(int32(c)) {
			p.removeComponent(int32(c))
		}
	}
	for _, c := range o.objects() {
		p.set(c, "UID", escape(uid))
	}
	if objects := o.objects(); o.soleInstance(objects) != "" {
		p.replaceLine(o.find(objects[0], "RECURRENCE-ID").index, "")
	}
	return p.body(), nil
}

// mailer reports whether a component inside of an object names somebody to be mailed (RFC 5545 §3.6.6, RFC 9073 §7.1).
func (o *outline) mailer(c int32) bool {
	it := o.components[c]
	if it.parent < 0 || o.components[it.parent].parent < 0 {
		return false
	}
	return it.name == "PARTICIPANT" || it.name == "VALARM" && strings.EqualFold(o.value(c, "ACTION"), "EMAIL")
}

// mails: properties that make a server send something, or report what it sent (RFC 5546, RFC 6638).
func mails(property string) bool {
	switch property {
	case "ORGANIZER", "ATTENDEE", "METHOD", "REQUEST-STATUS":
		return true
	}
	return false
}

// escape writes a text as a TEXT value (RFC 5545 §3.3.11).
func escape(text string) string {
	return strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\r\n", `\n`, "\n", `\n`, "\r", "").Replace(text)
}
