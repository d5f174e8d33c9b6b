package engine

import (
	"errors"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/recur"
	"calbridge/internal/store"
)

// A text that moves a series, or gives it another rule, says nothing of the exceptions that are objects of their own, and the remote leaves
// them where they were: a moved occurrence would be there twice, and a deleted one back. So they follow: each becomes an exception of the
// instance that its own has become, and is taken from the old one once the series has arrived where it is now.

// departure is an exception that has to move.
type departure struct {
	from, to string
	body     cal.Body // of the exception at its new instance; empty: the text itself has one there
}

// moved sorts out what becomes of the exceptions that a text of the whole series does not speak of. What was hidden is an EXDATE of the
// series now.
func (a *acceptance) moved(parts []ical.Part, body cal.Body) (cal.Body, []departure, error) {
	if !a.series.lives("") || len(a.instances()) == 0 {
		return body, nil, nil
	}
	was, err := a.body(a.series.parts[""])
	if err != nil {
		return body, nil, err
	}
	said := map[string]bool{}
	for _, p := range parts {
		said[p.RecurrenceID] = true
	}
	movement, moves := ical.Moves(was, body)
	var left []string
	var leaving []departure
	for _, key := range a.instances() {
		if said[key] || !makes(was, key) { // an instance by RDATE, or of a rule before this one
			continue
		}
		d := departure{from: key, to: key}
		if moves {
			if d.to, err = movement.Instance(key); err != nil {
				return body, nil, unfit("", "move the instance %s: %v", key, err)
			}
		}
		hidden, err := a.depart(&d, movement, makes(body, d.to))
		switch {
		case err != nil:
			return body, nil, err
		case hidden && d.to != "" && d.to != key && !said[d.to]:
			left = append(left, d.to)
		case !hidden && d.to != key:
			if said[d.to] {
				d.body = ""
			}
			leaving = append(leaving, d)
		}
	}
	return ical.Exclude(body, left), leaving, nil
}

// depart finds out what an exception is at its new instance.
func (a *acceptance) depart(d *departure, m ical.Movement, there bool) (hidden bool, err error) {
	o := a.series.parts[d.from]
	body, err := a.body(o)
	switch {
	case err != nil:
		return false, err
	case cancelled(body):
		if !there {
			d.to = ""
		}
		return true, nil
	case !there:
		return false, unfit(o.ID, "the series would lose the instance %s, which object %s has changed: delete that object first, or leave "+
			"DTSTART and RRULE so that the instance stays", d.from, o.ID)
	case d.to != d.from:
		if d.body, err = m.Exception(body, d.from); err != nil {
			return false, unfit(o.ID, "move the instance %s: %v", d.from, err)
		}
	}
	return false, nil
}

// makes reports whether a master's rule makes an instance. Of a rule that cannot be counted it is believed.
func makes(master cal.Body, key string) bool {
	_, err := recur.Before(master, key)
	return !errors.Is(err, recur.ErrNoInstance)
}

// follow stores what moved.
func (a *acceptance) follow(series *step, leaving []departure) error {
	arriving := map[string]bool{}
	for _, d := range leaving {
		arriving[d.to] = true
		if d.body != "" {
			a.want(a.series, d.to, d.body).behind(series, a.series)
		}
	}
	for _, d := range leaving {
		if o := a.series.parts[d.from]; arriving[d.from] {
			continue
		} else if neverSent(o) {
			a.add(&step{Draft: store.Draft{Object: o.ID}})
		} else if _, err := a.hide(d.from); err != nil {
			return err
		}
	}
	return nil
}
