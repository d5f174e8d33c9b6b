package suite_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/event"
	"calbridge/internal/google"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// TestGoogleStorm edits a few events, series and exceptions on both sides while Google loses answers, refuses and lags, and then asks where
// every word went: it is live, or somebody replaced it having seen it, or a conflict, a notice or a refused edit names it. Both sides say the
// same, nothing is there twice, nothing waits, nobody was mailed.
//
// CALBRIDGE_STORM sets how many seeds are run, instead of a hundred, or as many as fit into stormTime; CALBRIDGE_SEED runs one.
func TestGoogleStorm(t *testing.T) {
	first, n, until := uint64(1), uint64(100), time.Now().Add(stormTime)
	if s := os.Getenv("CALBRIDGE_STORM"); s != "" {
		n, _ = strconv.ParseUint(s, 10, 64)
		until = until.Add(24 * time.Hour)
	}
	if s := os.Getenv("CALBRIDGE_SEED"); s != "" {
		first, _ = strconv.ParseUint(s, 10, 64)
		n = 1
	}
	for seed := first; seed < first+n && time.Now().Before(until); seed++ {
		t.Run(strconv.FormatUint(seed, 10), func(t *testing.T) {
			s := newGoogleStorm(t, seed)
			for range 10 + s.draw(20) {
				s.step()
			}
			s.calm()
			s.settled()
			s.accounted()
		})
	}
}

const stormTime = 20 * time.Second

// googleStorm is one seed's world.
type googleStorm struct {
	*Rig
	g      *GoogleSide
	policy cal.Policy
	faulty bool
	lags   bool            // lists lag behind, so each side makes events of its own: a twin on a list to come is nobody's fault
	words  map[string]bool // that were written; true: replaced by somebody who saw them
	serial int

	mu  sync.Mutex // guards the rest
	rng *rand.Rand
	now time.Time
	log []string
}

func newGoogleStorm(t *testing.T, seed uint64) *googleStorm {
	s := &googleStorm{rng: rand.New(rand.NewPCG(seed, 5)), words: map[string]bool{}, now: time.Now()}
	s.g = NewGoogleSide(t, sim.GoogleOptions{
		Clock: s.clock, MaxPage: 1 + s.draw(5), NoOpChangesETag: s.one(2), SeriesDeletionNamesAll: s.one(2),
		ExceptionsTouchSeries: s.one(2), ExdatesBecomeExceptions: s.one(2), NoRevival: s.one(2),
	})
	s.Rig = NewGoogleRig(t, s.g, providertest.SQLite(t))
	s.Engine.Clock = s.clock
	s.Sync()
	s.policy = []cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual}[s.draw(5)]
	s.Rules(cal.Rules{OnConflict: s.policy})
	s.faulty, s.lags = s.one(2), s.one(3)
	s.g.Faults(func(f *sim.GoogleFaults) { f.Hook = s.fault })
	s.note("seed %d: %s, faults %t, lags %t", seed, s.policy, s.faulty, s.lags)
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(strings.Join(s.log, "\n"))
		}
	})
	return s
}

func (s *googleStorm) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// pass lets time pass.
func (s *googleStorm) pass(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func (s *googleStorm) draw(n int) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rng.IntN(n)
}

// one is true once in n times.
func (s *googleStorm) one(n int) bool { return s.draw(n) == 0 }

