//go:build faults

package faults

import (
	"database/sql"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	_ "github.com/lib/pq"  // the integrity of either database is
	_ "modernc.org/sqlite" // asked for without calbridge

	"calbridge/internal/cal"
	"calbridge/internal/store"
)

// evidence is what is found at the end.
type evidence struct {
	live     map[string]bool   // values on either side, which agree
	recorded map[string]string // values that a conflict or a notice names, and of which object
	unseen   map[string]bool   // values that arrived between the user's look and his edit
}

// judge asks where every edit went.
func (w *world) judge() {
	e := evidence{map[string]bool{}, map[string]string{}, map[string]bool{}}
	for _, l := range w.lanes {
		w.gather(l, &e)
		w.checkOnce(l)
		w.checkIntegrity(l)
	}
	w.checkFeed(w.lanes[0])
	w.checkFeed(w.lanes[2])
	w.verdict(e)
	for _, l := range w.lanes {
		w.checkHistory(l, e)
	}
}

// verdict goes through the ledger.
func (w *world) verdict(e evidence) {
	f := &w.findings
	for _, v := range slices.Sorted(maps.Keys(w.entries)) {
		who := w.entries[v]
		_, named := e.recorded[v]
		switch {
		case e.live[v]:
			f.live++
		case w.over[v]:
			f.overwritten++
		case named:
			f.recorded++
		case e.unseen[v]:
			f.unseen++
		case w.excused[v]:
			f.excused++
		default:
			f.lost++
			w.problem("LOST: %s (%s, by %s) is nowhere, and no record says why", v, who.uid, who.by)
		}
		if e.live[v] && w.dead[v] && !named {
			f.resurrected++
			w.problem("RESURRECTED: %s (%s, by %s) was deleted, and is back without a record", v, who.uid, who.by)
		}
	}
}

func (w *world) gather(l *lane, e *evidence) {
	for _, c := range l.calendars {
		for _, r := range w.there(l, c) {
			mark(e.live, r.body)
		}
	}
	w.store(l, func(tx *store.Tx) error {
		for _, c := range l.calendars {
			if err := w.conflicts(tx, cal.CalendarID(c.ID), e); err != nil {
				return err
			}
		}
		return nil
	})
	for _, o := range w.objects(l) {
		w.store(l, func(tx *store.Tx) error { return e.notices(tx, o.ID) })
	}
	w.store(l, func(tx *store.Tx) error {
		for _, m := range w.mixed {
			versions, err := tx.Versions(cal.ObjectID(m.object))
			if err != nil {
				return err
			}
			m.between(versions, e.unseen)
		}
		return nil
	})
}

func (w *world) conflicts(tx *store.Tx, calendar cal.CalendarID, e *evidence) error {
	all, err := tx.Conflicts(store.ConflictFilter{Calendar: calendar})
	if err != nil {
		return err
	}
	for _, c := range all {
		whole, err := tx.Conflict(c.ID)
		if err != nil {
			return err
		}
		for _, v := range []cal.Version{whole.Base, whole.Mine, whole.Theirs} {
			e.record(c.Object, string(v.Body))
		}
		if w.withNobody(whole) {
			w.count("conflicts with nobody", 1)
			fmt.Printf("a conflict with nobody: %s %s %v: %v, %v, %v\n", c.ID, c.Kind, c.Contested, valuesOf(string(whole.Base.Body)),
				valuesOf(string(whole.Mine.Body)), valuesOf(string(whole.Theirs.Body)))
		}
	}
	return nil
}

// withNobody: what the server had that was new was all written by the user here.
func (w *world) withNobody(c cal.Conflict) bool {
	for _, v := range valuesOf(string(c.Theirs.Body)) {
		if slices.Contains(valuesOf(string(c.Base.Body)), v) {
			continue
		}
		if e, known := w.entries[v]; !known || !strings.HasPrefix(e.by, "user of") {
			return false
		}
	}
	return c.Theirs.Exists()
}

func (e *evidence) notices(tx *store.Tx, object cal.ObjectID) error {
	all, err := tx.Notices(object)
	if err != nil {
		return err
	}
	for _, n := range all {
		for _, id := range []cal.VersionID{n.From.ID, n.To.ID} {
			if id == "" {
				continue
			}
			v, err := tx.Version(id)
			if err != nil {
				return err
			}
			e.record(object, string(v.Body))
		}
	}
	return nil
}

func (e *evidence) record(object cal.ObjectID, body string) {
	for _, v := range valuesOf(body) {
		e.recorded[v] = string(object)
	}
}

// between marks what arrived after the version that the user had before him, and before his edit.
func (m mixed) between(versions []store.Stored, into map[string]bool) {
	mine := slices.IndexFunc(versions, func(v store.Stored) bool { return slices.Contains(valuesOf(string(v.Body)), m.value) })
	if mine < 0 {
		return
	}
	for _, v := range versions[:mine] {
		if v.N > m.seen {
			mark(into, string(v.Body))
		}
	}
}

// checkHistory: what only a record names can be had again by who reads the command line.
func (w *world) checkHistory(l *lane, e evidence) {
	wanted := map[string][]string{}
	for v := range w.entries {
		if object, named := e.recorded[v]; named && !e.live[v] && !w.over[v] {
			wanted[object] = append(wanted[object], v)
		}
	}
	for _, o := range w.objects(l) {
		values := wanted[string(o.ID)]
		if len(values) == 0 {
			continue
		}
		var h history
		l.program.ask(w, &h, "object", "history", string(o.ID))
		have := valuesOf(h.text(-1))
		for _, v := range values {
			if !slices.Contains(have, v) {
				w.findings.lost++
				w.problem("LOST: %s is named by a record of object %s, and not in its history", v, o.ID)
			}
		}
	}
}

