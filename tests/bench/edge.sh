#!/usr/bin/env bash
# What durability costs at the edge: the agent at its peak and at half of it, with the log's sync and without, in one run.
# Usage: tests/bench/edge.sh [SECONDS]   (of each measurement; 10)
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds="${1:-10}"
tools/bazel-here build --show_result=0 //edge-agent //tests/bench:ocpp_load 2>/dev/null
dir=$(mktemp -d -t chargeledger-bench.XXXXXX)
agent=
finish() {
  [ -z "$agent" ] || kill "$agent" 2>/dev/null || true
  [ -z "$agent" ] || wait "$agent" 2>/dev/null || true
  rm -rf "$dir"
}
trap finish EXIT

# measure NAME "AGENT FLAGS" LOAD FLAGS…
measure() {
  local name="$1" flags="$2" address=
  shift 2
  # shellcheck disable=SC2086
  : > "$dir/out"
  bazel-bin/edge-agent/edge-agent --site bench --data-dir "$dir/$name" --ocpp-listen 127.0.0.1:0 --max-messages-per-second 0 $flags \
    > "$dir/out" 2> "$dir/err" &
  agent=$!
  until address=$(sed -n 's/^listening on //p' "$dir/out") && [ -n "$address" ]; do read -rt 0.05 <> <(:) || true; done
  result=$(bazel-bin/tests/bench/ocpp_load --agent "$address" --seconds "$seconds" "$@")
  kill "$agent"
  wait "$agent" || true
  agent=
  echo "$name $result"
}

value() { sed -n "s/.*\"$1\":\([0-9]*\).*/\1/p" <<< "$result"; }

measure peak-durable "" --connections 200
peak=$(value calls_per_second)
measure peak-no-sync "--log-without-sync" --connections 200
unsynced=$(value calls_per_second)
measure half-durable "" --connections 200 --rate $((peak / 2))
half=$(value p99_us)
measure half-no-sync "--log-without-sync" --connections 200 --rate $((peak / 2))
half_unsynced=$(value p99_us)
measure one-durable "" --connections 1
one=$(value p50_us)
measure one-no-sync "--log-without-sync" --connections 1
one_unsynced=$(value p50_us)
printf 'peak, durable to not: %s\n' "$(python3 -c "print(round($peak / $unsynced, 2))")"
printf 'p99 at half of the peak, durable to not: %s\n' "$(python3 -c "print(round($half / $half_unsynced, 2))")"
printf 'p50 of a lone charge point, durable to not: %s\n' "$(python3 -c "print(round($one / $one_unsynced, 2))")"
