package engine

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"slices"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// Watcher is a Provider that tells of changes by itself. Polling goes on all the same, only less often: notifications get lost.
type Watcher interface {
	// Watch opens the channel and gives it back with the resource and the expiry that the remote answered. cal.ErrNoPush: not offered.
	Watch(ctx context.Context, ch cal.Channel) (cal.Channel, error)
	Stop(ctx context.Context, ch cal.Channel) error
}

const (
	overlap    = 24 * time.Hour     // a new channel is opened this long before the old one ends; both live meanwhile
	askAgain   = 7 * 24 * time.Hour // after the remote said that it offers none
	unanswered = 15 * time.Minute   // after which a channel whose answer never came is opened anew, under another id
)

// watch keeps a channel open for the list of calendars and for each calendar that is synced. Without an address that the remote can
// reach there are none. What goes wrong here costs promptness, nothing else, so it never fails a sync.
func (w *walk) watch(ctx context.Context, calendars []cal.Calendar) {
	watcher, can := w.provider.(Watcher)
	if !can || w.Mode == Check || w.Calendar != "" {
		return
	}
	k := &keeping{walk: w, watcher: watcher}
	err := w.Store.Read(ctx, func(tx *store.Tx) (err error) {
		k.all, err = tx.Channels(w.account.ID)
		return err
	})
	if err != nil {
		return
	}
	watched := []cal.Calendar{{}} // the first: the list of calendars
	k.keep(ctx, append(watched, calendars...))
}

// keeping is one look at the channels of an account.
type keeping struct {
	*walk
	watcher Watcher
	all     []store.Channel
}

func (k *keeping) keep(ctx context.Context, watched []cal.Calendar) {
	for _, c := range watched {
		if k.Notify == "" || ctx.Err() != nil {
			break
		}
		if k.live(c.ID) != nil {
			continue
		}
		if err := k.open(ctx, c); stopsAccount(err) {
			return
		}
	}
	for _, ch := range k.all {
		if k.superfluous(ch, watched) {
			_ = k.stop(ctx, ch) // on record as long as it may live: the next sync tries again
		}
	}
}

// live is the youngest channel that needs no successor yet.
func (k *keeping) live(c cal.CalendarID) (live *store.Channel) {
	for i, ch := range k.all {
		if ch.Watched == c && ch.Address == k.Notify && k.lasts(ch) {
			live = &k.all[i]
		}
	}
	return live
}

func (k *keeping) lasts(ch store.Channel) bool {
	now := k.Clock()
	switch ch.State {
	case store.ChannelOpen:
		return ch.Expires.After(now.Add(overlap))
	case store.ChannelRefused:
		return ch.Expires.After(now)
	case store.ChannelOpening:
		return ch.Created.Add(unanswered).After(now)
	}
	return false
}

// open puts a new channel on record, then asks for it: after a crash in between we know its id, and it ends by itself.
func (k *keeping) open(ctx context.Context, c cal.Calendar) error {
	ch := store.Channel{Account: k.account.ID, Watched: c.ID, State: store.ChannelOpening}
	ch.ID, ch.Token, ch.Address, ch.Calendar = rand.Text(), rand.Text(), k.Notify, c.Href
	sum := sha256.Sum256([]byte(ch.Token))
	ch.Secret = hex.EncodeToString(sum[:])
	if err := k.write(ctx, func(tx *store.Tx) error { return tx.AddChannel(ch) }); err != nil {
		return err
	}
	answer, err := k.watcher.Watch(ctx, ch.Channel)
	switch {
	case err == nil:
		ch.Resource, ch.Expires, ch.State = answer.Resource, answer.Expires, store.ChannelOpen
	case errors.Is(err, cal.ErrNoPush), errors.Is(err, cal.ErrRefused):
		ch.Expires, ch.State = k.Clock().Add(askAgain), store.ChannelRefused
	default:
		return err // it may be open: it stays on record
	}
	k.all = append(k.all, ch)
	return k.write(ctx, func(tx *store.Tx) error { return tx.UpdateChannel(ch) })
}

// superfluous: nobody is interested any more, or a younger one lives. One that is open goes on until its successor is known to be.
func (k *keeping) superfluous(ch store.Channel, watched []cal.Calendar) bool {
	wanted := slices.ContainsFunc(watched, func(c cal.Calendar) bool { return c.ID == ch.Watched })
	live := k.live(ch.Watched)
	succeeded := live != nil && live.ID != ch.ID && (live.State != store.ChannelOpening || ch.State != store.ChannelOpen)
	return k.Notify == "" || !wanted || succeeded
}

// stop ends a channel at the remote and takes it off the record. One whose answer never came cannot be stopped: it ends by itself.
func (k *keeping) stop(ctx context.Context, ch store.Channel) error {
	if ch.State == store.ChannelOpen && ch.Expires.After(k.Clock()) {
		if err := k.watcher.Stop(ctx, ch.Channel); err != nil && !errors.Is(err, cal.ErrGone) {
			return err
		}
	}
	return k.write(ctx, func(tx *store.Tx) error { return tx.DropChannel(ch.ID) })
}

// StopChannels ends every channel of an account that is about to be removed, as far as the remote answers.
func StopChannels(ctx context.Context, w Watcher, all []store.Channel) error {
	var errs []error
	for _, ch := range all {
		if ch.State == store.ChannelOpen {
			errs = append(errs, w.Stop(ctx, ch.Channel))
		}
	}
	return errors.Join(errs...)
}
