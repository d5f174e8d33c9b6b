package sim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"calbridge/internal/sim"
)

const (
	verifier = "a-verifier-of-at-least-forty-three-characters-length"
	loopback = "http://127.0.0.1:4711/callback"
	events   = "https://www.googleapis.com/auth/calendar.events"
	lists    = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func authorization(changes ...string) url.Values {
	form := url.Values{"client_id": {"client"}, "redirect_uri": {loopback}, "response_type": {"code"}, "scope": {"openid email " + events + " " + lists},
		"state": {"st&te"}, "access_type": {"offline"}, "code_challenge": {challenge()}, "code_challenge_method": {"S256"}, "nonce": {"n"}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
		if changes[i+1] == "" {
			form.Del(changes[i])
		}
	}
	return form
}

// authorize consents as curl would, and returns where it is redirected to.
func (b *googleBench) authorize(form url.Values) (url.Values, said) {
	b.t.Helper()
	s := b.do(httptest.NewRequest("GET", "https://accounts.google.com/o/oauth2/v2/auth?"+form.Encode(), nil))
	to, err := url.Parse(s.header.Get("Location"))
	if err != nil {
		b.t.Fatal(err)
	}
	return to.Query(), s
}

func (b *googleBench) post(path string, form url.Values) said {
	b.t.Helper()
	r := httptest.NewRequest("POST", "https://oauth2.googleapis.com"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer, err := b.Transport().RoundTrip(r)
	if err != nil {
		b.t.Fatal(err)
	}
	s := said{status: answer.StatusCode, header: answer.Header}
	json.NewDecoder(answer.Body).Decode(&s.obj)
	s.reason = s.str("error")
	return s
}

func exchange(code string, changes ...string) url.Values {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "client_id": {"client"}, "client_secret": {"secret"},
		"redirect_uri": {loopback}, "code_verifier": {verifier}}
	for i := 0; i < len(changes); i += 2 {
		form.Set(changes[i], changes[i+1])
	}
	return form
}

func refreshing(token string) url.Values {
	return url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}, "client_id": {"client"}, "client_secret": {"secret"}}
}

func newOAuth(t *testing.T, o sim.GoogleOptions) *googleBench {
	o.ClientID, o.ClientSecret = "client", "secret"
	return newGoogle(t, o)
}

// tokens goes all the way.
func (b *googleBench) tokens(changes ...string) said {
	b.t.Helper()
	to, s := b.authorize(authorization(changes...))
	if to.Get("code") == "" || to.Get("state") != "st&te" {
		b.t.Fatalf("%d %v %s", s.status, to, s.text)
	}
	s = b.post("/token", exchange(to.Get("code")))
	if s.status != 200 {
		b.t.Fatal(s.obj)
	}
	return s
}

func TestGoogleOAuth(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{})
	s := b.tokens()
	if s.str("token_type") != "Bearer" || s.str("expires_in") != "3599" || s.str("scope") != "openid email "+events+" "+lists || s.str("refresh_token") == "" {
		t.Error(s.obj)
	}
	parts := strings.Split(s.str("id_token"), ".")
	text, _ := base64.RawURLEncoding.DecodeString(parts[1])
	var claims map[string]any
	json.Unmarshal(text, &claims)
	if claims["iss"] != "https://accounts.google.com" || claims["aud"] != "client" || claims["sub"] != b.ada.Sub || claims["email"] != "ada@example.org" ||
		claims["nonce"] != "n" || claims["exp"].(float64)-claims["iat"].(float64) != 3600 || len(parts) != 3 {
		t.Error(claims)
	}
	b.token = s.str("access_token")
	b.must("GET", primary, "")
	b.pass(time.Hour)
	b.want(401, "authError", "GET", primary, "")
	again := b.post("/token", refreshing(s.str("refresh_token")))
	if again.obj["refresh_token"] != nil { // only a rotating server sends one
		t.Error(again.obj)
	}
	b.token = again.str("access_token")
	b.must("GET", primary, "")
	for _, x := range b.Journal() {
		if strings.Contains(fmt.Sprint(x), "secret") || strings.Contains(fmt.Sprint(x), s.str("refresh_token")) {
			t.Errorf("a secret in the journal: %v", x)
		}
	}
}

