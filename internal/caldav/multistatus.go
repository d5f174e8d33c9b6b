package caldav

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"calbridge/internal/cal"
)

const (
	nsDAV    = "DAV:"
	nsCalDAV = "urn:ietf:params:xml:ns:caldav"
	nsServer = "http://calendarserver.org/ns/"
	nsApple  = "http://apple.com/ns/ical/"
)

var (
	davMultistatus = name{nsDAV, "multistatus"}
	davResponse    = name{nsDAV, "response"}
	davSyncToken   = name{nsDAV, "sync-token"}
	davHref        = name{nsDAV, "href"}
	davStatus      = name{nsDAV, "status"}
	davPropstat    = name{nsDAV, "propstat"}
	davProp        = name{nsDAV, "prop"}
	davError       = name{nsDAV, "error"}
	davDescription = name{nsDAV, "responsedescription"}
	davETag        = name{nsDAV, "getetag"}
	davResource    = name{nsDAV, "resourcetype"}
	davCollection  = name{nsDAV, "collection"}
	calData        = name{nsCalDAV, "calendar-data"}
)

const (
	maxValue   = 10 << 20 // bytes of character data in one response: of one calendar object, that is
	maxToken   = 64 << 10 // bytes of a sync-token
	maxProps   = 256      // of one response
	maxInner   = 4096     // elements inside the properties of one response
	keptBuffer = 1 << 20  // a text buffer that grew beyond is not kept for the next response
)

// multistatus reads a 207 answer (RFC 4918 §13) one response after the other. It never holds more than one.
type multistatus struct {
	xml   *scanner
	begun bool
	token cal.Token // the sync-token (RFC 6578 §6.4); known for certain once next returned io.EOF
	last  response
}

// response is what a multistatus says of one resource. It is valid until the next one is read.
type response struct {
	href        string    // as written
	status      int       // of the resource as a whole; 0: its properties have one each
	props       []prop    // those with a 2xx
	refused     []refused // those with another status
	conditions  []name    // preconditions that failed (RFC 4918 §16)
	holder      string    // the href inside the first condition, raw (RFC 4791 §5.3.2.1 no-uid-conflict)
	description string    // for people
	text        []byte    // what props point into
	inner       []inner   // what props point into
}

// prop is one property with its character data and every element inside it, in document order.
type prop struct {
	name               name
	textFrom, textTo   int
	innerFrom, innerTo int
	tooLarge           bool // its text went over maxValue and was dropped
}

// inner is an element inside a property: a privilege, a report, <comp name="VEVENT"/>.
type inner struct {
	name name
	arg  string // its name attribute
}

// refused is a property that was not given, or not taken.
type refused struct {
	name   name
	status int
}

func readMultistatus(body io.Reader) *multistatus {
	return &multistatus{xml: newScanner(body)}
}

// next reads the next response; io.EOF when the document ended as it should. Any other error means that the answer is cut off or no
// multistatus: what it did not name must not be taken for missing.
func (m *multistatus) next() (*response, error) {
	if !m.begun {
		if err := m.begin(); err != nil {
			return nil, err
		}
	}
	for {
		tok, err := m.xml.next()
		if err != nil {
			return nil, err
		}
		if tok != tokenOpen {
			continue
		}
		switch m.xml.name {
		case davResponse:
			return &m.last, m.last.read(m.xml)
		case davSyncToken:
			token, err := m.xml.string(maxToken)
			if err != nil {
				return nil, err
			}
			m.token = cal.Token(token)
		default:
			if err := m.xml.skip(); err != nil {
				return nil, err
			}
		}
	}
}

func (m *multistatus) begin() error {
	if _, err := m.xml.next(); err != nil {
		return err
	}
	if m.xml.name != davMultistatus {
		return fmt.Errorf("the answer is a <%s>, not a DAV:multistatus", clip(m.xml.name.local, 100))
	}
	m.begun = true
	return nil
}

// read fills r with the response element just opened.
func (r *response) read(x *scanner) error {
	r.reset()
	return x.children(func() (err error) {
		switch x.name {
		case davHref:
			if href, err := x.string(maxHref + 1); err != nil || r.href != "" {
				return err // RFC 4918 §14.24 allows several hrefs with one status; no report here is answered so
			} else {
				r.href = href
			}
			return nil
		case davStatus:
			r.status, err = x.status()
			return err
		case davPropstat:
			return r.readPropstat(x)
		case davError:
			return r.readConditions(x)
		case davDescription:
			return r.readDescription(x)
		}
		return x.skip()
	})
}

func (r *response) reset() {
	text := r.text[:0]
	if cap(text) > keptBuffer {
		text = nil
	}
	*r = response{props: r.props[:0], refused: r.refused[:0], conditions: r.conditions[:0], inner: r.inner[:0], text: text}
}

