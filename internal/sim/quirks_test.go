package sim_test

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// TestQuirks: each switch changes what it says, and without it the same script ends otherwise.
func TestQuirks(t *testing.T) {
	put := func(body string, headers ...string) func(*testing.T, *sim.CalDAV) got {
		return func(t *testing.T, s *sim.CalDAV) got { return do(t, s, "PUT", work+"a.ics", body, headers...) }
	}
	send := func(method, path, body string, headers ...string) func(*testing.T, *sim.CalDAV) got {
		if !strings.HasPrefix(path, "/") {
			path = work + path
		}
		return func(t *testing.T, s *sim.CalDAV) got { return do(t, s, method, path, body, headers...) }
	}
	propfind := send("PROPFIND", "", everyProperty)
	get := send("GET", "old.ics", "", "Accept-Encoding: gzip")
	initial := func(t *testing.T, s *sim.CalDAV) got { return syncCollection(t, s, "") }
	badToken := func(t *testing.T, s *sim.CalDAV) got { return syncCollection(t, s, "data:,99-1") }
	missing := func(t *testing.T, s *sim.CalDAV) got { return multiget(t, s, "old.ics", "nothing.ics") }
	other := "If-Match: \"zz\""
	fresh := event("a", "new")

	for _, c := range []struct {
		name  string
		on    func(*sim.Quirks)
		act   func(*testing.T, *sim.CalDAV) got
		holds func(got) bool
	}{
		{"NoETagOnPut", func(q *sim.Quirks) { q.NoETagOnPut = true }, put(fresh), func(g got) bool { return g.header.Get("ETag") == "" }},
		{"ETagOnRewrite", func(q *sim.Quirks) { q.RewriteBody, q.ETagOnRewrite = true, true },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Quirks(func(q *sim.Quirks) { q.RewriteBody = true })
				return put(fresh)(t, s)
			}, func(g got) bool { return g.header.Get("ETag") != "" }},
		{"LyingETagOnPut", func(q *sim.Quirks) { q.LyingETagOnPut = true },
			func(t *testing.T, s *sim.CalDAV) got {
				g := put(fresh)(t, s)
				g.body = send("GET", "a.ics", "")(t, s).header.Get("ETag")
				return g
			}, func(g got) bool { return g.header.Get("ETag") != g.body }},
		{"RewriteBody", func(q *sim.Quirks) { q.RewriteBody = true }, putGet(strings.ReplaceAll(fresh, "SUMMARY", "summary")),
			func(g got) bool {
				return strings.Index(g.body, "SUMMARY:") > 0 && strings.Index(g.body, "DTEND") < strings.Index(g.body, "UID")
			}},
		{"StripProperty", func(q *sim.Quirks) { q.StripProperty = "X-A,SUMMARY" }, putGet(fresh), func(g got) bool { return !strings.Contains(g.body, "SUMMARY") }},
		{"AddProperty", func(q *sim.Quirks) { q.AddProperty = "CLASS:PUBLIC" }, putGet(fresh), func(g got) bool { return strings.Count(g.body, "CLASS:PUBLIC") == 1 }},
		{"WeakETags", func(q *sim.Quirks) { q.WeakETags = true }, get, func(g got) bool { return strings.HasPrefix(g.header.Get("ETag"), `W/"`) }},
		{"WeakMatch", func(q *sim.Quirks) { q.WeakMatch = true },
			func(t *testing.T, s *sim.CalDAV) got {
				return send("DELETE", "old.ics", "", "If-Match: W/"+send("GET", "old.ics", "")(t, s).header.Get("ETag"))(t, s)
			}, func(g got) bool { return g.status == 204 }},
		{"UnquotedETags", func(q *sim.Quirks) { q.UnquotedETags = true }, get, func(g got) bool { return !strings.Contains(g.header.Get("ETag"), `"`) }},
		{"GzipETagSuffix", func(q *sim.Quirks) { q.GzipETagSuffix = true }, get, func(g got) bool { return strings.HasSuffix(g.header.Get("ETag"), `-gzip"`) }},
		{"Gzip", func(q *sim.Quirks) { q.Gzip = true }, get, func(g got) bool { return g.header.Get("Content-Encoding") == "gzip" }},
		{"CounterETags", func(q *sim.Quirks) { q.CounterETags = true }, put(fresh), func(g got) bool { return g.header.Get("ETag") == `"gcs00000000"` }},
		{"NoListedETags", func(q *sim.Quirks) { q.NoListedETags = true }, propfind, func(g got) bool { return !strings.Contains(g.body, "<D:getetag>") }},
		{"StaleETags", func(q *sim.Quirks) { q.StaleETags = true },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Remove("alice", "work", "old.ics")
				before := s.Store("alice", "work", "a.ics", event("a", "before"))
				s.Store("alice", "work", "a.ics", event("a", "after"))
				g := propfind(t, s)
				g.status = strings.Count(g.body, "<D:getetag>"+strings.ReplaceAll(before, `"`, "&quot;"))
				return g
			}, func(g got) bool { return g.status == 1 }},

		{"IgnoreIfMatch", func(q *sim.Quirks) { q.IgnoreIfMatch = true }, send("PUT", "old.ics", event("old", "x"), other), func(g got) bool { return g.status == 204 }},
		{"DeleteIgnoresMatch", func(q *sim.Quirks) { q.DeleteIgnoresMatch = true }, send("DELETE", "old.ics", "", other), func(g got) bool { return g.status == 204 }},
		{"IgnoreIfNoneMatch", func(q *sim.Quirks) { q.IgnoreIfNoneMatch = true }, send("PUT", "old.ics", event("old", "x"), "If-None-Match: *"),
			func(g got) bool { return g.status == 204 }},
		{"IfMatchCreates", func(q *sim.Quirks) { q.IfMatchCreates = true }, put(fresh, other), func(g got) bool { return g.status == 201 }},
		{"OneETagOnly", func(q *sim.Quirks) { q.OneETagOnly = true }, send("DELETE", "old.ics", "", "If-Match: *"), func(g got) bool { return g.status == 412 }},
		{"MissingFor412", func(q *sim.Quirks) { q.MissingFor412 = true }, put(fresh, other), func(g got) bool { return g.status == 404 }},
		{"ConflictFor412", func(q *sim.Quirks) { q.ConflictFor412 = true }, put(fresh, other), func(g got) bool { return g.status == 409 }},
		{"DeleteMissing412", func(q *sim.Quirks) { q.DeleteMissing412 = true }, send("DELETE", "a.ics", "", other), func(g got) bool { return g.status == 412 }},
		{"MoveIgnoresMatch", func(q *sim.Quirks) { q.MoveIgnoresMatch = true }, send("MOVE", "old.ics", "", other, "Destination: "+work+"b.ics"),
			func(g got) bool { return g.status == 201 }},
		{"MoveStatus", func(q *sim.Quirks) { q.MoveStatus = 405 }, send("MOVE", "old.ics", "", "Destination: "+work+"b.ics"), func(g got) bool { return g.status == 405 }},

		{"NoSyncCollection", func(q *sim.Quirks) { q.NoSyncCollection = true }, initial,
			func(g got) bool { return g.status == 403 && strings.Contains(g.body, "supported-report") }},
		{"NoSyncCollection, told", func(q *sim.Quirks) { q.NoSyncCollection = true }, propfind,
			func(g got) bool {
				return !strings.Contains(g.body, "data:,") && !strings.Contains(g.body, "<D:sync-collection/>")
			}},
		{"NoCTag", func(q *sim.Quirks) { q.NoCTag = true }, propfind, func(g got) bool { return !strings.Contains(g.body, "<CS:getctag>") }},
		{"NoInlineData", func(q *sim.Quirks) { q.NoInlineData = true }, initial, func(g got) bool { return !strings.Contains(g.body, "BEGIN:VCALENDAR") }},
		{"NoEmptyToken", func(q *sim.Quirks) { q.NoEmptyToken = true }, initial, func(g got) bool { return g.status == 400 }},
		{"TokenErrorStatus", func(q *sim.Quirks) { q.TokenErrorStatus = 418 }, badToken, func(g got) bool { return g.status == 418 }},
		{"TokenAlwaysFull", func(q *sim.Quirks) { q.TokenAlwaysFull = true }, badToken, func(g got) bool { return slices.Equal(members(g), []string{"old.ics"}) }},
		{"ForgetTokens", func(q *sim.Quirks) { q.ForgetTokens = true }, delta(func(s *sim.CalDAV) {}), func(g got) bool { return g.status == 403 }},
		{"NeverReportDeletions", func(q *sim.Quirks) { q.NeverReportDeletions = true }, delta(func(s *sim.CalDAV) { s.Remove("alice", "work", "old.ics") }),
			func(g got) bool { return len(members(g)) == 0 }},
		{"LoseLogRows", func(q *sim.Quirks) { q.LoseLogRows = true }, delta(func(s *sim.CalDAV) { s.Store("alice", "work", "b.ics", event("b", "b")) }),
			func(g got) bool { return len(members(g)) == 0 }},
		{"InitialTombstones", func(q *sim.Quirks) { q.InitialTombstones = true },
			func(t *testing.T, s *sim.CalDAV) got { s.Remove("alice", "work", "old.ics"); return initial(t, s) },
			func(g got) bool { return strings.Contains(g.body, "old.ics") && strings.Contains(g.body, " 404 ") }},
		{"SkipShortLived", func(q *sim.Quirks) { q.SkipShortLived = true },
			delta(func(s *sim.CalDAV) { s.Store("alice", "work", "b.ics", "x"); s.Remove("alice", "work", "b.ics") }),
			func(g got) bool { return len(members(g)) == 0 }},
		{"TruncateAt", func(q *sim.Quirks) { q.TruncateAt = 1 },
			func(t *testing.T, s *sim.CalDAV) got { s.Store("alice", "work", "b.ics", "x"); return initial(t, s) },
			func(g got) bool { return len(members(g)) == 1 && strings.Contains(g.body, " 507 ") }},
		{"WholeAnswer507OnLimit", func(q *sim.Quirks) { q.WholeAnswer507OnLimit = true },
			func(t *testing.T, s *sim.CalDAV) got {
				return syncCollection(t, s, "", "<D:limit><D:nresults>1</D:nresults></D:limit>")
			},
			func(g got) bool { return g.status == 507 }},
		{"EmptyListing", func(q *sim.Quirks) { q.EmptyListing = true }, propfind, func(g got) bool { return len(members(g)) == 0 }},
		{"EmptyHome", func(q *sim.Quirks) { q.EmptyHome = true }, send("PROPFIND", "/dav/calendars/alice/", everyProperty), func(g got) bool { return !strings.Contains(g.body, work) }},

		{"CollectionAmongMembers", func(q *sim.Quirks) { q.CollectionAmongMembers = true }, initial, func(g got) bool { return strings.Contains(g.body, work+"<") }},
		{"AbsoluteHrefs", func(q *sim.Quirks) { q.AbsoluteHrefs = true }, propfind, func(g got) bool { return strings.Contains(g.body, "<D:href>http://sim.test/dav/calendars") }},
		{"DuplicateResponses", func(q *sim.Quirks) { q.DuplicateResponses = true }, propfind, func(g got) bool { return len(members(g)) == 2 }},
		{"ControlCharInXML", func(q *sim.Quirks) { q.ControlCharInXML = true }, propfind, func(g got) bool { return strings.Contains(g.body, "\x0b") }},
		{"LFBodies", func(q *sim.Quirks) { q.LFBodies = true }, missing,
			func(g got) bool {
				return !strings.Contains(g.body, "&#13;")
			}},
		{"MultigetOmits", func(q *sim.Quirks) { q.MultigetOmits = true }, missing, func(g got) bool { return !strings.Contains(g.body, "nothing") }},
		{"MultigetFailsWhole", func(q *sim.Quirks) { q.MultigetFailsWhole = true }, missing, func(g got) bool { return g.status == 404 }},
		{"MultigetEmptyData", func(q *sim.Quirks) { q.MultigetEmptyData = true }, missing, func(g got) bool { return strings.Contains(g.body, "<C:calendar-data/>") }},
		{"MultigetReorders", func(q *sim.Quirks) { q.MultigetReorders = true }, missing,
			func(g got) bool { return strings.Index(g.body, "nothing") < strings.Index(g.body, "old") }},
		{"HomeOrigin", func(q *sim.Quirks) { q.HomeOrigin = "https://p42.example.com" }, send("PROPFIND", "/dav/",
			`<propfind xmlns="DAV:"><prop><calendar-home-set xmlns="urn:ietf:params:xml:ns:caldav"/></prop></propfind>`, "Content-Type: text/xml"),
			func(g got) bool { return strings.Contains(g.body, "https://p42.example.com/dav/calendars/alice/") }},

		{"UIDUnique off", func(q *sim.Quirks) { q.UIDUnique = sim.UIDOff }, put(event("old", "x")), func(g got) bool { return g.status == 201 }},
		{"UIDStatus", func(q *sim.Quirks) { q.UIDStatus = 412 }, put(event("old", "x")), func(g got) bool { return g.status == 412 }},
		{"UIDUnique user", func(q *sim.Quirks) { q.UIDUnique = sim.UIDUser },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Store("alice", "home", "h.ics", event("h", "x"))
				return put(event("h", "x"))(t, s)
			}, func(g got) bool { return g.status == 403 && strings.Contains(g.body, "home/h.ics") }},
		{"TrashKeepsUIDs", func(q *sim.Quirks) { q.TrashKeepsUIDs = true },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Remove("alice", "work", "old.ics")
				return put(event("old", "x"))(t, s)
			},
			func(g got) bool { return g.status == 400 }},
		{"MoveHrefOnCreate", func(q *sim.Quirks) { q.MoveHrefOnCreate = true }, put(event("uid1", "x")),
			func(g got) bool { return g.header.Get("Location") == work+"uid1.ics" }},
		{"ReadOnly", func(q *sim.Quirks) { q.ReadOnly = true }, put(fresh), func(g got) bool { return g.status == 403 && strings.Contains(g.body, "need-privileges") }},
		{"ReadOnly, told", func(q *sim.Quirks) { q.ReadOnly = true }, propfind, func(g got) bool { return !strings.Contains(g.body, "<D:write/>") }},
		{"BareForbidden", func(q *sim.Quirks) { q.ReadOnly, q.BareForbidden = true, true }, put(fresh), func(g got) bool { return g.status == 403 && g.body == "" }},
		{"Status207OnPut", func(q *sim.Quirks) { q.Status207OnPut = true }, put(fresh, other), func(g got) bool { return g.status == 207 && strings.Contains(g.body, " 412 ") }},
		{"PlainStatuses", func(q *sim.Quirks) { q.PlainStatuses = true }, send("DELETE", "old.ics", ""), func(g got) bool { return g.status == 200 }},
		{"RefuseText", func(q *sim.Quirks) { q.RefuseText = "new" }, put(fresh), func(g got) bool { return g.status == 403 && strings.Contains(g.body, "valid-calendar-data") }},
		{"NoMakeCalendar", func(q *sim.Quirks) { q.NoMakeCalendar = true }, send("MKCALENDAR", "/dav/calendars/alice/x/", ""), func(g got) bool { return g.status == 405 }},
		{"DeleteCalendar404", func(q *sim.Quirks) { q.DeleteCalendar404 = true }, send("DELETE", "", ""), func(g got) bool { return g.status == 404 }},
		{"NoCalendarStatus", func(q *sim.Quirks) { q.NoCalendarStatus = 500 }, send("PUT", "/dav/calendars/alice/x/a.ics", fresh), func(g got) bool { return g.status == 500 }},

		{"HTMLInsteadOfXML", func(q *sim.Quirks) { q.HTMLInsteadOfXML = true }, propfind, func(g got) bool { return g.status == 200 && strings.Contains(g.body, "<html>") }},
		{"RetryAfter", func(q *sim.Quirks) { q.RetryAfter = "12" }, get, func(g got) bool { return g.status == 503 && g.header.Get("Retry-After") == "12" }},
		{"MtimeETags", func(q *sim.Quirks) { q.MtimeETags = true },
			func(t *testing.T, s *sim.CalDAV) got {
				g := put(fresh)(t, s)
				g.body = put(event("a", "other"))(t, s).header.Get("ETag")
				return g
			}, func(g got) bool { return g.header.Get("ETag") == g.body }},
		{"DamageQuotes", func(q *sim.Quirks) { q.DamageQuotes = true }, putGet(strings.Replace(fresh, "SUMMARY", `SUMMARY;X-P="a:b"`, 1)),
			func(g got) bool { return strings.Contains(g.body, "SUMMARY;X-P=a:b:new") }},
		{"RequestStamp", func(q *sim.Quirks) { q.RequestStamp = true }, get, func(g got) bool { return strings.Count(g.body, "DTSTAMP:") == 2 }},
		{"RequestStamp, reported", func(q *sim.Quirks) { q.RequestStamp = true }, initial, func(g got) bool { return strings.Count(g.body, "DTSTAMP:") == 2 }},
		{"StaleETagsFor", func(q *sim.Quirks) { q.StaleETagsFor = time.Hour },
			func(t *testing.T, s *sim.CalDAV) got {
				before := strings.Trim(s.Store("alice", "work", "old.ics", event("old", "before")), `"`)
				s.Store("alice", "work", "old.ics", event("old", "after"))
				g := initial(t, s)
				g.status = strings.Count(g.body, before) - strings.Count(get(t, s).header.Get("ETag"), before)
				return g
			}, func(g got) bool { return g.status == 1 }},
		{"LoseEveryRow", func(q *sim.Quirks) { q.LoseEveryRow = 2 },
			delta(func(s *sim.CalDAV) { // changes 2 to 5
				for _, name := range []string{"b.ics", "c.ics", "d.ics", "e.ics"} {
					s.Store("alice", "work", name, event(name, "x"))
				}
			}), func(g got) bool { return slices.Equal(members(g), []string{"c.ics", "e.ics"}) }},
		{"SecondTokens", func(q *sim.Quirks) { q.SecondTokens = true }, delta(func(*sim.CalDAV) {}),
			func(g got) bool { return slices.Equal(members(g), []string{"old.ics"}) }},
		{"SecondTokens, empty", func(q *sim.Quirks) { q.SecondTokens = true },
			func(t *testing.T, s *sim.CalDAV) got {
				s.AddCalendar("alice", "work", sim.Properties{})
				return initial(t, s)
			}, func(g got) bool { return strings.Contains(g.body, "<D:sync-token>0<") }},
		{"TokenAlwaysZero", func(q *sim.Quirks) { q.TokenAlwaysZero = true }, delta(func(s *sim.CalDAV) { s.Store("alice", "work", "b.ics", event("b", "b")) }),
			func(g got) bool {
				return strings.Contains(g.body, "/0</D:sync-token>") && slices.Equal(members(g), []string{"old.ics", "b.ics"})
			}},
		{"RestlessTokens", func(q *sim.Quirks) { q.RestlessTokens = true },
			func(t *testing.T, s *sim.CalDAV) got {
				first := between(initial(t, s).body, "<D:sync-token>", "<")
				g := syncCollection(t, s, first)
				g.status = len(members(g)) + strings.Count(g.body, first+"<")
				return g
			}, func(g got) bool { return g.status == 0 && strings.Contains(g.body, "<D:sync-token>") }},
		{"MissCalendar", func(q *sim.Quirks) { q.MissCalendar = 2 },
			func(t *testing.T, s *sim.CalDAV) got {
				s.AddCalendar("alice", "first", sim.Properties{})
				return send("PROPFIND", "/dav/calendars/alice/", everyProperty)(t, s)
			}, func(g got) bool { return strings.Contains(g.body, "first") && !strings.Contains(g.body, work) }},
		{"MissEvery", func(q *sim.Quirks) { q.MissEvery = 2 },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Store("alice", "work", "a.ics", event("a", "x"))
				return propfind(t, s)
			}, func(g got) bool { return slices.Equal(members(g), []string{"a.ics"}) }},
		{"UIDMoves", func(q *sim.Quirks) { q.UIDMoves = true },
			func(t *testing.T, s *sim.CalDAV) got {
				s.Store("alice", "home", "h.ics", event("a", "x"))
				put(fresh)(t, s)
				return got{status: len(s.List("alice", "home")) + 10*len(s.List("alice", "work"))}
			}, func(g got) bool { return g.status == 20 }},
		{"ReadOnlyIs404", func(q *sim.Quirks) { q.ReadOnly, q.ReadOnlyIs404 = true, true }, put(fresh), func(g got) bool { return g.status == 404 }},
		{"NeedsEnd", func(q *sim.Quirks) { q.NeedsEnd = true }, put(strings.Replace(fresh, "DTEND", "X-END", 1)), func(g got) bool { return g.status == 404 }},
		{"ThrottleEvery", func(q *sim.Quirks) { q.ThrottleEvery = 2 },
			func(t *testing.T, s *sim.CalDAV) got { get(t, s); return get(t, s) },
			func(g got) bool { return g.status == 503 && g.header.Get("Retry-After") == "1" }},
		{"GetFails", func(q *sim.Quirks) { q.GetFails = true }, get, func(g got) bool { return g.status == 500 }},
		{"DateSkew", func(q *sim.Quirks) { q.DateSkew = -48 * time.Hour }, get, func(g got) bool {
			at, err := http.ParseTime(g.header.Get("Date"))
			return err == nil && time.Since(at) > 47*time.Hour
		}},
		{"HTTP10Close", func(q *sim.Quirks) { q.HTTP10Close = true }, get, func(g got) bool { return g.header.Get("Connection") == "close" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			if g := c.act(t, prepared(nil)); c.holds(g) {
				t.Errorf("without it too: %+v", g)
			}
			if g := c.act(t, prepared(c.on)); !c.holds(g) {
				t.Errorf("%+v", g)
			}
		})
	}
}

