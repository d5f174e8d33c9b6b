package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/store"
)

// syncCmd is `calbridge sync`.
type syncCmd struct {
	Account  string `help:"Only this account." placeholder:"ID"`
	Calendar string `help:"Only this calendar." placeholder:"ID"`
	Mode     string `help:"incremental: what changed. full: forget tokens, list everything. check: tell what would be done, write nothing anywhere." enum:"incremental,full,check" default:"incremental"`
	Check    bool   `help:"The same as --mode check."`
}

func (c syncCmd) Run(ctx context.Context, s *session) error {
	if c.Check && c.Mode == string(engine.Full) {
		return usage("--check and --mode full exclude each other: a check writes nothing")
	}
	o := engine.Options{Mode: engine.Mode(c.Mode)}
	if c.Check {
		o.Mode = engine.Check
	}
	accounts, err := c.accounts(ctx, s, &o)
	if err != nil {
		return err
	}
	rep, err := s.sync(ctx, accounts, o)
	if err != nil {
		return err
	}
	return s.tellSync(rep, len(accounts) == 0)
}

// accounts are those to be synced: the one asked for whatever its state, else all but the paused.
func (c syncCmd) accounts(ctx context.Context, s *session, o *engine.Options) (accounts []store.Account, err error) {
	err = s.read(ctx, func(tx *store.Tx) error {
		accounts = nil
		switch {
		case c.Calendar != "":
			k, err := findCalendar(tx, c.Calendar)
			if err != nil {
				return err
			}
			a, err := c.holder(tx, k)
			o.Calendar, accounts = k.ID, []store.Account{a}
			return err
		case c.Account != "":
			a, err := findAccount(tx, c.Account)
			accounts = []store.Account{a}
			return err
		}
		all, err := tx.Accounts(store.AccountFilter{})
		for _, a := range all {
			if a.State != store.AccountPaused {
				accounts = append(accounts, a)
			}
		}
		return err
	})
	return accounts, err
}

// holder is the account of the calendar asked for, which has to be the account asked for.
func (c syncCmd) holder(tx *store.Tx, k cal.Calendar) (store.Account, error) {
	if c.Account != "" {
		a, err := findAccount(tx, c.Account)
		if err == nil && a.ID != k.Account {
			err = usage("calendar %s (%s) is not in account %s (%s)", k.ID, k.Name, a.ID, a.Name)
		}
		return a, err
	}
	return tx.Account(k.Account)
}

// sync runs the engine and tidies up after it.
func (s *session) sync(ctx context.Context, accounts []store.Account, o engine.Options) (engine.Report, error) {
	e, err := s.engine(ctx)
	if err != nil {
		return engine.Report{}, err
	}
	if o.Mode != engine.Check {
		if err := s.freeDeadLeases(ctx, accounts); err != nil {
			return engine.Report{}, err
		}
	}
	show, done := s.progress()
	e.Progress = show
	rep := e.Sync(ctx, accounts, o)
	done()
	rep.Runs, rep.Accounts = list(rep.Runs), list(rep.Accounts)
	if o.Mode != engine.Check && worthPruning(rep, e.Chance()) {
		if err := s.db.Prune(ctx, store.DefaultRetention); err != nil {
			s.note("%v", err) // the sync is done all the same
		}
	}
	return rep, nil
}

// pruneShare of the syncs that changed something also prune: what is over need not go the minute its time is up, and looking costs time.
const pruneShare = 0.05

func worthPruning(rep engine.Report, chance float64) bool {
	changed := 0
	for _, r := range rep.Runs {
		changed += r.Pulled.Total() + r.Pushed.Total()
	}
	return changed > 0 && chance < pruneShare
}

