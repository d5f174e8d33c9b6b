package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"time"

	"calbridge/internal/cal"
	"calbridge/internal/ical"
)

// change writes the decision down as the object that is to be.
func (d *decision) change() cal.Change {
	o := d.object
	o.Base, o.Sent = d.seen.Version, d.left
	o.Edit = d.edit()
	d.describe(&o)
	d.rename(&o)
	d.waitForLateCreate(&o)
	d.waitForStaleETag(&o)
	return cal.Change{Was: d.local, Object: o, Conflict: d.conflict, Copy: d.copy, Notices: d.notices()}
}

// edit is what is left to be pushed.
func (d *decision) edit() *cal.Edit {
	if d.result.Same(d.seen.Version) {
		return nil
	}
	e := cal.Edit{At: d.Now}
	if d.object.Edit != nil {
		e = *d.object.Edit
	}
	if !e.Want.Same(d.result) {
		e.Want = d.result
		e.Rev++
		free(&e)
	}
	if d.object.Base.Exists() != d.seen.Exists() { // a create refused may be an update granted
		free(&e)
	}
	return &e
}

// free lets an edit be sent that was refused as it was.
func free(e *cal.Edit) {
	if e.Block != cal.Free {
		e.Due = time.Time{}
	}
	e.Block, e.Trouble = cal.Free, ""
}

// describe takes over what only a reading of the remote tells.
func (d *decision) describe(o *cal.Object) {
	if !d.seen.Exists() {
		return
	}
	o.Href, o.Trouble = d.seen.Href, d.seen.Trouble
	if d.seen.UID != "" {
		o.UID, o.RecurrenceID = d.seen.UID, d.seen.RecurrenceID
	}
	if d.seen.Component != "" {
		o.Component, o.Summary = d.seen.Component, d.seen.Summary
	}
}

// rename gives an object that has to be created anew the right to a new name: an href serves one creation only, so that a
// tombstone is never ambiguous and a recycled etag never ours.
func (d *decision) rename(o *cal.Object) {
	was := d.object.Base.Exists() || d.base.Exists()
	if was && !d.seen.Exists() && o.Edit != nil {
		o.Href, o.Incarnation = "", o.Incarnation+1
	}
}

// waitForLateCreate: a create whose answer was lost may still arrive. Repeating it under the same name cannot make a second copy,
// but if a person deletes the object in between, the late one would bring it back; so it is repeated only after it cannot arrive. Nor in
// this run, however long ago it was sent: it may have arrived and been deleted since the listing.
func (d *decision) waitForLateCreate(o *cal.Object) {
	if o.Edit == nil {
		return
	}
	for _, a := range o.Sent {
		if until := latest(a.At, d.Now).Add(d.Grace); a.Create() && until.After(o.Edit.Due) {
			o.Edit.Due = until
		}
	}
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// staleETag is how long an edit waits after the remote refused the very etag that it goes on to show.
const staleETag = time.Minute

// waitForStaleETag: a listing that lags behind (Open-Xchange, Purelymail) shows an etag that no write gets past. Trying again at once
// is no use.
func (d *decision) waitForStaleETag(o *cal.Object) {
	if o.Edit == nil || o.Base.ETag == "" {
		return
	}
	for _, a := range d.object.Sent {
		if a.State == cal.AttemptRefused && a.Match == o.Base.ETag {
			o.Edit.Tries++
			o.Edit.Due = d.Now.Add(staleETag << min(o.Edit.Tries-1, 6))
			o.Edit.Trouble = "the remote refuses the etag that it shows"
			return
		}
	}
}

// notices say that the remote keeps something else than what we sent, without anybody contesting it.
func (d *decision) notices() []cal.Notice {
	n := cal.Notice{Object: d.object.ID, From: d.base, To: d.seen.Version, At: d.Now}
	switch {
	case d.reappeared():
		n.Kind, n.From = cal.Reappeared, d.object.Base
	case !d.ours || d.base.Same(d.seen.Version):
		return nil
	case d.seen.Exists():
		n.Kind = cal.ServerAltered
	default:
		n.Kind = cal.Vanished
	}
	return []cal.Notice{n}
}

// reappeared: the remote granted a deletion of ours, and the object is there. Somebody made it anew, or the server does not mean what it
// says (404 where others answer 412).
func (d *decision) reappeared() bool {
	return d.seen.Exists() && d.conflict == nil && slices.ContainsFunc(doubted(d.object.Sent, d.seen), func(a cal.Attempt) bool {
		return a.State == cal.AttemptDone && !a.Want.Exists()
	})
}

// keepBoth makes the local version an object of its own. Its UID follows from the object and the content, so that deciding twice
// does not make two; it has no attendees, so that it never mails anybody.
func (d *decision) keepBoth() {
	if ical.Hidden(d.local.Body) {
		return // that an occurrence does not take place can be said of a series only
	}
	uid := copyUID(d.object.ID, d.local.Digest)
	body, err := ical.Copy(d.local.Body, uid)
	if err != nil {
		return // unreadable: the version stays in the history, and the conflict names it
	}
	r := ical.Read(body)
	d.copy = &cal.Object{
		Calendar: d.object.Calendar, UID: uid, Component: r.Component,
		Edit: &cal.Edit{Rev: 1, At: d.Now, Want: cal.Version{Digest: r.Digest, Body: body}},
	}
}

func copyUID(id cal.ObjectID, d cal.Digest) string {
	sum := sha256.Sum256([]byte(string(id) + "\n" + string(d)))
	return "copy-" + hex.EncodeToString(sum[:16])
}
