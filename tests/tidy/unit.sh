#!/usr/bin/env bash
exec python3 tests/tidy/tidy_test.py
