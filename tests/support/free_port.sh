#!/bin/sh
# free_port.sh: prints a TCP port below the ephemeral ones that nothing on this machine uses.
# SPDX-License-Identifier: MIT
set -eu
for port in $(shuf -n 100 -i 20000-29999); do
  ! grep -qi "$(printf ':%04x ' "$port")" /proc/net/tcp /proc/net/tcp6 2>/dev/null || continue
  echo "$port"
  exit 0
done
exit 69
