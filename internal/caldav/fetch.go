package caldav

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"calbridge/internal/cal"
)

const (
	smallBatch = 10   // hrefs per calendar-multiget at least
	firstBatch = 200  // when nothing is known
	largeBatch = 1000 // at most: Cyrus likes them big
	quickBatch = 2 * time.Second
	slowBatch  = 10 * time.Second // Xandikos takes up to 140 ms for each href

	maxFailures  = 16 // of calendar-multiget in a row: one poisoned resource in largeBatch explains ten
	brokenWeight = 5  // what an answer that broke off counts, each of which may have taken minutes
)

// fetch reads resources by name and hands them on: as Present, as Absent when that very name is answered 404 or 410 and was not
// listed just now, else as Unread.
func (p *pull) fetch(hrefs []cal.Href) error {
	size := p.Profile().BatchSize
	if size == 0 {
		size = firstBatch
	}
	for len(hrefs) > 0 {
		n := min(size, len(hrefs))
		started := p.cfg.Now()
		whole, err := p.fetchBatch(hrefs[:n])
		if err != nil {
			return err
		}
		if next := resize(size, n, whole, p.cfg.Now().Sub(started)); next != size {
			size = next
			p.learn(func(known *Profile) { known.BatchSize = next })
		}
		hrefs = hrefs[n:]
	}
	return nil
}

// resize adapts the size of batches to what the server bore. What a far smaller one did proves nothing.
func resize(size, sent int, whole bool, took time.Duration) int {
	switch {
	case sent <= size/2:
		return size
	case !whole || took > slowBatch:
		return max(size/2, smallBatch)
	case sent == size && took < quickBatch:
		return min(2*size, largeBatch)
	}
	return size
}

// fetchBatch reads a batch whatever it takes: halves of it where the whole is refused, single resources where they are left out.
// whole: one request was enough.
func (p *pull) fetchBatch(batch []cal.Href) (whole bool, err error) {
	open := make(map[cal.Href]bool, len(batch))
	for _, h := range batch {
		open[h] = true
	}
	failed := p.multiget(batch, open)
	batch = stillOpen(batch, open)
	if failed == nil {
		p.failures = 0
		return true, p.getEach(batch)
	}
	if err := p.bear(failed); err != nil {
		return false, err
	}
	if len(batch) <= 1 || isMissing(failed) && !p.anyListed(batch) {
		return isMissing(failed), p.getEach(batch) // Sabre 1.8 answers 404 when one is missing, and all of these probably are
	}
	half := len(batch) / 2
	if _, err := p.fetchBatch(batch[:half]); err != nil {
		return false, err
	}
	_, err = p.fetchBatch(batch[half:])
	return isMissing(failed), err
}

// bear decides whether to go on after a failed calendar-multiget.
func (p *pull) bear(failed error) error {
	var f fault
	switch {
	case p.ctx.Err() != nil, errors.Is(failed, errStopped), impassable(failed):
		return failed
	case isMissing(failed):
		return nil
	case errors.As(failed, &f):
		p.failures++
	default:
		p.failures += brokenWeight
	}
	if p.failures > maxFailures {
		return failed
	}
	return nil
}

func isMissing(err error) bool {
	var f fault
	return errors.As(err, &f) && missing(f.status)
}

func (p *pull) anyListed(hrefs []cal.Href) bool {
	for _, h := range hrefs {
		if _, ok := p.listed[h]; ok {
			return true
		}
	}
	return false
}

// stillOpen is what of the batch is not answered.
func stillOpen(batch []cal.Href, open map[cal.Href]bool) []cal.Href {
	var left []cal.Href
	for _, h := range batch {
		if open[h] {
			left = append(left, h)
		}
	}
	return left
}

