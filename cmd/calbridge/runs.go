package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// runCmd is `calbridge run …`.
type runCmd struct {
	List runListCmd `cmd:"" help:"List the newest runs."`
	Show runShowCmd `cmd:"" help:"Show one run, and what it would have deleted if it was held."`
}

// runView is a run as it is printed.
type runView struct {
	ID         cal.RunID      `json:"id"`
	Account    cal.AccountID  `json:"account"`
	Calendar   cal.CalendarID `json:"calendar"`
	Mode       string         `json:"mode"`
	State      store.RunState `json:"state"`
	Complete   bool           `json:"complete"`
	Pulled     store.Tally    `json:"pulled"`
	Pushed     store.Tally    `json:"pushed"`
	Conflicts  int            `json:"conflicts"`
	Unreadable int            `json:"unreadable"`
	Requests   int            `json:"requests"`
	Bytes      int64          `json:"bytes"`
	Started    *time.Time     `json:"started"`
	Finished   *time.Time     `json:"finished"`
	Trouble    *string        `json:"trouble"`
	Held       int            `json:"held"` // objects that it would delete
}

func viewRun(r store.Run) runView {
	return runView{
		ID: r.ID, Account: r.Account, Calendar: r.Calendar, Mode: r.Mode, State: r.State, Complete: r.Counts.Complete, Pulled: r.Counts.Pulled,
		Pushed: r.Counts.Pushed, Conflicts: r.Counts.Conflicts, Unreadable: r.Counts.Unreadable, Requests: r.Requests, Bytes: r.Bytes,
		Started: at(r.Started), Finished: at(r.Finished), Trouble: orNull(r.Trouble), Held: len(r.Held),
	}
}

type runListCmd struct {
	Account  string `help:"Only those of this account." placeholder:"ID"`
	Calendar string `help:"Only those of this calendar." placeholder:"ID"`
	State    string `help:"running, done, failed, held or approved." enum:",running,done,failed,held,approved" default:"" placeholder:"STATE"`
	Limit    int    `help:"At most so many; 0 is all." default:"20"`
}

func (c runListCmd) Run(ctx context.Context, s *session) error {
	views := []runView{}
	names := map[cal.CalendarID]string{}
	err := s.read(ctx, func(tx *store.Tx) error {
		f, err := c.filter(tx)
		if err != nil {
			return err
		}
		runs, err := tx.Runs(f)
		for _, r := range runs {
			views = append(views, viewRun(r))
		}
		if err != nil {
			return err
		}
		calendars, err := tx.Calendars("")
		for _, k := range calendars {
			names[k.ID] = k.Name
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"runs": views})
	}
	return s.runTable(views, names)
}

func (c runListCmd) filter(tx *store.Tx) (store.RunFilter, error) {
	f := store.RunFilter{State: store.RunState(c.State), Limit: c.Limit}
	if c.Limit < 0 {
		return f, usage("--limit %d is below zero", c.Limit)
	}
	if c.Account != "" {
		a, err := findAccount(tx, c.Account)
		if err != nil {
			return f, err
		}
		f.Account = a.ID
	}
	if c.Calendar != "" {
		k, err := findCalendar(tx, c.Calendar)
		if err != nil {
			return f, err
		}
		f.Calendar = k.ID
	}
	return f, nil
}

func (s *session) runTable(views []runView, names map[cal.CalendarID]string) error {
	if len(views) == 0 {
		s.say("No runs.")
		return nil
	}
	t := s.table("id", "started", "calendar", "mode", "state", "pulled", "pushed", "conflicts", "trouble")
	for _, v := range views {
		t.row(string(v.ID), until(v.Started), clip(names[v.Calendar], 30), v.Mode, string(v.State), tally(engine.Tally(v.Pulled)), tally(engine.Tally(v.Pushed)),
			orDot(v.Conflicts), clip(deref(v.Trouble), 50))
	}
	return t.flush()
}

type runShowCmd struct {
	ID string `arg:"" help:"The run's id."`
}

func (c runShowCmd) Run(ctx context.Context, s *session) error {
	var v struct {
		runView
		Deletes []objectView `json:"deletes"` // what it was held for
	}
	v.Deletes = []objectView{}
	err := s.read(ctx, func(tx *store.Tx) error {
		r, err := findRun(tx, c.ID)
		if err != nil {
			return err
		}
		v.runView = viewRun(r)
		for _, id := range r.Held {
			o, err := tx.Listed(id)
			if err != nil {
				continue // gone by now
			}
			v.Deletes = append(v.Deletes, viewObject(o))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(v)
	}
	s.facts("id", string(v.ID), "account", string(v.Account), "calendar", string(v.Calendar), "mode", v.Mode, "state", string(v.State),
		"started", until(v.Started), "finished", until(v.Finished), "pulled", tally(engine.Tally(v.Pulled)), "pushed", tally(engine.Tally(v.Pushed)),
		"conflicts", fmt.Sprint(v.Conflicts), "unreadable", fmt.Sprint(v.Unreadable), "requests", fmt.Sprint(v.Requests),
		"bytes", fmt.Sprint(v.Bytes), "trouble", strings.TrimSpace(deref(v.Trouble)))
	for _, o := range v.Deletes {
		s.say("would delete %s %s", o.ID, clip(o.Summary, 60))
	}
	if v.State == store.RunHeld {
		s.say("If that is right: calbridge approve %s", v.ID)
	}
	return nil
}
