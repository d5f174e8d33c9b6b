package caldav

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"syscall"
)

// ErrPrivate: the address is one that we do not connect to as we are configured. The error that wraps it says which and what to do.
var ErrPrivate = errors.New("refuse to connect")

// guard decides which addresses may be connected to. It looks at the address the socket is about to use, after name resolution, so a
// name that resolves differently the second time (DNS rebinding), an odd spelling (0x7f.1) or a redirect cannot get around it.
type guard struct {
	private bool // inner addresses are allowed: the operator's own network
	public  bool // outer addresses are allowed
}

// control is net.Dialer.Control.
func (g guard) control(_, address string, _ syscall.RawConn) error {
	where, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w to %q: not an address", ErrPrivate, address)
	}
	return g.check(where.Addr())
}

func (g guard) check(addr netip.Addr) error {
	addr = addr.Unmap().WithZone("") // IPv4-mapped IPv6 is the IPv4 address it carries
	class := classify(addr)
	switch {
	case class.never || carried(addr).never:
		return fmt.Errorf("%w to %v: a %s address is never a calendar server", ErrPrivate, addr, class.name)
	case class.name != "" && !g.private:
		return fmt.Errorf("%w to %v: a %s address; if the server is yours, set CALBRIDGE_ALLOW_PRIVATE_HOSTS=true",
			ErrPrivate, addr, class.name)
	case class.name == "" && !g.public:
		return fmt.Errorf("%w to %v without encryption: http:// is for private addresses; use an https:// URL", ErrPrivate, addr)
	}
	return nil
}

// addressClass says what a special address is for; the zero class is a public address.
type addressClass struct {
	name  string
	never bool // not even where inner addresses are allowed
}

// classify finds what addr is reserved for (RFC 6890 and the IANA special-purpose registries; the clouds' metadata services).
func classify(addr netip.Addr) addressClass {
	for _, special := range specialAddresses {
		if special.prefix.Contains(addr) {
			return special.addressClass
		}
	}
	if addr.Is6() && !globalUnicast.Contains(addr) {
		return addressClass{name: "reserved IPv6"}
	}
	return addressClass{}
}

// carried classifies the IPv4 address inside a NAT64 (RFC 6052 §2.1) or 6to4 (RFC 3056 §2) one.
func carried(addr netip.Addr) addressClass {
	b := addr.As16()
	switch {
	case !addr.Is6():
		return addressClass{}
	case nat64.Contains(addr):
		return classify(netip.AddrFrom4([4]byte(b[12:16])))
	case sixToFour.Contains(addr):
		return classify(netip.AddrFrom4([4]byte(b[2:6])))
	}
	return addressClass{}
}

var (
	globalUnicast = netip.MustParsePrefix("2000::/3") // RFC 4291 §2.4, as far as it was ever given out
	nat64         = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour     = netip.MustParsePrefix("2002::/16")
)

type specialAddress struct {
	prefix netip.Prefix
	addressClass
}

// specialAddresses: the first that fits wins, so single addresses come before the ranges they lie in.
var specialAddresses = readSpecial(`
169.254.169.254/32  never cloud metadata
169.254.170.2/32    never cloud metadata
100.100.100.200/32  never cloud metadata
168.63.129.16/32    never cloud metadata
192.0.0.192/32      never cloud metadata
fd00:ec2::254/128   never cloud metadata
0.0.0.0/8           never unspecified
::/128              never unspecified
224.0.0.0/4         never multicast
ff00::/8            never multicast
255.255.255.255/32  never broadcast
::1/128             local loopback
127.0.0.0/8         local loopback
10.0.0.0/8          local private
172.16.0.0/12       local private
192.168.0.0/16      local private
169.254.0.0/16      local link-local
fe80::/10           local link-local
fec0::/10           local site-local
fc00::/7            local unique local
100.64.0.0/10       local carrier NAT
192.0.0.0/24        local protocol assignment
192.0.2.0/24        local documentation
198.51.100.0/24     local documentation
203.0.113.0/24      local documentation
2001:db8::/32       local documentation
3fff::/20           local documentation
192.88.99.0/24      local 6to4 relay
2002::/16           local 6to4
2001::/32           local Teredo
2001:10::/28        local ORCHID
2001:20::/28        local ORCHID
198.18.0.0/15       local benchmark
240.0.0.0/4         local reserved
64:ff9b::/96        local NAT64
64:ff9b:1::/48      local NAT64
::/96               local IPv4-compatible
`)

func readSpecial(table string) []specialAddress {
	var out []specialAddress
	for line := range strings.Lines(strings.TrimSpace(table)) {
		words := strings.Fields(line)
		out = append(out, specialAddress{
			prefix:       netip.MustParsePrefix(words[0]),
			addressClass: addressClass{name: strings.Join(words[2:], " "), never: words[1] == "never"},
		})
	}
	return out
}

// nearby guesses from its name that a host is on our own network: bytes are cheap there and compressing them is not.
func nearby(host string) bool {
	if addr, err := netip.ParseAddr(host); err == nil {
		return classify(addr.Unmap().WithZone("")).name != ""
	}
	if !strings.Contains(host, ".") {
		return true
	}
	for _, suffix := range []string{".localhost", ".local", ".lan", ".internal", ".home.arpa"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	return false
}
