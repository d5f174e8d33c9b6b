package caldav

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"

	"calbridge/internal/cal"
)

// Name is where an object is created: letters, digits and '-' only, the one form that every server lists as it was sent, and another
// href for every incarnation, so that no tombstone and no recycled etag of an earlier one is mistaken for its own.
func (*Client) Name(c cal.Calendar, o cal.Object, _ cal.Href) cal.Href {
	return asCollection(c.Href) + cal.Href(string(o.ID)+"-"+strconv.Itoa(o.Incarnation)+".ics")
}

// Put writes an object, on the condition that the remote still has the version a.Match, or nothing there if a.Create().
//
// nil: the server says that it is done; what it stored has to be read, whatever ETag it gave. cal.ErrChanged: the condition does not
// hold. cal.ErrGone: there is nothing to update, and the calendar itself answers. cal.Taken: the UID is in use. cal.ErrReadOnly.
// cal.ErrRefused: never in this form; the server's words are in the error. cal.ErrUnsent, cal.ErrLocked and cal.Busy as everywhere.
// Any other error: it may have happened.
func (c *Client) Put(ctx context.Context, calendar cal.Calendar, a cal.Attempt, _ cal.Version, body cal.Body) error {
	err := c.put(ctx, calendar, a, body)
	if err != nil {
		return fmt.Errorf("write %s: %w", a.Href, err)
	}
	return nil
}

func (c *Client) put(ctx context.Context, calendar cal.Calendar, a cal.Attempt, body cal.Body) error {
	header, err := c.condition(ctx, calendar, a)
	if err != nil {
		return err
	}
	err = c.change(ctx, request{method: http.MethodPut, href: a.Href, header: header, body: []byte(body), contentType: "text/calendar; charset=utf-8"})
	var f fault
	if !errors.As(err, &f) {
		return err
	}
	if f.vague() {
		return c.clarify(ctx, calendar, a, f)
	}
	return c.resolveTaken(f.written(), f)
}

// Delete deletes an object on the condition that the remote still has the version a.Match. That nothing is there is success.
// Otherwise its errors are those of Put.
func (c *Client) Delete(ctx context.Context, calendar cal.Calendar, a cal.Attempt) error {
	err := c.delete(ctx, calendar, a)
	if err != nil {
		return fmt.Errorf("delete %s: %w", a.Href, err)
	}
	return nil
}

func (c *Client) delete(ctx context.Context, calendar cal.Calendar, a cal.Attempt) error {
	if a.Create() {
		return fmt.Errorf("%w: a deletion needs the etag of what it deletes", cal.ErrRefused)
	}
	header, err := c.condition(ctx, calendar, a)
	if errors.Is(err, cal.ErrGone) {
		return nil
	} else if err != nil {
		return err
	}
	err = c.change(ctx, request{method: http.MethodDelete, href: a.Href, header: header})
	var f fault
	switch {
	case !errors.As(err, &f):
		return err
	case missing(f.status):
		return nil
	}
	return f.written()
}

// condition is the one precondition of a write (RFC 9110 §13.1): exactly one etag, never a list and never "*" for what exists, since
// Radicale and DAViCal refuse those. It also makes sure that no write leaves the calendar.
func (c *Client) condition(ctx context.Context, calendar cal.Calendar, a cal.Attempt) (http.Header, error) {
	if !inside(calendar.Href, a.Href) {
		return nil, fmt.Errorf("%w: %w", cal.ErrRefused, errOutside)
	}
	if a.Create() {
		return http.Header{"If-None-Match": {"*"}}, nil
	}
	etag, err := c.strong(ctx, a)
	if err != nil {
		return nil, err
	}
	if !httpguts.ValidHeaderFieldValue(string(etag)) { // of this object no more can be said; unsent, it would seem to be the network
		return nil, fmt.Errorf("%w: the server's etag, %q, cannot be sent back", cal.ErrRefused, clip(string(etag), 100))
	}
	return http.Header{"If-Match": {quoted(etag)}}, nil
}

