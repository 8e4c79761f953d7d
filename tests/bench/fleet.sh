#!/usr/bin/env bash
# A thousand agents that find the ledger again at the same moment: time until all are level, and the ledger's memory.
# Usage: tests/bench/fleet.sh [AGENTS [ENTRIES]]   (1000 1000)
set -euo pipefail
cd "$(dirname "$0")/../.."
tools/bazel-here build --show_result=0 //server:ledgerd //tests/bench/rpc:fleet_bench 2>/dev/null
dir=$(mktemp -d -t chargeledger-bench.XXXXXX)
ledger=
finish() {
  [ -z "$ledger" ] || kill "$ledger" 2>/dev/null || true
  [ -z "$ledger" ] || wait "$ledger" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT
ulimit -n "$(ulimit -Hn)"
: > "$dir/out"
bazel-bin/server/ledgerd --data-dir "$dir/ledger" --listen 127.0.0.1:0 > "$dir/out" 2> "$dir/err" &
ledger=$!
until address=$(sed -n 's/^listening on //p' "$dir/out") && [ -n "$address" ]; do read -rt 0.05 <> <(:) || true; done
memory() { awk -v key="$1:" '$1 == key { printf "%d MiB", $2 / 1024 }' "/proc/$ledger/status"; }
before=$(memory VmRSS)
bazel-bin/tests/bench/rpc/fleet_bench "$address" "${1:-1000}" "${2:-1000}"
printf 'ledgerd: %s before, at most %s meanwhile, %s after\n' "$before" "$(memory VmHWM)" "$(memory VmRSS)"
