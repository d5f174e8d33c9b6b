package reconcile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"calbridge/internal/cal"
)

// Guard is the alarm that keeps a server's fault from emptying a calendar here.
type Guard struct {
	Share float64 // of a calendar that may be deleted in one run; 1 or more: no guard
	Least int     // calendars smaller than this are only guarded against becoming empty
}

// empty is the size from which becoming empty is an alarm of its own.
const empty = 3

// Trips says why deleting so many of the objects held needs a person's word, or nothing when it does not. What a complete listing
// merely does not name is believed half as readily as what the calendar's history names as removed.
func (g Guard) Trips(held, deleted int, complete bool) string {
	share := g.Share
	if complete {
		share /= 2
	}
	switch {
	case g.Share >= 1 || deleted == 0:
		return ""
	case held >= empty && deleted >= held:
		return fmt.Sprintf("the remote shows the calendar empty; %d objects would be deleted here", deleted)
	case held >= g.Least && deleted > 1 && float64(deleted) > share*float64(held):
		return fmt.Sprintf("%d of %d objects would be deleted here", deleted, held)
	}
	return ""
}

// Series counts the series among changes: one with its exceptions counts once.
func Series(changes []cal.Change) int {
	seen := map[string]bool{}
	for _, c := range changes {
		seen[cmp.Or(c.Object.UID, string(c.Object.ID))] = true
	}
	return len(seen)
}

// Fingerprint names a set of deletions, so that a person's approval holds for just that set.
func Fingerprint(deleted []cal.Change) string {
	ids := make([]string, len(deleted))
	for i, c := range deleted {
		ids[i] = string(c.Object.ID)
	}
	slices.Sort(ids)
	sum := sha256.New()
	for _, id := range ids {
		fmt.Fprintln(sum, id)
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}
