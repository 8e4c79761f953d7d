#!/usr/bin/env bash
# Runs one .mjs of this folder with the binaries' paths in the environment. Node resolves the script's real path, and so
# finds tests/node_modules beside it.
set -euo pipefail
script="$(realpath "$1")"
if [ ! -d "$(dirname "$script")/../node_modules/ocpp-rpc" ]; then
  echo "tests/node_modules is not there; ./tools/test installs it" >&2
  exit 1
fi
for pair in LEDGERD=server/ledgerd EDGE_AGENT=edge-agent/edge-agent \
    LEDGERCTL=tools/ledgerctl/ledgerctl CHARGESIM=tools/chargesim/chargesim TAMPER=tests/e2e/tamper; do
  export "${pair%%=*}=$PWD/${pair#*=}"
done
exec node "$script"
