package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"calbridge/internal/google"
)

// settings are what is in force: flags, then the environment, then the TOML file, then the defaults.
type settings struct {
	database   string // sqlite:FILE or postgres://…
	key        string // the master key itself; empty: see keyFile
	keyFile    string // where the master key is; empty: beside the SQLite database
	private    bool
	reconcile  time.Duration // between complete listings; 0: never
	maxDelete  float64       // share of a calendar
	google     googleSettings
	publicURL  string // where the internet reaches this program; empty: nowhere
	provenance map[string]string
}

// googleSettings are the OAuth client and where Google is. The addresses are the operator's own choice, so unlike the CalDAV server that a
// user of calbridge names they are trusted, and may be private ones whatever allow_private_hosts says.
type googleSettings struct {
	clientID  string
	secret    google.Secret
	apiURL    string // ends in /calendar/v3/
	authURL   string
	tokenURL  string
	revokeURL string
	perMinute int // requests of one account; 0: Google's usual quota
}

// hook is where Google's push notifications arrive; empty: it cannot reach us.
func (s settings) hook() string {
	if s.publicURL == "" {
		return ""
	}
	return strings.TrimSuffix(s.publicURL, "/") + "/hooks/google"
}

var googleItself = googleSettings{apiURL: google.GoogleAPI, authURL: google.GoogleAuth, tokenURL: google.GoogleToken, revokeURL: google.GoogleRevoke}

// flags are the settings and switches that every command takes.
type flags struct {
	JSON    bool `name:"json" help:"Print one JSON document."`
	Verbose bool `short:"v" help:"Tell on standard error of every request that is sent."`
	Migrate bool `help:"Bring a PostgreSQL schema up to date first. SQLite always is."`

	Config            string `group:"settings" help:"TOML file with settings (CALBRIDGE_CONFIG)." placeholder:"FILE"`
	DB                string `group:"settings" name:"db" help:"Database: sqlite:FILE or postgres://… (CALBRIDGE_DB)." placeholder:"URL"`
	KeyFile           string `group:"settings" help:"File with the master key (CALBRIDGE_KEY_FILE, or the key itself in CALBRIDGE_KEY)." placeholder:"FILE"`
	AllowPrivateHosts *bool  `group:"settings" help:"Talk to servers on loopback and private addresses (CALBRIDGE_ALLOW_PRIVATE_HOSTS)." negatable:""`
	ReconcileInterval string `group:"settings" help:"How often everything is listed to heal what a server's change log lost (CALBRIDGE_RECONCILE_INTERVAL)." placeholder:"24h"`
	MaxDelete         string `group:"settings" help:"Share of a calendar that one sync may delete unasked (CALBRIDGE_MAX_DELETE)." placeholder:"0.5"`
}

// setting is one of them: its name in TOML, its environment variable, its flag, and how it is read and shown.
type setting struct {
	name, env string
	flag      func(flags) string
	read      func(*settings, string) error
	show      func(settings) any
}

var allSettings = []setting{
	{"database", "CALBRIDGE_DB", func(f flags) string { return f.DB }, (*settings).readDatabase,
		func(s settings) any { return hidePassword(s.database) }},
	{"key", "CALBRIDGE_KEY", noFlag, func(s *settings, text string) error { s.key = text; return nil },
		func(s settings) any { return hideKey(s.key) }},
	{"key_file", "CALBRIDGE_KEY_FILE", func(f flags) string { return f.KeyFile },
		func(s *settings, text string) error { s.keyFile = text; return nil }, func(s settings) any { return s.keyPath() }},
	{"allow_private_hosts", "CALBRIDGE_ALLOW_PRIVATE_HOSTS", privateFlag, (*settings).readPrivate, func(s settings) any { return s.private }},
	{"reconcile_interval", "CALBRIDGE_RECONCILE_INTERVAL", func(f flags) string { return f.ReconcileInterval },
		(*settings).readReconcile, func(s settings) any { return brief(s.reconcile) }},
	{"max_delete", "CALBRIDGE_MAX_DELETE", func(f flags) string { return f.MaxDelete }, (*settings).readMaxDelete,
		func(s settings) any { return s.maxDelete }},
	{"google_client_id", "CALBRIDGE_GOOGLE_CLIENT_ID", noFlag,
		func(s *settings, text string) error { s.google.clientID = strings.TrimSpace(text); return nil },
		func(s settings) any { return s.google.clientID }},
	{"google_client_secret", "CALBRIDGE_GOOGLE_CLIENT_SECRET", noFlag,
		func(s *settings, text string) error {
			s.google.secret = google.Secret(strings.TrimSpace(text))
			return nil
		},
		func(s settings) any { return hideKey(string(s.google.secret)) }},
	{"google_api_url", "CALBRIDGE_GOOGLE_API_URL", noFlag, (*settings).readGoogleAPI, func(s settings) any { return s.google.apiURL }},
	{"google_auth_url", "CALBRIDGE_GOOGLE_AUTH_URL", noFlag, readURL(func(s *settings) *string { return &s.google.authURL }),
		func(s settings) any { return s.google.authURL }},
	{"google_token_url", "CALBRIDGE_GOOGLE_TOKEN_URL", noFlag, readURL(func(s *settings) *string { return &s.google.tokenURL }),
		func(s settings) any { return s.google.tokenURL }},
	{"google_revoke_url", "CALBRIDGE_GOOGLE_REVOKE_URL", noFlag, readURL(func(s *settings) *string { return &s.google.revokeURL }),
		func(s settings) any { return s.google.revokeURL }},
	{"google_requests_per_minute", "CALBRIDGE_GOOGLE_REQUESTS_PER_MINUTE", noFlag, (*settings).readPerMinute,
		func(s settings) any { return cmp.Or(s.google.perMinute, google.PerMinute) }},
	{"public_url", "CALBRIDGE_PUBLIC_URL", noFlag, readURL(func(s *settings) *string { return &s.publicURL }),
		func(s settings) any { return s.publicURL }},
}

