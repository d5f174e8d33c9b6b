package google

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/event"
	"calbridge/internal/ical"
)

// Name is the id an event is created with: the object's own, which are letters a to v and digits (discovery document, Event.id), and for
// every later incarnation another, as the id of a deleted event is taken for ever. An exception has the name that Google gives the
// occurrence; one of a series in floating time has none, as Google has no such time.
func (*Client) Name(_ cal.Calendar, o cal.Object, series cal.Href) cal.Href {
	if o.RecurrenceID == "" {
		if o.Incarnation == 0 {
			return cal.Href(o.ID)
		}
		return cal.Href(string(o.ID) + strconv.Itoa(o.Incarnation))
	}
	if _, ok := originalStart(o.RecurrenceID); !ok || series == "" {
		return ""
	}
	return series + "_" + cal.Href(o.RecurrenceID)
}

// Put writes an object, on the condition that the remote still has the version a.Match, or nothing there if a.Create(). A new event is an
// insert, anything else a patch of what changed between base and body, or nothing where that is nothing. A cancelled occurrence is deleted.
//
// nil: Google says that it is done; what it stored has to be read. cal.ErrMoot: nothing was sent, for Google has no words for what differs.
// cal.ErrChanged: the condition does not hold, or the id was used before. cal.ErrGone: there is nothing to update. cal.ErrReadOnly.
// cal.ErrRefused: never in this form; either Google's words are in the error, or what it would have done with it, and then nothing was
// sent. cal.ErrUnsent, cal.ErrLocked and cal.Busy as everywhere. Any other error: it may have happened.
func (c *Client) Put(ctx context.Context, calendar cal.Calendar, a cal.Attempt, base cal.Version, body cal.Body) error {
	w := writing{Client: c, ctx: ctx, calendar: calendar, Attempt: a}
	if err := w.put(base, body); err != nil {
		return fmt.Errorf("write %s: %w", a.Href, err)
	}
	return nil
}

// Delete deletes an object on the condition that the remote still has the version a.Match. That nothing is there is success. Otherwise
// its errors are those of Put.
func (c *Client) Delete(ctx context.Context, calendar cal.Calendar, a cal.Attempt) error {
	w := writing{Client: c, ctx: ctx, calendar: calendar, Attempt: a}
	if err := w.delete(); err != nil {
		return fmt.Errorf("delete %s: %w", a.Href, err)
	}
	return nil
}

// writing is one write.
type writing struct {
	*Client
	ctx      context.Context
	calendar cal.Calendar
	cal.Attempt
}

func (w writing) put(base cal.Version, body cal.Body) error {
	switch {
	case w.Create() && ical.Read(body).RecurrenceID != "":
		return w.except(body)
	case w.Create():
		return w.insert(body)
	case base.Native == "": // nothing to compare with: it is read first
		return fmt.Errorf("%w: it has not been read yet", cal.ErrChanged)
	}
	return w.update(w.Match, base, body)
}

// insert makes an event. 409: the id was used before, by a request of ours whose answer was lost, and then the event is there, or somebody
// deleted it since.
func (w writing) insert(body cal.Body) error {
	doc, err := event.New(body, string(w.Href), w.self(), w.calendar.TimeZone)
	if err != nil {
		return unsent(err)
	}
	return w.change(w.ctx, request{method: http.MethodPost, path: w.path(), query: w.query(), body: doc})
}

// unsent is an error that was found before anything was sent: what package event cannot say at Google will never be sent.
func unsent(err error) error {
	if errors.Is(err, cal.ErrRefused) {
		return err
	}
	return fmt.Errorf("%w: %w", cal.ErrRefused, err)
}

// update sends what differs between base and body.
func (w writing) update(match cal.ETag, base cal.Version, body cal.Body) error {
	native := []byte(base.Native)
	if w.hides(native, body) {
		if event.Cancelled(base.Body) {
			return cal.ErrMoot
		}
		return w.remove(match)
	}
	patch, err := event.Patch(native, base.Body, body, w.calendar.TimeZone)
	if err != nil {
		return unsent(err)
	}
	if event.Cancelled(base.Body) {
		patch, err = revived(patch)
	}
	switch {
	case err != nil:
		return err
	case string(patch) == "{}":
		return cal.ErrMoot
	}
	err = w.change(w.ctx, request{method: http.MethodPatch, path: w.path(string(w.Href)), query: w.query(), match: match, body: patch})
	if errors.Is(err, cal.ErrReadOnly) && event.Cancelled(base.Body) { // reports disagree whether Google brings back what was cancelled
		return fmt.Errorf("%w: Google does not bring back a cancelled occurrence; make an event of its own of it: %v", cal.ErrRefused, err)
	}
	return err
}

