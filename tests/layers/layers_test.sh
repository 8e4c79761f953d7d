#!/usr/bin/env bash
# No database, socket or clock can be reached from what folds, and the two processes cannot reach each other.
set -u
failed=0

# deny NAME PATTERN...: none of the patterns may match a target that NAME depends on.
deny() {
  local name="$1"
  shift
  for pattern in "$@"; do
    if grep -E "^$pattern" "tests/layers/${name}_deps"; then
      echo "$name must not reach the above ($pattern)"
      failed=1
    fi
  done
}

deny folds //log '//tools/system:(rocksdb|grpc|boost_beast|spdlog)' //core:system_clock //core/process \
  //edge-agent //server '//proto:.*grpc'
deny ocpp //log //proto //projections //core:system_clock '//tools/system:(rocksdb|grpc|boost_beast)'
deny edge_agent //server
deny ledgerd //edge-agent

# The check can fail: the shell around the folds does reach a log.
grep -q '^//log' tests/layers/runtime_deps || { echo "the query finds nothing, not even what is there"; failed=1; }
exit $failed
