#!/bin/sh
# pages.sh: holds the manual pages to the programs, the configuration keys and the schema that they describe.
#   pages.sh           every program has a page, mandoc takes every page, and what they list is what there is
#   pages.sh --write   writes anew the parts of pages that come from tables: after a change of keys or of the schema
# Environment: BUILD.
# SPDX-License-Identifier: MIT
set -eu
: "${BUILD:=build/plain}"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bad=0
complain() { echo "$*"; bad=1; }

# ---- parts that come from tables -------------------------------------------------------------------------------------

# As text lines of mdoc: no backslash, no control character at the beginning, each sentence on a line of its own.
escape() { sed -e 's/\\/\\e/g' -e "s/^[.']/\\\\\&&/" -e 's/\. \([A-Z/]\)/.\n\1/g'; }

# The keys of the configuration, from the sample file, behind its heading.
keys() {
  echo '.Bl -tag -width Ds'
  "$BUILD/gemini-code.fcgi" --sample-config | sed '1,/^$/d' | awk '
    /^$/ { next }
    /^# / { help = help (help == "" ? "" : "\n") substr($0, 3); next }
    { print ".It Ic " substr($0, 2); if (help != "") print help; help = "" }' | escape |
    sed 's/^\\&\.It Ic /.It Ic /'
  echo '.El'
}

# The columns of all tables, from db/schema.sql.
columns() {
  awk '
    /^CREATE TABLE / { print ".Ss " $3; print ".Bl -tag -width Ds"; inside = 1; rest = ""; next }
    /^CREATE INDEX / { sub(/;$/, ""); sub(/^.* ON /, ""); indexes = indexes ".It\n" $0 "\n"; next }
    inside && /^\)/ { print ".El"; if (rest != "") { print ".Pp"; print rest } inside = 0; next }
    inside {
      comment = ""
      if (match($0, / *-- /)) { comment = substr($0, RSTART + RLENGTH); $0 = substr($0, 1, RSTART - 1) }
      sub(/^ +/, ""); sub(/,$/, "")
      if (/^PRIMARY KEY/) { rest = $0; next }
      name = $1; sub(/^[a-z0-9_]+ +/, "")
      print ".It Ic " name " Em " $0
      if (comment != "") print comment
    }
    END { print ".Ss Indexes"; print ".Bl -bullet -compact"; printf "%s", indexes; print ".El" }' db/schema.sql |
    escape | sed 's/^\\&\.\(Ss\|Bl\|El\|It\|Pp\)/.\1/'
}

# part NAME PAGE: what stands in the page between the two marks.
part() { sed -n "/^\\.\\\\\" $1: /,/^\\.\\\\\" end of $1\$/p" "$2" | sed '1d;$d'; }

# Arguments: name, page. What should stand there is in $work/NAME.
check_part() {
  [ -s "$work/$1" ] || { complain "$2: there are no $1"; return; }
  if [ "$write" = yes ]; then
    sed -i -e "/^\\.\\\\\" $1: /r $work/$1" -e "/^\\.\\\\\" $1: /,/^\\.\\\\\" end of $1\$/{/^\\.\\\\\" /!d}" "$2"
  fi
  part "$1" "$2" | diff -u --label "$2" --label 'what there is' - "$work/$1" ||
    complain "$2: the $1 are not those that there are: sh tests/lint/pages.sh --write"
}

write=no
[ "${1:-}" != --write ] || write=yes
keys > "$work/keys"
check_part keys man/gemini-code.properties.5
columns > "$work/columns"
check_part columns man/gemini-code-schema.5

# Each table has its line in the page's overview as well.
sed -n 's/^CREATE TABLE \([a-z_]*\) .*/\1/p' db/schema.sql | sort > "$work/tables"
sed -n '/^\.Sh TABLES/,/^\.Sh COLUMNS/s/^\.It Ic //p' man/gemini-code-schema.5 | sort |
  diff -u --label 'gemini-code-schema.5, TABLES' --label db/schema.sql - "$work/tables" || bad=1

# ---- programs --------------------------------------------------------------------------------------------------------

# Lines `--option` and `-o` of --help: what begins a line, up to its description.
help_options() {
  "$BUILD/$1" --help | sed -n 's/^ \{0,2\}\(-.*\)/\1/p' | sed 's/   *.*//' | tr ',' '\n' |
    sed -n -e 's/^ *\(--[a-z-]*\).*/\1/p' -e 's/^ *\(-[A-Za-z]\).*/\1/p' | sort -u
}

# The same of a page: the flags that items of lists are about.
page_options() {
  awk '/^\.It / {
    dashes = ""
    for (i = 2; i <= NF; ++i) {
      if ($i == "Fl") dashes = ($(i - 1) == "Fl" ? dashes : "") "-"
      else if ($i ~ /^[A-Z][a-z]$/) dashes = ""
      else if ($i !~ /^[],.|()[]$/ && dashes != "") { print dashes $i; dashes = "-" }
    }
  }' "$1" | sort -u
}

programs=gemini-code.fcgi
for main in src/jobs/*_main.cc; do
  name=${main##*/}
  programs="$programs gemini-code-${name%_main.cc}"
done
for program in $programs; do
  page=
  for file in "man/${program%.fcgi}".[18]; do [ ! -e "$file" ] || page=$file; done
  [ -n "$page" ] || { complain "$program has no page"; continue; }
  help_options "$program" > "$work/help"
  [ -s "$work/help" ] || complain "$program --help shows no options"
  page_options "$page" | diff -u --label "$page" --label "$program --help" - "$work/help" ||
    complain "$page: its options are not those of --help"
done

# ---- form ------------------------------------------------------------------------------------------------------------

for page in man/*.[1-8]; do
  mandoc -T lint -W warning "$page" || bad=1
  name=${page##*/}
  grep -q "^\\.Dt $(echo "${name%.*}" | tr '[:lower:]' '[:upper:]') ${name##*.}\$" "$page" ||
    complain "$page: its .Dt is another"
done
exit $bad
