#!/bin/bash
# The real-fault run: calbridge as it is shipped against real servers, databases and disks that fail. It needs root (it mounts small disks).
#
#   FAULTS_MINUTES=30  how long things go wrong; the report comes some minutes later
#   FAULTS_REPORT=file where the report goes besides standard output
#
# What it needs is what scripts/test.sh installs: Debian's postgresql, radicale, cyrus-imapd, cyrus-caldav, sasl2-bin. Toxiproxy, which cuts
# and delays the connections, it builds itself, aside.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [ "$(id -u)" != 0 ]; then
  exec sudo -H --preserve-env=FAULTS_MINUTES,FAULTS_REPORT,GOFLAGS,GOPROXY,GOSUMDB,GOTOOLCHAIN,http_proxy,https_proxy,no_proxy \
    env "PATH=$PATH" bash scripts/faults.sh "$@"
fi

export FAULTS_MINUTES=${FAULTS_MINUTES:-30}
export CALBRIDGE_TEST_ALL=1 # what is not installed is a failure, not a test that was left out

# Whatever happens, no disk of ours stays mounted.
FAULTS_DIR=$(mktemp -d /tmp/calbridge-faults-XXXXXX)
chmod 755 "$FAULTS_DIR"
export FAULTS_DIR
tidy() {
  local disk
  for disk in "$FAULTS_DIR"/*/; do
    [ ! -d "$disk" ] || { umount -l "$disk" 2>/dev/null || true; }
  done
  rm -rf --one-file-system "$FAULTS_DIR"
}
trap tidy EXIT

nice -n 10 go test -tags faults -count=1 -timeout "$((${FAULTS_MINUTES%.*} + 60))m" -run '^TestFaults$' -v ./internal/faults
