package cal

import (
	"errors"
	"fmt"
	"time"
)

// The kinds of failure an adapter makes out of a provider's answers, and the only ones the engine acts on. Everything else is a
// passing fault with an unknown outcome: back off, read, try again.
var (
	ErrChanged  = errors.New("changed at the remote since we read it") // 412; most 409
	ErrGone     = errors.New("no longer at the remote")                // 404 and 410 on a write
	ErrRefused  = errors.New("refused by the remote")                  // 400, 403, 413, 415, 422: trying again is no use
	ErrReadOnly = errors.New("calendar is read-only")                  // 403 with need-privileges
	ErrLocked   = errors.New("credentials refused")                    // 401, a revoked grant: stop the account
	ErrMoot     = errors.New("nothing to change at the remote")        // it has no words for what differs; nothing was sent
	ErrUnsent   = errors.New("not sent")                               // no byte left: it cannot have happened
)

// Busy says that the remote wants fewer requests (429, 503, a quota).
type Busy struct {
	Wait   time.Duration // zero: it did not say how long
	Writes bool          // only writes are meant (Google's quotaExceeded); reading may go on
}

func (b Busy) Error() string {
	switch {
	case b.Writes:
		return fmt.Sprintf("the remote takes no more changes of this account for now; they wait %v, reading goes on", b.Wait)
	case b.Wait == 0:
		return "the remote asks for fewer requests"
	}
	return fmt.Sprintf("the remote asks to wait %v", b.Wait)
}

// Taken says that a create was refused because the UID is in use at the remote.
type Taken struct{ Href Href } // of the holder; empty: not told

func (t Taken) Error() string {
	return fmt.Sprintf("the UID is in use at the remote (by %q)", string(t.Href))
}
