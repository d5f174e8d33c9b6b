package store_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

func TestApplyCreates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var after int64
		w.news(&after)
		o := w.pulled("apple", "banana")[1]
		news := w.told(&after, "object created", "object created")
		equal(t, "feed", news[1].Subject, string(o.ID))
		equal(t, "feed", news[1].Version, o.Base.ID)
		equal(t, "feed", news[1].Account, w.account)

		if o.Base.Body != "" {
			t.Errorf("a settled object comes with its body, %q", o.Base.Body)
		}
		equal(t, "etag", o.Base.ETag, `"2"`)
		o = w.object(o.ID)
		equal(t, "body", o.Base.Body, "banana")
		equal(t, "history", w.versions(o.ID), []string{"1 remote banana"})
	})
}

func TestApplyRefusesAMovedToken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.write(func(tx *store.Tx) error { return tx.Advance(w.calendar, store.Progress{Next: "t1", Pulled: "m1"}) })
		p := cal.Plan{Calendar: w.calendar, Created: []cal.Change{{Object: cal.Object{Href: "/x", UID: "x", Base: seen("x", "1")}}}}
		w.refused(store.ErrMoved, func(tx *store.Tx) error { return tx.Apply(p) })
		w.refused(store.ErrMoved, func(tx *store.Tx) error { return tx.Advance(w.calendar, store.Progress{Next: "t2"}) })
		if found := w.byHref("/x"); len(found) != 0 {
			t.Error("a refused plan left something behind")
		}
		p.Since = "t1"
		w.write(func(tx *store.Tx) error {
			if err := tx.Apply(p); err != nil {
				return err
			}
			return tx.Advance(w.calendar, store.Progress{Since: "t1", Next: "t2", Audited: start})
		})
		w.read(func(tx *store.Tx) error {
			c, err := tx.Calendar(w.calendar)
			equal(t, "calendar", []any{c.Token, c.Pulled, c.Audited}, []any{"t2", "m1", start})
			return err
		})
	})
}

// A Write that fails leaves nothing, the feed's numbers included.
func TestApplyIsWholeOrNot(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var after int64
		before := w.news(&after)
		oops := errors.New("oops")
		w.refused(oops, func(tx *store.Tx) error {
			p := cal.Plan{Calendar: w.calendar, Created: []cal.Change{{Object: cal.Object{Href: "/x", UID: "x", Base: seen("x", "1")}}}}
			if err := tx.Apply(p); err != nil {
				return err
			}
			return oops
		})
		w.pulled("apple")
		news := w.told(&after, "object created")
		equal(t, "number", news[0].Seq, before[len(before)-1].Seq+1)
	})
}

func TestRefreshInPlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple1")[0]
		var after int64
		w.news(&after)
		was, id := o.Want(), o.Base.ID
		o.Base = seen("apple2", `"new"`)
		w.apply(cal.Plan{Refreshed: []cal.Change{{Was: was, Object: o}}})
		w.told(&after)
		o = w.object(o.ID)
		equal(t, "history", w.versions(o.ID), []string{"1 remote apple2"})
		equal(t, "base", []any{o.Base.ID, o.Base.ETag}, []any{id, `"new"`})

		o.Base.ETag = `"newer"` // the same version under another etag
		w.apply(cal.Plan{Refreshed: []cal.Change{{Was: was, Object: o}}})
		w.told(&after)
		equal(t, "etag", w.object(o.ID).Base.ETag, `"newer"`)
		w.read(func(tx *store.Tx) error {
			held, err := tx.Held(w.calendar, nil)
			equal(t, "held", held, map[cal.Href]cal.ETag{o.Href: `"newer"`})
			return err
		})
	})
}

func TestApplyUpdatesAndDeletes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.pulled("apple", "banana")
		a, b := all[0], all[1]
		var after int64
		w.news(&after)
		w.pass(time.Hour)
		was := a.Base
		a.Base, a.Summary = seen("cherry", `"9"`), "cherry"
		gone := b
		gone.Base = cal.Version{}
		w.apply(cal.Plan{Updated: []cal.Change{{Was: was, Object: a}}, Deleted: []cal.Change{{Was: b.Base, Object: gone}}})
		w.told(&after, "object updated", "object deleted")
		equal(t, "history", w.versions(a.ID), []string{"1 remote apple", "2 remote cherry"})
		equal(t, "history", w.versions(b.ID), []string{"1 remote banana"})
		w.read(func(tx *store.Tx) error {
			n, err := tx.Count(w.calendar)
			equal(t, "count", n, 1)
			if err != nil {
				return err
			}
			live, err := tx.Objects(store.ObjectFilter{Calendar: w.calendar, UpdatedSince: start.Add(time.Minute)})
			if len(live) != 1 || live[0].ID != a.ID || live[0].Summary != "cherry" {
				t.Errorf("live: %+v", live)
			}
			return err
		})
	})
}

