package caldav

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"calbridge/internal/cal"
)

// Account is what discovery finds: who the user is at the server, and where the calendars lie.
type Account struct {
	Principal string   // absolute URL; empty where the server knows no principals (Synology)
	Homes     []string // absolute URLs of the calendar homes, never empty
	Addresses []string // calendar-user-address-set (RFC 6638 §2.4.1): who the user is in invitations
	Username  string   // the one that let us in
	Profile   Profile
	Steps     []string // what was tried and what came of it, for people
	Requests  int      // what it cost, as Client.Usage tells
	Bytes     int64
}

// Discover finds the calendars of a user (RFC 6764 §6). where is a URL, a domain, or an e-mail address, which then serves as the user
// name if cfg has none. It tries the URL itself, /.well-known/caldav, the SRV records of a domain, and the root of the server, and
// stops at the first that names a calendar home. cfg.Home and cfg.Homes are not looked at.
//
// Even with an error the Account tells the steps, the cost, and what was learned of the server.
//
// A refused password stops everything at once (cal.ErrLocked), as does a busy server (cal.Busy). Any other error names each step.
func Discover(ctx context.Context, cfg Config, where string) (Account, error) {
	start, err := parseWhere(where)
	if err != nil {
		return Account{}, fmt.Errorf("discover calendars: %w", err)
	}
	if cfg.Username == "" {
		cfg.Username = start.user
	}
	e, err := newExplorer(cfg, start)
	if err != nil {
		return Account{}, fmt.Errorf("discover calendars: %w", err)
	}
	defer e.client.Close()
	err = e.run(ctx, start)
	e.account.Username, e.account.Profile = cfg.Username, e.client.Profile()
	e.account.Requests, e.account.Bytes = e.client.Usage()
	if err != nil {
		err = fmt.Errorf("discover calendars at %s: %w", start.url.Redacted(), err)
	}
	return e.account, err
}

// beginning is where the user told us to look.
type beginning struct {
	url    *url.URL
	domain string // set when all we have is a domain, so that DNS may know more
	user   string // the e-mail address, if it was one
}

func parseWhere(where string) (beginning, error) {
	where = strings.TrimSpace(where)
	if strings.Contains(where, "://") {
		u, err := parseURL(where)
		return beginning{url: u}, err
	}
	var b beginning
	rest := strings.TrimPrefix(where, "mailto:")
	if at := strings.LastIndexByte(rest, '@'); at > 0 && !strings.Contains(rest, "/") {
		b.user, rest = rest, rest[at+1:]
	}
	u, err := parseURL("https://" + rest)
	if err != nil {
		return b, fmt.Errorf("a URL, a domain or an e-mail address was expected: %w", err)
	}
	b.url = u
	if u.Path == "/" && u.Port() == "" && !isAddress(u.Hostname()) {
		b.domain = u.Hostname()
	}
	return b, nil
}

// explorer walks from what the user told us to the calendar homes.
type explorer struct {
	client  *Client
	cfg     Config
	account Account
	tried   map[string]bool
	faults  []error
	maybe   *finding // a place that may be a home, if nothing better turns up
}

func newExplorer(cfg Config, start beginning) (*explorer, error) {
	cfg.Home, cfg.Homes = start.url.String(), nil
	client, err := New(cfg)
	if err != nil {
		return nil, err
	}
	return &explorer{client: client, cfg: cfg, tried: map[string]bool{}}, nil
}

// run tries one place after the other until a home is found.
func (e *explorer) run(ctx context.Context, start beginning) error {
	steps := []func(context.Context, beginning) error{e.tryGiven, e.tryWellKnown, e.trySRV, e.tryRoot}
	for _, step := range steps {
		if err := step(ctx, start); err != nil {
			return err
		}
		if len(e.account.Homes) > 0 {
			return nil
		}
	}
	if e.maybe != nil {
		e.account.Homes = []string{asCollectionURL(e.maybe.url)}
		e.step("%s is taken for the calendar home, as the server names none", e.maybe.url.Redacted())
		return nil
	}
	return fmt.Errorf("no calendar home found; give the full URL of the calendar home instead: %w", errors.Join(e.faults...))
}

func (e *explorer) tryGiven(ctx context.Context, start beginning) error {
	if start.domain != "" {
		return nil // that is the root, which comes last
	}
	return e.try(ctx, start.url)
}

// wellKnown is RFC 6764 §5.
const wellKnown = "/.well-known/caldav"

func (e *explorer) tryWellKnown(ctx context.Context, start beginning) error {
	return e.try(ctx, start.url.ResolveReference(&url.URL{Path: wellKnown}))
}

