#!/usr/bin/env bash
# tidy.py over the source tree that this test was made from.
set -euo pipefail
root="$(dirname "$(realpath WORKSPACE)")"
exec python3 "$root/tests/tidy/tidy.py" "$root"
