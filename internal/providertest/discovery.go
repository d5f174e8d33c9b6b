package providertest

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"calbridge/internal/sim"
)

// Discovery is Google's own description of its calendar API, as the generated client ships with it.
func Discovery(t testing.TB) *sim.Discovery {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "google.golang.org/api").Output()
	if err != nil {
		t.Fatalf("find the discovery document: %v", err)
	}
	d, err := sim.LoadDiscovery(filepath.Join(strings.TrimSpace(string(out)), "calendar", "v3", "calendar-api.json"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}
