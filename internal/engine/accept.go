package engine

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/recur"
	"calbridge/internal/store"
)

// Unfit says that a text cannot become what it was given for, and what to do instead.
type Unfit struct {
	Reason string
	Object cal.ObjectID // the one to be edited instead; empty: there is none
}

func (u Unfit) Error() string { return u.Reason }

func unfit(o cal.ObjectID, format string, args ...any) error {
	return Unfit{Reason: fmt.Sprintf(format, args...), Object: o}
}

// Accept takes a user's write, as store.Tx.Edit does. Users and programs write whole iCalendar texts; where the remote keeps the exceptions
// of a series as resources of their own, one text comes to an edit of each object that it changes, all in the caller's transaction. The
// object returned is the one that the draft names: the series for a text with a master, the new one for a new text. An error of kind Unfit
// is the user's to mend; nothing was stored then.
//
// Exceptions that a text does not mention stay; when it moves the series they move along. An EXDATE that is new in it hides the exception
// that there is. An exception that is deleted hides its instance, as long as the series is there.
//
// RANGE=THISANDFUTURE (RFC 5545 §3.2.13) makes two series of one. The new one is created; what the old one loses waits for that to have
// happened, so that whatever fails between leaves a visible double, never a hole.
func Accept(tx *store.Tx, d store.Draft) (cal.Object, error) {
	a, err := accept(tx, d)
	if err != nil {
		return cal.Object{}, err
	}
	if a == nil {
		return tx.Edit(d)
	}
	return a.store()
}

// Unchanged reports whether everything that the draft says is so already.
func Unchanged(tx *store.Tx, d store.Draft) (bool, error) {
	a, err := accept(tx, d)
	switch {
	case err != nil:
		return false, err
	case a != nil:
		return !slices.ContainsFunc(a.steps, func(s *step) bool { return !s.same }), nil
	case d.Object == "":
		return false, nil
	}
	o, err := tx.Object(d.Object)
	return o.Want().Same(d.Want), err
}

// Holder gives the object that a text is about, alive or on its way out; ok is false when there is none, or the text is about several. It
// is known by its UID, and where exceptions are objects of their own, by its instance as well.
func Holder(tx *store.Tx, calendar cal.CalendarID, body cal.Body) (o cal.Object, ok bool, err error) {
	apart, err := KeepsApart(tx, calendar)
	if err != nil {
		return o, false, err
	}
	key, one := instance(body)
	if apart && !one {
		return o, false, nil
	}
	all, err := tx.ByUID(calendar, []string{ical.Read(body).UID})
	for _, h := range all {
		if apart && h.RecurrenceID != key || ok && o.Want().Exists() {
			continue
		}
		o, ok = h, true
	}
	return o, ok, err
}

// instance is the one that a text is about; empty: the series. What follows an instance is nothing that could be held.
func instance(body cal.Body) (key string, one bool) {
	parts, err := ical.Parts(body)
	if err != nil || parts[0].RecurrenceID == "" {
		return "", true
	}
	return parts[0].RecurrenceID, len(parts) == 1 && !parts[0].Future
}

// KeepsApart reports whether the exceptions of a series are resources of their own at the calendar's remote.
func KeepsApart(tx *store.Tx, calendar cal.CalendarID) (bool, error) {
	k, err := tx.Calendar(calendar)
	if err != nil {
		return false, err
	}
	a, err := tx.Account(k.Account)
	return a.Provider == "google", err
}

// acceptance finds out what a text comes to.
type acceptance struct {
	tx       *store.Tx
	draft    store.Draft
	calendar cal.CalendarID
	object   *cal.Object // that the draft names; nil: a new one
	series   *held
	steps    []*step
	named    *step // whose object the caller gets; nil: object
}

// held is what is here of a series.
type held struct {
	uid   string
	parts map[string]cal.Object // by instance, the living before the dead; the series itself has the empty key
}

func (h *held) lives(key string) bool { return h.parts[key].Want().Exists() }

// step is one edit of those that a text comes to.
type step struct {
	store.Draft
	same  bool         // the object says so already
	after *step        // not to be sent before this one's object is at the remote
	made  cal.ObjectID // once it is stored
}

