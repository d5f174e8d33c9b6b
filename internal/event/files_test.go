package event

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// TestCorpusOfRealFiles: what is inserted for an event of a real calendar file says what the file says: the way back finds nothing to change.
func TestCorpusOfRealFiles(t *testing.T) {
	inserted, refused := 0, map[string]int{}
	eachEvent(t, func(name string, body cal.Body) {
		raw, err := New(body, "0abc", organizersOf(body), "Europe/Berlin")
		if err != nil {
			if !errors.Is(err, cal.ErrRefused) {
				t.Errorf("%s: %v", name, err)
			}
			reason, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "write the event for Google: "), ":")
			refused[reason]++
			return
		}
		inserted++
		e, err := Parse(raw)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		made, notes, err := e.ICal(Parent{})
		if problems := ical.Validate(made); err != nil || len(problems) > 0 {
			t.Errorf("%s: %v %v %v\n%s\n%s", name, err, notes, problems, body, made)
			return
		}
		if len(notes) > 0 {
			return // what cannot be said in one text, such as a second RRULE
		}
		if patch, err := Patch(raw, made, body, "Europe/Berlin"); err != nil || string(patch) != "{}" {
			t.Errorf("%s: %s, %v\n%s\n%s", name, patch, err, raw, body)
		}
	})
	if inserted == 0 {
		t.Error("there is no event in the corpus")
	}
	t.Logf("%d inserted, refused: %v", inserted, refused)
}

// organizersOf makes the account whoever organizes the event.
func organizersOf(body cal.Body) (self []string) {
	tree, err := ical.Tree(body)
	if err != nil {
		return nil
	}
	for _, c := range tree.Children {
		for _, l := range c.Lines {
			if l.Name == "ORGANIZER" {
				self = append(self, l.Value)
			}
		}
	}
	return self
}

// eachEvent calls f for the masters of the files that CALBRIDGE_CORPUS names, exceptions cut away.
func eachEvent(t *testing.T, f func(name string, body cal.Body)) {
	t.Helper()
	root := os.Getenv("CALBRIDGE_CORPUS")
	if root == "" {
		if os.Getenv("CALBRIDGE_TEST_ALL") == "1" {
			t.Fatal("CALBRIDGE_CORPUS must name a directory of iCalendar files")
		}
		t.Skip("set CALBRIDGE_CORPUS to a directory of iCalendar files")
	}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".ics") {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		bodies, _ := ical.Split(cal.Body(raw))
		for _, body := range bodies {
			f(filepath.Base(path), alone(body))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// alone is a body without its exceptions.
func alone(body cal.Body) cal.Body {
	parts := strings.Split(string(body), "BEGIN:VEVENT")
	out := parts[0]
	for _, part := range parts[1:] {
		event, rest, _ := strings.Cut(part, "END:VEVENT")
		if strings.Contains(event, "RECURRENCE-ID") {
			out += strings.TrimLeft(rest, "\r\n")
			continue
		}
		out += "BEGIN:VEVENT" + event + "END:VEVENT" + rest
	}
	return cal.Body(out)
}
