package main

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/google"
	"calbridge/internal/store"
)

// addGoogleCmd is `calbridge account add google`: the first consent of a person, and every later one.
type addGoogleCmd struct {
	Name            string        `help:"What to call the account here." placeholder:"TEXT"`
	Owner           string        `help:"Whose account it is, in your own words." placeholder:"TEXT" xor:"whose"`
	Account         string        `help:"Renew the consent of this account, and of no other." placeholder:"ID" xor:"whose"`
	ManageCalendars bool          `help:"Ask for making, renaming and deleting whole calendars too."`
	NoBrowser       bool          `help:"Only print the URL to open."`
	Wait            time.Duration `help:"How long to wait for an answer." default:"5m"`
}

// Run asks for consent and lists the calendars before it stores anything.
func (c addGoogleCmd) Run(ctx context.Context, s *session) error {
	o, err := s.oauthClient()
	if err != nil {
		return err
	}
	was, err := c.before(ctx, s)
	if err != nil {
		return err
	}
	g, err := s.askConsent(ctx, o, c.scopes(was), was.Username, c)
	if err != nil {
		return err
	}
	if err := samePerson(was, g); err != nil {
		return err
	}
	found, err := s.googleCalendars(ctx, o, g)
	if err != nil {
		return fmt.Errorf("%w; nothing was stored", err)
	}
	k, err := s.storeGoogle(ctx, c, found)
	if err != nil {
		return err
	}
	return k.answer(s)
}

// keptGoogle is an account after a consent.
type keptGoogle struct {
	store.Account
	calendars []cal.Calendar
	renewed   bool // it was there before
}

func (k keptGoogle) answer(s *session) error {
	const again = "Account %s (%s) was here already: its consent is renewed, and it is synced again."
	switch {
	case s.JSON && k.renewed:
		s.note(again, k.ID, k.Name)
	case k.renewed:
		s.say(again, k.ID, k.Name)
	default:
		s.say("Added account %s (%s) with %s.", k.ID, k.Name, count(len(k.calendars), "calendar"))
	}
	if s.JSON {
		return s.json(map[string]any{"account": viewAccount(k.Account, len(k.calendars)), "calendars": viewCalendars(k.calendars)})
	}
	s.say("Next: calbridge sync")
	return nil
}

// before makes sure, before a person is asked for anything, that the answer can be kept. With --account it gives that account,
// else one without an ID.
func (c addGoogleCmd) before(ctx context.Context, s *session) (was store.Account, err error) {
	if c.Wait <= 0 {
		return was, usage("--wait %v is no time to answer in", c.Wait)
	}
	if _, err := s.store(ctx); err != nil {
		return was, err
	}
	if _, err := s.keys(ctx); err != nil || c.Account == "" {
		return was, err
	}
	err = s.read(ctx, func(tx *store.Tx) (err error) {
		was, err = findAccount(tx, c.Account)
		return err
	})
	if err == nil && was.Provider != "google" {
		err = usage("account %s (%s) is no Google account", was.ID, was.Name)
	}
	return was, err
}

// scopes is what to ask for: what a renewed consent leaves out is lost.
func (c addGoogleCmd) scopes(was store.Account) []string {
	scopes := []string{google.ScopeEvents, google.ScopeCalendarList}
	if c.ManageCalendars || slices.Contains(was.Scopes, google.ScopeCalendars) {
		scopes = append(scopes, google.ScopeCalendars, google.ScopeColors)
	}
	return scopes
}

// samePerson: with another person's calendars in its place, everything in an account would look deleted.
func samePerson(was store.Account, g google.Grant) error {
	if was.ID == "" || was.Principal == g.Sub {
		return nil
	}
	return failure{fmt.Errorf("account %s (%s) is of Google user %s, and the consent came from Google user %s: nothing was stored; "+
		"run it again and choose the right person in the browser, or leave out --account to add the other", was.ID,
		cmp.Or(was.Username, was.Name), was.Principal, named(g)), exitPerson}
}

func named(g google.Grant) string {
	if g.Email == "" {
		return g.Sub
	}
	return g.Sub + " (" + g.Email + ")"
}

// googleDiscovery is what a first look at an account has shown.
type googleDiscovery struct {
	grant     google.Grant
	calendars []cal.Facts
	primary   string // the id of the person's own calendar, which is an address; empty: not told
	memory    []byte // of the list of calendars, for the next google.Client
}

// storeGoogle stores the account with its calendars. The same person's account of the same owner is there at most once: it gets the new
// grant, and is active again.
func (s *session) storeGoogle(ctx context.Context, c addGoogleCmd, found googleDiscovery) (k keptGoogle, err error) {
	plain, err := found.grant.Plain()
	if err != nil {
		return k, err
	}
	err = s.write(ctx, func(tx *store.Tx) (err error) {
		if k.Account, err = c.account(tx, s.db, found); err != nil {
			return err
		}
		if k.Credential, err = s.seal(ctx, k.ID, plain); err != nil {
			return err
		}
		k.renewed = !k.Created.IsZero()
		if err := k.put(tx, found.calendars); err != nil {
			return err
		}
		return tx.PutServer(store.MemoryKey(k.ID), found.memory)
	})
	if err == nil {
		err = s.sealedStill(ctx, k.ID, k.Credential, plain)
	}
	return k, err
}

