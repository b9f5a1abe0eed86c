#!/usr/bin/env bash
# The engine's tests on other versions of PostgreSQL than the one that they start themselves.
# A test that stops or crashes its server still does so to one of its own.
#
# usage: versions.sh VERSION... [-- FILTER...]    such as: versions.sh 13 18 -- journaling:: batching::
set -euo pipefail
cd "$(dirname "$0")/../.."

# In servers.sh's surroundings: the tests log in as roles that have no password.
if [ "${1:-}" = trusting ]; then
  shift
  show=$(tests/servers/servers.sh show "$1")
  shift
  data=$(sed -n 's/^DATA=//p' <<<"$show")
  bin=$(sed -n 's/^BIN=//p' <<<"$show")
  rules=$(cat "$data/pg_hba.conf")
  printf '%s\n' 'host all with_password 127.0.0.1/32 scram-sha-256' 'host all all 127.0.0.1/32 trust' "$rules" >"$data/pg_hba.conf"
  "$bin/psql" -XAtqc 'select pg_reload_conf()' "$SCHEMAWARD_TEST_POSTGRES_URL" >/dev/null
  SCHEMAWARD_TEST_POSTGRES=$SCHEMAWARD_TEST_POSTGRES_URL exec cargo test --test engine -- "$@"
fi

versions=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do versions+=("$1") && shift; done
[ $# = 0 ] || shift
[ ${#versions[@]} -gt 0 ] || { sed -n 's/^# usage: //p' "$0" >&2 && exit 2; }
status=0
for version in "${versions[@]}"; do
  echo "PostgreSQL $version: ${*:-all tests}"
  tests/servers/servers.sh run "postgres$version" -- tests/engine/versions.sh trusting "postgres$version" "$@" || status=1
done
exit $status
