// # What is ours, and why
//
// The reading side is written here and not taken from go-webdav. Its client refuses a whole multistatus for one weak or unquoted etag, one
// 404, one event that cannot be parsed or one control character; it panics on a property without a colon; it knows no preconditions,
// parses and re-encodes bodies that have to stay byte for byte what they were, drops the host of hrefs, and loads answers whole. What is
// left of such a client after working around all that is a few request bodies. encoding/xml, which it stands on, is as strict and reads
// some 30 MB/s; the scanner in xml.go is tolerant and ten times as fast. go-webdav does serve: in the server the tests run against, and
// in the CalDAV face of calbridge itself.
//
// # Where things are
//
// client.go and transport.go send a request; xml.go and multistatus.go read an answer; href.go names resources; changes.go decides what to
// ask, listing.go asks what there is, fetch.go reads it, pages.go hands it on; write.go and calendars.go change things; errors.go says
// what a refusal means.
package caldav
