package caldav

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"calbridge/internal/cal"
)

// tree is a server that answers PROPFIND for each path with the properties listed there; ORIGIN stands for the server's own.
type tree map[string]string

func (s tree) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	props, ok := s[q.URL.Path]
	switch {
	case q.Method != "PROPFIND":
		w.WriteHeader(405)
	case !ok:
		w.WriteHeader(404)
	case strings.HasPrefix(props, "/"):
		http.Redirect(w, q, props, http.StatusMovedPermanently)
	default:
		w.Header().Set("DAV", "1, calendar-access")
		w.WriteHeader(207)
		origin := "http://" + q.Host
		if q.TLS != nil {
			origin = "https://" + q.Host
		}
		children := ""
		if q.Header.Get("Depth") == "1" {
			for _, path := range slices.Sorted(maps.Keys(s)) {
				if rest, ok := strings.CutPrefix(path, q.URL.Path); ok && rest != "" && strings.Count(rest, "/") < 2 {
					children += answerTo(path, s[path])
				}
			}
		}
		fmt.Fprint(w, `<d:multistatus xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">`+
			strings.ReplaceAll(answerTo(q.URL.Path, props)+children, "ORIGIN", origin)+`</d:multistatus>`)
	}
}

func answerTo(path, props string) string {
	return `<d:response><d:href>` + path + `</d:href><d:propstat><d:prop>` + props + `</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>` +
		`<d:propstat><d:prop><c:calendar-home-set><d:href>/not/given/</d:href></c:calendar-home-set></d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat></d:response>`
}

const (
	aPrincipal  = `<d:current-user-principal><d:href>/p/alice/</d:href></d:current-user-principal>`
	aCollection = `<d:resourcetype><d:collection/></d:resourcetype>`
	aCalendar   = `<d:resourcetype><d:collection/><c:calendar/></d:resourcetype>`
	aHome       = `<c:calendar-home-set><d:href>/c/alice</d:href></c:calendar-home-set>`
	addresses   = `<c:calendar-user-address-set><d:href>mailto:alice@example.com</d:href><d:href>/p/alice/</d:href></c:calendar-user-address-set>`
)

func TestDiscover(t *testing.T) {
	for name, tt := range map[string]struct {
		server   tree
		at       string
		homes    string
		requests int
	}{
		"root names the principal": {tree{"/": aPrincipal, "/p/alice/": aPrincipal + aHome}, "", "/c/alice/", 2},
		"URL of the principal":     {tree{"/p/alice/": aPrincipal + aHome}, "/p/alice/", "/c/alice/", 1},
		"URL of a calendar":        {tree{"/c/alice/work/": aPrincipal + aCalendar, "/p/alice/": aHome}, "/c/alice/work/", "/c/alice/", 2},
		"a calendar elsewhere":     {tree{"/c/bob/work": aPrincipal + aCalendar, "/p/alice/": aHome}, "/c/bob/work", "/c/alice/ /c/bob/", 2},
		"well-known redirect":      {tree{"/.well-known/caldav": "/dav", "/dav": "/dav/", "/dav/": aPrincipal, "/p/alice/": aHome}, "/nowhere/", "/c/alice/", 5},
		"well-known leads back":    {tree{"/.well-known/caldav": "/x/", "/x/": aCollection, "/": aPrincipal, "/p/alice/": aHome}, "/x/", "/c/alice/", 6},
		"calendar, no principal":   {tree{"/c/alice/work/": aCalendar}, "/c/alice/work/", "/c/alice/", 1},
		"home, no principal":       {tree{"/c/alice/": aCollection, "/c/alice/work/": aCalendar}, "/c/alice/", "/c/alice/", 2},
		"empty home":               {tree{"/c/alice/": aCollection, "/": aCollection}, "/c/alice/", "/c/alice/", 5},
		"several absolute homes": {tree{"/": aPrincipal, "/p/alice/": `<c:calendar-home-set><d:href>ORIGIN/a/</d:href><d:href>/b/</d:href><d:href>c</d:href></c:calendar-home-set>`},
			"", "/a/ /b/ /p/alice/c/", 2},
		"home told at the root": {tree{"/": aPrincipal + aHome}, "", "/c/alice/", 1},
	} {
		for _, start := range []func(*testing.T, http.HandlerFunc) *recorder{record, recordTLS} {
			s := start(t, tt.server.ServeHTTP)
			account, err := Discover(t.Context(), dial(t, s).cfg, s.URL+tt.at)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if got := strings.ReplaceAll(strings.Join(account.Homes, " "), s.URL, ""); got != tt.homes {
				t.Errorf("%s: homes %q, want %q; steps\n%s", name, got, tt.homes, strings.Join(account.Steps, "\n"))
			}
			if s.count() != tt.requests {
				t.Errorf("%s: %d requests, want %d; steps\n%s", name, s.count(), tt.requests, strings.Join(account.Steps, "\n"))
			}
		}
	}
}

