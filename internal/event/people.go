package event

import (
	"strconv"
	"strings"

	"calbridge/internal/ical"
)

// people writes who is invited, and by whom. Google names an organizer on every event; without guests there is nothing to organize
// (RFC 5545 §3.8.4.3).
func (v *vevent) people() {
	if v.AttendeesOmitted {
		v.note("attendees: more are invited than Google lists")
	}
	if len(v.Attendees) == 0 {
		return
	}
	if o := v.Organizer; o != nil && mailable(o.Email) {
		v.out.line("ORGANIZER" + parameter("CN", o.DisplayName) + ":mailto:" + o.Email)
	}
	for _, a := range v.Attendees {
		if !mailable(a.Email) {
			v.note("attendees: %q has no mail address; left out", clip(a.DisplayName))
			continue
		}
		v.attendee(a)
	}
}

// mailable reports whether something can stand behind mailto: as it is.
func mailable(email string) bool {
	return strings.Contains(email, "@") && !strings.ContainsFunc(email, func(r rune) bool { return r <= ' ' || r == 0x7F })
}

func (v *vevent) attendee(a Attendee) {
	head := "ATTENDEE"
	if a.Resource {
		head += ";CUTYPE=RESOURCE"
	}
	if a.Optional {
		head += ";ROLE=OPT-PARTICIPANT"
	}
	head += parameter("PARTSTAT", partstats[a.ResponseStatus]) + parameter("CN", a.DisplayName)
	if a.AdditionalGuests > 0 {
		head += ";X-NUM-GUESTS=" + strconv.Itoa(a.AdditionalGuests)
	}
	v.out.line(head + parameter("X-RESPONSE-COMMENT", a.Comment) + ":mailto:" + a.Email)
}

// partstats are Google's answers in RFC 5545 §3.2.12.
var partstats = map[string]string{
	"needsAction": "NEEDS-ACTION", "declined": "DECLINED", "tentative": "TENTATIVE", "accepted": "ACCEPTED",
}

// guest is an attendee as a text has it.
type guest struct {
	address  string // as written
	email    string // empty: he has no mail address
	name     string
	status   string // a responseStatus; DELEGATED and the like, which Google does not have, is needsAction
	comment  string
	optional bool
	resource bool
	guests   int
}

func readGuest(l ical.Line) guest {
	g := guest{address: l.Value, email: mailAddress(l), name: parameterOf(l, "CN"), comment: parameterOf(l, "X-RESPONSE-COMMENT"), status: "needsAction"}
	for status, partstat := range partstats {
		if strings.EqualFold(l.Parameter("PARTSTAT"), partstat) {
			g.status = status
		}
	}
	g.optional = strings.EqualFold(l.Parameter("ROLE"), "OPT-PARTICIPANT")
	cutype := strings.ToUpper(l.Parameter("CUTYPE"))
	g.resource = cutype == "RESOURCE" || cutype == "ROOM"
	g.guests, _ = strconv.Atoi(l.Parameter("X-NUM-GUESTS"))
	g.guests = max(0, g.guests)
	return g
}

// mailAddress is the mail address of a calendar user; of one who is named otherwise it may stand beside (RFC 7986 §6.2). Empty: there
// is none.
func mailAddress(l ical.Line) string {
	address := ical.Address(l.Value)
	if email, ok := strings.CutPrefix(address, "mailto:"); ok && mailable(email) {
		return email
	}
	if email := l.Parameter("EMAIL"); mailable(email) {
		return email
	}
	return ""
}

// key is whom a mail address means.
func addressKey(email string) string { return strings.ToLower(strings.TrimSpace(email)) }

// json is the guest as a new attendee. An answer is his own business: own tells that the account is the guest.
func (g guest) json(own bool) map[string]any {
	a := map[string]any{"email": g.email, "responseStatus": g.status}
	if g.name != "" {
		a["displayName"] = g.name
	}
	if g.optional {
		a["optional"] = true
	}
	if g.resource {
		a["resource"] = true
	}
	if g.guests > 0 {
		a["additionalGuests"] = g.guests
	}
	if g.comment != "" && own {
		a["comment"] = g.comment
	}
	return a
}
