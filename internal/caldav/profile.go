package caldav

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// Profile is what earlier conversations taught about one server. It is stored per origin and handed to the next Client, so that
// nothing is learned twice. The zero Profile knows nothing; everything in it is a guess that the next answer may correct.
type Profile struct {
	Server string `json:"server,omitempty"` // the Server header (RFC 9110 §10.2.4)
	DAV    string `json:"dav,omitempty"`    // compliance classes (RFC 4918 §10.1), in lower case, sorted, joined by ", "
	Auth   Auth   `json:"auth,omitempty"`

	NoHTTP2        bool  `json:"no_http2,omitempty"`        // Baikal and DAViCal behind nginx: digest breaks over HTTP/2
	SyncCollection Known `json:"sync_collection,omitempty"` // answers sync-collection (RFC 6578 §3.2)
	InlineData     Known `json:"inline_data,omitempty"`     // puts calendar-data into sync-collection when asked: Cyrus, Radicale
	BatchSize      int   `json:"batch_size,omitempty"`      // hrefs per calendar-multiget that went well; 0: not known
	ListingOnly    Known `json:"listing_only,omitempty"`    // offers neither token nor ctag: every pull lists
	SyncTokens     Known `json:"sync_tokens,omitempty"`     // every calendar is listed with its token, so that no ctag is asked for
	WeakETags      Known `json:"weak_etags,omitempty"`      // gives W/"…" (RFC 9110 §8.8.1), which If-Match never matches

	Observed map[string]Note `json:"observed,omitempty"` // by a short key, what else was seen
}

// Note is one observation and the day it was last made.
type Note struct {
	At   time.Time `json:"at"`
	Text string    `json:"text"`
}

// Auth is how a server wants its credentials.
type Auth string

const (
	AuthUnknown Auth = ""             // try Basic
	AuthBasic   Auth = "basic"        // RFC 7617, UTF-8
	AuthLatin1  Auth = "basic-latin1" // RFC 7617, for servers that never heard of UTF-8
	AuthDigest  Auth = "digest"       // RFC 7616
)

// Known is yes, no, or not known yet.
type Known string

const (
	Unknown Known = ""
	Yes     Known = "yes"
	No      Known = "no"
)

// knownIf turns an observation into knowledge.
func knownIf(yes bool) Known {
	if yes {
		return Yes
	}
	return No
}

// maxNotes bounds Observed: a server that misbehaves in a new way each day must not fill the database.
const maxNotes = 50

// note records an observation; the same key overwrites, and the oldest makes room.
func (p *Profile) note(now time.Time, key, text string) {
	seen := maps.Clone(p.Observed)
	if seen == nil {
		seen = map[string]Note{}
	}
	seen[key] = Note{At: now.UTC().Truncate(time.Second), Text: text}
	if len(seen) > maxNotes {
		delete(seen, oldest(seen))
	}
	p.Observed = seen
}

func oldest(seen map[string]Note) string {
	keys := slices.Sorted(maps.Keys(seen))
	return slices.MinFunc(keys, func(a, b string) int { return seen[a].At.Compare(seen[b].At) })
}

// sawServer keeps the name of the software: the newest answer that tells wins.
func (p *Profile) sawServer(name string) {
	if name != "" {
		p.Server = clip(printable(name), 200)
	}
}

// sawDAV keeps the compliance classes: those of an OPTIONS for good, those of another answer until there is better. Cyrus spreads them
// over several header lines.
func (p *Profile) sawDAV(lines []string, options bool) {
	if p.DAV != "" && !options {
		return
	}
	var classes []string
	for class := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if class = strings.ToLower(strings.TrimSpace(class)); class != "" {
			classes = append(classes, class)
		}
	}
	if len(classes) > 0 {
		slices.Sort(classes)
		p.DAV = clip(printable(strings.Join(slices.Compact(classes), ", ")), 1000)
	}
}

// clone makes a copy that shares nothing with p.
func (p Profile) clone() Profile {
	p.Observed = maps.Clone(p.Observed)
	return p
}

// printable replaces what has no place in a log line or a database column.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// clip shortens s to at most n bytes, on a rune's edge.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
