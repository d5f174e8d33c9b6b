//go:build bench

package bench

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/event"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
)

// look is the Google look-alike with one user. It shows what our side costs, and how many requests it takes; how fast Google is nobody
// has measured here.
type look struct {
	*sim.Google
	user *sim.GoogleUser
	url  string
}

const googleUser = "bench@gmail.example"

func startLook(t testing.TB, o sim.GoogleOptions) *look {
	t.Helper()
	o.ClientID, o.ClientSecret = "bench", "secret"
	g := sim.NewGoogle(o)
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return &look{Google: g, user: g.AddUser(googleUser), url: server.URL}
}

// fill puts n events into a calendar.
func (l *look) fill(t testing.TB, calendar string, n int, seed uint64) {
	t.Helper()
	for made := 0; made < n; seed++ {
		for _, o := range sim.Realistic(time.Now(), shelf, seed) {
			text, err := event.New(cal.Body(o.Body), fmt.Sprintf("bench%d", made), []string{"mailto:" + googleUser}, "UTC")
			if err != nil || made == n { // a task, or a series with exceptions
				continue
			}
			l.Put(calendar, string(text))
			made++
		}
	}
}

// settleGoogle makes a home with an account at the look-alike.
func (b *bench) settleGoogle(t testing.TB, l *look, more ...string) *home {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "calbridge-bench-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	h := &home{t: t, program: b.program, dir: dir, env: append([]string{
		"HOME=" + dir, "CALBRIDGE_DB=sqlite:" + filepath.Join(dir, "calbridge.db"),
		"CALBRIDGE_GOOGLE_CLIENT_ID=bench", "CALBRIDGE_GOOGLE_CLIENT_SECRET=secret",
		"CALBRIDGE_GOOGLE_API_URL=" + l.url + "/calendar/v3/", "CALBRIDGE_GOOGLE_AUTH_URL=" + l.url + "/o/oauth2/v2/auth",
		"CALBRIDGE_GOOGLE_TOKEN_URL=" + l.url + "/token", "CALBRIDGE_GOOGLE_REVOKE_URL=" + l.url + "/revoke",
	}, more...)}
	h.consent()
	return h
}

