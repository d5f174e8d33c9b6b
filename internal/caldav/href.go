package caldav

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"calbridge/internal/cal"
)

// hrefs turns what servers write between <href> and </href> into the one canonical form, so that equal resources are equal strings
// whatever was escaped and how: every path segment is percent-decoded once and encoded again with nothing left bare but the unreserved
// characters (RFC 3986 §2.3, §6.2.2). Cyrus lists at@x.ics for what was PUT as at%40x.ics, Sabre 1.8 writes %c3 for %C3. An encoded slash
// stays inside its segment. A path stands for the origin of the calendar home; whatever lies elsewhere keeps its origin.
type hrefs struct {
	request *url.URL // what the hrefs are relative to (RFC 4918 §8.3)
	home    *url.URL
}

var (
	errOutside = errors.New("not directly inside the collection")
	errHref    = errors.New("not an href")
)

const maxHref = 4096 // bytes in canonical form

// canonical resolves raw and writes it canonically; a trailing slash stays. Here '?' and '#' are letters of a name: no CalDAV resource
// has a query, and Cyrus lists q%3Fm.ics as "q?m.ics".
func (h hrefs) canonical(raw string) (cal.Href, error) {
	raw = strings.Trim(raw, " \t\r\n")
	if raw == "" || len(raw) > maxHref {
		return "", errHref
	}
	origin, path, err := h.split(raw)
	if err != nil {
		return "", err
	}
	path, err = canonicalPath(path)
	if err != nil {
		return "", err
	}
	if !sameOrigin(origin, h.home) {
		path = strings.ToLower(origin.Scheme) + "://" + strings.ToLower(origin.Host) + path
	}
	if len(path) > maxHref {
		return "", errHref
	}
	return cal.Href(path), nil
}

// member is canonical for a resource that must lie directly in the collection: not the collection itself, not deeper, not elsewhere.
func (h hrefs) member(collection cal.Href, raw string) (cal.Href, error) {
	href, err := h.canonical(raw)
	if err != nil {
		return "", err
	}
	if !inside(collection, href) {
		return "", errOutside
	}
	return href, nil
}

// inside reports whether href, in canonical form, names a direct child of the collection that is no collection itself.
func inside(collection, href cal.Href) bool {
	name, ok := strings.CutPrefix(string(href), string(asCollection(collection)))
	return ok && name != "" && !strings.Contains(name, "/")
}

// asCollection gives href the trailing slash that collections should have (RFC 4918 §5.2) and some servers leave out.
func asCollection(href cal.Href) cal.Href {
	if strings.HasSuffix(string(href), "/") {
		return href
	}
	return href + "/"
}

// split finds the origin and the absolute path that raw means.
func (h hrefs) split(raw string) (origin *url.URL, path string, err error) {
	if scheme, rest, ok := strings.Cut(raw, "://"); ok && isScheme(scheme) {
		return cutOrigin(scheme, rest)
	}
	if rest, ok := strings.CutPrefix(raw, "//"); ok {
		// RFC 3986 §4.2 has a host follow; when it is none that we know, somebody joined two paths with one slash too many.
		if origin, path, err := cutOrigin(h.request.Scheme, rest); err == nil && (sameOrigin(origin, h.home) || sameOrigin(origin, h.request)) {
			return origin, path, nil
		}
	}
	if strings.HasPrefix(raw, "/") {
		return h.request, raw, nil
	}
	base := h.request.EscapedPath()
	return h.request, base[:strings.LastIndexByte(base, '/')+1] + raw, nil
}

func cutOrigin(scheme, rest string) (*url.URL, string, error) {
	host, path, _ := strings.Cut(rest, "/")
	origin, err := url.Parse(strings.ToLower(scheme) + "://" + host)
	if err != nil || origin.Host == "" || strings.Contains(origin.Host, "%") || origin.User != nil || origin.RawQuery != "" || origin.Fragment != "" {
		return nil, "", errHref
	}
	if origin.Scheme != "http" && origin.Scheme != "https" {
		return nil, "", errHref
	}
	return origin, "/" + path, nil
}

func isScheme(s string) bool {
	return s != "" && strings.Trim(strings.ToLower(s), "abcdefghijklmnopqrstuvwxyz0123456789+-.") == ""
}

// sameOrigin compares host and port. http and https on their own ports count as one: a server behind a proxy that ends TLS does not
// know that its name is https, and nothing is ever sent to the scheme an href names when its path will do.
func sameOrigin(a, b *url.URL) bool {
	return strings.EqualFold(a.Hostname(), b.Hostname()) && explicitPort(a) == explicitPort(b)
}

// explicitPort is the port unless it is the scheme's own.
func explicitPort(u *url.URL) string {
	port := u.Port()
	if u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80" {
		return ""
	}
	return port
}

// canonicalPath writes an absolute path canonically. Empty segments go; "." and ".." are refused, however they are written.
func canonicalPath(path string) (string, error) {
	if path == "/" {
		return path, nil
	}
	out := make([]byte, 0, len(path)+16)
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "" {
			continue
		}
		start := len(out) + 1
		out = appendSegment(append(out, '/'), segment)
		if name := string(out[start:]); name == "." || name == ".." {
			return "", fmt.Errorf("%w: it has a dot segment", errHref)
		}
	}
	if strings.HasSuffix(path, "/") {
		out = append(out, '/')
	}
	return string(out), nil
}

// appendSegment decodes one path segment once and encodes it strictly. A '%' that begins no escape is a letter.
func appendSegment(out []byte, segment string) []byte {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(segment); i++ {
		c := segment[i]
		if c == '%' && i+2 < len(segment) && isHex(segment[i+1]) && isHex(segment[i+2]) {
			c = unhex(segment[i+1])<<4 | unhex(segment[i+2])
			i += 2
		}
		if unreserved(c) {
			out = append(out, c)
		} else {
			out = append(out, '%', hex[c>>4], hex[c&15])
		}
	}
	return out
}

// unreserved: RFC 3986 §2.3.
func unreserved(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_' || c == '~'
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func unhex(c byte) byte {
	if c <= '9' {
		return c - '0'
	}
	return c | 0x20 - 'a' + 10
}
