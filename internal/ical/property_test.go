package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
)

// facts are a small event in the words of this test: what a merge has to get right, without any iCalendar. The oracle below merges
// them by the definition; the real merge, on text that two servers wrote each in its own way, must come to the same.
type facts struct {
	fields     map[string]string // one value each
	exdates    set
	categories set
	attendees  map[string]attendee
	overrides  map[string]string // title by hour
}

type attendee struct{ name, reply string }

type set map[string]bool

var fieldLines = map[string]string{
	"SUMMARY": "SUMMARY:%s", "place": "LOCATION:%s", "DESCRIPTION": "DESCRIPTION:a long text that has to be folded somewhere\\, and now: %s",
	"time": "DTEND:20260105T1%s0000Z", "X-COLOUR": "X-Colour;A=b:%s", "status": "PERCENT-COMPLETE:%s",
}

func drawFacts(t *rapid.T) facts {
	f := facts{fields: map[string]string{}, attendees: map[string]attendee{}, overrides: map[string]string{}}
	for _, name := range sortedNames(fieldLines) {
		f.fields[name] = digit(t, name)
	}
	f.exdates, f.categories = drawSet(t, "exdates"), drawSet(t, "categories")
	for a := range drawSet(t, "attendees") {
		f.attendees[a] = attendee{digit(t, "cn"), reply(t)}
	}
	for h := range drawSet(t, "overrides") {
		f.overrides[h] = digit(t, "title")
	}
	return f
}

func digit(t *rapid.T, what string) string { return rapid.StringMatching("[0-3]").Draw(t, what) }
func reply(t *rapid.T) string {
	return rapid.SampledFrom([]string{"NEEDS-ACTION", "ACCEPTED", "DECLINED"}).Draw(t, "reply")
}

func drawSet(t *rapid.T, what string) set {
	s := set{}
	for _, m := range rapid.SliceOfN(rapid.SampledFrom([]string{"1", "2", "3", "4"}), 0, 3).Draw(t, what) {
		s[m] = true
	}
	return s
}

