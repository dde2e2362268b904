#!/bin/sh
# need.sh: installs the Debian packages among its arguments that are missing, and says which; silent when none is.
# SPDX-License-Identifier: MIT
set -eu
missing=
for package in "$@"; do
  # A command of that name counts too: compilers and Node.js also come from elsewhere.
  case $package in
    g++ | nodejs | npm | curl | lighttpd | nginx | spawn-fcgi | clang-format | clang-tidy | cppcheck | shellcheck)
      command=$package
      [ "$package" != nodejs ] || command=node
      PATH=$PATH:/usr/sbin command -v "$command" > /dev/null && continue ;;
  esac
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

echo "Installing Debian packages:$missing"
sudo=
if [ "$(id -u)" != 0 ]; then
  command -v sudo > /dev/null || { echo "Run as root, or install them yourself: apt-get install$missing" >&2; exit 77; }
  sudo=sudo
fi
$sudo apt-get update -qq
# A web server's package would start its service on port 80: not what somebody who runs tests asked for.
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap '$sudo rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' | $sudo tee "$policy" > /dev/null
  $sudo chmod 755 "$policy"
fi
# shellcheck disable=SC2086
$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing > /dev/null
