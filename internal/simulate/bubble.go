package simulate

import (
	"flag"
	"fmt"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
)

// inBubble runs f where time stands still until everybody waits for it (testing/synctest). That package wants a test; of one that was never
// begun it takes nothing but the bubble.
func inBubble(f func() error) (err error) {
	testingOnce.Do(prepareTesting)
	synctest.Test(new(testing.T), func(*testing.T) {
		defer func() {
			if p := recover(); p != nil {
				err = fmt.Errorf("the history panicked: %v\n%s", p, debug.Stack())
			}
		}()
		err = f()
	})
	return err
}

var testingOnce sync.Once

// prepareTesting gives package testing the flags that it looks at; a test binary has them already.
func prepareTesting() {
	if flag.Lookup("test.v") == nil {
		testing.Init()
	}
}
