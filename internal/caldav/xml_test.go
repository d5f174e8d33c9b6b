package caldav

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// events reads a document with our scanner: one line for each tag, text runs joined.
func events(src io.Reader) ([]string, error) {
	s := newScanner(src)
	var out []string
	text := ""
	flush := func() {
		if text != "" {
			out = append(out, fmt.Sprintf("text %q", text))
			text = ""
		}
	}
	for {
		tok, err := s.next()
		if tok != tokenText || err != nil {
			flush()
		}
		switch {
		case errors.Is(err, io.EOF):
			return out, nil
		case err != nil:
			return out, err
		case tok == tokenOpen:
			out = append(out, fmt.Sprintf("open {%s}%s %q", s.name.space, s.name.local, s.attr("name")))
		case tok == tokenClose:
			out = append(out, fmt.Sprintf("close {%s}%s", s.name.space, s.name.local))
		default:
			text += string(s.text)
		}
	}
}

// peerEvents reads it with encoding/xml.
func peerEvents(doc string) (out []string, err error) {
	d := xml.NewDecoder(strings.NewReader(doc))
	depth, text := 0, ""
	flush := func() {
		if text != "" {
			out = append(out, fmt.Sprintf("text %q", text))
			text = ""
		}
	}
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return out, nil
		} else if err != nil {
			return out, err
		}
		switch e := tok.(type) {
		case xml.StartElement:
			flush()
			depth++
			arg := ""
			for _, a := range e.Attr {
				if a.Name == (xml.Name{Local: "name"}) && arg == "" {
					arg = a.Value
				}
			}
			out = append(out, fmt.Sprintf("open {%s}%s %q", e.Name.Space, e.Name.Local, arg))
		case xml.EndElement:
			flush()
			depth--
			out = append(out, fmt.Sprintf("close {%s}%s", e.Name.Space, e.Name.Local))
		case xml.CharData:
			if depth > 0 {
				text += string(e)
			}
		case xml.Directive:
			return out, errors.New("a directive")
		}
	}
}

// documents are well-formed and hold no CR, which encoding/xml normalises and we do not.
var documents = []string{
	`<a/>`,
	`<?xml version="1.0" encoding="utf-8"?>` + "\n<!-- x -- > --><a>\n <b/>text</a>\n",
	`<a xmlns="DAV:" xmlns:b='urn:b'><b:c name="x &amp; &lt;y&gt;" other='"'>1 &lt; 2 &amp;&#38;&#x41; &quot;&apos;</b:c><d xmlns=""/><b:d xmlns:b="urn:c"><b:e/></b:d><b:f/></a>`,
	`<a><![CDATA[<b>&amp;]] ]>]]>x<![CDATA[]]><![CDATA[y]]></a>`,
	`<a>é漢字😀</a>`,
	`<a b="1>2" c='/'><b  name = "x" /></a >`,
	"<a\n\tname=\"v\"\n>x</a\n>",
	`<a><?pi ?> ?><!-- <b> --></a>`,
	`<D:multistatus xmlns:D="DAV:"><D:response><D:href>/a</D:href></D:response><D:sync-token>t</D:sync-token></D:multistatus>`,
}

func TestScannerReadsWhatEncodingXMLReads(t *testing.T) {
	for _, doc := range documents {
		checkAgainstPeer(t, doc)
	}
}

func checkAgainstPeer(t *testing.T, doc string) {
	t.Helper()
	want, err := peerEvents(doc)
	if err != nil {
		return // what encoding/xml refuses we may read
	}
	for name, src := range map[string]io.Reader{
		"whole": strings.NewReader(doc), "bytewise": iotest.OneByteReader(strings.NewReader(doc)), "with EOF": iotest.DataErrReader(strings.NewReader(doc)),
	} {
		got, err := events(src)
		if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("%q %s: %v\ngot  %q\nwant %q", doc, name, err, got, want)
		}
	}
}

func TestScannerTellsEveryCut(t *testing.T) {
	for _, doc := range documents {
		end := strings.LastIndexByte(doc, '>')
		for cut := range end {
			if _, err := events(strings.NewReader(doc[:cut])); !errors.Is(err, errCut) {
				t.Fatalf("%q cut to %q: %v", doc, doc[:cut], err)
			}
		}
	}
}

func TestScannerTellsABrokenConnection(t *testing.T) {
	_, err := events(io.MultiReader(strings.NewReader("<a><b>x"), iotest.ErrReader(errSilent)))
	if !errors.Is(err, errCut) || !errors.Is(err, errSilent) {
		t.Error(err)
	}
	_, err = events(io.MultiReader(strings.NewReader("<a><b>x"), iotest.ErrReader(fmt.Errorf("connection: %w", io.EOF))))
	if !errors.Is(err, errCut) || errors.Is(err, io.EOF) {
		t.Errorf("a broken connection passes for the end: %v", err)
	}
}

