package simulate

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
)

// disk stands between a process's store and its database: a transaction begins at a gate, and a statement or the commit may fail there. What
// passes is the real database's own.
type disk struct {
	driver.Connector
	gates   *gates
	quick   bool               // nothing here has to outlive the power: SQLite need not wait for the disk
	failIn  atomic.Int64       // the statement that fails counted from now, the commit included; 0: none
	dies    atomic.Bool        // with it the process
	onWrite func() func(error) // at each commit of a writer; what it gives is told what came of it. May be nil
	names   sync.Map           // of the engine's functions, by where they call
}

var errDiskFull = errors.New("database or disk is full")

// Connect implements driver.Connector.
func (d *disk) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := d.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	w := c.(wholeConn)
	if d.quick {
		_, err = w.ExecContext(ctx, "PRAGMA synchronous = OFF", nil)
	}
	return &conn{whole: w, disk: d, kept: map[string]driver.StmtExecContext{}}, err
}

// Close implements io.Closer.
func (d *disk) Close() error {
	if c, ok := d.Connector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

// atCommit is no statement's number: the commit itself fails.
const atCommit = 1 << 30

// statement is called before each.
func (d *disk) statement() error {
	if err := d.gates.alive(); err != nil {
		return err
	}
	if d.failIn.Load() == 0 || d.failIn.Add(-1) > 0 {
		return nil
	}
	if d.dies.Load() {
		d.gates.die()
		return errDied
	}
	return errDiskFull
}

// wholeConn is what both drivers' connections can do.
type wholeConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.ExecerContext
	driver.QueryerContext
}

type whole = wholeConn

type conn struct {
	whole
	disk *disk
	kept map[string]driver.StmtExecContext
}

// BeginTx waits at a gate before it asks the database for anything.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	name := "write"
	if o.ReadOnly {
		name = "read"
	}
	m, err := c.disk.gates.pass(ctx, name, c.disk.caller())
	if err != nil {
		return nil, err
	}
	c.disk.failIn.Store(0)
	if !o.ReadOnly && m.statement > 0 {
		c.disk.dies.Store(m.dies)
		c.disk.failIn.Store(int64(m.statement))
	}
	inner, err := c.begin(ctx, o)
	if err != nil {
		return nil, err
	}
	return &transaction{inner, c.disk, !o.ReadOnly}, nil
}

func (c *conn) begin(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	switch {
	case !c.disk.quick:
		return c.whole.BeginTx(ctx, o)
	case o.ReadOnly:
		return quickTx{c}, c.run("BEGIN")
	}
	return quickTx{c}, c.run("BEGIN IMMEDIATE")
}

// run executes a statement that is kept prepared: the driver itself would parse it each time.
func (c *conn) run(text string) error {
	s, known := c.kept[text]
	if !known {
		prepared, err := c.whole.PrepareContext(context.Background(), text)
		if err != nil {
			return err
		}
		s = prepared.(driver.StmtExecContext)
		c.kept[text] = s
	}
	_, err := s.ExecContext(context.Background(), nil)
	return err
}

// quickTx is a transaction of SQLite, as its driver makes them.
type quickTx struct{ *conn }

// Commit implements driver.Tx.
func (t quickTx) Commit() error {
	err := t.run("COMMIT")
	if err != nil {
		return errors.Join(err, t.run("ROLLBACK"))
	}
	return nil
}

// Rollback implements driver.Tx.
func (t quickTx) Rollback() error { return t.run("ROLLBACK") }

// patient is a context for a statement. SQLite's driver watches one that may end with a goroutine for each statement; but nothing here
// waits, and who gives up finds out at the next gate.
func (d *disk) patient(ctx context.Context) context.Context {
	if d.quick {
		return context.Background()
	}
	return ctx
}

// caller names the function of the engine that begins a transaction: two goroutines of one process may come at the same time, and are told
// apart by what they are about.
func (d *disk) caller() string {
	var pcs [40]uintptr
	for _, pc := range pcs[:runtime.Callers(6, pcs[:])] {
		name, known := d.names.Load(pc)
		if !known {
			name = engineName(pc)
			d.names.Store(pc, name)
		}
		if name != "" {
			return name.(string)
		}
	}
	return ""
}

// engineName is the function at pc if it is the engine's own; empty: it is not. To find that out takes time, so it is kept.
func engineName(pc uintptr) string {
	f, _ := runtime.CallersFrames([]uintptr{pc}).Next()
	_, name, ok := strings.Cut(f.Function, "calbridge/internal/engine.")
	if !ok || strings.HasPrefix(name, "(*walk).write") {
		return ""
	}
	return name
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.whole.PrepareContext(c.disk.patient(ctx), text)
	if err != nil {
		return nil, err
	}
	return &stmt{s.(wholeStmt), c.disk}, nil
}

// ExecContext implements driver.ExecerContext.
func (c *conn) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	if err := c.disk.statement(); err != nil {
		return nil, err
	}
	return c.whole.ExecContext(c.disk.patient(ctx), text, args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.disk.statement(); err != nil {
		return nil, err
	}
	return c.whole.QueryContext(c.disk.patient(ctx), text, args)
}

// CheckNamedValue implements driver.NamedValueChecker.
func (c *conn) CheckNamedValue(v *driver.NamedValue) error {
	if checker, ok := c.whole.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// ResetSession implements driver.SessionResetter.
func (c *conn) ResetSession(ctx context.Context) error {
	if r, ok := c.whole.(driver.SessionResetter); ok {
		return r.ResetSession(ctx)
	}
	return nil
}

// IsValid implements driver.Validator.
func (c *conn) IsValid() bool {
	v, ok := c.whole.(driver.Validator)
	return !ok || v.IsValid()
}

type transaction struct {
	driver.Tx
	disk   *disk
	writes bool
}

// Commit implements driver.Tx. What fails here has not happened: SQLite says so, and so does a PostgreSQL that answers.
func (t *transaction) Commit() error {
	if t.disk.failIn.Load() > atCommit/2 {
		t.disk.failIn.Store(1)
	}
	if err := t.disk.statement(); err != nil {
		return errors.Join(err, t.Tx.Rollback())
	}
	t.disk.failIn.Store(0)
	if !t.writes || t.disk.onWrite == nil {
		return t.Tx.Commit()
	}
	done := t.disk.onWrite()
	err := t.Tx.Commit()
	done(err)
	return err
}

type wholeStmt interface {
	driver.Stmt
	driver.StmtExecContext
	driver.StmtQueryContext
}

type stmt struct {
	wholeStmt
	disk *disk
}

// ExecContext implements driver.StmtExecContext.
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.disk.statement(); err != nil {
		return nil, err
	}
	return s.wholeStmt.ExecContext(s.disk.patient(ctx), args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.disk.statement(); err != nil {
		return nil, err
	}
	return s.wholeStmt.QueryContext(s.disk.patient(ctx), args)
}
