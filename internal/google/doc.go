// Package google speaks to Google Calendar (API v3): consent and tokens, calendars, events, push channels. It moves bytes and remembers
// the list of calendars; it decides nothing.
//
//	grant.go auth.go bearer.go   who allowed what, and the access token on every request
//	client.go transport.go       one request: paced, counted, bounded, never repeated if it writes
//	errors.go                    what Google's answers mean: one table
//	calendars.go channels.go     the account's calendars, and being told when something changed
//	changes.go listing.go        what happened in a calendar: pages, tokens, their death
//	late.go occurrence.go        what can only be told at the end; occurrences and exceptions
//	write.go                     insert, patch, delete
//
// What events say, in JSON and in iCalendar, is package event's. Facts about Google cite its public texts: the discovery document
// (calendar/v3, revision 20260925) by method or member, and its guides by their titles.
package google
