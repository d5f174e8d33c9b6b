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
	var room struct {
		buf, out [2048]byte
		entries  [48]entry
		sums     [4]sum
	}
	w := writer{o: o, buf: room.buf[:0], out: room.out[:0], entries: room.entries[:0]}
	sums := room.sums[:0]
	for _, c := range o.objects() {
		sums = append(sums, w.component(c))
	}
	for i := 0; i < len(w.foreign); i++ { // the rules of one may name another
		if c := o.zone(w.foreign[i]); c >= 0 {
			sums = append(sums, w.component(c))
		}
	}
	all := sha256.Sum256(w.join("VCALENDAR", sums))
	return label("v1:", all)
}

type sum = [sha256.Size]byte

func label(version string, s sum) cal.Digest {
	var text [len("raw:") + 2*sha256.Size]byte
	return cal.Digest(hex.AppendEncode(append(text[:0], version...), s[:]))
}

func rawDigest(body cal.Body) cal.Digest {
	return label("raw:", sha256.Sum256([]byte(body)))
}

// zone is the VTIMEZONE with the TZID; -1: there is none.
func (o *outline) zone(tzid string) int32 {
	if o.zones == nil {
		o.zones = map[string]int32{}
		for c := range o.components {
			if o.components[c].name == "VTIMEZONE" {
				id := o.text(int32(c), "TZID")
				if _, there := o.zones[id]; !there {
					o.zones[id] = int32(c)
				}
			}
		}
	}
	if c, there := o.zones[tzid]; there {
		return c
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
			sum := w.component(int32(c))
			rules[tzid] = string(sum[:])
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
	params  []byte              // of the line at hand, in canonical form
	foreign []string            // TZIDs met that are no IANA zone's name, each once
	met     map[string]struct{} // the same

	rules map[string]string // when set: what stands behind the name of a foreign zone, instead of it being listed

	tzid, iana string // the TZID asked for last, and its answer
	known      bool
}

// entry is one canonical property: where it lies in buf.
type entry struct{ from, to int }

// component is the hash of a component: its name, its properties sorted, the hashes of what is nested in it sorted.
func (w *writer) component(c int32) sum {
	var sums []sum
	begin, end := w.o.components[c].begin+1, w.o.components[c].end
	for i := begin; i < end; i++ {
		if l := &w.o.lines[i]; l.name == "BEGIN" {
			sums = append(sums, w.component(l.component))
			i = w.o.components[l.component].end
		}
	}
	w.buf, w.entries = w.buf[:0], w.entries[:0]
	rule := inZone(w.o, c)
	for i := begin; i < end; i++ {
		l := &w.o.lines[i]
		if l.name == "BEGIN" {
			i = w.o.components[l.component].end
		} else if !rule || zoneRule(l.name) {
			w.property(l)
		}
	}
	return sha256.Sum256(w.join(w.o.components[c].name, sums))
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
func (w *writer) join(name string, sums []sum) []byte {
	slices.SortFunc(w.entries, func(a, b entry) int { return bytes.Compare(w.buf[a.from:a.to], w.buf[b.from:b.to]) })
	slices.SortFunc(sums, func(a, b sum) int { return bytes.Compare(a[:], b[:]) })
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
	for i := range sums {
		w.out = append(w.out, sums[i][:]...)
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
	if k == kindDropped {
		return
	}
	dated := isDated(k, l.Value())
	tzid := w.parameters(l, k, dated)
	switch k {
	case kindTexts:
		for value, rest, more := cutText(l.Value()); ; value, rest, more = cutText(rest) {
			w.entry(l, k, strings.TrimSpace(value), false, "")
			if !more {
				return
			}
		}
	case kindDateTimes:
		for value := range strings.SplitSeq(l.Value(), ",") {
			w.entry(l, k, strings.TrimSpace(value), dated, tzid)
		}
	default:
		w.entry(l, k, l.Value(), dated, tzid)
	}
}

// isDated reports whether the value, or the first of a list, is a date or date-time by its looks. VALUE and TZID are then part of it.
func isDated(k kind, value string) bool {
	switch k {
	case kindDateTimes:
		value, _, _ = strings.Cut(value, ",")
		value, _, _ = strings.Cut(value, "/")
	case kindDateTime, kindTrigger:
	default:
		return false
	}
	_, ok := readMoment(strings.TrimSpace(value), "")
	return ok
}

// entry writes name, parameters and value.
func (w *writer) entry(l *line, k kind, value string, dated bool, tzid string) {
	from := len(w.buf)
	w.buf = appendToken(w.buf, l.name)
	w.buf = append(w.buf, w.params...)
	at := w.open()
	w.value(k, value, dated, tzid)
	w.close(at)
	if len(w.params) == 0 && isDefault(l.name, string(w.buf[at:])) {
		w.buf = w.buf[:from]
		return
	}
	w.entries = append(w.entries, entry{from, len(w.buf)})
}

// longParams are hashed, so that a long list with them does not become a square.
const longParams = 128

// parameters prepares the parameters that say something, sorted by name, and finds the TZID of a dated value.
func (w *writer) parameters(l *line, k kind, dated bool) (tzid string) {
	w.params = w.params[:0]
	if l.text[l.params] != ';' {
		return ""
	}
	var room [8]parameter
	list := room[:0]
	for i := int(l.params); l.text[i] == ';'; {
		p, end, _ := nextParameter(l.text, i)
		p.name = upper(p.name)
		if dated && p.name == "TZID" {
			tzid, _ = cutValue(p.values)
		} else if !dated || p.name != "VALUE" {
			list = append(list, p)
		}
		i = end
	}
	if len(list) > 1 {
		slices.SortStableFunc(list, func(a, b parameter) int { return strings.Compare(a.name, b.name) })
	}
	from := len(w.buf)
	for _, p := range list {
		w.parameter(p, k)
	}
	w.params = append(w.params, w.buf[from:]...)
	w.buf = w.buf[:from]
	if len(w.params) > longParams {
		s := sha256.Sum256(w.params)
		w.params = append(w.params[:0], s[:]...)
	}
	return tzid
}

// parameter writes one parameter, unless it says what its absence says.
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

func (w *writer) value(k kind, value string, dated bool, tzid string) {
	switch {
	case dated:
		w.moments(strings.TrimSpace(value), tzid)
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
	if w.met == nil {
		w.met = map[string]struct{}{}
	}
	if _, there := w.met[tzid]; !there {
		w.met[tzid] = struct{}{}
		w.foreign = append(w.foreign, tzid)
	}
	return tzid
}
