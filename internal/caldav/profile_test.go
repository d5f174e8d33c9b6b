package caldav

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestProfileSurvivesStorage(t *testing.T) {
	p := Profile{Auth: AuthDigest, SyncCollection: Yes, InlineData: No, BatchSize: 50}
	p.note(time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), "token", "refused with 418")
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var back Profile
	if err := json.Unmarshal(text, &back); err != nil || !reflect.DeepEqual(back, p) {
		t.Errorf("%s became %+v, %v", text, back, err)
	}
	if text, _ := json.Marshal(Profile{}); string(text) != "{}" {
		t.Errorf("knowing nothing is written as %s", text)
	}
}

func TestNotesAreBounded(t *testing.T) {
	var p Profile
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for i := range maxNotes + 10 {
		p.note(day.AddDate(0, 0, i), fmt.Sprint(i), "x")
	}
	if _, kept := p.Observed[fmt.Sprint(maxNotes+9)]; len(p.Observed) != maxNotes || !kept {
		t.Errorf("%d notes, the newest kept: %v", len(p.Observed), kept)
	}
}

func TestProfileIsACopy(t *testing.T) {
	s := record(t, status(207))
	c := dial(t, s)
	c.learn(func(p *Profile) { p.note(time.Now(), "a", "x") })
	c.Profile().Observed["b"] = Note{}
	if n := len(c.Profile().Observed); n != 1 {
		t.Errorf("%d notes", n)
	}
}

func TestHeadersAreLearned(t *testing.T) {
	var p Profile
	p.sawServer("Cyrus\r\n3.6")
	p.sawDAV([]string{"1"}, false)
	p.sawDAV([]string{"1, 2, Access-Control", "calendar-access", "", "1,3"}, true)
	p.sawDAV([]string{"1, 2"}, false)
	if p.Server != "Cyrus  3.6" || p.DAV != "1, 2, 3, access-control, calendar-access" {
		t.Errorf("learned %q, %q", p.Server, p.DAV)
	}
	p.sawServer("")
	p.sawDAV(nil, true)
	p.sawServer(strings.Repeat("ü", 1000))
	if len(p.Server) > 200 || p.DAV == "" {
		t.Errorf("learned %d bytes of server, %q", len(p.Server), p.DAV)
	}
}
