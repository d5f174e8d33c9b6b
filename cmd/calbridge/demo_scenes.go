package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// scene is one event, what happens to it on each side between two syncs, and what has to come of it.
type scene struct {
	before      plot // zero: not there yet
	here, there change
	after       plot // zero: gone
	outcome     string
}

// change is what one side does; the zero change is nothing.
type change struct {
	words   string
	to      plot
	deleted bool
}

// plot is the part of an event that the demo plays with.
type plot struct {
	title, place string
	hour         int
}

var scenes = []scene{
	{
		here:    change{words: "made", to: plot{"Lunch with Ada", "Harbour Café", 12}},
		after:   plot{"Lunch with Ada", "Harbour Café", 12},
		outcome: "created at the server",
	}, {
		before:  plot{"Team meeting", "Room 2", 10},
		here:    change{words: "place: Room 7", to: plot{"Team meeting", "Room 7", 10}},
		after:   plot{"Team meeting", "Room 7", 10},
		outcome: "updated at the server",
	}, {
		before:  plot{"Return library books", "Library", 17},
		here:    change{words: "deleted", deleted: true},
		outcome: "deleted at the server",
	}, {
		there:   change{words: "made", to: plot{"Flight to Lisbon", "Terminal 1", 7}},
		after:   plot{"Flight to Lisbon", "Terminal 1", 7},
		outcome: "created here",
	}, {
		before:  plot{"Dentist", "Mill Lane 4", 9},
		there:   change{words: "time: 16:00", to: plot{"Dentist", "Mill Lane 4", 16}},
		after:   plot{"Dentist", "Mill Lane 4", 16},
		outcome: "updated here",
	}, {
		before:  plot{"Guitar lesson", "Music school", 18},
		there:   change{words: "deleted", deleted: true},
		outcome: "deleted here",
	}, {
		before:  plot{"Planning", "Room 2", 14},
		here:    change{words: "place: Garden room", to: plot{"Planning", "Garden room", 14}},
		there:   change{words: "title: Planning 2027", to: plot{"Planning 2027", "Room 2", 14}},
		after:   plot{"Planning 2027", "Garden room", 14},
		outcome: "merged: both sides have both",
	}, {
		before:  plot{"Budget review", "Room 5", 11},
		here:    change{words: "title: Budget, short", to: plot{"Budget, short", "Room 5", 11}},
		there:   change{words: "title: Budget, in full", to: plot{"Budget, in full", "Room 5", 11}},
		after:   plot{"Budget, in full", "Room 5", 11},
		outcome: "conflict: the server's wins, yours is kept",
	}, {
		before:  plot{"Summer party", "Town hall", 19},
		here:    change{words: "deleted", deleted: true},
		there:   change{words: "place: Lakeside", to: plot{"Summer party", "Lakeside", 19}},
		after:   plot{"Summer party", "Lakeside", 19},
		outcome: "stays: an edit beats a deletion",
	},
}

// name is what the event is called before anything happens to it, or as soon as it is there.
func (sc scene) name() string {
	for _, p := range []plot{sc.before, sc.here.to, sc.there.to} {
		if p.title != "" {
			return p.title
		}
	}
	return ""
}

func (sc scene) uid() string {
	return strings.ToLower(strings.ReplaceAll(sc.name(), " ", "-")) + "@demo.example"
}

func (sc scene) file() string { return strings.ReplaceAll(sc.uid(), "@", "-at-") + ".ics" }

// contested: both sides gave one property different values.
func (sc scene) contested() bool { return strings.HasPrefix(sc.outcome, "conflict") }

// body writes the event, two days from now.
func (p plot) body(uid string, now time.Time) string {
	day := now.UTC().AddDate(0, 0, 2).Format("20060102")
	escape := strings.NewReplacer(`\`, `\\`, `,`, `\,`, `;`, `\;`)
	return strings.ReplaceAll(fmt.Sprintf(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//calbridge//demo//EN
BEGIN:VEVENT
UID:%s
DTSTAMP:20260101T000000Z
DTSTART:%sT%02d0000Z
DTEND:%sT%02d0000Z
SUMMARY:%s
LOCATION:%s
DESCRIPTION:Nobody touches this line.
END:VEVENT
END:VCALENDAR
`, uid, day, p.hour, day, p.hour+1, escape.Replace(p.title), escape.Replace(p.place)), "\n", "\r\n")
}

