package store

import (
	"context"
	"sync"

	"github.com/jmoiron/sqlx"
)

// pool is one set of connections and the statements that are kept prepared on it.
type pool struct {
	*sqlx.DB
	mu     sync.Mutex
	kept   map[string]*sqlx.Stmt
	wanted map[string]int // how many transactions asked for a text that is not kept
}

// A text is worth preparing for good when it comes a second time. The texts are few (lists come in powers of two); the limit is there so
// that a mistake costs speed and not memory.
const (
	worthKeeping = 2
	maxKept      = 256
)

func newPool(db *sqlx.DB, connections int) *pool {
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return &pool{DB: db, kept: map[string]*sqlx.Stmt{}, wanted: map[string]int{}}
}

// statement gives the kept statement of the text, or nil and a note that it was wanted.
func (p *pool) statement(text string) *sqlx.Stmt {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s := p.kept[text]; s != nil {
		return s
	}
	if len(p.kept)+len(p.wanted) < maxKept {
		p.wanted[text]++
	}
	return nil
}

// prepare keeps what was wanted often enough. It needs a connection, so it runs between transactions: the writer has only one.
func (p *pool) prepare(ctx context.Context) {
	for _, text := range p.due() {
		s, err := p.PreparexContext(ctx, text)
		if err != nil {
			continue // the transaction that runs it will tell
		}
		p.mu.Lock()
		if p.kept[text] == nil {
			p.kept[text] = s
		} else {
			s.Close()
		}
		p.mu.Unlock()
	}
}

func (p *pool) due() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var due []string
	for text, times := range p.wanted {
		if times >= worthKeeping {
			due = append(due, text)
			delete(p.wanted, text)
		}
	}
	return due
}
