#!/bin/sh
# embed.sh: prints the C++ source that holds all migrations, for the declaration in src/store/migrations.h.
# SPDX-License-Identifier: MIT
# Usage: db/embed.sh > migrations_data.cc
# Fails when the numbers of a folder are not 0001, 0002, ... without a gap.
set -eu
db=$(dirname "$0")

# emit ARRAY FOLDER: one array of {version, name, sql}.
emit() {
  expected=1
  printf 'constexpr Migration %s[] = {\n' "$1"
  for file in "$db/$2"/*.sql; do
    base=$(basename "$file" .sql)
    number=$(printf '%04d' "$expected")
    case $base in
      "$number"_*) ;;
      *) echo "embed.sh: $file: expected ${number}_NAME.sql" >&2; exit 1 ;;
    esac
    printf '    {%d, "%s", R"migration(' "$expected" "${base#*_}"
    cat "$file"
    printf ')migration"},\n'
    expected=$((expected + 1))
  done
  printf '};\n'
}

cat <<'EOF'
// migrations_data.cc: written by db/embed.sh; do not edit.
// SPDX-License-Identifier: MIT
#include "store/migrations.h"

namespace gc::store {
namespace {
EOF
emit kMainMigrations migrations
emit kStateMigrations state-migrations
cat <<'EOF'
}  // namespace

std::span<const Migration> Migrations(Database which) {
  if (which == Database::kMain) return kMainMigrations;
  return kStateMigrations;
}

}  // namespace gc::store
EOF