// An object that comes back at the same href with the same UID is the same object; another UID there is another object.
func TestTombstoneRevives(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		gone := o
		gone.Base, gone.Href = cal.Version{}, ""
		w.apply(cal.Plan{Deleted: []cal.Change{{Was: o.Base, Object: gone}}})
		if found := w.byHref(o.Href); len(found) != 0 {
			t.Fatal("a tombstone lives")
		}
		back := w.pulled("cherry")[0]
		equal(t, "id", back.ID, o.ID)
		equal(t, "history", w.versions(o.ID), []string{"1 remote apple", "2 remote cherry"})

		gone = back
		gone.Base = cal.Version{}
		other := cal.Object{Href: o.Href, UID: "other", Base: seen("damson", `"4"`)}
		w.apply(cal.Plan{Deleted: []cal.Change{{Was: back.Base, Object: gone}}, Created: []cal.Change{{Object: other}}})
		if now := w.byHref(o.Href); len(now) != 1 || now[0].ID == o.ID || now[0].UID != "other" {
			t.Errorf("at the href of the deleted object: %+v", now)
		}
	})
}

func TestApplyMoves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.pulled("apple", "banana")
		a, b := all[0], all[1]
		a.Href, b.Href = b.Href, a.Href
		w.apply(cal.Plan{Refreshed: []cal.Change{{Was: a.Base, Object: a}, {Was: b.Base, Object: b}}})
		now := w.byHref(a.Href, b.Href)
		equal(t, "swapped", []cal.ObjectID{now[0].ID, now[1].ID}, []cal.ObjectID{a.ID, b.ID})
	})
}

// Nothing that came from outside may be changed, or stop a page: bodies, UIDs, etags and tokens hold any byte.
func TestBytesStay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		body := cal.Body("BEGIN:VCALENDAR\r\nX:caf\xe9\x00\xff\r\n folded\r\n\nEND:VCALENDAR\r\n")
		uid, etag, token := "caf\xe9\x00", cal.ETag("\"\xe9\x80\""), cal.Token("\x01t\xff")
		o := cal.Object{
			Href: "/alice/work/caf%E9.ics", UID: uid, Summary: "caf\xe9\x00", Trouble: "line 2: \xff",
			Base: cal.Version{ETag: etag, Digest: "raw:1", Body: body, Native: "\x00{}"},
		}
		w.apply(cal.Plan{Created: []cal.Change{{Object: o}}})
		w.write(func(tx *store.Tx) error { return tx.Advance(w.calendar, store.Progress{Next: token}) })
		id := w.byHref(o.Href)[0].ID
		got := w.object(id)
		equal(t, "object", []any{got.UID, got.Base.ETag, got.Base.Body, got.Base.Native}, []any{uid, etag, body, "\x00{}"})
		w.read(func(tx *store.Tx) error {
			same, err := tx.ByUID(w.calendar, []string{uid})
			if err != nil || len(same) != 1 {
				t.Errorf("by UID: %v %v", same, err)
			}
			c, err := tx.Calendar(w.calendar)
			equal(t, "token", c.Token, token)
			return err
		})
		equal(t, "empty body", w.edit(store.Draft{Want: cal.Version{Digest: "v1:empty"}, UID: "e"}).Edit.Want.Digest, "v1:empty")
	})
}

