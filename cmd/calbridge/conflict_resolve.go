package main

import (
	"context"
	"fmt"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// conflictResolveCmd is `calbridge conflict resolve`.
type conflictResolveCmd struct {
	ID   string `arg:"" help:"The conflict's id."`
	Keep string `required:"" help:"mine, theirs or both." enum:"mine,theirs,both"`
}

// Run closes the conflict with an ordinary edit; the next sync pushes it like any other.
func (c conflictResolveCmd) Run(ctx context.Context, s *session) error {
	var v struct {
		conflictView
		Copy *cal.ObjectID `json:"copy"` // of both: the second object
	}
	err := s.write(ctx, func(tx *store.Tx) error {
		found, err := findConflict(tx, c.ID)
		if err != nil {
			return err
		}
		if !found.Open {
			return usage("conflict %s is closed; `calbridge conflict show %s` tells how to have the other side after all", found.ID, found.ID)
		}
		if err := tx.ResolveConflict(found.ID, cal.Side(c.Keep)); err != nil {
			return err
		}
		if v.Copy, err = s.keep(tx, found, cal.Side(c.Keep)); err != nil {
			return err
		}
		found.Open, found.Resolution = false, c.Keep
		v.conflictView = viewConflict(found, summaryOf(tx, found.Object))
		return nil
	})
	if err != nil {
		return err
	}
	if v.Copy != nil {
		return s.answer(v, "Conflict %s is resolved: both are kept, the second as object %s.", v.ID, *v.Copy)
	}
	return s.answer(v, "Conflict %s is resolved: %s.", v.ID, c.Keep)
}

// keep makes the edit that a person's answer asks for.
func (s *session) keep(tx *store.Tx, c cal.Conflict, side cal.Side) (second *cal.ObjectID, err error) {
	o, err := tx.Object(c.Object)
	switch {
	case err != nil:
		return nil, err
	case side != cal.Both:
		return nil, settle(tx, o, c, side)
	case !c.Theirs.Exists(): // of an edit and a deletion there is only one to keep
		return nil, settle(tx, o, c, cal.Mine)
	case !c.Mine.Exists():
		return nil, settle(tx, o, c, cal.Theirs)
	}
	return s.duplicate(tx, o, wantedBy(c, other(inForce(c))))
}

// settle gives one side its way in what was contested. Whatever else the two changed, and anybody since, stays.
func settle(tx *store.Tx, o cal.Object, c cal.Conflict, side cal.Side) error {
	answer := wantedBy(c, side)
	if side == inForce(c) || o.Want().Same(answer) {
		return nil
	}
	if body, ok := answered(o, c, side); ok {
		return put(tx, o, cal.Version{Digest: ical.Read(body).Digest, Body: body})
	}
	if o.Want().Same(wantedBy(c, inForce(c))) {
		return put(tx, o, answer)
	}
	return byHand(tx, o, c, side)
}

// answered joins what the answer changes with what the user sees now: the conflict was decided one way, is decided the other way now, and
// the difference between the two, which is the contested groups alone, goes onto today's text.
func answered(o cal.Object, c cal.Conflict, side cal.Side) (cal.Body, bool) {
	if !c.Base.Exists() || !c.Mine.Exists() || !c.Theirs.Exists() || !o.Want().Exists() {
		return "", false
	}
	sides := ical.Sides{Base: c.Base.Body, Mine: c.Mine.Body, Theirs: c.Theirs.Body}
	then, err := ical.Merge(sides, inForce(c))
	if err != nil || then.Structural {
		return "", false
	}
	now, err := ical.Merge(sides, side)
	if err != nil || now.Structural {
		return "", false
	}
	m, err := ical.Merge(ical.Sides{Base: then.Body, Mine: now.Body, Theirs: o.Want().Body}, cal.Mine)
	return m.Body, err == nil && !m.Structural
}

// byHand tells how to do what would take back more than the person has answered about.
func byHand(tx *store.Tx, o cal.Object, c cal.Conflict, side cal.Side) error {
	v, err := detail(tx, c)
	if err != nil {
		return err
	}
	command := fmt.Sprintf("calbridge object delete %s", o.ID)
	if kept := v.of(side); kept.Version > 0 {
		command = fmt.Sprintf("calbridge object restore %s %d", o.ID, kept.Version)
	}
	return usage("object %s changed since conflict %s, and %s cannot be joined with that: to have it whole, `%s`, then "+
		"`calbridge conflict resolve %s --keep %s`; to leave the object as it is, --keep %s", o.ID, c.ID, side, command, c.ID, side, inForce(c))
}

// inForce is the side that a conflict was decided for while it waits. An edit in a calendar that the server lost stays, whatever is kept.
func inForce(c cal.Conflict) cal.Side {
	if c.Kind == cal.CalendarLost {
		return cal.Mine
	}
	return c.Winner
}

func other(side cal.Side) cal.Side {
	if side == cal.Mine {
		return cal.Theirs
	}
	return cal.Mine
}

// wantedBy is the version of one side.
func wantedBy(c cal.Conflict, side cal.Side) cal.Version {
	if side == cal.Mine {
		return c.Mine
	}
	return c.Theirs
}

func put(tx *store.Tx, o cal.Object, v cal.Version) error {
	d := store.Draft{Object: o.ID}
	if v.Exists() {
		d = again(o.ID, v)
	}
	_, err := engine.Accept(tx, d)
	return err
}

// duplicate makes a second object of a version, with a UID of its own.
func (s *session) duplicate(tx *store.Tx, o cal.Object, v cal.Version) (*cal.ObjectID, error) {
	uid, err := cal.NewID(tx.Now(), s.chance)
	if err != nil {
		return nil, err
	}
	body, err := ical.Copy(v.Body, uid)
	if err != nil {
		return nil, fmt.Errorf("copy object %s: %w", o.ID, err)
	}
	d := again("", cal.Version{Digest: ical.Read(body).Digest, Body: body})
	d.Calendar = o.Calendar
	made, err := tx.Edit(d)
	return &made.ID, err
}
