package providertest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
)

// shelf keeps what the tests of this binary share, from Run's beginning to its end. It is the one variable of this package: test
// functions have nothing else in common.
var shelf struct {
	sync.Mutex
	open  bool
	kept  map[string]any
	stops []func()
}

// Run runs the tests of a package with servers that they share, and stops those afterwards:
//
//	func TestMain(m *testing.M) { os.Exit(providertest.Run(m)) }
func Run(m *testing.M) int {
	shelf.open, shelf.kept = true, map[string]any{}
	defer clear(shelf.kept)
	defer func() {
		for _, stop := range shelf.stops {
			stop()
		}
	}()
	return m.Run()
}

// share gives what start made the first time it was asked for under this name, be it an error. Without Run the test has it for itself.
func share[T any](t testing.TB, name string, start func() (T, func(), error)) (T, error) {
	shelf.Lock()
	defer shelf.Unlock()
	if !shelf.open {
		v, stop, err := start()
		if err == nil {
			t.Cleanup(stop)
		}
		return v, err
	}
	type outcome struct {
		value T
		err   error
	}
	if o, ok := shelf.kept[name]; ok {
		return o.(outcome).value, o.(outcome).err
	}
	v, stop, err := start()
	if err == nil {
		shelf.stops = append(shelf.stops, stop)
	}
	shelf.kept[name] = outcome{v, err}
	return v, err
}

// notInstalled says what would have to be installed.
type notInstalled string

func (n notInstalled) Error() string { return "not installed here: " + string(n) }

// missing tells whether an error is only that something is not installed, and that is all right. Any other error ends the test.
func missing(t testing.TB, err error) bool {
	t.Helper()
	var n notInstalled
	switch {
	case err == nil:
		return false
	case errors.As(err, &n) && !all():
		t.Log(err)
		return true
	}
	t.Fatal(fmt.Errorf("start a server: %w", err))
	return false
}
