package caldav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"calbridge/internal/cal"
)

var (
	calComponents  = name{nsCalDAV, "supported-calendar-component-set"}
	calComponent   = name{nsCalDAV, "comp"}
	calDescription = name{nsCalDAV, "calendar-description"}
	calTimeZone    = name{nsCalDAV, "calendar-timezone"}
	calFreeBusy    = name{nsCalDAV, "read-free-busy"}
	davName        = name{nsDAV, "displayname"}
	davPrivileges  = name{nsDAV, "current-user-privilege-set"}
	davReports     = name{nsDAV, "supported-report-set"}
	davSyncReport  = name{nsDAV, "sync-collection"}
	serverCTag     = name{nsServer, "getctag"}
	appleColor     = name{nsApple, "calendar-color"}
	appleOrder     = name{nsApple, "calendar-order"}
)

// propfindCalendars asks for what makes up cal.Facts; for where the calendars stand only when that is wanted, and for the ctag only
// where some calendar has no sync-token: Radicale walks through the whole calendar for either, 0.4 s for 10,000 events.
func propfindCalendars(positions, ctag bool) []byte {
	mark := ""
	if positions {
		mark = `<D:sync-token/>`
	}
	if positions && ctag {
		mark += `<S:getctag/>`
	}
	return []byte(xmlHead + `<D:propfind` + spaces + ` xmlns:S="` + nsServer + `" xmlns:A="` + nsApple + `"><D:prop>` +
		`<D:resourcetype/><D:displayname/><D:owner/><D:supported-report-set/><D:current-user-privilege-set/>` +
		`<C:calendar-description/><C:calendar-timezone/><C:supported-calendar-component-set/>` +
		mark + `<A:calendar-color/><A:calendar-order/></D:prop></D:propfind>`)
}

// Calendars lists the calendars of the account: one request for each calendar home (RFC 4791 §6.2.1). Collections that are no calendars
// (inbox, outbox, notifications, the principals of other people) are left out. A home that does not answer fails the whole list: what is
// not listed counts as missing. positions: with SyncToken and Mark.
func (c *Client) Calendars(ctx context.Context, positions bool) ([]cal.Facts, error) {
	var all []cal.Facts
	for _, home := range c.homeHrefs() {
		found, err := c.calendarsIn(ctx, home, positions)
		if err != nil {
			return nil, fmt.Errorf("list the calendars in %s: %w", home, err)
		}
		for _, f := range found {
			if !slices.ContainsFunc(all, func(g cal.Facts) bool { return g.Href == f.Href }) {
				all = append(all, f)
			}
		}
	}
	if positions {
		c.learnMarks(all)
	}
	return all, nil
}

// learnMarks keeps by what the server's calendars tell that something changed.
func (c *Client) learnMarks(all []cal.Facts) {
	if len(all) == 0 {
		return
	}
	c.learn(func(known *Profile) {
		known.ListingOnly = knownIf(!slices.ContainsFunc(all, func(f cal.Facts) bool { return f.Mark != "" }))
		known.SyncTokens = knownIf(!slices.ContainsFunc(all, func(f cal.Facts) bool { return f.SyncToken == "" }))
	})
}

// homeHrefs are the calendar homes in canonical form, each once.
func (c *Client) homeHrefs() []cal.Href {
	var homes []cal.Href
	for _, u := range c.homes {
		href, err := hrefs{request: u, home: c.home}.canonical(u.String())
		if err == nil && !slices.Contains(homes, asCollection(href)) {
			homes = append(homes, asCollection(href))
		}
	}
	return homes
}

func (c *Client) calendarsIn(ctx context.Context, home cal.Href, positions bool) ([]cal.Facts, error) {
	question := propfindCalendars(positions, c.Profile().SyncTokens != Yes)
	resp, err := c.multistatus(ctx, request{method: "PROPFIND", href: home, depth: "1", body: question})
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var found []cal.Facts
	names, m := c.names(resp), readMultistatus(resp.Body)
	for {
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			return found, nil
		} else if err != nil {
			return nil, err
		}
		href, err := names.canonical(r.href)
		switch {
		case err != nil:
			continue
		case asCollection(href) == home && missing(r.status): // Xandikos
			return nil, fmt.Errorf("%w: %d inside the multistatus", cal.ErrGone, r.status)
		case isCalendar(r):
			found = append(found, facts(asCollection(href), r))
			c.learnReports(r)
		}
	}
}

