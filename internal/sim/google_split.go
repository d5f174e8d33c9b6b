package sim

import (
	"maps"
	"strings"
	"time"
)

// Split is "this and following" in Google's web page: the series ends before the occurrence that begins at a time, and a new one with the id
// "<series>_R<time>" goes on from there (odoo/odoo, google_event.py). It has an iCalUID of its own, but extendedProperties are copied, so that
// a key kept there names two series. Exceptions after the cut are cancelled: not documented. It panics when there is no such occurrence.
func (g *Google) Split(calendarID, seriesID string, at time.Time) (newID string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	c := g.mustFind(calendarID)
	old := c.events[seriesID].now()
	s, err := g.seriesOf(c, old.doc)
	if err != nil || !s.has(at) {
		panic("sim: no occurrence of " + seriesID + " at " + at.String())
	}
	stem, _, _ := strings.Cut(seriesID, "_R")
	newID = stem + "_R" + strings.TrimSuffix(s.stamp(at), "Z")
	first, rest := maps.Clone(old.doc), maps.Clone(s.made(seriesID, old, at.In(s.start.Location())).doc)
	first["recurrence"], rest["recurrence"] = s.cut(list(old.doc, "recurrence"), at)
	for _, name := range [...]string{"recurringEventId", "originalStartTime", "iCalUID"} {
		delete(rest, name)
	}
	first["updated"], rest["updated"] = timestamp(g.clock()), timestamp(g.clock())
	g.save(c, seriesID, first, old.reminders)
	g.save(c, newID, g.completed(c, newID, rest), old.reminders)
	for _, e := range c.parts[seriesID] {
		if t, err := g.instant(part(e.now().doc, "originalStartTime")); err == nil && !t.Before(at) && !e.now().cancelled() {
			g.cancel(c, e.id, e.now())
		}
	}
	return newID
}

// cut divides the lines of a recurrence. Only the rule is divided; dates stay in both, where they mean nothing on the wrong side.
func (s *googleSeries) cut(lines []any, at time.Time) (first, rest []any) {
	done := 0
	for t := range s.starts() {
		if !t.Before(at) {
			break
		}
		done++
	}
	for _, line := range lines {
		text, _ := line.(string)
		if !strings.HasPrefix(text, "RRULE:") {
			first, rest = append(first, line), append(rest, line)
			continue
		}
		var before, after []string
		for _, p := range strings.Split(strings.TrimPrefix(text, "RRULE:"), ";") {
			name, value, _ := strings.Cut(p, "=")
			if name != "COUNT" && name != "UNTIL" {
				before = append(before, p)
			}
			if name == "COUNT" {
				p = "COUNT=" + less(value, done)
			}
			after = append(after, p)
		}
		first = append(first, "RRULE:"+strings.Join(append(before, "UNTIL="+s.stamp(s.until(at))), ";"))
		rest = append(rest, "RRULE:"+strings.Join(after, ";"))
	}
	return first, rest
}

func (s *googleSeries) until(at time.Time) time.Time {
	if s.allDay {
		return at.AddDate(0, 0, -1)
	}
	return at.Add(-time.Second)
}

func less(count string, done int) string {
	n := 0
	for _, digit := range count {
		n = n*10 + int(digit-'0')
	}
	return string(number(n - done))
}