func TestDiscoverTellsWhoTheUserIs(t *testing.T) {
	s := record(t, tree{"/": aPrincipal, "/p/alice/": aHome + addresses}.ServeHTTP)
	account, err := Discover(t.Context(), dial(t, s).cfg, s.URL)
	if err != nil || account.Principal != s.URL+"/p/alice/" || account.Username != "alice" || account.Profile.Auth != AuthBasic ||
		account.Profile.DAV != "1, calendar-access" || !reflect.DeepEqual(account.Addresses, []string{"mailto:alice@example.com", "/p/alice/"}) {
		t.Errorf("%+v, %v", account, err)
	}
}

func TestDiscoverStopsAtOnce(t *testing.T) {
	for code, want := range map[int]error{401: cal.ErrLocked, 503: cal.Busy{}, 429: cal.Busy{}} {
		s := record(t, status(code))
		_, err := Discover(t.Context(), dial(t, s).cfg, s.URL+"/dav/")
		if !errors.Is(err, want) || s.count() != 1 {
			t.Errorf("%d: %d requests, %v", code, s.count(), err)
		}
		checkNoSecret(t, err)
	}
	s := record(t, status(404))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(ctx, dial(t, s).cfg, s.URL+"/dav/"); !errors.Is(err, context.Canceled) || s.count() > 0 {
		t.Errorf("%d requests, %v", s.count(), err)
	}
}

func TestWhatIsNoCalendarServer(t *testing.T) {
	page := func(code int, kind, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", kind)
			w.WriteHeader(code)
			fmt.Fprint(w, body)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{
		"login page":      page(200, "text/html", "<html>please log in</html>"),
		"login page, 207": page(207, "text/html", "<html>please log in</html>"),
		"other XML":       page(207, "application/xml", "<html xmlns='http://www.w3.org/1999/xhtml'/>"),
		"cut off":         page(207, "application/xml", `<d:multistatus xmlns:d="DAV:"><d:response><d:propstat><d:prop>`+aPrincipal),
		"nothing":         page(207, "application/xml", ""),
		"Xandikos' 404":   page(207, "application/xml", `<d:multistatus xmlns:d="DAV:"><d:response><d:href>/</d:href><d:status>HTTP/1.1 404 Not Found</d:status></d:response></d:multistatus>`),
		"nobody":          tree{"/": `<d:current-user-principal><d:unauthenticated/></d:current-user-principal>`}.ServeHTTP,
		"files only":      tree{"/": aPrincipal + aCollection, "/p/alice/": aCollection}.ServeHTTP,
		"endless": func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(207)
			fmt.Fprint(w, `<d:multistatus xmlns:d="DAV:">`)
			for range 3 * maxDiscovery / 1000 {
				if _, err := fmt.Fprint(w, `<d:response>`+strings.Repeat("x", 1000)+`</d:response>`); err != nil {
					return
				}
			}
		},
	} {
		s := record(t, answer)
		account, err := Discover(t.Context(), dial(t, s).cfg, s.URL)
		if err == nil {
			t.Errorf("%s: found %v", name, account.Homes)
			continue
		}
		if !strings.Contains(err.Error(), "give the full URL of the calendar home") || !strings.Contains(err.Error(), wellKnown) {
			t.Errorf("%s: the error tells too little: %v", name, err)
		}
		if len(account.Steps) < 2 {
			t.Errorf("%s: steps %q", name, account.Steps)
		}
	}
}