// account is the account as it is to be stored: the one that is there already, else a new one.
func (c addGoogleCmd) account(tx *store.Tx, db *store.DB, found googleDiscovery) (store.Account, error) {
	a, err := c.known(tx, found.grant.Sub)
	if err != nil {
		return a, err
	}
	if a.ID == "" {
		a = store.Account{Provider: "google", Owner: c.Owner, Principal: found.grant.Sub}
		if a.ID, err = db.NewAccountID(); err != nil {
			return a, err
		}
	}
	a.Username = cmp.Or(found.primary, a.Username)
	a.Name = cmp.Or(c.Name, a.Name, a.Username, found.grant.Email, "Google")
	a.Scopes = found.grant.Scopes
	if found.primary != "" {
		a.Addresses = []string{"mailto:" + found.primary}
	}
	a.State, a.Trouble, a.Failures, a.BusyUntil = store.AccountActive, "", 0, time.Time{}
	return a, nil
}

// known finds the account to renew; none has no ID.
func (c addGoogleCmd) known(tx *store.Tx, sub string) (store.Account, error) {
	if c.Account != "" {
		a, err := findAccount(tx, c.Account)
		if err != nil {
			return a, err
		}
		return tx.Account(a.ID) // takes its row
	}
	all, err := tx.Accounts(store.AccountFilter{Provider: "google"})
	all = slices.DeleteFunc(all, func(a store.Account) bool { return a.Principal != sub })
	for _, a := range all {
		if a.Owner == c.Owner || c.Owner == "" && len(all) == 1 {
			return tx.Account(a.ID)
		}
	}
	if err == nil && c.Owner == "" && len(all) > 1 {
		err = usage("this Google user has %d accounts here, %s (of %s) among them: say which with --account ID, or --owner O for one more; "+
			"nothing was stored", len(all), all[0].ID, all[0].Owner)
	}
	return store.Account{}, err
}

// put stores the account. Of one that was there already the next sync brings the calendars up to date.
func (k *keptGoogle) put(tx *store.Tx, facts []cal.Facts) (err error) {
	k.calendars = nil
	if k.renewed {
		if err := tx.UpdateAccount(k.Account); err != nil {
			return err
		}
		k.calendars, err = tx.Calendars(k.ID)
		return err
	}
	if k.Account, err = tx.AddAccount(k.Account); err != nil {
		return err
	}
	for _, f := range facts {
		added, err := tx.AddCalendar(cal.Calendar{Account: k.ID, Facts: f, Selected: true})
		if err != nil {
			return err
		}
		k.calendars = append(k.calendars, added)
	}
	return nil
}

// ── Leaving, and coming back. ──

// leaveGoogle tells Google that an account's channels and its consent are of no use any more. Whatever comes of it, the account is removed
// here.
func (s *session) leaveGoogle(ctx context.Context, a store.Account) (revoked bool) {
	if err := s.stopChannels(ctx, a); err != nil {
		s.note("Google goes on sending notifications until they expire: %v", err)
	}
	err := s.revoke(ctx, a)
	if err != nil {
		s.note("The consent at Google stays: %v. To end it, take away the access at https://myaccount.google.com/connections", err)
	}
	return err == nil
}

// stopChannels ends the account's push channels: once it is removed, nobody knows them any more.
func (s *session) stopChannels(ctx context.Context, a store.Account) error {
	var all []store.Channel
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		all, err = tx.Channels(a.ID)
		return err
	})
	if err != nil || len(all) == 0 {
		return err
	}
	r, err := s.remote(ctx, a)
	if err != nil {
		return err
	}
	defer r.Close()
	watcher, ok := r.(engine.Watcher)
	if !ok {
		return nil
	}
	return engine.StopChannels(ctx, watcher, all)
}

func (s *session) revoke(ctx context.Context, a store.Account) error {
	if err := s.aloneWithPerson(ctx, a); err != nil {
		return err
	}
	k, err := s.keeper(ctx, a.ID)
	if err != nil {
		return err
	}
	g, err := k.Grant(ctx)
	if err != nil {
		return err
	}
	o, err := s.oauth()
	if err != nil {
		return err
	}
	return o.Revoke(ctx, g)
}

// aloneWithPerson: Google ends every consent of a person to this client at once, that of another owner's account too.
func (s *session) aloneWithPerson(ctx context.Context, a store.Account) error {
	return s.read(ctx, func(tx *store.Tx) error {
		all, err := tx.Accounts(store.AccountFilter{Provider: "google"})
		for _, other := range all {
			if other.ID != a.ID && other.Principal == a.Principal {
				return fmt.Errorf("account %s (%s) needs it", other.ID, other.Name)
			}
		}
		return err
	})
}

