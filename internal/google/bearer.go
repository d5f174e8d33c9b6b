package google

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"calbridge/internal/cal"
)

// bearer adds an account's access token to requests (RFC 6750 §2.1), and renews it in time.
type bearer struct {
	OAuth
	base   http.RoundTripper
	keeper Keeper
	api    *url.URL // nil: APIURL is none, and nothing is sent
}

// Keeper keeps an account's grant, however many processes use it. It is safe for concurrent use.
type Keeper interface {
	// Grant gives the grant as it is known; it may be a little old.
	Grant(ctx context.Context) (Grant, error)
	// Renew gives a grant newer than stale. One caller at a time, over all processes, gets to call refresh; what it returns is stored
	// before anybody sees it, and whoever comes second is given that.
	Renew(ctx context.Context, stale Grant, refresh func(context.Context, Grant) (Grant, error)) (Grant, error)
}

// Transport gives every request to the API an access token. A request whose token is refused was not carried out, so it is made once more
// with a renewed one. ErrLocked: a person has to consent again. ErrUnsent: there was no token, so nothing was sent.
func (o OAuth) Transport(base http.RoundTripper, k Keeper) http.RoundTripper {
	api, err := url.Parse(o.APIURL)
	if err != nil {
		api = nil
	}
	if base == nil {
		base = http.DefaultTransport
	}
	return &bearer{OAuth: o, base: base, keeper: k, api: api}
}

// early is how long before its end an access token is renewed: longer than a request takes to arrive.
const early = 60 * time.Second

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	g, err := b.admit(r)
	if err != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	resp, err := b.send(r, r.Body, g)
	if err != nil || resp.StatusCode != http.StatusUnauthorized {
		return resp, err
	}
	discard(resp)
	return b.again(r, g)
}

// CloseIdleConnections is what http.Client looks for.
func (b *bearer) CloseIdleConnections() {
	if base, ok := b.base.(interface{ CloseIdleConnections() }); ok {
		base.CloseIdleConnections()
	}
}

// admit gives the grant to send r with, unless r would carry the token to where it does not belong.
func (b *bearer) admit(r *http.Request) (Grant, error) {
	switch {
	case r.Response != nil: // http.Client sets it on what a redirect asks for
		return Grant{}, fmt.Errorf("a redirect to %s: the access token is not sent there", r.URL.Host)
	case b.api == nil || r.URL.Scheme != b.api.Scheme || !strings.EqualFold(r.URL.Host, b.api.Host):
		return Grant{}, fmt.Errorf("%s is not where Google's API is: the access token is not sent there", r.URL.Host)
	}
	g, err := b.keeper.Grant(r.Context())
	if err == nil && g.expired(b.now().Add(early)) {
		g, err = b.renew(r.Context(), g)
	}
	return g, err
}

// renew gives a newer grant. What another process stored may have expired as well since, so it is asked twice.
func (b *bearer) renew(ctx context.Context, stale Grant) (Grant, error) {
	g, err := b.keeper.Renew(ctx, stale, b.Refresh)
	if err == nil && g.expired(b.now()) {
		g, err = b.keeper.Renew(ctx, g, b.Refresh)
	}
	return g, err
}

// again makes a request once more whose token was refused.
func (b *bearer) again(r *http.Request, stale Grant) (*http.Response, error) {
	g, err := b.renew(r.Context(), stale)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	body, err := replay(r)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", cal.ErrUnsent, err)
	}
	resp, err := b.send(r, body, g)
	if err == nil && resp.StatusCode == http.StatusUnauthorized {
		discard(resp)
		return nil, fmt.Errorf("%w: Google refuses a token for %s that it has just given: give consent again with `calbridge account add google`",
			cal.ErrLocked, g.whose())
	}
	return resp, err
}

// replay gives a request's body once more.
func replay(r *http.Request) (io.ReadCloser, error) {
	switch {
	case r.Body == nil || r.Body == http.NoBody:
		return r.Body, nil
	case r.GetBody == nil:
		return nil, errors.New("the access token was renewed, but the request's body is used up")
	}
	return r.GetBody()
}

// send makes the request with the grant's token; r itself stays as it is, as http.RoundTripper demands.
func (b *bearer) send(r *http.Request, body io.ReadCloser, g Grant) (*http.Response, error) {
	authorized := r.Clone(r.Context())
	authorized.Body = body
	authorized.Header.Set("Authorization", "Bearer "+string(g.AccessToken))
	return b.base.RoundTrip(authorized)
}

// discard closes an answer that nobody wants, so that its connection can be used again.
func discard(resp *http.Response) {
	_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
	resp.Body.Close()
}
