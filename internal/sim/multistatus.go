package sim

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Namespaces of the properties served.
const (
	dav    = "DAV:"
	caldav = "urn:ietf:params:xml:ns:caldav"
	server = "http://calendarserver.org/ns/"
	apple  = "http://apple.com/ns/ical/"
)

var prefixes = map[string]string{dav: "D", caldav: "C", server: "CS", apple: "A"}

const (
	multistatusOpen = `<?xml version="1.0" encoding="utf-8"?>` + "\n" + `<D:multistatus` + namespaces + `>`
	namespaces      = ` xmlns:D="DAV:" xmlns:C="` + caldav + `" xmlns:CS="` + server + `" xmlns:A="` + apple + `"`
)

// multistatus is an answer of many responses (RFC 4918 §13) while it is written.
type multistatus struct {
	r request
	b bytes.Buffer
}

func newMultistatus(r request) *multistatus {
	m := &multistatus{r: r}
	m.b.Grow(2048)
	m.b.WriteString(multistatusOpen)
	return m
}

// properties looks a property up: the XML inside it, and whether it is there.
type properties func(xml.Name) (inner string, ok bool)

// resource adds a response with the properties asked for, those that are not there in a propstat of their own (RFC 4918 §9.1).
func (m *multistatus) resource(at place, asked []xml.Name, props properties) {
	m.named(m.r.href(at), asked, props)
}

func (m *multistatus) named(href string, asked []xml.Name, props properties) {
	start := m.b.Len()
	var missing []xml.Name
	m.open(href)
	found := false
	for _, name := range asked {
		inner, ok := props(name)
		if !ok {
			missing = append(missing, name)
			continue
		}
		if !found {
			m.b.WriteString("<D:propstat><D:prop>")
		}
		found = true
		element(&m.b, name, inner)
	}
	if found {
		m.b.WriteString("</D:prop>")
		m.status(http.StatusOK)
		m.b.WriteString("</D:propstat>")
	}
	m.missing(missing, !found)
	m.close(start)
}

func (m *multistatus) missing(names []xml.Name, must bool) {
	if len(names) == 0 && !must {
		return
	}
	m.b.WriteString("<D:propstat><D:prop>")
	for _, name := range names {
		element(&m.b, name, "")
	}
	m.b.WriteString("</D:prop>")
	m.status(http.StatusNotFound)
	m.b.WriteString("</D:propstat>")
}

// bare adds a response that is only a status, with an error element where that says more.
func (m *multistatus) bare(at place, status int, cause xml.Name) {
	start := m.b.Len()
	m.open(m.r.href(at))
	m.status(status)
	if cause.Local != "" {
		m.b.WriteString("<D:error>")
		element(&m.b, cause, "")
		m.b.WriteString("</D:error>")
	}
	m.close(start)
}

func (m *multistatus) open(href string) {
	m.b.WriteString("\n<D:response><D:href>")
	m.b.WriteString(text(href))
	m.b.WriteString("</D:href>")
}

func (m *multistatus) close(start int) {
	m.b.WriteString("</D:response>")
	if m.r.q.DuplicateResponses {
		m.b.Write(bytes.Clone(m.b.Bytes()[start:]))
	}
}

func (m *multistatus) status(code int) {
	m.b.WriteString("<D:status>HTTP/1.1 " + strconv.Itoa(code) + " " + http.StatusText(code) + "</D:status>")
}

func (m *multistatus) answer() answer {
	m.b.WriteString("\n</D:multistatus>\n")
	return answer{status: http.StatusMultiStatus, body: m.b.Bytes()}.with("Content-Type", xmlType)
}

const xmlType = `application/xml; charset="utf-8"`

// element writes one element around XML.
func element(b *bytes.Buffer, name xml.Name, inner string) {
	tag, declare := name.Local, ""
	if p := prefixes[name.Space]; p != "" {
		tag = p + ":" + tag
	} else {
		declare = ` xmlns="` + text(name.Space) + `"`
	}
	if inner == "" {
		b.WriteString("<" + tag + declare + "/>")
		return
	}
	b.WriteString("<" + tag + declare + ">")
	b.WriteString(inner)
	b.WriteString("</" + tag + ">")
}

// text is character data where line ends do not matter.
func text(s string) string { return characters(s, false) }

// characters writes character data. CR is written as a reference, else XML would read it as LF (XML 1.0 §2.11); lf wants just that.
func characters(s string, lf bool) string {
	if !strings.ContainsAny(s, "&<>\"\r") {
		return s
	}
	if lf {
		return lfEscaper.Replace(s)
	}
	return escaper.Replace(s)
}

var (
	escaper   = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "\r", "&#13;")
	lfEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;")
)

// carries tells whether XML can carry the text (XML 1.0 §2.2).
func carries(s string) bool {
	for i, c := range s {
		switch {
		case c < ' ' && c != '\t' && c != '\n' && c != '\r', c == 0xFFFE, c == 0xFFFF:
			return false
		case c == utf8.RuneError:
			if _, width := utf8.DecodeRuneInString(s[i:]); width == 1 {
				return false
			}
		}
	}
	return true
}

// href writes a place as this answer does.
func (r request) href(at place) string {
	path := href(r.q, at)
	if r.q.AbsoluteHrefs {
		return "http://" + r.Host + path
	}
	return path
}

func href(q Quirks, at place) string {
	path := "/dav/calendars/" + segment(q, at.user) + "/"
	if at.kind >= atCalendar {
		path += segment(q, at.calendar) + "/"
	}
	if at.kind >= atObject {
		path += segment(q, at.name)
	}
	return path
}

func segment(q Quirks, name string) string {
	switch q.Hrefs {
	case HrefEncoded:
		return percent(name, unreserved, "%%%02X")
	case HrefLowerHex:
		return percent(name, unreserved, "%%%02x")
	case HrefRaw:
		return percent(name, func(c byte) bool { return c > ' ' && c < 0x7f && !strings.ContainsRune(`%#"<>/`, rune(c)) }, "%%%02X")
	case HrefDouble:
		return url.PathEscape(url.PathEscape(name))
	}
	return url.PathEscape(name)
}

// unreserved are the characters no one ever needs to escape (RFC 3986 §2.3).
func unreserved(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || strings.IndexByte("-_.~", c) >= 0
}

func percent(name string, plain func(byte) bool, format string) string {
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if plain(name[i]) {
			b.WriteByte(name[i])
		} else {
			fmt.Fprintf(&b, format, name[i])
		}
	}
	return b.String()
}