func TestConflictsKeepEveryVersion(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana"), Summary: "banana"})
		var after int64
		w.news(&after)
		c := cal.Conflict{
			Kind: cal.UpdateUpdate, Base: o.Base, Mine: o.Edit.Want, Theirs: seen("cherry", `"2"`), Winner: cal.Theirs,
			Contested: []string{"SUMMARY"}, Policy: cal.Manual, Open: true,
		}
		next := o
		next.Base, next.Edit = seen("cherry", `"2"`), nil
		copied := cal.Object{UID: "copy", Edit: &cal.Edit{Rev: 1, Want: wanted("banana copy")}}
		n := cal.Notice{Kind: cal.ServerAltered, From: o.Edit.Want, To: seen("cherry", `"2"`)}
		w.apply(cal.Plan{Updated: []cal.Change{{Was: o.Want(), Object: next, Conflict: &c, Notices: []cal.Notice{n}, Copy: &copied}}})
		w.told(&after, "conflict created", "object created", "object updated")
		equal(t, "history", w.versions(o.ID), []string{"1 remote apple", "2 local banana", "3 remote cherry"})
		equal(t, "outbox", len(w.outbox()), 1)

		w.apply(cal.Plan{Updated: []cal.Change{{Was: next.Want(), Object: w.object(o.ID), Copy: &copied}}})
		equal(t, "a copy is made once", len(w.outbox()), 1)

		var id cal.ConflictID
		w.read(func(tx *store.Tx) error {
			all, err := tx.Conflicts(store.ConflictFilter{Calendar: w.calendar, Open: true})
			if err != nil || len(all) != 1 {
				t.Fatalf("%v %v", all, err)
			}
			id = all[0].ID
			whole, err := tx.Conflict(id)
			equal(t, "conflict", []any{whole.Base.Body, whole.Mine.Body, whole.Theirs.Body, whole.Contested, whole.Object},
				[]any{"apple", "banana", "cherry", []string{"SUMMARY"}, o.ID})
			if err != nil {
				return err
			}
			listed, err := tx.Listed(o.ID)
			equal(t, "state", listed.State, store.Conflict)
			if err != nil {
				return err
			}
			notices, err := tx.Notices(o.ID)
			if len(notices) != 1 || notices[0].To.ID != whole.Theirs.ID || notices[0].From.ID != whole.Mine.ID {
				t.Errorf("notices: %+v", notices)
			}
			return err
		})
		w.write(func(tx *store.Tx) error { return tx.ResolveConflict(id, cal.Mine) })
		w.refused(store.ErrNotFound, func(tx *store.Tx) error { return tx.ResolveConflict(id, cal.Mine) })
	})
}

// A page of hundreds, so that lists are cut.
func TestApplyMany(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const n = 700
		var p cal.Plan
		var hrefs []cal.Href
		for i := range n {
			href := cal.Href(fmt.Sprintf("/alice/work/%04d.ics", i))
			hrefs = append(hrefs, href)
			p.Created = append(p.Created, cal.Change{Object: cal.Object{Href: href, UID: fmt.Sprint(i), Base: seen(fmt.Sprint("b", i), fmt.Sprint(i))}})
		}
		w.apply(p)
		w.read(func(tx *store.Tx) error {
			all, err := tx.ByHref(w.calendar, hrefs)
			equal(t, "objects", len(all), n)
			if err != nil {
				return err
			}
			held, err := tx.Held(w.calendar, hrefs[:300])
			equal(t, "held", len(held), 300)
			return err
		})
	})
}

func BenchmarkApplyCreate10k(b *testing.B) {
	body := make([]byte, 1800)
	for i := range body {
		body[i] = 'a' + byte(i%26)
	}
	for b.Loop() {
		b.StopTimer()
		w := newWorld(b, sqliteURL(b))
		var pages []cal.Plan
		for i := 0; i < 10000; i += 256 {
			p := cal.Plan{Calendar: w.calendar}
			for j := i; j < min(i+256, 10000); j++ {
				p.Created = append(p.Created, cal.Change{Object: cal.Object{
					Href: cal.Href(fmt.Sprintf("/alice/work/%08d.ics", j)), UID: fmt.Sprintf("%032d@example.org", j), Component: "VEVENT", Summary: "Standup",
					Base: cal.Version{ETag: cal.ETag(fmt.Sprintf(`"%d"`, j)), Digest: cal.Digest(fmt.Sprintf("v1:%064d", j)), Body: cal.Body(body)},
				}})
			}
			pages = append(pages, p)
		}
		b.StartTimer()
		for _, p := range pages {
			if err := w.db.Write(context.Background(), func(tx *store.Tx) error { return tx.Apply(p) }); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkHeld10k(b *testing.B) {
	w := newWorld(b, sqliteURL(b))
	var p cal.Plan
	for j := range 10000 {
		href := cal.Href(fmt.Sprintf("/alice/work/%08d.ics", j))
		p.Created = append(p.Created, cal.Change{Object: cal.Object{Href: href, UID: fmt.Sprint(j), Base: seen("apple", fmt.Sprint(j))}})
	}
	w.apply(p)
	for b.Loop() {
		w.read(func(tx *store.Tx) error {
			held, err := tx.Held(w.calendar, nil)
			equal(b, "held", len(held), 10000)
			return err
		})
	}
}
