package providertest

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// recipe is how a server is started: its files in a folder, its program on a port, and what it needs once it answers.
type recipe struct {
	name     string
	packages string // Debian's
	programs []string
	start    func(dir string, p program) (*process, error)
	ready    func(s Server, p program) error // nil: nothing
	server   Server                          // without its URL
}

// program is where a server is to listen, and where its programs are.
type program struct {
	port, imap int
	path       map[string]string
}

var (
	recipes = []recipe{radicale, xandikos, cyrus}

	radicale = recipe{name: "radicale", packages: "radicale", programs: []string{"radicale"}, start: startRadicale,
		server: Server{Name: "radicale", Home: "/alice/", User: "alice", Password: "secret"}}
	xandikos = recipe{name: "xandikos", packages: "xandikos", programs: []string{"xandikos"}, start: startXandikos,
		server: Server{Name: "xandikos", Home: "/alice/calendars/", User: "alice", Password: "secret", NoAuth: true}}
	cyrus = recipe{name: "cyrus", packages: "cyrus-imapd cyrus-caldav sasl2-bin", programs: []string{"cyrmaster", "saslpasswd2"},
		start: startCyrus, ready: makeMailbox,
		server: Server{Name: "cyrus", Home: "/dav/calendars/user/alice/", User: "alice", Password: "secret", UserUIDs: true}}
)

// get gives a server, started if it is not running yet.
func get(t testing.TB, r recipe) (Server, error) {
	return share(t, r.name, func() (Server, func(), error) { return r.run() })
}

func (r recipe) run() (Server, func(), error) {
	p, err := r.find()
	if err != nil {
		return Server{}, nil, err
	}
	dir, err := openFolder(r.name)
	if err != nil {
		return Server{}, nil, err
	}
	proc, err := r.start(dir, p)
	if err != nil {
		os.RemoveAll(dir)
		return Server{}, nil, fmt.Errorf("start %s: %w", r.name, err)
	}
	stop := func() {
		proc.stop()
		os.RemoveAll(dir)
	}
	s := r.server
	s.URL = fmt.Sprintf("http://127.0.0.1:%d", p.port)
	if err := r.await(s, p); err != nil {
		stop()
		return Server{}, nil, fmt.Errorf("start %s: %w\n%s", r.name, err, proc.log())
	}
	return s, stop, nil
}

func (r recipe) await(s Server, p program) error {
	if err := answering(s.URL); err != nil || r.ready == nil {
		return err
	}
	return r.ready(s, p)
}

// find looks for the programs, also where only root's PATH leads, and for free ports.
func (r recipe) find() (program, error) {
	p := program{path: map[string]string{}}
	for _, name := range r.programs {
		path, err := lookPath(name)
		if err != nil {
			return p, unavailable(name + " (apt install " + r.packages + ")")
		}
		p.path[name] = path
	}
	ports, err := freePorts(2)
	if err != nil {
		return p, err
	}
	p.port, p.imap = ports[0], ports[1]
	return p, nil
}

func lookPath(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	return exec.LookPath(filepath.Join("/usr/sbin", name))
}

func startRadicale(dir string, p program) (*process, error) {
	if err := configureRadicale(dir, dir+"/data", p, Server{User: "alice", Password: "secret"}); err != nil {
		return nil, err
	}
	return launchRadicale(dir, p)
}

func launchRadicale(dir string, p program) (*process, error) {
	return launch(dir, p.path["radicale"], "--config", dir+"/config")
}

// configureRadicale writes who may log in, and where things are kept.
func configureRadicale(dir, data string, p program, logins ...Server) error {
	var users strings.Builder
	for _, s := range logins {
		fmt.Fprintf(&users, "%s:%s\n", s.User, s.Password)
	}
	if err := write(dir, "users", users.String()); err != nil {
		return err
	}
	return write(dir, "config", fmt.Sprintf(`[server]
hosts = 127.0.0.1:%d
max_connections = 50
max_content_length = 100000000
timeout = 120
[auth]
type = htpasswd
htpasswd_filename = %s/users
htpasswd_encryption = plain
[rights]
type = owner_only
[storage]
filesystem_folder = %s
[logging]
level = warning
`, p.port, dir, data))
}

