package store_test

import (
	"errors"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

func TestEditCreates(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var after int64
		w.news(&after)
		o := w.edit(store.Draft{UID: "u", Component: "VEVENT", Summary: "Apple", Want: wanted("apple")})
		news := w.told(&after, "object created")
		equal(t, "version told", news[0].Version, o.Edit.Want.ID)
		equal(t, "object", []any{o.UID, o.Component, o.Edit.Rev, o.Edit.Want.Body, o.Base.Exists()}, []any{"u", "VEVENT", 1, "apple", false})
		equal(t, "outbox", w.outbox(), []cal.ObjectID{o.ID})
		w.read(func(tx *store.Tx) error {
			l, err := tx.Listed(o.ID)
			equal(t, "listed", []any{l.Summary, l.State, l.Version}, []any{"Apple", store.Pending, o.Edit.Want.ID})
			return err
		})
	})
}

func TestEditReplacesEdit(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		w.write(func(tx *store.Tx) error {
			return tx.EditTrouble(o.ID, 1, store.Failure{Tries: 3, Block: cal.Rejected, Trouble: "415"})
		})
		equal(t, "blocked", len(w.outbox()), 0)
		var after int64
		w.news(&after)
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("cherry")})
		w.told(&after, "object updated")
		equal(t, "edit", []any{o.Edit.Rev, o.Edit.Tries, o.Edit.Block, o.Edit.Trouble}, []any{2, 0, "", ""})
		equal(t, "base", o.Base.Body, "apple")

		// The answer to the first push comes late: it is not about this revision.
		w.write(func(tx *store.Tx) error { return tx.EditTrouble(o.ID, 1, store.Failure{Block: cal.Rejected}) })
		equal(t, "outbox", len(w.outbox()), 1)

		o = w.edit(store.Draft{Object: o.ID, Want: wanted("cherry2")}) // says the same
		w.told(&after)
		equal(t, "edit", []any{o.Edit.Rev, o.Edit.Want.Body}, []any{3, "cherry2"})
		equal(t, "history", w.versions(o.ID), []string{"1 remote apple", "2 local banana", "3 local cherry2"})
	})
}

func TestEditTakenBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		var after int64
		w.news(&after)
		back := w.edit(store.Draft{Object: o.ID, Want: wanted("apple2")})
		news := w.told(&after, "object updated")
		equal(t, "version told", news[0].Version, o.Base.ID)
		if back.Edit != nil || len(w.outbox()) != 0 {
			t.Errorf("the edit is still there: %+v", back.Edit)
		}

		// With a write on its way there is something to undo.
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		equal(t, "revisions never come twice", o.Edit.Rev, 2)
		w.sent(o, o.Href)
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("apple")})
		if o.Edit == nil || !o.Edit.Want.Same(o.Base) || o.Edit.Want.Body != "apple" {
			t.Errorf("nothing undoes the write on its way: %+v", o.Edit)
		}
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("apple as typed")})
		equal(t, "the base stays what the remote sent", []any{o.Edit.Want.ID, o.Base.Body}, []any{o.Base.ID, "apple"})
	})
}

// An edit made from a text that is no longer what the user sees would take back what came since; so it is not taken.
func TestEditOfAStaleText(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		read := o.Base.ID
		o = w.edit(store.Draft{Object: o.ID, Seen: read, Want: wanted("banana")})
		equal(t, "taken", o.Edit.Want.Body, "banana")
		var after int64
		w.news(&after)
		for _, d := range []store.Draft{
			{Object: o.ID, Seen: read, Want: wanted("cherry")},
			{Object: o.ID, Seen: read}, // to be deleted
			{Object: o.ID, Seen: read, Want: wanted("banana")},
			{Calendar: w.calendar, Seen: read, Want: wanted("cherry")}, // of a new one nobody has read anything
		} {
			w.write(func(tx *store.Tx) error {
				if _, err := tx.Edit(d); !errors.Is(err, store.ErrStale) {
					t.Errorf("%+v: got %v, want %v", d, err, store.ErrStale)
				}
				return nil // it changed nothing, so committing does no harm
			})
		}
		w.told(&after)
		equal(t, "as it was", []any{w.object(o.ID).Edit.Want.Body, len(w.outbox())}, []any{"banana", 1})
		o = w.edit(store.Draft{Object: o.ID, Seen: o.Edit.Want.ID, Want: wanted("cherry")})
		equal(t, "from what the user sees now", o.Edit.Want.Body, "cherry")
		w.edit(store.Draft{Object: o.ID, Seen: o.Edit.Want.ID})
		w.refused(store.ErrStale, func(tx *store.Tx) error {
			_, err := tx.Edit(store.Draft{Object: o.ID, Seen: o.Edit.Want.ID, Want: wanted("damson")})
			return err
		})
	})
}

func TestDelete(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		fresh := w.edit(store.Draft{UID: "u", Want: wanted("apple")})
		o := w.pulled("banana")[0]
		var after int64
		w.news(&after)
		w.edit(store.Draft{Object: fresh.ID})
		w.edit(store.Draft{Object: o.ID})
		w.edit(store.Draft{Object: o.ID}) // again
		w.edit(store.Draft{Object: fresh.ID})
		w.told(&after, "object deleted", "object deleted")
		equal(t, "outbox", w.outbox(), []cal.ObjectID{o.ID})
		w.read(func(tx *store.Tx) error {
			all, err := tx.Objects(store.ObjectFilter{})
			equal(t, "listed", len(all), 0)
			if err != nil {
				return err
			}
			all, err = tx.Objects(store.ObjectFilter{IncludeGone: true})
			equal(t, "listed with deleted ones", len(all), 2)
			return err
		})

		back := w.edit(store.Draft{Object: fresh.ID, Want: wanted("apple")}) // restored
		w.told(&after, "object created")
		equal(t, "restored", []any{back.Edit.Want.Body, back.Incarnation}, []any{"apple", 0})
		w.read(func(tx *store.Tx) error {
			all, err := tx.ByUID(w.calendar, []string{"u"})
			equal(t, "it lives again, so a sync finds it", len(all), 1)
			return err
		})

		tried := w.edit(store.Draft{UID: "v", Want: wanted("cherry")})
		w.sent(tried, "/alice/work/v.ics")
		tried = w.edit(store.Draft{Object: tried.ID})
		if tried.Edit == nil || tried.Edit.Want.Exists() {
			t.Error("a create that may have happened is not taken back")
		}
	})
}

