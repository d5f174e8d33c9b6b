package store

import (
	"time"

	"calbridge/internal/cal"
)

// PartsSince gives what the remote has told of the exceptions of a series since a moment: their texts, latest first. An exception that
// lives by itself at the remote has an etag of its own, so no write to the series is conditional on it.
func (tx *Tx) PartsSince(calendar cal.CalendarID, uid string, since time.Time) ([]Stored, error) {
	all, err := tx.versions(`WHERE origin = 'remote' AND at > ? AND id IN (SELECT base FROM objects WHERE calendar = ? AND uid = ? AND
		recurrence_id <> '' AND gone = 0) ORDER BY at DESC, id DESC`, millis(since), string(calendar), foreign(uid))
	return all, wrap("read the exceptions of a series", err)
}