// The refresh token comes once, or when consent is asked for again; and only offline.
func TestGoogleRefreshTokenComesOnce(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{})
	for i, c := range []struct {
		changes []string
		comes   bool
	}{
		{[]string{"access_type", "online", "login_hint", "bob@example.com"}, false},
		{[]string{"access_type", ""}, false},
		{[]string{"prompt", "consent"}, true},
		{nil, false},
		{[]string{"prompt", "select_account consent"}, true},
	} {
		if i == 0 {
			b.AddUser("bob@example.com")
		}
		if s := b.tokens(c.changes...); (s.str("refresh_token") != "") != c.comes {
			t.Errorf("%v: %v", c.changes, s.obj)
		}
	}
	b.Revoke(b.ada)
	if s := b.tokens(); s.str("refresh_token") == "" {
		t.Error("the first consent after a revocation")
	}
}

func TestGoogleAuthorizationIsRefused(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{})
	for reason, changes := range map[string][]string{
		"invalid_client":            {"client_id", "other"},
		"redirect_uri_mismatch":     {"redirect_uri", "https://evil.example/"},
		"unsupported_response_type": {"response_type", "token"},
		"PKCE is required: code":    {"code_challenge", ""},
		"PKCE is required:":         {"code_challenge_method", "plain"},
		"parameter: state":          {"state", ""},
		"parameter: scope":          {"scope", ""},
		"invalid_scope":             {"scope", "https://www.googleapis.com/auth/drive"},
		"Invalid access_type":       {"access_type", "always"},
		"Invalid prompt":            {"prompt", "login"},
		"no such user":              {"login_hint", "nobody@example.org"},
	} {
		if _, s := b.authorize(authorization(changes...)); s.status != 400 || s.header.Get("Location") != "" || !strings.Contains(s.text, reason) {
			t.Errorf("%s: %d %s", reason, s.status, s.text)
		}
	}
	for _, fine := range []string{"http://localhost:1/x", "http://[::1]:8080/"} {
		if _, s := b.authorize(authorization("redirect_uri", fine)); s.status != 302 {
			t.Errorf("%s: %s", fine, s.text)
		}
	}
}

func TestGoogleExchangeIsRefused(t *testing.T) {
	for what, c := range map[string]struct {
		reason  string
		status  int
		changes []string
	}{
		"another secret":   {"invalid_client", 401, []string{"client_secret", "x"}},
		"another client":   {"invalid_client", 401, []string{"client_id", "x"}},
		"another redirect": {"redirect_uri_mismatch", 400, []string{"redirect_uri", "http://127.0.0.1:1/"}},
		"another verifier": {"invalid_grant", 400, []string{"code_verifier", verifier + "x"}},
		"no verifier":      {"invalid_grant", 400, []string{"code_verifier", ""}},
		"no code":          {"invalid_grant", 400, []string{"code", "x"}},
		"another grant":    {"unsupported_grant_type", 400, []string{"grant_type", "password"}},
	} {
		b := newOAuth(t, sim.GoogleOptions{})
		to, _ := b.authorize(authorization())
		if s := b.post("/token", exchange(to.Get("code"), c.changes...)); s.status != c.status || s.reason != c.reason {
			t.Errorf("%s: %d %v", what, s.status, s.obj)
		}
	}
	b := newOAuth(t, sim.GoogleOptions{})
	to, _ := b.authorize(authorization())
	first := b.post("/token", exchange(to.Get("code")))
	if s := b.post("/token", exchange(to.Get("code"))); s.reason != "invalid_grant" {
		t.Error("a code works twice")
	}
	if s := b.post("/token", refreshing(first.str("refresh_token"))); s.reason != "invalid_grant" {
		t.Error("a stolen code leaves its grant alive")
	}
	to, _ = b.authorize(authorization())
	b.pass(11 * time.Minute)
	if s := b.post("/token", exchange(to.Get("code"))); s.reason != "invalid_grant" {
		t.Error("an old code works")
	}
}

