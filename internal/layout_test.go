package internal_test

import (
	"os/exec"
	"strings"
	"testing"
)

// floors is the architecture: a package imports only from floors below its own (docs/architecture.md).
const floors = `
6  cmd/calbridge
5  internal/api internal/web internal/dav
4  internal/jobs
3  internal/caldav internal/google internal/engine
2  internal/reconcile internal/store internal/event internal/recur
1  internal/ical internal/secret
0  internal/cal internal/model migrations
`

// scaffolding may import anything: the servers that misbehave on purpose and the suites that run on them.
const scaffolding = "internal/sim internal/simulate internal/providertest bench"

// pure packages decide; they touch neither the world nor the clock.
const pure = "internal/cal internal/model internal/reconcile"

var forbiddenInPure = []string{"net", "net/http", "os", "database/sql", "log", "log/slog", "math/rand", "math/rand/v2", "sync"}

func TestFloors(t *testing.T) {
	floor := readFloors()
	for pkg, imports := range imports(t) {
		mine, ok := floor[pkg]
		if !ok {
			if !listed(scaffolding, pkg) {
				t.Errorf("%s stands on no floor: add it to the block in this test and to docs/architecture.md", pkg)
			}
			continue
		}
		for _, imp := range imports {
			checkArrow(t, floor, pkg, mine, imp)
		}
	}
}

func checkArrow(t *testing.T, floor map[string]int, pkg string, mine int, imp string) {
	t.Helper()
	theirs, ours := floor[imp]
	switch {
	case ours && theirs >= mine:
		t.Errorf("%s (floor %d) imports %s (floor %d)", pkg, mine, imp, theirs)
	case listed(scaffolding, imp) && mine < 6:
		t.Errorf("%s imports the scaffolding %s", pkg, imp)
	}
	if listed(pure, pkg) {
		for _, bad := range forbiddenInPure {
			if imp == bad {
				t.Errorf("%s must stay pure, and imports %s", pkg, imp)
			}
		}
	}
}

func readFloors() map[string]int {
	floor := map[string]int{}
	for _, line := range strings.Split(strings.TrimSpace(floors), "\n") {
		words := strings.Fields(line)
		for _, pkg := range words[1:] {
			floor[pkg] = int(words[0][0] - '0')
		}
	}
	return floor
}

// imports asks go list for the direct imports of every package of the module, tests left out; our own without the module's name.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	out, err := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "calbridge/...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	all := map[string][]string{}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		words := strings.Fields(strings.ReplaceAll(line, "calbridge/", ""))
		all[words[0]] = words[1:]
	}
	delete(all, "internal")
	return all
}

func listed(list, pkg string) bool {
	for _, p := range strings.Fields(list) {
		if p == pkg || strings.HasPrefix(pkg, p+"/") {
			return true
		}
	}
	return false
}
