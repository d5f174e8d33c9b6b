package sim

import (
	"bytes"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Token makes an access token that lives for an hour, past OAuth. Scopes may be short ("calendar.events"); none: all of the calendar.
func (g *Google) Token(u *GoogleUser, scopes ...string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(scopes) == 0 {
		scopes = []string{"calendar"}
	}
	return g.newAccess(&googleAccess{user: u, scopes: longScopes(scopes)})
}

// RefreshToken makes a refresh token, past OAuth, as a first consent to the scopes would.
func (g *Google) RefreshToken(u *GoogleUser, scopes ...string) string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.newGrant(u, g.options.ClientID, longScopes(scopes)).current
}

// Revoke takes back everything a user has granted, as in his account's settings: invalid_grant and 401 from now on.
func (g *Google) Revoke(u *GoogleUser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, grant := range g.oauth.grants {
		if grant.user == u {
			g.kill(grant)
		}
	}
	for token, access := range g.oauth.access {
		if access.user == u {
			delete(g.oauth.access, token)
		}
	}
	delete(g.oauth.consent, u)
}

// DropScope takes one scope, short or whole, out of all a user has granted.
func (g *Google) DropScope(u *GoogleUser, scope string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	gone := longScopes([]string{scope})[0]
	without := func(scopes []string) []string {
		return slices.DeleteFunc(slices.Clone(scopes), func(s string) bool { return s == gone })
	}
	for _, access := range g.oauth.access {
		if access.user == u {
			access.scopes = without(access.scopes)
		}
	}
	for _, grant := range g.oauth.grants {
		if grant.user == u {
			grant.scopes = without(grant.scopes)
		}
	}
}

// ExpireAccess ends every access token of a user before its time: 401, a refresh helps.
func (g *Google) ExpireAccess(u *GoogleUser) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for token, access := range g.oauth.access {
		if access.user == u {
			delete(g.oauth.access, token)
		}
	}
}

func longScopes(scopes []string) []string {
	long := make([]string, len(scopes))
	for i, s := range scopes {
		if !strings.Contains(s, "/") && !slices.Contains(loginScopes, s) {
			s = googleScopePrefix + s
		}
		long[i] = s
	}
	return long
}

func (g *Google) newAccess(a *googleAccess) string {
	token := "ya29." + g.secret("access")
	a.expires = g.clock().Add(time.Hour)
	g.oauth.access[token] = a
	return token
}

// newGrant: of more than a hundred living refresh tokens of one account and client the oldest dies, and nobody is told (Google, Using
// OAuth 2.0: refresh token expiration).
func (g *Google) newGrant(u *GoogleUser, client string, scopes []string) *googleGrant {
	grant := &googleGrant{user: u, client: client, scopes: scopes, made: g.clock(), current: "1//0" + g.secret("refresh")}
	g.oauth.grants[grant.current] = grant
	g.oauth.order = append(g.oauth.order, grant)
	alive := slices.DeleteFunc(slices.Clone(g.oauth.order), func(o *googleGrant) bool { return o.dead || o.user != u || o.client != client })
	if len(alive) > 100 {
		g.kill(alive[0])
	}
	return grant
}

// kill ends a grant with all that came from it.
func (g *Google) kill(grant *googleGrant) {
	grant.dead = true
	for token, access := range g.oauth.access {
		if access.grant == grant {
			delete(g.oauth.access, token)
		}
	}
}

// token is the token endpoint (RFC 6749 §4.1.3, §6).
func (g *Google) token(r *googleRequest) googleAnswer {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return tokenError(http.StatusBadRequest, "invalid_request", "Bad Request")
	}
	id, secret, basic := r.BasicAuth()
	if !basic {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	if g.options.ClientID != "" && (id != g.options.ClientID || secret != g.options.ClientSecret) {
		return tokenError(http.StatusUnauthorized, "invalid_client", "Unauthorized")
	}
	switch r.PostForm.Get("grant_type") {
	case "authorization_code":
		return g.exchange(r, id)
	case "refresh_token":
		return g.refresh(r, id)
	}
	return tokenError(http.StatusBadRequest, "unsupported_grant_type", "Invalid grant_type: "+r.PostForm.Get("grant_type"))
}

