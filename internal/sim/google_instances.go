package sim

import (
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// googleSeries is a recurring event ready to be expanded: RRULE union RDATE minus EXRULE and EXDATE (Google, Calendars & events). Start and
// end come from the event, in its zone; days are expanded in UTC.
type googleSeries struct {
	set    *rrule.Set
	except []*rrule.RRule
	start  time.Time
	length time.Duration
	allDay bool
	zone   string
}

// mostSteps bounds the expansion of a rule without an end.
const mostSteps = 20000

// seriesOf reads start, end and recurrence of an event.
func (g *Google) seriesOf(c *googleCalendar, doc jsonObject) (*googleSeries, error) {
	s := &googleSeries{set: &rrule.Set{}, zone: words(part(doc, "start"), "timeZone"), allDay: part(doc, "start")["date"] != nil}
	start, end := g.span(c, doc)
	zone := g.location(s.zone)
	if s.allDay || zone == nil {
		zone = time.UTC
	}
	if s.allDay {
		start, end = utcDay(start), utcDay(end)
	}
	s.start, s.length = start.In(zone), end.Sub(start)
	s.set.DTStart(s.start)
	rules := 0
	for _, line := range list(doc, "recurrence") {
		text, _ := line.(string)
		if err := s.add(g, text, zone); err != nil {
			return nil, err
		}
		if strings.HasPrefix(text, "RRULE") {
			rules++
		}
	}
	if rules == 0 {
		s.set.RDate(s.start)
	}
	return s, nil
}

func utcDay(t time.Time) time.Time {
	y, m, d := t.Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// add reads one line. DTSTART and DTEND lines are not allowed (discovery document, Event.recurrence).
func (s *googleSeries) add(g *Google, line string, zone *time.Location) error {
	head, value, found := strings.Cut(line, ":")
	name, params, _ := strings.Cut(head, ";")
	if !found {
		return errors.New("no colon in " + line)
	}
	switch name {
	case "RRULE", "EXRULE":
		return s.addRule(name, value, zone)
	case "RDATE", "EXDATE":
		return s.addDates(g, name, params, value, zone)
	}
	return errors.New("no " + name + " line is allowed")
}

func (s *googleSeries) addRule(name, value string, zone *time.Location) error {
	option, err := rrule.StrToROptionInLocation(value, zone)
	if err != nil {
		return err
	}
	option.Dtstart = s.start
	rule, err := rrule.NewRRule(*option)
	if err != nil {
		return err
	}
	if name == "EXRULE" {
		s.except = append(s.except, rule)
		return nil
	}
	if s.set.GetRRule() != nil {
		return errors.New("a second RRULE")
	}
	s.set.RRule(rule)
	return nil
}

// addDates reads RDATE and EXDATE; they may carry TZID and must be VALUE=DATE for an all-day event (Google, Calendars & events). One that
// hits no occurrence stays in the event and means nothing.
func (s *googleSeries) addDates(g *Google, name, params, values string, zone *time.Location) error {
	for _, p := range strings.Split(params, ";") {
		key, value, _ := strings.Cut(p, "=")
		switch {
		case key == "TZID":
			if zone = g.location(value); zone == nil {
				return errors.New("unknown time zone " + value)
			}
		case key == "VALUE" && value != "DATE" && value != "DATE-TIME":
			return errors.New("VALUE=" + value)
		}
	}
	if strings.Contains(params, "VALUE=DATE") && !strings.Contains(params, "VALUE=DATE-TIME") != s.allDay {
		return errors.New("value type of " + name + " differs from that of start")
	}
	for _, value := range strings.Split(values, ",") {
		t, err := s.parse(value, zone)
		if err != nil {
			return err
		}
		if name == "RDATE" {
			s.set.RDate(t)
		} else {
			s.set.ExDate(t)
		}
	}
	return nil
}

func (s *googleSeries) parse(value string, zone *time.Location) (time.Time, error) {
	switch {
	case s.allDay:
		return time.Parse("20060102", value)
	case strings.HasSuffix(value, "Z"):
		return time.Parse("20060102T150405Z", value)
	}
	return time.ParseInLocation("20060102T150405", value, zone)
}

// starts yields the occurrences in order.
func (s *googleSeries) starts() iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		next := s.set.Iterator()
		for range mostSteps {
			t, more := next()
			if !more {
				return
			}
			if !s.excepted(t) && !yield(t) {
				return
			}
		}
	}
}

func (s *googleSeries) excepted(t time.Time) bool {
	return slices.ContainsFunc(s.except, func(r *rrule.RRule) bool { return len(r.Between(t, t, true)) > 0 })
}

