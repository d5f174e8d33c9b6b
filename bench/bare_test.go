//go:build bench

package bench

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/providertest"
	"calbridge/internal/sim"
)

// bare is the floor: net/http, connections that stay open, nothing else. Compression would only cost time on a loopback.
type bare struct {
	http.Client
	server providertest.Server
}

// lanes is how many connections the engine writes over (engine.DefaultLimits).
const lanes = 4

func newBare(t testing.TB, s providertest.Server) *bare {
	transport := &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: lanes}
	t.Cleanup(transport.CloseIdleConnections)
	return &bare{Client: http.Client{Transport: transport}, server: s}
}

// send makes one request and hands its answer to the sink. Headers are names and values in turn.
func (b *bare) send(sink io.Writer, method, path, body string, headers ...string) error {
	r, err := http.NewRequest(method, b.server.URL+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	r.SetBasicAuth(b.server.User, b.server.Password)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w, err := b.Do(r)
	if err != nil {
		return err
	}
	defer w.Body.Close()
	if w.StatusCode >= 300 {
		text, _ := io.ReadAll(w.Body)
		return fmt.Errorf("%s %s on %s: %s %s", method, path, b.server.Name, w.Status, text)
	}
	_, err = io.Copy(sink, w.Body)
	return err
}

func (b *bare) report(t testing.TB, sink io.Writer, calendar, body string) {
	t.Helper()
	if err := b.send(sink, "REPORT", calendar, body, "Depth", "1", "Content-Type", "application/xml; charset=utf-8"); err != nil {
		t.Fatal(err)
	}
}

// history is one sync-collection from a token on (RFC 6578 §3.2).
func (b *bare) history(t testing.TB, sink io.Writer, calendar, token, props string) {
	t.Helper()
	b.report(t, sink, calendar, `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token>`+token+
		`</D:sync-token><D:sync-level>1</D:sync-level><D:prop><D:getetag/>`+props+`</D:prop></D:sync-collection>`)
}

// inline fetches a calendar in one answer.
func (b *bare) inline(t testing.TB, calendar string) {
	b.history(t, io.Discard, calendar, "", "<C:calendar-data/>")
}

var (
	hrefs  = regexp.MustCompile(`<[^<>/]*href>([^<]*\.ics)</`)
	tokens = regexp.MustCompile(`<[^<>/]*sync-token[^<>]*>([^<]*)</`)
)

// listed fetches a calendar by a listing and calendar-multigets of 1,000.
func (b *bare) listed(t testing.TB, calendar string) {
	var listing strings.Builder
	b.history(t, &listing, calendar, "", "")
	found := hrefs.FindAllStringSubmatch(listing.String(), -1)
	for len(found) > 0 {
		n := min(1000, len(found))
		b.multiget(t, calendar, found[:n])
		found = found[n:]
	}
}

func (b *bare) multiget(t testing.TB, calendar string, found [][]string) {
	var body strings.Builder
	body.WriteString(`<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	for _, f := range found {
		body.WriteString("<D:href>" + f[1] + "</D:href>")
	}
	b.report(t, io.Discard, calendar, body.String()+"</C:calendar-multiget>")
}

// token is where the calendar's history stands.
func (b *bare) token(t testing.TB, calendar string) string {
	t.Helper()
	var answer strings.Builder
	err := b.send(&answer, "PROPFIND", calendar, `<propfind xmlns="DAV:"><prop><sync-token/></prop></propfind>`, "Depth", "0", "Content-Type", "application/xml")
	found := tokens.FindStringSubmatch(answer.String())
	if err != nil || found == nil {
		t.Fatalf("ask for the sync-token: %v %s", err, answer.String())
	}
	return found[1]
}

// home lists the calendars with their sync-tokens, which no client can do without, and some servers take their time for.
func (b *bare) home(t testing.TB) {
	t.Helper()
	err := b.send(io.Discard, "PROPFIND", b.server.Home, `<propfind xmlns="DAV:"><prop><resourcetype/><displayname/><sync-token/></prop></propfind>`,
		"Depth", "1", "Content-Type", "application/xml")
	if err != nil {
		t.Fatal(err)
	}
}

// put stores objects, over several connections.
func (b *bare) put(t testing.TB, calendar string, objects []sim.Sample, conditions ...string) {
	t.Helper()
	todo := make(chan sim.Sample)
	var wg sync.WaitGroup
	for range lanes {
		wg.Go(func() {
			for o := range todo {
				headers := append([]string{"Content-Type", "text/calendar; charset=utf-8"}, conditions...)
				if err := b.send(io.Discard, http.MethodPut, calendar+o.Name, o.Body, headers...); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for _, o := range objects {
		todo <- o
	}
	close(todo)
	wg.Wait()
}

func (b *bare) remove(t testing.TB, path string) {
	t.Helper()
	if err := b.send(io.Discard, http.MethodDelete, path, ""); err != nil {
		t.Error(err)
	}
}

// clock measures one call.
func clock(do func()) time.Duration {
	started := time.Now()
	do()
	return time.Since(started)
}
