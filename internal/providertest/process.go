package providertest

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

// process is a program in the background, with all that it starts.
type process struct {
	cmd   *exec.Cmd
	leash io.Closer
	dir   string
}

// keeper starts a program and ends its process group when its own standard input ends: when we stop it, and also when we die. That signal
// is $0; INT makes a PostgreSQL end its connections, which TERM waits for.
const keeper = `"$@" </dev/null & trap '' TERM INT; read _; kill -s "$0" 0; wait`

func launch(dir, program string, args ...string) (*process, error) {
	return launchAs(nil, "TERM", dir, program, args...)
}

// launchAs starts a program as another user, or with nil as ourselves; its output goes to the end of dir/log.
func launchAs(user *syscall.Credential, signal, dir, program string, args ...string) (*process, error) {
	log, err := os.OpenFile(filepath.Join(dir, "log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command("/bin/sh", append([]string{"-c", keeper, signal, program}, args...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Credential: user}
	leash, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd: cmd, leash: leash, dir: dir}, nil
}

// stop ends the program kindly, and after ten seconds its process group unkindly.
func (p *process) stop() {
	p.leash.Close()
	done := make(chan struct{})
	go func() {
		p.cmd.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		syscall.Kill(-p.cmd.Process.Pid, syscall.SIGKILL)
		<-done
	}
}

// log is the end of what the program had to say.
func (p *process) log() string {
	text, err := os.ReadFile(filepath.Join(p.dir, "log"))
	if err != nil {
		return err.Error()
	}
	return string(text[max(0, len(text)-4000):])
}

// openFolder makes a temporary folder that other users can reach, unlike testing's.
func openFolder(name string) (string, error) {
	dir, err := os.MkdirTemp("/tmp", "calbridge-"+name+"-")
	if err != nil {
		return "", err
	}
	return dir, os.Chmod(dir, 0o755)
}

// freePorts finds loopback ports that nobody listens on.
func freePorts(n int) ([]int, error) {
	var ports []int
	for range n {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		ports = append(ports, l.Addr().(*net.TCPAddr).Port)
	}
	return ports, nil
}

// answering waits until a server says anything, for a minute at most.
func answering(url string) error {
	client := http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		r, err := client.Get(url)
		if err == nil {
			r.Body.Close()
			return nil
		}
	}
	return errors.New("no answer within a minute")
}
