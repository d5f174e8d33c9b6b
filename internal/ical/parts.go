package ical

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Part is one component of a series as a text of its own: the master, or the exception that stands for an instance.
type Part struct {
	RecurrenceID string   // the instance, as cal.Object has it; empty: the master
	Future       bool     // RANGE=THISANDFUTURE (RFC 5545 §3.2.13): it stands for all that follow as well
	Cancelled    bool     // STATUS:CANCELLED
	Body         cal.Body // with the VTIMEZONEs it names
}

// Parts takes a series apart, the master first, the exceptions as they come. A body of one component is its own only part, byte for
// byte. It fails when the body cannot be read, and when it is not one series: two UIDs, or two components for one instance.
func Parts(body cal.Body) ([]Part, error) {
	o, err := readOutline(body)
	if err != nil {
		return nil, err
	}
	clock, seen, around := o.clock(), map[string]bool{}, map[int32]*surroundings{}
	for _, root := range o.roots() {
		around[root] = o.surroundings(root)
	}
	parts := make([]Part, 0, len(o.objects()))
	for _, c := range o.objects() {
		p := Part{Cancelled: o.cancelled(c), Body: o.extract([]int32{c}, around[o.components[c].parent])}
		p.RecurrenceID, p.Future = o.instanceOf(clock, c)
		if uid, first := o.text(c, "UID"), o.text(o.objects()[0], "UID"); uid != first {
			return nil, fmt.Errorf("it holds two objects, with the UIDs %q and %q", first, uid)
		}
		if seen[p.RecurrenceID] {
			return nil, fmt.Errorf("two components of it are %s", instanceName(p.RecurrenceID))
		}
		seen[p.RecurrenceID] = true
		parts = append(parts, p)
	}
	if len(parts) == 1 {
		parts[0].Body = body
	}
	slices.SortStableFunc(parts, func(a, b Part) int { return min(len(a.RecurrenceID), 1) - min(len(b.RecurrenceID), 1) })
	return parts, nil
}

func instanceName(key string) string {
	if key == "" {
		return "the series itself (no RECURRENCE-ID)"
	}
	return "the instance " + key
}

func (o *outline) cancelled(c int32) bool {
	return strings.EqualFold(o.value(c, "STATUS"), "CANCELLED")
}

// instanceOf is the instance that component c stands for, and whether for all that follow it too; empty for a master.
func (o *outline) instanceOf(clock *calendarClock, c int32) (key string, future bool) {
	l := o.find(c, "RECURRENCE-ID")
	if l == nil {
		return "", false
	}
	return clock.instance(l.Value(), l.parameter("TZID")), strings.EqualFold(l.parameter("RANGE"), "THISANDFUTURE")
}

// Whole is the one series that its parts make: the master, then the exceptions by instance. An exception that is cancelled becomes an
// EXDATE of the master (RFC 5545 §3.8.5.1); without a master that recurs it stays what it is. A single body is returned as it is, and
// one that cannot be read is left out: it cannot be part of a text that can.
func Whole(bodies []cal.Body) cal.Body {
	if len(bodies) == 1 {
		return bodies[0]
	}
	w := whole{clock: &calendarClock{}}
	w.findMaster(bodies)
	for _, body := range bodies {
		w.add(body)
	}
	return w.join()
}

type whole struct {
	master   cal.Body       // as it was given; empty: there is none
	recurs   bool           // there is a master with a rule or an RDATE
	clock    *calendarClock // the master's
	pieces   []piece
	excluded []string
}

// piece is a component on its way into a series.
type piece struct {
	key       string
	from      *outline
	component int32
}

func (w *whole) findMaster(bodies []cal.Body) {
	for _, body := range bodies {
		o, err := readOutline(body)
		if err != nil || o.find(o.main(), "RECURRENCE-ID") != nil {
			continue
		}
		w.master, w.clock = body, o.clock()
		w.recurs = o.find(o.main(), "RRULE") != nil || o.find(o.main(), "RDATE") != nil
		return
	}
}

func (w *whole) add(body cal.Body) {
	o, err := readOutline(body)
	if err != nil {
		return
	}
	clock := w.clock
	if w.master == "" {
		clock = o.clock()
	}
	for _, c := range o.objects() {
		key, future := o.instanceOf(clock, c)
		if w.recurs && key != "" && !future && o.cancelled(c) {
			w.excluded = append(w.excluded, key)
			continue
		}
		w.pieces = append(w.pieces, piece{key, o, c})
	}
}