// prepared has one object, old.ics.
func prepared(on func(*sim.Quirks)) *sim.CalDAV {
	s := newServer()
	s.Store("alice", "work", "old.ics", event("old", "old"))
	if on != nil {
		s.Quirks(on)
	}
	return s
}

func putGet(body string) func(*testing.T, *sim.CalDAV) got {
	return func(t *testing.T, s *sim.CalDAV) got {
		do(t, s, "PUT", work+"a.ics", body)
		return do(t, s, "GET", work+"a.ics", "")
	}
}

// delta tells what happened since a token that was given before change.
func delta(change func(*sim.CalDAV)) func(*testing.T, *sim.CalDAV) got {
	return func(t *testing.T, s *sim.CalDAV) got {
		token := between(syncCollection(t, s, "").body, "<D:sync-token>", "<")
		change(s)
		return syncCollection(t, s, token)
	}
}

func TestHrefStyles(t *testing.T) {
	for style, want := range map[sim.HrefStyle]string{
		sim.HrefPlain: "a@b%20%C3%A9%3F.ics", sim.HrefEncoded: "a%40b%20%C3%A9%3F.ics", sim.HrefLowerHex: "a%40b%20%c3%a9%3f.ics",
		sim.HrefRaw: "a@b%20%C3%A9?.ics", sim.HrefDouble: "a@b%2520%25C3%25A9%253F.ics",
	} {
		s := newServer()
		s.Quirks(func(q *sim.Quirks) { q.Hrefs = style })
		s.Store("alice", "work", "a@b é?.ics", event("a", "x"))
		if got := members(syncCollection(t, s, "")); !slices.Equal(got, []string{want}) {
			t.Errorf("%q: %q, want %q", style, got, want)
		}
		if g := multiget(t, s, want); style != sim.HrefRaw && len(calendarData(t, g)) != 1 {
			t.Errorf("%q does not take back what it lists: %s", style, g.body)
		}
	}
}

