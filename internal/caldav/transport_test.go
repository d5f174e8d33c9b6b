package caldav

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"calbridge/internal/cal"
)

func TestHTTP2CanBeSwitchedOff(t *testing.T) {
	for off, want := range map[bool]int{false: 2, true: 1} {
		s := recordTLS(t, status(207))
		resp, err := dial(t, s, func(cfg *Config) { cfg.Profile.NoHTTP2 = off }).send(t.Context(), propfindHome())
		read(t, resp, err)
		if resp.ProtoMajor != want {
			t.Errorf("with NoHTTP2=%v spoke %s", off, resp.Proto)
		}
	}
}

func TestOldTLSIsRefused(t *testing.T) {
	s := startRecorder(t, status(207), func(s *httptest.Server) {
		s.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
		s.StartTLS()
	})
	if _, err := dial(t, s).send(t.Context(), propfindHome()); !errors.Is(err, cal.ErrUnsent) {
		t.Errorf("%v", err)
	}
}

func TestHugeHeaderIsRefused(t *testing.T) {
	s := record(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", strings.Repeat("x", 1<<20)) })
	if _, err := dial(t, s).send(t.Context(), propfindHome()); err == nil || errors.Is(err, cal.ErrUnsent) {
		t.Errorf("%v", err)
	}
}

// roundTripper stands for the network where time must be ours.
type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(q *http.Request) (*http.Response, error) { return f(q) }

func TestSilentServerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Home: "https://dav.example.com/", Via: roundTripper(func(q *http.Request) (*http.Response, error) {
			<-q.Context().Done()
			return nil, q.Context().Err()
		})})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		_, err = c.send(t.Context(), propfindHome())
		if !errors.Is(err, errSilent) || errors.Is(err, cal.ErrUnsent) || time.Since(start) > 3*time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

func TestSilenceInsideAnAnswerIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, err := New(Config{Home: "https://dav.example.com/", Via: roundTripper(func(q *http.Request) (*http.Response, error) {
			reader, writer := io.Pipe()
			context.AfterFunc(q.Context(), func() { writer.CloseWithError(q.Context().Err()) })
			go func() {
				for range 3 { // slow, but alive
					time.Sleep(silentLimit - time.Second)
					fmt.Fprint(writer, "x")
				}
			}()
			return &http.Response{StatusCode: 207, Header: http.Header{}, Body: reader, Request: q}, nil
		})})
		if err != nil {
			t.Fatal(err)
		}
		resp, err := c.send(t.Context(), propfindHome())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour) // the reader may take its time
		if _, err := resp.Body.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		got, err := io.ReadAll(resp.Body)
		if string(got) != "xx" || !errors.Is(err, errSilent) {
			t.Errorf("%q, %v", got, err)
		}
		resp.Body.Close()
	})
}

func TestOnlyTheLastConnectionTriedCounts(t *testing.T) {
	c := dial(t, record(t, status(204)))
	f := c.launch(t.Context(), putEvent(), c.home)
	trace := httptrace.ContextClientTrace(f.traced())
	trace.GetConn("")
	trace.WroteHeaders() // into a connection that was dead: net/http finds out, and dials
	trace.GetConn("")
	if err := f.failed(errors.New("connection refused")); !errors.Is(err, cal.ErrUnsent) {
		t.Errorf("%v", err)
	}
}

func TestSimulationTellsWhatIsUnsent(t *testing.T) {
	for _, fault := range []error{errors.New("cut"), fmt.Errorf("cut: %w", cal.ErrUnsent)} {
		c, err := New(Config{Home: "https://dav.example.com/", Via: roundTripper(func(*http.Request) (*http.Response, error) { return nil, fault })})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.send(t.Context(), putEvent()); errors.Is(err, cal.ErrUnsent) != errors.Is(fault, cal.ErrUnsent) {
			t.Errorf("%v became %v", fault, err)
		}
	}
}

func TestHostileHTTP(t *testing.T) {
	for what, answer := range map[string]string{
		"HTTP/0.9":            "<html>hello</html>\n",
		"two lengths":         "HTTP/1.1 207 X\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n12345",
		"many 1xx":            strings.Repeat("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\nX-Pad: "+strings.Repeat("x", 4000)+"\r\n\r\n", 1000),
		"many headers":        "HTTP/1.1 207 X\r\n" + strings.Repeat("X-Y: zzzzzzzzzzzz\r\n", 100_000) + "\r\n",
		"control in a header": "HTTP/1.1 207 X\r\nX-Y: a\x00b\r\n\r\n",
	} {
		home := rawServer(t, answer)
		c, err := New(Config{Home: home, AllowPrivate: true})
		if err != nil {
			t.Fatal(err)
		}
		if resp, err := c.send(t.Context(), propfindHome()); err == nil {
			t.Errorf("%s was taken: %d", what, resp.StatusCode)
		}
	}
	c, err := New(Config{Home: rawServer(t, "HTTP/1.1 207 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n"), AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := c.send(t.Context(), propfindHome())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("bad chunks were taken")
	}
	resp.Body.Close()
}

// rawServer answers each connection with the same bytes.
func rawServer(t *testing.T, answer string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				if q, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
					io.Copy(io.Discard, q.Body)
					io.WriteString(conn, answer)
				}
			}()
		}
	}()
	return "http://" + l.Addr().String() + "/"
}
