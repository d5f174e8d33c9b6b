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

# fuzz gives each fuzz target FUZZTIME, two at a time. It writes what it finds into testdata/fuzz of the package.
fuzz:
	FUZZTIME=$(FUZZTIME) bash scripts/fuzz.sh

# mutants plants bugs in copies of the tree, one at a time, and fails if the tests let one live. It takes a few minutes.
mutants:
	bash scripts/mutants.sh
