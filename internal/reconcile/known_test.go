package reconcile

import (
	"slices"

	"calbridge/internal/model"
)

// known are the situations in which the production decision is known to be wrong. They are left out of the comparison until it is mended.
func (s situation) known() bool {
	return s.secondCreate() || s.deletedTwice() || s.doubtedDeletion()
}

// secondCreate: once one creation is recognised no other one is, although it is the later one that the remote shows.
func (s situation) secondCreate() bool {
	creations, base := 0, s.object.Base.There
	for _, a := range s.object.Sent {
		if a.Tag == 0 && a.Want.There {
			creations++
		}
		base = base || a.Want.There && a.State == model.Done
	}
	return creations > 1 || creations > 0 && base
}

// deletedTwice: one side hid the occurrence and the other deleted it.
func (s situation) deletedTwice() bool {
	hidden := func(e model.Event) bool { return e.There && e.Has[model.Status] == model.Cancelled }
	return s.object.Occurrence && (hidden(s.object.Want) && !s.seen.There || !s.object.Want.There && hidden(s.seen.Event))
}

// doubtedDeletion: the remote granted a deletion and shows the very version that was deleted. It may lag behind, so the yes does not count
// yet; a notice says all the same that the object came back.
func (s situation) doubtedDeletion() bool {
	return slices.ContainsFunc(s.object.Sent, func(a model.Attempt) bool {
		return a.State == model.Done && !a.Want.There && a.Tag == s.seen.Tag && s.seen.There
	})
}
