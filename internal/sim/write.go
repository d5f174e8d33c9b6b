package sim

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// put stores an object (RFC 4791 §5.3.2).
func (s *CalDAV) put(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, no := s.writable(r)
	if no != nil {
		return no.answer(r)
	}
	old := c.objects[r.at.name]
	if no := r.precondition(old); no != nil {
		return no.answer(r)
	}
	if no := s.admissible(r, c, r.at.name, r.body); no != nil {
		return no.answer(r)
	}
	s.between(r)
	if d, other := s.elsewhere(c, uidOf(r.body)); d != nil && r.q.UIDMoves {
		s.drop(d, other)
	}
	name := s.filedAs(r, old)
	s.schedule(r, c, old, r.body)
	return r.stored(old, place{atObject, c.user, c.name, name}, s.save(c, name, r.q.rewrite(r.body)))
}

// stored answers a PUT. The ETag is given only where the body is kept as sent (RFC 4791 §5.3.4).
func (r request) stored(old *object, at place, o *object) answer {
	a := answer{status: http.StatusCreated}
	if old != nil && !r.q.PlainStatuses {
		a.status = http.StatusNoContent
	}
	if at.name != r.at.name {
		a = a.with("Location", r.href(at))
	}
	switch {
	case r.q.NoETagOnPut:
		return a
	case r.q.LyingETagOnPut:
		return a.with("ETag", r.q.etag("before-"+o.tag))
	case o.body == r.body || r.q.ETagOnRewrite:
		return a.with("ETag", r.q.etag(o.tag))
	}
	return a
}

// filedAs is the name a new object gets.
func (s *CalDAV) filedAs(r request, old *object) string {
	if uid := uidOf(r.body); r.q.MoveHrefOnCreate && old == nil && uid != "" {
		return uid + ".ics"
	}
	return r.at.name
}

// remove deletes an object or a calendar.
func (s *CalDAV) remove(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, no := s.writable(r)
	if no != nil {
		return no.answer(r)
	}
	if r.at.kind == atCalendar {
		delete(s.homes[c.user], c.name)
		return answer{status: r.q.deleted(r.q.DeleteCalendar404)}
	}
	old := c.objects[r.at.name]
	if old == nil && !(r.q.DeleteMissing412 && r.Header.Get("If-Match") != "") {
		return plainly(http.StatusNotFound).answer(r)
	}
	if no := r.precondition(old); no != nil && !r.q.DeleteIgnoresMatch {
		return no.answer(r)
	}
	s.between(r)
	s.schedule(r, c, old, "")
	s.drop(c, r.at.name)
	return answer{status: r.q.deleted(false)}
}

func (q Quirks) deleted(denied bool) int {
	switch {
	case denied:
		return http.StatusNotFound
	case q.PlainStatuses:
		return http.StatusOK
	}
	return http.StatusNoContent
}

