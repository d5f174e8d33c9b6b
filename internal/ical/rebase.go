package ical

import "calbridge/internal/cal"

// Rebase is base with every group that seen has just as sent had it: what of our own write can be recognised in what is there now.
// The result is base itself when nothing can.
func Rebase(base, sent, seen cal.Body) (cal.Body, error) {
	was, err := readSeries(base)
	if err != nil {
		return "", err
	}
	wrote, is, err := takeBothApart(sent, seen)
	if err != nil {
		return "", err
	}
	if was.double || wrote.double || is.double {
		return base, nil // nothing can be told apart
	}
	m := merger{base: was, mine: wrote, theirs: was, preferMine: true, patch: newPatch(was.outline)}
	proved := m.proved(is)
	for _, key := range m.instances() {
		m.recognise(key, is, proved)
	}
	m.zones()
	body := m.patch.body()
	if _, err := readOutline(body); err != nil {
		return base, nil // all that it was about is another instance by now; a text without an object is no base
	}
	return body, nil
}

// proved reports whether something that our write changed is there as it was sent. A write is carried out whole or not at all.
func (m *merger) proved(is *series) bool {
	for key, before := range m.base.parts {
		sent, wasSent := m.mine.parts[key]
		seen, isThere := is.parts[key]
		if !wasSent || !isThere {
			continue
		}
		for group := range sent.groups {
			if form := sent.groups[group].form(); form == seen.groups[group].form() && form != before.groups[group].form() {
				return true
			}
		}
	}
	return false
}

// recognise moves one component of the base. An override that was not there is ours if it says all that we sent, or something of it and
// our write is proved: most of what an override says it has from its series, whoever made it.
func (m *merger) recognise(key string, is *series, proved bool) {
	before, wasThere := m.base.parts[key]
	sent, wasSent := m.mine.parts[key]
	seen, isThere := is.parts[key]
	switch {
	case wasThere && wasSent && isThere:
		m.recogniseGroups(before, sent, seen)
	case wasThere && !wasSent && !isThere:
		m.patch.removeComponent(before.component)
	case !wasThere && wasSent && isThere && (sent.groups.form() == seen.groups.form() || proved && share(sent.groups, seen.groups)):
		m.patch.insert(m.base.endPlace(0), m.patch.excerptComponent(m.mine.outline, sent.component))
	}
}

func (m *merger) recogniseGroups(before, sent, seen part) {
	swap := exchange{patch: m.patch, from: m.mine, to: m.base, source: sent, target: before}
	for _, key := range sortedKeys(before.groups, sent.groups) {
		if attached(key) {
			continue
		}
		ours := func(key string) bool {
			form := sent.groups[key].form()
			return form == seen.groups[key].form() && form != before.groups[key].form()
		}
		m.exchange(&swap, key, ours(key), ours(attachment(key)))
	}
	swap.finish()
}

// Shares reports whether seen has any property group as sent had it, the UID left out: then it stems from our write, although
// somebody has changed the rest.
func Shares(sent, seen cal.Body) bool {
	a, b, err := takeBothApart(sent, seen)
	if err != nil {
		return sent == seen
	}
	for key, p := range a.parts {
		if q, there := b.parts[key]; there && share(p.groups, q.groups) {
			return true
		}
	}
	return false
}

func share(a, b groups) bool {
	for key := range a {
		if form := a[key].form(); form != "" && form == b[key].form() {
			return true
		}
	}
	return false
}
