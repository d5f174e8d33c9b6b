package caldav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"calbridge/internal/cal"
)

// Report is what a look at a server found, for people and for bug reports. No secret is in it.
type Report struct {
	Where      string   `json:"where"`
	Principal  string   `json:"principal,omitempty"`
	Homes      []string `json:"homes"`
	Addresses  []string `json:"addresses"`
	Server     string   `json:"server,omitempty"`   // as it calls itself
	Protocol   string   `json:"protocol,omitempty"` // HTTP/1.1, HTTP/2.0
	DAV        []string `json:"dav"`                // compliance classes (RFC 4918 §10.1)
	Methods    []string `json:"methods"`            // allowed on a calendar (RFC 9110 §10.2.1)
	Auth       Auth     `json:"auth"`
	Scheduling bool     `json:"scheduling"` // the server mails invitations itself (RFC 6638 §2)

	Calendars []CalendarReport `json:"calendars"`
	Probed    cal.Href         `json:"probed,omitempty"` // the calendar that the following was tried on
	Reports   []string         `json:"reports"`          // supported-report-set (RFC 3253 §3.1.5)

	SyncCollection Known  `json:"sync_collection"`
	InlineData     Known  `json:"inline_data"` // unknown in an empty calendar
	Token          string `json:"token"`       // what its tokens look like
	CTag           string `json:"ctag"`        // the same of ctags
	ETag           string `json:"etag"`        // the same of etags

	Steps    []string      `json:"steps"`   // of discovery
	Trouble  []string      `json:"trouble"` // what did not work
	Advice   []string      `json:"advice"`  // what that means for the user
	Requests int           `json:"requests"`
	Bytes    int64         `json:"bytes"`
	Duration time.Duration `json:"duration_ns"`
	Profile  Profile       `json:"profile"`
}

// CalendarReport is one calendar in a Report.
type CalendarReport struct {
	Href       cal.Href   `json:"href"`
	Name       string     `json:"name"`
	Components string     `json:"components,omitempty"`
	Access     cal.Access `json:"access"`
	Marked     bool       `json:"marked"` // one listing of calendars tells whether anything in it changed
}

// Doctor discovers an account and finds out what its server can do. It changes nothing there. When discovery fails, the report tells
// how far it came; later failures are part of the report.
func Doctor(ctx context.Context, cfg Config, where string) (Report, error) {
	d := &examination{cfg: cfg, report: emptyReport(where)}
	d.countWith(cfg.Trace)
	account, err := Discover(ctx, d.cfg, where)
	d.took(account)
	if err != nil {
		return d.report, err
	}
	d.cfg.Username, d.cfg.Profile, d.cfg.Home, d.cfg.Homes = account.Username, account.Profile, "", account.Homes
	if d.client, err = New(d.cfg); err != nil {
		return d.report, err
	}
	defer d.client.Close()
	for _, look := range []func(context.Context) error{d.listCalendars, d.askOptions, d.askProperties, d.trySync} {
		if err := look(ctx); err != nil {
			d.report.Trouble = append(d.report.Trouble, err.Error())
		}
		if ctx.Err() != nil {
			return d.report, ctx.Err()
		}
	}
	d.conclude()
	return d.report, nil
}

// emptyReport has no nil lists, so that in JSON they are lists.
func emptyReport(where string) Report {
	none := func() []string { return []string{} }
	return Report{Where: where, Homes: none(), Addresses: none(), DAV: none(), Methods: none(), Calendars: []CalendarReport{},
		Reports: none(), Steps: none(), Trouble: none(), Advice: none()}
}

// examination is a Report in the making.
type examination struct {
	cfg    Config
	client *Client
	report Report

	hopeful []cal.Href // calendars that may hold events
}

// countWith counts what discovery and the probes send. They go one after the other, so there is no lock.
func (d *examination) countWith(next func(Exchange)) {
	d.cfg.Trace = func(x Exchange) {
		d.report.Requests++
		d.report.Bytes += x.Bytes
		d.report.Duration += x.Duration
		if next != nil {
			next(x)
		}
	}
}

func (d *examination) took(a Account) {
	d.report.Principal, d.report.Profile = a.Principal, a.Profile
	d.report.Homes = append(d.report.Homes, a.Homes...)
	d.report.Addresses = append(d.report.Addresses, a.Addresses...)
	d.report.Steps = append(d.report.Steps, a.Steps...)
}

func (d *examination) listCalendars(ctx context.Context) error {
	calendars, err := d.client.Calendars(ctx, true)
	for _, f := range calendars {
		d.report.Calendars = append(d.report.Calendars,
			CalendarReport{Href: f.Href, Name: f.Name, Components: f.Components, Access: f.Access, Marked: f.Mark != ""})
		if f.Components == "" || strings.Contains(f.Components, "VEVENT") {
			d.hopeful = append(d.hopeful, f.Href)
		}
	}
	if len(d.hopeful) > 0 {
		d.report.Probed = d.hopeful[0]
	}
	return err
}

