package google_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/sim"
)

// TestReadingStorm lets somebody do anything, tokens and pages die, requests fail and readers ask for anything by name; after every answer
// that came to its end what is held is what is there.
func TestReadingStorm(t *testing.T) {
	for seed := range uint64(100) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := storm{Rand: rand.New(rand.NewPCG(seed, 7))}
			s.world = newWorld(t, small, func(x *settings) {
				x.sim.Discovery = nil // what the other tests are for, and slow
				x.sim.SeriesDeletionNamesAll, x.sim.NoOpChangesETag = s.IntN(2) == 0, s.IntN(2) == 0
				x.client.PageSize = 1 + s.IntN(4)
			})
			for range 25 {
				for range s.IntN(6) {
					s.somebody()
				}
				s.read()
			}
		})
	}
}

type storm struct {
	*world
	*rand.Rand
	ids []string // ever made
}

func (s *storm) some() string {
	if len(s.ids) == 0 {
		return "none"
	}
	return s.ids[s.IntN(len(s.ids))]
}

func (s *storm) somebody() {
	id, fresh := s.some(), fmt.Sprintf("e%d", len(s.ids))
	_, there := s.Event(ada, id)
	switch s.IntN(8) {
	case 0:
		s.Put(ada, plain(fresh, "one"))
		s.ids = append(s.ids, fresh)
	case 1:
		s.Put(ada, weekly(fresh))
		s.ids = append(s.ids, fresh)
	case 2, 3:
		if there && s.lives(id) && strings.HasPrefix(s.kind(id), "series") {
			s.Patch(ada, second(id), fmt.Sprintf(`{"summary":"exception %d"}`, s.IntN(100)))
			s.ids = append(s.ids, second(id))
		}
	case 4, 5:
		if there && s.lives(id) {
			s.Patch(ada, id, fmt.Sprintf(`{"summary":"change %d"}`, s.IntN(100)))
		}
	case 6:
		if there && s.lives(id) {
			s.Remove(ada, id)
		}
	case 7:
		if there && s.lives(id) && s.kind(id) == "series" {
			s.Remove(ada, id+"_20260119T080000Z")
		}
	}
}

func (s *storm) lives(id string) bool {
	text, _ := s.Event(ada, id)
	return !strings.Contains(text, `"status":"cancelled"`)
}

func (s *storm) kind(id string) string {
	if text, _ := s.Event(ada, id); strings.Contains(text, `"recurrence"`) {
		return "series"
	}
	return ""
}

// read asks, with something going wrong, until an answer comes to its end.
func (s *storm) read() {
	s.t.Helper()
	var read []cal.Href
	for range s.IntN(3) {
		read = append(read, cal.Href(s.some()), cal.Href(second(s.some())), "never")
	}
	if s.IntN(6) == 0 {
		s.ExpireSyncTokens()
	}
	faults := []sim.GoogleFault{{Status: 410}, {Status: 500}, {Status: 429}, {CutRequest: true}, {LoseAnswer: true}}
	bad, fault := int64(s.IntN(12)), faults[s.IntN(len(faults))]
	var requests atomic.Int64
	s.Faults(func(f *sim.GoogleFaults) {
		f.Hook = func(*http.Request) *sim.GoogleFault {
			if requests.Add(1) == bad {
				return &fault
			}
			return nil
		}
	})
	ask := s.ask(read...)
	ask.Full = s.IntN(8) == 0
	token := s.calendar.Token
	err := s.try(ask)
	s.Faults(func(f *sim.GoogleFaults) { f.Clear() })
	if err != nil {
		s.expect("token after a failure", s.calendar.Token, token)
	} else {
		s.wellFormed()
	}
	if err != nil || len(s.unread) > 0 {
		var again []cal.Href
		for h := range s.unread {
			again = append(again, h)
		}
		s.pull(append(again, read...)...)
	}
	s.agrees()
}
