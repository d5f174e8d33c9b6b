package store_test

import (
	"crypto/rand"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// each runs a test on an empty SQLite file and on an empty PostgreSQL database.
func each(t *testing.T, test func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { test(t, newWorld(t, sqliteURL(t))) })
	t.Run("postgres", func(t *testing.T) { test(t, newWorld(t, postgresURL(t))) })
}

func sqliteURL(t testing.TB) string {
	return "sqlite:" + filepath.Join(t.TempDir(), "a folder", "what?.db")
}

// postgresURL makes a database on the server that CALBRIDGE_TEST_POSTGRES names, and drops it after the test.
func postgresURL(t testing.TB) string {
	t.Helper()
	server := os.Getenv("CALBRIDGE_TEST_POSTGRES")
	if server == "" {
		missing := "CALBRIDGE_TEST_POSTGRES names no server: postgres://user@host/database, where user may create databases"
		if os.Getenv("CALBRIDGE_TEST_ALL") == "1" {
			t.Fatal(missing)
		}
		t.Skip(missing)
	}
	name := "calbridge_" + strings.ToLower(rand.Text()[:16])
	execute(t, server, "CREATE DATABASE "+name)
	t.Cleanup(func() { execute(t, server, "DROP DATABASE "+name+" WITH (FORCE)") })
	u, err := url.Parse(server)
	if err != nil {
		t.Fatal("CALBRIDGE_TEST_POSTGRES is not a URL")
	}
	u.Path = "/" + name
	return u.String()
}

func execute(t testing.TB, server, statement string) {
	t.Helper()
	db, err := sql.Open("postgres", server)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Error(err)
	}
}
