package recur

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// TestCutLosesNothing: what the two series of a cut make is what the one made, an instance to each side; and where the start was moved,
// all that follows has moved by as much.
func TestCutLosesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]string{":20260105T090000Z", ":20260105T090000", ";VALUE=DATE:20260105", ";TZID=Europe/Berlin:20260305T013000"}).Draw(t, "start")
		whole := master(start, drawRule(t, start)+drawExceptions(t, start))
		all := instances(t, whole)
		at := rapid.SampledFrom(all[1:]).Draw(t, "at")
		before, err := Before(whole, at)
		if err != nil || before != slices.Index(all, at) {
			t.Fatalf("%d before %s of %v: %v", before, at, all, err)
		}
		days := rapid.IntRange(-2, 2).Draw(t, "moved by days")
		future := cal.Body("")
		if days != 0 {
			future = moved(t, whole, at, days)
		}
		old, next, err := ical.Cut(whole, at, future, "v", before)
		if err != nil && days != 0 && strings.Contains(err.Error(), "cannot be moved") {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := instances(t, old); !slices.Equal(got, all[:before]) {
			t.Fatalf("before: got %v, want %v\n%s", got, all[:before], old)
		}
		rest := instances(t, next)
		n := min(len(rest), len(all)-before) // endless ones are cut off somewhere
		if want := shifted(t, start, all[before:], days); !slices.Equal(rest[:n], want[:n]) || n < len(want) && len(all) < enough {
			t.Fatalf("from there on: got %v, want %v\n%s", rest, want, next)
		}
		if !slices.Equal(ical.Excluded(old), below(ical.Excluded(whole), at)) {
			t.Fatalf("excluded before: %v of %v", ical.Excluded(old), ical.Excluded(whole))
		}
		if want := shifted(t, start, above(ical.Excluded(whole), at), days); !slices.Equal(ical.Excluded(next), want) {
			t.Fatalf("excluded after: %v, want %v", ical.Excluded(next), want)
		}
	})
}

const enough = 40

func drawRule(t *rapid.T, start string) string {
	rule := rapid.SampledFrom([]string{"FREQ=DAILY", "FREQ=DAILY;INTERVAL=3", "FREQ=WEEKLY", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TH", "FREQ=WEEKLY;BYDAY=SA,TU;WKST=SU",
		"FREQ=MONTHLY", "FREQ=MONTHLY;BYDAY=1TH,MO", "FREQ=MONTHLY;BYMONTHDAY=5", "FREQ=YEARLY", "FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR"}).Draw(t, "rule")
	switch rapid.IntRange(0, 2).Draw(t, "ends") {
	case 1:
		return rule + fmt.Sprintf(";COUNT=%d", rapid.IntRange(2, 12).Draw(t, "count"))
	case 2:
		all := instances(t, master(start, rule))
		last := rapid.SampledFrom(all[1:20]).Draw(t, "until")
		return rule + ";UNTIL=" + last
	}
	return rule
}

func drawExceptions(t *rapid.T, start string) string {
	text := ""
	all := instances(t, master(start, "FREQ=DAILY"))
	for _, key := range rapid.SliceOfNDistinct(rapid.SampledFrom(all), 0, 4, func(k string) string { return k }).Draw(t, "excluded") {
		text += "\r\nEXDATE"
		if len(key) == len(dateForm) {
			text += ";VALUE=DATE"
		}
		text += ":" + key
	}
	return text
}

// instances are the first that the rule makes, those excluded among them.
func instances(t *rapid.T, body cal.Body) (all []string) {
	s, err := read(body)
	if err != nil {
		t.Fatalf("%v\n%s", err, body)
	}
	r, err := s.normal()
	if err != nil {
		t.Fatal(err)
	}
	for wall := range s.walls(r) {
		key := s.key(wall)
		if len(all) == enough || r.Count > 0 && len(all) == r.Count || s.ended(key) {
			return all
		}
		all = append(all, key)
	}
	return all
}

// moved is the text of an instance that is to be so many days later, with all that follow.
func moved(t *rapid.T, whole cal.Body, at string, days int) cal.Body {
	s, err := read(whole)
	if err != nil {
		t.Fatal(err)
	}
	start := s.wall(at).AddDate(0, 0, days)
	line := ":" + start.Format(s.form)
	switch {
	case s.home != nil:
		line = ";TZID=Europe/Berlin:" + start.Format(wallForm)
	case s.form == dateForm:
		line = ";VALUE=DATE" + line
	}
	return cal.Body(strings.Replace(string(master(line, "x")), "RRULE:x", "RECURRENCE-ID;RANGE=THISANDFUTURE:"+at, 1))
}

func shifted(t *rapid.T, start string, keys []string, days int) (all []string) {
	s, err := read(master(start, "FREQ=DAILY"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		all = append(all, s.key(s.wall(key).AddDate(0, 0, days)))
	}
	return all
}

// wall is the opposite of key.
func (s *series) wall(key string) time.Time {
	t, _ := time.Parse(s.form, key)
	if s.home != nil {
		t, _ = time.Parse(wallForm, t.In(s.home).Format(wallForm))
	}
	return t
}

func below(keys []string, at string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k >= at })
}

func above(keys []string, at string) []string {
	return slices.DeleteFunc(slices.Clone(keys), func(k string) bool { return k <= at })
}