// A name at the remote serves one incarnation: what was deleted there comes back under another.
func TestRestoreAfterDeletion(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		gone := o
		gone.Base = cal.Version{}
		w.apply(cal.Plan{Deleted: []cal.Change{{Was: o.Base, Object: gone}}})
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("apple")})
		equal(t, "restored", []any{o.Href, o.Incarnation, o.UID}, []any{"", 1, "uid-1"})
		equal(t, "outbox", w.outbox(), []cal.ObjectID{o.ID})
		again := w.pulled("banana")[0] // the old name is free for whatever comes
		if again.ID == o.ID {
			t.Error("a living object was taken for a tombstone")
		}
	})
}

func TestOutboxAndDoubt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		all := w.pulled("apple", "banana", "cherry")
		for i, o := range all {
			w.pass(time.Second)
			all[i] = w.edit(store.Draft{Object: o.ID, Want: wanted("x" + string(o.Base.ETag))})
		}
		a, b, c := all[0], all[1], all[2]
		equal(t, "oldest first", w.outbox(), []cal.ObjectID{a.ID, b.ID, c.ID})
		w.write(func(tx *store.Tx) error {
			return tx.EditTrouble(b.ID, b.Edit.Rev, store.Failure{Tries: 1, Due: tx.Now().Add(time.Hour)})
		})
		attempt := w.sent(a, a.Href)
		if attempt.ID == "" || attempt.State != cal.AttemptSent || attempt.Want.ID != a.Edit.Want.ID {
			t.Errorf("attempt: %+v", attempt)
		}
		equal(t, "neither the doubtful nor the not yet due", w.outbox(), []cal.ObjectID{c.ID})
		equal(t, "doubtful", w.doubtful(), []cal.Href{a.Href})
		w.read(func(tx *store.Tx) error {
			held, err := tx.Held(w.calendar, []cal.Href{a.Href, b.Href, "/elsewhere"})
			equal(t, "held", held, map[cal.Href]cal.ETag{a.Href: "", b.Href: `"2"`})
			if err != nil {
				return err
			}
			waiting, blocked, next, err := tx.Pending(w.calendar)
			equal(t, "pending", []any{waiting, blocked, next}, []any{3, 0, time.Time{}})
			return err
		})
		o := w.byHref(a.Href)[0]
		equal(t, "bodies of what is in doubt", []any{o.Base.Body, o.Edit.Want.Body, o.Sent[0].Want.Body}, []any{"apple", `x"1"`, `x"1"`})

		w.write(func(tx *store.Tx) error { return tx.Outcome(attempt.ID, cal.AttemptLate) })
		equal(t, "outbox", w.outbox(), []cal.ObjectID{a.ID, c.ID})
		equal(t, "doubtful", len(w.doubtful()), 0)
		w.pass(2 * time.Hour)
		equal(t, "due", w.outbox(), []cal.ObjectID{a.ID, b.ID, c.ID})
		w.write(func(tx *store.Tx) error { return tx.Forget(attempt.ID) })
		equal(t, "forgotten", len(w.object(a.ID).Sent), 0)
	})
}

func TestSettled(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.edit(store.Draft{UID: "u", Want: wanted("apple")})
		w.sent(o, "/alice/work/u.ics")
		o = w.object(o.ID)
		equal(t, "named", o.Href, "/alice/work/u.ics")
		var after int64
		w.news(&after)
		was := o.Want()
		o.Base, o.Edit, o.Sent = seen("apple as stored", `"1"`), nil, nil
		w.apply(cal.Plan{Settled: []cal.Change{{Was: was, Object: o}}})
		w.told(&after)
		o = w.object(o.ID)
		if o.Edit != nil || len(o.Sent) > 0 {
			t.Errorf("not settled: %+v", o)
		}
		equal(t, "base", []any{o.Base.ID, o.Base.ETag}, []any{was.ID, `"1"`})
		equal(t, "history", w.versions(o.ID), []string{"1 local apple as stored"})
		equal(t, "outbox", len(w.outbox()), 0)
		equal(t, "doubtful", len(w.doubtful()), 0)
	})
}

func TestTodo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		note := func() {
			w.write(func(tx *store.Tx) error { return tx.Todo(w.calendar, []cal.Unread{{Href: "/p", Reason: "502"}}) })
		}
		note()
		equal(t, "not at once", len(w.doubtful()), 0)
		w.pass(time.Minute)
		equal(t, "due", w.doubtful(), []cal.Href{"/p"})
		note()
		w.pass(time.Minute)
		equal(t, "twice as long", len(w.doubtful()), 0)
		w.pass(time.Minute)
		equal(t, "due", w.doubtful(), []cal.Href{"/p"})
		for range 80 {
			note()
		}
		w.pass(24 * time.Hour)
		equal(t, "a day at most", w.doubtful(), []cal.Href{"/p"})
		w.write(func(tx *store.Tx) error { return tx.TodoDone(w.calendar, []cal.Href{"/p", "/q"}) })
		equal(t, "done", len(w.doubtful()), 0)
	})
}