func sortedNames[V any](m map[string]V) (names []string) {
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func clone[V any](m map[string]V) map[string]V {
	c := map[string]V{}
	for k, v := range m {
		c[k] = v
	}
	return c
}

// edit changes f in n places.
func (f facts) edit(t *rapid.T, n int) facts {
	f = facts{clone(f.fields), clone(f.exdates), clone(f.categories), clone(f.attendees), clone(f.overrides)}
	for range n {
		key := rapid.SampledFrom([]string{"1", "2", "3", "4"}).Draw(t, "key")
		switch rapid.IntRange(0, 6).Draw(t, "edit") {
		case 0, 1:
			name := rapid.SampledFrom(sortedNames(fieldLines)).Draw(t, "field")
			f.fields[name] = digit(t, name)
		case 2:
			toggle(f.exdates, key)
		case 3:
			toggle(f.categories, key)
		case 4:
			if _, there := f.attendees[key]; there {
				delete(f.attendees, key)
			} else {
				f.attendees[key] = attendee{digit(t, "cn"), reply(t)}
			}
		case 5:
			if a, there := f.attendees[key]; there {
				f.attendees[key] = attendee{a.name, reply(t)}
			}
		case 6:
			f.overrides[key] = digit(t, "title")
		}
	}
	return f
}

func toggle(s set, key string) {
	if s[key] {
		delete(s, key)
		return
	}
	s[key] = true
}

// text writes the facts as one of two servers would.
func (f facts) text(other bool) cal.Body {
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART:20260105T090000Z\nRRULE:FREQ=HOURLY;COUNT=9\n")
	for _, name := range sortedNames(f.fields) {
		fmt.Fprintf(&b, fieldLines[name]+"\n", f.fields[name])
	}
	for _, h := range sortedNames(f.exdates) {
		if other {
			fmt.Fprintf(&b, "EXDATE;TZID=Europe/Berlin:20260106T%02d0000\n", 10+int(h[0]-'0')+1)
		} else {
			fmt.Fprintf(&b, "EXDATE:20260106T%02d0000Z\n", 10+int(h[0]-'0'))
		}
	}
	if len(f.categories) > 0 && other {
		fmt.Fprintf(&b, "categories:%s\n", strings.Join(sortedNames(f.categories), ","))
	} else {
		for _, c := range sortedNames(f.categories) {
			fmt.Fprintf(&b, "CATEGORIES:%s\n", c)
		}
	}
	for _, a := range sortedNames(f.attendees) {
		fmt.Fprintf(&b, "ATTENDEE;PARTSTAT=%s;CN=n%s:mailto:%s@example.org\n", f.attendees[a].reply, f.attendees[a].name, a)
	}
	b.WriteString("END:VEVENT\n")
	for _, h := range sortedNames(f.overrides) {
		fmt.Fprintf(&b, "BEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nRECURRENCE-ID:20260105T%02d0000Z\nDTSTART:20260105T%02d3000Z\nSUMMARY:%s\nEND:VEVENT\n",
			10+int(h[0]-'0'), 10+int(h[0]-'0'), f.overrides[h])
	}
	text := b.String() + "END:VCALENDAR\n"
	if other {
		return cal.Body(refold(text))
	}
	return crlf(text)
}

// join is the definition: what one side left alone is the other's.
func join(b, m, t facts, preferMine bool, contested set) facts {
	pick := func(name, b, m, t string) string {
		switch {
		case m == t || m == b:
			return t
		case t == b:
			return m
		}
		contested[name] = true
		if preferMine {
			return m
		}
		return t
	}
	out := facts{map[string]string{}, joinSets(b.exdates, m.exdates, t.exdates), joinSets(b.categories, m.categories, t.categories), map[string]attendee{}, map[string]string{}}
	for name := range fieldLines {
		out.fields[name] = pick(name, b.fields[name], m.fields[name], t.fields[name])
	}
	for _, a := range []string{"1", "2", "3", "4"} {
		ba, bo := b.attendees[a]
		ma, mo := m.attendees[a]
		ta, to := t.attendees[a]
		name := pick("attendee:mailto:"+a+"@example.org", there(ba.name, bo), there(ma.name, mo), there(ta.name, to))
		if name == "" {
			continue
		}
		answer := ta.reply
		if mo && to {
			answer = pick("attendee:mailto:"+a+"@example.org", there(ba.reply, bo && ba.reply != "NEEDS-ACTION"), there(ma.reply, ma.reply != "NEEDS-ACTION"), there(ta.reply, ta.reply != "NEEDS-ACTION"))
		} else if mo {
			answer = ma.reply
		}
		out.attendees[a] = attendee{name[1:], strings.TrimPrefix(answer, "+")}
	}
	for _, h := range []string{"1", "2", "3", "4"} {
		id := "20260105T1" + h + "0000Z"
		bo, was := b.overrides[h]
		mo, mine := m.overrides[h]
		to, theirs := t.overrides[h]
		label := id + "/SUMMARY"
		if !was {
			label = id
		}
		if title := pick(label, there(bo, was), there(mo, mine), there(to, theirs)); title != "" {
			out.overrides[h] = title[1:]
		}
	}
	return out
}

func there(value string, ok bool) string {
	if !ok {
		return ""
	}
	return "+" + value
}

func joinSets(b, m, t set) set {
	out := set{}
	for _, k := range []string{"1", "2", "3", "4"} {
		if m[k] && t[k] || m[k] && !b[k] || t[k] && !b[k] {
			out[k] = true
		}
	}
	return out
}

func (f facts) normal() facts {
	f = facts{f.fields, f.exdates, f.categories, clone(f.attendees), f.overrides}
	for k, a := range f.attendees {
		if a.reply == "" {
			f.attendees[k] = attendee{a.name, "NEEDS-ACTION"}
		}
	}
	return f
}

func TestMergeAgreesWithTheDefinition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawFacts(t)
		m, r := b.edit(t, rapid.IntRange(0, 3).Draw(t, "mine")), b.edit(t, rapid.IntRange(0, 3).Draw(t, "theirs"))
		preferMine, other := rapid.Bool().Draw(t, "prefer mine"), rapid.Bool().Draw(t, "two servers")
		prefer := cal.Theirs
		if preferMine {
			prefer = cal.Mine
		}
		contested := set{}
		want := join(b, m, r, preferMine, contested).normal()
		got, err := Merge(Sides{b.text(false), m.text(false), r.text(other)}, prefer)
		if err != nil || got.Structural || !slices.Equal(got.Contested, sortedNames(contested)) {
			t.Fatalf("%+v, %v; want contested %v", got, err, sortedNames(contested))
		}
		if meaning(t, got.Body) != meaning(t, want.text(other)) {
			t.Fatalf("got\n%s\nwant\n%s", got.Body, want.text(other))
		}
	})
}

