package providertest

import (
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	_ "github.com/lib/pq" // makes and drops the databases
)

// Database is an empty database.
type Database struct {
	Name string // "sqlite", "postgres"
	URL  string // "sqlite:/tmp/…/calbridge.db", "postgres://…"
}

// Databases gives an empty database of every kind, gone after the test. PostgreSQL is started where it is installed;
// CALBRIDGE_TEST_POSTGRES=postgres://… names one that runs, where the user may create databases.
func Databases(t testing.TB) []Database {
	t.Helper()
	out := []Database{SQLite(t)}
	cluster, err := postgres(t)
	if missing(t, err) {
		t.Log(err)
		return out
	}
	return append(out, cluster.fresh(t))
}

// EachDatabase runs a test on every kind of database, each in a subtest of its name that is skipped where it is not installed.
func EachDatabase(t *testing.T, test func(*testing.T, Database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, SQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, Postgres(t)) })
}

// SQLite gives an empty SQLite database in a file.
func SQLite(t testing.TB) Database {
	return Database{Name: "sqlite", URL: "sqlite:" + filepath.Join(t.TempDir(), "calbridge.db")}
}

// Postgres gives an empty PostgreSQL database.
func Postgres(t testing.TB) Database {
	t.Helper()
	cluster, err := postgres(t)
	if missing(t, err) {
		t.Skip(err)
	}
	return cluster.fresh(t)
}

// cluster is the URL of any database of a PostgreSQL server.
type cluster string

func postgres(t testing.TB) (cluster, error) {
	if given := os.Getenv("CALBRIDGE_TEST_POSTGRES"); given != "" {
		return cluster(given), nil
	}
	return share(t, "postgres", startPostgres)
}

// fresh makes a database and drops it after the test, whoever is still connected.
func (c cluster) fresh(t testing.TB) Database {
	t.Helper()
	name := "calbridge_" + strings.ToLower(rand.Text()[:16])
	if err := c.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("make a PostgreSQL database: %v", err)
	}
	t.Cleanup(func() {
		if err := c.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop a PostgreSQL database: %v", err)
		}
	})
	u, err := url.Parse(string(c))
	if err != nil {
		t.Fatal(errors.New("read CALBRIDGE_TEST_POSTGRES: not a URL")) // it may hold a password
	}
	u.Path = "/" + name
	return Database{Name: "postgres", URL: u.String()}
}

func (c cluster) exec(statement string) error {
	db, err := sql.Open("postgres", string(c))
	if err != nil {
		return err
	}
	defer db.Close()
	_, err = db.Exec(statement)
	return err
}

// startPostgres makes a cluster that forgets everything in a crash, and is the faster for it.
func startPostgres() (cluster, func(), error) {
	bin, err := postgresPrograms()
	if err != nil {
		return "", nil, err
	}
	dir, err := openFolder("postgres")
	if err != nil {
		return "", nil, err
	}
	c, proc, err := startCluster(bin, dir)
	stop := func() {
		if proc != nil {
			proc.stop()
		}
		os.RemoveAll(dir)
	}
	if err != nil {
		stop()
		return "", nil, err
	}
	return c, stop, nil
}

// postgresPrograms is the folder of initdb and postgres, the newest there is.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	slices.SortFunc(found, func(a, b string) int { return version(b) - version(a) })
	if len(found) > 0 {
		return filepath.Dir(found[0]), nil
	}
	if path, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(path), nil
	}
	return "", unavailable("initdb (apt install postgresql)")
}

func version(path string) int {
	n, _ := strconv.Atoi(strings.Split(path, "/")[4])
	return n
}

func startCluster(bin, dir string) (cluster, *process, error) {
	as, err := postgresUser(dir)
	if err != nil {
		return "", nil, err
	}
	ports, err := freePorts(1)
	if err != nil {
		return "", nil, err
	}
	if err := initCluster(as, bin, dir); err != nil {
		return "", nil, err
	}
	proc, err := launchCluster(as, bin, dir, ports[0], "-F", "-c", "synchronous_commit=off", "-c", "full_page_writes=off")
	if err != nil {
		return "", nil, fmt.Errorf("start postgres: %w", err)
	}
	c := clusterAt(ports[0])
	if err := c.await(time.Minute); err != nil {
		return c, proc, fmt.Errorf("%w\n%s", err, proc.log())
	}
	return c, proc, nil
}

func clusterAt(port int) cluster {
	return cluster(fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port))
}

func initCluster(as *syscall.Credential, bin, dir string, flags ...string) error {
	initdb := exec.Command(bin+"/initdb", append([]string{"--pgdata", dir + "/data", "--username", "postgres", "--auth", "trust",
		"--encoding", "UTF8", "--no-locale", "--no-sync"}, flags...)...)
	initdb.Dir, initdb.SysProcAttr = dir, &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("start postgres: initdb: %w: %s", err, out)
	}
	return nil
}

func launchCluster(as *syscall.Credential, bin, dir string, port int, flags ...string) (*process, error) {
	return launchAs(as, "INT", dir, bin+"/postgres", append([]string{"-D", dir + "/data", "-k", dir, "-h", "127.0.0.1", "-p", strconv.Itoa(port),
		"-c", "max_connections=200"}, flags...)...)
}

// postgresUser is whom to run as: root may not run PostgreSQL. The folder becomes theirs.
func postgresUser(dir string) (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, unavailable("the user postgres, and root may not run PostgreSQL (apt install postgresql)")
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, uid, gid)
}

func (c cluster) await(most time.Duration) error {
	var err error
	for deadline := time.Now().Add(most); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if err = c.exec("SELECT 1"); err == nil {
			return nil
		}
	}
	return fmt.Errorf("start postgres: %w", err)
}
