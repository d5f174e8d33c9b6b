package main

import (
	"bufio"
	"context"
	"fmt"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// accountCmd is `calbridge account …`.
type accountCmd struct {
	Add    accountAddCmd    `cmd:"" help:"Log in at a server, and remember the login."`
	List   accountListCmd   `cmd:"" help:"List the accounts."`
	Show   accountShowCmd   `cmd:"" help:"Show one account."`
	Remove accountRemoveCmd `cmd:"" help:"Forget an account and all that was synced of it here. The server keeps everything."`
	Pause  accountPauseCmd  `cmd:"" help:"Leave an account out of syncs."`
	Resume accountResumeCmd `cmd:"" help:"Sync an account again that was paused, or whose password was refused."`
}

// accountView is an account as it is printed.
type accountView struct {
	ID        cal.AccountID      `json:"id"`
	Provider  string             `json:"provider"`
	Name      string             `json:"name"`
	Owner     string             `json:"owner"`
	URL       string             `json:"url"`
	Username  string             `json:"username"`
	State     store.AccountState `json:"state"`
	Trouble   *string            `json:"trouble"`
	BusyUntil *time.Time         `json:"busy_until"`
	Failures  int                `json:"failures"`
	Addresses []string           `json:"addresses"`
	Scopes    []string           `json:"scopes,omitempty"` // what an OAuth consent granted
	Calendars int                `json:"calendars"`
	Created   *time.Time         `json:"created"`
	Updated   *time.Time         `json:"updated"`
}

func viewAccount(a store.Account, calendars int) accountView {
	return accountView{
		ID: a.ID, Provider: a.Provider, Name: a.Name, Owner: a.Owner, URL: a.URL, Username: a.Username, State: a.State,
		Trouble: orNull(a.Trouble), BusyUntil: at(a.BusyUntil), Failures: a.Failures, Addresses: list(a.Addresses), Calendars: calendars, Scopes: a.Scopes,
		Created: at(a.Created), Updated: at(a.Updated),
	}
}

// list is a slice that JSON shows as [] when it is empty.
func list[T any](all []T) []T {
	if all == nil {
		return []T{}
	}
	return all
}

type accountListCmd struct {
	Owner string `help:"Only those of this owner."`
}

func (c accountListCmd) Run(ctx context.Context, s *session) error {
	views := []accountView{}
	err := s.read(ctx, func(tx *store.Tx) error {
		accounts, err := tx.Accounts(store.AccountFilter{Owner: c.Owner})
		if err != nil {
			return err
		}
		calendars, err := tx.Calendars("")
		for _, a := range accounts {
			views = append(views, viewAccount(a, countOf(calendars, a.ID)))
		}
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"accounts": views})
	}
	return s.accountTable(views)
}

func countOf(calendars []cal.Calendar, account cal.AccountID) (n int) {
	for _, c := range calendars {
		if c.Account == account {
			n++
		}
	}
	return n
}

func (s *session) accountTable(views []accountView) error {
	if len(views) == 0 {
		s.say("No accounts yet. Add one: calbridge account add --help")
		return nil
	}
	t := s.table("id", "name", "provider", "username", "state", "calendars", "trouble")
	for _, v := range views {
		t.row(string(v.ID), cell(v.Name), v.Provider, cell(v.Username), string(v.State), fmt.Sprint(v.Calendars), clip(deref(v.Trouble), 60))
	}
	return t.flush()
}

func deref(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}

type accountShowCmd struct {
	ID string `arg:"" help:"The account's id, or its name."`
}

func (c accountShowCmd) Run(ctx context.Context, s *session) error {
	var v accountView
	err := s.read(ctx, func(tx *store.Tx) error {
		a, err := findAccount(tx, c.ID)
		if err != nil {
			return err
		}
		calendars, err := tx.Calendars(a.ID)
		v = viewAccount(a, len(calendars))
		return err
	})
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(v)
	}
	s.facts("id", string(v.ID), "name", v.Name, "owner", v.Owner, "provider", v.Provider, "url", v.URL, "username", v.Username,
		"state", string(v.State), "trouble", deref(v.Trouble), "asked to wait", until(v.BusyUntil), "calendars", fmt.Sprint(v.Calendars),
		"addresses", strings.Join(v.Addresses, " "), "granted", strings.Join(v.Scopes, " "), "added", until(v.Created))
	return nil
}

func until(t *time.Time) string {
	if t == nil {
		return ""
	}
	return clock(*t)
}

// findAccount takes an id, or a name that only one account has.
func findAccount(tx *store.Tx, id string) (store.Account, error) {
	all, err := tx.Accounts(store.AccountFilter{})
	if err != nil {
		return store.Account{}, err
	}
	var named []store.Account
	for _, a := range all {
		if string(a.ID) == id {
			return a, nil
		}
		if a.Name == id {
			named = append(named, a)
		}
	}
	switch len(named) {
	case 1:
		return named[0], nil
	case 0:
		return store.Account{}, usage("there is no account %q; `calbridge account list` shows them", id)
	}
	return store.Account{}, usage("%d accounts are named %q; give the id (`calbridge account list`)", len(named), id)
}