func TestErrorsTellWhatIsWrong(t *testing.T) {
	for says, answer := range map[string]http.HandlerFunc{
		"took no notice of name and password": tree{"/": `<d:current-user-principal><d:unauthenticated/></d:current-user-principal>`}.ServeHTTP,
		"larger than": func(w http.ResponseWriter, q *http.Request) {
			w.WriteHeader(207)
			fmt.Fprint(w, `<d:multistatus xmlns:d="DAV:">`+strings.Repeat("<d:response/>", maxDiscovery/10))
		},
		`is not an answer of a calendar server`: status(200),
		"Forbidden (403)":                       status(403),
	} {
		s := record(t, answer)
		if _, err := Discover(t.Context(), dial(t, s).cfg, s.URL); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("it says %v, and not %q", err, says)
		}
	}
}

func TestHTTPIsForHome(t *testing.T) {
	resolver := fakeDNS(t, func(q dns.Question) []string {
		switch {
		case q.Name == "_caldav._tcp.example.com.":
			return []string{q.Name + " 60 SRV 0 0 80 example.com."}
		case q.Qtype == dns.TypeA && q.Name == "example.com.":
			return []string{q.Name + " 60 A 127.0.0.1"}
		}
		return nil
	})
	cfg := Config{Username: "alice", Password: password, Resolver: resolver}
	if _, err := Discover(t.Context(), cfg, "example.com"); err == nil || !strings.Contains(err.Error(), "DNS points to http://example.com/, which is not encrypted") {
		t.Errorf("%v", err)
	}
}

func TestHomeOnAnotherHost(t *testing.T) {
	home := func(host string) string {
		return `<c:calendar-home-set><d:href>https://` + host + `/1234/calendars/</d:href></c:calendar-home-set>`
	}
	resolver := fakeDNS(t, func(q dns.Question) []string {
		if q.Qtype == dns.TypeA {
			return []string{q.Name + " 60 A 127.0.0.1"}
		}
		return nil
	})
	for host, want := range map[string]bool{"p42-caldav.example.com:443": true, "p42.example.com.cn": false, "evil.test": false} {
		s := recordTLS(t, tree{"/": aPrincipal, "/p/alice/": home(host)}.ServeHTTP)
		cfg := dial(t, s).cfg
		cfg.Resolver = resolver
		account, err := Discover(t.Context(), cfg, strings.Replace(s.URL, "127.0.0.1", "example.com", 1))
		if got := err == nil && account.Homes[0] == "https://"+strings.TrimSuffix(host, ":443")+"/1234/calendars/"; got != want {
			t.Errorf("%s: %v, %v", host, account.Homes, err)
		}
	}
}