func startXandikos(dir string, p program) (*process, error) {
	if err := os.Mkdir(dir+"/data", 0o755); err != nil {
		return nil, err
	}
	return launch(dir, p.path["xandikos"], "--directory", dir+"/data", "--listen-address", "127.0.0.1", "--port", fmt.Sprint(p.port),
		"--current-user-principal", "/alice/", "--defaults")
}

// startCyrus starts its master, which needs root to become the user cyrus, with an HTTP and an IMAP service of one folder.
func startCyrus(dir string, p program) (*process, error) {
	if os.Geteuid() != 0 {
		return nil, unavailable("root, who alone can start cyrus")
	}
	for name, text := range map[string]string{"imapd.conf": imapdConf(dir), "cyrus.conf": cyrusConf(dir, p)} {
		if err := write(dir, name, text); err != nil {
			return nil, err
		}
	}
	for _, sub := range []string{"conf", "mail", "proc", "lock", "socket"} {
		if err := os.Mkdir(filepath.Join(dir, sub), 0o755); err != nil {
			return nil, err
		}
	}
	for _, user := range []string{"alice", "cyrus"} {
		add := exec.Command(p.path["saslpasswd2"], "-p", "-c", "-f", dir+"/sasldb2", "-u", "localhost", user)
		add.Stdin = strings.NewReader("secret")
		if out, err := add.CombinedOutput(); err != nil {
			return nil, fmt.Errorf("add %s to sasldb: %w: %s", user, err, out)
		}
	}
	if out, err := exec.Command("chown", "-R", "cyrus:mail", dir).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("give the folder to cyrus: %w: %s", err, out)
	}
	return launch(dir, p.path["cyrmaster"], "-C", dir+"/imapd.conf", "-M", dir+"/cyrus.conf", "-p", dir+"/master.pid", "-l", "256")
}

func imapdConf(dir string) string {
	return strings.ReplaceAll(`servername: localhost
configdirectory: DIR/conf
defaultpartition: default
partition-default: DIR/mail
proc_path: DIR/proc
mboxname_lockpath: DIR/lock
idlesocket: DIR/socket/idle
notifysocket: DIR/socket/notify
lmtpsocket: DIR/socket/lmtp
altnamespace: yes
unixhierarchysep: yes
virtdomains: off
admins: cyrus
httpmodules: caldav
caldav_allowscheduling: off
caldav_realm: cyrus
maxword: 10485760
allowplaintext: yes
sasl_mech_list: PLAIN
sasl_pwcheck_method: auxprop
sasl_auxprop_plugin: sasldb
sasl_sasldb_path: DIR/sasldb2
`, "DIR", dir)
}

func cyrusConf(dir string, p program) string {
	return fmt.Sprintf(`START {
  recover cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C %[1]s/imapd.conf -r"
}
SERVICES {
  imap cmd="/usr/lib/cyrus/bin/imapd -C %[1]s/imapd.conf" listen="127.0.0.1:%[3]d" prefork=0 maxchild=4
  http cmd="/usr/lib/cyrus/bin/httpd -C %[1]s/imapd.conf" listen="127.0.0.1:%[2]d" prefork=1 maxchild=20
}
EVENTS {
  checkpoint cmd="/usr/lib/cyrus/bin/ctl_cyrusdb -C %[1]s/imapd.conf -c" period=30
}
`, dir, p.port, p.imap)
}

// makeMailbox makes alice, by IMAP as the administrator, and then her calendar home, which her first visit makes.
func makeMailbox(s Server, p program) error {
	conn, err := net.DialTimeout("tcp", fmt.Sprintf("127.0.0.1:%d", p.imap), 10*time.Second)
	if err != nil {
		return fmt.Errorf("reach imapd: %w", err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(20 * time.Second))
	lines := bufio.NewScanner(conn)
	for _, command := range []string{"a LOGIN cyrus secret", "b CREATE user/alice", "c LOGOUT"} {
		fmt.Fprintf(conn, "%s\r\n", command)
		tag := command[:1] + " "
		for lines.Scan() && !strings.HasPrefix(lines.Text(), tag) {
		}
		if !strings.HasPrefix(lines.Text(), tag+"OK") {
			return fmt.Errorf("make the mailbox: %q", lines.Text())
		}
	}
	if a, err := s.Try("PROPFIND", s.Home, "", "Depth", "1"); err != nil || a.Status != http.StatusMultiStatus {
		return fmt.Errorf("make the calendar home: %d %s %v", a.Status, a.Body, err)
	}
	return nil
}

func write(dir, name, text string) error {
	return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644)
}
