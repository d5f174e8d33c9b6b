package simulate

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
)

// disk stands between a process's store and its database: a transaction begins at a gate, and a statement or the commit may fail there. What
// passes is the real database's own.
type disk struct {
	driver.Connector
	gates   *gates
	failIn  atomic.Int64       // the statement that fails counted from now, the commit included; 0: none
	dies    atomic.Bool        // with it the process
	onWrite func() func(error) // at each commit of a writer; what it gives is told what came of it. May be nil
}

var errDiskFull = errors.New("database or disk is full")

// Connect implements driver.Connector.
func (d *disk) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := d.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &conn{whole: c.(wholeConn), disk: d}, nil
}

// Close implements io.Closer.
func (d *disk) Close() error {
	if c, ok := d.Connector.(io.Closer); ok {
		return c.Close()
	}
	return nil
}

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
}

// BeginTx waits at a gate before it asks the database for anything.
func (c *conn) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	name := "write"
	if o.ReadOnly {
		name = "read"
	}
	m, err := c.disk.gates.pass(ctx, name, caller())
	if err != nil {
		return nil, err
	}
	c.disk.failIn.Store(0)
	if !o.ReadOnly && m.statement > 0 {
		c.disk.dies.Store(m.dies)
		c.disk.failIn.Store(int64(m.statement))
	}
	inner, err := c.whole.BeginTx(ctx, o)
	if err != nil {
		return nil, err
	}
	return &transaction{inner, c.disk, !o.ReadOnly}, nil
}

// caller names the function of the engine that begins a transaction: two goroutines of one process may come at the same time, and are told
// apart by what they are about.
func caller() string {
	var pcs [40]uintptr
	frames := runtime.CallersFrames(pcs[:runtime.Callers(6, pcs[:])])
	for {
		f, more := frames.Next()
		if _, name, ok := strings.Cut(f.Function, "calbridge/internal/engine."); ok && !strings.HasPrefix(name, "(*walk).write") {
			return name
		}
		if !more {
			return ""
		}
	}
}

// PrepareContext implements driver.ConnPrepareContext.
func (c *conn) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.whole.PrepareContext(ctx, text)
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
	return c.whole.ExecContext(ctx, text, args)
}

// QueryContext implements driver.QueryerContext.
func (c *conn) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	if err := c.disk.statement(); err != nil {
		return nil, err
	}
	return c.whole.QueryContext(ctx, text, args)
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
	return s.wholeStmt.ExecContext(ctx, args)
}

// QueryContext implements driver.StmtQueryContext.
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.disk.statement(); err != nil {
		return nil, err
	}
	return s.wholeStmt.QueryContext(ctx, args)
}
