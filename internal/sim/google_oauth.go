package sim

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// googleOAuth is the authorization server: codes, access tokens and the grants (refresh tokens) they come from.
type googleOAuth struct {
	codes   map[string]*googleCode
	access  map[string]*googleAccess
	grants  map[string]*googleGrant // by refresh token
	order   []*googleGrant          // the oldest first
	consent map[*GoogleUser]bool    // who has consented before
}

func newGoogleOAuth() googleOAuth {
	return googleOAuth{codes: map[string]*googleCode{}, access: map[string]*googleAccess{}, grants: map[string]*googleGrant{}, consent: map[*GoogleUser]bool{}}
}

// googleCode is an authorization code: for one exchange, within ten minutes.
type googleCode struct {
	user                               *GoogleUser
	client, redirect, challenge, nonce string
	scopes                             []string
	refreshable, used                  bool
	expires                            time.Time
	grant                              *googleGrant
}

type googleAccess struct {
	user    *GoogleUser
	scopes  []string
	expires time.Time
	grant   *googleGrant // nil: there is no refresh token
}

type googleGrant struct {
	user     *GoogleUser
	client   string
	scopes   []string
	made     time.Time
	current  string // the refresh token
	replaces string // the token before it, alive until current is first used; empty: none
	dead     bool
}

// answerOAuth serves the paths of Google's authorization server.
func (g *Google) answerOAuth(r *googleRequest) googleAnswer {
	switch r.URL.Path {
	case "/o/oauth2/v2/auth":
		return g.authorize(r)
	case "/token":
		return g.token(r)
	case "/revoke":
		return g.revoke(r)
	}
	return notFound().answer()
}

// Scopes a client may ask for: those of the API and those of OpenID Connect.
const calendarScopes = "calendar calendar.readonly calendar.events calendar.events.readonly calendar.events.owned calendar.events.owned.readonly " +
	"calendar.events.freebusy calendar.events.public.readonly calendar.calendarlist calendar.calendarlist.readonly calendar.calendars " +
	"calendar.calendars.readonly calendar.app.created calendar.acls calendar.acls.readonly calendar.freebusy calendar.settings calendar.settings.readonly"

var loginScopes = []string{"openid", "email", "profile", googleScopePrefix + "userinfo.email", googleScopePrefix + "userinfo.profile"}

func knownScope(scope string) bool {
	short, api := strings.CutPrefix(scope, googleScopePrefix)
	return slices.Contains(loginScopes, scope) || api && slices.Contains(strings.Fields(calendarScopes), short)
}

// authorize is the consent screen (Google, OAuth 2.0 for installed applications; OpenID Connect). A browser gets a page with a check box for
// each scope, as a user may untick some. Anything else, such as curl, consents to everything at once and is redirected.
func (g *Google) authorize(r *googleRequest) googleAnswer {
	if err := r.ParseForm(); err != nil {
		return consentError("invalid_request", err.Error())
	}
	if a, bad := g.checkAuthorization(r.Form); bad {
		return a
	}
	user := g.userNamed(r.Form)
	switch {
	case user == nil:
		return consentError("invalid_request", "there is no such user")
	case r.Form.Get("decision") == "deny":
		return redirectTo(r.Form, url.Values{"error": {"access_denied"}})
	case r.Form.Get("decision") == "allow":
		return g.consented(r, user, r.Form["granted"])
	case strings.Contains(r.Header.Get("Accept"), "text/html"):
		return g.consentPage(r)
	}
	return g.consented(r, user, strings.Fields(r.Form.Get("scope")))
}

// checkAuthorization: what is wrong with the request itself is shown to the user and not sent to an address that nobody has vouched for
// (RFC 6749 §4.1.2.1). PKCE with S256 and a state are demanded of everybody here; Google recommends them.
func (g *Google) checkAuthorization(form url.Values) (googleAnswer, bool) {
	scopes := strings.Fields(form.Get("scope"))
	unknown := slices.IndexFunc(scopes, func(s string) bool { return !knownScope(s) })
	switch {
	case form.Get("client_id") == "" || g.options.ClientID != "" && form.Get("client_id") != g.options.ClientID:
		return consentError("invalid_client", "The OAuth client was not found."), true
	case !g.redirectAllowed(form.Get("redirect_uri")):
		return consentError("redirect_uri_mismatch", "The redirect_uri is neither registered nor a loopback address."), true
	case form.Get("response_type") != "code":
		return consentError("unsupported_response_type", "Invalid response_type: "+form.Get("response_type")), true
	case form.Get("code_challenge_method") != "S256" || len(form.Get("code_challenge")) != 43: // RFC 7636 §4.2
		return consentError("invalid_request", "PKCE is required: code_challenge with code_challenge_method=S256."), true
	case form.Get("state") == "":
		return consentError("invalid_request", "Missing required parameter: state"), true
	case len(scopes) == 0:
		return consentError("invalid_request", "Missing required parameter: scope"), true
	case unknown >= 0:
		return consentError("invalid_scope", "Some requested scopes were invalid: "+scopes[unknown]), true
	case !slices.Contains([]string{"", "online", "offline"}, form.Get("access_type")):
		return consentError("invalid_request", "Invalid access_type: "+form.Get("access_type")), true
	}
	for _, prompt := range strings.Fields(form.Get("prompt")) {
		if !slices.Contains([]string{"none", "consent", "select_account"}, prompt) {
			return consentError("invalid_request", "Invalid prompt: "+prompt), true
		}
	}
	return googleAnswer{}, false
}

