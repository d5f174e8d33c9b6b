package store_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/url"
	"sync/atomic"
	"testing"

	"calbridge/internal/store"
)

// A connection that breaks while it commits leaves the outcome open, and the transaction is not done over: it may have happened.
func TestUnknownOutcomeIsToldAndNotRetried(t *testing.T) {
	w := newWorld(t, postgresURL(t))
	line := newLine(t, w.url)
	cut, err := store.Open(context.Background(), line.url, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer cut.Close()
	tries := 0
	line.cut.Store(true)
	err = cut.Write(context.Background(), func(tx *store.Tx) error {
		tries++
		_, err := tx.Edit(store.Draft{Calendar: w.calendar, Want: wanted("apple")})
		return err
	})
	if !errors.Is(err, store.ErrUnknown) || tries != 1 {
		t.Fatalf("after %d tries: %v", tries, err)
	}
}

// line is a connection to the database that can be cut when a COMMIT passes.
type line struct {
	url string
	cut atomic.Bool
}

func newLine(t *testing.T, database string) *line {
	t.Helper()
	u, err := url.Parse(database)
	if err != nil {
		t.Fatal("the database's URL cannot be read")
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	l, server := &line{}, u.Host
	u.Host = listener.Addr().String()
	l.url = u.String()
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go l.join(client, server)
		}
	}()
	return l
}

func (l *line) join(client net.Conn, address string) {
	defer client.Close()
	server, err := net.Dial("tcp", address)
	if err != nil {
		return
	}
	defer server.Close()
	go io.Copy(client, server)
	buffer := make([]byte, 1<<16)
	for {
		n, err := client.Read(buffer)
		if err != nil || l.cut.Load() && bytes.Contains(buffer[:n], []byte("COMMIT")) {
			return
		}
		if _, err := server.Write(buffer[:n]); err != nil {
			return
		}
	}
}
