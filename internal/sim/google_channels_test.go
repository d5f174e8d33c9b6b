package sim_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/sim"
)

// hook is a webhook that keeps what it is told.
type hook struct {
	*httptest.Server
	mu   sync.Mutex
	got  []http.Header
	fail int // how many answers are 503
}

func newHook(t *testing.T) *hook {
	h := &hook{}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if h.fail--; h.fail >= 0 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		h.got = append(h.got, r.Header)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *hook) states() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var all []string
	for _, header := range h.got {
		all = append(all, header.Get("X-Goog-Channel-ID")+" "+header.Get("X-Goog-Resource-State"))
	}
	return strings.Join(all, ", ")
}

func TestGoogleChannels(t *testing.T) {
	h := newHook(t)
	b := newGoogle(t, sim.GoogleOptions{Notify: h.Client()})
	open := func(path, id, more string) said {
		t.Helper()
		s := b.must("POST", path+"/watch", `{"id":"`+id+`","type":"web_hook","address":"`+h.URL+`/hook","token":"secret"`+more+`}`)
		b.Settle()
		return s
	}
	first := open(primary, "c1", "")
	if ms, _ := strconv.ParseInt(first.str("expiration"), 10, 64); ms != b.now.Add(7*24*time.Hour).UnixMilli() || first.str("resourceId") == "" {
		t.Error(first.text)
	}
	b.must("POST", primary+unasked, `{"id":"abcde",`+monday+`}`)
	b.Settle()
	b.must("DELETE", primary+"/abcde"+unasked, "")
	b.Settle()
	if h.states() != "c1 sync, c1 exists, c1 exists" {
		t.Error(h.states())
	}
	last := h.got[2]
	if last.Get("X-Goog-Channel-Token") != "secret" || last.Get("X-Goog-Resource-ID") != first.str("resourceId") || last.Get("X-Goog-Resource-URI") == "" ||
		last.Get("X-Goog-Channel-Expiration") == "" || h.got[0].Get("X-Goog-Message-Number") != "1" || last.Get("X-Goog-Message-Number") <= h.got[1].Get("X-Goog-Message-Number") {
		t.Error(last)
	}
	b.want(400, "channelIdNotUnique", "POST", primary+"/watch", `{"id":"c1","type":"web_hook","address":"`+h.URL+`"}`)
	b.want(404, "notFound", "POST", "channels/stop", `{"id":"c1","resourceId":"other"}`)
	b.must("POST", "channels/stop", `{"id":"c1","resourceId":"`+first.str("resourceId")+`"}`)
	b.want(400, "channelIdNotUnique", "POST", primary+"/watch", `{"id":"c1","type":"web_hook","address":"`+h.URL+`"}`) // also after its end
	short := open(primary, "c2", `,"params":{"ttl":"60"}`)
	open(entries, "list", "")
	if got := fmt.Sprint(b.Channels()); got != "[c2 list]" {
		t.Error(got)
	}
	b.AddCalendar(b.ada, second)
	b.Settle()
	b.pass(time.Minute) // no renewal
	b.put(1)
	b.Settle()
	if h.states() != "c1 sync, c1 exists, c1 exists, c2 sync, list sync, list exists" {
		t.Error(h.states())
	}
	soon := strconv.FormatInt(b.now.Add(time.Hour).UnixMilli(), 10)
	if s := open(primary, "c3", `,"expiration":"`+soon+`"`); s.str("expiration") != soon {
		t.Error(s.text)
	}
	b.want(404, "notFound", "POST", "channels/stop", `{"id":"c2","resourceId":"`+short.str("resourceId")+`"}`)
	b.clean()
}

func TestGoogleChannelsAreRefused(t *testing.T) {
	b := newGoogle(t)
	b.AddCalendar(b.ada, sim.GoogleCalendar{ID: "de.german#holiday@group.v.calendar.google.com", AccessRole: "reader"})
	for body, reason := range map[string]string{
		`{"id":"c","type":"web_hook","address":"http://example.org/"}`:                                       "push.webhookUrlNotHttps",
		`{"id":"","type":"web_hook","address":"https://example.org/"}`:                                       "channelIdInvalid",
		`{"id":"` + strings.Repeat("c", 65) + `","type":"web_hook","address":"https://example.org/"}`:        "channelIdInvalid",
		`{"id":"c","type":"mail","address":"https://example.org/"}`:                                          "channelUnknown",
		`{"id":"c","type":"web_hook","address":"https://e.org/","token":"` + strings.Repeat("t", 257) + `"}`: "channelTokenInvalid",
		`{"id":"c","type":"web_hook","address":"https://example.org/","expiration":"1000"}`:                  "invalid",
		`{"id":"c","type":"web_hook","address":"https://example.org/","params":{"ttl":"soon"}}`:              "invalid",
	} {
		b.want(400, reason, "POST", primary+"/watch", body)
	}
	b.want(400, "pushNotSupportedForRequestedResource", "POST", "calendars/de.german%23holiday@group.v.calendar.google.com/events/watch", `{"id":"c","type":"web_hook","address":"https://example.org/"}`)
}

// 503 is tried again, and two users who watch one calendar have the same resource id.
func TestGoogleChannelsOfTwo(t *testing.T) {
	h := newHook(t)
	h.fail = 2
	b := newGoogle(t, sim.GoogleOptions{Notify: h.Client()})
	bob := b.AddUser("bob@example.com")
	b.AddCalendar(bob, sim.GoogleCalendar{ID: "ada@example.org", AccessRole: "reader"})
	path := "calendars/ada@example.org/events/watch"
	mine := b.must("POST", path, `{"id":"mine","type":"web_hook","address":"`+h.URL+`"}`)
	b.Settle()
	theirs := b.askAs(b.Token(bob), "POST", path, `{"id":"theirs","type":"web_hook","address":"`+h.URL+`"}`)
	b.Settle()
	if h.states() != "mine sync, theirs sync" || mine.str("resourceId") != theirs.str("resourceId") {
		t.Error(h.states())
	}
	b.want(404, "notFound", "POST", "channels/stop", `{"id":"theirs","resourceId":"`+theirs.str("resourceId")+`"}`) // of another user
}
