package caldav

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// ackAtOnce makes the kernel acknowledge what arrives without the usual delay. Cyrus writes an answer in several pieces with Nagle's
// algorithm on, so its next piece waits for our acknowledgement, and ours, delayed, for 40 ms: once per answer.
func ackAtOnce(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &promptConn{TCPConn: tcp, raw: raw}
}

type promptConn struct {
	*net.TCPConn
	raw syscall.RawConn
}

// Read acknowledges what it read. The kernel forgets TCP_QUICKACK whenever we send (tcp(7)), so it is set each time.
func (c *promptConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 {
		_ = c.raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1) // only ever a matter of speed
		})
	}
	return n, err
}
