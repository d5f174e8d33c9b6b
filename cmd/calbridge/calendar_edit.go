package main

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"strings"

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

type calendarCreateCmd struct {
	Name        string   `arg:"" help:"What it is called."`
	Account     string   `required:"" help:"The account's id, or its name." placeholder:"ID"`
	Color       string   `help:"As #rrggbb." placeholder:"COLOUR"`
	Description string   `help:"What it is for." placeholder:"TEXT"`
	Components  []string `help:"What it holds: VEVENT, VTODO, VJOURNAL; many servers want one kind in each calendar." placeholder:"KIND"`
}

// Run makes the calendar at the server first: there its name may be refused.
func (c calendarCreateCmd) Run(ctx context.Context, s *session) error {
	facts, err := c.facts()
	if err != nil {
		return err
	}
	var a store.Account
	err = s.read(ctx, func(tx *store.Tx) (err error) {
		a, err = findAccount(tx, c.Account)
		return err
	})
	if err != nil {
		return err
	}
	r, err := s.remote(ctx, a)
	if err != nil {
		return err
	}
	defer r.Close()
	href, err := r.MakeCalendar(ctx, facts)
	if err != nil && href == "" {
		return err
	}
	if err != nil {
		s.note("The calendar was made, but not all of it: %v", err)
	}
	facts.Href, facts.Access = href, cal.AccessWrite
	made, err := s.adopt(ctx, a, listedAs(ctx, r, facts))
	if err != nil {
		return err
	}
	return s.answer(viewCalendar(made), "Made calendar %s (%s).", made.ID, made.Name)
}

func (c calendarCreateCmd) facts() (cal.Facts, error) {
	f := cal.Facts{Name: strings.TrimSpace(c.Name), Color: c.Color, Description: c.Description}
	for _, component := range c.Components {
		switch up := strings.ToUpper(component); up {
		case "VEVENT", "VTODO", "VJOURNAL":
			f.Components = strings.TrimPrefix(f.Components+","+up, ",")
		default:
			return f, usage("--components %q: VEVENT, VTODO or VJOURNAL was expected", component)
		}
	}
	if f.Name == "" {
		return f, usage("the calendar's name is empty")
	}
	return f, checkColor(c.Color)
}

func checkColor(color string) error {
	if color != "" && !regexp.MustCompile(`^#[0-9A-Fa-f]{6}([0-9A-Fa-f]{2})?$`).MatchString(color) {
		return usage("--color %q: #rrggbb was expected, as #3366cc", color)
	}
	return nil
}

// listedAs is what the server tells of a calendar, or what we know ourselves when it does not.
func listedAs(ctx context.Context, r remote, known cal.Facts) cal.Facts {
	listed, err := r.Calendars(ctx, false)
	if err == nil {
		for _, f := range listed {
			if f.Href == known.Href {
				return f
			}
		}
	}
	return known
}

// adopt stores a calendar that was just made, unless a sync has found it meanwhile.
func (s *session) adopt(ctx context.Context, a store.Account, f cal.Facts) (made cal.Calendar, err error) {
	err = s.write(ctx, func(tx *store.Tx) error {
		held, err := tx.Calendars(a.ID)
		if err != nil {
			return err
		}
		for _, c := range held {
			if c.Href == f.Href && c.State != cal.CalendarGone {
				made = c
				return nil
			}
		}
		made, err = tx.AddCalendar(cal.Calendar{Account: a.ID, Facts: f, Selected: true})
		return err
	})
	return made, err
}

type calendarEditCmd struct {
	ID          string `arg:"" help:"The calendar's id, or its name."`
	Name        string `help:"What it is to be called." placeholder:"TEXT"`
	Color       string `help:"As #rrggbb." placeholder:"COLOUR"`
	Description string `help:"What it is for." placeholder:"TEXT"`
}

func (c calendarEditCmd) Run(ctx context.Context, s *session) error {
	if c.Name == "" && c.Color == "" && c.Description == "" {
		return usage("what is to change? Give --name, --color or --description")
	}
	if err := checkColor(c.Color); err != nil {
		return err
	}
	k, r, err := s.calendarRemote(ctx, c.ID)
	if err != nil {
		return err
	}
	defer r.Close()
	if err := r.Describe(ctx, k.Href, cal.Facts{Name: c.Name, Color: c.Color, Description: c.Description}); err != nil {
		return err
	}
	changed, err := s.changeCalendars(ctx, []string{string(k.ID)}, func(k *cal.Calendar) {
		k.Name, k.Color, k.Description = cmp.Or(c.Name, k.Name), cmp.Or(c.Color, k.Color), cmp.Or(c.Description, k.Description)
	})
	if err != nil {
		return err
	}
	v := viewCalendar(changed[0])
	return s.answer(v, "Calendar %s is %s now, at the server too.", v.ID, strings.TrimSpace(v.Name+" "+v.Color))
}

// calendarRemote gives a calendar and a client of its account.
func (s *session) calendarRemote(ctx context.Context, id string) (k cal.Calendar, r remote, err error) {
	var a store.Account
	err = s.read(ctx, func(tx *store.Tx) (err error) {
		if k, err = findCalendar(tx, id); err == nil {
			a, err = tx.Account(k.Account)
		}
		return err
	})
	if err == nil {
		r, err = s.remote(ctx, a)
	}
	return k, r, err
}

type calendarDeleteCmd struct {
	ID  string `arg:"" help:"The calendar's id, or its name."`
	Yes bool   `short:"y" help:"Do not ask."`
}

func (c calendarDeleteCmd) Run(ctx context.Context, s *session) error {
	k, r, err := s.calendarRemote(ctx, c.ID)
	if err != nil {
		return err
	}
	defer r.Close()
	if !c.Yes {
		if err := s.confirmDelete(ctx, k); err != nil {
			return err
		}
	}
	if k.State != cal.CalendarGone {
		if err := r.DropCalendar(ctx, k.Href); err != nil {
			return err
		}
	}
	err = s.write(ctx, func(tx *store.Tx) error { return tx.RemoveCalendar(k.ID) })
	if err != nil {
		return err
	}
	return s.answer(map[string]any{"id": k.ID, "deleted": true}, "Deleted calendar %s (%s), here and at the server.", k.ID, k.Name)
}

func (s *session) confirmDelete(ctx context.Context, k cal.Calendar) error {
	var n int
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Count(k.ID)
		return err
	})
	if err != nil {
		return err
	}
	return s.confirm(ctx, fmt.Sprintf("Delete calendar %s (%s) with %s, here and at the server, for good?", k.ID, k.Name, count(n, "object")))
}
