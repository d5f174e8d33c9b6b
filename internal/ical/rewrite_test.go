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
