package store_test

import (
	"bytes"
	"context"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/secret"
	"calbridge/internal/store"
)

func TestAccounts(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var after int64
		w.news(&after)
		full := store.Account{
			ID: "given", Provider: "google", Name: "N", Owner: "bob", URL: "u", Username: "n", Credential: []byte{0, 1, 0xff}, Principal: "p",
			Homes: []string{"h1", "h2"}, Addresses: []string{"mailto:bob@example.org"}, State: store.AccountPaused, Trouble: "t",
			BusyUntil: start.Add(time.Hour), Failures: 3,
		}
		w.write(func(tx *store.Tx) error {
			_, err := tx.AddAccount(full)
			return err
		})
		full.Created, full.Updated = start, start
		w.told(&after, "account created")
		w.read(func(tx *store.Tx) error {
			a, err := tx.Account("given")
			equal(t, "account", a, full)
			if err != nil {
				return err
			}
			bobs, err := tx.Accounts(store.AccountFilter{Owner: "bob", State: store.AccountPaused, Provider: "google"})
			equal(t, "bob's", len(bobs), 1)
			if err != nil {
				return err
			}
			all, err := tx.Accounts(store.AccountFilter{})
			equal(t, "all", len(all), 2)
			return err
		})

		full.Failures++
		w.write(func(tx *store.Tx) error { return tx.UpdateAccount(full) })
		w.told(&after) // nobody sees a count
		full.State, full.Trouble = store.AccountLocked, "401"
		w.write(func(tx *store.Tx) error { return tx.UpdateAccount(full) })
		w.told(&after, "account updated")
		w.refused(store.ErrNotFound, func(tx *store.Tx) error { return tx.UpdateAccount(store.Account{ID: "nobody"}) })
	})
}

func TestRemoveAccountErases(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		o := w.pulled("apple")[0]
		o = w.edit(store.Draft{Object: o.ID, Want: wanted("banana")})
		w.sent(o, o.Href)
		other := w.addAccount("bob")
		var after int64
		w.news(&after)
		w.write(func(tx *store.Tx) error { return tx.RemoveAccount(w.account) })
		w.told(&after, "calendar deleted", "account deleted")
		w.read(func(tx *store.Tx) error {
			all, err := tx.Accounts(store.AccountFilter{})
			if len(all) != 1 || all[0].ID != other {
				t.Errorf("accounts: %+v", all)
			}
			if err != nil {
				return err
			}
			a, err := tx.Account(w.account)
			equal(t, "left of it", []any{a.State, a.Name, a.URL, a.Owner}, []any{store.AccountRemoved, "", "", "alice"})
			if err != nil {
				return err
			}
			if _, err := tx.Version(o.Base.ID); err == nil {
				t.Error("a body is still there")
			}
			return nil
		})
	})
}

func TestResealing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		v, err := secret.New()
		if err != nil {
			t.Fatal(err)
		}
		sealed, _ := v.Seal([]byte("hunter2"), w.account)
		w.write(func(tx *store.Tx) error {
			a, err := tx.Account(w.account)
			a.Credential = sealed
			if err != nil {
				return err
			}
			return tx.UpdateAccount(a)
		})
		if err := v.Rotate(); err != nil {
			t.Fatal(err)
		}
		w.write(func(tx *store.Tx) error {
			all, err := tx.Credentials()
			for _, c := range all {
				plain, err := v.Open(c.Sealed, c.Account)
				if err != nil {
					return err
				}
				anew, _ := v.Seal(plain, c.Account)
				if ok, err := tx.SetCredential(c.Account, c.Sealed, anew); err != nil || !ok {
					t.Error(ok, err)
				}
				if ok, err := tx.SetCredential(c.Account, c.Sealed, []byte("late")); err != nil || ok {
					t.Error("a credential that changed meanwhile was overwritten", err)
				}
			}
			equal(t, "credentials", len(all), 1)
			return err
		})
		w.read(func(tx *store.Tx) error {
			a, err := tx.Account(w.account)
			if bytes.Equal(a.Credential, sealed) || !v.Current(a.Credential) {
				t.Error("not sealed anew")
			}
			return err
		})
	})
}

