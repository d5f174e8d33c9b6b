package ical

import (
	"slices"
	"strings"
)

// Zone gives the IANA name of a time zone that a TZID names: itself, a Windows name (Unicode CLDR), or what follows a vendor's prefix
// as in /freeassociation.sourceforge.net/Europe/Berlin (RFC 5545 §3.8.3.1 leaves the names behind a solidus to registries).
func Zone(tzid string) (iana string, ok bool) {
	tzid = strings.TrimSpace(tzid)
	if isIANA(tzid) {
		return current(tzid), true
	}
	if i, ok := slices.BinarySearchFunc(windowsZones[:], tzid, func(row [2]string, name string) int { return strings.Compare(row[0], name) }); ok {
		return current(windowsZones[i][1]), true
	}
	if strings.EqualFold(tzid, "tzone://Microsoft/Utc") { // Exchange
		return "UTC", true
	}
	for rest := tzid; ; {
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return "", false
		}
		if rest = rest[slash+1:]; isIANA(rest) {
			return current(rest), true
		}
	}
}

func isIANA(name string) bool {
	_, ok := slices.BinarySearch(ianaZones[:], name)
	return ok
}

// current is what a renamed zone is called today. Zones that merely share their rules are not each other's names.
func current(name string) string {
	if i, ok := slices.BinarySearchFunc(renamedZones[:], name, func(row [2]string, name string) int { return strings.Compare(row[0], name) }); ok {
		return renamedZones[i][1]
	}
	return name
}

// renamedZones are names that the time zone database keeps for the sake of old data, with today's. Sorted by the first.
var renamedZones = [...][2]string{
	{"America/Buenos_Aires", "America/Argentina/Buenos_Aires"},
	{"America/Fort_Wayne", "America/Indiana/Indianapolis"},
	{"America/Godthab", "America/Nuuk"},
	{"America/Indianapolis", "America/Indiana/Indianapolis"},
	{"America/Louisville", "America/Kentucky/Louisville"},
	{"Asia/Calcutta", "Asia/Kolkata"},
	{"Asia/Dacca", "Asia/Dhaka"},
	{"Asia/Katmandu", "Asia/Kathmandu"},
	{"Asia/Macao", "Asia/Macau"},
	{"Asia/Rangoon", "Asia/Yangon"},
	{"Asia/Saigon", "Asia/Ho_Chi_Minh"},
	{"Asia/Ulan_Bator", "Asia/Ulaanbaatar"},
	{"Atlantic/Faeroe", "Atlantic/Faroe"},
	{"Australia/ACT", "Australia/Sydney"},
	{"Australia/NSW", "Australia/Sydney"},
	{"Australia/Queensland", "Australia/Brisbane"},
	{"Australia/Victoria", "Australia/Melbourne"},
	{"Canada/Atlantic", "America/Halifax"},
	{"Canada/Central", "America/Winnipeg"},
	{"Canada/Eastern", "America/Toronto"},
	{"Canada/Mountain", "America/Edmonton"},
	{"Canada/Pacific", "America/Vancouver"},
	{"Etc/UCT", "UTC"},
	{"Etc/UTC", "UTC"},
	{"Etc/Universal", "UTC"},
	{"Etc/Zulu", "UTC"},
	{"Europe/Kiev", "Europe/Kyiv"},
	{"Japan", "Asia/Tokyo"},
	{"Singapore", "Asia/Singapore"},
	{"Turkey", "Europe/Istanbul"},
	{"UCT", "UTC"},
	{"US/Alaska", "America/Anchorage"},
	{"US/Arizona", "America/Phoenix"},
	{"US/Central", "America/Chicago"},
	{"US/Eastern", "America/New_York"},
	{"US/Hawaii", "Pacific/Honolulu"},
	{"US/Mountain", "America/Denver"},
	{"US/Pacific", "America/Los_Angeles"},
	{"Universal", "UTC"},
	{"Zulu", "UTC"},
}