func TestSlowBody(t *testing.T) {
	s := prepared(func(q *sim.Quirks) { q.SlowBody = sim.Slow{Chunk: 50, Pause: 5 * time.Millisecond} })
	begin := time.Now()
	if do(t, s, "GET", work+"old.ics", ""); time.Since(begin) < 10*time.Millisecond {
		t.Error("came at once")
	}
}

func TestRefuseChunked(t *testing.T) {
	s := prepared(func(q *sim.Quirks) { q.RefuseChunked = true })
	r, _ := http.NewRequest("PUT", "http://sim.test"+work+"a.ics", strings.NewReader(event("a", "x")))
	r.SetBasicAuth("alice", "secret")
	r.TransferEncoding = []string{"chunked"}
	if w, err := s.Transport().RoundTrip(r); err != nil || w.StatusCode != 400 {
		t.Errorf("%v, %v", w, err)
	}
}

// multiget asks for objects by the last segment of their href.
func multiget(t testing.TB, s *sim.CalDAV, names ...string) got {
	t.Helper()
	var hrefs strings.Builder
	for _, name := range names {
		hrefs.WriteString("<D:href>" + work + name + "</D:href>")
	}
	return do(t, s, "REPORT", work, `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>`+
		hrefs.String()+`</C:calendar-multiget>`)
}

