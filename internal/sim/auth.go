package sim

import (
	"crypto/md5" // RFC 7616 §3.3: what digest servers speak
	"encoding/hex"
	"net/http"
	"strings"
)

const (
	realm = "sim"
	nonce = "6e6f742061207365637265742c206f6e6c792061206e6f6e6365"
)

// authenticate tells who asks. Without users anybody may, and is nobody in particular.
func (s *CalDAV) authenticate(r request) (user string, ok bool) {
	switch {
	case len(s.users) == 0:
		return "", true
	case s.digest:
		return s.digestUser(r)
	}
	name, given, ok := r.BasicAuth()
	password, known := s.users[name]
	return name, ok && known && given == password
}

func (s *CalDAV) challenge() answer {
	a := answer{status: http.StatusUnauthorized}
	if s.digest {
		return a.with("WWW-Authenticate", `Digest realm="`+realm+`", qop="auth", algorithm=MD5, nonce="`+nonce+`"`)
	}
	return a.with("WWW-Authenticate", `Basic realm="`+realm+`", charset="UTF-8"`)
}

// digestUser checks a response with qop=auth (RFC 7616 §3.4.1).
func (s *CalDAV) digestUser(r request) (string, bool) {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Digest ")
	if !ok {
		return "", false
	}
	p := parameters(fields)
	password, known := s.users[p["username"]]
	a1 := hash(p["username"], realm, password)
	a2 := hash(r.Method, p["uri"])
	want := hash(a1, nonce, p["nc"], p["cnonce"], "auth", a2)
	return p["username"], known && p["uri"] == r.URL.RequestURI() && p["nonce"] == nonce && p["response"] == want
}

func parameters(list string) map[string]string {
	out := map[string]string{}
	for field := range strings.SplitSeq(list, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		out[name] = strings.Trim(value, `"`)
	}
	return out
}

func hash(parts ...string) string {
	sum := md5.Sum([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}
