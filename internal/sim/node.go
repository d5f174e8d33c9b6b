package sim

import (
	"encoding/xml"
	"strings"
)

// node is an element of a request.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr
	Text    string // its own, in one piece
	Nodes   []node
}

// readNode reads the first element of a body; io.EOF: there is none. It does what xml.Unmarshal does, with less work.
func readNode(body string) (node, error) {
	d := xml.NewDecoder(strings.NewReader(body))
	for {
		t, err := d.Token()
		if err != nil {
			return node{}, err
		}
		if start, ok := t.(xml.StartElement); ok {
			return rest(d, start)
		}
	}
}

func rest(d *xml.Decoder, start xml.StartElement) (node, error) {
	n := node{XMLName: start.Name, Attrs: start.Attr}
	for {
		t, err := d.Token()
		if err != nil {
			return n, err
		}
		switch t := t.(type) {
		case xml.StartElement:
			inner, err := rest(d, t)
			if err != nil {
				return n, err
			}
			n.Nodes = append(n.Nodes, inner)
		case xml.CharData:
			n.Text += string(t)
		case xml.EndElement:
			return n, nil
		}
	}
}

func (n node) child(name string) (node, bool) {
	for _, c := range n.Nodes {
		if c.XMLName.Local == name {
			return c, true
		}
	}
	return node{}, false
}

// properties gathers what is inside <set><prop> or <remove><prop>.
func (n node) properties(within string) []node {
	var out []node
	for _, c := range n.Nodes {
		if prop, ok := c.child("prop"); ok && c.XMLName.Local == within {
			out = append(out, prop.Nodes...)
		}
	}
	return out
}

func (n node) componentNames() []string {
	names := []string{}
	for _, c := range n.Nodes {
		for _, a := range c.Attrs {
			if a.Name.Local == "name" {
				names = append(names, strings.ToUpper(a.Value))
			}
		}
	}
	return names
}

func nameAll(nodes []node) []xml.Name {
	var names []xml.Name
	for _, n := range nodes {
		names = append(names, n.XMLName)
	}
	return names
}
