package ical

import (
	"fmt"
	"strconv"
	"strings"
)

// outline is one body as content lines and components: where in the raw text each lies, and what it says once unfolded.
type outline struct {
	raw        string
	lines      []line
	components []component // in the order of their BEGIN
	tops       []int32     // the components directly inside VCALENDAR, VTIMEZONE left out
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
	if len(raw) > maxBytes {
		return nil, &Problem{Line: 1, Text: fmt.Sprintf("%d bytes are too many; the limit is %d", len(raw), maxBytes)}
	}
	newlines := strings.Count(raw, "\n")
	if newlines > maxLines {
		return nil, &Problem{Line: maxLines + 1, Text: fmt.Sprintf("%d lines are too many; the limit is %d", newlines, maxLines)}
	}
	s := scanner{outline: &outline{raw: raw, lines: make([]line, 0, newlines+1), components: make([]component, 0, 8)}, inside: -1}
	if strings.HasPrefix(raw, byteOrderMark) {
		s.pos = len(byteOrderMark)
	}
	for s.pos < len(raw) {
		if p := s.contentLine(); p != nil {
			return nil, p
		}
	}
	return s.outline, s.finish()
}

const byteOrderMark = "\uFEFF"

// scanner walks a body once.
type scanner struct {
	*outline
	pos    int
	number int32 // physical lines seen
	inside int32 // the component we are in; -1: none
	depth  int
	arena  strings.Builder // holds the text of folded lines; never grows after its first use, so what was cut out of it stays
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
		return p
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
