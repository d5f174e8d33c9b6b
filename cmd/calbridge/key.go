package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"calbridge/internal/cal"
	"calbridge/internal/caldav"
	"calbridge/internal/secret"
	"calbridge/internal/store"
)

// keys gives the master key, as it was when it was asked for first.
func (s *session) keys(ctx context.Context) (*secret.Vault, error) {
	if s.vault != nil {
		return s.vault, nil
	}
	keys, err := s.keysNow(ctx)
	if err == nil {
		s.vault = keys
	}
	return keys, err
}

// keysNow gives the master key as it is now: another process may rotate it. With the default SQLite database it is made on first use, in a
// file beside the database.
func (s *session) keysNow(ctx context.Context) (keys *secret.Vault, err error) {
	inForce, err := s.settings()
	if err != nil {
		return nil, err
	}
	switch path := inForce.keyPath(); {
	case inForce.key != "":
		keys, err = secret.Parse(inForce.key)
	case inForce.keyFile != "":
		keys, err = secret.Open(inForce.keyFile)
	case path != "":
		keys, err = s.ownKey(ctx, path)
	default:
		return nil, usage("the master key is not set: give CALBRIDGE_KEY (openssl rand -base64 32) or CALBRIDGE_KEY_FILE")
	}
	if err != nil {
		return nil, failure{err, exitUsage}
	}
	return keys, nil
}

// ownKey opens the keyset beside the database. A new one is made only while nothing is sealed with the old one.
func (s *session) ownKey(ctx context.Context, path string) (*secret.Vault, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return secret.OpenOrMake(path)
	}
	var sealed []store.Credential
	err := s.read(ctx, func(tx *store.Tx) (err error) {
		sealed, err = tx.Credentials()
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(sealed) > 0 {
		return nil, fmt.Errorf("the master key %s is missing, and %s sealed with it: put the file back, or say where it is (CALBRIDGE_KEY_FILE)",
			path, areSealed(len(sealed)))
	}
	return secret.OpenOrMake(path)
}

func areSealed(n int) string {
	if n == 1 {
		return "a password is"
	}
	return fmt.Sprintf("%d passwords are", n)
}

// seal makes a password, or a grant written down, fit for the database.
func (s *session) seal(ctx context.Context, id cal.AccountID, plain []byte) ([]byte, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return nil, err
	}
	return keys.Seal(plain, id)
}

// sealedStill makes sure that a password that was just stored opens from now on. `key rotate` may have looked for passwords to seal anew
// before this one was there, and have retired the key that it is sealed with. It keeps the new key on disk from before it looks, so whoever
// reads the key after storing sees it.
func (s *session) sealedStill(ctx context.Context, id cal.AccountID, sealed, plain []byte) error {
	for {
		keys, err := s.keysNow(ctx)
		if err != nil || keys.Current(sealed) {
			return err
		}
		again, err := keys.Seal(plain, id)
		if err != nil {
			return err
		}
		swapped := false
		err = s.write(ctx, func(tx *store.Tx) (err error) {
			swapped, err = tx.SetCredential(id, sealed, again)
			return err
		})
		if err != nil || !swapped { // whoever was quicker sealed it with the new key, or stored another
			return err
		}
		sealed = again
	}
}

// unseal gives an account's password.
func (s *session) unseal(ctx context.Context, a store.Account) (caldav.Secret, error) {
	keys, err := s.keys(ctx)
	if err != nil {
		return "", err
	}
	plain, err := keys.Open(a.Credential, a.ID)
	return caldav.Secret(plain), err
}

// keyCmd is `calbridge key …`.
type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Seal every password anew under a new master key."`
}

type keyRotateCmd struct {
	NewKeyFile string `help:"The new master key; made when it is missing. Needed where the old one is in CALBRIDGE_KEY." placeholder:"FILE"`
	KeepOld    bool   `help:"Keep the old keys in the file, so that old copies of the database can still be opened."`
}

// Run seals everything anew in an order that may break off anywhere: the new key is on disk before anything is sealed with it, and the old
// one goes only when nothing is left that needs it.
func (c keyRotateCmd) Run(ctx context.Context, s *session) error {
	old, err := s.keys(ctx)
	if err != nil {
		return err
	}
	path, next, err := c.next(s, old)
	if err != nil {
		return err
	}
	n, err := s.sealAnew(ctx, old, next)
	if err != nil {
		return fmt.Errorf("%w; nothing is lost, the old key still opens what was not sealed anew", err)
	}
	if c.NewKeyFile == "" && !c.KeepOld {
		if err := next.Retire(); err != nil {
			return err
		}
		if err := next.Save(path); err != nil {
			return err
		}
	}
	if c.NewKeyFile != "" {
		s.note("From now on calbridge needs CALBRIDGE_KEY_FILE=%s, and no CALBRIDGE_KEY.", path)
	}
	return s.answer(map[string]any{"sealed": n, "key_file": path}, "Sealed %s anew. The master key is in %s.", count(n, "password"), path)
}

// next is the vault to seal with from now on, and where it is kept.
func (c keyRotateCmd) next(s *session, old *secret.Vault) (path string, next *secret.Vault, err error) {
	inForce, err := s.settings()
	if err != nil {
		return "", nil, err
	}
	if c.NewKeyFile != "" {
		next, err = secret.OpenOrMake(c.NewKeyFile)
		return c.NewKeyFile, next, err
	}
	if inForce.key != "" {
		return "", nil, usage("the master key is in CALBRIDGE_KEY, which this command cannot change: give --new-key-file FILE")
	}
	path = inForce.keyPath()
	if err := old.Rotate(); err != nil {
		return "", nil, err
	}
	return path, old, old.Save(path)
}

// sealAnew seals every credential with next, until none is left that is not; others may add some meanwhile.
func (s *session) sealAnew(ctx context.Context, old, next *secret.Vault) (n int, err error) {
	for {
		var stale []store.Credential
		err := s.read(ctx, func(tx *store.Tx) error {
			all, err := tx.Credentials()
			stale = nil
			for _, c := range all {
				if !next.Current(c.Sealed) {
					stale = append(stale, c)
				}
			}
			return err
		})
		if err != nil || len(stale) == 0 {
			return n, err
		}
		for _, c := range stale {
			done, err := s.sealOne(ctx, c, old, next)
			if err != nil {
				return n, err
			}
			n += done
		}
	}
}

func (s *session) sealOne(ctx context.Context, c store.Credential, old, next *secret.Vault) (done int, err error) {
	plain, err := old.Open(c.Sealed, c.Account)
	if err != nil {
		if plain, err = next.Open(c.Sealed, c.Account); err != nil {
			return 0, err
		}
	}
	sealed, err := next.Seal(plain, c.Account)
	if err != nil {
		return 0, err
	}
	err = s.write(ctx, func(tx *store.Tx) error {
		swapped, err := tx.SetCredential(c.Account, c.Sealed, sealed)
		if done = 0; swapped {
			done = 1
		}
		return err
	})
	return done, err
}
