package event

import (
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// inTime stops a target that works on one input for longer than any of this size may take. It panics, because the fuzzer then names the
// input, which it cannot do of one that never ends.
func inTime(t *testing.T) {
	dog := time.AfterFunc(time.Minute, func() { panic("the work on one input is not bounded") })
	t.Cleanup(func() { dog.Stop() })
}

// FuzzICal: whatever is in an event, its text can be read, is the same every time, says no more than it should, and comes to no patch by
// itself; and another title is a patch of the title, beside which everything stays, what nobody here knows included.
func FuzzICal(f *testing.F) {
	for _, s := range specimens(f) {
		f.Add(string(s.raw))
	}
	f.Fuzz(func(t *testing.T, raw string) {
		inTime(t)
		e, err := Parse([]byte(raw))
		if err != nil {
			return
		}
		for _, parent := range []Parent{{}, {UID: "series@example.org", TimeZone: "Europe/Berlin"}, {AllDay: true}} {
			body, notes, err := e.ICal(parent)
			if err != nil {
				return
			}
			if problems := ical.Validate(body); len(problems) > 0 {
				t.Fatalf("%v\n%s", problems, body)
			}
			again, notesAgain, _ := e.ICal(parent)
			if again != body || !reflect.DeepEqual(notes, notesAgain) {
				t.Fatalf("a second text differs:\n%s\n%s", body, again)
			}
			unpatched(t, raw, body)
			if !e.exception() || e.Status != cancelled { // then there is no title
				titled(t, raw, body, parent)
			}
		}
	})
}

func unpatched(t *testing.T, raw string, body cal.Body) {
	if patch, err := Patch([]byte(raw), body, body, "Europe/Berlin"); err != nil || string(patch) != "{}" {
		t.Fatalf("%s, %v\n%s", patch, err, body)
	}
}

func titled(t *testing.T, raw string, body cal.Body, parent Parent) {
	const title = "Another, title; 🎉"
	want := withTitle(body, title)
	patch, err := Patch([]byte(raw), body, want, "Europe/Berlin")
	if err != nil {
		if !errors.Is(err, cal.ErrRefused) {
			t.Fatal(err)
		}
		return
	}
	if got := string(patch); got != `{"summary":"`+title+`"}` && !(got == "{}" && ical.Read(want).Digest == ical.Read(body).Digest) {
		t.Fatalf("another title is %s\n%s", patch, body)
	}
	if MayChange([]byte(raw)) != nil {
		t.Fatalf("%s, which may not be changed, is patched: %s", raw, patch)
	}
	patched := merged(t, []byte(raw), patch)
	survives(t, []byte(raw), patched)
	e, err := Parse(patched)
	if err != nil {
		t.Fatal(err)
	}
	if came, _, err := e.ICal(parent); err != nil || ical.Read(came).Digest != ical.Read(want).Digest {
		t.Fatalf("%v: wanted\n%s\ncame\n%s", err, want, came)
	}
}

// survives: all members but the title are as they were.
func survives(t *testing.T, was, is []byte) {
	before, ok := decoded(t, was).(map[string]any)
	after, fine := decoded(t, is).(map[string]any)
	if !ok || !fine {
		t.Fatalf("no event: %s", is)
	}
	delete(before, "summary")
	delete(after, "summary")
	if !reflect.DeepEqual(before, after) {
		t.Fatalf("was %s\nis  %s", was, is)
	}
}

// FuzzNew: what is inserted for a text says what the text says, so that nothing is left to be patched; and an edit of it, whatever it is,
// is refused or arrives.
func FuzzNew(f *testing.F) {
	for i, s := range specimens(f) {
		f.Add(string(s.body), string(withTitle(s.body, "Other")))
		if i%5 == 0 {
			f.Add(string(s.body), strings.Replace(string(s.body), "DTSTART", "DTSTART;X-ODD=1", 1))
		}
	}
	f.Fuzz(func(t *testing.T, text, other string) {
		inTime(t)
		body, want := cal.Body(text), cal.Body(other)
		Cancelled(body)
		if ical.Read(body).UID == "" {
			return // nothing is stored without one
		}
		raw, err := New(body, "0abc", organizersOf(body), "Europe/Berlin")
		if err != nil {
			if !errors.Is(err, cal.ErrRefused) {
				t.Fatal(err)
			}
			return
		}
		made, notes := mapped(t, raw)
		if len(notes) > 0 {
			return // what cannot be said in one text, such as a second RRULE
		}
		if patch, err := Patch(raw, made, body, "Europe/Berlin"); err != nil || string(patch) != "{}" {
			t.Fatalf("inserted as %s, it is patched with %s, %v\n%s\n%s", raw, patch, err, body, made)
		}
		arrives(t, raw, made, want)
	})
}

// mapped is the text of an event that Google was given.
func mapped(t *testing.T, raw []byte) (body cal.Body, notes []string) {
	if !json.Valid(raw) {
		t.Fatalf("no JSON: %s", raw)
	}
	e, err := Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	body, notes, err = e.ICal(Parent{})
	if problems := ical.Validate(body); err != nil || len(problems) > 0 {
		t.Fatalf("%s: %v, %v\n%s", raw, err, problems, body)
	}
	return body, notes
}

func arrives(t *testing.T, raw []byte, base, want cal.Body) {
	patch, err := Patch(raw, base, want, "Europe/Berlin")
	if err != nil {
		if !errors.Is(err, cal.ErrRefused) {
			t.Fatal(err)
		}
		return
	}
	patched := merged(t, raw, patch)
	body, notes := mapped(t, patched)
	if len(notes) > 0 {
		return
	}
	if again, err := Patch(patched, body, want, "Europe/Berlin"); err != nil || string(again) != "{}" {
		t.Fatalf("after %s comes %s, %v\nwanted\n%s\ncame\n%s", patch, again, err, want, body)
	}
}