func noFlag(flags) string { return "" }

// load finds the settings in force.
func (f flags) load(env func(string) string) (settings, error) {
	s := settings{reconcile: 24 * time.Hour, maxDelete: 0.5, google: googleItself, provenance: map[string]string{}}
	path := cmp.Or(f.Config, env("CALBRIDGE_CONFIG"))
	file, err := readFile(path)
	if err != nil {
		return s, err
	}
	for _, one := range allSettings {
		text, from := one.find(f, env, file, path)
		s.provenance[one.name] = from
		if text == "" {
			continue
		}
		if err := one.read(&s, text); err != nil {
			return s, usage("setting %s (from %s): %w", one.name, from, err)
		}
	}
	if s.database == "" {
		s.database, err = defaultDatabase(env)
	}
	return s, err
}

// find gives a setting's text and where it was found.
func (one setting) find(f flags, env func(string) string, file map[string]any, path string) (text, from string) {
	if text := one.flag(f); text != "" {
		return text, "the command line"
	}
	if text := env(one.env); text != "" {
		return text, one.env
	}
	if value, ok := file[one.name]; ok {
		return fmt.Sprint(value), path
	}
	return "", "default"
}

// readFile reads a TOML file of settings. A name nobody knows is a mistake of its writer, who wants to hear of it.
func readFile(path string) (map[string]any, error) {
	values := map[string]any{}
	if path == "" {
		return values, nil
	}
	if _, err := toml.DecodeFile(path, &values); err != nil {
		return nil, usage("read the settings file %s: %w", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		known := func(one setting) bool { return one.name == name }
		if !slices.ContainsFunc(allSettings, known) {
			return nil, usage("settings file %s: there is no setting %q; `calbridge config` lists them", path, name)
		}
	}
	return values, nil
}

func privateFlag(f flags) string {
	if f.AllowPrivateHosts == nil {
		return ""
	}
	return strconv.FormatBool(*f.AllowPrivateHosts)
}

// readDatabase takes a URL; a bare path means SQLite.
func (s *settings) readDatabase(text string) error {
	switch scheme, _, found := strings.Cut(text, ":"); {
	case !found || strings.ContainsAny(scheme, "/."):
		s.database = "sqlite:" + text
	case scheme == "sqlite" || scheme == "postgres" || scheme == "postgresql":
		s.database = text
	default:
		return fmt.Errorf("sqlite:FILE or postgres://user@host/name was expected")
	}
	return nil
}

func (s *settings) readPrivate(text string) (err error) {
	if s.private, err = strconv.ParseBool(text); err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	return nil
}

func (s *settings) readReconcile(text string) (err error) {
	if s.reconcile, err = time.ParseDuration(text); err != nil || s.reconcile < 0 {
		return fmt.Errorf("%q is not a length of time such as 24h or 90m; 0 is never", text)
	}
	return nil
}

func (s *settings) readMaxDelete(text string) (err error) {
	if s.maxDelete, err = strconv.ParseFloat(text, 64); err != nil || !(s.maxDelete > 0 && s.maxDelete <= 1) {
		return fmt.Errorf("%q is not a share above 0 and up to 1, as 0.5; 1 switches the guard off", text)
	}
	return nil
}

// readURL gives the reader of a setting that is an address.
func readURL(of func(*settings) *string) func(*settings, string) error {
	return func(s *settings, text string) error {
		_, err := safeURL(text)
		*of(s) = text
		return err
	}
}

// safeURL takes what tokens may be sent to: https, or http where it does not leave the machine.
func safeURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "": // which is not quoted: it may hold a password
		return nil, errors.New("a URL such as https://host/path was expected, with no user name and no #fragment")
	case u.Scheme == "https" || u.Scheme == "http" && isLoopback(u.Hostname()):
		return u, nil
	}
	return nil, fmt.Errorf("%q is not https: (http: is for this machine only, as http://127.0.0.1:8080/)", text)
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// readPerMinute takes the quota that the operator's project has; those made before May 2026 may have another than is usual.
func (s *settings) readPerMinute(text string) (err error) {
	if s.google.perMinute, err = strconv.Atoi(text); err != nil || s.google.perMinute < 1 {
		return fmt.Errorf("%q is not a number of requests above 0, as %d", text, google.PerMinute)
	}
	return nil
}