// progress gives what draws a line on a terminal, and nothing anywhere else. How much there is to do nobody knows beforehand.
func (s *session) progress() (show func(engine.Progress), done func()) {
	if !isTerminal(s.stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions(-1, progressbar.OptionSetWriter(s.stderr), progressbar.OptionClearOnFinish(), progressbar.OptionSpinnerType(14),
		progressbar.OptionSetElapsedTime(false), progressbar.OptionThrottle(100*time.Millisecond))
	show = func(p engine.Progress) {
		bar.Describe(clip(clean(p.Name), 40) + ": " + count(p.Done, "object"))
		_ = bar.Add(1)
	}
	return show, func() { _ = bar.Finish() }
}

// tellSync prints the report. With --json it is the whole answer; what failed is in it.
func (s *session) tellSync(rep engine.Report, nobody bool) error {
	if s.JSON {
		if err := s.json(rep); err != nil {
			return err
		}
	} else if nobody {
		s.say("There is no account to sync. `calbridge account add --help` tells how to add one.")
	} else if err := s.tellOutcome(rep); err != nil {
		return err
	}
	return verdict(rep)
}

// verdict is the exit code of a sync; the report itself has told why.
func verdict(rep engine.Report) error {
	switch {
	case rep.NeedsPerson():
		return failure{errTold, exitPerson}
	case rep.Failed():
		return failure{errTold, exitFailed}
	}
	return nil
}

// tellOutcome prints a line for each calendar in which something happened, then what there is to say, then the sum.
func (s *session) tellOutcome(rep engine.Report) error {
	t := s.table("calendar", "pulled", "pushed", "conflicts", "unreadable", "requests", "seconds")
	busy := 0
	for _, r := range rep.Runs {
		if r.Pulled.Total()+r.Pushed.Total()+r.Conflicts+r.Unreadable == 0 && r.Trouble == nil {
			continue
		}
		busy++
		t.row(clip(r.Name, 40), tally(r.Pulled), tally(r.Pushed), orDot(r.Conflicts), orDot(r.Unreadable), fmt.Sprint(r.Requests),
			fmt.Sprintf("%.2f", r.Seconds))
	}
	if busy > 0 {
		if err := t.flush(); err != nil {
			return err
		}
	}
	for _, r := range rep.Runs {
		s.tellRun(r)
	}
	requests, seconds := 0, 0.0
	for _, a := range rep.Accounts {
		requests, seconds = requests+a.Requests, seconds+a.Seconds
		if a.Trouble != nil {
			s.say("%s account %s (%s): %s", s.paint(red, "✗"), a.Name, a.ID, *a.Trouble)
		}
	}
	sum := fmt.Sprintf("%s, %s, %.2f s.", count(len(rep.Runs), "calendar"), count(requests, "request"), seconds)
	if busy == 0 && !rep.Failed() {
		sum = "Nothing changed: " + sum
	}
	s.say("%s", s.paint(dim, sum))
	return nil
}

func (s *session) tellRun(r engine.Run) {
	for _, step := range r.Plan {
		s.say("%s %s %s %s", arrow[step.Side], step.Action, clip(orUID(step), 60), step.Object)
	}
	switch {
	case r.Held && r.Mode == engine.Check:
		s.say("%s %s: would be held back: %s", s.paint(yellow, "!"), r.Name, deref(r.Trouble))
	case r.Held:
		s.say("%s %s: %s", s.paint(yellow, "!"), r.Name, cmp.Or(deref(r.Trouble), fmt.Sprintf("held back: calbridge approve %s", r.ID)))
	case r.Trouble != nil:
		s.say("%s %s: %s", s.paint(red, "✗"), r.Name, *r.Trouble)
	case r.Conflicts > 0 && r.Mode != engine.Check:
		s.say("%s %s: %s; nothing is lost: calbridge conflict list", s.paint(yellow, "!"), r.Name, count(r.Conflicts, "conflict"))
	}
	s.tellUnsent(r)
}

// tellUnsent says which edits are still here, and why.
func (s *session) tellUnsent(r engine.Run) {
	if r.Refused > 0 {
		s.say("%s %s: %s refused by the server: calbridge object list --state refused", s.paint(yellow, "!"), r.Name, count(r.Refused, "edit"))
	}
	if r.Pending > 0 && r.Mode != engine.Check {
		when := "the next sync"
		if r.NextTry != nil {
			when = r.NextTry.Local().Format("15:04:05")
		}
		s.say("%s %s: %s not sent yet, to be tried again after %s", s.paint(yellow, "!"), r.Name, count(r.Pending, "edit"), when)
	}
}

var arrow = map[string]string{"local": "←", "remote": "→"}

func orUID(step engine.Step) string {
	if step.Title != "" {
		return step.Title
	}
	return step.UID
}

// tally writes "+1 ~2 -3", or a dot for nothing.
func tally(t engine.Tally) string {
	var parts []string
	for _, p := range []struct {
		sign string
		n    int
	}{{"+", t.Created}, {"~", t.Updated}, {"-", t.Deleted}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprint(p.sign, p.n))
		}
	}
	if len(parts) == 0 {
		return "·"
	}
	return strings.Join(parts, " ")
}

// orDot writes a count, or a dot for nothing.
func orDot(n int) string {
	if n == 0 {
		return "·"
	}
	return fmt.Sprint(n)
}

// approveCmd is `calbridge approve RUN`.
type approveCmd struct {
	ID string `arg:"" name:"run" help:"The run's id: calbridge run list --state held."`
}

// Run marks the run as approved and syncs its calendar at once. What is allowed is just the set of deletions that the run was held for.
func (c approveCmd) Run(ctx context.Context, s *session) error {
	var a store.Account
	var run store.Run
	err := s.write(ctx, func(tx *store.Tx) (err error) {
		if run, err = findRun(tx, c.ID); err != nil {
			return err
		}
		if run, err = engine.Approve(tx, run.ID); err != nil {
			return failure{err, exitUsage}
		}
		a, err = tx.Account(run.Account)
		return err
	})
	if err != nil {
		return err
	}
	rep, err := s.sync(ctx, []store.Account{a}, engine.Options{Mode: engine.Incremental, Calendar: run.Calendar})
	if err != nil {
		return err
	}
	return s.tellSync(rep, false)
}

func findRun(tx *store.Tx, id string) (store.Run, error) {
	run, err := tx.Run(cal.RunID(id))
	if errors.Is(err, store.ErrNotFound) {
		return run, usage("there is no run %q; `calbridge run list` shows them", id)
	}
	return run, err
}
