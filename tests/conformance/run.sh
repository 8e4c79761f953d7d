#!/usr/bin/env bash
# Debian's own Python: it is the one that has python3-cryptography.
LEDGERCTL="$PWD/tools/ledgerctl/ledgerctl" exec /usr/bin/python3 tests/conformance/conformance_test.py
