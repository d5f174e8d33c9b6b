package sim_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"calbridge/internal/sim"
)

// mirror is the smallest client there can be: it follows sync tokens and keeps the etag of what it has.
type mirror struct {
	b      *googleBench
	token  string
	etags  map[string]string
	series map[string]string // exception to series
}

// pull reads all pages of what has changed.
func (m *mirror) pull(between func()) {
	query := primary + "?maxResults=2"
	if m.token != "" {
		query += "&syncToken=" + m.token
	}
	for page := ""; ; {
		list := m.b.must("GET", query+page, "")
		for _, item := range list.items() {
			m.apply(item)
		}
		if next := list.str("nextPageToken"); next != "" {
			page = "&pageToken=" + next
			between()
			continue
		}
		m.token = list.str("nextSyncToken")
		return
	}
}

func (m *mirror) apply(item said) {
	id, series := item.str("id"), item.str("recurringEventId")
	if item.str("status") != "cancelled" || series != "" && m.etags[series] != "" {
		m.etags[id], m.series[id] = item.str("etag"), series
		return
	}
	delete(m.etags, id)
	maps.DeleteFunc(m.etags, func(part, _ string) bool { return m.series[part] == id })
}

// Whoever follows the tokens has what a full list has, whatever happens in between and between the pages.
func TestGoogleMirror(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		b := newGoogle(t, sim.GoogleOptions{SeriesDeletionNamesAll: rapid.Bool().Draw(r, "names all")})
		m := &mirror{b: b, etags: map[string]string{}, series: map[string]string{}}
		ids := []string{"plain1", "plain2", "series1", "series2"}
		for _, id := range ids {
			b.Put(b.ada.Email, `{"id":"`+id+`",`+map[bool]string{true: daily, false: monday}[strings.HasPrefix(id, "series")]+`}`)
		}
		serial := 0
		act := func() {
			serial++
			id := rapid.SampledFrom(ids).Draw(r, "id")
			if strings.HasPrefix(id, "series") && rapid.Bool().Draw(r, "occurrence") {
				id += fmt.Sprintf("_2026030%dT090000Z", rapid.IntRange(2, 6).Draw(r, "day"))
			}
			verb := rapid.SampledFrom([]string{"PATCH", "DELETE", "revive", "cancel", "Remove"}).Draw(r, "verb")
			switch verb {
			case "PATCH":
				b.ask("PATCH", primary+"/"+id+unasked, fmt.Sprintf(`{"summary":"%d"}`, serial))
			case "DELETE":
				b.ask("DELETE", primary+"/"+id+unasked, "")
			case "revive":
				b.ask("PATCH", primary+"/"+id+unasked, `{"status":"confirmed"}`)
			case "cancel":
				b.ask("PATCH", primary+"/"+id+unasked, `{"status":"cancelled"}`)
			case "Remove":
				b.Remove(b.ada.Email, id)
			}
		}
		for range rapid.IntRange(1, 12).Draw(r, "rounds") {
			for range rapid.IntRange(0, 4).Draw(r, "writes") {
				act()
			}
			m.pull(func() {
				if rapid.Bool().Draw(r, "between") {
					act()
				}
			})
		}
		m.pull(func() {})
		full := map[string]string{}
		for _, item := range b.must("GET", primary, "").items() {
			full[item.str("id")] = item.str("etag")
		}
		if !maps.Equal(full, m.etags) {
			r.Fatalf("the mirror has %v, the list %v", m.etags, full)
		}
	})
}

func TestGoogleSplit(t *testing.T) {
	b := withOne(t, daily+`,"extendedProperties":{"private":{"key":"value"}}`)
	b.must("PATCH", one+"_20260305T090000Z"+unasked, `{"summary":"exception"}`)
	id := b.Split(b.ada.Email, "one11", time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC))
	if id != "one11_R20260304T090000" {
		t.Error(id)
	}
	var all []string
	for _, series := range []string{"one11", id} {
		all = append(all, b.must("GET", primary+"/"+series+"/instances", "").ids()...)
	}
	if want := []string{"one11_20260302T090000Z", "one11_20260303T090000Z", id + "_20260304T090000Z", id + "_20260305T090000Z", id + "_20260306T090000Z"}; !slices.Equal(all, want) {
		t.Error(all)
	}
	s := b.must("GET", primary+"/"+id, "")
	if s.str("extendedProperties", "private", "key") != "value" || s.str("iCalUID") != id+"@google.com" || s.obj["recurringEventId"] != nil {
		t.Error(s.text)
	}
	b.clean()
}