func TestCalendars(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		full := cal.Calendar{
			Account: w.account, Selected: true, State: cal.CalendarHeld, Token: "t", Pulled: "m", Audited: start, Missing: start,
			Rules: cal.Rules{OnConflict: cal.KeepBoth, OnDelete: cal.AsPolicy},
			Facts: cal.Facts{
				Href: "/h/", Name: "caf\xe9", Color: "#ff0000ff", Description: "d", TimeZone: "BEGIN:VCALENDAR\r\n", Order: "1",
				Components: "VEVENT,VTODO", Access: cal.AccessRead, SyncToken: "s", Mark: "k",
			},
		}
		w.write(func(tx *store.Tx) (err error) {
			full, err = tx.AddCalendar(full)
			return err
		})
		get := func() (c cal.Calendar) {
			w.read(func(tx *store.Tx) (err error) {
				c, err = tx.Calendar(full.ID)
				return err
			})
			return c
		}
		equal(t, "calendar", get(), full)
		var after int64
		w.news(&after)
		full.Mark, full.SyncToken, full.Token, full.Missing = "k2", "s2", "t2", time.Time{}
		w.write(func(tx *store.Tx) error { return tx.UpdateCalendar(full) })
		w.told(&after)
		full.Name = "Home"
		w.write(func(tx *store.Tx) error { return tx.UpdateCalendar(full) })
		w.told(&after, "calendar updated")
		equal(t, "calendar", get(), full)
		w.write(func(tx *store.Tx) error { return tx.RemoveCalendar(full.ID) })
		w.told(&after, "calendar deleted")
	})
}

func TestServers(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, profile := range []string{"", `{"a":1}`, `{"a":2}`} {
			w.write(func(tx *store.Tx) error {
				if profile != "" {
					if err := tx.PutServer("https://dav.example.org", []byte(profile)); err != nil {
						return err
					}
				}
				got, err := tx.Server("https://dav.example.org")
				equal(t, "profile", string(got), profile)
				return err
			})
		}
	})
}

func TestRuns(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		add := func(r store.Run) (out store.Run) {
			r.Account, r.Calendar = w.account, w.calendar
			w.write(func(tx *store.Tx) (err error) {
				out, err = tx.AddRun(r)
				return err
			})
			w.pass(time.Millisecond)
			return out
		}
		idle := add(store.Run{Mode: "incremental", State: store.RunDone, Counts: store.Counts{Complete: true}})
		busy := add(store.Run{Mode: "full"})
		busy.State, busy.Counts.Pulled.Created, busy.Bytes, busy.Trouble = store.RunDone, 3, 1<<40, "t"
		w.write(func(tx *store.Tx) error { return tx.UpdateRun(busy) })
		held := add(store.Run{State: store.RunHeld, Held: []cal.ObjectID{"a", "b"}, Guard: "g"})

		list := func(f store.RunFilter) (ids []cal.RunID) {
			w.read(func(tx *store.Tx) error {
				all, err := tx.Runs(f)
				for _, r := range all {
					ids = append(ids, r.ID)
				}
				return err
			})
			return ids
		}
		equal(t, "newest first", list(store.RunFilter{Calendar: w.calendar}), []cal.RunID{held.ID, busy.ID, idle.ID})
		equal(t, "page", list(store.RunFilter{Before: held.ID, Limit: 1}), []cal.RunID{busy.ID})
		equal(t, "state", list(store.RunFilter{State: store.RunHeld}), []cal.RunID{held.ID})

		w.write(func(tx *store.Tx) error { return tx.ApproveRun(held.ID) })
		w.refused(store.ErrNotFound, func(tx *store.Tx) error { return tx.ApproveRun(busy.ID) })
		w.read(func(tx *store.Tx) error {
			r, err := tx.Run(held.ID)
			equal(t, "held", []any{r.Held, r.State}, []any{[]string{"a", "b"}, store.RunApproved})
			return err
		})

		w.pass(25 * time.Hour)
		if err := w.db.Prune(ctx, store.DefaultRetention); err != nil {
			t.Fatal(err)
		}
		equal(t, "after a day", list(store.RunFilter{}), []cal.RunID{held.ID, busy.ID})
		w.pass(30 * 24 * time.Hour)
		if err := w.db.Prune(ctx, store.DefaultRetention); err != nil {
			t.Fatal(err)
		}
		equal(t, "after a month", len(list(store.RunFilter{})), 0)
	})
}
