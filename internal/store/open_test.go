package store_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"calbridge/internal/store"
)

func TestOpenSQLiteForItsOwnerOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "c.db")
	db, err := store.Open(context.Background(), "sqlite:"+path, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, file := range []string{path, path + "-wal"} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
}

// Several processes that start for the first time at once all find a good schema.
func TestOpenTogether(t *testing.T) {
	for name, url := range map[string]func(testing.TB) string{"sqlite": sqliteURL, "postgres": postgresURL} {
		t.Run(name, func(t *testing.T) {
			url := url(t)
			var wg sync.WaitGroup
			for range 4 {
				wg.Go(func() {
					db, err := store.Open(context.Background(), url, store.Options{Migrate: true})
					if err != nil {
						t.Error(err)
						return
					}
					defer db.Close()
					err = db.Write(context.Background(), func(tx *store.Tx) error {
						_, err := tx.AddAccount(store.Account{Provider: "caldav"})
						return err
					})
					if err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
		})
	}
}

func TestPostgresIsMigratedOnlyWhenAsked(t *testing.T) {
	url, ctx := postgresURL(t), context.Background()
	if _, err := store.Open(ctx, url, store.Options{}); !errors.Is(err, store.ErrSchema) {
		t.Fatalf("an empty database opens: %v", err)
	}
	db, err := store.Open(ctx, url, store.Options{AnyAge: true})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	before, err := db.Status(ctx)
	if err != nil || len(before) == 0 || !before[0].Applied.IsZero() {
		t.Fatalf("status: %+v %v", before, err)
	}
	if err := db.Migrate(ctx); err != nil {
		t.Fatal(err)
	}
	after, err := db.Status(ctx)
	if err != nil || after[0].Applied.IsZero() {
		t.Fatalf("status: %+v %v", after, err)
	}
	again, err := store.Open(ctx, url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	again.Close()
}

func TestBadURLs(t *testing.T) {
	for _, url := range []string{"", "sqlite:", "mysql://root:hunter2@host/db", "postgres://u:hunter2@host:port/db"} {
		db, err := store.Open(context.Background(), url, store.Options{})
		if err == nil {
			db.Close()
			t.Errorf("%q opens", url)
		} else if strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), "CALBRIDGE_DB") {
			t.Errorf("%q: %v", url, err)
		}
	}
}

func BenchmarkOpenCurrent(b *testing.B) {
	url := sqliteURL(b)
	for b.Loop() {
		db, err := store.Open(context.Background(), url, store.Options{})
		if err != nil {
			b.Fatal(err)
		}
		if err := db.Read(context.Background(), func(tx *store.Tx) error { _, err := tx.Calendars(""); return err }); err != nil {
			b.Fatal(err)
		}
		db.Close()
	}
}
