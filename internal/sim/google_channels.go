package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// googleChannel is a push channel: on each change of what it watches, a message without a body goes to its address (Google, Push
// notifications).
type googleChannel struct {
	id, address, token    string
	resource, resourceURI string
	expires               time.Time
	user                  *GoogleUser
	calendar              *googleCalendar // nil: the user's calendar list
	sent                  int             // messages so far
}

// Channels lists the ids of the channels that live.
func (g *Google) Channels() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	var ids []string
	for id, ch := range g.channels {
		if ch.alive(g.clock()) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// Settle waits until every notification has been delivered or given up.
func (g *Google) Settle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.posts > 0 {
		g.settled.Wait()
	}
}

// TakePosts gives the notifications held back since the last call, oldest first (GoogleOptions.HoldPosts): whoever takes them delivers them,
// late, twice or never.
func (g *Google) TakePosts() []*http.Request {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := g.held
	g.held = nil
	return held
}

func (g *Google) watchEvents(r *googleRequest) (googleAnswer, *googleError) {
	c, err := g.reachable(r, "reader")
	if err != nil {
		return googleAnswer{}, err
	}
	if strings.HasSuffix(c.id, "#holiday@group.v.calendar.google.com") { // public holiday calendars have no push
		return googleAnswer{}, fail(http.StatusBadRequest, "pushNotSupportedForRequestedResource", "Push notifications are not supported by this resource.")
	}
	// Two users who watch one calendar get the same resource id: whoever looks a channel up by it finds somebody else's.
	return g.watch(r, &googleChannel{calendar: c, resource: resourceID("events " + c.id)})
}

func (g *Google) watchEntries(r *googleRequest) (googleAnswer, *googleError) {
	return g.watch(r, &googleChannel{resource: resourceID("list " + r.user.Sub)})
}

func resourceID(of string) string {
	sum := sha256.Sum256([]byte(of))
	return hex.EncodeToString(sum[:14])
}

// watch opens a channel: the id, at most 64 characters, was never used before, not even by a channel that has ended: there is no renewal,
// only a new channel (Google, Push notifications).
func (g *Google) watch(r *googleRequest, ch *googleChannel) (googleAnswer, *googleError) {
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	ch.id, ch.address, ch.token, ch.user = words(sent, "id"), words(sent, "address"), words(sent, "token"), r.user
	ch.resourceURI = "https://www.googleapis.com" + strings.TrimSuffix(r.URL.EscapedPath(), "/watch") + "?alt=json"
	if err := g.checkChannel(ch, words(sent, "type")); err != nil {
		return googleAnswer{}, err
	}
	if err := ch.live(sent, r.came); err != nil {
		return googleAnswer{}, err
	}
	g.channels[ch.id] = ch
	g.post(ch, "sync") // may arrive before the answer does
	answer := jsonObject{"kind": "api#channel", "id": ch.id, "resourceId": ch.resource, "resourceUri": ch.resourceURI,
		"expiration": strconv.FormatInt(ch.expires.UnixMilli(), 10)} // milliseconds, as a string (discovery document, Channel)
	if ch.token != "" {
		answer["token"] = ch.token
	}
	return ok(encode(answer), "")
}

func (g *Google) checkChannel(ch *googleChannel, kind string) *googleError {
	switch {
	case ch.id == "" || len(ch.id) > 64 || strings.Trim(ch.id, channelCharacters) != "":
		return fail(http.StatusBadRequest, "channelIdInvalid", "Channel id invalid")
	case g.channels[ch.id] != nil:
		return fail(http.StatusBadRequest, "channelIdNotUnique", "Channel id not unique")
	case kind != "web_hook" && kind != "webhook":
		return fail(http.StatusBadRequest, "channelUnknown", "Channel type "+kind+" is not supported.")
	case len(ch.token) > 256:
		return fail(http.StatusBadRequest, "channelTokenInvalid", "Channel token invalid")
	case !strings.HasPrefix(ch.address, "https://") && !(g.options.PlainWebhooks && strings.HasPrefix(ch.address, "http://")):
		return fail(http.StatusBadRequest, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS: "+ch.address)
	}
	return nil
}

const channelCharacters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_+/="

// live: params.ttl is in seconds and 604800 by default (discovery document, Channel.params); expiration can only shorten.
func (ch *googleChannel) live(sent jsonObject, now time.Time) *googleError {
	ttl := 604800
	if text := words(part(sent, "params"), "ttl"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return invalid("Invalid ttl value.")
		}
		ttl = n
	}
	ch.expires = now.Add(time.Duration(ttl) * time.Second).Truncate(time.Millisecond)
	asked := fmt.Sprint(sent["expiration"])
	if ms, err := strconv.ParseInt(asked, 10, 64); err == nil {
		if at := time.UnixMilli(ms); !at.After(now) {
			return invalid("Invalid expiration value.")
		} else if at.Before(ch.expires) {
			ch.expires = at
		}
	}
	return nil
}

