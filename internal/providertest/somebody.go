package providertest

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// Answer is what a server answered. Of a 207 to a write the status is the one inside (Xandikos).
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// OK tells whether the request was carried out.
func (a Answer) OK() bool { return a.Status >= 200 && a.Status < 300 }

// Do sends a request as the user, past everything that is tested. The path is escaped; headers are names and values in turn.
func (s Server) Do(t testing.TB, method, path, body string, headers ...string) Answer {
	t.Helper()
	a, err := s.Try(method, path, body, headers...)
	if err != nil {
		t.Fatalf("%s %s on %s: %v", method, path, s.Name, err)
	}
	return a
}

// Put stores an object as somebody else would, and gives its etag as a listing shows it. Conditions are headers: "If-Match", etag.
func (s Server) Put(t testing.TB, href, body string, conditions ...string) (etag string) {
	t.Helper()
	a := s.Do(t, http.MethodPut, href, body, append([]string{"Content-Type", "text/calendar; charset=utf-8"}, conditions...)...)
	if !a.OK() {
		t.Fatalf("PUT %s on %s: %d %s", href, s.Name, a.Status, a.Body)
	}
	_, etag, _ = s.Get(t, href)
	return etag
}

// Get reads an object.
func (s Server) Get(t testing.TB, href string) (body, etag string, ok bool) {
	t.Helper()
	a := s.Do(t, http.MethodGet, href, "")
	if !a.OK() {
		return "", "", false
	}
	return a.Body, a.Header.Get("ETag"), true
}

// Delete removes an object as somebody else would, and tells whether it was there.
func (s Server) Delete(t testing.TB, href string, conditions ...string) bool {
	t.Helper()
	a := s.Do(t, http.MethodDelete, href, "", conditions...)
	if !a.OK() && a.Status != http.StatusNotFound {
		t.Fatalf("DELETE %s on %s: %d %s", href, s.Name, a.Status, a.Body)
	}
	return a.OK()
}

// List gives the paths of a calendar's objects, sorted, escaped the one way net/url does.
func (s Server) List(t testing.TB, calendar string) []string {
	t.Helper()
	out, err := s.TryList(calendar)
	if err != nil {
		t.Fatalf("list %s on %s: %v", calendar, s.Name, err)
	}
	return out
}

// TryList is List of a server that may not answer.
func (s Server) TryList(calendar string) ([]string, error) {
	a, err := s.Try("PROPFIND", calendar, `<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`, "Depth", "1", "Content-Type", "application/xml")
	if err != nil {
		return nil, err
	}
	var ms multistatus
	if err := xml.Unmarshal([]byte(a.Body), &ms); err != nil || a.Status != http.StatusMultiStatus {
		return nil, errors.Join(fmt.Errorf("status %d", a.Status), err)
	}
	var out []string
	for _, r := range ms.Responses {
		if path := normal(r.Href); path != normal(calendar) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out, nil
}

func normal(href string) string {
	if u, err := url.Parse(strings.TrimSpace(href)); err == nil {
		return (&url.URL{Path: u.Path}).EscapedPath()
	}
	return href
}

type multistatus struct {
	Responses []struct {
		Href   string `xml:"DAV: href"`
		Status string `xml:"DAV: status"`
	} `xml:"DAV: response"`
}

// Try is Do of a server that may not answer: with an error, nobody knows whether the request was carried out.
func (s Server) Try(method, path, body string, headers ...string) (Answer, error) {
	r, err := http.NewRequest(method, s.URL+path, strings.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	r.SetBasicAuth(s.User, s.Password)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true, DisableCompression: true}}
	w, err := client.Do(r)
	if err != nil {
		return Answer{}, err
	}
	defer w.Body.Close()
	text, err := io.ReadAll(w.Body)
	return Answer{inner(method, w.StatusCode, text), w.Header, string(text)}, err
}

// inner looks into a 207 where one status is expected.
func inner(method string, status int, body []byte) int {
	if status != http.StatusMultiStatus || method == "PROPFIND" || method == "REPORT" || method == "PROPPATCH" {
		return status
	}
	var ms multistatus
	if err := xml.Unmarshal(body, &ms); err == nil && len(ms.Responses) == 1 {
		fmt.Sscanf(ms.Responses[0].Status, "HTTP/1.1 %d", &status)
	}
	return status
}
