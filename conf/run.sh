#!/bin/sh
# run.sh: starts the gateway under a private web server, in the foreground, on the loopback: `make run` and the tests.
# Environment: BUILD (directory of the programs), STATE (directory for everything it writes), PORT, SERVER (lighttpd,
# apache or nginx), MODE (fcgi; cgi: not nginx; fcgid: Apache only), UPSTREAM (scheme://host[:port] of Gemini; empty:
# Google's), CONF (own gemini-code.properties; empty: made in STATE), FAKE (program to start as Gemini; empty: none).
# SPDX-License-Identifier: MIT
set -eu
umask 077
SERVER=${SERVER:-lighttpd}
confdir=$(cd "$(dirname "$0")/$SERVER" && pwd)
PATH=$PATH:/usr/sbin
mkdir -p "$STATE" "$STATE/log" "$STATE/spool" "$STATE/tmp" "$STATE/htdocs"
STATE=$(cd "$STATE" && pwd)
BUILD=$(cd "$BUILD" && pwd)

if [ ! -s "$STATE/key.salt" ]; then
  head -c 32 /dev/urandom > "$STATE/key.salt"
  chmod 400 "$STATE/key.salt"
fi

if [ -n "${FAKE:-}" ]; then
  "$FAKE" --port 0 > "$STATE/fake-gemini.port" &
  fake=$!
  while ! grep -q '^port [0-9]' "$STATE/fake-gemini.port"; do
    kill -0 "$fake" 2>/dev/null || { echo "run.sh: the fake Gemini does not start" >&2; exit 69; }
    sleep 0.05
  done
  UPSTREAM=http://127.0.0.1:$(sed -n 's/^port //p' "$STATE/fake-gemini.port")
fi

if [ -n "${CONF:-}" ]; then
  GEMINI_CODE_CONF=$(cd "$(dirname "$CONF")" && pwd)/$(basename "$CONF")
else
  GEMINI_CODE_CONF=$STATE/gemini-code.properties
  {
    echo "# Made by run.sh at each start; use CONF= for your own."
    echo "database.path = $STATE/gemini-code.db"
    echo "database.state_path = $STATE/state.db"
    echo "spool.dir = $STATE/spool"
    echo "backup.dir = $STATE/backups"
    echo "secret.salt_file = $STATE/key.salt"
    echo "log.file = $STATE/log/gemini-code.log"
    echo "process.drain_s = 5"
    [ -z "${UPSTREAM:-}" ] || echo "upstream.url = $UPSTREAM"
  } > "$GEMINI_CODE_CONF"
fi
export GEMINI_CODE_CONF

# Apache never serves as root: then the gateway and its files belong to the user it serves as.
as_user=
user=$(id -un)
if [ "$SERVER" = apache ] && [ "$(id -u)" = 0 ]; then
  user=www-data
  chown -R "$user:$user" "$STATE"
  as_user="setpriv --reuid=$user --regid=$user --init-groups"
  for path in "$STATE" "$BUILD/gemini-code.fcgi"; do
    $as_user test -x "$path" || {
      echo "run.sh: Apache serves as $user, which cannot reach $path: run this as a user other than root" >&2
      exit 77
    }
  done
fi

$as_user "$BUILD/gemini-code.fcgi" -t > /dev/null
$as_user "$BUILD/gemini-code-migrate" -q up

url=http://127.0.0.1:$PORT
# shellcheck disable=SC2016  # the reader's shell expands it
key='$GEMINI_API_KEY'
[ -z "${FAKE:-}" ] || key=test-key-demo
cat <<EOF2
Gemini Code serves $url ($SERVER, $MODE); logs and databases are in $STATE; stop it with Ctrl-C.

OpenAI Chat Completions:
  curl -N $url/v1/chat/completions -H "Authorization: Bearer $key" -H 'Content-Type: application/json' \\
    -d '{"model":"gemini-3.8-flash","stream":true,"messages":[{"role":"user","content":"Hello"}]}'
OpenAI models:
  curl $url/v1/models -H "Authorization: Bearer $key"
Gemini:
  curl -N "$url/v1beta/models/gemini-3.8-flash:streamGenerateContent?alt=sse" -H "x-goog-api-key: $key" \\
    -H 'Content-Type: application/json' -d '{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}'
Health:
  curl $url/health
EOF2

export GC_ADDRESS=127.0.0.1 GC_PORT="$PORT" GC_STATE="$STATE" GC_CONFDIR="$confdir" GC_MODE="$MODE" GC_USER="$user"
export GC_PROGRAM="$BUILD/gemini-code.fcgi" GC_SOCKET="$STATE/gemini-code.sock"

# Servers that start no FastCGI programs themselves find the gateway on a socket. It ends with the process that this one
# becomes, as the fake Gemini does.
if [ "$MODE" = fcgi ] && [ "$SERVER" != lighttpd ]; then
  rm -f "$GC_SOCKET"
  ${as_user:-setpriv} --pdeathsig=TERM spawn-fcgi -n -s "$GC_SOCKET" -M 0600 -b 4096 -- "$GC_PROGRAM" &
  gateway=$!
  while [ ! -S "$GC_SOCKET" ]; do
    kill -0 "$gateway" 2>/dev/null || { echo "run.sh: the gateway does not start" >&2; exit 69; }
    sleep 0.05
  done
fi

case $SERVER in
  lighttpd) exec lighttpd -D -f "$confdir/run.conf" ;;
  apache) exec apache2 -DFOREGROUND -f "$confdir/run.conf" ;;
  nginx)
    sed "s|@GC_STATE@|$STATE|; s|@GC_SOCKET@|$GC_SOCKET|; s|@GC_CONFDIR@|$confdir|
      s|@GC_ADDRESS@|$GC_ADDRESS|; s|@GC_PORT@|$PORT|" "$confdir/run.conf" > "$STATE/nginx.conf"
    exec nginx -e "$STATE/log/nginx-error.log" -g "user $(id -un) $(id -gn);" -c "$STATE/nginx.conf" ;;
esac
