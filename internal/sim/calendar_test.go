package sim_test

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-ical"

	"calbridge/internal/sim"
)

func TestRealisticMix(t *testing.T) {
	samples := sim.Realistic(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC), 10000, 1)
	var total int
	var sizes []int
	share, uids := map[string]float64{}, map[string]bool{}
	for _, s := range samples {
		total, sizes, uids[s.UID] = total+len(s.Body), append(sizes, len(s.Body)), true
		for _, part := range []string{"RRULE:", "RECURRENCE-ID", "DTSTART;VALUE=DATE:", "ATTENDEE;", "BEGIN:VALARM", "BEGIN:VTODO", "BEGIN:VTIMEZONE"} {
			if strings.Contains(s.Body, "\n"+part) {
				share[part] += 100. / float64(len(samples))
			}
		}
	}
	slices.Sort(sizes)
	t.Logf("%.1f MB, median %d, p90 %d, max %d, %v", float64(total)/1e6, sizes[5000], sizes[9000], sizes[9999], share)
	for _, c := range []struct {
		what            string
		got, want, give float64
	}{
		{"MB", float64(total) / 1e6, 16, 1.5}, {"median", float64(sizes[5000]), 1130, 150}, {"p90", float64(sizes[9000]), 2800, 300},
		{"rules", share["RRULE:"], 72, 5}, {"overrides", share["RECURRENCE-ID"], 7, 1.5}, {"all day", share["DTSTART;VALUE=DATE:"], 16, 3},
		{"attendees", share["ATTENDEE;"], 41, 4}, {"alarms", share["BEGIN:VALARM"], 40, 4}, {"tasks", share["BEGIN:VTODO"], 6, 1},
		{"uids", float64(len(uids)), 10000, 0},
	} {
		if math.Abs(c.got-c.want) > c.give {
			t.Errorf("%s: %.1f, want %.1f", c.what, c.got, c.want)
		}
	}
}

func TestRealisticIsLegal(t *testing.T) {
	for _, s := range sim.Realistic(time.Now(), 500, 7) {
		c, err := ical.NewDecoder(strings.NewReader(s.Body)).Decode()
		if err != nil {
			t.Fatalf("%v\n%s", err, s.Body)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(s.Body, "\r\n"), "\r\n") {
			if len(line) > 75 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("line %q", line)
			}
		}
		for _, e := range c.Events() {
			start, err1 := e.DateTimeStart(nil)
			end, err2 := e.DateTimeEnd(nil)
			if err1 != nil || err2 != nil || !end.After(start) {
				t.Errorf("%v %v\n%s", err1, err2, s.Body)
			}
			if _, err := e.RecurrenceSet(time.UTC); err != nil {
				t.Errorf("%v\n%s", err, s.Body)
			}
			if zone := e.Props.Get("DTSTART").Params.Get("TZID"); zone != "" && !strings.Contains(s.Body, "\r\nTZID:"+zone+"\r\n") {
				t.Errorf("no VTIMEZONE\n%s", s.Body)
			}
		}
	}
}

func TestRealisticRepeats(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	a, b := sim.Realistic(now, 50, 1), sim.Realistic(now, 50, 1)
	if !slices.Equal(a, b) {
		t.Error("one seed, two results")
	}
	if c := sim.Realistic(now, 50, 2); c[0].UID == a[0].UID || c[0].Body == a[0].Body {
		t.Error("two seeds, one result")
	}
}