type accountRemoveCmd struct {
	ID  string `arg:"" help:"The account's id, or its name."`
	Yes bool   `short:"y" help:"Do not ask."`
}

func (c accountRemoveCmd) Run(ctx context.Context, s *session) error {
	var a store.Account
	var pending int
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		if a, err = findAccount(tx, c.ID); err == nil {
			pending, err = pendingEdits(tx, a.ID)
		}
		return err
	})
	if err != nil {
		return err
	}
	if !c.Yes {
		if err := s.confirm(ctx, removal(a, pending)); err != nil {
			return err
		}
	}
	answer := map[string]any{"id": a.ID, "removed": true}
	if a.Provider == "google" {
		answer["revoked"] = s.leaveGoogle(ctx, a)
	}
	err = s.write(ctx, func(tx *store.Tx) error { return tx.RemoveAccount(a.ID) })
	if err != nil {
		return err
	}
	return s.answer(answer, "Removed account %s (%s). The server keeps everything.", a.ID, a.Name)
}

func pendingEdits(tx *store.Tx, account cal.AccountID) (pending int, err error) {
	calendars, err := tx.Calendars(account)
	for _, c := range calendars {
		waiting, blocked, _, err := tx.Pending(c.ID)
		if err != nil {
			return 0, err
		}
		pending += waiting + blocked
	}
	return pending, err
}

func removal(a store.Account, pending int) string {
	question := fmt.Sprintf("Remove account %s (%s) with all its calendars and their history here?", a.ID, a.Name)
	if pending > 0 {
		question = fmt.Sprintf("%s have not reached the server yet and would be lost. %s", count(pending, "edit"), question)
	}
	return question
}

// confirm asks a person. Nobody there to answer is a no.
func (s *session) confirm(ctx context.Context, question string) error {
	if !isTerminal(s.stdin) {
		return usage("%s There is no terminal to ask on: give --yes", question)
	}
	fmt.Fprint(s.stderr, clean(question)+" [y/N] ")
	answer, err := s.answerOf(ctx, func() (string, error) { return bufio.NewReader(s.stdin).ReadString('\n') })
	if err != nil {
		return err
	}
	if a := strings.ToLower(strings.TrimSpace(answer)); a != "y" && a != "yes" {
		return failure{fmt.Errorf("nothing was done"), exitFailed}
	}
	return nil
}

// answerOf waits for a person, or for Ctrl-C.
func (s *session) answerOf(ctx context.Context, read func() (string, error)) (string, error) {
	type answer struct {
		text string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		text, err := read()
		done <- answer{text, err}
	}()
	select {
	case a := <-done:
		return a.text, a.err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

type accountPauseCmd struct {
	ID string `arg:"" help:"The account's id, or its name."`
}

func (c accountPauseCmd) Run(ctx context.Context, s *session) error {
	a, err := s.changeAccount(ctx, c.ID, func(a *store.Account) { a.State = store.AccountPaused })
	if err != nil {
		return err
	}
	return s.answer(map[string]any{"id": a.ID, "state": a.State}, "Account %s (%s) is paused.", a.ID, a.Name)
}

type accountResumeCmd struct {
	ID string `arg:"" help:"The account's id, or its name."`
	passwordFlags
}

// Run clears what kept the account from being synced: a pause, refused credentials, a server's wish to be left alone. A new password is
// tried before it is stored. A consent that is no longer good is not cured by trying again.
func (c accountResumeCmd) Run(ctx context.Context, s *session) error {
	if err := c.mayResume(ctx, s); err != nil {
		return err
	}
	if c.given() {
		if err := s.changePassword(ctx, c.ID, c.passwordFlags); err != nil {
			return err
		}
	}
	a, err := s.changeAccount(ctx, c.ID, func(a *store.Account) {
		a.State, a.Trouble, a.Failures, a.BusyUntil = store.AccountActive, "", 0, time.Time{}
	})
	if err != nil {
		return err
	}
	return s.answer(map[string]any{"id": a.ID, "state": a.State}, "Account %s (%s) is synced again.", a.ID, a.Name)
}

func (c accountResumeCmd) mayResume(ctx context.Context, s *session) error {
	return s.read(ctx, func(tx *store.Tx) error {
		a, err := findAccount(tx, c.ID)
		switch {
		case err != nil || a.Provider != "google":
			return err
		case c.given():
			return usage("a Google account has no password here: `calbridge account add google --account %s` gives consent anew", a.ID)
		case a.State == store.AccountLocked:
			return consentAnew(a)
		}
		return nil
	})
}

func (s *session) changeAccount(ctx context.Context, id string, change func(*store.Account)) (a store.Account, err error) {
	err = s.write(ctx, func(tx *store.Tx) error {
		found, err := findAccount(tx, id)
		if err != nil {
			return err
		}
		if a, err = tx.Account(found.ID); err != nil { // takes its row
			return err
		}
		change(&a)
		return tx.UpdateAccount(a)
	})
	return a, err
}
