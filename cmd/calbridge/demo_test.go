package main

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"calbridge/internal/engine"
)

func TestDemo(t *testing.T) {
	d := newDesk(t)
	t.Setenv("TMPDIR", d.folder)
	out := d.must("demo", "--once")
	for _, sc := range scenes {
		if !strings.Contains(out, "✓       ✓       "+sc.name()) {
			t.Errorf("no %q in\n%s", sc.name(), out)
		}
	}
	for _, word := range []string{"Nobody lost a word", "Budget, short", "0 writes", "0 mails"} {
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
	if !p.OK || p.Writes != 0 || len(p.Scenes) != 2*len(scenes) || len(p.Syncs) != 3 || len(p.Lost) != 2 || p.Lost[0].Summary != "Budget, short" {
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
	if o.code != exitFailed || !strings.Contains(o.out, "✗       ✗       "+kept.name()) || strings.Contains(o.out, "Nobody lost a word") {
		t.Errorf("%+v", o)
	}
}

// TestServeGoogle: the look-alike as a process of its own, used with nothing but the settings that it prints.
func TestServeGoogle(t *testing.T) {
	d := newDesk(t)
	cmd := d.command("demo", "--serve-google", "127.0.0.1:0")
	told, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(told); lines.Scan() && !strings.Contains(lines.Text(), "calbridge sync"); {
		if name, value, found := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "="); found {
			d.env[name] = value
		}
	}
	g := googleDesk{desk: d}
	if o := g.consent(clicks(nil)); o.code != exitDone {
		t.Fatalf("%+v", o)
	}
	first := ask[engine.Report](d, "sync")
	if first.Failed() || first.Runs[0].Pulled.Created < 30 || first.Runs[0].Requests < 6 {
		t.Errorf("%+v", first)
	}
	id := ask[struct{ Objects []objectView }](d, "object", "list", "--query", "Team meeting").Objects[0].ID
	body := d.must("object", "show", string(id))
	d.feed(strings.Replace(body, "Room 2", "Room 9", 1), "object", "edit", string(id))
	if rep := ask[engine.Report](d, "sync"); rep.Runs[0].Pushed.Updated != 1 || rep.Failed() {
		t.Errorf("%+v", rep)
	}
	if rep := ask[engine.Report](d, "sync"); rep.Runs[0].Pushed.Total()+rep.Runs[0].Pulled.Total() != 0 || rep.Failed() || rep.Accounts[0].Requests != 2 {
		t.Errorf("%+v", rep)
	}
	cmd.Process.Signal(os.Interrupt)
	if err := cmd.Wait(); err != nil {
		t.Errorf("%v", err)
	}
	d.fails(exitUsage, "--serve-google", "demo", "--serve-google", "0.0.0.0:8099")
}