// exchange: a code works once, for the client, the redirect_uri and the verifier it was made for (RFC 6749 §4.1.3, RFC 7636 §4.6). Who
// comes with a used one ends what it has given (RFC 6749 §4.1.2).
func (g *Google) exchange(r *googleRequest, client string) googleAnswer {
	code := g.oauth.codes[r.PostForm.Get("code")]
	if code == nil || !r.came.Before(code.expires) {
		return tokenError(http.StatusBadRequest, "invalid_grant", "Malformed auth code.")
	}
	if code.used {
		if code.grant != nil {
			g.kill(code.grant)
		}
		return tokenError(http.StatusBadRequest, "invalid_grant", "Bad Request")
	}
	code.used = true
	sum := sha256.Sum256([]byte(r.PostForm.Get("code_verifier")))
	switch {
	case code.client != client:
		return tokenError(http.StatusBadRequest, "invalid_grant", "Bad Request")
	case code.redirect != r.PostForm.Get("redirect_uri"):
		return tokenError(http.StatusBadRequest, "redirect_uri_mismatch", "Bad Request")
	case r.PostForm.Get("code_verifier") == "":
		return tokenError(http.StatusBadRequest, "invalid_grant", "Missing code verifier.")
	case code.challenge != base64.RawURLEncoding.EncodeToString(sum[:]):
		return tokenError(http.StatusBadRequest, "invalid_grant", "Invalid code verifier.")
	}
	answer := jsonObject{}
	if code.refreshable {
		code.grant = g.newGrant(code.user, client, code.scopes)
		answer["refresh_token"] = code.grant.current
	}
	if slices.Contains(code.scopes, "openid") {
		answer["id_token"] = g.idToken(code, client, r.came)
	}
	return g.granted(answer, &googleAccess{user: code.user, scopes: code.scopes, grant: code.grant})
}

// refresh: what was revoked, or never was, is invalid_grant, and asking again does not help. With rotation each refresh gives a new token;
// the old one dies when the new one is first used, so that an answer that got lost does no harm.
func (g *Google) refresh(r *googleRequest, client string) googleAnswer {
	sent := r.PostForm.Get("refresh_token")
	grant := g.oauth.grants[sent]
	life := g.options.RefreshTokenLife
	if grant == nil || grant.dead || grant.client != client && grant.client != "" || life > 0 && r.came.Sub(grant.made) >= life ||
		sent != grant.current && sent != grant.replaces {
		return tokenError(http.StatusBadRequest, "invalid_grant", "Token has been expired or revoked.")
	}
	answer := jsonObject{}
	if g.options.RotateRefreshTokens {
		grant.replaces, grant.current = sent, "1//0"+g.secret("refresh")
		g.oauth.grants[grant.current] = grant
		answer["refresh_token"] = grant.current
	}
	return g.granted(answer, &googleAccess{user: grant.user, scopes: grant.scopes, grant: grant})
}

// granted tells what was granted: the user may have unticked scopes (Google, Granular permissions).
func (g *Google) granted(answer jsonObject, access *googleAccess) googleAnswer {
	answer["access_token"], answer["token_type"] = g.newAccess(access), "Bearer"
	answer["expires_in"], answer["scope"] = 3599, strings.Join(access.scopes, " ")
	return googleAnswer{status: http.StatusOK, body: encode(answer)}.with("Cache-Control", "no-store")
}

func tokenError(status int, code, words string) googleAnswer {
	return googleAnswer{status: status, reason: code, body: encode(jsonObject{"error": code, "error_description": words})}
}

// revoke: revoking an access token also revokes the refresh token it came from (Google, OAuth 2.0 for web server applications).
func (g *Google) revoke(r *googleRequest) googleAnswer {
	if r.Method != http.MethodPost || r.ParseForm() != nil {
		return tokenError(http.StatusBadRequest, "invalid_request", "Bad Request")
	}
	token := r.Form.Get("token")
	grant := g.oauth.grants[token]
	access := g.oauth.access[token]
	if access != nil {
		grant = access.grant
		delete(g.oauth.access, token)
	}
	switch {
	case grant != nil && !grant.dead:
		g.kill(grant)
		delete(g.oauth.consent, grant.user)
	case access == nil:
		return tokenError(http.StatusBadRequest, "invalid_token", "Token expired or revoked")
	}
	return googleAnswer{status: http.StatusOK, body: []byte("{}")}
}

// signature is as long as one by an RSA key of 2048 bits. Nobody can verify it, no key is published: whoever has an ID token straight from the
// token endpoint need not (OpenID Connect Core §3.1.3.7).
func signature(text string) []byte {
	sum := sha512.Sum512([]byte(text))
	return bytes.Repeat(sum[:], 4)
}

// idToken tells who has consented (Google, OpenID Connect); the account's key is sub, the address is told with the scope email only.
func (g *Google) idToken(code *googleCode, client string, now time.Time) string {
	claims := jsonObject{"iss": "https://accounts.google.com", "aud": client, "azp": client, "sub": code.user.Sub, "iat": now.Unix(), "exp": now.Unix() + 3600}
	if slices.Contains(code.scopes, "email") || slices.Contains(code.scopes, googleScopePrefix+"userinfo.email") {
		claims["email"], claims["email_verified"] = code.user.Email, true
	}
	if code.nonce != "" {
		claims["nonce"] = code.nonce
	}
	part := func(v any) string { return base64.RawURLEncoding.EncodeToString(encode(v)) }
	text := part(jsonObject{"alg": "RS256", "kid": "sim", "typ": "JWT"}) + "." + part(claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature(text))
}
