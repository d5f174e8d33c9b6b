// Package ical turns iCalendar text (RFC 5545) into meaning: what a body says (Read), whether two bodies say the same (Reading.Digest),
// what is wrong with one (Validate), and what two edits of one body come to (Merge).
//
// A body is kept byte for byte as it came. Nothing here prints an object from parts: an edit, a merge, a copy is a patch that cuts out
// and puts in whole content lines, so what nobody touched survives as it was written, unknown properties and odd folding included.
//
// Every body passes the outline first, an index of its content lines and components that is bounded in size, depth and time. Digests
// and patches are made on it. The parser behind it is emersion/go-ical, which panics, recurses and squares on hostile text; it only
// ever sees what the outline has let through (Decode).
package ical

import (
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Reading is what one body says.
type Reading struct {
	Digest cal.Digest // "v1:" and SHA-256 of the canonical form, in hex; "raw:" and SHA-256 of the bytes when the body cannot be read
	UID    string     // a guess when the body cannot be read
	// RecurrenceID names the instance when the body holds a single exception of a series and nothing else; see cal.Object.
	RecurrenceID string
	Component    string    // VEVENT, VTODO, VJOURNAL: the first that is not a VTIMEZONE; empty when the body cannot be read
	Summary      string    // of the master, or of the only instance there is
	Start        string    // DTSTART of the same component, as it is written
	Modified     time.Time // the newest LAST-MODIFIED, else the newest DTSTAMP; zero: neither is there
	Sequence     int       // the highest
	Trouble      string    // why the body cannot be read: "line 12: DTSTART: ..."; empty when it can
}

// Read tells what a body says. It never fails: a body that cannot be read has Trouble, and a digest of its bytes.
func Read(body cal.Body) Reading {
	o, p := parse(string(body))
	if p == nil && len(o.objects()) == 0 {
		p = &Problem{Line: 1, Text: errEmpty.Error()}
	}
	if p != nil {
		return Reading{Digest: rawDigest(body), UID: guessUID(string(body)), Trouble: p.Error()}
	}
	r := o.summary()
	r.Digest = o.digest()
	return r
}

// summary reads what listings show.
func (o *outline) summary() (r Reading) {
	objects := o.objects()
	r.Component = o.components[objects[0]].name
	r.UID = o.text(objects[0], "UID")
	main := o.main()
	r.RecurrenceID = o.soleInstance(objects)
	r.Summary, r.Start = o.text(main, "SUMMARY"), o.value(main, "DTSTART")
	var modified, stamped time.Time
	for _, c := range objects {
		r.Sequence = max(r.Sequence, o.number(c, "SEQUENCE"))
		modified = later(modified, o.value(c, "LAST-MODIFIED"))
		stamped = later(stamped, o.value(c, "DTSTAMP"))
	}
	if r.Modified = modified; modified.IsZero() {
		r.Modified = stamped
	}
	return r
}

// soleInstance is the instance that the only object is, if it is one.
func (o *outline) soleInstance(objects []int32) string {
	l := o.find(objects[0], "RECURRENCE-ID")
	if len(objects) != 1 || l == nil {
		return ""
	}
	return o.clock().instance(l.Value(), l.parameter("TZID"))
}

// later is t, or the UTC date-time that is written in value if that is later.
func later(t time.Time, value string) time.Time {
	if u, err := time.Parse("20060102T150405Z", value); err == nil && u.After(t) {
		return u
	}
	return t
}

// guessUID finds the UID of a body that cannot be read, so that its object keeps its identity.
func guessUID(raw string) string {
	inside := false
	for line := range strings.Lines(raw) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		switch {
		case strings.EqualFold(name, "BEGIN"):
			inside = strings.EqualFold(value, "VEVENT") || strings.EqualFold(value, "VTODO") || strings.EqualFold(value, "VJOURNAL")
		case inside && strings.EqualFold(name, "UID") && value != "":
			return value
		}
	}
	return ""
}
