package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	eventjson "calbridge/internal/event"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// exportCmd is `calbridge export`.
type exportCmd struct {
	Calendar string `required:"" help:"The calendar's id, or its name." placeholder:"ID"`
	Output   string `short:"o" help:"Write into this file instead of standard output." placeholder:"FILE"`
}

// Run writes what a user sees, edits that have not reached the server included. Bodies that cannot be read cannot be joined, and are named.
func (c exportCmd) Run(ctx context.Context, s *session) error {
	var k cal.Calendar
	var parts []exported
	unreadable := []cal.ObjectID{}
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		if k, err = findCalendar(tx, c.Calendar); err != nil {
			return err
		}
		listed, err := tx.Objects(store.ObjectFilter{Calendar: k.ID})
		if err != nil {
			return err
		}
		for _, l := range listed {
			v, err := tx.Version(l.Version)
			if err != nil {
				return err
			}
			if ical.Read(v.Body).Trouble != "" {
				unreadable = append(unreadable, l.ID)
				continue
			}
			parts = append(parts, exported{l.UID, l.RecurrenceID, v.Body})
		}
		return nil
	})
	if err != nil {
		return err
	}
	bodies := wholes(parts)
	joined := ical.Join(k.Name, bodies)
	for _, id := range unreadable {
		s.note("left out, as it cannot be read: object %s (calbridge object show %s)", id, id)
	}
	return c.deliver(s, k, string(joined), len(bodies), unreadable)
}

// exported is one object on its way into a file.
type exported struct {
	uid, recurrenceID string
	body              cal.Body
}

// wholes puts every series together again: what the server keeps apart is one object elsewhere (RFC 4791 §4.1).
func wholes(parts []exported) (bodies []cal.Body) {
	var groups [][]cal.Body
	place, hasMaster := map[string]int{}, map[string]bool{}
	for _, p := range parts {
		i, there := place[p.uid]
		second := p.recurrenceID == "" && hasMaster[p.uid] // two objects with one UID are not one series
		if p.uid == "" || !there || second {
			i, groups = len(groups), append(groups, nil)
		}
		if p.uid != "" && !second {
			place[p.uid], hasMaster[p.uid] = i, hasMaster[p.uid] || p.recurrenceID == ""
		}
		groups[i] = append(groups[i], p.body)
	}
	for _, g := range groups {
		bodies = append(bodies, ical.Whole(g))
	}
	return bodies
}

func (c exportCmd) deliver(s *session, k cal.Calendar, text string, n int, unreadable []cal.ObjectID) error {
	v := map[string]any{"calendar": k.ID, "name": k.Name, "objects": n, "unreadable": unreadable}
	switch {
	case c.Output != "":
		if err := os.WriteFile(c.Output, []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the export: %w", err)
		}
		v["file"] = c.Output
		return s.answer(v, "Wrote %s of %s to %s.", count(n, "object"), k.Name, c.Output)
	case s.JSON:
		v["body"] = text
		return s.json(v)
	}
	_, err := io.WriteString(s.stdout, text)
	return err
}

// importCmd is `calbridge import`.
type importCmd struct {
	Calendar string `required:"" help:"The calendar's id, or its name." placeholder:"ID"`
	Invite   bool   `help:"Import events with attendees too, and over those, where the server then may mail them."`
	File     string `arg:"" help:"iCalendar file; - is standard input."`
}

// imported is what became of an import.
type imported struct {
	Calendar  cal.CalendarID    `json:"calendar"`
	Created   int               `json:"created"`
	Updated   int               `json:"updated"`
	Unchanged int               `json:"unchanged"`
	Problems  []importedProblem `json:"problems"`

	quiet bool // leave out what the server would mail somebody about
	apart bool // exceptions are objects of their own there
}

type importedProblem struct {
	UID     string `json:"uid"` // empty: the line in the problem says where
	Problem string `json:"problem"`
}

const (
	maxImport   = 64 << 20
	importBatch = 200 // objects to a transaction, so that a sync need not wait long
)

// Run makes an object of each event, task or entry; one whose UID the calendar has already becomes an edit of that. Nobody is mailed by
// mistake: where the server itself sends invitations (RFC 6638 §2), events with attendees need --invite.
func (c importCmd) Run(ctx context.Context, s *session) error {
	text, err := s.readInput(c.File, maxImport)
	if err != nil {
		return err
	}
	bodies, problems := ical.Split(cal.Body(text))
	if len(bodies) == 0 {
		return usage("invalid iCalendar: %s", orNothing(problems))
	}
	k, mails, err := s.destination(ctx, c.Calendar)
	if err != nil {
		return err
	}
	total := imported{Calendar: k.ID, Problems: []importedProblem{}, quiet: mails && !c.Invite}
	for _, p := range problems {
		total.Problems = append(total.Problems, importedProblem{Problem: p.String()})
	}
	for len(bodies) > 0 {
		n := min(importBatch, len(bodies))
		if err := s.importSome(ctx, k, bodies[:n], &total); err != nil {
			return err
		}
		bodies = bodies[n:]
	}
	return total.tell(s)
}

// destination is the calendar to import into, and whether its server mails attendees by itself (RFC 6638 §2). One that never said may;
// Google mails nobody unless it is told to.
func (s *session) destination(ctx context.Context, id string) (k cal.Calendar, mails bool, err error) {
	var a store.Account
	err = s.read(ctx, func(tx *store.Tx) (err error) {
		if k, err = findCalendar(tx, id); err == nil {
			a, err = tx.Account(k.Account)
		}
		return err
	})
	if err != nil || a.Provider == "google" {
		return k, false, err
	}
	p, err := s.profile(ctx, origin(a))
	return k, p.DAV == "" || strings.Contains(p.DAV, "calendar-auto-schedule"), err
}

