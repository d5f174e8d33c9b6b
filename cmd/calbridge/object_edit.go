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
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

type objectCreateCmd struct {
	Calendar string `required:"" help:"The calendar's id, or its name." placeholder:"ID"`
	File     string `arg:"" optional:"" default:"-" help:"iCalendar file; - is standard input."`
	notifying
}

// notifying is the flag of commands whose edit Google may mail somebody about.
type notifying struct {
	Notify string `help:"Whom Google may mail about it: all guests, or externalOnly, those outside the organizer's domain. Nobody unless asked." enum:",all,externalOnly" default:"" placeholder:"WHOM"`
}

// of is what goes with the draft.
func (n notifying) of(tx *store.Tx, d store.Draft) (cal.Notify, error) {
	if n.Notify == "" {
		return cal.NotifyNobody, nil
	}
	calendar := d.Calendar
	if d.Object != "" {
		o, err := tx.Object(d.Object)
		if err != nil {
			return "", err
		}
		calendar = o.Calendar
	}
	k, err := tx.Calendar(calendar)
	if err != nil {
		return "", err
	}
	a, err := tx.Account(k.Account)
	if err == nil && a.Provider != "google" {
		err = usage("--notify is for Google calendars; the server of account %s (%s) decides by itself whom it mails", a.ID, a.Name)
	}
	return cal.Notify(n.Notify), err
}

func (c objectCreateCmd) Run(ctx context.Context, s *session) error {
	body, err := s.readBody(c.File)
	if err != nil {
		return err
	}
	return s.edit(ctx, c.notifying, func(tx *store.Tx) (store.Draft, error) {
		k, err := findCalendar(tx, c.Calendar)
		if err != nil {
			return store.Draft{}, err
		}
		return createDraft(tx, k, body)
	})
}

// createDraft is a new object, or one that is deleted here and still at the server, which then stays.
func createDraft(tx *store.Tx, k cal.Calendar, body cal.Body) (store.Draft, error) {
	d, err := draft(k, body)
	if err != nil {
		return d, err
	}
	d.Calendar = k.ID
	h, there, err := engine.Holder(tx, k.ID, body)
	switch {
	case err != nil || !there:
		return d, err
	case h.Want().Exists():
		return d, inUse(h)
	}
	d.Object = h.ID
	return d, nil
}

// inUse tells where a UID is, or the instance of a series.
func inUse(h cal.Object) error {
	what := fmt.Sprintf("the UID %q", h.UID)
	if h.RecurrenceID != "" {
		what = fmt.Sprintf("the instance %s of the UID %q", h.RecurrenceID, h.UID)
	}
	return usage("%s is in use by object %s of this calendar: edit that (`calbridge object edit %s`), or give another UID", what, h.ID, h.ID)
}

// draft checks a body and makes what the calendar is to hold of it.
func draft(k cal.Calendar, body cal.Body) (store.Draft, error) {
	r, err := checkBody(body)
	if err != nil {
		return store.Draft{}, err
	}
	if err := mayHold(k, r.Component); err != nil {
		return store.Draft{}, err
	}
	return store.Draft{UID: r.UID, RecurrenceID: r.RecurrenceID, Component: r.Component, Summary: r.Summary, Want: cal.Version{Digest: r.Digest, Body: body}}, nil
}

// mayHold refuses early what the server would refuse.
func mayHold(k cal.Calendar, component string) error {
	switch {
	case k.State == cal.CalendarGone:
		return usage("calendar %s (%s) is no longer at the server", k.ID, k.Name)
	case k.Access == cal.AccessRead || k.Access == cal.AccessFreeBusy:
		return usage("calendar %s (%s) is read-only", k.ID, k.Name)
	case k.Components != "" && !slices.Contains(strings.Split(k.Components, ","), component):
		return usage("calendar %s (%s) holds %s, and this is a %s", k.ID, k.Name, k.Components, component)
	}
	return nil
}

// checkBody refuses a body that no server should see.
func checkBody(body cal.Body) (ical.Reading, error) {
	if problems := ical.Validate(body); len(problems) > 0 {
		return ical.Reading{}, usage("invalid iCalendar: %s", tellProblems(problems))
	}
	return ical.Read(body), nil
}

