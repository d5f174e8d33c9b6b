package ical

import (
	"slices"
	"strings"
	"unicode/utf8"

	"calbridge/internal/cal"
)

// patch is a set of changes to a body that touches nothing else: whole content lines go out, whole content lines go in.
type patch struct {
	to    *outline
	end   string // the body's line end
	edits []replacement
}

// replacement puts text in the place of raw[from:to].
type replacement struct {
	from, to int32
	text     string
}

func newPatch(to *outline) *patch { return &patch{to: to, end: lineEnd(to.raw)} }

func lineEnd(raw string) string {
	if i := strings.IndexByte(raw, '\n'); i > 0 && raw[i-1] != '\r' {
		return "\n"
	}
	return "\r\n"
}

// body is the patched text; with no changes it is the text itself.
func (p *patch) body() cal.Body {
	if len(p.edits) == 0 {
		return cal.Body(p.to.raw)
	}
	slices.SortStableFunc(p.edits, func(a, b replacement) int { return int(a.from - b.from) })
	var b strings.Builder
	at := int32(0)
	for _, e := range p.edits {
		b.WriteString(p.to.raw[at:max(at, e.from)])
		b.WriteString(e.text)
		at = max(at, e.to)
	}
	b.WriteString(p.to.raw[at:])
	return cal.Body(b.String())
}

// remove takes content lines out.
func (p *patch) remove(lines []int32) {
	for _, i := range lines {
		p.replaceLine(i, "")
	}
}

func (p *patch) replaceLine(i int32, text string) {
	p.edits = append(p.edits, replacement{p.to.lines[i].from, p.to.lines[i].to, text})
}

func (p *patch) insert(at int32, text string) {
	if text != "" {
		p.edits = append(p.edits, replacement{at, at, text})
	}
}

// removeComponent takes out everything from BEGIN to END.
func (p *patch) removeComponent(c int32) { p.replaceComponent(c, "") }

func (p *patch) replaceComponent(c int32, text string) {
	from, to := p.to.extent(c)
	p.edits = append(p.edits, replacement{from, to, text})
}

// extent is where component c lies in raw, from BEGIN to END.
func (o *outline) extent(c int32) (from, to int32) {
	return o.lines[o.components[c].begin].from, o.lines[o.components[c].end].to
}

// propertyPlace is where a new property of component c goes: behind the others, before what is nested.
func (o *outline) propertyPlace(c int32) int32 {
	end := o.components[c].end
	for i := o.components[c].begin + 1; i < end; i++ {
		if o.lines[i].name == "BEGIN" {
			return o.lines[i].from
		}
	}
	return o.lines[end].from
}

// endPlace is where a new component inside of c goes.
func (o *outline) endPlace(c int32) int32 { return o.lines[o.components[c].end].from }

// excerpt is the raw text of some lines of another body, with this body's line ends.
func (p *patch) excerpt(from *outline, lines []int32) string {
	var b strings.Builder
	for _, i := range lines {
		b.WriteString(p.adapt(from.raw[from.lines[i].from:from.lines[i].to]))
	}
	return b.String()
}

func (p *patch) excerptComponent(from *outline, c int32) string {
	begin, end := from.extent(c)
	return p.adapt(from.raw[begin:end])
}

func (p *patch) adapt(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return strings.ReplaceAll(text, "\n", p.end)
}

// fold is an unfolded content line as physical lines of at most 75 octets, letters kept whole (RFC 5545 §3.1).
func fold(text, end string) string {
	const limit = 75
	var b strings.Builder
	for room := limit; len(text) > room; room = limit - 1 {
		cut := room
		for cut > room-utf8.UTFMax && !utf8.RuneStart(text[cut]) {
			cut--
		}
		b.WriteString(text[:cut] + end + " ")
		text = text[cut:]
	}
	b.WriteString(text + end)
	return b.String()
}

// members are the values of a list, as written.
func (l *line) members() (members []string) {
	if kindOf(l.name) != kindTexts {
		return strings.Split(l.Value(), ",")
	}
	for value, rest, more := cutText(l.Value()); ; value, rest, more = cutText(rest) {
		members = append(members, value)
		if !more {
			return members
		}
	}
}

// withParameters is the unfolded line with the named parameters as other has them; without other they are left out.
func (l *line) withParameters(other *line, named func(name string) bool) string {
	var b strings.Builder
	b.WriteString(l.text[:l.params])
	l.each(func(p parameter) {
		if !named(p.name) {
			b.WriteString(";" + p.name + "=" + p.values)
		}
	})
	if other != nil {
		other.each(func(p parameter) {
			if named(p.name) {
				b.WriteString(";" + p.name + "=" + p.values)
			}
		})
	}
	return b.String() + ":" + l.Value()
}
