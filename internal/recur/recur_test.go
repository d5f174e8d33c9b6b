package recur

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"calbridge/internal/cal"
)

func master(start, rule string) cal.Body {
	return cal.Body(strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:u\nDTSTAMP:20260101T000000Z\nDTSTART"+start+
		"\nRRULE:"+rule+"\nSUMMARY:S\nEND:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n"))
}

func TestBefore(t *testing.T) {
	for _, c := range []struct {
		start, rule, at string
		want            int
	}{
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260105T090000Z", 0},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260113T090000Z", 8},
		{";VALUE=DATE:20260105", "FREQ=WEEKLY;COUNT=9", "20260119", 2},
		{":20260105T090000", "FREQ=WEEKLY;COUNT=9;BYDAY=MO,WE", "20260112T090000", 2},
		{";TZID=Europe/Berlin:20260323T090000", "FREQ=WEEKLY;COUNT=9", "20260330T070000Z", 1},                  // summer time began
		{";TZID=W. Europe Standard Time:20260323T090000", "FREQ=WEEKLY;COUNT=9", "20260330T070000Z", 1},        // Windows
		{";TZID=America/New_York:20260306T023000", "FREQ=DAILY;COUNT=9", "20260308T073000Z", 2},                // skipped: 03:30 EDT
		{";TZID=Europe/Paris:20261024T023000", "FREQ=DAILY;COUNT=9", "20261025T003000Z", 1},                    // twice: the first
		{":20260106T090000Z", "FREQ=MONTHLY;COUNT=20;BYDAY=3SA,TU", "20260117T090000Z", 2},                     // rrule-go: nothing
		{":20260106T090000Z", "FREQ=YEARLY;COUNT=99;BYDAY=TU,1SA;INTERVAL=2", "20280101T090000Z", 52},          // 52 Tuesdays from the sixth
		{":20260105T090000Z", "FREQ=YEARLY;COUNT=20;BYWEEKNO=2,4", "20270111T090000Z", 2},                      // rrule-go: every day of the week
		{":20260105T090000Z", "FREQ=WEEKLY;COUNT=9;BYDAY=TU", "20260106T090000Z", 1},                           // the start counts
		{":20260131T090000Z", "FREQ=MONTHLY;COUNT=9", "20260331T090000Z", 1},                                   // no 31st of February
		{":20260105T090000Z", "FREQ=DAILY;UNTIL=20260107T090000Z", "20260107T090000Z", 2},                      // also without COUNT
		{":20260105T090000Z", "freq=daily;count=9;wkst=su", "20260106T090000Z", 1},                             // in any case
		{":20260105T090000Z", "FREQ=HOURLY;COUNT=30", "20260106T090000Z", 24},                                  // in UTC
		{":20260101T090000Z", "FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1;COUNT=5", "20260227T090000Z", 2},  // the start counts
		{":20240229T090000Z", "FREQ=YEARLY;COUNT=5", "20320229T090000Z", 2},                                    // leap days
		{":20260105T090000Z", "FREQ=DAILY;RSCALE=GREGORIAN;SKIP=OMIT;COUNT=5", "20260106T090000Z", 1},          // says nothing
		{":20260105T090000Z", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=SU;COUNT=9", "20260118T090000Z", 1},     // weeks from Sunday
		{":20260105T090000Z", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;WKST=MO;COUNT=9", "20260111T090000Z", 1},     // and from Monday
		{";TZID=Europe/Berlin:20260105T000000", "FREQ=MONTHLY;BYMONTHDAY=5,-1;COUNT=9", "20260130T230000Z", 1}, // days of the wall
		{";TZID=Asia/Kathmandu:20260105T000000", "FREQ=DAILY;COUNT=9", "20260105T181500Z", 1},                  // +05:45
		{";VALUE=DATE:20200106", "FREQ=WEEKLY;COUNT=1000", "20260105", 313},                                    // long ago
	} {
		n, err := Before(master(c.start, c.rule), c.at)
		if n != c.want || err != nil {
			t.Errorf("DTSTART%s RRULE:%s before %s: %d, %v; want %d", c.start, c.rule, c.at, n, err, c.want)
		}
	}
}

func TestNoInstance(t *testing.T) {
	for _, c := range [][3]string{
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260106T090001Z"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260104T090000Z"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260114T090000Z"}, // the tenth
		{":20260105T090000Z", "FREQ=DAILY;UNTIL=20260107T090000Z", "20260108T090000Z"},
		{":20260105T090000Z", "FREQ=DAILY;UNTIL=20260107", "20260108T090000Z"},
		{";VALUE=DATE:20260105", "FREQ=DAILY;UNTIL=20260107T000000Z", "20260108"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "20260106"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9", "nonsense"},
	} {
		if n, err := Before(master(c[0], c[1]), c[2]); !errors.Is(err, ErrNoInstance) {
			t.Errorf("%v: %d, %v", c, n, err)
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range []struct{ start, rule, says string }{
		{":20260105T090000Z", "FREQ=MINUTELY;COUNT=9", "daily"},
		{";TZID=Europe/Berlin:20260105T090000", "FREQ=HOURLY;COUNT=9", "daily"},
		{":20260105T090000Z", "FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1;COUNT=9", "BYSETPOS"},
		{":20260105T090000Z", "FREQ=DAILY;RSCALE=HEBREW;COUNT=9", "RSCALE=HEBREW"},
		{":20260105T090000Z", "FREQ=DAILY;INTERVAL=0;COUNT=9", "INTERVAL=0"},
		{":20260105T090000Z", "FREQ=DAILY;X-ODD=1", "X-ODD"},
		{":20260105T090000Z", "FREQ=SOMETIMES", "SOMETIMES"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9\r\nRRULE:FREQ=WEEKLY", "more than one"},
		{":20260105T090000Z", "FREQ=DAILY;COUNT=9\r\nEXRULE:FREQ=WEEKLY", "more than one"},
		{";TZID=Nowhere:20260105T090000", "FREQ=DAILY;COUNT=9", "Nowhere"},
		{":soon", "FREQ=DAILY;COUNT=9", "SOON"},
	} {
		_, err := Before(master(c.start, c.rule), "20260106T090000Z")
		if err == nil || errors.Is(err, ErrNoInstance) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s %s: %v", c.start, c.rule, err)
		}
	}
}

// TestBoundedWork: a rule cannot keep anybody busy.
func TestBoundedWork(t *testing.T) {
	for _, rule := range []string{
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30;COUNT=9", "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=9", "FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=MONTHLY;BYDAY=5MO;BYMONTHDAY=1;COUNT=9", "FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30", "FREQ=DAILY;COUNT=1000000",
		"FREQ=DAILY;BYHOUR=" + numbers(0, 23) + ";BYMINUTE=" + numbers(0, 59) + ";BYSECOND=" + numbers(0, 59) + ";COUNT=1000000",
		"FREQ=YEARLY;BYWEEKNO=53;BYYEARDAY=1;BYMONTH=6",
	} {
		begun := time.Now()
		n, err := Before(master(":20260105T090000Z", rule), "99990105T090000Z")
		if took := time.Since(begun); took > 30*time.Second { // without a bound some of these never end
			t.Errorf("%.60s: %v for %d, %v", rule, took, n, err)
		} else {
			t.Logf("%.60s: %v for %d, %v", rule, took, n, err)
		}
	}
}

func numbers(from, to int) string {
	var all []string
	for n := from; n <= to; n++ {
		all = append(all, fmt.Sprint(n))
	}
	return strings.Join(all, ",")
}
