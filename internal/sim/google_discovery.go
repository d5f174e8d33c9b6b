package sim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Discovery is a discovery document: what Google publishes of an API for machines. It judges exchanges, ours and the simulator's alike.
type Discovery struct {
	methods []discoveryMethod
	globals map[string]discoverySchema
	schemas map[string]discoverySchema
}

type discoveryMethod struct {
	ID         string                     `json:"id"`
	HTTPMethod string                     `json:"httpMethod"`
	Path       string                     `json:"path"`
	Parameters map[string]discoverySchema `json:"parameters"`
	Request    *discoverySchema           `json:"request"`
	Response   *discoverySchema           `json:"response"`
}

// discoverySchema is a schema of JSON, or of a parameter.
type discoverySchema struct {
	Ref         string                     `json:"$ref"`
	Type        string                     `json:"type"`
	Format      string                     `json:"format"`
	Enum        []string                   `json:"enum"`
	Minimum     string                     `json:"minimum"`
	Maximum     string                     `json:"maximum"`
	Location    string                     `json:"location"`
	Required    bool                       `json:"required"`
	Repeated    bool                       `json:"repeated"`
	Items       *discoverySchema           `json:"items"`
	Properties  map[string]discoverySchema `json:"properties"`
	Additional  *discoverySchema           `json:"additionalProperties"`
	Annotations struct {
		Required []string `json:"required"` // ids of the methods that want it in their request
	} `json:"annotations"`
}

type discoveryResource struct {
	Methods   map[string]discoveryMethod   `json:"methods"`
	Resources map[string]discoveryResource `json:"resources"`
}

// LoadDiscovery reads a file such as calendar/v3/calendar-api.json of the Go module google.golang.org/api.
func LoadDiscovery(path string) (*Discovery, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the discovery document: %w", err)
	}
	var document struct {
		discoveryResource
		Parameters map[string]discoverySchema `json:"parameters"`
		Schemas    map[string]discoverySchema `json:"schemas"`
	}
	if err := json.Unmarshal(text, &document); err != nil {
		return nil, fmt.Errorf("read the discovery document %s: %w", path, err)
	}
	d := &Discovery{globals: document.Parameters, schemas: document.Schemas}
	d.collect(document.discoveryResource)
	return d, nil
}

func (d *Discovery) collect(r discoveryResource) {
	for _, name := range slices.Sorted(maps.Keys(r.Methods)) {
		d.methods = append(d.methods, r.Methods[name])
	}
	for _, name := range slices.Sorted(maps.Keys(r.Resources)) {
		d.collect(r.Resources[name])
	}
}

// Check names what of an exchange contradicts the document: path, method, parameters and members in requests, members in answers. Members
// that are read-only may be sent; null may be sent in a PATCH.
func (d *Discovery) Check(r *http.Request, body []byte, status int, answer []byte) []string {
	return d.check(r, body, status, answer, false)
}

func (d *Discovery) check(r *http.Request, body []byte, status int, answer []byte, lenient bool) []string {
	m := d.method(r)
	if m == nil {
		return []string{r.Method + " " + r.URL.EscapedPath() + ": no such method"}
	}
	c := &discoveryCheck{Discovery: d, lenient: lenient, nulls: r.Method == http.MethodPatch, method: m.ID}
	c.in = m.ID + " request"
	c.parameters(m, r.URL.Query())
	c.body(m.Request, body, true)
	c.in, c.nulls = fmt.Sprintf("%s answer %d", m.ID, status), false
	if status >= 400 {
		c.failure(status, answer)
	} else if status != http.StatusNotModified {
		c.body(m.Response, answer, false)
	}
	return c.found
}

func (d *Discovery) method(r *http.Request) *discoveryMethod {
	path, found := strings.CutPrefix(r.URL.EscapedPath(), apiPrefix)
	if !found {
		return nil
	}
	var best *discoveryMethod
	for i := range d.methods {
		m := &d.methods[i]
		template := googleMethod{path: strings.Split(m.Path, "/")}
		if _, fits := template.matches(strings.Split(path, "/")); !fits || m.HTTPMethod != r.Method {
			continue
		}
		if best == nil || strings.Count(m.Path, "{") < strings.Count(best.Path, "{") {
			best = m
		}
	}
	return best
}

// discoveryCheck collects what is wrong with one exchange.
type discoveryCheck struct {
	*Discovery
	method  string
	in      string // which part is looked at
	lenient bool   // unknown members are normal
	nulls   bool   // null may stand for anything
	found   []string
}

func (c *discoveryCheck) wrong(where, format string, args ...any) {
	c.found = append(c.found, c.in+": "+where+": "+fmt.Sprintf(format, args...))
}

func (c *discoveryCheck) parameters(m *discoveryMethod, query url.Values) {
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		p, known := m.Parameters[name]
		if !known || p.Location != "query" {
			p, known = c.globals[name]
		}
		switch {
		case !known:
			c.wrong(name, "unknown parameter")
			continue
		case len(values) > 1 && !p.Repeated:
			c.wrong(name, "repeated")
		}
		for _, v := range values {
			c.parameter(name, p, v)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Parameters)) {
		if p := m.Parameters[name]; p.Required && p.Location == "query" && !query.Has(name) {
			c.wrong(name, "required parameter missing")
		}
	}
}