func orNothing(problems []ical.Problem) string {
	if len(problems) == 0 {
		return "there is no event, task or journal entry in it"
	}
	return tellProblems(problems)
}

func (s *session) importSome(ctx context.Context, k cal.Calendar, bodies []cal.Body, total *imported) error {
	var some imported
	err := s.write(ctx, func(tx *store.Tx) error {
		some = imported{quiet: total.quiet}
		var err error
		if some.apart, err = engine.KeepsApart(tx, k.ID); err != nil {
			return err
		}
		for _, body := range bodies {
			if err := some.take(tx, k, body); err != nil {
				return err
			}
		}
		return nil
	})
	total.Created += some.Created
	total.Updated += some.Updated
	total.Unchanged += some.Unchanged
	total.Problems = append(total.Problems, some.Problems...)
	return err
}

// take imports one body. What is wrong with it is a problem of this one only.
func (i *imported) take(tx *store.Tx, k cal.Calendar, body cal.Body) error {
	d, err := draft(k, body)
	if err != nil {
		i.Problems = append(i.Problems, importedProblem{ical.Read(body).UID, err.Error()})
		return nil
	}
	d.Calendar = k.ID
	there, same, err := i.compare(tx, &d)
	switch {
	case errors.As(err, new(engine.Unfit)):
		i.Problems = append(i.Problems, importedProblem{d.UID, err.Error()})
		return nil
	case err != nil:
		return err
	}
	if there && !same && i.apart {
		if same, err = moot(tx, k, body); err != nil {
			return err
		}
	}
	if same {
		i.Unchanged++
		return nil
	}
	if i.quiet {
		why, err := wouldMail(tx, k, body, d.UID)
		if err != nil {
			return err
		}
		if why != "" {
			i.Problems = append(i.Problems, importedProblem{d.UID, why})
			return nil
		}
	}
	if err := i.store(tx, d); err != nil {
		return err
	}
	if there {
		i.Updated++
	} else {
		i.Created++
	}
	return nil
}

// compare finds the object that a draft is to become, and tells whether it is there and says the same already.
func (i *imported) compare(tx *store.Tx, d *store.Draft) (there, same bool, err error) {
	if !i.apart {
		holders, err := tx.ByUID(d.Calendar, []string{d.UID})
		for _, h := range holders {
			d.Object, there, same = h.ID, h.Want().Exists(), same || h.Want().Same(d.Want)
		}
		return there, same, err
	}
	h, _, err := engine.Holder(tx, d.Calendar, d.Want.Body)
	if err != nil {
		return false, false, err
	}
	d.Object = h.ID
	same, err = engine.Unchanged(tx, *d)
	return h.Want().Exists(), same, err
}

func (i *imported) store(tx *store.Tx, d store.Draft) (err error) {
	if i.apart {
		_, err = engine.Accept(tx, d)
	} else {
		_, err = tx.Edit(d)
	}
	return err
}

// wouldMail says why storing the body would mail somebody: it invites, or it takes the place of what did (RFC 6638 §3.2.1).
func wouldMail(tx *store.Tx, k cal.Calendar, body cal.Body, uid string) (why string, err error) {
	if ical.Scheduled(body) {
		return "it has attendees, whom this server may mail: if they are to be, give --invite", nil
	}
	holders, err := tx.ByUID(k.ID, []string{uid})
	if err != nil {
		return "", err
	}
	for _, h := range holders {
		whole, err := tx.Object(h.ID)
		if err != nil {
			return "", err
		}
		for _, v := range []cal.Version{whole.Base, whole.Want()} {
			if v.Exists() && ical.Scheduled(v.Body) {
				return "the calendar has it with attendees, whom this server may mail that it is cancelled: if they are to be, give --invite", nil
			}
		}
	}
	return "", nil
}

func (i imported) tell(s *session) error {
	for _, p := range i.Problems {
		s.note("not imported: %s", strings.TrimPrefix(p.UID+": "+p.Problem, ": "))
	}
	err := s.answer(i, "Imported: %d created, %d updated, %d unchanged, %d with problems. The next sync pushes them.", i.Created, i.Updated,
		i.Unchanged, len(i.Problems))
	if err == nil && len(i.Problems) > 0 {
		return failure{errTold, exitUsage}
	}
	return err
}

// moot reports whether Google has no words for what a text would change: it was imported before, and what is here is what Google made of it.
func moot(tx *store.Tx, k cal.Calendar, body cal.Body) (bool, error) {
	parts, err := ical.Parts(body)
	if err != nil {
		return false, nil
	}
	held, err := tx.ByUID(k.ID, []string{ical.Read(body).UID})
	if err != nil {
		return false, err
	}
	for _, p := range parts {
		i := slices.IndexFunc(held, func(o cal.Object) bool { return o.RecurrenceID == p.RecurrenceID })
		if i < 0 || held[i].Edit != nil || p.Future {
			return false, nil
		}
		o, err := tx.Object(held[i].ID)
		if err != nil {
			return false, err
		}
		patch, err := eventjson.Patch([]byte(o.Base.Native), o.Base.Body, p.Body, k.TimeZone)
		if err != nil || string(patch) != "{}" {
			return false, nil
		}
	}
	return true, nil
}
