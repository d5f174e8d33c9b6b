package ical

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"calbridge/internal/cal"
)

// digest hashes the canonical form, version 1. What it must not see: the order of properties, parameters, components and list
// members; folding, line ends and the case of names; quotes and escapes that change nothing; values and parameters that say what
// their absence says; the VTIMEZONE of a zone that everybody knows; when and by what program the text was written. What it must see:
// everything else. Each token carries its length, so no two forms run into each other.
//
// A change to any rule below is a new label. Stored digests are then recomputed, and that alone is no change of an object.
func (o *outline) digest() cal.Digest {
	w := writer{o: o}
	sums := make([][]byte, 0, 4)
	for _, c := range o.objects() {
		sums = append(sums, w.component(c))
	}
	for _, tzid := range w.foreign {
		if c := o.zone(tzid); c >= 0 {
			sums = append(sums, w.component(c))
		}
	}
	sum := sha256.Sum256(w.join("VCALENDAR", sums))
	return cal.Digest("v1:" + hex.EncodeToString(sum[:]))
}

func rawDigest(body cal.Body) cal.Digest {
	sum := sha256.Sum256([]byte(body))
	return cal.Digest("raw:" + hex.EncodeToString(sum[:]))
}

// zone is the VTIMEZONE with the TZID; -1: there is none.
func (o *outline) zone(tzid string) int32 {
	for c := range o.components {
		if o.components[c].name == "VTIMEZONE" && o.text(int32(c), "TZID") == tzid {
			return int32(c)
		}
	}
	return -1
}

// foreignRules are the hashes of the VTIMEZONEs whose names say nothing, by TZID.
func (o *outline) foreignRules() map[string]string {
	rules := map[string]string{}
	for c := range o.components {
		if o.components[c].name != "VTIMEZONE" {
			continue
		}
		tzid := o.text(int32(c), "TZID")
		if _, known := Zone(tzid); !known {
			w := writer{o: o}
			rules[tzid] = string(w.component(int32(c)))
		}
	}
	return rules
}

// writer writes canonical forms. Its buffers are used again for each component.
type writer struct {
	o       *outline
	buf     []byte
	entries []entry
	out     []byte
	foreign []string // TZIDs met that are no IANA zone's name

	rules map[string]string // when set: what stands behind the name of a foreign zone, instead of it being listed

	tzid, iana string // the TZID asked for last, and its answer
	known      bool
}

// entry is one canonical property: where it lies in buf.
type entry struct{ from, to int }

// component is the hash of a component: its name, its properties sorted, the hashes of what is nested in it sorted.
func (w *writer) component(c int32) []byte {
	var sums [][]byte
	w.o.nested(c, func(n int32) { sums = append(sums, w.component(n)) })
	w.buf, w.entries = w.buf[:0], w.entries[:0]
	name := w.o.components[c].name
	rule := inZone(w.o, c)
	end := w.o.components[c].end
	for i := w.o.components[c].begin + 1; i < end; i++ {
		l := &w.o.lines[i]
		if l.name == "BEGIN" {
			i = w.o.components[l.component].end
		} else if !rule || zoneRule(l.name) {
			w.property(l)
		}
	}
	sum := sha256.Sum256(w.join(name, sums))
	return append([]byte(nil), sum[:]...)
}

// inZone reports whether c is a VTIMEZONE or one of its observances.
func inZone(o *outline, c int32) bool {
	for ; c >= 0; c = o.components[c].parent {
		if o.components[c].name == "VTIMEZONE" {
			return true
		}
	}
	return false
}

// zoneRule: what of a VTIMEZONE decides about times.
func zoneRule(name string) bool {
	switch name {
	case "TZID", "DTSTART", "RRULE", "RDATE", "TZOFFSETFROM", "TZOFFSETTO":
		return true
	}
	return false
}

// join is name, the entries written so far sorted, and the sums sorted, each with its length. Members of sets count once.
func (w *writer) join(name string, sums [][]byte) []byte {
	slices.SortFunc(w.entries, func(a, b entry) int { return bytes.Compare(w.buf[a.from:a.to], w.buf[b.from:b.to]) })
	slices.SortFunc(sums, bytes.Compare)
	w.out = appendToken(w.out[:0], name)
	var last []byte
	for _, e := range w.entries {
		text := w.buf[e.from:e.to]
		if bytes.Equal(text, last) && isSet(text) {
			continue
		}
		w.out = append(w.out, text...)
		last = text
	}
	w.entries = w.entries[:0]
	for _, sum := range sums {
		w.out = append(w.out, sum...)
	}
	return w.out
}

// isSet: saying one of these twice says nothing more.
func isSet(entry []byte) bool {
	switch string(entry[lengthBytes : lengthBytes+binary.BigEndian.Uint32(entry)]) {
	case "EXDATE", "RDATE", "CATEGORIES", "RESOURCES", "ATTACH", "ATTENDEE":
		return true
	}
	return false
}

const lengthBytes = 4