func TestGoogleConsentPage(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{})
	b.AddUser("bob@example.com")
	r := httptest.NewRequest("GET", "https://accounts.google.com/o/oauth2/v2/auth?"+authorization("state", `"><script>`).Encode(), nil)
	r.Header.Set("Accept", "text/html,application/xhtml+xml")
	page := b.do(r)
	if page.status != 200 || strings.Count(page.text, `type="checkbox"`) != 4 || !strings.Contains(page.text, "Allow") || !strings.Contains(page.text, "Deny") ||
		strings.Contains(page.text, "<script>") {
		t.Error(page.text)
	}
	submit := func(form url.Values) url.Values {
		r := httptest.NewRequest("POST", "https://accounts.google.com/o/oauth2/v2/auth", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Accept", "text/html")
		to, _ := url.Parse(b.do(r).header.Get("Location"))
		return to.Query()
	}
	// One scope is unticked: the answer says what is left.
	form := authorization("decision", "allow", "user", "bob@example.com", "granted", events)
	s := b.post("/token", exchange(submit(form).Get("code")))
	if s.str("scope") != "openid email "+events {
		t.Error(s.obj)
	}
	if to := submit(authorization("decision", "deny")); to.Get("error") != "access_denied" || to.Get("state") != "st&te" || to.Get("code") != "" {
		t.Error(to)
	}
	if to := submit(authorization("decision", "allow", "scope", events)); to.Get("error") != "access_denied" {
		t.Error(to)
	}
}

func TestGoogleRotation(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{RotateRefreshTokens: true})
	old := b.RefreshToken(b.ada, "calendar.events")
	lost := b.post("/token", refreshing(old)).str("refresh_token")
	next := b.post("/token", refreshing(old)).str("refresh_token") // the answer before got lost: the old one still works
	if lost == "" || next == "" || next == lost {
		t.Fatal("no rotation")
	}
	if s := b.post("/token", refreshing(lost)); s.reason != "invalid_grant" {
		t.Error("one that was replaced unused still works")
	}
	if s := b.post("/token", refreshing(next)); s.status != 200 {
		t.Error(s.obj)
	}
	if s := b.post("/token", refreshing(old)); s.reason != "invalid_grant" {
		t.Error("the old one survives the first use of the new one")
	}
}

func TestGoogleRefreshTokensDie(t *testing.T) {
	b := newOAuth(t, sim.GoogleOptions{RefreshTokenLife: 7 * 24 * time.Hour})
	first := b.RefreshToken(b.ada)
	for range 99 {
		b.RefreshToken(b.ada)
	}
	if s := b.post("/token", refreshing(first)); s.status != 200 {
		t.Error(s.obj)
	}
	last := b.RefreshToken(b.ada)
	if s := b.post("/token", refreshing(first)); s.reason != "invalid_grant" || s.str("error_description") == "" || s.status != http.StatusBadRequest {
		t.Error("more than a hundred live")
	}
	// Revoking the access token revokes the refresh token.
	access := b.post("/token", refreshing(last)).str("access_token")
	if s := b.post("/revoke", url.Values{"token": {access}}); s.status != 200 {
		t.Error(s.obj)
	}
	if s := b.post("/token", refreshing(last)); s.reason != "invalid_grant" {
		t.Error("revoked and alive")
	}
	if s := b.post("/revoke", url.Values{"token": {access}}); s.reason != "invalid_token" {
		t.Error(s.obj)
	}
	old := b.RefreshToken(b.ada)
	b.pass(7 * 24 * time.Hour)
	if s := b.post("/token", refreshing(old)); s.reason != "invalid_grant" {
		t.Error("older than its life")
	}
}
