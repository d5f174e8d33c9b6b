package main

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
	eventjson "calbridge/internal/event"
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
		newKiller(t, newDavShore(t), database).play()
	})
}

// TestGoogleKillLoop is the same on the simulated Google. Nobody is ever mailed.
func TestGoogleKillLoop(t *testing.T) {
	providertest.EachDatabase(t, func(t *testing.T, database providertest.Database) {
		t.Parallel()
		shore := newGoogleShore(t)
		newKiller(t, shore, database).play()
		if m := shore.google.Mails(); len(m) > 0 {
			t.Errorf("mailed: %v", m)
		}
	})
}

func (k *killer) play() {
	for k.killed < kills {
		k.edit()
		k.kill()
	}
	k.settle()
	k.compare()
}

// shore is the other side, as somebody else works there.
type shore interface {
	join(k *killer) (calendar string) // adds the account; the calendar's name
	put(uid, body string)
	relocate(name, location string)
	all() map[string]cal.Body // by name
	calm()                    // no more delays
}

// davShore is the CalDAV server of a desk.
type davShore struct{ *desk }

func newDavShore(t *testing.T) davShore { return davShore{newDesk(t)} }

func (d davShore) join(k *killer) string {
	k.desk = d.desk
	return "Work"
}

func (d davShore) put(uid, body string) { d.server.Store(user, "work", uid+".ics", body) }

func (d davShore) relocate(name, location string) {
	body, _, _ := d.server.Load(user, "work", name)
	d.server.Store(user, "work", name, locationLine.ReplaceAllString(body, "LOCATION:"+location))
}

func (d davShore) all() map[string]cal.Body {
	all := map[string]cal.Body{}
	for _, name := range d.server.List(user, "work") {
		body, _, _ := d.server.Load(user, "work", name)
		all[name] = cal.Body(body)
	}
	return all
}

func (d davShore) calm() { d.server.OnRequest(nil) }

// googleShore is the calendar of a desk's owner at Google.
type googleShore struct{ *googleDesk }

func newGoogleShore(t *testing.T) googleShore {
	return googleShore{newGoogleDeskAt(t, sim.GoogleOptions{Latency: 4 * time.Millisecond, MaxPage: 20})}
}

func (g googleShore) join(k *killer) string {
	k.desk = g.desk
	return g.ada.Email
}

func (g googleShore) put(uid, body string) {
	text, err := eventjson.New(cal.Body(body), strings.ReplaceAll(uid, "-", "0"), nil, "UTC")
	if err != nil {
		g.t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("{"), []byte(`{"iCalUID":"`+uid+`",`), 1)
	g.google.Put(g.ada.Email, string(text))
}

func (g googleShore) relocate(name, location string) {
	g.google.Patch(g.ada.Email, name, `{"location":"`+location+`"}`)
}

func (g googleShore) all() map[string]cal.Body {
	all := map[string]cal.Body{}
	for _, id := range g.google.Events(g.ada.Email) {
		native, _ := g.google.Event(g.ada.Email, id)
		e, err := eventjson.Parse([]byte(native))
		if err != nil {
			g.t.Fatal(err)
		}
		if all[id], _, err = e.ICal(eventjson.Parent{}); err != nil {
			g.t.Fatal(err)
		}
	}
	return all
}

func (g googleShore) calm() {}

// killer is a desk whose syncs do not live long.
type killer struct {
	*desk
	shore
	db       *store.DB
	calendar cal.CalendarID
	rng      *rand.Rand
	killed   int
	n        int
	summary  map[string]string // by UID, the last words of the user here
	location map[string]string // and of somebody there
}

func newKiller(t *testing.T, on shore, database providertest.Database) *killer {
	k := &killer{shore: on, rng: rand.New(rand.NewPCG(1, 2)), summary: map[string]string{}, location: map[string]string{}}
	name := on.join(k)
	k.env["CALBRIDGE_DB"] = database.URL
	k.env["CALBRIDGE_KEY"] = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="
	k.must("migrate", "up")
	switch on := on.(type) {
	case davShore:
		on.desk.join()
		on.server.OnRequest(func(*http.Request) sim.Fault { return sim.Fault{Delay: 4 * time.Millisecond} })
	case googleShore:
		if o := on.consent(consents(on.ada.Email)); o.code != exitDone {
			t.Fatalf("%+v", o)
		}
	}
	k.must("sync")
	k.calendar = cal.CalendarID(k.desk.calendar(name))
	db, err := store.Open(context.Background(), database.URL, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	k.db = db
	return k
}

// edit creates on both sides, and changes on each side some of what it sees.
func (k *killer) edit() {
	for range 3 {
		here, there := k.word("here"), k.word("there")
		k.create(here)
		k.summary[there], k.location[there] = "s-"+there, "l-"+there
		k.put(there, words(there, k.summary[there], k.location[there]))
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
	all := k.shore.all()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if k.rng.IntN(1+len(all)/4) == 0 {
			uid := ical.Read(all[name]).UID
			k.location[uid] = k.word("theirs")
			k.relocate(name, k.location[uid])
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
	k.calm()
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
	for _, body := range k.shore.all() {
		k.once(there, body)
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
