package providertest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

// TestSimIsLikeThem: with the quirks of a server, sim answers as that server does. So what is tested on sim holds there.
func TestSimIsLikeThem(t *testing.T) {
	providertest.EachServer(t, func(t *testing.T, real providertest.Server) {
		if real.Sim != nil {
			t.Log("is itself")
			return
		}
		model := providertest.StartSim(t)
		model.Sim.Quirks(func(q *sim.Quirks) { *q = sim.Like(real.Name) })
		want, got := interview(t, real), interview(t, model)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s says %q, sim %q", real.Name, want[i], got[i])
			}
		}
	})
}

// interview puts the same questions to a server.
func interview(t *testing.T, s providertest.Server) (answers []string) {
	calendar := providertest.FreshCalendar(t, s)
	note := func(question string, a providertest.Answer) {
		answers = append(answers, fmt.Sprintf("%s: %d", question, a.Status))
	}
	put := func(name, body string, conditions ...string) providertest.Answer {
		return s.Do(t, http.MethodPut, calendar+name, body, append([]string{"Content-Type", "text/calendar; charset=utf-8"}, conditions...)...)
	}
	uid := strings.Trim(calendar[len(s.Home):], "/")
	body := ordered(uid, "one")
	note("create", put("a.ics", body, "If-None-Match", "*"))
	note("create again", put("a.ics", body, "If-None-Match", "*"))
	note("overwrite another version", put("a.ics", ordered(uid, "two"), "If-Match", `"zz"`))
	note("overwrite any version", put("a.ics", ordered(uid, "three"), "If-Match", "*"))
	_, etag, _ := s.Get(t, calendar+"a.ics")
	note("overwrite one of two versions", put("a.ics", ordered(uid, "four"), "If-Match", `"zz", `+etag))
	_, etag, _ = s.Get(t, calendar+"a.ics")
	note("overwrite a weak version", put("a.ics", ordered(uid, "five"), "If-Match", "W/"+etag))
	_, etag, _ = s.Get(t, calendar+"a.ics")
	note("overwrite", put("a.ics", ordered(uid, "six"), "If-Match", etag))
	note("overwrite nothing", put("b.ics", ordered(uid+"b", "x"), "If-Match", etag))
	note("create with a UID in use", put("b.ics", body, "If-None-Match", "*"))
	note("read nothing", s.Do(t, http.MethodGet, calendar+"b.ics", ""))
	note("delete nothing", s.Do(t, http.MethodDelete, calendar+"b.ics", "", "If-Match", etag))
	note("delete another version", s.Do(t, http.MethodDelete, calendar+"a.ics", "", "If-Match", `"zz"`))
	note("write where no calendar is", s.Do(t, http.MethodPut, s.Home+"none/a.ics", body, "Content-Type", "text/calendar"))
	note("ask for a token never given", report(t, s, calendar, "http://example.org/never/given"))
	all := report(t, s, calendar, "")
	note("ask for everything", all)
	answers = append(answers, fmt.Sprint("with the data: ", strings.Contains(all.Body, "BEGIN:VCALENDAR")))
	changed := put("c.ics", strings.Replace(ordered(uid+"c", "x"), "SUMMARY", "summary", 1))
	answers = append(answers, fmt.Sprint("an etag for a body that is rewritten: ", changed.Header.Get("ETag") != ""))
	note("move another version", s.Do(t, "MOVE", calendar+"c.ics", "", "If-Match", `"zz"`, "Destination", s.URL+calendar+"d.ics"))
	note("delete", s.Do(t, http.MethodDelete, calendar+"a.ics", ""))
	note("delete the calendar", s.Do(t, http.MethodDelete, calendar, ""))
	note("list no calendar", s.Do(t, "PROPFIND", calendar, "", "Depth", "0"))
	return answers
}

func report(t *testing.T, s providertest.Server, calendar, token string) providertest.Answer {
	return s.Do(t, "REPORT", calendar, `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token>`+token+
		`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>`,
		"Content-Type", "application/xml", "Depth", "1")
}

// ordered is a body whose properties stand in no alphabetical order.
func ordered(uid, summary string) string {
	return strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:" + uid, "SUMMARY:" + summary,
		"DTSTART:20260105T090000Z", "DTEND:20260105T100000Z", "DTSTAMP:20260101T000000Z", "END:VEVENT", "END:VCALENDAR", ""}, "\r\n")
}
