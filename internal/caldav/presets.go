package caldav

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Preset is what is known of a provider before the first word with it.
type Preset struct {
	Name string `json:"name"`
	// URL is where discovery begins. {server} is the user's own host, {username} the name in use there.
	URL  string `json:"url"`
	Note string `json:"note"` // what a user must know before the password is typed
}

// FindPreset finds a provider by its name, in any case.
func FindPreset(name string) (Preset, bool) {
	i := slices.IndexFunc(presets, func(p Preset) bool { return strings.EqualFold(p.Name, strings.TrimSpace(name)) })
	if i < 0 {
		return Preset{}, false
	}
	return presets[i], true
}

// Presets are all providers known, sorted by name.
func Presets() []Preset { return slices.Clone(presets) }

// NeedsServer reports whether the user runs the server, so that we cannot know its address.
func (p Preset) NeedsServer() bool { return strings.Contains(p.URL, "{server}") }

// Where fills in the URL. server may be a host, with port and path if need be, or a whole URL; its scheme, port and path then count.
func (p Preset) Where(server, username string) (string, error) {
	fill := strings.NewReplacer("{server}", "server", "{username}", url.PathEscape(username))
	if !p.NeedsServer() {
		return fill.Replace(p.URL), nil
	}
	if !strings.Contains(server, "://") {
		server = "https://" + server
	}
	u, err := parseURL(server)
	if err != nil {
		return "", fmt.Errorf("the preset %s needs the URL of your server: %w", p.Name, err)
	}
	template, err := parseURL(fill.Replace(p.URL))
	if err != nil {
		return "", fmt.Errorf("the preset %s: %w", p.Name, err)
	}
	if u.Port() == "" && template.Port() != "" {
		u.Host += ":" + template.Port()
	}
	path, marker := strings.TrimRight(u.EscapedPath(), "/"), p.marker()
	if marker != "" && strings.Contains(path+"/", marker) || strings.HasSuffix(path+"/", template.EscapedPath()) {
		return u.Scheme + "://" + u.Host + path + "/", nil // the user gave the whole of it
	}
	return u.Scheme + "://" + u.Host + path + template.EscapedPath(), nil
}

// marker is the part of the path that shows that a URL is complete: "/remote.php/".
func (p Preset) marker() string {
	_, path, _ := strings.Cut(strings.TrimPrefix(p.URL, "https://"), "/")
	if name, _, _ := strings.Cut(path, "/"); !strings.Contains(name, "{") {
		return "/" + name + "/"
	}
	return ""
}

// presets are sorted by name. Where a provider has moved, discovery still finds it by /.well-known/caldav on the same host.
var presets = []Preset{
	{"baikal", "https://{server}/dav.php/", "Baikal may ask for Digest authentication; it is recognised."},
	{"davical", "https://{server}/caldav.php/", ""},
	{"fastmail", "https://caldav.fastmail.com/dav/",
		"Make an app password with access to calendars: Settings, Privacy & Security, App passwords. The user name is the full address."},
	{"fruux", "https://dav.fruux.com/", "User name and password are shown in fruux's own settings for other devices, not those of the web page."},
	{"gmx", "https://caldav.gmx.net/begenda/dav/users/{username}/",
		"Switch CalDAV on in the calendar's settings; with two-factor login, make an app password. Users of gmx.com give https://caldav.gmx.com/ as URL."},
	{"icloud", "https://caldav.icloud.com/",
		"Make an app-specific password at account.apple.com, Sign-In and Security; the Apple password is refused. " +
			"Users in China give https://caldav.icloud.com.cn/ as URL."},
	{"mailbox.org", "https://dav.mailbox.org/caldav/", "The user name is the main address, no alias; with two-factor login, make an app password."},
	{"migadu", "https://cdav.migadu.com/", "The mailbox's address and password."},
	{"nextcloud", "https://{server}/remote.php/dav/",
		"Make an app password: Settings, Security, Devices & sessions. Wrong passwords slow the whole account down for a while."},
	{"owncloud", "https://{server}/remote.php/dav/", "Make an app password: Settings, Security."},
	{"posteo", "https://posteo.de:8443/", "The mailbox's address and password, whichever Posteo domain it has."},
	{"purelymail", "https://purelymail.com/webdav/", "With two-factor login, make an app password. Searches lag behind writes by minutes."},
	{"radicale", "https://{server}/{username}/", ""},
	{"runbox", "https://dav.runbox.com/", "With two-factor login, make an app password."},
	{"sogo", "https://{server}/SOGo/dav/{username}/", "SOGo does not check preconditions: avoid editing the same event in two places at once."},
	{"synology", "https://{server}:5001/caldav/{username}/",
		"The account of the NAS; Synology Calendar must be installed, and the certificate valid for the name. For a NAS at home, " +
			"CALBRIDGE_ALLOW_PRIVATE_HOSTS=true is needed."},
	{"web.de", "https://caldav.web.de/begenda/dav/users/{username}/",
		"Switch CalDAV on in the calendar's settings; with two-factor login, make an app password."},
	{"yahoo", "https://caldav.calendar.yahoo.com/", "Make an app password: Account security, Generate app password. The user name is the full address."},
	{"yandex", "https://caldav.yandex.ru/", "Make an app password for calendars. Yandex slows writes down on purpose."},
	{"zimbra", "https://{server}/dav/{username}/", "The user name is the full address. Tasks live in calendars of their own."},
	{"zoho", "https://calendar.zoho.com/caldav/",
		"Make an app password: My account, Security. Users of the European or Indian data centre give calendar.zoho.eu or calendar.zoho.in instead."},
}
