package store

import (
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/jmoiron/sqlx"
	"github.com/lib/pq"
	"github.com/lib/pq/pqerror"
	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// dialect is everything in which the two databases differ for us. The SQL itself is the same.
type dialect struct {
	name        string
	goose       string             // what goose calls it
	bind        int                // how sqlx writes placeholders
	lock        string             // ends a SELECT that takes its rows
	hasVersions string             // SQL that counts goose's table
	clock       string             // the database's clock in milliseconds; "0": the clock handed in, for there is no other machine
	prepared    bool               // keeping prepared statements pays
	passing     func(error) bool   // the transaction did not happen, and may when tried again
	answered    func(error) bool   // the database itself said no, so that it surely did not commit
	batch       func(rows int) int // how many of so many rows the next INSERT takes
}

var sqliteDialect = dialect{
	name: "sqlite", goose: "sqlite3", bind: sqlx.QUESTION,
	hasVersions: "SELECT count(*) FROM sqlite_master WHERE name = 'goose_db_version'",
	clock:       "0",
	prepared:    true,
	passing:     func(err error) bool { return sqliteCode(err, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED) },
	answered:    func(error) bool { return true },
	batch:       fewRows,
}

var postgresDialect = dialect{
	name: "postgres", goose: "postgres", bind: sqlx.DOLLAR,
	hasVersions: "SELECT count(*) FROM information_schema.tables WHERE table_name = 'goose_db_version' AND table_schema = current_schema()",
	lock:        " FOR UPDATE",
	clock:       "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT)",
	passing:     func(err error) bool { return postgresCode(err, "40001", "40P01") }, // serialization_failure, deadlock_detected
	answered:    func(err error) bool { return postgresCode(err) && !postgresEnds(err) },
	batch:       func(rows int) int { return min(rows, maxRows) }, // few round trips
}

// maxRows keeps a statement below the 32,766 parameters that SQLite takes, and an IN list short enough to plan quickly.
const maxRows = 256

// fewRows cuts inserts into eights, fours, twos and ones: few different texts, so that each stays prepared. SQLite gains nothing from
// longer ones, and the time its driver takes to bind grows with the square of the number of parameters.
func fewRows(rows int) int {
	n := 8
	for n > rows {
		n /= 2
	}
	return n
}

// The page caches are most of what SQLite costs in memory: 4 MB for the writer, 1 MB for each reader.
const (
	sqliteReaders     = 4
	sqliteWriterCache = -4096 // KiB
	sqliteReaderCache = -1024
)

// openSQLite opens one connection that writes and some that read; WAL lets them not wait for each other. synchronous=FULL makes a commit
// outlive the power. With temp_store=MEMORY the journal that undoes half a statement, which an INSERT of several rows keeps, is no file: in
// a first sync that file cost more writes than the database.
func openSQLite(path string, o Options) (*DB, error) {
	if err := ownFile(path); err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	writers, err := modernc.NewConnector(sqliteName(path, "immediate", sqliteWriterCache, "journal_mode(WAL)", sqliteCheckpoint,
		"synchronous(FULL)", "foreign_keys(1)", "temp_store(MEMORY)"))
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	readers, err := modernc.NewConnector(sqliteName(path, "deferred", sqliteReaderCache, "query_only(1)"))
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	return &DB{dialect: &sqliteDialect, readers: newPool(o.open("sqlite", readers), o.connections(sqliteReaders)),
		writers: newPool(o.open("sqlite", writers), o.connections(1))}, nil
}

// connections is how many there are of a pool. Who stands between may let them all wait, and wants to say itself who is first.
func (o Options) connections(n int) int {
	if o.Via != nil {
		return postgresConnections
	}
	return n
}

// open makes a handle on what the connector reaches.
func (o Options) open(name string, c driver.Connector) *sqlx.DB {
	if o.Via != nil {
		c = o.Via(c)
	}
	return sqlx.NewDb(sql.OpenDB(c), name)
}

// sqliteCheckpoint lets the log grow to 8 MiB before it is written back, which spares writing the same pages back again and again during a
// first sync.
const sqliteCheckpoint = "wal_autocheckpoint(2000)"

func sqliteName(path, lock string, cache int, pragmas ...string) string {
	pragmas = append([]string{"busy_timeout(10000)", fmt.Sprintf("cache_size(%d)", cache)}, pragmas...)
	q := url.Values{"_txlock": {lock}, "_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode()
}

// ownFile makes the file before SQLite does, because it holds people's calendars and SQLite would let everybody read it.
func ownFile(path string) error {
	if path == "" {
		return errors.New("the URL names no file: sqlite:/path/to/file.db (CALBRIDGE_DB)")
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

const (
	postgresConnections = 16
	postgresIdle        = 5 * time.Minute
)

// openPostgres opens one pool for both: PostgreSQL's readers never wait for writers.
func openPostgres(name string, o Options) (*DB, error) {
	cfg, err := pq.NewConfig(name)
	if err != nil {
		return nil, errors.New("open the database: the postgres URL cannot be read (CALBRIDGE_DB)") // the parser's words may hold the password
	}
	cfg.BinaryParameters = true // one round trip for a statement instead of two, and bodies unescaped
	connector, err := pq.NewConnectorConfig(cfg)
	if err != nil {
		return nil, fmt.Errorf("open the database: %w", err)
	}
	p := newPool(o.open("postgres", connector), postgresConnections)
	p.SetConnMaxIdleTime(postgresIdle)
	return &DB{dialect: &postgresDialect, readers: p, writers: p}, nil
}

func sqliteCode(err error, codes ...int) bool {
	var e *modernc.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if e.Code()&0xff == code {
			return true
		}
	}
	return false
}

// postgresEnds reports whether PostgreSQL said that it ends the connection. It does so too when it is shut down after it committed and while
// it waits for a standby, so it is no answer.
func postgresEnds(err error) bool {
	var e *pq.Error
	return errors.As(err, &e) && (e.Severity == pqerror.SeverityFatal || e.Severity == pqerror.SeverityPanic)
}

// postgresCode reports whether PostgreSQL answered with one of the codes; without codes, whether it answered at all.
func postgresCode(err error, codes ...string) bool {
	var e *pq.Error
	if !errors.As(err, &e) {
		return false
	}
	for _, code := range codes {
		if string(e.Code) == code {
			return true
		}
	}
	return len(codes) == 0
}
