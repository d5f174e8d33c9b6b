package sim

import (
	"encoding/xml"
	"maps"
	"net/http"
	"slices"
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
		return s.discover(r, asked)
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
		for i, name := range slices.Sorted(maps.Keys(home)) {
			if members && !r.q.EmptyHome && !nth(i+1, r.q.MissCalendar) {
				m.resource(place{atCalendar, r.at.user, name, ""}, asked, s.calendarProperties(r, home[name]))
			}
		}
		return true
	case r.at.kind == atCalendar && c != nil:
		m.resource(r.at, asked, s.calendarProperties(r, c))
		for _, name := range r.q.seen(slices.Sorted(maps.Keys(c.objects))) {
			if members {
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

// seen is what a listing names.
func (q Quirks) seen(names []string) []string {
	if q.EmptyListing {
		return nil
	}
	i := 0
	return slices.DeleteFunc(names, func(string) bool {
		i++
		return nth(i, q.MissEvery)
	})
}

func (s *CalDAV) knows(user string) bool {
	_, registered := s.users[user]
	return registered || len(s.users) == 0
}

func (r request) nothingThere() answer {
	if r.q.NoCalendarStatus != 0 && r.at.kind == atCalendar && r.Method != "PROPFIND" {
		return plainly(r.q.NoCalendarStatus).answer(r)
	}
	return plainly(http.StatusNotFound).answer(r)
}

// askedProperties reads which properties a PROPFIND wants; an empty body is allprop (RFC 4918 §9.1).
func askedProperties(body string) ([]xml.Name, *refusal) {
	if strings.TrimSpace(body) == "" {
		return allProperties(), nil
	}
	n, err := readNode(body)
	if err != nil || n.XMLName.Local != "propfind" {
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
