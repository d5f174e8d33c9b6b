package caldav

import "testing"

func TestSite(t *testing.T) {
	for _, tt := range []struct {
		home, other string
		same        bool
	}{
		{"https://dav.example.com/", "https://dav.example.com/x", true},
		{"https://dav.example.com/", "https://DAV.Example.COM./x", true},
		{"https://dav.example.com/", "https://dav.example.com:8443/x", true},
		{"https://caldav.icloud.com/", "https://p42-caldav.icloud.com/", true},
		{"https://caldav.icloud.com/", "https://p42-caldav.icloud.com:443/", true},
		{"https://caldav.icloud.com/", "https://p42-caldav.icloud.com.cn/", false},
		{"https://caldav.icloud.com.cn/", "https://p42-caldav.icloud.com.cn/", true},
		{"https://caldav.icloud.com/", "https://icloud.com.evil.test/", false},
		{"https://caldav.icloud.com/", "https://evilicloud.com/", false},
		{"https://alice.duckdns.org/", "https://bob.duckdns.org/", false},
		{"https://a.co.uk/", "https://b.co.uk/", false},
		{"https://dav.example.com/", "http://dav.example.com/", false},
		{"https://bücher.example.com/", "https://xn--bcher-kva.example.com/", true},
		{"https://192.0.2.1/", "https://192.0.2.2/", false},
		{"https://192.0.2.1/", "https://192.0.2.1:8443/", true},
		{"https://nas/", "https://router/", false},
		{"http://nas.lan/", "https://nas.lan/", true},
		{"http://nas.lan/", "http://nas.lan:80/", true},
		{"http://nas.lan/", "http://nas.lan:8080/", false},
		{"http://nas.example.com/", "http://dav.example.com/", false},
		{"http://nas.example.com/", "https://dav.example.com/", false},
		{"http://127.0.0.1:5232/", "http://127.0.0.1:5233/", false},
	} {
		home, err := parseURL(tt.home)
		if err != nil {
			t.Fatal(err)
		}
		other, err := parseURL(tt.other)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameSite(home, other); got != tt.same {
			t.Errorf("%s and %s: %v", tt.home, tt.other, got)
		}
	}
}

func TestParseURLRefuses(t *testing.T) {
	for _, text := range []string{"", "dav.example.com", "/path", "ftp://x/", "https:x", "https://", "https://.", "https://:443/", "https://u@x/",
		"https://u:p@x/", "https://x/#y", "https://x\r\n/", "https://x/\x00", "javascript:x", "https://%zz/", "https://[::1/"} {
		if u, err := parseURL(text); err == nil {
			t.Errorf("%q was read as %s", text, u)
		}
	}
}
