package caldav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

var testCalendar = cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}

const (
	davErrorHead = `<?xml version="1.0"?><D:error xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:s="http://sabredav.org/ns">`
	davErrorTail = `</D:error>`
)

// kind names the error the engine sees.
func kind(err error) string {
	var busy cal.Busy
	var taken cal.Taken
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &taken):
		return "taken by " + string(taken.Href)
	case errors.As(err, &busy):
		return "busy"
	}
	for name, target := range map[string]error{"changed": cal.ErrChanged, "gone": cal.ErrGone, "refused": cal.ErrRefused, "read-only": cal.ErrReadOnly, "locked": cal.ErrLocked, "unsent": cal.ErrUnsent} {
		if errors.Is(err, target) {
			return name
		}
	}
	return "unknown"
}

func TestOutcomesOfWrites(t *testing.T) {
	inner := func(status int, condition string) reply {
		return ok207(strings.Replace(withStatus(fakeCalendar+"a.ics", status), "</D:response>", condition+"</D:response>", 1))
	}
	davError := func(status int, inside string) reply {
		return reply{status: status, text: davErrorHead + inside + davErrorTail, header: map[string]string{"Content-Type": "application/xml"}}
	}
	for _, c := range []struct {
		name                   string
		answer                 reply
		create, update, delete string
	}{
		{"created", reply{status: 201}, "done", "done", "done"},
		{"no content", reply{status: 204}, "done", "done", "done"},
		{"Radicale deletes with 200", reply{status: 200, text: "<multistatus/>"}, "done", "done", "done"},
		{"Xandikos: 207, 200 inside", inner(200, ""), "done", "done", "done"},
		{"Xandikos: 207, 412 inside for a UID", inner(412, `<D:error><C:no-uid-conflict/></D:error>`), "taken by ", "taken by ", "taken by "},
		{"Xandikos: 207, 412 inside for a bad body", inner(412, `<D:error><C:valid-calendar-data/></D:error>`), "refused", "refused", "refused"},
		{"207, 423 inside", inner(423, ""), "unknown", "unknown", "unknown"},
		{"207 cut off", reply{status: 207, text: in207("")[:100]}, "unknown", "unknown", "unknown"},
		{"precondition failed", reply{status: 412}, "changed", "changed", "changed"},
		{"DAViCal: 412 with if-match", davError(412, `<D:if-match/>`), "changed", "changed", "changed"},
		{"Radicale: 409 no-uid-conflict", davError(409, `<C:no-uid-conflict/>`), "taken by ", "taken by ", "taken by "},
		{"no-uid-conflict with the holder", davError(403, `<C:no-uid-conflict><D:href>/home/cal/b@c.ics</D:href></C:no-uid-conflict>`), "taken by /home/cal/b%40c.ics", "taken by /home/cal/b%40c.ics", "taken by "},
		{"Cyrus: unique-scheduling-object-resource", davError(403, `<C:unique-scheduling-object-resource><D:href>/home/other/b.ics</D:href></C:unique-scheduling-object-resource>`), "taken by /home/other/b.ics", "taken by /home/other/b.ics", "taken by "},
		{"SOGo: 409 in words", reply{status: 409, text: `Event UID already in use.`}, "taken by ", "taken by ", "taken by "},
		{"Nextcloud: 400 in words", davError(400, `<s:exception>Sabre\DAV\Exception\BadRequest</s:exception><s:message>Calendar object with uid already exists in this calendar collection.</s:message>`), "taken by ", "taken by ", "taken by "},
		{"Nextcloud's trash bin", davError(400, `<s:message>Deleted calendar object with uid already exists in this calendar collection.</s:message>`), "refused", "refused", "refused"},
		{"409, the calendar answers", reply{status: 409}, "changed", "changed", "changed"},
		{"need-privileges", davError(403, `<D:need-privileges/>`), "read-only", "read-only", "read-only"},
		{"bad data", davError(403, `<C:valid-calendar-data/>`), "refused", "refused", "refused"},
		{"403, the calendar answers", reply{status: 403}, "refused", "refused", "refused"},
		{"400", reply{status: 400, text: "Bad Request"}, "refused", "refused", "refused"},
		{"413", reply{status: 413}, "refused", "refused", "refused"},
		{"415", reply{status: 415}, "refused", "refused", "refused"},
		{"422", reply{status: 422}, "refused", "refused", "refused"},
		{"507", reply{status: 507}, "refused", "refused", "refused"},
		{"404: nothing to update", reply{status: 404}, "refused", "gone", "done"},
		{"410: nothing to update", reply{status: 410}, "refused", "gone", "done"},
		{"401", reply{status: 401, header: map[string]string{"WWW-Authenticate": `Basic realm="x"`}}, "locked", "locked", "locked"},
		{"429", reply{status: 429}, "busy", "busy", "busy"},
		{"503", reply{status: 503}, "busy", "busy", "busy"},
		{"408", reply{status: 408}, "unknown", "unknown", "unknown"},
		{"500", reply{status: 500}, "unknown", "unknown", "unknown"},
		{"502", reply{status: 502, text: "<html>"}, "unknown", "unknown", "unknown"},
		{"a redirect", reply{status: 307, header: map[string]string{"Location": "/elsewhere"}}, "refused", "refused", "refused"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := quirkyServer(t, func(q question) reply {
				switch q.Method {
				case "PROPFIND":
					return ok207(withStatus(fakeCalendar, 200))
				case "GET":
					return reply{status: 404}
				}
				return c.answer
			})
			create, update, remove := writes(s.client(t, Profile{}))
			if kind(create) != c.create || kind(update) != c.update || kind(remove) != c.delete {
				t.Errorf("create: %s (%v)\nupdate: %s (%v)\ndelete: %s (%v)", kind(create), create, kind(update), update, kind(remove), remove)
			}
		})
	}
}

