package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
	"calbridge/internal/secret"
	"calbridge/internal/store"
)

// keeper keeps a Google account's grant: sealed in the database, for all processes, and open in memory for this one.
type keeper struct {
	db    *store.DB
	keys  func(context.Context) (*secret.Vault, error) // as they are now: another process may rotate them
	still func(ctx context.Context, sealed, plain []byte) error
	id    cal.AccountID
	owner string        // who takes the right to renew
	turn  chan struct{} // one of our goroutines at a time
	held  google.Grant  // the grant as we know it; zero: not read yet
}

var _ google.Keeper = (*keeper)(nil)

const (
	refreshTime = 60 * time.Second // a request for a token ends within it (googleTimeout)
	storeTime   = 20 * time.Second // for storing a token that has arrived, even when the program is told to stop
	refreshPoll = 50 * time.Millisecond
	maxSwaps    = 8
)

func (s *session) keeper(ctx context.Context, id cal.AccountID) (*keeper, error) {
	db, err := s.store(ctx)
	if err != nil {
		return nil, err
	}
	still := func(ctx context.Context, sealed, plain []byte) error { return s.sealedStill(ctx, id, sealed, plain) }
	return &keeper{db: db, keys: s.keysNow, still: still, id: id, owner: newOwner(s.chance), turn: make(chan struct{}, 1)}, nil
}

// Grant implements google.Keeper.
func (k *keeper) Grant(ctx context.Context) (google.Grant, error) {
	end, err := k.begin(ctx)
	if err != nil {
		return google.Grant{}, err
	}
	defer end()
	if k.held.Sub != "" {
		return k.held, nil
	}
	return k.read(ctx)
}

// Renew implements google.Keeper.
func (k *keeper) Renew(ctx context.Context, stale google.Grant, refresh func(context.Context, google.Grant) (google.Grant, error)) (google.Grant, error) {
	end, err := k.begin(ctx)
	if err != nil {
		return google.Grant{}, err
	}
	defer end()
	if k.held.Sub != "" && !k.held.Same(stale) {
		return k.held, nil // another of our goroutines was quicker
	}
	for {
		right, stands, err := k.take(ctx)
		switch {
		case err != nil:
			return google.Grant{}, err
		case !stands.Same(stale): // another process was quicker, or the person has consented anew
			return k.hold(stands), k.release(ctx, right.Holder)
		case right.Holder == k.owner:
			return k.renew(ctx, right.Sealed, stands, refresh)
		}
		if err := k.wait(ctx, right.Holder); err != nil {
			return google.Grant{}, err
		}
	}
}

