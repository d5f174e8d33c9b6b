package suite_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"calbridge/internal/engine"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// watched is a rig whose Google may call us, and a clock.
type watched struct {
	*Rig
	google *GoogleSide
	now    time.Time
}

func newWatched(t *testing.T) *watched {
	w := &watched{now: time.Now()}
	w.google = NewGoogleSide(t, sim.GoogleOptions{PlainWebhooks: true, Clock: func() time.Time { return w.now }})
	w.Rig = NewGoogleRig(t, w.google, providertest.SQLite(t))
	w.Engine.Clock = func() time.Time { return w.now }
	return w
}

// after lets time pass, and syncs.
func (w *watched) after(d time.Duration) {
	w.T.Helper()
	w.now = w.now.Add(d)
	w.Read(func(tx *store.Tx) (err error) {
		w.Account, err = tx.Account(w.Account.ID)
		return err
	})
	if rep := w.Engine.Sync(w.T.Context(), []store.Account{w.Account}, engine.Options{}); rep.Failed() {
		w.T.Fatalf("%+v", rep)
	}
}

// asked fails unless Google was asked for so many channels of calendars and of the list of calendars, and to stop so many, so far.
func (w *watched) asked(when string, calendars, lists, stops int) {
	w.T.Helper()
	n := map[string]int{}
	for _, x := range w.google.Journal() {
		n[x.ID]++
	}
	if n["events.watch"] != calendars || n["calendarList.watch"] != lists || n["channels.stop"] != stops {
		w.T.Errorf("%s: opened %d and %d, stopped %d; want %d, %d, %d", when, n["events.watch"], n["calendarList.watch"], n["channels.stop"], calendars, lists, stops)
	}
}

// fault answers the next such request with f.
func (w *watched) fault(path string, f sim.GoogleFault) {
	w.google.Faults(func(all *sim.GoogleFaults) { all.Next(1, http.MethodPost, path, f) })
}

// records is how many channels are on record, in a state or in any.
func (w *watched) records(state store.ChannelState) (n int) {
	w.Read(func(tx *store.Tx) error {
		all, err := tx.Channels(w.Account.ID)
		for _, ch := range all {
			if state == "" || ch.State == state {
				n++
			}
		}
		return err
	})
	return n
}

const (
	hook    = "http://127.0.0.1:1/hooks/google"
	renewal = 6*24*time.Hour + time.Hour
)

// TestGoogleChannels: one for the list of calendars, one for each calendar; renewed a day before they end, the old ones stopped; without an
// address there are none.
func TestGoogleChannels(t *testing.T) {
	w := newWatched(t)
	w.after(0)
	w.asked("without an address", 0, 0, 0)
	w.Engine.Notify = hook
	w.google.Faults(func(f *sim.GoogleFaults) {
		f.Hook = func(q *http.Request) *sim.GoogleFault {
			if strings.HasSuffix(q.URL.Path, "/watch") && w.records(store.ChannelOpening) == 0 { // after a crash nobody would know its id
				t.Errorf("%s is asked for, and not on record", q.URL.Path)
			}
			return nil
		}
	})
	w.after(0)
	w.after(0)
	w.asked("two calendars: the primary one and the test's", 2, 1, 0)
	w.after(renewal)
	w.asked("a day before the end", 4, 2, 3)
	w.Engine.Notify += "/moved"
	w.after(0)
	w.asked("at another address", 6, 3, 6)
	w.Engine.Notify = ""
	w.after(0)
	w.asked("without an address again", 6, 3, 9)
	if n := w.records(""); n != 0 {
		t.Errorf("%d left", n)
	}
}

// TestGoogleChannelLost: what is not known to be open keeps nothing from being told, and nothing is asked for twice meanwhile.
func TestGoogleChannelLost(t *testing.T) {
	w := newWatched(t)
	w.Engine.Notify = hook
	w.fault("/calendarList/watch", sim.GoogleFault{LoseAnswer: true})
	w.after(0)
	w.after(0)
	w.asked("it may come yet", 2, 1, 0)
	w.after(16 * time.Minute)
	w.asked("it does not come any more", 2, 2, 0)
	w.fault("/channels/stop", sim.GoogleFault{Status: 500})
	w.after(renewal)
	w.asked("one cannot be stopped", 4, 3, 2) // the journal has no request that ran into a fault
	w.after(0)
	w.asked("it is stopped later", 4, 3, 3)
	if n := w.records(""); n != 3 {
		t.Errorf("%d on record", n)
	}
}

// TestGoogleChannelLostAtRenewal: the old channel goes on until the new one is known to be open.
func TestGoogleChannelLostAtRenewal(t *testing.T) {
	w := newWatched(t)
	w.now = w.now.Add(-renewal) // a channel on record was made at the time of the store
	w.Engine.Notify = hook
	w.after(0)
	w.fault("/calendarList/watch", sim.GoogleFault{LoseAnswer: true})
	w.after(renewal)
	w.after(0)
	w.asked("its successor may not be there", 4, 2, 2)
	w.after(16 * time.Minute)
	w.asked("now there is another", 4, 3, 3)
}

// TestGoogleChannelRefused: a calendar that offers none is not asked again for days.
func TestGoogleChannelRefused(t *testing.T) {
	w := newWatched(t)
	w.Engine.Notify = hook
	w.fault("/calendarList/watch", sim.GoogleFault{Status: 400, Reason: "pushNotSupportedForRequestedResource"})
	w.after(0)
	w.after(time.Hour)
	w.asked("for days", 2, 0, 0) // the journal has no request that ran into a fault
	w.after(8 * 24 * time.Hour)
	w.asked("after a week", 4, 1, 0)
}
