package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// Properties are what a calendar tells of itself.
type Properties struct {
	Name        string // DAV:displayname; empty: the calendar's path segment
	Color       string // "#ff0000ff"
	Order       string
	Description string
	TimeZone    string   // a VCALENDAR with one VTIMEZONE (RFC 4791 §5.2.2)
	Components  []string // nil: VEVENT, VTODO, VJOURNAL
	ReadOnly    bool
}

// AddCalendar makes a calendar, empty and with a history of its own; one of that name is replaced, as by delete and re-create.
func (s *CalDAV) AddCalendar(user, calendar string, p Properties) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addCalendar(user, calendar, p)
}

func (s *CalDAV) addCalendar(user, calendar string, p Properties) *collection {
	if s.homes[user] == nil {
		s.homes[user] = map[string]*collection{}
	}
	s.epochs++
	c := &collection{user: user, name: calendar, Properties: p, epoch: s.epochs,
		objects: map[string]*object{}, uids: map[string][]string{}, gone: map[string]tombstone{}, trash: map[string]bool{}, other: map[string]string{}}
	s.homes[user][calendar] = c
	return c
}

// RemoveCalendar removes a calendar with all it holds.
func (s *CalDAV) RemoveCalendar(user, calendar string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.homes[user], calendar)
}

// Store puts an object as somebody else would, past all preconditions and rewriting; the calendar is made if it is not there. The etag is
// as the server shows it.
func (s *CalDAV) Store(user, calendar, name, body string) (etag string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.homes[user][calendar]
	if c == nil {
		c = s.addCalendar(user, calendar, Properties{})
	}
	return s.quirks.etag(s.save(c, name, body).tag)
}

// Remove removes an object as somebody else would, and tells whether it was there.
func (s *CalDAV) Remove(user, calendar, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.homes[user][calendar]
	return c != nil && s.drop(c, name)
}

// Load shows an object's body and etag.
func (s *CalDAV) Load(user, calendar, name string) (body, etag string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.homes[user][calendar]; c != nil && c.objects[name] != nil {
		return c.objects[name].body, s.quirks.etag(c.objects[name].tag), true
	}
	return "", "", false
}

// List names a calendar's objects in alphabetical order.
func (s *CalDAV) List(user, calendar string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.homes[user][calendar]; c != nil {
		return slices.Sorted(maps.Keys(c.objects))
	}
	return nil
}

func copyHomes(homes map[string]map[string]*collection) map[string]map[string]*collection {
	out := map[string]map[string]*collection{}
	for user, home := range homes {
		out[user] = map[string]*collection{}
		for name, c := range home {
			d := *c
			d.objects, d.uids, d.gone = maps.Clone(c.objects), copyNames(c.uids), maps.Clone(c.gone)
			d.trash, d.other = maps.Clone(c.trash), maps.Clone(c.other)
			out[user][name] = &d
		}
	}
	return out
}

func copyNames(uids map[string][]string) map[string][]string {
	out := make(map[string][]string, len(uids))
	for uid, names := range uids {
		out[uid] = slices.Clone(names)
	}
	return out
}

// collection is a calendar with its history. Every change has a number; an object keeps that of its last one, a removal leaves a
// tombstone with its own.
type collection struct {
	user, name string
	Properties
	other   map[string]string // what PROPPATCH set besides, by "{namespace}name"
	epoch   int               // of its history; tokens of another are not known
	shown   int               // tokens shown so far, for RestlessTokens
	seq     int               // number of the last change
	objects map[string]*object
	uids    map[string][]string // names by UID
	gone    map[string]tombstone
	trash   map[string]bool // UIDs of what was removed
}

// object is immutable but for what is worked out of it: a write puts another in its place.
type object struct {
	body     string
	tag      string // its etag without quotes
	before   string // the tag of the version before it
	legible  bool   // XML can carry the body
	uid      string
	kind     string // VEVENT, VTODO, VJOURNAL
	born     int    // the change that created it
	past     []life // earlier objects of its name
	seq      int    // the change that last touched it; 0: the log lost it
	touched  int    // new etags without new content so far
	count    int    // versions so far
	modified time.Time

	escaped, escapedLF string // the body in XML, once asked for
}

// tombstone says which change removed an object and when, and when objects of its name were there.
type tombstone struct {
	seq  int
	at   time.Time
	past []life
}

// life is from which change an object was there, and which removed it.
type life struct{ born, died int }

func (s *CalDAV) save(c *collection, name, body string) *object {
	old := c.objects[name]
	c.seq++
	o := &object{body: body, legible: carries(body), seq: c.seq, born: c.seq, modified: s.clock()}
	o.uid, o.kind = identify(body)
	if old != nil {
		c.release(name, old.uid)
		o.born, o.before, o.count, o.touched = old.born, old.tag, old.count+1, old.touched
	}
	o.tag = s.quirks.tag(o)
	if s.losesRow(c) {
		o.seq = 0
	} else {
		if old == nil {
			o.past = c.gone[name].past
		}
		delete(c.gone, name)
	}
	if old != nil {
		o.past = old.past
	}
	c.objects[name] = o
	c.uids[o.uid] = append(c.uids[o.uid], name)
	return o
}

// release forgets that an object holds a UID.
func (c *collection) release(name, uid string) {
	left := slices.DeleteFunc(slices.Clone(c.uids[uid]), func(holder string) bool { return holder == name })
	if len(left) == 0 {
		delete(c.uids, uid)
		return
	}
	c.uids[uid] = left
}

// holder is another object than name that has the UID.
func (c *collection) holder(uid, name string) (other string, ok bool) {
	for _, other := range c.uids[uid] {
		if other != name {
			return other, true
		}
	}
	return "", false
}

func (s *CalDAV) drop(c *collection, name string) bool {
	old := c.objects[name]
	if old == nil {
		return false
	}
	c.seq++
	delete(c.objects, name)
	c.release(name, old.uid)
	c.trash[old.uid] = true
	if !s.losesRow(c) {
		c.gone[name] = tombstone{seq: c.seq, at: s.clock(), past: append(slices.Clip(old.past), life{old.born, c.seq})}
	}
	return true
}

// losesRow tells whether the latest change to a calendar never shows in a delta.
func (s *CalDAV) losesRow(c *collection) bool {
	return s.quirks.LoseLogRows || nth(c.seq, s.quirks.LoseEveryRow)
}

// tag makes an object's entity tag.
func (q Quirks) tag(o *object) string {
	switch {
	case q.CounterETags:
		return fmt.Sprintf("gcs%08d", o.count)
	case q.MtimeETags:
		return strconv.FormatInt(o.modified.Unix(), 16)
	}
	sum := sha256.Sum256([]byte(o.body))
	tag := hex.EncodeToString(sum[:12])
	if o.touched > 0 {
		tag += "-" + strconv.Itoa(o.touched)
	}
	return tag
}

func (c *collection) components() []string {
	if c.Components == nil {
		return []string{"VEVENT", "VTODO", "VJOURNAL"}
	}
	return c.Components
}

func (c *collection) displayName() string {
	if c.Name == "" {
		return c.name
	}
	return c.Name
}
