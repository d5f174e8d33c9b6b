package ical

import (
	"fmt"
	"slices"
	"strings"

	"calbridge/internal/cal"
)

// What a file of many objects may have at most.
const (
	maxFileBytes = 64 << 20
	maxFileLines = 4_000_000
)

const ours = "PRODID:-//calbridge//EN\r\n"

// Split makes one body of every UID in a file, each with the VTIMEZONEs it names, in the order of the file. An object that cannot be
// read is named by a problem and left out; the others are not.
func Split(file cal.Body) ([]cal.Body, []Problem) {
	s := newScanner(string(file), maxFileBytes, maxFileLines)
	s.tolerant = true
	if p := s.scan(); p != nil {
		return nil, []Problem{*p}
	}
	objects, problems := s.byUID()
	around := map[int32]*surroundings{}
	for _, root := range s.roots() {
		around[root] = s.surroundings(root)
	}
	bodies := make([]cal.Body, 0, len(objects))
	for _, components := range objects {
		bodies = append(bodies, s.extract(components, around[s.components[components[0]].parent]))
	}
	return bodies, problems
}

// surroundings are what a body takes over from its VCALENDAR.
type surroundings struct {
	program string // PRODID, as a line
	zones   map[string]int32
}

func (o *outline) surroundings(root int32) *surroundings {
	a := &surroundings{program: ours, zones: map[string]int32{}}
	p := patch{to: o, end: "\r\n"}
	if l := o.find(root, "PRODID"); l != nil {
		a.program = p.excerpt(o, []int32{l.index})
	}
	o.nested(root, func(c int32) {
		tzid := o.text(c, "TZID")
		if _, there := a.zones[tzid]; !there && o.components[c].name == "VTIMEZONE" {
			a.zones[tzid] = c
		}
	})
	return a
}

// byUID groups the objects of each VCALENDAR by UID; one UID in two VCALENDARs is one object too.
func (s *scanner) byUID() (objects [][]int32, problems []Problem) {
	problems = s.skipped
	place := map[string]int{}
	for _, c := range s.tops {
		begin := s.lines[s.components[c].begin]
		uid := s.text(c, "UID")
		switch i, there := place[uid]; {
		case s.bad[c]:
		case uid == "":
			problems = append(problems, Problem{Line: int(begin.number), Property: s.components[c].name, Text: "has no UID; give each object one that no other has"})
		case there:
			objects[i] = append(objects[i], c)
		default:
			place[uid] = len(objects)
			objects = append(objects, []int32{c})
		}
	}
	return objects, problems
}

// extract is a body of some components.
func (o *outline) extract(components []int32, around *surroundings) cal.Body {
	var b strings.Builder
	p := patch{to: o, end: "\r\n"}
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + around.program)
	for _, tzid := range o.zonesIn(components) {
		if c, there := around.zones[tzid]; there {
			b.WriteString(p.excerptComponent(o, c))
		}
	}
	for _, c := range components {
		b.WriteString(p.excerptComponent(o, c))
	}
	b.WriteString("END:VCALENDAR\r\n")
	return cal.Body(b.String())
}

// zonesIn are the TZIDs that some components name.
func (o *outline) zonesIn(components []int32) []string {
	used := map[string]bool{}
	for _, c := range components {
		for i := o.components[c].begin; i < o.components[c].end; i++ {
			if tzid := o.lines[i].parameter("TZID"); tzid != "" {
				used[tzid] = true
			}
		}
	}
	return sortedKeys(used)
}

// Join makes one file of many objects, under the name of their calendar. Time zones that are named alike and differ are kept apart: the
// file then has more than one VCALENDAR (RFC 5545 §3.4). Bodies that cannot be read cannot be part of a file that can, and are left
// out; their Reading has Trouble.
func Join(name string, bodies []cal.Body) cal.Body {
	var volumes []*volume
	for _, body := range bodies {
		o, err := readOutline(body)
		if err != nil {
			continue
		}
		zones := o.zoneTexts()
		i := slices.IndexFunc(volumes, func(v *volume) bool { return v.fits(zones) })
		if i < 0 {
			i, volumes = len(volumes), append(volumes, &volume{zones: map[string]zoneText{}})
		}
		volumes[i].take(o, o.objects(), zones)
	}
	if len(volumes) == 0 {
		volumes = append(volumes, &volume{})
	}
	var b strings.Builder
	for _, v := range volumes {
		v.write(&b, name)
	}
	return cal.Body(b.String())
}

// volume is one VCALENDAR in the making.
type volume struct {
	zones   map[string]zoneText
	order   []string
	objects strings.Builder
}

// zoneText is a VTIMEZONE and what it means.
type zoneText struct {
	tzid, text, rules string // rules is empty when the name says it all
}

func (o *outline) zoneTexts() (zones []zoneText) {
	rules := o.foreignRules()
	p := patch{to: o, end: "\r\n"}
	for c := range o.components {
		if o.components[c].name == "VTIMEZONE" {
			tzid := o.text(int32(c), "TZID")
			zones = append(zones, zoneText{tzid, p.excerptComponent(o, int32(c)), rules[tzid]})
		}
	}
	return zones
}

func (v *volume) fits(zones []zoneText) bool {
	return !slices.ContainsFunc(zones, func(z zoneText) bool {
		have, there := v.zones[z.tzid]
		return there && have.rules != z.rules
	})
}

func (v *volume) take(o *outline, components []int32, zones []zoneText) {
	for _, z := range zones {
		if _, there := v.zones[z.tzid]; !there {
			v.zones[z.tzid] = z
			v.order = append(v.order, z.tzid)
		}
	}
	p := patch{to: o, end: "\r\n"}
	for _, c := range components {
		v.objects.WriteString(p.excerptComponent(o, c))
	}
}

func (v *volume) write(b *strings.Builder, name string) {
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + ours)
	if name != "" { // RFC 7986 §5.1, and what everybody wrote before it
		fmt.Fprintf(b, "%s%s", fold("NAME:"+escape(name), "\r\n"), fold("X-WR-CALNAME:"+escape(name), "\r\n"))
	}
	for _, tzid := range v.order {
		b.WriteString(v.zones[tzid].text)
	}
	b.WriteString(v.objects.String())
	b.WriteString("END:VCALENDAR\r\n")
}
