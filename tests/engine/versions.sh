#!/usr/bin/env bash
# The engine's tests on other versions of PostgreSQL than this machine's own.
#
# usage: versions.sh VERSION... [-- FILTER...]    such as: versions.sh 13 18 -- journaling:: batching::
set -euo pipefail
cd "$(dirname "$0")/../.."

versions=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do versions+=("$1") && shift; done
[ $# = 0 ] || shift
[ ${#versions[@]} -gt 0 ] || { sed -n 's/^# usage: //p' "$0" >&2 && exit 2; }
programs=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-versions-XXXXXX")
trap 'rm -rf "$programs"' EXIT
# The servers run as an unprivileged user.
chmod 711 "$programs"
cargo test --quiet --test engine --no-run
status=0
summary=()
for version in "${versions[@]}"; do
  program=$programs/$version
  tests/servers/servers.sh program "postgres$version" "$program"
  name=$("$program/bin/postgres" --version)
  echo "==== $name: ${*:-all tests}"
  begun=$SECONDS
  SCHEMAWARD_TEST_POSTGRES_PROGRAM=$program cargo test --quiet --test engine -- "$@" 2>&1 | tee "$programs/output" || status=1
  summary+=("$name: $(sed -n 's/^test result: //p' "$programs/output" || true) (tests: ${*:-all})")
  summary[-1]="${summary[-1]}, $((SECONDS - begun)) s"
done
printf '%s\n' "${summary[@]}"
exit $status