// askOptions: RFC 4791 §5.1. Some servers tell more about a calendar than about its home.
func (d *examination) askOptions(ctx context.Context) error {
	where := d.report.Probed
	if where == "" {
		where = cal.Href(d.report.Homes[0])
	}
	resp, err := d.client.send(ctx, request{method: http.MethodOptions, href: where})
	if err != nil {
		return err
	}
	discard(resp)
	d.report.Protocol = resp.Proto
	for method := range strings.SplitSeq(strings.Join(resp.Header.Values("Allow"), ","), ",") {
		if method = strings.TrimSpace(method); method != "" {
			d.report.Methods = append(d.report.Methods, clip(printable(method), 40))
		}
	}
	slices.Sort(d.report.Methods)
	d.report.Methods = slices.Compact(d.report.Methods)
	return nil
}

const propfindMarks = xmlHead + `<D:propfind` + spaces + ` xmlns:S="` + nsServer + `"><D:prop>` +
	`<D:sync-token/><D:supported-report-set/><S:getctag/></D:prop></D:propfind>`

// askProperties looks at the marks of one calendar.
func (d *examination) askProperties(ctx context.Context) error {
	if d.report.Probed == "" {
		return errors.New("there is no calendar for events to try anything on")
	}
	resp, err := d.client.multistatus(ctx, request{method: "PROPFIND", href: d.report.Probed, depth: "0", body: []byte(propfindMarks)})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	r, err := readMultistatus(limitBody(resp.Body, maxDiscovery)).next()
	if err != nil {
		return fmt.Errorf("PROPFIND %s: %w", d.report.Probed, err)
	}
	d.report.Token, d.report.CTag = shape(r.string(davSyncToken)), shape(r.string(serverCTag))
	for _, e := range r.elements(davReports) {
		if e.name.local != "report" && e.name.local != "supported-report" {
			d.report.Reports = append(d.report.Reports, clip(printable(e.name.local), 60))
		}
	}
	return nil
}

const (
	enough   = 20 // resources of a listing tell what all are like
	maxEmpty = 5  // calendars are tried until one is not empty
)

// trySync asks for the history of a calendar from the beginning, with the bodies inside.
func (d *examination) trySync(ctx context.Context) error {
	for _, calendar := range d.hopeful[:min(len(d.hopeful), maxEmpty)] {
		if err := d.tryHistory(ctx, calendar); err != nil || d.report.ETag != "" {
			return err
		}
	}
	return nil
}

// tryHistory reads the first few answers.
func (d *examination) tryHistory(ctx context.Context, calendar cal.Href) error {
	d.report.Probed = calendar
	resp, err := d.client.multistatus(ctx, request{method: "REPORT", href: calendar, depth: "0", body: syncCollection("", true)})
	if err != nil {
		d.report.SyncCollection = No
		return fmt.Errorf("sync-collection: %w", err)
	}
	defer resp.Body.Close()
	d.report.SyncCollection = Yes
	list := readMultistatus(limitBody(resp.Body, maxDiscovery))
	for seen := 0; seen < enough; {
		r, err := list.next()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return fmt.Errorf("sync-collection: %w", err)
		}
		if etag := r.string(davETag); etag != "" {
			_, inline := r.find(calData)
			d.report.InlineData, d.report.ETag = knownIf(inline), shape(etag)
			seen++
		}
	}
	return nil
}

// conclude puts in words what users should know.
func (d *examination) conclude() {
	d.client.learn(func(p *Profile) {
		if d.report.InlineData != Unknown {
			p.InlineData = d.report.InlineData
		}
	})
	p := d.client.Profile()
	d.report.Profile, d.report.Server, d.report.Auth = p, p.Server, p.Auth
	if p.DAV != "" {
		d.report.DAV = strings.Split(p.DAV, ", ")
	}
	d.report.Scheduling = slices.Contains(d.report.DAV, "calendar-auto-schedule")
	advise := func(when bool, text string) {
		if when {
			d.report.Advice = append(d.report.Advice, text)
		}
	}
	advise(d.report.SyncCollection == No && d.report.CTag != "", "no sync-collection: a calendar that changed is listed whole; one that did not costs nothing")
	advise(d.report.SyncCollection == No && d.report.CTag == "" && d.report.Probed != "", "neither sync-collection nor ctag: every sync lists every calendar whole")
	advise(d.report.InlineData == No, "bodies come in a second request")
	advise(strings.HasPrefix(d.report.ETag, "weak"), "etags are weak: each write is preceded by a read")
	advise(d.report.Scheduling, "the server itself mails attendees when an event changes whose organizer is this user")
	advise(strings.HasPrefix(d.report.Homes[0], "http://"), "http: name and password travel in the clear")
}

// shape tells what a token, ctag or etag looks like without telling it.
func shape(text string) string {
	bare := strings.Trim(strings.TrimPrefix(text, "W/"), `"`)
	var words []string
	switch {
	case text == "":
		return ""
	case strings.HasPrefix(text, "W/"):
		words = append(words, "weak")
	case strings.HasPrefix(text, `"`):
		words = append(words, "quoted")
	}
	switch {
	case strings.Contains(bare, "://"):
		words = append(words, "URL")
	case strings.HasPrefix(bare, "data:"):
		words = append(words, "data: URL")
	case strings.Trim(bare, "0123456789") == "":
		words = append(words, "number")
	case strings.Trim(strings.ToLower(bare), "0123456789abcdef") == "":
		words = append(words, "hash")
	default:
		words = append(words, "text")
	}
	return fmt.Sprintf("%s of %d characters", strings.Join(words, " "), len(bare))
}
