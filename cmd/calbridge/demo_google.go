package main

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"time"
)

// serveGoogle serves nothing but the Google look-alike, until it is told to stop. What it prints can be pasted into a shell.
func (s *session) serveGoogle(ctx context.Context, address string) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil || !isLoopback(host) {
		return usage("--serve-google %q: an address of this machine such as 127.0.0.1:8099 was expected; anybody who reaches it may read and write there", address)
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	p := newGooglePlace(s.clock)
	server := &http.Server{Handler: p.house, ReadHeaderTimeout: 10 * time.Second, ErrorLog: log.New(s.stderr, "demo server: ", 0)}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := s.tellGoogle(p, "http://"+listener.Addr().String()+"/"); err != nil {
		return err
	}
	if err := server.Serve(listener); ctx.Err() == nil {
		return fmt.Errorf("demo: %w", err)
	}
	return nil
}

func (s *session) tellGoogle(p *place, base string) error {
	settings := map[string]string{}
	for _, one := range googleSettingsFor(base) {
		settings[one[0]] = one[1]
	}
	if s.JSON {
		return s.json(map[string]any{"url": base, "user": demoAddress, "environment": settings})
	}
	s.say("# A Google Calendar look-alike with %s of %s, until Ctrl-C. In another terminal:", count(p.cast[0], "event"), demoAddress)
	for _, one := range googleSettingsFor(base) {
		s.say("export %s=%s", one[0], one[1])
	}
	s.say("# calbridge account add google --no-browser     prints a URL: open it in a browser, or `curl -L URL`, which agrees to everything")
	s.say("# calbridge sync")
	return nil
}
