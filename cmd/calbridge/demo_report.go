package main

import (
	"fmt"

	"calbridge/internal/engine"
)

// tellPlay prints what happened in the demo.
func (s *session) tellPlay(st *stage, p *play) error {
	if s.JSON {
		return s.json(p)
	}
	s.say("%s", s.paint(bold, "calbridge demo"))
	dav, ggl := st.places[0], st.places[1]
	s.say("A CalDAV server of its own at %s, with %s and %s;", dav.url, count(dav.cast[0], "event"), count(dav.cast[1], "task"))
	s.say("a Google Calendar look-alike at %s, with %s;", ggl.url, count(ggl.cast[0], "event"))
	s.say("calbridge beside them, with a SQLite database in %s.", st.folder)

	s.act("1  First sync: everything comes over", p.Syncs[0])
	s.act("2  Both sides edit, in both accounts alike, then one sync settles it", p.Syncs[1])
	s.say("")
	if err := s.sceneTable(p.Scenes); err != nil {
		return err
	}
	for _, v := range p.Scenes {
		if v.Trouble != nil {
			s.say("%s %s (%s): %s", s.paint(red, "✗"), v.Event, v.Provider, *v.Trouble)
		}
	}
	for _, l := range p.Lost {
		s.say("\nThe title that lost, out of the history (version %d): %s", l.Version, s.paint(yellow, l.Summary))
	}
	s.act("3  Another sync finds nothing to do", p.Syncs[2])
	s.say("   %s sent to the servers, %s to guests", count(p.Writes, "write"), count(p.Mails, "mail"))
	s.say("")
	if !p.OK {
		s.say("%s", s.paint(red, "✗ Not everything came out as promised. Please report this."))
		return nil
	}
	s.say("%s", s.paint(green, fmt.Sprintf("✓ All %d came out as promised, on both sides of both accounts. Nobody lost a word.", len(scenes))))
	return nil
}

// act is the headline of one sync and what it did in numbers.
func (s *session) act(title string, rep engine.Report) {
	var pulled, pushed engine.Tally
	var merged, conflicts int
	for _, r := range rep.Runs {
		pulled, pushed = plus(pulled, r.Pulled), plus(pushed, r.Pushed)
		merged, conflicts = merged+r.Merged, conflicts+r.Conflicts
	}
	requests, seconds := 0, 0.0
	for _, a := range rep.Accounts {
		requests, seconds = requests+a.Requests, seconds+a.Seconds
	}
	s.say("\n%s", s.paint(bold, title))
	line := fmt.Sprintf("   pulled %s   pushed %s", tally(pulled), tally(pushed))
	if merged+conflicts > 0 {
		line += fmt.Sprintf("   merged %d   conflicts %d", merged, conflicts)
	}
	s.say("%s", s.paint(dim, line+fmt.Sprintf("   %s in %.0f ms", count(requests, "request"), seconds*1000)))
	for _, a := range rep.Accounts {
		if a.Trouble != nil {
			s.say("   %s %s", s.paint(red, "✗"), *a.Trouble)
		}
	}
	for _, r := range rep.Runs {
		s.tellTrouble(r)
	}
}

func plus(a, b engine.Tally) engine.Tally {
	return engine.Tally{Created: a.Created + b.Created, Updated: a.Updated + b.Updated, Deleted: a.Deleted + b.Deleted}
}

func (s *session) tellTrouble(r engine.Run) {
	if r.Trouble != nil {
		s.say("   %s %s: %s", s.paint(red, "✗"), r.Name, *r.Trouble)
	}
}

// sceneTable has one row for each scene, and a mark for each account.
func (s *session) sceneTable(views []sceneView) error {
	t := s.table("CalDAV", "Google", "event", "here", "at the server", "what came of it")
	for i, v := range views[:len(scenes)] {
		t.row(mark(v), mark(views[len(scenes)+i]), v.Event, orDots(v.Here), orDots(v.There), v.Outcome)
	}
	return t.flush()
}

func mark(v sceneView) string {
	if v.OK {
		return "✓"
	}
	return "✗"
}

func orDots(words string) string {
	if words == "" {
		return "·"
	}
	return words
}

// invite tells what to try while the server runs. It goes to standard error: with --json the report is all of the answer.
func (s *session) invite(st *stage, p *play) {
	dav, ggl := st.places[0], st.places[1]
	s.note("\nThe servers run until Ctrl-C: %s  user %s  password %s, and the Google look-alike %s", dav.url, demoUser, demoPassword, ggl.url)
	s.note("Try, in another terminal:\n")
	s.note("  export CALBRIDGE_DB=%s CALBRIDGE_ALLOW_PRIVATE_HOSTS=true", p.Database)
	for _, one := range googleSettingsFor(ggl.url) {
		s.note("  export %s=%s", one[0], one[1])
	}
	s.note("  calbridge object list --query meeting")
	for _, l := range p.Lost {
		s.note("  calbridge conflict show %s", l.Conflict)
		s.note("  calbridge object history %s", l.Object)
		s.note("  calbridge object restore %s %d && calbridge sync", l.Object, l.Version)
	}
	s.note("  calbridge sync --check")
	s.note("  calbridge doctor %s --username %s", dav.url, demoUser)
}
