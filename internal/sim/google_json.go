package sim

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"strconv"
)

// jsonObject is a JSON object as it was read; numbers are json.Number, so that nothing is rounded.
type jsonObject = map[string]any

// decode reads exactly one JSON object.
func decode(text []byte) (jsonObject, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var o jsonObject
	if err := d.Decode(&o); err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return o, nil
}

func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // only values that came out of JSON go in
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

func number(n int) json.Number { return json.Number(strconv.Itoa(n)) }

func count(v any) int {
	n, _ := v.(json.Number)
	i, _ := strconv.Atoi(n.String())
	return i
}

func words(o jsonObject, name string) string {
	s, _ := o[name].(string)
	return s
}

func part(o jsonObject, name string) jsonObject {
	p, _ := o[name].(jsonObject)
	return p
}

func list(o jsonObject, name string) []any {
	l, _ := o[name].([]any)
	return l
}

func yes(o jsonObject, name string) bool {
	b, _ := o[name].(bool)
	return b
}

func copied(v any) any {
	switch v := v.(type) {
	case jsonObject:
		c := make(jsonObject, len(v))
		for k, m := range v {
			c[k] = copied(m)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, m := range v {
			c[i] = copied(m)
		}
		return c
	}
	return v
}

// merged is RFC 7396: members are merged, null deletes, arrays are replaced whole (Google, Patch).
func merged(base, patch jsonObject) jsonObject {
	out := maps.Clone(base)
	if out == nil {
		out = jsonObject{}
	}
	for name, value := range patch {
		switch value := value.(type) {
		case nil:
			delete(out, name)
		case jsonObject:
			out[name] = merged(part(out, name), value)
		default:
			out[name] = copied(value)
		}
	}
	return out
}