// strong finds the strong etag to be conditional on. A weak one never matches (RFC 9110 §13.1.1). Often it is only a proxy that weakened
// it while compressing: then a GET, which asks for no compression, shows the strong one of the same version. A server that has none
// (RFC 4791 §5.3.4 obliges it) gets no writes: unconditional ones would lose other people's edits.
func (c *Client) strong(ctx context.Context, a cal.Attempt) (cal.ETag, error) {
	if !weak(a.Match) {
		return a.Match, nil
	}
	etag, _, err := c.object(ctx, a.Href)
	var f fault
	switch {
	case errors.As(err, &f) && missing(f.status):
		return "", fmt.Errorf("%w: %w", cal.ErrGone, err)
	case err != nil: // cal.ErrUnsent only if the server cannot be reached at all: that stops the account, one unreadable object does not
		return "", fmt.Errorf("read before the write: %w", err)
	case !sameVersion(etag, a.Match):
		return "", cal.ErrChanged
	case weak(etag):
		c.learn(func(known *Profile) { known.WeakETags = Yes })
		return "", fmt.Errorf("%w: the server gives weak etags only, so a write could overwrite what others wrote meanwhile", cal.ErrRefused)
	}
	return etag, nil
}

func weak(e cal.ETag) bool { return strings.HasPrefix(string(e), "W/") }

// quoted is an etag as the wire wants it (RFC 9110 §8.8.3); Yandex and others list them without the quotes.
func quoted(e cal.ETag) string {
	if s := string(e); len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s
	}
	return `"` + strings.Trim(string(e), `"`) + `"`
}

// change sends a request that changes something. nil: the server says that it is done, also inside a 207 (Xandikos).
func (c *Client) change(ctx context.Context, r request) error {
	resp, err := c.send(ctx, r)
	if err != nil {
		return err
	}
	switch {
	case resp.StatusCode == http.StatusMultiStatus:
		defer resp.Body.Close()
		f, ok, err := innerFault(resp.Body)
		if err != nil {
			return fmt.Errorf("%s: %w", r.method, err)
		} else if !ok {
			return f
		}
		return nil
	case resp.StatusCode == http.StatusOK && isPage(resp):
		resp.Body.Close()
		return fmt.Errorf("%s: %w", r.method, errPage)
	case successful(resp.StatusCode):
		return resp.Body.Close()
	}
	return faultOf(resp)
}

// errPage: a login page of something between us and the server, or of the server itself, says 200 to everything. Whether anything was
// done is not known. (Apache answers a PUT with a page too, and says 201.)
var errPage = errors.New("the answer is a web page")

func isPage(resp *http.Response) bool {
	return strings.Contains(strings.ToLower(resp.Header.Get("Content-Type")), "html")
}

// clarify finds out what a refused PUT means that could have to do with the calendar as a whole. If that is missing, nothing is known of
// the object. A 404 while the calendar answers is cal.ErrGone only if the object is not there: iCloud has a 404 for events without
// DTEND, SOGo for garbage.
func (c *Client) clarify(ctx context.Context, calendar cal.Calendar, a cal.Attempt, f fault) error {
	there, err := c.isThere(ctx, asCollection(calendar.Href))
	switch {
	case err != nil:
		return fmt.Errorf("%w, and the calendar does not answer: %w", f, err)
	case !there:
		return fmt.Errorf("the calendar itself is missing: %w", f)
	case !missing(f.status):
		return f.written()
	case a.Create():
		return f.as(cal.ErrRefused)
	}
	_, _, err = c.object(ctx, a.Href)
	var got fault
	switch {
	case err == nil:
		return fmt.Errorf("%w, although it is there", f.as(cal.ErrRefused))
	case errors.As(err, &got) && missing(got.status):
		return f.as(cal.ErrGone)
	}
	return fmt.Errorf("%w, and reading it: %w", f, err)
}

// resolveTaken puts the holder of the UID, if the server names one, into cal.Taken.
func (c *Client) resolveTaken(err error, f fault) error {
	if taken := (cal.Taken{}); !errors.As(err, &taken) || f.holder == "" {
		return err
	}
	href, failed := hrefs{request: c.home, home: c.home}.canonical(f.holder)
	if failed != nil {
		return err
	}
	return fmt.Errorf("%w: %w", cal.Taken{Href: href}, f)
}