func writes(c *Client) (create, update, remove error) {
	ctx, href := context.Background(), cal.Href(fakeCalendar+"a.ics")
	create = c.Put(ctx, testCalendar, cal.Attempt{Href: href}, cal.Version{}, "BODY")
	update = c.Put(ctx, testCalendar, cal.Attempt{Href: href, Match: `"1"`}, cal.Version{}, "BODY")
	remove = c.Delete(ctx, testCalendar, cal.Attempt{Href: href, Match: `"1"`})
	return create, update, remove
}

func TestLostConnectionIsUnknown(t *testing.T) {
	s := quirkyServer(t, func(q question) reply { panic(http.ErrAbortHandler) })
	create, update, remove := writes(s.client(t, Profile{}))
	for _, err := range []error{create, update, remove} {
		if kind(err) != "unknown" {
			t.Error(err)
		}
	}
}

func TestMissingCalendarProvesNothingAboutTheObject(t *testing.T) {
	for name, status := range map[string]int{"most": 404, "Cyrus": 403, "Radicale": 409, "DAViCal": 500} {
		s := quirkyServer(t, func(q question) reply {
			if q.Method == "PROPFIND" && name == "Radicale" {
				return ok207(withStatus(fakeCalendar, 404)) // Xandikos says it so
			}
			if q.Method == "PROPFIND" {
				return reply{status: 404}
			}
			return reply{status: status}
		})
		if create, update, _ := writes(s.client(t, Profile{})); kind(create) != "unknown" || kind(update) != "unknown" {
			t.Errorf("%s: %v; %v", name, create, update)
		}
	}
}

func TestICloudRefusesWithout404BeingADeletion(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch q.Method {
		case "PROPFIND":
			return ok207(withStatus(fakeCalendar, 200))
		case "GET":
			return objects{"a.ics": `"1"`}.get(q)
		}
		return reply{status: 404}
	})
	if _, update, _ := writes(s.client(t, Profile{})); kind(update) != "refused" {
		t.Error(update)
	}
}

func TestEveryWriteHasOnePrecondition(t *testing.T) {
	var seen []string
	s := quirkyServer(t, func(q question) reply {
		seen = append(seen, fmt.Sprintf("%s %q %q %q %q", q.Method, q.Header["If-Match"], q.Header["If-None-Match"], q.Header.Get("Content-Type"), q.Header.Get("Expect")))
		return reply{status: 204}
	})
	c := s.client(t, Profile{})
	writes(c)
	_ = c.Delete(context.Background(), testCalendar, cal.Attempt{Href: fakeCalendar + "a.ics", Match: `unquoted`})
	want := []string{
		`PUT [] ["*"] "text/calendar; charset=utf-8" ""`,
		`PUT ["\"1\""] [] "text/calendar; charset=utf-8" ""`,
		`DELETE ["\"1\""] [] "" ""`,
		`DELETE ["\"unquoted\""] [] "" ""`,
	}
	if strings.Join(seen, "\n") != strings.Join(want, "\n") {
		t.Errorf("%s", strings.Join(seen, "\n"))
	}
}

