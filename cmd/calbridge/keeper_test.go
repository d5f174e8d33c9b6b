package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/google"
	"calbridge/internal/providertest"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// eachGoogleDesk runs a test on every database, with ada's account in it.
func eachGoogleDesk(t *testing.T, o sim.GoogleOptions, test func(t *testing.T, d *googleDesk, id cal.AccountID)) {
	providertest.EachDatabase(t, func(t *testing.T, db providertest.Database) {
		d := newGoogleDeskAt(t, o)
		d.env["CALBRIDGE_DB"], d.env["CALBRIDGE_KEY_FILE"] = db.URL, d.path("cal.key")
		d.write("cal.key", "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
		d.must("migrate", "up")
		test(t, d, d.joins().ID)
	})
}

// worker is a process that speaks to Google.
type worker struct {
	*keeper
	process *session
	http    *http.Client
}

func (d *googleDesk) worker(id cal.AccountID) worker {
	d.t.Helper()
	s := d.session()
	d.t.Cleanup(s.close)
	k, err := s.keeper(d.t.Context(), id)
	if err != nil {
		d.t.Fatal(err)
	}
	o, err := s.oauthClient()
	if err != nil {
		d.t.Fatal(err)
	}
	return worker{k, s, &http.Client{Transport: o.Transport(http.DefaultTransport, k)}}
}

// lists asks for the calendars.
func (w worker) lists(at string) error {
	resp, err := w.http.Get(at + "/calendar/v3/users/me/calendarList")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if _, err := io.Copy(io.Discard, resp.Body); err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Errorf("status %d %w", resp.StatusCode, err)
	}
	return nil
}

