package google_test

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
)

var now = time.Date(2026, 1, 5, 9, 0, 0, 0, time.UTC)

const (
	clientID     = "client.apps.googleusercontent.com"
	clientSecret = "the client's secret"
)

// office is the part of Google that gives tokens, which can be told to give odd ones.
type office struct {
	t    *testing.T
	url  string
	http *http.Client

	mu       sync.Mutex
	asked    url.Values                     // the last consent asked for
	used     bool                           // its code
	requests int                            // to the token endpoint
	forms    []url.Values                   // of the token and the revocation endpoint
	answer   func(map[string]any)           // changes a token answer
	claims   func(map[string]any)           // changes an ID token
	refuse   func(http.ResponseWriter) bool // answers in the place of the token endpoint
}

func newOffice(t *testing.T) (*office, google.OAuth) {
	o := &office{t: t}
	server := httptest.NewServer(o)
	t.Cleanup(server.Close)
	o.url, o.http = server.URL, server.Client()
	return o, google.OAuth{ClientID: clientID, ClientSecret: clientSecret, AuthURL: o.url + "/auth", TokenURL: o.url + "/token",
		RevokeURL: o.url + "/revoke", APIURL: o.url + "/calendar/v3/", HTTP: server.Client(), Now: func() time.Time { return now }}
}

func (o *office) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := r.ParseForm(); err != nil {
		o.t.Error(err)
	}
	switch r.URL.Path {
	case "/auth":
		o.asked, o.used = r.URL.Query(), false
	case "/token":
		o.requests++
		o.forms = append(o.forms, r.PostForm)
		if o.refuse == nil || !o.refuse(w) {
			o.token(w, r.PostForm)
		}
	case "/revoke":
		o.forms = append(o.forms, r.PostForm)
		if o.refuse != nil {
			o.refuse(w)
		}
	default:
		http.NotFound(w, r)
	}
}

func (o *office) token(w http.ResponseWriter, form url.Values) {
	sum := sha256.Sum256([]byte(form.Get("code_verifier")))
	challenge := base64.RawURLEncoding.EncodeToString(sum[:])
	switch {
	case form.Get("client_id") != clientID || form.Get("client_secret") != clientSecret:
		refusal(w, http.StatusUnauthorized, "invalid_client")
	case form.Get("grant_type") == "refresh_token" && strings.HasPrefix(form.Get("refresh_token"), "refresh-"):
		o.give(w, false)
	case form.Get("grant_type") == "authorization_code" && form.Get("code") == "code" && !o.used &&
		form.Get("redirect_uri") == o.asked.Get("redirect_uri") && challenge == o.asked.Get("code_challenge"):
		o.used = true
		o.give(w, true)
	default:
		refusal(w, http.StatusBadRequest, "invalid_grant")
	}
}

