package event

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// specimen is one event as Google would send it. All are made up, after the discovery document and what clients report.
type specimen struct {
	name   string
	raw    []byte
	event  Event
	parent Parent
	body   cal.Body
	notes  []string
}

// parents are the series of the exceptions that do not tell enough of themselves.
var parents = map[string]Parent{
	"exception-cancelled-bare":        {UID: "the series@example.org", TimeZone: "Europe/Berlin"},
	"exception-cancelled-bare-offset": {UID: "the series@example.org", TimeZone: "Europe/Berlin"},
	"exception-cancelled-all-day":     {UID: "all day@example.org", AllDay: true},
}

func specimens(t testing.TB) (all []specimen) {
	t.Helper()
	files, err := filepath.Glob("testdata/google/*.json")
	if err != nil || len(files) < 70 {
		t.Fatalf("%d specimens, %v", len(files), err)
	}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		all = append(all, newSpecimen(t, name, raw))
	}
	return all
}

func newSpecimen(t testing.TB, name string, raw []byte) specimen {
	t.Helper()
	s := specimen{name: name, raw: raw, parent: parents[name]}
	var err error
	if s.event, err = Parse(raw); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	if s.body, s.notes, err = s.event.ICal(s.parent); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return s
}

func byName(t testing.TB, name string) specimen {
	t.Helper()
	raw, err := os.ReadFile("testdata/google/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return newSpecimen(t, name, raw)
}

func TestEveryEventIsValidText(t *testing.T) {
	for _, s := range specimens(t) {
		if problems := ical.Validate(s.body); len(problems) > 0 {
			t.Errorf("%s: %v\n%s", s.name, problems, s.body)
		}
		again, _, err := s.event.ICal(s.parent)
		if err != nil || again != s.body {
			t.Errorf("%s: a second text differs (%v)\n%s\n%s", s.name, err, s.body, again)
		}
		r := ical.Read(s.body)
		if r.Trouble != "" || r.Component != "VEVENT" || r.UID != s.event.UID(s.parent) {
			t.Errorf("%s: read as %+v", s.name, r)
		}
		if s.event.exception() != (r.RecurrenceID != "") {
			t.Errorf("%s: the instance is %q", s.name, r.RecurrenceID)
		}
	}
}

func TestNothingChangedIsNothingSent(t *testing.T) {
	for _, s := range specimens(t) {
		patch, err := Patch(s.raw, s.body, s.body, "Europe/Berlin")
		if err != nil || string(patch) != "{}" {
			t.Errorf("%s: %s, %v", s.name, patch, err)
		}
	}
}

// refusedTitles are the specimens whose title cannot be changed, with what the refusal says.
var refusedTitles = map[string]string{
	"type-unknown": "holodeck", "visibility-hidden": "private", "locked": "locked", "invited-locked": "locked",
	"invited": "boss@example.com", "organizer-elsewhere": "boss@example.com", "private-copy": "boss@example.com",
	"exception-orphan":         "boss@example.com",
	"exception-cancelled-bare": "", "exception-cancelled-bare-offset": "", "exception-cancelled-all-day": "", "exception-cancelled-with-details": "",
}

func TestTitleAloneIsAllThatIsSent(t *testing.T) {
	for _, s := range specimens(t) {
		want := withTitle(s.body, "Another, title; 🎉")
		patch, err := Patch(s.raw, s.body, want, "Europe/Berlin")
		remark, refused := refusedTitles[s.name]
		switch {
		case refused && remark == "":
		case refused && !refusal(err, remark):
			t.Errorf("%s: %s, %v; it was to be refused for %q", s.name, patch, err, remark)
		case !refused && (err != nil || string(patch) != `{"summary":"Another, title; 🎉"}`):
			t.Errorf("%s: %s, %v", s.name, patch, err)
		}
		if unchangeable := s.name == "type-unknown" || s.name == "visibility-hidden"; (MayChange(s.raw) != nil) != unchangeable {
			t.Errorf("%s: MayChange says %v", s.name, MayChange(s.raw))
		}
	}
}

// withTitle is body with another SUMMARY.
func withTitle(body cal.Body, title string) cal.Body {
	return edited(body, "SUMMARY", "SUMMARY:"+ical.Escape(title))
}

// edited is body without the properties of a name in the VEVENT itself, and with the lines in their place.
func edited(body cal.Body, name string, lines ...string) cal.Body {
	text := strings.ReplaceAll(string(body), "\r\n ", "")
	var out []string
	inside, alarm := false, false
	for _, l := range strings.Split(strings.TrimSuffix(text, "\r\n"), "\r\n") {
		switch l {
		case "BEGIN:VALARM":
			alarm = true
		case "END:VALARM":
			alarm = false
		}
		own := inside && !alarm && (strings.HasPrefix(l, name+":") || strings.HasPrefix(l, name+";"))
		if own {
			continue
		}
		out = append(out, l)
		if l == "BEGIN:VEVENT" {
			inside = true
			out = append(out, lines...)
		}
	}
	return cal.Body(strings.Join(out, "\r\n") + "\r\n")
}

// merged is native with a merge patch applied (RFC 7396 §2).
func merged(t testing.TB, native, patch []byte) []byte {
	t.Helper()
	out, err := json.Marshal(merge(decoded(t, native), decoded(t, patch)))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func merge(target, patch any) any {
	p, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	out, ok := target.(map[string]any)
	if !ok {
		out = map[string]any{}
	}
	for name, value := range p {
		if value == nil {
			delete(out, name)
			continue
		}
		out[name] = merge(out[name], value)
	}
	return out
}

func decoded(t testing.TB, raw []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber()
	var out any
	if err := d.Decode(&out); err != nil {
		t.Fatalf("%v\n%s", err, raw)
	}
	return out
}
