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

func BenchmarkMerge(b *testing.B) {
	s := Sides{crlf(rich), crlf(swap(b, rich, "SUMMARY:Planning", "SUMMARY:Plan")), crlf(swap(b, rich, "LOCATION:Room 4", "LOCATION:Room 5"))}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Merge(s, cal.Mine); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDecode is what go-ical's tree would cost beside it.
func BenchmarkDecode(b *testing.B) {
	bodies, size := typical(100)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, body := range bodies {
			if _, err := Decode(body); err != nil {
				b.Fatal(err)
			}
		}
	}
}
