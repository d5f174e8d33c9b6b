package ical

import (
	"strings"

	"calbridge/internal/cal"
)

// Weak reports whether the difference between two bodies is confined to what nobody would mourn: answers to invitations, delivery
// reports, alarms acknowledged or put off, and what a digest does not see anyway. Bodies that cannot be read are never weakly different.
func Weak(a, b cal.Body) bool {
	if a == b {
		return true
	}
	was, is, err := takeBothApart(a, b)
	if err != nil || was.double || is.double || was.uid() != is.uid() || len(was.parts) != len(is.parts) {
		return false
	}
	for key, p := range was.parts {
		if q, there := is.parts[key]; !there || !onlyWeak(p.groups, q.groups) {
			return false
		}
	}
	return true
}

func takeBothApart(a, b cal.Body) (*series, *series, error) {
	first, err := readSeries(a)
	if err != nil {
		return nil, nil, err
	}
	second, err := readSeries(b)
	return first, second, err
}

// onlyWeak reports whether all groups that differ are weak. Of a component that was not there before nothing is weak.
func onlyWeak(was, is groups) bool {
	if was == nil {
		return false
	}
	for _, key := range sortedKeys(was, is) {
		if was[key].form() != is[key].form() && !isWeak(key) {
			return false
		}
	}
	return true
}

func isWeak(key string) bool {
	return strings.HasSuffix(key, replyMark) || strings.HasSuffix(key, ackMark) || acknowledged(key)
}