// multiget reads a batch in one request (RFC 4791 §7.9) and takes off open whatever was answered. What stays open is not gone: DAViCal
// leaves the missing out, others leave out what they cannot read.
func (p *pull) multiget(batch []cal.Href, open map[cal.Href]bool) error {
	resp, err := p.multistatus(p.ctx, request{method: "REPORT", href: p.collection, depth: "1", body: calendarMultiget(batch)})
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	names, m := p.names(resp), readMultistatus(resp.Body)
	for {
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		href, err := names.member(p.collection, r.href)
		if err != nil || !open[href] {
			continue
		}
		if answered, err := p.takeNamed(href, r); err != nil {
			return err
		} else if answered {
			delete(open, href)
		}
	}
}

// takeNamed hands on one resource out of a calendar-multiget; false: it has to be read singly.
func (p *pull) takeNamed(href cal.Href, r *response) (answered bool, err error) {
	_, listed := p.listed[href]
	etag, body := cal.ETag(r.string(davETag)), r.value(calData)
	switch data, _ := r.find(calData); {
	case data.tooLarge:
		p.unread(href, fmt.Sprintf("larger than %d bytes", maxValue))
		return true, nil
	case missing(r.status) && !listed:
		p.absent(href)
		return true, nil
	case usable(body) && etag != "":
		return true, p.present(href, etag, cal.Body(body))
	}
	return false, nil
}

func (p *pull) getEach(hrefs []cal.Href) error {
	for _, h := range hrefs {
		if err := p.get(h); err != nil {
			return err
		}
	}
	return nil
}

// get reads one resource by GET: its ETag header and its body are one answer. One that cannot be read stops nothing.
func (p *pull) get(href cal.Href) error {
	etag, body, err := p.object(p.ctx, href)
	var f fault
	switch {
	case err == nil:
		return p.present(href, etag, body)
	case p.ctx.Err() != nil || impassable(err):
		return err
	case errors.As(err, &f) && missing(f.status):
		p.notFound(href)
	default:
		p.unread(href, oneLine(err.Error()))
	}
	return nil
}

// notFound: listed a moment ago and not there now, it may have been removed in between, and then the history names it next time; or one of
// the two answers is wrong, as with a replica that lags (and Google's CalDAV lists what it does not give). It is read again later.
func (p *pull) notFound(href cal.Href) {
	if _, listed := p.listed[href]; listed {
		p.unread(href, "listed, and not found when it was read")
		return
	}
	p.absent(href)
}

// object is the GET of one resource. Any answer but its content is an error.
func (c *Client) object(ctx context.Context, href cal.Href) (cal.ETag, cal.Body, error) {
	resp, err := c.send(ctx, request{method: http.MethodGet, href: href, header: http.Header{"Accept": {"text/calendar, */*;q=0.5"}}})
	if err != nil {
		return "", "", err
	}
	if resp.StatusCode != http.StatusOK {
		return "", "", fmt.Errorf("GET: %w", faultOf(resp))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(limitBody(resp.Body, maxValue))
	if err != nil {
		return "", "", fmt.Errorf("GET: %w", err)
	}
	if isPage(resp) || !usable(body) {
		return "", "", errors.New("GET: the answer is no calendar object")
	}
	return etagOr(cal.ETag(strings.TrimSpace(resp.Header.Get("ETag"))), body), cal.Body(body), nil
}

// etagOr makes up an etag where the server has none: a weak one, since nothing can be conditional on it.
func etagOr(etag cal.ETag, body []byte) cal.ETag {
	if etag != "" {
		return etag
	}
	return cal.ETag(fmt.Sprintf(`W/"sha256-%x"`, sha256.Sum256(body)))
}

// usable reports whether there is anything in a body.
func usable(body []byte) bool { return len(bytes.TrimSpace(body)) > 0 }

func (p *pull) present(href cal.Href, etag cal.ETag, body cal.Body) error {
	delete(p.asked, href)
	return p.out.present(cal.Resource{Href: href, Version: cal.Version{ETag: etag, Body: body}})
}

func (p *pull) absent(href cal.Href) {
	delete(p.asked, href)
	p.out.absent(href)
}

func (p *pull) unread(href cal.Href, reason string) {
	delete(p.asked, href)
	p.out.unread(href, reason)
}
