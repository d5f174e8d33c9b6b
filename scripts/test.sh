#!/bin/bash
# All checks and all tests, with nothing skipped, on a Debian that has only Go: this installs whatever else they need, without asking.
# Cyrus and its tests need root; anybody else is asked for it through sudo.
#
#   CALBRIDGE_CORPUS=folder  real .ics files to read besides; default testdata/corpus. Without either the tests named *Corpus* are left out.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(id -u)" != 0 ]; then
  exec sudo -H --preserve-env=CALBRIDGE_CORPUS,CALBRIDGE_TEST_POSTGRES,GOFLAGS,GOPROXY,GOSUMDB,GOTOOLCHAIN,http_proxy,https_proxy,no_proxy \
    env "PATH=$PATH" bash scripts/test.sh "$@"
fi

# gcc and libc6-dev: the race detector. The rest: the servers and the database that the tests talk to.
packages=(ca-certificates gcc libc6-dev postgresql radicale xandikos cyrus-imapd cyrus-caldav sasl2-bin)
services=(postgresql radicale cyrus-imapd saslauthd)
staticcheck=honnef.co/go/tools/cmd/staticcheck@v0.8.2

say() { printf '\n== %s\n' "$*"; }

missing() {
  local p
  for p in "${packages[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] || echo "$p"
  done
}

# Debian starts a service as soon as it is installed. The tests start their own, so that none of these is to run: now by policy-rc.d
# (which also says no where there is no init at all), and after the next boot by systemd.
install() {
  local policy=/usr/sbin/policy-rc.d ours=
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    ours=yes
  fi
  apt_quietly "$@" || { [ -z "$ours" ] || rm -f $policy; return 1; }
  [ -z "$ours" ] || rm -f $policy
  [ ! -d /run/systemd/system ] || systemctl disable --now "${services[@]}" >/dev/null 2>&1 || true
}

apt_quietly() {
  export DEBIAN_FRONTEND=noninteractive
  local log
  log=$(mktemp)
  { apt-get update -q && apt-get install -q -y --no-install-recommends "$@"; } </dev/null >"$log" 2>&1 || { cat "$log" >&2; return 1; }
  rm -f "$log"
}

# Of the packages that fail everything, of the others one line each, and every test that was skipped with its reason.
digest() {
  awk '
    /^=== (RUN|PAUSE|CONT|NAME)/ || /^ *--- PASS/ { next }
    /^ *--- SKIP/ { skipped = 1 }
    /^(ok|FAIL|\?)[ \t]/ { if ($1 == "FAIL" || skipped) printf "%s", block; block = ""; skipped = 0; print; fflush(); next }
    { block = block $0 "\n" }
    END { printf "%s", block }'
}

mapfile -t need < <(missing)
if [ ${#need[@]} -gt 0 ]; then
  say "apt: ${need[*]}"
  install "${need[@]}"
fi

say gofmt
unformatted=$(gofmt -l .)
[ -z "$unformatted" ] || { echo "not formatted: $unformatted" >&2; exit 1; }

say go vet
go vet ./...

say staticcheck
go run $staticcheck ./...

flags=(-race -shuffle=on -timeout=15m -v)
if [ -z "${CALBRIDGE_CORPUS:-}" ] && [ -d testdata/corpus ]; then
  CALBRIDGE_CORPUS=$PWD/testdata/corpus
fi
if [ -n "${CALBRIDGE_CORPUS:-}" ]; then
  CALBRIDGE_CORPUS=$(realpath "$CALBRIDGE_CORPUS")
  export CALBRIDGE_CORPUS
else
  echo "no CALBRIDGE_CORPUS: leaving out the tests named *Corpus*"
  flags+=(-skip=Corpus)
fi

say "go test ${flags[*]}"
export CALBRIDGE_TEST_ALL=1
log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0
go test "${flags[@]}" "$@" ./... 2>&1 | tee "$log" | digest || failed=1

passed=$(grep -c '^ *--- PASS' "$log" || true)
skipped=$(grep -c '^ *--- SKIP' "$log" || true)
say "$passed passed, $skipped skipped"
if [ "$skipped" -gt 0 ]; then
  grep '^ *--- SKIP' "$log" >&2
  failed=1
fi

# What takes long is run by itself, without the race detector, where all is tested.
if [ $# -eq 0 ]; then
  say "a million decisions beside the model"
  go test -count=1 -v -run '^TestDecisionAgreesWithTheOracle$' ./internal/reconcile | grep -v '^=== RUN' || failed=1
  say "histories"
  make --no-print-directory sim | grep -v '^=== RUN' || failed=1
  say "fuzz"
  FUZZTIME=${FUZZTIME:-10s} bash scripts/fuzz.sh || failed=1 # a minute each still finds something now and then
fi
exit $failed
