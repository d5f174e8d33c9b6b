package ical

import (
	"fmt"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// typical are events of the size and kind that real calendars are full of: 1 to 2 kB.
func typical(n int) (bodies []cal.Body, size int64) {
	for i := range n {
		body := crlf(strings.ReplaceAll(rich, "5FC53010-1267", fmt.Sprintf("5FC53010-%04d", i)))
		if i%2 == 0 { // half of them without the override
			from, to := strings.LastIndex(string(body), "BEGIN:VEVENT"), strings.Index(string(body), "END:VCALENDAR")
			body = body[:from] + body[to:]
		}
		bodies, size = append(bodies, body), size+int64(len(body))
	}
	return bodies, size
}

func BenchmarkRead(b *testing.B) {
	bodies, size := typical(100)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, body := range bodies {
			Read(body)
		}
	}
}
