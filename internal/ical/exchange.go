package ical

import "strings"

// exchange patches one component of a body so that chosen groups are as another body has them.
type exchange struct {
	patch    *patch
	from, to *series
	source   part // of from
	target   part // of to
	add      map[string]bool
	drop     map[string]bool
}

// isMember reports whether the key is a member of a set that shares its line with others.
func isMember(key string) bool {
	set, _, _ := strings.Cut(key, "|")
	switch kindOf(set) {
	case kindTexts, kindDateTimes:
		return true
	}
	return false
}

// take makes the group as the source has it.
func (x *exchange) take(key string) {
	src, dst := x.source.groups[key], x.target.groups[key]
	switch {
	case !isMember(key):
		x.lines(src, dst, x.target.component)
	case src == nil:
		x.drop = with(x.drop, key)
	default:
		x.add = with(x.add, key)
	}
}

func with(set map[string]bool, key string) map[string]bool {
	if set == nil {
		set = map[string]bool{}
	}
	set[key] = true
	return set
}

// lines puts the source's lines where the target's are, or behind the other properties of component c.
func (x *exchange) lines(src, dst *group, c int32) {
	text := ""
	if src != nil {
		text = x.patch.excerpt(x.from.outline, src.lines)
	}
	if dst == nil {
		x.patch.insert(x.to.propertyPlace(c), text)
		return
	}
	x.patch.replaceLine(dst.lines[0], text)
	x.patch.remove(dst.lines[1:])
}

// attendee makes the invitation, the answer or both as the source has them.
func (x *exchange) attendee(key string, whole, answer bool) {
	src, dst := x.source.groups[key], x.target.groups[key]
	switch {
	case !whole && (!answer || src == nil || dst == nil):
	case src != nil && dst != nil && !answer && (src.several() || dst.several()): // the answers stay, and they cannot be told apart
	case src == nil, dst == nil, whole && answer, len(src.lines)+len(dst.lines) > 2:
		x.lines(src, dst, x.target.component)
	default:
		line, reply := &x.from.lines[src.lines[0]], &x.to.lines[dst.lines[0]]
		if answer {
			line, reply = reply, line
		}
		x.patch.replaceLine(dst.lines[0], fold(line.withParameters(reply, replyParameter), x.patch.end))
	}
}

// nested makes an alarm, what was noted about it, or both as the source has them.
func (x *exchange) nested(key string, whole, noted bool) {
	src, dst := x.source.groups[key], x.target.groups[key]
	switch {
	case !whole && (!noted || src == nil || dst == nil):
	case dst == nil:
		x.patch.insert(x.to.endPlace(x.target.component), x.patch.excerptComponent(x.from.outline, src.component))
	case src == nil:
		x.patch.removeComponent(dst.component)
	case whole && noted:
		x.patch.replaceComponent(dst.component, x.patch.excerptComponent(x.from.outline, src.component))
	case noted:
		x.lines(x.source.groups[key+ackMark], x.target.groups[key+ackMark], dst.component)
	default:
		x.content(src.component, dst.component)
	}
}

// content makes all of component dst as src has it, but for what was acknowledged.
func (x *exchange) content(src, dst int32) {
	text := ""
	x.from.own(src, func(l *line) {
		if !acknowledged(l.name) {
			text += x.patch.excerpt(x.from.outline, []int32{l.index})
		}
	})
	x.from.nested(src, func(c int32) { text += x.patch.excerptComponent(x.from.outline, c) })
	x.to.own(dst, func(l *line) {
		if !acknowledged(l.name) {
			x.patch.replaceLine(l.index, "")
		}
	})
	x.to.nested(dst, x.patch.removeComponent)
	x.patch.insert(x.to.endPlace(dst), text)
}

// finish writes the lists whose members came or went.
func (x *exchange) finish() {
	for _, i := range linesOf(x.target.groups, x.drop) {
		x.patch.replaceLine(i, x.to.withMembers(&x.to.lines[i], func(key string) bool { return !x.drop[key] }, x.patch.end))
	}
	for _, i := range linesOf(x.source.groups, x.add) {
		text := x.from.withMembers(&x.from.lines[i], func(key string) bool { return x.add[key] }, x.patch.end)
		x.patch.insert(x.to.propertyPlace(x.target.component), text)
	}
}

// withMembers is the line with only some of the members of its list, folded anew; empty without any.
func (s *series) withMembers(l *line, keep func(key string) bool, end string) string {
	var kept []string
	s.eachMember(l, func(member, id string) {
		if keep(l.name + "|" + id) {
			kept = append(kept, member)
		}
	})
	if len(kept) == 0 {
		return ""
	}
	return fold(l.text[:l.value]+strings.Join(kept, ","), end)
}

// linesOf are the lines that carry the keys.
func linesOf(g groups, keys map[string]bool) (lines []int32) {
	seen := map[int32]bool{}
	for _, key := range sortedKeys(g) {
		if !keys[key] {
			continue
		}
		for _, i := range g[key].lines {
			if !seen[i] {
				seen[i], lines = true, append(lines, i)
			}
		}
	}
	return lines
}
