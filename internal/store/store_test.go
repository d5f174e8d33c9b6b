package store

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

func TestSmoke(t *testing.T) {
	ctx := context.Background()
	db, err := Open(ctx, "sqlite:"+filepath.Join(t.TempDir(), "x y?.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var c cal.Calendar
	err = db.Write(ctx, func(tx *Tx) error {
		a, err := tx.AddAccount(Account{Provider: "caldav", Name: "n"})
		if err != nil {
			return err
		}
		c, err = tx.AddCalendar(cal.Calendar{Account: a.ID, Facts: cal.Facts{Href: "/c/"}})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var p cal.Plan
	p.Calendar = c.ID
	for i := range 300 {
		p.Created = append(p.Created, cal.Change{Object: cal.Object{Href: cal.Href(fmt.Sprintf("/c/%d", i)), UID: fmt.Sprint(i), Base: cal.Version{ETag: "e", Digest: cal.Digest(fmt.Sprint("d", i)), Body: cal.Body(strings.Repeat("x", 100))}}})
	}
	err = db.Write(ctx, func(tx *Tx) error { return tx.Apply(p) })
	if err != nil {
		t.Fatal(err)
	}
	err = db.Read(ctx, func(tx *Tx) error {
		all, err := tx.Objects(ObjectFilter{Calendar: c.ID})
		if err != nil || len(all) != 300 {
			t.Error(len(all), err)
		}
		feed, err := tx.Changes(0, 1000)
		if err != nil || len(feed) != 302 {
			t.Error(len(feed), err)
		}
		o, err := tx.Object(all[3].ID)
		if err != nil || o.Base.Body == "" {
			t.Error(o, err)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