func (e *explorer) tryRoot(ctx context.Context, start beginning) error {
	return e.try(ctx, start.url.ResolveReference(&url.URL{Path: "/"}))
}

// trySRV asks the DNS (RFC 6764 §3, §4): first for servers with encryption.
func (e *explorer) trySRV(ctx context.Context, start beginning) error {
	if start.domain == "" {
		return nil
	}
	for _, service := range []struct{ name, scheme, port string }{{"caldavs", "https", "443"}, {"caldav", "http", "80"}} {
		_, targets, err := e.resolver().LookupSRV(ctx, service.name, "tcp", start.domain)
		if err != nil {
			e.step("DNS has no SRV record _%s._tcp.%s", service.name, start.domain)
			continue
		}
		for _, target := range targets {
			name := strings.TrimSuffix(target.Target, ".")
			if name == "" {
				continue // RFC 2782: decidedly not here
			}
			origin := service.scheme + "://" + name
			if port := strconv.Itoa(int(target.Port)); port != service.port {
				origin += ":" + port
			}
			if err := e.trySRVTarget(ctx, start, origin, e.lookupPath(ctx, service.name, start.domain)); err != nil || len(e.account.Homes) > 0 {
				return err
			}
		}
	}
	return nil
}

// trySRVTarget goes where the DNS points, but only inside the domain's own site: plain DNS can be forged (RFC 6764 §8).
func (e *explorer) trySRVTarget(ctx context.Context, start beginning, origin, path string) error {
	u, err := parseURL(origin)
	if err != nil {
		return e.fail(fmt.Errorf("DNS points to %q: %w", clip(printable(origin), 200), err))
	}
	if !sameHost(start.url, u) && !sameDomain(start.url.Hostname(), u.Hostname()) {
		return e.fail(fmt.Errorf("DNS points to %s, which does not belong to %s; if you trust it, give that URL", u.Redacted(), start.domain))
	}
	if u.Scheme == "http" {
		if !e.cfg.AllowPrivate {
			return e.fail(fmt.Errorf("DNS points to %s, which is not encrypted", u.Redacted()))
		}
		e.client.homes = append(e.client.homes, u) // the guard lets http reach private addresses only
	}
	return e.try(ctx, u.ResolveReference(&url.URL{Path: path}))
}

// lookupPath reads the TXT record's path= (RFC 6764 §4); without one the well-known URI is next.
func (e *explorer) lookupPath(ctx context.Context, service, domain string) string {
	texts, err := e.resolver().LookupTXT(ctx, "_"+service+"._tcp."+domain)
	if err != nil {
		return wellKnown
	}
	for _, text := range texts {
		if path, ok := strings.CutPrefix(text, "path="); ok && strings.HasPrefix(path, "/") {
			return path
		}
	}
	return wellKnown
}

func (e *explorer) resolver() *net.Resolver {
	if e.cfg.Resolver != nil {
		return e.cfg.Resolver
	}
	return net.DefaultResolver
}

// try looks at one place, and at the principal it names. Only what makes further places pointless is an error.
func (e *explorer) try(ctx context.Context, u *url.URL) error {
	if e.tried[u.String()] {
		return nil
	}
	e.tried[u.String()] = true
	here, err := e.look(ctx, u)
	if err != nil {
		return e.fail(err)
	}
	if here.url.String() != u.String() && e.tried[here.url.String()] {
		return nil // redirected to where we have been
	}
	e.tried[here.url.String()] = true
	if len(here.homes) > 0 {
		return e.arrive(here, here)
	}
	if here.principal != nil && here.principal.String() != here.url.String() {
		there, err := e.look(ctx, here.principal)
		switch {
		case err != nil:
			return e.fail(err)
		case len(there.homes) > 0:
			return e.arrive(there, here)
		}
	}
	return e.tryAsHome(ctx, here)
}

// arrive takes the homes that may see our password.
func (e *explorer) arrive(at, from *finding) error {
	for _, home := range at.homes {
		if !e.client.trusts(home) {
			return e.fail(strangerError(home, from.url))
		}
		e.addHome(asCollectionURL(home))
	}
	if from.calendar {
		e.addHome(asCollectionURL(parentOf(from.url))) // a calendar of somebody else's is not in our homes
	}
	e.account.Addresses = at.addresses
	if e.account.Principal = at.url.String(); at.principal != nil {
		e.account.Principal = at.principal.String()
	}
	return nil
}

func (e *explorer) addHome(home string) {
	if !slices.Contains(e.account.Homes, home) {
		e.account.Homes = append(e.account.Homes, home)
	}
}

