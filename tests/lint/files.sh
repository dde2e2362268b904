#!/bin/sh
# files.sh: every source file begins with the line that names its one job, then its licence; none holds a tab or a
# trailing blank.
# SPDX-License-Identifier: MIT
set -u
bad=0
for file in $(find src tests db conf -name '*.h' -o -name '*.cc' -o -name '*.sh' | grep -v node_modules); do
  name=$(basename "$file")
  case $file in
    *.sh) head=$(sed -n 2p "$file"); mark='#' ;;
    *) head=$(sed -n 1p "$file"); mark='//' ;;
  esac
  case $head in
    "$mark $name: "*) ;;
    *) echo "$file: its heading must be: $mark $name: its one job"; bad=1 ;;
  esac
  sed -n 1,15p "$file" | grep -qE '^(//|#) SPDX-License-Identifier: MIT$' || { echo "$file: no SPDX line"; bad=1; }
done
blanks=$(grep -rnE '[[:blank:]]+$|	' src tests/unit tests/e2e tests/support --include='*.h' --include='*.cc' | head -5)
[ -z "$blanks" ] || { echo "trailing blanks or tabs:"; echo "$blanks"; bad=1; }
exit $bad
