package google_test

import (
	"calbridge/internal/engine"
	"calbridge/internal/google"
)

var (
	_ engine.Provider = (*google.Client)(nil)
	_ engine.Once     = (*google.Client)(nil)
	_ engine.Watcher  = (*google.Client)(nil)
)
