package sim

import "time"

// Quirks are the deviations of real servers, all off in the zero value. Each names servers that have it, where such are known.
type Quirks struct {
	// Entity tags

	NoETagOnPut    bool   // PUT answers without ETag (Google CalDAV, ownCloud, iCloud, whoever rewrites)
	ETagOnRewrite  bool   // PUT answers the ETag of the rewritten body, as if it were the one sent (Radicale, Xandikos, SOGo)
	LyingETagOnPut bool   // PUT answers an ETag that no later GET shows (caldav-adapter, older Cyrus)
	WeakETags      bool   // W/"x" is shown, but only "x" matches (nginx compressing in front of a server)
	WeakMatch      bool   // If-Match: W/"x" matches (Cyrus; RFC 9110 §13.1.1 says never)
	UnquotedETags  bool   // x instead of "x" (Yandex, SmarterMail, Kerio)
	GzipETagSuffix bool   // compressed answers to GET show "x-gzip", which no If-Match matches (Apache mod_deflate)
	CounterETags   bool   // "gcs00000000" counts versions from 0, again after delete and re-create (SOGo)
	NoListedETags  bool   // PROPFIND Depth 1 has no getetag (SmarterMail)
	StaleETags     bool   // listings show the ETag before the last write (Open-Xchange)
	MtimeETags     bool   // the ETag is the second of the last change: two changes within one show the same (servers on plain files)
	StripProperty  string // names, joined by commas, that are dropped from stored bodies (mail.ru, Synology, Zimbra)
	AddProperty    string // a content line every VEVENT without that property gets (SOGo: CLASS:PUBLIC)
	RewriteBody    bool   // upper-cases names, reorders properties; says the same (Radicale, Xandikos, Cyrus)
	DamageQuotes   bool   // quotes around parameter values are dropped, whatever is inside (DAViCal)
	RequestStamp   bool   // whenever it is read, an event has a second DTSTAMP: the time of the request (iCloud, home-assistant/core #140087)

	StaleETagsFor time.Duration // listings and reports show the ETag before a write for so long after it (mailbox.org, dominik1001/caldav-mcp #96)

	// Preconditions

	IgnoreIfMatch      bool // If-Match is not looked at
	IgnoreIfNoneMatch  bool // If-None-Match is not looked at (SOGo)
	IfMatchCreates     bool // PUT with If-Match where nothing is creates (SOGo)
	OneETagOnly        bool // If-Match: * and lists never match (Radicale 3.1; DAViCal for lists)
	MissingFor412      bool // 404 where 412 is due
	ConflictFor412     bool // 409 where 412 is due (Google CalDAV, for what was made on its web page)
	DeleteMissing412   bool // DELETE with If-Match where nothing is: 412, not 404 (Sabre 1.8)
	DeleteIgnoresMatch bool // DELETE with any If-Match (SOGo)
	MoveIgnoresMatch   bool // MOVE with any If-Match (Radicale)
	MoveStatus         int  // MOVE is refused with it (Xandikos 405, Sabre 1.8 403)

	// Synchronisation

	NoSyncCollection      bool // 403 DAV:supported-report, no sync-token property (Sabre 1.8, Posteo, GMX)
	NoCTag                bool // no getctag, which is no standard
	NoInlineData          bool // sync-collection answers no calendar-data (Xandikos, DAViCal, SOGo)
	NoEmptyToken          bool // an empty sync-token is a bad request (some Cyrus)
	TokenErrorStatus      int  // for tokens not known; 0: 403 (Xandikos 500, old Nextcloud 418, others 400, 409, 410, 412)
	ForgetTokens          bool // no token is known any more (retention of a minute; cache removed)
	TokenAlwaysFull       bool // a bad token gets a full listing that poses as a delta (DAViCal)
	NeverReportDeletions  bool // sync-collection names no removals
	LoseLogRows           bool // changes made meanwhile never show in a delta (Nextcloud)
	LoseEveryRow          int  // of the changes to a calendar every so-manieth never shows in a delta (Nextcloud #36644)
	SecondTokens          bool // a token is a Unix time, "0" of an empty calendar; what happened in its second is told again (SOGo)
	TokenAlwaysZero       bool // the token is ".../0" for ever, and gets everything since the beginning (rustical #251)
	RestlessTokens        bool // each answer has a new token, though nothing has changed
	InitialTombstones     bool // the initial sync names what is long gone (Radicale; SOGo after a bad token)
	SkipShortLived        bool // what was made and removed between two tokens is not named (Xandikos)
	TruncateAt            int  // pages of so many, then 507 for the collection (Cyrus when asked; Nextcloud, Sabre unasked)
	WholeAnswer507OnLimit bool // a limit on the initial sync gets 507 and nothing else (Nextcloud)
	EmptyListing          bool // calendars list nothing: a server fault (Keeper, vdirsyncer reports)
	EmptyHome             bool // the home lists no calendars: a server fault
	MissCalendar          int  // the home leaves out every so-manieth calendar: a server fault
	MissEvery             int  // listings and reports leave out every so-manieth object: a server fault (Keeper #545, vdirsyncer #42)

	// Multistatus

	CollectionAmongMembers bool      // sync-collection and calendar-query name the collection too (vdirsyncer and DAVx⁵ guard against it)
	AbsoluteHrefs          bool      // http://host/path instead of /path (RFC 4918 §8.3 allows it)
	Hrefs                  HrefStyle // how names are escaped
	DuplicateResponses     bool      // everything is listed twice (Zimbra, DavMail)
	ControlCharInXML       bool      // characters that XML forbids, as they are (vdirsyncer #626)
	LFBodies               bool      // calendar-data has LF line ends (every server that does not escape CR)
	MultigetOmits          bool      // a missing href is left out (DAViCal)
	MultigetFailsWhole     bool      // a missing href makes the whole report 404 (Sabre 1.8)
	MultigetEmptyData      bool      // 200 with empty calendar-data
	MultigetReorders       bool      // not in the order asked for (Radicale, DAViCal)
	HomeOrigin             string    // the home is told to be on another origin: "https://p42-caldav.example.com" (iCloud)

	// Writing

	UIDUnique         UIDScope // within what a UID may be used once
	UIDStatus         int      // of the refusal; 0: 409, or 403 for UIDUser (Xandikos 412)
	TrashKeepsUIDs    bool     // a deleted UID cannot be created again: 400 (Nextcloud's trash bin)
	UIDMoves          bool     // a UID that is PUT into a second calendar leaves the first (Zimbra)
	MoveHrefOnCreate  bool     // a new object is filed under its UID, whatever name was PUT (Google CalDAV, Zoho)
	ReadOnly          bool     // every calendar may only be read: 403 DAV:need-privileges
	BareForbidden     bool     // 403 says nothing more
	ReadOnlyIs404     bool     // what may only be read is not there for a write: 404 (Nextcloud #61695)
	NeedsEnd          bool     // an event without DTEND and DURATION is 404 (iCloud, DAVx⁵ #1859)
	Schedules         bool     // guests are mailed of what their organizer writes, and he of what they write: see Mails (Nextcloud, SOGo, Zimbra, Fastmail)
	Status207OnPut    bool     // refusals of PUT and MKCALENDAR, and PROPFIND of what is not there, are 207 with the status inside (Xandikos)
	PlainStatuses     bool     // 201 for an overwriting PUT, 200 for DELETE (Radicale)
	RefuseText        string   // a body that contains it is refused, 403 C:valid-calendar-data, with a sentence (Fastmail)
	NoMakeCalendar    bool     // MKCALENDAR and MKCOL are 405 (Google CalDAV, Posteo, GMX)
	DeleteCalendar404 bool     // DELETE of a calendar works and says 404 (Cyrus)
	NoCalendarStatus  int      // for anything inside a calendar that is not there; 0: 404, PUT 409 (DAViCal 500, Cyrus 403)

	// Transport

	HTMLInsteadOfXML bool   // 200 and a login page to every request (captive portals, SOGo without its proxy)
	RetryAfter       string // every request is 503 with this Retry-After (iCloud)
	ThrottleEvery    int    // every so-manieth request is 503 with Retry-After: 1 (iCloud)
	GetFails         bool   // GET of an object is 500, reports work
	RefuseChunked    bool   // 400 to chunked bodies (Radicale)
	Gzip             bool   // answers are compressed when that is accepted (Radicale, Cyrus)
	SlowBody         Slow   // answers trickle
	HTTP10Close      bool   // one request a connection (Radicale, php -S)

	DateSkew time.Duration // the Date of answers is off by it
}

// HrefStyle is how a name is written in an href.
type HrefStyle string

const (
	HrefPlain    HrefStyle = ""          // what RFC 3986 asks for in a segment: "at@x y.ics" is "at@x%20y.ics"
	HrefEncoded  HrefStyle = "encoded"   // everything but letters, digits, - _ . ~ (Radicale, Xandikos)
	HrefLowerHex HrefStyle = "lower-hex" // the same in lower case: "%40", "%c3%a9" (Sabre)
	HrefRaw      HrefStyle = "raw"       // "?", ";" and "@" as they are (Cyrus)
	HrefDouble   HrefStyle = "double"    // escaped twice, and read so (proxies)
)

// UIDScope is within what a UID may be used once. The refusal is 409 C:no-uid-conflict with the holder's href (RFC 4791 §5.3.2.1), for
// UIDUser 403 C:unique-scheduling-object-resource (RFC 6638 §3.2.4.1).
type UIDScope string

const (
	UIDCollection UIDScope = ""     // the standard
	UIDUser       UIDScope = "user" // all calendars of the user (Cyrus, Apple CCS)
	UIDOff        UIDScope = "off"  // not checked (DAViCal, Sabre 1.8)
)
