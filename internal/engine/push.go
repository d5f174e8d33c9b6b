package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// batch is how many attempts are recorded in one transaction before they leave, and settled in one after.
const batch = 100

// push sends what the user wants, a batch at a time.
func (v *visit) push(ctx context.Context) error {
	for {
		parcels, err := v.pack(ctx)
		if err != nil || len(parcels) == 0 {
			return err
		}
		v.deliver(ctx, parcels)
		v.pushed = true
		v.restWrites(parcels)
		if err := v.settleParcels(context.WithoutCancel(ctx), parcels); err != nil {
			return fmt.Errorf("push: %w", err)
		}
		v.progress(len(parcels))
		if err := v.worst(parcels); err != nil {
			return fmt.Errorf("push: %w", err)
		}
		if v.writesRest() {
			return nil
		}
	}
}

// restWrites: a spent quota of writes (Google's quotaExceeded) lasts hours. Reading goes on, in this calendar and the others.
func (v *visit) restWrites(parcels []*parcel) {
	for _, p := range parcels {
		var busy cal.Busy
		if errors.As(p.err, &busy) && busy.Writes {
			v.account.WritesUntil = v.Clock().Add(busy.Wait)
		}
	}
}

func (w *walk) writesRest() bool { return w.account.WritesUntil.After(w.Clock()) }

// parcel is one object on its way.
type parcel struct {
	object  cal.Object
	attempt cal.Attempt
	err     error
}

// pack takes objects out of the outbox and records, before a byte leaves, what is going to be tried.
func (v *visit) pack(ctx context.Context) (parcels []*parcel, err error) {
	err = v.write(ctx, func(tx *store.Tx) error {
		parcels = nil
		objects, err := tx.Outbox(v.calendar.ID, v.Clock(), batch)
		if err != nil {
			return err
		}
		for _, o := range objects {
			if !o.Base.Exists() && !o.Edit.Want.Exists() {
				if err := doubt(tx, o); err != nil {
					return err
				}
				continue
			}
			if spared, err := v.spare(tx, o); err != nil {
				return err
			} else if spared {
				continue
			}
			p, err := v.parcel(tx, o)
			if err != nil {
				return err
			}
			if p != nil {
				parcels = append(parcels, p)
			}
		}
		return v.record(tx, parcels)
	})
	return parcels, err
}

// doubt: the user deleted what a create of ours, its answer lost, may still bring to the remote. There is no version to delete yet, so
// the remote is looked at again; should the object be there by then, it has an etag to be deleted by.
func doubt(tx *store.Tx, o cal.Object) error {
	if len(o.Sent) == 0 { // it surely did not arrive: there is nothing to delete
		_, err := tx.Edit(store.Draft{Object: o.ID})
		return err
	}
	for _, a := range o.Sent {
		if err := tx.Outcome(a.ID, cal.AttemptSent); err != nil {
			return err
		}
	}
	return nil
}

// spare: who deletes a series deletes the exceptions that he sees. Where somebody has changed one since, and it is a resource of its own,
// no etag of the series tells; so it is decided here as where the two are one resource: an edit against a deletion.
func (v *visit) spare(tx *store.Tx, o cal.Object) (spared bool, err error) {
	if o.Edit.Want.Exists() || o.RecurrenceID != "" || !v.once() {
		return false, nil
	}
	newer, err := tx.PartsSince(v.calendar.ID, o.UID, o.Edit.At)
	newer = slices.DeleteFunc(newer, func(s store.Stored) bool { return ical.Hidden(s.Body) })
	if err != nil || len(newer) == 0 {
		return false, err
	}
	c := reconcile.Spare(o, newer[0].Version, v.calendar.Rules, v.moment())
	if c.Object.Edit != nil && o.Edit.Tries > 0 { // the row was written at the first try
		return false, nil
	}
	plan := cal.Plan{Calendar: v.calendar.ID, Since: v.calendar.Token, Created: []cal.Change{c}}
	return c.Object.Edit == nil, tx.Apply(plan)
}

