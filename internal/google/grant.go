package google

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Grant is what a person has granted us, and the tokens that prove it.
type Grant struct {
	Sub          string   // who: Google's key of the person, which an e-mail address is not
	Email        string   // how to call them; empty: not told
	Scopes       []string // what was granted, which may be less than what was asked for
	AccessToken  Secret
	RefreshToken Secret
	Expiry       time.Time // of the access token; never zero
}

// Secret is text that shows in no log, no error and no document.
type Secret string

const hidden = "(hidden)"

func (Secret) String() string               { return hidden }
func (Secret) GoString() string             { return hidden }
func (Secret) LogValue() slog.Value         { return slog.StringValue(hidden) }
func (Secret) MarshalText() ([]byte, error) { return []byte(hidden), nil }
func (Secret) Format(f fmt.State, _ rune)   { _, _ = io.WriteString(f, hidden) }

// openGrant is a Grant as it is sealed: the one form in which the tokens can be read.
type openGrant struct {
	Sub          string    `json:"sub"`
	Email        string    `json:"email,omitempty"`
	Scopes       []string  `json:"scopes"`
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	Expiry       time.Time `json:"expiry"`
}

// Plain is the grant as JSON with the tokens readable in it: to be sealed, and for nothing else. It is no MarshalJSON, so that nobody
// calls it by accident.
func (g Grant) Plain() ([]byte, error) {
	open := openGrant{g.Sub, g.Email, g.Scopes, string(g.AccessToken), string(g.RefreshToken), g.Expiry.UTC()}
	plain, err := json.Marshal(open)
	if err != nil {
		return nil, errors.New("write the grant down: it has a date that JSON cannot hold")
	}
	return plain, nil
}

// ReadGrant undoes Plain.
func ReadGrant(plain []byte) (Grant, error) {
	var open openGrant
	if err := json.Unmarshal(plain, &open); err != nil || open.Sub == "" {
		return Grant{}, errors.New("read the grant: it is not what `calbridge account add google` stores") // the cause would quote it
	}
	return Grant{open.Sub, open.Email, open.Scopes, Secret(open.AccessToken), Secret(open.RefreshToken), open.Expiry}, nil
}

// Same reports whether g and h carry the same tokens.
func (g Grant) Same(h Grant) bool {
	return g.AccessToken == h.AccessToken && g.RefreshToken == h.RefreshToken
}

// expired reports whether the access token is of no use at that time.
func (g Grant) expired(at time.Time) bool { return g.AccessToken == "" || !g.Expiry.After(at) }

// whose names the person to people.
func (g Grant) whose() string {
	if g.Email != "" {
		return g.Email
	}
	return "Google user " + g.Sub
}

// lost finds a scope that we need, and that was wanted but not granted; empty: there is none.
func lost(wanted, granted []string) string {
	for _, scope := range wanted {
		if boxes[scope] != "" && !slices.Contains(granted, scope) {
			return scope
		}
	}
	return ""
}

// claims is what an ID token says (OpenID Connect Core §2).
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Party    string   `json:"azp"`
	Expires  float64  `json:"exp"` // a NumericDate (RFC 7519 §2)
	Email    string   `json:"email"`
}

// audience is one text or a list of them (RFC 7519 §4.1.3).
type audience []string

func (a *audience) UnmarshalJSON(raw []byte) error {
	var one string
	if json.Unmarshal(raw, &one) == nil {
		*a = audience{one}
		return nil
	}
	return json.Unmarshal(raw, (*[]string)(a))
}

// slack is how far Google's clock and ours may be apart.
const slack = 5 * time.Minute

// identify reads an ID token and checks it. It comes from the token endpoint itself over TLS, so its signature needs no check (OpenID
// Connect Core §3.1.3.7 number 6).
func (o OAuth) identify(idToken string) (c claims, err error) {
	if idToken == "" {
		return c, errors.New("the answer has no ID token, so it does not tell whose calendars they are")
	}
	parts := strings.Split(idToken, ".") // RFC 7515 §7.1
	if len(parts) != 3 {
		return c, errors.New("the ID token is not a JWT")
	}
	body, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(body, &c) != nil {
		return c, errors.New("the ID token is not a JWT")
	}
	return c, o.check(c)
}

// check is OpenID Connect Core §3.1.3.7 numbers 2, 3, 4, 5 and 9.
func (o OAuth) check(c claims) error {
	switch {
	case !slices.Contains(o.issuers(), c.Issuer):
		return fmt.Errorf("the ID token is from %q and not from Google", c.Issuer)
	case !slices.Contains(c.Audience, o.ClientID):
		return errors.New("the ID token is for another client than CALBRIDGE_GOOGLE_CLIENT_ID")
	case c.Party != "" && c.Party != o.ClientID, c.Party == "" && len(c.Audience) > 1:
		return errors.New("the ID token was issued to another client than CALBRIDGE_GOOGLE_CLIENT_ID")
	case !time.Unix(int64(c.Expires), 0).After(o.now().Add(-slack)):
		return errors.New("the ID token has expired: is the clock of this machine right?")
	case c.Subject == "":
		return errors.New("the ID token does not tell whose calendars they are")
	}
	return nil
}
