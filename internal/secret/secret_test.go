package secret_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"calbridge/internal/cal"
	"calbridge/internal/secret"
)

func TestSealedForOneAccount(t *testing.T) {
	v := fresh(t)
	a, b := seal(t, v, "hunter2", "alice"), seal(t, v, "hunter2", "alice")
	if bytes.Equal(a, b) {
		t.Error("the same secret sealed twice gives the same text")
	}
	if bytes.Contains(a, []byte("hunter2")) {
		t.Error("the secret shows")
	}
	opens(t, v, a, "alice", "hunter2")
	if _, err := v.Open(a, "bob"); err == nil {
		t.Error("bob opens alice's secret")
	}
	if _, err := fresh(t).Open(a, "alice"); err == nil || !strings.Contains(err.Error(), "CALBRIDGE_KEY") {
		t.Errorf("another key: %v", err)
	}
	a[len(a)-1] ^= 1
	if _, err := v.Open(a, "alice"); err == nil {
		t.Error("a text that was tampered with opens")
	}
}

func TestRotate(t *testing.T) {
	v := fresh(t)
	old := seal(t, v, "hunter2", "alice")
	if !v.Current(old) {
		t.Error("sealed with the only key, and not current")
	}
	must(t, v.Rotate())
	opens(t, v, old, "alice", "hunter2")
	anew := seal(t, v, "hunter2", "alice")
	if v.Current(old) || !v.Current(anew) {
		t.Error("Current does not tell the keys apart")
	}

	path := filepath.Join(t.TempDir(), "key")
	must(t, v.Save(path))
	again, err := secret.Open(path)
	must(t, err)
	opens(t, again, old, "alice", "hunter2")
	opens(t, again, anew, "alice", "hunter2")

	must(t, again.Retire())
	opens(t, again, anew, "alice", "hunter2")
	if _, err := again.Open(old, "alice"); err == nil {
		t.Error("a retired key still opens")
	}
}

func TestFileIsMadeOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new folder", "key")
	var wg sync.WaitGroup
	sealed := make([][]byte, 8)
	for i := range sealed {
		wg.Go(func() {
			v, err := secret.OpenOrMake(path)
			if err != nil {
				t.Error(err)
				return
			}
			sealed[i] = seal(t, v, "hunter2", "alice")
		})
	}
	wg.Wait()
	v, err := secret.OpenOrMake(path)
	must(t, err)
	for _, s := range sealed {
		opens(t, v, s, "alice", "hunter2")
	}
	info, err := os.Stat(path)
	must(t, err)
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %v", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(path), ".key-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBrokenFileStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(path, []byte("half a keys"), 0o600))
	if _, err := secret.OpenOrMake(path); err == nil {
		t.Error("a broken key file is taken for a key")
	}
	if raw, _ := os.ReadFile(path); string(raw) != "half a keys" {
		t.Error("a broken key file was replaced")
	}
}

func TestParse(t *testing.T) {
	v := fresh(t)
	sealed := seal(t, v, "hunter2", "alice")
	text, err := v.Text()
	must(t, err)
	same, err := secret.Parse(text + "\n")
	must(t, err)
	opens(t, same, sealed, "alice", "hunter2")

	bare := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{7}, 32))
	one, err := secret.Parse(bare)
	must(t, err)
	path := filepath.Join(t.TempDir(), "key")
	must(t, os.WriteFile(path, []byte(bare+"\n"), 0o600))
	two, err := secret.Open(path)
	must(t, err)
	opens(t, two, seal(t, one, "hunter2", "alice"), "alice", "hunter2")
	must(t, two.Rotate())
	opens(t, two, seal(t, one, "hunter2", "alice"), "alice", "hunter2")

	for _, bad := range []string{"", "hunter2!", "aHVudGVyMg=="} {
		if _, err := secret.Parse(bad); err == nil || bad != "" && strings.Contains(err.Error(), bad) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestVaultDoesNotShow(t *testing.T) {
	v := fresh(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s"} {
		if got := fmt.Sprintf(verb, v); got != "vault" {
			t.Errorf("%s shows %q", verb, got)
		}
	}
}

func BenchmarkOpenFile(b *testing.B) {
	path := filepath.Join(b.TempDir(), "key")
	for b.Loop() {
		if _, err := secret.OpenOrMake(path); err != nil {
			b.Fatal(err)
		}
	}
}

func fresh(t *testing.T) *secret.Vault {
	t.Helper()
	v, err := secret.New()
	must(t, err)
	return v
}

func seal(t *testing.T, v *secret.Vault, plain, account string) []byte {
	t.Helper()
	sealed, err := v.Seal([]byte(plain), cal.AccountID(account))
	if err != nil {
		t.Error(err)
	}
	return sealed
}

func opens(t *testing.T, v *secret.Vault, sealed []byte, account, want string) {
	t.Helper()
	plain, err := v.Open(sealed, cal.AccountID(account))
	if err != nil || string(plain) != want {
		t.Errorf("opened %q, %v; want %q", plain, err, want)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
