package sim

import (
	"slices"
	"strings"
	"time"
)

// Profile is one provider: what it always does, and what it does now and then.
type Profile struct {
	Name   string
	Source string // where its row comes from: "measured" on a server of that name, issues as "project #number", standards

	Always    Quirks   // from the beginning
	Sometimes []string // names of Switches, or of GoogleSwitches and GoogleVariants, that a run may add
	Incidents []Incident

	Google bool // a Google server, which has no Quirks
}

// Incident is what befalls a server at a moment.
type Incident string

const (
	Restored Incident = "restored"  // from a backup: Backup
	Touched  Incident = "touched"   // new etags, old content: Touch, TouchAll
	Expired  Incident = "expired"   // tokens forgotten: Expire, ExpireSyncTokens
	RowsLost Incident = "rows lost" // LoseRows
)

// Profiles are the providers there are rows for; the first, plain, does everything as it is written.
func Profiles() []Profile {
	return []Profile{
		{Name: "plain", Source: "RFC 4791, 5689, 6578, 9110"},
		{Name: "icloud", Source: "home-assistant/core #140087, #111633; DAVx⁵ #1859; keeper PR #890; calcurse PR #60; buteo-sync PR #25",
			Always:    Quirks{NoETagOnPut: true, RequestStamp: true, NeedsEnd: true},
			Sometimes: strings.Fields("ThrottleEvery RetryAfter ForgetTokens MissEvery"), Incidents: []Incident{Touched, Expired}},
		{Name: "fastmail", Source: "cyrus, measured; vdirsyncer #824; tasks #1323; python-caldav compatibility_hints",
			Always: Quirks{WeakMatch: true, Hrefs: HrefRaw, LFBodies: true, UIDUnique: UIDUser, DeleteCalendar404: true, NoCalendarStatus: 403,
				Gzip: true, Schedules: true},
			Sometimes: strings.Fields("ThrottleEvery ForgetTokens LyingETagOnPut"), Incidents: []Incident{Expired}},
		{Name: "nextcloud", Source: "nextcloud/server #48678, #36644, #30096, #61695, #3534; OutlookCalDavSynchronizer #116",
			Always:    Quirks{WholeAnswer507OnLimit: true, TrashKeepsUIDs: true, LFBodies: true, Hrefs: HrefLowerHex, ReadOnlyIs404: true, Schedules: true},
			Sometimes: strings.Fields("LoseEveryRow LoseLogRows ForgetTokens ThrottleEvery TruncateAt ReadOnly EmptyListing"), Incidents: []Incident{Touched, Expired, RowsLost, Restored}},
		{Name: "zimbra", Source: "python-caldav compatibility_hints (save.duplicate-uid.cross-calendar); vdirsyncer #88, #144, #696; OutlookCalDavSynchronizer #15",
			Always:    Quirks{UIDMoves: true, DuplicateResponses: true, RewriteBody: true, NoETagOnPut: true, StripProperty: "RELATED-TO", Schedules: true},
			Sometimes: strings.Fields("ForgetTokens GetFails"), Incidents: []Incident{Expired, Restored}},
		{Name: "sogo", Source: "measured, 5.8.0; OutlookCalDavSynchronizer #214",
			Always: Quirks{RewriteBody: true, AddProperty: "CLASS:PUBLIC", ETagOnRewrite: true, CounterETags: true, IgnoreIfNoneMatch: true,
				DeleteIgnoresMatch: true, IfMatchCreates: true, NoInlineData: true, TokenAlwaysFull: true, InitialTombstones: true, SecondTokens: true,
				LFBodies: true, Schedules: true, HTTP10Close: true},
			Sometimes: strings.Fields("HTMLInsteadOfXML ForgetTokens"), Incidents: []Incident{Restored}},
		{Name: "mailbox.org", Source: "dominik1001/caldav-mcp #96; vdirsyncer #739; planify #2018",
			Always:    Quirks{StaleETagsFor: 30 * time.Second, NoETagOnPut: true},
			Sometimes: strings.Fields("ThrottleEvery ForgetTokens MultigetEmptyData"), Incidents: []Incident{Expired}},
		{Name: "posteo", Source: "planify PR #2398; python-caldav compatibility_hints",
			Always:    Quirks{NoSyncCollection: true, NoMakeCalendar: true, LFBodies: true, Hrefs: HrefLowerHex},
			Sometimes: strings.Fields("ThrottleEvery EmptyListing MissEvery"), Incidents: []Incident{Touched}},
		{Name: "gmx", Source: "python-caldav compatibility_hints; OutlookCalDavSynchronizer changelog",
			Always:    Quirks{NoSyncCollection: true, NoMakeCalendar: true, NoETagOnPut: true, NoCTag: true, RewriteBody: true},
			Sometimes: strings.Fields("ThrottleEvery RetryAfter MissEvery"), Incidents: []Incident{Touched}},
		{Name: "radicale", Source: "measured, 3.1.8",
			Always: Quirks{RewriteBody: true, ETagOnRewrite: true, OneETagOnly: true, MoveIgnoresMatch: true, InitialTombstones: true,
				MultigetReorders: true, Hrefs: HrefEncoded, LFBodies: true, PlainStatuses: true, RefuseChunked: true, Gzip: true, HTTP10Close: true},
			Sometimes: strings.Fields("ForgetTokens"), Incidents: []Incident{Restored, Expired}},
		{Name: "xandikos", Source: "measured, 0.2.8",
			Always: Quirks{RewriteBody: true, ETagOnRewrite: true, MoveStatus: 405, NoInlineData: true, TokenErrorStatus: 500, SkipShortLived: true,
				Hrefs: HrefEncoded, LFBodies: true, Status207OnPut: true, UIDStatus: 412, NoCalendarStatus: 404},
			Sometimes: strings.Fields("ForgetTokens"), Incidents: []Incident{Restored}},
		{Name: "cyrus", Source: "measured, 3.6.1; cyrus-imapd #4985, PR #6111",
			Always:    Quirks{WeakMatch: true, Hrefs: HrefRaw, LFBodies: true, UIDUnique: UIDUser, DeleteCalendar404: true, NoCalendarStatus: 403, Gzip: true},
			Sometimes: strings.Fields("ForgetTokens LyingETagOnPut NoEmptyToken"), Incidents: []Incident{Expired, Restored}},
		{Name: "davical", Source: "measured, 1.1.12",
			Always: Quirks{OneETagOnly: true, NoInlineData: true, TokenAlwaysFull: true, MultigetOmits: true, Hrefs: HrefEncoded, LFBodies: true,
				UIDUnique: UIDOff, NoCalendarStatus: 500, HTTP10Close: true},
			Sometimes: strings.Fields("ForgetTokens DamageQuotes"), Incidents: []Incident{Restored}},
		{Name: "sabre", Source: "measured, 1.8.12",
			Always: Quirks{NoSyncCollection: true, DeleteMissing412: true, MoveStatus: 403, Hrefs: HrefLowerHex, LFBodies: true,
				MultigetFailsWhole: true, UIDUnique: UIDOff, HTTP10Close: true},
			Sometimes: strings.Fields("EmptyListing MissEvery"), Incidents: []Incident{Touched, Restored}},
		{Name: "google", Source: "Google Calendar API v3, discovery document 20260925 and guides; google-api-ruby-client #129, #1811; gcalcli #784",
			Google: true,
			Sometimes: strings.Fields("EmptyEvents EmptyEntries MissEvery DuplicateItems LoseEveryRow SyncTokensGone PageTokensGone " +
				"PageSize MaxPage TooManyRequests NoOpChangesETag SeriesDeletionNamesAll ExceptionsTouchSeries NoRevival ImportReplaces RotateRefreshTokens"),
			Incidents: []Incident{Touched, Expired}},
	}
}

