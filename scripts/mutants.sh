#!/bin/bash
# Plants one bug after the other and runs the tests that must catch it: a suite that stays green with a bug in the code proves nothing.
#
#   scripts/mutants.sh [pattern…]              only the patches whose names contain one of the patterns
#   scripts/mutants.sh --simulate [pattern…]   the simulation must catch them, each within so many histories
#
# A patch in testdata/mutants begins with a line that says what bug it plants, and names in "# must fail:" lines the commands each of
# which has to fail with it. "# needs: program" leaves it out where that is not installed (never under CALBRIDGE_TEST_ALL=1).
# Without any patch the same commands have to pass. A patch that no longer applies exactly, or does not build, is a failure too.
#
# The simulation is asked about the patches with a "# simulate:" line: it names the profiles of which histories are told, "all", or "no"
# and why not. The history that breaks a promise must keep it without the bug.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

judge=tested
if [ "${1:-}" = --simulate ]; then
  judge=simulated
  shift
fi

export CALBRIDGE_STORM=${CALBRIDGE_STORM:-200} # seeds for each mutant
export GOFLAGS="-trimpath -vet=off -count=1 -failfast -timeout=5m ${GOFLAGS:-}" # -trimpath: the copies share the build cache
lanes=${MUTANT_LANES:-2}
histories=${MUTANT_HISTORIES:-2000}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work/tmp"
mkdir "$TMPDIR" "$work/results"

copy() {
  mkdir -p "$1"
  git ls-files -z --cached --others --exclude-standard |
    while IFS= read -r -d '' file; do [ ! -e "$file" ] || printf '%s\0' "$file"; done | tar -c --null -T - | tar -x -C "$1"
}

# header KEY PATCH gives what the patch's header says under the key, a line each.
header() { sed -n "/^---/q; s/^# $1: //p" "$2"; }

# survives runs the commands of a patch in the tree. It prints the first that passes; none: all failed, as they must.
# Status 2: the code does not build.
survives() {
  local command out
  while IFS= read -r command; do
    if out=$(cd "$1" && bash -c "$command" 2>&1); then
      echo "$command"
      return 1
    elif grep -qE '\[(build|setup) failed\]' <<<"$out"; then
      grep -m 5 -E '^[^ ]+\.go:[0-9]+' <<<"$out"
      return 2
    fi
  done < <(header 'must fail' "$2")
}

# tested lets the tests that a patch names judge the tree.
tested() {
  local tree=$1 patch=$2 name=$3 out status=0
  out=$(survives "$tree" "$patch") || status=$?
  case $status in
    0) printf 'caught\t%s\t' "$name" ;;
    1) printf 'SURVIVED\t%s\t%s' "$name" "$out" ;;
    *) printf 'DOES NOT BUILD\t%s\t%s' "$name" "$(head -n 1 <<<"$out")" ;;
  esac
}

# tell BINARY PROFILES FIRST COUNT tells histories until one breaks a promise: "seed promise…". It prints nothing if all keep theirs.
# Status 1: the simulation itself breaks, and it prints how. "postgres" is every profile on PostgreSQL.
tell() {
  local out profiles=$2 run='^TestHistories$'
  case $2 in
    all) profiles= ;;
    postgres) profiles= run='^TestHistoriesOnPostgres$' ;;
  esac
  if out=$(cd internal/simulate && CALBRIDGE_PROFILES=$profiles CALBRIDGE_SEED=$3 CALBRIDGE_HISTORIES=$4 CALBRIDGE_HISTORIES_POSTGRES=$4 \
    CALBRIDGE_ONCE=1 CALBRIDGE_LANES=1 "$1" -test.run "$run" -test.timeout 60m 2>&1 | tr -d '\0'); then
    return 0
  fi
  awk 'match($0, / seed [0-9]+: \[I[0-9]+ /) {
      if (!seed) { seed = substr($0, RSTART + 6, RLENGTH); sub(/:.*/, "", seed) }
      while (match($0, /(\[|\] | |^)I[0-9]+ /)) {
        i = substr($0, RSTART, RLENGTH); gsub(/[^I0-9]/, "", i); $0 = substr($0, RSTART + RLENGTH)
        if (!seen[i]++) promises = promises " " i
      }
    }
    END { if (seed) print seed promises; exit !seed }' <<<"$out" || { grep -m 1 -E 'panic:|seed|FAIL' <<<"$out"; return 1; }
}