// isCalendar: RFC 4791 §4.2. The inbox and outbox of RFC 6638 are none, though some servers call the inbox both.
func isCalendar(r *response) bool {
	return r.has(davResource, name{nsCalDAV, "calendar"}) && !r.has(davResource, name{nsCalDAV, "schedule-inbox"}) &&
		!r.has(davResource, name{nsCalDAV, "schedule-outbox"})
}

func facts(href cal.Href, r *response) cal.Facts {
	f := cal.Facts{
		Href:        href,
		Name:        r.string(davName),
		Color:       r.string(appleColor),
		Description: r.string(calDescription),
		TimeZone:    r.string(calTimeZone),
		Order:       r.string(appleOrder),
		Components:  components(r),
		Access:      access(r),
		SyncToken:   cal.Token(r.string(davSyncToken)),
	}
	if f.Mark = string(f.SyncToken); f.Mark == "" {
		f.Mark = r.string(serverCTag)
	}
	return f
}

// components: RFC 4791 §5.2.3.
func components(r *response) string {
	var names []string
	for _, e := range r.elements(calComponents) {
		if e.name == calComponent && e.arg != "" {
			names = append(names, strings.ToUpper(e.arg))
		}
	}
	slices.Sort(names)
	return strings.Join(slices.Compact(names), ",")
}

// access reads the privileges (RFC 3744 §5.4). Not told means allowed: the server will say no itself. It may name aggregates, their
// parts, or both.
func access(r *response) cal.Access {
	if _, told := r.find(davPrivileges); !told || len(r.elements(davPrivileges)) == 0 {
		return cal.AccessWrite
	}
	for _, privilege := range []string{"all", "write", "write-content", "bind"} {
		if r.has(davPrivileges, name{nsDAV, privilege}) {
			return cal.AccessWrite
		}
	}
	if r.has(davPrivileges, calFreeBusy) && !r.has(davPrivileges, name{nsDAV, "read"}) {
		return cal.AccessFreeBusy
	}
	return cal.AccessRead
}

// learnReports reads supported-report-set (RFC 3253 §3.1.5). Xandikos leaves the <report> around the names out. That a report is not
// named proves nothing.
func (c *Client) learnReports(r *response) {
	if r.has(davReports, davSyncReport) {
		c.learn(func(known *Profile) { known.SyncCollection = Yes })
	}
}

// MakeCalendar makes a calendar with what f describes. Where f names no Href it chooses one in the first home, after f.Name. When
// the calendar was made and only its description was refused, both the href and an error come back.
func (c *Client) MakeCalendar(ctx context.Context, f cal.Facts) (cal.Href, error) {
	candidates := []cal.Href{asCollection(f.Href)}
	if f.Href == "" {
		candidates = c.freeNames(f.Name)
	}
	for _, href := range candidates {
		err := c.makeCalendar(ctx, href, f.Components)
		if err == nil {
			return href, c.Describe(ctx, href, f)
		}
		if !errors.Is(err, cal.ErrRefused) {
			return "", fmt.Errorf("make the calendar %s: %w", href, err) // it may have been made
		}
		if there, _ := c.isThere(ctx, href); !there {
			return "", fmt.Errorf("make the calendar %s: %w", href, err)
		}
	}
	return "", fmt.Errorf("make the calendar %s: %w: there is something of that name", candidates[0], cal.ErrRefused)
}

// freeNames proposes hrefs for a calendar: letters, digits and '-' only, which no server lists otherwise than they were sent.
func (c *Client) freeNames(title string) []cal.Href {
	home := c.homeHrefs()[0]
	slug := strings.Trim(strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || '0' <= r && r <= '9' {
			return r
		}
		return '-'
	}, clip(strings.ToLower(title), 40)), "-")
	if slug == "" {
		slug = "calendar"
	}
	names := []cal.Href{home + cal.Href(slug) + "/"}
	for n := 2; n < 10; n++ {
		names = append(names, home+cal.Href(fmt.Sprintf("%s-%d/", slug, n)))
	}
	return names
}

