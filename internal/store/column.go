package store

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// How Go values stand in columns.

// foreign is text somebody else made up: an etag may hold any byte from 0x80 up (RFC 9110 §8.8.3), a UID whatever a broken file said.
// PostgreSQL's TEXT takes neither NUL nor what is not UTF-8, so such text stands in hex behind a mark no other begins with. Equal stays
// equal.
func foreign[S ~string](s S) string {
	text := string(s)
	if strings.HasPrefix(text, hexMark) || strings.IndexByte(text, 0) >= 0 || !utf8.ValidString(text) {
		return hexMark + hex.EncodeToString([]byte(text))
	}
	return text
}

const hexMark = "\x01"

// foreigns is foreign of many.
func foreigns[S ~string](all []S) []string {
	texts := make([]string, len(all))
	for i, s := range all {
		texts[i] = foreign(s)
	}
	return texts
}

// native undoes foreign.
func native(text string) string {
	if !strings.HasPrefix(text, hexMark) {
		return text
	}
	b, err := hex.DecodeString(text[len(hexMark):])
	if err != nil {
		return text
	}
	return string(b)
}

// from scans a foreign column into a string of whatever type.
func from[S ~string](into *S) any { return &scanner[S]{into} }

type scanner[S ~string] struct{ into *S }

func (s *scanner[S]) Scan(column any) error {
	switch v := column.(type) {
	case string:
		*s.into = S(native(v))
	case []byte:
		*s.into = S(native(string(v)))
	default:
		return fmt.Errorf("read a text column: it holds a %T", column)
	}
	return nil
}

// readable is text for people to read; what no database takes of it is left out.
func readable(s string) string {
	if strings.IndexByte(s, 0) < 0 && utf8.ValidString(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "")
}

// millis is a time as it stands in a column; the zero time is 0.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// instant undoes millis.
func instant(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}

// moment scans a BIGINT column into a time.
func moment(into *time.Time) any { return (*momentScanner)(into) }

type momentScanner time.Time

func (m *momentScanner) Scan(column any) error {
	ms, ok := column.(int64)
	if !ok {
		return fmt.Errorf("read a time column: it holds a %T", column)
	}
	*m = momentScanner(instant(ms))
	return nil
}

func truth(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// asJSON writes what cannot fail: structs of strings and numbers.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic("store: a value that JSON cannot hold: " + err.Error())
	}
	return string(b)
}

// document scans a JSON column; an empty one leaves the variable as it is.
func document(into any) any { return &documentScanner{into} }

type documentScanner struct{ into any }

func (d *documentScanner) Scan(column any) error {
	switch v := column.(type) {
	case string:
		return d.decode([]byte(v))
	case []byte:
		return d.decode(v)
	}
	return fmt.Errorf("read a JSON column: it holds a %T", column)
}

func (d *documentScanner) decode(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, d.into)
}

// bytes scans a BYTEA column, NULL too, into a string of whatever type.
func bytes[S ~string](into *S) any { return &bytesScanner[S]{into} }

type bytesScanner[S ~string] struct{ into *S }

func (s *bytesScanner[S]) Scan(column any) error {
	switch v := column.(type) {
	case nil:
		*s.into = ""
	case []byte:
		*s.into = S(v)
	default:
		return fmt.Errorf("read a column of bytes: it holds a %T", column)
	}
	return nil
}
