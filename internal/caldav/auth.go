package caldav

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"unicode"

	"github.com/icholy/digest"
	"golang.org/x/text/encoding/charmap"

	"calbridge/internal/cal"
)

// login makes one request with the credentials. Basic is sent unasked, which saves a round trip; a server whose 401 offers only Digest
// gets that from then on. A password that a Basic server refuses costs one request, never two: some servers count, and lock accounts.
func (c *Client) login(ctx context.Context, r request, u *url.URL) (*http.Response, error) {
	for round := 0; ; round++ {
		proof, err := c.prove(r, u)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w: %w", r.method, u.Redacted(), cal.ErrLocked, err)
		}
		resp, err := c.exchange(ctx, r, u, proof.header)
		if err != nil {
			return nil, err
		}
		if resp.StatusCode != http.StatusUnauthorized {
			c.proved(proof, resp)
			return resp, nil
		}
		again := round == 0 && c.challenged(proof, resp)
		discard(resp)
		if !again {
			return nil, c.lockedError(r, u)
		}
	}
}

func (c *Client) lockedError(r request, u *url.URL) error {
	return fmt.Errorf("%s %s: %w for user %q: check name and password (many providers want an app password)",
		r.method, u.Redacted(), cal.ErrLocked, c.cfg.Username)
}

// proof is an Authorization header and what it was made with.
type proof struct {
	scheme Auth
	header string // empty: none, as the server has to ask first
	nonce  string
}

// prove makes the Authorization header for one request.
func (c *Client) prove(r request, u *url.URL) (proof, error) {
	c.mu.Lock()
	scheme := c.known.Auth
	c.mu.Unlock()
	switch scheme {
	case AuthDigest:
		return c.proveDigest(r, u)
	case AuthLatin1:
		header, err := c.basicLatin1()
		return proof{scheme: AuthLatin1, header: header}, err
	}
	if c.cfg.Username == "" && c.cfg.Password == "" {
		return proof{scheme: AuthBasic}, nil // a public calendar
	}
	return proof{scheme: AuthBasic, header: basic(c.cfg.Username + ":" + string(c.cfg.Password))}, nil
}

// basic is RFC 7617 §2.
func basic(pair string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

func (c *Client) basicLatin1() (string, error) {
	pair, err := charmap.ISO8859_1.NewEncoder().String(c.cfg.Username + ":" + string(c.cfg.Password))
	if err != nil {
		return "", errors.New("name or password have characters that ISO 8859-1 lacks") // the cause would quote one
	}
	return basic(pair), nil
}

// proveDigest is RFC 7616 §3.4, with the challenge the host gave last; without one the server has to ask first.
func (c *Client) proveDigest(r request, u *url.URL) (proof, error) {
	challenge, count := c.nonces.use(u.Host)
	if challenge == nil {
		return proof{scheme: AuthDigest}, nil
	}
	credentials, err := digest.Digest(challenge, digest.Options{
		Method:   r.method,
		URI:      u.RequestURI(),
		Count:    count,
		Username: c.cfg.Username,
		Password: string(c.cfg.Password),
		GetBody:  func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(r.body)), nil },
	})
	if err != nil {
		return proof{}, fmt.Errorf("answer the Digest challenge: %w", err)
	}
	return proof{scheme: AuthDigest, header: credentials.String(), nonce: challenge.Nonce}, nil
}

// proved remembers what let us in.
func (c *Client) proved(p proof, resp *http.Response) {
	if resp.StatusCode >= 300 || p.header == "" {
		return
	}
	c.learn(func(known *Profile) { known.Auth = p.scheme })
}

// challenged learns from a 401 and reports whether another proof is worth a try.
func (c *Client) challenged(p proof, resp *http.Response) bool {
	challenge, offersBasic := offers(resp.Header)
	switch {
	case p.scheme != AuthDigest && (offersBasic || challenge == nil):
		return false // it understood the proof and does not want it
	case challenge == nil && p.header == "" && offersBasic:
		c.learn(func(known *Profile) { known.Auth = AuthBasic }) // the server has changed its mind since
		return true
	case challenge == nil || p.nonce == challenge.Nonce && !challenge.Stale:
		return false
	}
	c.nonces.set(resp.Request.URL.Host, challenge)
	c.learn(func(known *Profile) { known.Auth = AuthDigest })
	return true
}

// offers reads WWW-Authenticate (RFC 9110 §11.6.1): the Digest challenge if there is one we can answer, and whether Basic would do.
func offers(h http.Header) (*digest.Challenge, bool) {
	var found *digest.Challenge
	var offersBasic bool
	for _, line := range h.Values("WWW-Authenticate") {
		for _, scheme := range splitChallenges(line) {
			name, _, _ := strings.Cut(scheme, " ")
			offersBasic = offersBasic || strings.EqualFold(name, "Basic")
			if found == nil {
				found = parseDigest(scheme)
			}
		}
	}
	return found, offersBasic
}

// parseDigest reads a challenge; nil: it is none, or none we can answer.
func parseDigest(text string) *digest.Challenge {
	challenge, err := digest.ParseChallenge(text)
	if err != nil {
		return nil
	}
	challenge.QOP = strings.FieldsFunc(strings.Join(challenge.QOP, ","), func(r rune) bool { return r == ',' || r == ' ' })
	if !digest.CanDigest(challenge) {
		return nil
	}
	return challenge
}

// splitChallenges cuts one header line with several challenges before each scheme: a word that is followed by a space and no "=".
func splitChallenges(line string) []string {
	var out []string
	for _, part := range splitOutsideQuotes(line) {
		part = strings.TrimSpace(part)
		word, rest, spaced := strings.Cut(part, " ")
		begins := !strings.Contains(word, "=") && (!spaced || !strings.HasPrefix(strings.TrimSpace(rest), "="))
		switch {
		case part == "":
		case begins || len(out) == 0:
			out = append(out, part)
		default:
			out[len(out)-1] += ", " + part
		}
	}
	return out
}

// splitOutsideQuotes splits at commas that are not part of a quoted string (RFC 9110 §5.6.4).
func splitOutsideQuotes(line string) []string {
	var parts []string
	start, quoted := 0, false
	for i := 0; i < len(line); i++ {
		switch {
		case quoted && line[i] == '\\':
			i++
		case line[i] == '"':
			quoted = !quoted
		case line[i] == ',' && !quoted:
			parts = append(parts, line[start:i])
			start = i + 1
		}
	}
	return append(parts, line[start:])
}

// checkCredentials refuses what no Authorization header can carry.
func checkCredentials(cfg Config) error {
	switch {
	case strings.ContainsFunc(cfg.Username, unicode.IsControl):
		return errors.New("the user name contains a control character")
	case strings.ContainsFunc(string(cfg.Password), unicode.IsControl):
		return errors.New("the password contains a control character (a line end, perhaps)")
	case strings.Contains(cfg.Username, ":"):
		return errors.New("the user name contains a colon, which Basic authentication cannot carry (RFC 7617 §2)")
	}
	return nil
}

// nonces keeps, per host, the Digest challenge in use and how often it was answered: a server may refuse a count it has seen.
type nonces struct {
	mu sync.Mutex
	of map[string]*nonce
}

type nonce struct {
	challenge *digest.Challenge
	count     int
}

func (n *nonces) use(host string) (*digest.Challenge, int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	current := n.of[host]
	if current == nil {
		return nil, 0
	}
	current.count++
	return current.challenge, current.count
}

func (n *nonces) set(host string, challenge *digest.Challenge) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.of == nil {
		n.of = map[string]*nonce{}
	}
	n.of[host] = &nonce{challenge: challenge}
}
