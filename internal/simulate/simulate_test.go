package simulate

import (
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

func TestFirst(t *testing.T) {
	l, err := newLane(context.Background(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	n, first := 50, 1
	if s := os.Getenv("N"); s != "" {
		n, _ = strconv.Atoi(s)
	}
	if s := os.Getenv("SEED"); s != "" {
		first, _ = strconv.Atoi(s)
		n = 1
	}
	profile := os.Getenv("PROFILE")
	if profile == "" {
		profile = "plain"
	}
	reach := NewReach()
	began := time.Now()
	steps, failed := 0, 0
	for seed := first; seed < first+n; seed++ {
		story := Generate(profile, uint64(seed), 150)
		var o Outcome
		var e error
		err := inBubble(func() { o, e = tell(l, story, reach) })
		if err != nil || e != nil {
			t.Fatalf("seed %d: %v %v", seed, err, e)
		}
		steps += o.Steps
		if o.Failed() {
			failed++
			t.Errorf("seed %d: %v", seed, o.Broken)
			if n == 1 {
				o = Shrink(o, 400, func(s Story) (o Outcome, err error) {
					e := inBubble(func() { o, err = tell(l, s, reach) })
					return o, errors.Join(e, err)
				})
				o.Story.WriteTo(os.Stdout)
				t.Log(strings.Join(o.Log, "\n"))
			}
		}
	}
	t.Logf("%d histories, %d steps each, %d failed, %.0f/min", n, steps/n, failed, float64(n)/time.Since(began).Minutes())
	for _, s := range reach.Names() {
		t.Log(reach.Count(s), s)
	}
}
