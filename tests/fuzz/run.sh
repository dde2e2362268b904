#!/bin/sh
# run.sh: runs fuzz targets (all, when none is named), FUZZ_SECONDS each, and ends with what each has covered. Inputs
# that break something stay in BUILD/findings/TARGET. Environment: BUILD, FUZZ_SECONDS.
# SPDX-License-Identifier: MIT
set -u
failed=0
# shellcheck disable=SC2046  # a word a target
[ $# -gt 0 ] || set -- $(FUZZ_TARGET=list "$BUILD/fuzz")
for target in "$@"; do
  corpus=$BUILD/corpus/$target
  findings=$BUILD/findings/$target
  log=$BUILD/$target.log
  known=tests/fuzz/regressions/$target
  [ -d "$known" ] || known=
  mkdir -p "$corpus" "$findings"
  # shellcheck disable=SC2086  # known may be no argument at all
  if FUZZ_TARGET=$target FUZZ_SEEDS=$corpus "$BUILD/fuzz" -max_total_time="$FUZZ_SECONDS" -timeout=20 \
    -rss_limit_mb=2048 -print_final_stats=1 -dict=tests/fuzz/words.dict -artifact_prefix="$findings/" "$corpus" $known \
    > "$log" 2>&1; then
    inputs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    covered=$(sed -n 's/.* cov: \([0-9]*\) ft: \([0-9]*\) corp: \([0-9]*\).*/\1 edges, \2 features, \3 kept/p' "$log" |
      tail -1)
    echo "$target: $inputs inputs; $covered"
  else
    failed=1
    echo "FAILED: $target; its input is in $findings"
    grep -aE "^$target: |^==|ERROR|SUMMARY|runtime error|^Test unit" "$log" | head -10
  fi
done
exit $failed
