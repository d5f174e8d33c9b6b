package ical

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"calbridge/internal/cal"
)

// outline is one body as content lines and components: where in the raw text each lies, and what it says once unfolded.
type outline struct {
	raw        string
	lines      []line
	components []component      // in the order of their BEGIN
	tops       []int32          // the components directly inside VCALENDAR, VTIMEZONE left out
	zones      map[string]int32 // the VTIMEZONEs by TZID, once asked for
}

// line is one content line (RFC 5545 §3.1).
type line struct {
	name      string // upper case
	text      string // the whole line, unfolded, without its end
	params    int32  // text[params:value-1] is empty or ";NAME=value;NAME=value"
	value     int32  // text[value:] is what follows the colon
	from, to  int32  // raw[from:to] are its physical lines, ends included
	number    int32  // of its first physical line, from 1
	index     int32  // its place in the outline
	component int32  // the innermost it stands in; of BEGIN and END, the one they delimit
}

type component struct {
	name       string // upper case
	parent     int32  // -1: none
	begin, end int32  // the lines BEGIN and END
}

// What is larger than this is kept and synchronised, but not read.
const (
	maxBytes  = 2 << 20
	maxLines  = 100_000
	maxDepth  = 8
	maxParams = 4 << 10 // of one line; ALTREP and X- parameters do not count: clients put whole documents there
)

func (l *line) Value() string      { return l.text[l.value:] }
func (l *line) Parameters() string { return l.text[l.params : l.value-1] }

// parse makes the outline of a body, or tells why it cannot be read.
func parse(raw string) (*outline, *Problem) {
	s := newScanner(raw, maxBytes, maxLines)
	return s.outline, s.scan()
}

// readOutline is parse for those who need an object in it.
func readOutline(body cal.Body) (*outline, error) {
	o, p := parse(string(body))
	if p != nil {
		return nil, p
	}
	if len(o.objects()) == 0 {
		return nil, errEmpty
	}
	return o, nil
}

var errEmpty = errors.New("there is no event, task or journal entry in it")

const byteOrderMark = "\uFEFF"

// scanner walks a body once.
type scanner struct {
	*outline
	bytes, newlines int // allowed
	pos             int
	number          int32 // physical lines seen
	inside          int32 // the component we are in; -1: none
	depth           int
	arena           strings.Builder // holds the text of folded lines; never grows after its first use, so what was cut out of it stays

	tolerant bool // skip lines that are none inside of objects
	skipped  []Problem
	bad      map[int32]bool // the objects they stood in
}

func newScanner(raw string, bytes, newlines int) *scanner {
	return &scanner{outline: &outline{raw: raw}, bytes: bytes, newlines: newlines, inside: -1}
}

