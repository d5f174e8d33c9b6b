package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// takeLease makes this process the only one that syncs the account, until release. The context ends when the lease is lost: whoever
// took it over has a higher epoch, and every Write of ours is refused from then on.
func (w *walk) takeLease(ctx context.Context) (context.Context, func(error) error, error) {
	err := w.Store.Write(ctx, func(tx *store.Tx) (err error) {
		w.lease, err = tx.TakeLease(w.account.ID, w.Owner, w.Lease)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("sync account %s: %w", w.account.ID, err)
	}
	ctx, cancel := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go w.keepLease(ctx, cancel, done)
	release := func(outcome error) error {
		cancel(nil)
		<-done
		return w.settle(context.WithoutCancel(ctx), outcome)
	}
	return ctx, release, nil
}

// keepLease renews the lease while the run lasts.
func (w *walk) keepLease(ctx context.Context, cancel context.CancelCauseFunc, done chan<- struct{}) {
	defer close(done)
	tick := time.NewTicker(w.Lease / 3)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if ctx.Err() != nil { // both may be ready, and the run is over
				return
			}
			err := w.write(ctx, func(*store.Tx) error { return nil })
			if errors.Is(err, store.ErrFenced) {
				cancel(err)
				return
			}
		}
	}
}

// settle writes down how the run ended and lets the lease go, in one transaction.
func (w *walk) settle(ctx context.Context, outcome error) error {
	err := w.write(ctx, func(tx *store.Tx) error {
		if err := w.remember(tx); err != nil {
			return err
		}
		if err := w.noteOutcome(tx, outcome); err != nil {
			return err
		}
		return tx.Release(w.lease)
	})
	if errors.Is(err, store.ErrFenced) {
		return nil // somebody took over; what we had to say is theirs to find out
	}
	return err
}

// remember stores the runs and what was learned about the server.
func (w *walk) remember(tx *store.Tx) error {
	for i := range w.runs {
		if err := w.runs[i].store(tx); err != nil {
			return err
		}
	}
	if server, profile := w.provider.Learned(); profile != nil {
		return tx.PutServer(server, profile)
	}
	return nil
}

// noteOutcome changes the account's state where the outcome calls for it.
func (w *walk) noteOutcome(tx *store.Tx, outcome error) error {
	a, err := tx.Account(w.account.ID)
	if err != nil {
		return err
	}
	was := a
	a.WritesUntil = w.account.WritesUntil
	var busy cal.Busy
	switch {
	case outcome == nil:
		a.Trouble, a.Failures, a.BusyUntil = "", 0, time.Time{}
	case errors.Is(outcome, cal.ErrLocked):
		a.State, a.Trouble = store.AccountLocked, outcome.Error()
	case errors.As(outcome, &busy):
		a.Trouble, a.Failures = outcome.Error(), a.Failures+1
		a.BusyUntil = w.Clock().Add(busy.Wait + w.backOff(a.Failures)) // what it asked for is the least: iCloud's is too short
	default:
		a.Trouble, a.Failures = outcome.Error(), a.Failures+1
	}
	if a.Trouble == was.Trouble && a.Failures == was.Failures && a.BusyUntil.Equal(was.BusyUntil) && a.WritesUntil.Equal(was.WritesUntil) && a.State == was.State {
		return nil
	}
	return tx.UpdateAccount(a)
}

// write is a transaction that only the holder of the lease may commit.
func (w *walk) write(ctx context.Context, fn func(*store.Tx) error) error {
	now := w.Clock().UnixNano()
	err := w.Store.Write(ctx, func(tx *store.Tx) error {
		if err := tx.Hold(w.lease); err != nil {
			return err
		}
		return fn(tx)
	})
	if err == nil {
		w.sure.Store(now)
	}
	return err
}

// mayWrite: a write that begins now ends before the lease can have run out. Who was stopped in the middle of a batch and wakes up later
// leaves the rest of it to whoever took over.
func (w *walk) mayWrite() bool {
	return w.Clock().Sub(time.Unix(0, w.sure.Load())) < w.Lease-w.Deadline
}
