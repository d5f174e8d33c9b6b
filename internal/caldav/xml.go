package caldav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// scanner reads XML one tag or one piece of text at a time. It is namespace-aware, and it is tolerant where encoding/xml gives up on
// the whole document: control characters, bad UTF-8 and stray ampersands pass through as they came. It is strict about the one thing
// that loses data unnoticed: a document that does not close its root is an error. Line ends are not normalised (XML 1.0 §2.11 would
// have CRLF read as LF): an iCalendar body stays byte for byte what the server wrote. DOCTYPE is refused, and with it every entity
// but the five predefined ones.
type scanner struct {
	src  io.Reader
	buf  []byte // buf[at:end] is read from src and not yet scanned
	at   int
	end  int
	over error // why src gives no more

	inCDATA bool
	empty   bool // the element just opened is closed as well: its end is the next token
	begun   bool // the root was opened

	open   []element
	bound  []binding
	locals map[string]string // interned local names

	name  name   // of the element opened or closed last
	attrs []attr // of the element opened last
	text  []byte // the piece of character data read last, decoded; valid until the next token
}

// name is an expanded element name (Namespaces in XML §2.1).
type name struct{ space, local string }

type attr struct{ local, value string } // attributes that CalDAV has live in no namespace

type element struct {
	raw   string // as written, prefix and all
	name  name
	bound int // len(scanner.bound) before this element's own bindings
}

type binding struct{ prefix, space string }

type token int

const (
	tokenOpen token = iota
	tokenClose
	tokenText
)

const (
	maxDepth  = 64      // of elements
	maxTag    = 1 << 16 // bytes of one tag, its attributes included
	maxAttrs  = 64      // of one element
	maxLocals = 1 << 12 // distinct names worth keeping
	maxRef    = 12      // bytes of "&#x10FFFF;" and a little more
	bufSize   = 1 << 16
)

var (
	errCut       = errors.New("the answer is cut off")
	errMalformed = errors.New("the answer is not well-formed XML")
)

func newScanner(src io.Reader) *scanner {
	return &scanner{src: src, buf: make([]byte, bufSize), locals: map[string]string{}}
}

// next reads the next token. After the end of the root it returns io.EOF and leaves what follows unread.
func (s *scanner) next() (token, error) {
	for {
		switch {
		case s.empty:
			s.empty = false
			return tokenClose, s.close()
		case s.begun && len(s.open) == 0:
			return 0, io.EOF
		case s.inCDATA:
			if s.cdata() {
				return tokenText, nil
			}
		case s.at == s.end:
			if !s.fill() {
				return 0, s.cut()
			}
		case s.buf[s.at] == '<':
			if tok, found, err := s.markup(); found || err != nil {
				return tok, err
			}
		case len(s.open) == 0:
			if err := s.prolog(); err != nil {
				return 0, err
			}
		default:
			s.characters()
			return tokenText, nil
		}
	}
}

// skip reads up to the end of the element opened last.
func (s *scanner) skip() error {
	for depth := len(s.open); len(s.open) >= depth; {
		if _, err := s.next(); err != nil {
			return err
		}
	}
	return nil
}

// attr is the value of an attribute of the element opened last; empty if it has none.
func (s *scanner) attr(local string) string {
	for _, a := range s.attrs {
		if a.local == local {
			return a.value
		}
	}
	return ""
}

// prolog steps over white space or a byte order mark before the root.
func (s *scanner) prolog() error {
	s.want(3)
	switch rest := s.buf[s.at:s.end]; {
	case bytes.HasPrefix(rest, []byte("\uFEFF")):
		s.at += 3
	case bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0:
		s.at++
	default:
		return fmt.Errorf("%w: it does not begin with a tag", errMalformed)
	}
	return nil
}

// markup reads what begins with '<'. found is false for what is no token: comments, processing instructions, the start of CDATA.
func (s *scanner) markup() (tok token, found bool, err error) {
	s.want(9) // the longest introducer is "<![CDATA["
	switch rest := s.buf[s.at:s.end]; {
	case bytes.HasPrefix(rest, []byte("<!--")):
		return 0, false, s.past("-->", 4)
	case bytes.HasPrefix(rest, []byte("<?")):
		return 0, false, s.past("?>", 2)
	case bytes.HasPrefix(rest, []byte("<![CDATA[")) && len(s.open) > 0:
		s.at += 9
		s.inCDATA = true
		return 0, false, nil
	case bytes.HasPrefix(rest, []byte("<!")) && len(rest) < 9:
		return 0, false, s.cut()
	case bytes.HasPrefix(rest, []byte("<!")):
		return 0, false, fmt.Errorf("%w: it has a DOCTYPE", errMalformed)
	case bytes.HasPrefix(rest, []byte("</")):
		return tokenClose, true, s.endTag()
	}
	return tokenOpen, true, s.startTag()
}

