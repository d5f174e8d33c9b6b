package sim

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"
	"unicode/utf8"
)

// Sample is one realistic calendar object.
type Sample struct {
	Name      string // "<uid>.ics"
	UID       string
	Component string // VEVENT; VTODO for one in sixteen, which belong into a task list
	Body      string // CRLF, folded, legal for servers that check (Cyrus)
}

// Realistic makes n objects as they lie in the calendars of people at work, around now. The mix is that of 10,000 real ones: bodies of
// 1.1 kB in the middle and 2.8 kB at the 90th percentile, 72 % with a rule of their own or of their time zone, 7 % with overridden
// instances, 16 % all day, 41 % with attendees, 40 % with alarms. One seed always makes the same objects, another seed others.
func Realistic(now time.Time, n int, seed uint64) []Sample {
	out := make([]Sample, n)
	for i := range out {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, uint64(i))), now: now.UTC().Truncate(time.Hour)}
		g.uid = fmt.Sprintf("%08x-%04x-%04d-%s", g.Uint32(), uint16(seed), i%10000, pick(g, hosts))
		g.host = g.IntN(len(names))
		if i%16 == 15 {
			out[i] = g.sample("VTODO", g.task)
		} else {
			out[i] = g.sample("VEVENT", g.event)
		}
	}
	return out
}

// generator writes one object.
type generator struct {
	*rand.Rand
	now  time.Time
	uid  string
	host int // who organizes it, in all its components
	b    strings.Builder
}

func (g *generator) sample(component string, write func()) Sample {
	g.line("BEGIN:VCALENDAR")
	g.line("VERSION:2.0")
	g.line("PRODID:" + pick(g, products))
	g.line("CALSCALE:GREGORIAN")
	write()
	g.line("END:VCALENDAR")
	return Sample{Name: g.uid + ".ics", UID: g.uid, Component: component, Body: g.b.String()}
}

// when is the time of an event: a day, or a span of local or of universal time.
type when struct {
	start  time.Time // as the clock on the wall shows it
	length time.Duration
	zone   string // empty with allDay: a date; empty without: UTC
	allDay bool
}

func (g *generator) event() {
	w := g.when()
	rule := g.rule(w)
	if w.zone != "" {
		g.text(zones[w.zone])
	}
	people := g.chance(43)
	title := g.title()
	alarm := g.chance(43)
	g.begin("VEVENT")
	g.span(w)
	if rule.text != "" {
		g.line("RRULE:" + rule.text)
	}
	if rule.step > 0 && g.chance(30) {
		g.line("EXDATE" + w.value(rule.after(w.start, 3)))
	}
	g.content(title, people, alarm)
	g.line("END:VEVENT")
	if rule.step > 0 && g.chance(27) {
		g.overrides(w, rule, title, people)
	}
}

// when draws a time. Three of four events are in a zone, one in six is a day.
func (g *generator) when() when {
	day := time.Date(g.now.Year(), g.now.Month(), g.now.Day(), 0, 0, 0, 0, time.UTC).AddDate(0, 0, g.IntN(600)-400)
	if g.chance(16) {
		return when{start: day, length: 24 * time.Hour * time.Duration(1+g.IntN(3)), allDay: true}
	}
	w := when{start: day.Add(time.Duration(8*4+g.IntN(40)) * 15 * time.Minute), length: time.Duration(1+g.IntN(8)) * 15 * time.Minute}
	if g.chance(84) {
		w.zone = pick(g, zoneNames)
	}
	return w
}

// value writes a moment the way DTSTART does, from its parameters on.
func (w when) value(t time.Time) string {
	switch {
	case w.allDay:
		return ";VALUE=DATE:" + t.Format("20060102")
	case w.zone != "":
		return ";TZID=" + w.zone + ":" + t.Format("20060102T150405")
	}
	return ":" + t.Format("20060102T150405Z")
}

func (g *generator) span(w when) {
	g.line("DTSTART" + w.value(w.start))
	g.line("DTEND" + w.value(w.start.Add(w.length)))
}

// rule is a recurrence rule whose instances are step days apart, where that is so simple.
type rule struct {
	text string
	step int
}

func (r rule) after(start time.Time, n int) time.Time { return start.AddDate(0, 0, n*r.step) }

func (g *generator) rule(w when) rule {
	if !g.chance(42) {
		return rule{}
	}
	weekday := strings.ToUpper(w.start.Weekday().String()[:2])
	switch k := g.IntN(10); {
	case k < 5:
		return rule{fmt.Sprintf("FREQ=WEEKLY;BYDAY=%s", weekday), 7}
	case k < 6:
		return rule{fmt.Sprintf("FREQ=WEEKLY;INTERVAL=2;BYDAY=%s;COUNT=%d", weekday, 10+g.IntN(20)), 14}
	case k < 7 && !w.allDay:
		return rule{"FREQ=DAILY;UNTIL=" + w.start.AddDate(0, 0, 20+g.IntN(30)).Format("20060102") + "T235959Z", 1}
	case k < 9:
		return rule{fmt.Sprintf("FREQ=MONTHLY;BYDAY=%d%s", min(4, 1+(w.start.Day()-1)/7), weekday), 0}
	}
	return rule{"FREQ=YEARLY", 0}
}

// overrides changes some instances: another hour, another title.
func (g *generator) overrides(w when, r rule, title string, people bool) {
	for n := range 1 + g.IntN(3) {
		instance := w
		instance.start = r.after(w.start, 4+n)
		g.begin("VEVENT")
		g.line("RECURRENCE-ID" + w.value(instance.start))
		if !w.allDay {
			instance.start = instance.start.Add(time.Hour)
		}
		g.span(instance)
		g.content(title+pick(g, []string{" (moved)", " – new room", ", this time with everybody"}), people, false)
		g.line("END:VEVENT")
	}
}

