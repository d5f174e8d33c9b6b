package suite_test

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/engine"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }

// TestSuite is what every server has to pass, over every database.
func TestSuite(t *testing.T) {
	providertest.EachServer(t, func(t *testing.T, s providertest.Server) {
		providertest.EachDatabase(t, func(t *testing.T, d providertest.Database) {
			onEach(t, func(t *testing.T) *Rig { return NewRig(t, s, d) })
		})
	})
	t.Run("google", func(t *testing.T) {
		providertest.EachDatabase(t, func(t *testing.T, d providertest.Database) {
			onEach(t, func(t *testing.T) *Rig { return NewGoogleRig(t, NewGoogleSide(t, sim.GoogleOptions{}), d) })
		})
	})
}

func onEach(t *testing.T, rig func(*testing.T) *Rig) {
	for _, c := range suite {
		t.Run(c.name, func(t *testing.T) {
			r := rig(t)
			r.Sync()
			c.test(r)
		})
	}
}

var suite = []struct {
	name string
	test func(*Rig)
}{
	{"both ways, then quiet", bothWays},
	{"different properties merge", differentProperties},
	{"the policy decides about the same property", sameProperty},
	{"an edit beats a deletion", editBeatsDeletion},
	{"a lost answer is neither doubled nor contested", lostAnswer},
	{"typed again while the answer was lost", typedAgain},
	{"tasks and journals", tasksAndJournals},
	{"a complete listing agrees", completeListing},
	{"a check writes nothing", checkWritesNothing},
	{"many objects", manyObjects},
	{"the same UID created on both sides", sameUID},
	{"the calendar itself", calendarItself},
}

// newEvent is a small event. DTSTAMP and all are there, because Cyrus insists.
func newEvent(uid, summary, location string) string {
	return component("VEVENT", uid, "DTSTART:20260301T090000Z", "DTEND:20260301T100000Z", "SUMMARY:"+summary, "LOCATION:"+location)
}

func component(kind, uid string, lines ...string) string {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//calbridge//test//EN", "BEGIN:" + kind, "UID:" + uid,
		"DTSTAMP:20260101T000000Z"}, lines...)
	return strings.Join(append(all, "END:"+kind, "END:VCALENDAR", ""), "\r\n")
}

// uids of one test must not meet those of another: Cyrus wants them unique over all calendars of a user.
func uid(r *Rig, n int) string {
	return fmt.Sprintf("%s-%d@test.example", strings.Trim(r.Calendar[strings.LastIndex(strings.Trim(r.Calendar, "/"), "/")+1:], "/"), n)
}

func bothWays(r *Rig) {
	a, b := uid(r, 1), uid(r, 2)
	r.There(a, newEvent(a, "from there", "x"))
	r.Create(b, newEvent(b, "from here", "y"))
	if run := r.Sync(); run.Pulled.Created != 1 || run.Pushed.Created != 1 {
		r.T.Errorf("create: %+v", run)
	}
	r.Agree(a, b)
	r.ChangeThere(a, "from there", "changed there")
	r.Change(b, "from here", "changed here")
	if run := r.Sync(); run.Pulled.Updated != 1 || run.Pushed.Updated != 1 {
		r.T.Errorf("update: %+v", run)
	}
	r.Agree(a, b)
	r.Quiet()
	r.DeleteThere(b)
	r.Delete(a)
	if run := r.Sync(); run.Pulled.Deleted != 1 || run.Pushed.Deleted != 1 {
		r.T.Errorf("delete: %+v", run)
	}
	r.Agree()
	r.Quiet()
}

func differentProperties(r *Rig) {
	u := uid(r, 1)
	r.There(u, newEvent(u, "summary", "location"))
	r.Sync()
	r.Change(u, "SUMMARY:summary", "SUMMARY:mine")
	r.ChangeThere(u, "LOCATION:location", "LOCATION:theirs")
	if run := r.Sync(); run.Conflicts != 0 || run.Merged != 1 {
		r.T.Errorf("%+v", run)
	}
	r.Agree(u)
	body := string(r.Object(u).Base.Body)
	if !strings.Contains(body, "SUMMARY:mine") || !strings.Contains(body, "LOCATION:theirs") {
		r.T.Errorf("not merged:\n%s", body)
	}
	r.Quiet()
}

