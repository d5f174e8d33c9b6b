package sim

import (
	"encoding/xml"
	"net/http"
	"strconv"
	"strings"
)

// manner is in which answer an object shows.
type manner int

const (
	single   manner = iota // PROPFIND of itself
	listed                 // PROPFIND of its calendar
	reported               // REPORT, with its data if asked
)

// objectProperties are what an object has.
func (r request) objectProperties(o *object, how manner) properties {
	return func(name xml.Name) (string, bool) {
		switch name {
		case xml.Name{Space: dav, Local: "resourcetype"}:
			return "", true
		case xml.Name{Space: dav, Local: "getetag"}:
			return text(r.listedTag(o, how)), !(r.q.NoListedETags && how == listed)
		case xml.Name{Space: dav, Local: "getcontenttype"}:
			return "text/calendar; charset=utf-8; component=" + strings.ToLower(o.kind), true
		case xml.Name{Space: dav, Local: "getcontentlength"}:
			return strconv.Itoa(len(o.body)), true
		case xml.Name{Space: dav, Local: "getlastmodified"}:
			return o.modified.UTC().Format(http.TimeFormat), true
		case xml.Name{Space: caldav, Local: "calendar-data"}:
			return r.calendarData(o, how)
		}
		return "", false
	}
}

func (r request) listedTag(o *object, how manner) string {
	stale := r.q.StaleETags || r.q.StaleETagsFor > 0 && r.came.Sub(o.modified) < r.q.StaleETagsFor
	if stale && how != single && o.before != "" {
		return r.q.etag(o.before)
	}
	return r.q.etag(o.tag)
}

// calendarData is left out where XML cannot carry the body; then only GET can.
func (r request) calendarData(o *object, how manner) (string, bool) {
	if how != reported || !o.legible && !r.q.ControlCharInXML {
		return "", false
	}
	if r.q.RequestStamp {
		return characters(r.read(o), r.q.LFBodies), true
	}
	escaped := &o.escaped
	if r.q.LFBodies {
		escaped = &o.escapedLF
	}
	if *escaped == "" {
		*escaped = characters(o.body, r.q.LFBodies)
	}
	return *escaped, true
}

// read is an object's body as it is shown.
func (r request) read(o *object) string {
	if !r.q.RequestStamp {
		return o.body
	}
	lines := addToEvents(contentLines(o.body), "", "DTSTAMP:"+r.came.UTC().Format("20060102T150405Z"))
	return strings.Join(lines, "\r\n") + "\r\n"
}

func (s *CalDAV) homeProperties(r request) properties {
	return func(name xml.Name) (string, bool) {
		switch name {
		case xml.Name{Space: dav, Local: "resourcetype"}:
			return "<D:collection/>", true
		case xml.Name{Space: dav, Local: "current-user-principal"}:
			return reference(s.Principal(r.at.user)), true
		}
		return "", false
	}
}

// calendarProperties are what a calendar has.
func (s *CalDAV) calendarProperties(r request, c *collection) properties {
	return func(name xml.Name) (string, bool) {
		switch name {
		case xml.Name{Space: dav, Local: "resourcetype"}:
			return "<D:collection/><C:calendar/>", true
		case xml.Name{Space: dav, Local: "displayname"}:
			return r.shownName(c), true
		case xml.Name{Space: dav, Local: "current-user-principal"}:
			return reference(s.Principal(c.user)), true
		case xml.Name{Space: dav, Local: "owner"}:
			return reference(s.Principal(c.user)), true
		case xml.Name{Space: dav, Local: "current-user-privilege-set"}:
			return privileges(r.q.ReadOnly || c.ReadOnly), true
		case xml.Name{Space: dav, Local: "supported-report-set"}:
			return reports(r.q), true
		case xml.Name{Space: dav, Local: "sync-token"}:
			return c.token(r.q, c.seq), !r.q.NoSyncCollection
		case xml.Name{Space: server, Local: "getctag"}:
			return text(`"` + strconv.Itoa(c.epoch) + "-" + strconv.Itoa(c.seq) + `"`), !r.q.NoCTag
		case xml.Name{Space: caldav, Local: "supported-calendar-component-set"}:
			return components(c.components()), true
		}
		value, ok := c.settable(name)
		return text(value), ok
	}
}

func (r request) shownName(c *collection) string {
	name := text(c.displayName())
	if r.q.ControlCharInXML {
		name += "\x0b"
	}
	return name
}

// settable are the properties that PROPPATCH may change.
func (c *collection) settable(name xml.Name) (value string, ok bool) {
	if field := c.field(name); field != nil {
		return *field, *field != ""
	}
	value, ok = c.other[key(name)]
	return value, ok
}

func (c *collection) field(name xml.Name) *string {
	switch name {
	case xml.Name{Space: dav, Local: "displayname"}:
		return &c.Name
	case xml.Name{Space: caldav, Local: "calendar-description"}:
		return &c.Description
	case xml.Name{Space: caldav, Local: "calendar-timezone"}:
		return &c.TimeZone
	case xml.Name{Space: apple, Local: "calendar-color"}:
		return &c.Color
	case xml.Name{Space: apple, Local: "calendar-order"}:
		return &c.Order
	}
	return nil
}

func key(name xml.Name) string { return "{" + name.Space + "}" + name.Local }

func privileges(readOnly bool) string {
	names := []string{"read", "read-current-user-privilege-set"}
	if !readOnly {
		names = append(names, "write", "write-content", "write-properties", "bind", "unbind")
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString("<D:privilege><D:" + name + "/></D:privilege>")
	}
	return b.String()
}

func reports(q Quirks) string {
	names := []string{"C:calendar-query", "C:calendar-multiget"}
	if !q.NoSyncCollection {
		names = append(names, "D:sync-collection")
	}
	var b strings.Builder
	for _, name := range names {
		b.WriteString("<D:supported-report><D:report><" + name + "/></D:report></D:supported-report>")
	}
	return b.String()
}

func components(names []string) string {
	var b strings.Builder
	for _, name := range names {
		b.WriteString(`<C:comp name="` + text(name) + `"/>`)
	}
	return b.String()
}
