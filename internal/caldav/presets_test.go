package caldav

import (
	"slices"
	"strings"
	"testing"
)

func TestPresetsAreReady(t *testing.T) {
	all := Presets()
	if !slices.IsSortedFunc(all, func(a, b Preset) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the presets are not sorted")
	}
	for _, p := range all {
		found, ok := FindPreset(strings.ToUpper(p.Name))
		if !ok || found != p {
			t.Errorf("%s is not found", p.Name)
		}
		where, err := p.Where("cloud.example.com", "alice@example.com")
		if err != nil {
			t.Errorf("%s: %v", p.Name, err)
		}
		if u, err := parseURL(where); err != nil || u.Scheme != "https" || strings.ContainsAny(where, "{}") {
			t.Errorf("%s begins at %q: %v", p.Name, where, err)
		}
	}
	if _, ok := FindPreset("hotmail"); ok {
		t.Error("found a preset that is not there")
	}
}

func TestPresetWhere(t *testing.T) {
	for _, tt := range []struct{ preset, server, user, want string }{
		{"icloud", "", "a@b", "https://caldav.icloud.com/"},
		{"gmx", "", "a/b@gmx.net", "https://caldav.gmx.net/begenda/dav/users/a%2Fb@gmx.net/"},
		{"nextcloud", "cloud.example.com", "", "https://cloud.example.com/remote.php/dav/"},
		{"nextcloud", "https://example.com/nextcloud/", "", "https://example.com/nextcloud/remote.php/dav/"},
		{"nextcloud", "http://nas.lan:8080", "", "http://nas.lan:8080/remote.php/dav/"},
		{"nextcloud", "https://example.com/remote.php/dav", "", "https://example.com/remote.php/dav/"},
		{"radicale", "http://127.0.0.1:5232", "alice", "http://127.0.0.1:5232/alice/"},
		{"radicale", "http://127.0.0.1:5232/alice", "alice", "http://127.0.0.1:5232/alice/"},
		{"radicale", "https://example.com/radicale/", "alice", "https://example.com/radicale/alice/"},
		{"synology", "nas.example.com", "alice", "https://nas.example.com:5001/caldav/alice/"},
		{"synology", "https://nas.example.com:5006", "alice", "https://nas.example.com:5006/caldav/alice/"},
		{"nextcloud", "", "", ""},
	} {
		p, _ := FindPreset(tt.preset)
		if got, err := p.Where(tt.server, tt.user); got != tt.want || (err == nil) != (tt.want != "") {
			t.Errorf("%s at %q begins at %q, want %q (%v)", tt.preset, tt.server, got, tt.want, err)
		}
	}
}
