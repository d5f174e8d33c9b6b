package ical

import (
	"slices"
	"strings"
)

// What servers do to a body, without any of the code under test.

func lf(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }

// unfolded gives the content lines of a text.
func unfolded(s string) (lines []string) {
	for line := range strings.SplitSeq(strings.TrimPrefix(lf(s), "\uFEFF"), "\n") {
		line = strings.TrimRight(line, "\r")
		switch {
		case len(lines) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t'):
			lines[len(lines)-1] += line[1:]
		case line != "":
			lines = append(lines, line)
		}
	}
	return lines
}

// refold folds after every 20 octets, in the middle of letters too.
func refold(s string) string {
	var b strings.Builder
	for _, line := range unfolded(s) {
		for len(line) > 20 {
			b.WriteString(line[:20] + "\r\n ")
			line = line[20:]
		}
		b.WriteString(line + "\r\n")
	}
	return b.String()
}

// reorder rearranges the properties of every component; components stay where they are.
func reorder(s string, how func([]string)) string {
	lines := unfolded(s)
	from := 0
	for i, line := range lines {
		if name := strings.ToUpper(line); strings.HasPrefix(name, "BEGIN:") || strings.HasPrefix(name, "END:") {
			how(lines[from:i])
			from = i + 1
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func reverse(lines []string)   { slices.Reverse(lines) }
func sortLines(lines []string) { slices.Sort(lines) }

// servers are what real ones store instead of what was sent: what they change, without what they lose.
var servers = map[string]func(string) string{
	"radicale 3.1":  func(s string) string { return reorder(eachLine(s, upperNames), sortLines) },
	"xandikos 0.2":  func(s string) string { return reorder(eachLine(eachLine(s, upperNames), sortRule), sortLines) },
	"cyrus 3.6":     func(s string) string { return string(crlf(eachLine(eachLine(s, upperKnownNames), sortRule))) },
	"davical 1.1":   func(s string) string { return eachLine(s, scheduleStatus) },
	"sogo 5.8":      func(s string) string { return reorder(eachLine(addClass(s), upperNames), reverse) },
	"an XML parser": lf,
}

func eachLine(s string, how func(line string) string) string {
	lines := unfolded(s)
	for i := range lines {
		lines[i] = how(lines[i])
	}
	return strings.Join(lines, "\n") + "\n"
}

// upperNames writes the names of property and parameters in upper case.
func upperNames(line string) string {
	out, inName, quoted := []byte(line), true, false
	for i, c := range out {
		switch {
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == ':':
			return string(out)
		case c == ';':
			inName = true
		case c == '=':
			inName = false
		case inName && 'a' <= c && c <= 'z':
			out[i] -= 'a' - 'A'
		}
	}
	return string(out)
}

func upperKnownNames(line string) string {
	if len(line) > 1 && strings.EqualFold(line[:2], "X-") {
		return line
	}
	return upperNames(line)
}

// sortRule sorts the parts of a rule.
func sortRule(line string) string {
	if !strings.HasPrefix(strings.ToUpper(line), "RRULE:") {
		return line
	}
	parts := strings.Split(line[len("RRULE:"):], ";")
	slices.Sort(parts)
	return "RRULE:" + strings.Join(parts, ";")
}

func scheduleStatus(line string) string {
	if rest, ok := strings.CutPrefix(line, "ATTENDEE"); ok {
		return `ATTENDEE;SCHEDULE-STATUS="3.7;none"` + rest
	}
	return line
}

// addClass gives each event without a CLASS the default one.
func addClass(s string) string {
	blocks := strings.SplitAfter(strings.Join(unfolded(s), "\n")+"\n", "BEGIN:VEVENT\n")
	for i := range blocks[1:] {
		if body, _, _ := strings.Cut(blocks[i+1], "END:VEVENT"); !strings.Contains(strings.ToUpper(body), "CLASS") {
			blocks[i+1] = "CLASS:PUBLIC\n" + blocks[i+1]
		}
	}
	return strings.Join(blocks, "")
}