// parcel is nothing for an exception whose series is not at the remote: it cannot be there without.
func (v *visit) parcel(tx *store.Tx, o cal.Object) (*parcel, error) {
	apart := o.RecurrenceID != "" && v.once()
	if o.Href == "" || apart && !o.Base.Exists() { // an exception is where its series is, and that may have gone meanwhile
		var err error
		if o.Href, err = v.name(tx, o); err != nil {
			return nil, err
		}
	}
	p := &parcel{object: o, attempt: cal.Attempt{
		Object: o.ID, Href: o.Href, Match: o.Base.ETag, Rev: o.Edit.Rev, Want: o.Edit.Want, Notify: o.Edit.Notify,
	}}
	if o.Href == "" {
		p.err = fmt.Errorf("%w: the series with the UID %q is not in this calendar, so there is nothing this can be an exception of", cal.ErrRefused, o.UID)
		return nil, v.block(tx, p, cal.Rejected)
	}
	return p, nil
}

func (v *visit) name(tx *store.Tx, o cal.Object) (cal.Href, error) {
	var series cal.Href
	if o.RecurrenceID != "" {
		var err error
		if series, err = tx.SeriesHref(v.calendar.ID, o.UID); err != nil {
			return "", err
		}
	}
	return v.provider.Name(v.calendar, o, series), nil
}

func (v *visit) record(tx *store.Tx, parcels []*parcel) error {
	attempts := make([]cal.Attempt, len(parcels))
	for i, p := range parcels {
		attempts[i] = p.attempt
	}
	if err := tx.Attempt(v.lease, attempts); err != nil {
		return err
	}
	for i, p := range parcels {
		p.attempt = attempts[i]
	}
	return nil
}

// deliver sends the parcels over several connections. Objects do not depend on each other, so neither do their writes.
func (v *visit) deliver(ctx context.Context, parcels []*parcel) {
	var lanes errgroup.Group
	lanes.SetLimit(v.Connections)
	var stop sync.Once
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for _, p := range parcels {
		lanes.Go(func() error {
			if p.err = v.deliverOne(ctx, p); stopsAccount(p.err) || stopsWrites(p.err) {
				stop.Do(cancel) // what has not left yet stays here
			}
			return nil
		})
	}
	_ = lanes.Wait()
}

func (v *visit) deliverOne(ctx context.Context, p *parcel) error {
	if ctx.Err() != nil || !v.mayWrite() {
		return cal.ErrUnsent
	}
	if p.object.Base.Exists() && p.attempt.Match == "" {
		return fmt.Errorf("%w: the server gives no etag for this object, so it cannot be changed without risking somebody else's edit", cal.ErrRefused)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), v.Deadline)
	defer cancel()
	if !p.attempt.Want.Exists() {
		return v.provider.Delete(ctx, v.calendar, p.attempt)
	}
	body := ical.Wire(p.attempt.Want.Body, p.object.Base.Body, v.account.Addresses, v.Clock())
	return v.provider.Put(ctx, v.calendar, p.attempt, p.object.Base, body)
}

// settleParcels writes down what became of each attempt. The edit it carried is never touched but in its own revision: the user may
// have typed again meanwhile.
func (v *visit) settleParcels(ctx context.Context, parcels []*parcel) error {
	var sent Tally
	err := v.write(ctx, func(tx *store.Tx) error {
		sent = Tally{}
		for _, p := range parcels {
			if err := v.settleParcel(tx, p); err != nil {
				return err
			}
			if p.err == nil {
				sent.add(*p)
			}
		}
		return nil
	})
	v.run.Pushed = v.run.Pushed.plus(sent)
	return err
}

