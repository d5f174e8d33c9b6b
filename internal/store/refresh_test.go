package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"calbridge/internal/store"
)

func (w *world) takeRefresh(owner string, ttl time.Duration) (r store.Refresh) {
	w.Helper()
	w.write(func(tx *store.Tx) (err error) {
		r, err = tx.TakeRefresh(w.account, owner, ttl)
		return err
	})
	return r
}

func (w *world) refreshed(owner, was, now string) (swapped bool) {
	w.Helper()
	w.write(func(tx *store.Tx) (err error) {
		swapped, err = tx.Refreshed(w.account, owner, []byte(was), []byte(now))
		return err
	})
	return swapped
}

func (w *world) setCredential(sealed string) {
	w.Helper()
	w.write(func(tx *store.Tx) error {
		a, err := tx.Account(w.account)
		if err != nil {
			return err
		}
		a.Credential = []byte(sealed)
		return tx.UpdateAccount(a)
	})
}

func TestRefreshIsOneWorkersRight(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setCredential("old")
		equal(t, "the first", w.takeRefresh("one", time.Minute), store.Refresh{Holder: "one", Sealed: []byte("old")})
		equal(t, "the second", w.takeRefresh("two", time.Minute), store.Refresh{Holder: "one", Sealed: []byte("old")})
		equal(t, "stored", w.refreshed("one", "old", "new"), true)
		equal(t, "afterwards", w.takeRefresh("two", time.Minute), store.Refresh{Holder: "two", Sealed: []byte("new")})
		w.write(func(tx *store.Tx) error { return tx.ReleaseRefresh(w.account, "one") }) // it is not theirs any more
		equal(t, "still", w.takeRefresh("three", time.Minute).Holder, "two")
	})
}

// Who comes back after its time ran out stores nothing over what was stored since.
func TestRefreshThatCameTooLate(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setCredential("old")
		const ttl = 200 * time.Millisecond
		w.takeRefresh("one", ttl)
		w.pass(ttl + time.Millisecond)
		time.Sleep(ttl + 50*time.Millisecond) // PostgreSQL's clock is a real one
		equal(t, "taken over", w.takeRefresh("two", time.Minute).Holder, "two")
		equal(t, "stored", w.refreshed("two", "old", "two's"), true)
		equal(t, "stored late", w.refreshed("one", "old", "one's"), false)
		equal(t, "what stands", string(w.takeRefresh("three", time.Minute).Sealed), "two's")
	})
}

// A sync and a refresh do not keep each other waiting, and storing an account does not take the right away.
func TestRefreshIsNotTheLease(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setCredential("old")
		l := w.lease()
		w.takeRefresh("one", time.Minute)
		w.write(hold(l))
		w.setCredential("old")
		equal(t, "holder", w.takeRefresh("two", time.Minute).Holder, "one")
	})
}

func TestRefreshOfARemovedAccount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.setCredential("old")
		w.takeRefresh("one", time.Minute)
		w.write(func(tx *store.Tx) error { return tx.RemoveAccount(w.account) })
		equal(t, "stored", w.refreshed("one", "old", "new"), false)
		err := w.db.Write(context.Background(), func(tx *store.Tx) error {
			_, err := tx.TakeRefresh(w.account, "one", time.Minute)
			return err
		})
		if !errors.Is(err, store.ErrNotFound) {
			t.Errorf("%v", err)
		}
	})
}
