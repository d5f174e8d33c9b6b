package main

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"os"
	"strconv"
	"strings"
	"syscall"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/engine"
	"calbridge/internal/reconcile"
	"calbridge/internal/store"
)

// engine puts the driver of accounts together.
func (s *session) engine(ctx context.Context) (*engine.Engine, error) {
	inForce, err := s.settings()
	if err != nil {
		return nil, err
	}
	db, err := s.store(ctx)
	if err != nil {
		return nil, err
	}
	limits := engine.DefaultLimits()
	limits.AuditEvery = inForce.reconcile
	limits.Guard = reconcile.Guard{Share: inForce.maxDelete, Least: limits.Guard.Least}
	return &engine.Engine{Store: db, Open: s.connect, Owner: newOwner(s.chance), Clock: s.clock, Chance: rand.Float64, Limits: limits,
		Notify: inForce.hook()}, nil
}

// remote is an account's remote: what is synced with, and what makes, describes and deletes whole calendars.
type remote interface {
	engine.Provider
	MakeCalendar(context.Context, cal.Facts) (cal.Href, error)
	Describe(context.Context, cal.Href, cal.Facts) error
	DropCalendar(context.Context, cal.Href) error
}

// connect is remote for the engine.
func (s *session) connect(ctx context.Context, a store.Account) (engine.Provider, error) {
	return s.remote(ctx, a)
}

// remote gives the account's remote. It sends nothing yet. A locked account has none: to try refused credentials again is how accounts get
// blocked.
func (s *session) remote(ctx context.Context, a store.Account) (remote, error) {
	switch a.Provider {
	case "caldav":
		return s.caldavRemote(ctx, a)
	case "google":
		return s.googleRemote(ctx, a)
	}
	return nil, fmt.Errorf("account %s: this program cannot speak to %q", a.ID, a.Provider)
}

// caldavRemote is a CalDAV client that tells what it learned about the server.
type caldavRemote struct {
	*caldav.Client
	origin string
	known  []byte // the profile as it was before
}

// Learned implements engine.Provider.
func (r caldavRemote) Learned() (server string, profile []byte) {
	now := marshal(r.Profile())
	if bytes.Equal(now, r.known) {
		return r.origin, nil
	}
	return r.origin, now
}

func (s *session) caldavRemote(ctx context.Context, a store.Account) (remote, error) {
	if a.State == store.AccountLocked {
		return nil, failure{fmt.Errorf("the password of account %s was refused: `calbridge account resume %s --password-file FILE`", a.ID, a.ID), exitPerson}
	}
	password, err := s.unseal(ctx, a)
	if err != nil {
		return nil, err
	}
	cfg, err := s.dial()
	if err != nil {
		return nil, err
	}
	cfg.Homes, cfg.Username, cfg.Password = a.Homes, a.Username, password
	r := caldavRemote{origin: origin(a)}
	if cfg.Profile, err = s.profile(ctx, r.origin); err != nil {
		return nil, err
	}
	r.known = marshal(cfg.Profile)
	if r.Client, err = caldav.New(cfg); err != nil {
		return nil, err
	}
	return r, nil
}

// profile is what earlier conversations taught about a server. One that cannot be read teaches nothing.
func (s *session) profile(ctx context.Context, origin string) (p caldav.Profile, err error) {
	err = s.read(ctx, func(tx *store.Tx) error {
		raw, err := tx.Server(origin)
		if json.Unmarshal(raw, &p) != nil {
			p = caldav.Profile{}
		}
		return err
	})
	return p, err
}

func marshal(p caldav.Profile) []byte {
	raw, err := json.Marshal(p)
	if err != nil {
		return nil // strings, numbers and times: it cannot fail
	}
	return raw
}

// origin is scheme, host and port of the account's calendar home (RFC 6454 §4): what is learned of a server is kept under it.
func origin(a store.Account) string {
	where := a.URL
	if len(a.Homes) > 0 {
		where = a.Homes[0]
	}
	u, err := url.Parse(where)
	if err != nil {
		return where
	}
	return u.Scheme + "://" + u.Host
}

// ── Leases: who syncs an account right now. ──

// newOwner names this process in leases: machine, process, and some chance, as process numbers come back.
func newOwner(chance io.Reader) string {
	nonce := make([]byte, 4)
	_, _ = io.ReadFull(chance, nonce) // without it the name is a little less our own
	return fmt.Sprintf("%s/%d/%s", machine(), os.Getpid(), hex.EncodeToString(nonce))
}

// machine names what process numbers are unique in: a host, and on Linux the namespace inside it, for containers may share a host name.
func machine() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	namespace, _ := os.Readlink("/proc/self/ns/pid")
	return strings.ReplaceAll(host, "/", "-") + "+" + strings.Trim(strings.TrimPrefix(namespace, "pid:"), "[]")
}

// freeDeadLeases ends the leases of processes that died on this machine, so that nobody waits for the time to run out. The dead cannot
// come back: taking a lease raises the epoch, and every Write of an older one is refused.
func (s *session) freeDeadLeases(ctx context.Context, accounts []store.Account) error {
	dead := map[cal.AccountID]string{}
	err := s.read(ctx, func(tx *store.Tx) error {
		for _, a := range accounts {
			owner, err := tx.LeaseOwner(a.ID)
			if err != nil {
				return err
			}
			if died(owner) {
				dead[a.ID] = owner
			}
		}
		return nil
	})
	if err != nil || len(dead) == 0 {
		return err
	}
	return s.write(ctx, func(tx *store.Tx) error {
		for id, owner := range dead {
			if err := tx.BreakLease(id, owner); err != nil {
				return err
			}
		}
		return nil
	})
}

// died reports whether a lease's owner surely is a process of this machine that is no more.
func died(owner string) bool {
	where, rest, _ := strings.Cut(owner, "/")
	number, _, _ := strings.Cut(rest, "/")
	pid, err := strconv.Atoi(number)
	if err != nil || pid <= 0 || where != machine() {
		return false
	}
	process, err := os.FindProcess(pid) // on Unix it always finds one
	return err == nil && errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}