// consent does what a person does with a browser.
func (h *home) consent() {
	h.t.Helper()
	cmd := exec.Command(h.program, "account", "add", "google", "--no-browser")
	cmd.Env = h.env
	told, err := cmd.StderrPipe()
	if err != nil {
		h.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
	lines := bufio.NewScanner(told)
	for lines.Scan() {
		if _, page, found := strings.Cut(lines.Text(), "browser: "); found {
			w, err := http.Get(page)
			if err != nil {
				h.t.Fatal(err)
			}
			w.Body.Close()
		}
	}
	if err := cmd.Wait(); err != nil {
		h.t.Fatalf("account add google: %v", err)
	}
}

// google measures the Google account.
func (b *bench) google(t *testing.T) {
	t.Run("requests", b.googleRequests)
	t.Run("inserts", b.googleInserts)
	for _, latency := range []time.Duration{0, reported} {
		t.Run("first/"+latency.String(), func(t *testing.T) { b.googleFirst(t, latency) })
	}
}

// reported is how long Google takes over a list of events: what one user found on average (googleapis/google-api-dotnet-client, issue 1474,
// 2019, lists of up to 50 events). Nothing better was found in public, and nothing was measured here.
const reported = 500 * time.Millisecond

// googleRequests counts what a sync of 20 calendars asks. The API offers nothing that tells of all calendars at once: the least is one
// question for the list of calendars and one for each calendar.
func (b *bench) googleRequests(t *testing.T) {
	l := startLook(t, sim.GoogleOptions{})
	calendars := []string{googleUser}
	for n := range several - 1 {
		calendars = append(calendars, l.AddCalendar(l.user, sim.GoogleCalendar{Summary: fmt.Sprint("calendar ", n)}))
	}
	for n, c := range calendars {
		l.fill(t, c, inEach, uint64(n))
	}
	h := b.settleGoogle(t, l)
	h.sync()
	count := func(what string, change func(n int)) {
		var counts []int
		var walls samples
		for n := range rehearse {
			change(n)
			l.ResetJournal()
			rep, c := h.sync()
			if got := len(l.Journal()); got != rep.Accounts[0].Requests {
				t.Errorf("%d requests counted, %d arrived", rep.Accounts[0].Requests, got)
			}
			counts, walls = append(counts, rep.Accounts[0].Requests), append(walls, c.wall)
		}
		most := slices.Max(counts)
		b.table.add(t, row{what: what, server: "Google look-alike", floor: fmt.Sprint(several+1, " requests"), ours: fmt.Sprint(most, " requests"),
			bar: fmt.Sprint(several + 1), met: most <= several+1, notes: "wall " + walls.String()})
	}
	count("no change, 20 calendars", func(int) {})
	count("1 change in one of 20 calendars", func(n int) { l.Patch(googleUser, "bench0", fmt.Sprintf(`{"summary":"change %d"}`, n)) })
}

// googleFirst measures the first sync of a large calendar against fetching the same pages and throwing them away.
func (b *bench) googleFirst(t *testing.T, latency time.Duration) {
	l := startLook(t, sim.GoogleOptions{Latency: latency})
	l.fill(t, googleUser, large, 700)
	var floor, ours samples
	var peaks []int
	pages := 0
	for range seldom {
		h := b.settleGoogle(t, l)
		l.ResetJournal()
		rep, c := h.sync()
		if pulled, _ := total(rep); pulled.Created != large {
			t.Fatalf("%+v", rep)
		}
		asked := l.lists()
		pages = len(asked)
		floor = append(floor, clock(func() { l.fetch(t, asked) }))
		ours, peaks = append(ours, c.wall), append(peaks, c.peak)
	}
	ratio := times(ours, floor)
	r := row{what: "first sync of 10,000 events", server: "Google look-alike", floor: floor.String(), ours: ours.String(), ratio: fmt.Sprintf("%.2f", ratio),
		bar: "≤ 1.3×", met: ratio <= 1.3, notes: fmt.Sprintf("%d pages, the list of calendars among them, each after %v; peak %s", pages, latency, peak(peaks))}
	b.table.add(t, r)
}

// page is a question that was asked.
type page struct {
	path  string
	query url.Values
}

// lists are the questions for calendars and events that were asked since the journal was emptied.
func (l *look) lists() (asked []page) {
	for _, x := range l.Journal() {
		if x.ID == "events.list" || x.ID == "calendarList.list" {
			asked = append(asked, page{x.Path, x.Query})
		}
	}
	return asked
}

// fetch asks for the same pages over one connection, and throws them away.
func (l *look) fetch(t testing.TB, asked []page) {
	t.Helper()
	token := l.Token(l.user, "calendar")
	client := http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	next := ""
	for _, p := range asked {
		query := url.Values(http.Header(p.query).Clone())
		query.Del("pageToken")
		if next != "" {
			query.Set("pageToken", next)
		}
		r, err := http.NewRequest(http.MethodGet, l.url+p.path+"?"+query.Encode(), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+token)
		w, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		next = pageToken(t, w.Body)
		w.Body.Close()
	}
}

// pageToken reads a page and finds the next one's token near its ends, as cheaply as that can be done.
func pageToken(t testing.TB, body io.Reader) string {
	t.Helper()
	text, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	const name = `"nextPageToken":`
	for _, part := range [][]byte{text[:min(len(text), 2000)], text[max(0, len(text)-2000):]} {
		if _, rest, found := strings.Cut(string(part), name); found {
			var token string
			if err := json.NewDecoder(strings.NewReader(rest)).Decode(&token); err == nil {
				return token
			}
		}
	}
	return ""
}

// googleInserts counts what 1,000 new events cost. The quota of the look-alike is as strict as Google's, but ten times as large, so that
// this takes seconds and not minutes.
func (b *bench) googleInserts(t *testing.T) {
	const quota = 6000
	l := startLook(t, sim.GoogleOptions{PerMinute: quota})
	h := b.settleGoogle(t, l, "CALBRIDGE_GOOGLE_REQUESTS_PER_MINUTE="+strconv.Itoa(quota))
	h.sync()
	var bodies []cal.Body
	for seed := uint64(800); len(bodies) < pushed; seed++ {
		for _, o := range sim.Realistic(time.Now(), shelf, seed) {
			if _, err := event.New(cal.Body(o.Body), "probe", nil, "UTC"); err == nil && len(bodies) < pushed && !ical.Scheduled(cal.Body(o.Body)) {
				bodies = append(bodies, cal.Body(o.Body))
			}
		}
	}
	h.run("import", "--calendar", h.calendar(googleUser), h.write("import.ics", string(ical.Join("bench", bodies))))
	l.ResetJournal()
	rep, c := h.sync()
	if _, sent := total(rep); sent.Created != pushed {
		t.Fatalf("pushed %+v", rep)
	}
	kinds, refused := map[string]int{}, 0
	for _, x := range l.Journal() {
		kinds[x.ID]++
		if x.Status >= 400 {
			refused++
		}
	}
	// The list of calendars, a look before, the inserts, and reading back what Google made of them.
	least := 1 + 1 + pushed + 1
	b.table.add(t, row{what: "1,000 local creates pushed and read back", server: "Google look-alike", floor: fmt.Sprint(least, " requests"),
		ours: fmt.Sprint(rep.Accounts[0].Requests, " requests"), bar: fmt.Sprint(least), met: rep.Accounts[0].Requests <= least && refused == 0,
		notes: fmt.Sprintf("%v refused; %v; wall %v at %d requests a minute", refused, kinds, c.wall.Round(time.Millisecond), quota)})
}
