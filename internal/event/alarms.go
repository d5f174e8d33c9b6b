package event

import (
	"fmt"
	"strings"
	"time"

	"calbridge/internal/ical"
)

// reminders writes one VALARM for each reminder of the event's own. The calendar's default reminders are none of the event's: they
// would look like it, and be pushed as such.
func (v *vevent) reminders() {
	if v.Reminders == nil || v.Reminders.UseDefault {
		return
	}
	for _, r := range v.Reminders.Overrides {
		v.alarm(r)
	}
}

// alarm: its words are always the same, for an alarm must not change when the event's title does.
func (v *vevent) alarm(r Reminder) {
	v.out.line("BEGIN:VALARM")
	if r.Method == email {
		v.out.line("ACTION:EMAIL")
		v.out.line("SUMMARY:Reminder") // RFC 5545 §3.6.6
	} else {
		v.out.line("ACTION:DISPLAY")
	}
	v.out.line("DESCRIPTION:Reminder")
	if own := v.ownAddress(); r.Method == email && own != "" {
		v.out.line("ATTENDEE:mailto:" + own)
	}
	v.out.line(fmt.Sprintf("TRIGGER:-PT%dM", min(max(0, r.Minutes), longestReminder)))
	v.out.line("END:VALARM")
}

// What Google takes of reminders (discovery document, EventReminder and Event.reminders).
const (
	email           = "email"
	popup           = "popup"
	longestReminder = 40320 // minutes, four weeks
	mostReminders   = 5
)

// ownAddress is whom Google mails a reminder; empty when the event does not tell.
func (v *vevent) ownAddress() string {
	for _, p := range []*Person{v.Creator, v.Organizer} {
		if p != nil && p.Self && mailable(p.Email) {
			return p.Email
		}
	}
	for _, a := range v.Attendees {
		if a.Self && mailable(a.Email) {
			return a.Email
		}
	}
	return ""
}

// readAlarms are the reminders that some VALARMs come to: the first five, each once.
func readAlarms(alarms []ical.Component, start, end time.Time) (all []Reminder) {
	seen := map[Reminder]bool{}
	for _, a := range alarms {
		r, ok := readAlarm(a, start, end)
		if a.Name != "VALARM" || !ok || seen[r] {
			continue
		}
		if seen[r] = true; len(all) < mostReminders {
			all = append(all, r)
		}
	}
	return all
}

// readAlarm: what shows or sounds is a popup. Apple writes ACTION:NONE for an alarm that was switched off.
func readAlarm(alarm ical.Component, start, end time.Time) (r Reminder, ok bool) {
	r.Method = popup
	var trigger ical.Line
	for _, l := range alarm.Lines {
		switch value := strings.ToUpper(strings.TrimSpace(l.Value)); {
		case l.Name == "TRIGGER":
			trigger, ok = l, true
		case l.Name == "ACTION" && value == "EMAIL":
			r.Method = email
		case l.Name == "ACTION" && value == "NONE":
			return r, false
		}
	}
	if !ok {
		return r, false
	}
	before, ok := leadTime(trigger, start, end)
	r.Minutes = int(min(max(0, before/time.Minute), longestReminder))
	return r, ok
}

// leadTime is how long before the start an alarm goes off; a day has 24 hours here, for that is what minutes can say.
func leadTime(trigger ical.Line, start, end time.Time) (time.Duration, bool) {
	value := strings.ToUpper(strings.TrimSpace(trigger.Value))
	if t, err := time.Parse(utcForm, value); err == nil {
		return start.Sub(t), true
	}
	days, seconds, ok := ical.Duration(value)
	before := -time.Duration(days)*24*time.Hour - time.Duration(seconds)*time.Second
	if strings.EqualFold(trigger.Parameter("RELATED"), "END") {
		before -= end.Sub(start)
	}
	return before, ok
}
