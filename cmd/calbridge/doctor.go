package main

import (
	"context"
	"fmt"
	"strings"

	"calbridge/internal/caldav"
)

// doctorCmd is `calbridge doctor`.
type doctorCmd struct {
	URL      string `arg:"" name:"url" help:"A URL, a domain or an e-mail address."`
	Username string `help:"User name at the server."`
	passwordFlags
}

// Run looks at the server and changes nothing there, nor here.
func (c doctorCmd) Run(ctx context.Context, s *session) error {
	cfg, err := s.dial()
	if err != nil {
		return err
	}
	if cfg.Username = c.Username; cfg.Username == "" && strings.Contains(c.URL, "@") && !strings.Contains(c.URL, "://") {
		cfg.Username = c.URL
	}
	if cfg.Username != "" || c.given() {
		if cfg.Password, err = s.password(ctx, c.passwordFlags, cfg.Username); err != nil {
			return err
		}
	}
	report, err := caldav.Doctor(ctx, cfg, c.URL)
	if s.JSON {
		if e := s.json(report); e != nil {
			return e
		}
	} else {
		s.tellReport(report)
	}
	return err
}

func (s *session) tellReport(r caldav.Report) {
	s.facts("looked at", r.Where, "server", r.Server, "protocol", r.Protocol, "login", string(r.Auth), "principal", r.Principal,
		"homes", strings.Join(r.Homes, " "), "addresses", strings.Join(r.Addresses, " "), "DAV", strings.Join(r.DAV, ", "),
		"methods", strings.Join(r.Methods, " "), "reports", strings.Join(r.Reports, " "), "tried on", string(r.Probed),
		"sync-collection", string(r.SyncCollection), "bodies in it", string(r.InlineData), "tokens", r.Token, "ctags", r.CTag, "etags", r.ETag,
		"mails invitations", yesNo(r.Scheduling), "requests", fmt.Sprintf("%d, %d bytes, %.2f s", r.Requests, r.Bytes, r.Duration.Seconds()))
	if len(r.Calendars) > 0 {
		s.say("")
		t := s.table("calendar", "holds", "access", "tells changes", "href")
		for _, c := range r.Calendars {
			t.row(clip(c.Name, 40), strings.ReplaceAll(c.Components, ",", " "), string(c.Access), yesNo(c.Marked), string(c.Href))
		}
		_ = t.flush()
	}
	s.section("what was tried", r.Steps)
	s.section("trouble", r.Trouble)
	s.section("good to know", r.Advice)
}

func (s *session) section(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	s.say("\n%s", s.paint(bold, title))
	for _, line := range lines {
		s.say("  %s", line)
	}
}