func (s *googleStorm) note(format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// fault is what goes wrong with one request in six while it storms.
func (s *googleStorm) fault(q *http.Request) *sim.GoogleFault {
	if !s.faulty || !strings.Contains(q.URL.Path, "/events") || !s.one(6) {
		return nil
	}
	f := []sim.GoogleFault{{Status: 500}, {Status: 503, Apply: true}, {LoseAnswer: true}, {CutRequest: true}, {Status: 412}}[s.draw(5)]
	if q.Method == http.MethodGet && f.Status == 412 {
		return nil
	}
	s.note("       fault %+v: %s %s", f, q.Method, q.URL.Path)
	return &f
}

func (s *googleStorm) step() {
	switch n := s.draw(20); {
	case n < 7:
		s.here()
	case n < 14:
		s.there()
	case n == 14:
		s.note("tokens die")
		s.g.ExpireSyncTokens()
		s.g.PageTokensExpire()
	case n == 15 && s.lags:
		s.g.LagLists(time.Duration(s.draw(2)) * time.Minute)
	default:
		s.note("sync")
		s.SyncAll(engine.Incremental)
		s.pass(time.Duration(s.draw(90)) * time.Second)
	}
}

func (s *googleStorm) word() string {
	s.serial++
	w := fmt.Sprintf("w%d", s.serial)
	s.words[w] = false
	return w
}

var aWord = regexp.MustCompile(`\bw\d+\b`)

// replaced: whoever replaces what he sees knows what he does.
func (s *googleStorm) replaced(text string) {
	for _, w := range aWord.FindAllString(text, -1) {
		s.words[w] = true
	}
}

// start is when the n-th occurrence of a series is by its rule: in Berlin, where clocks change.
func start(n int) time.Time {
	berlin, _ := time.LoadLocation("Europe/Berlin")
	return time.Date(2026, 3, 9+7*n, 9, 0, 0, 0, berlin)
}

// here is one edit of a user of ours.
func (s *googleStorm) here() {
	all := slices.DeleteFunc(s.All(), func(o cal.Object) bool { return ical.Hidden(o.Want().Body) })
	if len(all) == 0 || s.one(4) {
		s.createHere()
		return
	}
	o := all[s.draw(len(all))]
	body, series := string(o.Want().Body), strings.Contains(string(o.Want().Body), "RRULE")
	switch n := s.draw(8); {
	case n == 0:
		s.deleteHere(o, all)
	case n < 3 && series:
		s.exceptHere(o)
	case n == 3 && series:
		s.excludeHere(o)
	case n == 4:
		moved := strings.NewReplacer("T090000", "T110000", "T100000", "T120000").Replace(body)
		s.acceptHere(store.Draft{Object: o.ID}, moved, "move %s %s", o.UID, o.RecurrenceID)
	default:
		name := []string{"SUMMARY", "LOCATION"}[s.draw(2)]
		old := regexp.MustCompile(name + `:w\d+`).FindString(body)
		if old == "" {
			return
		}
		w := s.word()
		if s.acceptHere(store.Draft{Object: o.ID}, strings.Replace(body, old, name+":"+w, 1), "edit %s %s: %s -> %s", o.UID, o.RecurrenceID, old, w) {
			s.replaced(old)
		}
	}
}

// acceptHere takes an edit; one that does not fit says so, and then nothing happened.
func (s *googleStorm) acceptHere(d store.Draft, body, format string, args ...any) bool {
	text := ical.Read(cal.Body(body))
	if body != "" {
		d.Want = cal.Version{Digest: text.Digest, Body: cal.Body(body)}
		d.UID, d.Component, d.Summary, d.RecurrenceID = text.UID, text.Component, text.Summary, text.RecurrenceID
	}
	err := s.DB.Write(s.T.Context(), func(tx *store.Tx) error {
		_, err := engine.Accept(tx, d)
		return err
	})
	var unfit engine.Unfit
	if errors.As(err, &unfit) {
		s.replaced(body)
		return false
	} else if err != nil {
		s.T.Fatal(err)
	}
	s.note("here   "+format, args...)
	return true
}

// createHere makes an event or a series, under a UID that the other side may have as well.
func (s *googleStorm) createHere() {
	uid := s.uid("h")
	rule := ""
	if s.one(2) {
		rule = "RRULE:FREQ=WEEKLY;COUNT=4\r\n"
	}
	a, b := s.word(), s.word()
	s.acceptHere(store.Draft{Calendar: s.CalendarID()}, s.text(uid, start(0), rule, a, b), "create %s %s %s %s", uid, rule, a, b)
}

// uid keeps the storm on few events, so that both sides meet.
func (s *googleStorm) uid(side string) string {
	if s.lags {
		return fmt.Sprintf("%s%d", side, s.draw(3))
	}
	return fmt.Sprintf("u%d", s.draw(3))
}

// text is an event of an hour.
func (s *googleStorm) text(uid string, at time.Time, more, a, b string) string {
	return component("VEVENT", uid, "DTSTART;TZID=Europe/Berlin:"+at.Format("20060102T150405"),
		"DTEND;TZID=Europe/Berlin:"+at.Add(time.Hour).Format("20060102T150405"), more+"SUMMARY:"+a, "LOCATION:"+b)
}

// deleteHere: with a series go its exceptions, which its owner sees.
func (s *googleStorm) deleteHere(o cal.Object, all []cal.Object) {
	if s.acceptHere(store.Draft{Object: o.ID}, "", "delete %s %s", o.UID, o.RecurrenceID) {
		for _, part := range all {
			if part.ID == o.ID || o.RecurrenceID == "" && part.UID == o.UID {
				s.replaced(string(part.Want().Body))
			}
		}
	}
}

// exceptHere changes one occurrence of a series.
func (s *googleStorm) exceptHere(series cal.Object) {
	n, a, b := s.draw(4), s.word(), s.word()
	id := "RECURRENCE-ID;TZID=Europe/Berlin:" + start(n).Format("20060102T150405") + "\r\n"
	key := start(n).UTC().Format("20060102T150405Z")
	was := s.holds(series.UID, key)
	if s.acceptHere(store.Draft{Calendar: series.Calendar}, s.text(series.UID, start(n).Add(time.Hour), id, a, b), "except %s %s %s %s", series.UID, key, a, b) {
		s.replaced(was)
	}
}

// excludeHere takes one occurrence out of a series.
func (s *googleStorm) excludeHere(series cal.Object) {
	n := s.draw(4)
	key := start(n).UTC().Format("20060102T150405Z")
	was := s.holds(series.UID, key)
	line := "EXDATE;TZID=Europe/Berlin:" + start(n).Format("20060102T150405") + "\r\n"
	body := strings.Replace(string(series.Want().Body), "END:VEVENT", line+"END:VEVENT", 1)
	if s.acceptHere(store.Draft{Object: series.ID}, body, "exclude %s %s", series.UID, key) {
		s.replaced(was)
	}
}

// holds is the text of an exception that is here.
func (s *googleStorm) holds(uid, key string) string {
	for _, o := range s.All() {
		if o.UID == uid && o.RecurrenceID == key {
			return string(o.Want().Body)
		}
	}
	return ""
}

// there is what somebody else does.
func (s *googleStorm) there() {
	items := s.living()
	if len(items) == 0 || s.one(4) {
		s.createThere(items)
		return
	}
	e := items[s.draw(len(items))]
	series := len(e.Recurrence) > 0
	switch n := s.draw(10); {
	case n == 0:
		s.note("there  remove %s", e.ID)
		s.g.Google.Remove(s.Calendar, e.ID)
		for _, part := range items {
			if part.ID == e.ID || part.RecurringEventID == e.ID {
				s.replaced(part.Summary + " " + part.Location)
			}
		}
	case n < 3 && series:
		s.patchThere(e.ID+"_"+start(s.draw(4)).UTC().Format("20060102T150405Z"), true)
	case n == 3 && series:
		id := e.ID + "_" + start(s.draw(4)).UTC().Format("20060102T150405Z")
		was := s.saysThere(id)
		if s.g.Google.Remove(s.Calendar, id) {
			s.note("there  remove %s", id)
			if was[0] != e.Summary { // else they are the series'
				s.replaced(was[0])
			}
			if was[1] != e.Location {
				s.replaced(was[1])
			}
		}
	case n == 4 && series:
		s.splitThere(e)
	case n == 4:
		s.note("there  move %s", e.ID)
		s.g.Patch(s.Calendar, e.ID, s.hours(e, 1+s.draw(2)))
	case n == 5:
		s.note("there  touch %s", e.ID)
		s.g.Touch(s.Calendar, e.ID)
	default:
		s.patchThere(e.ID, false)
	}
}

// splitThere is "this and following".
func (s *googleStorm) splitThere(e event.Event) {
	at := start(1 + s.draw(3))
	defer func() {
		_ = recover() // there is no such occurrence
	}()
	before := s.living()
	s.note("there  split %s at %s: %s", e.ID, at, s.g.Split(s.Calendar, e.ID, at))
	for _, part := range before {
		if part.RecurringEventID == e.ID && !slices.Contains(s.g.Events(s.Calendar), part.ID) {
			s.replaced(part.Summary + " " + part.Location)
		}
	}
}

// hours is a patch that begins an event on the day it is on, so many hours after nine.
func (s *googleStorm) hours(e event.Event, n int) string {
	day, _ := time.Parse(time.RFC3339, e.Start.DateTime)
	at := time.Date(day.Year(), day.Month(), day.Day(), 8+n, 0, 0, 0, time.UTC)
	return fmt.Sprintf(`{"start":{"dateTime":%q},"end":{"dateTime":%q}}`, at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))
}

