package sim

import (
	"maps"
	"slices"
)

// What befalls a server, each at the moment it is called.

// Expire makes the server forget the history of a calendar: tokens handed out so far are not known any more.
func (s *CalDAV) Expire(user, calendar string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c := s.homes[user][calendar]; c != nil {
		s.epochs++
		c.epoch = s.epochs
	}
}

// Backup remembers everything stored, and gives the function that puts it back: history and tokens jump back with it, and what is changed
// after that gets the tokens of other changes before it.
func (s *CalDAV) Backup() (restore func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	saved := copyHomes(s.homes)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.homes = copyHomes(saved)
	}
}

// LoseRows makes a calendar forget which of its objects changed when: nothing that happened until now shows in a delta any more, although
// tokens stay known (Nextcloud #36644).
func (s *CalDAV) LoseRows(user, calendar string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.homes[user][calendar]
	if c == nil {
		return
	}
	clear(c.gone)
	for name, o := range c.objects {
		lost := *o
		lost.seq = 0
		c.objects[name] = &lost
	}
}

// Touch gives objects new etags, without names all of the calendar, and leaves the bodies as they are: after an update of the server, or
// when somebody has answered an invitation (vdirsyncer #257). Deltas tell of it.
func (s *CalDAV) Touch(user, calendar string, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.homes[user][calendar]
	if c == nil {
		return
	}
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(c.objects))
	}
	for _, name := range names {
		if o := c.objects[name]; o != nil {
			c.seq++
			c.objects[name] = s.touched(o, c.seq)
		}
	}
}

func (s *CalDAV) touched(old *object, seq int) *object {
	o := *old
	o.seq, o.before, o.modified = seq, old.tag, s.clock()
	o.touched, o.count = old.touched+1, old.count+1
	o.tag = s.quirks.tag(&o)
	return &o
}