// tryAsHome sees whether the place is a calendar or holds calendars, for servers that know no principals.
func (e *explorer) tryAsHome(ctx context.Context, here *finding) error {
	if here.calendar {
		e.addHome(asCollectionURL(parentOf(here.url)))
		return nil
	}
	if !here.collection {
		return e.fail(fmt.Errorf("PROPFIND %s: no calendars there, and no principal that would name them", here.url.Redacted()))
	}
	n, err := e.countCalendars(ctx, here.url)
	switch {
	case err != nil:
		return e.fail(err)
	case n > 0:
		e.step("PROPFIND %s: %d calendars inside", here.url.Redacted(), n)
		e.addHome(asCollectionURL(here.url))
		return nil
	case here.calDAV && e.maybe == nil && here.url.Path != "/":
		e.maybe = here
	}
	return e.fail(fmt.Errorf("PROPFIND %s: a collection without calendars", here.url.Redacted()))
}

// step writes down what was done.
func (e *explorer) step(format string, args ...any) {
	e.account.Steps = append(e.account.Steps, fmt.Sprintf(format, args...))
}

// fail writes down a step that led nowhere, and returns the error if no other step can do better.
func (e *explorer) fail(err error) error {
	e.step("%v", err)
	var busy cal.Busy
	if errors.Is(err, cal.ErrLocked) || errors.As(err, &busy) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	e.faults = append(e.faults, err)
	return nil
}

// finding is what one resource tells about itself and its user.
type finding struct {
	url                          *url.URL
	principal                    *url.URL
	homes                        []*url.URL
	addresses                    []string
	collection, calendar, calDAV bool
	unauthenticated, told        bool
}

const propfindUser = xmlHead + `<D:propfind` + spaces + `><D:prop><D:resourcetype/><D:current-user-principal/>` +
	`<C:calendar-home-set/><C:calendar-user-address-set/></D:prop></D:propfind>`

// look asks one resource for what discovery wants to know.
func (e *explorer) look(ctx context.Context, u *url.URL) (*finding, error) {
	resp, err := e.propfind(ctx, u, "0", propfindUser)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	f := &finding{url: resp.Request.URL, calDAV: strings.Contains(strings.Join(resp.Header.Values("DAV"), ","), "calendar-access")}
	if err := f.read(resp.Body); err != nil {
		return nil, fmt.Errorf("PROPFIND %s: %w", f.url.Redacted(), err)
	}
	if f.unauthenticated && f.principal == nil && len(f.homes) == 0 {
		return nil, fmt.Errorf("PROPFIND %s: the server took no notice of name and password", f.url.Redacted())
	}
	e.step("PROPFIND %s: %s", f.url.Redacted(), f.summary())
	return f, nil
}

// propfind insists on a 207 that is XML: a login page with status 200 is no success.
func (e *explorer) propfind(ctx context.Context, u *url.URL, depth, body string) (*http.Response, error) {
	r := request{method: "PROPFIND", href: cal.Href(u.String()), depth: depth, body: []byte(body), contentType: xmlType}
	resp, err := e.client.send(ctx, r)
	if err == nil || !errors.Is(err, cal.ErrLocked) || !e.tryLatin1() {
		return multistatusOnly(resp, err)
	}
	return multistatusOnly(e.client.send(ctx, r))
}

// tryLatin1 switches, once, to the older spelling of a password with letters beyond ASCII.
func (e *explorer) tryLatin1() bool {
	known := e.client.Profile()
	pair := e.cfg.Username + string(e.cfg.Password)
	if known.Auth != AuthUnknown || !strings.ContainsFunc(pair, func(r rune) bool { return r >= 0x80 }) {
		return false
	}
	e.client.learn(func(p *Profile) { p.Auth = AuthLatin1 })
	return true
}

// maxDiscovery bounds an answer to discovery; a listing of many calendars fits well.
const maxDiscovery = 8 << 20

func multistatusOnly(resp *http.Response, err error) (*http.Response, error) {
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusMultiStatus {
		resp.Body = limitBody(resp.Body, maxDiscovery)
		return resp, nil
	}
	discard(resp)
	what := fmt.Sprintf("%s %s: %s", resp.Request.Method, resp.Request.URL.Redacted(), http.StatusText(resp.StatusCode))
	if what = strings.TrimSuffix(what, ": "); resp.StatusCode >= 400 {
		return nil, fmt.Errorf("%s (%d)", what, resp.StatusCode)
	}
	return nil, fmt.Errorf("%s (%d, %q) is not an answer of a calendar server", what, resp.StatusCode,
		clip(printable(resp.Header.Get("Content-Type")), 60))
}

