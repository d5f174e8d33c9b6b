package simulate

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// TestUnreachedNamesWhatIsMissing: whatever a run leaves out is named, and nothing that cannot be come to.
func TestUnreachedNamesWhatIsMissing(t *testing.T) {
	r := NewReach()
	all := Unreached(r)
	for _, name := range all[1:] {
		r.Situation(name)
	}
	if left := Unreached(r); len(left) != 1 || left[0] != all[0] {
		t.Errorf("left is %q", left)
	}
	for _, name := range all {
		if name == "S14" || name == "S22" || name == "S29" {
			t.Errorf("%s cannot be come to", name)
		}
	}
	var b strings.Builder
	r.WriteTo(&b)
	if !strings.Contains(b.String(), "| S1 | a resource has another name |") || !strings.Contains(b.String(), "| – – – | 0 | 1 | 1 | 1 | 1 |") {
		t.Errorf("%s", b.String())
	}
}

// TestOutcomes: every kind of error that an adapter may give is one outcome, however it is wrapped.
func TestOutcomes(t *testing.T) {
	named := map[string]bool{}
	for _, c := range []struct {
		err  error
		name string
	}{
		{nil, "done"}, {cal.ErrMoot, "nothing to send"}, {cal.ErrChanged, "refused: precondition"}, {cal.ErrGone, "refused: precondition"},
		{cal.Taken{}, "refused: UID"}, {cal.ErrReadOnly, "refused: read-only"}, {cal.ErrRefused, "refused: content"},
		{cal.ErrLocked, "refused: credentials"}, {cal.Busy{Writes: true}, "refused: too fast"},
		{fmt.Errorf("%w: %w", cal.Busy{}, cal.ErrUnsent), "refused: too fast"}, {cal.Busy{}, "unknown"}, {cal.ErrUnsent, "not sent"},
		{context.DeadlineExceeded, "unknown"},
	} {
		err := c.err
		if err != nil {
			err = fmt.Errorf("write it: %w", err)
		}
		if got := outcome(err); got != c.name {
			t.Errorf("%v is %q, not %q", c.err, got, c.name)
		}
		named[c.name] = true
	}
	for _, name := range outcomes[:] {
		if !named[name] {
			t.Errorf("nothing is %q", name)
		}
	}
}
