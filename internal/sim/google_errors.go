package sim

import (
	"net/http"
	"strconv"
	"strings"
)

// googleError is a refusal; its answer has the body Google documents (Handle API errors).
type googleError struct {
	status           int
	domain           string
	reason, message  string
	location, locate string // the name, and whether it is a parameter or a header
	retryAfter       string
}

func fail(status int, reason, message string) *googleError {
	return &googleError{status: status, domain: "global", reason: reason, message: message}
}

func (e *googleError) in(domain string) *googleError {
	e.domain = domain
	return e
}

func (e *googleError) parameter(name string) *googleError {
	e.location, e.locate = name, "parameter"
	return e
}

func (e *googleError) headerField(name string) *googleError {
	e.location, e.locate = name, "header"
	return e
}

func (e *googleError) answer() googleAnswer {
	item := jsonObject{"domain": e.domain, "reason": e.reason, "message": e.message}
	if e.location != "" {
		item["location"], item["locationType"] = e.location, e.locate
	}
	body := encode(jsonObject{"error": jsonObject{"errors": []any{item}, "code": e.status, "message": e.message}})
	a := googleAnswer{status: e.status, reason: e.reason, body: body}
	if e.retryAfter != "" {
		a = a.with("Retry-After", e.retryAfter)
	}
	return a
}

// The refusals of Google, Handle API errors, word for word where a word is a name.

func invalid(message string) *googleError { return fail(http.StatusBadRequest, "invalid", message) }

func required(message string) *googleError { return fail(http.StatusBadRequest, "required", message) }

func invalidParameter(name, message string) *googleError {
	return fail(http.StatusBadRequest, "invalidParameter", message).parameter(name)
}

func notFound() *googleError { return fail(http.StatusNotFound, "notFound", "Not Found") }

func duplicate() *googleError {
	return fail(http.StatusConflict, "duplicate", "The requested identifier already exists.")
}

func alreadyDeleted() *googleError {
	return fail(http.StatusGone, "deleted", "Resource has been deleted")
}

func fullSyncRequired() *googleError {
	return fail(http.StatusGone, "fullSyncRequired", "Sync token is no longer valid, a full sync is required.").in("calendar").parameter("syncToken")
}

func updatedMinTooLongAgo() *googleError {
	return fail(http.StatusGone, "updatedMinTooLongAgo", "The requested minimum modification time lies too far in the past.").in("calendar").parameter("updatedMin")
}

func conditionNotMet() *googleError {
	return fail(http.StatusPreconditionFailed, "conditionNotMet", "Precondition Failed").headerField("If-Match")
}

func emptyTimeRange(parameter string) *googleError {
	e := fail(http.StatusBadRequest, "timeRangeEmpty", "The specified time range is empty.").in("calendar")
	if parameter != "" {
		return e.parameter(parameter)
	}
	return e
}

func needAccess(role string) *googleError {
	return fail(http.StatusForbidden, "requiredAccessLevel", "You need to have "+role+" access to this calendar.").in("calendar")
}

func forbidden(message string) *googleError {
	return fail(http.StatusForbidden, "forbidden", message)
}

func forbiddenForNonOrganizer() *googleError {
	return fail(http.StatusForbidden, "forbiddenForNonOrganizer",
		"Shared properties can only be changed by the organizer of the event.").in("calendar")
}

func badCredentials() *googleError {
	return fail(http.StatusUnauthorized, "authError", "Invalid Credentials").headerField("Authorization")
}

func insufficientPermissions() *googleError {
	return fail(http.StatusForbidden, "insufficientPermissions", "Request had insufficient authentication scopes.")
}

func rateLimitExceeded(status int) *googleError {
	return fail(status, "rateLimitExceeded", "Rate Limit Exceeded").in("usageLimits")
}

// admit finds who asks, and whether the token and the quota let him.
func (g *Google) admit(r *googleRequest) *googleError {
	token, found := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	access := g.oauth.access[token]
	if !found || access == nil || !r.came.Before(access.expires) {
		return badCredentials()
	}
	r.user = access.user
	if g.overQuota(r) {
		if g.options.TooManyRequests {
			return rateLimitExceeded(http.StatusTooManyRequests)
		}
		return rateLimitExceeded(http.StatusForbidden)
	}
	if !r.method.allowed(access.scopes) { // discovery document: each method lists the scopes that open it
		return insufficientPermissions()
	}
	return nil
}

// overQuota counts the user's requests in a sliding window (Google, Manage quotas: per minute per user per project). Refused ones do not
// count, that is a guess.
func (g *Google) overQuota(r *googleRequest) bool {
	if g.options.PerMinute == 0 {
		return false
	}
	u, kept := r.user, r.user.requests[:0]
	for _, at := range u.requests {
		if r.came.Sub(at).Seconds() < 60 {
			kept = append(kept, at)
		}
	}
	u.requests = kept
	if len(kept) >= g.options.PerMinute {
		return true
	}
	u.requests = append(kept, r.came)
	return false
}

// integer reads a numeric query parameter; 0 when it is not there.
func (r *googleRequest) integer(name string, least int) (int, *googleError) {
	text := r.query.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least {
		return 0, invalidParameter(name, "Invalid value '"+text+"'.")
	}
	return n, nil
}

func (r *googleRequest) boolean(name string) (bool, *googleError) {
	switch text := r.query.Get(name); text {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	default:
		return false, invalidParameter(name, "Invalid value '"+text+"'.")
	}
}
