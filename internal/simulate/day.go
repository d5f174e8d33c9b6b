package simulate

import (
	"fmt"
	"math/rand/v2"
	"slices"

	"calbridge/internal/cal"
)

// DayOptions say what a day is like.
type DayOptions struct {
	Profile string
	Seed    uint64
	Hours   int
	Policy  cal.Policy
	Delete  cal.DeletePolicy // empty: edit-wins
	Faults  Weather
}

// Weather is how often something goes wrong.
type Weather string

const (
	Calm   Weather = "none"
	Fair   Weather = "some" // with one sync in eight; an accident at the server every eight hours or so
	Stormy Weather = "many" // with every second sync; an accident every hour
)

// weathers give the chance that something goes wrong with a sync, that its process dies over it, and that the server has an accident
// before it.
var weathers = map[Weather]struct{ mishap, crash, accident float64 }{
	Calm: {}, Fair: {0.12, 0.01, 0.01}, Stormy: {0.5, 0.05, 0.08},
}

const (
	everySync = 5 // minutes
	cast      = 8 // events that people begin with
	ends      = 1000
)

// Day makes up a story that reads like life: a sync every five minutes, a handful of edits an hour on both sides, some of them of one event
// within one interval, and now and then something that goes wrong. Generate's stories look for trouble; a day shows what becomes of it.
func Day(o DayOptions) Story {
	d := day{generator: newGenerator(o.Profile, o.Seed), DayOptions: o}
	d.begin()
	for range max(1, o.Hours) * 60 / everySync {
		d.interval()
	}
	d.clearUp()
	return d.story
}

type day struct {
	*generator
	DayOptions
	on     []string // switches that are on for a while
	passes int      // intervals until they are off
}

func newGenerator(profile string, seed uint64) *generator {
	return &generator{Rand: rand.New(rand.NewPCG(seed, 5)), story: Story{Profile: profile, Seed: seed}, events: cast, rich: true}
}

// begin draws what the server is like and has people make the events they begin with.
func (d *day) begin() {
	d.story.Why = fmt.Sprintf("%d hours of %s, seed %d, faults: %s", max(1, d.Hours), d.Profile, d.Seed, d.Faults)
	d.story.Policy, d.story.Delete = string(d.Policy), string(d.Delete)
	if p, err := profile(d.Profile); err == nil && d.Faults != Calm {
		d.faulty = 1
		d.server(p)
		d.could = d.accidents(p)
	}
	for n := range cast {
		side := pick(d.generator, "here", "there")
		d.add("%s create %d %s", side, n, d.kind(side))
	}
	d.sync()
}

// interval is five minutes: people edit, before or while a sync goes on.
func (d *day) interval() {
	d.accidentPerhaps()
	d.people()
	d.sync()
	d.add("pass %d", everySync*60)
}

// people make about six edits an hour, and in every fourth of the intervals with any both sides change one event.
func (d *day) people() {
	switch p := d.IntN(24); {
	case p < 3:
		d.clash()
	case p < 10:
		d.edit()
	}
}

// clash: two people change one event before they hear of each other.
func (d *day) clash() {
	n := d.IntN(cast)
	if d.one(6) {
		d.add("%s delete %d", pick(d.generator, "here", "there"), n)
	}
	here, there := d.property(), d.property()
	d.add("here change %d %s", n, here)
	d.add("there change %d %s", n, there)
}

func (d *day) property() string { return pick(d.generator, "SUMMARY", "SUMMARY", "LOCATION") }

// sync walks a sync to its end; something may happen to it on its way.
func (d *day) sync() {
	w, p := weathers[d.Faults], d.Float64()
	switch {
	case p < w.crash:
		d.add("A walk %d", 2+d.IntN(12))
		d.add("A crash")
	case p < w.crash+w.mishap && d.faulty > 0:
		d.add("A walk %d", 2+d.IntN(12))
		d.add("A %d %s", d.IntN(3), d.mishap())
	case d.one(12): // somebody is at it just now
		d.add("A walk %d", 2+d.IntN(8))
		d.edit()
	}
	d.add("A walk %d", ends)
}

// accidentPerhaps lets the server have one. What passes has passed within half an hour.
func (d *day) accidentPerhaps() {
	if d.passes--; d.passes == 0 {
		d.clearUp()
	}
	if len(d.on) > 0 || len(d.could) == 0 || d.Float64() >= weathers[d.Faults].accident {
		return
	}
	a := pick(d.generator, d.could...)
	d.befalls(a)
	if len(a.values) > 0 && !slices.Contains(d.on, a.name) {
		d.on, d.passes = append(d.on, a.name), 1+d.IntN(6)
	}
}

func (d *day) clearUp() {
	for _, name := range d.on {
		d.add("server off %s", name)
	}
	d.on = nil
}