// characters reads text up to the next markup or reference, or one reference. At least one byte is there.
func (s *scanner) characters() {
	rest := s.buf[s.at:s.end]
	if rest[0] == '&' {
		s.reference()
		return
	}
	if i := bytes.IndexByte(rest, '<'); i >= 0 {
		rest = rest[:i]
	}
	if i := bytes.IndexByte(rest, '&'); i >= 0 {
		rest = rest[:i]
	}
	s.text = rest
	s.at += len(rest)
}

// reference reads "&...;" (XML 1.0 §4.1); what is none is text.
func (s *scanner) reference() {
	s.want(maxRef)
	rest := s.buf[s.at:min(s.at+maxRef, s.end)]
	if i := bytes.IndexByte(rest, ';'); i > 0 {
		if decoded := decodeReference(rest[1:i]); decoded != nil {
			s.text = decoded
			s.at += i + 1
			return
		}
	}
	s.text = rest[:1]
	s.at++
}

// cdata reads a piece of a CDATA section; false when the section ended or the source did.
func (s *scanner) cdata() bool {
	s.want(3)
	rest := s.buf[s.at:s.end]
	switch i := bytes.Index(rest, []byte("]]>")); {
	case i == 0:
		s.inCDATA = false
		s.at += 3
		return false
	case i > 0:
		rest = rest[:i]
	case len(rest) > 2 && s.over == nil:
		rest = rest[:len(rest)-2] // its last two bytes may begin the end
	case len(rest) == 0:
		s.inCDATA = false // cut off: next says so
		return false
	}
	s.text = rest
	s.at += len(rest)
	return true
}

// past moves behind the next occurrence of mark, which begins at least skip bytes from here.
func (s *scanner) past(mark string, skip int) error {
	s.at += min(skip, s.end-s.at)
	for {
		if i := bytes.Index(s.buf[s.at:s.end], []byte(mark)); i >= 0 {
			s.at += i + len(mark)
			return nil
		}
		s.at = max(s.at, s.end-len(mark)+1)
		if !s.fill() {
			return s.cut()
		}
	}
}

// startTag reads "<name attributes>" and puts it on the stack.
func (s *scanner) startTag() error {
	tag, err := s.tag(1)
	if err != nil {
		return err
	}
	if len(s.open) == maxDepth {
		return fmt.Errorf("%w: it nests deeper than %d elements", errMalformed, maxDepth)
	}
	if n := len(tag); n > 0 && tag[n-1] == '/' {
		s.empty, tag = true, tag[:n-1]
	}
	raw, rest := cutName(tag)
	if len(raw) == 0 {
		return fmt.Errorf("%w: a tag without a name", errMalformed)
	}
	e := element{raw: s.intern(raw), bound: len(s.bound)}
	if err := s.attributes(rest); err != nil {
		return err
	}
	e.name = s.expand(raw)
	s.open = append(s.open, e)
	s.name, s.begun = e.name, true
	return nil
}

// attributes reads them all and binds the namespaces they declare (Namespaces in XML §3).
func (s *scanner) attributes(rest []byte) error {
	s.attrs = s.attrs[:0]
	for n := 0; ; n++ {
		rest = bytes.TrimLeft(rest, " \t\r\n")
		if len(rest) == 0 {
			return nil
		}
		raw, value, tail, ok := cutAttribute(rest)
		if !ok || n == maxAttrs {
			return fmt.Errorf("%w: bad attributes inside <%s>", errMalformed, clip(s.lastName(), 100))
		}
		rest = tail
		switch prefix, local := splitName(raw); {
		case string(raw) == "xmlns":
			s.bound = append(s.bound, binding{"", s.intern(decodeReferences(value))})
		case string(prefix) == "xmlns":
			s.bound = append(s.bound, binding{s.intern(local), s.intern(decodeReferences(value))})
		case len(prefix) == 0:
			s.attrs = append(s.attrs, attr{s.intern(local), string(decodeReferences(value))})
		}
	}
}

// endTag reads "</name>", which must be the one that is open.
func (s *scanner) endTag() error {
	tag, err := s.tag(2)
	if err != nil {
		return err
	}
	if tag = bytes.TrimRight(tag, " \t\r\n"); string(tag) != s.lastName() || len(s.open) == 0 {
		return fmt.Errorf("%w: <%s> is closed by </%s>", errMalformed, clip(s.lastName(), 100), clip(printable(string(tag)), 100))
	}
	return s.close()
}

func (s *scanner) close() error {
	last := s.open[len(s.open)-1]
	s.open = s.open[:len(s.open)-1]
	s.bound = s.bound[:last.bound]
	s.name = last.name
	return nil
}

// tag reads a whole tag and returns what stands between its introducer and '>'.
func (s *scanner) tag(introducer int) ([]byte, error) {
	for from := introducer; ; {
		rest := s.buf[s.at:s.end]
		if end := tagEnd(rest, introducer, from); end >= 0 {
			s.at += end + 1
			return rest[introducer:end], nil
		}
		if len(rest) >= maxTag {
			return nil, fmt.Errorf("%w: a tag longer than %d bytes", errMalformed, maxTag)
		}
		if !s.fill() {
			return nil, s.cut()
		}
	}
}

