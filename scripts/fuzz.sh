#!/bin/bash
# Runs every fuzz target for FUZZTIME, two at a time with a core each, and says one line of each. It fails on a finding and names its file:
# go test has then written the input into testdata/fuzz of the package, where from now on every go test runs it. Commit it with the fix.
#
#   FUZZTIME=60s   for each target; default 30s
#   FUZZLANES=2    targets at a time
#   fuzz.sh Merge  only the targets whose package and name match the pattern
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export FUZZTIME=${FUZZTIME:-30s}

targets() {
  grep -rE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+\(f \*testing\.F' . |
    sed -E 's|^(.*)/[^/]*:func (Fuzz[A-Za-z0-9_]+).*$|\1 \2|' | sort | { grep -E -- "${1:-.}" || true; }
}

# finding is what there is to see of a failure, and where its input lies.
finding() {
  sed -n '/^--- FAIL\|^panic:\|^FAIL\|failure while testing/,$p' "$2" | head -n 60
  sed -nE "s|.*Failing input written to (.*)|the input: $1/\1|p; s|.*failure while testing seed corpus entry: (.*)|the input: $1/testdata/fuzz/\1, or a seed in the test|p" "$2"
}

# expired: go test sometimes calls it a failure that its time was up (golang.org/issue/75804).
expired() {
  grep -q 'context deadline exceeded' "$1" && ! grep -qE 'Failing input|seed corpus entry|panic:' "$1"
}

# fuzz runs one target. Of every new input go test would spend a minute on making it smaller, and meanwhile try no other.
fuzz() {
  local folder=$1 target=$2 log begun=$SECONDS failed=
  log=$(mktemp)
  go test -run='^$' -fuzz="^$target\$" -fuzztime="$FUZZTIME" -fuzzminimizetime=300ms -parallel=1 "$folder" >"$log" 2>&1 || failed=yes
  if [ -n "$failed" ] && expired "$log"; then
    failed=
  fi
  printf '%-4s %-20s %-16s %9s execs %5s new %4ss\n' "${failed:+FAIL}" "${folder#./}" "$target" \
    "$(sed -nE 's/.*execs: ([0-9]+).*/\1/p' "$log" | tail -n 1)" "$(sed -nE 's/.*new interesting: ([0-9]+).*/\1/p' "$log" | tail -n 1)" $((SECONDS - begun))
  if [ -n "$failed" ]; then
    finding "$folder" "$log"
  fi
  rm -f "$log"
  [ -z "$failed" ]
}
export -f fuzz finding expired

mapfile -t all < <(targets "$@")
[ ${#all[@]} -gt 0 ] || { echo "no fuzz target matches" >&2; exit 1; }
printf '%s\n' "${all[@]}" | xargs -P "${FUZZLANES:-2}" -L 1 bash -c 'fuzz "$@"' fuzz
