package suite_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/event"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// settled: both sides say the same, and each thing once. A refused edit waits for its author, who sees it.
func (s *googleStorm) settled() {
	here, there := map[string]string{}, map[string]string{}
	for _, o := range s.All() {
		want, key := o.Want(), o.UID+" "+o.RecurrenceID
		switch {
		case o.Edit != nil && o.Edit.Block == cal.Rejected:
			s.note("refused: %s: %s", key, o.Edit.Trouble)
			want = o.Base
		case o.Edit != nil || len(o.Sent) > 0:
			s.T.Errorf("%s waits: %s", key, waiting(o))
		}
		if !want.Exists() {
			continue
		}
		if _, twice := here[key]; twice {
			s.T.Errorf("%s is here twice", key)
		}
		here[key] = string(want.Digest) + said(want.Body)
	}
	series := map[string]event.Parent{}
	items := s.listed()
	for _, e := range items {
		if e.RecurringEventID == "" && e.Status != "cancelled" {
			series[e.ID] = event.Parent{UID: e.UID(event.Parent{}), TimeZone: e.Start.TimeZone}
		}
	}
	for _, e := range items {
		parent, lives := series[e.RecurringEventID]
		if e.Status == "cancelled" && !lives {
			continue
		}
		body, _, err := e.ICal(parent)
		if err != nil {
			s.T.Fatal(err)
		}
		r := ical.Read(body)
		if _, twice := there[r.UID+" "+r.RecurrenceID]; twice {
			s.T.Errorf("%s %s is there twice", r.UID, r.RecurrenceID)
		}
		there[r.UID+" "+r.RecurrenceID] = string(r.Digest) + said(body)
	}
	if !maps.EqualFunc(here, there, func(a, b string) bool { return a[:32] == b[:32] }) {
		s.T.Errorf("here\n%s\nthere\n%s", spread(here), spread(there))
	}
	if m := s.g.Mails(); len(m) > 0 {
		s.T.Errorf("mailed: %v", m)
	}
}

// waiting is why an object is not settled, in one line.
func waiting(o cal.Object) string {
	var b strings.Builder
	if e := o.Edit; e != nil {
		fmt.Fprintf(&b, "tries %d, due %s, block %q, after %q, trouble %q", e.Tries, e.Due, e.Block, e.After, e.Trouble)
	}
	for _, a := range o.Sent {
		fmt.Fprintf(&b, "; %s %s If-Match %s at %s", a.State, a.Href, a.Match, a.At)
	}
	return b.String()
}

// said is an event's text without what is the same everywhere.
func said(body cal.Body) string {
	_, text, _ := strings.Cut(string(body), "BEGIN:VEVENT")
	return text
}

func spread(m map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, "== %s\n%s\n", key, m[key])
	}
	return b.String()
}

// accounted: no word is gone without a trace.
func (s *googleStorm) accounted() {
	var kept strings.Builder
	s.Read(func(tx *store.Tx) error {
		all, err := tx.Objects(store.ObjectFilter{Calendar: s.CalendarID(), IncludeGone: true})
		if err != nil {
			return err
		}
		for _, l := range all {
			o, err := tx.Object(l.ID)
			if err != nil {
				return err
			}
			kept.WriteString(string(o.Want().Body))
			notices, err := tx.Notices(l.ID)
			if err != nil {
				return err
			}
			for _, n := range notices {
				s.kept(tx, &kept, n.From, n.To)
			}
		}
		conflicts, err := tx.Conflicts(store.ConflictFilter{Calendar: s.CalendarID()})
		for _, c := range conflicts {
			s.kept(tx, &kept, c.Base, c.Mine, c.Theirs)
			s.note("conflict %s %v won by %s", c.Kind, c.Contested, c.Winner)
		}
		return err
	})
	named := map[string]bool{}
	for _, w := range aWord.FindAllString(kept.String(), -1) {
		named[w] = true
	}
	for _, w := range slices.Sorted(maps.Keys(s.words)) {
		if !s.words[w] && !named[w] {
			s.T.Errorf("%s is lost", w)
		}
	}
}

// kept notes what versions say.
func (s *googleStorm) kept(tx *store.Tx, into *strings.Builder, versions ...cal.Version) {
	for _, v := range versions {
		if v.ID == "" {
			continue
		}
		whole, err := tx.Version(v.ID)
		if err != nil {
			s.T.Fatal(err)
		}
		into.WriteString(string(whole.Body))
	}
}
