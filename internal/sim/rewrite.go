package sim

import (
	"slices"
	"strings"
)

// rewrite gives the body that is stored instead of the one sent.
func (q Quirks) rewrite(body string) string {
	if !q.RewriteBody && q.StripProperty == "" && q.AddProperty == "" && !q.DamageQuotes {
		return body
	}
	lines := contentLines(body)
	if q.StripProperty != "" {
		names := strings.Split(strings.ToUpper(q.StripProperty), ",")
		lines = slices.DeleteFunc(lines, func(line string) bool { return slices.Contains(names, propertyName(line)) })
	}
	if q.AddProperty != "" {
		lines = addToEvents(lines, propertyName(q.AddProperty), q.AddProperty)
	}
	if q.DamageQuotes {
		lines = unquoted(lines)
	}
	if q.RewriteBody {
		lines = reorder(upperCase(lines))
	}
	return strings.Join(lines, "\r\n") + "\r\n"
}

func uidOf(body string) string {
	uid, _ := identify(body)
	return uid
}

// identify reads the UID and the kind of the components of a body, the first that has them.
func identify(body string) (uid, kind string) {
	for _, line := range contentLines(body) {
		switch name, value, _ := strings.Cut(line, ":"); {
		case uid == "" && kind != "" && propertyName(line) == "UID":
			uid = value
		case kind == "" && strings.EqualFold(name, "BEGIN") && !strings.EqualFold(value, "VCALENDAR") && !strings.EqualFold(value, "VTIMEZONE"):
			kind = strings.ToUpper(value)
			if kind == "STANDARD" || kind == "DAYLIGHT" {
				kind = ""
			}
		}
	}
	return uid, kind
}

// contentLines unfolds (RFC 5545 §3.1); the last line's end is dropped.
func contentLines(body string) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(body, "\r\n"), "\n") {
		line = strings.TrimSuffix(line, "\r")
		if len(lines) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			lines[len(lines)-1] += line[1:]
			continue
		}
		lines = append(lines, line)
	}
	return lines
}

func propertyName(line string) string {
	if end := strings.IndexAny(line, ":;"); end >= 0 {
		line = line[:end]
	}
	return strings.ToUpper(line)
}

func upperCase(lines []string) []string {
	out := make([]string, len(lines))
	for i, line := range lines {
		out[i] = propertyName(line) + line[min(len(propertyName(line)), len(line)):]
	}
	return out
}

// reorder sorts the properties of each component by name; components stay where they are, and so do properties of one name.
func reorder(lines []string) []string {
	out := slices.Clone(lines)
	from := 0
	for i, line := range out {
		if name := propertyName(line); name == "BEGIN" || name == "END" {
			slices.SortStableFunc(out[from:i], func(a, b string) int { return strings.Compare(propertyName(a), propertyName(b)) })
			from = i + 1
		}
	}
	return out
}

// unquoted drops the quotes of parameter values (RFC 5545 §3.2), not those inside the value of the property.
func unquoted(lines []string) []string {
	out := slices.Clone(lines)
	for i, line := range out {
		var b strings.Builder
		quoted := false
		for j, c := range line {
			if c == ':' && !quoted {
				b.WriteString(line[j:])
				break
			}
			if c == '"' {
				quoted = !quoted
				continue
			}
			b.WriteRune(c)
		}
		out[i] = b.String()
	}
	return out
}

// addToEvents gives every VEVENT the line, unless it has a property of that name; an empty name is none's.
func addToEvents(lines []string, unless, add string) []string {
	var out []string
	has := false
	for _, line := range lines {
		switch {
		case strings.EqualFold(line, "BEGIN:VEVENT"):
			has = false
		case propertyName(line) == unless && unless != "":
			has = true
		case strings.EqualFold(line, "END:VEVENT") && !has:
			out = append(out, add)
		}
		out = append(out, line)
	}
	return out
}
