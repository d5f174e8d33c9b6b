package caldav

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
)

const password = "pa55-s3cret-w0rd"

// recorder is a server that writes down what it is asked before it answers.
type recorder struct {
	*httptest.Server
	mu   sync.Mutex
	seen []*http.Request
	body []string
}

func record(t *testing.T, answer http.HandlerFunc) *recorder {
	return startRecorder(t, answer, (*httptest.Server).Start)
}

func recordTLS(t *testing.T, answer http.HandlerFunc) *recorder {
	return startRecorder(t, answer, func(s *httptest.Server) { s.EnableHTTP2 = true; s.StartTLS() })
}

func startRecorder(t *testing.T, answer http.HandlerFunc, start func(*httptest.Server)) *recorder {
	t.Helper()
	r := &recorder{}
	r.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
		body, _ := io.ReadAll(q.Body)
		r.mu.Lock()
		r.seen, r.body = append(r.seen, q), append(r.body, string(body))
		r.mu.Unlock()
		answer(w, q)
	}))
	r.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	start(r.Server)
	t.Cleanup(r.Close)
	return r
}

func (r *recorder) requests() []*http.Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]*http.Request(nil), r.seen...)
}

func (r *recorder) count() int { return len(r.requests()) }

// dial makes a client for the server, alice's, with private addresses allowed.
func dial(t *testing.T, s *recorder, change ...func(*Config)) *Client {
	t.Helper()
	cfg := Config{Home: s.URL + "/home/", Username: "alice", Password: password, AllowPrivate: true}
	if s.TLS != nil {
		cfg.RootCAs = s.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	}
	for _, c := range change {
		c(&cfg)
	}
	client, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func status(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func propfindHome() request {
	return request{method: "PROPFIND", href: "/home/", depth: "1", body: []byte("<propfind/>"), contentType: "application/xml"}
}

func putEvent() request {
	return request{method: http.MethodPut, href: "/home/cal/e.ics", body: []byte("BEGIN:VCALENDAR"), contentType: "text/calendar",
		header: http.Header{"If-Match": {`"1"`}}}
}

func read(t *testing.T, resp *http.Response, err error) string {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

func TestSendWritesWhatServersWant(t *testing.T) {
	s := record(t, status(204))
	c := dial(t, s, func(cfg *Config) { cfg.Version = "1.2.3" })
	resp, err := c.send(t.Context(), putEvent())
	read(t, resp, err)
	q := s.requests()[0]
	if user, pass, _ := q.BasicAuth(); user != "alice" || pass != password {
		t.Errorf("credentials %q %q", user, pass)
	}
	if q.ContentLength != int64(len("BEGIN:VCALENDAR")) || len(q.TransferEncoding) > 0 || q.Header.Get("Expect") != "" {
		t.Errorf("the body was announced as %d, %v, Expect %q", q.ContentLength, q.TransferEncoding, q.Header.Get("Expect"))
	}
	for name, want := range map[string]string{"User-Agent": "calbridge/1.2.3", "If-Match": `"1"`, "Content-Type": "text/calendar",
		"Accept-Encoding": "identity", "Depth": ""} {
		if got := q.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}

func TestSendAsksForGzipOnlyForListingsFromAfar(t *testing.T) {
	for _, tt := range []struct{ method, url, want string }{
		{"REPORT", "https://dav.example.com/", "gzip"}, {"PROPFIND", "https://dav.example.com/", "gzip"},
		{"GET", "https://dav.example.com/", "identity"}, {"PUT", "https://dav.example.com/", "identity"},
		{"REPORT", "http://127.0.0.1:1/", "identity"}, {"REPORT", "http://nas.lan/", "identity"}, {"REPORT", "http://[fd00::1]/", "identity"},
	} {
		u, err := parseURL(tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if got := encoding(request{method: tt.method}, u); got != tt.want {
			t.Errorf("%s %s asks for %s, want %s", tt.method, tt.url, got, tt.want)
		}
	}
}

func TestUnzips(t *testing.T) {
	var packed bytes.Buffer
	zip := gzip.NewWriter(&packed)
	fmt.Fprint(zip, strings.Repeat("calendar ", 10_000))
	zip.Close()
	s := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(207)
		w.Write(packed.Bytes())
	})
	c := dial(t, s)
	resp, err := c.send(t.Context(), propfindHome())
	if got := read(t, resp, err); got != strings.Repeat("calendar ", 10_000) {
		t.Errorf("%d bytes came out", len(got))
	}
	if n, arrived := c.Usage(); n != 1 || arrived != int64(packed.Len()) {
		t.Errorf("usage says %d requests, %d bytes; the wire carried 1 and %d", n, arrived, packed.Len())
	}
	resp, err = c.send(t.Context(), propfindHome())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(limitBody(resp.Body, 1000)); err == nil || !strings.Contains(err.Error(), "larger than 1000 bytes") {
		t.Errorf("a bomb: %v", err)
	}
	resp.Body.Close()
}

func TestEmptyAnswerMayClaimToBeZipped(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(201)
	})
	resp, err := dial(t, s).send(t.Context(), putEvent())
	if got := read(t, resp, err); got != "" {
		t.Errorf("read %q", got)
	}
}

func TestLimitBodyLetsThroughWhatFits(t *testing.T) {
	body := limitBody(io.NopCloser(strings.NewReader("12345")), 5)
	if got, err := io.ReadAll(body); string(got) != "12345" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
}

func TestWrongPasswordCostsOneRequest(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="calendars"`)
		w.WriteHeader(401)
	})
	for _, r := range []request{propfindHome(), putEvent()} {
		before := s.count()
		_, err := dial(t, s).send(t.Context(), r)
		if !errors.Is(err, cal.ErrLocked) || errors.Is(err, cal.ErrUnsent) {
			t.Errorf("%s: %v", r.method, err)
		}
		if n := s.count() - before; n != 1 {
			t.Errorf("%s: %d requests", r.method, n)
		}
	}
}

func TestRedirectKeepsMethodBodyAndHeaders(t *testing.T) {
	for _, code := range []int{301, 302, 307, 308} {
		s := record(t, func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path == "/home/" {
				http.Redirect(w, q, "../moved/", code)
				return
			}
			w.WriteHeader(207)
		})
		c := dial(t, s)
		resp, err := c.send(t.Context(), propfindHome())
		read(t, resp, err)
		seen := s.requests()
		if len(seen) != 2 || seen[1].Method != "PROPFIND" || seen[1].URL.Path != "/moved/" || s.body[1] != "<propfind/>" ||
			seen[1].Header.Get("Depth") != "1" || seen[1].Header.Get("Authorization") == "" {
			t.Errorf("%d: the second request was %+v with body %q", code, seen[len(seen)-1], s.body)
		}
		if resp.Request.URL.Path != "/moved/" {
			t.Errorf("the answer claims to come from %s", resp.Request.URL)
		}
		if n, _ := c.Usage(); n != 2 {
			t.Errorf("usage says %d requests", n)
		}
	}
}

func TestRedirectsEnd(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, q *http.Request) { http.Redirect(w, q, q.URL.Path+"x/", http.StatusFound) })
	_, err := dial(t, s).send(t.Context(), propfindHome())
	if err == nil || s.count() != 4 {
		t.Errorf("%d requests, %v", s.count(), err)
	}
}

func TestPasswordStaysOnItsSite(t *testing.T) {
	other := record(t, status(207))
	inTheClear := strings.Replace(other.URL, "127.0.0.1", "dav.example.com", 1)
	for _, location := range []string{other.URL + "/home/", "https://evil.test/home/", "//evil.test/home/", inTheClear,
		"https://alice:" + password + "@evil.test/", "file:///etc/passwd", "https://evil.test#dav.example.com", "gopher://x"} {
		for _, start := range []func(*testing.T, http.HandlerFunc) *recorder{record, recordTLS} {
			s := start(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Location", location); w.WriteHeader(307) })
			for _, r := range []request{propfindHome(), putEvent()} {
				_, err := dial(t, s).send(t.Context(), r)
				if !errors.Is(err, cal.ErrRefused) || errors.Is(err, cal.ErrUnsent) {
					t.Errorf("%s to %s: %v", r.method, location, err)
				}
				checkNoSecret(t, err)
			}
		}
	}
	if n := other.count(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestAbsoluteHrefElsewhereIsRefused(t *testing.T) {
	other := record(t, status(207))
	c := dial(t, record(t, status(207)))
	for _, href := range []cal.Href{cal.Href(other.URL + "/cal/"), "https://evil.test/", "http://alice:x@127.0.0.1/", "/cal/#fragment", ""} {
		r := propfindHome()
		r.href = href
		if _, err := c.send(t.Context(), r); !errors.Is(err, cal.ErrRefused) && !errors.Is(err, cal.ErrUnsent) {
			t.Errorf("%s: %v", href, err)
		}
	}
	if n, _ := c.Usage(); n != 0 || other.count() != 0 {
		t.Errorf("%d requests left", n)
	}
}

func TestDoubleSlashIsAPath(t *testing.T) {
	s := record(t, status(207))
	r := propfindHome()
	r.href = "//evil.test/cal/"
	resp, err := dial(t, s).send(t.Context(), r)
	read(t, resp, err)
	if got := s.requests()[0].URL.Path; got != "//evil.test/cal/" {
		t.Errorf("asked for %s", got)
	}
}

func TestEscapesArriveAsWritten(t *testing.T) {
	s := record(t, status(207))
	r := putEvent()
	r.href = "/home/a%2Fb%20c%40d%3Fe%23.ics"
	resp, err := dial(t, s).send(t.Context(), r)
	read(t, resp, err)
	if got := s.requests()[0].RequestURI; got != string(r.href) {
		t.Errorf("asked for %s", got)
	}
}

func TestWritesAreNotRedirected(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, q *http.Request) {
		http.Redirect(w, q, "/elsewhere", http.StatusPermanentRedirect)
	})
	for _, method := range []string{"PUT", "DELETE", "MKCALENDAR", "PROPPATCH"} {
		r := putEvent()
		r.method = method
		_, err := dial(t, s).send(t.Context(), r)
		if !errors.Is(err, cal.ErrRefused) || !strings.Contains(err.Error(), "re-add the account") {
			t.Errorf("%s: %v", method, err)
		}
	}
	if s.count() != 4 {
		t.Errorf("%d requests", s.count())
	}
}

func TestWritesAreNeverReplayed(t *testing.T) {
	hangUp := func(w http.ResponseWriter, q *http.Request) {
		if q.Method == "PROPFIND" {
			w.WriteHeader(207)
			return
		}
		panic(http.ErrAbortHandler) // the request was read; now the line goes dead
	}
	for name, start := range map[string]func(*testing.T, http.HandlerFunc) *recorder{"HTTP/1.1": record, "HTTP/2": recordTLS} {
		for _, method := range []string{"PUT", "DELETE"} {
			s := start(t, hangUp)
			c := dial(t, s)
			resp, err := c.send(t.Context(), propfindHome()) // so that the connection is a kept one, which net/http retries on
			read(t, resp, err)
			if resp.Proto != name && resp.Proto != "HTTP/2.0" {
				t.Fatalf("spoke %s", resp.Proto)
			}
			r := putEvent()
			if r.method = method; method == "DELETE" {
				r.body = nil
			}
			if _, err := c.send(t.Context(), r); err == nil || errors.Is(err, cal.ErrUnsent) {
				t.Errorf("%s %s: %v", name, method, err)
			}
			if n := s.count() - 1; n != 1 {
				t.Errorf("%s: %s arrived %d times", name, method, n)
			}
		}
	}
}

func TestDeadConnectionIsNoFailure(t *testing.T) {
	s := record(t, status(204))
	c := dial(t, s)
	for range 3 {
		resp, err := c.send(t.Context(), putEvent())
		read(t, resp, err)
		s.CloseClientConnections()
		time.Sleep(20 * time.Millisecond) // for the end of the connection to arrive; a write that crosses it has an unknown outcome
	}
	if s.count() != 3 {
		t.Errorf("%d requests arrived", s.count())
	}
}

func TestReadIsRepeatedWhenAKeptConnectionBreaks(t *testing.T) {
	var s *recorder
	s = record(t, func(w http.ResponseWriter, q *http.Request) {
		if s.count() == 2 {
			panic(http.ErrAbortHandler)
		}
		w.WriteHeader(207)
	})
	c := dial(t, s)
	for range 2 {
		resp, err := c.send(t.Context(), propfindHome())
		read(t, resp, err)
	}
	if n, _ := c.Usage(); n != 3 || s.count() != 3 || s.body[2] != "<propfind/>" {
		t.Errorf("%d requests counted, %d arrived", n, s.count())
	}
	always := record(t, func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	if _, err := dial(t, always).send(t.Context(), propfindHome()); err == nil || always.count() != 1 {
		t.Errorf("on a fresh connection: %d requests, %v", always.count(), err)
	}
}

func TestUnsent(t *testing.T) {
	plain, strange := record(t, status(200)), recordTLS(t, status(200))
	closed, err := net.Listen("tcp", "127.0.0.1:0") // last, or another server gets the port
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	for what, home := range map[string]string{
		"nobody listens": "http://" + closed.Addr().String() + "/",
		"no TLS":         strings.Replace(plain.URL, "http:", "https:", 1) + "/",
		"bad cert":       strange.URL + "/",
	} {
		c, err := New(Config{Home: home, Username: "alice", Password: password, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.send(t.Context(), putEvent()); !errors.Is(err, cal.ErrUnsent) {
			t.Errorf("%s: %v", what, err)
		}
		if n, _ := c.Usage(); n != 0 {
			t.Errorf("%s: %d requests counted", what, n)
		}
	}
}

func TestBadHeaderValueNeverLeaves(t *testing.T) {
	s := record(t, status(204))
	r := putEvent()
	r.header.Set("If-Match", "\"1\"\r\nX-Evil: 1")
	if _, err := dial(t, s).send(t.Context(), r); !errors.Is(err, cal.ErrUnsent) || s.count() != 0 {
		t.Errorf("%v, %d requests", err, s.count())
	}
}

func TestBusy(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tt := range []struct {
		code        int
		after, date string
		want        time.Duration
	}{
		{429, "120", "", 2 * time.Minute},
		{503, "0", "", 0},
		{503, "", "", 0},
		{429, "soon", "", 0},
		{429, "-5", "", 0},
		{429, "1.5", "", 0},
		{429, "999999999999", "", 2 * time.Hour},
		{429, "99999999999999999999999999", "", 0},
		{503, "Sat, 21 Nov 2026 12:01:00 GMT", "garbage", time.Minute},
		{503, "Sat, 21 Nov 2026 12:01:00 GMT", "Sat, 21 Nov 2026 12:00:30 GMT", 30 * time.Second},
		{503, "Sat, 21 Nov 2026 11:59:00 GMT", "garbage", 0},
		{503, "Sun, 22 Nov 2026 12:00:00 GMT", "garbage", 2 * time.Hour},
	} {
		s := record(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", tt.after)
			if tt.date != "" {
				w.Header().Set("Date", tt.date)
			}
			w.WriteHeader(tt.code)
		})
		c := dial(t, s, func(cfg *Config) { cfg.Now = func() time.Time { return now } })
		_, err := c.send(t.Context(), propfindHome())
		var busy cal.Busy
		if !errors.As(err, &busy) || busy.Wait != tt.want {
			t.Errorf("Retry-After %q at %q: %v, want %v", tt.after, tt.date, err, tt.want)
		}
	}
}

func TestTraceAndUsage(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "12345") })
	var seen []Exchange
	c := dial(t, s, func(cfg *Config) { cfg.Trace = func(x Exchange) { seen = append(seen, x) } })
	resp, err := c.send(t.Context(), propfindHome())
	read(t, resp, err)
	if len(seen) != 1 || seen[0].Method != "PROPFIND" || seen[0].URL != s.URL+"/home/" || seen[0].Status != 200 || seen[0].Bytes != 5 || seen[0].Duration <= 0 {
		t.Errorf("traced %+v", seen)
	}
	if n, arrived := c.Usage(); n != 1 || arrived != 5 {
		t.Errorf("usage says %d, %d", n, arrived)
	}
}

func TestUnreadAnswersKeepTheConnection(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Repeat("x", 50_000)) })
	c := dial(t, s)
	for range 3 {
		resp, err := c.send(t.Context(), propfindHome())
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for _, q := range s.requests() {
		if q.RemoteAddr != s.requests()[0].RemoteAddr {
			t.Errorf("a second connection was opened")
		}
	}
}

func TestCancelledContext(t *testing.T) {
	s := record(t, status(207))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := dial(t, s).send(ctx, propfindHome()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

func TestSecretShowsItselfToNobody(t *testing.T) {
	cfg := Config{Home: "https://dav.example.com/", Username: "alice", Password: password}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, format+"\n", cfg.Password)
		fmt.Fprintf(&out, format+"\n", cfg)
		fmt.Fprintf(&out, format+"\n", &cfg)
		fmt.Fprintf(&out, format+"\n", c)
		fmt.Fprintf(&out, format+"\n", struct{ C *Client }{c})
	}
	slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "password", cfg.Password)
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", cfg.Password, "client", c)
	text, _ := json.Marshal(cfg.Password)
	out.Write(text)
	if s := out.String(); strings.Contains(s, password) || strings.Contains(s, fmt.Sprintf("%x", password)) {
		t.Errorf("the password is in\n%s", s)
	}
}

func TestNewRefuses(t *testing.T) {
	for what, cfg := range map[string]Config{
		"no home":       {},
		"userinfo":      {Home: "https://alice:" + password + "@dav.example.com/"},
		"scheme":        {Home: "ftp://dav.example.com/"},
		"no host":       {Home: "https:///cal/"},
		"second home":   {Homes: []string{"https://dav.example.com/", "nonsense"}},
		"line end":      {Home: "https://dav.example.com/", Password: password + "\n"},
		"colon in name": {Home: "https://dav.example.com/", Username: "al:ice"},
		"garbage":       {Home: "https://dav.example.com:" + password + "/"},
	} {
		_, err := New(cfg)
		if err == nil {
			t.Errorf("%s was taken", what)
		}
		checkNoSecret(t, err)
	}
}

func checkNoSecret(t *testing.T, err error) {
	t.Helper()
	if err != nil && strings.Contains(err.Error(), password) {
		t.Errorf("the password is in %q", err)
	}
}
