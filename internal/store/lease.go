package store

import (
	"fmt"
	"time"

	"calbridge/internal/cal"
)

// Lease is the right to synchronise an account. Epoch fences: it grows whenever the lease is taken, and Hold refuses an older one.
type Lease struct {
	Account cal.AccountID
	Owner   string // names the worker
	Epoch   int64
	TTL     time.Duration // how long each Hold extends it
}

// Lock takes the account's row until the transaction ends, so that this transaction sees and does everything of the account alone. What
// is read of an account before it may be out of date by the time of a write; the methods of Tx take it before they read. In a Read it
// does nothing, and SQLite has one writer anyway.
func (tx *Tx) Lock(id cal.AccountID) error {
	if !tx.writes || tx.db.lock == "" || tx.locked[id] {
		return nil
	}
	_, err := tx.lease(id)
	return err
}

// LockCalendar is Lock for the account that the calendar belongs to.
func (tx *Tx) LockCalendar(id cal.CalendarID) error {
	if !tx.writes || tx.db.lock == "" {
		return nil
	}
	account, err := tx.owner(id)
	if err != nil {
		return err
	}
	return tx.Lock(account)
}

// TakeLease gives the lease to owner for the time ttl, unless another owner holds it and its time has not passed: ErrLeased. Whoever had
// it before is fenced off, the same owner too.
func (tx *Tx) TakeLease(id cal.AccountID, owner string, ttl time.Duration) (Lease, error) {
	l, err := tx.lease(id)
	if err != nil {
		return Lease{}, err
	}
	if l.owner != "" && l.owner != owner && l.until > l.now {
		return Lease{}, fmt.Errorf("take the lease of account %s: %w (%s)", id, ErrLeased, l.owner)
	}
	taken := Lease{Account: id, Owner: owner, Epoch: l.epoch + 1, TTL: ttl}
	return taken, tx.setLease(taken, l.now+ttl.Milliseconds())
}

// Hold is how every Write of a sync run begins: it takes the account's row, and refuses with ErrFenced when the lease was taken over or
// released. A lease that ran out and that nobody took is still good.
func (tx *Tx) Hold(l Lease) error {
	row, err := tx.lease(l.Account)
	if err != nil {
		return err
	}
	if row.epoch != l.Epoch || row.owner != l.Owner {
		return fmt.Errorf("hold the lease of account %s: %w", l.Account, ErrFenced)
	}
	if row.until-row.now > l.TTL.Milliseconds()*3/4 {
		return nil // young enough: spare the write
	}
	return tx.setLease(l, row.now+l.TTL.Milliseconds())
}

// Release gives the lease back. That it was lost meanwhile is no error.
func (tx *Tx) Release(l Lease) error {
	_, err := tx.exec(`UPDATE accounts SET lease_owner = '', lease_until = 0 WHERE id = ? AND epoch = ? AND lease_owner = ?`,
		string(l.Account), l.Epoch, l.Owner)
	return wrap("release the lease of account "+string(l.Account), err)
}

// LeaseOwner tells who holds an account's lease or held it last without giving it back; empty: nobody.
func (tx *Tx) LeaseOwner(id cal.AccountID) (string, error) {
	l, err := tx.lease(id)
	return l.owner, err
}

// BreakLease ends the lease of an owner that is known to be dead. Should it be alive after all, it is fenced off: the epoch is raised. That
// somebody else holds the lease by now is no error.
func (tx *Tx) BreakLease(id cal.AccountID, owner string) error {
	_, err := tx.exec(`UPDATE accounts SET lease_owner = '', lease_until = 0, epoch = epoch + 1 WHERE id = ? AND lease_owner = ?`,
		string(id), owner)
	return wrap("end the lease of account "+string(id), err)
}

// leaseRow is how the lease stands, and what time it is for leases: workers may disagree about the time, so the database's clock counts.
type leaseRow struct {
	owner string
	until int64
	epoch int64
	now   int64
}

// lease reads the lease; in a Write it takes the account's row.
func (tx *Tx) lease(id cal.AccountID) (leaseRow, error) {
	lock := tx.db.lock
	if !tx.writes {
		lock = "" // PostgreSQL locks nothing for a reader
	}
	var l leaseRow
	err := tx.get(`SELECT lease_owner, lease_until, epoch, `+tx.db.dialect.clock+` FROM accounts WHERE id = ?`+lock, []any{string(id)},
		&l.owner, &l.until, &l.epoch, &l.now)
	if l.now == 0 || tx.db.oneClock {
		l.now = millis(tx.now)
	}
	if err == nil && tx.writes {
		tx.locked[id] = true
	}
	return l, wrap("read the lease of account "+string(id), err)
}

func (tx *Tx) setLease(l Lease, until int64) error {
	err := tx.one(`UPDATE accounts SET lease_owner = ?, lease_until = ?, epoch = ? WHERE id = ?`, l.Owner, until, l.Epoch, string(l.Account))
	return wrap("write the lease of account "+string(l.Account), err)
}

// owner tells which account a calendar belongs to.
func (tx *Tx) owner(id cal.CalendarID) (cal.AccountID, error) {
	if known, ok := tx.db.owners.Load(id); ok {
		return known.(cal.AccountID), nil
	}
	var account cal.AccountID
	err := tx.get(`SELECT account FROM calendars WHERE id = ?`, []any{string(id)}, &account)
	if err != nil {
		return "", wrap("find the account of calendar "+string(id), err)
	}
	tx.db.owners.Store(id, account)
	return account, nil
}