func (s *scanner) scan() *Problem {
	if len(s.raw) > s.bytes {
		return &Problem{Line: 1, Text: fmt.Sprintf("%d bytes are too many; the limit is %d", len(s.raw), s.bytes)}
	}
	newlines := strings.Count(s.raw, "\n")
	if newlines > s.newlines {
		return &Problem{Line: s.newlines + 1, Text: fmt.Sprintf("%d lines are too many; the limit is %d", newlines, s.newlines)}
	}
	s.lines, s.components = make([]line, 0, newlines+1), make([]component, 0, 8)
	if strings.HasPrefix(s.raw, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	for s.pos < len(s.raw) {
		if p := s.contentLine(); p != nil {
			return p
		}
	}
	return s.finish()
}

// skip forgives a line that is none, in a file of many objects.
func (s *scanner) skip(p *Problem) *Problem {
	if !s.tolerant || s.depth < 2 {
		return p
	}
	top := s.inside
	for s.components[s.components[top].parent].parent >= 0 {
		top = s.components[top].parent
	}
	if s.bad == nil {
		s.bad = map[int32]bool{}
	}
	s.bad[top] = true
	s.skipped = append(s.skipped, *p)
	return nil
}

// contentLine reads the next content line with its continuations (RFC 5545 §3.1). Lines may end in LF alone, and blank ones are
// skipped: XML turns CRLF into LF, and real files have both.
func (s *scanner) contentLine() *Problem {
	l := line{from: int32(s.pos), number: s.number + 1, component: s.inside}
	l.text = s.physicalLine()
	if s.continues() {
		l.text = s.unfold(l.text)
	}
	l.to = int32(s.pos)
	if strings.TrimLeft(l.text, " \t") == "" {
		return nil
	}
	if p := l.split(); p != nil {
		return s.skip(p)
	}
	return s.place(l)
}

func (s *scanner) physicalLine() string {
	s.number++
	rest := s.raw[s.pos:]
	end := strings.IndexByte(rest, '\n')
	if end < 0 {
		s.pos = len(s.raw)
		return strings.TrimRight(rest, "\r")
	}
	s.pos += end + 1
	for end > 0 && rest[end-1] == '\r' {
		end--
	}
	return rest[:end]
}

func (s *scanner) continues() bool {
	return s.pos < len(s.raw) && (s.raw[s.pos] == ' ' || s.raw[s.pos] == '\t')
}

func (s *scanner) unfold(first string) string {
	if s.arena.Cap() == 0 {
		s.arena.Grow(len(s.raw))
	}
	from := s.arena.Len()
	s.arena.WriteString(first)
	for s.continues() {
		s.pos++
		s.arena.WriteString(s.physicalLine())
	}
	return s.arena.String()[from:]
}

// place puts a line into its component, and opens and closes components.
func (s *scanner) place(l line) *Problem {
	index := int32(len(s.lines))
	l.index = index
	switch {
	case l.name == "BEGIN":
		if p := s.open(&l, index); p != nil {
			return p
		}
	case s.inside < 0:
		return l.problem("stands outside of BEGIN:VCALENDAR and END:VCALENDAR")
	case l.name == "END":
		c := &s.components[s.inside]
		if upper(strings.TrimSpace(l.Value())) != c.name {
			return l.problem("does not end BEGIN:" + c.name + " of line " + fmt.Sprint(s.lines[c.begin].number))
		}
		c.end = index
		s.inside = c.parent
		s.depth--
	}
	s.lines = append(s.lines, l)
	return nil
}

func (s *scanner) open(l *line, index int32) *Problem {
	name := upper(strings.TrimSpace(l.Value()))
	if (s.inside < 0) != (name == "VCALENDAR") {
		return l.problem("VCALENDAR is the outermost component, and the only one there")
	}
	if s.depth++; s.depth > maxDepth {
		return l.problem(fmt.Sprintf("components are nested more than %d deep", maxDepth))
	}
	l.component = int32(len(s.components))
	s.components = append(s.components, component{name: name, parent: s.inside, begin: index})
	if s.depth == 2 && name != "VTIMEZONE" {
		s.tops = append(s.tops, l.component)
	}
	s.inside = l.component
	return nil
}

func (s *scanner) finish() *Problem {
	if s.inside >= 0 {
		begin := s.lines[s.components[s.inside].begin]
		return begin.problem("BEGIN:" + s.components[s.inside].name + " has no END; the text is cut off")
	}
	if len(s.components) == 0 {
		return &Problem{Line: 1, Text: "there is no BEGIN:VCALENDAR; this is not iCalendar text"}
	}
	return nil
}

// objects are the components a calendar is about: events, tasks, journal entries and what else is not a VTIMEZONE.
func (o *outline) objects() []int32 { return o.tops }

// main is the object that stands for the whole body: the first that is not an override, else the first.
func (o *outline) main() int32 {
	for _, c := range o.tops {
		if o.find(c, "RECURRENCE-ID") == nil {
			return c
		}
	}
	return o.tops[0]
}

// own calls f for the lines of component c itself, those of nested components left out.
func (o *outline) own(c int32, f func(l *line)) {
	end := o.components[c].end
	for i := o.components[c].begin + 1; i < end; i++ {
		l := &o.lines[i]
		if l.name == "BEGIN" {
			i = o.components[l.component].end
			continue
		}
		f(l)
	}
}

// nested calls f for the components directly inside component c.
func (o *outline) nested(c int32, f func(c int32)) {
	end := o.components[c].end
	for i := o.components[c].begin + 1; i < end; i++ {
		if l := &o.lines[i]; l.name == "BEGIN" {
			f(l.component)
			i = o.components[l.component].end
		}
	}
}

// find is the first line of component c itself that has the name; nil if there is none.
func (o *outline) find(c int32, name string) *line {
	end := o.components[c].end
	for i := o.components[c].begin + 1; i < end; i++ {
		l := &o.lines[i]
		switch l.name {
		case name:
			return l
		case "BEGIN":
			i = o.components[l.component].end
		}
	}
	return nil
}

func (o *outline) value(c int32, name string) string {
	if l := o.find(c, name); l != nil {
		return strings.TrimSpace(l.Value())
	}
	return ""
}

// text is a value with its escapes undone.
func (o *outline) text(c int32, name string) string { return unescape(o.value(c, name)) }

// number is an integer value; zero when it is none.
func (o *outline) number(c int32, name string) int {
	n, _ := strconv.Atoi(o.value(c, name))
	return n
}