// meaning is the digest with exceptions written in one way: a merge leaves each side's spelling of a zone as it is.
func meaning(t *rapid.T, body cal.Body) cal.Digest {
	text := strings.Join(unfolded(string(body)), "\n") + "\n"
	for h := 11; h < 15; h++ {
		text = strings.ReplaceAll(text, fmt.Sprintf("EXDATE;TZID=Europe/Berlin:20260106T%02d0000\n", h+1), fmt.Sprintf("EXDATE:20260106T%02d0000Z\n", h))
	}
	r := Read(cal.Body(text))
	if r.Trouble != "" {
		t.Fatalf("%s\n%s", r.Trouble, body)
	}
	return r.Digest
}

// TestMergeLaws: what a merge does not depend on the meaning of anything for.
func TestMergeLaws(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawFacts(t)
		m, r := b.edit(t, 2), b.edit(t, 2)
		s := Sides{b.text(false), m.text(false), r.text(true)}
		merge := func(s Sides, prefer cal.Side) Merged {
			out, err := Merge(s, prefer)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := merge(Sides{s.Theirs, s.Theirs, s.Mine}, cal.Mine); got.Body != s.Mine {
			t.Fatal("what we left alone is not theirs, byte for byte")
		}
		if got := merge(Sides{s.Base, s.Mine, s.Base}, cal.Theirs); meaning(t, got.Body) != meaning(t, s.Mine) {
			t.Fatalf("what they left alone is not ours:\n%s\nwant\n%s", got.Body, s.Mine)
		}
		one, other := merge(s, cal.Mine), merge(Sides{s.Base, s.Theirs, s.Mine}, cal.Theirs)
		if meaning(t, one.Body) != meaning(t, other.Body) || !slices.Equal(one.Contested, other.Contested) {
			t.Fatalf("swapped: %v\n%s\n%v\n%s", one.Contested, one.Body, other.Contested, other.Body)
		}
		if again := merge(s, cal.Mine); again.Body != one.Body {
			t.Fatal("not the same every time")
		}
		// Once merged and taken over, nothing is left to do.
		if again := merge(Sides{s.Theirs, one.Body, one.Body}, cal.Mine); again.Body != one.Body || len(again.Contested) > 0 {
			t.Fatal("merging the merged changes it")
		}
		if again := merge(Sides{s.Theirs, one.Body, s.Theirs}, cal.Theirs); meaning(t, again.Body) != meaning(t, one.Body) {
			t.Fatalf("the merged cannot be made out of theirs:\n%s\nwant\n%s", again.Body, one.Body)
		}
	})
}

// TestRebaseThenMergeMakesNoConflictWithOurselves: our write was applied, its answer was lost, somebody edited something else, and the
// user typed on.
func TestRebaseThenMergeMakesNoConflictWithOurselves(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := drawFacts(t)
		sent := b.edit(t, 2)
		seen, local := facts{clone(sent.fields), sent.exdates, sent.categories, sent.attendees, sent.overrides}, facts{clone(sent.fields), sent.exdates, sent.categories, sent.attendees, sent.overrides}
		seen.fields["SUMMARY"], local.fields["place"] = "theirs", "9"
		base, err := Rebase(b.text(false), sent.text(false), seen.text(false))
		if err != nil {
			t.Fatal(err)
		}
		got, err := Merge(Sides{base, local.text(false), seen.text(false)}, cal.Theirs)
		if err != nil || got.Structural {
			t.Fatal(got, err)
		}
		// The title was ours too, if we changed it: then it is contested, and nothing else may be.
		want := []string(nil)
		if sent.fields["SUMMARY"] != b.fields["SUMMARY"] {
			want = []string{"SUMMARY"}
		}
		if !slices.Equal(got.Contested, want) {
			t.Fatalf("contested %v, want %v\nbase\n%s", got.Contested, want, base)
		}
	})
}
