#!/bin/bash
# Plants one bug after the other and runs the tests that must catch it: a suite that stays green with a bug in the code proves nothing.
#
#   scripts/mutants.sh [pattern…]   only the patches whose names contain one of the patterns
#
# A patch in testdata/mutants begins with a line that says what bug it plants, and names in "# must fail:" lines the commands each of
# which has to fail with it. "# needs: program" leaves it out where that is not installed (never under CALBRIDGE_TEST_ALL=1).
# Without any patch the same commands have to pass. A patch that no longer applies exactly, or does not build, is a failure too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export CALBRIDGE_STORM=${CALBRIDGE_STORM:-200} # seeds for each mutant
export GOFLAGS="-trimpath -vet=off -count=1 -failfast -timeout=5m ${GOFLAGS:-}" # -trimpath: the copies share the build cache
lanes=${MUTANT_LANES:-2}

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

try() {
  local tree=$1 patch=$2 name out needs
  name=$(basename "$patch" .patch)
  needs=$(header needs "$patch")
  if [ -n "$needs" ] && [ "${CALBRIDGE_TEST_ALL:-}" != 1 ] && ! command -v "$needs" >/dev/null; then
    printf 'left out\t%s\tno %s here' "$name" "$needs"
  elif [ -z "$(header 'must fail' "$patch")" ]; then
    printf 'NO TEST\t%s\tits header has no "# must fail:" line' "$name"
  elif ! out=$(git -C "$tree" apply --whitespace=nowarn "$patch" 2>&1); then
    printf 'DOES NOT APPLY\t%s\t%s' "$name" "$(head -n 1 <<<"$out")"
  else
    local status=0
    out=$(survives "$tree" "$patch") || status=$?
    case $status in
      0) printf 'caught\t%s\t' "$name" ;;
      1) printf 'SURVIVED\t%s\t%s' "$name" "$out" ;;
      *) printf 'DOES NOT BUILD\t%s\t%s' "$name" "$(head -n 1 <<<"$out")" ;;
    esac
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
  while IFS= read -r command; do
    if ! out=$(cd "$tree" && bash -c "$command" 2>&1); then
      printf 'RED WITHOUT A BUG\t%s\n%s\n' "$command" "$(tail -n 20 <<<"$out")"
      red=1
    fi
  done < <(for p in "${patches[@]}"; do header 'must fail' "$p"; done | sort -u)
  return $red
}

patches=()
for p in "$PWD"/testdata/mutants/*.patch; do
  wanted=$([ $# -eq 0 ] && echo yes || true)
  for pattern in "$@"; do [[ $(basename "$p") != *"$pattern"* ]] || wanted=yes; done
  [ -z "$wanted" ] || patches+=("$p")
done
[ ${#patches[@]} -gt 0 ] || { echo "no patch is named so" >&2; exit 1; }

sound
running=()
for ((l = 0; l < lanes; l++)); do lane "$l" & running+=($!); done
for pid in "${running[@]}"; do wait "$pid"; done

bad=$(cat "$work"/results/* | grep -cvE '^(caught|left out)' || true)
echo "${#patches[@]} planted, $(cat "$work"/results/* | grep -c '^caught' || true) caught, $bad not"
[ "$bad" = 0 ]