func sameProperty(r *Rig) {
	for policy, want := range map[cal.Policy]string{cal.RemoteWins: "theirs", cal.LocalWins: "mine", cal.Manual: "theirs"} {
		u := uid(r, len(policy))
		r.There(u, newEvent(u, "summary", "location"))
		r.Rules(cal.Rules{OnConflict: policy})
		r.Sync()
		r.Change(u, "SUMMARY:summary", "SUMMARY:mine")
		r.ChangeThere(u, "SUMMARY:summary", "SUMMARY:theirs")
		if run := r.Sync(); run.Conflicts != 1 {
			r.T.Errorf("%s: %+v", policy, run)
		}
		if body := string(r.Object(u).Base.Body); !strings.Contains(body, "SUMMARY:"+want) {
			r.T.Errorf("%s: not %s:\n%s", policy, want, body)
		}
		loserIsKept(r, u, policy)
		r.Quiet()
	}
}

func loserIsKept(r *Rig, uid string, policy cal.Policy) {
	r.Read(func(tx *store.Tx) error {
		all, err := tx.Conflicts(store.ConflictFilter{Object: r.Object(uid).ID})
		if err != nil || len(all) != 1 {
			r.T.Fatalf("%s: %d conflicts, %v", policy, len(all), err)
		}
		c, err := tx.Conflict(all[0].ID)
		if !strings.Contains(string(c.Mine.Body), "SUMMARY:mine") || !strings.Contains(string(c.Theirs.Body), "SUMMARY:theirs") {
			r.T.Errorf("%s: the conflict does not show both: %+v", policy, c)
		}
		if c.Open != (policy == cal.Manual) {
			r.T.Errorf("%s: open is %v", policy, c.Open)
		}
		return err
	})
}

func editBeatsDeletion(r *Rig) {
	a, b := uid(r, 1), uid(r, 2)
	r.There(a, newEvent(a, "a", "x"))
	r.There(b, newEvent(b, "b", "x"))
	r.Sync()
	r.Change(a, "SUMMARY:a", "SUMMARY:mine")
	r.DeleteThere(a)
	r.Delete(b)
	r.ChangeThere(b, "SUMMARY:b", "SUMMARY:theirs")
	if run := r.Sync(); run.Conflicts != 2 {
		r.T.Errorf("%+v", run)
	}
	r.Agree(a, b)
	r.Quiet()
}

// lostAnswer: the server did it, and we never heard.
func lostAnswer(r *Rig) {
	a, b, c := uid(r, 1), uid(r, 2), uid(r, 3)
	r.There(b, newEvent(b, "b", "x"))
	r.There(c, newEvent(c, "c", "x"))
	r.Sync()
	r.Create(a, newEvent(a, "a", "x"))
	r.Change(b, "SUMMARY:b", "SUMMARY:mine")
	r.Delete(c)
	r.Wire.Lose(loseWrites)
	r.Sync()
	r.Wire.Lose(nil)
	r.Sync()
	r.Agree(a, b)
	r.NoConflicts()
	r.Quiet()
}

func loseWrites(q *http.Request) error {
	if q.Method == http.MethodPut || q.Method == http.MethodDelete || q.Method == http.MethodPost || q.Method == http.MethodPatch {
		return io.ErrUnexpectedEOF
	}
	return nil
}

// typedAgain: between the lost answer and the next sync the user types on, and somebody else edits another property.
func typedAgain(r *Rig) {
	a, b := uid(r, 1), uid(r, 2)
	r.There(b, newEvent(b, "b", "x"))
	r.Sync()
	r.Create(a, newEvent(a, "a", "x"))
	r.Change(b, "SUMMARY:b", "SUMMARY:first")
	r.Wire.Lose(func(q *http.Request) error {
		if q.Method == http.MethodPut || q.Method == http.MethodPost || q.Method == http.MethodPatch || q.Method == "REPORT" || q.Method == http.MethodGet {
			return io.ErrUnexpectedEOF
		}
		return nil
	})
	r.SyncAll(engine.Incremental)
	r.Wire.Lose(nil)
	r.Change(a, "SUMMARY:a", "SUMMARY:second")
	r.Change(b, "SUMMARY:first", "SUMMARY:second")
	r.ChangeThere(b, "LOCATION:x", "LOCATION:theirs")
	r.Sync()
	r.Agree(a, b)
	r.NoConflicts()
	for _, u := range []string{a, b} {
		if body := string(r.Object(u).Base.Body); !strings.Contains(body, "SUMMARY:second") {
			r.T.Errorf("lost:\n%s", body)
		}
	}
	if body := string(r.Object(b).Base.Body); !strings.Contains(body, "LOCATION:theirs") {
		r.T.Errorf("lost:\n%s", body)
	}
	r.Quiet()
}