// saysThere are the words of an event at Google, also of a cancelled one; empty: it has none of its own.
func (s *googleStorm) saysThere(id string) [2]string {
	native, ok := s.g.Event(s.Calendar, id)
	var e event.Event
	if ok {
		e, _ = event.Parse([]byte(native))
	}
	return [2]string{e.Summary, e.Location}
}

// createThere makes an event that is known elsewhere under its UID, some with guests.
func (s *googleStorm) createThere(items []event.Event) {
	uid := s.uid("t")
	if slices.ContainsFunc(items, func(e event.Event) bool { return e.UID(event.Parent{}) == uid }) {
		return
	}
	a, b, rule := s.word(), s.word(), ""
	if s.one(2) {
		rule = `"recurrence":["RRULE:FREQ=WEEKLY;COUNT=4"],`
	}
	if s.one(3) {
		rule += `"attendees":[{"email":"bob@example.org","responseStatus":"accepted"}],`
	}
	at, end := start(0).Format(time.RFC3339), start(0).Add(time.Hour).Format(time.RFC3339)
	id := s.g.Google.Put(s.Calendar, fmt.Sprintf(`{"id":"t%d","iCalUID":%q,"summary":%q,"location":%q,%s"start":{"dateTime":%q,"timeZone":"Europe/Berlin"},
		"end":{"dateTime":%q,"timeZone":"Europe/Berlin"}}`, s.serial, uid, a, b, rule, at, end))
	s.note("there  create %s %s %s %s %s", id, uid, rule, a, b)
}