func (o *office) give(w http.ResponseWriter, first bool) {
	claims := map[string]any{"iss": "https://accounts.google.com", "aud": clientID, "azp": clientID, "sub": "1234", "exp": now.Unix() + 3600}
	if o.claims != nil {
		o.claims(claims)
	}
	body, _ := json.Marshal(claims)
	answer := map[string]any{"access_token": fmt.Sprintf("access-%d", o.requests), "expires_in": 3599, "token_type": "Bearer",
		"scope": o.asked.Get("scope"), "id_token": "e30." + base64.RawURLEncoding.EncodeToString(body) + ".c2ln"}
	if first {
		answer["refresh_token"] = "refresh-1"
	}
	if o.answer != nil {
		o.answer(answer)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(answer)
}

func refusal(w http.ResponseWriter, status int, code string) bool {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q,"error_description":"Because."}`, code)
	return true
}

// consent has a person look at the page, and gives what the browser would be sent back with.
func (o *office) consent(c google.Consent) url.Values {
	o.t.Helper()
	resp, err := o.http.Get(c.URL)
	if err != nil {
		o.t.Fatal(err)
	}
	resp.Body.Close()
	return url.Values{"code": {"code"}, "state": {o.asked.Get("state")}}
}

var scopes = []string{google.ScopeEvents, google.ScopeCalendarList}

func begin(t *testing.T, o google.OAuth) google.Consent {
	t.Helper()
	c, err := o.Begin("http://127.0.0.1:1234/callback", scopes, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func granted(t *testing.T, o *office, client google.OAuth) google.Grant {
	t.Helper()
	c := begin(t, client)
	g, err := client.Finish(t.Context(), c, o.consent(c))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func TestConsent(t *testing.T) {
	o, client := newOffice(t)
	g := granted(t, o, client)
	for name, want := range map[string]string{
		"response_type": "code", "client_id": clientID, "access_type": "offline", "prompt": "consent", "code_challenge_method": "S256",
		"redirect_uri": "http://127.0.0.1:1234/callback", "scope": "openid " + strings.Join(scopes, " "), "include_granted_scopes": "",
	} {
		if got := o.asked.Get(name); got != want {
			t.Errorf("asked with %s=%q, want %q", name, got, want)
		}
	}
	want := google.Grant{Sub: "1234", Scopes: append([]string{"openid"}, scopes...), AccessToken: "access-1", RefreshToken: "refresh-1",
		Expiry: now.Add(3599 * time.Second)}
	if !reflect.DeepEqual(g, want) {
		t.Errorf("%+v", g)
	}
	if o.requests != 1 {
		t.Errorf("%d requests for one token", o.requests)
	}
}

// TestConsentIsNeverTheSame: who knows one question knows nothing of the next.
func TestConsentIsNeverTheSame(t *testing.T) {
	_, client := newOffice(t)
	a, b := begin(t, client), begin(t, client)
	if a.State == b.State || a.Verifier == b.Verifier || len(a.State) < 43 || len(string(a.Verifier)) < 43 || strings.Contains(a.URL, string(a.Verifier)) {
		t.Errorf("%q %q", a.State, b.State)
	}
	if _, err := client.Begin("http://127.0.0.1/", scopes, strings.NewReader("little")); err == nil {
		t.Error("a secret without chance")
	}
}

// TestConsentRefused: what an answer can lack, and what a person is told.
func TestConsentRefused(t *testing.T) {
	set := func(name, value string) func(url.Values) { return func(q url.Values) { q.Set(name, value) } }
	has := func(name string, value any) func(map[string]any) {
		return func(m map[string]any) {
			if m[name] = value; value == nil {
				delete(m, name)
			}
		}
	}
	for name, c := range map[string]struct {
		query          func(url.Values)
		answer, claims func(map[string]any)
		words          string
		asked          int  // requests for a token
		fault          bool // not the person's doing
	}{
		"another state":    {query: set("state", "another"), words: "another question"},
		"no state":         {query: func(q url.Values) { q.Del("state") }, words: "another question"},
		"denied":           {query: set("error", "access_denied"), words: "denied"},
		"policy":           {query: set("error", "admin_policy_enforced"), words: "admin_policy_enforced"},
		"another issuer":   {query: set("iss", "https://evil.example"), words: "evil.example"},
		"no code":          {query: func(q url.Values) { q.Del("code") }, words: "no code"},
		"a code made up":   {query: set("code", "guessed"), words: "begin anew", asked: 1},
		"a box unticked":   {answer: has("scope", "openid "+google.ScopeEvents), words: google.ScopeCalendarList + "|See the list of Google calendars", asked: 1},
		"the other box":    {answer: has("scope", "openid "+google.ScopeCalendarList), words: google.ScopeEvents + "|View and edit events", asked: 1},
		"no refresh token": {answer: has("refresh_token", nil), words: "refresh token|myaccount.google.com", asked: 1},
		"no ID token":      {answer: has("id_token", nil), words: "no ID token", asked: 1, fault: true},
		"no JWT":           {answer: has("id_token", "x"), words: "JWT", asked: 1, fault: true},
		"from another":     {claims: has("iss", "https://evil.example"), words: "evil.example", asked: 1, fault: true},
		"for another":      {claims: has("aud", "another"), words: "CALBRIDGE_GOOGLE_CLIENT_ID", asked: 1, fault: true},
		"by another":       {claims: has("azp", "another"), words: "CALBRIDGE_GOOGLE_CLIENT_ID", asked: 1, fault: true},
		"for two":          {claims: func(m map[string]any) { m["aud"] = []string{clientID, "another"}; delete(m, "azp") }, words: "CALBRIDGE_GOOGLE_CLIENT_ID", asked: 1, fault: true},
		"expired":          {claims: has("exp", now.Unix()-3600), words: "clock", asked: 1, fault: true},
		"nobody":           {claims: has("sub", ""), words: "whose", asked: 1, fault: true},
	} {
		t.Run(name, func(t *testing.T) {
			o, client := newOffice(t)
			o.answer, o.claims = c.answer, c.claims
			question := begin(t, client)
			query := o.consent(question)
			if c.query != nil {
				c.query(query)
			}
			_, err := client.Finish(t.Context(), question, query)
			says(t, err, c.words)
			if errors.Is(err, google.ErrConsent) == c.fault {
				t.Errorf("whose doing: %v", err)
			}
			if o.requests != c.asked {
				t.Errorf("%d requests, want %d", o.requests, c.asked)
			}
		})
	}
}

// says fails unless err says all of the words, and none of the secrets.
func says(t *testing.T, err error, words string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one that says %q", words)
	}
	for word := range strings.SplitSeq(words, "|") {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	for _, secret := range []string{"access-", "refresh-", clientSecret} {
		if strings.Contains(err.Error(), secret) {
			t.Errorf("a secret shows: %v", err)
		}
	}
}

// TestCodeTwice: a callback that is replayed gives nothing.
func TestCodeTwice(t *testing.T) {
	o, client := newOffice(t)
	c := begin(t, client)
	query := o.consent(c)
	if _, err := client.Finish(t.Context(), c, query); err != nil {
		t.Fatal(err)
	}
	_, err := client.Finish(t.Context(), c, query)
	says(t, err, "used before|begin anew")
}

func TestRefresh(t *testing.T) {
	o, client := newOffice(t)
	g := granted(t, o, client)
	next, err := client.Refresh(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	if next.AccessToken != "access-2" || next.RefreshToken != "refresh-1" || next.Sub != "1234" || !reflect.DeepEqual(next.Scopes, g.Scopes) {
		t.Errorf("%+v", next)
	}
	o.answer = func(m map[string]any) { m["refresh_token"] = "refresh-2"; delete(m, "scope"); delete(m, "expires_in") }
	next, err = client.Refresh(t.Context(), next)
	if err != nil {
		t.Fatal(err)
	}
	if next.RefreshToken != "refresh-2" || !reflect.DeepEqual(next.Scopes, g.Scopes) || !next.Expiry.After(now) || next.Expiry.After(now.Add(time.Hour)) {
		t.Errorf("%+v", next)
	}
	if o.requests != 3 {
		t.Errorf("%d requests for three tokens", o.requests)
	}
}

// TestRefreshRefused: one request whatever the answer, and only what a person has to mend locks the account.
func TestRefreshRefused(t *testing.T) {
	refuse := func(status int, code string) func(http.ResponseWriter) bool {
		return func(w http.ResponseWriter) bool { return refusal(w, status, code) }
	}
	for name, c := range map[string]struct {
		refuse func(http.ResponseWriter) bool
		answer func(map[string]any)
		words  string
		locked bool
		wait   time.Duration
	}{
		"withdrawn":   {refuse: refuse(400, "invalid_grant"), words: "Google user 1234|account add google", locked: true},
		"less scope":  {answer: func(m map[string]any) { m["scope"] = "openid " + google.ScopeEvents }, words: google.ScopeCalendarList + "|tick", locked: true},
		"our client":  {refuse: refuse(401, "invalid_client"), words: "CALBRIDGE_GOOGLE_CLIENT_ID|CALBRIDGE_GOOGLE_CLIENT_SECRET"},
		"internal":    {refuse: refuse(500, "internal_failure"), words: "500|internal_failure"},
		"no answer":   {refuse: func(http.ResponseWriter) bool { panic(http.ErrAbortHandler) }, words: "renew the access token"},
		"no JSON":     {refuse: func(w http.ResponseWriter) bool { fmt.Fprint(w, "<html>refresh-1"); return true }, words: "renew the access token"},
		"bad gateway": {refuse: func(w http.ResponseWriter) bool { w.WriteHeader(502); fmt.Fprint(w, "<html>refresh-1"); return true }, words: "502"},
		"redirect": {refuse: func(w http.ResponseWriter) bool {
			w.Header().Set("Location", "/token")
			w.WriteHeader(308)
			return true
		}, words: "308"},
		"busy": {refuse: func(w http.ResponseWriter) bool {
			w.Header().Set("Retry-After", "7")
			return refusal(w, 429, "slow_down")
		},
			words: "wait 7s", wait: 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			o, client := newOffice(t)
			g := granted(t, o, client)
			o.refuse, o.answer = c.refuse, c.answer
			_, err := client.Refresh(t.Context(), g)
			says(t, err, c.words)
			if errors.Is(err, cal.ErrLocked) != c.locked {
				t.Errorf("locked: %v", err)
			}
			var busy cal.Busy
			if errors.As(err, &busy) != (c.wait > 0) || busy.Wait != c.wait {
				t.Errorf("busy: %v", err)
			}
			if n := o.refreshes(); n != 1 {
				t.Errorf("%d requests for one refresh", n)
			}
		})
	}
}

func TestRevoke(t *testing.T) {
	o, client := newOffice(t)
	g := granted(t, o, client)
	if err := client.Revoke(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	if form := o.forms[len(o.forms)-1]; form.Get("token") != "refresh-1" {
		t.Errorf("%v", form)
	}
	o.refuse = func(w http.ResponseWriter) bool { return refusal(w, 400, "invalid_token") }
	if err := client.Revoke(t.Context(), g); err != nil {
		t.Errorf("a consent that has ended: %v", err)
	}
	o.refuse = func(w http.ResponseWriter) bool { return refusal(w, 503, "refresh-1") }
	says(t, client.Revoke(t.Context(), g), "503")
	client.RevokeURL = "http://127.0.0.1:1/revoke"
	says(t, client.Revoke(t.Context(), g), "revoke the consent")
}

// TestGrantShowsNothing: the tokens are in Plain, and in no other form of a grant.
func TestGrantShowsNothing(t *testing.T) {
	o, client := newOffice(t)
	g := granted(t, o, client)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "grant", g, "token", g.AccessToken, "client", client.ClientSecret)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "grant", g, "token", g.AccessToken)
	marshalled, _ := json.Marshal(g)
	shown := fmt.Sprintf("%v %+v %#v %s %q %x", g, g, g, g.AccessToken, g.RefreshToken, g.AccessToken) + fmt.Sprintf("%v %+v %#v", client, client, client) +
		log.String() + string(marshalled)
	for _, secret := range []string{"access-", "refresh-", clientSecret, fmt.Sprintf("%x", "access-1")} {
		if strings.Contains(shown, secret) {
			t.Errorf("%q shows in %s", secret, shown)
		}
	}
	plain, err := g.Plain()
	if err != nil || !strings.Contains(string(plain), "refresh-1") {
		t.Errorf("%s %v", plain, err)
	}
	if again, err := google.ReadGrant(plain); err != nil || !reflect.DeepEqual(again, g) {
		t.Errorf("%+v %v", again, err)
	}
	for _, odd := range []string{"", "null", "{}", `"refresh-1"`} {
		if _, err := google.ReadGrant([]byte(odd)); err == nil {
			t.Errorf("%q is a grant", odd)
		} else {
			says(t, err, "account add google")
		}
	}
}

func (o *office) refreshes() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.requests - 1
}
