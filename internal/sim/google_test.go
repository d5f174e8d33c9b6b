package sim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// googleBench is one Google server with one user, and a clock that stands still.
type googleBench struct {
	*sim.Google
	t     testing.TB
	ada   *sim.GoogleUser
	token string
	mu    sync.Mutex
	now   time.Time
}

func newGoogle(t testing.TB, o ...sim.GoogleOptions) *googleBench {
	t.Helper()
	b := &googleBench{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	options := sim.GoogleOptions{}
	if len(o) > 0 {
		options = o[0]
	}
	options.Clock = func() time.Time {
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.now
	}
	if options.Discovery == nil {
		options.Discovery = discovery(t)
	}
	b.Google = sim.NewGoogle(options)
	b.ada = b.AddUser("ada@example.org")
	b.token = b.Token(b.ada)
	return b
}

func (b *googleBench) pass(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

var discovery = func() func(testing.TB) *sim.Discovery {
	load := sync.OnceValues(func() (*sim.Discovery, error) {
		dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
		if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		return sim.LoadDiscovery(filepath.Join(strings.TrimSpace(string(dir)), "calendar", "v3", "calendar-api.json"))
	})
	return func(t testing.TB) *sim.Discovery {
		t.Helper()
		d, err := load()
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
}()

// said is an answer.
type said struct {
	status int
	reason string
	text   string
	header http.Header
	obj    map[string]any
}

func (s said) str(path ...string) string {
	var v any = s.obj
	for _, p := range path {
		o, _ := v.(map[string]any)
		v = o[p]
	}
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func (s said) items() []said {
	var all []said
	list, _ := s.obj["items"].([]any)
	for _, i := range list {
		o, _ := i.(map[string]any)
		all = append(all, said{obj: o})
	}
	return all
}

func (s said) ids() []string {
	var ids []string
	for _, i := range s.items() {
		ids = append(ids, i.str("id"))
	}
	return ids
}

const primary = "calendars/primary/events"

// ask sends one request as ada; headers are name, value.
func (b *googleBench) ask(verb, path, body string, headers ...string) said {
	b.t.Helper()
	return b.askAs(b.token, verb, path, body, headers...)
}

func (b *googleBench) askAs(token, verb, path, body string, headers ...string) said {
	b.t.Helper()
	r := httptest.NewRequest(verb, "https://www.googleapis.com/calendar/v3/"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return b.do(r)
}

func (b *googleBench) do(r *http.Request) said {
	b.t.Helper()
	answer, err := b.Transport().RoundTrip(r)
	if err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	raw, err := io.ReadAll(answer.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	s := said{status: answer.StatusCode, text: string(raw), header: answer.Header}
	if len(raw) > 0 && bytes.HasPrefix(raw, []byte("{")) {
		if err := json.Unmarshal(raw, &s.obj); err != nil {
			b.t.Fatalf("%v in %s", err, raw)
		}
	}
	if e, _ := s.obj["error"].(map[string]any); e != nil {
		first, _ := e["errors"].([]any)[0].(map[string]any)
		s.reason = fmt.Sprint(first["reason"])
	}
	return s
}

// must asks and wants 2xx.
func (b *googleBench) must(verb, path, body string, headers ...string) said {
	b.t.Helper()
	s := b.ask(verb, path, body, headers...)
	if s.status/100 != 2 {
		b.t.Fatalf("%s %s: %d %s", verb, path, s.status, s.text)
	}
	return s
}

// want asks and wants a refusal.
func (b *googleBench) want(status int, reason, verb, path, body string, headers ...string) said {
	b.t.Helper()
	s := b.ask(verb, path, body, headers...)
	if s.status != status || s.reason != reason {
		b.t.Errorf("%s %s %s: %d %s, want %d %s: %s", verb, path, body, s.status, s.reason, status, reason, s.text)
	}
	return s
}

const (
	monday  = `"start":{"dateTime":"2026-03-02T09:00:00Z","timeZone":"Europe/Zurich"},"end":{"dateTime":"2026-03-02T10:00:00Z","timeZone":"Europe/Zurich"}`
	aDay    = `"start":{"date":"2026-03-02"},"end":{"date":"2026-03-03"}`
	daily   = monday + `,"recurrence":["RRULE:FREQ=DAILY;COUNT=5"]`
	unasked = "?sendUpdates=none"
)

func (b *googleBench) sync(token string, more ...string) said {
	b.t.Helper()
	return b.must("GET", primary+"?syncToken="+token+strings.Join(more, ""), "")
}

func (b *googleBench) start() string {
	b.t.Helper()
	token := b.must("GET", primary, "").str("nextSyncToken")
	if token == "" {
		b.t.Fatal("no sync token")
	}
	return token
}

func (b *googleBench) clean() {
	b.t.Helper()
	for _, v := range b.Violations() {
		b.t.Error(v)
	}
}

func TestGoogleLife(t *testing.T) {
	b := newGoogle(t)
	made := b.must("POST", primary+unasked, `{"id":"abcde12345","summary":"one",`+monday+`}`)
	if made.str("iCalUID") != "abcde12345@google.com" || made.str("organizer", "self") != "true" || made.str("status") != "confirmed" ||
		made.str("start", "dateTime") != "2026-03-02T09:00:00Z" || made.str("start", "timeZone") != "Europe/Zurich" || made.str("reminders", "useDefault") != "true" {
		t.Errorf("made %s", made.text)
	}
	if got := b.must("GET", primary+"/abcde12345", ""); got.text != made.text || got.header.Get("ETag") != made.str("etag") {
		t.Errorf("got %s", got.text)
	}
	token := b.start()
	patched := b.must("PATCH", primary+"/abcde12345"+unasked, `{"summary":"two"}`, "If-Match", made.str("etag"))
	if patched.str("summary") != "two" || patched.str("etag") == made.str("etag") || patched.str("start", "dateTime") == "" {
		t.Errorf("patched %s", patched.text)
	}
	delta := b.sync(token)
	if !slices.Equal(delta.ids(), []string{"abcde12345"}) || delta.items()[0].str("summary") != "two" {
		t.Errorf("delta %s", delta.text)
	}
	b.want(412, "conditionNotMet", "PATCH", primary+"/abcde12345"+unasked, `{"summary":"three"}`, "If-Match", made.str("etag"))
	if s := b.must("DELETE", primary+"/abcde12345"+unasked, "", "If-Match", patched.str("etag")); s.status != 204 {
		t.Error(s.status)
	}
	gone := b.sync(delta.str("nextSyncToken")).items()
	if len(gone) != 1 || gone[0].str("status") != "cancelled" || gone[0].str("summary") != "" {
		t.Errorf("gone %v", gone)
	}
	b.clean()
}
