package google

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"google.golang.org/api/calendar/v3"

	"calbridge/internal/cal"
)

// entry is what we remember of a calendar in the account's list.
type entry struct {
	Name        string `json:"name,omitempty"`
	Color       string `json:"color,omitempty"`
	Description string `json:"description,omitempty"`
	TimeZone    string `json:"timeZone,omitempty"` // an IANA name
	Role        string `json:"role,omitempty"`
	Primary     bool   `json:"primary,omitempty"`
}

// memory is the list of calendars as it was told last, so that Google need only tell what changed since.
type memory struct {
	Version int              `json:"version"`
	Read    time.Time        `json:"read"` // when it was read as a whole
	Token   string           `json:"token"`
	Entries map[string]entry `json:"entries"` // by calendar id
}

const (
	memoryVersion = 1
	// trustFor is how long the list is only asked for changes: those in members that the user cannot write, as a shared calendar's name or
	// the user's own role in it, are not among them (discovery document, calendarList.list syncToken).
	trustFor = 24 * time.Hour
)

// readMemory gives nothing where it cannot be read: then the list is read as a whole.
func readMemory(raw []byte) memory {
	var m memory
	if json.Unmarshal(raw, &m) != nil || m.Version != memoryVersion || m.Entries == nil {
		return memory{}
	}
	return m
}

// distrust has the list read as a whole next time: a write was refused in a calendar that is listed as one to be written.
func (c *Client) distrust() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.memory.Token != "" {
		c.memory.Token, c.news = "", true
	}
}

// Learned is the list of calendars, to be given to the next Client; nil: it is what Config.Memory says.
func (c *Client) Learned() (key string, list []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.news {
		return c.cfg.MemoryKey, nil
	}
	list, err := json.Marshal(c.memory)
	if err != nil || bytes.Equal(list, c.cfg.Memory) {
		return c.cfg.MemoryKey, nil
	}
	return c.cfg.MemoryKey, list
}

// Calendars lists the calendars of the account. Google tells no position of a calendar, so positions asks for nothing more, and each
// calendar has to be asked.
func (c *Client) Calendars(ctx context.Context, _ bool) ([]cal.Facts, error) {
	known := c.remembered()
	next, err := c.readList(ctx, known)
	if known.Token != "" && expired(err) { // a token of a list that Google does not know any more
		next, err = c.readList(ctx, memory{})
	}
	if err != nil {
		return nil, fmt.Errorf("list the calendars: %w", err)
	}
	c.mu.Lock()
	c.memory, c.news = next, true
	c.mu.Unlock()
	return next.facts(), nil
}

// expired reports whether a list was refused because of the token it was asked with: 410 fullSyncRequired where it is too old
// ("Handle API errors"), 400 where it is no token at all, or one of a page.
func expired(err error) bool {
	return status(err) == http.StatusGone || status(err) == http.StatusBadRequest
}

// remembered is what may be built on: nothing, once a day.
func (c *Client) remembered() memory {
	c.mu.Lock()
	defer c.mu.Unlock()
	if age := c.cfg.Now().Sub(c.memory.Read); c.memory.Token == "" || age < 0 || age >= trustFor {
		return memory{}
	}
	return c.memory
}

// maxLists is how many pages a list of calendars may have.
const maxLists = 1000

// readList brings known up to date; without a token it reads everything. Hidden calendars are listed as well: to hide one in Google's
// pages is no wish to have it deleted here. showHidden may not change from one request to the next, showDeleted is implied by the token
// (discovery document, calendarList.list).
func (c *Client) readList(ctx context.Context, known memory) (memory, error) {
	next := memory{Version: memoryVersion, Read: known.Read, Entries: maps.Clone(known.Entries)}
	if known.Token == "" {
		next.Read, next.Entries = c.cfg.Now().UTC().Truncate(time.Second), map[string]entry{}
	}
	page := ""
	for range maxLists {
		call := c.lists.CalendarList.List().Context(ctx).MaxResults(250).ShowHidden(true)
		if known.Token != "" {
			call.SyncToken(known.Token)
		}
		if page != "" {
			call.PageToken(page)
		}
		answer, err := call.Do()
		if err != nil {
			return memory{}, c.judge(false, err)
		} else if answer == nil {
			return memory{}, errNull
		}
		next.take(answer.Items)
		if page = answer.NextPageToken; page == "" {
			next.Token = answer.NextSyncToken // on the last page only; without one the next list is read whole
			return next, nil
		}
	}
	return memory{}, errors.New("the list of calendars does not end")
}

// errNull: the answer is JSON's null, which the generated client takes for an answer.
var errNull = errors.New("the answer is null")

func (m *memory) take(items []*calendar.CalendarListEntry) {
	for _, i := range items {
		if i == nil { // JSON's null
			continue
		}
		if i.Deleted || i.AccessRole == "none" {
			delete(m.Entries, i.Id)
			continue
		}
		m.Entries[i.Id] = entry{Name: cmp.Or(i.SummaryOverride, i.Summary), Color: i.BackgroundColor, Description: i.Description,
			TimeZone: i.TimeZone, Role: i.AccessRole, Primary: i.Primary}
	}
}

func (m memory) facts() []cal.Facts {
	all := make([]cal.Facts, 0, len(m.Entries))
	for _, id := range slices.Sorted(maps.Keys(m.Entries)) {
		e := m.Entries[id]
		all = append(all, cal.Facts{Href: cal.Href(id), Name: e.Name, Color: e.Color, Description: e.Description, TimeZone: e.TimeZone,
			Components: "VEVENT", Access: access(e.Role)})
	}
	return all
}

