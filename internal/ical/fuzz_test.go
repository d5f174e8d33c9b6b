package ical

import (
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

func seeds(f *testing.F, add func(body string)) {
	for _, body := range []string{
		rich, string(crlf(rich)), refold(rich), "", "BEGIN:VCALENDAR\nX-A;P=v", "BEGIN:VCALENDAR\nX-A;P=\"v\"w:x", strings.Repeat("BEGIN:VCALENDAR\n", 9),
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n\n \n x:y\nEND:VEVENT\nEND:VCALENDAR\n \n",
		"BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:u\nEXDATE:,\nRDATE;TZID=\"\":x/\nCATEGORIES:\\\nDURATION:P9999999999999W\nRRULE:;=,;FREQ\nATTENDEE:@:\nATTENDEE;CN=,\"a\",:b\nEND:VTODO\nEND:VCALENDAR",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nRECURRENCE-ID:1\nEND:VEVENT\nBEGIN:VEVENT\nBEGIN:VALARM\nACKNOWLEDGED:1\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n",
	} {
		add(body)
	}
}

func FuzzRead(f *testing.F) {
	seeds(f, func(body string) { f.Add(body) })
	f.Fuzz(func(t *testing.T, text string) {
		body := cal.Body(text)
		r := Read(body)
		_, decodeError := Decode(body)
		if r.Trouble != "" {
			return
		}
		if decodeError != nil {
			t.Fatalf("go-ical refuses what Read takes: %v", decodeError)
		}
		if got := Read(cal.Body(lf(text))); got.Digest != r.Digest {
			t.Fatalf("LF line ends change the digest: %s", got.Trouble)
		}
		if got := Read(Wire(body, "", nil, time.Time{})); got.Digest != r.Digest {
			t.Fatalf("the wire changes the digest: %s", got.Trouble)
		}
		Validate(body)
		if copied, err := Copy(body, "u"); err != nil || Scheduled(copied) {
			t.Fatalf("%v: a copy may mail:\n%s", err, copied)
		}
		if m, err := Merge(Sides{body, body, body}, cal.Mine); err != nil || m.Body != body || len(m.Contested) > 0 && !m.Structural {
			t.Fatalf("merged with itself: %+v, %v", m, err)
		}
		bodies, _ := Split(body)
		for _, b := range bodies {
			if r := Read(b); r.Trouble != "" {
				t.Fatalf("split: %s\n%s", r.Trouble, b)
			}
		}
	})
}

func FuzzMerge(f *testing.F) {
	for _, c := range mergeCases {
		f.Add(rich, swap(f, rich, c.mine...), swap(f, rich, c.theirs...))
	}
	seeds(f, func(body string) { f.Add(body, rich, body) })
	f.Fuzz(func(t *testing.T, base, mine, theirs string) {
		s := Sides{cal.Body(base), cal.Body(mine), cal.Body(theirs)}
		for _, prefer := range []cal.Side{cal.Mine, cal.Theirs} {
			m, err := Merge(s, prefer)
			if err != nil {
				return
			}
			if r := Read(m.Body); r.Trouble != "" {
				t.Fatalf("the merged cannot be read: %s\n%s", r.Trouble, m.Body)
			}
			if again, _ := Merge(s, prefer); again.Body != m.Body {
				t.Fatal("not the same every time")
			}
			if Read(s.Mine).Digest == Read(s.Base).Digest && !m.Structural && m.Body != s.Theirs {
				t.Fatalf("nothing of mine, and theirs is changed:\n%s", difference(string(m.Body), theirs))
			}
		}
		if rebased, err := Rebase(s.Base, s.Mine, s.Theirs); err == nil && Read(rebased).Trouble != "" {
			t.Fatalf("the rebased cannot be read:\n%s", rebased)
		}
		Weak(s.Base, s.Mine)
		Shares(s.Mine, s.Theirs)
		if Read(Wire(s.Mine, s.Base, nil, time.Time{})).Digest != Read(s.Mine).Digest && Read(s.Mine).Trouble == "" {
			t.Fatal("the wire changes the digest")
		}
	})
}