func (ch *googleChannel) alive(now time.Time) bool { return ch.address != "" && now.Before(ch.expires) }

// stopChannel needs id and resourceId of the channel and the user who opened it (Google, Push notifications).
func (g *Google) stopChannel(r *googleRequest) (googleAnswer, *googleError) {
	sent, err := r.object()
	if err != nil {
		return googleAnswer{}, err
	}
	ch := g.channels[words(sent, "id")]
	if ch == nil || !ch.alive(r.came) || ch.user != r.user || ch.resource != words(sent, "resourceId") {
		return googleAnswer{}, fail(http.StatusNotFound, "notFound", "Channel '"+words(sent, "id")+"' not found for project")
	}
	ch.address = ""
	return noContent()
}

// changed tells the channels of a calendar.
func (g *Google) changed(c *googleCalendar) {
	for _, ch := range g.inOrder() {
		if ch.calendar == c && atLeast(c.roles[ch.user], "reader") {
			g.post(ch, "exists") // also for a deletion
		}
	}
}

func (g *Google) inOrder() []*googleChannel {
	all := slices.Collect(maps.Values(g.channels))
	slices.SortFunc(all, func(a, b *googleChannel) int { return strings.Compare(a.id, b.id) })
	return all
}

func (g *Google) listChanged(u *GoogleUser) {
	for _, ch := range g.inOrder() {
		if ch.calendar == nil && ch.user == u {
			g.post(ch, "exists")
		}
	}
}

// post sends one message on its way. Message numbers begin with 1 and rise, but not by one (Google, Push notifications).
func (g *Google) post(ch *googleChannel, state string) {
	if !ch.alive(g.clock()) {
		return
	}
	ch.sent += 1 + min(ch.sent, 1)*2
	header := http.Header{}
	for name, value := range map[string]string{
		"X-Goog-Channel-ID": ch.id, "X-Goog-Channel-Token": ch.token, "X-Goog-Channel-Expiration": ch.expires.UTC().Format(http.TimeFormat),
		"X-Goog-Resource-ID": ch.resource, "X-Goog-Resource-URI": ch.resourceURI, "X-Goog-Resource-State": state,
		"X-Goog-Message-Number": strconv.Itoa(ch.sent), "User-Agent": "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)",
	} {
		if value != "" {
			header.Set(name, value)
		}
	}
	if g.options.HoldPosts {
		g.held = append(g.held, notification(ch.address, header))
		return
	}
	g.posts++
	go g.deliver(ch.address, header)
}

func notification(address string, header http.Header) *http.Request {
	r, err := http.NewRequest(http.MethodPost, address, http.NoBody)
	if err != nil {
		return &http.Request{Method: http.MethodPost, URL: &url.URL{}, Header: header, Body: http.NoBody} // nobody can be reached there
	}
	r.Header = header
	return r
}

// deliver tries again after 500, 502, 503 and 504 only; anything else is lost (Google, Push notifications).
func (g *Google) deliver(address string, header http.Header) {
	defer func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.posts--
		g.settled.Broadcast()
	}()
	for range 3 {
		answer, err := g.options.Notify.Do(notification(address, header.Clone()))
		if err != nil {
			return
		}
		answer.Body.Close()
		switch answer.StatusCode {
		case 500, 502, 503, 504:
		default:
			return
		}
	}
}