func TestDiscoverThroughDNS(t *testing.T) {
	s := recordTLS(t, tree{"/dav/": aPrincipal, "/p/alice/": aHome, "/.well-known/caldav": "/dav/"}.ServeHTTP)
	port := s.URL[strings.LastIndexByte(s.URL, ':')+1:]
	for name, tt := range map[string]struct {
		records string
		homes   string // empty: not found
		says    string
	}{
		"SRV and path": {`_caldavs._tcp SRV 0 0 PORT example.com.|_caldavs._tcp TXT "path=/dav/"`, "/c/alice/", ""},
		"SRV only":     {`_caldavs._tcp SRV 0 0 PORT example.com.`, "/c/alice/", ""},
		"second SRV":   {`_caldavs._tcp SRV 0 0 1 example.com.|_caldavs._tcp SRV 1 0 PORT example.com.`, "/c/alice/", ""},
		"not here":     {`_caldavs._tcp SRV 0 0 0 .`, "", "no calendar home"},
		"another site": {`_caldavs._tcp SRV 0 0 PORT dav.evil.test.`, "", "DNS points to https://dav.evil.test:" + port},
		"no records":   {``, "", "no calendar home"},
		"a wild path":  {`_caldavs._tcp SRV 0 0 PORT example.com.|_caldavs._tcp TXT "path=http://evil.test/"`, "/c/alice/", ""},
		"in the clear": {`_caldav._tcp SRV 0 0 PORT example.com.`, "", "example.com"},
	} {
		records := strings.Split(strings.ReplaceAll(tt.records, "PORT", port), "|")
		resolver := fakeDNS(t, func(q dns.Question) []string {
			var out []string
			for _, record := range records {
				owner, rest, _ := strings.Cut(record, " ")
				if owner+".example.com." == q.Name && strings.HasPrefix(rest, dns.TypeToString[q.Qtype]) {
					out = append(out, q.Name+" 60 "+rest)
				}
			}
			if q.Qtype == dns.TypeA {
				out = append(out, q.Name+" 60 A 127.0.0.1")
			}
			return out
		})
		before := s.count()
		cfg := dial(t, s).cfg
		cfg.Resolver, cfg.Username = resolver, ""
		account, err := Discover(t.Context(), cfg, "alice@example.com")
		if tt.homes == "" {
			if err == nil || !strings.Contains(err.Error(), tt.says) || s.count() != before {
				t.Errorf("%s: %v, %v, %d requests", name, account.Homes, err, s.count()-before)
			}
			continue
		}
		if err != nil || account.Homes[0] != "https://example.com:"+port+tt.homes || account.Username != "alice@example.com" {
			t.Errorf("%s: %+v, %v", name, account, err)
		}
	}
}

func TestParseWhere(t *testing.T) {
	for where, want := range map[string]string{
		"https://dav.example.com/x":    "https://dav.example.com/x - -",
		"http://nas.lan:5232":          "http://nas.lan:5232/ - -",
		"example.com":                  "https://example.com/ example.com -",
		"Example.COM/dav/":             "https://example.com/dav/ - -",
		"example.com:8443":             "https://example.com:8443/ - -",
		"alice@example.com":            "https://example.com/ example.com alice@example.com",
		"mailto:alice@example.com":     "https://example.com/ example.com alice@example.com",
		"a@b@example.com":              "https://example.com/ example.com a@b@example.com",
		"192.0.2.1":                    "https://192.0.2.1/ - -",
		" example.com ":                "https://example.com/ example.com -",
		"https://a:" + password + "@x": "refused",
		"a:" + password + "@x/y":       "refused",
		"":                             "refused",
		"what is this":                 "refused",
		"ftp://example.com":            "refused",
	} {
		b, err := parseWhere(where)
		got := "refused"
		if err == nil {
			got = strings.Join([]string{b.url.String(), orDash(b.domain), orDash(b.user)}, " ")
		}
		if got != want {
			t.Errorf("%q is %q, want %q", where, got, want)
		}
		checkNoSecret(t, err)
	}
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func TestOldSpellingOfThePassword(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, q *http.Request) {
		if _, pass, _ := q.BasicAuth(); pass != "m\xfcll" {
			w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
			w.WriteHeader(401)
			return
		}
		tree{"/": aPrincipal + aHome}.ServeHTTP(w, q)
	})
	cfg := dial(t, s).cfg
	cfg.Password = "müll"
	account, err := Discover(t.Context(), cfg, s.URL)
	if err != nil || account.Profile.Auth != AuthLatin1 || s.count() != 2 {
		t.Errorf("%q, %d requests, %v", account.Profile.Auth, s.count(), err)
	}
	cfg.Password = "wröng"
	if _, err := Discover(t.Context(), cfg, s.URL); !errors.Is(err, cal.ErrLocked) || s.count() != 4 {
		t.Errorf("a wrong one: %d requests, %v", s.count(), err)
	}
	cfg.Profile.Auth = AuthBasic
	if _, err := Discover(t.Context(), cfg, s.URL); !errors.Is(err, cal.ErrLocked) || s.count() != 5 {
		t.Errorf("where UTF-8 is known to be right: %d requests, %v", s.count(), err)
	}
}
