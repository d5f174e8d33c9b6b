package sim

import (
	"encoding/xml"
	"strings"
)

// node is an element of a request.
type node struct {
	XMLName xml.Name
	Attrs   []xml.Attr `xml:",any,attr"`
	Text    string     `xml:",chardata"`
	Nodes   []node     `xml:",any"`
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
