package cal

import (
	"errors"
	"time"
)

// Channel is a way by which a remote tells that something changed, so that it need not be asked so often.
type Channel struct {
	ID       string // ours, never used twice
	Calendar Href   // what is watched; empty: the list of calendars
	Address  string // where notifications go
	Token    string // comes back with every notification; known only while the channel is being opened
	Resource string // the remote's name for what is watched; empty: not answered yet
	Expires  time.Time
}

// ErrNoPush: the remote does not tell of changes in this calendar.
var ErrNoPush = errors.New("the remote offers no push notifications here")