// access reads the role. Whoever writes without seeing private events can still write the others. A role made up after this was written
// is taken to allow reading.
func access(role string) cal.Access {
	switch role {
	case "owner", "writer", "writerWithoutPrivateAccess":
		return cal.AccessWrite
	case "freeBusyReader":
		return cal.AccessFreeBusy
	}
	return cal.AccessRead
}

// Primary is the person's own calendar, whose id is their address; empty: no list that was read has it.
func (c *Client) Primary() cal.Href {
	c.mu.Lock()
	defer c.mu.Unlock()
	for id, e := range c.memory.Entries {
		if e.Primary {
			return cal.Href(id)
		}
	}
	return ""
}

// self are the account's calendar user addresses; the primary calendar's id is one.
func (c *Client) self() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := slices.Clone(c.cfg.Self)
	for id, e := range c.memory.Entries {
		if address := "mailto:" + id; e.Primary && !slices.Contains(all, address) {
			all = append(all, address)
		}
	}
	return all
}

// MakeCalendar makes a calendar with what f describes; Google chooses its id. When the calendar was made and only its colour was not set,
// both the href and an error come back.
func (c *Client) MakeCalendar(ctx context.Context, f cal.Facts) (cal.Href, error) {
	doing := fmt.Sprintf("make the calendar %q", f.Name)
	if f.Components != "" && f.Components != "VEVENT" {
		return "", fmt.Errorf("%s: %w: Google Calendar holds nothing but events (VEVENT)", doing, cal.ErrRefused)
	}
	if err := c.mayManage(); err != nil {
		return "", fmt.Errorf("%s: %w", doing, err)
	}
	made, err := c.lists.Calendars.Insert(&calendar.Calendar{Summary: f.Name, Description: f.Description, TimeZone: f.TimeZone}).Context(ctx).Do()
	if err != nil {
		return "", fmt.Errorf("%s: %w", doing, c.judge(true, err))
	} else if made == nil {
		return "", fmt.Errorf("%s: %w", doing, errNull)
	}
	return cal.Href(made.Id), c.paint(ctx, made.Id, f.Color)
}

// Describe renames, recolours and describes a calendar as f says; empty fields stay as they are.
func (c *Client) Describe(ctx context.Context, href cal.Href, f cal.Facts) error {
	if err := c.describe(ctx, string(href), f); err != nil {
		return fmt.Errorf("describe the calendar %s: %w", href, err)
	}
	return c.paint(ctx, string(href), f.Color)
}

func (c *Client) describe(ctx context.Context, id string, f cal.Facts) error {
	if f.Name == "" && f.Description == "" && f.TimeZone == "" {
		return nil
	}
	if err := c.mayManage(); err != nil {
		return err
	}
	_, err := c.lists.Calendars.Patch(id, &calendar.Calendar{Summary: f.Name, Description: f.Description, TimeZone: f.TimeZone}).Context(ctx).Do()
	if err != nil {
		return c.judge(true, err)
	}
	c.distrust() // the list does not tell of members that belong to the calendar
	return nil
}

// paint sets the colour, which belongs to the user's list and not to the calendar.
func (c *Client) paint(ctx context.Context, id, color string) error {
	if color == "" {
		return nil
	}
	doing := fmt.Sprintf("colour the calendar %s", id)
	if !c.granted(calendar.CalendarScope, ScopeColors) {
		return fmt.Errorf("%s: %w: the consent does not cover the list of calendars, where Google keeps colours; choose it in Google Calendar", doing, cal.ErrRefused)
	}
	wanted := &calendar.CalendarListEntry{BackgroundColor: color, ForegroundColor: "#000000"}
	if _, err := c.lists.CalendarList.Patch(id, wanted).ColorRgbFormat(true).Context(ctx).Do(); err != nil {
		return fmt.Errorf("%s: %w", doing, c.judge(true, err))
	}
	return nil
}

// DropCalendar deletes a calendar with all that is in it.
func (c *Client) DropCalendar(ctx context.Context, href cal.Href) error {
	doing := fmt.Sprintf("delete the calendar %s", href)
	if c.primary(href) { // calendars.delete is for secondary calendars (discovery document)
		return fmt.Errorf("%s: %w: it is the account's primary calendar, which cannot be deleted", doing, cal.ErrRefused)
	}
	if err := c.mayManage(); err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	err := c.judge(true, c.lists.Calendars.Delete(string(href)).Context(ctx).Do())
	if err != nil && !missing(err) {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

func (c *Client) primary(href cal.Href) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return href == "primary" || c.memory.Entries[string(href)].Primary || slices.Contains(c.cfg.Self, "mailto:"+string(href))
}

// mayManage: to make, describe and delete calendars takes a consent of its own.
func (c *Client) mayManage() error {
	if c.granted(calendar.CalendarScope, ScopeCalendars) {
		return nil
	}
	return fmt.Errorf("%w: the consent does not cover making and changing calendars: give consent again with `calbridge account add google --manage-calendars`",
		cal.ErrRefused)
}

// granted reports whether any of the scopes was granted, as far as we know.
func (c *Client) granted(any ...string) bool {
	return c.cfg.Scopes == nil || slices.ContainsFunc(any, func(s string) bool { return slices.Contains(c.cfg.Scopes, s) })
}
