package main

import (
	"context"
	"fmt"
	"time"

	"calbridge/internal/store"
)

// migrateCmd is `calbridge migrate …`.
type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema up to date."`
	Status migrateStatusCmd `cmd:"" help:"List the steps of the schema, and when each was taken."`
}

type migrateUpCmd struct{}

func (migrateUpCmd) Run(ctx context.Context, s *session) error {
	db, err := s.openAnyAge(ctx)
	if err != nil {
		return err
	}
	before, err := db.Status(ctx)
	if err != nil {
		return err
	}
	if err := db.Migrate(ctx); err != nil {
		return err
	}
	done := 0
	for _, m := range before {
		if m.Applied.IsZero() {
			done++
		}
	}
	return s.answer(map[string]any{"applied": done}, "The schema is up to date; %s taken.", count(done, "step"))
}

type migrateStatusCmd struct{}

type migrationView struct {
	Version int64      `json:"version"`
	Name    string     `json:"name"`
	Applied *time.Time `json:"applied"`
}

func (migrateStatusCmd) Run(ctx context.Context, s *session) error {
	db, err := s.openAnyAge(ctx)
	if err != nil {
		return err
	}
	all, err := db.Status(ctx)
	if err != nil {
		return err
	}
	views := make([]migrationView, len(all))
	for i, m := range all {
		views[i] = migrationView{m.Version, m.Name, at(m.Applied)}
	}
	if s.JSON {
		return s.json(map[string]any{"migrations": views})
	}
	t := s.table("version", "name", "applied")
	for _, v := range views {
		applied := "not yet"
		if v.Applied != nil {
			applied = until(v.Applied)
		}
		t.row(fmt.Sprint(v.Version), v.Name, applied)
	}
	return t.flush()
}

// openAnyAge opens the database without migrating it.
func (s *session) openAnyAge(ctx context.Context) (*store.DB, error) {
	inForce, err := s.settings()
	if err != nil {
		return nil, err
	}
	s.db, err = s.openStore(ctx, inForce, store.Options{AnyAge: true})
	return s.db, err
}
