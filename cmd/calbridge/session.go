package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"time"

	"calbridge/internal/caldav"
	"calbridge/internal/secret"
	"calbridge/internal/store"
)

// session is one call of the program. What costs time, settings, database and key, is opened by who needs it first.
type session struct {
	process
	flags
	colours bool
	clock   func() time.Time
	chance  io.Reader

	inForce *settings
	db      *store.DB
	vault   *secret.Vault
}

func newSession(p process, f flags) *session {
	return &session{process: p, flags: f, colours: wantsColour(p), clock: time.Now, chance: rand.Reader}
}

func (s *session) close() {
	if s.db != nil {
		s.db.Close()
	}
}

// settings gives what is in force.
func (s *session) settings() (settings, error) {
	if s.inForce == nil {
		loaded, err := s.flags.load(s.env)
		if err != nil {
			return settings{}, err
		}
		s.inForce = &loaded
	}
	return *s.inForce, nil
}

// store opens the database; a SQLite file is made when it is missing.
func (s *session) store(ctx context.Context) (*store.DB, error) {
	if s.db != nil {
		return s.db, nil
	}
	inForce, err := s.settings()
	if err != nil {
		return nil, err
	}
	s.db, err = s.openStore(ctx, inForce, store.Options{Migrate: s.Migrate})
	return s.db, err
}

func (s *session) openStore(ctx context.Context, inForce settings, o store.Options) (*store.DB, error) {
	o.Clock, o.Chance = s.clock, s.chance
	db, err := store.Open(ctx, inForce.database, o)
	if errors.Is(err, store.ErrSchema) {
		return nil, usage("%w, or give --migrate", err)
	}
	if err != nil {
		return nil, fmt.Errorf("%w (database: %s)", err, hidePassword(inForce.database))
	}
	return db, nil
}

func (s *session) read(ctx context.Context, fn func(*store.Tx) error) error {
	db, err := s.store(ctx)
	if err != nil {
		return err
	}
	return db.Read(ctx, fn)
}

func (s *session) write(ctx context.Context, fn func(*store.Tx) error) error {
	db, err := s.store(ctx)
	if err != nil {
		return err
	}
	return db.Write(ctx, fn)
}

// dial is what every conversation with a CalDAV server starts from.
func (s *session) dial() (caldav.Config, error) {
	inForce, err := s.settings()
	cfg := caldav.Config{AllowPrivate: inForce.private, Version: ourVersion(), Now: s.clock}
	if s.Verbose {
		cfg.Trace = func(x caldav.Exchange) {
			s.note("%s %s: %d, %d bytes, %v", x.Method, x.URL, x.Status, x.Bytes, x.Duration.Round(time.Millisecond))
		}
	}
	return cfg, err
}