// accept gives nil for what is one edit of one object.
func accept(tx *store.Tx, d store.Draft) (*acceptance, error) {
	a := &acceptance{tx: tx, draft: d, calendar: d.Calendar}
	if d.Object != "" {
		o, err := tx.Object(d.Object)
		if err != nil {
			return nil, err
		}
		a.object, a.calendar = &o, o.Calendar
	}
	apart, err := KeepsApart(tx, a.calendar)
	if err != nil || !apart {
		return nil, err
	}
	if d.Seen != "" && (a.object == nil || a.object.Want().ID != d.Seen) {
		return nil, fmt.Errorf("accept an edit: %w", store.ErrStale)
	}
	if !d.Want.Exists() {
		return a.deletion()
	}
	return a.text()
}

// store makes the edits.
func (a *acceptance) store() (cal.Object, error) {
	for _, s := range a.steps {
		if s.after != nil {
			s.After = s.after.made
		}
		o, err := a.tx.Edit(s.Draft)
		if err != nil {
			return o, err
		}
		s.made = o.ID
	}
	if a.named != nil {
		return a.tx.Object(a.named.made)
	}
	return a.tx.Object(a.object.ID)
}

// load finds what is here of a series.
func (a *acceptance) load(uid string) (*held, error) {
	all, err := a.tx.ByUID(a.calendar, []string{uid})
	h := &held{uid: uid, parts: map[string]cal.Object{}}
	for _, o := range all {
		if a.object != nil && o.ID == a.object.ID || !h.lives(o.RecurrenceID) {
			h.parts[o.RecurrenceID] = o
		}
	}
	if a.object != nil && a.object.UID == uid { // a tombstone is not among them
		h.parts[a.object.RecurrenceID] = *a.object
	}
	return h, err
}

// body is what the user sees of an object of the series.
func (a *acceptance) body(o cal.Object) (cal.Body, error) {
	if o.Want().Body != "" {
		return o.Want().Body, nil
	}
	whole, err := a.tx.Object(o.ID)
	return whole.Want().Body, err
}

func (a *acceptance) add(s *step) *step {
	a.steps = append(a.steps, s)
	return s
}

// want adds the edit that gives a part of a series this text; nil when it has it already and is not what the draft names.
func (a *acceptance) want(h *held, key string, body cal.Body) *step {
	r, o := ical.Read(body), h.parts[key]
	s := &step{Draft: store.Draft{
		Object: o.ID, Calendar: a.calendar, UID: h.uid, Component: r.Component, Summary: r.Summary, RecurrenceID: key,
		Want: cal.Version{Digest: r.Digest, Body: body}, Notify: a.draft.Notify,
	}}
	if body == a.draft.Want.Body {
		s.Want.Native = a.draft.Want.Native
	}
	s.same = o.Want().Same(s.Want)
	isNamed := a.object != nil && a.object.ID == o.ID
	if s.same && !isNamed {
		return nil
	}
	if isNamed {
		s.After, s.Seen = a.draft.After, a.draft.Seen
	}
	return a.add(s)
}

// text sorts out whom a text is for.
func (a *acceptance) text() (*acceptance, error) {
	r := ical.Read(a.draft.Want.Body)
	if r.Trouble != "" {
		return nil, nil // an old version, restored as it was
	}
	parts, err := ical.Parts(a.draft.Want.Body)
	if err != nil {
		return nil, unfit("", "the text is not one series: %v", err)
	}
	if a.series, err = a.load(r.UID); err != nil {
		return nil, err
	}
	if err := a.meant(r, parts); err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(parts, func(p ical.Part) bool { return p.Future }); i >= 0 {
		return a, a.following(parts[i], slices.Delete(slices.Clone(parts), i, i+1))
	}
	if parts[0].RecurrenceID == "" {
		return a, a.whole(parts)
	}
	for _, p := range parts {
		if err := a.exception(p, nil); err != nil {
			return nil, err
		}
	}
	return a, a.orFirst(parts[0].RecurrenceID)
}

// orFirst: of several exceptions and no series, the first is what the caller gets.
func (a *acceptance) orFirst(key string) error {
	if a.object != nil || a.named != nil {
		return nil
	}
	if o, there := a.series.parts[key]; there {
		a.object = &o
		return nil
	}
	a.named = a.steps[0]
	return nil
}

