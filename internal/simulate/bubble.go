package simulate

import (
	"errors"
	"flag"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
)

// inBubble runs f where time is ours (testing/synctest). That package is to be had through testing only, also by a program that is no test.
func inBubble(f func()) (err error) {
	testingOnce.Do(prepareTesting)
	var panicked any
	ok := testing.RunTests(func(string, string) (bool, error) { return true, nil }, []testing.InternalTest{{Name: "history", F: func(t *testing.T) {
		synctest.Test(t, func(*testing.T) {
			defer func() { panicked = recover() }()
			f()
		})
	}}})
	if panicked != nil {
		return fmt.Errorf("the history panicked: %v", panicked)
	}
	if !ok {
		return errors.New("the history did not end as it should")
	}
	return nil
}

var testingOnce sync.Once

// prepareTesting gives package testing its flags, which a test binary has already.
func prepareTesting() {
	if flag.Lookup("test.v") == nil {
		testing.Init()
	}
}
