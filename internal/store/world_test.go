package store_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// world is a database with one account and one calendar in it, and a clock that stands still.
type world struct {
	testing.TB
	db       *store.DB
	url      string
	now      *atomic.Int64
	account  cal.AccountID
	calendar cal.CalendarID
}

var start = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

func newWorld(t testing.TB, url string) *world {
	w := &world{TB: t, url: url, now: &atomic.Int64{}}
	w.now.Store(start.UnixMilli())
	w.db = w.open()
	w.account = w.addAccount("alice")
	w.calendar = w.addCalendar(w.account, "/alice/work/")
	return w
}

func (w *world) open() *store.DB {
	w.Helper()
	db, err := store.Open(context.Background(), w.url, store.Options{Migrate: true, Clock: w.clock})
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { db.Close() })
	return db
}

func (w *world) clock() time.Time { return time.UnixMilli(w.now.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.now.Add(d.Milliseconds()) }

func (w *world) write(fn func(*store.Tx) error) {
	w.Helper()
	if err := w.db.Write(context.Background(), fn); err != nil {
		w.Fatal(err)
	}
}

func (w *world) read(fn func(*store.Tx) error) {
	w.Helper()
	if err := w.db.Read(context.Background(), fn); err != nil {
		w.Fatal(err)
	}
}

// refused runs a Write that has to fail with the error.
func (w *world) refused(want error, fn func(*store.Tx) error) {
	w.Helper()
	if err := w.db.Write(context.Background(), fn); !errors.Is(err, want) {
		w.Fatalf("got %v, want %v", err, want)
	}
}

func (w *world) addAccount(owner string) (id cal.AccountID) {
	w.Helper()
	w.write(func(tx *store.Tx) error {
		a, err := tx.AddAccount(store.Account{Provider: "caldav", Name: owner + "'s", Owner: owner, URL: "https://dav.example.org/"})
		id = a.ID
		return err
	})
	return id
}

func (w *world) addCalendar(account cal.AccountID, href cal.Href) (id cal.CalendarID) {
	w.Helper()
	w.write(func(tx *store.Tx) error {
		c, err := tx.AddCalendar(cal.Calendar{Account: account, Selected: true, Facts: cal.Facts{Href: href, Name: "Work", Access: cal.AccessWrite}})
		id = c.ID
		return err
	})
	return id
}

func (w *world) apply(p cal.Plan) {
	w.Helper()
	p.Calendar = w.calendar
	w.write(func(tx *store.Tx) error { return tx.Apply(p) })
}

// seen is a version as the remote shows it: its digest is its text's first letter, so "a1" and "a2" say the same.
func seen(text, etag string) cal.Version {
	return cal.Version{ETag: cal.ETag(etag), Digest: cal.Digest("v1:" + text[:1]), Body: cal.Body(text)}
}

// wanted is a version as a user writes it.
func wanted(text string) cal.Version { return seen(text, "") }

// pulled makes the remote show objects named 1.ics, 2.ics … and gives them as they are stored.
func (w *world) pulled(texts ...string) []cal.Object {
	w.Helper()
	var p cal.Plan
	var hrefs []cal.Href
	for i, text := range texts {
		href := cal.Href(fmt.Sprintf("/alice/work/%d.ics", i+1))
		hrefs = append(hrefs, href)
		p.Created = append(p.Created, cal.Change{Object: cal.Object{
			Href: href, UID: fmt.Sprintf("uid-%d", i+1), Component: "VEVENT", Summary: text, Base: seen(text, fmt.Sprintf(`"%d"`, i+1)),
		}})
	}
	w.apply(p)
	return w.byHref(hrefs...)
}

func (w *world) byHref(hrefs ...cal.Href) (all []cal.Object) {
	w.Helper()
	w.read(func(tx *store.Tx) error {
		for _, href := range hrefs {
			some, err := tx.ByHref(w.calendar, []cal.Href{href})
			if err != nil {
				return err
			}
			all = append(all, some...)
		}
		return nil
	})
	return all
}

func (w *world) object(id cal.ObjectID) (o cal.Object) {
	w.Helper()
	w.read(func(tx *store.Tx) (err error) {
		o, err = tx.Object(id)
		return err
	})
	return o
}

func (w *world) edit(d store.Draft) (o cal.Object) {
	w.Helper()
	if d.Object == "" {
		d.Calendar = w.calendar
	}
	w.write(func(tx *store.Tx) (err error) {
		o, err = tx.Edit(d)
		return err
	})
	return o
}

func (w *world) lease() (l store.Lease) {
	w.Helper()
	w.write(func(tx *store.Tx) (err error) {
		l, err = tx.TakeLease(w.account, "worker", time.Minute)
		return err
	})
	return l
}

// sent puts a write of what the object wants on record.
func (w *world) sent(o cal.Object, href cal.Href) cal.Attempt {
	w.Helper()
	l := w.lease()
	all := []cal.Attempt{{Object: o.ID, Href: href, Match: o.Base.ETag, Rev: o.Edit.Rev, Want: o.Edit.Want}}
	w.write(func(tx *store.Tx) error { return tx.Attempt(l, all) })
	return all[0]
}

func (w *world) outbox() (ids []cal.ObjectID) {
	w.Helper()
	w.read(func(tx *store.Tx) error {
		all, err := tx.Outbox(w.calendar, tx.Now(), 100)
		for _, o := range all {
			ids = append(ids, o.ID)
		}
		return err
	})
	return ids
}

func (w *world) doubtful() (hrefs []cal.Href) {
	w.Helper()
	w.read(func(tx *store.Tx) (err error) {
		hrefs, err = tx.Doubtful(w.calendar)
		return err
	})
	return hrefs
}

// news gives the rows of the feed since the last call with this counter.
func (w *world) news(after *int64) (news []store.Change) {
	w.Helper()
	w.read(func(tx *store.Tx) (err error) {
		news, err = tx.Changes(*after, 100000)
		return err
	})
	if len(news) > 0 {
		*after = news[len(news)-1].Seq
	}
	return news
}

// told expects the feed to have gained these rows, as "kind op".
func (w *world) told(after *int64, want ...string) []store.Change {
	w.Helper()
	news := w.news(after)
	var got []string
	for _, c := range news {
		got = append(got, fmt.Sprint(c.Kind, " ", c.Op))
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Fatalf("the feed tells %v, want %v", got, want)
	}
	return news
}

func (w *world) versions(id cal.ObjectID) (bodies []string) {
	w.Helper()
	w.read(func(tx *store.Tx) error {
		all, err := tx.Versions(id)
		for _, v := range all {
			bodies = append(bodies, fmt.Sprintf("%d %s %s", v.N, v.Origin, v.Body))
		}
		return err
	})
	return bodies
}

func equal[T any](t testing.TB, what string, got, want T) {
	t.Helper()
	if g, w := fmt.Sprintf("%+v", got), fmt.Sprintf("%+v", want); g != w {
		t.Fatalf("%s: got %s, want %s", what, g, w)
	}
}
