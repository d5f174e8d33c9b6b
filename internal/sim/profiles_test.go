package sim_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

// Each provider lets an object be made, read, changed and removed.
func TestProfilesWork(t *testing.T) {
	for _, p := range sim.Profiles() {
		s := newServer()
		s.Quirks(func(q *sim.Quirks) { *q = p.Always })
		g := do(t, s, "PUT", work+"a.ics", event("a", "x"), "If-None-Match: *")
		if body, _, ok := s.Load("alice", "work", "a.ics"); g.status != 201 || !ok || !strings.Contains(body, "SUMMARY:x") {
			t.Errorf("%s: create %+v", p.Name, g)
		}
		etag := do(t, s, "GET", work+"a.ics", "").header.Get("ETag")
		if g := do(t, s, "PUT", work+"a.ics", event("a", "y"), "If-Match: "+etag); g.status != 204 && !(g.status == 201 && p.Always.PlainStatuses) {
			t.Errorf("%s: change %+v", p.Name, g)
		}
		if g := multiget(t, s, "a.ics"); g.status != 207 || !strings.Contains(g.body, "SUMMARY:y") {
			t.Errorf("%s: read %+v", p.Name, g)
		}
		if g := do(t, s, "DELETE", work+"a.ics", ""); g.status >= 300 || len(s.List("alice", "work")) != 0 {
			t.Errorf("%s: remove %+v", p.Name, g)
		}
	}
}

func TestProfilesNameWhatThereIs(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range sim.Profiles() {
		if p.Source == "" || seen[p.Name] {
			t.Errorf("%q: source %q", p.Name, p.Source)
		}
		seen[p.Name] = true
		known := len(p.Switches())
		if p.Google {
			known = len(p.GoogleSwitches()) + len(p.GoogleVariants())
		}
		if known != len(p.Sometimes) {
			t.Errorf("%s: of %q only %d are switches", p.Name, p.Sometimes, known)
		}
		for _, s := range p.Switches() {
			if s.IsOn(p.Always) {
				t.Errorf("%s: %s is always on and sometimes", p.Name, s.Name)
			}
		}
	}
	if p, ok := sim.ProfileOf("SOGo"); !ok || !slices.Contains(p.Unsafe(), "IgnoreIfNoneMatch") || sim.Like("none") != (sim.Quirks{}) || sim.Like("SOGo") != p.Always {
		t.Error(p, ok)
	}
	zimbra, _ := sim.ProfileOf("zimbra")
	if !slices.Equal(zimbra.Damages(), []string{"StripProperty", "UIDMoves"}) || len(zimbra.Unsafe()) != 0 || len(sim.Profiles()[0].Lies()) != 0 {
		t.Error(zimbra.Damages(), zimbra.Unsafe())
	}
	if p, ok := sim.ProfileOf("nobody"); ok {
		t.Error(p)
	}
}

// Each switch switches the field of its name and no other, to every value it may have and back; and no field is without a switch.
func TestSwitches(t *testing.T) {
	everyField(t, sim.Switches(), "RefuseText", "HomeOrigin")
	everyField(t, sim.GoogleSwitches())
	options := []string{"Clock", "Latency", "PlainWebhooks", "HoldPosts", "Notify", "ClientID", "ClientSecret", "RedirectURIs", "RefreshTokenLife", "Discovery", "UnknownMembersAreNormal"}
	everyField(t, sim.GoogleVariants(), options...)
}

func everyField[T any](t *testing.T, switches []sim.Switch[T], but ...string) {
	t.Helper()
	for _, s := range switches {
		most := 1
		for n := 0; n < most; n++ {
			var q, off T
			s.On(&q, func(choices int) int { most = choices; return n })
			if names := changed(q); len(s.Values) != most || !slices.Equal(names, []string{s.Name}) || !s.IsOn(q) || s.IsOn(off) {
				t.Errorf("%s switches %q", s.Name, names)
			}
			var same T
			if ok := s.Set(&same, s.Values[n]); !ok || !reflect.DeepEqual(same, q) || s.Set(&same, "none") {
				t.Errorf("%s = %s: %+v", s.Name, s.Values[n], same)
			}
			if s.Off(&q, off); s.IsOn(q) {
				t.Errorf("%s stays on", s.Name)
			}
		}
		but = append(but, s.Name)
	}
	for f := range reflect.TypeFor[T]().Fields() {
		if !slices.Contains(but, f.Name) {
			t.Errorf("%s has no switch", f.Name)
		}
	}
}

func changed(q any) (names []string) {
	v := reflect.ValueOf(q)
	for i := range v.NumField() {
		if !v.Field(i).IsZero() {
			names = append(names, v.Type().Field(i).Name)
		}
	}
	return names
}
