package store

import (
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Account is one login at one provider.
type Account struct {
	ID         cal.AccountID
	Provider   string // caldav, google
	Name       string
	Owner      string // whose it is, in the words of the program that uses us
	URL        string
	Username   string
	Credential []byte // sealed by package secret
	Principal  string
	Homes      []string // calendar-home-set (RFC 4791 §6.2.1)
	Addresses  []string // calendar-user-address-set (RFC 6638 §2.4.1)
	Scopes     []string // what an OAuth consent granted
	State      AccountState
	Trouble    string    // why it is not active, or what went wrong last
	BusyUntil  time.Time // the remote asked not to be asked before
	// WritesUntil: the remote takes no writes before; reading goes on.
	WritesUntil time.Time
	Failures    int // in a row
	Created     time.Time
	Updated     time.Time
}

// AccountState is whether an account takes part in synchronisation.
type AccountState string

const (
	AccountActive  AccountState = "active"
	AccountLocked  AccountState = "locked" // credentials refused: waits for a person
	AccountPaused  AccountState = "paused"
	AccountRemoved AccountState = "removed"
)

// AccountFilter picks accounts; its zero value picks all but the removed ones.
type AccountFilter struct {
	Owner    string
	State    AccountState
	Provider string
}

const accountColumns = `id, provider, name, owner, url, username, credential, principal, homes, addresses, state, trouble, busy_until,
	failures, created, updated, scopes, writes_until`

func (a *Account) scan(scan scan) error {
	return scan(&a.ID, &a.Provider, from(&a.Name), from(&a.Owner), from(&a.URL), from(&a.Username), &a.Credential, from(&a.Principal),
		document(&a.Homes), document(&a.Addresses), &a.State, &a.Trouble, moment(&a.BusyUntil), &a.Failures, moment(&a.Created),
		moment(&a.Updated), document(&a.Scopes), moment(&a.WritesUntil))
}

// Account gives an account, removed or not. In a Write it also takes its row.
func (tx *Tx) Account(id cal.AccountID) (Account, error) {
	if err := tx.Lock(id); err != nil {
		return Account{}, err
	}
	all, err := tx.accounts(`WHERE id = ?`, id)
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Account{}, wrap("read account "+string(id), err)
	}
	return all[0], nil
}

// Accounts lists accounts in the order they were made.
func (tx *Tx) Accounts(f AccountFilter) ([]Account, error) {
	where, args := []string{`state <> 'removed'`}, []any{}
	add := func(clause, value string) {
		if value != "" {
			where, args = append(where, clause), append(args, value)
		}
	}
	if f.State != "" {
		where = nil
	}
	add(`owner = ?`, foreign(f.Owner))
	add(`state = ?`, string(f.State))
	add(`provider = ?`, f.Provider)
	all, err := tx.accounts(`WHERE `+strings.Join(where, ` AND `), args...)
	return all, wrap("list accounts", err)
}

func (tx *Tx) accounts(where string, args ...any) ([]Account, error) {
	var all []Account
	err := tx.each(`SELECT `+accountColumns+` FROM accounts `+where+` ORDER BY id`, args, func(scan scan) error {
		var a Account
		err := a.scan(scan)
		all = append(all, a)
		return err
	})
	return all, err
}

// AddAccount stores a new account and gives it back with its times. An empty ID is made up; NewAccountID makes one beforehand, for
// the credential is sealed for it.
func (tx *Tx) AddAccount(a Account) (Account, error) {
	if a.ID == "" {
		id, err := tx.db.newID()
		if err != nil {
			return Account{}, wrap("add an account", err)
		}
		a.ID = cal.AccountID(id)
	}
	if a.State == "" {
		a.State = AccountActive
	}
	a.Created, a.Updated = tx.now, tx.now
	err := tx.insert(`INSERT INTO accounts (`+accountColumns+`)`, 18, a.values(), "")
	if err != nil {
		return Account{}, wrap("add an account", err)
	}
	tx.locked[a.ID] = true
	tx.tell(Change{Account: a.ID, Kind: AccountChange, Op: Created, Subject: string(a.ID)})
	return a, nil
}

func (a Account) values() []any {
	return []any{
		string(a.ID), a.Provider, foreign(a.Name), foreign(a.Owner), foreign(a.URL), foreign(a.Username), a.Credential, foreign(a.Principal),
		asJSON(a.Homes), asJSON(a.Addresses), string(a.State), readable(a.Trouble), millis(a.BusyUntil),
		a.Failures, millis(a.Created), millis(a.Updated), asJSON(a.Scopes), millis(a.WritesUntil),
	}
}

