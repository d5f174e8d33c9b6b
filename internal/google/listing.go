package google

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/event"
)

// frozen are the parameters of every list of a calendar. They belong to the sync token: with others its behaviour is undefined (discovery
// document, events.list syncToken).
//
// singleEvents=false: series and their exceptions, not an endless row of occurrences. showDeleted is never sent: with a token it must not
// be false and deletions are told in any case, without one true would list tombstones, which may be most of an old calendar, and cancelled
// occurrences of series that live come without it as well (the same, showDeleted). eventTypes is not sent: all types. maxAttendees is not
// sent: a list of guests that was cut short must not be written back. timeZone is not sent: instants are compared, not strings.
//
// maxResults is Google's most by default: the quota counts requests, and pages are handed on in portions while they arrive.
func (c *Client) frozen() url.Values {
	return url.Values{"singleEvents": {"false"}, "maxResults": {strconv.Itoa(c.cfg.PageSize)}}
}

// tokenVersion is of our own making: a new one has everything read and mapped anew.
const tokenVersion = "1"

// token puts Google's sync token into ours, with what it is bound to.
func (c *Client) token(sync string) cal.Token {
	return cal.Token(tokenVersion + "." + c.binding() + "." + sync)
}

// place is Google's sync token out of ours; empty: it is none that can be used now.
func (c *Client) place(t cal.Token) string {
	sync, ours := strings.CutPrefix(string(t), tokenVersion+"."+c.binding()+".")
	if !ours {
		return ""
	}
	return sync
}

func (c *Client) binding() string {
	sum := sha256.Sum256([]byte(c.frozen().Encode()))
	return hex.EncodeToString(sum[:4])
}

// item is one event as it came.
type item struct {
	href   cal.Href
	raw    json.RawMessage
	event  event.Event
	err    error        // it cannot be read
	parent event.Parent // of an exception: what its series says, as far as that is known
	body   cal.Body
	named  bool // it was read by name and no list told of it, so an occurrence need not be an exception
}

// series is the series that an exception belongs to; empty: it is none.
func (i item) series() cal.Href { return cal.Href(i.event.RecurringEventID) }

func (i item) cancelled() bool { return i.event.Status == "cancelled" }

// read parses the event. Where that fails its id is looked for all the same.
func (i *item) read() {
	if i.event, i.err = event.Parse(i.raw); i.err == nil {
		i.href = cal.Href(i.event.ID)
		if i.href == "" {
			i.err = errors.New("the event has no id")
		}
		return
	}
	var name struct {
		ID string `json:"id"`
	}
	_ = json.Unmarshal(i.raw, &name)
	i.href = cal.Href(name.ID)
}

// portion is a part of a list.
type portion struct {
	items []item
	sync  string // on the last: Google's token
	last  bool
	err   error
}

// portionLength is how many events are handed on at once.
const portionLength = 250

// list walks all pages of a list, from a sync token or from the beginning. The reader gets the events in portions as they arrive; meanwhile
// up to a page more is on its way.
func (c *Client) list(ctx context.Context, calendar cal.Href, query url.Values) <-chan portion {
	out := make(chan portion, max(c.cfg.PageSize/portionLength, 1))
	go func() {
		defer close(out)
		w := &walker{Client: c, ctx: ctx, calendar: calendar, query: query, out: out}
		if err := w.walk(); err != nil {
			w.put(portion{err: err})
		}
	}()
	return out
}

// walker reads a list page by page.
type walker struct {
	*Client
	ctx      context.Context
	calendar cal.Href
	query    url.Values
	out      chan<- portion
}

// walk follows the page tokens to the end, whatever a page holds: it may be empty and not the last (discovery document, events.list
// maxResults). The sync token goes along with every page.
func (w *walker) walk() error {
	been := map[string]bool{}
	for page := ""; ; {
		been[page] = true
		end, err := w.page(page)
		switch {
		case err != nil:
			return err
		case end.NextSyncToken != "" || end.NextPageToken == "" && w.query.Has("iCalUID"): // no token comes of a search
			w.put(portion{sync: end.NextSyncToken, last: true})
			return nil
		case end.NextPageToken == "":
			return errors.New("the last page of the list has no sync token, so it may not be the last")
		case been[end.NextPageToken]:
			return errors.New("the pages of the list lead in a circle")
		}
		page = end.NextPageToken
	}
}

// ending is what a page says besides its events.
type ending struct{ NextPageToken, NextSyncToken string }

func (w *walker) page(token string) (ending, error) {
	query := url.Values{}
	for name, values := range w.query {
		query[name] = values
	}
	if token != "" {
		query.Set("pageToken", token)
	}
	resp, err := w.send(w.ctx, request{method: http.MethodGet, path: []string{"calendars", string(w.calendar), "events"}, query: query})
	if err != nil {
		if token != "" && expired(err) {
			err = fmt.Errorf("%w: %w", errPageGone, err)
		}
		return ending{}, err
	}
	defer resp.Body.Close()
	end, err := w.decode(json.NewDecoder(resp.Body))
	if err != nil {
		return ending{}, fmt.Errorf("read a page of events: %w", err)
	}
	return end, nil
}

// errPageGone: the list was refused after its first page.
var errPageGone = errors.New("the next page of the list is not there any more")

// decode reads one page and hands its events on as they come. A page that is cut off is an error, whatever was handed on before.
func (w *walker) decode(d *json.Decoder) (end ending, err error) {
	if err := expect(d, json.Delim('{')); err != nil {
		return end, err
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return end, err
		}
		switch name {
		case "items":
			err = w.items(d)
		case "nextPageToken":
			err = d.Decode(&end.NextPageToken)
		case "nextSyncToken":
			err = d.Decode(&end.NextSyncToken)
		default:
			var skipped json.RawMessage
			err = d.Decode(&skipped)
		}
		if err != nil {
			return end, err
		}
	}
	return end, expect(d, json.Delim('}'))
}

func expect(d *json.Decoder, want json.Token) error {
	got, err := d.Token()
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	if err == nil && got != want {
		err = fmt.Errorf("%s where %v was expected", sentence(fmt.Sprint(got)), want)
	}
	return err
}

func (w *walker) items(d *json.Decoder) error {
	if start, err := d.Token(); err != nil || start == nil { // null: none
		return err
	} else if start != json.Delim('[') {
		return fmt.Errorf("items are %s and not a list", sentence(fmt.Sprint(start)))
	}
	for d.More() {
		p := portion{items: make([]item, 0, portionLength)}
		for d.More() && len(p.items) < portionLength {
			var raw json.RawMessage
			if err := d.Decode(&raw); err != nil {
				return err
			}
			p.items = append(p.items, item{raw: raw})
		}
		if !w.put(p) {
			return w.ctx.Err()
		}
	}
	return expect(d, json.Delim(']'))
}

// put reports whether anybody is still interested.
func (w *walker) put(p portion) bool {
	select {
	case w.out <- p:
		return true
	case <-w.ctx.Done():
		return false
	}
}
