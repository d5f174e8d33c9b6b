package sim

import (
	"bytes"
	"encoding/xml"
	"net/http"
)

// Preconditions and postconditions named in answers.
var (
	davNeedPrivileges     = xml.Name{Space: dav, Local: "need-privileges"}                      // RFC 3744 §7.1.1
	davValidSyncToken     = xml.Name{Space: dav, Local: "valid-sync-token"}                     // RFC 6578 §3.2
	davWithinLimits       = xml.Name{Space: dav, Local: "number-of-matches-within-limits"}      // RFC 5323 §2.3.1
	davSupportedReport    = xml.Name{Space: dav, Local: "supported-report"}                     // RFC 3253 §3.1.5
	davFiniteDepth        = xml.Name{Space: dav, Local: "propfind-finite-depth"}                // RFC 4918 §16
	davMustBeNull         = xml.Name{Space: dav, Local: "resource-must-be-null"}                // RFC 4791 §5.3.1.1
	davProtected          = xml.Name{Space: dav, Local: "cannot-modify-protected-property"}     // RFC 4918 §16
	davIfMatch            = xml.Name{Space: dav, Local: "if-match"}                             // DAViCal's name for it
	davIfNoneMatch        = xml.Name{Space: dav, Local: "if-none-match"}                        // likewise
	calNoUIDConflict      = xml.Name{Space: caldav, Local: "no-uid-conflict"}                   // RFC 4791 §5.3.2.1
	calUniqueScheduling   = xml.Name{Space: caldav, Local: "unique-scheduling-object-resource"} // RFC 6638 §3.2.4.1
	calValidData          = xml.Name{Space: caldav, Local: "valid-calendar-data"}               // RFC 4791 §5.3.2.1
	calSupportedComponent = xml.Name{Space: caldav, Local: "supported-calendar-component"}      // likewise
)

// refusal is why a request was not carried out.
type refusal struct {
	status int
	cause  xml.Name // none: the status says it all
	href   string   // of the resource in the way
	words  string   // for people
}

func refuse(status int, cause xml.Name) *refusal { return &refusal{status: status, cause: cause} }

func plainly(status int) *refusal { return &refusal{status: status} }

// answer tells the refusal the way the quirks want it told.
func (f *refusal) answer(r request) answer {
	if r.q.BareForbidden && f.status == http.StatusForbidden {
		return answer{status: f.status}
	}
	if r.q.Status207OnPut && (r.Method == http.MethodPut || r.Method == "MKCALENDAR" || r.Method == "PROPFIND") {
		m := newMultistatus(r)
		m.bare(r.at, f.status, f.cause)
		return m.answer()
	}
	if f.cause.Local == "" {
		return answer{status: f.status}
	}
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n<D:error" + namespaces + ">")
	element(&b, f.cause, f.detail())
	if f.words != "" {
		element(&b, xml.Name{Space: dav, Local: "responsedescription"}, text(f.words))
	}
	b.WriteString("</D:error>\n")
	return answer{status: f.status, body: b.Bytes()}.with("Content-Type", xmlType)
}

func (f *refusal) detail() string {
	if f.href == "" {
		return ""
	}
	return reference(f.href)
}
