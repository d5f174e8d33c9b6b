package main

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/google"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// googleDesk is a desk whose owner has a Google account too.
type googleDesk struct {
	*desk
	google *sim.Google
	ada    *sim.GoogleUser
	bob    *sim.GoogleUser
	at     string // where Google is
}

const clientSecret = "GOCSPX-the-client's-secret"

// Every secret that sim.Google makes begins so.
var tokens = []string{"ya29.", "1//0", "4/0A", clientSecret}

func newGoogleDesk(t *testing.T) *googleDesk { return newGoogleDeskAt(t, sim.GoogleOptions{}) }

func newGoogleDeskAt(t *testing.T, o sim.GoogleOptions) *googleDesk {
	t.Helper()
	o.ClientID, o.ClientSecret = "calbridge.apps.example", clientSecret
	d := &googleDesk{desk: newDesk(t), google: sim.NewGoogle(o)}
	d.ada, d.bob = d.google.AddUser("ada@example.org"), d.google.AddUser("bob@example.org")
	d.google.AddCalendar(d.ada, sim.GoogleCalendar{ID: "team@group.example.org", Summary: "Team"})
	server := httptest.NewServer(d.google)
	t.Cleanup(server.Close)
	d.at = server.URL
	for name, value := range map[string]string{
		"CLIENT_ID": o.ClientID, "CLIENT_SECRET": clientSecret, "API_URL": d.at, "AUTH_URL": d.at + "/o/oauth2/v2/auth",
		"TOKEN_URL": d.at + "/token", "REVOKE_URL": d.at + "/revoke",
	} {
		d.env["CALBRIDGE_GOOGLE_"+name] = value
	}
	delete(d.env, "CALBRIDGE_ALLOW_PRIVATE_HOSTS") // Google's address is the operator's own word
	return d
}

// browser is what a person does at the address that calbridge prints.
type browser func(t *testing.T, address string)

// consents agrees to everything, as the person named. Without a name it is ada.
func consents(as string) browser { return clicks(url.Values{"user": {as}}) }

// clicks answers the consent page, and expects to end on the page that calbridge gives.
func clicks(with url.Values) browser {
	return func(t *testing.T, address string) {
		status, text := visit(t, http.MethodGet, redirect(t, address, with))
		if status != http.StatusOK || !strings.Contains(text, "Close this page") {
			t.Errorf("the browser ends with %d %s", status, text)
		}
	}
}

// redirect is where the consent page sends the browser.
func redirect(t *testing.T, address string, with url.Values) string {
	u, err := url.Parse(address)
	if err != nil {
		t.Error(err)
		return ""
	}
	query := u.Query()
	for name, values := range with {
		query[name] = values
	}
	u.RawQuery = query.Encode()
	follows := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := follows.Get(u.String())
	if err != nil {
		t.Error(err)
		return ""
	}
	resp.Body.Close()
	return resp.Header.Get("Location")
}

