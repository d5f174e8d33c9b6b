package sim

import (
	"encoding/xml"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// report answers REPORT: sync-collection, calendar-multiget, calendar-query.
func (s *CalDAV) report(r request) answer {
	body, err := readNode(r.body)
	if err != nil {
		return plainly(http.StatusBadRequest).answer(r)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.homes[r.at.user][r.at.calendar]
	if r.at.kind != atCalendar || c == nil {
		return r.nothingThere()
	}
	prop, _ := body.child("prop")
	asked := nameAll(prop.Nodes)
	switch body.XMLName {
	case xml.Name{Space: dav, Local: "sync-collection"}:
		if !r.q.NoSyncCollection {
			return s.syncCollection(r, c, body, asked)
		}
	case xml.Name{Space: caldav, Local: "calendar-multiget"}:
		return s.multiget(r, c, body, asked)
	case xml.Name{Space: caldav, Local: "calendar-query"}:
		return s.query(r, c, asked)
	}
	return refuse(http.StatusForbidden, davSupportedReport).answer(r)
}

// syncCollection answers the changes since a token (RFC 6578 §3.2).
func (s *CalDAV) syncCollection(r request, c *collection, body node, asked []xml.Name) answer {
	token, _ := body.child("sync-token")
	limit := requestedLimit(body)
	since, no := r.since(c, strings.TrimSpace(token.Text))
	switch {
	case no != nil:
		return no.answer(r)
	case r.q.WholeAnswer507OnLimit && limit > 0 && since < 0:
		return refuse(http.StatusInsufficientStorage, davWithinLimits).answer(r)
	}
	changes := c.changes(r.q, since)
	if r.q.EmptyListing {
		changes = nil
	}
	changes, reached := firstPage(changes, smaller(limit, r.q.TruncateAt), c.seq)
	m := newMultistatus(r)
	if r.q.CollectionAmongMembers {
		m.resource(r.at, asked, s.calendarProperties(r, c))
	}
	for _, ch := range changes {
		m.change(place{atObject, c.user, c.name, ch.name}, ch, asked)
	}
	if reached < c.seq {
		m.bare(r.at, http.StatusInsufficientStorage, davWithinLimits) // RFC 6578 §3.6
	}
	element(&m.b, xml.Name{Space: dav, Local: "sync-token"}, c.token(r.q, reached))
	return m.answer()
}

func (m *multistatus) change(at place, ch change, asked []xml.Name) {
	if ch.object == nil {
		m.bare(at, http.StatusNotFound, xml.Name{})
		return
	}
	how := reported
	if m.r.q.NoInlineData {
		how = single
	}
	m.resource(at, asked, m.r.objectProperties(ch.object, how))
}

// since reads the token of a request: -1 for the beginning.
func (r request) since(c *collection, token string) (int, *refusal) {
	if token == "" && r.q.NoEmptyToken {
		return 0, plainly(http.StatusBadRequest)
	}
	if token == "" {
		return -1, nil
	}
	seq, ok := c.since(r.q, token)
	switch {
	case ok && !r.q.ForgetTokens:
		return seq, nil
	case r.q.TokenAlwaysFull:
		return -1, nil
	case r.q.TokenErrorStatus == 0 || r.q.TokenErrorStatus == http.StatusForbidden:
		return 0, refuse(http.StatusForbidden, davValidSyncToken)
	}
	return 0, plainly(r.q.TokenErrorStatus)
}

func requestedLimit(body node) int {
	limit, _ := body.child("limit")
	results, _ := limit.child("nresults")
	n, _ := strconv.Atoi(strings.TrimSpace(results.Text))
	return n
}

// smaller of two limits, of which 0 is none.
func smaller(a, b int) int {
	if a == 0 || b != 0 && b < a {
		return b
	}
	return a
}

// firstPage cuts changes to a limit, and tells up to which change the client has then come. Changes without a number stay together.
func firstPage(changes []change, limit, last int) ([]change, int) {
	if limit <= 0 || len(changes) <= limit {
		return changes, last
	}
	for limit < len(changes) && changes[limit].seq == changes[limit-1].seq {
		limit++
	}
	if limit == len(changes) {
		return changes, last
	}
	return changes[:limit], changes[limit-1].seq
}

// multiget answers the objects named (RFC 4791 §7.9).
func (s *CalDAV) multiget(r request, c *collection, body node, asked []xml.Name) answer {
	m := newMultistatus(r)
	nodes := slices.DeleteFunc(body.Nodes, func(n node) bool { return n.XMLName.Local != "href" })
	if r.q.MultigetReorders {
		slices.Reverse(nodes)
	}
	for _, n := range nodes {
		at := r.place(n.Text)
		o := c.objects[at.name]
		there := at.kind == atObject && at.user == c.user && at.calendar == c.name && o != nil
		switch {
		case there && r.q.MultigetEmptyData:
			m.resource(at, asked, emptied(r.objectProperties(o, reported)))
		case there:
			m.resource(at, asked, r.objectProperties(o, reported))
		case r.q.MultigetFailsWhole:
			return answer{status: http.StatusNotFound}
		case !r.q.MultigetOmits:
			m.bare(at, http.StatusNotFound, xml.Name{})
		}
	}
	return m.answer()
}

func emptied(of properties) properties {
	return func(name xml.Name) (string, bool) {
		inner, ok := of(name)
		if name.Local == "calendar-data" {
			inner = ""
		}
		return inner, ok
	}
}

// place reads an href out of a request: a path, or a URL.
func (r request) place(href string) place {
	href = strings.TrimSpace(href)
	if _, rest, ok := strings.Cut(href, "://"); ok {
		href = rest[max(0, strings.IndexByte(rest, '/')):]
	}
	return parsePath(r.q, href)
}