func appendToken(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// open begins a token whose length is not known yet; close writes it.
func (w *writer) open() int {
	w.buf = append(w.buf, 0, 0, 0, 0)
	return len(w.buf)
}

func (w *writer) close(at int) {
	binary.BigEndian.PutUint32(w.buf[at-lengthBytes:], uint32(len(w.buf)-at))
}

// property writes the entries of one line: one, or one for each member of a list.
func (w *writer) property(l *line) {
	k := kindOf(l.name)
	switch k {
	case kindDropped:
	case kindTexts:
		for value, rest, more := cutText(l.Value()); ; value, rest, more = cutText(rest) {
			w.entry(l, k, strings.TrimSpace(value))
			if !more {
				return
			}
		}
	case kindDateTimes:
		for value := range strings.SplitSeq(l.Value(), ",") {
			w.entry(l, k, strings.TrimSpace(value))
		}
	default:
		w.entry(l, k, l.Value())
	}
}

// entry writes name, parameters and value.
func (w *writer) entry(l *line, k kind, value string) {
	from := len(w.buf)
	w.buf = appendToken(w.buf, l.name)
	dated := isDated(k, value)
	before := len(w.buf)
	w.parameters(l, k, dated)
	plain := len(w.buf) == before
	at := w.open()
	w.value(l, k, value, dated)
	w.close(at)
	if plain && isDefault(l.name, string(w.buf[at:])) {
		w.buf = w.buf[:from]
		return
	}
	w.entries = append(w.entries, entry{from, len(w.buf)})
}

// isDated reports whether the value is a date or date-time by its looks. VALUE and TZID are then part of the value.
func isDated(k kind, value string) bool {
	switch k {
	case kindDateTime, kindDateTimes, kindTrigger:
		value, _, _ = strings.Cut(strings.TrimSpace(value), "/")
		_, ok := readMoment(value, "")
		return ok
	}
	return false
}

// parameters writes the parameters that say something, sorted by name.
func (w *writer) parameters(l *line, k kind, dated bool) {
	if l.text[l.params] != ';' {
		return
	}
	var room [12]parameter
	list := room[:0]
	for i := int(l.params); l.text[i] == ';'; {
		p, end, _ := nextParameter(l.text, i)
		p.name = upper(p.name)
		list = append(list, p)
		i = end
	}
	if len(list) > 1 {
		slices.SortStableFunc(list, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	}
	for _, p := range list {
		if dated && (p.name == "VALUE" || p.name == "TZID") {
			continue
		}
		w.parameter(p, k)
	}
}

func (w *writer) parameter(p parameter, k kind) {
	from := len(w.buf)
	w.buf = appendToken(w.buf, p.name)
	at := w.open()
	first, rest := cutValue(p.values)
	if rest == "" {
		w.parameterValue(p.name, first)
	} else {
		w.parameterList(p)
	}
	w.close(at)
	value := w.buf[at:]
	if p.name == "VALUE" && string(value) == k.defaultValue() || isDefaultParameter(p.name, string(value)) {
		w.buf = w.buf[:from]
	}
}

func (w *writer) parameterValue(name, value string) {
	switch {
	case isWord(name):
		w.buf = appendUpper(w.buf, value)
	case isAddressList(name):
		w.buf = appendAddress(w.buf, value)
	default:
		w.buf = append(w.buf, value...)
	}
}

// parameterList writes the members of a list, sorted.
func (w *writer) parameterList(p parameter) {
	var members []string
	at := len(w.buf)
	for first, rest := cutValue(p.values); ; first, rest = cutValue(rest) {
		w.parameterValue(p.name, first)
		members = append(members, string(w.buf[at:]))
		w.buf = w.buf[:at]
		if rest == "" {
			break
		}
	}
	slices.Sort(members)
	for _, m := range members {
		w.buf = appendToken(w.buf, m)
	}
}

func (w *writer) value(l *line, k kind, value string, dated bool) {
	switch {
	case dated:
		w.moments(strings.TrimSpace(value), l.parameter("TZID"))
		return
	case k == kindDuration, k == kindTrigger:
		if d, ok := readDuration(strings.TrimSpace(value)); ok {
			w.buf = d.append(w.buf)
			return
		}
	case k == kindNumber:
		if n, err := strconv.Atoi(strings.TrimSpace(value)); err == nil {
			w.buf = strconv.AppendInt(w.buf, int64(n), 10)
			return
		}
	}
	w.plain(k, value)
}

func (w *writer) plain(k kind, value string) {
	switch k {
	case kindText, kindTexts, kindUnknown:
		w.buf = appendUnescaped(w.buf, value)
	case kindWord:
		w.buf = appendUpper(w.buf, strings.TrimSpace(value))
	case kindRule:
		w.buf = appendRule(w.buf, value)
	case kindAddress:
		w.buf = appendAddress(w.buf, value)
	default:
		w.buf = append(w.buf, value...)
	}
}

// moments writes a date, a date-time, or a period of one and an end or a duration (RFC 5545 §3.3.9).
func (w *writer) moments(value, tzid string) {
	start, end, period := strings.Cut(value, "/")
	w.moment(start, tzid)
	if !period {
		return
	}
	w.buf = append(w.buf, '/')
	if d, ok := readDuration(end); ok {
		w.buf = d.append(w.buf)
		return
	}
	w.moment(end, tzid)
}

func (w *writer) moment(value, tzid string) {
	m, ok := readMoment(value, tzid)
	if !ok {
		w.buf = append(append(w.buf, '?'), value...)
		return
	}
	w.buf = append(w.buf, m.kind)
	w.buf = appendUpper(w.buf, m.wall)
	if m.kind == 'z' {
		w.buf = append(w.buf, w.zoneName(tzid)...)
	}
}

// zoneName is the IANA name of a zone, or its own in a body that has to bring the rules along.
func (w *writer) zoneName(tzid string) string {
	if tzid != w.tzid {
		w.tzid = tzid
		w.iana, w.known = Zone(tzid)
	}
	if w.known {
		return w.iana
	}
	if w.rules != nil {
		return tzid + w.rules[tzid]
	}
	if !slices.Contains(w.foreign, tzid) {
		w.foreign = append(w.foreign, tzid)
	}
	return tzid
}
