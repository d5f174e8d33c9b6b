package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/providertest"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// kills is how many processes have to die in the middle of their work.
const kills = 60

// TestKillLoop edits on both sides and kills every sync somewhere on its way. The user here changes summaries, somebody there changes
// locations, so nothing is ever contested: in the end every object is on both sides once, with the last words of each, and there is
// not one conflict.
func TestKillLoop(t *testing.T) {
	providertest.EachDatabase(t, func(t *testing.T, database providertest.Database) {
		t.Parallel() // both wait a minute at the end, for creates that might still arrive
		k := newKiller(t, database)
		for k.killed < kills {
			k.edit()
			k.kill()
		}
		k.settle()
		k.compare()
	})
}

// killer is a desk whose syncs do not live long.
type killer struct {
	*desk
	db       *store.DB
	calendar cal.CalendarID
	rng      *rand.Rand
	killed   int
	n        int
	summary  map[string]string // by UID, the last words of the user here
	location map[string]string // and of somebody there
}

func newKiller(t *testing.T, database providertest.Database) *killer {
	k := &killer{desk: newDesk(t), rng: rand.New(rand.NewPCG(1, 2)), summary: map[string]string{}, location: map[string]string{}}
	k.env["CALBRIDGE_DB"] = database.URL
	k.env["CALBRIDGE_KEY"] = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	k.must("migrate", "up")
	k.join()
	k.must("sync")
	k.calendar = cal.CalendarID(k.desk.calendar("Work"))
	db, err := store.Open(context.Background(), database.URL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	k.db = db
	k.server.OnRequest(func(*http.Request) sim.Fault { return sim.Fault{Delay: 4 * time.Millisecond} })
	return k
}

// edit creates on both sides, and changes on each side some of what it sees.
func (k *killer) edit() {
	for range 3 {
		here, there := k.word("here"), k.word("there")
		k.create(here)
		k.summary[there], k.location[there] = "s-"+there, "l-"+there
		k.server.Store(user, "work", there+".ics", words(there, k.summary[there], k.location[there]))
	}
	k.changeHere()
	k.changeThere()
}

func (k *killer) word(kind string) string {
	k.n++
	return fmt.Sprintf("%s-%d", kind, k.n)
}

func words(uid, summary, location string) string {
	return locationLine.ReplaceAllString(event(uid, summary), "LOCATION:"+location)
}

func (k *killer) create(uid string) {
	k.summary[uid], k.location[uid] = "s-"+uid, "l-"+uid
	k.draft(store.Draft{Calendar: k.calendar, UID: uid, Component: "VEVENT"}, words(uid, k.summary[uid], k.location[uid]))
}

func (k *killer) draft(d store.Draft, body string) {
	k.t.Helper()
	d.Want = cal.Version{Digest: ical.Read(cal.Body(body)).Digest, Body: cal.Body(body)}
	err := k.db.Write(context.Background(), func(tx *store.Tx) error {
		_, err := tx.Edit(d)
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
}

var summaryLine, locationLine = regexp.MustCompile(`SUMMARY:[^\r\n]*`), regexp.MustCompile(`LOCATION:[^\r\n]*`)

func (k *killer) changeHere() {
	all := k.here()
	for _, o := range all {
		if k.rng.IntN(1+len(all)/4) == 0 {
			k.summary[o.UID] = k.word("mine")
			body := summaryLine.ReplaceAllString(string(o.Want().Body), "SUMMARY:"+k.summary[o.UID])
			k.draft(store.Draft{Object: o.ID}, body)
		}
	}
}

func (k *killer) changeThere() {
	names := k.server.List(user, "work")
	for _, name := range names {
		if k.rng.IntN(1+len(names)/4) == 0 {
			body, _, _ := k.server.Load(user, "work", name)
			uid := ical.Read(cal.Body(body)).UID
			k.location[uid] = k.word("theirs")
			k.server.Store(user, "work", name, locationLine.ReplaceAllString(body, "LOCATION:"+k.location[uid]))
		}
	}
}

// kill starts a sync and ends it without a warning, at any point of it.
func (k *killer) kill() {
	cmd, _ := k.start("sync")
	time.Sleep(time.Duration(15+k.rng.IntN(110)) * time.Millisecond)
	cmd.Process.Kill()
	if err, ok := cmd.Wait().(*exec.ExitError); ok && err.ExitCode() == -1 {
		k.killed++
	}
}

// settle lets the syncs live, until nothing waits.
func (k *killer) settle() {
	k.server.OnRequest(nil)
	for range 9 {
		k.must("sync")
		if len(ask[struct{ Objects []objectView }](k.desk, "object", "list", "--state", "pending").Objects) == 0 {
			return
		}
		time.Sleep(10 * time.Second)
	}
	k.t.Error("something still waits after 90 s")
}

func (k *killer) here() (all []cal.Object) {
	k.t.Helper()
	err := k.db.Read(context.Background(), func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: k.calendar})
		for _, r := range rows {
			o, err := tx.Object(r.ID)
			if err != nil {
				return err
			}
			all = append(all, o)
		}
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}

func (k *killer) compare() {
	here, there := map[string]string{}, map[string]string{}
	for _, o := range k.here() {
		k.once(here, o.Want().Body)
	}
	for _, name := range k.server.List(user, "work") {
		body, _, _ := k.server.Load(user, "work", name)
		k.once(there, cal.Body(body))
	}
	for uid, summary := range k.summary {
		want := "SUMMARY:" + summary + " LOCATION:" + k.location[uid]
		if here[uid] != want || there[uid] != want {
			k.t.Errorf("%s: want %q\n here  %q\n there %q", uid, want, here[uid], there[uid])
		}
	}
	if len(here) != len(k.summary) || len(there) != len(k.summary) {
		k.t.Errorf("%d objects were made; %d here, %d there", len(k.summary), len(here), len(there))
	}
	if out := k.must("conflict", "list", "--json"); !strings.Contains(out, `"conflicts":[]`) && !strings.Contains(out, `"conflicts": []`) {
		k.t.Errorf("contested by nobody: %s", out)
	}
}

// once notes what an object says, and that there is no second one of it.
func (k *killer) once(all map[string]string, body cal.Body) {
	uid := ical.Read(body).UID
	if _, twice := all[uid]; twice {
		k.t.Errorf("%s is there twice", uid)
	}
	all[uid] = summaryLine.FindString(string(body)) + " " + locationLine.FindString(string(body))
}
