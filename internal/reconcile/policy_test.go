package reconcile

import (
	"testing"
	"time"

	"calbridge/internal/cal"
)

// contested is an object that both sides gave another summary, the local side now.
func contested(modified time.Time) (cal.Object, Sighting) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 1, Want: version(pair{2, 1}, 0), At: now}
	r := resource("/a", "a", pair{3, 1}, 2)
	r.Modified = modified
	return o, Sighting{Resource: r}
}

// TestNewestWins: the local edit wins only over one that is surely older.
func TestNewestWins(t *testing.T) {
	for name, c := range map[string]struct {
		modified time.Time
		winner   cal.Side
	}{
		"older":              {now.Add(-time.Minute), cal.Mine},
		"older by a hair":    {now.Add(-time.Second), cal.Theirs},
		"newer":              {now.Add(time.Second), cal.Theirs},
		"from the future":    {now.Add(24 * time.Hour), cal.Theirs},
		"does not say when":  {time.Time{}, cal.Theirs},
		"older than a draw":  {now.Add(-draw - time.Millisecond), cal.Mine},
		"exactly as a draw":  {now.Add(-draw), cal.Theirs},
		"at the same moment": {now, cal.Theirs},
	} {
		o, seen := contested(c.modified)
		got := Object(o, seen, cal.Rules{OnConflict: cal.NewestWins}, Moment{Now: now})
		if got.Conflict == nil || got.Conflict.Winner != c.winner {
			t.Errorf("%s: %+v", name, got.Conflict)
		}
	}
}

// TestTheCopyIsNamedByWhatItSays: a decision that has to be made again, later, makes no second copy.
func TestTheCopyIsNamedByWhatItSays(t *testing.T) {
	o, seen := contested(now)
	rules := cal.Rules{OnConflict: cal.KeepBoth}
	first := Object(o, seen, rules, Moment{Now: now})
	again := Object(o, seen, rules, Moment{Now: now.Add(time.Hour)})
	if first.Copy == nil || again.Copy == nil || first.Copy.UID != again.Copy.UID || first.Copy.UID == o.UID {
		t.Fatalf("%+v\n%+v", first.Copy, again.Copy)
	}
	o.Edit.Want = version(pair{4, 1}, 0)
	if other := Object(o, seen, rules, Moment{Now: now}); other.Copy.UID == first.Copy.UID {
		t.Error("another content has the same name")
	}
}

// TestAttemptsAreRememberedWhileTheyMayHappen: as long as the remote shows what they were conditional on, each of them may still arrive.
func TestAttemptsAreRememberedWhileTheyMayHappen(t *testing.T) {
	o := held("a", "/a", "a", pair{1, 1}, 1)
	o.Edit = &cal.Edit{Rev: 3, Want: version(pair{4, 1}, 0), At: now}
	for i := range 2 {
		o.Sent = append(o.Sent, cal.Attempt{Object: "a", Href: "/a", Match: `"1"`, Want: version(pair{2 + i, 1}, 0), State: cal.AttemptSent, At: now})
	}
	o = Object(o, Sighting{Resource: resource("/a", "a", pair{1, 1}, 1)}, cal.Rules{}, Moment{Now: now}).Object
	if len(o.Sent) != 2 || o.Sent[0].State != cal.AttemptLate {
		t.Fatalf("%+v", o.Sent)
	}
	c := Object(o, Sighting{Resource: resource("/a", "a", pair{2, 1}, 2)}, cal.Rules{}, Moment{Now: now})
	if c.Conflict != nil || read(c.Object.Want()) != (pair{4, 1}) || len(c.Object.Sent) != 0 {
		t.Errorf("the first of them arrived late: %+v", c)
	}
}

// TestACreateInDoubtIsAwaited: it may still arrive, so it is repeated only when it cannot any more.
func TestACreateInDoubtIsAwaited(t *testing.T) {
	o := cal.Object{ID: "a", Calendar: "c1", Href: "/a", UID: "a", Edit: &cal.Edit{Rev: 1, Want: version(pair{1, 1}, 0), At: now}}
	o.Sent = []cal.Attempt{{Object: "a", Href: "/a", Want: version(pair{1, 1}, 0), State: cal.AttemptSent, At: now}}
	c := Object(o, Sighting{Resource: cal.Resource{Href: "/a"}}, cal.Rules{}, Moment{Now: now.Add(time.Second), Grace: time.Minute})
	if e := c.Object.Edit; e == nil || !e.Due.Equal(now.Add(time.Second+time.Minute)) || len(c.Object.Sent) != 1 {
		t.Errorf("%+v", c.Object)
	}
}

// TestAYesBesideAStranger: the remote took our creation, it is not under its name, and somebody's event of its UID is under another. Our words are
// not the server's to have altered: they are in conflict with his.
func TestAYesBesideAStranger(t *testing.T) {
	o := cal.Object{ID: "a", Calendar: "c1", Href: "/a", UID: "u1", Edit: &cal.Edit{Rev: 1, Want: version(pair{1, 1}, 0), At: now}}
	o.Sent = []cal.Attempt{{Object: "a", Href: "/a", Rev: 1, Want: version(pair{1, 1}, 0), State: cal.AttemptDone, At: now}}
	his := Sighting{Resource: cal.Resource{Href: "/b", UID: "u1", Version: version(pair{2, 2}, 7)}}
	c := Object(o, his, cal.Rules{}, Moment{Now: now, Grace: time.Minute})
	if c.Conflict == nil || c.Conflict.Kind != cal.CreateCreate || !c.Conflict.Mine.Same(version(pair{1, 1}, 0)) {
		t.Errorf("no conflict names our words: %+v %+v", c.Conflict, c.Notices)
	}
	his.Version = version(pair{1, 1}, 7)
	if c = Object(o, his, cal.Rules{}, Moment{Now: now, Grace: time.Minute}); c.Conflict != nil || c.Object.Edit != nil {
		t.Errorf("what is filed under another name is not ours: %+v", c)
	}
}
