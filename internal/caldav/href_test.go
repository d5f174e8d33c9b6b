package caldav

import (
	"net/url"
	"strings"
	"testing"
)

func testHrefs(t testing.TB, request string) hrefs {
	t.Helper()
	r, err := url.Parse(request)
	if err != nil {
		t.Fatal(err)
	}
	home, _ := url.Parse("https://dav.example.org/home/")
	return hrefs{request: r, home: home}
}

func TestHrefsHaveOneForm(t *testing.T) {
	const base = "https://dav.example.org/home/cal/"
	for _, c := range []struct{ name, request, raw, want string }{
		{"plain", base, "/home/cal/a.ics", "/home/cal/a.ics"},
		{"relative", base, "a.ics", "/home/cal/a.ics"},
		{"relative to a resource", base + "b.ics", "a.ics", "/home/cal/a.ics"},
		{"white space", base, "\n  /home/cal/a.ics\r\n", "/home/cal/a.ics"},
		{"Cyrus lists @ for %40", base, "/home/cal/at@x.ics", "/home/cal/at%40x.ics"},
		{"Sabre 1.8 writes hex in lower case", base, "/home/cal/caf%c3%a9.ics", "/home/cal/caf%C3%A9.ics"},
		{"raw UTF-8", base, "/home/cal/café.ics", "/home/cal/caf%C3%A9.ics"},
		{"escaped letters", base, "/home/cal/%61%2D%7e.ics", "/home/cal/a-~.ics"},
		{"decoded once", base, "/home/cal/pct%2541.ics", "/home/cal/pct%2541.ics"},
		{"an escaped slash stays in its segment", base, "/home/cal/sl%2fash.ics", "/home/cal/sl%2Fash.ics"},
		{"a percent sign alone", base, "/home/cal/100%.ics", "/home/cal/100%25.ics"},
		{"plus is a plus", base, "/home/cal/pl+us.ics", "/home/cal/pl%2Bus.ics"},
		{"Cyrus lists q?m raw", base, "/home/cal/q?m.ics", "/home/cal/q%3Fm.ics"},
		{"number sign", base, "/home/cal/hash#1.ics", "/home/cal/hash%231.ics"},
		{"double slashes", base, "/home//cal///a.ics", "/home/cal/a.ics"},
		{"double slash in front", base, "//home/cal/a.ics", "/home/cal/a.ics"},
		{"network path", base, "//dav.example.org/home/cal/a.ics", "/home/cal/a.ics"},
		{"absolute", base, "https://dav.example.org/home/cal/a.ics", "/home/cal/a.ics"},
		{"absolute with the port", base, "HTTPS://DAV.example.org:443/home/cal/a.ics", "/home/cal/a.ics"},
		{"http behind a proxy that ends TLS", base, "http://dav.example.org/home/cal/a.ics", "/home/cal/a.ics"},
		{"another host", base, "https://p42.Example.com/c/a@b.ics", "https://p42.example.com/c/a%40b.ics"},
		{"another port", base, "https://dav.example.org:8443/a.ics", "https://dav.example.org:8443/a.ics"},
		{"a path on the other host", "https://p42.example.com/c/", "/c/a.ics", "https://p42.example.com/c/a.ics"},
		{"collection", base, "/home/cal/", "/home/cal/"},
		{"collection without its slash", base, "/home/cal", "/home/cal"},
		{"root", base, "/", "/"},
	} {
		got, err := testHrefs(t, c.request).canonical(c.raw)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if again, err := testHrefs(t, c.request).canonical(string(got)); err != nil || again != got {
			t.Errorf("%s: %q becomes %q, %v", c.name, got, again, err)
		}
	}
}

func TestMembersLieInTheirCollection(t *testing.T) {
	const collection = "/home/cal/"
	h := testHrefs(t, "https://dav.example.org/home/cal/")
	for _, raw := range []string{
		"", ".", "..", "../other/a.ics", "/home/cal/../other/a.ics", "/home/cal/%2e%2E/other/a.ics", "/home/cal/./a.ics", "/home/cal/..",
		"/home/cal/", "/home/cal", "/home/cal-2/a.ics", "/home/a.ics", "/home/cal/sub/a.ics", "/home/cal/sub/", "/home/CAL/a.ics",
		"https://evil.example.com/home/cal/a.ics", "https://alice@dav.example.org/home/cal/a.ics", "ftp://dav.example.org/home/cal/a.ics",
		"//evil.example.com/home/cal/a.ics", "https://dav.example.org:444/home/cal/a.ics", "https:///home/cal/a.ics",
		"/home/cal/" + strings.Repeat("x", maxHref),
	} {
		if got, err := h.member(collection, raw); err == nil {
			t.Errorf("%q is taken for the member %q", raw, got)
		}
	}
	for _, raw := range []string{"/home/cal/a.ics", "/home/cal/cal", "/home/cal/...", "/home/cal/%2Fa.ics", `/home/cal/..%5c`} {
		if _, err := h.member(collection, raw); err != nil {
			t.Errorf("%q: %v", raw, err)
		}
	}
}