func TestBodyArrivesAsItIs(t *testing.T) {
	const body = "BEGIN:VCALENDAR\r\nX:\x01\xff\r\nEND:VCALENDAR\r\n"
	got := ""
	s := quirkyServer(t, func(q question) reply { got = q.text; return reply{status: 201} })
	if err := s.client(t, Profile{}).Put(context.Background(), testCalendar, cal.Attempt{Href: fakeCalendar + "a.ics"}, cal.Version{}, body); err != nil || got != body {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWritesThatAreNeverSent(t *testing.T) {
	s := quirkyServer(t, func(q question) reply { return reply{status: 204} })
	c, ctx := s.client(t, Profile{}), context.Background()
	for name, err := range map[string]error{
		"elsewhere":          c.Put(ctx, testCalendar, cal.Attempt{Href: "/home/other/a.ics"}, cal.Version{}, "BODY"),
		"the calendar":       c.Delete(ctx, testCalendar, cal.Attempt{Href: fakeCalendar, Match: `"1"`}),
		"deeper":             c.Delete(ctx, testCalendar, cal.Attempt{Href: fakeCalendar + "b/a.ics", Match: `"1"`}),
		"delete of anything": c.Delete(ctx, testCalendar, cal.Attempt{Href: fakeCalendar + "a.ics"}),
	} {
		if kind(err) != "refused" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if asked := s.log(); len(asked) > 0 {
		t.Errorf("sent: %q", asked)
	}
}

// TestWeakETags: semantics of a weak etag that a proxy made out of a strong one, and of a server that has no other.
func TestWeakETags(t *testing.T) {
	for name, c := range map[string]struct {
		get            reply
		update, delete string
	}{
		"a proxy weakened it":  {objects{"a.ics": `"1"`}.get(question{report: "a.ics"}), "done", "done"},
		"changed meanwhile":    {objects{"a.ics": `"2"`}.get(question{report: "a.ics"}), "changed", "changed"},
		"gone meanwhile":       {reply{status: 404}, "gone", "done"},
		"the server has none":  {objects{"a.ics": `W/"1"`}.get(question{report: "a.ics"}), "refused", "refused"},
		"it cannot be read":    {reply{status: 500}, "unknown", "unknown"},
		"it is no object":      {reply{status: 200, text: "<html>", header: map[string]string{"Content-Type": "text/html"}}, "unknown", "unknown"},
		"the server says wait": {reply{status: 503}, "busy", "busy"},
	} {
		var conditions []string
		s := quirkyServer(t, func(q question) reply {
			if q.Method == "GET" {
				return c.get
			}
			conditions = append(conditions, q.Header.Get("If-Match"))
			return reply{status: 204}
		})
		client, ctx := s.client(t, Profile{}), context.Background()
		a := cal.Attempt{Href: fakeCalendar + "a.ics", Match: `W/"1"`}
		update, remove := client.Put(ctx, testCalendar, a, cal.Version{}, "BODY"), client.Delete(ctx, testCalendar, a)
		if kind(update) != c.update || kind(remove) != c.delete {
			t.Errorf("%s: update: %v; delete: %v", name, update, remove)
		}
		if c.update == "busy" && errors.Is(update, cal.ErrUnsent) {
			t.Errorf("%s: of two kinds: %v", name, update)
		}
		for _, condition := range conditions {
			if condition != `"1"` {
				t.Errorf("%s: If-Match: %s", name, condition)
			}
		}
	}
}

func TestErrorsCarryTheServersWords(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		return reply{status: 403, text: davErrorHead + `<C:valid-calendar-data/><D:responsedescription>DTEND must occur` + "\n\t" + `after DTSTART` + "\x1b[31m" + strings.Repeat("!", 1000) + `</D:responsedescription>` + davErrorTail}
	})
	create, _, _ := writes(s.client(t, Profile{}))
	text := create.Error()
	if !strings.Contains(text, "valid-calendar-data: DTEND must occur after DTSTART") || strings.ContainsAny(text, "\n\x1b") || len(text) > 500 || strings.Contains(text, "secret") {
		t.Error(text)
	}
}

func TestName(t *testing.T) {
	for _, href := range []cal.Href{"/home/cal/", "/home/cal"} {
		if got := (*Client)(nil).Name(cal.Calendar{Facts: cal.Facts{Href: href}}, cal.Object{ID: "0123abc", Incarnation: 2}, ""); got != "/home/cal/0123abc-2.ics" {
			t.Error(got)
		}
	}
}

// TestALoginPageIsNoYes: 200 and a page says nothing of the write.
func TestALoginPageIsNoYes(t *testing.T) {
	page := reply{status: 200, text: "<html>Log in</html>", header: map[string]string{"Content-Type": "text/html; charset=utf-8"}}
	c := quirkyServer(t, func(question) reply { return page }).client(t, Profile{})
	calendar := cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}
	if err := c.Put(t.Context(), calendar, cal.Attempt{Href: fakeCalendar + "a.ics"}, cal.Version{}, "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n"); !errors.Is(err, errPage) {
		t.Errorf("PUT: %v", err)
	}
	if err := c.Delete(t.Context(), calendar, cal.Attempt{Href: fakeCalendar + "a.ics", Match: `"1"`}); !errors.Is(err, errPage) {
		t.Errorf("DELETE: %v", err)
	}
}
