// Package secret seals what the database must not show to whoever can read it: the accounts' passwords and tokens.
//
// A Vault is a Tink keyset of AES-256-GCM keys. Each secret is sealed for one account, and opens for no other: a row that somebody
// copied over another account's is of no use. The same secret sealed twice gives two different texts.
package secret

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"calbridge/internal/cal"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/aead/aesgcm"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/secretdata"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// Vault seals and opens. It is safe for concurrent use, but for Rotate.
type Vault struct {
	keys   *keyset.Handle
	cipher tink.AEAD
}

// New makes a vault with a fresh key.
func New() (*Vault, error) {
	keys, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, fmt.Errorf("make a master key: %w", err)
	}
	return vault(keys)
}

// Parse reads a master key as CALBRIDGE_KEY holds it: what Text gives, or the base64 of 32 random bytes (`openssl rand -base64 32`).
func Parse(text string) (*Vault, error) {
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace([]byte(text))))
	if err != nil {
		return nil, errors.New("read the master key: it is not base64 (CALBRIDGE_KEY)") // the decoder's words would quote it
	}
	if len(raw) == keySize {
		return fromBytes(raw)
	}
	return decode(raw)
}

// Open reads the keyset file, or a file that holds what Parse takes (CALBRIDGE_KEY_FILE).
func Open(path string) (*Vault, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the master key (CALBRIDGE_KEY_FILE): %w", err)
	}
	v, err := decode(raw)
	if err != nil {
		v, err = Parse(string(raw))
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key in %s: it is neither a Tink keyset nor the base64 of a key", path)
	}
	return v, nil
}

// OpenOrMake reads the keyset file, and makes it, for its owner's eyes only, when there is none. Of two processes that make it at once
// one wins and both use its key.
func OpenOrMake(path string) (*Vault, error) {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return Open(path)
	}
	v, err := New()
	if err != nil {
		return nil, err
	}
	err = v.write(path, os.Link) // which never takes the place of a file
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make the master key: %w", err)
	}
	return Open(path)
}

// Save puts the keyset in the place of the file, whole or not at all.
func (v *Vault) Save(path string) error {
	if err := v.write(path, os.Rename); err != nil {
		return fmt.Errorf("save the master key: %w", err)
	}
	return nil
}

// Text is the keyset as Parse reads it. It is the secret itself.
func (v *Vault) Text() (string, error) {
	raw, err := v.encode()
	return base64.StdEncoding.EncodeToString(raw), err
}

// Seal makes a secret unreadable but for this vault and account.
func (v *Vault) Seal(plain []byte, account cal.AccountID) ([]byte, error) {
	sealed, err := v.cipher.Encrypt(plain, bound(account))
	if err != nil {
		return nil, fmt.Errorf("seal the credentials of account %s: %w", account, err)
	}
	return sealed, nil
}

// Open gives back what was sealed for the account under any key of the vault.
func (v *Vault) Open(sealed []byte, account cal.AccountID) ([]byte, error) {
	plain, err := v.cipher.Decrypt(sealed, bound(account))
	if err != nil {
		return nil, fmt.Errorf("open the credentials of account %s: they were sealed under another master key (CALBRIDGE_KEY, CALBRIDGE_KEY_FILE)", account)
	}
	return plain, nil
}

// bound is the associated data of a secret: whose it is.
func bound(account cal.AccountID) []byte { return []byte("account:" + string(account)) }

// Rotate adds a new key, with which everything is sealed from now on. The old ones still open. Save the vault before anything sealed
// with the new key is stored.
func (v *Vault) Rotate() error {
	m := keyset.NewManagerFromHandle(v.keys)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err == nil {
		err = m.SetPrimary(id)
	}
	if err != nil {
		return fmt.Errorf("add a master key: %w", err)
	}
	return v.use(m)
}

// Retire drops all keys but the newest: once everything is sealed anew, and no copy of the database is to be opened any more.
func (v *Vault) Retire() error {
	primary, err := v.keys.Primary()
	if err != nil {
		return fmt.Errorf("drop the old master keys: %w", err)
	}
	m := keyset.NewManagerFromHandle(v.keys)
	for i := range v.keys.Len() {
		e, err := v.keys.Entry(i)
		if err == nil && e.KeyID() != primary.KeyID() {
			err = m.Delete(e.KeyID())
		}
		if err != nil {
			return fmt.Errorf("drop the old master keys: %w", err)
		}
	}
	return v.use(m)
}

// Current reports whether a text was sealed with the newest key.
func (v *Vault) Current(sealed []byte) bool {
	primary, err := v.keys.Primary()
	return err == nil && bytes.HasPrefix(sealed, prefix(primary.KeyID()))
}

// prefix is how a text sealed by Tink begins: one byte, and the key's id.
func prefix(id uint32) []byte { return binary.BigEndian.AppendUint32([]byte{1}, id) }

// String keeps the keys out of logs.
func (v *Vault) String() string { return "vault" }

// GoString keeps the keys out of logs.
func (v *Vault) GoString() string { return "vault" }

func vault(keys *keyset.Handle) (*Vault, error) {
	cipher, err := aead.New(keys)
	if err != nil {
		return nil, fmt.Errorf("use the master key: %w", err)
	}
	return &Vault{keys, cipher}, nil
}

func (v *Vault) use(m *keyset.Manager) error {
	keys, err := m.Handle()
	if err != nil {
		return fmt.Errorf("use the master key: %w", err)
	}
	next, err := vault(keys)
	if err == nil {
		*v = *next
	}
	return err
}

const keySize = 32

// fromBytes makes a vault of a bare key. Its id comes from the key, so that the same key always opens the same texts.
func fromBytes(raw []byte) (*Vault, error) {
	parameters, err := aesgcm.NewParameters(aesgcm.ParametersOpts{KeySizeInBytes: keySize, IVSizeInBytes: 12, TagSizeInBytes: 16, Variant: aesgcm.VariantTink})
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	sum := sha256.Sum256(append([]byte("calbridge key id:"), raw...))
	key, err := aesgcm.NewKey(secretdata.NewBytesFromData(raw, insecuresecretdataaccess.Token{}), binary.BigEndian.Uint32(sum[:])|1, parameters)
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	m := keyset.NewManager()
	id, err := m.AddKey(key)
	if err == nil {
		err = m.SetPrimary(id)
	}
	if err != nil {
		return nil, fmt.Errorf("read the master key: %w", err)
	}
	v := &Vault{}
	return v, v.use(m)
}

// decode reads a keyset in either of Tink's forms.
func decode(raw []byte) (*Vault, error) {
	keys, err := insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(raw)))
	if err != nil {
		keys, err = insecurecleartextkeyset.Read(keyset.NewBinaryReader(bytes.NewReader(raw)))
	}
	if err != nil {
		return nil, errors.New("read the master key: it is not a Tink keyset")
	}
	return vault(keys)
}

func (v *Vault) encode() ([]byte, error) {
	var b bytes.Buffer
	if err := insecurecleartextkeyset.Write(v.keys, keyset.NewJSONWriter(&b)); err != nil {
		return nil, fmt.Errorf("write the master key: %w", err)
	}
	return b.Bytes(), nil
}

// write writes the keyset beside the path, durably, and puts it there with place.
func (v *Vault) write(path string, place func(from, to string) error) error {
	raw, err := v.encode()
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".key-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes the name outlive the power.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