// NewAccountID makes an id for an account that is yet to be added.
func (db *DB) NewAccountID() (cal.AccountID, error) {
	id, err := db.newID()
	return cal.AccountID(id), err
}

// UpdateAccount stores everything but the lease. The feed tells only what a user sees: names, state and trouble.
func (tx *Tx) UpdateAccount(a Account) error {
	was, err := tx.Account(a.ID)
	if err != nil {
		return err
	}
	a.Created, a.Updated = was.Created, tx.now
	err = tx.one(`UPDATE accounts SET provider = ?, name = ?, owner = ?, url = ?, username = ?, credential = ?, principal = ?, homes = ?,
		addresses = ?, state = ?, trouble = ?, busy_until = ?, failures = ?, created = ?, updated = ?, scopes = ?,
		writes_until = ? WHERE id = ?`,
		append(a.values()[1:], string(a.ID))...)
	if err != nil {
		return wrap("update account "+string(a.ID), err)
	}
	if was.face() != a.face() {
		tx.tell(Change{Account: a.ID, Kind: AccountChange, Op: Updated, Subject: string(a.ID)})
	}
	return nil
}

// face is what of an account a user sees.
func (a Account) face() [6]string {
	return [6]string{a.Name, a.Owner, a.URL, a.Username, string(a.State), readable(a.Trouble)}
}

// RemoveAccount erases everything of an account but its id and owner: calendars, objects, bodies, the credential. What is still at the
// remote stays there. The feed has one row for the account and one for each calendar.
func (tx *Tx) RemoveAccount(id cal.AccountID) error {
	a, err := tx.Account(id)
	if err != nil {
		return err
	}
	calendars, err := tx.Calendars(id)
	if err != nil {
		return err
	}
	for _, c := range calendars {
		if err := tx.RemoveCalendar(c.ID); err != nil {
			return err
		}
	}
	err = tx.one(`UPDATE accounts SET name = '', url = '', username = '', credential = NULL, principal = '', homes = '[]', addresses = '[]',
		scopes = '[]', state = 'removed', trouble = '', lease_owner = '', lease_until = 0, epoch = epoch + 1, updated = ? WHERE id = ?`, millis(tx.now), string(id))
	if err == nil {
		_, err = tx.exec(`DELETE FROM runs WHERE account = ?`, string(id))
	}
	if err == nil {
		_, err = tx.exec(`DELETE FROM channels WHERE account = ?`, string(id))
	}
	if err == nil {
		_, err = tx.exec(`DELETE FROM servers WHERE origin = ?`, MemoryKey(id))
	}
	if err == nil && a.State != AccountRemoved {
		tx.tell(Change{Account: id, Kind: AccountChange, Op: Deleted, Subject: string(id)})
	}
	return wrap("remove account "+string(id), err)
}

// Credential is what an account's secret stands in.
type Credential struct {
	Account cal.AccountID
	Sealed  []byte
}

// Credentials lists every sealed secret, for sealing them anew under another key.
func (tx *Tx) Credentials() ([]Credential, error) {
	var all []Credential
	err := tx.each(`SELECT id, credential FROM accounts WHERE credential IS NOT NULL ORDER BY id`, nil, func(scan scan) error {
		var c Credential
		err := scan(&c.Account, &c.Sealed)
		all = append(all, c)
		return err
	})
	return all, wrap("list the credentials", err)
}

// SetCredential puts now in the place of was, and reports whether was still stood there.
func (tx *Tx) SetCredential(id cal.AccountID, was, now []byte) (bool, error) {
	if err := tx.Lock(id); err != nil {
		return false, err
	}
	n, err := tx.exec(`UPDATE accounts SET credential = ? WHERE id = ? AND credential = ?`, now, string(id), was)
	return n == 1, wrap("store the credential of account "+string(id), err)
}

// MemoryKey is the name under which PutServer keeps what an adapter remembers of one account, as against a whole server.
func MemoryKey(id cal.AccountID) string { return "account:" + string(id) }

// Server gives what we know about a server, by its origin; nil when that is nothing.
func (tx *Tx) Server(origin string) ([]byte, error) {
	var profile string
	err := tx.get(`SELECT profile FROM servers WHERE origin = ?`, []any{origin}, &profile)
	if err == ErrNotFound {
		return nil, nil
	}
	return []byte(profile), wrap("read the profile of "+origin, err)
}

// PutServer remembers what we know about a server.
func (tx *Tx) PutServer(origin string, profile []byte) error {
	_, err := tx.exec(`INSERT INTO servers (origin, profile, updated) VALUES (?, ?, ?)
		ON CONFLICT (origin) DO UPDATE SET profile = excluded.profile, updated = excluded.updated`, origin, string(profile), millis(tx.now))
	return wrap("store the profile of "+origin, err)
}
