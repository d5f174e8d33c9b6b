package event

import (
	"net/url"
	"strings"

	"calbridge/internal/ical"
)

// sharedCategories is where programs that speak to Google keep the categories it has no field for: Thunderbird's provider and KDE's.
const sharedCategories = "X-MOZ-CATEGORIES"

// longestProperty is how many bytes of an extended property's value Google keeps; the rest it cuts off in silence.
const longestProperty = 1024

func (v *vevent) categories() {
	if v.ExtendedProperties == nil {
		return
	}
	members := ical.Texts(v.ExtendedProperties.Shared[sharedCategories])
	for i, m := range members {
		members[i] = ical.Escape(m)
	}
	v.out.value("CATEGORIES", strings.Join(members, ","))
}

// categoryList is what is stored of some categories: as many as there is room for.
func categoryList(categories []string) string {
	list := ""
	for _, c := range categories {
		next := strings.ReplaceAll(strings.ReplaceAll(c, `\`, `\\`), ",", `\,`)
		if list != "" {
			next = list + "," + next
		}
		if len(next) > longestProperty {
			break
		}
		list = next
	}
	return list
}

// links writes what points elsewhere.
func (v *vevent) links() {
	if v.Source != nil {
		v.uri("URL", v.Source.URL)
	}
	for _, a := range v.Attachments {
		v.uri("ATTACH"+parameter("FMTTYPE", a.MIMEType)+parameter("FILENAME", a.Title), a.FileURL) // RFC 8607 §4.2
	}
	v.conference()
}

// uri writes an address that is one.
func (v *vevent) uri(head, address string) {
	if address == "" {
		return
	}
	if u, err := url.Parse(address); err != nil || u.Scheme == "" {
		v.note("%s: %q is no address; left out", strings.SplitN(head, ";", 2)[0], clip(address))
		return
	}
	v.out.line(head + ":" + address)
}

// features are the ways into a conference as RFC 7986 §6.3 calls them; it has no word for pages with instructions.
var features = map[string]string{"video": "VIDEO", "phone": "PHONE", "sip": "AUDIO,VIDEO"}

// conference writes one CONFERENCE for each way in (RFC 7986 §5.11), and Google's own property as its iCalendar text has it.
func (v *vevent) conference() {
	v.uri("X-GOOGLE-CONFERENCE", v.HangoutLink)
	if v.ConferenceData == nil {
		return
	}
	for _, p := range v.ConferenceData.EntryPoints {
		head := "CONFERENCE;VALUE=URI"
		if feature := features[p.Type]; feature != "" {
			head += ";FEATURE=" + feature
		}
		v.uri(head+parameter("LABEL", p.Label), p.URI)
	}
}

// webAddress reports whether Google takes an address as the source of an event: http and https only.
func webAddress(address string) bool {
	u, err := url.Parse(address)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != ""
}

// driveFile reports whether an address is one of a file that can be attached: in Google's Drive, and nowhere else.
func driveFile(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "https" && (u.Host == "drive.google.com" || u.Host == "docs.google.com")
}
