package google

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"google.golang.org/api/googleapi"

	"calbridge/internal/cal"
)

// fault is Google's no.
type fault struct {
	status int
	reason string // of the first error in the answer; empty: it gave none
	text   string // one line
}

func (f fault) Error() string {
	head := strings.TrimSpace(fmt.Sprintf("Google answers %d %s", f.status, f.reason))
	if f.text == "" {
		return head
	}
	return head + ": " + f.text
}

// meaning is what an answer means to us.
type meaning int

const (
	unknown   meaning = iota // it may have happened: look, try again
	refused                  // trying again is no use
	readOnly                 // not in this calendar
	changed                  // the precondition does not hold
	gone                     // there is nothing
	tooFast                  // it did not happen: slower
	spent                    // no more writes of this account for hours
	locked                   // a person has to consent again
	narrowed                 // as locked: the consent does not cover this
	noProject                // the client's project does not have the API
)

// verdicts are what Google's answers mean. The first row that fits decides; no reason fits all. "Errors" is Google's page "Handle API
// errors"; the reasons that it does not list are those of its other APIs' pages, and of people's reports.
var verdicts = []struct {
	status  int
	reason  string
	meaning meaning
}{
	{400, "", refused},                         // Errors: badRequest, timeRangeEmpty; the content is at fault, so it stays so
	{401, "", locked},                          // Errors: authError; the token was renewed before this is seen
	{403, "rateLimitExceeded", tooFast},        // Errors
	{403, "userRateLimitExceeded", tooFast},    // Errors
	{403, "quotaExceeded", spent},              // Errors: "Calendar usage limits exceeded"
	{403, "dailyLimitExceeded", tooFast},       // the project's quota of the day, reads and writes
	{403, "forbiddenForNonOrganizer", refused}, // Errors: the shared properties are the organizer's
	{403, "insufficientPermissions", narrowed}, // the token lacks the scope
	{403, "accessNotConfigured", noProject},    // the API is off in the client's project
	{403, "SERVICE_DISABLED", noProject},       // the same, in newer words
	{403, "requiredAccessLevel", readOnly},     // the role in the calendar does not allow it
	{403, "forbidden", readOnly},               // the same
	{403, "", refused},                         //
	{404, "", gone},                            // Errors: notFound; also what one may not see
	{408, "", unknown},                         // RFC 9110 §15.5.9
	{409, "", changed},                         // Errors: duplicate; conflict: both are read and decided anew
	{410, "", gone},                            // Errors: deleted; the others are about lists, which look at the status
	{412, "", changed},                         // Errors: conditionNotMet
	{429, "", tooFast},                         // Errors: rateLimitExceeded
}

// means looks f up. Redirects are not followed, and are no use twice; what Google says of itself (5xx) tells nothing about the request.
func (f fault) means() meaning {
	for _, v := range verdicts {
		if v.status == f.status && (v.reason == "" || v.reason == f.reason) {
			return v.meaning
		}
	}
	if f.status < 500 {
		return refused
	}
	return unknown
}

// rest is how long writes rest after quotaExceeded. Google names no time ("hours", by people's reports), nor a Retry-After; one probe
// every two hours is a dozen requests a day, and nobody waits much longer than needed.
const rest = 2 * time.Hour

// judge turns an answer that is no success into the kinds of error the engine acts on; any other error stays as it is.
func (c *Client) judge(write bool, err error) error {
	var wrapped *url.Error // the generated client's, with the URL in its text
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var answer *googleapi.Error
	if !errors.As(err, &answer) {
		return err
	}
	f := faultOf(answer)
	switch f.means() {
	case refused:
		return fmt.Errorf("%w: %w", cal.ErrRefused, f)
	case readOnly:
		if write {
			c.distrust()
			return fmt.Errorf("%w: %w", cal.ErrReadOnly, f)
		}
		return fmt.Errorf("%w: %w", cal.ErrRefused, f)
	case changed:
		return fmt.Errorf("%w: %w", cal.ErrChanged, f)
	case gone:
		return fmt.Errorf("%w: %w", cal.ErrGone, f)
	case tooFast:
		return fmt.Errorf("%w: %w: %w", cal.Busy{Wait: c.pause(answer.Header)}, cal.ErrUnsent, f)
	case spent:
		if write {
			return fmt.Errorf("%w: %w", cal.Busy{Wait: max(rest, c.pause(answer.Header)), Writes: true}, f)
		}
		return fmt.Errorf("%w: %w", cal.Busy{Wait: c.pause(answer.Header)}, f)
	case locked:
		return fmt.Errorf("%w: %w: give consent again with `calbridge account add google`", cal.ErrLocked, f)
	case narrowed:
		return fmt.Errorf("%w: the consent does not cover this any more: give it again with `calbridge account add google` and leave every box ticked: %w",
			cal.ErrLocked, f)
	case noProject:
		return fmt.Errorf("%w: enable the Google Calendar API in the project that CALBRIDGE_GOOGLE_CLIENT_ID belongs to "+
			"(console.cloud.google.com, APIs & Services): %w", cal.ErrUnsent, f) // not carried out; no consent would help
	}
	return f
}

// faultOf reads an error answer: {"error":{"errors":[{"domain","reason","message"}],"code","message"}} ("Handle API errors").
func faultOf(answer *googleapi.Error) fault {
	f := fault{status: answer.Code, text: sentence(answer.Message)}
	if len(answer.Errors) > 0 {
		f.reason = sentence(answer.Errors[0].Reason)
	}
	return f
}

// sentence makes Google's words fit for an error: one line without control characters, and not much of it.
func sentence(text string) string {
	return oneLine(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Cf, r) {
			return ' '
		}
		return r
	}, text))
}

// status is that of Google's no; 0: err is none.
func status(err error) int {
	var f fault
	if errors.As(err, &f) {
		return f.status
	}
	return 0
}

// reason is Google's word for its no.
func reason(err error) string {
	var f fault
	errors.As(err, &f)
	return f.reason
}

// missing reports whether err says that there is nothing of that name. The other reasons of a 410 are about lists.
func missing(err error) bool {
	switch status(err) {
	case http.StatusNotFound:
		return true
	case http.StatusGone:
		return reason(err) != "fullSyncRequired" && reason(err) != "updatedMinTooLongAgo"
	}
	return false
}

// maxPause is the longest Google may make us wait in one go.
const maxPause = 2 * time.Hour

// pause reads Retry-After (RFC 9110 §10.2.3): seconds or a date, the latter against Google's own clock where it tells it. What cannot be
// read, or lies in the past, is zero.
func (c *Client) pause(h http.Header) time.Duration {
	text := strings.TrimSpace(h.Get("Retry-After"))
	if seconds, err := strconv.ParseUint(text, 10, 63); err == nil {
		return time.Duration(min(seconds, uint64(maxPause/time.Second))) * time.Second
	}
	until, err := http.ParseTime(text)
	if err != nil {
		return 0
	}
	now := c.cfg.Now()
	if date, err := http.ParseTime(h.Get("Date")); err == nil {
		now = date
	}
	return min(max(until.Sub(now), 0), maxPause)
}
