package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// objectCmd is `calbridge object …`.
type objectCmd struct {
	List    objectListCmd    `cmd:"" help:"List objects."`
	Show    objectShowCmd    `cmd:"" help:"Print an object's iCalendar text, byte for byte; with --json, how it stands."`
	Create  objectCreateCmd  `cmd:"" help:"Make an object out of iCalendar text. The next sync pushes it."`
	Edit    objectEditCmd    `cmd:"" help:"Put other iCalendar text in the place of an object's. The next sync pushes it."`
	Delete  objectDeleteCmd  `cmd:"" help:"Delete an object. The next sync pushes that."`
	History objectHistoryCmd `cmd:"" help:"List the versions of an object, deleted or not."`
	Restore objectRestoreCmd `cmd:"" help:"Make an old version the newest again, of a deleted object too."`
}

// objectView is an object as it is printed.
type objectView struct {
	ID        cal.ObjectID   `json:"id"`
	Account   cal.AccountID  `json:"account"`
	Calendar  cal.CalendarID `json:"calendar"`
	UID       string         `json:"uid"`
	Component string         `json:"component"`
	Summary   string         `json:"summary"`
	Href      *string        `json:"href"` // null: not at the server yet
	Deleted   bool           `json:"deleted"`
	Created   *time.Time     `json:"created"`
	Updated   *time.Time     `json:"updated"`
	Sync      syncView       `json:"sync"`

	// RecurrenceID is the instance of a series that the object is, where the server keeps exceptions apart: "20260105T080000Z".
	RecurrenceID    string       `json:"recurrence_id,omitempty"`
	RecurringObject cal.ObjectID `json:"recurring_object,omitempty"` // the series, if it is here
}

type syncView struct {
	State   store.SyncState `json:"state"`
	Trouble *string         `json:"trouble"`
	Tries   int             `json:"tries"`
}

// title is what a table shows: an occurrence that does not take place has no summary of its own.
func (v objectView) title() string {
	if v.Summary == "" && v.RecurrenceID != "" {
		return "(occurrence " + v.RecurrenceID + ")"
	}
	return v.Summary
}

func viewObject(o store.Listed) objectView {
	return objectView{
		ID: o.ID, Account: o.Account, Calendar: o.Calendar, UID: o.UID, Component: o.Component, Summary: o.Summary,
		Href: orNull(string(o.Href)), Deleted: o.Version == "", Created: at(o.Created), Updated: at(o.Updated),
		Sync: syncView{o.State, orNull(o.Trouble), o.Tries}, RecurrenceID: o.RecurrenceID,
	}
}

// showObject is viewObject with the series that the object is an exception of.
func showObject(tx *store.Tx, o store.Listed) (objectView, error) {
	views := []objectView{viewObject(o)}
	err := withSeries(tx, views)
	return views[0], err
}

// withSeries notes at the exceptions which object their series is.
func withSeries(tx *store.Tx, views []objectView) error {
	uids := map[cal.CalendarID][]string{}
	for _, v := range views {
		if v.RecurrenceID != "" {
			uids[v.Calendar] = append(uids[v.Calendar], v.UID)
		}
	}
	series := map[cal.CalendarID]map[string]cal.ObjectID{}
	for calendar, some := range uids {
		held, err := tx.ByUID(calendar, some)
		if err != nil {
			return err
		}
		series[calendar] = map[string]cal.ObjectID{}
		for _, o := range held {
			if o.RecurrenceID == "" && o.Want().Exists() {
				series[calendar][o.UID] = o.ID
			}
		}
	}
	for i, v := range views {
		if v.RecurrenceID != "" {
			views[i].RecurringObject = series[v.Calendar][v.UID]
		}
	}
	return nil
}

type objectListCmd struct {
	Calendar  string `help:"Only those of this calendar." placeholder:"ID"`
	Account   string `help:"Only those of this account." placeholder:"ID"`
	UID       string `name:"uid" help:"Only those with this UID."`
	Component string `help:"VEVENT, VTODO or VJOURNAL." placeholder:"KIND"`
	State     string `help:"synced, pending, conflict or refused." enum:",synced,pending,conflict,refused" default:"" placeholder:"STATE"`
	Query     string `help:"Words in the summary." short:"q" placeholder:"TEXT"`
	Deleted   bool   `help:"List deleted ones too."`
	Limit     int    `help:"At most so many; 0 is all."`
	After     string `help:"Only those after this object, to page on." placeholder:"ID"`
}

func (c objectListCmd) Run(ctx context.Context, s *session) error {
	var views []objectView
	err := s.read(ctx, func(tx *store.Tx) error {
		f, err := c.filter(tx)
		if err != nil {
			return err
		}
		found, err := tx.Objects(f)
		if err != nil {
			return err
		}
		views = make([]objectView, len(found))
		for i, o := range found {
			views[i] = viewObject(o)
		}
		return withSeries(tx, views)
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"objects": views})
	}
	return s.objectTable(views)
}

