package suite_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/providertest"
	. "calbridge/internal/providertest/suite"
	"calbridge/internal/sim"
	"calbridge/internal/store"
)

// TestCorpusComesOutAsItWentIn: whatever somebody keeps on a server, valid or not, comes here byte for byte, by each way of asking.
func TestCorpusComesOutAsItWentIn(t *testing.T) {
	files := corpus(t)
	ways := map[string]func(*sim.Quirks){
		"inline": func(*sim.Quirks) {}, "multiget": func(q *sim.Quirks) { q.NoInlineData = true },
		"listing": func(q *sim.Quirks) { q.NoSyncCollection = true },
	}
	for name, way := range ways {
		t.Run(name, func(t *testing.T) {
			providertest.EachDatabase(t, func(t *testing.T, d providertest.Database) {
				s := providertest.StartSim(t)
				s.Sim.Quirks(way)
				r := NewRig(t, s, d)
				folder := filepath.Base(r.Calendar)
				for name, body := range files {
					s.Sim.Store(s.User, folder, name, body)
				}
				r.Sync()
				sameBytes(r, files)
				r.Quiet()
			})
		})
	}
}

func sameBytes(r *Rig, files map[string]string) {
	r.T.Helper()
	r.Read(func(tx *store.Tx) error {
		rows, err := tx.Objects(store.ObjectFilter{Calendar: r.CalendarID()})
		if len(rows) != len(files) {
			r.T.Errorf("%d of %d came", len(rows), len(files))
		}
		for _, row := range rows {
			o, err := tx.Object(row.ID)
			if err != nil {
				return err
			}
			if want := files[filepath.Base(string(o.Href))]; o.Base.Body != cal.Body(want) {
				r.T.Errorf("%s: %d bytes came, %d went", o.Href, len(o.Base.Body), len(want))
			}
		}
		return err
	})
}

// TestOneUnreadableAmongAThousand is kept and reported, and stops nobody.
func TestOneUnreadableAmongAThousand(t *testing.T) {
	s := providertest.StartSim(t)
	r := NewRig(t, s, providertest.SQLite(t))
	folder := filepath.Base(r.Calendar)
	for n := range 999 {
		s.Sim.Store(s.User, folder, fmt.Sprintf("%d.ics", n), newEvent(fmt.Sprint(n), "fine", "x"))
	}
	broken := "BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:broken\r\nSUMMARY;no colon\r\nEND:VCALENDAR\r\n"
	s.Sim.Store(s.User, folder, "broken.ics", broken)
	run := r.Sync()
	if run.Pulled.Created != 1000 || run.Unreadable != 1 || run.Trouble != nil {
		t.Errorf("%+v", run)
	}
	o := r.Object("broken")
	if string(o.Base.Body) != broken || !strings.Contains(o.Trouble, "line 4") {
		t.Errorf("%q: %s", o.Base.Body, o.Trouble)
	}
	r.Quiet()
}

func corpus(t *testing.T) map[string]string {
	t.Helper()
	root := os.Getenv("CALBRIDGE_CORPUS")
	if root == "" {
		t.Skip("CALBRIDGE_CORPUS names no folder of .ics files")
	}
	files := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".ics" {
			return err
		}
		body, err := os.ReadFile(path)
		files[fmt.Sprintf("c%d.ics", len(files))] = string(body)
		return err
	})
	if err != nil || len(files) == 0 {
		t.Fatalf("%d files in %s: %v", len(files), root, err)
	}
	return files
}
