#!/usr/bin/env bash
# Installs the Debian packages the test bed uses, or those named, where one is missing, and
# otherwise does nothing. Installing PostgreSQL would make and start a cluster of its own: that is kept from
# happening, and one that already exists is left alone.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

packages=(containerd runc containernetworking-plugins iptables busybox-static iproute2 procps
  util-linux postgresql-15 postgresql-client-15 pgbouncer)
[ $# = 0 ] || packages=("$@")
missing=()
for package in "${packages[@]}"; do
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0
command -v apt-get >/dev/null || fail "missing ${missing[*]}, and there is no apt-get: the test bed runs on Debian 12"

say "installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then # no service starts from being installed
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
  trap 'rm -f "$policy"' EXIT
fi
apt() { apt-get -o DPkg::Lock::Timeout=120 -qq "$@" >>"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "apt-get $1 failed"; }; }
apt update
if [[ " ${missing[*]} " == *" postgresql-15 "* ]] && [ ! -e /etc/postgresql-common/createcluster.conf ]; then
  apt install -y --no-install-recommends postgresql-client-common
  mkdir -p /etc/postgresql-common
  [ -e /etc/postgresql-common/createcluster.conf ] ||
    echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
fi
apt install -y --no-install-recommends -o Dpkg::Options::=--force-confold "${missing[@]}"
rm -f "$log"