# shown BINARY PROFILES tells histories until one breaks a promise that it keeps without the bug: "histories promise…".
shown() {
  local binary=$1 profiles=$2 next=1 found
  while found=$(tell "$binary" "$profiles" "$next" $((histories - next + 1))) || { echo "$found"; return 1; }; [ -n "$found" ]; do
    if [ -z "$(tell "$work/sound.test" "$profiles" "${found%% *}" 1)" ]; then
      echo "$found"
      return 0
    fi
    echo "broken without $binary: $found" >>"$work/red"
    next=$((${found%% *} + 1))
    [ "$next" -le "$histories" ] || return 0
  done
}

build() { (cd "$1" && go test -c -o "$2" ./internal/simulate 2>&1); }

# simulated lets histories judge the tree.
simulated() {
  local tree=$1 patch=$2 name=$3 profiles out began=$SECONDS
  profiles=$(header simulate "$patch")
  if ! out=$(build "$tree" "$tree.test"); then
    printf 'DOES NOT BUILD\t%s\t%s' "$name" "$(grep -m 1 -E '^[^ ]+\.go:[0-9]+' <<<"$out")"
  elif ! out=$(shown "$tree.test" "$profiles"); then
    printf 'NO HISTORY\t%s\t%s' "$name" "$out"
  elif [ -z "$out" ]; then
    printf 'SURVIVED\t%s\t%d histories of %s\t\t%ds' "$name" "$histories" "$profiles" $((SECONDS - began))
  else
    printf 'caught\t%s\tafter %d histories of %s\t%s\t%ds' "$name" "${out%% *}" "$profiles" "${out#* }" $((SECONDS - began))
  fi
}

try() {
  local tree=$1 patch=$2 name out needs
  name=$(basename "$patch" .patch)
  needs=$(header needs "$patch")
  if [ -n "$needs" ] && [ "${CALBRIDGE_TEST_ALL:-}" != 1 ] && ! command -v "$needs" >/dev/null; then
    printf 'left out\t%s\tno %s here' "$name" "$needs"
  elif [ -z "$(header 'must fail' "$patch")" ]; then
    printf 'NO TEST\t%s\tits header has no "# must fail:" line' "$name"
  elif [ $judge = simulated ] && [[ $(header simulate "$patch") == no,* ]]; then
    printf 'left out\t%s\t%s' "$name" "$(header simulate "$patch")"
  elif ! out=$(git -C "$tree" apply --whitespace=nowarn "$patch" 2>&1); then
    printf 'DOES NOT APPLY\t%s\t%s' "$name" "$(head -n 1 <<<"$out")"
  else
    $judge "$tree" "$patch" "$name"
    git -C "$tree" apply -R --whitespace=nowarn "$patch"
  fi
  echo
}

# lane tries every n-th patch in a tree of its own.
lane() {
  local i tree=$work/lane$1
  copy "$tree"
  git -C "$tree" init -q # so that git applies here and not to the checkout around
  for ((i = $1; i < ${#patches[@]}; i += lanes)); do
    try "$tree" "${patches[i]}" | tee -a "$work/results/$1"
  done
}

# sound: what is red without any bug catches nothing.
sound() {
  local command tree=$work/sound out red=0
  copy "$tree"
  if [ $judge = simulated ]; then
    build "$tree" "$work/sound.test"
    return
  fi
  while IFS= read -r command; do
    if ! out=$(cd "$tree" && bash -c "$command" 2>&1); then
      printf 'RED WITHOUT A BUG\t%s\n%s\n' "$command" "$(tail -n 20 <<<"$out")"
      red=1
    fi
  done < <(for p in "${patches[@]}"; do header 'must fail' "$p"; done | sort -u)
  return $red
}

# wanted: the patch is one of those that were asked for.
wanted() {
  local patch=$1 pattern
  shift
  [ $judge = tested ] || [ -n "$(header simulate "$patch")" ] || return 1
  [ $# -gt 0 ] || return 0
  for pattern in "$@"; do [[ $(basename "$patch") != *"$pattern"* ]] || return 0; done
  return 1
}

patches=()
for p in "$PWD"/testdata/mutants/*.patch; do
  if wanted "$p" "$@"; then patches+=("$p"); fi
done
[ ${#patches[@]} -gt 0 ] || { echo "no patch is named so" >&2; exit 1; }

sound
running=()
for ((l = 0; l < lanes; l++)); do lane "$l" & running+=($!); done
for pid in "${running[@]}"; do wait "$pid"; done

if [ -e "$work/red" ]; then sort -u "$work/red"; fi
bad=$(cat "$work"/results/* | grep -cvE '^(caught|left out)' || true)
echo "${#patches[@]} planted, $(cat "$work"/results/* | grep -c '^caught' || true) caught, $bad not"
[ "$bad" = 0 ]
