#!/bin/sh
# check.sh: `make check-fresh`: follows the README in a new Debian 12 that has git, make and certificates, and no more.
# The new system is a directory under TMPDIR; it takes over how this host reaches the package archive and npm. All that
# is mounted and runs for it is in namespaces of its own and ends with this script.
# SPDX-License-Identifier: MIT
set -eu
umask 022
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || { echo "check-fresh: only root can make a new Debian" >&2; exit 77; }
started_s=$(date +%s)
step=start
child=
work=$(mktemp -d "${TMPDIR:-/tmp}/gemini-code-fresh.XXXXXX")
root=$work/debian

finish() {
  code=$?
  trap '' INT TERM HUP
  if [ -n "$child" ]; then
    kill -KILL "$child" 2>/dev/null || true
    wait "$child" 2>/dev/null || true
  fi
  [ ! -s "$root/root/step" ] || step=$(cat "$root/root/step")
  if grep -q " $work" /proc/self/mountinfo; then
    echo "check-fresh: something is mounted in $work: left alone"
    code=1
  else
    rm -rf --one-file-system "$work"
  fi
  seconds=$(($(date +%s) - started_s))
  if [ $code -eq 0 ]; then
    echo "check-fresh: passed in $seconds s"
  else
    echo "check-fresh: FAILED at: $step, after $seconds s"
  fi
  exit $code
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

# In the background, because a shell acts on a signal only between commands, and `wait` is one.
isolated() {
  unshare --mount --pid --fork --kill-child "$@" &
  child=$!
  status=0
  wait "$child" || status=$?
  child=
  return $status
}

archive() {
  # shellcheck disable=SC2016  # they are apt's
  apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    grep -E ' bookworm(-updates|-security)? ' | sort -u
}

make_debian() {
  step=debootstrap
  archive > "$work/sources.list" || echo "deb http://deb.debian.org/debian bookworm main" > "$work/sources.list"
  mirror=$(sed -n 's/^deb \([^ ]*\) bookworm main$/\1/p' "$work/sources.list" | head -n 1)
  isolated --mount-proc debootstrap --variant=minbase --include=git,make,ca-certificates bookworm "$root" "$mirror" \
    > "$work/debootstrap.log" 2>&1 || { tail -n 20 "$work/debootstrap.log"; exit 1; }
  mv "$work/sources.list" "$root/etc/apt/sources.list"
}

# What a host behind a proxy or a certificate authority of its own needs to reach the archive and npm.
take_over_host() {
  step='configuration of the host'
  apt-config dump | grep -E '^Acquire::(http|https|Check|Retries|ForceIP)' > "$root/etc/apt/apt.conf.d/99host" || true
  for file in /etc/apt/auth.conf /etc/apt/auth.conf.d; do [ ! -e "$file" ] || cp -r "$file" "$root/etc/apt/"; done
  for file in /etc/resolv.conf /etc/hosts; do cp -L "$file" "$root$file"; done
  for file in /usr/local/share/ca-certificates/*.crt; do
    [ ! -f "$file" ] || cp "$file" "$root/usr/local/share/ca-certificates/"
  done
  isolated --root="$root" --mount-proc update-ca-certificates > /dev/null 2>&1
  [ ! -s /etc/ssl/certs/ca-certificates.crt ] || cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
  # Packages start no service: the network is this host's.
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 0755 "$root/usr/sbin/policy-rc.d"
}

follow_readme() {
  step=clone
  [ -z "$(git status --porcelain)" ] || echo "check-fresh: this tree has uncommitted changes; they are not tested"
  git clone -q --no-hardlinks . "$root/root/gemini-code"
  git -C "$root/root/gemini-code" checkout -q --detach "$(git rev-parse HEAD)"
  set -- PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 \
    NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt "RUN_PORT=$(sh tests/support/free_port.sh)" \
    "SERVER_PORT=$(sh tests/support/free_port.sh)"
  registry=$(npm config get registry 2>/dev/null || true)
  [ -z "$registry" ] || set -- "$@" "npm_config_registry=$registry"
  for name in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY; do
    value=$(printenv "$name" || true)
    [ -z "$value" ] || set -- "$@" "$name=$value"
  done
  step='follow the README'
  isolated --root="$root" --mount-proc --wd=/root/gemini-code env -i "$@" sh tests/fresh/newcomer.sh
}

make_debian
echo "$(($(date +%s) - started_s)) s: a new Debian 12"
take_over_host
follow_readme
