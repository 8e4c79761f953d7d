#!/usr/bin/env bash
# buf lint over proto/ of the source tree that this test was made from, with the rules of proto/buf.yaml.
set -euo pipefail
root="$(dirname "$(realpath WORKSPACE)")"
buf="$root/tests/node_modules/.bin/buf"
[ -x "$buf" ] || { echo "$buf is not installed: run ./tools/test, which installs it" >&2; exit 1; }
export HOME="${TEST_TMPDIR:-/tmp}"
exec "$buf" lint "$root/proto"