// begin waits for our turn; end lets the next one.
func (k *keeper) begin(ctx context.Context) (end func(), err error) {
	select {
	case k.turn <- struct{}{}:
		return func() { <-k.turn }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// take takes the right to renew, or finds out who has it, and reads the grant as it stands.
func (k *keeper) take(ctx context.Context) (right store.Refresh, stands google.Grant, err error) {
	err = k.db.Write(ctx, func(tx *store.Tx) (err error) {
		right, err = tx.TakeRefresh(k.id, k.owner, refreshTime)
		return err
	})
	if err == nil {
		stands, err = k.open(ctx, right.Sealed)
	}
	return right, stands, err
}

// wait lets another process finish. One that died on this machine is not waited for; of one that died elsewhere the time runs out.
func (k *keeper) wait(ctx context.Context, holder string) error {
	if died(holder) {
		return k.free(ctx, holder)
	}
	t := time.NewTimer(refreshPoll)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// renew calls refresh, having the right to, and stores what it returns.
func (k *keeper) renew(ctx context.Context, sealed []byte, was google.Grant, refresh func(context.Context, google.Grant) (google.Grant, error)) (
	google.Grant, error) {
	next, err := refresh(ctx, was)
	// From here on a Ctrl-C is too late: the old refresh token may be of no use any more.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storeTime)
	defer cancel()
	if err != nil {
		return k.failed(ctx, was, err)
	}
	kept, err := k.keep(ctx, sealed, was, next)
	if err != nil {
		return google.Grant{}, errors.Join(fmt.Errorf("store the renewed token: %w", err), k.release(ctx, k.owner))
	}
	return k.hold(kept), nil
}

// failed gives the right back. A refusal of what the person has replaced by a new consent meanwhile is none.
func (k *keeper) failed(ctx context.Context, was google.Grant, err error) (google.Grant, error) {
	if errors.Is(err, cal.ErrLocked) {
		if stands, unread := k.read(ctx); unread == nil && !stands.Same(was) {
			return stands, k.release(ctx, k.owner)
		}
	}
	return google.Grant{}, errors.Join(err, k.release(ctx, k.owner))
}

// keep stores next in the place of was, and gives what stands in the end. When what stood there was only sealed anew, with a rotated key,
// next goes in its place; when it is another grant, that one is newer: the person has consented anew, or our time had run out.
func (k *keeper) keep(ctx context.Context, sealed []byte, was, next google.Grant) (google.Grant, error) {
	plain, err := next.Plain()
	if err != nil {
		return next, err
	}
	for range maxSwaps {
		swapped, now, err := k.swap(ctx, sealed, plain)
		if swapped {
			return next, k.still(ctx, now, plain)
		}
		if err != nil && !errors.Is(err, store.ErrUnknown) {
			return next, err
		}
		stands, err := k.read(ctx)
		if err != nil {
			return next, err
		}
		if !stands.Same(was) {
			return stands, k.release(ctx, k.owner)
		}
		if sealed, err = k.sealed(ctx); err != nil {
			return next, err
		}
	}
	return next, errors.New("the database keeps changing under it")
}

// swap stores plain, sealed, where sealed stands.
func (k *keeper) swap(ctx context.Context, sealed, plain []byte) (swapped bool, now []byte, err error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return false, nil, err
	}
	if now, err = keys.Seal(plain, k.id); err != nil {
		return false, nil, err
	}
	err = k.db.Write(ctx, func(tx *store.Tx) (err error) {
		swapped, err = tx.Refreshed(k.id, k.owner, sealed, now)
		return err
	})
	return swapped && err == nil, now, err
}

// read reads the grant that is stored.
func (k *keeper) read(ctx context.Context) (google.Grant, error) {
	sealed, err := k.sealed(ctx)
	if err != nil {
		return google.Grant{}, err
	}
	g, err := k.open(ctx, sealed)
	if err != nil {
		return google.Grant{}, err
	}
	return k.hold(g), nil
}

func (k *keeper) sealed(ctx context.Context) (sealed []byte, err error) {
	err = k.db.Read(ctx, func(tx *store.Tx) error {
		a, err := tx.Account(k.id)
		if err == nil && a.Credential == nil {
			err = fmt.Errorf("read the token of account %s: it has none any more: %w", k.id, store.ErrNotFound)
		}
		sealed = a.Credential
		return err
	})
	return sealed, err
}

func (k *keeper) open(ctx context.Context, sealed []byte) (google.Grant, error) {
	keys, err := k.keys(ctx)
	if err != nil {
		return google.Grant{}, err
	}
	plain, err := keys.Open(sealed, k.id)
	if err == nil {
		return google.ReadGrant(plain)
	}
	// The key may have been rotated after sealed was read and before the key was: then what stands there now opens.
	if now, gone := k.sealed(ctx); gone == nil && !bytes.Equal(now, sealed) {
		return k.open(ctx, now)
	}
	return google.Grant{}, err
}

func (k *keeper) hold(g google.Grant) google.Grant {
	k.held = g
	return g
}

// release gives the right to renew back, if it is ours.
func (k *keeper) release(ctx context.Context, holder string) error {
	if holder != k.owner {
		return nil
	}
	return k.free(ctx, holder)
}

func (k *keeper) free(ctx context.Context, holder string) error {
	return k.db.Write(ctx, func(tx *store.Tx) error { return tx.ReleaseRefresh(k.id, holder) })
}
