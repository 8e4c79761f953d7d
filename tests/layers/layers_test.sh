#!/usr/bin/env bash
# No database, socket or clock can be reached from what folds, and the two processes cannot reach each other.
set -u
failed=0

# reaches NAME PATTERN: prints what NAME depends on that the pattern begins; fails if there is nothing.
reaches() {
  grep -E "^($2)" "tests/layers/$1_deps"
}

# deny NAME PATTERN...: none of the patterns may begin a target that NAME depends on.
deny() {
  local name="$1" found
  shift
  for pattern in "$@"; do
    if found=$(reaches "$name" "$pattern"); then
      echo "$name must not reach $pattern; see the layer diagram in docs/ARCHITECTURE.md:"
      echo "$found"
      failed=1
    fi
  done
}

# expect NAME PATTERN: the negative control. The same question, where the answer has to be yes: a query that finds nothing,
# or a pattern that matches nothing, would let everything pass.
expect() {
  reaches "$1" "$2" > /dev/null || { echo "$1 does not reach $2, so that denying it elsewhere proves nothing"; failed=1; }
}

apart='//(firmware|tests|tools/(chargesim|ledgerctl))[:/]'
impure='//tools/system:(rocksdb|grpc|grpc_reflection|boost_beast|spdlog)$'

deny folds '//(log|ocpi)[:/]' "$impure" '//core:system_clock' '//core/process[:/]' '//projections/(runtime|testing)[:/]' \
  '//proto:.*grpc' '//(edge-agent|net|server)[:/]' "$apart"
deny ocpp '//(log|proto|projections|net|edge-agent|server)[:/]' "$impure" '//core:system_clock' '//core/process[:/]' "$apart"
deny ocpi '//(log|ocpp|projections|net|edge-agent|server)[:/]' "$impure" '//core:system_clock' '//core/process[:/]' "$apart"
deny net '//(log|ocpp|ocpi|proto|projections|edge-agent|server)[:/]' '//tools/system:(rocksdb|grpc|grpc_reflection)$' "$apart"
deny edge_agent '//server[:/]' "$apart"
deny ledgerd '//edge-agent[:/]' "$apart"

expect folds '//projections:books$'
expect folds '//projections:transactions$'
expect ocpp '//ocpp:v16$'
expect ocpi '//ocpi:tariff$'
expect net '//tools/system:boost_beast$'
expect ledgerd '//server[:/]'
expect runtime '//log[:/]'
# The edge agent reaches all that is denied to the folds.
for pattern in '//edge-agent[:/]' '//log[:/]' '//tools/system:rocksdb$' '//tools/system:grpc$' '//tools/system:boost_beast$' \
  '//tools/system:spdlog$' '//core:system_clock' '//core/process[:/]' '//proto:.*grpc' '//projections/runtime[:/]'; do
  expect edge_agent "$pattern"
done
exit $failed
