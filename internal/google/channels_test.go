package google_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

func TestWatch(t *testing.T) {
	var told atomic.Int64
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Goog-Channel-Token") == "word" && r.Header.Get("X-Goog-Resource-State") == "exists" {
			told.Add(1)
		}
	}))
	defer hook.Close()
	w := newWorld(t, func(s *settings) { s.sim.PlainWebhooks = true })
	for _, of := range []cal.Href{ada, ""} {
		ch := cal.Channel{ID: "channel-" + string(of[:min(len(of), 3)]), Calendar: of, Address: hook.URL, Token: "word"}
		open, err := w.client.Watch(t.Context(), ch)
		w.must(err)
		if open.Resource == "" || !open.Expires.After(w.now) || open.ID != ch.ID || open.Token != ch.Token {
			t.Errorf("%+v", open)
		}
		if of == ada {
			w.Put(ada, plain("event1", "one"))
			w.Settle()
			w.expect("notifications", told.Load(), 1)
		}
		if _, err := w.client.Watch(t.Context(), ch); !errors.Is(err, cal.ErrRefused) {
			t.Errorf("an id used twice: %v", err)
		}
		w.must(w.client.Stop(t.Context(), open))
		w.must(w.client.Stop(t.Context(), open)) // it is closed already
	}
	w.expect("channels", len(w.Channels()), 0)
}

func TestNoPush(t *testing.T) {
	w := newWorld(t)
	w.Faults(func(f *sim.GoogleFaults) {
		f.Next(1, "POST", "/watch", sim.GoogleFault{Status: 400, Reason: "pushNotSupportedForRequestedResource"})
	})
	if _, err := w.client.Watch(t.Context(), cal.Channel{ID: "a", Calendar: ada, Address: "https://example.org/", Token: "word"}); !errors.Is(err, cal.ErrNoPush) {
		t.Errorf("%v", err)
	}
}
