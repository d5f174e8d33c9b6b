package caldav

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"calbridge/internal/cal"
)

func TestGuard(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "loopback", "127.8.8.8": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback",
		"10.0.0.1": "private", "172.16.0.1": "private", "172.31.255.255": "private", "192.168.1.1": "private", "::ffff:10.0.0.1": "private",
		"169.254.1.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local", "fec0::1": "site-local", "fd00::1": "unique local",
		"100.64.0.1": "carrier NAT", "100.127.255.255": "carrier NAT", "192.0.0.1": "protocol assignment", "192.0.2.1": "documentation",
		"2001:db8::1": "documentation", "192.88.99.1": "6to4 relay", "2002:0a00:0001::1": "6to4", "2001:0:1::1": "Teredo",
		"198.18.0.1": "benchmark", "240.0.0.1": "reserved", "64:ff9b::5db8:d822": "NAT64", "64:ff9b:1::1": "NAT64", "::5db8:d822": "IPv4-compatible",
		"4000::1": "reserved IPv6", "100::1": "reserved IPv6",
	} {
		a := netip.MustParseAddr(addr)
		err := guard{public: true}.check(a)
		if err == nil || !strings.Contains(err.Error(), "a "+want+" address") || !strings.Contains(err.Error(), "CALBRIDGE_ALLOW_PRIVATE_HOSTS") {
			t.Errorf("%s: %v, want it refused as %s", addr, err, want)
		}
		if err := (guard{private: true}).check(a); err != nil {
			t.Errorf("allowed, %s: %v", addr, err)
		}
	}
	for _, addr := range []string{"93.184.216.34", "172.32.0.1", "172.15.0.1", "100.63.0.1", "100.128.0.1", "2606:2800:220::1", "::ffff:93.184.216.34"} {
		a := netip.MustParseAddr(addr)
		if err := (guard{public: true}).check(a); err != nil {
			t.Errorf("%s: %v", addr, err)
		}
		if err := (guard{private: true}).check(a); err == nil || !strings.Contains(err.Error(), "https") {
			t.Errorf("without encryption, %s: %v", addr, err)
		}
	}
	for _, addr := range []string{"169.254.169.254", "fd00:ec2::254", "100.100.100.200", "168.63.129.16", "0.0.0.0", "::", "224.0.0.1",
		"ff02::1", "255.255.255.255", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe", "2002:a9fe:a9fe::1", "0.1.2.3"} {
		if err := (guard{private: true, public: true}).check(netip.MustParseAddr(addr)); err == nil {
			t.Errorf("%s is never a calendar server, and was taken", addr)
		}
	}
}

func TestPrivateAddressIsRefused(t *testing.T) {
	s := record(t, status(207))
	c := dial(t, s, func(cfg *Config) { cfg.AllowPrivate = false })
	_, err := c.send(t.Context(), putEvent())
	if !errors.Is(err, cal.ErrUnsent) || !errors.Is(err, ErrPrivate) || !strings.Contains(err.Error(), "loopback") || !strings.Contains(err.Error(), "CALBRIDGE_ALLOW_PRIVATE_HOSTS") {
		t.Errorf("%v", err)
	}
	if _, err := Discover(t.Context(), Config{Username: "alice", Password: password}, s.URL); !errors.Is(err, ErrPrivate) {
		t.Errorf("discover: %v", err)
	}
	if s.count() != 0 {
		t.Error("it was asked all the same")
	}
}

func TestNamesOfPrivateAddressesAreRefused(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var connections atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			connections.Add(1)
			conn.Close()
		}
	}()
	port := strings.TrimPrefix(l.Addr().String(), "127.0.0.1")
	rebinding := []string{"198.51.100.1", "127.0.0.1"}
	var asked atomic.Int32
	resolver := fakeDNS(t, func(q dns.Question) []string {
		if q.Qtype != dns.TypeA {
			return nil
		}
		return []string{q.Name + " 0 A " + rebinding[int(asked.Add(1))%2]}
	})
	for _, host := range []string{"rebind.example.com", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1]"} {
		for _, scheme := range []string{"https://", "http://"} {
			c, err := New(Config{Home: scheme + host + port + "/", Username: "alice", Password: password, Resolver: resolver})
			if err != nil {
				continue // not even a URL: just as well
			}
			for range 2 {
				if _, err := c.send(t.Context(), propfindHome()); !errors.Is(err, cal.ErrUnsent) {
					t.Errorf("%s: %v", host, err)
				}
			}
		}
	}
	if n := connections.Load(); n != 0 {
		t.Errorf("%d connections were made to a loopback address", n)
	}
	if asked.Load() < 2 {
		t.Error("the fake DNS was never asked")
	}
}

// fakeDNS is a name server that answers each question with the records, in zone file form, that answer makes up.
func fakeDNS(t *testing.T, answer func(dns.Question) []string) *net.Resolver {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		reply := new(dns.Msg)
		reply.SetReply(q)
		for _, line := range answer(q.Question[0]) {
			record, err := dns.NewRR(line)
			if err != nil {
				t.Errorf("%q: %v", line, err)
				continue
			}
			reply.Answer = append(reply.Answer, record)
		}
		if len(reply.Answer) == 0 {
			reply.Rcode = dns.RcodeNameError
		}
		_ = w.WriteMsg(reply)
	})}
	go server.ActivateAndServe()
	t.Cleanup(func() { server.Shutdown() })
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
}
