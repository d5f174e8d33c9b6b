package caldav

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"
	"golang.org/x/net/publicsuffix"
)

// A site is the part of the web that may see an account's password. The rule, given the calendar home the user trusts:
//
//   - a password given to https goes to https only;
//   - the same host is the same site. Over https its port may differ, as the certificate speaks for the name; over http it may not,
//     except for a step up to https;
//   - over https, hosts under one registrable domain (the public suffix list's "eTLD+1") are one site: caldav.icloud.com and
//     p42-caldav.icloud.com are, icloud.com and icloud.com.cn are not, alice.duckdns.org and bob.duckdns.org are not;
//   - nothing else is.

// trusts reports whether u may see the password.
func (c *Client) trusts(u *url.URL) bool {
	for _, home := range c.homes {
		if sameSite(home, u) {
			return true
		}
	}
	return false
}

func sameSite(home, u *url.URL) bool {
	switch {
	case downgrades(home, u):
		return false
	case home.Scheme == "https":
		return sameHost(home, u) || sameDomain(home.Hostname(), u.Hostname())
	case u.Scheme == "https":
		return sameHost(home, u)
	default:
		return sameHost(home, u) && port(home) == port(u)
	}
}

// downgrades reports whether going to u would show to everybody on the way what was meant to be hidden.
func downgrades(from, to *url.URL) bool { return from.Scheme == "https" && to.Scheme != "https" }

func sameHost(a, b *url.URL) bool { return a.Hostname() == b.Hostname() }

// sameDomain reports whether two hosts belong to one registrable domain. Addresses and single labels belong to none.
func sameDomain(a, b string) bool {
	if isAddress(a) || isAddress(b) {
		return false
	}
	mine, err := publicsuffix.EffectiveTLDPlusOne(a)
	if err != nil {
		return false
	}
	theirs, err := publicsuffix.EffectiveTLDPlusOne(b)
	return err == nil && mine == theirs
}

func isAddress(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// strangerError says why u does not get the password.
func strangerError(u, home *url.URL) error {
	if downgrades(home, u) {
		return fmt.Errorf("%s is not encrypted, so the password for %s is not sent there", u.Redacted(), home.Host)
	}
	return fmt.Errorf("%s does not belong to %s, so the password is not sent there; if you trust it, add the account with that URL",
		u.Redacted(), home.Host)
}

// parseURL reads an absolute http or https URL and puts its host into one form: lower case, ASCII (RFC 5891), no dot at the
// end, no port that goes without saying.
// Errors do not repeat what they could not read: there may be a password in it.
func parseURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	return normal(u)
}

// parseURLFrom reads a reference that was found at base (RFC 3986 §5).
func parseURLFrom(base *url.URL, ref string) (*url.URL, error) {
	u, err := url.Parse(ref)
	if err != nil {
		return nil, errors.New("not a URL")
	}
	return normal(base.ResolveReference(u))
}

func normal(u *url.URL) (*url.URL, error) {
	switch {
	case u.User != nil:
		return nil, errors.New("a URL with a user or password in it is not accepted")
	case u.Scheme != "https" && u.Scheme != "http":
		return nil, fmt.Errorf("a URL that begins with https:// was expected, not %q", clip(printable(u.Scheme), 20))
	case u.Hostname() == "" || u.Opaque != "":
		return nil, errors.New("the URL names no host")
	case u.Fragment != "" || u.RawFragment != "":
		return nil, errors.New("a URL with a # in it names no resource")
	}
	host, err := httpguts.PunycodeHostPort(u.Host)
	if err != nil {
		return nil, errors.New("the URL's host is not a valid name")
	}
	u.Host = strings.ToLower(host)
	if name := u.Hostname(); strings.HasSuffix(name, ".") {
		u.Host = strings.Replace(u.Host, name, strings.TrimRight(name, "."), 1)
	}
	if u.Scheme == "https" {
		u.Host = strings.TrimSuffix(u.Host, ":443")
	} else {
		u.Host = strings.TrimSuffix(u.Host, ":80")
	}
	if u.Hostname() == "" {
		return nil, errors.New("the URL names no host")
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.RawQuery = asciiQuery(u.RawQuery)
	return u, nil
}

// asciiQuery escapes what package url would write into a request, and into every error and log, as it came (RFC 3986 §2.1).
func asciiQuery(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c >= 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
			continue
		}
		b.WriteByte(query[i])
	}
	return b.String()
}