func (w *whole) join() cal.Body {
	slices.SortStableFunc(w.pieces, func(a, b piece) int { return strings.Compare(a.key, b.key) })
	if w.recurs {
		w.exclude()
	}
	var volumes []*volume
	for _, p := range w.pieces {
		zones := p.from.zoneTextsOf(p.component)
		i := slices.IndexFunc(volumes, func(v *volume) bool { return v.fits(zones) })
		if i < 0 {
			i, volumes = len(volumes), append(volumes, &volume{zones: map[string]zoneText{}})
		}
		volumes[i].take(p.from, []int32{p.component}, zones)
	}
	var b strings.Builder
	for _, v := range volumes {
		v.write(&b, "")
	}
	return cal.Body(b.String())
}

// exclude writes the cancelled instances into the master, which is the first piece.
func (w *whole) exclude() {
	m := &w.pieces[0]
	p := newPatch(m.from)
	p.exclude(m.component, w.excluded)
	if o, err := readOutline(p.body()); err == nil {
		m.from = o // with the same components in it
	}
}

// zoneTextsOf are the VTIMEZONEs that component c names.
func (o *outline) zoneTextsOf(c int32) []zoneText {
	used := o.zonesIn([]int32{c})
	return slices.DeleteFunc(o.zoneTexts(), func(z zoneText) bool { return !slices.Contains(used, z.tzid) })
}

// Hide is an exception's text as what is left when its instance is cancelled: UID, RECURRENCE-ID, DTSTAMP, the start that the instance
// had by the rule, and STATUS:CANCELLED.
func Hide(body cal.Body) (cal.Body, error) {
	o, err := readOutline(body)
	if err != nil {
		return "", err
	}
	p := newPatch(o)
	for _, c := range o.objects() {
		id := o.find(c, "RECURRENCE-ID")
		if id == nil {
			return "", fmt.Errorf("%s has no RECURRENCE-ID, so it is no exception that could be cancelled", o.components[c].name)
		}
		o.own(c, func(l *line) {
			switch l.name {
			case "UID", "RECURRENCE-ID", "DTSTAMP", "DTSTART", "STATUS":
			default:
				p.replaceLine(l.index, "")
			}
		})
		o.nested(c, p.removeComponent)
		p.setStart(c, id.withParameters(nil, isRange)[len("RECURRENCE-ID"):])
		p.set(c, "STATUS", "CANCELLED")
	}
	return p.body(), nil
}

// setStart gives component c the DTSTART with parameters and value in rest.
func (p *patch) setStart(c int32, rest string) {
	text := fold("DTSTART"+rest, p.end)
	if l := p.to.find(c, "DTSTART"); l != nil {
		p.replaceLine(l.index, text)
		return
	}
	p.insert(p.to.propertyPlace(c), text)
}

// Hidden reports whether a body says of one occurrence that it does not take place, and nothing else.
func Hidden(body cal.Body) bool {
	o, err := readOutline(body)
	if err != nil || len(o.objects()) == 0 {
		return false
	}
	return o.soleInstance(o.objects()) != "" && o.cancelled(o.objects()[0])
}

// Excluded are the instances that a master leaves out by EXDATE, sorted.
func Excluded(body cal.Body) (instances []string) {
	o, c := readMaster(body)
	if o == nil {
		return nil
	}
	clock := o.clock()
	o.own(c, func(l *line) {
		if l.name == "EXDATE" {
			instances = append(instances, clock.members(l)...)
		}
	})
	slices.Sort(instances)
	return slices.Compact(instances)
}

// DropExcluded is a master's text without the EXDATEs of the instances.
func DropExcluded(body cal.Body, instances []string) cal.Body {
	o, c := readMaster(body)
	if o == nil {
		return body
	}
	p := newPatch(o)
	p.keepDates(c, "EXDATE", func(key string) bool { return !slices.Contains(instances, key) })
	return p.body()
}