// settleParcel is what we do on each answer of the remote. A write is done, refused, or its outcome is unknown (docs/architecture.md).
func (v *visit) settleParcel(tx *store.Tx, p *parcel) error {
	if v.Answered != nil {
		v.Answered(p.attempt, p.err)
	}
	var taken cal.Taken
	switch err := p.err; {
	case err == nil:
		return tx.Outcome(p.attempt.ID, cal.AttemptDone)
	case errors.Is(err, cal.ErrMoot): // reading shows what the remote makes of it, and a notice names what it has no words for
		return tx.Believe(p.attempt.ID)
	case errors.Is(err, cal.ErrChanged), errors.Is(err, cal.ErrGone): // the pull of this run reads it, and the table decides
		return tx.Outcome(p.attempt.ID, cal.AttemptRefused)
	case errors.Is(err, cal.ErrReadOnly):
		return v.block(tx, p, cal.ReadOnly)
	case errors.Is(err, cal.ErrRefused):
		return v.block(tx, p, cal.Rejected)
	case errors.As(err, &taken):
		return v.taken(tx, p, taken)
	case errors.Is(err, cal.ErrUnsent), errors.Is(err, cal.ErrLocked), stopsWrites(err):
		return tx.Forget(p.attempt.ID) // it certainly did not happen
	default: // unknown: it may have happened. The attempt stays on record and the resource is read before anything else
		return v.later(tx, p)
	}
}

// refusedFor is how long a refused edit is not sent again. It may have been a mistake of the server's (Radicale answers 400 when its disk is
// full), or have been mended there.
const refusedFor = 24 * time.Hour

// block keeps an edit from being sent again as it is; what is rejected, for a day. It stays visible with what the remote said; the next
// edit clears it.
func (v *visit) block(tx *store.Tx, p *parcel, why cal.Block) error {
	if err := tx.Forget(p.attempt.ID); err != nil {
		return err
	}
	if v.refused == nil {
		v.refused = p.err
	}
	f := store.Failure{Tries: p.object.Edit.Tries + 1, Block: why, Trouble: p.err.Error()}
	if why == cal.Rejected {
		f.Due = v.Clock().Add(refusedFor)
	}
	return tx.EditTrouble(p.object.ID, p.attempt.Rev, f)
}

// taken: the UID is in use at the remote. If its holder is a resource of this calendar that we do not know, it is read, and the two
// are decided as created on both sides. Otherwise nothing but a person can tell what is meant.
func (v *visit) taken(tx *store.Tx, p *parcel, t cal.Taken) error {
	if t.Href != "" {
		holder, err := tx.ByHref(v.calendar.ID, []cal.Href{t.Href})
		if err != nil {
			return err
		}
		if len(holder) == 0 && strings.HasPrefix(string(t.Href), string(v.calendar.Href)) {
			if err := tx.Todo(v.calendar.ID, []cal.Unread{{Href: t.Href, Reason: "holds the UID of an object of ours"}}); err != nil {
				return err
			}
		}
	}
	return v.block(tx, p, cal.Rejected)
}

// later backs off from one object: 1 s, 2 s, 4 s … 15 min, with full jitter.
func (v *visit) later(tx *store.Tx, p *parcel) error {
	f := store.Failure{Tries: p.object.Edit.Tries + 1, Trouble: p.err.Error()}
	f.Due = v.Clock().Add(v.backOff(f.Tries))
	return tx.EditTrouble(p.object.ID, p.attempt.Rev, f)
}

func (e *Engine) backOff(tries int) time.Duration {
	ceiling := min(time.Second<<min(tries, 20), 15*time.Minute)
	return time.Duration(e.Chance() * float64(ceiling))
}

// worst is the error that ends the push of the whole calendar, if there is one.
func (v *visit) worst(parcels []*parcel) error {
	for _, p := range parcels {
		if stopsAccount(p.err) && !v.writesRest() { // what was not sent because others were refused is no error of its own
			return p.err
		}
	}
	return nil
}

func (t *Tally) add(p parcel) {
	switch {
	case !p.attempt.Want.Exists():
		t.Deleted++
	case p.attempt.Create():
		t.Created++
	default:
		t.Updated++
	}
}

func (t Tally) plus(u Tally) Tally {
	return Tally{t.Created + u.Created, t.Updated + u.Updated, t.Deleted + u.Deleted}
}
