package sim

import (
	"bytes"
	"encoding/xml"
	"io"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// propfind answers PROPFIND (RFC 4918 §9.1).
func (s *CalDAV) propfind(r request) answer {
	asked, no := askedProperties(r.body)
	if no != nil {
		return no.answer(r)
	}
	depth := r.Header.Get("Depth")
	if depth != "0" && depth != "1" {
		return refuse(http.StatusForbidden, davFiniteDepth).answer(r)
	}
	if r.at.kind == atRoot || r.at.kind == atPrincipal {
		return s.discover(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := newMultistatus(r)
	if !s.list(m, asked, depth == "1") {
		return r.nothingThere()
	}
	return m.answer()
}

// list writes the resource asked for and, one level deep, its members.
func (s *CalDAV) list(m *multistatus, asked []xml.Name, members bool) bool {
	r, home := m.r, s.homes[m.r.at.user]
	c := home[r.at.calendar]
	switch {
	case r.at.kind == atHome && s.knows(r.at.user):
		m.resource(r.at, asked, s.homeProperties(r))
		for _, name := range slices.Sorted(maps.Keys(home)) {
			if members && !r.q.EmptyHome {
				m.resource(place{atCalendar, r.at.user, name, ""}, asked, s.calendarProperties(r, home[name]))
			}
		}
		return true
	case r.at.kind == atCalendar && c != nil:
		m.resource(r.at, asked, s.calendarProperties(r, c))
		for _, name := range slices.Sorted(maps.Keys(c.objects)) {
			if members && !r.q.EmptyListing {
				m.resource(place{atObject, c.user, c.name, name}, asked, r.objectProperties(c.objects[name], listed))
			}
		}
		return true
	case r.at.kind == atObject && c != nil && c.objects[r.at.name] != nil:
		m.resource(r.at, asked, r.objectProperties(c.objects[r.at.name], single))
		return true
	}
	return false
}

func (s *CalDAV) knows(user string) bool {
	_, registered := s.users[user]
	return registered || len(s.users) == 0
}

func (r request) nothingThere() answer {
	if r.q.NoCalendarStatus != 0 && r.at.kind == atCalendar && r.Method != "PROPFIND" {
		return answer{status: r.q.NoCalendarStatus}
	}
	return answer{status: http.StatusNotFound}
}

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
	if r.q.StaleETags && how != single && o.before != "" {
		return r.q.etag(o.before)
	}
	return r.q.etag(o.tag)
}

// calendarData is left out where XML cannot carry the body; then only GET can.
func (r request) calendarData(o *object, how manner) (string, bool) {
	if how != reported || !carries(o.body) && !r.q.ControlCharInXML {
		return "", false
	}
	var b bytes.Buffer
	b.Grow(len(o.body) + len(o.body)/4)
	escape(&b, o.body, r.q.LFBodies)
	return b.String(), true
}

func (s *CalDAV) homeProperties(r request) properties {
	return func(name xml.Name) (string, bool) {
		switch name {
		case xml.Name{Space: dav, Local: "resourcetype"}:
			return "<D:collection/>", true
		case xml.Name{Space: dav, Local: "current-user-principal"}:
			return "<D:href>" + text(s.Principal(r.at.user)) + "</D:href>", true
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
			return "<D:href>" + text(s.Principal(c.user)) + "</D:href>", true
		case xml.Name{Space: dav, Local: "owner"}:
			return "<D:href>" + text(s.Principal(c.user)) + "</D:href>", true
		case xml.Name{Space: dav, Local: "current-user-privilege-set"}:
			return privileges(r.q.ReadOnly || c.ReadOnly), true
		case xml.Name{Space: dav, Local: "supported-report-set"}:
			return reports(r.q), true
		case xml.Name{Space: dav, Local: "sync-token"}:
			return c.token(c.seq), !r.q.NoSyncCollection
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

// proppatch sets and removes properties, all or none (RFC 4918 §9.2).
func (s *CalDAV) proppatch(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body node
	if err := xml.Unmarshal([]byte(r.body), &body); err != nil {
		return plainly(http.StatusBadRequest).answer(r)
	}
	c := s.homes[r.at.user][r.at.calendar]
	switch {
	case r.at.kind != atCalendar || c == nil:
		return r.nothingThere()
	case r.q.ReadOnly || c.ReadOnly:
		return refuse(http.StatusForbidden, davNeedPrivileges).answer(r)
	}
	sets := body.properties("set")
	for _, p := range append(sets, body.properties("remove")...) {
		if _, protected := s.calendarProperties(r, &collection{})(p.XMLName); protected && c.field(p.XMLName) == nil {
			return refuse(http.StatusForbidden, davProtected).answer(r)
		}
	}
	c.patch(sets, body.properties("remove"))
	m := newMultistatus(r)
	m.resource(r.at, nameAll(append(sets, body.properties("remove")...)), func(xml.Name) (string, bool) { return "", true })
	return m.answer()
}

func (c *collection) patch(set, remove []node) {
	for _, p := range remove {
		c.assign(p.XMLName, "")
		delete(c.other, key(p.XMLName))
	}
	for _, p := range set {
		c.assign(p.XMLName, p.Text)
	}
}

func (c *collection) assign(name xml.Name, value string) {
	if field := c.field(name); field != nil {
		*field = value
		return
	}
	c.other[key(name)] = value
}

// makeCalendar answers MKCALENDAR (RFC 4791 §5.3.1) and extended MKCOL (RFC 5689).
func (s *CalDAV) makeCalendar(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	var body node
	switch err := xml.Unmarshal([]byte(r.body), &body); {
	case r.q.NoMakeCalendar:
		return plainly(http.StatusMethodNotAllowed).answer(r)
	case err != nil && err != io.EOF:
		return plainly(http.StatusBadRequest).answer(r)
	case r.at.kind != atCalendar || !s.knows(r.at.user):
		return plainly(http.StatusForbidden).answer(r)
	case s.homes[r.at.user][r.at.calendar] != nil:
		return refuse(http.StatusForbidden, davMustBeNull).answer(r)
	}
	c := s.addCalendar(r.at.user, r.at.calendar, Properties{})
	for _, p := range body.properties("set") {
		switch p.XMLName.Local {
		case "resourcetype":
		case "supported-calendar-component-set":
			c.Components = p.componentNames()
		default:
			c.assign(p.XMLName, p.Text)
		}
	}
	return answer{status: http.StatusCreated}
}

// node is an element of a request.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
}

func (n node) child(name string) (node, bool) {
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			return c, true
		}
	}
	return node{}, false
}

// properties gathers what is inside <set><prop> or <remove><prop>.
func (n node) properties(within string) []node {
	var out []node
	for _, c := range n.Nodes {
		if prop, ok := c.child("prop"); ok && c.XMLName.Local == within {
			out = append(out, prop.Nodes...)
		}
	}
	return out
}

func (n node) componentNames() []string {
	names := []string{}
	for _, c := range n.Nodes {
		for _, a := range c.Attrs {
			if a.Name.Local == "name" {
				names = append(names, strings.ToUpper(a.Value))
			}
		}
	}
	return names
}

func nameAll(nodes []node) []xml.Name {
	var names []xml.Name
	for _, n := range nodes {
		names = append(names, n.XMLName)
	}
	return names
}

// askedProperties reads which properties a PROPFIND wants; an empty body is allprop (RFC 4918 §9.1).
func askedProperties(body string) ([]xml.Name, *refusal) {
	var n node
	if strings.TrimSpace(body) == "" {
		return allProperties(), nil
	}
	if err := xml.Unmarshal([]byte(body), &n); err != nil || n.XMLName.Local != "propfind" {
		return nil, plainly(http.StatusBadRequest)
	}
	if prop, ok := n.child("prop"); ok {
		return nameAll(prop.Nodes), nil
	}
	return allProperties(), nil
}

func allProperties() []xml.Name {
	var names []xml.Name
	for _, local := range []string{"resourcetype", "displayname", "getetag", "getcontenttype", "getcontentlength", "getlastmodified"} {
		names = append(names, xml.Name{Space: dav, Local: local})
	}
	return names
}