func tasksAndJournals(r *Rig) {
	if r.Name == "google" {
		eventsOnly(r)
		return
	}
	a, b := uid(r, 1), uid(r, 2)
	task := component("VTODO", a, "SUMMARY:buy milk", "DUE:20260301T100000Z")
	journal := component("VJOURNAL", b, "SUMMARY:a day", "DTSTART;VALUE=DATE:20260301")
	if r.Name == "cyrus" { // its calendars take what they were made for
		r.Calendar = r.Side.Fresh(r.T, "VTODO", "VJOURNAL", "VEVENT")
		r.Sync()
		r.Sync()
	}
	r.Create(a, task)
	r.There(b, journal)
	r.Sync()
	r.Agree(a, b)
	if got := r.Object(a).Component + r.Object(b).Component; got != "VTODOVJOURNAL" {
		r.T.Error(got)
	}
	r.Quiet()
}

// eventsOnly: Google has no tasks in calendars. One that is wanted there all the same stays here, and says why.
func eventsOnly(r *Rig) {
	a := uid(r, 1)
	r.Create(a, component("VTODO", a, "SUMMARY:buy milk"))
	if run := r.Sync(); run.Refused != 1 || run.Trouble == nil || !strings.Contains(*run.Trouble, "VTODO") {
		r.T.Errorf("%+v", run)
	}
	if n := len(r.Remote()); n != 0 {
		r.T.Errorf("%d there", n)
	}
}

// completeListing: whatever the tokens say, listing everything finds nothing new, and what is gone is gone.
func completeListing(r *Rig) {
	var all []string
	for n := range 7 {
		u := uid(r, n)
		all = append(all, u)
		r.There(u, newEvent(u, "s", "x"))
	}
	r.Sync()
	run := r.SyncMode(engine.Full)
	if run.Pulled.Total() != 0 || !run.Complete {
		r.T.Errorf("%+v", run)
	}
	r.DeleteThere(all[0])
	if run := r.SyncMode(engine.Full); run.Pulled.Deleted != 1 {
		r.T.Errorf("%+v", run)
	}
	r.Agree(all[1:]...)
}

func checkWritesNothing(r *Rig) {
	a, b := uid(r, 1), uid(r, 2)
	r.There(a, newEvent(a, "a", "x"))
	r.Create(b, newEvent(b, "b", "x"))
	r.Wire.Reset()
	run := r.SyncMode(engine.Check)
	if len(run.Plan) != 2 || run.Pulled.Created != 1 || run.Pushed.Created != 1 {
		r.T.Errorf("%+v", run)
	}
	if w := r.Wire.Writes(); len(w) > 0 {
		r.T.Errorf("a check wrote %v", w)
	}
	if n := len(r.Objects()); n != 1 {
		r.T.Errorf("%d objects here after a check", n)
	}
}

func manyObjects(r *Rig) {
	var all []string
	for n := range 120 {
		u := uid(r, n)
		all = append(all, u)
		if n%2 == 0 {
			r.There(u, newEvent(u, "there", "x"))
		} else {
			r.Create(u, newEvent(u, "here", "x"))
		}
	}
	if run := r.Sync(); run.Pushed.Created != 60 || run.Pulled.Created != 60 {
		r.T.Errorf("%+v", run)
	}
	r.Agree(all...)
	r.Quiet()
}

// sameUID: an import of the same file on both sides is no reason for two.
func sameUID(r *Rig) {
	a, b := uid(r, 1), uid(r, 2)
	r.There(a, newEvent(a, "same", "x"))
	r.Create(a, newEvent(a, "same", "x"))
	r.There(b, newEvent(b, "theirs", "x"))
	r.Create(b, newEvent(b, "mine", "x"))
	r.Sync()
	r.Sync()
	if r.Name == "sim" { // sim lets a UID live twice unless told otherwise; so do DAViCal and Sabre
		return
	}
	r.Agree(a, b)
	r.Quiet()
}

func calendarItself(r *Rig) {
	ctx := r.T.Context()
	href, err := r.Client().MakeCalendar(ctx, cal.Facts{Name: "Zoë's", Color: "#ff8800", Components: "VEVENT"})
	if err != nil {
		r.T.Fatal(err)
	}
	defer r.Client().DropCalendar(ctx, href)
	if got := r.Listed(href); got.Name != "Zoë's" {
		r.T.Errorf("made: %+v", got)
	}
	if err := r.Client().Describe(ctx, href, cal.Facts{Name: "Renamed", Color: "#00aa00"}); err != nil {
		r.T.Error(err)
	}
	if got := r.Listed(href); got.Name != "Renamed" || !strings.HasPrefix(strings.ToLower(got.Color), "#00aa00") {
		r.T.Errorf("described: %+v", got)
	}
	if err := r.Client().DropCalendar(ctx, href); err != nil {
		r.T.Error(err)
	}
	if got := r.Listed(href); got.Href != "" {
		r.T.Errorf("still there: %+v", got)
	}
}
