package store

import "calbridge/internal/cal"

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