// meant refuses a text that is for another object than the draft names, or for several that cannot be told apart.
func (a *acceptance) meant(r ical.Reading, parts []ical.Part) error {
	key, futures := parts[0].RecurrenceID, 0
	for _, p := range parts {
		if p.Future {
			futures++
		}
	}
	master, o := a.series.parts[""], a.object
	switch {
	case futures > 1:
		return unfit("", "the text has RANGE=THISANDFUTURE more than once: make one such change at a time")
	case o == nil && key == "" && a.series.lives(""):
		return unfit(master.ID, "the UID %q is in use by object %s of this calendar: edit that, or give another UID", r.UID, master.ID)
	case o == nil:
		return nil
	case o.UID != "" && o.UID != r.UID:
		return unfit("", "the UID of object %s is %q and cannot become %q: create a new object instead", o.ID, o.UID, r.UID)
	case o.RecurrenceID == "" && (key == "" || futures == 1 && len(parts) == 1):
		return nil
	case o.RecurrenceID == key && len(parts) == 1:
		return nil
	case o.RecurrenceID == "":
		return a.other(key, "object %s is the series, and the text has only its instance %s", o.ID, key)
	case key == "":
		return a.other("", "object %s is the instance %s alone, and the text has the whole series", o.ID, o.RecurrenceID)
	case len(parts) > 1:
		return unfit("", "object %s is the instance %s alone, and the text has several: edit them one by one", o.ID, o.RecurrenceID)
	}
	return a.other(key, "object %s is the instance %s, and the text is of the instance %s", o.ID, o.RecurrenceID, key)
}

// other names the object that a text is for.
func (a *acceptance) other(key, format string, args ...any) error {
	reason := fmt.Sprintf(format, args...)
	if a.series.lives(key) {
		right := a.series.parts[key].ID
		return unfit(right, "%s: edit object %s", reason, right)
	}
	return unfit("", "%s: create an object of it", reason)
}

// whole is a text with a master: an edit of the series, and one of every exception that it changes.
func (a *acceptance) whole(parts []ical.Part) error {
	body, hide, err := a.exclusions(parts)
	if err != nil {
		return err
	}
	body, leaving, err := a.moved(parts, body)
	if err != nil {
		return err
	}
	master := a.want(a.series, "", body)
	a.nameSeries(master)
	for _, p := range parts[1:] {
		if err := a.exception(p, master); err != nil {
			return err
		}
	}
	for _, key := range hide {
		if _, err := a.hide(key); err != nil {
			return err
		}
	}
	return a.follow(master, leaving)
}

func (a *acceptance) nameSeries(s *step) {
	if a.object == nil {
		a.named = s
		if s != nil {
			s.After = a.draft.After
		}
	}
}

// exclusions sorts out the EXDATEs of a text's master: what is new among them and has an exception here hides that, and no EXDATE is
// needed where there is a hidden exception, or where the text itself says what becomes of the instance.
func (a *acceptance) exclusions(parts []ical.Part) (body cal.Body, hide []string, err error) {
	said := map[string]bool{} // by the exceptions of the text
	for _, p := range parts {
		said[p.RecurrenceID] = true
	}
	var known, drop []string
	if a.series.lives("") {
		was, err := a.body(a.series.parts[""])
		if err != nil {
			return "", nil, err
		}
		known = ical.Excluded(was)
	}
	for _, key := range ical.Excluded(parts[0].Body) {
		switch {
		case said[key]:
			drop = append(drop, key)
		case !slices.Contains(known, key) && a.series.lives(key):
			drop, hide = append(drop, key), append(hide, key)
		}
	}
	return ical.DropExcluded(parts[0].Body, drop), hide, nil
}