func visit(t *testing.T, method, address string) (int, string) {
	req, err := http.NewRequest(method, address, nil)
	if err != nil {
		t.Error(err)
		return 0, ""
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

// consent calls a command, and has the browser go where it says.
func (d *googleDesk) consent(b browser, args ...string) outcome {
	d.t.Helper()
	return d.consentWith(context.Background(), b, args...)
}

func (d *googleDesk) consentWith(ctx context.Context, b browser, args ...string) outcome {
	d.t.Helper()
	var out, errs bytes.Buffer
	read, write := io.Pipe()
	var person sync.WaitGroup
	person.Go(func() {
		lines := bufio.NewScanner(read)
		for lines.Scan() {
			if address, ok := strings.CutPrefix(lines.Text(), "Open this URL in a browser: "); ok {
				person.Go(func() { b(d.t, address) })
				continue
			}
			errs.WriteString(lines.Text() + "\n")
		}
	})
	args = append([]string{"account", "add", "google", "--no-browser"}, args...)
	code := run(ctx, process{args: args, stdin: strings.NewReader(""), stdout: &out, stderr: write,
		env: func(name string) string { return d.env[name] }})
	write.Close()
	person.Wait()
	o := outcome{code, out.String(), errs.String()}
	d.keepsSecrets(o)
	return o
}

// keepsSecrets fails when a token can be read in an output or in any file.
func (d *googleDesk) keepsSecrets(o outcome) {
	d.t.Helper()
	for _, token := range tokens {
		if strings.Contains(o.out+o.err, token) {
			d.t.Errorf("%s… shows in\n%s%s", token, o.out, o.err)
		}
	}
	err := filepath.WalkDir(d.folder, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		for _, token := range tokens {
			if bytes.Contains(raw, []byte(token)) {
				d.t.Errorf("%s holds a %s…", path, token)
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

type addAnswer struct {
	Account   accountView
	Calendars []calendarView
}

// joins adds ada's account.
func (d *googleDesk) joins(args ...string) accountView {
	d.t.Helper()
	o := d.consent(consents(""), append(args, "--json")...)
	if o.code != exitDone {
		d.t.Fatalf("%+v", o)
	}
	var v addAnswer
	decode(d.t, o.out, &v)
	return v.Account
}

func (d *googleDesk) accounts() []accountView {
	d.t.Helper()
	return ask[struct{ Accounts []accountView }](d.desk, "account", "list").Accounts
}

// asked counts the requests to one of Google's OAuth paths.
func (d *googleDesk) asked(path string) (n int) {
	for _, x := range d.google.Journal() {
		if x.Path == path {
			n++
		}
	}
	return n
}

func TestGoogleAdd(t *testing.T) {
	d := newGoogleDesk(t)
	o := d.consent(consents(""), "--name", "Ada", "--owner", "al", "--verbose")
	if o.code != exitDone || !strings.Contains(o.out, "(Ada) with 2 calendars") || !strings.Contains(o.err, "/token: 200") {
		t.Fatalf("%+v", o)
	}
	all := d.accounts()
	if len(all) != 1 {
		t.Fatalf("%+v", all)
	}
	a := all[0]
	if a.Provider != "google" || a.Name != "Ada" || a.Owner != "al" || a.State != store.AccountActive || a.Username != "ada@example.org" || a.Calendars != 2 {
		t.Errorf("%+v", a)
	}
	stored := d.stored(string(a.ID))
	want := []string{"openid", google.ScopeEvents, google.ScopeCalendarList}
	if stored.Principal != d.ada.Sub || !slices.Equal(stored.Scopes, want) {
		t.Errorf("%+v", stored)
	}
	if n := len(d.google.Journal()); n != 3 { // the page, the token, the calendars
		t.Errorf("%d requests: %+v", n, d.google.Journal())
	}
	o = d.consent(consents("bob@example.org"), "--json")
	var v addAnswer
	decode(t, o.out, &v)
	if v.Account.Name != "bob@example.org" || len(v.Calendars) != 1 || v.Calendars[0].Name != "bob@example.org" {
		t.Errorf("%+v", v)
	}
	if wide := d.stored(string(d.joins("--manage-calendars").ID)); !slices.Equal(wide.Scopes, append(want, google.ScopeCalendars, google.ScopeColors)) {
		t.Errorf("%v", wide.Scopes)
	}
}

// stored is an account as it is in the database.
func (d *googleDesk) stored(id string) (a store.Account) {
	d.t.Helper()
	s := d.session()
	defer s.close()
	err := s.read(d.t.Context(), func(tx *store.Tx) (err error) {
		a, err = findAccount(tx, id)
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// session is one more process.
func (d *googleDesk) session() *session {
	d.t.Helper()
	s := newSession(process{stdin: strings.NewReader(""), stdout: io.Discard, stderr: io.Discard, env: func(name string) string { return d.env[name] }}, flags{Migrate: true})
	if _, err := s.store(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	return s
}

func TestGoogleNeedsAClient(t *testing.T) {
	d := newGoogleDesk(t)
	for _, name := range []string{"CALBRIDGE_GOOGLE_CLIENT_ID", "CALBRIDGE_GOOGLE_CLIENT_SECRET"} {
		was := d.env[name]
		delete(d.env, name)
		d.fails(exitUsage, "CALBRIDGE_GOOGLE_CLIENT_ID|CALBRIDGE_GOOGLE_CLIENT_SECRET", "account", "add", "google", "--no-browser")
		d.env[name] = was
	}
	d.fails(exitUsage, "--wait", "account", "add", "google", "--no-browser", "--wait", "0s")
	d.fails(exitUsage, `"nobody"|account list`, "account", "add", "google", "--no-browser", "--account", "nobody")
	d.env["CALBRIDGE_ALLOW_PRIVATE_HOSTS"] = "true"
	d.fails(exitUsage, "no Google account", "account", "add", "google", "--no-browser", "--account", d.join())
	if len(d.google.Journal()) > 0 {
		t.Errorf("%+v", d.google.Journal())
	}
}

// TestGoogleConsentRefused: every way to not quite consent; a person is told what to do, and nothing is stored.
func TestGoogleConsentRefused(t *testing.T) {
	for name, c := range map[string]struct {
		clicks url.Values
		words  string
	}{
		"denied":         {url.Values{"decision": {"deny"}}, "consent not given|denied"},
		"a box unticked": {url.Values{"decision": {"allow"}, "granted": {google.ScopeEvents}}, "calendar.calendarlist.readonly|tick the box|See the list of Google calendars"},
		"the other box":  {url.Values{"decision": {"allow"}, "granted": {google.ScopeCalendarList}}, "calendar.events|tick the box|View and edit events"},
		"a second time":  {url.Values{"access_type": {"online"}}, "no refresh token|myaccount.google.com"},
	} {
		t.Run(name, func(t *testing.T) {
			d := newGoogleDesk(t)
			d.consent(clicks(c.clicks)).fails(t, exitPerson, c.words)
			if all := d.accounts(); len(all) > 0 {
				t.Errorf("%+v", all)
			}
		})
	}
	t.Run("the client's secret is wrong", func(t *testing.T) {
		d := newGoogleDesk(t)
		d.env["CALBRIDGE_GOOGLE_CLIENT_SECRET"] = "another"
		d.consent(consents("")).fails(t, exitFailed, "CALBRIDGE_GOOGLE_CLIENT_ID|CALBRIDGE_GOOGLE_CLIENT_SECRET")
	})
	t.Run("nobody comes", func(t *testing.T) {
		d := newGoogleDesk(t)
		d.consent(func(*testing.T, string) {}, "--wait", "20ms").fails(t, exitPerson, "within 20ms|--wait")
	})
	t.Run("Ctrl-C", func(t *testing.T) {
		d := newGoogleDesk(t)
		ctx, interrupt := context.WithCancel(context.Background())
		d.consentWith(ctx, func(*testing.T, string) { interrupt() }).fails(t, exitFailed, "interrupted")
	})
}

// TestGoogleCallback: the port takes one answer, to this question, and nothing else.
func TestGoogleCallback(t *testing.T) {
	d := newGoogleDesk(t)
	refused := func(t *testing.T, method, address string, want int) {
		if status, text := visit(t, method, address); status != want {
			t.Errorf("%s %s: %d %s, want %d", method, address, status, text, want)
		}
	}
	o := d.consent(func(t *testing.T, address string) {
		back := redirect(t, address, nil)
		u, err := url.Parse(back)
		if err != nil || u.Hostname() != "127.0.0.1" {
			t.Errorf("the answer goes to %q", back)
			return
		}
		refused(t, http.MethodGet, "http://"+u.Host+"/", http.StatusNotFound)
		refused(t, http.MethodGet, "http://"+u.Host+"/favicon.ico", http.StatusNotFound)
		refused(t, http.MethodPost, back, http.StatusMethodNotAllowed)
		refused(t, http.MethodHead, back, http.StatusMethodNotAllowed)
		forged := u.Query()
		forged.Set("state", "forged")
		refused(t, http.MethodGet, "http://"+u.Host+u.Path+"?"+forged.Encode(), http.StatusBadRequest)
		forged.Set("error", "access_denied")
		refused(t, http.MethodGet, "http://"+u.Host+u.Path+"?"+forged.Encode(), http.StatusBadRequest)
		refused(t, http.MethodGet, back, http.StatusOK)
		if status, _ := visit(t, http.MethodGet, back); status == http.StatusOK {
			t.Error("the same answer was taken twice")
		}
	})
	if o.code != exitDone || len(d.accounts()) != 1 || d.asked("/token") != 1 {
		t.Errorf("%+v", o)
	}
}

// TestGooglePasted: a machine without a browser gets the answer on the terminal.
func TestGooglePasted(t *testing.T) {
	question, err := google.OAuth{AuthURL: "https://accounts.google.com/x"}.Begin("http://127.0.0.1:1/callback", nil, strings.NewReader(strings.Repeat("chance", 20)))
	if err != nil {
		t.Fatal(err)
	}
	d := &doorstep{question: question, answers: make(chan url.Values, 1)}
	var told []string
	d.read(strings.NewReader("\nhello\nhttp://127.0.0.1:1/callback?state=another&code=x\n  http://127.0.0.1:1/callback?code=abc&state="+question.State+" \n"),
		func(format string, _ ...any) { told = append(told, format) })
	answer, err := d.wait(t.Context(), time.Second)
	if err != nil || answer.Get("code") != "abc" || len(told) != 2 {
		t.Errorf("%v %v %q", answer, err, told)
	}
	if d.take(answer) {
		t.Error("a second answer is taken")
	}
}

// TestGoogleBrowser: $BROWSER gets the address.
func TestGoogleBrowser(t *testing.T) {
	d := newGoogleDesk(t)
	opened := d.path("opened")
	d.env["BROWSER"] = d.write("browser", "#!/bin/sh\nprintf %s \"$1\" > '"+opened+".part'; mv '"+opened+".part' '"+opened+"'\n")
	if err := os.Chmod(d.env["BROWSER"], 0o700); err != nil {
		t.Fatal(err)
	}
	s := d.session()
	defer s.close()
	if err := s.browse("http://127.0.0.1/?a=b&c=$(d)"); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		raw, err := os.ReadFile(opened)
		if err == nil && string(raw) == "http://127.0.0.1/?a=b&c=$(d)" {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%q %v", raw, err)
		}
	}
	d.env["BROWSER"] = d.path("nowhere")
	if s.browse("http://127.0.0.1/") == nil {
		t.Error("a browser that is not there was opened")
	}
}

// TestGoogleConsentAgain: the same person's account is renewed, not doubled; another owner's is another.
func TestGoogleConsentAgain(t *testing.T) {
	d := newGoogleDesk(t)
	first := d.joins("--owner", "al")
	d.lock(string(first.ID))
	d.fails(exitPerson, "account add google --account "+string(first.ID), "account", "resume", string(first.ID))
	d.fails(exitUsage, "no password", "account", "resume", string(first.ID), "--password-stdin")
	o := d.consent(consents(""), "--owner", "al")
	if o.code != exitDone || !strings.Contains(o.out, string(first.ID)) || !strings.Contains(o.out, "was here already") {
		t.Errorf("%+v", o)
	}
	if a := d.stored(string(first.ID)); a.State != store.AccountActive || a.Trouble != "" || a.Name != first.Name {
		t.Errorf("%+v", a)
	}
	if same := d.joins(); same.ID != first.ID {
		t.Error("what sync says to run made a second account")
	}
	if others := d.joins("--owner", "bo"); others.ID == first.ID {
		t.Error("another owner's account was taken")
	}
	d.consent(consents("")).fails(t, exitUsage, "2 accounts here|--account|--owner")
	if all := d.accounts(); len(all) != 2 {
		t.Errorf("%+v", all)
	}
}

func (d *googleDesk) lock(id string) {
	d.t.Helper()
	s := d.session()
	defer s.close()
	if _, err := s.changeAccount(d.t.Context(), id, func(a *store.Account) { a.State, a.Trouble = store.AccountLocked, "withdrawn" }); err != nil {
		d.t.Fatal(err)
	}
}

// TestGoogleAnotherPerson: --account takes the same person's consent only.
func TestGoogleAnotherPerson(t *testing.T) {
	d := newGoogleDesk(t)
	id := string(d.joins("--manage-calendars", "--name", "Ada").ID)
	before := d.stored(id)
	d.consent(consents("bob@example.org"), "--account", id).fails(t, exitPerson, id+"|"+d.ada.Sub+"|"+d.bob.Sub+"|nothing was stored")
	if after := d.stored(id); !bytes.Equal(before.Credential, after.Credential) || after.Principal != d.ada.Sub {
		t.Errorf("%+v", after)
	}
	if o := d.consent(consents(""), "--account", "Ada"); o.code != exitDone {
		t.Errorf("%+v", o)
	}
	if after := d.stored(id); bytes.Equal(before.Credential, after.Credential) || !slices.Equal(before.Scopes, after.Scopes) {
		t.Errorf("%+v", after)
	}
	if all := d.accounts(); len(all) != 1 {
		t.Errorf("%+v", all)
	}
	for _, o := range []outcome{
		d.consent(consents("bob@example.org"), "--name", "Bob"),
		d.consent(consents(""), "--account", "Bob"), // the page is told whom to ask; else it would be ada
	} {
		if o.code != exitDone {
			t.Errorf("%+v", o)
		}
	}
}

// watch opens a push channel, and puts it on record as a sync does.
func (d *googleDesk) watch(id cal.AccountID) {
	d.t.Helper()
	s := d.session()
	defer s.close()
	r, err := s.remote(d.t.Context(), d.stored(string(id)))
	if err != nil {
		d.t.Fatal(err)
	}
	defer r.Close()
	opened, err := r.(engine.Watcher).Watch(d.t.Context(), cal.Channel{ID: "c1", Token: "t", Address: d.at + "/nowhere", Calendar: "ada@example.org"})
	if err != nil {
		d.t.Fatal(err)
	}
	err = s.write(d.t.Context(), func(tx *store.Tx) error {
		return tx.AddChannel(store.Channel{Channel: opened, Account: id, State: store.ChannelOpen})
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

func TestGoogleRemove(t *testing.T) {
	t.Run("revoked", func(t *testing.T) {
		d := newGoogleDesk(t)
		id := string(d.joins().ID)
		s := d.session()
		defer s.close()
		k, err := s.keeper(t.Context(), d.stored(id).ID)
		if err != nil {
			t.Fatal(err)
		}
		g, err := k.Grant(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		v := ask[struct{ Removed, Revoked bool }](d.desk, "account", "remove", id, "--yes")
		if !v.Removed || !v.Revoked || len(d.accounts()) > 0 {
			t.Errorf("%+v", v)
		}
		o, err := s.oauth()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Refresh(t.Context(), g); err == nil {
			t.Error("the consent outlives the account")
		}
	})
	t.Run("Google cannot be reached", func(t *testing.T) {
		d := newGoogleDesk(t)
		id := string(d.joins().ID)
		d.env["CALBRIDGE_GOOGLE_REVOKE_URL"] = "http://127.0.0.1:1/revoke"
		o := d.run("account", "remove", id, "--yes", "--json")
		if o.code != exitDone || !strings.Contains(o.err, "myaccount.google.com") || !strings.Contains(o.out, `"revoked": false`) || len(d.accounts()) > 0 {
			t.Errorf("%+v", o)
		}
		d.keepsSecrets(o)
	})
	t.Run("its channels", func(t *testing.T) {
		d := newGoogleDeskAt(t, sim.GoogleOptions{PlainWebhooks: true})
		id := d.joins().ID
		d.watch(id)
		if n := len(d.google.Channels()); n != 1 {
			t.Fatalf("%d channels", n)
		}
		if o := d.run("account", "remove", string(id), "--yes"); o.code != exitDone || o.err != "" || len(d.google.Channels()) > 0 {
			t.Errorf("%v %+v", d.google.Channels(), o)
		}
	})
	t.Run("another owner needs it", func(t *testing.T) {
		d := newGoogleDesk(t)
		id, other := string(d.joins("--owner", "al").ID), string(d.joins("--owner", "bo").ID)
		o := d.run("account", "remove", id, "--yes")
		if o.code != exitDone || !strings.Contains(o.err, other) || d.asked("/revoke") > 0 {
			t.Errorf("%+v", o)
		}
		if d.must("account", "remove", other, "--yes"); d.asked("/revoke") != 1 {
			t.Error("the last one did not end the consent")
		}
	})
}

// TestGoogleSync: from consent to an event, over a token that has expired, to a consent that is withdrawn and given again.
func TestGoogleSync(t *testing.T) {
	d := newGoogleDesk(t)
	id := string(d.joins().ID)
	d.google.Put("ada@example.org", `{"summary":"Lunch","start":{"dateTime":"2026-01-05T12:00:00Z"},"end":{"dateTime":"2026-01-05T13:00:00Z"}}`)
	d.google.ExpireAccess(d.ada)
	d.google.ResetJournal()
	d.keepsSecrets(outcome{err: d.must("sync")})
	for _, x := range d.google.Journal() {
		if strings.HasSuffix(x.Path, "/calendarList") && x.Query.Get("syncToken") == "" {
			t.Error("the list of calendars that was read a moment ago is read whole again")
		}
	}
	if out := d.must("object", "list"); !strings.Contains(out, "Lunch") || d.asked("/token") != 1 {
		t.Errorf("%d requests for a token\n%s", d.asked("/token"), out)
	}
	d.google.Revoke(d.ada)
	d.google.ResetJournal()
	o := d.run("sync")
	if o.code != exitPerson || !strings.Contains(o.out, "ada@example.org") || !strings.Contains(o.out, "account add google") || d.asked("/token") != 1 {
		t.Errorf("%d requests for a token, %+v", d.asked("/token"), o)
	}
	d.keepsSecrets(o)
	d.google.ResetJournal()
	if o := d.run("sync"); o.code != exitPerson || len(d.google.Journal()) > 0 {
		t.Errorf("what was refused is tried again: %+v", o)
	}
	d.fails(exitPerson, "account add google --account "+id, "account", "resume", id)
	d.fails(exitPerson, "account add google --account "+id, "calendar", "edit", "Team", "--name", "Crew")
	d.joins("--account", id)
	d.must("sync")
	d.fails(exitFailed, "--manage-calendars", "calendar", "edit", "Team", "--name", "Crew")
	d.joins("--account", id, "--manage-calendars")
	d.must("calendar", "edit", "Team", "--name", "Crew")
	d.keepsSecrets(outcome{err: d.must("sync", "--verbose")})
}

// TestGoogleWhileTheKeyIsRotated: a grant that is stored by who read the key before `key rotate` opens afterwards.
func TestGoogleWhileTheKeyIsRotated(t *testing.T) {
	d := newGoogleDesk(t)
	d.joins()
	s := d.session()
	defer s.close()
	if _, err := s.keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	d.must("key", "rotate")
	for _, sub := range []string{d.ada.Sub, d.bob.Sub} { // one renewed, one added
		if _, err := s.storeGoogle(t.Context(), addGoogleCmd{}, googleDiscovery{grant: google.Grant{Sub: sub, AccessToken: "ya29.x"}}); err != nil {
			t.Fatal(err)
		}
	}
	if v := ask[struct{ Sealed int }](d.desk, "key", "rotate"); v.Sealed != 2 {
		t.Errorf("%+v", v)
	}
}