// move takes an object to another name or calendar of the same user; its etag goes with it (RFC 4918 §9.9).
func (s *CalDAV) move(r request) answer {
	if r.q.MoveStatus != 0 {
		return answer{status: r.q.MoveStatus}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c, no := s.writable(r)
	if no != nil {
		return no.answer(r)
	}
	old := c.objects[r.at.name]
	if old == nil {
		return plainly(http.StatusNotFound).answer(r)
	}
	if no := r.precondition(old); no != nil && !r.q.MoveIgnoresMatch {
		return no.answer(r)
	}
	return s.moveTo(r, c, old)
}

func (s *CalDAV) moveTo(r request, from *collection, o *object) answer {
	u, err := url.Parse(r.Header.Get("Destination"))
	if err != nil {
		return plainly(http.StatusBadRequest).answer(r)
	}
	there := r
	there.at = parsePath(r.q, u.EscapedPath())
	to, no := s.writable(there)
	if no != nil || there.at.kind != atObject || there.at.user != r.at.user {
		return plainly(http.StatusConflict).answer(r)
	}
	taken := to.objects[there.at.name] != nil
	if taken && r.Header.Get("Overwrite") == "F" { // RFC 4918 §10.6
		return plainly(http.StatusPreconditionFailed).answer(r)
	}
	s.drop(from, r.at.name)
	delete(from.trash, o.uid)
	if no := s.admissible(there, to, there.at.name, o.body); no != nil {
		s.save(from, r.at.name, o.body)
		return no.answer(r)
	}
	s.save(to, there.at.name, o.body)
	if taken {
		return answer{status: http.StatusNoContent}
	}
	return answer{status: http.StatusCreated}.with("Location", r.href(there.at))
}

// writable finds the calendar a write is about.
func (s *CalDAV) writable(r request) (*collection, *refusal) {
	if r.at.kind != atObject && r.at.kind != atCalendar || r.at.kind == atCalendar && r.Method != http.MethodDelete {
		return nil, plainly(http.StatusMethodNotAllowed)
	}
	c := s.homes[r.at.user][r.at.calendar]
	switch {
	case c == nil && r.q.NoCalendarStatus != 0:
		return nil, plainly(r.q.NoCalendarStatus)
	case c == nil && r.Method == http.MethodPut: // RFC 4918 §9.7.1
		return nil, plainly(http.StatusConflict)
	case c == nil:
		return nil, plainly(http.StatusNotFound)
	case r.q.ReadOnlyIs404 && (r.q.ReadOnly || c.ReadOnly):
		return nil, plainly(http.StatusNotFound)
	case r.q.ReadOnly || c.ReadOnly:
		return nil, refuse(http.StatusForbidden, davNeedPrivileges)
	}
	return c, nil
}

// precondition checks If-Match and If-None-Match (RFC 9110 §13.1) against what is there, nil being nothing.
func (r request) precondition(o *object) *refusal {
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	if match != "" && !r.q.IgnoreIfMatch && !r.q.holds(match, o) {
		if !(o == nil && r.q.IfMatchCreates) {
			return refuse(r.q.failed(), davIfMatch)
		}
	}
	if none != "" && !r.q.IgnoreIfNoneMatch && o != nil && r.q.named(none, o) {
		return refuse(r.q.failed(), davIfNoneMatch)
	}
	return nil
}

func (q Quirks) failed() int {
	switch {
	case q.MissingFor412:
		return http.StatusNotFound
	case q.ConflictFor412:
		return http.StatusConflict
	}
	return http.StatusPreconditionFailed
}

// holds compares strongly: a weak tag matches nothing (RFC 9110 §13.1.1).
func (q Quirks) holds(list string, o *object) bool {
	if o == nil || q.OneETagOnly && (list == "*" || strings.Contains(list, ",")) {
		return false
	}
	if !q.WeakMatch && strings.Contains(list, "W/") {
		list = strongOnly(list)
	}
	return q.named(list, o)
}

func strongOnly(list string) string {
	tags := slices.DeleteFunc(strings.Split(list, ","), func(tag string) bool { return strings.HasPrefix(strings.TrimSpace(tag), "W/") })
	return strings.Join(tags, ",")
}

// named compares weakly.
func (q Quirks) named(list string, o *object) bool {
	for tag := range strings.SplitSeq(list, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == "*" || tag == `"`+o.tag+`"` || q.UnquotedETags && tag == o.tag {
			return true
		}
	}
	return false
}

// etag shows a tag.
func (q Quirks) etag(tag string) string {
	switch {
	case q.WeakETags:
		return `W/"` + tag + `"`
	case q.UnquotedETags:
		return tag
	}
	return `"` + tag + `"`
}

// admissible checks what a body must be to be stored under a name (RFC 4791 §5.3.2.1).
func (s *CalDAV) admissible(r request, c *collection, name, body string) *refusal {
	uid, kind := identify(body)
	switch {
	case r.q.RefuseText != "" && strings.Contains(body, r.q.RefuseText):
		return &refusal{status: http.StatusForbidden, cause: calValidData, words: "The calendar data has " + r.q.RefuseText + ", which is not valid."}
	case r.q.NeedsEnd && endless(body):
		return plainly(http.StatusNotFound)
	case kind != "" && !slices.Contains(c.components(), kind):
		return refuse(http.StatusForbidden, calSupportedComponent)
	case r.q.TrashKeepsUIDs && c.trash[uid] && c.objects[name] == nil:
		return &refusal{status: http.StatusBadRequest, cause: calValidData, words: "Deleted calendar object with this UID already exists in this calendar."}
	}
	return s.unique(r, c, name, uid)
}

// endless tells whether a body has an event with neither DTEND nor DURATION.
func endless(body string) bool {
	ends := true
	for _, line := range contentLines(body) {
		switch name := propertyName(line); {
		case strings.EqualFold(line, "BEGIN:VEVENT"):
			ends = false
		case name == "DTEND" || name == "DURATION":
			ends = true
		case strings.EqualFold(line, "END:VEVENT") && !ends:
			return true
		}
	}
	return false
}

// unique refuses a UID that another resource holds, and a change of UID (RFC 4791 §5.3.2.1).
func (s *CalDAV) unique(r request, c *collection, name, uid string) *refusal {
	if r.q.UIDUnique == UIDOff || uid == "" {
		return nil
	}
	if old := c.objects[name]; old != nil && old.uid != "" && old.uid != uid {
		return r.uidTaken(place{atObject, c.user, c.name, name})
	}
	if other, ok := c.holder(uid, name); ok {
		return r.uidTaken(place{atObject, c.user, c.name, other})
	}
	if d, other := s.elsewhere(c, uid); d != nil && r.q.UIDUnique == UIDUser {
		return r.uidTaken(place{atObject, d.user, d.name, other})
	}
	return nil
}

// elsewhere finds a UID in another calendar of the user.
func (s *CalDAV) elsewhere(c *collection, uid string) (*collection, string) {
	home := s.homes[c.user]
	for _, name := range slices.Sorted(maps.Keys(home)) {
		if other, ok := home[name].holder(uid, ""); ok && name != c.name {
			return home[name], other
		}
	}
	return nil, ""
}

func (r request) uidTaken(holder place) *refusal {
	no := &refusal{status: http.StatusConflict, cause: calNoUIDConflict, href: r.href(holder)}
	if r.q.UIDUnique == UIDUser {
		no.status, no.cause = http.StatusForbidden, calUniqueScheduling
	}
	if r.q.UIDStatus != 0 {
		no.status = r.q.UIDStatus
	}
	return no
}

// between lets others at the data after a write's preconditions were found to hold.
func (s *CalDAV) between(r request) {
	if r.fault.Between == nil {
		return
	}
	s.mu.Unlock()
	defer s.mu.Lock()
	r.fault.Between()
}

// get answers GET and HEAD of an object.
func (s *CalDAV) get(r request) answer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.at.kind != atObject {
		return answer{status: http.StatusMethodNotAllowed}.with("Allow", allowed)
	}
	c := s.homes[r.at.user][r.at.calendar]
	if c == nil || c.objects[r.at.name] == nil {
		return answer{status: http.StatusNotFound}
	}
	if r.q.GetFails {
		return answer{status: http.StatusInternalServerError}
	}
	o := c.objects[r.at.name]
	a := answer{status: http.StatusOK, body: []byte(r.read(o))}.with("ETag", r.q.etag(o.tag)).
		with("Content-Type", "text/calendar; charset=utf-8").with("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	if none := r.Header.Get("If-None-Match"); none != "" && r.q.named(none, o) {
		a.status, a.body = http.StatusNotModified, nil
	}
	return a
}
