package caldav

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"calbridge/internal/cal"
)

// answer is what one report told besides the bodies, which were handed on as they came.
type answer struct {
	token     cal.Token
	truncated bool       // there is more after token
	alive     []cal.Href // listed as there
	bare      []cal.Href // those of them that came without a body
	removed   []cal.Href // told as gone
	lost      []cal.Href // those of them that an earlier answer listed as there
	strangers int        // hrefs that lead out of the collection; counted and ignored
	self      int        // the status of the collection itself; 0: not told
	seen      map[cal.Href]bool
}

// errListing: a report about the whole calendar failed, and not the reading of single resources or what is done with them.
var errListing = errors.New("list what there is")

// maxListed bounds what one pull may be told by name, all answers together: those names are held, and no calendar is that large.
const maxListed = 1_000_000

var errTooMany = fmt.Errorf("the server lists more than %d resources", maxListed)

// history reads what happened since a token (RFC 6578 §3.2). No limit is ever asked for: Nextcloud refuses one on an initial sync.
func (p *pull) history(since cal.Token, inline bool) (answer, error) {
	a, err := p.report(request{method: "REPORT", depth: "0", body: syncCollection(since, inline)})
	var f fault
	switch {
	case errors.As(err, &f) && (f.status == http.StatusNotFound || f.status == http.StatusGone && since == ""):
		return a, fmt.Errorf("%w: %w", cal.ErrGone, err)
	case errors.As(err, &f) && (f.violates("supported-report") || f.status == http.StatusMethodNotAllowed || f.status == http.StatusNotImplemented):
		p.learn(func(known *Profile) { known.SyncCollection = No }) // Sabre 1.8
		return a, err
	case err != nil:
		return a, err
	case a.token == "":
		return a, fmt.Errorf("%w: %w", errListing, fault{status: http.StatusMultiStatus, text: "sync-collection without a sync-token"})
	case a.truncated && (a.token == since || len(a.alive)+len(a.removed) == 0):
		return a, errors.New("the answer is truncated and its token leads nowhere")
	}
	p.learnHistory(a, inline)
	return a, nil
}

func (p *pull) learnHistory(a answer, inline bool) {
	p.learn(func(known *Profile) {
		known.SyncCollection = Yes
		if inline && len(a.alive) > 0 {
			known.InlineData = knownIf(len(a.bare) < len(a.alive))
		}
	})
}

// listETags lists everything without a history: by PROPFIND, and where that tells no etags (SmarterMail) by queries.
func (p *pull) listETags() error {
	clear(p.listed)
	a, err := p.report(request{method: "PROPFIND", depth: "1", body: []byte(propfindETags)})
	var f fault
	switch {
	case errors.As(err, &f) && missing(f.status):
		return fmt.Errorf("%w: %w", cal.ErrGone, err)
	case err != nil && !refusal(err):
		return err
	case err == nil && missing(a.self): // Xandikos
		return fmt.Errorf("%w: the listing says %d of the calendar itself", cal.ErrGone, a.self)
	case err == nil && (len(p.listed) == 0 || p.tellsETags()):
		return nil
	}
	if failed := p.query(); failed != nil && err != nil {
		return failed
	}
	return nil // with what PROPFIND told, if not with more
}

func (p *pull) tellsETags() bool {
	for _, etag := range p.listed {
		if etag != "" {
			return true
		}
	}
	return false
}

// query lists by calendar-query (RFC 4791 §7.8), once for each kind of component: several servers refuse to be asked for all.
func (p *pull) query() error {
	components := p.components
	if components == "" {
		components = "VEVENT,VTODO"
	}
	for component := range strings.SplitSeq(components, ",") {
		if _, err := p.report(request{method: "REPORT", depth: "1", body: calendarQuery(component)}); err != nil {
			return err
		}
	}
	return nil
}

// report sends a question about the collection and reads the listing that answers it.
func (p *pull) report(r request) (answer, error) {
	r.href, r.contentType = p.collection, xmlType
	resp, err := p.multistatus(p.ctx, r)
	if err != nil {
		return answer{}, fmt.Errorf("%w: %w", errListing, err)
	}
	defer resp.Body.Close()
	a := answer{seen: map[cal.Href]bool{}}
	names, m := p.names(resp), readMultistatus(resp.Body)
	for {
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return a, fmt.Errorf("%w: %w", errListing, err)
		}
		if err := p.take(&a, names, r); err != nil {
			return a, err
		}
	}
	a.token = m.token
	p.settleRemoved(&a)
	if a.strangers > 0 {
		p.observed("strangers", fmt.Sprintf("%d resources listed for %s lie elsewhere", a.strangers, p.collection))
		if len(a.alive)+len(a.removed) == 0 {
			return a, fmt.Errorf("%d resources listed, and all of them are %w", a.strangers, errOutside)
		}
	}
	return a, nil
}

// take files one response of a listing.
func (p *pull) take(a *answer, names hrefs, r *response) error {
	if p.room--; p.room < 0 {
		return errTooMany
	}
	href, err := names.canonical(r.href)
	switch {
	case err != nil || !inside(p.collection, href):
		p.takeStranger(a, href, r)
	case missing(r.status):
		a.removed = append(a.removed, href)
	default:
		etag := cal.ETag(r.string(davETag))
		if a.seen[href] { // Zimbra
			return nil
		}
		a.seen[href] = true
		a.alive = append(a.alive, href)
		p.listed[href] = etag
		if body := r.value(calData); usable(body) && etag != "" {
			return p.present(href, etag, cal.Body(body))
		}
		a.bare = append(a.bare, href)
	}
	return nil
}

// takeStranger files what is no resource of the calendar: the collection itself, whose 507 means that the answer is truncated
// (RFC 6578 §3.6); a collection inside; and what lies elsewhere and is ignored.
func (p *pull) takeStranger(a *answer, href cal.Href, r *response) {
	switch {
	case r.status == http.StatusInsufficientStorage:
		a.truncated = true
	case href != "" && asCollection(href) == p.collection:
		a.self = r.status
	case !strings.HasPrefix(string(href), string(p.collection)):
		a.strangers++
	}
}

// settleRemoved takes resources off the listing. What one answer tells both as there and as removed (SOGo repeats old tombstones) has to
// be read.
func (p *pull) settleRemoved(a *answer) {
	a.removed = slices.DeleteFunc(a.removed, func(h cal.Href) bool {
		if !a.seen[h] {
			if _, before := p.listed[h]; before {
				a.lost = append(a.lost, h)
			}
			delete(p.listed, h)
			return false
		}
		if p.listed[h] = ""; !slices.Contains(a.bare, h) {
			a.bare = append(a.bare, h)
		}
		return true
	})
}

// names reads the hrefs of an answer.
func (c *Client) names(resp *http.Response) hrefs {
	return hrefs{request: resp.Request.URL, home: c.home}
}

// sameVersion compares two etags as caches do (RFC 9110 §8.8.3.2), and lets pass that some servers leave the quotes out (Yandex) and
// Apache appends -gzip to what it compresses. Two unknown versions are not the same.
func sameVersion(a, b cal.ETag) bool {
	return a != "" && (a == b || opaque(a) == opaque(b))
}

// opaque is what is inside the quotes.
func opaque(e cal.ETag) string {
	s := strings.TrimPrefix(string(e), "W/")
	s = strings.TrimSuffix(strings.TrimPrefix(s, `"`), `"`)
	return strings.TrimSuffix(s, "-gzip")
}