// exception edits or makes one. Without a series it can only be one that we hold: somebody was invited to this instance alone.
func (a *acceptance) exception(p ical.Part, series *step) error {
	o, master := a.series.parts[p.RecurrenceID], a.series.parts[""]
	if series == nil && !master.Want().Exists() && !o.Want().Exists() && !o.Base.Exists() {
		return unfit("", "the series with the UID %q is not in this calendar, so there is nothing that %s could be an exception of: "+
			"create the series first, or leave RECURRENCE-ID out and give a UID of its own", a.series.uid, p.RecurrenceID)
	}
	body := p.Body
	if p.Cancelled {
		var err error
		if body, err = ical.Hide(body); err != nil {
			return unfit("", "%v", err)
		}
	}
	a.want(a.series, p.RecurrenceID, body).behind(series, a.series)
	return nil
}

// behind keeps an exception back until its series is at the remote: that of the step, or the one that is here.
func (s *step) behind(series *step, h *held) {
	if s != nil && s.After == "" {
		s.await(series, h.parts[""].ID)
	}
}

// await keeps s back until an object is at the remote: the one that a step makes, or without a step the one that is there.
func (s *step) await(made *step, there cal.ObjectID) {
	switch {
	case s == nil:
	case made != nil:
		s.after = made
	default:
		s.After = there
	}
}

// hide makes an instance that has an exception here one that is left out. Without a step it is so already.
func (a *acceptance) hide(key string) (*step, error) {
	o := a.series.parts[key]
	body, err := a.body(o)
	if err != nil || cancelled(body) {
		return nil, err
	}
	if body, err = ical.Hide(body); err != nil {
		return nil, unfit(o.ID, "hide the instance %s: %v", key, err)
	}
	s := a.want(a.series, key, body)
	s.behind(nil, a.series)
	return s, nil
}

// cancelled reports whether a body is an exception that hides its instance.
func cancelled(body cal.Body) bool {
	parts, err := ical.Parts(body)
	return err == nil && parts[0].Cancelled
}

// neverSent: nothing of the object can be at the remote.
func neverSent(o cal.Object) bool { return !o.Base.Exists() && len(o.Sent) == 0 }

// deletion of an exception hides its instance. With a series go its exceptions that were never sent: the remote cannot take them any more.
func (a *acceptance) deletion() (*acceptance, error) {
	if a.object == nil || !a.object.Want().Exists() {
		return nil, nil
	}
	var err error
	if a.series, err = a.load(a.object.UID); err != nil {
		return nil, err
	}
	if a.object.RecurrenceID != "" && a.series.lives("") && ical.Read(a.object.Want().Body).Trouble == "" {
		_, err := a.hide(a.object.RecurrenceID)
		return a, err
	}
	if a.object.RecurrenceID != "" || a.object.UID == "" {
		return nil, nil
	}
	a.removal()
	return a, nil
}

func (a *acceptance) removal() {
	master := a.series.parts[""]
	a.add(&step{Draft: store.Draft{Object: master.ID, Notify: a.draft.Notify, After: a.draft.After}})
	for _, key := range a.instances() {
		switch o := a.series.parts[key]; {
		case neverSent(o):
			a.add(&step{Draft: store.Draft{Object: o.ID}})
		case o.Edit != nil: // it goes with the series: what was to become of it is nobody's wish any more
			a.add(&step{Draft: store.Draft{Object: o.ID, Want: o.Base}})
		}
	}
}

// instances are the keys of the living exceptions, in order.
func (a *acceptance) instances() (keys []string) {
	for key := range a.series.parts {
		if key != "" && a.series.lives(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// countBefore is how many instances the rule makes before one. Where nothing depends on the number, a rule that cannot be counted will do.
func countBefore(master cal.Body, at string) (int, error) {
	n, err := recur.Before(master, at)
	if err != nil && (ical.Counted(master) || errors.Is(err, recur.ErrNoInstance)) {
		return 0, unfit("", "the series cannot be cut at %s: %v", at, err)
	}
	return n, nil
}

// followUID is the UID of the series that goes on from an instance. It follows from the two, so that the same text again makes no second
// one. It is a UUID of version 8 (RFC 9562 §5.8), as RFC 7986 §5.3 would have it.
func followUID(uid, at string) string {
	sum := sha256.Sum256([]byte(uid + "\x00" + at))
	sum[6], sum[8] = sum[6]&0x0F|0x80, sum[8]&0x3F|0x80
	h := hex.EncodeToString(sum[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
