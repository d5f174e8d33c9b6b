.PHONY: run test check bench sim fuzz mutants faults

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

# sim tells HISTORIES on all processors, and some of them on PostgreSQL where that is installed, and fails where a promise was broken or
# something that can happen never did. A million: make sim HISTORIES=1000000
HISTORIES ?= 5000
sim:
	CALBRIDGE_HISTORIES=$(HISTORIES) CALBRIDGE_HISTORIES_POSTGRES=96 CALBRIDGE_PROCESSES=$$(nproc) CALBRIDGE_REACH=1 CALBRIDGE_SHRINK=300 \
	CALBRIDGE_STORIES=3 go test -count=1 -v -timeout 24h -run '^(TestHistories|TestHistoriesOnPostgres|TestKeptHistories)$$' ./internal/simulate

# mutants plants bugs in copies of the tree, one at a time, and fails if the tests let one live. It takes a few minutes.
mutants:
	bash scripts/mutants.sh
	bash scripts/mutants.sh --simulate

# faults lets everything fail that can, for FAULTS_MINUTES, and accounts for every edit. It needs root, and takes some minutes more.
faults:
	bash scripts/faults.sh