// readPropstat keeps the properties if their status, which may stand before or behind them, is a 2xx.
func (r *response) readPropstat(x *scanner) error {
	status, first := 200, len(r.props)
	err := x.children(func() (err error) {
		switch x.name {
		case davProp:
			return x.children(func() error { return r.readProp(x) })
		case davStatus:
			status, err = x.status()
			return err
		case davError:
			return r.readConditions(x)
		case davDescription:
			return r.readDescription(x)
		}
		return x.skip()
	})
	if err == nil && !successful(status) {
		for _, p := range r.props[first:] {
			r.refused = append(r.refused, refused{p.name, status})
		}
		r.props = r.props[:first]
	}
	return err
}

// readProp reads the property element just opened with all that is in it.
func (r *response) readProp(x *scanner) error {
	if len(r.props) == maxProps {
		return x.skip()
	}
	p := prop{name: x.name, textFrom: len(r.text), innerFrom: len(r.inner)}
	for depth := len(x.open); len(x.open) >= depth; {
		tok, err := x.next()
		if err != nil {
			return err
		}
		switch {
		case tok == tokenText && !p.tooLarge:
			if r.text = append(r.text, x.text...); len(r.text) > maxValue {
				r.text, p.tooLarge = r.text[:p.textFrom], true
			}
		case tok == tokenOpen && len(r.inner) < maxInner:
			r.inner = append(r.inner, inner{x.name, x.attr("name")})
		}
	}
	p.textTo, p.innerTo = len(r.text), len(r.inner)
	r.props = append(r.props, p)
	return nil
}

// readConditions reads a DAV:error element.
func (r *response) readConditions(x *scanner) error {
	return x.children(func() error {
		if x.name == davDescription { // Cyrus puts it inside
			return r.readDescription(x)
		}
		if len(r.conditions) < maxProps {
			r.conditions = append(r.conditions, x.name)
		}
		href, text, err := x.hrefWithin()
		if r.holder == "" {
			r.holder = href
		}
		if text != "" && (r.description == "" || x.name.local == "message") { // Sabre: <s:exception> first, then <s:message>
			r.description = text
		}
		return err
	})
}

func (r *response) readDescription(x *scanner) (err error) {
	r.description, err = x.string(maxHref)
	return err
}

// find is the property of that name, if it was given.
func (r *response) find(n name) (prop, bool) {
	for _, p := range r.props {
		if p.name == n {
			return p, true
		}
	}
	return prop{}, false
}

// value is the character data of a property, as it came; nil if it was not given.
func (r *response) value(n name) []byte {
	p, ok := r.find(n)
	if !ok {
		return nil
	}
	return r.text[p.textFrom:p.textTo]
}

// string is the character data of a property without the white space around it.
func (r *response) string(n name) string {
	return strings.TrimSpace(string(r.value(n)))
}

// elements are all elements inside a property.
func (r *response) elements(n name) []inner {
	p, _ := r.find(n)
	return r.inner[p.innerFrom:p.innerTo]
}

// has reports whether a property contains an element.
func (r *response) has(n, element name) bool {
	for _, e := range r.elements(n) {
		if e.name == element {
			return true
		}
	}
	return false
}

// children calls each for every child of the element opened last; each must read it to its end.
func (s *scanner) children(each func() error) error {
	for depth := len(s.open); ; {
		tok, err := s.next()
		switch {
		case err != nil:
			return err
		case tok == tokenClose && len(s.open) < depth:
			return nil
		case tok == tokenOpen:
			if err := each(); err != nil {
				return err
			}
		}
	}
}

// string reads the character data of the element opened last, without the white space around it, and at most limit bytes of it.
func (s *scanner) string(limit int) (string, error) {
	var out []byte
	for depth := len(s.open); len(s.open) >= depth; {
		tok, err := s.next()
		if err != nil {
			return "", err
		}
		if tok == tokenText && len(out) < limit {
			out = append(out, s.text[:min(len(s.text), limit-len(out))]...)
		}
	}
	return strings.TrimSpace(string(out)), nil
}

// hrefWithin reads the element opened last and finds an href in it, and the text that is in no href.
func (s *scanner) hrefWithin() (href, text string, err error) {
	var words strings.Builder
	for depth := len(s.open); len(s.open) >= depth; {
		tok, err := s.next()
		switch {
		case err != nil:
			return "", "", err
		case tok == tokenOpen && s.name == davHref && href == "":
			if href, err = s.string(maxHref); err != nil {
				return "", "", err
			}
		case tok == tokenText && words.Len() < maxHref:
			words.Write(s.text)
		}
	}
	return href, strings.TrimSpace(words.String()), nil
}

// status reads a status line: "HTTP/1.1 200 OK", and what passes for one. One without a status is no success, and no more is known.
func (s *scanner) status() (int, error) {
	line, err := s.string(200)
	if err != nil {
		return 0, err
	}
	for word := range strings.FieldsSeq(line) {
		if code, err := strconv.Atoi(word); err == nil && 100 <= code && code <= 599 {
			return code, nil
		}
	}
	return http.StatusInternalServerError, nil
}

func successful(status int) bool { return 200 <= status && status <= 299 }
