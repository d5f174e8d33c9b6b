//go:build faults

package faults

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// converges is in how many syncs everything has to be right once nothing fails any more.
const converges = 3

// settle ends all faults and syncs until both sides agree.
func (w *world) settle() {
	if err := w.sky.proxy.reset(); err != nil {
		w.Fatal(err)
	}
	w.revive(w.sky.postgres, &sync.Mutex{}, w.sky.database.URL)
	w.start(w.sky.radicale)
	lines := make([]string, len(w.lanes))
	var all sync.WaitGroup
	for i, l := range w.lanes {
		all.Go(func() { lines[i] = w.settleLane(l) })
	}
	all.Wait()
	w.settled = lines
	for _, words := range []string{"not properly shut down", "No space left", "PANIC"} {
		w.count("lines of PostgreSQL's log: "+words, w.sky.postgres.Said(words))
	}
	w.count("lines of Radicale's log: No space left", w.sky.radicale.Said("No space left"))
}

func (w *world) settleLane(l *lane) string {
	began := time.Now()
	waited := time.Duration(0)
	for n := 1; n <= 4*converges; n++ {
		rep, ok := w.finished(w.sync(l))
		w.approve(l, rep)
		w.sendAgain(l)
		if ok && waiting(rep) == 0 && w.agree(l) {
			if n > converges {
				w.problem("%s: the sides agreed only after %d syncs", l.name, n)
			}
			took := time.Since(began)
			return fmt.Sprintf("%s: the sides agreed after %d syncs, %.1f s, of which %.1f s were waits that calbridge asked for; %s", l.name, n,
				took.Seconds(), waited.Seconds(), w.still(l))
		}
		next := until(rep)
		waited += next
		time.Sleep(next)
	}
	w.problem("%s: the sides do not agree after %d syncs", l.name, 4*converges)
	return l.name + ": the sides never agreed"
}

// waiting is how many edits have not reached the server.
func waiting(rep report) (n int) {
	for _, r := range rep.Runs {
		n += r.Pending + r.Refused
	}
	return n
}

// until is when calbridge said to try again, and a second more.
func until(rep report) time.Duration {
	wait := time.Second
	for _, r := range rep.Runs {
		if r.NextTry != nil {
			wait = max(wait, time.Until(*r.NextTry)+time.Second)
		}
	}
	return wait
}

// approve says yes to deletions that the guard holds back: the people here did delete that much.
func (w *world) approve(l *lane, rep report) {
	for _, r := range rep.Runs {
		if r.Held {
			w.count("runs held by the deletion guard, approved", 1)
			l.program.run("", "approve", r.ID, "--json")
		}
	}
}

// sendAgain does what a person does about edits that the server refused: Radicale says 400 when its disk is full.
func (w *world) sendAgain(l *lane) {
	var refused struct{ Objects []object }
	l.program.try(&refused, "object", "list", "--account", l.account, "--state", "refused")
	for _, r := range refused.Objects {
		var o object
		if l.program.try(&o, "object", "show", r.ID) && !o.Deleted {
			w.count("edits that Radicale refused when its disk was full, sent again by hand", 1)
			l.program.run("", "object", "restore", r.ID, fmt.Sprint(o.Version))
		} else {
			w.problem("%s: a deletion was refused: %s", l.name, r.ID)
		}
	}
}

// still syncs once more, which must change nothing anywhere.
func (w *world) still(l *lane) string {
	before := w.fingerprint(l)
	rep, ok := w.finished(w.sync(l))
	moved := 0
	for _, r := range rep.Runs {
		moved += r.Pulled.Created + r.Pulled.Updated + r.Pulled.Deleted + r.Pushed.Created + r.Pushed.Updated + r.Pushed.Deleted + r.Conflicts
	}
	if after := w.fingerprint(l); !ok || moved > 0 || after != before {
		w.problem("%s: a sync at rest did something: ended well %v, %d objects\nbefore %s\nafter  %s", l.name, ok, moved, before, after)
	}
	return "one more changed nothing"
}

// fingerprint is every etag at the server, and how much there is in our tables.
func (w *world) fingerprint(l *lane) string {
	var b strings.Builder
	for _, c := range l.calendars {
		for _, o := range w.there(l, c) {
			fmt.Fprintf(&b, "%s %s\n", o.href, o.etag)
		}
	}
	w.store(l, func(tx *store.Tx) error {
		news, err := tx.Changes(0, 1<<30)
		mine := 0
		for _, c := range news {
			if string(c.Account) == l.account {
				mine++
			}
		}
		fmt.Fprintf(&b, "%d rows in the feed\n", mine)
		return err
	})
	for _, o := range w.objects(l) {
		fmt.Fprintf(&b, "%s %s %s %v\n", o.ID, o.Base.ID, o.Base.ETag, o.Edit != nil)
	}
	return b.String()
}

// resource is one object at the server.
type resource struct{ href, etag, body string }

func (w *world) there(l *lane, c *calendar) (all []resource) {
	for _, href := range l.server.List(w, c.Href) {
		body, etag, ok := l.server.Get(w, href)
		if ok {
			all = append(all, resource{href, etag, body})
		}
	}
	return all
}

// store reads our database, past every proxy.
func (w *world) store(l *lane, fn func(*store.Tx) error) {
	w.Helper()
	db, err := store.Open(context.Background(), l.database, store.Options{})
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	if err := db.Read(context.Background(), fn); err != nil {
		w.Fatal(err)
	}
}

// objects are all objects of the lane's calendars, those that are gone too.
func (w *world) objects(l *lane) (all []cal.Object) {
	w.store(l, func(tx *store.Tx) error {
		all = nil
		for _, c := range l.calendars {
			rows, err := tx.Objects(store.ObjectFilter{Calendar: cal.CalendarID(c.ID), IncludeGone: true})
			if err != nil {
				return err
			}
			for _, r := range rows {
				o, err := tx.Object(r.ID)
				if err != nil {
					return err
				}
				all = append(all, o)
			}
		}
		return nil
	})
	return all
}

// agree tells whether both sides hold the same.
func (w *world) agree(l *lane) bool {
	here, there := map[string]string{}, map[string]string{}
	for _, o := range w.objects(l) {
		if o.Want().Exists() {
			here[string(o.Calendar)+" "+o.UID] = content(string(o.Want().Body))
		}
	}
	for _, c := range l.calendars {
		for _, r := range w.there(l, c) {
			there[c.ID+" "+uidOf(r.body)] = content(r.body)
		}
	}
	return maps.Equal(here, there)
}

// content is what people edit of an object.
func content(text string) string {
	var b strings.Builder
	for _, p := range properties {
		b.WriteString(p.FindString(text) + " ")
	}
	return b.String()
}

// reachable tells whether a database answers.
func reachable(url string) bool {
	db, err := sql.Open("postgres", url+"&connect_timeout=2")
	if err != nil {
		return false
	}
	defer db.Close()
	_, err = db.Exec("SELECT 1")
	return err == nil
}