func (g *generator) task() {
	due := g.now.AddDate(0, 0, g.IntN(60)-20)
	g.begin("VTODO")
	g.line("SUMMARY:" + g.title())
	g.line("DUE;VALUE=DATE:" + due.Format("20060102"))
	g.line(fmt.Sprintf("PRIORITY:%d", 1+g.IntN(9)))
	if g.chance(50) {
		g.line("STATUS:NEEDS-ACTION")
	} else {
		g.line("STATUS:COMPLETED")
		g.line("COMPLETED:" + due.Add(-time.Hour).Format("20060102T150405Z"))
		g.line("PERCENT-COMPLETE:100")
	}
	g.describe()
	g.line("END:VTODO")
}

func (g *generator) begin(component string) {
	made := g.now.AddDate(0, 0, -g.IntN(900)-1)
	g.line("BEGIN:" + component)
	g.line("UID:" + g.uid)
	g.line("DTSTAMP:" + made.Format("20060102T150405Z"))
	g.line("CREATED:" + made.Format("20060102T150405Z"))
	g.line("LAST-MODIFIED:" + made.Add(7*time.Minute).Format("20060102T150405Z"))
}

func (g *generator) content(title string, people, alarm bool) {
	g.line("SUMMARY:" + title)
	g.line(fmt.Sprintf("SEQUENCE:%d", g.IntN(4)))
	g.line("STATUS:CONFIRMED")
	g.line("TRANSP:" + pick(g, []string{"OPAQUE", "OPAQUE", "TRANSPARENT"}))
	if g.chance(60) {
		g.line("LOCATION:" + pick(g, places))
	}
	g.describe()
	if people {
		g.attendees()
	}
	if g.chance(35) {
		g.line("X-MICROSOFT-CDO-BUSYSTATUS:BUSY")
		g.line("X-MICROSOFT-CDO-IMPORTANCE:1")
		g.line("X-APPLE-TRAVEL-ADVISORY-BEHAVIOR:AUTOMATIC")
	}
	if alarm {
		g.alarm()
	}
}

// describe gives most objects a description, few a long one.
func (g *generator) describe() {
	if !g.chance(80) {
		return
	}
	sentences := 2 + g.IntN(6)
	if g.chance(10) {
		sentences = 30 + g.IntN(110)
	}
	words := make([]string, sentences)
	for i := range words {
		words[i] = pick(g, phrases)
	}
	g.line("DESCRIPTION:" + strings.Join(words, `\n`))
}

func (g *generator) attendees() {
	g.line("ORGANIZER;CN=" + names[g.host] + ":mailto:" + addressOf(names[g.host]))
	for i := range 2 + g.IntN(1+g.IntN(9)) {
		name := names[(g.host+i)%len(names)]
		g.line("ATTENDEE;CN=" + name + ";CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=" +
			pick(g, []string{"ACCEPTED", "NEEDS-ACTION", "TENTATIVE", "DECLINED"}) + ":mailto:" + addressOf(name))
	}
}

func (g *generator) alarm() {
	g.line("BEGIN:VALARM")
	g.line("ACTION:DISPLAY")
	g.line("DESCRIPTION:Reminder")
	g.line(fmt.Sprintf("TRIGGER:-PT%dM", 5*(1+g.IntN(12))))
	g.line("END:VALARM")
}

func (g *generator) title() string { return pick(g, subjects) + " " + pick(g, topics) }

func (g *generator) chance(percent int) bool { return g.IntN(100) < percent }

func pick(g *generator, from []string) string { return from[g.IntN(len(from))] }

// text writes lines that are ready but for their ends.
func (g *generator) text(lines string) { g.b.WriteString(strings.ReplaceAll(lines, "\n", "\r\n")) }

// line writes a content line, folded after 75 octets between characters (RFC 5545 §3.1).
func (g *generator) line(s string) {
	for limit := 75; len(s) > limit; limit = 74 {
		cut := limit
		for !utf8.RuneStart(s[cut]) {
			cut--
		}
		g.b.WriteString(s[:cut] + "\r\n ")
		s = s[cut:]
	}
	g.b.WriteString(s + "\r\n")
}

func addressOf(name string) string {
	return strings.ToLower(strings.NewReplacer(" ", ".", "é", "e", "ö", "oe", "ø", "o").Replace(name)) + "@example.org"
}

var (
	hosts    = []string{"desk.example.org", "phone.example.org", "import"}
	products = []string{"-//Example//Desk 4.2//EN", "-//Example//Phone 17.1//EN", "-//Example//Web//DE"}
	names    = []string{"Ada Park", "Bo Lindström", "Carla Mendes", "Dmitri Volkov", "Esi Owusu", "Félix Moreau", "Grace Okafor", "Hana Sato", "Ines Costa",
		"Jörg Weber", "Kaja Sørensen", "Liam Byrne"}
	places   = []string{"Room 2.14", "Großer Saal", "Kitchen", "https://meet.example.org/j/83 2210 4475", "12 Harbour Street\\, 3rd floor", "会議室 5"}
	subjects = []string{"Review of", "Planning", "Call about", "Workshop:", "1:1 –", "Draft for", "Lunch and", "Besprechung", "Follow-up on"}
	topics   = []string{"the budget", "release 4.2", "the new flat", "hiring", "Q3 numbers", "the school play", "Übergabe", "roadmap 🚀", "customer visits"}
	phrases  = []string{"Please bring last week's notes.", "Dial in with the link below\\, the code is the usual one.", "Agenda: minutes\\; open points\\; next steps.",
		"https://docs.example.org/d/1kf93jfQwe8812/edit?usp=sharing", "Wir treffen uns am Eingang.", "Slides follow the evening before the meeting.", ""}
)
