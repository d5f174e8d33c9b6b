package ical

// kind is how a property's value is to be understood. It follows from the name alone; a VALUE parameter that says otherwise is kept and
// hashed, and the value is then taken as it stands.
type kind uint8

const (
	kindUnknown   kind = iota // X- and names we do not know: text, or anything
	kindDropped               // says nothing about the event: when and by what it was written
	kindText                  // RFC 5545 §3.3.11
	kindTexts                 // a set of texts
	kindWord                  // one of a list of words, in any case
	kindNumber                // §3.3.8
	kindDateTime              // §3.3.4, §3.3.5
	kindDateTimes             // a set of dates, date-times or periods
	kindDuration              // §3.3.6
	kindTrigger               // duration or date-time
	kindRule                  // §3.3.10
	kindAddress               // §3.3.3
	kindURI                   // §3.3.13, and binary
)

// kindOf reads a property name in upper case.
func kindOf(name string) kind {
	switch name {
	case "PRODID", "VERSION", "CALSCALE", "METHOD", "DTSTAMP", "LAST-MODIFIED", "CREATED", "SEQUENCE", // semantics of the object do not depend on them
		"X-MOZ-GENERATION",                                   // Thunderbird counts its writes
		"X-EVOLUTION-CALDAV-ETAG", "X-EVOLUTION-CALDAV-HREF", // Evolution's memory
		"X-LIC-ERROR": // libical's remarks
		return kindDropped
	case "SUMMARY", "DESCRIPTION", "LOCATION", "COMMENT", "CONTACT", "UID", "RELATED-TO", "TZID", "GEO", "REQUEST-STATUS", "NAME":
		return kindText
	case "CATEGORIES", "RESOURCES":
		return kindTexts
	case "STATUS", "CLASS", "TRANSP", "ACTION", "BUSYTYPE", "COLOR":
		return kindWord
	case "PRIORITY", "REPEAT", "PERCENT-COMPLETE":
		return kindNumber
	case "DTSTART", "DTEND", "DUE", "RECURRENCE-ID", "COMPLETED", "ACKNOWLEDGED":
		return kindDateTime
	case "EXDATE", "RDATE":
		return kindDateTimes
	case "DURATION":
		return kindDuration
	case "TRIGGER":
		return kindTrigger
	case "RRULE", "EXRULE":
		return kindRule
	case "ATTENDEE", "ORGANIZER":
		return kindAddress
	case "URL", "ATTACH", "SOURCE":
		return kindURI
	}
	return kindUnknown
}

// defaultValue is the VALUE that a property of kind k has when it does not say (RFC 5545 §3.2.20).
func (k kind) defaultValue() string {
	switch k {
	case kindText, kindTexts, kindWord:
		return "TEXT"
	case kindNumber:
		return "INTEGER"
	case kindDateTime, kindDateTimes:
		return "DATE-TIME"
	case kindDuration, kindTrigger:
		return "DURATION"
	case kindRule:
		return "RECUR"
	case kindAddress:
		return "CAL-ADDRESS"
	case kindURI:
		return "URI"
	}
	return ""
}

// isDefault reports whether a property with this value says what its absence says as well.
func isDefault(name, value string) bool {
	switch name {
	case "CLASS": // RFC 5545 §3.8.1.3; SOGo adds it
		return value == "PUBLIC"
	case "TRANSP": // §3.8.2.7
		return value == "OPAQUE"
	case "PRIORITY": // §3.8.1.9: zero is undefined
		return value == "0"
	case "STATUS": // §3.8.1.11 names no default; an event that is neither tentative nor cancelled takes place, and Google says so of each
		return value == "CONFIRMED"
	}
	return value == "" && kindOf(name) != kindUnknown
}

// isWord reports whether a parameter's value is one of a list of words, in any case (RFC 5545 §2), and so written in upper case here.
func isWord(parameter string) bool {
	switch parameter {
	case "VALUE", "RSVP", "PARTSTAT", "ROLE", "CUTYPE", "RELATED", "RELTYPE", "RANGE", "FBTYPE", "ENCODING", "LANGUAGE",
		"SCHEDULE-AGENT", "SCHEDULE-FORCE-SEND", "FEATURE", "DISPLAY":
		return true
	}
	return false
}

// isAddressList: the values of these parameters are calendar addresses (RFC 5545 §3.2.4, §3.2.5, §3.2.11, §3.2.18).
func isAddressList(parameter string) bool {
	switch parameter {
	case "SENT-BY", "DELEGATED-TO", "DELEGATED-FROM", "MEMBER":
		return true
	}
	return false
}

// isDefaultParameter reports whether a parameter with this value (a word in upper case) says what its absence says as well, or
// belongs to the transport of invitations and not to the event.
func isDefaultParameter(name, value string) bool {
	switch name {
	case "RSVP": // RFC 5545 §3.2.17
		return value == "FALSE"
	case "PARTSTAT": // §3.2.12
		return value == "NEEDS-ACTION"
	case "ROLE": // §3.2.16
		return value == "REQ-PARTICIPANT"
	case "CUTYPE": // §3.2.3
		return value == "INDIVIDUAL"
	case "RELATED": // §3.2.14
		return value == "START"
	case "RELTYPE": // §3.2.15
		return value == "PARENT"
	case "ENCODING": // §3.2.7
		return value == "8BIT"
	case "SCHEDULE-AGENT": // RFC 6638 §7.1
		return value == "SERVER"
	case "SCHEDULE-STATUS", "SCHEDULE-FORCE-SEND": // RFC 6638 §7.2, §7.3
		return true
	}
	return false
}
