// Package simulate tells histories: the real engine, the real adapters and the real store, over servers that misbehave on purpose, with
// people on both sides, processes that overlap, stall and die, and everything going wrong that can. Afterwards it asks for every promise.
package simulate

import (
	"fmt"

	"calbridge/internal/sim"
)

func newRemote(w *world) (remote, error) {
	if w.story.Profile == "google" {
		return newGoogle(w, sim.GoogleOptions{}), nil
	}
	d := newDAV(w)
	d.Quirks(func(q *sim.Quirks) { *q = sim.Like(w.story.Profile) })
	for _, s := range w.story.Server {
		var name, value string
		if _, err := fmt.Sscanf(s, "%s", &name); err != nil {
			return nil, err
		}
		for i := range s {
			if s[i] == '=' {
				name, value = s[:i], s[i+1:]
			}
		}
		if err := d.set(name, value); err != nil {
			return nil, err
		}
	}
	return d, nil
}