// hides reports whether body wants an occurrence not to take place. At Google that is deleting it; of any other event too, so there it
// is not done: see event.Patch.
func (w writing) hides(native []byte, body cal.Body) bool {
	e, err := event.Parse(native)
	return err == nil && e.RecurringEventID != "" && event.Cancelled(body)
}

// revived makes a patch bring back a cancelled occurrence.
func revived(patch []byte) ([]byte, error) {
	members := map[string]json.RawMessage{}
	if err := json.Unmarshal(patch, &members); err != nil {
		return nil, fmt.Errorf("%w: %w", cal.ErrRefused, err)
	}
	if members["status"] == nil {
		members["status"] = json.RawMessage(`"confirmed"`)
	}
	return json.Marshal(members)
}

// except makes an exception of an occurrence: by a patch of the occurrence's id, as a second event with the same UID cannot be inserted. If
// somebody made one meanwhile, theirs is read first.
func (w writing) except(body cal.Body) error {
	i, err := w.occurrence()
	if err != nil {
		return err
	}
	if i.cancelled() {
		if event.Cancelled(body) {
			return nil
		}
		return fmt.Errorf("%w: the occurrence was cancelled", cal.ErrChanged)
	}
	there, err := w.excepted(w.ctx, w.calendar.Href, i.event)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("%w: the occurrence is an exception already", cal.ErrChanged)
	}
	parent := parentOf(i.event)
	parent.UID = ical.Read(body).UID
	base := cal.Version{ETag: cal.ETag(i.event.ETag), Native: string(i.raw)}
	if base.Body, _, err = w.zones.ICal(i.event, parent); err != nil {
		return unsent(err)
	}
	return w.update(base.ETag, base, body)
}

// occurrence finds the occurrence that the href names. Its id is not documented to have the form it has, so the series is asked for the
// occurrence by its original start ("Recurring events"), and the answer must be the one expected.
func (w writing) occurrence() (i item, err error) {
	series, stamp := splitHref(w.Href)
	start, ok := originalStart(stamp)
	if !ok {
		return i, fmt.Errorf("%w: %q is no occurrence's id", cal.ErrRefused, string(w.Href))
	}
	query := url.Values{"originalStart": {start}, "showDeleted": {"true"}}
	raw, err := w.fetch(w.ctx, request{path: w.path(series, "instances"), query: query})
	if err != nil {
		return i, fmt.Errorf("look for the occurrence of %s at %s: %w", series, start, err)
	}
	var answer struct {
		Items []json.RawMessage `json:"items"`
	}
	if err := json.Unmarshal(raw, &answer); err != nil {
		return i, fmt.Errorf("look for the occurrence of %s at %s: %w", series, start, err)
	}
	if len(answer.Items) == 0 {
		return i, fmt.Errorf("%w: the series %s has no occurrence at %s", cal.ErrRefused, series, start)
	}
	i.raw = answer.Items[0]
	if i.read(); i.err != nil {
		return i, unsent(i.err)
	}
	if i.href != w.Href {
		return i, fmt.Errorf("%w: the occurrence of %s at %s is called %q, where %q was expected", cal.ErrRefused, series, start, string(i.href), string(w.Href))
	}
	return i, nil
}

func (w writing) delete() error {
	if w.Match == "" {
		return fmt.Errorf("%w: a deletion needs the etag of what it deletes", cal.ErrRefused)
	}
	return w.remove(w.Match)
}

// remove deletes an event or cancels an occurrence. That it is gone already is what was wanted: 404, and 410 deleted ("Handle API errors").
func (w writing) remove(match cal.ETag) error {
	query := url.Values{"sendUpdates": {w.guests()}}
	err := w.change(w.ctx, request{method: http.MethodDelete, path: w.path(string(w.Href)), query: query, match: match})
	if missing(err) {
		return nil
	}
	return err
}

func (w writing) path(below ...string) []string {
	return append([]string{"calendars", string(w.calendar.Href), "events"}, below...)
}

// query says with every write whom Google may mail, which is left to it otherwise, and that we know of conferences and attachments, which
// it drops without a word otherwise (discovery document, events.insert). eventLabelVersion stays 0: under 1 a label that is not sent is
// taken off.
func (w writing) query() url.Values {
	return url.Values{"sendUpdates": {w.guests()}, "conferenceDataVersion": {"1"}, "supportsAttachments": {"true"}}
}

func (w writing) guests() string {
	if w.Notify == cal.NotifyNobody {
		return "none"
	}
	return strings.TrimSpace(string(w.Notify))
}