func (w worker) grant(t *testing.T) google.Grant {
	t.Helper()
	g, err := w.Grant(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// TestWorkersRenewOnce: however many processes and goroutines find the token dead, Google is asked once.
func TestWorkersRenewOnce(t *testing.T) {
	eachGoogleDesk(t, sim.GoogleOptions{RotateRefreshTokens: true}, func(t *testing.T, d *googleDesk, id cal.AccountID) {
		d.google.ExpireAccess(d.ada)
		d.google.ResetJournal()
		var all sync.WaitGroup
		for range 3 {
			w := d.worker(id)
			for range 3 {
				all.Go(func() {
					if err := w.lists(d.at); err != nil {
						t.Error(err)
					}
				})
			}
		}
		all.Wait()
		if n := d.asked("/token"); n != 1 {
			t.Errorf("%d requests for a token, want 1", n)
		}
	})
}

// TestRenewedTokenIsStoredFirst: at the moment Google sees a new token, it and the refresh token that came with it are in the database.
func TestRenewedTokenIsStoredFirst(t *testing.T) {
	eachGoogleDesk(t, sim.GoogleOptions{RotateRefreshTokens: true}, func(t *testing.T, d *googleDesk, id cal.AccountID) {
		var seen []string
		w, other := d.worker(id), d.worker(id)
		was := w.grant(t)
		d.google.Faults(func(f *sim.GoogleFaults) {
			f.Hook = func(r *http.Request) *sim.GoogleFault {
				if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
					if stored, err := other.read(context.Background()); err != nil || string(stored.AccessToken) != token {
						t.Errorf("a token is used that is not stored (%v)", err)
					}
					seen = append(seen, token)
				}
				return nil
			}
		})
		d.google.ExpireAccess(d.ada)
		if err := w.lists(d.at); err != nil || len(seen) != 2 || seen[0] == seen[1] {
			t.Errorf("%d requests, %v", len(seen), err)
		}
		if now := w.grant(t); now.RefreshToken == was.RefreshToken {
			t.Error("the rotated refresh token is lost")
		}
	})
}

// TestRenewedTokenThatCannotBeStored is not used, and the one before it goes on.
func TestRenewedTokenThatCannotBeStored(t *testing.T) {
	eachGoogleDesk(t, sim.GoogleOptions{RotateRefreshTokens: true}, func(t *testing.T, d *googleDesk, id cal.AccountID) {
		w := d.worker(id)
		was := w.grant(t)
		d.google.ExpireAccess(d.ada)
		d.google.ResetJournal()
		d.google.Faults(func(f *sim.GoogleFaults) {
			f.Hook = func(r *http.Request) *sim.GoogleFault {
				if r.URL.Path == "/token" {
					w.process.db.Close() // as if the process died once Google has answered
				}
				return nil
			}
		})
		err := w.lists(d.at)
		if !errors.Is(err, cal.ErrUnsent) || errors.Is(err, cal.ErrLocked) {
			t.Errorf("%v", err)
		}
		d.keepsSecrets(outcome{err: err.Error()})
		if n := d.asked("/calendar/v3/users/me/calendarList"); n != 1 {
			t.Errorf("%d requests, the second with a token that is stored nowhere", n)
		}
		d.google.Faults(func(f *sim.GoogleFaults) { f.Clear() })
		next := d.worker(id)
		if stands := next.grant(t); !stands.Same(was) {
			t.Error("something was stored all the same")
		}
		// The right to renew is still with the one that "died". It lives on in this process, so only time ends its right.
		if err := next.free(t.Context(), w.owner); err != nil {
			t.Fatal(err)
		}
		if err := next.lists(d.at); err != nil {
			t.Error(err)
		}
	})
}

// TestRenewAfterADeath: a worker that died on this machine while it renewed is not waited for.
func TestRenewAfterADeath(t *testing.T) {
	d := newGoogleDesk(t)
	id := d.joins().ID
	w := d.worker(id)
	dead := w.takesRight(t, machine()+"/999999999/dead")
	d.google.ExpireAccess(d.ada)
	ctx, cancel := context.WithTimeout(t.Context(), refreshTime/2)
	defer cancel()
	stale := w.grant(t)
	if _, err := w.Renew(ctx, stale, w.refresh(t)); err != nil {
		t.Errorf("waits for %s: %v", dead, err)
	}
}

func (w worker) takesRight(t *testing.T, owner string) string {
	t.Helper()
	err := w.process.write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.TakeRefresh(w.id, owner, refreshTime)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return owner
}

func (w worker) refresh(t *testing.T) func(context.Context, google.Grant) (google.Grant, error) {
	t.Helper()
	o, err := w.process.oauthClient()
	if err != nil {
		t.Fatal(err)
	}
	return o.Refresh
}

// TestRenewWaitsForTheLiving, until they are done or the caller has no more time.
func TestRenewWaitsForTheLiving(t *testing.T) {
	d := newGoogleDesk(t)
	id := d.joins().ID
	w, other := d.worker(id), d.worker(id)
	stale := w.grant(t)
	other.takesRight(t, other.owner)
	short, cancel := context.WithTimeout(t.Context(), 4*refreshPoll)
	defer cancel()
	never := func(context.Context, google.Grant) (google.Grant, error) {
		t.Error("two renew at once")
		return google.Grant{}, errors.New("never")
	}
	if _, err := w.Renew(short, stale, never); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	go func() {
		time.Sleep(3 * refreshPoll)
		if _, err := other.Renew(context.Background(), stale, other.refresh(t)); err != nil {
			t.Error(err)
		}
	}()
	g, err := w.Renew(t.Context(), stale, never)
	if err != nil || g.Same(stale) {
		t.Errorf("%v", err)
	}
}

// TestRenewMeetsOthers: what happens to the account between the request for a token and its answer.
func TestRenewMeetsOthers(t *testing.T) {
	withdrawn := fmt.Errorf("%w: withdrawn", cal.ErrLocked)
	for name, c := range map[string]struct {
		meanwhile func(d *googleDesk, id cal.AccountID)
		answer    error // Google's
		locked    bool
		missing   bool
		theirs    bool // what stands in the end is not ours
	}{
		"nothing":                             {meanwhile: func(*googleDesk, cal.AccountID) {}},
		"withdrawn":                           {meanwhile: func(*googleDesk, cal.AccountID) {}, answer: withdrawn, locked: true},
		"the key is rotated":                  {meanwhile: func(d *googleDesk, _ cal.AccountID) { d.must("key", "rotate") }},
		"the key is rotated twice":            {meanwhile: func(d *googleDesk, _ cal.AccountID) { d.must("key", "rotate"); d.must("key", "rotate") }},
		"the person consents anew":            {meanwhile: func(d *googleDesk, _ cal.AccountID) { d.joins() }, theirs: true},
		"the person consents anew in time":    {meanwhile: func(d *googleDesk, _ cal.AccountID) { d.joins() }, answer: withdrawn, theirs: true},
		"the account is removed":              {meanwhile: func(d *googleDesk, id cal.AccountID) { d.must("account", "remove", string(id), "--yes") }, missing: true},
		"the key is rotated, and it is taken": {meanwhile: func(d *googleDesk, _ cal.AccountID) { d.must("key", "rotate") }, answer: withdrawn, locked: true},
	} {
		t.Run(name, func(t *testing.T) {
			d := newGoogleDesk(t)
			id := d.joins().ID
			w := d.worker(id)
			stale := w.grant(t)
			ours := stale
			ours.AccessToken, ours.RefreshToken, ours.Expiry = "ya29.ours", "1//0ours", stale.Expiry.Add(time.Hour)
			g, err := w.Renew(t.Context(), stale, func(context.Context, google.Grant) (google.Grant, error) {
				c.meanwhile(d, id)
				return ours, c.answer
			})
			switch {
			case c.locked:
				if !errors.Is(err, cal.ErrLocked) {
					t.Errorf("%v", err)
				}
				ours = stale
			case c.missing:
				if !errors.Is(err, store.ErrNotFound) {
					t.Errorf("%v", err)
				}
				if len(d.accounts()) > 0 {
					t.Error("a removed account came back")
				}
				return
			case err != nil:
				t.Fatal(err)
			case g.Same(ours) == c.theirs || g.Same(stale):
				t.Errorf("got %+v", g)
			}
			next := d.worker(id)
			if stands := next.grant(t); stands.Same(ours) == c.theirs {
				t.Error("another grant stands")
			}
			if right := next.rightHolder(t); right != "" {
				t.Errorf("%s keeps the right to renew", right)
			}
			d.must("key", "rotate") // everything in the database opens
			d.keepsSecrets(outcome{})
		})
	}
}

// rightHolder tells who could not be overtaken.
func (w worker) rightHolder(t *testing.T) (holder string) {
	t.Helper()
	err := w.process.write(t.Context(), func(tx *store.Tx) error {
		right, err := tx.TakeRefresh(w.id, "a stranger", time.Millisecond)
		holder = strings.TrimPrefix(right.Holder, "a stranger")
		return errors.Join(err, tx.ReleaseRefresh(w.id, "a stranger"))
	})
	if err != nil {
		t.Fatal(err)
	}
	return holder
}

// TestRenewOutlivesCtrlC: a token that has arrived is stored, although the program is told to stop.
func TestRenewOutlivesCtrlC(t *testing.T) {
	d := newGoogleDesk(t)
	id := d.joins().ID
	w := d.worker(id)
	stale := w.grant(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	refresh := w.refresh(t)
	g, err := w.Renew(ctx, stale, func(ctx context.Context, g google.Grant) (google.Grant, error) {
		next, err := refresh(ctx, g)
		interrupt()
		return next, err
	})
	if err != nil || g.Same(stale) {
		t.Fatalf("%v", err)
	}
	if stands := d.worker(id).grant(t); !stands.Same(g) {
		t.Error("the new token is lost")
	}
}
