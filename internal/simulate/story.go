package simulate

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Story is one history written down: the world it begins with, and everything that happens in it, step by step. There is nothing else to a
// history: no chance is drawn while it is told, so any part of it can be told again, and what breaks can be made shorter.
//
// As text it is a line a step; what follows a # is for the reader.
//
//	profile nextcloud
//	server TruncateAt=3 RewriteBody=true
//	policy keep-both
//	seed 7
//
//	there create 1 series      # somebody else makes the series u1
//	A                          # process A begins a sync, or goes on to its next gate
//	A 0 lost                   # the same, and what waits there is lost
//	here change 1 SUMMARY
//	A crash
//	pass 90
type Story struct {
	Why       string // the first comment
	Profile   string
	Server    []string // switches of the server besides the profile's: "TruncateAt=3"
	Policy    string
	Delete    string // the delete policy; empty: edit-wins
	Seed      uint64 // of ids
	Second    bool   // another tenant is there as well
	Namesakes bool   // both processes take leases under one name
	Steps     []Step
}

// Step is one thing that happens.
type Step []string

func (s Step) String() string { return strings.Join(s, " ") }

// word gives an argument; empty when there is none.
func (s Step) word(n int) string {
	if n < len(s) {
		return s[n]
	}
	return ""
}

// number gives an argument that is a number, or an otherwise.
func (s Step) number(n, otherwise int) int {
	if v, err := strconv.Atoi(s.word(n)); err == nil {
		return v
	}
	return otherwise
}

// WriteTo implements io.WriterTo.
func (s Story) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	if s.Why != "" {
		fmt.Fprintf(&b, "# %s\n", s.Why)
	}
	fmt.Fprintf(&b, "profile %s\n", s.Profile)
	if len(s.Server) > 0 {
		fmt.Fprintf(&b, "server %s\n", strings.Join(s.Server, " "))
	}
	fmt.Fprintf(&b, "policy %s\n", s.Policy)
	if s.Delete != "" {
		fmt.Fprintf(&b, "deletions %s\n", s.Delete)
	}
	fmt.Fprintf(&b, "seed %d\n", s.Seed)
	if s.Namesakes {
		b.WriteString("namesakes\n")
	}
	if s.Second {
		b.WriteString("second tenant\n")
	}
	b.WriteString("\n")
	for _, step := range s.Steps {
		b.WriteString(step.String() + "\n")
	}
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

// ReadStory reads what WriteTo writes, and what people do.
func ReadStory(r io.Reader) (Story, error) {
	s := Story{Profile: "plain"}
	lines, at := bufio.NewScanner(r), lineNumbers{}
	for n := 1; lines.Scan(); n++ {
		text, comment, commented := strings.Cut(lines.Text(), "#")
		if commented && s.Why == "" {
			s.Why = strings.TrimSpace(comment)
		}
		if words := strings.Fields(text); len(words) > 0 {
			if err := s.line(words); err != nil {
				return s, inLine(n, err)
			}
			at.note(n, words[0], &s)
		}
	}
	if err := lines.Err(); err != nil {
		return s, err
	}
	return s, s.check(at)
}

func (s *Story) line(words Step) (err error) {
	switch words[0] {
	case "profile":
		s.Profile = words.word(1)
	case "server":
		if len(words) > 1 && strings.Contains(words[1], "=") && len(s.Steps) == 0 {
			s.Server = words[1:]
			return nil
		}
		return s.step(words)
	case "policy":
		if len(s.Steps) > 0 {
			return s.step(words)
		}
		s.Policy = words.word(1)
	case "deletions":
		s.Delete = words.word(1)
	case "seed":
		s.Seed, err = strconv.ParseUint(words.word(1), 10, 64)
	case "namesakes":
		s.Namesakes = true
	case "second":
		s.Second = true
	default:
		return s.step(words)
	}
	return err
}

func (s *Story) step(words Step) error {
	if !slices.Contains(verbs, words[0]) {
		return fmt.Errorf("%q is nothing that can happen; there are %s", words[0], strings.Join(verbs, ", "))
	}
	s.Steps = append(s.Steps, words)
	return nil
}

// verbs begin a step.
var verbs = []string{"here", "there", "A", "B", "pass", "land", "server", "policy"}
