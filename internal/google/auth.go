package google

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"calbridge/internal/cal"
)

// OAuth is this program as Google's OAuth server knows it, and where that server is. Its methods carry a person's consent from the
// question in the browser (Begin) over the answer (Finish) and its renewals (Refresh, Transport) to the end (Revoke).
type OAuth struct {
	ClientID     string
	ClientSecret Secret
	AuthURL      string
	TokenURL     string
	RevokeURL    string
	APIURL       string           // no other origin is shown an access token
	HTTP         *http.Client     // nil: http.DefaultClient; its redirects are never followed
	Now          func() time.Time // nil: time.Now
}

// Google's own addresses.
const (
	GoogleAPI    = "https://www.googleapis.com/calendar/v3/"
	GoogleAuth   = "https://accounts.google.com/o/oauth2/v2/auth"
	GoogleToken  = "https://oauth2.googleapis.com/token"
	GoogleRevoke = "https://oauth2.googleapis.com/revoke"
)

// What we ask for. ScopeEvents alone does not allow calendarList.list. ScopeCalendars is for making, renaming and deleting calendars.
const (
	ScopeEvents       = "https://www.googleapis.com/auth/calendar.events"
	ScopeCalendarList = "https://www.googleapis.com/auth/calendar.calendarlist.readonly"
	ScopeCalendars    = "https://www.googleapis.com/auth/calendar.calendars"
	ScopeColors       = "https://www.googleapis.com/auth/calendar.calendarlist" // a colour is the list's, not the calendar's
	scopeOpenID       = "openid"                                                // makes Google tell who consented
)

// boxes is how Google's consent page words the scopes that a person may leave unticked (the discovery document's descriptions).
var boxes = map[string]string{
	ScopeEvents:       "View and edit events on all your calendars",
	ScopeCalendarList: "See the list of Google calendars you’re subscribed to",
	ScopeColors:       "See, add, and remove Google calendars you’re subscribed to",
	ScopeCalendars:    "See and change the properties of Google calendars you have access to, and create secondary calendars",
}

// ErrConsent: a person was asked, and did not consent, or not to all that is needed. The error that wraps it says what to do.
var ErrConsent = errors.New("consent not given")

// Consent is a question put to a person in a browser: it leads to URL, and the answer comes to Redirect.
type Consent struct {
	URL      string
	State    string // ties the answer to the question (RFC 6749 §10.12)
	Verifier Secret // ties the code to who asked (RFC 7636 §4.1)
	Redirect string
	Scopes   []string
}

// Begin asks for the scopes. prompt=consent, for otherwise a person who consented before gets no refresh token.
func (o OAuth) Begin(redirect string, scopes []string, chance io.Reader) (Consent, error) {
	c := Consent{Redirect: redirect, Scopes: append([]string{scopeOpenID}, scopes...)}
	state, err := draw(chance)
	if err != nil {
		return c, err
	}
	verifier, err := draw(chance)
	if err != nil {
		return c, err
	}
	c.State, c.Verifier = state, Secret(verifier)
	c.URL = o.config(c).AuthCodeURL(state, oauth2.S256ChallengeOption(verifier), oauth2.AccessTypeOffline, oauth2.ApprovalForce)
	return c, nil
}

