#!/bin/sh
# newcomer.sh: what the README says, done by somebody who has just cloned the repository; check.sh runs it in a new
# Debian. Environment: RUN_PORT for `make run`, SERVER_PORT for the system's lighttpd.
# SPDX-License-Identifier: MIT
set -eu
log=/root/log
: > "$log"
site=http://127.0.0.1:$SERVER_PORT

begin() {
  echo "$1" > /root/step
  begun_s=$(date +%s)
}
done_with_step() { echo "$(($(date +%s) - begun_s)) s: $(cat /root/step)"; }
run() { "$@" >> "$log" 2>&1; }
fail() {
  echo "newcomer.sh: $*"
  exit 1
}
trap '[ $? -eq 0 ] || tail -n 40 "$log"' EXIT

# GET without curl, which `make check` installs: whether a library is there only because of curl would not show.
fetch() {
  bash -c 'exec 3<> "/dev/tcp/127.0.0.1/$1" && printf "GET %s HTTP/1.0\r\n\r\n" "$2" >&3 && cat <&3' \
    fetch "$RUN_PORT" "$1" 2>/dev/null
}
healthy() { fetch /health | grep -q '"status":"healthy"'; }

# As in a terminal: a session of its own, to which Ctrl-C is SIGINT.
start() {
  env --default-signal=INT setsid make "$@" "PORT=$RUN_PORT" >> "$log" 2>&1 &
  session=$!
  until healthy; do
    kill -0 "$session" 2>/dev/null || fail "make $* ended"
    sleep 0.2
  done
}
stop() {
  kill -s INT -- "-$session"
  tries=0
  while kill -0 -- "-$session" 2>/dev/null; do
    tries=$((tries + 1))
    [ $tries -le 150 ] || fail "Ctrl-C leaves something behind"
    sleep 0.1
  done
  ! healthy || fail "something still answers after Ctrl-C"
}

begin 'make run: from nothing to the first answer'
start run
fetch /v1/models | grep -q '^HTTP/1.[01] 401' || fail "no 401 without a key: $(fetch /v1/models)"
done_with_step
begin 'Ctrl-C ends make run'
stop
done_with_step

begin 'make check'
run make check
result=$(tail -n 1 "$log")
echo "$result" | grep -qE '^[1-9][0-9]* passed, 0 failed$' || fail "the last line of make check is: $result"
echo "$result"
done_with_step

begin 'make demo, and its first request'
start demo
curl -sN "http://127.0.0.1:$RUN_PORT/v1/chat/completions" -H 'Authorization: Bearer test-key-fresh' \
  -H 'Content-Type: application/json' \
  -d '{"model":"gemini-3.8-flash","stream":true,"messages":[{"role":"user","content":"Hello"}]}' > /root/answer
grep -q '^data: \[DONE\]' /root/answer || fail "the stream has no end: $(cat /root/answer)"
stop
done_with_step

begin 'make install, and the mount under lighttpd'
# Only where it listens is not as Debian ships it.
sed -i "s/^server.port .*/server.bind = \"127.0.0.1\"\nserver.port = $SERVER_PORT/; /use-ipv6/d" \
  /etc/lighttpd/lighttpd.conf
run make install SERVICE_USER=www-data
run runuser -u www-data -- /usr/sbin/gemini-code-migrate up
run lighty-enable-mod gemini-code
run lighttpd -tt -f /etc/lighttpd/lighttpd.conf
run service lighttpd start
tries=0
until curl -s "$site/health" | grep -q '"status":"healthy"'; do
  tries=$((tries + 1))
  [ $tries -le 50 ] || fail "/health under lighttpd: $(curl -sS "$site/health" 2>&1)"
  sleep 0.2
done
[ -s /var/log/gemini-code/gemini-code.log ] || fail "the gateway's log is empty"
wrong=$(find /etc/gemini-code /var/*/gemini-code ! -user www-data -o -perm /077)
[ -z "$wrong" ] || fail "others than the service user may read: $wrong"
done_with_step

begin 'make uninstall, and make install for a user of its own'
! run make install || fail "another user's files were taken over"
! run make uninstall || fail "removed while lighttpd uses it"
run service lighttpd stop
run lighty-disable-mod gemini-code
run make uninstall
for file in /var/lib/gemini-code/gemini-code.db /etc/gemini-code/key.salt; do
  [ -s $file ] || fail "make uninstall took $file along"
done
rm -r /etc/gemini-code /var/lib/gemini-code /var/log/gemini-code /var/backups/gemini-code
run make install
user=$(getent passwd gemini-code)
echo "$user" | grep -q ':/nonexistent:/usr/sbin/nologin$' || fail "the service user is $user"
run runuser -u gemini-code -- /usr/sbin/gemini-code-migrate up
run runuser -u gemini-code -- /usr/lib/cgi-bin/gemini-code.fcgi -t
! runuser -u www-data -- cat /etc/gemini-code/key.salt > /dev/null 2>&1 || fail "the web server reads the salt"
done_with_step
