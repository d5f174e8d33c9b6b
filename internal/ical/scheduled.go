package ical

import "calbridge/internal/cal"

// Scheduled reports whether a body takes part in scheduling (RFC 6638 §3.1): it has an ORGANIZER or an ATTENDEE, so creating or
// removing it at the remote may mail somebody. A body that cannot be parsed counts as one that does.
func Scheduled(body cal.Body) bool {
	o, trouble := parse(string(body))
	if trouble != nil {
		return true
	}
	for i := range o.lines {
		if name := o.lines[i].name; name == "ORGANIZER" || name == "ATTENDEE" {
			return true
		}
	}
	return false
}
