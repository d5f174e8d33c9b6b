package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/store"
)

// accountAddCmd is `calbridge account add …`.
type accountAddCmd struct {
	Caldav addCaldavCmd `cmd:"" name:"caldav" help:"Add a login at a CalDAV server: iCloud, Fastmail, Nextcloud and most others."`
	Google addGoogleCmd `cmd:"" name:"google" help:"Add a Google account: Google asks for your consent in a browser."`
}

// passwordFlags say where a password comes from. It is never an argument: every user of the machine can read those.
type passwordFlags struct {
	PasswordStdin bool   `help:"Read the password from standard input." xor:"password"`
	PasswordFile  string `help:"Read the password from a file." placeholder:"FILE" xor:"password"`
}

type addCaldavCmd struct {
	URL      string `name:"url" help:"Where the server is: a URL or a domain. With an e-mail address as user name it may be left out."`
	Preset   string `help:"A known provider, which fills in the URL; \"list\" shows them all." placeholder:"NAME"`
	Username string `help:"User name at the server."`
	Name     string `help:"What to call the account here." placeholder:"TEXT"`
	Owner    string `help:"Whose account it is, in your own words." placeholder:"TEXT"`
	passwordFlags
}

// Run logs in and discovers the calendars before it stores anything.
func (c addCaldavCmd) Run(ctx context.Context, s *session) error {
	if c.Preset == "list" {
		return s.listPresets()
	}
	if c.Username == "" && strings.Contains(c.URL, "@") && !strings.Contains(c.URL, "://") { // an e-mail address is both
		c.Username = c.URL
	}
	where, err := c.where()
	if err != nil {
		return err
	}
	if _, err := s.store(ctx); err != nil { // before anybody types a password
		return err
	}
	password, err := s.password(ctx, c.passwordFlags, c.Username)
	if err != nil {
		return err
	}
	found, err := s.discover(ctx, where, c.Username, password)
	if err != nil {
		return err
	}
	s.tellTwins(ctx, found)
	a, calendars, err := s.addCaldav(ctx, c, where, found, password)
	if err != nil {
		return err
	}
	if s.JSON {
		return s.json(map[string]any{"account": viewAccount(a, len(calendars)), "calendars": viewCalendars(calendars)})
	}
	s.say("Added account %s (%s) with %s.", a.ID, a.Name, count(len(calendars), "calendar"))
	s.say("Next: calbridge sync")
	return nil
}

// where decides at which URL discovery begins.
func (c addCaldavCmd) where() (string, error) {
	if c.Username == "" {
		return "", usage("whose account is it? Give --username")
	}
	if c.Preset != "" {
		p, ok := caldav.FindPreset(c.Preset)
		if !ok {
			return "", usage("there is no preset %q; `calbridge account add caldav --preset list` shows them", c.Preset)
		}
		if c.URL != "" && !p.NeedsServer() {
			return c.URL, nil // a provider with more than one entrance
		}
		where, err := p.Where(c.URL, c.Username)
		if err != nil {
			return "", usage("%w: give --url", err)
		}
		return where, nil
	}
	if c.URL == "" && !strings.Contains(c.Username, "@") {
		return "", usage("where is the server? Give --url or --preset; only an e-mail address as --username does without")
	}
	return cmp.Or(c.URL, c.Username), nil
}

func (s *session) listPresets() error {
	presets := caldav.Presets()
	if s.JSON {
		return s.json(map[string]any{"presets": presets})
	}
	t := s.table("preset", "url", "note")
	for _, p := range presets {
		t.row(p.Name, p.URL, p.Note)
	}
	return t.flush()
}

func (f passwordFlags) given() bool { return f.PasswordStdin || f.PasswordFile != "" }

// password reads a password from where the flags say, else asks for it on the terminal.
func (s *session) password(ctx context.Context, f passwordFlags, username string) (caldav.Secret, error) {
	var text string
	var err error
	switch {
	case f.PasswordStdin:
		text, err = readSecret(s.stdin)
	case f.PasswordFile != "":
		text, err = readSecretFile(f.PasswordFile)
	case isTerminal(s.stdin):
		text, err = s.askPassword(ctx, username)
	default:
		return "", usage("no password: give --password-file or --password-stdin, or run it on a terminal")
	}
	if err != nil {
		return "", err
	}
	if text == "" {
		return "", usage("the password is empty")
	}
	return caldav.Secret(text), nil
}

// maxSecret is more than any password has.
const maxSecret = 64 << 10

// readSecret reads a password and takes one line end off it.
func readSecret(r io.Reader) (string, error) {
	raw, err := io.ReadAll(io.LimitReader(r, maxSecret))
	if err != nil {
		return "", fmt.Errorf("read the password: %w", err)
	}
	return strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r"), nil
}

func readSecretFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", usage("read the password: %w", err)
	}
	defer f.Close()
	return readSecret(f)
}

