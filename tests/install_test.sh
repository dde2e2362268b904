#!/bin/sh
# install_test.sh: installs into an empty tree and runs what is there, as another user: under lighttpd, then activated on
# a socket as systemd does it; rotates its log, installs again over the running gateway, and removes it.
# Environment: BUILD (for the fake Gemini).
# SPDX-License-Identifier: MIT
# shellcheck disable=SC2086  # $as is a command with its options, or nothing
set -eu
PATH=$PATH:/usr/sbin
work=$(mktemp -d)
root=$work/root   # DESTDIR
run=$work/run     # what lighttpd writes
etc=$root/etc/gemini-code
state=$root/var/lib/gemini-code
log=$root/var/log/gemini-code
backups=$root/var/backups/gemini-code
program=$root/usr/lib/cgi-bin/gemini-code.fcgi
lighttpd='' gateway='' fake=''

fail() {
  echo "install_test.sh: $*"
  tail -n 20 "$run"/*.log "$log"/*.log 2>/dev/null || true
  exit 1
}

# Tries a command for ten seconds.
wait_for() {
  tries=0
  until "$@"; do
    tries=$((tries + 1))
    [ $tries -le 100 ] || return 1
    sleep 0.1
  done
}

# Each server runs in a session of its own, so that all of it can be told and seen to end.
end() {
  kill -s "$1" -- "-$2" && wait_for gone "$2"
}
gone() { ! kill -0 -- "-$1" 2>/dev/null; }
clean_up() {
  for session in $lighttpd $gateway; do end KILL "$session" || true; done
  [ -z "$fake" ] || kill "$fake"
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

if [ "$(id -u)" = 0 ]; then
  user=www-data
  as="setpriv --reuid=$user --regid=$user --clear-groups --no-new-privs --bounding-set=-all"
else
  user=$(id -un)
  as=
fi
own() { [ "$(id -u)" != 0 ] || chown -R "$user" "$@"; }

install_as() {
  make --no-print-directory install "DESTDIR=$root" "SERVICE_USER=$1" prefix=/usr libexecdir=/usr/lib/cgi-bin
}

# The installed site file, its paths under DESTDIR, in a lighttpd of its own.
start_lighttpd() {
  port=$(sh tests/support/free_port.sh)
  url=http://127.0.0.1:$port
  sed -e "s|\"/usr/|\"$root/usr/|; s|\"/etc/|\"$root/etc/|; s|\"/run/[a-z-]*/|\"$run/|" \
    "$root/etc/lighttpd/conf-available/10-gemini-code.conf" > "$work/site.conf"
  cat > "$work/lighttpd.conf" <<EOF
server.bind = "127.0.0.1"
server.port = $port
server.document-root = "$run"
server.errorlog = "$run/lighttpd.log"
accesslog.filename = "$run/access.log"
include "$work/site.conf"
EOF
  setsid $as lighttpd -D -f "$work/lighttpd.conf" &
  lighttpd=$!
}
stop_lighttpd() {
  end INT "$lighttpd" || fail "lighttpd, or what it started, does not end"
  lighttpd=
}

# The rows are written after the answers.
wait_for_total() {
  wait_for has_total "$1" || fail "/health does not come to $1 requests: $(curl -sS "$url/health" 2>&1)"
}
has_total() {
  curl -s "$url/health" > "$work/health" || return 1
  grep -q '"status":"healthy"' "$work/health" && grep -q "\"requests_total\":$1[,}]" "$work/health"
}

reloaded_twice() { [ "$(grep -c 'configuration read' "$log/gemini-code.log")" = 2 ]; }

chat() {
  code=$(curl -s -o "$work/answer" -w '%{http_code}' "$url/v1/chat/completions" -H 'Authorization: Bearer test-key-a' \
    -H 'Content-Type: application/json' \
    -d '{"model":"gemini-3.8-flash","messages":[{"role":"user","content":"Hello"}]}')
  [ "$code" = 200 ] || fail "chat: $code $(cat "$work/answer")"
  grep -q '"object":"chat.completion"' "$work/answer" || fail "no chat completion: $(cat "$work/answer")"
}

own_trees() { find "$etc" "$state" "$log" "$backups" "$@"; }
check_modes() {
  wrong=$(own_trees \( -type d ! -perm 0700 -o -type f ! -name key.salt ! -perm 0600 -o -name key.salt ! -perm 0400 -o \
    ! -type d ! -type f -o ! -user "$user" \) -exec ls -ld {} +)
  [ -z "$wrong" ] || fail "modes or owners: $wrong"
  for file in "$state/gemini-code.db-wal" "$log/gemini-code.log"; do [ -s "$file" ] || fail "$file is not there"; done
}

# All but the gateway's own trees, with times: a change in a directory shows too.
elsewhere() {
  find "$root" \( -path "$etc" -o -path "$state" -o -path "$log" -o -path "$backups" \) -prune -o -printf '%p %y %m %u %s %T@\n' | sort
}

chmod 0755 "$work"
mkdir "$root" "$run"
own "$run"
"$BUILD/fake-gemini" --port 0 > "$work/fake" &
fake=$!