// draw gives 256 bits of chance in 43 characters (RFC 7636 §4.1).
func draw(chance io.Reader) (string, error) {
	raw := make([]byte, 32)
	if _, err := io.ReadFull(chance, raw); err != nil {
		return "", fmt.Errorf("ask for consent: draw a secret: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// Answers reports whether a redirect's query answers this question, be it with yes or no.
func (c Consent) Answers(query url.Values) bool {
	return c.State != "" && subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(c.State)) == 1
}

// Finish takes the query that the browser was redirected with, and exchanges the code in it for a grant of everything asked for.
func (o OAuth) Finish(ctx context.Context, c Consent, query url.Values) (Grant, error) {
	if err := o.hear(c, query); err != nil {
		return Grant{}, err
	}
	token, err := o.config(c).Exchange(o.via(ctx), query.Get("code"), oauth2.VerifierOption(string(c.Verifier)))
	if code(err) == "invalid_grant" {
		return Grant{}, fmt.Errorf("exchange the code: %w: the code was used before, or is too old: begin anew", ErrConsent)
	}
	if err != nil {
		return Grant{}, o.fault("exchange the code", err)
	}
	return o.granted(c, token)
}

// hear is RFC 6749 §4.1.2 and §4.1.2.1: what the redirect says, before anything is sent.
func (o OAuth) hear(c Consent, query url.Values) error {
	refusal, issuer := query.Get("error"), query.Get("iss")
	switch {
	case !c.Answers(query):
		return fmt.Errorf("read Google's answer: %w: it belongs to another question (its state differs): begin anew", ErrConsent)
	case issuer != "" && !slices.Contains(o.issuers(), issuer): // RFC 9207 §2.4
		return fmt.Errorf("read Google's answer: %w: it is from %s and not from Google", ErrConsent, oneLine(issuer))
	case refusal == "access_denied":
		return fmt.Errorf("%w: access was denied in the browser (access_denied)", ErrConsent)
	case refusal != "":
		return fmt.Errorf("%w: Google says %s", ErrConsent, oneLine(refusal))
	case query.Get("code") == "":
		return fmt.Errorf("read Google's answer: %w: there is no code in it", ErrConsent)
	}
	return nil
}

// granted makes a grant out of the first tokens.
func (o OAuth) granted(c Consent, token *oauth2.Token) (Grant, error) {
	g := o.with(Grant{Scopes: c.Scopes}, token)
	who, err := o.identify(extra(token, "id_token"))
	if err != nil {
		return Grant{}, fmt.Errorf("read Google's tokens: %w", err)
	}
	g.Sub, g.Email = who.Subject, who.Email
	if scope := lost(c.Scopes, g.Scopes); scope != "" {
		return Grant{}, fmt.Errorf("%w: %s is missing: begin anew and tick the box %q", ErrConsent, scope, boxes[scope])
	}
	if g.RefreshToken == "" {
		return Grant{}, fmt.Errorf("%w for longer than an hour: Google sent no refresh token; take away the access of this program at "+
			"https://myaccount.google.com/connections and begin anew", ErrConsent)
	}
	return g, nil
}

// shortLife is taken for granted where a token's life is not told; a 401 renews it in any case.
const shortLife = 10 * time.Minute

// with is g after a token answer (RFC 6749 §5.1): what the answer leaves out stays as it was.
func (o OAuth) with(g Grant, token *oauth2.Token) Grant {
	life := time.Duration(token.ExpiresIn) * time.Second
	if life <= 0 {
		life = shortLife
	}
	g.AccessToken, g.Expiry = Secret(token.AccessToken), o.now().Add(life).UTC().Truncate(time.Second)
	g.RefreshToken = cmp.Or(Secret(token.RefreshToken), g.RefreshToken)
	if scopes := strings.Fields(extra(token, "scope")); len(scopes) > 0 {
		g.Scopes = scopes
	}
	return g
}

// Refresh trades the refresh token for a new access token, with one request. ErrLocked: a person has to consent again. It changes nothing
// in g: whoever calls it stores the outcome before it is used, as the refresh token may be another.
func (o OAuth) Refresh(ctx context.Context, g Grant) (Grant, error) {
	const doing = "renew the access token"
	source := o.config(Consent{}).TokenSource(o.via(ctx), &oauth2.Token{RefreshToken: string(g.RefreshToken)})
	token, err := source.Token()
	if code(err) == "invalid_grant" || g.RefreshToken == "" {
		return Grant{}, fmt.Errorf("%s: %w: the consent for %s was withdrawn or has expired: give it again with `calbridge account add google`",
			doing, cal.ErrLocked, g.whose())
	}
	if err != nil {
		return Grant{}, o.fault(doing, err)
	}
	next := o.with(g, token)
	if scope := lost(g.Scopes, next.Scopes); scope != "" {
		return Grant{}, fmt.Errorf("%s: %w: the consent for %s no longer covers %s: give it again with `calbridge account add google` and tick the box %q",
			doing, cal.ErrLocked, g.whose(), scope, boxes[scope])
	}
	return next, nil
}

// Revoke ends the grant at Google (RFC 7009), and every other that this person gave to this client. That it had ended before is no error.
func (o OAuth) Revoke(ctx context.Context, g Grant) error {
	form := url.Values{"token": {string(g.RefreshToken)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, o.RevokeURL, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("revoke the consent: %w", err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := o.client().Do(req)
	if err != nil {
		return fmt.Errorf("revoke the consent: %w", err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	ended := resp.StatusCode == http.StatusBadRequest && strings.Contains(string(answer), "invalid_token")
	if resp.StatusCode != http.StatusOK && !ended {
		return fmt.Errorf("revoke the consent: Google answers %s", resp.Status)
	}
	return nil
}

func (o OAuth) config(c Consent) *oauth2.Config {
	return &oauth2.Config{
		ClientID: o.ClientID, ClientSecret: string(o.ClientSecret), RedirectURL: c.Redirect, Scopes: c.Scopes,
		// Named, for oauth2 finds the style out by sending a request twice.
		Endpoint: oauth2.Endpoint{AuthURL: o.AuthURL, TokenURL: o.TokenURL, AuthStyle: oauth2.AuthStyleInParams},
	}
}

// via makes package oauth2 use our client.
func (o OAuth) via(ctx context.Context) context.Context {
	return context.WithValue(ctx, oauth2.HTTPClient, o.client())
}

// client is o.HTTP that follows no redirect: a 307 or 308 would have secrets sent again, to wherever it points.
func (o OAuth) client() *http.Client {
	client := *cmp.Or(o.HTTP, http.DefaultClient)
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client
}

func (o OAuth) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// issuers is who may have signed an ID token: Google by its two names, and the server that was asked, where it is another.
func (o OAuth) issuers() []string {
	known := []string{"https://accounts.google.com", "accounts.google.com"}
	if u, err := url.Parse(o.AuthURL); err == nil {
		known = append(known, u.Scheme+"://"+u.Host)
	}
	return known
}

// fault says what a token endpoint's no means (RFC 6749 §5.2). None of it says that the person withdrew anything.
func (o OAuth) fault(doing string, err error) error {
	var answer *oauth2.RetrieveError
	if !errors.As(err, &answer) || answer.Response == nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	switch {
	case answer.ErrorCode == "invalid_client" || answer.ErrorCode == "unauthorized_client" || answer.ErrorCode == "deleted_client":
		return fmt.Errorf("%s: Google does not accept the client (%s): check CALBRIDGE_GOOGLE_CLIENT_ID and CALBRIDGE_GOOGLE_CLIENT_SECRET",
			doing, answer.ErrorCode)
	case answer.Response.StatusCode == http.StatusTooManyRequests || answer.Response.StatusCode == http.StatusServiceUnavailable:
		return fmt.Errorf("%s: %w", doing, cal.Busy{Wait: retryAfter(answer.Response)})
	}
	told := strings.TrimSpace(answer.ErrorCode + " " + answer.ErrorDescription)
	return fmt.Errorf("%s: Google answers %s %s", doing, answer.Response.Status, oneLine(told))
}

// code is the error code of a token endpoint's answer; empty: it gave none.
func code(err error) string {
	var answer *oauth2.RetrieveError
	if errors.As(err, &answer) {
		return answer.ErrorCode
	}
	return ""
}

// retryAfter reads the header (RFC 9110 §10.2.3) where it holds seconds.
func retryAfter(resp *http.Response) time.Duration {
	seconds, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, int(maxPause/time.Second))) * time.Second
}

func extra(token *oauth2.Token, name string) string {
	text, _ := token.Extra(name).(string)
	return text
}

// oneLine makes a stranger's words fit for an error: one line, and not much of it.
func oneLine(text string) string {
	text = strings.Join(strings.Fields(strings.ToValidUTF8(text, "?")), " ")
	if runes := []rune(text); len(runes) > 200 {
		return string(runes[:200]) + "…"
	}
	return text
}
