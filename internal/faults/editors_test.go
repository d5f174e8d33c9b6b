//go:build faults

package faults

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"
)

// How many objects a calendar holds: below few more are created, above many deleted.
const (
	few  = 8
	many = 14
)

// somebody edits at the server, as a well-behaved client does: with If-Match, and taking no for an answer.
func (w *world) somebody(ctx context.Context, l *lane, name string) {
	s := &editor{world: w, lane: l, name: name + " at " + l.server.Name, rng: w.chance(l.name + name)}
	for pause(ctx, between(s.rng, 300*time.Millisecond, 1700*time.Millisecond)) {
		s.act(l.calendars[s.rng.IntN(len(l.calendars))])
	}
}

type editor struct {
	*world
	lane *lane
	name string
	rng  *rand.Rand
	n    int
}

func (s *editor) act(c *calendar) {
	names, err := s.lane.server.TryList(c.Href)
	switch dice := s.rng.IntN(100); {
	case err != nil:
		s.count("server did not answer an editor", 1)
	case len(names) < few && dice < 60 || dice < 4:
		s.create(c)
	case len(names) > many && dice < 40 || dice < 8:
		s.delete(names[s.rng.IntN(len(names))])
	case len(names) > 0:
		s.edit(names[s.rng.IntN(len(names))])
	}
}

func (s *editor) create(c *calendar) {
	s.n++
	uid := fmt.Sprintf("by-%s-%d", strings.Map(onlyLetters, s.name+s.lane.server.User+s.lane.name), s.n)
	body := s.newEvent(uid)
	href := c.Href + uid + ".ics"
	s.settleWrite(href, body, change{uid: uid, by: s.name, writes: body, creates: true}, "If-None-Match", "*")
}

func onlyLetters(r rune) rune {
	if r >= 'a' && r <= 'z' {
		return r
	}
	return -1
}

func (s *editor) edit(href string) {
	body, etag, ok := s.read(href)
	if !ok || etag == "" {
		return
	}
	edited, writes, replaces := s.retouch(s.rng, body)
	if writes == "" {
		return
	}
	s.settleWrite(href, edited, change{uid: uidOf(body), by: s.name, writes: writes, replaces: replaces}, "If-Match", etag)
}

// settleWrite stores a body and enters what became of it. Where the answer does not tell, the object may.
func (s *editor) settleWrite(href, body string, c change, condition ...string) {
	a, err := s.lane.server.Try(http.MethodPut, href, body, append([]string{"Content-Type", "text/calendar; charset=utf-8"}, condition...)...)
	switch {
	case err == nil && a.OK():
		s.write(c)
		s.count("edits there", 1)
	case err == nil && a.Status < 500:
		s.count("edits there refused", 1)
	case s.holds(href, valuesOf(c.writes)[0]):
		s.write(c)
		s.count("edits there", 1)
	default:
		s.perhaps(c)
		s.count("edits there, outcome unknown", 1)
	}
}

// holds tells whether an object has a value, as soon as the server answers.
func (s *editor) holds(href, value string) bool {
	for range 30 {
		a, err := s.lane.server.Try(http.MethodGet, href, "")
		if err == nil && a.Status < 500 {
			return a.OK() && slices.Contains(valuesOf(a.Body), value)
		}
		time.Sleep(time.Second)
	}
	return false
}

func (s *editor) read(href string) (body, etag string, ok bool) {
	a, err := s.lane.server.Try(http.MethodGet, href, "")
	if err != nil || !a.OK() {
		return "", "", false
	}
	return a.Body, a.Header.Get("ETag"), true
}

func (s *editor) delete(href string) {
	body, etag, ok := s.read(href)
	if !ok || etag == "" {
		return
	}
	c := change{uid: uidOf(body), by: s.name, buries: body}
	a, err := s.lane.server.Try(http.MethodDelete, href, "", "If-Match", etag)
	switch {
	case err == nil && a.OK():
		s.write(c)
		s.count("deletions there", 1)
	case err == nil && a.Status < 500:
		s.count("edits there refused", 1)
	default:
		s.perhaps(c)
		s.count("deletions there, outcome unknown", 1)
	}
}

// user edits here, through the command line.
func (w *world) user(ctx context.Context, l *lane) {
	u := &user{editor{world: w, lane: l, name: "user of " + l.name, rng: w.chance(l.name + "user")}}
	for pause(ctx, between(u.rng, 500*time.Millisecond, 2*time.Second)) {
		u.act(l.calendars[u.rng.IntN(len(l.calendars))])
	}
}

type user struct{ editor }