echo "-- installed, started by lighttpd"
install_as www-data
[ "$(stat -c %s "$etc/key.salt")" = 32 ] || fail "the salt is not 32 bytes"
wait_for grep -q '^port' "$work/fake" || fail "no fake Gemini"
(umask 077 && cat > "$etc/conf.d/test.properties") <<EOF
upstream.url = http://127.0.0.1:$(sed -n 's/^port //p' "$work/fake")
database.path = $state/gemini-code.db
database.state_path = $state/state.db
spool.dir = $state/spool
secret.salt_file = $etc/key.salt
log.file = $log/gemini-code.log
EOF
own "$etc" "$state" "$log" "$backups"
elsewhere > "$work/before"
export GEMINI_CODE_CONF="$etc/gemini-code.properties"
$as "$program" -t
$as "$root/usr/sbin/gemini-code-migrate" up
start_lighttpd
wait_for_total 0
chat
wait_for_total 1
check_modes
stop_lighttpd
elsewhere | diff "$work/before" - || fail "something was written outside its own directories"

echo "-- installed again for a user of its own, activated on a socket"
cp -p "$etc/gemini-code.properties" "$etc/key.salt" "$work"
install_as gemini-code
setsid $as systemd-socket-activate -l "$run/gemini-code.sock" -E GEMINI_CODE_CONF "$program" 2> "$run/activate.log" &
gateway=$!
wait_for test -S "$run/gemini-code.sock" || fail "no socket"
start_lighttpd
wait_for_total 1  # the first run's row: the databases are the same
chat
wait_for_total 2

echo "-- its log rotated"
sed -e "s|^/var/|$root/var/|; s|su gemini-code gemini-code|su $user $(id -gn "$user")|" \
  "$root/etc/logrotate.d/gemini-code" > "$work/logrotate.conf"
mkdir "$work/logrotate"
own "$work/logrotate"
$as logrotate --force --state "$work/logrotate/status" "$work/logrotate.conf" || fail "logrotate"
[ -s "$log/gemini-code.log.1" ] || fail "the log was not rotated"
kill -s HUP "$gateway"
wait_for grep -q 'configuration read' "$log/gemini-code.log" || fail "no new log"

echo "-- installed again while it runs"
inode=$(stat -c %i "$program")
install_as gemini-code
[ "$(stat -c %i "$program")" != "$inode" ] || fail "the program was overwritten, not replaced"
kill -s HUP "$gateway"
wait_for reloaded_twice || fail "no reload"
chat
wait_for_total 3
check_modes
stop_lighttpd
end TERM "$gateway" || fail "the gateway does not end"
gateway=
for file in gemini-code.properties key.salt; do cmp "$work/$file" "$etc/$file" || fail "$file was not kept"; done

echo "-- units"
cp -r "$root/usr/lib/systemd/system" "$work/units"
for unit in "$work"/units/*.service; do
  started=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
  [ -x "$root$started" ] || fail "$unit starts $started, which is not installed"
  sed -i "s|^ExecStart=|&$root|" "$unit"
done
verdict=$(find "$work/units" -maxdepth 1 -type f -exec systemd-analyze verify --man=no {} + 2>&1 | grep gemini-code ||
  true)
[ -z "$verdict" ] || fail "$verdict"
# The exposure, times ten, that the units have come down to: it must not rise.
for unit in "$work"/units/*.service; do
  bound=4
  [ "${unit##*/}" != gemini-code.service ] || bound=12
  systemd-analyze security --no-pager --offline=true --threshold=$bound "$unit" > "$work/security" ||
    fail "$(tail -n 1 "$work/security")"
done

echo "-- schedules"
cron=$root/etc/cron.d/gemini-code
# Cron passes over a file that others may write, that is not root's, or whose name has a dot.
[ "$(stat -c '%a %u' "$cron")" = "644 $(id -u)" ] || fail "$(ls -l "$cron")"
case ${cron##*/} in *.*) fail "cron passes over $cron" ;; esac
for command in 'aggregate -q' 'prune -q' 'backup -q create' 'backup -q drill'; do
  grep -qE "^[0-9*/]+ [0-9*]+ \* \* [0-9*] gemini-code if .* /usr/sbin/gemini-code-$command; fi\$" "$cron" ||
    fail "cron does not run gemini-code-$command"
  grep -lqx "ExecStart=/usr/sbin/gemini-code-$command" "$root"/usr/lib/systemd/system/*.service ||
    fail "systemd does not run gemini-code-$command"
done
install_as www-data > "$work/install.log"
! grep -E '^[0-9*]' "$cron" | grep -v ' www-data if ' || fail "a line of cron has another user"
grep -qx 'User=www-data' "$root/usr/lib/systemd/system/gemini-code-.service.d/job.conf" || fail "units have another user"
sed -i 's/^17 2 /18 2 /' "$cron"
install_as www-data > "$work/install.log"
grep -q '^18 2 ' "$cron" || fail "an administrator's schedule was overwritten"
sed -i 's/^18 2 /17 2 /' "$cron"

echo "-- removed"
mkdir "$root/etc/lighttpd/conf-enabled"
ln -s ../conf-available/10-gemini-code.conf "$root/etc/lighttpd/conf-enabled/"
own_trees -type f | sort > "$work/kept"
remove() { make --no-print-directory uninstall "DESTDIR=$root" prefix=/usr libexecdir=/usr/lib/cgi-bin; }
if remove; then fail "removed while lighttpd uses it"; fi
[ -x "$program" ] || fail "the program is gone while lighttpd uses it"
rm "$root/etc/lighttpd/conf-enabled/10-gemini-code.conf"
remove
find "$root" ! -type d | sort | diff "$work/kept" - || fail "what is left is not what is to be kept"
