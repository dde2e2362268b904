#!/bin/sh
# run.sh: runs every test and ends with the line `N passed, N failed`. Environment: BUILD.
# SPDX-License-Identifier: MIT
set -u
passed=0
failed=0
log=$BUILD/check
mkdir -p "$log"

# One script that passes or fails as a whole.
script() {
  if sh "$1" > "$log/script.log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    echo "FAILED: $1"
    cat "$log/script.log"
  fi
}

# A GoogleTest program: each of its tests counts; a program that dies without a summary is a failure too.
suite() {
  name=$1
  shift
  echo "== $name"
  "$BUILD/$name" --gtest_brief=1 "$@" > "$log/$name.log" 2>&1
  code=$?
  grep -vE '^$|^[-0-9T:.]+Z level=' "$log/$name.log"  # without the programs' own log
  good=$(sed -n 's/^\[  PASSED  \] \([0-9]*\) test.*/\1/p' "$log/$name.log" | tail -1)
  bad=$(grep -cE '^\[  (FAILED  |SKIPPED )\] .*\([0-9]+ ms\)$' "$log/$name.log")
  [ $code -eq 0 ] || [ "$bad" -gt 0 ] || bad=1
  passed=$((passed + ${good:-0}))
  failed=$((failed + bad))
}

script tests/lint/layers.sh
script tests/lint/files.sh
script tests/lint/pages.sh
script tests/install_test.sh
suite unit-tests
suite e2e-tests

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