// Exclude is a master's text with EXDATEs of the instances, in the value type and the zone of DTSTART.
func Exclude(body cal.Body, instances []string) cal.Body {
	o, c := readMaster(body)
	if o == nil {
		return body
	}
	p := newPatch(o)
	p.exclude(c, instances)
	return p.body()
}

// readMaster finds the component of a body that is no exception; without one, or when the body cannot be read, o is nil.
func readMaster(body cal.Body) (o *outline, c int32) {
	o, err := readOutline(body)
	if err != nil || o.find(o.main(), "RECURRENCE-ID") != nil {
		return nil, 0
	}
	return o, o.main()
}

// members are the instances that a list of dates names.
func (c *calendarClock) members(l *line) (keys []string) {
	for _, member := range l.members() {
		keys = append(keys, c.instance(member, l.parameter("TZID")))
	}
	return keys
}

// keepDates leaves in the lists of one property of component c only the instances that are to be kept.
func (p *patch) keepDates(c int32, property string, keep func(key string) bool) {
	clock := p.to.clock()
	p.to.own(c, func(l *line) {
		if l.name != property {
			return
		}
		if text, all := clock.kept(l, keep, p.end); !all {
			p.replaceLine(l.index, text)
		}
	})
}

// kept is the line with the members that are to be kept, folded anew; empty without any. all: there is nothing to leave out.
func (c *calendarClock) kept(l *line, keep func(key string) bool, end string) (text string, all bool) {
	members := l.members()
	left := slices.DeleteFunc(slices.Clone(members), func(m string) bool { return !keep(c.instance(m, l.parameter("TZID"))) })
	if len(left) == 0 {
		return "", false
	}
	return fold(l.text[:l.value]+strings.Join(left, ","), end), len(left) == len(members)
}

// exclude adds EXDATEs to component c, where there is none of the instance yet.
func (p *patch) exclude(c int32, instances []string) {
	clock, start, have := p.to.clock(), p.to.find(c, "DTSTART"), map[string]bool{}
	p.to.own(c, func(l *line) {
		if l.name == "EXDATE" {
			for _, key := range clock.members(l) {
				have[key] = true
			}
		}
	})
	for _, key := range slices.Sorted(slices.Values(instances)) {
		if !have[key] {
			p.insert(p.to.propertyPlace(c), fold("EXDATE"+clock.written(start, key), p.end))
		}
		have[key] = true
	}
}

// written is an instance as parameters, colon and value, in the value type and the zone of the line start (nil: in UTC).
func (c *calendarClock) written(start *line, key string) string {
	wall, zone, foreign := strings.Cut(strings.TrimSuffix(key, "]"), "[")
	switch {
	case foreign:
		return ";TZID=" + quoted(zone) + ":" + wall
	case len(key) == len("20060102"):
		return ";VALUE=DATE:" + key
	case start == nil || c.home == nil || !strings.HasSuffix(key, "Z"):
		return ":" + key
	}
	t, err := time.Parse(instantForm, key)
	local, tzid := t.In(c.home).Format(wallForm), start.parameter("TZID")
	if err != nil || tzid == "" || c.instance(local, tzid) != key { // the second of two hours with one name
		return ":" + key
	}
	return ";TZID=" + quoted(tzid) + ":" + local
}

// quoted is a parameter value as it has to be written (RFC 5545 §3.2).
func quoted(value string) string {
	if strings.ContainsAny(value, ",;:") {
		return `"` + value + `"`
	}
	return value
}

// OnlyThis is an exception's text for its instance alone, without RANGE=THISANDFUTURE.
func OnlyThis(body cal.Body) cal.Body {
	o, err := readOutline(body)
	if err != nil {
		return body
	}
	p := newPatch(o)
	for _, c := range o.objects() {
		if l := o.find(c, "RECURRENCE-ID"); l != nil && l.parameter("RANGE") != "" {
			p.replaceLine(l.index, fold(l.withParameters(nil, isRange), p.end))
		}
	}
	return p.body()
}

func isRange(parameter string) bool { return strings.EqualFold(parameter, "RANGE") }

// Rename is a body with another UID, and nothing else changed.
func Rename(body cal.Body, uid string) cal.Body {
	o, err := readOutline(body)
	if err != nil {
		return body
	}
	p := newPatch(o)
	for _, c := range o.objects() {
		p.set(c, "UID", escape(uid))
	}
	return p.body()
}
