package sim

import (
	"fmt"
	"net/http"
	"slices"
	"time"
)

// Switch is one thing a server does in its own way, whatever else it does. T is Quirks, GoogleQuirks or GoogleOptions.
type Switch[T any] struct {
	Name   string                           // of the field
	Values []string                         // it may have, as text: "true"; "2", "5"
	Set    func(q *T, value string) bool    // gives it one of them; false where value is none of them
	On     func(q *T, draw func(n int) int) // gives it one that draw picks, 0 to n-1; where there is only one nothing is drawn
	Off    func(q *T, usual T)              // puts back what it is in usual
	IsOn   func(q T) bool                   // whether it differs from the zero value

	Unsafe  bool // no client can keep its promises: two people can overwrite each other unseen
	Passing bool // hardly anything works meanwhile: for a while only
	Lies    bool // hides changes from deltas; a complete listing finds them, when the switch is off if it is Passing too
	Damages bool // the server itself drops or changes what it is given to keep
}

// Switches are all the switches of a CalDAV server, in the order of Quirks, but for two that need a value of the test's own: RefuseText and
// HomeOrigin.
func Switches() []Switch[Quirks] {
	type q = *Quirks
	return []Switch[Quirks]{
		flag("NoETagOnPut", func(q q) *bool { return &q.NoETagOnPut }),
		flag("ETagOnRewrite", func(q q) *bool { return &q.ETagOnRewrite }),
		flag("LyingETagOnPut", func(q q) *bool { return &q.LyingETagOnPut }),
		flag("WeakETags", func(q q) *bool { return &q.WeakETags }),
		flag("WeakMatch", func(q q) *bool { return &q.WeakMatch }),
		flag("UnquotedETags", func(q q) *bool { return &q.UnquotedETags }),
		flag("GzipETagSuffix", func(q q) *bool { return &q.GzipETagSuffix }),
		flag("CounterETags", func(q q) *bool { return &q.CounterETags }, unsafe), // what was removed and made anew looks unchanged
		flag("NoListedETags", func(q q) *bool { return &q.NoListedETags }),
		flag("StaleETags", func(q q) *bool { return &q.StaleETags }, unsafe), // no listing ever shows the last change
		flag("MtimeETags", func(q q) *bool { return &q.MtimeETags }, unsafe),
		choice("StripProperty", func(q q) *string { return &q.StripProperty }, []string{"LOCATION", "X-CUSTOM,RELATED-TO"}, damages),
		choice("AddProperty", func(q q) *string { return &q.AddProperty }, []string{"CLASS:PUBLIC", "SEQUENCE:0", "X-SERVER:1"}),
		flag("RewriteBody", func(q q) *bool { return &q.RewriteBody }),
		flag("DamageQuotes", func(q q) *bool { return &q.DamageQuotes }, damages),
		flag("RequestStamp", func(q q) *bool { return &q.RequestStamp }),
		choice("StaleETagsFor", func(q q) *time.Duration { return &q.StaleETagsFor }, []time.Duration{time.Second, 20 * time.Second, 3 * time.Minute}, lies),

		flag("IgnoreIfMatch", func(q q) *bool { return &q.IgnoreIfMatch }, unsafe),
		flag("IgnoreIfNoneMatch", func(q q) *bool { return &q.IgnoreIfNoneMatch }, unsafe),
		flag("IfMatchCreates", func(q q) *bool { return &q.IfMatchCreates }, unsafe),
		flag("OneETagOnly", func(q q) *bool { return &q.OneETagOnly }),
		flag("MissingFor412", func(q q) *bool { return &q.MissingFor412 }),
		flag("ConflictFor412", func(q q) *bool { return &q.ConflictFor412 }),
		flag("DeleteMissing412", func(q q) *bool { return &q.DeleteMissing412 }),
		flag("DeleteIgnoresMatch", func(q q) *bool { return &q.DeleteIgnoresMatch }, unsafe),
		flag("MoveIgnoresMatch", func(q q) *bool { return &q.MoveIgnoresMatch }, unsafe),
		choice("MoveStatus", func(q q) *int { return &q.MoveStatus }, []int{http.StatusForbidden, http.StatusMethodNotAllowed}),

		flag("NoSyncCollection", func(q q) *bool { return &q.NoSyncCollection }),
		flag("NoCTag", func(q q) *bool { return &q.NoCTag }),
		flag("NoInlineData", func(q q) *bool { return &q.NoInlineData }),
		flag("NoEmptyToken", func(q q) *bool { return &q.NoEmptyToken }),
		choice("TokenErrorStatus", func(q q) *int { return &q.TokenErrorStatus }, []int{400, 409, 410, 412, 418, 500}),
		flag("ForgetTokens", func(q q) *bool { return &q.ForgetTokens }, passing),
		flag("TokenAlwaysFull", func(q q) *bool { return &q.TokenAlwaysFull }, lies),
		flag("NeverReportDeletions", func(q q) *bool { return &q.NeverReportDeletions }, lies),
		flag("LoseLogRows", func(q q) *bool { return &q.LoseLogRows }, lies, passing),
		choice("LoseEveryRow", func(q q) *int { return &q.LoseEveryRow }, []int{2, 3, 7, 20}, lies),
		flag("SecondTokens", func(q q) *bool { return &q.SecondTokens }, lies),       // what happens later in the second of a listing
		flag("TokenAlwaysZero", func(q q) *bool { return &q.TokenAlwaysZero }, lies), // to who compares tokens
		flag("RestlessTokens", func(q q) *bool { return &q.RestlessTokens }),
		flag("InitialTombstones", func(q q) *bool { return &q.InitialTombstones }),
		flag("SkipShortLived", func(q q) *bool { return &q.SkipShortLived }),
		choice("TruncateAt", func(q q) *int { return &q.TruncateAt }, []int{1, 2, 3, 5, 230}),
		flag("WholeAnswer507OnLimit", func(q q) *bool { return &q.WholeAnswer507OnLimit }),
		flag("EmptyListing", func(q q) *bool { return &q.EmptyListing }, passing, lies),
		flag("EmptyHome", func(q q) *bool { return &q.EmptyHome }, passing),
		choice("MissCalendar", func(q q) *int { return &q.MissCalendar }, []int{1, 2, 3}, passing),
		choice("MissEvery", func(q q) *int { return &q.MissEvery }, []int{2, 3, 5}, passing, lies),

		flag("CollectionAmongMembers", func(q q) *bool { return &q.CollectionAmongMembers }),
		flag("AbsoluteHrefs", func(q q) *bool { return &q.AbsoluteHrefs }),
		choice("Hrefs", func(q q) *HrefStyle { return &q.Hrefs }, []HrefStyle{HrefEncoded, HrefLowerHex, HrefRaw, HrefDouble}),
		flag("DuplicateResponses", func(q q) *bool { return &q.DuplicateResponses }),
		flag("ControlCharInXML", func(q q) *bool { return &q.ControlCharInXML }),
		flag("LFBodies", func(q q) *bool { return &q.LFBodies }),
		flag("MultigetOmits", func(q q) *bool { return &q.MultigetOmits }),
		flag("MultigetFailsWhole", func(q q) *bool { return &q.MultigetFailsWhole }),
		flag("MultigetEmptyData", func(q q) *bool { return &q.MultigetEmptyData }),
		flag("MultigetReorders", func(q q) *bool { return &q.MultigetReorders }),

		choice("UIDUnique", func(q q) *UIDScope { return &q.UIDUnique }, []UIDScope{UIDUser, UIDOff}),
		choice("UIDStatus", func(q q) *int { return &q.UIDStatus }, []int{400, 403, 412}),
		flag("TrashKeepsUIDs", func(q q) *bool { return &q.TrashKeepsUIDs }),
		flag("UIDMoves", func(q q) *bool { return &q.UIDMoves }, damages), // what was written to the first copy goes with it
		flag("MoveHrefOnCreate", func(q q) *bool { return &q.MoveHrefOnCreate }),
		flag("ReadOnly", func(q q) *bool { return &q.ReadOnly }, passing),
		flag("BareForbidden", func(q q) *bool { return &q.BareForbidden }),
		flag("ReadOnlyIs404", func(q q) *bool { return &q.ReadOnlyIs404 }),
		flag("NeedsEnd", func(q q) *bool { return &q.NeedsEnd }),
		flag("Schedules", func(q q) *bool { return &q.Schedules }),
		flag("Status207OnPut", func(q q) *bool { return &q.Status207OnPut }),
		flag("PlainStatuses", func(q q) *bool { return &q.PlainStatuses }),
		flag("NoMakeCalendar", func(q q) *bool { return &q.NoMakeCalendar }),
		flag("DeleteCalendar404", func(q q) *bool { return &q.DeleteCalendar404 }),
		choice("NoCalendarStatus", func(q q) *int { return &q.NoCalendarStatus }, []int{403, 404, 409, 500}),

		flag("HTMLInsteadOfXML", func(q q) *bool { return &q.HTMLInsteadOfXML }, passing),
		choice("RetryAfter", func(q q) *string { return &q.RetryAfter }, []string{"1", "120", "Sun, 01 Mar 2026 12:00:00 GMT", "soon"}, passing),
		choice("ThrottleEvery", func(q q) *int { return &q.ThrottleEvery }, []int{2, 3, 10}, passing),
		flag("GetFails", func(q q) *bool { return &q.GetFails }, passing),
		flag("RefuseChunked", func(q q) *bool { return &q.RefuseChunked }),
		flag("Gzip", func(q q) *bool { return &q.Gzip }),
		choice("SlowBody", func(q q) *Slow { return &q.SlowBody }, []Slow{{Chunk: 512, Pause: 20 * time.Millisecond}, {Chunk: 64, Pause: time.Second}}),
		flag("HTTP10Close", func(q q) *bool { return &q.HTTP10Close }),
		choice("DateSkew", func(q q) *time.Duration { return &q.DateSkew }, []time.Duration{-24 * time.Hour, -5 * time.Minute, 5 * time.Minute, 24 * time.Hour}),
	}
}

// mark is a property of a Switch.
type mark int

const (
	unsafe mark = iota
	passing
	lies
	damages
)

func flag[T any](name string, at func(*T) *bool, marks ...mark) Switch[T] {
	return choice(name, at, []bool{true}, marks...)
}

func choice[T any, V comparable](name string, at func(*T) *V, from []V, marks ...mark) Switch[T] {
	s := Switch[T]{Name: name}
	for _, v := range from {
		s.Values = append(s.Values, fmt.Sprint(v))
	}
	s.Set = func(q *T, value string) bool {
		n := slices.Index(s.Values, value)
		if n >= 0 {
			*at(q) = from[n]
		}
		return n >= 0
	}
	s.On = func(q *T, draw func(int) int) {
		n := 0
		if len(from) > 1 {
			n = draw(len(from))
		}
		*at(q) = from[n]
	}
	s.Off = func(q *T, usual T) { *at(q) = *at(&usual) }
	s.IsOn = func(q T) bool {
		var off V
		return *at(&q) != off
	}
	for _, m := range marks {
		*[]*bool{&s.Unsafe, &s.Passing, &s.Lies, &s.Damages}[m] = true
	}
	return s
}