// consentAnew is what a person is told whose Google account is locked.
func consentAnew(a store.Account) error {
	return failure{fmt.Errorf("the consent of account %s (%s) is no longer good: `calbridge account add google --account %s` gives it anew",
		a.ID, a.Name, a.ID), exitPerson}
}

// ── The way to Google. ──

// googleTimeout is for one request to Google's OAuth server.
const googleTimeout = 30 * time.Second

// oauthClient is oauth, and that there is a client to ask with.
func (s *session) oauthClient() (google.OAuth, error) {
	o, err := s.oauth()
	if err == nil && (o.ClientID == "" || o.ClientSecret == "") {
		err = usage("Google accounts need an OAuth client of your own: make one of type \"Desktop app\" at " +
			"https://console.cloud.google.com/auth/clients and set CALBRIDGE_GOOGLE_CLIENT_ID and CALBRIDGE_GOOGLE_CLIENT_SECRET")
	}
	return o, err
}

// oauth is this program as Google knows it.
func (s *session) oauth() (google.OAuth, error) {
	inForce, err := s.settings()
	g := inForce.google
	return google.OAuth{
		ClientID: g.clientID, ClientSecret: g.secret, AuthURL: g.authURL, TokenURL: g.tokenURL, RevokeURL: g.revokeURL, APIURL: g.apiURL,
		HTTP: &http.Client{Timeout: googleTimeout, Transport: traced{s, http.DefaultTransport}}, Now: s.clock,
	}, err
}

// traced tells of requests with --verbose. Their bodies and queries hold secrets.
type traced struct {
	s    *session
	base http.RoundTripper
}

func (t traced) RoundTrip(r *http.Request) (*http.Response, error) {
	started := t.s.clock()
	resp, err := t.base.RoundTrip(r)
	if t.s.Verbose && err == nil {
		t.s.note("%s %s://%s%s: %d, %v", r.Method, r.URL.Scheme, r.URL.Host, r.URL.Path, resp.StatusCode, t.s.clock().Sub(started).Round(time.Millisecond))
	}
	return resp, err
}

// googleRemote gives a Google account's remote. It sends nothing yet.
func (s *session) googleRemote(ctx context.Context, a store.Account) (remote, error) {
	if a.State == store.AccountLocked {
		return nil, consentAnew(a)
	}
	o, err := s.oauthClient()
	if err != nil {
		return nil, err
	}
	k, err := s.keeper(ctx, a.ID)
	if err != nil {
		return nil, err
	}
	cfg := s.googleConfig(o, k)
	cfg.Scopes, cfg.MemoryKey = a.Scopes, store.MemoryKey(a.ID)
	if a.Username != "" {
		cfg.Self = []string{"mailto:" + a.Username}
	}
	err = s.read(ctx, func(tx *store.Tx) (err error) {
		cfg.Memory, err = tx.Server(cfg.MemoryKey)
		return err
	})
	if err != nil {
		return nil, err
	}
	client, err := google.New(cfg)
	if err != nil {
		return nil, err
	}
	return client, nil
}

// googleConfig is what every conversation with Google Calendar starts from.
func (s *session) googleConfig(o google.OAuth, k google.Keeper) google.Config {
	inForce, _ := s.settings() // oauth has read them
	cfg := google.Config{API: o.APIURL, Auth: o.Transport(google.NewTransport(), k), Version: ourVersion(), Now: s.clock,
		PerMinute: inForce.google.perMinute}
	if s.Verbose {
		cfg.Trace = func(x google.Exchange) {
			s.note("%s %s: %d, %d bytes, %v", x.Method, x.URL, x.Status, x.Bytes, x.Duration.Round(time.Millisecond))
		}
	}
	return cfg
}

// inHand is the keeper of a grant that is not stored yet. It is good for an hour, and used for seconds.
type inHand struct{ g google.Grant }

func (h inHand) Grant(context.Context) (google.Grant, error) { return h.g, nil }

func (h inHand) Renew(context.Context, google.Grant, func(context.Context, google.Grant) (google.Grant, error)) (google.Grant, error) {
	return google.Grant{}, fmt.Errorf("%w: Google refuses the token that it has just given", cal.ErrLocked)
}

// googleCalendars lists the calendars with a grant that is not stored yet.
func (s *session) googleCalendars(ctx context.Context, o google.OAuth, g google.Grant) (found googleDiscovery, err error) {
	client, err := google.New(s.googleConfig(o, inHand{g}))
	if err != nil {
		return found, err
	}
	defer client.Close()
	if found.calendars, err = client.Calendars(ctx, false); err != nil {
		return found, err
	}
	_, found.memory = client.Learned()
	found.primary = string(client.Primary())
	g.Email = cmp.Or(g.Email, found.primary) // for what is said about it later
	found.grant = g
	return found, nil
}
