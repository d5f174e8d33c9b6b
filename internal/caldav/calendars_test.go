package caldav

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

const calendarSpaces = ` xmlns:S="http://calendarserver.org/ns/" xmlns:A="http://apple.com/ns/ical/"`

// described is one collection in a listing.
func described(href, props string) string {
	return `<D:response><D:href>` + href + `</D:href><D:propstat><D:prop` + calendarSpaces + `>` + props + `</D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat>` +
		`<D:propstat><D:prop` + calendarSpaces + `><A:calendar-order>7</A:calendar-order></D:prop><D:status>HTTP/1.1 404 Not Found</D:status></D:propstat></D:response>`
}

const (
	isCal      = `<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>`
	isMere     = `<D:resourcetype><D:collection/></D:resourcetype>`
	readRights = `<D:current-user-privilege-set><D:privilege><D:read/></D:privilege></D:current-user-privilege-set>`
)

func TestCalendars(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		return ok207(described("/home/", isMere) +
			described("/home/full/", isCal+`<D:displayname><![CDATA[Team & Co]]></D:displayname><A:calendar-color>#FF0000FF</A:calendar-color><D:sync-token>t1</D:sync-token><S:getctag>"c1"</S:getctag>`+
				`<C:calendar-description>about</C:calendar-description><C:calendar-timezone>BEGIN:VCALENDAR</C:calendar-timezone>`+
				`<C:supported-calendar-component-set><C:comp name="vtodo"/><C:comp name="VEVENT"/></C:supported-calendar-component-set>`+
				`<D:current-user-privilege-set><D:privilege><D:read/></D:privilege><D:privilege><D:write-content/></D:privilege></D:current-user-privilege-set>`+
				`<D:supported-report-set><D:supported-report><D:sync-collection/></D:supported-report></D:supported-report-set>`) +
			described("/home/bare", isCal+`<S:getctag>42</S:getctag>`) +
			described("/home/shared@x/", isCal+readRights) +
			described("/home/busy/", isCal+`<D:current-user-privilege-set><D:privilege><C:read-free-busy/></D:privilege></D:current-user-privilege-set>`) +
			described("/home/inbox/", `<D:resourcetype><D:collection/><C:schedule-inbox/><C:calendar/></D:resourcetype>`) +
			described("/home/outbox/", `<D:resourcetype><D:collection/><C:schedule-outbox/></D:resourcetype>`) +
			described("/home/notifications/", `<D:resourcetype><D:collection/><S:notification xmlns:S="http://calendarserver.org/ns/"/></D:resourcetype>`) +
			described("/home/calendar-proxy-read/", `<D:resourcetype><D:principal/><D:collection/></D:resourcetype>`) +
			described("/home/full.ics", `<D:resourcetype/>`))
	})
	c := s.client(t, Profile{})
	got, err := c.Calendars(context.Background(), true)
	want := []cal.Facts{
		{Href: "/home/full/", Name: "Team & Co", Color: "#FF0000FF", Description: "about", TimeZone: "BEGIN:VCALENDAR", Components: "VEVENT,VTODO", Access: cal.AccessWrite, SyncToken: "t1", Mark: "t1"},
		{Href: "/home/bare/", Access: cal.AccessWrite, Mark: "42"},
		{Href: "/home/shared%40x/", Access: cal.AccessRead},
		{Href: "/home/busy/", Access: cal.AccessFreeBusy},
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
	}
	if p := c.Profile(); p.SyncCollection != Yes || p.ListingOnly != No {
		t.Errorf("learned %+v", p)
	}
	checkAsked(t, s, "PROPFIND propfind")
}

