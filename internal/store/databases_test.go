package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"calbridge/internal/providertest"
)

func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }

// each runs a test on an empty SQLite file and on an empty PostgreSQL database.
func each(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t, sqliteURL(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, postgresURL(t))) })
}

func sqliteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "a folder", "what?.db")
}

func postgresURL(t testing.TB) string { return providertest.Postgres(t).URL }
