package event

import (
	"html"
	"regexp"
	"strings"
)

// Descriptions are plain text or HTML, and only their looks tell which: these are the elements that Google's editor, mail programs and
// calendars leave in them. Addresses in angle brackets are none.
var htmlTag = regexp.MustCompile(`(?i)</?(a|abbr|b|big|blockquote|body|br|center|code|dd|div|dl|dt|em|font|h[1-6]|head|hr|html|html-blob|i|img|li|meta|ol|p|pre|s|small|span|strike|strong|style|sub|sup|table|tbody|td|th|thead|title|tr|tt|u|ul)(\s[^<>]*)?/?>`)

var (
	htmlHidden  = regexp.MustCompile(`(?is)<(style|head|title)(\s[^<>]*)?>.*?</(style|head|title)>|<!--.*?-->|<!doctype[^>]*>`)
	htmlLink    = regexp.MustCompile(`(?is)<a\s[^<>]*?href\s*=\s*["']?([^"'\s<>]+)["']?[^<>]*>(.*?)</a>`)
	htmlBreak   = regexp.MustCompile(`(?i)<(br|hr)(\s[^<>]*)?/?>|</(p|div|tr|h[1-6]|blockquote|pre|ul|ol|table)>`)
	htmlItem    = regexp.MustCompile(`(?i)<li(\s[^<>]*)?>`)
	htmlItemEnd = regexp.MustCompile(`(?i)</(li|dd|dt)>`)
	htmlCell    = regexp.MustCompile(`(?i)</(td|th)>`)
	blankLines  = regexp.MustCompile(`\n{3,}`)
	lineEndings = strings.NewReplacer("\r\n", "\n", "\r", "")
)

// isHTML reports whether a description is to be read as HTML.
func isHTML(text string) bool { return strings.IndexByte(text, '<') >= 0 && htmlTag.MatchString(text) }

// plain is HTML as text: paragraphs and breaks become lines, links keep their address, all else its words.
func plain(text string) string {
	text = htmlHidden.ReplaceAllString(text, "")
	text = htmlLink.ReplaceAllStringFunc(text, linkText)
	text = htmlBreak.ReplaceAllString(text, "\n")
	text = htmlItem.ReplaceAllString(text, "\n- ")
	text = htmlItemEnd.ReplaceAllString(text, "")
	text = htmlCell.ReplaceAllString(text, "\t")
	text = htmlTag.ReplaceAllString(text, "")
	text = strings.ReplaceAll(html.UnescapeString(text), "\u00a0", " ")
	return strings.TrimSpace(blankLines.ReplaceAllString(lineEndings.Replace(text), "\n\n"))
}

// linkText is a link as words and address; the address alone where the words say no more.
func linkText(link string) string {
	parts := htmlLink.FindStringSubmatch(link)
	address, words := parts[1], strings.TrimSpace(htmlTag.ReplaceAllString(parts[2], ""))
	if words == "" || words == address || words == strings.TrimPrefix(address, "mailto:") {
		return address
	}
	return words + " (" + address + ")"
}

// Google writes how to join the video conference into the DESCRIPTION of its iCalendar text, between two lines of this kind. At
// Google it is no part of the description.
var meetBlock = regexp.MustCompile(`(?s)-::~:~::~[-:~]*[:-]-?[^\S\n]*\n.*?\n-::~:~::~[-:~]*[:-]-?`)

// withoutMeet is a description without that block.
func withoutMeet(text string) string {
	if !strings.Contains(text, "-::~:~::") {
		return text
	}
	return strings.TrimSpace(meetBlock.ReplaceAllString(text, ""))
}
