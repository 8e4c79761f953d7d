#!/usr/bin/env bash
# Whether every deliberate bug of mutations.py can still be put into the tree that this test was made from.
set -euo pipefail
root="$(dirname "$(realpath WORKSPACE)")"
exec python3 "$root/tests/simulation/mutations.py" check "$root"