// tellProblems names the first few.
func tellProblems(problems []ical.Problem) string {
	const few = 5
	var told []string
	for _, p := range problems[:min(few, len(problems))] {
		told = append(told, p.String())
	}
	if more := len(problems) - few; more > 0 {
		told = append(told, fmt.Sprintf("and %d more", more))
	}
	return strings.Join(told, "; ")
}

// maxBody is the largest object that is taken in.
const maxBody = 1 << 20

// readBody reads one object's text.
func (s *session) readBody(file string) (cal.Body, error) {
	text, err := s.readInput(file, maxBody)
	return cal.Body(text), err
}

// readInput reads a file, or standard input for "-".
func (s *session) readInput(file string, most int64) (string, error) {
	in := s.stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return "", usage("read the iCalendar text: %w", err)
		}
		defer f.Close()
		in = f
	}
	text, err := io.ReadAll(io.LimitReader(in, most+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("read the iCalendar text: %w", err)
	case int64(len(text)) > most:
		return "", usage("the iCalendar text is larger than %d bytes", most)
	case len(text) == 0:
		return "", usage("there is no iCalendar text in %s", nameOf(file))
	}
	return string(text), nil
}

func nameOf(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// edit accepts one edit and tells how the object stands now. It does not wait for the server.
func (s *session) edit(ctx context.Context, n notifying, decide func(*store.Tx) (store.Draft, error)) error {
	var v objectView
	err := s.write(ctx, func(tx *store.Tx) error {
		d, err := decide(tx)
		if err != nil {
			return err
		}
		if d.Notify, err = n.of(tx, d); err != nil {
			return err
		}
		o, err := engine.Accept(tx, d)
		if err != nil {
			return unfit(err)
		}
		listed, err := tx.Listed(o.ID)
		if err != nil {
			return err
		}
		v, err = showObject(tx, listed)
		return err
	})
	if err != nil {
		return err
	}
	return s.answer(v, "%s %s", v.ID, v.Sync.State)
}

// unfit makes a text that cannot be taken an error of usage.
func unfit(err error) error {
	var u engine.Unfit
	switch {
	case !errors.As(err, &u):
		return err
	case u.Object != "":
		return usage("%w (`calbridge object edit %s`)", err, u.Object)
	}
	return usage("%w", err)
}

type objectEditCmd struct {
	ID   string `arg:"" help:"The object's id."`
	File string `arg:"" optional:"" default:"-" help:"iCalendar file; - is standard input."`
	Base int    `help:"The version that the text was made from (object show --json, object history): what arrived since stays, but where the text changed the same. Without it the text replaces whatever is there." placeholder:"VERSION"`
	notifying
}

// Help is what `object edit --help` says.
func (objectEditCmd) Help() string {
	return `To edit what others may change meanwhile:

  calbridge object show ID --json     tells "version": 7, and the text as "body"
  calbridge object edit ID FILE --base 7`
}

func (c objectEditCmd) Run(ctx context.Context, s *session) error {
	body, err := s.readBody(c.File)
	if err != nil {
		return err
	}
	return s.edit(ctx, c.notifying, func(tx *store.Tx) (store.Draft, error) {
		o, err := findObject(tx, c.ID)
		if err != nil {
			return store.Draft{}, err
		}
		if !o.Want().Exists() {
			return store.Draft{}, usage("object %s is deleted; `calbridge object restore %s VERSION` brings it back", o.ID, o.ID)
		}
		d, err := replaceDraft(tx, o, body)
		if err != nil || c.Base == 0 {
			return d, err
		}
		seen, err := findVersion(tx, o.ID, c.Base)
		if err != nil {
			return d, err
		}
		return mixDraft(o, d, seen)
	})
}

// mixDraft puts what the draft made of the version the user has seen upon what is there now. Its Seen is of the same Write, so it holds.
func mixDraft(o cal.Object, d store.Draft, seen store.Stored) (store.Draft, error) {
	d.Seen = o.Want().ID
	if d.Seen == seen.ID {
		return d, nil
	}
	m, err := ical.Merge(ical.Sides{Base: seen.Body, Mine: d.Want.Body, Theirs: o.Want().Body}, cal.Mine)
	const remedy = "make the edit again from `calbridge object show %s`"
	switch {
	case err != nil:
		return d, usage("object %s changed since version %d, and the two cannot be joined (%w): "+remedy, o.ID, seen.N, err, o.ID)
	case m.Structural:
		return d, usage("object %s changed since version %d, and the two cannot be joined (%s): "+remedy, o.ID, seen.N,
			strings.Join(m.Contested, ", "), o.ID)
	}
	mixed := again(o.ID, cal.Version{Digest: ical.Read(m.Body).Digest, Body: m.Body})
	mixed.Seen = d.Seen
	return mixed, nil
}

// replaceDraft is another text for an object. Its UID is what the server knows it by, so that stays.
func replaceDraft(tx *store.Tx, o cal.Object, body cal.Body) (store.Draft, error) {
	k, err := tx.Calendar(o.Calendar)
	if err != nil {
		return store.Draft{}, err
	}
	d, err := draft(k, body)
	if err != nil {
		return d, err
	}
	if o.UID != "" && d.UID != o.UID {
		return d, usage("the UID of object %s is %q and cannot become %q: create a new object instead", o.ID, o.UID, d.UID)
	}
	d.Object = o.ID
	return d, nil
}

type objectDeleteCmd struct {
	ID string `arg:"" help:"The object's id."`
	notifying
}

func (c objectDeleteCmd) Run(ctx context.Context, s *session) error {
	return s.edit(ctx, c.notifying, func(tx *store.Tx) (store.Draft, error) {
		o, err := findObject(tx, c.ID)
		if err != nil {
			return store.Draft{}, err
		}
		if !o.Want().Exists() {
			return store.Draft{}, usage("object %s is deleted already", o.ID)
		}
		k, err := tx.Calendar(o.Calendar)
		if err == nil && k.State != cal.CalendarGone {
			err = mayHold(k, o.Component)
		}
		return store.Draft{Object: o.ID}, err
	})
}

type objectRestoreCmd struct {
	ID      string `arg:"" help:"The object's id."`
	Version int    `arg:"" help:"The number of the version: calbridge object history ID."`
}

// Run makes an ordinary edit with an old version's text; the history grows, nothing is rewound.
func (c objectRestoreCmd) Run(ctx context.Context, s *session) error {
	return s.edit(ctx, notifying{}, func(tx *store.Tx) (store.Draft, error) {
		o, err := findObject(tx, c.ID)
		if err != nil {
			return store.Draft{}, err
		}
		v, err := findVersion(tx, o.ID, c.Version)
		if err != nil {
			return store.Draft{}, err
		}
		return restoreDraft(tx, o, v.Version)
	})
}

func findVersion(tx *store.Tx, id cal.ObjectID, n int) (store.Stored, error) {
	all, err := tx.Versions(id)
	if err != nil {
		return store.Stored{}, err
	}
	i := slices.IndexFunc(all, func(v store.Stored) bool { return v.N == n })
	if i < 0 {
		return store.Stored{}, usage("object %s has no version %d; `calbridge object history %s` lists them", id, n, id)
	}
	return all[i], nil
}

// restoreDraft takes the version as it is: what the server once held need not pass our own checks. Only a UID that somebody else has taken
// meanwhile is in the way.
func restoreDraft(tx *store.Tx, o cal.Object, v cal.Version) (store.Draft, error) {
	k, err := tx.Calendar(o.Calendar)
	if err != nil {
		return store.Draft{}, err
	}
	r := ical.Read(v.Body)
	if err := mayHold(k, r.Component); err != nil && r.Trouble == "" {
		return store.Draft{}, err
	}
	if r.Trouble == "" {
		h, there, err := engine.Holder(tx, o.Calendar, v.Body)
		if err != nil {
			return store.Draft{}, err
		}
		if there && h.ID != o.ID && h.Want().Exists() {
			return store.Draft{}, usage("the UID %q is in use by object %s by now: delete that first, or edit it", r.UID, h.ID)
		}
	}
	return again(o.ID, v), nil
}

// again is the wish to have a version that was there once.
func again(id cal.ObjectID, v cal.Version) store.Draft {
	r := ical.Read(v.Body)
	return store.Draft{Object: id, UID: r.UID, RecurrenceID: r.RecurrenceID, Component: r.Component, Summary: r.Summary,
		Want: cal.Version{Digest: v.Digest, Body: v.Body, Native: v.Native}}
}
