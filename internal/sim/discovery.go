package sim

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/emersion/go-ical"
	gocaldav "github.com/emersion/go-webdav/caldav"
)

// discover answers at the root, which tells like a principal who one is and where one's calendars are, and at principals.
func (s *CalDAV) discover(r request, asked []xml.Name) answer {
	m := newMultistatus(r)
	m.named(r.URL.EscapedPath(), asked, s.principalProperties(r))
	return m.answer()
}

func (s *CalDAV) principalProperties(r request) properties {
	user := r.user
	if user == "" {
		user = r.at.user
	}
	return func(name xml.Name) (string, bool) {
		switch name {
		case xml.Name{Space: dav, Local: "resourcetype"}:
			return "<D:principal/>", true
		case xml.Name{Space: dav, Local: "current-user-principal"}, xml.Name{Space: dav, Local: "principal-URL"}:
			return reference(s.Principal(user)), true
		case xml.Name{Space: caldav, Local: "calendar-home-set"}: // RFC 4791 §6.2.1
			return reference(r.home(s, user)), true
		case xml.Name{Space: caldav, Local: "calendar-user-address-set"}: // RFC 6638 §2.4.1
			return reference("mailto:" + address(user)), true
		}
		return "", false
	}
}

func reference(href string) string { return "<D:href>" + text(href) + "</D:href>" }

// address is a user's mail address: he is the organizer of what names it.
func address(user string) string {
	if strings.Contains(user, "@") {
		return user
	}
	return user + "@example.org"
}

func (r request) home(s *CalDAV, user string) string {
	switch {
	case r.q.HomeOrigin != "":
		return r.q.HomeOrigin + s.Home(user)
	case r.q.AbsoluteHrefs:
		return "http://" + r.Host + s.Home(user)
	}
	return s.Home(user)
}

// query answers calendar-query (RFC 4791 §7.8): go-webdav reads the filter and matches, we write the answer.
func (s *CalDAV) query(r request, c *collection, asked []xml.Name) answer {
	m := newMultistatus(r)
	names, status := r.matching(c)
	if status >= 400 {
		return answer{status: status}
	}
	if r.q.CollectionAmongMembers {
		m.resource(r.at, asked, s.calendarProperties(r, c))
	}
	for _, name := range r.q.seen(names) {
		m.resource(place{atObject, c.user, c.name, name}, asked, r.objectProperties(c.objects[name], reported))
	}
	return m.answer()
}

func (r request) matching(c *collection) (names []string, status int) {
	w, hr := httptest.NewRecorder(), r.Request.Clone(r.Context())
	hr.Body = io.NopCloser(strings.NewReader(r.body))
	hr.Header.Set("Content-Type", "application/xml") // which not every client says
	finder := &finder{c: c}
	(&gocaldav.Handler{Backend: finder}).ServeHTTP(w, hr)
	return finder.found, w.Code
}

// finder is a backend that remembers which objects match, and gives none back, so that go-webdav need not write them.
type finder struct {
	gocaldav.Backend
	c     *collection
	found []string
}

func (f *finder) QueryCalendarObjects(_ context.Context, _ string, query *gocaldav.CalendarQuery) ([]gocaldav.CalendarObject, error) {
	for _, name := range slices.Sorted(maps.Keys(f.c.objects)) {
		if matches(query.CompFilter, f.c.objects[name].body) {
			f.found = append(f.found, name)
		}
	}
	return nil, nil
}

// matches tells whether a body passes a filter. What go-webdav cannot read or decide passes: a filter may find too much, never too little.
func matches(filter gocaldav.CompFilter, body string) bool {
	data, err := parse(body)
	if err != nil {
		return true
	}
	ok, err := gocaldav.Match(filter, &gocaldav.CalendarObject{Data: data})
	return ok || err != nil
}

// parse reads a body with go-ical, which panics on a property without a colon.
func parse(body string) (data *ical.Calendar, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("read iCalendar: %v", p)
		}
	}()
	return ical.NewDecoder(bytes.NewReader([]byte(body))).Decode()
}