// TestCalendarsWithTokens: where every calendar has a sync-token nobody asks for ctags, until one has none.
func TestCalendarsWithTokens(t *testing.T) {
	tokens, asked := true, false
	s := quirkyServer(t, func(q question) reply {
		asked = strings.Contains(q.text, "getctag")
		mark := `<S:getctag>42</S:getctag>`
		if tokens {
			mark += `<D:sync-token>t1</D:sync-token>`
		}
		return ok207(described("/home/cal/", isCal+mark))
	})
	c := s.client(t, Profile{})
	list := func(want bool) {
		t.Helper()
		if _, err := c.Calendars(context.Background(), true); err != nil || asked != want {
			t.Errorf("%v, ctag asked for: %v", err, asked)
		}
	}
	list(true)
	list(false)
	tokens = false
	list(false)
	list(true)
}

func TestCalendarsOfSeveralHomes(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		return ok207(described(q.URL.Path+"cal/", isCal) + described("/shared/cal/", isCal))
	})
	c, err := New(Config{Homes: []string{s.URL + "/one/", s.URL + "/two"}, Username: "alice", Password: "secret", AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	got, err := c.Calendars(context.Background(), true)
	if err != nil || len(got) != 3 || got[0].Href != "/one/cal/" || got[1].Href != "/shared/cal/" || got[2].Href != "/two/cal/" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestListOfCalendarsIsWholeOrAnError(t *testing.T) {
	whole := in207(described("/home/cal/", isCal))
	for name, a := range map[string]reply{
		"cut off":      {status: 207, text: whole[:len(whole)-5]},
		"a login page": {status: 200, text: "<html></html>"},
		"404":          {status: 404},
		"500":          {status: 500},
		"Xandikos":     ok207(withStatus("/home/", 404)),
	} {
		s := quirkyServer(t, func(question) reply { return a })
		if got, err := s.client(t, Profile{}).Calendars(context.Background(), true); err == nil {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

func TestMakeCalendar(t *testing.T) {
	for name, c := range map[string]struct {
		mkcalendar, mkcol, proppatch reply
		there                        string // what is there from the start
		facts                        cal.Facts
		want                         cal.Href
		kind                         string
		asked                        string
	}{
		"as documented": {
			mkcalendar: reply{status: 201}, proppatch: ok207(withStatus("/home/team-a/", 200)), facts: cal.Facts{Name: "Team A", Color: "#f00"},
			want: "/home/team-a/", kind: "done", asked: "MKCALENDAR, PROPPATCH",
		},
		"Xandikos: 207 with a failure inside": {
			mkcalendar: ok207(withStatus("/home/x/", 403)), facts: cal.Facts{Href: "/home/x/"},
			kind: "refused", asked: "MKCALENDAR, PROPFIND",
		},
		"the home is missing": {
			mkcalendar: reply{status: 409}, facts: cal.Facts{Href: "/home/x/"},
			kind: "refused", asked: "MKCALENDAR, PROPFIND",
		},
		"Baikal before MKCALENDAR": {
			mkcalendar: reply{status: 501}, mkcol: reply{status: 201}, facts: cal.Facts{Href: "/home/x"},
			want: "/home/x/", kind: "done", asked: "MKCALENDAR, PROPFIND, MKCOL",
		},
		"the name is taken": {
			mkcalendar: reply{status: 405}, there: "/home/x/", facts: cal.Facts{Href: "/home/x/"},
			kind: "refused", asked: "MKCALENDAR, PROPFIND, PROPFIND",
		},
		"only the description is refused": {
			mkcalendar: reply{status: 201}, proppatch: ok207(strings.Replace(described("/home/x/", "<D:displayname/>"), "200 OK", "403 Forbidden", 1)), facts: cal.Facts{Href: "/home/x/", Name: "X"},
			want: "/home/x/", kind: "refused", asked: "MKCALENDAR, PROPPATCH",
		},
	} {
		var methods []string
		s := quirkyServer(t, func(q question) reply {
			methods = append(methods, q.Method)
			switch q.Method {
			case "MKCALENDAR":
				if strings.Contains(q.text, "displayname") {
					t.Errorf("%s: the name goes along, which breaks the URL on Zimbra", name)
				}
				return c.mkcalendar
			case "MKCOL":
				return c.mkcol
			case "PROPPATCH":
				return c.proppatch
			}
			if q.URL.Path == c.there {
				return ok207(withStatus(c.there, 200))
			}
			return reply{status: 404}
		})
		got, err := s.client(t, Profile{}).MakeCalendar(context.Background(), c.facts)
		if got != c.want || kind(err) != c.kind || strings.Join(methods, ", ") != c.asked {
			t.Errorf("%s: %q, %v; asked %v", name, got, err, methods)
		}
	}
}

func TestMakeCalendarMakesNoSecondOneWhenItDoesNotKnow(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		if q.Method == "MKCALENDAR" {
			if q.text != "" {
				t.Errorf("Cyrus answers 500 to a body that sets nothing: %q", q.text)
			}
			return reply{status: 500}
		}
		return ok207(withStatus(q.URL.Path, 200))
	})
	got, err := s.client(t, Profile{}).MakeCalendar(context.Background(), cal.Facts{Name: "Team"})
	if kind(err) != "unknown" || got != "" {
		t.Errorf("%q, %v", got, err)
	}
	checkAsked(t, s, "MKCALENDAR")
}

func TestMakeCalendarFindsAFreeName(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch {
		case q.Method == "MKCALENDAR" && q.URL.Path == "/home/team-3/":
			return reply{status: 201}
		case q.Method == "MKCALENDAR":
			return reply{status: 403}
		case q.Method == "PROPPATCH":
			return ok207("")
		}
		return ok207(withStatus(q.URL.Path, 200))
	})
	if got, err := s.client(t, Profile{}).MakeCalendar(context.Background(), cal.Facts{Name: "Team"}); got != "/home/team-3/" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestDescribe(t *testing.T) {
	text := ""
	s := quirkyServer(t, func(q question) reply {
		text = q.text
		return ok207(described("/home/cal/", "<D:displayname/>"))
	})
	c := s.client(t, Profile{})
	err := c.Describe(context.Background(), "/home/cal/", cal.Facts{Name: `<&">`})
	if kind(err) != "refused" || !strings.Contains(text, "<D:displayname>&lt;&amp;&#34;&gt;</D:displayname>") || strings.Contains(text, "color") {
		t.Errorf("a 404 inside a 207 is no success: %v\n%s", err, text)
	}
	s.log()
	if err := c.Describe(context.Background(), "/home/cal/", cal.Facts{}); err != nil || len(s.log()) > 0 {
		t.Errorf("nothing to say: %v", err)
	}
}

func TestDropCalendar(t *testing.T) {
	for name, c := range map[string]struct {
		answer reply
		there  bool
		kind   string
	}{
		"done":                              {reply{status: 204}, false, "done"},
		"Cyrus: 404, but it is deleted":     {reply{status: 404}, false, "done"},
		"404, but it is there":              {reply{status: 404}, true, "gone"},
		"forbidden":                         {reply{status: 403}, true, "refused"},
		"207: some of it could not be":      {ok207(withStatus("/home/cal/a.ics", 423)), true, "unknown"},
		"Zimbra may take it for a redirect": {reply{status: 302, header: map[string]string{"Location": "/trash/"}}, true, "refused"},
	} {
		s := quirkyServer(t, func(q question) reply {
			if q.Method == "DELETE" {
				return c.answer
			} else if c.there {
				return ok207(withStatus("/home/cal/", 200))
			}
			return reply{status: 404}
		})
		if err := s.client(t, Profile{}).DropCalendar(context.Background(), "/home/cal"); kind(err) != c.kind {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDropCalendarDropsNothingElse(t *testing.T) {
	s := quirkyServer(t, func(question) reply { return reply{status: 204} })
	c := s.client(t, Profile{})
	for _, href := range []cal.Href{"/home/", "/home", "/", "/other/cal/", "/home/cal/deeper/", "https://elsewhere.example.com/home/cal/"} {
		if err := c.DropCalendar(context.Background(), href); !errors.Is(err, cal.ErrRefused) {
			t.Errorf("%s: %v", href, err)
		}
	}
	if asked := s.log(); len(asked) > 0 {
		t.Errorf("sent %v", asked)
	}
}
