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
	"github.com/emersion/go-webdav"
	gocaldav "github.com/emersion/go-webdav/caldav"
)

// discover answers at the root and at principals: go-webdav's principal with two home sets, one being that of mail addresses.
func (s *CalDAV) discover(r request) answer {
	user := r.user
	if user == "" {
		user = r.at.user
	}
	w := httptest.NewRecorder()
	hr := r.Request.Clone(r.Context())
	if strings.TrimSpace(r.body) == "" { // RFC 4918 §9.1
		r.body = `<propfind xmlns="DAV:"><allprop/></propfind>`
	}
	hr.Body = io.NopCloser(strings.NewReader(r.body))
	hr.Header.Set("Content-Type", "application/xml") // which not every client says
	webdav.ServePrincipal(w, hr, &webdav.ServePrincipalOptions{
		CurrentUserPrincipalPath: s.Principal(user),
		HomeSets:                 []webdav.BackendSuppliedHomeSet{&homeSet{Href: r.home(s, user)}, &addressSet{Href: "mailto:" + user + "@example.org"}},
	})
	return answer{status: w.Code, header: w.Header(), body: w.Body.Bytes()}
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

// homeSet is C:calendar-home-set (RFC 4791 §6.2.1). go-webdav's own can only be a path.
type homeSet struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:caldav calendar-home-set"`
	Href    string   `xml:"DAV: href"`
}

func (*homeSet) GetXMLName() xml.Name { return xml.Name{Space: caldav, Local: "calendar-home-set"} }

// addressSet is C:calendar-user-address-set (RFC 6638 §2.4.1).
type addressSet struct {
	XMLName xml.Name `xml:"urn:ietf:params:xml:ns:caldav calendar-user-address-set"`
	Href    string   `xml:"DAV: href"`
}

func (*addressSet) GetXMLName() xml.Name {
	return xml.Name{Space: caldav, Local: "calendar-user-address-set"}
}

// query answers calendar-query (RFC 4791 §7.8): go-webdav reads the filter and matches, we write the answer.
func (s *CalDAV) query(r request, c *collection, asked []xml.Name) answer {
	m := newMultistatus(r)
	names, status := r.matching(c)
	if status >= 400 {
		return answer{status: status}
	}
	if r.q.EmptyListing {
		names = nil
	}
	if r.q.CollectionAmongMembers {
		m.resource(r.at, asked, s.calendarProperties(r, c))
	}
	for _, name := range names {
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
