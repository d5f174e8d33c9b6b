package secret

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"calbridge/internal/cal"
)

// masterKey is one of the kind that `openssl rand -base64 32` gives.
const masterKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// FuzzOpen: what is no master key is refused without being quoted, and nothing opens but what was sealed, for the account that it was
// sealed for.
func FuzzOpen(f *testing.F) {
	vault, err := Parse(masterKey)
	if err != nil {
		f.Fatal(err)
	}
	const plain = "correct horse battery staple"
	sealed, err := vault.Seal([]byte(plain), "ada")
	if err != nil {
		f.Fatal(err)
	}
	for _, account := range []string{"ada", "bob", "", "ada\x00"} {
		f.Add(masterKey, sealed, account)
		f.Add("{}", sealed[:len(sealed)-1], account)
		f.Add(strings.Repeat("A", 44), append(bytes.Clone(sealed), 0), account)
	}
	f.Fuzz(func(t *testing.T, key string, text []byte, account string) {
		got, err := vault.Open(text, cal.AccountID(account)) // the process that hands out the seeds has sealed them with a nonce of its own
		if was := bytes.Equal(text, sealed) && account == "ada"; was && err != nil || err == nil && (account != "ada" || string(got) != plain) {
			t.Fatalf("%q for %q opens: %q, %v", text, account, got, err)
		}
		opensItsOwn(t, key, text, cal.AccountID(account))
	})
}

// opensItsOwn: whatever passes for a key seals and opens, and what it is stays hidden.
func opensItsOwn(t *testing.T, key string, plain []byte, account cal.AccountID) {
	v, err := Parse(key)
	if err != nil {
		if long := strings.TrimSpace(key); len(long) > 8 && strings.Contains(err.Error(), long) {
			t.Fatalf("the error quotes the key: %v", err)
		}
		return
	}
	sealed, err := v.Seal(plain, account)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Open(sealed, account); err != nil || !bytes.Equal(got, plain) || !v.Current(sealed) {
		t.Fatalf("%q, %v", got, err)
	}
	if got, err := v.Open(sealed, account+"x"); err == nil {
		t.Fatalf("another account opens %q", got)
	}
	if text := fmt.Sprintf("%v %+v %#v", v, v, v); text != "vault vault vault" {
		t.Fatal(text)
	}
}
