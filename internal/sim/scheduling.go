package sim

import (
	"slices"
	"strings"
)

// Implicit scheduling (RFC 6638 §3.2), as far as it can hurt: who is mailed because of a write. Nothing is delivered.

// Mails lists every mail that would have been sent, in order; see Quirks.Schedules.
func (s *CalDAV) Mails() []Mail {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.mails)
}

// schedule mails whoever a write concerns. The organizer's write goes to all guests (RFC 6638 §3.2.1), a guest's to the organizer
// (§3.2.2), unless Schedule-Reply says no (§8.1). body is empty for a deletion.
func (s *CalDAV) schedule(r request, c *collection, old *object, body string) {
	if !r.q.Schedules || old != nil && old.body == body {
		return
	}
	var was people
	if old != nil {
		was = peopleOf(old.body)
	}
	is, self := peopleOf(body), address(c.user)
	mail := func(to, why string) {
		s.mails = append(s.mails, Mail{Calendar: c.name, Event: r.at.name, To: to, Why: why})
	}
	for _, guest := range is.guests {
		switch {
		case is.organizer != self || guest == self:
		case slices.Contains(was.guests, guest):
			mail(guest, "updated")
		default:
			mail(guest, "invited")
		}
	}
	for _, guest := range was.guests {
		if was.organizer == self && guest != self && !slices.Contains(is.guests, guest) {
			mail(guest, "cancelled")
		}
	}
	organizer := is.organizer
	if body == "" {
		organizer = was.organizer
	}
	if guest := organizer != "" && organizer != self; guest && was.answers[self] != is.answers[self] && r.Header.Get("Schedule-Reply") != "F" {
		mail(organizer, "replied")
	}
}

// people are the addresses in an object that the server is to write to: not those with SCHEDULE-AGENT CLIENT or NONE (RFC 6638 §7.1).
type people struct {
	organizer string
	guests    []string
	answers   map[string]string // PARTSTAT by address
}

func peopleOf(body string) people {
	p := people{answers: map[string]string{}}
	for _, line := range contentLines(body) {
		head, rest, _ := cutFold(line, "mailto:")
		name, parameters := propertyName(line), strings.ToUpper(head)
		who, _, _ := strings.Cut(strings.ToLower(rest), ",")
		switch {
		case who == "" || strings.Contains(parameters, "SCHEDULE-AGENT=CLIENT") || strings.Contains(parameters, "SCHEDULE-AGENT=NONE"):
		case name == "ORGANIZER":
			p.organizer = who
		case name == "ATTENDEE":
			_, answer, _ := strings.Cut(parameters, "PARTSTAT=")
			p.answers[who] += strings.Trim(strings.SplitN(answer, ";", 2)[0], `":`) + " " // one for each component
			if !slices.Contains(p.guests, who) {
				p.guests = append(p.guests, who)
			}
		}
	}
	return p
}

func cutFold(line, sep string) (before, after string, found bool) {
	i := strings.LastIndex(strings.ToLower(line), sep)
	if i < 0 {
		return line, "", false
	}
	return line[:i], line[i+len(sep):], true
}
