package engine

import (
	"context"
	"errors"
	"time"

	"github.com/cenkalti/backoff/v5"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// retry repeats a read of the remote while it fails in passing: with jitter, and not sooner than the remote asked for. Writes are
// never repeated this way: the first one may have happened. Refused credentials are not tried twice.
func (w *walk) retry(ctx context.Context, read func() error) error {
	if w.Patience <= 0 {
		return read()
	}
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = read()
		return struct{}{}, w.classify(ctx, last)
	}, backoff.WithBackOff(&gentle{chance: w.Chance}), backoff.WithMaxElapsedTime(w.Patience), backoff.WithMaxTries(4))
	if err == nil {
		return nil
	}
	return last
}

// gentle waits 150 to 450 ms, and twice as long each time: the library's own jitter is not the chance handed in.
type gentle struct {
	chance func() float64
	tries  int
}

// NextBackOff implements backoff.BackOff.
func (g *gentle) NextBackOff() time.Duration {
	g.tries++
	longest := 300 * time.Millisecond << (g.tries - 1)
	return time.Duration((0.5 + g.chance()) * float64(longest))
}

// Reset implements backoff.BackOff.
func (g *gentle) Reset() { g.tries = 0 }

// classify tells what is worth another try.
func (w *walk) classify(ctx context.Context, err error) error {
	var busy cal.Busy
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil, errors.Is(err, cal.ErrLocked), errors.Is(err, cal.ErrRefused), errors.Is(err, cal.ErrGone),
		errors.Is(err, store.ErrFenced), errors.Is(err, store.ErrMoved):
		return backoff.Permanent(err)
	case errors.As(err, &busy):
		if busy.Wait > w.Patience {
			return backoff.Permanent(err)
		}
		return backoff.RetryAfter(int(busy.Wait / time.Second))
	}
	return err
}
