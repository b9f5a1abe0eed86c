#!/usr/bin/env bash
# Runs a command inside the bed's network and mounts: enter.sh ip route, enter.sh iptables-save
set -euo pipefail
. "$(dirname "$0")/lib.sh"
need_root_linux
if ! find_slot || ! alive holder; then fail "no test bed is up for this checkout: make cluster-up"; fi
enter "${@:-bash}"
