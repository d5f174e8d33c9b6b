package simulate

import (
	"os"
	"path/filepath"
	"testing"
)

// kept is where histories are that once broke a promise (docs/simulate.md tells how they are written).
const kept = "../../testdata/histories"

// TestKeptHistories plays them all.
func TestKeptHistories(t *testing.T) {
	all, err := os.ReadDir(kept)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range all {
		t.Run(e.Name(), func(t *testing.T) { playKept(t, filepath.Join(kept, e.Name())) })
	}
}

func playKept(t *testing.T, path string) {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	o, err := Replay(t.Context(), f, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range o.Broken {
		t.Errorf("%s\n%s", o.Story.Why, v)
	}
	if o.Story.Why == "" {
		t.Error("the history does not begin with a comment that says what it is about")
	}
}