func (c objectListCmd) filter(tx *store.Tx) (store.ObjectFilter, error) {
	f := store.ObjectFilter{
		UID: c.UID, Component: strings.ToUpper(c.Component), State: store.SyncState(c.State), Query: c.Query, IncludeGone: c.Deleted,
		After: cal.ObjectID(c.After), Limit: c.Limit,
	}
	if c.Limit < 0 {
		return f, usage("--limit %d is below zero", c.Limit)
	}
	if c.Calendar != "" {
		k, err := findCalendar(tx, c.Calendar)
		if err != nil {
			return f, err
		}
		f.Calendar = k.ID
	}
	if c.Account != "" {
		a, err := findAccount(tx, c.Account)
		if err != nil {
			return f, err
		}
		f.Account = a.ID
	}
	return f, nil
}

func (s *session) objectTable(views []objectView) error {
	if len(views) == 0 {
		s.say("No objects.")
		return nil
	}
	t := s.table("id", "kind", "summary", "state", "trouble")
	for _, v := range views {
		state := string(v.Sync.State)
		if v.Deleted {
			state = "deleted, " + state
		}
		t.row(string(v.ID), v.Component, clip(v.title(), 50), state, clip(deref(v.Sync.Trouble), 50))
	}
	return t.flush()
}

// findObject gives an object whole, deleted or not.
func findObject(tx *store.Tx, id string) (cal.Object, error) {
	o, err := tx.Object(cal.ObjectID(id))
	if errors.Is(err, store.ErrNotFound) {
		return o, usage("there is no object %q; `calbridge object list` shows them", id)
	}
	return o, err
}

type objectShowCmd struct {
	ID string `arg:"" help:"The object's id."`
}

func (c objectShowCmd) Run(ctx context.Context, s *session) error {
	var v struct {
		objectView
		Version int     `json:"version"` // of the body, in the object's history: `object edit --base`; 0: deleted
		ETag    *string `json:"etag"`
		Body    string  `json:"body"`
	}
	err := s.read(ctx, func(tx *store.Tx) error {
		o, err := findObject(tx, c.ID)
		if err != nil {
			return err
		}
		listed, err := tx.Listed(o.ID)
		if err != nil {
			return err
		}
		v.ETag, v.Body = orNull(string(o.Base.ETag)), string(o.Want().Body)
		if v.objectView, err = showObject(tx, listed); err != nil || !o.Want().Exists() {
			return err
		}
		stored, err := tx.Version(o.Want().ID)
		v.Version = stored.N
		return err
	})
	switch {
	case err != nil:
		return err
	case s.JSON:
		return s.json(v)
	case v.Deleted:
		return usage("object %s is deleted; `calbridge object history %s` lists what it was", v.ID, v.ID)
	}
	_, err = io.WriteString(s.stdout, v.Body) // not one byte more: it may be meant for a file
	return err
}

// versionView is one version of an object as it is printed.
type versionView struct {
	Version int           `json:"version"`
	ID      cal.VersionID `json:"id"`
	Origin  store.Origin  `json:"origin"`
	At      *time.Time    `json:"at"`
	Summary string        `json:"summary"`
	Current bool          `json:"current"` // what the object is now
	Agreed  bool          `json:"agreed"`  // what both sides last agreed on
	Body    string        `json:"body"`
}

type objectHistoryCmd struct {
	ID string `arg:"" help:"The object's id."`
}

func (c objectHistoryCmd) Run(ctx context.Context, s *session) error {
	var o cal.Object
	var versions []store.Stored
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		if o, err = findObject(tx, c.ID); err == nil {
			versions, err = tx.Versions(o.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	views := make([]versionView, len(versions))
	for i, v := range versions {
		views[i] = versionView{v.N, v.ID, v.Origin, at(v.At), ical.Read(v.Body).Summary, v.ID == o.Want().ID, v.ID == o.Base.ID, string(v.Body)}
	}
	if s.JSON {
		return s.json(map[string]any{"object": o.ID, "deleted": !o.Want().Exists(), "versions": views})
	}
	t := s.table("version", "from", "at", "summary", "")
	for _, v := range views {
		t.row(fmt.Sprint(v.Version), string(v.Origin), until(v.At), clip(v.Summary, 60), v.mark())
	}
	if err := t.flush(); err != nil {
		return err
	}
	if !o.Want().Exists() {
		s.say("The object is deleted. `calbridge object restore %s VERSION` brings it back.", o.ID)
	}
	return nil
}

func (v versionView) mark() string {
	switch {
	case v.Current && v.Agreed:
		return "now, here and at the server"
	case v.Current:
		return "now"
	case v.Agreed:
		return "still at the server"
	}
	return ""
}