// ownName is how calbridge names what it creates: the object's id, and which incarnation it is.
var ownName = regexp.MustCompile(`/([0-9a-v]{20})-\d+\.ics$`)

// checkOnce: nothing is there twice.
func (w *world) checkOnce(l *lane) {
	for _, c := range l.calendars {
		uids, names := map[string]int{}, map[string]int{}
		for _, r := range w.there(l, c) {
			uids[uidOf(r.body)]++
			if m := ownName.FindStringSubmatch(r.href); m != nil {
				names[m[1]]++
			}
		}
		for id, n := range names {
			w.once("object "+id, n, l)
		}
		for uid, n := range uids {
			w.once("UID "+uid, n, l)
		}
	}
	here := map[string]int{}
	for _, o := range w.objects(l) {
		if o.Want().Exists() {
			here[string(o.Calendar)+" "+o.UID]++
		}
	}
	for uid, n := range here {
		w.once("here, UID "+uid, n, l)
	}
	w.checkCopies(l)
}

func (w *world) once(what string, n int, l *lane) {
	if n > 1 {
		w.findings.doubled++
		w.problem("DOUBLED: %s: %s is there %d times", l.name, what, n)
	}
}

// checkCopies: what nobody made, be it still there or not, is a copy out of a conflict in which both were kept; of each there is one.
func (w *world) checkCopies(l *lane) {
	kept := w.keptBoth(l)
	for _, o := range w.objects(l) {
		if w.created[o.UID] != "" || o.UID == "" {
			continue
		}
		w.count("copies that conflicts made", 1)
		if first := w.began(l, o.ID); first != "" && kept[first] == 0 {
			w.findings.doubled++
			w.problem("DOUBLED: %s: %s (UID %s) was made by nobody, and as no conflict's copy: %s", l.name, o.ID, o.UID, first)
		} else {
			kept[first]--
		}
	}
}

// keptBoth counts, by what the user here wanted, the conflicts in which both were kept.
func (w *world) keptBoth(l *lane) map[string]int {
	kept := map[string]int{}
	w.store(l, func(tx *store.Tx) error {
		for _, c := range l.calendars {
			all, err := tx.Conflicts(store.ConflictFilter{Calendar: cal.CalendarID(c.ID)})
			if err != nil {
				return err
			}
			for _, one := range all {
				whole, err := tx.Conflict(one.ID)
				if err != nil {
					return err
				}
				if whole.Winner == cal.Both && whole.Mine.Exists() {
					kept[content(string(whole.Mine.Body))]++
				}
			}
		}
		return nil
	})
	return kept
}

// began is what an object was at first; empty: nothing of it is left.
func (w *world) began(l *lane, id cal.ObjectID) (first string) {
	w.store(l, func(tx *store.Tx) error {
		versions, err := tx.Versions(id)
		if err == nil && len(versions) > 0 {
			first = content(string(versions[0].Body))
		}
		return err
	})
	return first
}

// checkFeed: whoever follows the feed from its beginning has what there is, and heard nothing twice.
func (w *world) checkFeed(l *lane) {
	w.store(l, func(tx *store.Tx) error {
		news, err := tx.Changes(0, 1<<30)
		if err != nil {
			return err
		}
		told := map[string]cal.VersionID{}
		for i, c := range news {
			if i > 0 && c.Seq != news[i-1].Seq+1 {
				w.problem("the feed has a hole before %d", c.Seq)
			}
			if c.Kind == store.ObjectChange {
				told[c.Subject] = c.Version
			}
		}
		all, err := tx.Objects(store.ObjectFilter{IncludeGone: true})
		for _, o := range all {
			if was, ok := told[string(o.ID)]; ok && (was == "") != (o.Version == "") {
				w.problem("the feed has object %s as %q, and it is %q", o.ID, was, o.Version)
			}
		}
		return err
	})
}

// checkIntegrity asks the database whether it is whole.
func (w *world) checkIntegrity(l *lane) {
	if path, ok := strings.CutPrefix(l.database, "sqlite:"); ok {
		for _, pragma := range []string{"integrity_check", "foreign_key_check"} {
			w.query("sqlite", path, "PRAGMA "+pragma, "ok")
		}
		return
	}
	w.query("postgres", l.database, "CREATE EXTENSION IF NOT EXISTS amcheck")
	w.query("postgres", l.database, `SELECT bt_index_check(c.oid, true)::text FROM pg_class c JOIN pg_am a ON a.oid = c.relam
		WHERE a.amname = 'btree' AND c.relkind = 'i'`, "")
	w.query("postgres", l.database, `SELECT '' FROM versions v WHERE length(v::text) < 0`)
}

// query runs SQL of which every answer has to be the one given.
func (w *world) query(driver, url, text string, answers ...string) {
	db, err := sql.Open(driver, url)
	if err != nil {
		w.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(text)
	if err != nil {
		w.problem("%s: %v", text, err)
		return
	}
	defer rows.Close()
	for rows.Next() {
		var said sql.NullString
		if err := rows.Scan(&said); err != nil || !slices.Contains(answers, said.String) {
			w.problem("%s: %q %v", text, said.String, err)
		}
	}
	if err := rows.Err(); err != nil {
		w.problem("%s: %v", text, err)
	}
}
