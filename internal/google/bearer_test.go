package google_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
)

// drawer is a Keeper in memory.
type drawer struct {
	mu     sync.Mutex
	grant  google.Grant
	before func() // a renewal, as another process has it
}

func (d *drawer) Grant(context.Context) (google.Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.grant, nil
}

func (d *drawer) Renew(ctx context.Context, stale google.Grant, refresh func(context.Context, google.Grant) (google.Grant, error)) (google.Grant, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.before != nil {
		d.before()
		d.before = nil
	}
	if !d.grant.Same(stale) {
		return d.grant, nil
	}
	next, err := refresh(ctx, stale)
	if err == nil {
		d.grant = next
	}
	return next, err
}

// desk is an API behind the tokens: it takes what good says.
type desk struct {
	mu   sync.Mutex
	good func(token string) bool
	seen []string // token and body of each request
	url  string
}

func newDesk(t *testing.T, good func(string) bool) *desk {
	d := &desk{good: good}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL + "/calendar/v3/"
	return d
}

func (d *desk) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	token := strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")
	d.seen = append(d.seen, token+" "+string(body))
	if !d.good(token) {
		w.WriteHeader(http.StatusUnauthorized)
	}
}

func only(good string) func(string) bool { return func(token string) bool { return token == good } }

type call struct {
	*office
	*desk
	*drawer
	client *http.Client
}

// newCall is a client whose grant was given in TestConsent's way, so that its token is access-1.
func newCall(t *testing.T, good func(string) bool) call {
	t.Helper()
	o, client := newOffice(t)
	d := newDesk(t, good)
	client.APIURL = d.url
	k := &drawer{grant: granted(t, o, client)}
	return call{o, d, k, &http.Client{Transport: client.Transport(http.DefaultTransport, k)}}
}

func (c call) post(body io.Reader) (int, error) {
	resp, err := c.client.Post(c.desk.url+"calendars/x/events", "application/json", body)
	if err != nil {
		return 0, err
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}

// sees fails unless the API saw these requests, each "token body".
func (c call) sees(t *testing.T, want ...string) {
	t.Helper()
	if got := strings.Join(c.seen, "|"); got != strings.Join(want, "|") {
		t.Errorf("the API saw %q, want %q", got, want)
	}
}

func TestTransportAddsTheToken(t *testing.T) {
	c := newCall(t, only("access-1"))
	if status, err := c.post(strings.NewReader("hello")); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	c.sees(t, "access-1 hello")
}

// TestTransportRenewsInTime: a token about to expire is not used any more.
func TestTransportRenewsInTime(t *testing.T) {
	for life, refreshes := range map[time.Duration]int{61 * time.Second: 0, 60 * time.Second: 1, -time.Hour: 1} {
		c := newCall(t, func(string) bool { return true })
		c.grant.Expiry = now.Add(life)
		for range 2 {
			if status, err := c.post(strings.NewReader("hello")); status != 200 || err != nil {
				t.Errorf("%d %v", status, err)
			}
		}
		if c.refreshes() != refreshes {
			t.Errorf("with %v to live: %d refreshes, want %d", life, c.refreshes(), refreshes)
		}
	}
}

// TestTransportRenewsAfter401: the request is made again, whole, once.
func TestTransportRenewsAfter401(t *testing.T) {
	c := newCall(t, only("access-2"))
	if status, err := c.post(strings.NewReader("hello")); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	c.sees(t, "access-1 hello", "access-2 hello")
}

// TestTransportUsesWhatAnotherRenewed: with no request for a token.
func TestTransportUsesWhatAnotherRenewed(t *testing.T) {
	c := newCall(t, only("access-9"))
	c.before = func() { c.grant.AccessToken = "access-9" }
	if status, err := c.post(strings.NewReader("hello")); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	c.sees(t, "access-1 hello", "access-9 hello")
	if c.refreshes() != 0 {
		t.Errorf("%d refreshes", c.refreshes())
	}
}

// TestTransportRenewsWhatAnotherLeftToExpire: what another process stored hours ago is renewed too.
func TestTransportRenewsWhatAnotherLeftToExpire(t *testing.T) {
	c := newCall(t, only("access-2"))
	c.before = func() { c.grant.AccessToken, c.grant.Expiry = "access-9", now.Add(-time.Hour) }
	if status, err := c.post(strings.NewReader("hello")); status != 200 || err != nil {
		t.Errorf("%d %v", status, err)
	}
	c.sees(t, "access-1 hello", "access-2 hello")
}

func TestTransportGivesUp(t *testing.T) {
	t.Run("a second 401 needs a person", func(t *testing.T) {
		c := newCall(t, only("none"))
		_, err := c.post(strings.NewReader("hello"))
		says(t, err, "account add google")
		if !errors.Is(err, cal.ErrLocked) {
			t.Errorf("%v", err)
		}
		c.sees(t, "access-1 hello", "access-2 hello")
	})
	t.Run("a body that is used up", func(t *testing.T) {
		c := newCall(t, only("access-2"))
		_, err := c.post(io.MultiReader(strings.NewReader("hello"))) // of which http.NewRequest knows no GetBody
		if !errors.Is(err, cal.ErrUnsent) || errors.Is(err, cal.ErrLocked) {
			t.Errorf("%v", err)
		}
		c.sees(t, "access-1 hello")
		if status, err := c.post(strings.NewReader("again")); status != 200 || err != nil { // with the token of that renewal
			t.Errorf("%d %v", status, err)
		}
	})
	t.Run("no token", func(t *testing.T) {
		c := newCall(t, only("access-1"))
		c.grant.Expiry = now
		c.refuse = func(w http.ResponseWriter) bool { return refusal(w, 500, "internal_failure") }
		_, err := c.post(strings.NewReader("hello"))
		if !errors.Is(err, cal.ErrUnsent) || errors.Is(err, cal.ErrLocked) {
			t.Errorf("%v", err)
		}
		c.sees(t)
	})
	t.Run("no consent", func(t *testing.T) {
		c := newCall(t, only("access-2"))
		c.refuse = func(w http.ResponseWriter) bool { return refusal(w, 400, "invalid_grant") }
		_, err := c.post(strings.NewReader("hello"))
		if !errors.Is(err, cal.ErrLocked) {
			t.Errorf("%v", err)
		}
		c.sees(t, "access-1 hello")
	})
}

// TestTransportKeepsTheTokenHome: it goes to the API, and nowhere else, whoever points there.
func TestTransportKeepsTheTokenHome(t *testing.T) {
	c := newCall(t, func(string) bool { return true })
	thief := newDesk(t, func(string) bool { return true })
	for _, where := range []string{thief.url, strings.Replace(c.desk.url, "http:", "https:", 1)} {
		_, err := c.client.Get(where)
		says(t, err, "not sent there")
	}
	for _, lure := range []string{thief.url, "/calendar/v3/elsewhere"} {
		redirecting := httptest.NewServer(http.RedirectHandler(lure, http.StatusTemporaryRedirect))
		t.Cleanup(redirecting.Close)
		_, client := newOffice(t)
		client.APIURL = redirecting.URL
		_, err := (&http.Client{Transport: client.Transport(http.DefaultTransport, c.drawer)}).Get(redirecting.URL)
		says(t, err, "not sent there")
	}
	if len(thief.seen)+len(c.seen) > 0 {
		t.Errorf("%q %q", thief.seen, c.seen)
	}
}
