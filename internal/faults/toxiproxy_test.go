//go:build faults

package faults

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"calbridge/internal/providertest"
)

// toxiproxy stands before servers and does to connections what networks do (https://github.com/Shopify/toxiproxy).
type toxiproxy struct {
	t   *testing.T
	api string
}

// toxic is one thing that goes wrong on the way up to the server or down from it.
type toxic struct {
	Type       string         `json:"type"`
	Stream     string         `json:"stream"`
	Attributes map[string]int `json:"attributes"`
}

// put gives the address of a new proxy before a server.
func (p toxiproxy) put(name, server string) (address string) {
	address = fmt.Sprintf("127.0.0.1:%d", providertest.SteadyPort(p.t))
	if err := p.send(http.MethodPost, "/proxies", map[string]any{"name": name, "listen": address, "upstream": server, "enabled": true}); err != nil {
		p.t.Fatal(err)
	}
	return address
}

// with lets something go wrong for a time.
func (p toxiproxy) with(proxy string, x toxic, lasts time.Duration) {
	if err := p.send(http.MethodPost, "/proxies/"+proxy+"/toxics", x); err != nil {
		p.t.Errorf("%v", err)
		return
	}
	time.Sleep(lasts)
	if err := p.send(http.MethodDelete, "/proxies/"+proxy+"/toxics/"+x.Type+"_"+x.Stream, nil); err != nil {
		p.t.Errorf("%v", err)
	}
}

// without cuts all connections and takes no new ones for a time.
func (p toxiproxy) without(proxy string, lasts time.Duration) {
	for _, on := range []bool{false, true} {
		if err := p.send(http.MethodPost, "/proxies/"+proxy, map[string]any{"enabled": on}); err != nil {
			p.t.Errorf("%v", err)
		}
		if !on {
			time.Sleep(lasts)
		}
	}
}

// reset ends all that goes wrong.
func (p toxiproxy) reset() error { return p.send(http.MethodPost, "/reset", nil) }

func (p toxiproxy) send(method, path string, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r, err := http.NewRequest(method, p.api+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	client := http.Client{Timeout: 30 * time.Second}
	a, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("toxiproxy: %w", err)
	}
	defer a.Body.Close()
	if a.StatusCode >= 300 {
		said, _ := io.ReadAll(a.Body)
		return fmt.Errorf("toxiproxy: %s %s: %d %s", method, path, a.StatusCode, said)
	}
	_, err = io.Copy(io.Discard, a.Body)
	return err
}
