//go:build race

package simulate

// raceDetector makes everything some ten times slower.
const raceDetector = true
