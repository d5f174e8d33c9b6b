.PHONY: run test check bench fuzz mutants

FUZZTIME ?= 30s

run:
	go run ./cmd/calbridge demo --once

test:
	bash scripts/test.sh

# check is test with what is installed already: what is not there is skipped.
check:
	@test -z "$$(gofmt -l . | tee /dev/stderr)"
	go vet ./...
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 ./...
	go test -race -shuffle=on ./...

bench:
	go test -tags bench -count=1 -timeout 60m -v ./bench

# fuzz gives each fuzz target FUZZTIME, one after the other.
fuzz:
	@grep -roE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's|^(.*)/[^/]*:func (.*)$$|\1 \2|' | sort | \
	while read -r folder target; do \
		echo "$$folder $$target"; \
		go test -run='^$$' -fuzz="^$$target\$$" -fuzztime=$(FUZZTIME) "$$folder" || exit 1; \
	done

# mutants plants bugs in copies of the tree, one at a time, and fails if the tests let one live. It takes a few minutes.
mutants:
	bash scripts/mutants.sh
