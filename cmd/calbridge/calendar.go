package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// calendarCmd is `calbridge calendar …`.
type calendarCmd struct {
	List     calendarListCmd   `cmd:"" help:"List the calendars."`
	Show     calendarShowCmd   `cmd:"" help:"Show one calendar."`
	Select   calendarSelectCmd `cmd:"" help:"Have calendars synced."`
	Unselect calendarLeaveCmd  `cmd:"" help:"Leave calendars out of syncs."`
	Create   calendarCreateCmd `cmd:"" help:"Make a calendar, at the server and here."`
	Edit     calendarEditCmd   `cmd:"" help:"Rename or recolour a calendar, at the server and here."`
	Policy   calendarPolicyCmd `cmd:"" help:"Say who wins when both sides changed the same thing."`
	Delete   calendarDeleteCmd `cmd:"" help:"Delete a calendar with all that is in it, at the server and here."`
}

// calendarView is a calendar as it is printed.
type calendarView struct {
	ID          cal.CalendarID    `json:"id"`
	Account     cal.AccountID     `json:"account"`
	Name        string            `json:"name"`
	Color       string            `json:"color"`
	Description string            `json:"description"`
	Components  []string          `json:"components"` // empty: not told
	Access      cal.Access        `json:"access"`
	Selected    bool              `json:"selected"`
	State       cal.CalendarState `json:"state"`
	Policy      policyView        `json:"policy"`
	Href        cal.Href          `json:"href"`
	Reconciled  *time.Time        `json:"reconciled"` // when everything was last listed
	Missing     *time.Time        `json:"missing"`
}

type policyView struct {
	OnConflict cal.Policy       `json:"on_conflict"`
	OnDelete   cal.DeletePolicy `json:"on_delete"`
}

func viewCalendar(c cal.Calendar) calendarView {
	v := calendarView{
		ID: c.ID, Account: c.Account, Name: c.Name, Color: c.Color, Description: c.Description, Components: []string{}, Access: c.Access,
		Selected: c.Selected, State: c.State, Policy: viewRules(c.Rules), Href: c.Href, Reconciled: at(c.Audited), Missing: at(c.Missing),
	}
	if c.Components != "" {
		v.Components = strings.Split(c.Components, ",")
	}
	return v
}

// viewRules names the rules that the zero Rules mean.
func viewRules(r cal.Rules) policyView {
	v := policyView{r.OnConflict, r.OnDelete}
	if v.OnConflict == "" {
		v.OnConflict = cal.RemoteWins
	}
	if v.OnDelete == "" {
		v.OnDelete = cal.EditWins
	}
	return v
}

func viewCalendars(all []cal.Calendar) []calendarView {
	views := make([]calendarView, len(all))
	for i, c := range all {
		views[i] = viewCalendar(c)
	}
	return views
}

type calendarListCmd struct {
	Account string `help:"Only those of this account." placeholder:"ID"`
}

func (c calendarListCmd) Run(ctx context.Context, s *session) error {
	var all []cal.Calendar
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		var account cal.AccountID
		if c.Account != "" {
			a, err := findAccount(tx, c.Account)
			if err != nil {
				return err
			}
			account = a.ID
		}
		all, err = tx.Calendars(account)
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"calendars": viewCalendars(all)})
	}
	if len(all) == 0 {
		s.say("No calendars yet. `calbridge account add --help` tells how to get some.")
		return nil
	}
	t := s.table("id", "name", "holds", "access", "selected", "state", "policy", "account")
	for _, v := range viewCalendars(all) {
		t.row(string(v.ID), cell(v.Name), strings.Join(v.Components, " "), string(v.Access), yesNo(v.Selected), string(v.State),
			string(v.Policy.OnConflict), string(v.Account))
	}
	return t.flush()
}

type calendarShowCmd struct {
	ID string `arg:"" help:"The calendar's id, or its name."`
}