// redirectAllowed: loopback addresses on any port (RFC 8252 §7.3), and what is registered.
func (g *Google) redirectAllowed(uri string) bool {
	if slices.Contains(g.options.RedirectURIs, uri) {
		return true
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" || u.Fragment != "" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// userNamed: login_hint, or user, is an address or a sub; without it the first user.
func (g *Google) userNamed(form url.Values) *GoogleUser {
	name := form.Get("user")
	if name == "" {
		name = form.Get("login_hint")
	}
	for _, u := range g.users {
		if name == "" || strings.EqualFold(name, u.Email) || name == u.Sub {
			return u
		}
	}
	return nil
}

// consented makes a code. A refresh token comes with access_type=offline, and then only at the first consent or with prompt=consent
// (Google, OAuth 2.0 for web server applications).
func (g *Google) consented(r *googleRequest, user *GoogleUser, granted []string) googleAnswer {
	var scopes []string
	for _, scope := range strings.Fields(r.Form.Get("scope")) { // granted may only be less
		if slices.Contains(granted, scope) || slices.Contains(loginScopes, scope) {
			scopes = append(scopes, scope)
		}
	}
	if len(scopes) == 0 {
		return redirectTo(r.Form, url.Values{"error": {"access_denied"}})
	}
	asked := slices.Contains(strings.Fields(r.Form.Get("prompt")), "consent")
	code := "4/0A" + g.secret("code")
	g.oauth.codes[code] = &googleCode{user: user, client: r.Form.Get("client_id"), redirect: r.Form.Get("redirect_uri"), challenge: r.Form.Get("code_challenge"),
		nonce: r.Form.Get("nonce"), scopes: scopes, refreshable: r.Form.Get("access_type") == "offline" && (asked || !g.oauth.consent[user]),
		expires: r.came.Add(10 * time.Minute)}
	g.oauth.consent[user] = true
	return redirectTo(r.Form, url.Values{"code": {code}, "scope": {strings.Join(scopes, " ")}})
}

func redirectTo(form, result url.Values) googleAnswer {
	u, _ := url.Parse(form.Get("redirect_uri"))
	query := u.Query()
	for name, values := range result {
		query[name] = values
	}
	query.Set("state", form.Get("state"))
	u.RawQuery = query.Encode()
	return googleAnswer{status: http.StatusFound}.with("Location", u.String())
}

func consentError(code, words string) googleAnswer {
	text := template.HTMLEscapeString("Error 400: " + code + "\n" + words)
	page := "<!DOCTYPE html><title>Access blocked</title><h1>Access blocked</h1><pre>" + text + "</pre>\n"
	return googleAnswer{status: http.StatusBadRequest, reason: code, body: []byte(page)}.with("Content-Type", "text/html; charset=utf-8")
}

func (g *Google) consentPage(r *googleRequest) googleAnswer {
	keep := url.Values{}
	for name, values := range r.Form {
		if name != "decision" && name != "granted" && name != "user" {
			keep[name] = values
		}
	}
	var page strings.Builder
	err := consentTemplate.Execute(&page, map[string]any{"Keep": keep, "Scopes": strings.Fields(r.Form.Get("scope")), "Users": g.users, "User": g.userNamed(r.Form)})
	if err != nil {
		return consentError("server_error", err.Error())
	}
	return googleAnswer{status: http.StatusOK, body: []byte(page.String())}.with("Content-Type", "text/html; charset=utf-8")
}

var consentTemplate = template.Must(template.New("consent").Parse(`<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>Sign in</title></head><body>
<h1>An application wants access to your account</h1>
<form method="post">
{{range $name, $values := .Keep}}{{range $values}}<input type="hidden" name="{{$name}}" value="{{.}}">
{{end}}{{end}}<p><label>Account <select name="user">{{range .Users}}<option{{if eq . $.User}} selected{{end}}>{{.Email}}</option>{{end}}</select></label></p>
{{range .Scopes}}<p><label><input type="checkbox" name="granted" value="{{.}}" checked> {{.}}</label></p>
{{end}}<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button>
</form></body></html>
`))

// secret makes something nobody else has, the same in every run.
func (g *Google) secret(kind string) string {
	g.serial++
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", kind, g.serial))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
