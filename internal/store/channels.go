package store

import (
	"time"

	"calbridge/internal/cal"
)

// Channel is a push channel on record. Of its token only the digest is kept.
type Channel struct {
	cal.Channel
	Account cal.AccountID
	Watched cal.CalendarID // empty: the list of calendars
	Secret  string         // SHA-256 of the token, in hex
	State   ChannelState
	Created time.Time
}

// ChannelState is how far a channel is.
type ChannelState string

const (
	ChannelOpening  ChannelState = "opening"  // asked for; the answer has not been seen
	ChannelOpen     ChannelState = "open"     // notifications come until it expires
	ChannelStopping ChannelState = "stopping" // to be stopped at the remote
	ChannelRefused  ChannelState = "refused"  // not offered; asked again when this expires
)

const channelColumns = `id, account, calendar, resource, secret, address, expires, state, created`

// AddChannel puts a channel on record before it is opened: no call lists the channels there are.
func (tx *Tx) AddChannel(c Channel) error {
	if err := tx.Lock(c.Account); err != nil {
		return err
	}
	err := tx.insert(`INSERT INTO channels (`+channelColumns+`)`, 9, []any{
		c.ID, string(c.Account), string(c.Watched), foreign(c.Resource), c.Secret, c.Address, millis(c.Expires), string(c.State), millis(tx.now),
	}, "")
	return wrap("put a push channel on record", err)
}

// UpdateChannel stores what the remote answered and the state.
func (tx *Tx) UpdateChannel(c Channel) error {
	err := tx.one(`UPDATE channels SET resource = ?, expires = ?, state = ? WHERE id = ?`, foreign(c.Resource), millis(c.Expires), string(c.State), c.ID)
	return wrap("update push channel "+c.ID, err)
}

// DropChannel takes a channel off the record.
func (tx *Tx) DropChannel(id string) error {
	_, err := tx.exec(`DELETE FROM channels WHERE id = ?`, id)
	return wrap("drop push channel "+id, err)
}

// Channels lists an account's channels, the oldest first.
func (tx *Tx) Channels(account cal.AccountID) ([]Channel, error) {
	return tx.channels(`WHERE account = ?`, string(account))
}

// Channel finds a channel by its id.
func (tx *Tx) Channel(id string) (Channel, error) {
	all, err := tx.channels(`WHERE id = ?`, id)
	if err == nil && len(all) == 0 {
		err = wrap("read push channel "+id, ErrNotFound)
	}
	if err != nil {
		return Channel{}, err
	}
	return all[0], nil
}

func (tx *Tx) channels(where string, args ...any) ([]Channel, error) {
	var all []Channel
	err := tx.each(`SELECT c.id, c.account, c.calendar, c.resource, c.secret, c.address, c.expires, c.state, c.created, COALESCE(k.href, '')
		FROM (SELECT `+channelColumns+` FROM channels `+where+`) c LEFT JOIN calendars k ON k.id = c.calendar ORDER BY c.created, c.id`,
		args, func(scan scan) error {
			var c Channel
			err := scan(&c.ID, &c.Account, &c.Watched, from(&c.Resource), &c.Secret, &c.Address, moment(&c.Expires), &c.State, moment(&c.Created),
				from(&c.Calendar))
			all = append(all, c)
			return err
		})
	return all, wrap("list the push channels", err)
}
