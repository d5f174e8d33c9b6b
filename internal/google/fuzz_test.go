package google

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"calbridge/internal/cal"
)

// answering stands for the network: the first answer to everything is the one given, the second ends any list.
type answering struct {
	status int
	wait   string
	body   string
	asked  int
}

func (a *answering) RoundTrip(q *http.Request) (*http.Response, error) {
	body := a.body
	if a.asked++; a.asked > 1 {
		body = `{"items":[],"nextSyncToken":"the end"}`
	}
	header := http.Header{"Content-Type": {"application/json"}, "Retry-After": {a.wait}}
	return &http.Response{StatusCode: a.status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: q}, nil
}

// FuzzAnswer: whatever Google answers, a list ends; it is complete only if its pages are; and a no is of a kind that the engine knows, with
// no more to wait than it may be, in words fit for a log.
func FuzzAnswer(f *testing.F) {
	f.Add(200, "", `{"items":[{"id":"a","etag":"\"1\"","summary":"S"},{"id":7},{}],"nextSyncToken":"t"}`)
	f.Add(200, "", `{"kind":"calendar#events","items":[],"nextPageToken":"p","items":[{"id":"b"}]}`)
	f.Add(403, "30", `{"error":{"errors":[{"domain":"usageLimits","reason":"rateLimitExceeded","message":"Slower"}],"code":403,"message":"Slower"}}`)
	f.Add(410, "Mon, 05 Jan 2026 10:00:00 GMT", `{"error":{"errors":[{"reason":"fullSyncRequired"}],"code":410}}`)
	f.Add(503, "99999999999999999999", `<html>`)
	f.Add(404, "-1", `{"iss":"https://accounts.google.com","aud":["us"],"azp":"us","sub":"1","exp":1e300}`)
	f.Fuzz(func(t *testing.T, status int, wait, body string) {
		dog := time.AfterFunc(time.Minute, func() { panic("the work on one input is not bounded") })
		defer dog.Stop()
		grants(t, body)
		if status < 200 || status > 599 {
			return
		}
		calendars(t, status, wait, body)
		items, complete := listed(t, status, wait, body)
		if complete && status < 300 {
			completes(t, wait, body, items)
		}
		writes(t, status, wait, body)
	})
}

func dialed(t *testing.T, a *answering) *Client {
	c, err := New(Config{API: "https://google.test/calendar/v3/", Auth: a, PerMinute: -1, Now: func() time.Time { return time.Unix(0, 0) }})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// listed reads a list of events, and tells whether it came to its end.
func listed(t *testing.T, status int, wait, body string) (items []item, complete bool) {
	a := &answering{status: status, wait: wait, body: body}
	c := dialed(t, a)
	for p := range c.list(context.Background(), "ada@example.org", c.frozen()) {
		if complete {
			t.Fatal("there is more behind the last portion")
		}
		items, complete = append(items, p.items...), p.last
		checkNo(t, p.err)
		if p.last && (p.err != nil || p.sync == "" || a.asked > 2) {
			t.Fatalf("the list ends with %v, the token %q and %d questions", p.err, p.sync, a.asked)
		}
	}
	return items, complete
}

// calendars: a list of calendars, from what was remembered or from an answer, ends as well.
func calendars(t *testing.T, status int, wait, body string) {
	c := dialed(t, &answering{status: status, wait: wait, body: body})
	all, err := c.Calendars(context.Background(), false)
	if checkNo(t, err); err == nil && status >= 300 {
		t.Fatalf("%d is %v", status, all)
	}
	c.memory = readMemory([]byte(body))
	c.memory.Read = c.cfg.Now()
	_, _ = c.Calendars(context.Background(), false)
}

// completes: all of a page was read, every event of it was handed on as it came, and no part of the page passes for the whole.
func completes(t *testing.T, wait, body string, items []item) {
	d := json.NewDecoder(strings.NewReader(body))
	var page map[string]json.RawMessage
	if err := d.Decode(&page); err != nil {
		t.Fatalf("complete, and no JSON: %v", err)
	}
	for _, i := range items {
		if !json.Valid(i.raw) {
			t.Fatalf("no JSON: %q", i.raw)
		}
		if i.read(); i.err == nil && i.href == "" {
			t.Fatalf("without an id: %s", i.raw)
		}
	}
	end := int(d.InputOffset())
	for _, cut := range []int{end / 4, end / 2, end - 2, end - 1} {
		if got, complete := listed(t, 200, wait, body[:max(cut, 0)]); complete || len(got) > len(items) {
			t.Fatalf("%q is complete, with %d of %d", body[:max(cut, 0)], len(got), len(items))
		}
	}
}

// writes: only a 2xx says that a write is done.
func writes(t *testing.T, status int, wait, body string) {
	c := dialed(t, &answering{status: status, wait: wait, body: body})
	err := c.change(context.Background(), request{method: http.MethodPatch, path: []string{"calendars", "c", "events", "e"}, body: []byte("{}"), match: `"1"`})
	if checkNo(t, err); (err == nil) != (status < 300) {
		t.Fatalf("%d to a write is %v", status, err)
	}
	if errors.Is(err, cal.ErrUnsent) && (status >= 500 || status == http.StatusRequestTimeout) {
		t.Fatalf("%d says nothing of the write, and is %v", status, err)
	}
}

func checkNo(t *testing.T, err error) {
	if err == nil {
		return
	}
	var busy cal.Busy
	if errors.As(err, &busy) && (busy.Wait < 0 || busy.Wait > max(rest, maxPause)) {
		t.Fatalf("%v to wait: %v", busy.Wait, err)
	}
	if said := err.Error(); !utf8.ValidString(said) || len(said) > 4000 || strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		t.Fatalf("not fit for a log: %q", said)
	}
}

// grants: what is no grant of ours and no ID token for us is none.
func grants(t *testing.T, body string) {
	if g, err := ReadGrant([]byte(body)); err == nil && g.Sub == "" {
		t.Fatalf("nobody's grant: %+v", g)
	}
	o := OAuth{ClientID: "us"}
	c, err := o.identify("e30." + base64.RawURLEncoding.EncodeToString([]byte(body)) + ".")
	if err == nil && (c.Subject == "" || !slices.Contains(c.Audience, "us") || !slices.Contains(o.issuers(), c.Issuer)) {
		t.Fatalf("%+v is believed", c)
	}
}
