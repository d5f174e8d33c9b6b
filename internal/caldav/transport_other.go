//go:build !linux

package caldav

import "net"

// ackAtOnce is for Linux only.
func ackAtOnce(conn net.Conn) net.Conn { return conn }
