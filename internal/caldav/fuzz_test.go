package caldav

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"
	"unicode/utf8"

	"golang.org/x/net/http/httpguts"

	"calbridge/internal/cal"
)

// inTime stops a target that works on one input for longer than any of this size may take. It panics, because the fuzzer then names the
// input, which it cannot do of one that never ends.
func inTime(t *testing.T) {
	dog := time.AfterFunc(time.Minute, func() { panic("the work on one input is not bounded") })
	t.Cleanup(func() { dog.Stop() })
}

// FuzzScanner: what comes in pieces is read as what comes at once, and what encoding/xml reads is read as it reads it.
func FuzzScanner(f *testing.F) {
	for _, doc := range documents {
		f.Add(doc)
	}
	f.Fuzz(func(t *testing.T, doc string) {
		inTime(t)
		whole, err := events(strings.NewReader(doc))
		parts, err2 := events(iotest.OneByteReader(strings.NewReader(doc)))
		if fmt.Sprint(whole, err) != fmt.Sprint(parts, err2) {
			t.Errorf("%q: read at once: %q, %v; byte by byte: %q, %v", doc, whole, err, parts, err2)
		}
		if !strings.Contains(doc, "\r") && !strings.Contains(doc, "\uFEFF") {
			checkWellFormed(t, doc, whole, err)
		}
	})
}

// FuzzMultistatus: whatever comes, reading ends; only a document whose root was closed ends well; and one that is cut off, at whatever
// byte, tells nothing that the whole one does not.
func FuzzMultistatus(f *testing.F) {
	f.Add(in207(objects{"a.ics": `"1"`}.listing(true) + gone("b.ics") + withStatus("/home/cal/", 507) + tokenIs("t1")))
	f.Add(in207(`<D:response><D:error><C:no-uid-conflict><D:href>/a</D:href></C:no-uid-conflict></D:error></D:response>`))
	f.Fuzz(func(t *testing.T, doc string) {
		inTime(t)
		whole, token, read, err := answers(t, strings.NewReader(doc))
		if parts, token2, _, err2 := answers(t, iotest.OneByteReader(strings.NewReader(doc))); !slices.Equal(whole, parts) || token != token2 || fmt.Sprint(err) != fmt.Sprint(err2) {
			t.Fatalf("at once: %q, %v; byte by byte: %q, %v", whole, err, parts, err2)
		}
		if err == nil {
			echoed(t, token)
		} else {
			read = len(doc)
		}
		for cut := 0; cut < read; cut += 1 + read/50 {
			checkCut(t, doc[:cut], whole)
		}
		checkCut(t, doc[:max(read-1, 0)], whole)
	})
}

func checkCut(t *testing.T, doc string, whole []string) {
	got, _, _, err := answers(t, strings.NewReader(doc))
	if err == nil {
		t.Fatalf("%q ends well", doc)
	}
	if len(got) > len(whole) || !slices.Equal(got, whole[:len(got)]) {
		t.Fatalf("%q tells %q; the whole tells %q", doc, got, whole)
	}
}

// answers reads a multistatus into one line for each response, and tells how many bytes it took.
func answers(t *testing.T, src io.Reader) (lines []string, token cal.Token, read int, err error) {
	counted := &counter{src: src}
	m := readMultistatus(counted)
	for {
		r, err := m.next()
		switch {
		case errors.Is(err, io.EOF):
			if m.xml.inCDATA || len(m.xml.open) > 0 || !m.begun {
				t.Fatal("it ends well before its end")
			}
			return lines, m.token, counted.n - (m.xml.end - m.xml.at), nil
		case err != nil:
			return lines, "", counted.n, err
		}
		checkBounds(t, r)
		lines = append(lines, fmt.Sprintf("%q %d %v %q %v %v", r.href, r.status, r.props, r.text, r.refused, r.fault()))
	}
}

type counter struct {
	src io.Reader
	n   int
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.src.Read(p)
	c.n += n
	return n, err
}