func syncCollection(t testing.TB, s *sim.CalDAV, token string, more ...string) got {
	t.Helper()
	return do(t, s, "REPORT", work, `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token>`+token+
		`</D:sync-token><D:sync-level>1</D:sync-level>`+strings.Join(more, "")+`<D:prop><D:getetag/><C:calendar-data/></D:prop></D:sync-collection>`)
}

// calendarData reads every non-empty calendar-data as an XML parser does.
func calendarData(t *testing.T, g got) []string {
	t.Helper()
	var ms struct {
		Data []*string `xml:"response>propstat>prop>calendar-data"`
		Stat []string  `xml:"response>propstat>status"`
	}
	if err := xml.Unmarshal([]byte(g.body), &ms); err != nil {
		t.Fatalf("%v in %q", err, g.body)
	}
	if strings.Contains(g.body, " 404 ") {
		return nil
	}
	var out []string
	for _, d := range ms.Data {
		out = append(out, *d)
	}
	return out
}

// members are the last segments of the hrefs listed, the collection's own left out.
func members(g got) []string {
	names := []string{}
	for part := range strings.SplitSeq(g.body, "<D:href>") {
		if _, name, ok := strings.Cut(between("^"+part, "^", "</D:href>"), work); ok && name != "" {
			names = append(names, name)
		}
	}
	return names
}

func between(s, from, to string) string {
	_, s, _ = strings.Cut(s, from)
	s, _, _ = strings.Cut(s, to)
	return s
}
