package simulate

import (
	"fmt"
	"strings"

	"calbridge/internal/sim"
)

// Any is the profile of a server that may have any few of the switches there are.
const Any = "any"

// Profiles names all that can be simulated.
func Profiles() []string {
	all := []string{Any}
	for _, p := range sim.Profiles() {
		all = append(all, p.Name)
	}
	return all
}

// profile finds a profile by its name.
func profile(name string) (sim.Profile, error) {
	if name == Any {
		name = "plain"
	}
	p, ok := sim.ProfileOf(name)
	if !ok {
		return p, fmt.Errorf("there is no profile %q; there are %s", name, strings.Join(Profiles(), ", "))
	}
	return p, nil
}

// newRemote makes the server of a story.
func newRemote(w *world) (remote, error) {
	p, err := profile(w.story.Profile)
	if err != nil {
		return nil, err
	}
	if p.Google {
		return newGoogleRemote(w)
	}
	d := newDAV(w, p)
	for _, s := range w.story.Server {
		name, value, _ := strings.Cut(s, "=")
		if err := d.turn(name, value); err != nil {
			return nil, err
		}
	}
	return d, nil
}

func newGoogleRemote(w *world) (remote, error) {
	var o sim.GoogleOptions
	var switches []string
	for _, s := range w.story.Server {
		name, value, _ := strings.Cut(s, "=")
		if !variant(&o, name, value) {
			switches = append(switches, s)
		}
	}
	g := newGoogle(w, o)
	for _, s := range switches {
		name, value, _ := strings.Cut(s, "=")
		if err := g.turn(name, value); err != nil {
			return nil, err
		}
	}
	return g, nil
}

// variant sets what Google is like from the beginning; false: it is no such thing.
func variant(o *sim.GoogleOptions, name, value string) bool {
	for _, v := range sim.GoogleVariants() {
		if v.Name == name {
			return v.Set(o, value)
		}
	}
	return false
}
