package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// conflictCmd is `calbridge conflict …`.
type conflictCmd struct {
	List    conflictListCmd    `cmd:"" help:"List what both sides changed."`
	Show    conflictShowCmd    `cmd:"" help:"Print what both sides had before, and what each of them wanted."`
	Resolve conflictResolveCmd `cmd:"" help:"Answer a conflict that waits for a person (policy manual)."`
}

// conflictView is a conflict as it is printed.
type conflictView struct {
	ID         cal.ConflictID   `json:"id"`
	Object     cal.ObjectID     `json:"object"`
	Calendar   cal.CalendarID   `json:"calendar"`
	Summary    string           `json:"summary"`
	Kind       cal.ConflictKind `json:"kind"`
	Contested  []string         `json:"contested"`
	Policy     cal.Policy       `json:"policy"`
	Winner     cal.Side         `json:"winner"`
	Open       bool             `json:"open"`
	Resolution *string          `json:"resolution"`
	At         *time.Time       `json:"at"`
}

func viewConflict(c cal.Conflict, summary string) conflictView {
	return conflictView{
		ID: c.ID, Object: c.Object, Calendar: c.Calendar, Summary: summary, Kind: c.Kind, Contested: list(c.Contested), Policy: c.Policy,
		Winner: c.Winner, Open: c.Open, Resolution: orNull(c.Resolution), At: at(c.At),
	}
}

type conflictListCmd struct {
	Calendar string `help:"Only those of this calendar." placeholder:"ID"`
	Object   string `help:"Only those of this object." placeholder:"ID"`
	Open     bool   `help:"Only those that wait for a person."`
}

func (c conflictListCmd) Run(ctx context.Context, s *session) error {
	views := []conflictView{}
	err := s.read(ctx, func(tx *store.Tx) error {
		f := store.ConflictFilter{Object: cal.ObjectID(c.Object), Open: c.Open}
		if c.Calendar != "" {
			k, err := findCalendar(tx, c.Calendar)
			if err != nil {
				return err
			}
			f.Calendar = k.ID
		}
		all, err := tx.Conflicts(f)
		for _, one := range all {
			views = append(views, viewConflict(one, summaryOf(tx, one.Object)))
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"conflicts": views})
	}
	if len(views) == 0 {
		s.say("No conflicts.")
		return nil
	}
	t := s.table("id", "at", "summary", "contested", "winner", "state")
	for _, v := range views {
		t.row(string(v.ID), until(v.At), clip(v.Summary, 40), clip(strings.Join(v.Contested, " "), 40), string(v.Winner), v.state())
	}
	return t.flush()
}

// summaryOf is what an object is called; nothing when it is no longer kept.
func summaryOf(tx *store.Tx, id cal.ObjectID) string {
	o, err := tx.Listed(id)
	if err != nil {
		return ""
	}
	return o.Summary
}

func (v conflictView) state() string {
	switch {
	case v.Open:
		return "waits for you"
	case v.Resolution != nil:
		return "resolved: " + *v.Resolution
	}
	if len(v.Contested) == 0 { // an edit against a deletion: --on-delete may have had the word
		return "decided"
	}
	return "decided: " + string(v.Policy)
}

type conflictShowCmd struct {
	ID string `arg:"" help:"The conflict's id."`
}

// sideView is one of a conflict's versions.
type sideView struct {
	Version int     `json:"version"` // in the object's history; 0: not there
	Body    *string `json:"body"`    // null: deleted, or never there
}

type conflictDetail struct {
	conflictView
	Base   sideView `json:"base"`
	Mine   sideView `json:"mine"`
	Theirs sideView `json:"theirs"`
}

func (c conflictShowCmd) Run(ctx context.Context, s *session) error {
	var v conflictDetail
	err := s.read(ctx, func(tx *store.Tx) error {
		found, err := findConflict(tx, c.ID)
		if err != nil {
			return err
		}
		v, err = detail(tx, found)
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(v)
	}
	s.facts("conflict", string(v.ID), "object", string(v.Object), "summary", v.Summary, "what happened", string(v.Kind)+" (mine/theirs)",
		"contested", strings.Join(v.Contested, ", "), "winner", string(v.Winner), "state", v.state(), "at", until(v.At))
	s.side("before", v.Base, "")
	s.side("mine", v.Mine, loser(v, cal.Mine))
	s.side("theirs", v.Theirs, loser(v, cal.Theirs))
	if v.Open {
		s.say("\nTo answer it: calbridge conflict resolve %s --keep mine|theirs|both", v.ID)
	} else if lost := v.lost(); lost.Version > 0 {
		s.say("\nTo have the other one after all: calbridge object restore %s %d", v.Object, lost.Version)
	}
	return nil
}

func findConflict(tx *store.Tx, id string) (cal.Conflict, error) {
	c, err := tx.Conflict(cal.ConflictID(id))
	if errors.Is(err, store.ErrNotFound) {
		return c, usage("there is no conflict %q; `calbridge conflict list` shows them", id)
	}
	return c, err
}

func detail(tx *store.Tx, c cal.Conflict) (conflictDetail, error) {
	versions, err := tx.Versions(c.Object)
	numbers := map[cal.VersionID]int{}
	for _, v := range versions {
		numbers[v.ID] = v.N
	}
	side := func(v cal.Version) sideView {
		if !v.Exists() {
			return sideView{}
		}
		body := string(v.Body)
		return sideView{numbers[v.ID], &body}
	}
	return conflictDetail{viewConflict(c, summaryOf(tx, c.Object)), side(c.Base), side(c.Mine), side(c.Theirs)}, err
}

func (v conflictDetail) of(side cal.Side) sideView {
	if side == cal.Mine {
		return v.Mine
	}
	return v.Theirs
}

// lost is the side that is not in force.
func (v conflictDetail) lost() sideView {
	switch v.Winner {
	case cal.Mine:
		return v.Theirs
	case cal.Theirs:
		return v.Mine
	}
	return sideView{}
}

func loser(v conflictDetail, side cal.Side) string {
	switch v.Winner {
	case side:
		return "in force where both changed the same"
	case cal.Both:
		return "kept"
	}
	return "kept in the history"
}

func (s *session) side(title string, v sideView, note string) {
	if v.Version > 0 {
		title = fmt.Sprintf("%s (version %d)", title, v.Version)
	}
	if note != "" {
		title += ", " + note
	}
	s.say("\n%s", s.paint(bold, "── "+title))
	if v.Body == nil {
		s.say("(not there)")
		return
	}
	io.WriteString(s.stdout, cleanLines(strings.TrimRight(*v.Body, "\r\n"))+"\n")
}
