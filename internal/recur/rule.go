package recur

import (
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/teambition/rrule-go"
)

// normal is the rule as rrule-go understands it right.
func (s *series) normal() (*rrule.ROption, error) {
	var parts []string
	for part := range strings.SplitSeq(s.rule, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch {
		case part == "", name == "RSCALE" && value == "GREGORIAN", name == "SKIP" && value == "OMIT":
		case name == "UNTIL":
			s.until = value
		case name == "RSCALE", name == "SKIP", strings.HasPrefix(name, "X-"), value == "", value == "0":
			return nil, s.unsupported("it has " + part)
		default:
			parts = append(parts, name+"="+value)
		}
	}
	r, err := rrule.StrToROption(strings.Join(parts, ";"))
	if err != nil {
		return nil, s.unsupported(err.Error())
	}
	if why := s.strange(r); why != "" {
		return nil, s.unsupported(why)
	}
	r.Dtstart = s.start
	s.ordinals(r)
	if len(r.Byweekno) > 0 && len(r.Byweekday) == 0 { // rrule-go takes the whole week
		r.Byweekday = []rrule.Weekday{days[(s.start.Weekday()+6)%7]}
	}
	return r, nil
}

func (s *series) unsupported(why string) error {
	return fmt.Errorf("the rule %s cannot be counted: %s", s.rule, why)
}

// strange is what rrule-go gets wrong, or takes for ever to expand.
func (s *series) strange(r *rrule.ROption) string {
	switch {
	case r.Freq >= rrule.MINUTELY, r.Freq == rrule.HOURLY && s.home != nil:
		return "it recurs more often than daily"
	case r.Freq == rrule.WEEKLY && len(r.Bysetpos) > 0:
		return "it has BYSETPOS in weeks, and the first week may not be a whole one"
	}
	return ""
}

var days = [...]rrule.Weekday{rrule.MO, rrule.TU, rrule.WE, rrule.TH, rrule.FR, rrule.SA, rrule.SU}

// ordinals writes plain days as every one of the month or the year, where they stand beside ordinal ones: rrule-go makes nothing of
// BYDAY=3SA,TU.
func (s *series) ordinals(r *rrule.ROption) {
	plain, ordinal := false, false
	for _, d := range r.Byweekday {
		plain, ordinal = plain || d.N() == 0, ordinal || d.N() != 0
	}
	if !plain || !ordinal || r.Freq > rrule.MONTHLY {
		return
	}
	last := 5
	if r.Freq == rrule.YEARLY && len(r.Bymonth) == 0 {
		last = 53
	}
	var all []rrule.Weekday
	for _, d := range r.Byweekday {
		if d.N() != 0 {
			all = append(all, d)
			continue
		}
		for n := 1; n <= last; n++ {
			all = append(all, days[d.Day()].Nth(n))
		}
	}
	r.Byweekday = all
}

// walls are the instances on the wall: the start, whether or not the rule makes it, then what the rule makes, without end.
func (s *series) walls(r *rrule.ROption) iter.Seq[time.Time] {
	return func(yield func(time.Time) bool) {
		endless := *r
		endless.Count = 0
		rule, err := rrule.NewRRule(endless)
		if err != nil || !yield(s.start) {
			return
		}
		next := rule.Iterator()
		for wall, more := next(); more; wall, more = next() {
			if wall.After(s.start) && !yield(wall) {
				return
			}
		}
	}
}