// patchThere gives an event, or an occurrence that may become an exception, other words.
func (s *googleStorm) patchThere(id string, both bool) {
	was := s.saysThere(id)
	if native, ok := s.g.Event(s.Calendar, id); both && ok && strings.Contains(native, `"cancelled"`) {
		return
	}
	patch := map[string]string{}
	for n, name := range [...]string{"summary", "location"} {
		if both || s.draw(2) == n {
			patch[name] = s.word()
			s.replaced(was[n])
		}
	}
	text, _ := json.Marshal(patch)
	defer func() {
		if recover() != nil { // the occurrence is excluded, so nobody sees it
			s.replaced(string(text))
		}
	}()
	s.g.Patch(s.Calendar, id, string(text))
	s.note("there  patch %s %s", id, text)
}

// living are the events of the calendar as they are now: series, single events and exceptions.
func (s *googleStorm) living() (all []event.Event) {
	for _, id := range s.g.Events(s.Calendar) {
		native, _ := s.g.Event(s.Calendar, id)
		e, err := event.Parse([]byte(native))
		if err != nil {
			s.T.Fatal(err)
		}
		all = append(all, e)
	}
	return all
}

// listed are the events as Google lists them, the cancelled ones as well.
func (s *googleStorm) listed() (all []event.Event) {
	path := "/calendar/v3/calendars/" + url.PathEscape(s.Calendar) + "/events?maxResults=2500&showDeleted=true"
	for page := ""; ; {
		q := httptest.NewRequest(http.MethodGet, path+page, nil)
		q.Header.Set("Authorization", "Bearer "+s.g.Token(s.g.User, google.ScopeEvents))
		w := httptest.NewRecorder()
		s.g.ServeHTTP(w, q)
		var list struct {
			Items         []event.Event
			NextPageToken string
		}
		if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || w.Code != http.StatusOK {
			s.T.Fatalf("%d %s", w.Code, w.Body)
		}
		all = append(all, list.Items...)
		if page = "&pageToken=" + url.QueryEscape(list.NextPageToken); list.NextPageToken == "" {
			return all
		}
	}
}

// calm ends the faults and lets everything settle, in three syncs.
func (s *googleStorm) calm() {
	s.note("calm")
	s.faulty = false
	s.g.LagLists(0)
	for range 3 {
		s.pass(3 * time.Hour)
		for _, run := range s.SyncAll(engine.Incremental).Runs {
			if run.Held {
				s.Write(func(tx *store.Tx) error {
					_, err := engine.Approve(tx, run.ID)
					return err
				})
				s.note("approve %s", *run.Trouble)
				s.SyncAll(engine.Incremental)
			}
		}
	}
	s.pass(3 * time.Hour)
	s.Quiet()
}
