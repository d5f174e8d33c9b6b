package store_test

import (
	"encoding/json"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// TestAccountsDoNotMeet: two accounts hold the same: hrefs, UIDs, leases of one worker, edits, attempts. What happens to one is not seen in
// the other.
func TestAccountsDoNotMeet(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		other := *w
		other.account = w.addAccount("bob")
		other.calendar = w.addCalendar(other.account, "/alice/work/")
		w.fill()
		other.fill()
		for _, happens := range []func(*store.Tx) error{
			func(tx *store.Tx) error { return tx.TodoDone(w.calendar, []cal.Href{"/alice/work/unread.ics"}) },
			func(tx *store.Tx) error { return tx.Unblock(w.calendar, cal.ReadOnly) },
			func(tx *store.Tx) error { return tx.Advance(w.calendar, store.Progress{Next: "t1", Pulled: "m"}) },
			func(tx *store.Tx) error { return tx.Release(store.Lease{Account: w.account, Owner: "one", Epoch: 1}) },
			func(tx *store.Tx) error { return tx.BreakLease(w.account, "one") },
			func(tx *store.Tx) error { return tx.RemoveAccount(w.account) },
		} {
			before := other.everything()
			w.write(happens)
			if after := other.everything(); after != before {
				t.Errorf("it was\n%s\nand is\n%s", before, after)
			}
		}
	})
}

// fill makes an object with nothing to do, one with a blocked edit, one whose write is in doubt, and one that could not be read.
func (w *world) fill() {
	w.Helper()
	all := w.pulled("apple", "banana", "cherry")
	if _, err := w.take("one", time.Minute); err != nil {
		w.Fatal(err)
	}
	blocked := w.edit(store.Draft{Object: all[1].ID, Want: wanted("fig")})
	sent := w.edit(store.Draft{Object: all[2].ID, Want: wanted("date")})
	w.write(func(tx *store.Tx) error {
		if err := tx.EditTrouble(blocked.ID, blocked.Edit.Rev, store.Failure{Block: cal.ReadOnly}); err != nil {
			return err
		}
		a := cal.Attempt{Object: sent.ID, Href: sent.Href, Match: sent.Base.ETag, Rev: sent.Edit.Rev, Want: sent.Edit.Want}
		if err := tx.Attempt(store.Lease{Account: w.account, Owner: "one", Epoch: 1, TTL: time.Minute}, []cal.Attempt{a}); err != nil {
			return err
		}
		return tx.Todo(w.calendar, []cal.Unread{{Href: "/alice/work/unread.ics", Reason: "broken"}})
	})
}

// everything is what there is to know of the account, but for when it was.
func (w *world) everything() string {
	w.Helper()
	var all []any
	w.read(func(tx *store.Tx) error {
		a, err := tx.Account(w.account)
		all = append(all, a)
		for _, ask := range []func() (any, error){
			func() (any, error) { return tx.LeaseOwner(w.account) },
			func() (any, error) { return tx.Calendars(w.account) },
			func() (any, error) { return tx.Held(w.calendar, nil) },
			func() (any, error) { return tx.Doubtful(w.calendar) },
			func() (any, error) { return tx.Outbox(w.calendar, w.clock(), 10) },
			func() (any, error) { return tx.Unread(w.calendar) },
			func() (any, error) { return tx.Count(w.calendar) },
			func() (any, error) {
				return tx.ByHref(w.calendar, []cal.Href{"/alice/work/1.ics", "/alice/work/2.ics", "/alice/work/3.ics"})
			},
			func() (any, error) { return tx.ByUID(w.calendar, []string{"uid-1", "uid-2", "uid-3"}) },
		} {
			answer, failed := ask()
			if failed != nil {
				err = failed
			}
			all = append(all, answer)
		}
		return err
	})
	text, err := json.Marshal(all)
	if err != nil {
		w.Fatal(err)
	}
	return string(text)
}
