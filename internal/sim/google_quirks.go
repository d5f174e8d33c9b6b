package sim

import "net/http"

// GoogleQuirks are what a Google server may do wrong for a while, all off in the zero value.
type GoogleQuirks struct {
	EmptyEvents    bool // lists of events are empty, and complete by what they say
	EmptyEntries   bool // calendar lists likewise
	MissEvery      int  // of each page of events every so-manieth is missing
	MissEntry      int  // of each page of a calendar list likewise
	DuplicateItems bool // each item of a page comes twice
	LoseEveryRow   int  // of the changes to a calendar every so-manieth never shows in an incremental list
	SyncTokensGone bool // every sync token is 410 fullSyncRequired
	PageTokensGone bool // every page token is 410; what Google documents is PageTokensExpire
}

// Quirks changes what the server gets wrong from now on.
func (g *Google) Quirks(change func(*GoogleQuirks)) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change(&g.quirks)
}

// GoogleSwitches are the switches of GoogleQuirks. Under all but DuplicateItems and LoseEveryRow nothing can be relied on, so they pass.
func GoogleSwitches() []Switch[GoogleQuirks] {
	type q = *GoogleQuirks
	return []Switch[GoogleQuirks]{
		flag("EmptyEvents", func(q q) *bool { return &q.EmptyEvents }, passing, lies),
		flag("EmptyEntries", func(q q) *bool { return &q.EmptyEntries }, passing, lies),
		choice("MissEvery", func(q q) *int { return &q.MissEvery }, []int{2, 3, 5}, passing, lies),
		choice("MissEntry", func(q q) *int { return &q.MissEntry }, []int{2, 3}, passing, lies),
		flag("DuplicateItems", func(q q) *bool { return &q.DuplicateItems }),
		choice("LoseEveryRow", func(q q) *int { return &q.LoseEveryRow }, []int{2, 3, 7, 20}, lies),
		flag("SyncTokensGone", func(q q) *bool { return &q.SyncTokensGone }, passing),
		flag("PageTokensGone", func(q q) *bool { return &q.PageTokensGone }, passing),
	}
}

// GoogleVariants are the options of which nobody knows for sure how Google has them, and those that differ between projects. Each is on
// from the beginning or never.
func GoogleVariants() []Switch[GoogleOptions] {
	type o = *GoogleOptions
	return []Switch[GoogleOptions]{
		choice("PageSize", func(o o) *int { return &o.PageSize }, []int{1, 2, 5}),
		choice("MaxPage", func(o o) *int { return &o.MaxPage }, []int{1, 2, 5}),
		choice("PerMinute", func(o o) *int { return &o.PerMinute }, []int{60, 600}),
		flag("TooManyRequests", func(o o) *bool { return &o.TooManyRequests }),
		flag("NoOpChangesETag", func(o o) *bool { return &o.NoOpChangesETag }),
		flag("SeriesDeletionNamesAll", func(o o) *bool { return &o.SeriesDeletionNamesAll }),
		flag("ExceptionsTouchSeries", func(o o) *bool { return &o.ExceptionsTouchSeries }),
		flag("ExdatesBecomeExceptions", func(o o) *bool { return &o.ExdatesBecomeExceptions }),
		flag("NoRevival", func(o o) *bool { return &o.NoRevival }),
		flag("ImportReplaces", func(o o) *bool { return &o.ImportReplaces }),
		flag("RotateRefreshTokens", func(o o) *bool { return &o.RotateRefreshTokens }),
	}
}

// listed is what a page shows of its items.
func (q GoogleQuirks) listed(items [][]byte, miss int) [][]byte {
	var out [][]byte
	for i, item := range items {
		if nth(i+1, miss) {
			continue
		}
		out = append(out, item)
		if q.DuplicateItems {
			out = append(out, item)
		}
	}
	return out
}

func (q GoogleQuirks) tokensGone(r *googleRequest) *googleError {
	switch {
	case q.SyncTokensGone && r.query.Get("syncToken") != "":
		return fullSyncRequired()
	case q.PageTokensGone && r.query.Get("pageToken") != "":
		return fail(http.StatusGone, "fullSyncRequired", "Page token is no longer valid, a full sync is required.").in("calendar").parameter("pageToken")
	}
	return nil
}
