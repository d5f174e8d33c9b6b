package main

import (
	"context"
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
	"calbridge/internal/store"
)

// demoCmd is `calbridge demo`: a CalDAV server, a Google look-alike and a database of its own, edits on all sides, three syncs, and a report
// that checks itself.
type demoCmd struct {
	Once        bool   `help:"End after the report."`
	ServeGoogle string `help:"Only serve the Google look-alike at this address, for accounts of your own making, and print the settings to use it with." placeholder:"127.0.0.1:8099"`
}

func (c demoCmd) Run(ctx context.Context, s *session) error {
	if c.ServeGoogle != "" {
		return s.serveGoogle(ctx, c.ServeGoogle)
	}
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

// stage is where the demo plays: two servers on loopback, a database in a temporary folder, and a session that sees only these.
type stage struct {
	*session
	outer  *session
	places []*place
	folder string
}

// place is an account of the demo, and its server as somebody else works there.
type place struct {
	house
	name    string // of the provider
	url     string
	http    *http.Server
	cast    [2]int // events and tasks that lie around
	account store.Account
	events  cal.CalendarID
}

const (
	demoUser     = "demo"
	demoPassword = "demo"
	demoAddress  = "demo@gmail.example"
	demoSeed     = 4
	demoObjects  = 48
)

// raise builds the stage.
func raise(ctx context.Context, outer *session) (_ *stage, err error) {
	st := &stage{outer: outer}
	defer func() {
		if err != nil {
			st.strike()
		}
	}()
	for _, p := range []*place{newDavPlace(outer.clock()), newGooglePlace(outer.clock)} {
		if err := p.open(ctx, outer); err != nil {
			return nil, err
		}
		st.places = append(st.places, p)
	}
	if st.folder, err = os.MkdirTemp("", "calbridge-demo-"); err != nil {
		return nil, err
	}
	private := true
	f := outer.flags
	f.DB, f.AllowPrivateHosts, f.JSON = "sqlite:"+filepath.Join(st.folder, "demo.db"), &private, true
	inner := outer.process
	inner.stderr = io.Discard // no progress, no notes: the report tells
	inner.env = withGoogle(outer.env, st.places[1].url)
	st.session = newSession(inner, f)
	return st, nil
}

// furnish puts the events that the scenes are about.
func (p *place) furnish(now time.Time) {
	for _, sc := range scenes {
		if sc.before != (plot{}) {
			p.cast[0]++
			p.put(sc, sc.before.body(sc.uid(), now))
		}
	}
}

// open lets the server listen, on loopback only.
func (p *place) open(ctx context.Context, s *session) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	p.url = "http://" + listener.Addr().String() + "/"
	p.http = &http.Server{Handler: p.house, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(s.stderr, "demo server: ", 0)}
	go p.http.Serve(listener)
	return nil
}

// strike takes everything down again.
func (st *stage) strike() {
	if st.session != nil {
		st.session.close()
	}
	for _, p := range st.places {
		p.http.Close()
	}
	os.RemoveAll(st.folder)
}

// play is what happened, and whether it is what was promised.
type play struct {
	Database string          `json:"database"`
	Accounts []playerView    `json:"accounts"`
	Syncs    []engine.Report `json:"syncs"`
	Scenes   []sceneView     `json:"scenes"`
	Writes   int             `json:"writes_of_the_last_sync"`
	Mails    int             `json:"mails"`         // that guests got
	Lost     []lostView      `json:"kept_versions"` // what lost a conflict, and where it can be read
	OK       bool            `json:"ok"`
}

// playerView is an account of the demo.
type playerView struct {
	Provider string         `json:"provider"`
	Server   string         `json:"server"`
	Account  cal.AccountID  `json:"account"`
	Calendar cal.CalendarID `json:"calendar"`
}

// perform plays the demo: add the accounts, sync, edit on all sides, sync, sync.
func (st *stage) perform(ctx context.Context) (*play, error) {
	p := &play{Database: st.DB, OK: true}
	var accounts []store.Account
	for _, at := range st.places {
		if err := at.join(ctx, st); err != nil {
			return nil, fmt.Errorf("add the %s account: %w", at.name, err)
		}
		accounts = append(accounts, at.account)
		p.Accounts = append(p.Accounts, playerView{at.account.Provider, at.url, at.account.ID, at.events})
	}
	for _, act := range []func(context.Context) error{nil, st.editEverywhere, st.forgetJournals} {
		if act != nil {
			if err := act(ctx); err != nil {
				return nil, err
			}
		}
		rep, err := st.sync(ctx, accounts, engine.Options{Mode: engine.Incremental})
		if err != nil {
			return nil, err
		}
		p.Syncs = append(p.Syncs, rep)
		p.OK = p.OK && !rep.Failed()
	}
	for _, at := range st.places {
		p.Writes += at.writes()
		p.Mails += at.mails()
	}
	p.OK = p.OK && p.Writes == 0 && p.Mails == 0
	return p, st.judge(ctx, p)
}

func (st *stage) forgetJournals(context.Context) error {
	for _, at := range st.places {
		at.forget()
	}
	return nil
}

// editEverywhere lets all sides edit before any hears of the other.
func (st *stage) editEverywhere(ctx context.Context) error {
	for _, at := range st.places {
		at.editThere(st.outer.clock())
	}
	return st.write(ctx, func(tx *store.Tx) error {
		for _, at := range st.places {
			for _, sc := range scenes {
				if err := st.editHere(tx, at, sc); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

func (p *place) editThere(now time.Time) {
	for _, sc := range scenes {
		if sc.there.deleted {
			p.remove(sc)
		} else if sc.there.to != (plot{}) {
			p.put(sc, sc.there.to.body(sc.uid(), now))
		}
	}
}

// editHere does what a user of calbridge would: `calbridge object create`, `edit`, `delete`.
func (st *stage) editHere(tx *store.Tx, at *place, sc scene) error {
	if !sc.here.deleted && sc.here.to == (plot{}) {
		return nil
	}
	held, err := tx.ByUID(at.events, []string{sc.uid()})
	if err != nil {
		return err
	}
	d := store.Draft{Calendar: at.events}
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
