#!/usr/bin/env bash
# Node resolves the script's real path, and so finds tests/node_modules beside it.
script="$(realpath tests/conformance/ocpp_schemas_test.mjs)"
if [ ! -d "$(dirname "$script")/../node_modules/ocpp-rpc" ]; then
  echo "tests/node_modules is not there; ./tools/test installs it" >&2
  exit 1
fi
OCPP_CHECK="$PWD/tests/conformance/ocpp_check" exec node "$script"
