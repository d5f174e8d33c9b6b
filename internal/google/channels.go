package google

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/api/calendar/v3"

	"calbridge/internal/cal"
)

// Watch opens a push channel ("Push notifications"): Google then tells ch.Address whenever something changes in ch.Calendar, or in the list
// of calendars. The answer has Resource and Expires. cal.ErrNoPush: there are none for that calendar, as for public holidays.
func (c *Client) Watch(ctx context.Context, ch cal.Channel) (cal.Channel, error) {
	wanted := &calendar.Channel{Id: ch.ID, Token: ch.Token, Address: ch.Address, Type: "web_hook"}
	opened, err := c.watch(ctx, ch.Calendar, wanted)
	if err != nil {
		err = c.judge(true, err)
		if reason(err) == "pushNotSupportedForRequestedResource" {
			err = fmt.Errorf("%w: %w", cal.ErrNoPush, err)
		}
		return ch, fmt.Errorf("open a channel for %s: %w", watched(ch), err)
	} else if opened == nil {
		return ch, fmt.Errorf("open a channel for %s: %w", watched(ch), errNull)
	}
	ch.Resource, ch.Expires = opened.ResourceId, time.UnixMilli(opened.Expiration).UTC()
	return ch, nil
}

func (c *Client) watch(ctx context.Context, id cal.Href, wanted *calendar.Channel) (*calendar.Channel, error) {
	if id == "" {
		return c.lists.CalendarList.Watch(wanted).Context(ctx).Do()
	}
	return c.lists.Events.Watch(string(id), wanted).Context(ctx).Do()
}

// Stop closes a channel. That it is closed already is success.
func (c *Client) Stop(ctx context.Context, ch cal.Channel) error {
	err := c.lists.Channels.Stop(&calendar.Channel{Id: ch.ID, ResourceId: ch.Resource}).Context(ctx).Do()
	if err = c.judge(true, err); err != nil && !missing(err) {
		return fmt.Errorf("close the channel for %s: %w", watched(ch), err)
	}
	return nil
}

func watched(ch cal.Channel) string {
	if ch.Calendar == "" {
		return "the list of calendars"
	}
	return "calendar " + string(ch.Calendar)
}
