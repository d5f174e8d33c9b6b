package simulate

import "slices"

// Shrink looks for a shorter story that still breaks the promise that this one broke first (delta debugging, Zeller 1999: halves, then
// quarters, down to single steps). tell plays a story; at most so many are played.
func Shrink(o Outcome, plays int, tell func(Story) (Outcome, error)) Outcome {
	s := shrinker{best: o, plays: plays, tell: tell, broken: o.Broken[0].Invariant}
	s.header()
	for parts := 2; ; parts = min(parts*2, len(s.best.Story.Steps)) {
		for s.cut(parts) {
		}
		if parts >= len(s.best.Story.Steps) || s.plays <= 0 {
			break
		}
	}
	s.header()
	return s.best
}

type shrinker struct {
	best   Outcome
	plays  int
	tell   func(Story) (Outcome, error)
	broken string // the promise
}

// try keeps a story if it still breaks what was broken.
func (s *shrinker) try(story Story) bool {
	if s.plays <= 0 {
		return false
	}
	s.plays--
	o, err := s.tell(story)
	if err != nil || !slices.ContainsFunc(o.Broken, func(v Violation) bool { return v.Invariant == s.broken }) {
		return false
	}
	s.best = o
	return true
}

// cut leaves out one of so many parts after the other, and tells whether that ever worked.
func (s *shrinker) cut(parts int) (any bool) {
	size := (len(s.best.Story.Steps) + parts - 1) / max(parts, 1)
	for at := len(s.best.Story.Steps) - size; at > -size && size > 0; at -= size {
		story := s.best.Story
		from := max(at, 0)
		if from+size > len(story.Steps) {
			continue
		}
		story.Steps = slices.Delete(slices.Clone(story.Steps), from, from+size)
		any = s.try(story) || any
	}
	return any
}

// header does without the switches of the server, one by one, and without what else a story may begin with.
func (s *shrinker) header() {
	for i := len(s.best.Story.Server) - 1; i >= 0; i-- {
		story := s.best.Story
		story.Server = slices.Delete(slices.Clone(story.Server), i, i+1)
		s.try(story)
	}
	for _, simpler := range []func(*Story){
		func(o *Story) { o.Second = false }, func(o *Story) { o.Namesakes = false }, func(o *Story) { o.Delete = "" }, func(o *Story) { o.Policy = "remote-wins" },
	} {
		story := s.best.Story
		simpler(&story)
		if story.Second != s.best.Story.Second || story.Namesakes != s.best.Story.Namesakes || story.Delete != s.best.Story.Delete || story.Policy != s.best.Story.Policy {
			s.try(story)
		}
	}
}