func (s *googleSeries) touches(least, most time.Time) bool {
	for t := range s.starts() {
		if !most.IsZero() && !t.Before(most) {
			return false
		}
		if overlaps(t, t.Add(s.length), least, most) {
			return true
		}
	}
	return false
}

func (s *googleSeries) has(t time.Time) bool {
	return len(s.set.Between(t, t, true)) > 0 && !s.excepted(t)
}

// stamp ends the id of an occurrence: not documented, but used by many (ids "<series>_20260105" and "<series>_20260105T090000Z").
func (s *googleSeries) stamp(t time.Time) string {
	if s.allDay {
		return t.Format("20060102")
	}
	return t.UTC().Format("20060102T150405Z")
}

// edge is a start or an end of an occurrence.
func (s *googleSeries) edge(t time.Time, zone string) jsonObject {
	if s.allDay {
		return jsonObject{"date": t.Format("2006-01-02")}
	}
	return jsonObject{"dateTime": t.Format(time.RFC3339), "timeZone": zone}
}

// made is an occurrence that has no version of its own: the series with its times moved. Its etag is that of the series.
func (s *googleSeries) made(series string, v *googleVersion, t time.Time) *googleVersion {
	doc := maps.Clone(v.doc)
	delete(doc, "recurrence") // absent on instances (discovery document, Event.recurrence)
	doc["id"], doc["recurringEventId"], doc["originalStartTime"] = series+"_"+s.stamp(t), series, s.edge(t, s.zone)
	doc["start"] = s.edge(t, s.zone)
	ends := t.Add(s.length)
	doc["end"] = s.edge(ends, s.zone)
	if zone := words(part(v.doc, "end"), "timeZone"); zone != "" && !s.allDay {
		doc["end"] = s.edge(ends, zone)
	}
	return &googleVersion{seq: v.seq, at: v.at, etag: v.etag, doc: doc, reminders: v.reminders}
}

// occurrence finds the occurrence an id names. The series' id may itself contain "_": whoever says "this and following" in the web page gets
// a series "<id>_R20260105T090000" (odoo/odoo, google_event.py).
func (g *Google) occurrence(c *googleCalendar, id string) *googleVersion {
	cut := strings.LastIndexByte(id, '_')
	if cut < 0 {
		return nil
	}
	master := c.events[id[:cut]]
	if master == nil || master.now().cancelled() || master.now().doc["recurrence"] == nil {
		return nil
	}
	v := master.now()
	s, err := g.seriesOf(c, v.doc)
	if err != nil {
		return nil
	}
	t, err := s.parse(id[cut+1:], time.UTC)
	if err != nil || s.stamp(t) != id[cut+1:] || !s.has(t) {
		return nil
	}
	return s.made(master.id, v, t.In(s.start.Location()))
}

// unexceptional yields the occurrences of a series that are no exceptions, within a window; of an endless one the first thousand.
func (g *Google) unexceptional(c *googleCalendar, id string, v *googleVersion, least, most time.Time) iter.Seq2[string, *googleVersion] {
	return func(yield func(string, *googleVersion) bool) {
		s, err := g.seriesOf(c, v.doc)
		if err != nil {
			return
		}
		known, n := c.stampsOf(g, s, id), 0
		for t := range s.starts() {
			if !most.IsZero() && !t.Before(most) || n == 1000 {
				return
			}
			if known[s.stamp(t)] || !overlaps(t, t.Add(s.length), least, most) {
				continue
			}
			n++
			if !yield(id+"_"+s.stamp(t), s.made(id, v, t)) {
				return
			}
		}
	}
}

// takeExdates takes the EXDATE lines out of the event to be (GoogleOptions.ExdatesBecomeExceptions), and tells the ids they name.
func (e *googleEdit) takeExdates() (ids []string) {
	s, err := e.seriesOf(e.c, e.doc)
	if err != nil || !e.options.ExdatesBecomeExceptions || e.doc["recurrence"] == nil {
		return nil
	}
	for _, t := range s.set.GetExDate() {
		ids = append(ids, e.id+"_"+s.stamp(t))
	}
	e.doc["recurrence"] = slices.DeleteFunc(slices.Clone(list(e.doc, "recurrence")), func(line any) bool {
		text, _ := line.(string)
		return strings.HasPrefix(text, "EXDATE")
	})
	return ids
}