// tagEnd finds the '>' that no quotes hide.
func tagEnd(rest []byte, introducer, from int) int {
	end := bytes.IndexByte(rest[min(from, len(rest)):], '>')
	if end < 0 {
		return -1
	}
	if end += from; bytes.IndexByte(rest[introducer:end], '"') < 0 && bytes.IndexByte(rest[introducer:end], '\'') < 0 {
		return end
	}
	quote := byte(0)
	for i := introducer; i < len(rest); i++ {
		switch c := rest[i]; {
		case quote == 0 && c == '>':
			return i
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case c == quote:
			quote = 0
		}
	}
	return -1
}

// expand resolves the prefix of a name; one that nobody declared stays with an empty namespace.
func (s *scanner) expand(raw []byte) name {
	prefix, local := splitName(raw)
	for i := len(s.bound) - 1; i >= 0; i-- {
		if s.bound[i].prefix == string(prefix) {
			return name{s.bound[i].space, s.intern(local)}
		}
	}
	return name{"", s.intern(local)}
}

func (s *scanner) lastName() string {
	if len(s.open) == 0 {
		return ""
	}
	return s.open[len(s.open)-1].raw
}

// intern makes one string of equal names.
func (s *scanner) intern(b []byte) string {
	if known, ok := s.locals[string(b)]; ok {
		return known
	}
	fresh := string(b)
	if len(s.locals) < maxLocals {
		s.locals[fresh] = fresh
	}
	return fresh
}

// want tries to have n bytes in the buffer.
func (s *scanner) want(n int) {
	for s.end-s.at < n && s.fill() {
	}
}

// fill reads more behind what is not yet scanned; false when nothing more comes.
func (s *scanner) fill() bool {
	if s.over != nil {
		return false
	}
	if s.at == s.end {
		s.at, s.end = 0, 0
	} else if s.at > 0 && s.end == len(s.buf) {
		s.at, s.end = 0, copy(s.buf, s.buf[s.at:s.end])
	}
	if s.end == len(s.buf) {
		s.buf = append(s.buf, make([]byte, len(s.buf))...) // a tag of nearly maxTag
	}
	for range 100 { // a reader that forever returns nothing is broken (io.Reader)
		n, err := s.src.Read(s.buf[s.end:])
		s.end, s.over = s.end+n, err
		if n > 0 || err != nil {
			return n > 0
		}
	}
	s.over = io.ErrNoProgress
	return false
}

// cut is why the document ends before its root does.
func (s *scanner) cut() error {
	if s.over == nil || errors.Is(s.over, io.EOF) {
		return errCut
	}
	return fmt.Errorf("%w: %w", errCut, s.over)
}

// cutName splits a tag into its name and the rest.
func cutName(tag []byte) (raw, rest []byte) {
	if i := bytes.IndexAny(tag, " \t\r\n"); i >= 0 {
		return tag[:i], tag[i:]
	}
	return tag, nil
}

// cutAttribute splits `name = "value"` off.
func cutAttribute(b []byte) (raw, value, rest []byte, ok bool) {
	raw, b, ok = bytes.Cut(b, []byte("="))
	raw, b = bytes.TrimRight(raw, " \t\r\n"), bytes.TrimLeft(b, " \t\r\n")
	if !ok || len(raw) == 0 || len(b) < 2 || b[0] != '"' && b[0] != '\'' {
		return nil, nil, nil, false
	}
	value, rest, ok = bytes.Cut(b[1:], b[:1])
	return raw, value, rest, ok
}

func splitName(raw []byte) (prefix, local []byte) {
	if i := bytes.IndexByte(raw, ':'); i >= 0 {
		return raw[:i], raw[i+1:]
	}
	return nil, raw
}

// decodeReferences decodes the references in an attribute's value.
func decodeReferences(b []byte) []byte {
	if bytes.IndexByte(b, '&') < 0 {
		return b
	}
	var out []byte
	for len(b) > 0 {
		end := bytes.IndexByte(b, ';')
		if b[0] == '&' && end > 0 && end < maxRef {
			if decoded := decodeReference(b[1:end]); decoded != nil {
				out, b = append(out, decoded...), b[end+1:]
				continue
			}
		}
		out, b = append(out, b[0]), b[1:]
	}
	return out
}

var (
	refLess, refGreater, refAnd, refQuote, refApostrophe = []byte("<"), []byte(">"), []byte("&"), []byte(`"`), []byte("'")
	refCR                                                = []byte("\r")
)

// decodeReference decodes what stands between '&' and ';'; nil when it means nothing (XML 1.0 §4.6, §4.1).
func decodeReference(ref []byte) []byte {
	switch string(ref) {
	case "lt":
		return refLess
	case "gt":
		return refGreater
	case "amp":
		return refAnd
	case "quot":
		return refQuote
	case "apos":
		return refApostrophe
	case "#13", "#xD", "#xd": // at the end of every line of a body
		return refCR
	}
	if len(ref) < 2 || ref[0] != '#' {
		return nil
	}
	digits, base := string(ref[1:]), 10
	if ref[1] == 'x' {
		digits, base = string(ref[2:]), 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return nil
	}
	return utf8.AppendRune(nil, rune(n))
}
