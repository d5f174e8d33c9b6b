package store

import (
	"context"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"calbridge/migrations"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

// Migration is one step of the schema.
type Migration struct {
	Version int64
	Name    string
	Applied time.Time // zero: not yet
}

// Migrate brings the schema up to date. Of several processes that try, one does it and the others wait.
func (db *DB) Migrate(ctx context.Context) error {
	p, err := db.provider()
	if err != nil {
		return fmt.Errorf("migrate the database: %w", err)
	}
	if _, err := p.Up(ctx); err != nil {
		if current, e := db.current(ctx); e == nil && current {
			return nil
		}
		return fmt.Errorf("migrate the database: %w", err)
	}
	return nil
}

// Status lists every migration, oldest first.
func (db *DB) Status(ctx context.Context) ([]Migration, error) {
	p, err := db.provider()
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	all, err := p.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the schema's version: %w", err)
	}
	list := make([]Migration, len(all))
	for i, s := range all {
		list[i] = Migration{Version: s.Source.Version, Name: s.Source.Path, Applied: s.AppliedAt}
	}
	return list, nil
}

func (db *DB) provider() (*goose.Provider, error) {
	options := []goose.ProviderOption{goose.WithDisableGlobalRegistry(true)}
	if db.dialect == &postgresDialect {
		l, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(1, 300))
		if err != nil {
			return nil, err
		}
		options = append(options, goose.WithSessionLocker(l))
	}
	return goose.NewProvider(goose.Dialect(db.goose), db.writers.DB.DB, migrations.Files, options...)
}

// current asks only for the version, so that opening a database that needs nothing costs next to nothing.
func (db *DB) current(ctx context.Context) (bool, error) {
	newest, err := newest()
	if err != nil {
		return false, err
	}
	var table int
	if err := db.writers.GetContext(ctx, &table, db.hasVersions); err != nil {
		return false, err
	}
	if table == 0 {
		return false, nil
	}
	var version int64
	err = db.writers.GetContext(ctx, &version, `SELECT COALESCE(MAX(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if err == nil && version > newest {
		return false, fmt.Errorf("its schema (version %d) is newer than this program (version %d): install a newer calbridge", version, newest)
	}
	return version == newest, err
}

// newest is the number of the last migration file.
func newest() (int64, error) {
	files, err := fs.Glob(migrations.Files, "*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("read the migrations: none (%w)", err)
	}
	number, _, _ := strings.Cut(files[len(files)-1], "_")
	return strconv.ParseInt(number, 10, 64)
}
