package store

import (
	"fmt"
	"time"

	"calbridge/internal/cal"
)

// Refresh is the right to renew an account's access token, which one worker has at a time: a remote may take the same refresh token only
// once. It is not the Lease: whoever shows calendars or opens a push channel needs a token too.
type Refresh struct {
	Holder string // who has the right now: the one who asked, or another
	Sealed []byte // the credential as it stands
}

// TakeRefresh gives the right to owner for the time ttl, unless another holder's time has not passed; Holder tells.
func (tx *Tx) TakeRefresh(id cal.AccountID, owner string, ttl time.Duration) (Refresh, error) {
	var r Refresh
	l, err := tx.lease(id) // takes the row, and tells what time it is
	if err != nil {
		return r, err
	}
	var until int64
	err = tx.get(`SELECT refresh_owner, refresh_until, credential FROM accounts WHERE id = ?`, []any{string(id)}, &r.Holder, &until, &r.Sealed)
	if err != nil {
		return r, wrap("read who renews the token of account "+string(id), err)
	}
	if r.Sealed == nil {
		return r, fmt.Errorf("renew the token of account %s: it has none any more: %w", id, ErrNotFound)
	}
	if r.Holder != "" && r.Holder != owner && until > l.now {
		return r, nil
	}
	r.Holder = owner
	err = tx.one(`UPDATE accounts SET refresh_owner = ?, refresh_until = ? WHERE id = ?`, owner, l.now+ttl.Milliseconds(), string(id))
	return r, wrap("take the right to renew the token of account "+string(id), err)
}

// Refreshed stores the renewed credential in the place of was and gives the right back. It reports whether was still stood there: when
// not, somebody stored another, which is newer or sealed with a newer key, and the right stays with owner.
func (tx *Tx) Refreshed(id cal.AccountID, owner string, was, now []byte) (bool, error) {
	swapped, err := tx.SetCredential(id, was, now)
	if err != nil || !swapped {
		return false, err
	}
	return true, tx.ReleaseRefresh(id, owner)
}

// ReleaseRefresh gives the right back. That another has it by now is no error.
func (tx *Tx) ReleaseRefresh(id cal.AccountID, owner string) error {
	_, err := tx.exec(`UPDATE accounts SET refresh_owner = '', refresh_until = 0 WHERE id = ? AND refresh_owner = ?`, string(id), owner)
	return wrap("give back the right to renew the token of account "+string(id), err)
}
