package event

import (
	"strconv"
	"sync"
	"time"
)

// Zones keeps what was found out about time zones, so that it need not be found out again for every event. It is safe for concurrent use.
type Zones struct {
	mu    sync.Mutex
	known map[string]*time.Location // nil: no such zone
	texts map[string]string         // VTIMEZONEs by name and year
}

// NewZones knows no zone yet.
func NewZones() *Zones {
	return &Zones{known: map[string]*time.Location{}, texts: map[string]string{}}
}

// mostZones bounds what is kept: there are some 600 zones, but any number of names that are none.
const mostZones = 4096

// load finds a zone by its IANA name; nil: there is none of the name.
func (z *Zones) load(zone string) *time.Location {
	z.mu.Lock()
	defer z.mu.Unlock()
	if loc, asked := z.known[zone]; asked {
		return loc
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		loc = nil
	}
	if len(z.known) < mostZones {
		z.known[zone] = loc
	}
	return loc
}

// text is the zone as a VTIMEZONE from the year of an instant on.
func (z *Zones) text(tzid string, since time.Time) string {
	loc := z.load(tzid)
	key := tzid + " " + strconv.Itoa(since.UTC().Year())
	z.mu.Lock()
	defer z.mu.Unlock()
	text, made := z.texts[key]
	if !made {
		text = vtimezone(tzid, loc, since)
		if len(z.texts) < mostZones {
			z.texts[key] = text
		}
	}
	return text
}
