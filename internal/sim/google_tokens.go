package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
)

// googleToken is what a page token or a sync token remembers; to the client both are opaque.
type googleToken struct {
	Of     string    // the collection: calendar id and user
	Epoch  int       // tokens of an older one are dead
	ACL    int       // changes of the user's role when it was made
	Seq    int64     // of the last change it knows of
	From   int64     `json:",omitzero"` // page token of an incremental list: of the first change asked for, less one
	At     int       `json:",omitzero"` // page token: position of the next row
	Asked  string    // the parameters that must be the same again
	Min    time.Time `json:",omitzero"` // the window of the first list is frozen in the token
	Max    time.Time `json:",omitzero"`
	IsPage bool      `json:",omitzero"`
}

func (t googleToken) String() string {
	text, _ := json.Marshal(t)
	return "C" + base64.RawURLEncoding.EncodeToString(text)
}

func readToken(text string) (googleToken, bool) {
	var t googleToken
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(text, "C"))
	return t, err == nil && json.Unmarshal(raw, &t) == nil
}

// asked are the parameters of a request that count, but some, in one text.
func asked(query url.Values, but ...string) string {
	var parts []string
	for name, values := range query {
		if !slices.Contains(but, name) && !(len(values) == 1 && values[0] == "false") { // false is the default of every boolean here
			parts = append(parts, fmt.Sprintf("%s=%q", name, values))
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, "&")
}

// standard are the parameters that may come with any request and mean nothing to a list.
var standard = []string{"alt", "prettyPrint", "fields", "key", "oauth_token", "quotaUser", "userIp", "pageToken"}

// page is where a list begins and what it remembers.
type page struct {
	googleToken
	sync bool // an incremental list
}

// begin reads the tokens of a list request. The sync token is sent with every page of an incremental list, and every other parameter must
// stay the same from page to page and, but for the forbidden ones, from sync to sync: else the behaviour is "undefined" (discovery
// document, events.list syncToken), which is 400 here. The list shows what was so after change seq, which is the last one unless lists lag.
func (g *Google) begin(r *googleRequest, of string, acl int, seq, last int64) (page, *googleError) {
	if err := g.quirks.tokensGone(r); err != nil {
		return page{}, err
	}
	p := page{googleToken: googleToken{Of: of, ACL: acl, Seq: seq, Asked: asked(r.query, append(standard, "syncToken", "timeMin", "timeMax")...)}}
	if text := r.query.Get("syncToken"); text != "" {
		t, err := g.syncToken(text, p.googleToken, last)
		if err != nil {
			return p, err
		}
		p.sync, p.From, p.Min, p.Max = true, t.Seq, t.Min, t.Max
	}
	text := r.query.Get("pageToken")
	if text == "" {
		return p, nil
	}
	t, known := readToken(text)
	all := asked(r.query, standard...)
	if !known || !t.IsPage || t.Of != of || t.Epoch != g.pageEpoch || t.Asked != all {
		return p, invalid("Invalid page token value.").parameter("pageToken")
	}
	p.At, p.Seq = t.At, t.Seq
	return p, nil
}

// syncToken: 410 when it is too old or the access has changed since (Google, Synchronize resources efficiently); the client has to read
// everything anew.
func (g *Google) syncToken(text string, want googleToken, last int64) (googleToken, *googleError) {
	t, known := readToken(text)
	switch {
	case !known || t.IsPage || t.Of != want.Of:
		return t, invalid("Invalid sync token value.").parameter("syncToken")
	case t.Epoch != g.tokenEpoch || t.ACL != want.ACL || t.Seq > last: // of a future that a restored backup does not know
		return t, fullSyncRequired()
	case t.Asked != want.Asked:
		return t, invalid("Sync token cannot be used with other request parameters than the initial request.").parameter("syncToken")
	}
	return t, nil
}

func (g *Google) nextPage(r *googleRequest, p page, at int) string {
	t := p.googleToken
	t.IsPage, t.Epoch, t.At, t.Asked = true, g.pageEpoch, at, asked(r.query, standard...)
	return t.String()
}

func (g *Google) nextSync(p page) string {
	t := p.googleToken
	t.Epoch, t.From, t.At = g.tokenEpoch, 0, 0
	return t.String()
}
