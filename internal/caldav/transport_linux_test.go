package caldav

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// TestAckAtOnce talks to a server that, like Cyrus, writes its answers in pieces with Nagle's algorithm on. A delayed acknowledgement
// costs 40 ms then, on every answer.
func TestAckAtOnce(t *testing.T) {
	const exchanges = 20
	c, err := New(Config{Home: nagleServer(t), AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	start := time.Now()
	for range exchanges {
		resp, err := c.send(t.Context(), propfindHome())
		read(t, resp, err)
	}
	if took := time.Since(start); took > exchanges*20*time.Millisecond {
		t.Errorf("%d exchanges took %v", exchanges, took)
	}
}

func nagleServer(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.(*net.TCPConn).SetNoDelay(false)
		for in := bufio.NewReader(conn); ; {
			q, err := http.ReadRequest(in)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, q.Body)
			for _, piece := range []string{"HTTP/1.1 207 Multi-Status\r\nContent-Length: 10\r\n\r\n", "12345", "67890"} {
				_, _ = io.WriteString(conn, piece)
			}
		}
	}()
	return "http://" + l.Addr().String() + "/"
}
