package google_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// kinds says which of the kinds of package cal an error is of.
func kinds(err error) string {
	var all []string
	for name, kind := range map[string]error{"changed": cal.ErrChanged, "gone": cal.ErrGone, "refused": cal.ErrRefused, "read-only": cal.ErrReadOnly,
		"locked": cal.ErrLocked, "unsent": cal.ErrUnsent} {
		if errors.Is(err, kind) {
			all = append(all, name)
		}
	}
	var busy cal.Busy
	if errors.As(err, &busy) {
		all = append(all, fmt.Sprintf("busy %v %v", busy.Wait, busy.Writes))
	}
	if len(all) == 2 && all[0] > all[1] {
		all[0], all[1] = all[1], all[0]
	}
	return strings.Join(all, ", ")
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		status int
		reason string
		write  string
		read   string // of the list; the same if empty
		words  string
	}{
		{400, "badRequest", "refused", "", "400 badRequest"},
		{401, "authError", "locked", "", "calbridge account add google"},
		{403, "rateLimitExceeded", "busy 30s false, unsent", "", ""},
		{403, "userRateLimitExceeded", "busy 30s false, unsent", "", ""},
		{403, "quotaExceeded", "busy 2h0m0s true", "busy 30s false", ""},
		{403, "forbiddenForNonOrganizer", "refused", "", "forbiddenForNonOrganizer"},
		{403, "insufficientPermissions", "locked", "", "leave every box ticked"},
		{403, "accessNotConfigured", "unsent", "", "enable the Google Calendar API"},
		{403, "requiredAccessLevel", "read-only", "refused", ""},
		{403, "forbidden", "read-only", "refused", ""},
		{403, "somethingNew", "refused", "", "somethingNew"},
		{404, "notFound", "gone", "", ""},
		{409, "duplicate", "changed", "", ""},
		{409, "conflict", "changed", "", ""},
		{412, "conditionNotMet", "changed", "", ""},
		{429, "rateLimitExceeded", "busy 30s false, unsent", "", ""},
		{500, "backendError", "", "", "500 backendError"},
		{502, "", "", "", ""},
		{503, "backendError", "", "", ""},
		{418, "teapot", "refused", "", ""},
	} {
		t.Run(fmt.Sprint(c.status, c.reason), func(t *testing.T) {
			w := newWorld(t)
			w.Put(ada, plain("event1", "one"))
			w.pull()
			f := sim.GoogleFault{Status: c.status, Reason: c.reason, Message: "as\x00it\nsays\u202e", RetryAfter: "30"}
			w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "PATCH", "", f) })
			err := w.put("event1", w.edited("event1", "SUMMARY:one", "SUMMARY:two"))
			w.expect("a write", kinds(err), c.write)
			if err == nil || !strings.Contains(err.Error(), c.words) || strings.ContainsAny(err.Error(), "\x00\n\u202e") {
				t.Errorf("%q", err)
			}
			w.Faults(func(all *sim.GoogleFaults) { all.Next(2, "GET", "", f) }) // twice, for a list that is refused is begun anew
			if c.read == "" {
				c.read = c.write
			}
			w.expect("a read", kinds(w.try(w.ask())), c.read)
		})
	}
}

// A list of calendars fails in the same ways, the generated client in between.
func TestErrorsOfTheList(t *testing.T) {
	w := newWorld(t)
	w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "GET", "", sim.GoogleFault{Status: 429, RetryAfter: "7"}) })
	_, err := w.client.Calendars(t.Context(), true)
	w.expect("kinds", kinds(err), "busy 7s false, unsent")
	w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "GET", "", sim.GoogleFault{Status: 500}) })
	_, err = w.client.Calendars(t.Context(), true)
	w.expect("kinds", kinds(err), "")
	if err == nil || strings.Contains(err.Error(), "https://") {
		t.Errorf("%v", err)
	}
}

func TestRetryAfter(t *testing.T) {
	w := newWorld(t)
	for header, want := range map[string]time.Duration{
		"": 0, "5": 5 * time.Second, "999999999999": 2 * time.Hour, "-1": 0, "soon": 0,
		w.now.Add(time.Minute).Format(http.TimeFormat):    time.Minute,
		w.now.Add(-time.Minute).Format(http.TimeFormat):   0,
		w.now.Add(99 * time.Hour).Format(http.TimeFormat): 2 * time.Hour,
	} {
		w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "GET", "", sim.GoogleFault{Status: 429, RetryAfter: header}) })
		var busy cal.Busy
		if err := w.try(w.ask()); !errors.As(err, &busy) || busy.Wait != want {
			t.Errorf("%q: %v", header, err)
		}
	}
}

// 410 deleted is what a deletion wants; of a change it says that there is nothing.
func TestDeleted(t *testing.T) {
	w := newWorld(t)
	w.Put(ada, plain("event1", "one"))
	w.pull()
	f := sim.GoogleFault{Status: 410, Reason: "deleted"}
	w.Faults(func(all *sim.GoogleFaults) { all.Next(1, "DELETE", "", f); all.Next(1, "PATCH", "", f) })
	w.must(w.drop("event1"))
	w.expect("a change", kinds(w.put("event1", w.edited("event1", "SUMMARY:one", "SUMMARY:two"))), "gone")
}
