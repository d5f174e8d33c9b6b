package store_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

func (w *world) take(owner string, ttl time.Duration) (l store.Lease, err error) {
	err = w.db.Write(context.Background(), func(tx *store.Tx) error {
		l, err = tx.TakeLease(w.account, owner, ttl)
		return err
	})
	return l, err
}

func hold(l store.Lease) func(*store.Tx) error {
	return func(tx *store.Tx) error { return tx.Hold(l) }
}

func TestLeaseFences(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		first, err := w.take("one", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		w.write(hold(first))
		if _, err := w.take("two", time.Minute); !errors.Is(err, store.ErrLeased) {
			t.Fatalf("a held lease was given to another: %v", err)
		}
		again, err := w.take("one", time.Minute)
		if err != nil || again.Epoch <= first.Epoch {
			t.Fatalf("%+v %v", again, err)
		}
		w.refused(store.ErrFenced, hold(first))
		w.refused(store.ErrFenced, func(tx *store.Tx) error { return tx.Attempt(first, []cal.Attempt{{}}) })
		w.write(func(tx *store.Tx) error { return tx.Release(first) }) // changes nothing
		w.write(hold(again))
		w.write(func(tx *store.Tx) error { return tx.Release(again) })
		w.refused(store.ErrFenced, hold(again))
		if _, err := w.take("two", time.Minute); err != nil {
			t.Fatalf("a lease given back is not to be had: %v", err)
		}
	})
}

// An expired lease may be taken; until somebody does, it is still good. PostgreSQL's clock is a real one.
func TestLeaseExpires(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const ttl = 200 * time.Millisecond
		wait := func() { w.pass(ttl + time.Millisecond); time.Sleep(ttl + 50*time.Millisecond) }
		one, err := w.take("one", ttl)
		if err != nil {
			t.Fatal(err)
		}
		wait()
		w.write(hold(one)) // which extends it
		if _, err := w.take("two", time.Minute); !errors.Is(err, store.ErrLeased) {
			t.Fatalf("Hold did not extend the lease: %v", err)
		}
		wait()
		two, err := w.take("two", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		w.refused(store.ErrFenced, hold(one))
		w.write(hold(two))
	})
}

// Holders of one lease's account wait for each other, so that what a decision read is still so when it is applied.
func TestWritersOfAnAccountAreSerial(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		l := w.lease()
		held, done := make(chan bool), make(chan bool)
		go func() {
			defer close(done)
			w.write(func(tx *store.Tx) error {
				if err := tx.Hold(l); err != nil {
					return err
				}
				close(held)
				time.Sleep(100 * time.Millisecond)
				return tx.Advance(w.calendar, store.Progress{Next: "t1"})
			})
		}()
		<-held
		w.refused(store.ErrMoved, func(tx *store.Tx) error { return tx.Apply(cal.Plan{Calendar: w.calendar}) })
		<-done
	})
}

func TestLeaseOfTheDeadIsBroken(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		l, err := w.take("host/1", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		w.read(func(tx *store.Tx) error {
			owner, err := tx.LeaseOwner(w.account)
			equal(t, "owner", owner, "host/1")
			return err
		})
		w.write(func(tx *store.Tx) error { return tx.BreakLease(w.account, "host/2") }) // it is not theirs
		w.write(hold(l))
		w.write(func(tx *store.Tx) error { return tx.BreakLease(w.account, "host/1") })
		w.refused(store.ErrFenced, hold(l))
		w.read(func(tx *store.Tx) error {
			owner, err := tx.LeaseOwner(w.account)
			equal(t, "owner", owner, "")
			return err
		})
	})
}