// says reports what in a body is not as p has it.
func (p plot) says(body string) error {
	r := ical.Read(cal.Body(body))
	switch {
	case p == plot{} && body == "":
		return nil
	case p == plot{}:
		return errors.New("it is still there")
	case body == "":
		return errors.New("it is not there")
	case r.Summary != p.title:
		return fmt.Errorf("its title is %q", r.Summary)
	case !strings.Contains(body, "\r\nLOCATION:"+p.place+"\r\n"):
		return errors.New("its place is another")
	case !strings.HasSuffix(r.Start, fmt.Sprintf("T%02d0000Z", p.hour)):
		return fmt.Errorf("it begins at %s", r.Start)
	case !strings.Contains(body, "\r\nDESCRIPTION:Nobody touches this line.\r\n"):
		return errors.New("a property that nobody touched has changed")
	}
	return nil
}

// sceneView is a scene as it is printed.
type sceneView struct {
	Provider string       `json:"provider"`
	Event    string       `json:"event"`
	Here     string       `json:"here"`
	There    string       `json:"there"`
	Outcome  string       `json:"outcome"`
	Object   cal.ObjectID `json:"object"`
	OK       bool         `json:"ok"`
	Trouble  *string      `json:"trouble"`
}

// lostView is what lost a conflict.
type lostView struct {
	Conflict cal.ConflictID `json:"conflict"`
	Object   cal.ObjectID   `json:"object"`
	Version  int            `json:"version"`
	Summary  string         `json:"summary"`
}

// judge compares all sides with what was promised.
func (st *stage) judge(ctx context.Context, p *play) error {
	return st.read(ctx, func(tx *store.Tx) error {
		for _, at := range st.places {
			for _, sc := range scenes {
				v, err := at.judge(tx, sc, p)
				if err != nil {
					return err
				}
				p.OK = p.OK && v.OK
				p.Scenes = append(p.Scenes, v)
			}
		}
		return nil
	})
}

func (at *place) judge(tx *store.Tx, sc scene, p *play) (sceneView, error) {
	o, err := at.objectOf(tx, sc)
	if err != nil {
		return sceneView{}, err
	}
	wrong := at.wrong(tx, sc, o, p)
	v := sceneView{Provider: at.account.Provider, Event: sc.name(), Here: sc.here.words, There: sc.there.words, Outcome: sc.outcome,
		Object: o.ID, OK: wrong == nil}
	if wrong != nil {
		v.Trouble = orNull(wrong.Error())
	}
	return v, nil
}

// objectOf finds the scene's object here, deleted or not.
func (at *place) objectOf(tx *store.Tx, sc scene) (cal.Object, error) {
	listed, err := tx.Objects(store.ObjectFilter{Calendar: at.events, UID: sc.uid(), IncludeGone: true})
	if err != nil || len(listed) == 0 {
		return cal.Object{}, err
	}
	return tx.Object(listed[len(listed)-1].ID)
}

// wrong says what is not as promised, on either side.
func (at *place) wrong(tx *store.Tx, sc scene, o cal.Object, p *play) error {
	if err := sc.after.says(string(o.Want().Body)); err != nil {
		return fmt.Errorf("here: %w", err)
	}
	if err := sc.after.says(at.there(sc)); err != nil {
		return fmt.Errorf("at the server: %w", err)
	}
	if o.Edit != nil || len(o.Sent) > 0 {
		return errors.New("it is not settled")
	}
	if sc.contested() {
		return findLost(tx, sc, o, p)
	}
	return nil
}

// findLost reads the losing side of a conflict back out of the history.
func findLost(tx *store.Tx, sc scene, o cal.Object, p *play) error {
	conflicts, err := tx.Conflicts(store.ConflictFilter{Object: o.ID})
	if err != nil || len(conflicts) != 1 {
		return fmt.Errorf("there are %d conflicts on record (%w)", len(conflicts), err)
	}
	c, err := tx.Conflict(conflicts[0].ID)
	if err != nil {
		return err
	}
	if err := sc.here.to.says(string(c.Mine.Body)); err != nil {
		return fmt.Errorf("what lost is not on record as it was: %w", err)
	}
	d, err := detail(tx, c)
	p.Lost = append(p.Lost, lostView{c.ID, o.ID, d.Mine.Version, ical.Read(c.Mine.Body).Summary})
	return err
}
