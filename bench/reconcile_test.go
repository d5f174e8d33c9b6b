//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
)

// reconcile measures deciding about a complete listing of 100,000 objects, of which 1 % changed, 0.5 % are new and 0.5 % gone.
func (b *bench) reconcile(t *testing.T) {
	all := map[int]samples{}
	for _, n := range []int{25_000, 50_000, 100_000} {
		held, page := listing(n)
		for range often {
			all[n] = append(all[n], clock(func() { decide(t, held, page) }))
		}
	}
	most := all[100_000]
	growth := float64(most.median()) / float64(all[25_000].median())
	const bar = 200 * time.Millisecond
	b.table.add(t, row{what: "reconcile 100,000 held with 100,000 seen", ours: most.String(), bar: "< " + bar.String(), met: most.median() < bar,
		notes: fmt.Sprintf("25,000 %v; 50,000 %v", all[25_000], all[50_000])})
	b.table.add(t, row{what: "its growth from 25,000 to 100,000", floor: "4", ours: fmt.Sprintf("%.1f", growth), bar: "< 8", met: growth < 8,
		notes: "4 is linear, 16 quadratic; what no longer fits into the caches of the processor costs more"})
}

func decide(t *testing.T, held []cal.Object, page cal.Page) {
	plan := reconcile.Page(cal.Calendar{}, held, page, reconcile.Moment{Now: time.Unix(0, 0), Grace: time.Minute})
	n := len(held)
	if len(plan.Updated) != n/100 || len(plan.Created) != n/200 || len(plan.Deleted) != n/200 {
		t.Fatalf("%d updated, %d created, %d deleted", len(plan.Updated), len(plan.Created), len(plan.Deleted))
	}
}

// listing makes n objects as they are held, and the page that shows them.
func listing(n int) (held []cal.Object, page cal.Page) {
	page = cal.Page{Last: true, Complete: true, Next: "now"}
	for i := range n + n/200 {
		o := object(i)
		seen := cal.Resource{Href: o.Href, UID: o.UID, Component: o.Component, Version: o.Base}
		if i < n {
			held = append(held, o)
		}
		switch {
		case i < n/200:
			page.Removed = append(page.Removed, o.Href)
			continue
		case i < n/200+n/100:
			seen.ETag, seen.Digest = `"changed"`, cal.Digest(fmt.Sprintf("changed-%d", i))
		}
		page.Present = append(page.Present, seen)
	}
	return held, page
}

func object(i int) cal.Object {
	return cal.Object{
		ID: cal.ObjectID(fmt.Sprintf("%020d", i)), Href: cal.Href(fmt.Sprintf("/alice/work/%08d.ics", i)), UID: fmt.Sprintf("%08d@example.org", i),
		Component: "VEVENT", Base: cal.Version{ID: cal.VersionID(fmt.Sprint(i)), ETag: cal.ETag(fmt.Sprintf(`"%d"`, i)), Digest: cal.Digest(fmt.Sprintf("%064d", i))},
	}
}
