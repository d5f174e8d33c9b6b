package reconcile

import (
	"fmt"
	"strings"
	"sync"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/model"
)

var now = time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)

// pair is an event of two properties, as most tests write it: SUMMARY and LOCATION. The zero pair is absence.
type pair struct{ a, b int }

func version(p pair, tag int) cal.Version {
	if p == (pair{}) {
		return cal.Version{}
	}
	return written(model.Event{There: true, Has: [model.Properties]uint8{model.A: uint8(p.a), model.B: uint8(p.b)}}, false, uint8(tag))
}

func read(v cal.Version) pair {
	e := event(v.Body)
	return pair{int(e.Has[model.A]), int(e.Has[model.B])}
}

// lines are the properties of the model as content lines, and names what a conflict calls them.
var (
	lines = [model.Properties]string{
		model.A: "SUMMARY:a%d", model.B: "LOCATION:b%d", model.Extra: "X-SERVER:x%d", model.Ack: "X-MOZ-LASTACK:2026010%dT000000Z",
		model.Guests: "ORGANIZER:mailto:g%d@example.org", model.Status: "STATUS:%s",
	}
	names = [model.Properties]string{
		model.A: "SUMMARY", model.B: "place", model.Extra: "X-SERVER", model.Ack: "X-MOZ-LASTACK",
		model.Guests: "organizer", model.Status: "status",
	}
	statuses = [...]string{model.Cancelled: "CANCELLED", 2: "COMPLETED", 3: "NEEDS-ACTION"}
)

// text is an event of the model as iCalendar text; of an occurrence, with its RECURRENCE-ID.
func text(e model.Event, occurrence bool) cal.Body {
	if !e.There {
		return ""
	}
	said := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VTODO", "UID:u1", "DTSTAMP:20260101T000000Z"}
	if occurrence {
		said = append(said, "RECURRENCE-ID:"+instance)
	}
	for p, value := range e.Has {
		switch {
		case value == 0:
		case p == model.Status:
			said = append(said, fmt.Sprintf(lines[p], statuses[value]))
		default:
			said = append(said, fmt.Sprintf(lines[p], value))
		}
	}
	return cal.Body(strings.Join(append(said, "END:VTODO", "END:VCALENDAR", ""), "\r\n"))
}

// event is what a text says in terms of the model.
func event(body cal.Body) (e model.Event) {
	e.There = body != ""
	for line := range strings.Lines(string(body)) {
		for p := range model.Status {
			fmt.Sscanf(line, lines[p], &e.Has[p])
		}
		for value, status := range statuses {
			if status != "" && strings.TrimSpace(line) == "STATUS:"+status {
				e.Has[model.Status] = uint8(value)
			}
		}
	}
	return e
}

const instance = "20260105T090000Z"

type rendering struct {
	event      model.Event
	occurrence bool
}

// renderings are the texts written so far with their digests: there are few, and they are asked for a million times.
var renderings sync.Map

// written is an event of the model as a version with this etag; zero: none.
func written(e model.Event, occurrence bool, tag uint8) cal.Version {
	if !e.There {
		return cal.Version{}
	}
	known, ok := renderings.Load(rendering{e, occurrence})
	if !ok {
		body := text(e, occurrence)
		known, _ = renderings.LoadOrStore(rendering{e, occurrence}, cal.Version{Digest: ical.Read(body).Digest, Body: body})
	}
	v := known.(cal.Version)
	v.ETag = etags[tag]
	return v
}

var etags = [...]cal.ETag{"", `"1"`, `"2"`, `"3"`, `"4"`, `"5"`, `"6"`, `"7"`, `"8"`, `"9"`}
