package ical

import (
	"slices"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

// inTime stops a target that works on one input for longer than any of this size may take. It panics, because the fuzzer then names the
// input, which it cannot do of one that never ends.
func inTime(t *testing.T) {
	dog := time.AfterFunc(time.Minute, func() { panic("the work on one input is not bounded") })
	t.Cleanup(func() { dog.Stop() })
}

// seeds are beside those of testdata/fuzz: what the other tests of this package have.
func seeds(add func(body string)) {
	for _, body := range []string{
		rich, string(crlf(rich)), refold(rich), "", "BEGIN:VCALENDAR\nX-A;P=v", "BEGIN:VCALENDAR\nX-A;P=\"v\"w:x", strings.Repeat("BEGIN:VCALENDAR\n", 9),
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\n\n \n x:y\nEND:VEVENT\nEND:VCALENDAR\n \n",
		"BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:u\nEXDATE:,\nRDATE;TZID=\"\":x/\nCATEGORIES:\\\nDURATION:P9999999999999W\nRRULE:;=,;FREQ\nATTENDEE:@:\nATTENDEE;CN=,\"a\",:b\nEND:VTODO\nEND:VCALENDAR",
		"BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:u\nRECURRENCE-ID:1\nEND:VEVENT\nBEGIN:VEVENT\nBEGIN:VALARM\nACKNOWLEDGED:1\nEND:VALARM\nEND:VEVENT\nEND:VCALENDAR\nBEGIN:VCALENDAR\nEND:VCALENDAR\n",
	} {
		add(body)
	}
}

// FuzzRead: a body means the same however it is printed, and what is made of it can be read and means what it should.
func FuzzRead(f *testing.F) {
	seeds(func(body string) { f.Add(body) })
	f.Fuzz(func(t *testing.T, text string) {
		inTime(t)
		body := cal.Body(text)
		r := Read(body)
		if again := Read(body); again != r {
			t.Fatalf("read twice: %+v\n%+v", r, again)
		}
		Validate(body)
		if r.Trouble != "" {
			unreadable(t, body, r)
			return
		}
		if _, err := Decode(body); err != nil {
			t.Fatalf("go-ical refuses what Read takes: %v", err)
		}
		printed(t, body, r.Digest)
		wired(t, body, r.Digest)
		renamed(t, body, r)
		splits(t, body)
		for _, prefer := range []cal.Side{cal.Mine, cal.Theirs} {
			if m, err := Merge(Sides{body, body, body}, prefer); err != nil || m.Body != body || len(m.Contested) > 0 {
				t.Fatalf("merged with itself: %+v, %v", m, err)
			}
		}
	})
}

// unreadable: a body that cannot be read is kept as it is, and never passes for one that can.
func unreadable(t *testing.T, body cal.Body, r Reading) {
	if !strings.HasPrefix(string(r.Digest), "raw:") || r.Component != "" {
		t.Fatalf("it cannot be read, and is read as %+v", r)
	}
	if Wire(body, "", nil, time.Time{}) != body || !Scheduled(body) && len(Validate(body)) == 0 {
		t.Fatal("it cannot be read, and is not treated so")
	}
}

// printed: hash(print(parse(x))) = hash(x), for every way that a server prints it in.
func printed(t *testing.T, body cal.Body, want cal.Digest) {
	o, _ := parse(string(body))
	var one strings.Builder
	for i := range o.lines {
		one.WriteString(fold(o.lines[i].text, "\r\n"))
	}
	for how, text := range map[string]string{"LF line ends": lf(string(body)), "folded anew": one.String()} {
		if got := Read(cal.Body(text)); got.Digest != want {
			t.Fatalf("%s change the digest: %s\n%s", how, got.Trouble, text)
		}
	}
	if eachNameOnce(o) {
		if got := Read(cal.Body(reorder(one.String(), reverse))); got.Digest != want {
			t.Fatalf("the order of properties changes the digest: %s", got.Trouble)
		}
	}
}

// eachNameOnce: which of two properties of one name comes first may matter.
func eachNameOnce(o *outline) bool {
	type place struct {
		component int32
		name      string
	}
	seen := map[place]bool{}
	for i := range o.lines {
		here := place{o.lines[i].component, o.lines[i].name}
		if seen[here] && here.name != "BEGIN" && here.name != "END" {
			return false
		}
		seen[here] = true
	}
	return true
}

func wired(t *testing.T, body cal.Body, want cal.Digest) {
	out := Wire(body, "", nil, time.Time{})
	if Read(out).Digest != want {
		t.Fatalf("the wire changes the digest: %s", Read(out).Trouble)
	}
	if Wire(out, "", nil, time.Time{}) != out || strings.Count(string(out), "\n") != strings.Count(string(out), "\r\n") || strings.HasPrefix(string(out), byteOrderMark) {
		t.Fatalf("this is no form for the wire:\n%q", out)
	}
	if got := Wire(body, body, nil, time.Time{}); Read(got).Digest != want {
		t.Fatalf("the wire changes the digest over a base: %s", Read(got).Trouble)
	}
}

func renamed(t *testing.T, body cal.Body, r Reading) {
	copied, err := Copy(body, "u")
	if is := Read(copied); err != nil || Scheduled(copied) || is.Trouble != "" || is.UID != "u" {
		t.Fatalf("%v: a copy may mail, or is none: %+v\n%s", err, is, copied)
	}
	if again, err := Copy(copied, "u"); err != nil || Read(again).Digest != Read(copied).Digest {
		t.Fatalf("%v: a copy of a copy is another:\n%s\n%s", err, copied, again)
	}
	const uid = `a,b;c\n d`
	if is := Read(Rename(body, uid)); is.Trouble != "" || is.UID != uid {
		t.Fatalf("renamed: %+v", is)
	}
}

// splits: what is split off can be read, is one object, and stays what it is when it is split or joined again.
func splits(t *testing.T, body cal.Body) {
	bodies, _ := Split(body)
	for _, b := range bodies {
		r := Read(b)
		if r.Trouble != "" || r.UID == "" {
			t.Fatalf("split: %+v\n%s", r, b)
		}
		if again, problems := Split(b); len(again) != 1 || len(problems) > 0 || again[0] != b {
			t.Fatalf("split again: %q, %v\n%q", again, problems, b)
		}
	}
	joined, problems := Split(Join("n", bodies))
	if len(joined) != len(bodies) || len(problems) > 0 {
		t.Fatalf("%d of %d joined, %v", len(joined), len(bodies), problems)
	}
	for i, b := range joined {
		if Read(b).Digest != Read(bodies[i]).Digest {
			t.Fatalf("joining changes\n%s\ninto\n%s", bodies[i], b)
		}
	}
}

// FuzzMerge: whatever the three say, a merge is deterministic, loses nothing unsaid, and does not care who is called mine.
func FuzzMerge(f *testing.F) {
	for _, c := range mergeCases {
		f.Add(rich, swap(f, rich, c.mine...), swap(f, rich, c.theirs...))
	}
	seeds(func(body string) { f.Add(body, rich, body) })
	f.Fuzz(func(t *testing.T, base, mine, theirs string) {
		inTime(t)
		s := Sides{cal.Body(base), cal.Body(mine), cal.Body(theirs)}
		Weak(s.Base, s.Mine)
		Shares(s.Mine, s.Theirs)
		Moves(s.Base, s.Mine)
		if rebased, err := Rebase(s.Base, s.Mine, s.Theirs); err == nil && Read(rebased).Trouble != "" {
			t.Fatalf("the rebased cannot be read:\n%s", rebased)
		}
		if r := Read(s.Mine); r.Trouble == "" && Read(Wire(s.Mine, s.Base, nil, time.Time{})).Digest != r.Digest {
			t.Fatal("the wire changes the digest")
		}
		for _, prefer := range []cal.Side{cal.Mine, cal.Theirs} {
			m, err := Merge(s, prefer)
			if err != nil {
				return
			}
			merges(t, s, m, prefer)
		}
		onlyOneEdited(t, s.Base, s.Mine)
	})
}

func merges(t *testing.T, s Sides, m Merged, prefer cal.Side) {
	if r := Read(m.Body); r.Trouble != "" {
		t.Fatalf("the merged cannot be read: %s\n%s", r.Trouble, m.Body)
	}
	if again, err := Merge(s, prefer); err != nil || again.Body != m.Body || !slices.Equal(again.Contested, m.Contested) {
		t.Fatal("not the same every time")
	}
	if m.Structural {
		if m.Body != s.Mine && m.Body != s.Theirs || len(m.Contested) == 0 {
			t.Fatalf("neither side's, or not said: %v\n%s", m.Contested, m.Body)
		}
		return
	}
	if Read(s.Mine).Digest == Read(s.Base).Digest && m.Body != s.Theirs {
		t.Fatalf("nothing of mine, and theirs is changed:\n%s", difference(string(m.Body), string(s.Theirs)))
	}
	if len(m.Contested) == 0 {
		joined(t, s, m.Body)
	}
	swapped(t, s, m, prefer)
}

// joined: nothing is contested, so each group is in what comes out as the side that changed it has it, and so is each instance that a side
// has added.
func joined(t *testing.T, s Sides, merged cal.Body) {
	base, _ := readSeries(s.Base)
	mine, _ := readSeries(s.Mine)
	theirs, _ := readSeries(s.Theirs)
	out, _ := readSeries(merged)
	for _, instance := range sortedKeys(base.parts, mine.parts, theirs.parts) {
		b, was := base.parts[instance]
		l, here := mine.parts[instance]
		r, there := theirs.parts[instance]
		o, is := out.parts[instance]
		if !is && (here && there || !was) {
			t.Fatalf("the instance %q is lost:\n%s", instance, merged)
		}
		if was && here && there {
			joinedGroups(t, b.groups, l.groups, r.groups, o.groups)
		}
	}
}

func joinedGroups(t *testing.T, base, mine, theirs, out groups) {
	for _, key := range sortedKeys(base, mine, theirs, out) {
		if owner, _, _ := strings.Cut(key, replyMark); attached(key) && out[strings.TrimSuffix(owner, ackMark)] == nil {
			continue // it went with what it belongs to
		}
		if twin := key + "#2"; strings.Contains(key, "#") || base[twin] != nil || mine[twin] != nil || theirs[twin] != nil {
			continue // of two alarms that are one like the other, the second is counted as the first where that is gone
		}
		want := theirs[key].form()
		if mine[key].form() != base[key].form() {
			want = mine[key].form()
		}
		if got := out[key].form(); got != want {
			t.Fatalf("%q is %q and not %q, and nothing is contested", key, got, want)
		}
	}
}

// swapped: with the sides and the preference changed over the meaning is the same. One rule has sides of its own: an answer of mine to
// an invitation that theirs has moved.
func swapped(t *testing.T, s Sides, m Merged, prefer cal.Side) {
	other := cal.Mine
	if prefer == cal.Mine {
		other = cal.Theirs
	}
	if strings.Contains(string(s.Mine+s.Theirs), "SEQUENCE") && strings.Contains(strings.ToUpper(string(s.Mine+s.Theirs)), "ATTENDEE") {
		return
	}
	o, err := Merge(Sides{s.Base, s.Theirs, s.Mine}, other)
	if err != nil || o.Structural != m.Structural || !slices.Equal(o.Contested, m.Contested) {
		t.Fatalf("swapped, %v is %v, %v", m.Contested, o.Contested, err)
	}
	a, _ := readSeries(m.Body)
	b, _ := readSeries(o.Body)
	if !slices.Equal(a.says(), b.says()) {
		t.Fatalf("swapped, it says %q\n%s\n%s", differing(a.says(), b.says()), m.Body, o.Body)
	}
}

// onlyOneEdited: merge(R, M, R) is M, in meaning, and nothing is contested. The zone that an instance is spelled in may stay as it was.
func onlyOneEdited(t *testing.T, was, is cal.Body) {
	for _, prefer := range []cal.Side{cal.Mine, cal.Theirs} {
		m, err := Merge(Sides{was, is, was}, prefer)
		if zones := strings.Contains(strings.ToUpper(string(was+is)), "TZID"); err == nil && !zones && Read(m.Body).Digest != Read(is).Digest {
			t.Fatalf("one edit alone: %v\n%s", m.Contested, difference(string(m.Body), string(is)))
		}
		got, _ := readSeries(m.Body)
		want, _ := readSeries(is)
		if err != nil || m.Structural || len(m.Contested) > 0 || !slices.Equal(got.says(), want.says()) {
			t.Fatalf("one edit alone: %v, %v: %q\n%s", m.Contested, err, differing(got.says(), want.says()), difference(string(m.Body), string(is)))
		}
	}
}

// FuzzSeries: a series taken apart and put together again is the same series, and a cut makes two of it.
func FuzzSeries(f *testing.F) {
	seeds(func(body string) { f.Add(body, "20260112T080000Z", "", 2) })
	f.Add(rich, "20260107T080000Z", rich, 1)
	for _, c := range []cal.Body{berlin(""), berlin("", override("06", ""), override("07", "STATUS:CANCELLED\n"))} {
		f.Add(string(c), "20260107T080000Z", "", 2)
	}
	f.Fuzz(func(t *testing.T, text, at, future string, before int) {
		inTime(t)
		body := cal.Body(text)
		if Read(body).Trouble != "" {
			return
		}
		apart(t, body)
		excludes(t, body, at)
		Moves(body, cal.Body(future))
		if hidden, err := Hide(body); err == nil && Read(hidden).RecurrenceID != "" && !Hidden(hidden) {
			t.Fatalf("hidden, and not hidden:\n%s", hidden)
		}
		if r := Read(OnlyThis(body)); r.Trouble != "" || r.RecurrenceID != Read(body).RecurrenceID {
			t.Fatalf("only this: %+v", r)
		}
		old, next, err := Cut(body, at, cal.Body(future), "v", before)
		if err != nil {
			return
		}
		if r := Read(next); r.Trouble != "" || r.UID != "v" || r.RecurrenceID != "" {
			t.Fatalf("cut at %q: %+v\n%s", at, r, next)
		}
		if r := Read(old); old != "" && (r.Trouble != "" || r.UID != Read(body).UID) {
			t.Fatalf("cut at %q: %+v\n%s", at, r, old)
		}
		Continues(body, next, at)
	})
}

func apart(t *testing.T, body cal.Body) {
	parts, err := Parts(body)
	if err != nil {
		return
	}
	cancelled, seen := false, map[string]bool{}
	for _, p := range parts {
		r := Read(p.Body)
		o, err := readOutline(p.Body)
		if r.Trouble != "" || err != nil || len(o.objects()) != 1 || seen[p.RecurrenceID] {
			t.Fatalf("part %q: %+v\n%s", p.RecurrenceID, r, p.Body)
		}
		seen[p.RecurrenceID] = true
		cancelled = cancelled || p.Cancelled && p.RecurrenceID != ""
	}
	whole := Whole(bodies(parts))
	if r := Read(whole); r.Trouble != "" || !cancelled && r.Digest != Read(body).Digest {
		t.Fatalf("put together again it is another: %s\n%s\n%s", r.Trouble, body, whole)
	}
}

func excludes(t *testing.T, body cal.Body, at string) {
	keys := Excluded(body)
	if left := Excluded(DropExcluded(body, keys)); len(left) > 0 {
		t.Fatalf("excluded all the same: %q", left)
	}
	o, c := readMaster(body)
	if _, ok := (&calendarClock{}).wall(at); !ok || o == nil {
		return
	}
	start := o.find(c, "DTSTART")
	if start == nil || len(at) != len(o.clock().instance(start.Value(), start.parameter("TZID"))) {
		return // no instance of this series is named so
	}
	with := Exclude(body, []string{at})
	if r := Read(with); r.Trouble != "" || !slices.Contains(Excluded(with), at) {
		t.Fatalf("%q is not excluded: %s\n%s", at, r.Trouble, with)
	}
}
