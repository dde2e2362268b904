#!/bin/sh
# tidy.sh: clang-tidy over the files given, with the flags of the build.
# SPDX-License-Identifier: MIT
exec clang-tidy --quiet --warnings-as-errors='*' "$@" -- -std=c++20 -Isrc -Itests -pthread 2>/dev/null
