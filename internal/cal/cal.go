// Package cal holds the nouns of calendar synchronisation: what a calendar, an object, a version, an edit and a plan are.
// It decides nothing and moves nothing. Every string that must not be mixed up with another has a type of its own.
//
// For every object the database holds the version both sides last agreed on (Base) and beside it at most one Edit: what the user
// wants instead. A provider says what the remote shows now. Package reconcile compares the three and returns a Plan; package store
// applies the plan whole or not at all.
package cal

import (
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"
)

type (
	AccountID  string
	CalendarID string
	ObjectID   string
	VersionID  string
	RunID      string
	ConflictID string

	// Href names one resource: a CalDAV path, percent-encoded in the one canonical form of package caldav (an absolute URL where it
	// lies on another origin than the calendar home), or a Google event id. Equal hrefs are equal strings.
	Href string
	// ETag is one version of a resource, raw as the server wrote it, quotes and all. Empty: we were not told.
	ETag string
	// Token is a place in a calendar's history (RFC 6578 §4; Google's syncToken). Empty: the beginning.
	Token string
	// Digest is content by meaning: bodies that say the same share one. Empty: no content, the resource is absent.
	Digest string
	// Body is iCalendar text, byte for byte as it came.
	Body string
)

// Version is one state of an object's content. The zero Version is absence.
type Version struct {
	ID     VersionID // set once stored
	ETag   ETag
	Digest Digest
	Body   Body   // the store may leave it out where only the digest matters
	Native string // the provider's own form (Google's JSON), opaque to all but its adapter
}

// Exists reports whether v is a state in which the object is there.
func (v Version) Exists() bool { return v.Digest != "" }

// Same reports whether v and w mean the same: both absent, or both there with equal content.
func (v Version) Same(w Version) bool { return v.Digest == w.Digest }

// ids are 20 characters of 0-9a-v: they sort by time of making, and may stand in a CalDAV path and as a Google event id as they are.
var idAlphabet = base32.HexEncoding.WithPadding(base32.NoPadding)

// NewID makes an identifier out of the time in milliseconds and 48 bits of chance.
func NewID(now time.Time, chance io.Reader) (string, error) {
	var b [12]byte
	binary.BigEndian.PutUint64(b[:8], uint64(now.UnixMilli())<<16)
	if _, err := io.ReadFull(chance, b[6:]); err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	return strings.ToLower(idAlphabet.EncodeToString(b[:])), nil
}