// object is what the command line tells of one.
type object struct {
	ID      string
	UID     string
	Version int
	Body    string
	Deleted bool
}

func (u *user) act(c *calendar) {
	var all struct{ Objects []object }
	if !u.lane.program.try(&all, "object", "list", "--calendar", c.ID) {
		u.count("calls of the user that failed", 1)
		return
	}
	here := slices.DeleteFunc(all.Objects, func(o object) bool { return o.Deleted })
	switch dice := u.rng.IntN(100); {
	case len(here) < few && dice < 40 || dice < 5:
		u.create(c)
	case len(here) > many && dice < 40 || dice < 10:
		u.delete(here[u.rng.IntN(len(here))].ID)
	case len(here) > 0:
		u.edit(here[u.rng.IntN(len(here))].ID)
	}
}

func (u *user) create(c *calendar) {
	u.n++
	uid := fmt.Sprintf("here-%s-%d", strings.Map(onlyLetters, u.lane.name), u.n)
	body := u.newEvent(uid)
	o := u.call(body, "object", "create", "--calendar", c.ID, "--json")
	u.enter(o, change{uid: uid, by: u.name, writes: body, creates: true}, func() bool { return u.made(c, uid) })
}

func (u *user) edit(id string) {
	var o object
	if !u.lane.program.try(&o, "object", "show", id) || o.Deleted {
		return
	}
	edited, writes, replaces := u.retouch(u.rng, o.Body)
	if writes == "" {
		return
	}
	for _, v := range valuesOf(writes) {
		u.mix(mixed{v, id, o.Version})
	}
	out := u.call(edited, "object", "edit", id, "--base", fmt.Sprint(o.Version), "--json")
	u.enter(out, change{uid: o.UID, by: u.name, writes: writes, replaces: replaces}, func() bool {
		history, err := u.history(id)
		return err == nil && slices.Contains(valuesOf(history.text(0)), valuesOf(writes)[0])
	})
}

func (u *user) delete(id string) {
	var o object
	if !u.lane.program.try(&o, "object", "show", id) || o.Deleted {
		return
	}
	out := u.call("", "object", "delete", id, "--json")
	u.enter(out, change{uid: o.UID, by: u.name, buries: o.Body}, func() bool { return false })
	if out.code != misused { // `object delete` names no version: what had arrived since he looked went along
		if history, err := u.history(id); err == nil {
			u.forgive(history.text(o.Version))
		}
	}
}

// call runs the program, and once in a while kills it on its way.
func (u *user) call(stdin string, args ...string) outcome {
	r, err := u.lane.program.start(stdin, args...)
	if err != nil {
		return outcome{code: -1, err: err.Error()}
	}
	if u.rng.IntN(12) == 0 && !r.endedWithin(between(u.rng, 15*time.Millisecond, 90*time.Millisecond)) && r.signal(syscall.SIGKILL) && r.killed() {
		u.fault("kill -9 of calbridge, taking an edit")
	}
	return r.wait(patience)
}

// enter puts into the ledger what a call came to. Exit 0 is a promise, exit 2 a refusal; after any other only a look tells.
func (u *user) enter(o outcome, c change, happened func() bool) {
	switch {
	case o.code == done:
		u.write(c)
		u.count("edits here", 1)
	case o.code == misused:
		u.count("edits here refused", 1)
	case happened():
		u.write(c)
		u.count("edits here", 1)
	default:
		u.perhaps(c)
		u.count("edits here, outcome unknown", 1)
		if o.code >= 0 {
			u.heard(o.err)
		}
	}
	if o.hung {
		u.problem("a call of the user took longer than %v: %s", patience, c.uid)
	}
}

func (u *user) made(c *calendar, uid string) bool {
	for range 30 {
		var all struct{ Objects []object }
		if u.lane.program.try(&all, "object", "list", "--calendar", c.ID, "--uid", uid) {
			return len(all.Objects) > 0
		}
		time.Sleep(time.Second)
	}
	return false
}

// history is what `object history` tells.
type history struct {
	Versions []object
}

var errNoAnswer = errors.New("no answer")

// history asks until there is an answer.
func (u *user) history(id string) (h history, err error) {
	for range 30 {
		if u.lane.program.try(&h, "object", "history", id) {
			return h, nil
		}
		time.Sleep(time.Second)
	}
	return h, errNoAnswer
}

// text is all bodies of the versions after one.
func (h history) text(after int) string {
	var text strings.Builder
	for _, v := range h.Versions {
		if v.Version > after {
			text.WriteString(v.Body)
		}
	}
	return text.String()
}
