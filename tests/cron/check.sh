#!/bin/sh
# check.sh: `make check-cron`: a real cron runs the lines of the installed cron file, every minute instead of at their
# times; each has to run as the service user, succeed and leave a row in job_runs.
# This cron sees a cron.d, a spool and a /run of its own, in a mount and process namespace that ends with the script:
# the crontabs of the host are neither run nor touched.
# SPDX-License-Identifier: MIT
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
user=www-data
if [ "$(id -u)" != 0 ]; then
  command -v sudo > /dev/null || { echo "check-cron: only root can run a cron" >&2; exit 77; }
  exec sudo sh "$0" "$@"
fi

# ---- inside the namespace: $0 inside WORK ----------------------------------------------------------------------------

if [ "${1:-}" = inside ]; then
  work=$2
  mount -t tmpfs tmpfs /run
  mount --bind "$work/cron.d" /etc/cron.d
  mount --bind "$work/spool" /var/spool/cron
  mount --bind "$work/crontab" /etc/crontab
  exec cron -f
fi

# ---- outside ---------------------------------------------------------------------------------------------------------

work=$(mktemp -d "${TMPDIR:-/tmp}/gemini-code-cron.XXXXXX")
root=$work/root
state=$root/var/lib/gemini-code
cron=
finish() {
  code=$?
  trap '' INT TERM HUP
  if [ -n "$cron" ]; then
    kill -KILL "$cron" 2>/dev/null || true  # unshare holds SIGTERM back; cron ends with it
    wait "$cron" 2>/dev/null || true
  fi
  rm -rf --one-file-system "$work"
  [ $code -ne 0 ] || echo "check-cron: passed"
  exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM HUP
fail() {
  echo "check-cron: FAILED: $*"
  cat "$work/ran" "$work/output" 2>/dev/null || true
  exit 1
}

chmod 0755 "$work"
mkdir -p "$work/cron.d" "$work/bin" "$work/spool/crontabs"
: > "$work/crontab"
make --no-print-directory install "DESTDIR=$root" "SERVICE_USER=$user" prefix=/usr > "$work/install" ||
  { cat "$work/install"; exit 1; }
{
  echo "database.path = $state/gemini-code.db"
  echo "database.state_path = $state/state.db"
  echo "spool.dir = $state/spool"
  echo "backup.dir = $root/var/backups/gemini-code"
} > "$root/etc/gemini-code/conf.d/check.properties"
chown -R "$user" "$root/etc/gemini-code" "$root/var"
conf=$root/etc/gemini-code/gemini-code.properties
runuser -u "$user" -- env "GEMINI_CODE_CONF=$conf" "$root/usr/sbin/gemini-code-migrate" -q up

# Between cron and the programs: who ran what, and how it ended.
: > "$work/ran"
: > "$work/output"
chmod 0666 "$work/ran" "$work/output"
for program in "$root"/usr/sbin/gemini-code-*; do
  name=${program##*/}
  cat > "$work/bin/$name" << EOF2
#!/bin/sh
code=0
"$program" "\$@" >> "$work/output" 2>&1 || code=\$?
echo "\$(id -un) \$code $name \$*" >> "$work/ran"
EOF2
  chmod 0755 "$work/bin/$name"
done

# The file with its times replaced. One line after the other, since a line may need what the one before made, and two of
# one program would keep each other out.
awk -v conf="$conf" -v bin="$work/bin/" '
  /^GEMINI_CODE_CRON=/ { print; print "GEMINI_CODE_CONF=" conf; next }
  /^[0-9*]/ {
    match($0, /^([^ ]+ +)([^ ]+ +)([^ ]+ +)([^ ]+ +)([^ ]+ +)[^ ]+ /)
    who = $6
    $0 = substr($0, RLENGTH + 1)
    gsub("/usr/sbin/", bin)
    print "* * * * * " who " sleep " 5 * n++ "; " $0
    next
  }
  { print }' "$root/etc/cron.d/gemini-code" > "$work/cron.d/gemini-code"
# Lines `program arguments`, as the file has them.
sed -n 's|^[0-9*].*; then /usr/sbin/\(gemini-code-.*\); fi$|\1|p' "$root/etc/cron.d/gemini-code" > "$work/commands"
[ "$(grep -c '^[0-9*]' "$root/etc/cron.d/gemini-code")" = "$(grep -c . "$work/commands")" ] ||
  fail "the lines of the cron file are not understood: $(cat "$root/etc/cron.d/gemini-code")"
while read -r program _; do
  [ -x "$root/usr/sbin/$program" ] || fail "$program is in the cron file, and is not installed"
done < "$work/commands"

unshare --mount --pid --fork --kill-child --mount-proc sh "$0" inside "$work" &
cron=$!
echo "check-cron: waiting for the next minute or two"
tries=0
until [ "$(sort -u -k3 "$work/ran" | grep -c .)" -ge "$(grep -c . "$work/commands")" ]; do
  tries=$((tries + 1))
  [ $tries -le 180 ] || fail "not every line was run"
  kill -0 "$cron" 2>/dev/null || fail "cron does not run"
  sleep 1
done

# A command of a program may have a name of its own there: backup-drill.
rows() {
  sqlite3 -readonly "$state/gemini-code.db" \
    "SELECT count(*) FROM job_runs WHERE (job = '$1' OR job GLOB '$1-*') AND rc = 0"
}
while read -r command; do
  grep -qxF "$user 0 $command" "$work/ran" || fail "$command did not run as $user, or did not succeed"
done < "$work/commands"
sort "$work/commands" | cut -d ' ' -f 1 | uniq -c | while read -r lines program; do
  # `migrate up` above left a row too.
  [ "$(rows "${program#gemini-code-}")" -ge "$lines" ] || fail "$program did not leave $lines rows in job_runs"
done
[ ! -s "$work/output" ] || fail "with -q there is output"
strangers=$(find "$root/var" ! -user "$user" -path '*gemini-code/*')
[ -z "$strangers" ] || fail "not the service user's: $strangers"
