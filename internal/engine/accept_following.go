package engine

import (
	"maps"
	"slices"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/store"
)

// following is "this and following": two series out of one. Every step of it is an ordinary edit with its own precondition, and those that
// take something away wait for the one that creates.
type following struct {
	*acceptance
	at     string
	future ical.Part
	master cal.Body            // the series as it is to be, but for the cut
	shown  map[string]cal.Body // the exceptions as they are to be, but for the cut
	hidden map[string]cal.Body // the exceptions that are to be left out, as they were; without a text they are so already
	next   *held               // what is here of the new series
}

// following cuts the series that the text has, or else the one that is here.
func (a *acceptance) following(future ical.Part, others []ical.Part) error {
	f := &following{acceptance: a, at: future.RecurrenceID, future: future, shown: map[string]cal.Body{}, hidden: map[string]cal.Body{}}
	if err := f.gather(others); err != nil {
		return err
	}
	before, err := countBefore(f.master, f.at)
	if err != nil {
		return err
	}
	if f.next, err = a.load(followUID(a.series.uid, f.at)); err != nil {
		return err
	}
	old, next, err := ical.Cut(ical.Exclude(f.master, f.lost()), f.at, f.text(), f.next.uid, before)
	switch {
	case err != nil:
		return unfit("", "%v", err)
	case old == "":
		return f.everything(before)
	}
	return f.cut(old, next)
}

// text is what is to be from the cut on; empty: nothing.
func (f *following) text() cal.Body {
	if f.future.Cancelled {
		return ""
	}
	return f.future.Body
}

// gather finds how the series would be without a cut: what is here, and over it what the text says.
func (f *following) gather(others []ical.Part) (err error) {
	var hide []string
	switch {
	case len(others) > 0 && others[0].RecurrenceID == "":
		f.master, hide, err = f.exclusions(others)
		others = others[1:]
	case !f.series.lives(""):
		err = unfit("", "the series with the UID %q is not in this calendar, so nothing follows the instance %s", f.series.uid, f.at)
	default:
		f.master, err = f.body(f.series.parts[""])
	}
	if err != nil {
		return err
	}
	for _, key := range f.instances() {
		body, err := f.body(f.series.parts[key])
		if err != nil {
			return err
		}
		f.here(key, body, slices.Contains(hide, key))
	}
	for _, p := range others {
		f.said(p)
	}
	return nil
}

// here notes an exception that is here.
func (f *following) here(key string, body cal.Body, hide bool) {
	switch {
	case cancelled(body):
		f.hidden[key] = ""
	case hide:
		f.hidden[key] = body
	default:
		f.shown[key] = body
	}
}

// said notes what the text says of an instance.
func (f *following) said(p ical.Part) {
	_, already := f.hidden[p.RecurrenceID]
	switch {
	case !p.Cancelled:
		delete(f.hidden, p.RecurrenceID)
		f.shown[p.RecurrenceID] = p.Body
	case !already:
		delete(f.shown, p.RecurrenceID)
		f.hidden[p.RecurrenceID] = p.Body
	}
}

// lost are the hidden instances that the new series has to leave out by itself.
func (f *following) lost() []string {
	return slices.DeleteFunc(sorted(f.hidden), func(key string) bool { return key <= f.at || f.next.lives(key) })
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// everything: there is nothing before the cut, so it is an edit of the series itself.
func (f *following) everything(before int) error {
	if f.future.Cancelled {
		if f.series.lives("") {
			f.removal()
			f.nameHeld()
			return nil
		}
		return unfit("", "the text cancels every instance of a series that is not here")
	}
	_, body, err := ical.Cut(f.master, f.at, f.future.Body, f.series.uid, before)
	if err != nil {
		return unfit("", "%v", err)
	}
	master := f.want(f.series, "", body)
	f.nameSeries(master)
	if f.series.lives(f.at) {
		f.shown[f.at] = ical.OnlyThis(f.future.Body)
	}
	if err := f.keep(master, func(string) bool { return true }); err != nil {
		return err
	}
	f.nameHeld()
	return nil
}

// nameHeld: what was not made is what was here.
func (f *following) nameHeld() {
	if f.object == nil && f.named == nil {
		o := f.series.parts[""]
		f.object = &o
	}
}

// cut creates the new series with the exceptions that go along, and then takes them, and what else follows, from the old one.
func (f *following) cut(old, next cal.Body) error {
	var created *step
	if !f.future.Cancelled {
		created = f.want(f.next, "", next)
		if ical.Continues(f.master, next, f.at) {
			f.alongWith(created)
		}
	}
	ended := f.want(f.series, "", old)
	if f.series.lives("") { // else both are new, and there is nothing to lose
		f.awaitNext(ended, created)
	}
	f.name(created, ended)
	if err := f.keep(ended, func(key string) bool { return key < f.at }); err != nil {
		return err
	}
	return f.leave(created)
}

// awaitNext keeps a step back until the new series is at the remote.
func (f *following) awaitNext(s, created *step) {
	if !f.future.Cancelled {
		s.await(created, f.next.parts[""].ID)
	}
}

// name decides which of the two series the caller gets: the old one for a text that has it, else the new one.
func (f *following) name(created, ended *step) {
	switch {
	case f.object != nil:
	case f.draft.Want.Body != f.future.Body && ended != nil:
		f.named = ended
	case created != nil:
		f.named = created
	}
	f.nameHeld()
}

// alongWith makes the exceptions behind the cut exceptions of the new series. What the text says of the instance at the cut is the new
// series' own.
func (f *following) alongWith(created *step) {
	for _, key := range sorted(f.shown) {
		if key > f.at {
			f.want(f.next, key, ical.Rename(f.shown[key], f.next.uid)).behind(created, f.next)
		}
	}
}

// keep stores the exceptions that stay with the old series as the text has them.
func (f *following) keep(series *step, stays func(key string) bool) error {
	for _, key := range sorted(f.shown) {
		if stays(key) {
			f.want(f.series, key, f.shown[key]).behind(series, f.series)
		}
	}
	for _, key := range sorted(f.hidden) {
		if !stays(key) || f.hidden[key] == "" {
			continue
		}
		stub, err := ical.Hide(f.hidden[key])
		if err != nil {
			return unfit("", "hide the instance %s: %v", key, err)
		}
		f.want(f.series, key, stub).behind(series, f.series)
	}
	return nil
}

// leave takes the exceptions behind the cut from the old series: the remote does not do so when a series is made shorter.
func (f *following) leave(created *step) error {
	for _, key := range f.instances() {
		o := f.series.parts[key]
		switch {
		case key < f.at:
		case neverSent(o):
			f.add(&step{Draft: store.Draft{Object: o.ID}})
		default:
			s, err := f.hide(key)
			if err != nil {
				return err
			}
			f.awaitNext(s, created)
		}
	}
	return nil
}
