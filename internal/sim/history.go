package sim

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The history of a calendar: its tokens (RFC 6578 §4) and what changed since one.

// token names the place in the history after change seq.
func (c *collection) token(q Quirks, seq int) string {
	switch {
	case q.TokenAlwaysZero:
		return zeroToken
	case q.SecondTokens:
		return strconv.FormatInt(c.second(seq), 10)
	case q.RestlessTokens:
		c.shown++
		return c.place(seq) + "-" + strconv.Itoa(c.shown)
	}
	return c.place(seq)
}

const zeroToken = "http://example.org/ns/sync/0"

func (c *collection) place(seq int) string { return fmt.Sprintf("data:,%d-%d", c.epoch, seq) }

// since reads a token; ok is false where the server does not know it.
func (c *collection) since(q Quirks, token string) (seq int, ok bool) {
	switch {
	case q.TokenAlwaysZero:
		return 0, token == zeroToken
	case q.SecondTokens:
		at, err := strconv.ParseInt(token, 10, 64)
		return c.before(at), err == nil
	}
	var epoch, shown int
	n, _ := fmt.Sscanf(token, "data:,%d-%d-%d", &epoch, &seq, &shown)
	known := n >= 2 && epoch == c.epoch && seq <= c.seq
	return seq, known && (token == c.place(seq) || token == c.place(seq)+"-"+strconv.Itoa(shown))
}

// second is when the last change up to seq was, in Unix time; 0: there was none.
func (c *collection) second(seq int) (last int64) {
	for n, at := range c.times() {
		if n <= seq {
			last = max(last, at.Unix())
		}
	}
	return last
}

// before is the last change before a second.
func (c *collection) before(second int64) int {
	seq := c.seq
	for n, at := range c.times() {
		if at.Unix() >= second {
			seq = min(seq, n-1)
		}
	}
	return seq
}

// times tells when each change was that the history still knows.
func (c *collection) times() map[int]time.Time {
	all := map[int]time.Time{}
	for _, o := range c.objects {
		if o.seq > 0 {
			all[o.seq] = o.modified
		}
	}
	for _, t := range c.gone {
		all[t.seq] = t.at
	}
	return all
}

// change is one line of a delta: an object, or where it was.
type change struct {
	name string
	seq  int
	*object
}

// changes lists what happened after change since, oldest first; since -1 lists everything.
func (c *collection) changes(q Quirks, since int) []change {
	var all []change
	for _, name := range q.seen(slices.Sorted(maps.Keys(c.objects))) {
		if o := c.objects[name]; o.seq > since {
			all = append(all, change{name, o.seq, o})
		}
	}
	for name, t := range c.gone {
		if t.seq > since && c.tells(q, t, since) {
			all = append(all, change{name, t.seq, nil})
		}
	}
	slices.SortFunc(all, func(a, b change) int {
		if a.seq != b.seq {
			return a.seq - b.seq
		}
		return strings.Compare(a.name, b.name)
	})
	return all
}

func (c *collection) tells(q Quirks, t tombstone, since int) bool {
	switch {
	case q.NeverReportDeletions:
		return false
	case since < 0:
		return q.InitialTombstones
	case q.SkipShortLived:
		return slices.ContainsFunc(t.past, func(l life) bool { return l.born <= since && since < l.died })
	}
	return true
}
