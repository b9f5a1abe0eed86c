#!/usr/bin/env bash
# The engine's tests on other versions of PostgreSQL than this machine's own, and on mysql8 and mariadb11.
#
# usage: versions.sh VERSION... [-- FILTER...]    such as: versions.sh 13 18 mysql8 -- journaling:: batching::
set -euo pipefail
cd "$(dirname "$0")/../.."

versions=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do versions+=("$1") && shift; done
[ $# = 0 ] || shift
[ ${#versions[@]} -gt 0 ] || { sed -n 's/^# usage: //p' "$0" >&2 && exit 2; }
. testbed/servers/memory.sh
temp_in_memory
programs=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-versions-XXXXXX")
trap 'rm -rf "$programs"' EXIT
# The servers run as an unprivileged user.
chmod 711 "$programs"
cargo test --quiet --test engines --no-run
status=0
summary=()

# The tests of both engines are one set: what the other one's are skip themselves, and are counted.
on_mysqlish() { # ENGINE FILTER...
  local engine=$1 variable
  shift
  variable=SCHEMAWARD_TEST_${engine^^}_URL
  # shellcheck disable=SC2016
  testbed/servers/servers.sh run "$engine" -- bash -c 'export "$0=${!1}"; shift; exec cargo test --quiet --test engines -- --nocapture --test-threads 4 "$@"' \
    "${variable//[0-9]/}" "$variable" "${@:-mysql::}"
}

for version in "${versions[@]}"; do
  name=$version
  begun=$SECONDS
  if [[ $version = m* ]]; then
    echo "==== $name: ${*:-mysql::}"
    on_mysqlish "$version" "$@" 2>&1 | tee "$programs/output" || status=1
  else
    program=$programs/$version
    testbed/servers/servers.sh program "postgres$version" "$program"
    name=$("$program/bin/postgres" --version)
    echo "==== $name: ${*:-postgres::}"
    SCHEMAWARD_TEST_POSTGRES_PROGRAM=$program cargo test --quiet --test engines -- --test-threads 4 "${@:-postgres::}" 2>&1 | tee "$programs/output" || status=1
  fi
  summary+=("$name: $(sed -n 's/^test result: //p' "$programs/output" || true) (tests: ${*:-of this engine})")
  skipped=$({ grep -o 'skipped: SCHEMAWARD' "$programs/output" || true; } | wc -l)
  [ "$skipped" = 0 ] || summary[-1]="${summary[-1]}, $skipped of them skipped"
  summary[-1]="${summary[-1]}, $((SECONDS - begun)) s"
done
printf '%s\n' "${summary[@]}"
exit $status