func (e *googleEdit) cancelDates(series *googleEvent, ids []string) {
	for _, id := range ids {
		if v := e.find(e.c, id); v != nil && !v.cancelled() && v.series() == series.id {
			e.cancel(e.c, id, v)
		}
	}
}

func (c *googleCalendar) stampsOf(g *Google, s *googleSeries, id string) map[string]bool {
	known := map[string]bool{}
	for _, e := range c.parts[id] {
		if t, err := g.instant(part(e.now().doc, "originalStartTime")); err == nil {
			known[s.stamp(t)] = true
		}
	}
	return known
}

// span is from when to when an event lasts; days begin at midnight of the calendar's zone.
func (g *Google) span(c *googleCalendar, doc jsonObject) (start, end time.Time) {
	return g.edgeTime(c, part(doc, "start")), g.edgeTime(c, part(doc, "end"))
}

func (g *Google) edgeTime(c *googleCalendar, edge jsonObject) time.Time {
	t, err := g.instant(edge)
	if err != nil {
		return time.Time{}
	}
	if edge["date"] != nil && c.zone != nil {
		y, m, d := t.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, c.zone)
	}
	return t
}

// instant reads {date} as midnight UTC, {dateTime} with its offset, or in timeZone without one (discovery document, EventDateTime).
func (g *Google) instant(edge jsonObject) (time.Time, error) {
	if date := words(edge, "date"); date != "" {
		return time.Parse("2006-01-02", date)
	}
	text := words(edge, "dateTime")
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	zone := g.location(words(edge, "timeZone"))
	if zone == nil {
		return time.Time{}, fmt.Errorf("time %q has neither offset nor zone", text)
	}
	return time.ParseInLocation("2006-01-02T15:04:05", text, zone)
}

// events.instances of a series lists all its occurrences; of an occurrence's id only it, and nothing when it is cancelled (probed by
// mmedum/google-calendar-mcp). Here timeMin is inclusive (discovery document, events.instances).
func (g *Google) listInstances(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "freeBusyReader")
	if err != nil {
		return googleAnswer{}, err
	}
	l := &eventList{c: c, view: g.viewOf(c, r.user), asOf: g.clock()}
	if l.page, err = g.begin(r, "instances of "+r.path["eventId"], 0, c.seq, c.seq); err != nil {
		return googleAnswer{}, err
	}
	for _, read := range []func(*googleRequest) *googleError{l.readFlags, l.readNumbers, l.readTimes, g.readZone(l)} {
		if err := read(r); err != nil {
			return googleAnswer{}, err
		}
	}
	if !l.Min.IsZero() {
		l.Min = l.Min.Add(-time.Nanosecond)
	}
	l.size, l.single = min(either(l.size, either(g.options.PageSize, 250)), either(g.options.MaxPage, 2500)), true
	all, err := g.instancesOf(l, r.path["eventId"], r.query.Get("originalStart"))
	if err != nil {
		return googleAnswer{}, err
	}
	head := g.eventsHead(c, r.user, fmt.Sprintf("%q", fmt.Sprintf("p%d", c.seq)))
	items := [][]byte{}
	for i := l.At; i < len(all); i++ {
		if i == l.At+l.size {
			head["nextPageToken"] = g.nextPage(r, l.page, i)
			break
		}
		items = append(items, g.item(l, all[i].id, all[i].googleVersion))
	}
	return ok(withItems(head, items), "")
}

func (g *Google) instancesOf(l *eventList, id, originalStart string) ([]located, *googleError) {
	v := g.find(l.c, id)
	if v == nil {
		return nil, notFound()
	}
	var all []located
	add := func(id string, v *googleVersion) {
		if g.wanted(l, v) && g.originallyAt(v, originalStart) {
			start, _ := g.span(l.c, v.doc)
			all = append(all, located{id, start, v})
		}
	}
	if v.series() != "" {
		add(id, v)
		return all, nil
	}
	if v.doc["recurrence"] != nil {
		for id, o := range g.unexceptional(l.c, id, v, l.Min, l.Max) {
			add(id, o)
		}
	}
	for _, e := range l.c.parts[id] {
		add(e.id, e.now())
	}
	slices.SortStableFunc(all, func(a, b located) int { return a.start.Compare(b.start) })
	return all, nil
}

func (g *Google) originallyAt(v *googleVersion, text string) bool {
	if text == "" {
		return true
	}
	t, err := g.instant(part(v.doc, "originalStartTime"))
	want, bad := g.instant(jsonObject{"dateTime": text})
	if bad != nil {
		want, bad = g.instant(jsonObject{"date": text})
	}
	return err == nil && bad == nil && t.Equal(want)
}
