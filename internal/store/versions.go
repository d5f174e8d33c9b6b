package store

import (
	"time"

	"calbridge/internal/cal"
)

// Stored is a version with what the history tells of it.
type Stored struct {
	cal.Version
	Object cal.ObjectID
	N      int // 1, 2, 3 … within the object; retention leaves holes
	Origin Origin
	At     time.Time
}

// Origin is where a version came from.
type Origin string

const (
	Remote Origin = "remote"
	Local  Origin = "local"
	Merged Origin = "merge"
)

// Versions lists the history of an object, oldest first, with bodies.
func (tx *Tx) Versions(object cal.ObjectID) ([]Stored, error) {
	all, err := tx.versions(`WHERE object = ? ORDER BY n`, string(object))
	return all, wrap("read the history of object "+string(object), err)
}

// Version gives one version.
func (tx *Tx) Version(id cal.VersionID) (Stored, error) {
	all, err := tx.versions(`WHERE id = ?`, string(id))
	if err == nil && len(all) == 0 {
		err = ErrNotFound
	}
	if err != nil {
		return Stored{}, wrap("read version "+string(id), err)
	}
	return all[0], nil
}

func (tx *Tx) versions(where string, args ...any) ([]Stored, error) {
	var all []Stored
	err := tx.each(`SELECT id, object, n, origin, at, etag, digest, native, body FROM versions `+where, args, func(scan scan) error {
		var s Stored
		err := scan(&s.ID, &s.Object, &s.N, &s.Origin, moment(&s.At), from(&s.ETag), &s.Digest, bytes(&s.Native), bytes(&s.Body))
		all = append(all, s)
		return err
	})
	return all, err
}

const versionWidth = 9

func versionRow(id cal.VersionID, object cal.ObjectID, n int, origin Origin, at time.Time, v cal.Version) []any {
	return []any{
		string(id), string(object), n, string(origin), millis(at), foreign(v.ETag), string(v.Digest), []byte(v.Native), []byte(v.Body),
	}
}

func (tx *Tx) putVersions(rows []any) error {
	return tx.insert(`INSERT INTO versions (id, object, n, origin, at, etag, digest, native, body)`, versionWidth, rows, "")
}

// addVersion stores one new version of an object that is already there.
func (tx *Tx) addVersion(object cal.ObjectID, v cal.Version, origin Origin) (cal.VersionID, error) {
	id, err := tx.db.newID()
	if err != nil {
		return "", err
	}
	var n int
	if err := tx.get(`UPDATE objects SET versions = versions + 1 WHERE id = ? RETURNING versions`, []any{string(object)}, &n); err != nil {
		return "", err
	}
	return cal.VersionID(id), tx.putVersions(versionRow(cal.VersionID(id), object, n, origin, tx.now, v))
}

// refresh puts a body in the place of another that says the same.
func (tx *Tx) refresh(id cal.VersionID, v cal.Version) error {
	return tx.one(`UPDATE versions SET etag = ?, native = ?, body = ? WHERE id = ?`, foreign(v.ETag), []byte(v.Native), []byte(v.Body), string(id))
}
