package caldav

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"

	"calbridge/internal/cal"
)

const (
	xmlType = "application/xml; charset=utf-8"
	xmlHead = `<?xml version="1.0" encoding="utf-8"?>` + "\n"
	spaces  = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`

	propfindETags = xmlHead + `<D:propfind` + spaces + `><D:prop><D:getetag/><D:resourcetype/></D:prop></D:propfind>`
	propfindSelf  = xmlHead + `<D:propfind` + spaces + `><D:prop><D:resourcetype/></D:prop></D:propfind>`
)

// multistatus sends a question that only a 207 answers; any other answer is a fault.
func (c *Client) multistatus(ctx context.Context, r request) (*http.Response, error) {
	r.contentType = xmlType
	resp, err := c.send(ctx, r)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusMultiStatus {
		return resp, nil
	}
	f := faultOf(resp)
	if successful(f.status) {
		f = fault{status: http.StatusOK, text: "not a multistatus but " + oneLine(resp.Header.Get("Content-Type")) + ": a login page?"}
	}
	return nil, fmt.Errorf("%s: %w", r.method, f)
}

// syncCollection: RFC 6578 §6.1.
func syncCollection(since cal.Token, inline bool) []byte {
	data := ""
	if inline {
		data = "<C:calendar-data/>"
	}
	return []byte(xmlHead + `<D:sync-collection` + spaces + `><D:sync-token>` + escape(string(since)) + `</D:sync-token>` +
		`<D:sync-level>1</D:sync-level><D:prop><D:getetag/>` + data + `</D:prop></D:sync-collection>`)
}

// calendarQuery: RFC 4791 §9.5.
func calendarQuery(component string) []byte {
	return []byte(xmlHead + `<C:calendar-query` + spaces + `><D:prop><D:getetag/></D:prop><C:filter><C:comp-filter name="VCALENDAR">` +
		`<C:comp-filter name="` + escape(component) + `"/></C:comp-filter></C:filter></C:calendar-query>`)
}

// calendarMultiget: RFC 4791 §9.10. Canonical hrefs need no escaping.
func calendarMultiget(batch []cal.Href) []byte {
	var b bytes.Buffer
	b.WriteString(xmlHead + `<C:calendar-multiget` + spaces + `><D:prop><D:getetag/><C:calendar-data/></D:prop>`)
	for _, h := range batch {
		b.WriteString("<D:href>")
		b.WriteString(string(h))
		b.WriteString("</D:href>")
	}
	b.WriteString(`</C:calendar-multiget>`)
	return b.Bytes()
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder does not fail
	return b.String()
}
