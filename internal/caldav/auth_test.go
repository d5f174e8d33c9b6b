package caldav

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	"github.com/icholy/digest"

	"calbridge/internal/cal"
)

// digestServer wants Digest from alice, by RFC 7616, and a new count with each request.
type digestServer struct {
	mu        sync.Mutex
	challenge digest.Challenge
	counts    map[string]bool
}

func (d *digestServer) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.accepts(q) {
		w.Header().Set("WWW-Authenticate", d.challenge.String())
		w.WriteHeader(401)
		return
	}
	w.WriteHeader(207)
}

func (d *digestServer) accepts(q *http.Request) bool {
	got, err := digest.ParseCredentials(q.Header.Get("Authorization"))
	if err != nil || got.Nonce != d.challenge.Nonce || got.URI != q.RequestURI {
		return false
	}
	want, err := digest.Digest(&d.challenge, digest.Options{Method: q.Method, URI: q.RequestURI, Count: got.Nc, Cnonce: got.Cnonce,
		Username: "alice", Password: password})
	seen := d.counts[got.Nonce+fmt.Sprint(got.Nc)]
	d.counts[got.Nonce+fmt.Sprint(got.Nc)] = true
	return err == nil && want.Response == got.Response && !seen
}

func newDigestServer() *digestServer {
	return &digestServer{counts: map[string]bool{}, challenge: digest.Challenge{Realm: `cal "endars", inc`, Nonce: "n1", QOP: []string{"auth"}}}
}

func TestDigest(t *testing.T) {
	for _, algorithm := range []string{"", "MD5", "SHA-256"} {
		d := newDigestServer()
		d.challenge.Algorithm = algorithm
		s := record(t, d.ServeHTTP)
		c := dial(t, s)
		for i, want := range []int{2, 1, 1} { // the first is a question and its answer
			before := s.count()
			resp, err := c.send(t.Context(), propfindHome())
			read(t, resp, err)
			if n := s.count() - before; n != want {
				t.Errorf("request %d took %d exchanges, want %d", i, n, want)
			}
		}
		if got := c.Profile().Auth; got != AuthDigest {
			t.Errorf("learned %q", got)
		}
		d.mu.Lock()
		d.challenge.Nonce, d.challenge.Stale = "n2", true
		d.mu.Unlock()
		resp, err := c.send(t.Context(), putEvent())
		read(t, resp, err)
		if n := s.count(); n != 6 || s.body[5] != "BEGIN:VCALENDAR" {
			t.Errorf("after the nonce was replaced: %d requests, last body %q", n, s.body[n-1])
		}
	}
}

func TestDigestIsRemembered(t *testing.T) {
	s := record(t, newDigestServer().ServeHTTP)
	c := dial(t, s, func(cfg *Config) { cfg.Profile.Auth = AuthDigest })
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	if got := s.requests()[0].Header.Get("Authorization"); got != "" {
		t.Errorf("the first request carried %q", got)
	}
}

func TestWrongDigestPassword(t *testing.T) {
	s := record(t, newDigestServer().ServeHTTP)
	c := dial(t, s, func(cfg *Config) { cfg.Password = "wrong" })
	if _, err := c.send(t.Context(), propfindHome()); !errors.Is(err, cal.ErrLocked) || s.count() != 2 {
		t.Errorf("%d requests, %v", s.count(), err)
	}
	if _, err := c.send(t.Context(), propfindHome()); !errors.Is(err, cal.ErrLocked) || s.count() != 3 {
		t.Errorf("the second try made it %d requests, %v", s.count(), err)
	}
}

func TestDigestCountsAreUniqueAcrossGoroutines(t *testing.T) {
	s := record(t, newDigestServer().ServeHTTP)
	c := dial(t, s)
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	var wait sync.WaitGroup
	for range 20 {
		wait.Go(func() {
			if resp, err := c.send(t.Context(), propfindHome()); err != nil {
				t.Error(err)
			} else {
				resp.Body.Close()
			}
		})
	}
	wait.Wait()
	if s.count() != 22 {
		t.Errorf("%d requests", s.count())
	}
}

func TestBasicIsPreferred(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, q *http.Request) {
		w.Header().Add("WWW-Authenticate", `Digest realm="x", nonce="n", qop="auth"`)
		w.Header().Add("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(401)
	})
	if _, err := dial(t, s).send(t.Context(), propfindHome()); !errors.Is(err, cal.ErrLocked) || s.count() != 1 {
		t.Errorf("%d requests, %v", s.count(), err)
	}
}

func TestServerThatWentBackToBasic(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, q *http.Request) {
		if _, _, ok := q.BasicAuth(); !ok {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
		}
	})
	c := dial(t, s, func(cfg *Config) { cfg.Profile.Auth = AuthDigest })
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	if c.Profile().Auth != AuthBasic || s.count() != 2 {
		t.Errorf("learned %q in %d requests", c.Profile().Auth, s.count())
	}
}

func TestLatin1(t *testing.T) {
	s := record(t, status(207))
	c := dial(t, s, func(cfg *Config) { cfg.Password, cfg.Profile.Auth = "pässword", AuthLatin1 })
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	if _, pass, _ := s.requests()[0].BasicAuth(); pass != "p\xe4ssword" {
		t.Errorf("sent %q", pass)
	}
	c = dial(t, s, func(cfg *Config) { cfg.Password, cfg.Profile.Auth = password+"語", AuthLatin1 })
	_, err = c.send(t.Context(), propfindHome())
	if err == nil {
		t.Error("Latin-1 took Japanese")
	}
	checkNoSecret(t, err)
}

func TestPublicCalendarNeedsNoPassword(t *testing.T) {
	s := record(t, status(207))
	c := dial(t, s, func(cfg *Config) { cfg.Username, cfg.Password = "", "" })
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	if got := s.requests()[0].Header.Get("Authorization"); got != "" || c.Profile().Auth != AuthUnknown {
		t.Errorf("sent %q, learned %q", got, c.Profile().Auth)
	}
}

func TestOffers(t *testing.T) {
	for _, tt := range []struct {
		lines []string
		nonce string
		basic bool
	}{
		{nil, "", false},
		{[]string{`Basic realm="x"`}, "", true},
		{[]string{`basic`}, "", true},
		{[]string{`Digest realm="a, Basic b", nonce="n1", qop="auth, auth-int"`}, "n1", false},
		{[]string{`Basic realm="x", charset="UTF-8", Digest realm="y", nonce="n2", algorithm=MD5`}, "n2", true},
		{[]string{`X-MobileMe-AuthToken realm="MMCal"`, `Basic realm="MMCal"`}, "", true},
		{[]string{`Digest realm="y", nonce="sha3", algorithm=SHA3-256`, `Digest realm="y", nonce="md5"`}, "md5", false},
		{[]string{`Bearer`, `Negotiate`, ``, `,,`, `"`}, "", false},
	} {
		challenge, offersBasic := offers(http.Header{"Www-Authenticate": tt.lines})
		nonce := ""
		if challenge != nil {
			nonce = challenge.Nonce
		}
		if nonce != tt.nonce || offersBasic != tt.basic {
			t.Errorf("%q: nonce %q, basic %v", tt.lines, nonce, offersBasic)
		}
	}
}