const googlePath = "/calendar/v3/"

// readGoogleAPI fills in the path where there is none. Without its last slash every request would go astray.
func (s *settings) readGoogleAPI(text string) error {
	u, err := safeURL(text)
	if err != nil {
		return err
	}
	switch {
	case u.Path == "" || u.Path == "/":
		u.Path = googlePath
	case strings.HasSuffix(u.Path+"/", googlePath):
		u.Path += "/"
	case !strings.HasSuffix(u.Path, googlePath):
		return fmt.Errorf("%q does not end in %s, as %s does", text, googlePath, google.GoogleAPI)
	}
	if u.RawQuery != "" {
		return fmt.Errorf("%q has a query (?); %s was expected", text, google.GoogleAPI)
	}
	s.google.apiURL = u.String()
	return nil
}

// defaultDatabase is a file in the user's state folder (XDG Base Directory Specification; a relative path in the variable is void).
func defaultDatabase(env func(string) string) (string, error) {
	state := env("XDG_STATE_HOME")
	if !filepath.IsAbs(state) {
		home := env("HOME")
		if home == "" {
			return "", usage("where is the database? Neither CALBRIDGE_DB nor HOME is set; give --db sqlite:FILE")
		}
		state = filepath.Join(home, ".local", "state")
	}
	return "sqlite:" + filepath.Join(state, "calbridge", "calbridge.db"), nil
}

// sqliteFile is the database's path, or nothing when it is no SQLite.
func (s settings) sqliteFile() string {
	path, ok := strings.CutPrefix(s.database, "sqlite:")
	if !ok {
		return ""
	}
	return strings.TrimPrefix(path, "//")
}

// keyPath is where the master key is kept; empty: only in the setting.
func (s settings) keyPath() string {
	if s.key != "" || s.keyFile != "" || s.sqliteFile() == "" {
		return s.keyFile
	}
	return strings.TrimSuffix(s.sqliteFile(), ".db") + ".key"
}

func hidePassword(database string) string {
	u, err := url.Parse(database)
	switch {
	case strings.HasPrefix(database, "sqlite:"):
		return database
	case err != nil:
		return "(cannot be read)" // and may hold a password
	}
	return u.Redacted()
}

func hideKey(key string) string {
	if key == "" {
		return ""
	}
	return "(hidden)"
}

// brief writes a duration as people do: 24h, not 24h0m0s.
func brief(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// configCmd is `calbridge config`.
type configCmd struct{}

type settingView struct {
	Name   string `json:"name"`
	Value  any    `json:"value"`
	From   string `json:"from"`
	EnvVar string `json:"environment"`
}

func (configCmd) Run(s *session) error {
	inForce, err := s.settings()
	if err != nil {
		return err
	}
	views := make([]settingView, 0, len(allSettings))
	for _, one := range allSettings {
		views = append(views, settingView{one.name, one.show(inForce), inForce.provenance[one.name], one.env})
	}
	if s.JSON {
		return s.json(map[string]any{"settings": views})
	}
	t := s.table("setting", "value", "from", "environment")
	for _, v := range views {
		t.row(v.Name, fmt.Sprint(v.Value), v.From, v.EnvVar)
	}
	return t.flush()
}