func (c calendarShowCmd) Run(ctx context.Context, s *session) error {
	var v struct {
		calendarView
		Objects int          `json:"objects"` // at the server, as far as we know
		Pending int          `json:"pending"` // edits that have not reached it
		Unread  []unreadView `json:"unread"`  // resources that could not be read yet
	}
	err := s.read(ctx, func(tx *store.Tx) error {
		found, err := findCalendar(tx, c.ID)
		if err != nil {
			return err
		}
		v.calendarView = viewCalendar(found)
		if v.Objects, err = tx.Count(found.ID); err != nil {
			return err
		}
		waiting, blocked, _, err := tx.Pending(found.ID)
		if err != nil {
			return err
		}
		v.Pending = waiting + blocked
		unread, err := tx.Unread(found.ID)
		v.Unread = viewUnread(unread)
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(v)
	}
	s.facts("id", string(v.ID), "name", v.Name, "account", string(v.Account), "href", string(v.Href), "colour", v.Color,
		"description", v.Description, "holds", strings.Join(v.Components, " "), "access", string(v.Access), "selected", yesNo(v.Selected),
		"state", string(v.State), "on conflict", string(v.Policy.OnConflict), "on delete", string(v.Policy.OnDelete),
		"objects", fmt.Sprint(v.Objects), "edits waiting", fmt.Sprint(v.Pending), "last listed whole", until(v.Reconciled))
	for _, u := range v.Unread {
		s.say("could not be read: %s (%s)", u.Href, u.Reason)
	}
	return nil
}

type unreadView struct {
	Href   cal.Href `json:"href"`
	Reason string   `json:"reason"`
}

func viewUnread(all []cal.Unread) []unreadView {
	views := make([]unreadView, len(all))
	for i, u := range all {
		views[i] = unreadView{u.Href, u.Reason}
	}
	return views
}

// findCalendar takes an id, or a name that only one calendar has.
func findCalendar(tx *store.Tx, id string) (cal.Calendar, error) {
	all, err := tx.Calendars("")
	if err != nil {
		return cal.Calendar{}, err
	}
	var named []cal.Calendar
	for _, c := range all {
		if string(c.ID) == id {
			return c, nil
		}
		if c.Name == id {
			named = append(named, c)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return cal.Calendar{}, usage("there is no calendar %q; `calbridge calendar list` shows them", id)
	}
	return cal.Calendar{}, usage("%d calendars are named %q; give the id (`calbridge calendar list`)", len(named), id)
}

type calendarSelectCmd struct {
	IDs []string `arg:"" name:"id" help:"Calendars' ids, or their names."`
}

func (c calendarSelectCmd) Run(ctx context.Context, s *session) error {
	return s.selectCalendars(ctx, c.IDs, true, "is synced from now on")
}

type calendarLeaveCmd struct {
	IDs []string `arg:"" name:"id" help:"Calendars' ids, or their names."`
}

func (c calendarLeaveCmd) Run(ctx context.Context, s *session) error {
	return s.selectCalendars(ctx, c.IDs, false, "is left out of syncs; what is here stays")
}

func (s *session) selectCalendars(ctx context.Context, ids []string, selected bool, outcome string) error {
	changed, err := s.changeCalendars(ctx, ids, func(c *cal.Calendar) { c.Selected = selected })
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"calendars": viewCalendars(changed)})
	}
	for _, c := range changed {
		s.say("Calendar %s (%s) %s.", c.ID, c.Name, outcome)
	}
	return nil
}

// changeCalendars changes all of them or none.
func (s *session) changeCalendars(ctx context.Context, ids []string, change func(*cal.Calendar)) (changed []cal.Calendar, err error) {
	err = s.write(ctx, func(tx *store.Tx) error {
		changed = nil
		for _, id := range ids {
			c, err := findCalendar(tx, id)
			if err != nil {
				return err
			}
			if c, err = tx.Calendar(c.ID); err != nil { // takes the account's row
				return err
			}
			change(&c)
			if err := tx.UpdateCalendar(c); err != nil {
				return err
			}
			changed = append(changed, c)
		}
		return nil
	})
	return changed, err
}

type calendarPolicyCmd struct {
	ID         string `arg:"" help:"The calendar's id, or its name."`
	OnConflict string `help:"Two edits of the same property: remote-wins, local-wins, newest-wins, keep-both or manual." enum:",remote-wins,local-wins,newest-wins,keep-both,manual" default:"" placeholder:"POLICY"`
	OnDelete   string `help:"An edit against a deletion: edit-wins, or as-policy for what --on-conflict says." enum:",edit-wins,as-policy" default:"" placeholder:"POLICY"`
}

func (c calendarPolicyCmd) Run(ctx context.Context, s *session) error {
	if c.OnConflict == "" && c.OnDelete == "" {
		return usage("which policy? Give --on-conflict or --on-delete")
	}
	changed, err := s.changeCalendars(ctx, []string{c.ID}, func(k *cal.Calendar) {
		if c.OnConflict != "" {
			k.Rules.OnConflict = cal.Policy(c.OnConflict)
		}
		if c.OnDelete != "" {
			k.Rules.OnDelete = cal.DeletePolicy(c.OnDelete)
		}
	})
	if err != nil {
		return err
	}
	v := viewCalendar(changed[0])
	return s.answer(v, "Calendar %s (%s): on conflict %s, on delete %s.", v.ID, v.Name, v.Policy.OnConflict, v.Policy.OnDelete)
}