func (c *discoveryCheck) parameter(name string, p discoverySchema, value string) {
	switch p.Type {
	case "boolean":
		if value != "true" && value != "false" {
			c.wrong(name, "%q is no boolean", value)
		}
	case "integer":
		c.integer(name, p, value)
	default:
		c.text(name, p, value)
	}
}

func (c *discoveryCheck) integer(name string, p discoverySchema, value string) {
	n, err := strconv.ParseInt(value, 10, 64)
	least, lerr := strconv.ParseInt(p.Minimum, 10, 64)
	most, merr := strconv.ParseInt(p.Maximum, 10, 64)
	if err != nil || p.Format == "int32" && (n > math.MaxInt32 || n < math.MinInt32) || lerr == nil && n < least || merr == nil && n > most {
		c.wrong(name, "%q is no %s within its bounds", value, p.Format)
	}
}

func (c *discoveryCheck) text(name string, p discoverySchema, value string) {
	if len(p.Enum) > 0 && !slices.Contains(p.Enum, value) {
		c.wrong(name, "%q is none of %q", value, p.Enum)
	}
	switch p.Format {
	case "date-time":
		_, err := time.Parse(time.RFC3339, value)
		if _, local := time.Parse("2006-01-02T15:04:05", value); err != nil && (local != nil || !strings.HasPrefix(name, ".")) {
			c.wrong(name, "%q is no date-time with an offset", value) // which only a member may be without (EventDateTime.dateTime)
		}
	case "date":
		if _, err := time.Parse("2006-01-02", value); err != nil {
			c.wrong(name, "%q is no date", value)
		}
	case "int64":
		if _, err := strconv.ParseInt(value, 10, 64); err != nil {
			c.wrong(name, "%q is no int64", value)
		}
	}
}

// body checks a body against the schema it must have, or that there is none.
func (c *discoveryCheck) body(s *discoverySchema, body []byte, request bool) {
	if s == nil {
		if len(bytes.TrimSpace(body)) > 0 {
			c.wrong("body", "there should be none")
		}
		return
	}
	o, err := decode(body)
	if err != nil {
		c.wrong("body", "not one JSON object: %v", err)
		return
	}
	c.value("", *s, o)
	members := c.resolve(*s).Properties
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if p := members[name]; request && slices.Contains(p.Annotations.Required, c.method) && o[name] == nil {
			c.wrong("."+name, "required member missing")
		}
	}
}

func (d *Discovery) resolve(s discoverySchema) discoverySchema {
	if s.Ref != "" {
		return d.schemas[s.Ref]
	}
	return s
}

func (c *discoveryCheck) value(where string, s discoverySchema, v any) {
	s = c.resolve(s)
	if v == nil {
		if !c.nulls {
			c.wrong(where, "null")
		}
		return
	}
	switch v := v.(type) {
	case jsonObject:
		c.object(where, s, v)
		return
	case []any:
		if s.Type == "array" {
			for i, item := range v {
				c.value(fmt.Sprintf("%s[%d]", where, i), *s.Items, item)
			}
			return
		}
	case string:
		if s.Type == "string" {
			c.text(where, s, v)
			return
		}
	case bool:
		if s.Type == "boolean" {
			return
		}
	case json.Number:
		if s.Type == "integer" {
			c.integer(where, s, v.String())
			return
		}
		if s.Type == "number" {
			return
		}
	}
	if s.Type != "any" {
		c.wrong(where, "%T instead of %s", v, s.Type)
	}
}

func (c *discoveryCheck) object(where string, s discoverySchema, o jsonObject) {
	if s.Type != "object" {
		c.wrong(where, "an object instead of %s", s.Type)
		return
	}
	for _, name := range slices.Sorted(maps.Keys(o)) {
		p, known := s.Properties[name]
		switch {
		case known:
			c.value(where+"."+name, p, o[name])
		case s.Additional != nil:
			c.value(where+"."+name, *s.Additional, o[name])
		case !c.lenient:
			c.wrong(where+"."+name, "unknown member")
		}
	}
}

// failure checks the body of an error (Google, Handle API errors).
func (c *discoveryCheck) failure(status int, answer []byte) {
	var body struct {
		Error struct {
			Code    int
			Message string
			Errors  []struct{ Domain, Reason, Message, Location, LocationType string }
		}
	}
	d := json.NewDecoder(bytes.NewReader(answer))
	d.DisallowUnknownFields()
	if err := d.Decode(&body); err != nil {
		c.wrong("body", "not the documented error: %v", err)
		return
	}
	e := body.Error
	if e.Code != status || e.Message == "" || len(e.Errors) == 0 || e.Errors[0].Domain == "" || e.Errors[0].Reason == "" || e.Errors[0].Message == "" {
		c.wrong("body", "not the documented error: %s", answer)
	}
}

func (g *Google) checkExchange(r *googleRequest, a googleAnswer) {
	if d := g.options.Discovery; d != nil {
		g.violations = append(g.violations, d.check(r.Request, r.body, a.status, a.body, g.options.UnknownMembersAreNormal)...)
	}
}
