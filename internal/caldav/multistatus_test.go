package caldav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// all reads a multistatus into one line for each response.
func all(doc string) (lines []string, token string, err error) {
	m := readMultistatus(strings.NewReader(doc))
	for {
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			return lines, string(m.token), nil
		} else if err != nil {
			return lines, "", err
		}
		lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s %d etag=%s data=%q", r.href, r.status, r.string(davETag), r.value(calData))))
	}
}

// in207 wraps responses as most servers do.
func in207(inside string) string {
	return `<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">` + inside + `</D:multistatus>`
}

func TestMultistatus(t *testing.T) {
	for name, c := range map[string]struct {
		doc   string
		want  []string
		token string
	}{
		"Cyrus: data in CDATA, CRLF kept": {
			in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag><C:calendar-data><![CDATA[BEGIN` + "\r\n" + `END]]></C:calendar-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:sync-token>data:,1-2</D:sync-token>`),
			[]string{`/c/a.ics 0 etag="1" data="BEGIN\r\nEND"`}, "data:,1-2",
		},
		"Radicale: token in front, default namespace, references": {
			`<multistatus xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><sync-token>t</sync-token><response><href>/c/a.ics</href><propstat><prop><getetag>&quot;1&quot;</getetag><C:calendar-data>a &amp; &lt;b&gt;&#13;
</C:calendar-data></prop><status>HTTP/1.1 200 OK</status></propstat></response><response><href>/c/b.ics</href><status>HTTP/1.1 404 Not Found</status></response></multistatus>`,
			[]string{`/c/a.ics 0 etag="1" data="a & <b>\r\n"`, `/c/b.ics 404 etag= data=""`}, "t",
		},
		"status before the properties, HTTP/2, several propstats, 404 with the element": {
			in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:status>HTTP/2 404</D:status><D:prop><C:calendar-data>no</C:calendar-data></D:prop></D:propstat><D:propstat><D:status>HTTP/2 200 </D:status><D:prop><D:getetag>"1"</D:getetag></D:prop></D:propstat></D:response>`),
			[]string{`/c/a.ics 0 etag="1" data=""`}, "",
		},
		"empty prop, no propstat": {
			in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop/><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:response><D:href>/c/b.ics</D:href></D:response>`),
			[]string{`/c/a.ics 0 etag= data=""`, `/c/b.ics 0 etag= data=""`}, "",
		},
		"status lines without a status": {
			in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag></D:prop><D:status/></D:propstat></D:response><D:response><D:href>/c/b.ics</D:href><D:status>OK</D:status></D:response>`),
			[]string{`/c/a.ics 0 etag= data=""`, `/c/b.ics 500 etag= data=""`}, "",
		},
		"one bad body among others": {
			in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><C:calendar-data>` + "\x0b\xff" + `</C:calendar-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response><D:response><D:href>/c/b.ics</D:href></D:response>`),
			[]string{`/c/a.ics 0 etag= data="\v\xff"`, `/c/b.ics 0 etag= data=""`}, "",
		},
		"no responses": {in207(`<D:responsedescription>none</D:responsedescription>`), nil, ""},
	} {
		got, token, err := all(c.doc)
		if err != nil || !slices.Equal(got, c.want) || token != c.token {
			t.Errorf("%s: %q, token %q, %v", name, got, token, err)
		}
	}
}

func TestMultistatusIsNothingElse(t *testing.T) {
	for name, doc := range map[string]string{
		"empty":             "",
		"HTML":              "<!DOCTYPE html><html><body>log in</body></html>",
		"XHTML":             `<html xmlns="http://www.w3.org/1999/xhtml"/>`,
		"without namespace": `<multistatus/>`,
		"an error":          `<D:error xmlns:D="DAV:"/>`,
		"cut in a response": in207(`<D:response><D:href>/c/a.ics</D:href></D:response>`)[:150],
		"cut at the end":    strings.TrimSuffix(in207(``), `</D:multistatus>`),
	} {
		if got, _, err := all(doc); err == nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestLongHrefsAreNotCutIntoOthers(t *testing.T) {
	long := "/home/cal/" + strings.Repeat("x", maxHref)
	r, err := readMultistatus(strings.NewReader(in207(withStatus(long, 200)))).next()
	if err != nil {
		t.Fatal(err)
	}
	if got, err := testHrefs(t, "https://dav.example.org/home/cal/").canonical(r.href); err == nil {
		t.Errorf("%d bytes became %d", len(long), len(got))
	}
}

func TestConditions(t *testing.T) {
	const holder = `<C:no-uid-conflict xmlns:C="urn:ietf:params:xml:ns:caldav"><D:href>/c/b.ics</D:href></C:no-uid-conflict>`
	inside := in207(`<D:response><D:href>/c/a.ics</D:href><D:status>HTTP/1.1 412 Precondition Failed</D:status><D:error>` + holder + `</D:error><D:responsedescription>UID already in use.</D:responsedescription></D:response>`)
	f, ok, err := innerFault(strings.NewReader(inside))
	if ok || err != nil || f.status != 412 || !f.violates("no-uid-conflict") || f.holder != "/c/b.ics" || f.text != "UID already in use." {
		t.Errorf("Xandikos: %+v, %v, %v", f, ok, err)
	}
	r := readErrorBody([]byte(`<?xml version="1.0"?><d:error xmlns:d="DAV:" xmlns:s="http://sabredav.org/ns"><s:exception>Sabre\DAV\Exception\Forbidden</s:exception><s:message>Not ` + "\n" + ` yours</s:message><d:need-privileges/></d:error>`))
	if r == nil || oneLine(r.description) != "Not yours" || r.conditions[2] != (name{nsDAV, "need-privileges"}) {
		t.Errorf("Sabre: %+v", r)
	}
	if r := readErrorBody([]byte("<html><body>no</body></html>")); r != nil {
		t.Errorf("HTML: %+v", r)
	}
}

func TestPropstatRefusalsAreFaults(t *testing.T) {
	doc := in207(`<D:response><D:href>/c/</D:href><D:propstat><D:prop><D:displayname/></D:prop><D:status>HTTP/1.1 424 Failed Dependency</D:status></D:propstat><D:propstat><D:prop><D:owner/></D:prop><D:status>HTTP/1.1 403 Forbidden</D:status></D:propstat></D:response>`)
	if f, ok, err := innerFault(strings.NewReader(doc)); ok || err != nil || f.status != http.StatusForbidden || f.property != "owner" {
		t.Errorf("%+v, %v, %v", f, ok, err)
	}
}

func TestLargeBodyIsDroppedNotKept(t *testing.T) {
	doc := in207(`<D:response><D:href>/c/a.ics</D:href><D:propstat><D:prop><D:getetag>"1"</D:getetag><C:calendar-data>` + strings.Repeat("x", maxValue+1) +
		`</C:calendar-data></D:prop></D:propstat></D:response><D:response><D:href>/c/b.ics</D:href></D:response>`)
	m := readMultistatus(strings.NewReader(doc))
	r, err := m.next()
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := r.find(calData); !p.tooLarge || len(r.value(calData)) != 0 || r.string(davETag) != `"1"` {
		t.Errorf("too large: %v, %d bytes", p.tooLarge, len(r.value(calData)))
	}
	if r, err = m.next(); err != nil || r.href != "/c/b.ics" || cap(r.text) > keptBuffer {
		t.Errorf("%v, %v, %d bytes kept", r, err, cap(r.text))
	}
}

func BenchmarkMultistatus(b *testing.B) {
	var doc bytes.Buffer
	doc.WriteString(`<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav">`)
	body := strings.Repeat("DESCRIPTION:something of an ordinary length for a line in an event\r\n", 23)
	for i := range 10_000 {
		fmt.Fprintf(&doc, "<D:response><D:href>/dav/calendars/user/alice/cal/%d.ics</D:href><D:propstat><D:prop><D:getetag>\"d0c69bc6c60ad4abb5ca57b510a166a355c289e5\"</D:getetag>"+
			"<C:calendar-data><![CDATA[%s]]></C:calendar-data></D:prop><D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response>\n", i, body)
	}
	doc.WriteString(`<D:sync-token>data:,1-2</D:sync-token></D:multistatus>`)
	for name, text := range map[string][]byte{
		"CDATA":      doc.Bytes(),
		"references": bytes.ReplaceAll(bytes.ReplaceAll(bytes.ReplaceAll(doc.Bytes(), []byte("<![CDATA["), nil), []byte("]]>"), nil), []byte("\r"), []byte("&#13;")),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				m := readMultistatus(bytes.NewReader(text))
				for {
					r, err := m.next()
					if errors.Is(err, io.EOF) {
						break
					} else if err != nil {
						b.Fatal(err)
					}
					_ = r.value(calData)
				}
			}
		})
	}
}
