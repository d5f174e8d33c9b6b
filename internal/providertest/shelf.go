package providertest

import (
	"errors"
	"os"
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

// unavailable says what would have to be there.
type unavailable string

func (u unavailable) Error() string { return "not available here: " + string(u) }

// missing tells whether an error is only that something is not installed, and that is all right. Any other error ends the test.
func missing(t testing.TB, err error) bool {
	t.Helper()
	var u unavailable
	if err != nil && (all() || !errors.As(err, &u)) {
		t.Fatal(err)
	}
	return err != nil
}

// all tells whether everything has to be there.
func all() bool { return os.Getenv("CALBRIDGE_TEST_ALL") == "1" }
