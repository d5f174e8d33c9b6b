package simulate

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"

	"calbridge/internal/cal"
	"calbridge/internal/reconcile"
	"calbridge/internal/sim"
)

// Reach counts what histories came to. A simulation that never gets where things break proves nothing, so a long run asks for Unreached.
type Reach struct {
	mu     sync.Mutex
	counts map[string]int
}

// NewReach makes an empty one.
func NewReach() *Reach { return &Reach{counts: map[string]int{}} }

// Situation counts one.
func (r *Reach) Situation(name string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[name]++
}

// Count tells how often something was come to.
func (r *Reach) Count(name string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.counts[name]
}

// Names lists everything that was come to.
func (r *Reach) Names() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.counts))
}

// Unreached are the names of what a long run has to come to and this one did not: every cell of the decision table, every outcome of a write,
// every situation that can be come to, and every switch of a server while something is created, updated and deleted there; of one that lets
// hardly anything through, while any of it is.
func Unreached(r *Reach) (missing []string) {
	for _, name := range slices.Concat(cellNames(), outcomeNames(), situationNames(), switchNames()) {
		if r.Count(name) == 0 {
			missing = append(missing, name)
		}
	}
	for _, s := range passingSwitches() {
		if name := "switch " + s; r.Count(name) == 0 && !slices.ContainsFunc(operations[:], func(op string) bool { return r.Count(name+" "+op) > 0 }) {
			missing = append(missing, name)
		}
	}
	return missing
}

// passingSwitches are those that let hardly anything through.
func passingSwitches() (all []string) {
	for _, a := range passing(sim.Switches()) {
		all = append(all, a.name)
	}
	for _, a := range passing(sim.GoogleSwitches()) {
		all = append(all, "Google "+a.name)
	}
	return all
}

// Mixed are the profiles of a long run: every third history is one of Any, where there are most switches to come to.
func Mixed() (all []string) {
	for i, p := range Profiles()[1:] {
		if i%2 == 0 {
			all = append(all, Any)
		}
		all = append(all, p)
	}
	return all
}

// WriteTo writes the counts as Markdown.
func (r *Reach) WriteTo(w io.Writer) (int64, error) {
	var b strings.Builder
	b.WriteString("| Situation | What it is | How a history knows | Times |\n|---|---|---|---:|\n")
	for _, s := range situations {
		times := fmt.Sprint(r.Count(s.name))
		if s.out != "" {
			times = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", s.name, s.what, cmp.Or(s.out, s.how), times)
	}
	r.writeCells(&b)
	b.WriteString("\n| What the server answers a write | Times |\n|---|---:|\n")
	for _, name := range outcomes {
		fmt.Fprintf(&b, "| %s | %d |\n", name, r.Count("outcome "+name))
	}
	b.WriteString("\n| A write of ours, read back | Times |\n|---|---:|\n")
	for _, name := range recognitions() {
		fmt.Fprintf(&b, "| %s | %d |\n", name, r.Count("write "+name))
	}
	r.writeSwitches(&b)
	n, err := io.WriteString(w, b.String())
	return int64(n), err
}

func (r *Reach) writeCells(b *strings.Builder) {
	b.WriteString("\n| Base, local, remote |")
	for _, p := range policyColumns {
		fmt.Fprintf(b, " %s |", p)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(policyColumns)) + "\n")
	for _, row := range rows {
		fmt.Fprintf(b, "| %s |", row)
		for _, p := range policyColumns {
			fmt.Fprintf(b, " %d |", r.Count("cell "+row+" | "+string(p)))
		}
		b.WriteString("\n")
	}
}

func (r *Reach) writeSwitches(b *strings.Builder) {
	b.WriteString("\n| Switch | Create | Update | Delete |\n|---|---:|---:|---:|\n")
	for _, name := range allSwitches() {
		fmt.Fprintf(b, "| %s |", name)
		for _, op := range operations {
			fmt.Fprintf(b, " %d |", r.Count("switch "+name+" "+op))
		}
		b.WriteString("\n")
	}
}

var policyColumns = [...]cal.Policy{cal.RemoteWins, cal.LocalWins, cal.NewestWins, cal.KeepBoth, cal.Manual}

func cellNames() (all []string) {
	for _, c := range cells() {
		all = append(all, "cell "+c)
	}
	return all
}

// decision counts the cell of the decision table that an object is in, and what is recognised of our own writes.
func (r *Reach) decision(o cal.Object, s reconcile.Sighting, rules cal.Rules) {
	r.Situation("cell " + cell(o, s, rules))
	if len(o.Sent) > 0 {
		if name := recognised(o, s); name != "" {
			r.Situation("write " + name)
		}
	}
}

// outcomes are the classes of what becomes of a write.
var outcomes = [...]string{
	"done", "nothing to send", "refused: precondition", "refused: UID", "refused: read-only", "refused: content", "refused: credentials",
	"refused: too fast", "not sent", "unknown",
}

func outcomeNames() (all []string) {
	for _, o := range outcomes {
		if o != "nothing to send" { // simulated people do nothing that Google has no words for
			all = append(all, "outcome "+o)
		}
	}
	return all
}

// outcome is the class of what an adapter makes of an answer.
func outcome(err error) string {
	var taken cal.Taken
	var busy cal.Busy
	switch {
	case err == nil:
		return "done"
	case errors.Is(err, cal.ErrMoot):
		return "nothing to send"
	case errors.Is(err, cal.ErrChanged), errors.Is(err, cal.ErrGone):
		return "refused: precondition"
	case errors.As(err, &taken):
		return "refused: UID"
	case errors.Is(err, cal.ErrReadOnly):
		return "refused: read-only"
	case errors.Is(err, cal.ErrRefused):
		return "refused: content"
	case errors.Is(err, cal.ErrLocked):
		return "refused: credentials"
	case errors.As(err, &busy) && (busy.Writes || errors.Is(err, cal.ErrUnsent)):
		return "refused: too fast"
	case errors.Is(err, cal.ErrUnsent):
		return "not sent"
	}
	return "unknown"
}

// operations are what a request of ours does.
var operations = [...]string{"create", "update", "delete"}

func allSwitches() (all []string) {
	for _, s := range sim.Switches() {
		all = append(all, s.Name)
	}
	for _, s := range sim.GoogleSwitches() {
		all = append(all, "Google "+s.Name)
	}
	for _, s := range sim.GoogleVariants() {
		all = append(all, "Google "+s.Name)
	}
	return all
}

func switchNames() (all []string) {
	for _, s := range allSwitches() {
		if slices.Contains(passingSwitches(), s) {
			continue
		}
		for _, op := range operations {
			if s != "WeakETags" || op == "create" { // nothing can be conditional on a weak etag (RFC 9110 §13.1.1), so nothing is sent
				all = append(all, "switch "+s+" "+op)
			}
		}
	}
	return all
}

func situationNames() (all []string) {
	for _, s := range situations {
		if s.out == "" {
			all = append(all, s.name)
		}
	}
	return all
}