func checkBounds(t *testing.T, r *response) {
	_, _, _, _ = r.value(calData), r.elements(davResource), r.string(davETag), r.has(davResource, davCollection)
	said := r.fault().Error()
	if len(r.href) > maxHref+1 || len(r.props) > maxProps || len(r.inner) > maxInner || len(r.conditions) > maxProps || !oneClean(said) {
		t.Fatalf("no bound holds: href %d, %d properties, %d elements, %q", len(r.href), len(r.props), len(r.inner), said)
	}
}

// oneClean: fit for one line of a log.
func oneClean(said string) bool {
	return utf8.ValidString(said) && !strings.ContainsFunc(said, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// echoed: the sync-token goes back to the server as it came (RFC 6578 §3.4), as far as XML can say it.
func echoed(t *testing.T, token cal.Token) {
	var asked struct {
		XMLName xml.Name `xml:"DAV: sync-collection"`
		Token   string   `xml:"DAV: sync-token"`
		Level   string   `xml:"DAV: sync-level"`
	}
	if err := xml.Unmarshal(syncCollection(token, true), &asked); err != nil || asked.Level != "1" {
		t.Fatalf("%q: %+v, %v", token, asked, err)
	}
	if asked.Token != string(token) && !strings.ContainsRune(asked.Token, utf8.RuneError) {
		t.Fatalf("%q comes back as %q", token, asked.Token)
	}
}

// FuzzHref: whatever a server calls a resource, it has one name here, and a member of a collection lies in it.
func FuzzHref(f *testing.F) {
	for _, raw := range []string{"a", "/home/cal/a%2f..", "//x/..", "https://a/b", "%", "/home/cal/%2e%2e/x", "?#"} {
		f.Add("/home/cal/", raw)
		f.Add("/home/cal/b.ics", raw)
	}
	const collection = cal.Href("/home/cal/")
	f.Fuzz(func(t *testing.T, asked, raw string) {
		inTime(t)
		at, err := url.Parse("https://dav.example.org/" + asked)
		if err != nil || at.Host != "dav.example.org" {
			return
		}
		h := testHrefs(t, at.String())
		checkCanonical(t, h, raw)
		got, err := h.member(collection, raw)
		if err != nil {
			return
		}
		again, err := h.member(collection, string(got))
		if err != nil || again != got {
			t.Errorf("%q becomes %q and then %q, %v", raw, got, again, err)
		}
		u, err := url.Parse("https://dav.example.org" + string(got))
		if err != nil {
			t.Fatalf("%q becomes %q: %v", raw, got, err)
		}
		resolved := u.ResolveReference(&url.URL{}).EscapedPath()
		if rest, ok := strings.CutPrefix(resolved, string(collection)); !ok || rest == "" || strings.Contains(rest, "/") || u.RawQuery != "" || u.Fragment != "" {
			t.Errorf("%q becomes %q, which leaves the collection as %q", raw, got, resolved)
		}
	})
}

// checkCanonical: the one name stays as it is, is a path or a URL that says so, and has nothing in it that a header or a log must not have.
func checkCanonical(t *testing.T, h hrefs, raw string) {
	got, err := h.canonical(raw)
	if err != nil {
		return
	}
	if again, err := h.canonical(string(got)); err != nil || again != got {
		t.Fatalf("%q becomes %q and then %q, %v", raw, got, again, err)
	}
	u, err := url.Parse(string(got))
	if err != nil || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Opaque != "" || len(got) > maxHref {
		t.Fatalf("%q becomes %q, which is %+v, %v", raw, got, u, err)
	}
	if strings.HasPrefix(string(got), "/") == u.IsAbs() || u.IsAbs() && sameOrigin(u, h.home) || strings.HasPrefix(string(got), "//") {
		t.Fatalf("%q becomes %q, which is neither a path of ours nor a place elsewhere", raw, got)
	}
	if said, err := url.Parse(strings.TrimSpace(raw)); err == nil && said.Hostname() != "" && said.IsAbs() && !strings.EqualFold(said.Hostname(), "dav.example.org") && !u.IsAbs() {
		t.Fatalf("%q becomes %q, which is ours", raw, got)
	}
	for _, segment := range strings.Split(u.EscapedPath(), "/") {
		if segment == "." || segment == ".." {
			t.Fatalf("%q becomes %q, which has a dot segment", raw, got)
		}
	}
	if strings.ContainsFunc(u.EscapedPath(), func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		t.Fatalf("%q becomes %q", raw, got)
	}
}

// FuzzHeaders: nothing that a server says in a header has us wait for ever, show the password elsewhere, or send what is no header.
func FuzzHeaders(f *testing.F) {
	const date = "Mon, 05 Jan 2026 09:00:00 GMT"
	f.Add(503, "120", date, `"1"`, "/elsewhere/", "text/html", "1, 3, calendar-access")
	f.Add(301, "Mon, 05 Jan 2026 10:00:00 GMT", date, `W/"1-gzip"`, "https://dav.example.org:8443/x", "", "")
	f.Add(307, "99999999999999999999", "", "1\r\nX: y", "//evil.example.com/", "application/xml", "\x00")
	f.Add(412, "-1", "x", `"*"`, "http://dav.example.org/", "", "")
	f.Fuzz(func(t *testing.T, status int, wait, date, etag, location, contentType, dav string) {
		inTime(t)
		header := http.Header{"Retry-After": {wait}, "Date": {date}, "Etag": {etag}, "Location": {location}, "Content-Type": {contentType}, "Dav": {dav}, "Server": {dav}}
		checkWait(t, header)
		checkETag(t, cal.ETag(etag))
		if status < 200 || status > 599 {
			return
		}
		server := roundTripper(func(q *http.Request) (*http.Response, error) {
			checkSent(t, q)
			return &http.Response{StatusCode: status, Header: header.Clone(), Body: io.NopCloser(strings.NewReader(contentType)), Request: q}, nil
		})
		c, err := New(Config{Home: "https://dav.example.org/home/", Username: "ada", Password: "secret", Via: server, Now: func() time.Time { return time.Unix(0, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = c.object(context.Background(), "/home/cal/a.ics")
		checkError(t, err)
		calendar := cal.Calendar{Facts: cal.Facts{Href: "/home/cal/", Access: cal.AccessWrite}}
		err = c.Put(context.Background(), calendar, cal.Attempt{Href: "/home/cal/a.ics", Match: cal.ETag(etag)}, cal.Version{}, "x")
		if checkError(t, err); errors.Is(err, cal.ErrUnsent) {
			t.Fatalf("one object with the etag %q stops the account: %v", etag, err)
		}
	})
}

func checkWait(t *testing.T, h http.Header) {
	if wait := retryAfter(h, time.Unix(0, 0)); wait < 0 || wait > maxRetryAfter {
		t.Fatalf("%v to wait", wait)
	}
}

// checkETag: what is compared and what is sent stand for the same version.
func checkETag(t *testing.T, e cal.ETag) {
	sent := quoted(e)
	if len(sent) < 2 || sent[0] != '"' || sent[len(sent)-1] != '"' || quoted(cal.ETag(sent)) != sent {
		t.Fatalf("%q is sent as %q", e, sent)
	}
	if sameVersion(e, e) != (e != "") || sameVersion(e, `"another"`) != sameVersion(`"another"`, e) {
		t.Fatalf("%q is not compared as others are", e)
	}
}

// checkSent: the password goes to its own site, encrypted, and nothing is in a header that would end it.
func checkSent(t *testing.T, q *http.Request) {
	if q.URL.Scheme != "https" || !sameDomain(q.URL.Hostname(), "dav.example.org") || q.URL.User != nil {
		t.Fatalf("asked %s", q.URL)
	}
	for name, values := range q.Header {
		for _, value := range values {
			if !httpguts.ValidHeaderFieldName(name) || !httpguts.ValidHeaderFieldValue(value) {
				t.Fatalf("sent %q: %q", name, value)
			}
		}
	}
}

func checkError(t *testing.T, err error) {
	var busy cal.Busy
	switch {
	case err == nil:
	case errors.As(err, &busy) && (busy.Wait < 0 || busy.Wait > maxRetryAfter), !oneClean(err.Error()), strings.Contains(err.Error(), "secret"):
		t.Fatalf("%q", err)
	}
}
