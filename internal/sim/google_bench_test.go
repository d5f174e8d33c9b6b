package sim_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

// BenchmarkGoogleList fetches 10,000 events over the loopback in pages of 2,500.
func BenchmarkGoogleList(b *testing.B) {
	g := sim.NewGoogle(sim.GoogleOptions{})
	u := g.AddUser("ada@example.org")
	for i := range 10000 {
		g.Put(u.Email, fmt.Sprintf(`{"id":"event%05d","summary":"Meeting number %d","description":"%s",%s,"attendees":[{"email":"ada@example.org","responseStatus":"accepted"},{"email":"ben@example.org","responseStatus":"needsAction"}]}`,
			i, i, strings.Repeat("text ", 40), monday))
	}
	ts := httptest.NewServer(g)
	defer ts.Close()
	token := g.Token(u)
	for b.Loop() {
		n := 0
		for page := ""; ; {
			text := fetchPage(b, ts, token, page)
			n += len(text)
			next := between(text, `"nextPageToken":"`, `"`)
			if !strings.Contains(text[:4096], `"nextPageToken"`) {
				break
			}
			page = "&pageToken=" + next
		}
		b.SetBytes(int64(n))
	}
}

func fetchPage(b *testing.B, ts *httptest.Server, token, page string) string {
	b.Helper()
	r, _ := http.NewRequest("GET", ts.URL+"/calendar/v3/calendars/primary/events?maxResults=2500"+page, nil)
	r.Header.Set("Authorization", "Bearer "+token)
	answer, err := ts.Client().Do(r)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != 200 {
		b.Fatal(answer.Status, err)
	}
	return string(text)
}