// read takes in the multistatus of a PROPFIND with Depth 0. Hrefs are relative to the URL that answered (RFC 4918 §8.3).
func (f *finding) read(body io.Reader) error {
	x := newScanner(body)
	if _, err := x.next(); err != nil {
		return err
	}
	if x.name != davMultistatus {
		return fmt.Errorf("the answer is a <%s>, not a DAV:multistatus", clip(printable(x.name.local), 100))
	}
	err := x.children(func() error {
		if x.name != davResponse {
			return x.skip()
		}
		return x.children(func() error { return f.readPart(x) })
	})
	if err == nil && !f.told {
		return errors.New("the server told nothing about it")
	}
	return err
}

// readPart reads one part of a response: only what was given with a 2xx counts.
func (f *finding) readPart(x *scanner) error {
	if x.name != davPropstat {
		return x.skip()
	}
	given, status := *f, http.StatusOK
	err := x.children(func() (err error) {
		switch x.name {
		case davProp:
			return x.children(func() error { return given.readProp(x) })
		case davStatus:
			status, err = x.status()
			return err
		}
		return x.skip()
	})
	if err == nil && successful(status) {
		*f = given
		f.told = true
	}
	return err
}

var (
	davPrincipal       = name{nsDAV, "current-user-principal"}
	davUnauthenticated = name{nsDAV, "unauthenticated"}
	calCalendar        = name{nsCalDAV, "calendar"}
	calHomeSet         = name{nsCalDAV, "calendar-home-set"}
	calAddressSet      = name{nsCalDAV, "calendar-user-address-set"}
)

func (f *finding) readProp(x *scanner) error {
	property := x.name
	names, hrefs, err := readHrefs(x)
	if err != nil {
		return err
	}
	switch property {
	case davResource:
		f.collection = f.collection || slices.Contains(names, davCollection)
		f.calendar = f.calendar || slices.Contains(names, calCalendar)
	case davPrincipal:
		f.unauthenticated = slices.Contains(names, davUnauthenticated)
		if urls := f.resolve(hrefs); len(urls) > 0 {
			f.principal = urls[0]
		}
	case calHomeSet:
		f.homes = append(f.homes, f.resolve(hrefs)...)
	case calAddressSet:
		f.addresses = append(f.addresses, hrefs...)
	}
	return nil
}

// resolve makes hrefs absolute; what cannot be read is left out.
func (f *finding) resolve(hrefs []string) []*url.URL {
	var out []*url.URL
	for _, raw := range hrefs {
		if u, err := parseURLFrom(f.url, raw); err == nil {
			out = append(out, u)
		}
	}
	return out
}

// readHrefs reads the element opened last: the names of all elements in it, and the text of each href.
func readHrefs(x *scanner) (names []name, hrefs []string, err error) {
	for depth := len(x.open); len(x.open) >= depth; {
		tok, err := x.next()
		if err != nil {
			return nil, nil, err
		}
		if tok != tokenOpen || len(names) >= maxProps {
			continue
		}
		names = append(names, x.name)
		if x.name != davHref {
			continue
		}
		href, err := x.string(maxHref)
		if err != nil {
			return nil, nil, err
		}
		if href != "" {
			hrefs = append(hrefs, href)
		}
	}
	return names, hrefs, nil
}

func (f *finding) summary() string {
	var said []string
	if f.principal != nil {
		said = append(said, "principal "+f.principal.Path)
	}
	for _, home := range f.homes {
		said = append(said, "calendar home "+home.Redacted())
	}
	if f.calendar {
		said = append(said, "a calendar")
	}
	if len(said) == 0 {
		return "nothing about calendars"
	}
	return strings.Join(said, ", ")
}

// countCalendars counts the calendars directly inside a collection.
func (e *explorer) countCalendars(ctx context.Context, u *url.URL) (int, error) {
	resp, err := e.propfind(ctx, u, "1", propfindSelf)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	n := 0
	for list := readMultistatus(resp.Body); ; {
		r, err := list.next()
		switch {
		case errors.Is(err, io.EOF):
			return n, nil
		case err != nil:
			return n, fmt.Errorf("PROPFIND %s: %w", u.Redacted(), err)
		case r.has(davResource, calCalendar):
			n++
		}
	}
}

// asCollectionURL writes u with the slash at the end that collections have (RFC 4918 §5.2).
func asCollectionURL(u *url.URL) string {
	if strings.HasSuffix(u.Path, "/") {
		return u.String()
	}
	return u.String() + "/"
}

// parentOf is the collection that holds u.
func parentOf(u *url.URL) *url.URL {
	if strings.HasSuffix(u.Path, "/") {
		return u.ResolveReference(&url.URL{Path: "../"})
	}
	return u.ResolveReference(&url.URL{Path: "./"})
}
