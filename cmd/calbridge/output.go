package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/mattn/go-isatty"
)

// json prints v as the one document on standard output.
func (s *session) json(v any) error {
	e := json.NewEncoder(s.stdout)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(v); err != nil {
		return fmt.Errorf("write the answer: %w", err)
	}
	return nil
}

// say prints a sentence for people; with --json it is not for them.
func (s *session) say(format string, args ...any) {
	if !s.JSON {
		fmt.Fprintln(s.stdout, sentence(format, args))
	}
}

// note prints a sentence on standard error.
func (s *session) note(format string, args ...any) {
	fmt.Fprintln(s.stderr, sentence(format, args))
}

// sentence is fmt.Sprintf with clean arguments; only ink may carry escapes.
func sentence(format string, args []any) string {
	washed := make([]any, len(args))
	for i, a := range args {
		switch a.(type) {
		case ink, int, int64, float64, bool:
			washed[i] = a
		default:
			washed[i] = clean(fmt.Sprint(a))
		}
	}
	return fmt.Sprintf(format, washed...)
}

// answer prints v with --json, and the sentence without.
func (s *session) answer(v any, format string, args ...any) error {
	if s.JSON {
		return s.json(v)
	}
	s.say(format, args...)
	return nil
}

// table is a listing for people: columns that line up, a heading where there is colour.
type table struct {
	s *session
	w *tabwriter.Writer
	b bytes.Buffer
}

func (s *session) table(columns ...string) *table {
	t := &table{s: s}
	t.w = tabwriter.NewWriter(&t.b, 0, 4, 2, ' ', 0)
	for i := range columns {
		columns[i] = strings.ToUpper(columns[i])
	}
	t.row(columns...)
	return t
}

func (t *table) row(cells ...string) {
	for i, c := range cells {
		cells[i] = clean(c)
	}
	fmt.Fprintln(t.w, strings.Join(cells, "\t"))
}

func (t *table) flush() error {
	if err := t.w.Flush(); err != nil {
		return err
	}
	head, rest, _ := strings.Cut(t.b.String(), "\n")
	_, err := fmt.Fprint(t.s.stdout, t.s.paint(bold, strings.TrimRight(head, " ")), "\n", t.s.marked(trimLines(rest)))
	return err
}

// marked colours the marks that lines begin with.
func (s *session) marked(text string) string {
	if !s.colours {
		return text
	}
	text = strings.ReplaceAll("\n"+text, "\n✓", "\n"+string(s.paint(green, "✓")))
	return strings.ReplaceAll(text, "\n✗", "\n"+string(s.paint(red, "✗")))[1:]
}

// trimLines takes off the blanks that a tabwriter leaves after short last cells.
func trimLines(text string) string {
	lines := strings.SplitAfter(text, "\n")
	for i, line := range lines {
		if strings.HasSuffix(line, " \n") {
			lines[i] = strings.TrimRight(line, " \n") + "\n"
		}
	}
	return strings.Join(lines, "")
}

// facts is a list of names and values, one to a line; empty values are left out.
func (s *session) facts(pairs ...string) {
	w := tabwriter.NewWriter(s.stdout, 0, 4, 2, ' ', 0)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", pairs[i], clean(pairs[i+1]))
		}
	}
	w.Flush()
}

// colour is an ANSI escape (ECMA-48 §8.3.117).
type colour string

const (
	bold   colour = "\x1b[1m"
	dim    colour = "\x1b[2m"
	red    colour = "\x1b[31m"
	green  colour = "\x1b[32m"
	yellow colour = "\x1b[33m"
)

// paint colours text on a terminal that wants it (https://no-color.org).
func (s *session) paint(c colour, text string) ink {
	text = clean(text)
	if !s.colours {
		return ink(text)
	}
	return ink(string(c) + text + "\x1b[0m")
}

// ink is text that may hold escapes of our own.
type ink string

func wantsColour(p process) bool {
	return p.env("NO_COLOR") == "" && p.env("TERM") != "dumb" && isTerminal(p.stdout)
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && isatty.IsTerminal(f.Fd())
}

// clean takes out what could steer a terminal, or pass for a line or a cell of ours: names and errors come from servers we know nothing
// about.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\r', r == '\t':
			return ' '
		case unicode.IsPrint(r), unicode.In(r, unicode.Cf) && !steersText(r):
			return r
		}
		return '�'
	}, text)
}

// cleanLines is clean for text that is meant to have lines.
func cleanLines(text string) string {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i, line := range lines {
		lines[i] = clean(line)
	}
	return strings.Join(lines, "\n")
}

// steersText: the marks that reorder text on the screen (Unicode UAX #9).
func steersText(r rune) bool { return r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 }

// cell is clean for the inside of a table: on one line.
func cell(text string) string {
	return strings.Join(strings.Fields(text), " ")
}

// clip shortens text to n characters.
func clip(text string, n int) string {
	runes := []rune(cell(text))
	if len(runes) <= n {
		return string(runes)
	}
	return string(runes[:n-1]) + "…"
}

// at is a time in JSON: RFC 3339, or null.
func at(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// clock is a time for people, in their zone.
func clock(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04")
}

// orNull is a text in JSON that is null when there is none.
func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

// count writes a number of things: "1 event", "2 events".
func count(n int, thing string) string {
	if n != 1 {
		thing += "s"
	}
	return fmt.Sprintf("%d %s", n, thing)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}
