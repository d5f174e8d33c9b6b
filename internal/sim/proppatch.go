package sim

import (
	"encoding/xml"
	"io"
	"net/http"
)

// proppatch sets and removes properties, all or none (RFC 4918 §9.2).
func (s *CalDAV) proppatch(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	body, err := readNode(r.body)
	if err != nil {
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
	body, err := readNode(r.body)
	switch {
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
