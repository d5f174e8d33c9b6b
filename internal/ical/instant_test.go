package ical

import (
	"testing"
	"time"
)

// TestResolve: what clocks show twice, or never (RFC 5545 §3.3.5).
func TestResolve(t *testing.T) {
	for _, c := range [][3]string{
		{"Europe/Paris", "20261025T023000", "20261025T003000Z"},     // twice
		{"America/New_York", "20260308T023000", "20260308T073000Z"}, // never
		{"Europe/Paris", "20261025T030000", "20261025T020000Z"},
		{"Europe/Paris", "20261025T015959", "20261024T235959Z"},
		{"America/New_York", "20260308T015959", "20260308T065959Z"},
		{"America/New_York", "20260308T030000", "20260308T070000Z"},
		{"Australia/Lord_Howe", "20260405T014500", "20260404T144500Z"}, // half an hour twice
		{"Pacific/Apia", "20111230T090000", "20111230T190000Z"},        // a day never
		{"Asia/Kathmandu", "20260105T000000", "20260104T181500Z"},
	} {
		zone, err := time.LoadLocation(c[0])
		if err != nil {
			t.Fatal(err)
		}
		wall, _ := time.Parse(wallForm, c[1])
		if got := Resolve(wall, zone).UTC().Format(instantForm); got != c[2] {
			t.Errorf("%s in %s is %s, want %s", c[1], c[0], got, c[2])
		}
	}
}
