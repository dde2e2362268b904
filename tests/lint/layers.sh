#!/bin/sh
# layers.sh: fails when an include goes up, or sideways where that is forbidden.
#   base <- store <- handler;  base <- store <- jobs;  handler and jobs never see each other.
#   proto_* sees no other protocol, no curl, FastCGI, store or pool. fcgiapp.h is for the worker's side alone.
# SPDX-License-Identifier: MIT
set -u
bad=0

# forbid WHERE REGEX WHY: no file of WHERE may include what matches REGEX.
forbid() {
  # shellcheck disable=SC2086  # WHERE may be several
  found=$(grep -nE "^#include [<\"]($2)" $1 2>/dev/null)
  [ -z "$found" ] && return
  printf '%s:\n%s\n' "$3" "$found"
  bad=1
}

forbid "src/base/*" '(store|handler|jobs)/' 'base knows nothing above it'
forbid "src/store/*" '(handler|jobs)/' 'store sees base only'
forbid "src/handler/*" 'jobs/|Poco/' 'the handler never sees jobs or Poco'
forbid "src/jobs/*" 'handler/' 'jobs never see the handler'
forbid "src/base/*" 'sqlite3|fcgi|Poco/' 'base is free of SQL, FastCGI and Poco'

protocols=$(ls src/handler/proto_*)
forbid "$protocols" 'curl/|fcgi|store/|base/http_client|handler/(relay|exchange|gemini_client|key_pool|worker|access|router)' \
  'a protocol sees gemini, http, models and base only'
for file in $protocols; do
  own=$(basename "$file" | sed -E 's/^proto_([a-z]+(_chat)?).*/\1/')
  # shellcheck disable=SC2086  # WHERE may be several
  found=$(grep -nE '^#include "handler/proto_' "$file" | grep -v "handler/proto_$own")
  [ -z "$found" ] || { printf 'a protocol sees no other protocol: %s\n%s\n' "$file" "$found"; bad=1; }
done

curl_users=$(grep -lE '^#include <curl/' src/*/* | grep -vE '^src/base/(curl_api\.h|http_client\.cc)$')
[ -z "$curl_users" ] || { printf 'only base/http_client uses curl: %s\n' "$curl_users"; bad=1; }
fcgi_users=$(grep -lE '^#include <fcgi' src/*/* | grep -vE '^src/handler/(worker\.cc|fcgi_request\.h)$')
[ -z "$fcgi_users" ] || { printf 'only the worker uses libfcgi: %s\n' "$fcgi_users"; bad=1; }
sqlite_users=$(grep -lE '^#include <sqlite3' src/*/* | grep -vE '^src/(store|jobs)/')
[ -z "$sqlite_users" ] || { printf 'only the store uses SQLite: %s\n' "$sqlite_users"; bad=1; }
exit $bad