func TestScannerPassesBytesThrough(t *testing.T) {
	for name, text := range map[string]string{
		"CRLF":                  "BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n",
		"control characters":    "a\x00b\x01c\x0b",
		"bad UTF-8":             "a\xff\xfeb",
		"Latin-1":               "caf\xe9",
		"a stray ampersand":     "AT&T & co",
		"an unknown entity":     "&nbsp;&bogus;",
		"an unfinished entity":  "x&amp",
		"a reference to NUL":    "&#0;",
		"a reference too large": "&#x110000;",
		"a surrogate":           "&#xD800;",
		"the end of CDATA":      "]]>",
	} {
		for _, src := range []io.Reader{strings.NewReader("<a>" + text + "</a>"), iotest.OneByteReader(strings.NewReader("<a>" + text + "</a>"))} {
			got, err := events(src)
			if want := fmt.Sprintf("text %q", text); err != nil || len(got) != 3 || got[1] != want {
				t.Errorf("%s: %q, %v; want %s", name, got, err, want)
			}
		}
	}
	if got, err := events(strings.NewReader("<a>x&#13;\n&#xD;&#xd;</a>")); err != nil || got[1] != `text "x\r\n\r\r"` {
		t.Errorf("references to CR: %q, %v", got, err)
	}
}

func TestScannerRefuses(t *testing.T) {
	for name, doc := range map[string]string{
		"DOCTYPE":             `<!DOCTYPE html><html></html>`,
		"DOCTYPE inside":      `<a><!ENTITY x "y"></a>`,
		"text":                `Not found`,
		"crossed tags":        `<a><b></a></b>`,
		"another end":         `<a></b>`,
		"an end alone":        `</a>`,
		"no name":             `<a>< /></a>`,
		"depth":               strings.Repeat("<a>", maxDepth+1),
		"a long tag":          `<a b="` + strings.Repeat("x", maxTag) + `"/>`,
		"many attributes":     `<a` + strings.Repeat(` b="x"`, maxAttrs+1) + `/>`,
		"attribute unquoted":  `<a b=c/>`,
		"attribute unclosed":  `<a b="c/>` + strings.Repeat(" ", maxTag),
		"attribute valueless": `<a b/>`,
	} {
		if got, err := events(strings.NewReader(doc)); !errors.Is(err, errMalformed) {
			t.Errorf("%s: %q, %v", name, clip(strings.Join(got, " "), 100), err)
		}
	}
}

func TestScannerTakesByteOrderMarkAndTrailingGarbage(t *testing.T) {
	doc := "\uFEFF \r\n<a/>garbage"
	for _, src := range []io.Reader{strings.NewReader(doc), iotest.OneByteReader(strings.NewReader(doc))} {
		if got, err := events(src); err != nil || len(got) != 2 {
			t.Errorf("%q, %v", got, err)
		}
	}
}

func TestScannerReadsLongTextInConstantMemory(t *testing.T) {
	s := newScanner(io.MultiReader(strings.NewReader("<a><![CDATA["), io.LimitReader(endless{}, 50<<20), strings.NewReader("]]></a>")))
	n := 0
	for {
		tok, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		if tok == tokenText {
			n += len(s.text)
		}
	}
	if n != 50<<20 || len(s.buf) > 2*bufSize {
		t.Errorf("%d bytes of text through a buffer of %d", n, len(s.buf))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ']'
	}
	return len(p), nil
}

// checkWellFormed compares with encoding/xml where that reads the document, but for what it takes and XML or we do not.
func checkWellFormed(t *testing.T, doc string, got []string, err error) {
	want, failed := peerEvents(doc)
	if failed != nil || errors.Is(err, errMalformed) || strings.Contains(doc, ":") || len(want) == 0 {
		return // of undeclared prefixes and colons elsewhere no two readers think alike
	}
	if n := rootEnd(want); n < len(want) {
		want = want[:n] // we stop at the end of the root
	}
	if err != nil || strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("%q: %v\ngot  %q\nwant %q", doc, err, got, want)
	}
}

func rootEnd(events []string) int {
	depth := 0
	for i, e := range events {
		switch {
		case strings.HasPrefix(e, "open"):
			depth++
		case strings.HasPrefix(e, "close"):
			depth--
		}
		if depth == 0 {
			return i + 1
		}
	}
	return len(events)
}