// makeCalendar sends MKCALENDAR (RFC 4791 §5.3.1), and an extended MKCOL (RFC 5689) where that is not known. Only what cannot be set
// later goes along: Zimbra makes the URL out of the name, DAViCal escapes it twice.
func (c *Client) makeCalendar(ctx context.Context, href cal.Href, components string) error {
	plain := request{method: "MKCALENDAR", href: href} // Cyrus answers 500 to a body that sets nothing, and makes the calendar
	if set := componentSet(components); set != "" {
		plain.contentType = xmlType
		plain.body = []byte(xmlHead + `<C:mkcalendar` + spaces + `><D:set><D:prop>` + set + `</D:prop></D:set></C:mkcalendar>`)
	}
	err := c.arrange(ctx, plain)
	var f fault
	if !errors.As(err, &f) || f.status != http.StatusMethodNotAllowed && f.status != http.StatusNotImplemented {
		return err
	}
	if there, err := c.isThere(ctx, href); there || err != nil {
		return f.arranged() // Sabre and DAViCal: something has that name
	}
	body := xmlHead + `<D:mkcol` + spaces + `><D:set><D:prop><D:resourcetype><D:collection/><C:calendar/></D:resourcetype>` +
		componentSet(components) + `</D:prop></D:set></D:mkcol>`
	return c.arrange(ctx, request{method: "MKCOL", href: href, body: []byte(body), contentType: xmlType})
}

func componentSet(components string) string {
	if components == "" {
		return ""
	}
	set := `<C:supported-calendar-component-set>`
	for component := range strings.SplitSeq(components, ",") {
		set += `<C:comp name="` + escape(component) + `"/>`
	}
	return set + `</C:supported-calendar-component-set>`
}

// Describe renames, recolours and describes a calendar as f says; empty fields stay as they are (PROPPATCH, RFC 4918 §9.2).
func (c *Client) Describe(ctx context.Context, href cal.Href, f cal.Facts) error {
	set := ""
	for _, p := range []struct{ element, value string }{
		{"D:displayname", f.Name},
		{"A:calendar-color", f.Color},
		{"A:calendar-order", f.Order},
		{"C:calendar-description", f.Description},
		{"C:calendar-timezone", f.TimeZone},
	} {
		if p.value != "" {
			set += "<" + p.element + ">" + escape(p.value) + "</" + p.element + ">"
		}
	}
	if set == "" {
		return nil
	}
	body := xmlHead + `<D:propertyupdate` + spaces + ` xmlns:A="` + nsApple + `"><D:set><D:prop>` + set + `</D:prop></D:set></D:propertyupdate>`
	err := c.arrange(ctx, request{method: "PROPPATCH", href: asCollection(href), body: []byte(body), contentType: xmlType})
	if err != nil {
		return fmt.Errorf("describe the calendar %s: %w", href, err)
	}
	return nil
}

// DropCalendar deletes a calendar with all that is in it. Whether it worked is asked: Cyrus answers 404 and has deleted it.
func (c *Client) DropCalendar(ctx context.Context, href cal.Href) error {
	href = asCollection(href)
	if !c.inSomeHome(href) {
		return fmt.Errorf("delete the calendar %s: %w: it lies in no calendar home", href, cal.ErrRefused)
	}
	err := c.arrange(ctx, request{method: http.MethodDelete, href: href})
	if err == nil {
		return nil
	}
	var f fault
	if errors.As(err, &f) && missing(f.status) {
		if there, failed := c.isThere(ctx, href); failed == nil && !there {
			return nil
		}
	}
	return fmt.Errorf("delete the calendar %s: %w", href, err)
}

// arrange sends a request that changes a calendar as a whole.
func (c *Client) arrange(ctx context.Context, r request) error {
	err := c.change(ctx, r)
	if f := (fault{}); errors.As(err, &f) {
		return f.arranged()
	}
	return err
}

// inSomeHome keeps a deletion from ever hitting a home, or anything above it.
func (c *Client) inSomeHome(href cal.Href) bool {
	return slices.ContainsFunc(c.homeHrefs(), func(home cal.Href) bool {
		return inside(home, cal.Href(strings.TrimSuffix(string(href), "/")))
	})
}

// isThere reports whether a collection answers for itself.
func (c *Client) isThere(ctx context.Context, href cal.Href) (bool, error) {
	resp, err := c.multistatus(ctx, request{method: "PROPFIND", href: href, depth: "0", body: []byte(propfindSelf)})
	var f fault
	if errors.As(err, &f) && missing(f.status) {
		return false, nil
	} else if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	r, err := readMultistatus(resp.Body).next()
	if err != nil {
		return false, err
	}
	return r.status == 0 || successful(r.status), nil // Xandikos: 207 with a 404 inside
}
