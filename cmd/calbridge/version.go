package main

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// version is set by the linker in releases: -ldflags "-X main.version=1.2.3".
var version = ""

// versionCmd is `calbridge version`.
type versionCmd struct{}

func (versionCmd) Run(s *session) error {
	v := struct {
		Version  string `json:"version"`
		Revision string `json:"revision"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
	}{ourVersion(), revision(), runtime.Version(), runtime.GOOS + "/" + runtime.GOARCH}
	return s.answer(v, "calbridge %s (%s, %s, %s)", v.Version, cmp.Or(v.Revision, "no revision"), v.Go, v.Platform)
}

func ourVersion() string { return cmp.Or(version, "dev") }

// revision is the commit the program was built from, "+" for one with changes.
func revision() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+"
		}
	}
	return revision + dirty
}
