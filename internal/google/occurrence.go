package google

import (
	"context"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/event"
)

// An occurrence of a series can be read by an id of its own whether it is an exception or not, and looks alike in both cases. Two things
// tell: a list of events that are not expanded shows exceptions only; and an occurrence that says something else than its series is one,
// should the list lag behind. One that is neither holds nobody's edit that could be lost.

// excepted reports whether an occurrence, just read, is an exception.
func (c *Client) excepted(ctx context.Context, calendar cal.Href, o event.Event) (bool, error) {
	if o.ICalUID == "" { // and without, everything would be listed
		return false, fmt.Errorf("look for exceptions of the series %s: the occurrence %s has no iCalUID", o.RecurringEventID, o.ID)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	// All events of a series share the iCalUID, and this is how they are found (discovery document, Event.iCalUID).
	query := url.Values{"iCalUID": {o.ICalUID}, "singleEvents": {"false"}, "showDeleted": {"true"}, "maxResults": {strconv.Itoa(c.cfg.PageSize)}}
	for part := range c.list(ctx, calendar, query) {
		if part.err != nil {
			return false, fmt.Errorf("look for exceptions of the series %s: %w", o.RecurringEventID, part.err)
		}
		for _, i := range part.items {
			if i.read(); string(i.href) == o.ID {
				return true, nil
			}
		}
		if part.last {
			return c.differs(ctx, calendar, o)
		}
	}
	return false, context.Cause(ctx)
}

// differs asks the series itself: the list may lag behind a change of it, and then every occurrence would look like an exception.
func (c *Client) differs(ctx context.Context, calendar cal.Href, o event.Event) (bool, error) {
	series, err := c.event(ctx, calendar, cal.Href(o.RecurringEventID))
	if err == nil {
		err = series.err
	}
	if missing(err) {
		return true, nil
	}
	return err == nil && !repeats(o, series.event), err
}

// repeats reports whether an occurrence says what its series says.
func repeats(o, series event.Event) bool {
	return unmoved(o) && length(o, wall) == length(series, wall) && reflect.DeepEqual(saying(o), saying(series)) ||
		unmoved(o) && length(o, exact) == length(series, exact) && reflect.DeepEqual(saying(o), saying(series))
}

// saying is an event without what differs from occurrence to occurrence.
func saying(e event.Event) event.Event {
	e.ID, e.ETag, e.HTMLLink, e.Created, e.Updated, e.Sequence = "", "", "", "", "", 0
	e.Start, e.End, e.Recurrence, e.RecurringEventID, e.OriginalStartTime = nil, nil, nil, "", nil
	if e.Status == "confirmed" {
		e.Status = ""
	}
	return e
}

// unmoved: it starts where the rule has put it.
func unmoved(o event.Event) bool {
	return o.Start != nil && o.OriginalStartTime != nil && o.Start.Date == o.OriginalStartTime.Date && exact(o.Start).Equal(exact(o.OriginalStartTime))
}

// length is how long an event lasts, on the clock on the wall or in hours: where the clocks change inside it, one of them stays the same.
func length(e event.Event, read func(*event.Time) time.Time) time.Duration {
	if e.Start == nil || e.End == nil {
		return 0
	}
	return read(e.End).Sub(read(e.Start))
}

func exact(t *event.Time) time.Time {
	at, err := time.Parse(time.RFC3339, t.DateTime)
	if err != nil {
		return wall(t)
	}
	return at
}

func wall(t *event.Time) time.Time {
	text := t.Date + "T00:00:00"
	if t.DateTime != "" {
		text = t.DateTime
	}
	at, _ := time.Parse("2006-01-02T15:04:05", text[:min(len(text), 19)])
	return at
}

// stamp turns the end of an occurrence's id into what events.instances wants as originalStart: 20260105 or 20260105T080000Z.
func originalStart(stamp string) (string, bool) {
	if day, err := time.Parse("20060102", stamp); err == nil {
		return day.Format(time.DateOnly), true
	}
	at, err := time.Parse("20060102T150405Z", stamp)
	return at.Format(time.RFC3339), err == nil
}

// splitHref takes an exception's href apart. The series' own id may have a "_" in it: those that Google makes when somebody splits a
// series do.
func splitHref(h cal.Href) (series, stamp string) {
	at := strings.LastIndexByte(string(h), '_')
	if at < 0 {
		return "", ""
	}
	return string(h)[:at], string(h)[at+1:]
}
