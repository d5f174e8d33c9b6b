package store_test

import (
	"context"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

func (w *world) prune() {
	w.Helper()
	if err := w.db.Prune(context.Background(), store.DefaultRetention); err != nil {
		w.Fatal(err)
	}
}

const month = 30 * 24 * time.Hour

// A version is kept for the retention after another took its place, however old it was then; and as long as anything points at it.
func TestPruneVersions(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		update := func(text string) {
			next := o
			next.Base = seen(text, "9")
			w.apply(cal.Plan{Updated: []cal.Change{{Was: o.Base, Object: next}}})
			o = w.object(o.ID)
		}
		w.pass(12 * month)
		update("banana")
		w.pass(5 * month)
		w.prune()
		equal(t, "five months after", len(w.versions(o.ID)), 2)
		w.pass(2 * month)
		w.prune()
		equal(t, "seven months after", w.versions(o.ID), []string{"2 remote banana"})

		o = w.edit(store.Draft{Object: o.ID, Want: wanted("cherry")})
		w.sent(o, o.Href)
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("damson")})
		w.pass(12 * month)
		w.prune()
		equal(t, "base, sent and wanted", w.versions(o.ID), []string{"2 remote banana", "3 local cherry", "4 local damson"})
	})
}

func TestPruneConflictsAndTombstones(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		gone := o
		gone.Base, gone.Edit = cal.Version{}, nil
		c := cal.Conflict{Kind: cal.UpdateDelete, Base: o.Base, Mine: o.Edit.Want, Open: true}
		w.apply(cal.Plan{Deleted: []cal.Change{{Was: o.Want(), Object: gone, Conflict: &c}}})
		w.pass(12 * month)
		w.prune()
		equal(t, "what an open conflict names", w.versions(o.ID), []string{"1 remote apple", "2 local banana"})

		w.write(func(tx *store.Tx) error {
			all, err := tx.Conflicts(store.ConflictFilter{Open: true})
			if err != nil {
				return err
			}
			return tx.ResolveConflict(all[0].ID, cal.Theirs)
		})
		w.pass(5 * month)
		w.prune()
		equal(t, "what a conflict names that was answered lately", w.versions(o.ID), []string{"1 remote apple", "2 local banana"})
		w.pass(2 * month)
		w.prune()
		equal(t, "history of the deleted", len(w.versions(o.ID)), 0)
		w.refused(store.ErrNotFound, func(tx *store.Tx) error {
			_, err := tx.Object(o.ID)
			return err
		})
	})
}

// A conflict that nobody was asked about is kept for the retention after it arose.
func TestPruneDecidedConflicts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		next := o
		next.Base, next.Edit = seen("cherry", "2"), nil
		c := cal.Conflict{Kind: cal.UpdateUpdate, Base: o.Base, Mine: o.Edit.Want, Theirs: next.Base, Winner: cal.Theirs}
		w.apply(cal.Plan{Updated: []cal.Change{{Was: o.Want(), Object: next, Conflict: &c}}})
		for _, left := range []int{3, 1} {
			w.prune()
			equal(t, "versions", len(w.versions(o.ID)), left)
			w.pass(7 * month)
		}
		w.read(func(tx *store.Tx) error {
			all, err := tx.Conflicts(store.ConflictFilter{})
			equal(t, "conflicts", len(all), 0)
			return err
		})
	})
}