// ProfileOf finds a profile by its name, in any case.
func ProfileOf(name string) (Profile, bool) {
	for _, p := range Profiles() {
		if strings.EqualFold(p.Name, name) {
			return p, true
		}
	}
	return Profile{}, false
}

// Like gives the quirks a provider always has; none for a name without a profile.
func Like(name string) Quirks {
	p, _ := ProfileOf(name)
	return p.Always
}

// Switches are those named by Sometimes, for a CalDAV server.
func (p Profile) Switches() []Switch[Quirks] { return named(p, Switches()) }

// GoogleSwitches are those named by Sometimes, for a Google server.
func (p Profile) GoogleSwitches() []Switch[GoogleQuirks] { return named(p, GoogleSwitches()) }

// GoogleVariants are the options named by Sometimes, for a Google server.
func (p Profile) GoogleVariants() []Switch[GoogleOptions] { return named(p, GoogleVariants()) }

func named[T any](p Profile, all []Switch[T]) []Switch[T] {
	return slices.DeleteFunc(all, func(s Switch[T]) bool { return !slices.Contains(p.Sometimes, s.Name) })
}

// Unsafe, Lies and Damages name what the profile always does that is marked so (Switch): none for most.

func (p Profile) Unsafe() []string { return p.always(func(s Switch[Quirks]) bool { return s.Unsafe }) }
func (p Profile) Lies() []string   { return p.always(func(s Switch[Quirks]) bool { return s.Lies }) }
func (p Profile) Damages() []string {
	return p.always(func(s Switch[Quirks]) bool { return s.Damages })
}

func (p Profile) always(marked func(Switch[Quirks]) bool) (names []string) {
	for _, s := range Switches() {
		if marked(s) && s.IsOn(p.Always) {
			names = append(names, s.Name)
		}
	}
	return names
}
