package ical

import (
	"strings"
	"unicode/utf8"
)

// split finds name, parameters and value in the unfolded text (RFC 5545 §3.1).
func (l *line) split() *Problem {
	i, isUpper := 0, true
	for ; i < len(l.text); i++ {
		c := l.text[i]
		if c == ':' || c == ';' {
			break
		}
		isUpper = isUpper && (c < 'a' || 'z' < c && c < utf8.RuneSelf)
	}
	l.name = l.text[:i]
	if !isUpper {
		l.name = upper(l.name)
	}
	switch {
	case i == len(l.text):
		return &Problem{Line: int(l.number), Text: "has no colon, so it is no property; was it to continue the line before, it must begin with a space"}
	case i == 0 || l.text[0] == ' ' || l.text[0] == '\t':
		return &Problem{Line: int(l.number), Text: "has no property name before the colon"}
	}
	l.params = int32(i)
	return l.splitParameters(i)
}

// splitParameters checks the parameters and finds the colon behind them. It accepts nothing that go-ical would stumble over.
func (l *line) splitParameters(i int) *Problem {
	weight := 0
	for l.text[i] == ';' {
		p, end, why := nextParameter(l.text, i)
		if why != "" {
			return l.problem(why)
		}
		if !mayBeLong(p.name) {
			weight += end - i
		}
		i = end
	}
	if weight > maxParams {
		return l.problem("its parameters are longer than 4 kB")
	}
	l.value = int32(i + 1)
	return nil
}

// mayBeLong: mail programs put whole documents as data: URIs into these.
func mayBeLong(parameter string) bool {
	return hasPrefixFold(parameter, "X-") || strings.EqualFold(parameter, "ALTREP")
}

// parameter is one NAME=value,value of a line.
type parameter struct {
	name   string // as written
	values string // as written: with quotes and commas
}

// nextParameter reads the parameter whose semicolon is text[i], up to the next semicolon or the colon.
func nextParameter(text string, i int) (p parameter, end int, why string) {
	i++
	eq := i
	for eq < len(text) && text[eq] != '=' {
		if c := text[eq]; c == ';' || c == ':' || c == ',' || c == '"' {
			return p, 0, "a parameter has no value; write ;NAME=value"
		}
		eq++
	}
	if eq == len(text) || eq == i {
		return p, 0, "a parameter has no name or no value; write ;NAME=value"
	}
	p.name = text[i:eq]
	end, why = parameterValues(text, eq+1)
	if why == "" {
		p.values = text[eq+1 : end]
	}
	return p, end, why
}

// parameterValues finds the end of the values that begin at text[i]: each is quoted as a whole or not at all (RFC 5545 §3.1).
func parameterValues(text string, i int) (end int, why string) {
	for {
		if i < len(text) && text[i] == '"' {
			closing := strings.IndexByte(text[i+1:], '"')
			if closing < 0 {
				return 0, "a parameter value has a quote that is not closed"
			}
			i += closing + 2
		} else {
			i = plainValue(text, i)
		}
		switch {
		case i >= len(text):
			return 0, "has no colon behind its parameters"
		case text[i] == ';' || text[i] == ':':
			return i, ""
		case text[i] != ',':
			return 0, "a parameter value has a quote inside; quote it as a whole or not at all"
		}
		i++
	}
}

func plainValue(text string, i int) int {
	for i < len(text) && text[i] != ';' && text[i] != ':' && text[i] != ',' && text[i] != '"' {
		i++
	}
	return i
}

// each calls f for every parameter of the line.
func (l *line) each(f func(p parameter)) {
	for i := int(l.params); l.text[i] == ';'; {
		p, end, _ := nextParameter(l.text, i)
		f(p)
		i = end
	}
}

// parameter is the first value of the named parameter, without its quotes; empty when it is not there.
func (l *line) parameter(name string) string {
	for i := int(l.params); l.text[i] == ';'; {
		p, end, _ := nextParameter(l.text, i)
		if strings.EqualFold(p.name, name) {
			v, _ := cutValue(p.values)
			return v
		}
		i = end
	}
	return ""
}

// cutValue is the first of a list of parameter values, unquoted, and the rest behind its comma.
func cutValue(values string) (first, rest string) {
	if strings.HasPrefix(values, `"`) {
		end := 1 + strings.IndexByte(values[1:], '"')
		return values[1:end], strings.TrimPrefix(values[end+1:], ",")
	}
	first, rest, _ = strings.Cut(values, ",")
	return first, rest
}

func (l *line) problem(text string) *Problem {
	return &Problem{Line: int(l.number), Property: l.name, Text: text}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// upper is s with a-z in upper case; it allocates only when there is one.
func upper(s string) string { return strings.ToUpper(s) }
