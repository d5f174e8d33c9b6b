package store_test

import (
	"slices"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// parts makes the remote show a series of two objects, its master and one exception, and a single event.
func (w *world) parts() (master, exception, single cal.Object) {
	w.Helper()
	w.apply(cal.Plan{Created: []cal.Change{
		{Object: cal.Object{Href: "m", UID: "series", Component: "VEVENT", Base: cal.Version{ETag: `"1"`, Digest: "v1:m", Body: "m", Native: `{"id":"m"}`}}},
		{Object: cal.Object{Href: "m_1", UID: "series", RecurrenceID: "20260105T090000Z", Component: "VEVENT", Base: seen("exception", `"2"`)}},
		{Object: cal.Object{Href: "s", UID: "single", Component: "VEVENT", Base: seen("single", `"3"`)}},
	}})
	all := w.byHref("m", "m_1", "s")
	return all[0], all[1], all[2]
}

func TestSeriesIsFoundFromAnyOfItsParts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, exception, _ := w.parts()
		equal(t, "recurrence id", exception.RecurrenceID, "20260105T090000Z")
		for _, href := range []cal.Href{"m", "m_1"} {
			w.read(func(tx *store.Tx) error {
				all, err := tx.Series(w.calendar, []cal.Href{href})
				slices.SortFunc(all, func(a, b cal.Holding) int { return len(a.Href) - len(b.Href) })
				equal(t, "series", all, []cal.Holding{
					{Href: "m", ETag: `"1"`, UID: "series", Native: `{"id":"m"}`},
					{Href: "m_1", ETag: `"2"`, UID: "series", RecurrenceID: "20260105T090000Z"},
				})
				return err
			})
		}
		w.read(func(tx *store.Tx) error {
			n, err := tx.Count(w.calendar)
			equal(t, "a series counts once", n, 2)
			if err != nil {
				return err
			}
			href, err := tx.SeriesHref(w.calendar, "series")
			equal(t, "href", href, "m")
			return err
		})
	})
}

// TestAfter: what waits for another object is sent once that is at the remote, or can no longer get there.
func TestAfter(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.edit(store.Draft{UID: "a", Want: wanted("apple")})
		second := w.edit(store.Draft{UID: "a", RecurrenceID: "20260105", Want: wanted("banana"), After: first.ID, Notify: cal.NotifyAll})
		equal(t, "notify", second.Edit.Notify, cal.NotifyAll)
		second = w.edit(store.Draft{Object: second.ID, Want: wanted("cherry")})
		equal(t, "still waits after", second.Edit.After, first.ID)
		equal(t, "outbox", w.outbox(), []cal.ObjectID{first.ID})
		first.Href, first.Base, first.Edit = "a", cal.Version{ETag: `"1"`, Digest: first.Edit.Want.Digest, Body: first.Edit.Want.Body}, nil
		w.apply(cal.Plan{Settled: []cal.Change{{Was: first.Base, Object: first}}})
		equal(t, "outbox", w.outbox(), []cal.ObjectID{second.ID})
	})
}

func TestAfterIsFreeWhenTheOtherIsTakenBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first := w.edit(store.Draft{UID: "a", Want: wanted("apple")})
		second := w.edit(store.Draft{UID: "b", Want: wanted("banana"), After: first.ID})
		w.edit(store.Draft{Object: first.ID})
		equal(t, "outbox", w.outbox(), []cal.ObjectID{second.ID})
	})
}

func TestChannels(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		c := store.Channel{Account: w.account, Watched: w.calendar, Secret: "digest", State: store.ChannelOpening}
		c.ID, c.Address, c.Token = "one", "https://example.org/hooks/google", "not kept"
		w.write(func(tx *store.Tx) error { return tx.AddChannel(c) })
		c.Resource, c.Expires, c.State = "r", start.Add(time.Hour), store.ChannelOpen
		w.write(func(tx *store.Tx) error { return tx.UpdateChannel(c) })
		w.read(func(tx *store.Tx) error {
			got, err := tx.Channel("one")
			c.Token, c.Created, c.Calendar = "", start, "/alice/work/"
			equal(t, "channel", got, c)
			return err
		})
		w.write(func(tx *store.Tx) error { return tx.RemoveAccount(w.account) })
		w.refused(store.ErrNotFound, func(tx *store.Tx) error {
			_, err := tx.Channel("one")
			return err
		})
	})
}

func TestBlockAndUnblock(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.edit(store.Draft{UID: "a", Want: wanted("apple")})
		w.write(func(tx *store.Tx) error { return tx.Block(w.calendar, cal.ReadOnly, "read-only now") })
		equal(t, "outbox", len(w.outbox()), 0)
		w.write(func(tx *store.Tx) error { return tx.Unblock(w.calendar, cal.ReadOnly) })
		equal(t, "outbox", w.outbox(), []cal.ObjectID{o.ID})
	})
}