// askPassword asks on the terminal without showing what is typed. Whatever happens, the terminal shows typing again afterwards.
func (s *session) askPassword(ctx context.Context, username string) (string, error) {
	fd := int(s.stdin.(*os.File).Fd())
	before, err := term.GetState(fd)
	if err != nil {
		return "", fmt.Errorf("ask for the password: %w", err)
	}
	defer term.Restore(fd, before)
	fmt.Fprintf(s.stderr, "Password of %s: ", clean(username))
	defer fmt.Fprintln(s.stderr)
	return s.answerOf(ctx, func() (string, error) {
		raw, err := term.ReadPassword(fd)
		return string(raw), err
	})
}

// discovery is what logging in has shown.
type discovery struct {
	caldav.Account
	calendars []cal.Facts
}

// discover logs in, finds the calendar homes and lists the calendars. A refused password ends it after one request.
func (s *session) discover(ctx context.Context, where, username string, password caldav.Secret) (d discovery, err error) {
	cfg, err := s.dial()
	if err != nil {
		return d, err
	}
	cfg.Username, cfg.Password = username, password
	if d.Account, err = caldav.Discover(ctx, cfg, where); err != nil {
		s.tellSteps(d.Steps)
		if len(d.Steps) == 0 { // it did not come to the first
			return d, usage("%w (--url)", err)
		}
		return d, explain(err)
	}
	cfg.Homes, cfg.Username, cfg.Profile = d.Homes, d.Username, d.Profile
	client, err := caldav.New(cfg)
	if err != nil {
		return d, err
	}
	defer client.Close()
	if d.calendars, err = client.Calendars(ctx, false); err != nil {
		return d, explain(fmt.Errorf("list the calendars: %w", err))
	}
	d.Profile = client.Profile()
	return d, nil
}

func (s *session) tellSteps(steps []string) {
	if s.Verbose {
		for _, step := range steps {
			s.note("%s", step)
		}
	}
}

// explain adds what a person can do about a failed login.
func explain(err error) error {
	if errors.Is(err, cal.ErrLocked) {
		return fmt.Errorf("%w: check --username and the password (many providers want an app password); nothing was stored", err)
	}
	return err
}

// addCaldav stores the account with its calendars, and what was learned of the server.
func (s *session) addCaldav(ctx context.Context, c addCaldavCmd, where string, found discovery, password caldav.Secret) (
	a store.Account, calendars []cal.Calendar, err error) {
	a = store.Account{
		Provider: "caldav", Name: cmp.Or(c.Name, found.Username), Owner: c.Owner, URL: where, Username: found.Username,
		Principal: found.Principal, Homes: found.Homes, Addresses: found.Addresses,
	}
	if a.ID, err = s.db.NewAccountID(); err != nil {
		return a, nil, err
	}
	if a.Credential, err = s.seal(ctx, a.ID, []byte(string(password))); err != nil {
		return a, nil, err
	}
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		calendars = nil
		added, err := tx.AddAccount(a)
		if err != nil {
			return err
		}
		for _, f := range found.calendars {
			k, err := tx.AddCalendar(cal.Calendar{Account: a.ID, Facts: f, Selected: true})
			if err != nil {
				return err
			}
			calendars = append(calendars, k)
		}
		a = added
		return tx.PutServer(origin(a), marshal(found.Profile))
	})
	if err == nil {
		err = s.sealedStill(ctx, a.ID, a.Credential, []byte(string(password)))
	}
	return a, calendars, err
}

// tellTwins warns of accounts that have the same calendars already: they would be here twice.
func (s *session) tellTwins(ctx context.Context, found discovery) {
	_ = s.read(ctx, func(tx *store.Tx) error {
		all, err := tx.Accounts(store.AccountFilter{Provider: "caldav"})
		for _, a := range all {
			if a.Username == found.Username && slices.Equal(a.Homes, found.Homes) {
				s.note("Account %s (%s) has the same calendars already: they will be here twice.", a.ID, a.Name)
			}
		}
		return err
	})
}

// changePassword tries another password for an account, and stores it when it lets us in.
func (s *session) changePassword(ctx context.Context, id string, f passwordFlags) error {
	var a store.Account
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		a, err = findAccount(tx, id)
		return err
	})
	if err != nil {
		return err
	}
	password, err := s.password(ctx, f, a.Username)
	if err != nil {
		return err
	}
	if _, err := s.discover(ctx, a.URL, a.Username, password); err != nil {
		return err
	}
	sealed, err := s.seal(ctx, a.ID, []byte(string(password)))
	if err != nil {
		return err
	}
	if _, err = s.changeAccount(ctx, string(a.ID), func(a *store.Account) { a.Credential = sealed }); err != nil {
		return err
	}
	return s.sealedStill(ctx, a.ID, sealed, []byte(string(password)))
}
