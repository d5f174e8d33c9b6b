package main

import (
	"os"
	"strings"
	"testing"
)

func TestDemo(t *testing.T) {
	d := newDesk(t)
	t.Setenv("TMPDIR", d.folder)
	out := d.must("demo", "--once")
	for _, sc := range scenes {
		if !strings.Contains(out, "✓  "+sc.name()) {
			t.Errorf("no %q in\n%s", sc.name(), out)
		}
	}
	for _, word := range []string{"Nobody lost a word", "Budget, short", "0 writes"} {
		if !strings.Contains(out, word) {
			t.Errorf("no %q in\n%s", word, out)
		}
	}
	left, err := os.ReadDir(d.folder)
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestDemoJSON(t *testing.T) {
	d := newDesk(t)
	p := ask[play](d, "demo", "--once")
	if !p.OK || p.Writes != 0 || len(p.Scenes) != len(scenes) || len(p.Syncs) != 3 || len(p.Lost) != 1 || p.Lost[0].Summary != "Budget, short" {
		t.Errorf("%+v", p)
	}
}

// TestDemoChecksItself: a scene that does not come out as promised is found out.
func TestDemoChecksItself(t *testing.T) {
	kept := scenes[0]
	defer func() { scenes[0] = kept }()
	scenes[0].after.place = "Elsewhere"
	d := newDesk(t)
	o := d.run("demo", "--once")
	if o.code != exitFailed || !strings.Contains(o.out, "✗  "+kept.name()) || strings.Contains(o.out, "Nobody lost a word") {
		t.Errorf("%+v", o)
	}
}
