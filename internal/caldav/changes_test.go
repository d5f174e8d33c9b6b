package caldav

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

// inlineServer is Cyrus or Radicale: bodies come along when asked for.
func inlineServer(o objects, now string) func(question) reply {
	return func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(o.listing(strings.Contains(q.text, "calendar-data")) + tokenIs(now))
		case "calendar-multiget":
			return o.multiget(q)
		}
		return o.get(q)
	}
}

// bareServer is Xandikos, DAViCal or SOGo: sync-collection without bodies.
func bareServer(o objects, now string) func(question) reply {
	return func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(o.listing(false) + tokenIs(now))
		case "calendar-multiget":
			return o.multiget(q)
		}
		return o.get(q)
	}
}

func TestFirstSyncIsOneRequestOnCyrus(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
	s := quirkyServer(t, inlineServer(o, "t1"))
	c := s.client(t, Profile{})
	changes(t, c, cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
	checkAsked(t, s, "REPORT sync-collection")
	if p := c.Profile(); p.InlineData != Yes || p.SyncCollection != Yes {
		t.Errorf("learned %+v", p)
	}
}

func TestFirstSyncFetchesWhatXandikosLeavesOut(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
	s := quirkyServer(t, bareServer(o, "t1"))
	c := s.client(t, Profile{})
	changes(t, c, cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
	checkAsked(t, s, "REPORT sync-collection", "REPORT calendar-multiget  a.ics b.ics")
	if c.Profile().InlineData != No {
		t.Error("not learned that bodies do not come along")
	}
}

func TestDeltaFetchesOnlyWhatIsNew(t *testing.T) {
	listed := objects{"echo.ics": `"1"`, "new.ics": `"2"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" && q.token == "t1" {
			return ok207(listed.listing(false) + gone("dead.ics") + tokenIs("t2"))
		}
		return bareServer(listed, "x")(q)
	})
	held := objects{"echo.ics": `"1"`, "dead.ics": `"9"`, "x1": "1", "x2": "1", "x3": "1"}
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1", Read: hrefsOf("read.ics")}, held).
		check(t, told{present: objects{"new.ics": `"2"`}, removed: []string{"dead.ics"}, absent: []string{"read.ics"}, nexts: []string{"t2"}})
	checkAsked(t, s, "REPORT sync-collection t1", "GET read.ics", "REPORT calendar-multiget  new.ics")
}

func TestNothingChangedIsOneRequest(t *testing.T) {
	s := quirkyServer(t, func(q question) reply { return ok207(tokenIs("t1")) })
	changes(t, s.client(t, Profile{InlineData: Yes}), cal.Ask{Since: "t1"}, nil).check(t, told{nexts: []string{"t1"}})
	checkAsked(t, s, "REPORT sync-collection t1")
}

func TestWhatIsReadIsNotReadTwice(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, inlineServer(o, "t2"))
	changes(t, s.client(t, Profile{InlineData: Yes}), cal.Ask{Since: "t1", Read: hrefsOf("a.ics", "a.ics")}, nil).
		check(t, told{present: o, nexts: []string{"t2"}})
	checkAsked(t, s, "REPORT sync-collection t1")
}

func TestTruncatedFirstSyncCanBeResumed(t *testing.T) {
	parts := map[string]objects{"": {"a.ics": `"1"`}, "p1": {"b.ics": `"2"`}, "p2": {"c.ics": `"3"`}}
	next := map[string]string{"": "p1", "p1": "p2", "p2": "end"}
	s := quirkyServer(t, func(q question) reply {
		if strings.Contains(q.text, "limit") {
			return reply{status: 507} // Nextcloud
		}
		more := ""
		if q.token != "p2" {
			more = withStatus(fakeCalendar, 507)
		}
		return ok207(parts[q.token].listing(true) + more + tokenIs(next[q.token]))
	})
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).
		check(t, told{present: objects{"a.ics": `"1"`, "b.ics": `"2"`, "c.ics": `"3"`}, nexts: []string{"p1", "p2", "end"}, complete: true})
}

func TestTruncatedRelistingTellsNoTokenBeforeItsEnd(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch q.token {
		case "old":
			return reply{status: 403, text: `<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`}
		case "":
			if q.report == "calendar-multiget" {
				return objects{"b.ics": `"2"`}.multiget(q)
			}
			return ok207(objects{"a.ics": `"1"`}.listing(false) + withStatus("/home/cal", 507) + tokenIs("p1"))
		}
		return ok207(objects{"b.ics": `"2"`}.listing(false) + tokenIs("end"))
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "old"}, objects{"a.ics": `"1"`, "dead.ics": `"1"`}).
		check(t, told{present: objects{"b.ics": `"2"`}, absent: []string{"dead.ics"}, nexts: []string{"end"}, complete: true})
}

func TestTruncatedDeltaTellsEachTokenWithWhatItCovers(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch q.token {
		case "t1":
			return ok207(objects{"a.ics": `"1"`}.listing(false) + gone("dead1.ics") + withStatus(fakeCalendar, 507) + tokenIs("p1"))
		case "p1":
			return ok207(objects{"b.ics": `"2"`}.listing(false) + gone("dead2.ics") + tokenIs("t2"))
		}
		if o := (objects{"a.ics": `"1"`, "b.ics": `"2"`, "read.ics": `"3"`}); q.Method != "GET" {
			return o.multiget(q)
		} else {
			return o.get(q)
		}
	})
	var pages []string
	calendar := cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}
	for page, err := range s.client(t, Profile{}).Changes(context.Background(), calendar, cal.Ask{Since: "t1", Read: hrefsOf("read.ics")}) {
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, fmt.Sprint(page.Next, " ", len(page.Present), " ", page.Removed, " ", page.Last, " ", page.Complete))
	}
	want := " 1 [] false false\nt2 2 [/home/cal/dead1.ics /home/cal/dead2.ics] true false"
	if got := strings.Join(pages, "\n"); got != want {
		t.Errorf("%s", got)
	}
}

// story is what a history tells, one answer after the other; all but the last are truncated (RFC 6578 §3.6).
func story(o objects, answers ...string) func(question) reply {
	return func(q question) reply {
		switch q.report {
		case "sync-collection":
			at := 0
			if q.token != "" {
				at, _ = strconv.Atoi(q.token[1:])
			}
			more := ""
			if at+1 < len(answers) {
				more = withStatus(fakeCalendar, 507)
			}
			return ok207(answers[at] + more + tokenIs(fmt.Sprint("t", at+1)))
		case "calendar-multiget":
			return o.multiget(q)
		}
		return o.get(q)
	}
}

// notFound: of a listing and a reading one is wrong, or somebody was quick.
const notFound = "listed, and not found when it was read"

func TestWhatATruncatedDeltaTellsLaterHolds(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
	held := objects{"a.ics": `"1"`, "x.ics": `"1"`}
	a, b := objects{"a.ics": `"1"`}, objects{"b.ics": `"2"`}
	for _, c := range []struct {
		name    string
		answers []string
		want    told
	}{
		{"removed, alive with the etag held", []string{gone("a.ics"), a.listing(false)}, told{present: a, nexts: []string{"t2"}}},
		{"removed, alive with its body", []string{gone("a.ics"), a.listing(true)}, told{present: a, nexts: []string{"t2"}}},
		{"alive, removed", []string{b.listing(true), gone("b.ics")}, told{present: b, removed: []string{"b.ics"}, nexts: []string{"t1", "t2"}}},
		{"removed, alive, removed", []string{gone("a.ics"), a.listing(true), gone("a.ics")},
			told{present: a, removed: []string{"a.ics"}, nexts: []string{"t2", "t3"}}},
		{"not there when read, alive", []string{objects{"late.ics": `"1"`}.listing(false), objects{"late.ics": `"1"`}.listing(true)},
			told{present: objects{"late.ics": `"1"`}, unread: map[string]string{"late.ics": notFound}, nexts: []string{"t1", "t2"}}},
		{"no token past a removal that was not told", []string{b.listing(true), gone("x.ics"), a.listing(true)},
			told{present: o, removed: []string{"x.ics"}, nexts: []string{"t1", "t3"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := quirkyServer(t, story(o, c.answers...))
			changes(t, s.client(t, Profile{}), cal.Ask{Since: "t0"}, held).check(t, c.want)
		})
	}
}

func TestWhatAFirstSyncTellsLaterHolds(t *testing.T) {
	a, b := objects{"a.ics": `"1"`}, objects{"b.ics": `"2"`}
	s := quirkyServer(t, story(b, a.listing(true), b.listing(true)+gone("a.ics")+gone("long-dead.ics")))
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, told{present: objects{"a.ics": `"1"`, "b.ics": `"2"`},
		removed: []string{"a.ics"}, nexts: []string{"t1", "t2"}, complete: true})
}

func TestWhatWasNotThereIsAskedForAgainAfterTheTokenWasRefused(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch {
		case q.token == "t1":
			return ok207(objects{"new.ics": `"1"`}.listing(false) + gone("dead.ics") + withStatus(fakeCalendar, 507) + tokenIs("p1"))
		case q.token == "p1":
			return reply{status: 403, text: `<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`}
		case q.report == "sync-collection":
			return ok207(objects{"dead.ics": `"1"`}.listing(false) + tokenIs("t9"))
		}
		return listingServer(objects{})(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1"}, objects{"dead.ics": `"1"`}).
		check(t, told{unread: map[string]string{"new.ics": notFound}, nexts: []string{"t9"}, complete: true})
}

func TestTokenRefusedHalfWay(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch {
		case q.token == "t1":
			return ok207(objects{"a.ics": `"1"`}.listing(false) + withStatus(fakeCalendar, 507) + tokenIs("p1"))
		case q.token == "p1":
			return reply{status: 403, text: `<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`}
		case q.report == "sync-collection":
			return ok207(tokenIs("t9"))
		}
		return objects{}.multiget(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1"}, objects{"a.ics": `"1"`}).
		check(t, told{absent: []string{"a.ics"}, nexts: []string{"p1", "t9"}, complete: true})
}

func TestTruncationThatLeadsNowhereEnds(t *testing.T) {
	s := quirkyServer(t, func(q question) reply { return ok207(withStatus(fakeCalendar, 507) + tokenIs("same")) })
	if got := changes(t, s.client(t, Profile{}), cal.Ask{Since: "same"}, objects{"a.ics": "1"}); got.err == nil {
		t.Errorf("%+v", got)
	}
}

// TestRefusedToken: each server's way of not knowing a token leads to a complete listing, and nothing is gone that was not asked for.
func TestRefusedToken(t *testing.T) {
	for name, refusal := range map[string]reply{
		"Cyrus and Radicale": {status: 403, text: `<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>`},
		"Tine":               {status: 400, text: "no"},
		"409":                {status: 409},
		"410":                {status: 410},
		"412":                {status: 412},
		"old Nextcloud":      {status: 418},
		"Xandikos":           {status: 500, text: "Server got itself in trouble"},
		"507":                {status: 507},
	} {
		t.Run(name, func(t *testing.T) {
			o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
			s := quirkyServer(t, func(q question) reply {
				if q.token == "old" {
					return refusal
				}
				return bareServer(o, "t9")(q)
			})
			held := objects{"a.ics": `"1"`, "b.ics": `"old"`, "dead.ics": `"1"`}
			changes(t, s.client(t, Profile{InlineData: Yes}), cal.Ask{Since: "old"}, held).
				check(t, told{present: objects{"b.ics": `"2"`}, absent: []string{"dead.ics"}, nexts: []string{"t9"}, complete: true})
			checkAsked(t, s, "REPORT sync-collection old", "REPORT sync-collection", "REPORT calendar-multiget  b.ics", "REPORT calendar-multiget  dead.ics")
		})
	}
}

func TestDAViCalAnswersAnUnknownTokenWithEverything(t *testing.T) {
	o := objects{}
	held := objects{"dead.ics": `"1"`}
	for i := range 10 {
		o[fmt.Sprint(i, ".ics")], held[fmt.Sprint(i, ".ics")] = `"1"`, `"1"`
	}
	s := quirkyServer(t, bareServer(o, "t9"))
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "old"}, held).
		check(t, told{absent: []string{"dead.ics"}, nexts: []string{"t9"}, complete: true})
}

func TestSOGoRepeatsOldTombstones(t *testing.T) {
	o := objects{}
	for i := range 10 {
		o[fmt.Sprint(i, ".ics")] = `"gcs00000000"`
	}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return ok207(gone("0.ics") + o.listing(false) + gone("long-dead.ics") + tokenIs("1790000000"))
		}
		return o.multiget(q)
	})
	got := changes(t, s.client(t, Profile{}), cal.Ask{Since: "1"}, o)
	got.check(t, told{present: objects{"0.ics": `"gcs00000000"`}, nexts: []string{"1790000000"}, complete: true})
	first := changes(t, s.client(t, Profile{}), cal.Ask{}, nil)
	first.check(t, told{present: o, nexts: []string{"1790000000"}, complete: true})
}

func TestSOGoListsTheRevivedTwice(t *testing.T) {
	revived := objects{"revived.ics": `"gcs00000000"`}
	s := quirkyServer(t, func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(revived.listing(false) + gone("revived.ics") + tokenIs("t2"))
		case "calendar-multiget":
			return ok207("")
		}
		return revived.get(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1", Full: true}, objects{"dead.ics": `"1"`}).
		check(t, told{present: revived, absent: []string{"dead.ics"}, nexts: []string{"t2"}, complete: true})
	s.log()
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1"}, nil).check(t, told{present: revived, nexts: []string{"t2"}})
	checkAsked(t, s, "REPORT sync-collection t1", "REPORT calendar-multiget  revived.ics", "GET revived.ics")
}

func TestHistoryWithoutTokenIsNone(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return ok207("")
		}
		return listingServer(o)(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1"}, o).check(t, told{complete: true})
	checkAsked(t, s, "REPORT sync-collection t1", "REPORT sync-collection", "PROPFIND propfind")
}

func TestRadicaleListsLongDeadOnesAtFirst(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply { return ok207(o.listing(true) + gone("long-dead.ics") + tokenIs("t1")) })
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
}

func TestFullListingAsksByName(t *testing.T) {
	o := objects{"a.ics": `"1"`, "unlisted.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return ok207(o.response("a.ics", false) + tokenIs("t2"))
		}
		return o.multiget(q)
	})
	held := objects{"a.ics": `"1"`, "unlisted.ics": `"1"`, "dead.ics": `"1"`}
	changes(t, s.client(t, Profile{InlineData: Yes}), cal.Ask{Since: "t1", Full: true}, held).
		check(t, told{present: objects{"unlisted.ics": `"1"`}, absent: []string{"dead.ics"}, nexts: []string{"t2"}, complete: true})
}

// listingServer is Sabre 1.8: no sync-collection, and a calendar-multiget with one missing href fails as a whole.
func listingServer(o objects) func(question) reply {
	return func(q question) reply {
		switch q.report {
		case "sync-collection":
			return reply{status: 403, text: `<d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre_DAV_Exception_ReportNotSupported</s:exception><d:supported-report/></d:error>`}
		case "propfind":
			return ok207(withStatus(fakeCalendar, 200) + o.listing(false))
		case "calendar-multiget":
			for _, name := range q.hrefs {
				if _, ok := o[name]; !ok {
					return reply{status: 404}
				}
			}
			return o.multiget(q)
		}
		return o.get(q)
	}
}

func TestSabre18HasNoHistory(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
	s := quirkyServer(t, listingServer(o))
	c := s.client(t, Profile{})
	held := objects{"a.ics": `"1"`, "dead1.ics": `"1"`}
	want := told{present: objects{"b.ics": `"2"`}, absent: []string{"dead1.ics"}, complete: true}
	changes(t, c, cal.Ask{Since: "t"}, held).check(t, want)
	if c.Profile().SyncCollection != No {
		t.Error("not learned")
	}
	s.log()
	changes(t, c, cal.Ask{Since: "t"}, held).check(t, want)
	checkAsked(t, s, "PROPFIND propfind", "REPORT calendar-multiget  b.ics", "REPORT calendar-multiget  dead1.ics", "GET dead1.ics")
}

func TestSabre18FailsAMultigetForOneMissingHref(t *testing.T) {
	o, listed := objects{}, objects{}
	for i := range 20 {
		o[fmt.Sprintf("%02d.ics", i)], listed[fmt.Sprintf("%02d.ics", i)] = `"1"`, `"1"`
	}
	listed["10-gone-meanwhile.ics"] = `"1"`
	s := quirkyServer(t, func(q question) reply {
		if q.report == "propfind" {
			return ok207(listed.listing(false))
		}
		return listingServer(o)(q)
	})
	changes(t, s.client(t, Profile{SyncCollection: No}), cal.Ask{}, nil).
		check(t, told{present: o, unread: map[string]string{"10-gone-meanwhile.ics": notFound}, complete: true})
	if n := len(s.log()); n > 14 {
		t.Errorf("%d requests", n)
	}
}

func TestCyrusRefusesAnEmptyToken(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return reply{status: 400}
		}
		return listingServer(o)(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, told{present: o, complete: true})
}

func TestAServerInTroubleHasNotLostItsHistory(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return reply{status: 500}
		}
		return listingServer(o)(q)
	})
	c := s.client(t, Profile{SyncCollection: Yes})
	changes(t, c, cal.Ask{Since: "t1"}, nil).check(t, told{present: o, complete: true})
	if c.Profile().SyncCollection != Yes {
		t.Error("forgotten for one 500")
	}
}

func TestYandexFailsTheWholeAnswerWith507(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return reply{status: 507, text: `<D:error xmlns:D="DAV:"><D:number-of-matches-within-limits/></D:error>`}
		}
		return listingServer(o)(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, told{present: o, complete: true})
}

func TestSmarterMailListsNoETags(t *testing.T) {
	o, none := objects{"a.ics": `"1"`}, objects{"a.ics": ""}
	s := quirkyServer(t, func(q question) reply {
		switch q.report {
		case "propfind":
			return ok207(none.listing(false))
		case "calendar-query":
			if !strings.Contains(q.text, `name="VEVENT"`) {
				return reply{status: 400}
			}
			return ok207(o.listing(false))
		}
		return o.multiget(q)
	})
	c := s.client(t, Profile{SyncCollection: No})
	changes(t, c, cal.Ask{}, nil).check(t, told{present: o, complete: true})
	s.log()
	changes(t, c, cal.Ask{}, o).check(t, told{complete: true})
	checkAsked(t, s, "PROPFIND propfind", "REPORT calendar-query")
}

func TestServerWithoutAnyETagStillSyncs(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		if q.Method == "GET" {
			return reply{status: 200, text: bodyOf("a.ics", "")}
		}
		return ok207(objects{"a.ics": ""}.listing(q.report == "calendar-multiget"))
	})
	got := changes(t, s.client(t, Profile{SyncCollection: No}), cal.Ask{}, nil)
	if etag := got.present["a.ics"]; got.err != nil || !weak(cal.ETag(etag)) {
		t.Errorf("%q, %v", etag, got.err)
	}
}

func TestDAViCalLeavesMissingHrefsOut(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(tokenIs("t2"))
		case "calendar-multiget":
			return ok207(o.listing(true))
		}
		return o.get(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1", Read: hrefsOf("a.ics", "dead.ics")}, nil).
		check(t, told{present: o, absent: []string{"dead.ics"}, nexts: []string{"t2"}})
}

func TestAMissingAnswerIsNoDeletion(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(objects{"a.ics": `"1"`}.listing(false) + tokenIs("t2"))
		case "calendar-multiget":
			return ok207("")
		}
		return reply{status: 500}
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1", Read: hrefsOf("b.ics")}, nil).
		check(t, told{unread: map[string]string{"a.ics": "", "b.ics": ""}, nexts: []string{"t2"}})
}

func TestXandikosMultigetFailsForNamesItListed(t *testing.T) {
	o := objects{"col%3Aon.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		switch q.report {
		case "sync-collection":
			return ok207(o.listing(false) + tokenIs("t2"))
		case "calendar-multiget":
			return ok207(gone(q.hrefs[0]))
		}
		return o.get(q)
	})
	changes(t, s.client(t, Profile{}), cal.Ask{Since: "t1"}, nil).check(t, told{present: o, nexts: []string{"t2"}})
	checkAsked(t, s, "REPORT sync-collection t1", "REPORT calendar-multiget  col%3Aon.ics", "GET col%3Aon.ics")
}

func TestUnusableBodiesAreReadSinglyElseUnread(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	for name, c := range map[string]struct {
		get  reply
		want told
	}{
		"it works singly": {o.get(question{report: "a.ics"}), told{present: o}},
		"forbidden":       {reply{status: 403}, told{unread: map[string]string{"a.ics": ""}}},
		"empty again":     {reply{status: 200}, told{unread: map[string]string{"a.ics": ""}}},
		"a login page":    {reply{status: 200, text: "<html/>", header: map[string]string{"Content-Type": "text/html"}}, told{unread: map[string]string{"a.ics": ""}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := quirkyServer(t, func(q question) reply {
				if q.Method == "GET" {
					return c.get
				}
				empty := strings.Replace(o.listing(false), "</D:getetag>", "</D:getetag><C:calendar-data/>", 1)
				return ok207(empty + tokenIs("t1"))
			})
			want := c.want
			want.nexts, want.complete = []string{"t1"}, true
			changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, want)
		})
	}
}

func TestOneHugeBodyIsUnread(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	huge := strings.Replace(objects{"huge.ics": `"1"`}.listing(true), "BEGIN", strings.Repeat("x", maxValue), 1)
	s := quirkyServer(t, func(q question) reply {
		switch {
		case q.report == "sync-collection" && strings.Contains(q.text, "calendar-data"):
			return ok207(o.listing(true) + huge + tokenIs("t1"))
		case q.report == "calendar-multiget":
			return ok207(huge)
		}
		return reply{status: 500}
	})
	changes(t, s.client(t, Profile{}), cal.Ask{}, nil).
		check(t, told{present: o, unread: map[string]string{"huge.ics": ""}, nexts: []string{"t1"}, complete: true})
	checkAsked(t, s, "REPORT sync-collection", "REPORT calendar-multiget  huge.ics")
}

func TestAPoisonedResourceStopsNothing(t *testing.T) {
	o := objects{}
	for i := range 100 {
		o[fmt.Sprintf("%03d.ics", i)] = `"1"`
	}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "042.ics" || len(q.hrefs) > 0 && strings.Contains(q.text, "/042.ics") {
			return reply{status: 500}
		}
		return bareServer(o, "t1")(q)
	})
	c := s.client(t, Profile{})
	want := objects{}
	for name, etag := range o {
		if name != "042.ics" {
			want[name] = etag
		}
	}
	changes(t, c, cal.Ask{}, nil).check(t, told{present: want, unread: map[string]string{"042.ics": ""}, nexts: []string{"t1"}, complete: true})
	if n := len(s.log()); n > 20 {
		t.Errorf("%d requests", n)
	}
}

func TestABrokenServerIsNotAskedForEver(t *testing.T) {
	o := objects{}
	for i := range 500 {
		o[fmt.Sprintf("%03d.ics", i)] = `"1"`
	}
	s := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return ok207(o.listing(false) + tokenIs("t1"))
		}
		return reply{status: 502}
	})
	for _, since := range []cal.Token{"", "t0"} {
		got := changes(t, s.client(t, Profile{}), cal.Ask{Since: since}, nil)
		asked := s.log()
		listings := 0
		for _, q := range asked {
			if strings.Contains(q, "sync-collection") {
				listings++
			}
		}
		if got.err == nil && len(got.unread) != len(o) || len(asked) > 1200 || listings != 1 {
			t.Errorf("since %q: %d requests, %d of them listings, %v", since, len(asked), listings, got.err)
		}
	}
}

func TestNothingOfAnAnswerThatIsNoneCounts(t *testing.T) {
	whole := in207(objects{"a.ics": `"1"`}.listing(true) + tokenIs("t2"))
	for name, a := range map[string]reply{
		"a login page":       {status: 200, text: "<!DOCTYPE html><html></html>", header: map[string]string{"Content-Type": "text/html"}},
		"200 with nothing":   {status: 200},
		"cut off":            {status: 207, text: whole[:len(whole)-20]},
		"HTML in a 207":      {status: 207, text: "<html></html>"},
		"another collection": {status: 207, text: strings.ReplaceAll(whole, "/home/cal/", "/home/cal-2/")},
		"without a token":    {status: 207, text: in207("")},
		"busy":               {status: 503},
	} {
		s := quirkyServer(t, func(q question) reply { return a })
		for _, ask := range []cal.Ask{{}, {Since: "t1"}, {Full: true}} {
			got := changes(t, s.client(t, Profile{}), ask, objects{"a.ics": `"1"`, "b.ics": `"1"`})
			if name == "without a token" && got.err == nil && len(got.absent)+len(got.removed) == 0 && got.nexts == nil {
				continue // then it is a listing, as long as it can be believed
			}
			if asked := s.log(); name == "a login page" && len(asked) > 1 {
				t.Errorf("%+v: asked %q", ask, asked)
			}
			if got.err == nil || got.nexts != nil || got.absent != nil || got.removed != nil {
				t.Errorf("%s, %+v: %+v", name, ask, got)
			}
		}
	}
}

func TestBrokenInlineAnswerIsReadInSmallerParts(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"2"`}
	for name, rest := range map[string]string{"cut off": "<D:resp", "malformed by one body": "<D:response></p>"} {
		for _, since := range []cal.Token{"", "t0"} {
			s := quirkyServer(t, func(q question) reply {
				if q.report == "sync-collection" && strings.Contains(q.text, "calendar-data") {
					return reply{status: 207, text: `<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + o.response("a.ics", true) + rest}
				}
				return bareServer(o, "t1")(q)
			})
			t.Log(name)
			changes(t, s.client(t, Profile{InlineData: Yes}), cal.Ask{Since: since}, nil).
				check(t, told{present: o, nexts: []string{"t1"}, complete: since == ""})
		}
	}
}

func TestTheCalendarIsGone(t *testing.T) {
	for name, answer := range map[string]func(question) reply{
		"404": func(question) reply { return reply{status: 404} },
		"410": func(question) reply { return reply{status: 410} },
		"Xandikos, without tokens": func(q question) reply {
			return map[bool]reply{true: ok207(withStatus(fakeCalendar, 404)), false: {status: 403, text: `<D:error xmlns:D="DAV:"><D:supported-report/></D:error>`}}[q.report == "propfind"]
		},
	} {
		for _, ask := range []cal.Ask{{}, {Since: "t"}, {Full: true}} {
			s := quirkyServer(t, answer)
			if got := changes(t, s.client(t, Profile{}), ask, objects{"a.ics": "1"}); !errors.Is(got.err, cal.ErrGone) {
				t.Errorf("%s, %+v: %+v", name, ask, got)
			}
		}
	}
}

func TestHrefsOutsideAreIgnored(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, func(q question) reply {
		evil := strings.ReplaceAll(objects{"evil.ics": `"1"`}.listing(true), fakeCalendar, "/home/cal/../other/")
		other := strings.ReplaceAll(objects{"other.ics": `"1"`}.listing(true), fakeCalendar, "/home/cal-2/")
		return ok207(withStatus(fakeCalendar, 200) + evil + other + o.listing(true) + tokenIs("t1"))
	})
	c := s.client(t, Profile{})
	changes(t, c, cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
	if _, ok := c.Profile().Observed["strangers"]; !ok {
		t.Error("not counted")
	}
}

func TestZimbraListsTwice(t *testing.T) {
	o := objects{"a.ics": `"1"`}
	s := quirkyServer(t, bareServer(o, "t1"))
	twice := quirkyServer(t, func(q question) reply {
		if q.report == "sync-collection" {
			return ok207(o.listing(false) + strings.Replace(o.listing(false), "a.ics", "%61.ics", 1) + tokenIs("t1"))
		}
		return o.multiget(q)
	})
	for _, s := range []*quirky{s, twice} {
		changes(t, s.client(t, Profile{}), cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
		checkAsked(t, s, "REPORT sync-collection", "REPORT calendar-multiget  a.ics")
	}
}

// TestAFewAskedForAreReadByGET: Open-Xchange lists an older etag than the one If-Match has to have.
func TestAFewAskedForAreReadByGET(t *testing.T) {
	stale, fresh := objects{"a.ics": `"1"`}, objects{"a.ics": `"2"`}
	for name, ask := range map[string]cal.Ask{"delta": {Since: "t1"}, "everything": {Since: "t1", Full: true}} {
		s := quirkyServer(t, func(q question) reply {
			switch {
			case q.report == "sync-collection" && q.token == "":
				return ok207(stale.listing(false) + tokenIs("t1"))
			case q.report == "sync-collection":
				return ok207(tokenIs("t1"))
			case q.Method == "GET":
				return fresh.get(q)
			}
			return stale.multiget(q)
		})
		ask.Read = hrefsOf("a.ics")
		got := changes(t, s.client(t, Profile{}), ask, objects{"a.ics": `"0"`})
		if got.err != nil || got.present["a.ics"] != `"2"` {
			t.Errorf("%s: %v %v", name, got.present, got.err)
		}
	}
}

func TestAListingIsBounded(t *testing.T) {
	o := objects{"a.ics": `"1"`, "b.ics": `"1"`}
	for name, answer := range map[string]func(question) reply{
		"one endless answer": inlineServer(o, "t1"),
		"endless answers": func(q question) reply {
			n, _ := strconv.Atoi(q.token)
			return ok207(o.response("a.ics", true) + withStatus(fakeCalendar, 507) + tokenIs(strconv.Itoa(n+1)))
		},
		"dead ones only": func(question) reply { return ok207(gone("a.ics") + gone("b.ics") + tokenIs("t1")) },
	} {
		s := quirkyServer(t, answer)
		p := newPull(t.Context(), s.client(t, Profile{}), testCalendar, cal.Ask{}, func(cal.Page, error) bool { return true })
		if p.room = 1; !errors.Is(p.run(), errTooMany) {
			t.Errorf("%s: %v", name, s.log())
		}
		if asked := s.log(); len(asked) > 2 {
			t.Errorf("%s: asked %q", name, asked)
		}
	}
}

func TestPagesAreBounded(t *testing.T) {
	o := objects{}
	for i := range 1000 {
		o[fmt.Sprintf("%04d.ics", i)] = `"1"`
	}
	s := quirkyServer(t, inlineServer(o, "t1"))
	n := 0
	for page, err := range s.client(t, Profile{}).Changes(context.Background(), cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}, cal.Ask{}) {
		if err != nil || len(page.Present) > pageLength || page.Last != (n == 3) {
			t.Fatalf("page %d: %d resources, last %v, %v", n, len(page.Present), page.Last, err)
		}
		n++
	}
	for range s.client(t, Profile{}).Changes(context.Background(), cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}, cal.Ask{}) {
		break // whoever reads may stop
	}
}

func TestPagesAreBoundedInBytes(t *testing.T) {
	s := quirkyServer(t, func(q question) reply {
		large := strings.ReplaceAll(objects{"1.ics": `"1"`, "2.ics": `"1"`}.listing(true), "BEGIN", strings.Repeat("x", 300<<10)+"BEGIN")
		return ok207(large + objects{"3.ics": `"1"`, "4.ics": `"1"`}.listing(true) + tokenIs("t1"))
	})
	var pages []int
	for page := range s.client(t, Profile{}).Changes(context.Background(), cal.Calendar{Facts: cal.Facts{Href: fakeCalendar}}, cal.Ask{}) {
		pages = append(pages, len(page.Present))
	}
	if !slices.Equal(pages, []int{2, 2}) {
		t.Errorf("pages of %v", pages)
	}
}

func TestBatchesAdapt(t *testing.T) {
	o := objects{}
	for i := range 2000 {
		o[fmt.Sprintf("%04d.ics", i)] = `"1"`
	}
	s := quirkyServer(t, func(q question) reply {
		if len(q.hrefs) > 300 {
			return reply{status: 413}
		}
		return bareServer(o, "t1")(q)
	})
	c := s.client(t, Profile{})
	changes(t, c, cal.Ask{}, nil).check(t, told{present: o, nexts: []string{"t1"}, complete: true})
	if size := c.Profile().BatchSize; size < 100 || size > 400 {
		t.Errorf("batches of %d", size)
	}
}

func TestSameVersion(t *testing.T) {
	for _, c := range []struct {
		a, b cal.ETag
		want bool
	}{
		{`"1"`, `"1"`, true}, {`"1"`, `"2"`, false}, {"", "", false}, {`"1"`, "", false}, {"", `"1"`, false},
		{`W/"1"`, `"1"`, true}, {`1`, `"1"`, true}, {`"1-gzip"`, `"1"`, true}, {`"a"`, `"A"`, false},
	} {
		if got := sameVersion(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: %v", c.a, c.b, got)
		}
	}
}

func TestResize(t *testing.T) {
	for _, c := range []struct {
		size, sent int
		whole      bool
		took       time.Duration
		want       int
	}{
		{200, 200, true, time.Second, 400}, {800, 800, true, time.Second, 1000}, {200, 200, true, 5 * time.Second, 200},
		{200, 200, true, 11 * time.Second, 100}, {200, 200, false, time.Second, 100}, {12, 12, false, time.Second, 10},
		{200, 150, true, time.Second, 200}, {200, 150, false, time.Second, 100}, {200, 3, false, time.Second, 200}, {200, 3, true, time.Minute, 200},
	} {
		if got := resize(c.size, c.sent, c.whole, c.took); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}
