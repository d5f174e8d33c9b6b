package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/ical"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// demoCmd is `calbridge demo`: a calendar server and a database of its own, edits on both sides, three syncs, and a report that checks
// itself.
type demoCmd struct {
	Once bool `help:"End after the report."`
}

func (c demoCmd) Run(ctx context.Context, s *session) error {
	st, err := raise(ctx, s)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer st.strike()
	play, err := st.perform(ctx)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if err := s.tellPlay(st, play); err != nil {
		return err
	}
	if !c.Once && ctx.Err() == nil {
		s.invite(st, play)
		<-ctx.Done()
	}
	if !play.OK {
		return failure{errTold, exitFailed}
	}
	return nil
}

// stage is where the demo plays: a server on loopback, a database in a temporary folder, and a session that sees only these.
type stage struct {
	*session
	outer  *session
	server *sim.CalDAV
	http   *http.Server
	url    string
	folder string
	cast   [2]int // events and tasks that lie around
	events cal.CalendarID
}

const (
	demoUser     = "demo"
	demoPassword = "demo"
	demoSeed     = 4
	demoObjects  = 48
)

// raise builds the stage.
func raise(ctx context.Context, outer *session) (*stage, error) {
	st := &stage{outer: outer, server: sim.New(sim.Options{Users: map[string]string{demoUser: demoPassword}})}
	st.furnish()
	if err := st.open(ctx); err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "calbridge-demo-")
	if err != nil {
		return nil, errors.Join(err, st.http.Close())
	}
	st.folder = folder
	private := true
	f := outer.flags
	f.DB, f.AllowPrivateHosts, f.JSON = "sqlite:"+filepath.Join(folder, "demo.db"), &private, true
	inner := outer.process
	inner.stderr = io.Discard // no progress, no notes: the report tells
	st.session = newSession(inner, f)
	return st, nil
}

// furnish fills the server: events as they lie in real calendars, tasks in a list of their own, and the ones the scenes are about.
func (st *stage) furnish() {
	st.server.AddCalendar(demoUser, "work", sim.Properties{Name: "Work", Color: "#3366cc", Components: []string{"VEVENT"}})
	st.server.AddCalendar(demoUser, "tasks", sim.Properties{Name: "Tasks", Color: "#cc6633", Components: []string{"VTODO"}})
	for _, o := range sim.Realistic(st.outer.clock(), demoObjects, demoSeed) {
		if o.Component == "VTODO" {
			st.cast[1]++
			st.server.Store(demoUser, "tasks", o.Name, o.Body)
		} else {
			st.cast[0]++
			st.server.Store(demoUser, "work", o.Name, o.Body)
		}
	}
	for _, sc := range scenes {
		if sc.before != (plot{}) {
			st.cast[0]++
			st.put(sc, sc.before)
		}
	}
}

// open lets the server listen, on loopback only.
func (st *stage) open(ctx context.Context) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	st.url = "http://" + listener.Addr().String() + "/"
	st.http = &http.Server{Handler: st.server, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(st.outer.stderr, "demo server: ", 0)}
	go st.http.Serve(listener)
	return nil
}

// strike takes everything down again.
func (st *stage) strike() {
	st.session.close()
	st.http.Close()
	os.RemoveAll(st.folder)
}

// play is what happened, and whether it is what was promised.
type play struct {
	Server   string          `json:"server"`
	Database string          `json:"database"`
	Account  cal.AccountID   `json:"account"`
	Calendar cal.CalendarID  `json:"calendar"`
	Syncs    []engine.Report `json:"syncs"`
	Scenes   []sceneView     `json:"scenes"`
	Writes   int             `json:"writes_of_the_last_sync"`
	Lost     []lostView      `json:"kept_versions"` // what lost a conflict, and where it can be read
	OK       bool            `json:"ok"`
}

// perform plays the demo: add the account, sync, edit on both sides, sync, sync.
func (st *stage) perform(ctx context.Context) (*play, error) {
	a, err := st.join(ctx)
	if err != nil {
		return nil, err
	}
	p := &play{Server: st.url, Database: st.DB, Account: a.ID, Calendar: st.events, OK: true}
	for _, act := range []func(context.Context) error{nil, st.editEverywhere, st.forgetJournal} {
		if act != nil {
			if err := act(ctx); err != nil {
				return nil, err
			}
		}
		rep, err := st.sync(ctx, []store.Account{a}, engine.Options{Mode: engine.Incremental})
		if err != nil {
			return nil, err
		}
		p.Syncs = append(p.Syncs, rep)
		p.OK = p.OK && !rep.Failed()
	}
	p.Writes = len(st.server.Writes())
	p.OK = p.OK && p.Writes == 0
	return p, st.judge(ctx, p)
}

// join adds the account as `calbridge account add caldav` does.
func (st *stage) join(ctx context.Context) (store.Account, error) {
	if _, err := st.store(ctx); err != nil {
		return store.Account{}, err
	}
	found, err := st.discover(ctx, st.url, demoUser, demoPassword)
	if err != nil {
		return store.Account{}, err
	}
	a, calendars, err := st.addCaldav(ctx, addCaldavCmd{Name: "Demo"}, st.url, found, demoPassword)
	for _, k := range calendars {
		if k.Name == "Work" {
			st.events = k.ID
		}
	}
	return a, err
}

func (st *stage) forgetJournal(context.Context) error {
	st.server.Reset()
	return nil
}

// editEverywhere lets both sides edit before either hears of the other.
func (st *stage) editEverywhere(ctx context.Context) error {
	for _, sc := range scenes {
		if sc.there.deleted {
			st.server.Remove(demoUser, "work", sc.file())
		} else if sc.there.to != (plot{}) {
			st.put(sc, sc.there.to)
		}
	}
	return st.write(ctx, func(tx *store.Tx) error {
		for _, sc := range scenes {
			if err := st.editHere(tx, sc); err != nil {
				return err
			}
		}
		return nil
	})
}

// put stores a scene's event at the server as somebody else would.
func (st *stage) put(sc scene, p plot) {
	st.server.Store(demoUser, "work", sc.file(), p.body(sc.uid(), st.outer.clock()))
}

// editHere does what a user of calbridge would: `calbridge object create`, `edit`, `delete`.
func (st *stage) editHere(tx *store.Tx, sc scene) error {
	if !sc.here.deleted && sc.here.to == (plot{}) {
		return nil
	}
	held, err := tx.ByUID(st.events, []string{sc.uid()})
	if err != nil {
		return err
	}
	d := store.Draft{Calendar: st.events}
	if !sc.here.deleted {
		body := cal.Body(sc.here.to.body(sc.uid(), st.outer.clock()))
		r := ical.Read(body)
		d.UID, d.Component, d.Summary, d.Want = r.UID, r.Component, r.Summary, cal.Version{Digest: r.Digest, Body: body}
	}
	for _, o := range held {
		d.Object = o.ID
	}
	_, err = tx.Edit(d)
	return err
}
