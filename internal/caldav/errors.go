package caldav

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"calbridge/internal/cal"
)

// fault is a server's no: a status, what it says was violated (RFC 4918 §16) and its own words. It is the one place where statuses
// become the kinds of error that the engine acts on.
type fault struct {
	status     int
	conditions []name
	property   string // the one property that was refused, where it was not the whole request
	holder     string // the href inside the condition, raw
	text       string // one line
}

const maxFault = 64 << 10 // bytes of an answer read for its explanation

func (f fault) Error() string {
	words := []string{fmt.Sprint(f.status)}
	for _, c := range f.conditions {
		if c.space == nsDAV || c.space == nsCalDAV {
			words = append(words, c.local)
		}
	}
	if f.property != "" {
		words = append(words, f.property)
	}
	if f.text == "" {
		return strings.Join(append(words, http.StatusText(f.status)), " ")
	}
	return strings.Join(words, " ") + ": " + f.text
}

// written says what it means that a PUT or DELETE was answered so. The message carries the server's words.
func (f fault) written() error {
	return f.as(f.writeKind())
}

// arranged says what it means that a request about a calendar as a whole was answered so: there, 409 and 412 are no races.
func (f fault) arranged() error {
	kind := f.writeKind()
	if errors.Is(kind, cal.ErrChanged) || errors.As(kind, &cal.Taken{}) {
		kind = cal.ErrRefused
	}
	return f.as(kind)
}

func (f fault) as(kind error) error {
	if kind == nil {
		return f
	}
	return fmt.Errorf("%w: %w", kind, f)
}

// writeKind is nil where nobody can tell whether the write happened. 401, 429, 503 and redirects never come here: send judges them.
func (f fault) writeKind() error {
	switch {
	case f.takenUID():
		return cal.Taken{}
	case f.violates("need-privileges"):
		return cal.ErrReadOnly // RFC 3744 §7.1.1
	case f.violatesCalDAV():
		return cal.ErrRefused // whatever the status: Xandikos says 412 for a body it does not like
	case f.property != "" && f.status < 500:
		return cal.ErrRefused // that property, and nothing is gone or changed
	}
	switch f.status {
	case http.StatusPreconditionFailed, http.StatusConflict:
		return cal.ErrChanged
	case http.StatusNotFound, http.StatusGone:
		return cal.ErrGone
	case http.StatusInsufficientStorage:
		return cal.ErrRefused
	case http.StatusRequestTimeout, http.StatusLocked, http.StatusFailedDependency, http.StatusTooEarly, http.StatusTooManyRequests:
		return nil
	}
	if 300 <= f.status && f.status <= 499 {
		return cal.ErrRefused
	}
	return nil
}

// takenUID: RFC 4791 §5.3.2.1 and RFC 6638 §3.2.4.1 have elements for it. SOGo (409) and Nextcloud (400) only have words; those of
// Nextcloud's trash bin ("Deleted calendar object with uid already exists") name nobody who could be asked.
func (f fault) takenUID() bool {
	if f.violates("no-uid-conflict") || f.violates("unique-scheduling-object-resource") {
		return true
	}
	text := strings.ToLower(f.text)
	return (f.status == http.StatusConflict || f.status == http.StatusBadRequest) && strings.Contains(text, "uid") &&
		strings.Contains(text, "already") && !strings.HasPrefix(text, "deleted")
}

// violates reports whether the server names that precondition.
func (f fault) violates(condition string) bool {
	for _, c := range f.conditions {
		if c.local == condition && (c.space == nsDAV || c.space == nsCalDAV) {
			return true
		}
	}
	return false
}

func (f fault) violatesCalDAV() bool {
	for _, c := range f.conditions {
		if c.space == nsCalDAV {
			return true
		}
	}
	return false
}

// vague reports whether a server may have answered so because the whole calendar is not there: Cyrus says 403 to a PUT then, Radicale
// 409, the others 404.
func (f fault) vague() bool {
	return len(f.conditions) == 0 && (missing(f.status) || f.status == http.StatusForbidden || f.status == http.StatusConflict) && !f.takenUID()
}

// missing reports whether a status says that there is nothing.
func missing(status int) bool { return status == http.StatusNotFound || status == http.StatusGone }

// faultOf reads why an answer is not what was asked for, and closes it.
func faultOf(resp *http.Response) fault {
	defer resp.Body.Close()
	f := fault{status: resp.StatusCode}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, maxFault))
	if r := readErrorBody(body); r != nil {
		f.conditions, f.holder, f.text = r.conditions, r.holder, oneLine(r.description)
	} else if !looksLikeMarkup(body) {
		f.text = oneLine(string(body))
	}
	return f
}

// innerFault finds the first failure inside a 207 that answers a request about one resource. Xandikos answers failed writes so, and
// RFC 4918 §9.6.1 failed deletions. ok: there is none.
func innerFault(body io.Reader) (f fault, ok bool, err error) {
	m := readMultistatus(body)
	for {
		r, err := m.next()
		if errors.Is(err, io.EOF) {
			return fault{}, true, nil
		} else if err != nil {
			return fault{}, false, err
		}
		if f := r.fault(); f.status != 0 {
			return f, false, nil
		}
	}
}

// fault is the failure a response reports; a status of 0: none.
func (r *response) fault() fault {
	f := fault{conditions: append([]name(nil), r.conditions...), holder: r.holder, text: oneLine(r.description)}
	switch {
	case r.status != 0 && !successful(r.status):
		f.status = r.status
	case len(r.refused) > 0:
		f.status = r.refused[0].status
		for _, p := range r.refused {
			if p.status != http.StatusFailedDependency { // those only failed because another one did
				f.status, f.property = p.status, oneLine(p.name.local)
				break
			}
		}
	}
	return f
}

// readErrorBody reads a DAV:error document; nil if it is none.
func readErrorBody(body []byte) *response {
	x := newScanner(bytes.NewReader(body))
	if _, err := x.next(); err != nil || x.name != davError {
		return nil
	}
	r := &response{}
	if err := r.readConditions(x); err != nil && len(r.conditions) == 0 {
		return nil
	}
	return r
}

func looksLikeMarkup(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// oneLine makes text fit for an error: one line, no control characters, not much of it.
func oneLine(text string) string {
	return clip(strings.Join(strings.Fields(printable(text)), " "), 300)
}
