#!/usr/bin/env bash
# Two programs of this repository in turn on the same files and servers: everything and nothing pending, each round with a
# database of its own. Medians, with the fastest and the slowest run.
#
# usage: programs.sh OLD NEW [GIT]    GIT: a project with migrations/*/up.sql (crates.io) for PostgreSQL's first set;
#                                     ROUNDS=9, SMALL=285, LARGE=5000
# Needs SCHEMAWARD_TEST_POSTGRES15_URL and SCHEMAWARD_TEST_MARIADB_URL: testbed/servers/servers.sh run postgres15 mariadb -- …
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 2 ] || { sed -n 's/^# usage: //p' "$0" >&2; exit 2; }
. "$HERE/files.sh"
WORK=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-programs-XXXXXX")
trap 'rm -rf "$WORK"' EXIT
rustc -O -o "$WORK/stopwatch" "$HERE/stopwatch.rs"
programs=("$1" "$2")
generated_files "$WORK/small" "${SMALL:-285}"
generated_files "$WORK/large" "${LARGE:-5000}"
if [ -n "${3:-}" ]; then real_files "$WORK/real" "$3"; fi

make_database() { # ENGINE NAME
  case $1 in
    postgres) psql -q "$SCHEMAWARD_TEST_POSTGRES15_URL" -c "CREATE DATABASE $2" ;;
    mariadb) (
      rest=${SCHEMAWARD_TEST_MARIADB_URL#*://}
      login=${rest%%@*} address=${rest#*@}
      address=${address%%/*}
      MYSQL_PWD=${login#*:} mariadb -h "${address%:*}" -P "${address#*:}" -u "${login%%:*}" -e "CREATE DATABASE $2"
    ) ;;
  esac
}
url_of() { # ENGINE NAME
  case $1 in
    postgres) echo "${SCHEMAWARD_TEST_POSTGRES15_URL%/*}/$2" ;;
    mariadb) echo "mariadb://${SCHEMAWARD_TEST_MARIADB_URL#*://}" | sed -E "s#/[^/]*\$#/$2#" ;;
  esac
}
measure() { # ENGINE SET FOLDER ROUNDS
  local round place index name pending
  for round in $(seq 1 "$4"); do
    for place in 0 1; do
      index=$(((place + round) % 2)) # each round begins with the other one
      name=p_${1}_${2}_${round}_$index
      make_database "$1" "$name"
      for pending in all none; do
        DATABASE_URL=$(url_of "$1" "$name") "$WORK/stopwatch" "$WORK/log" "${programs[$index]}" migrate --dir "$3" \
          >>"$WORK/$1-$2-$pending-$index" || { cat "$WORK/log" >&2; exit 1; }
      done
    done
  done
  for pending in all none; do
    paste -d ' ' <(sort -n "$WORK/$1-$2-$pending-0") <(sort -n "$WORK/$1-$2-$pending-1") |
      awk -v what="$1, $2 files, $pending pending" '
        { old[NR] = $1 * 1000; new[NR] = $2 * 1000 }
        END {
          m = int((NR + 1) / 2)
          printf "%s: %.1f ms (%.1f–%.1f) → %.1f ms (%.1f–%.1f), %.2f times\n", what, old[m], old[1], old[NR], new[m], new[1], new[NR], new[m] / old[m]
        }'
  done
}

rounds=${ROUNDS:-9}
for engine in postgres mariadb; do
  if [ "$engine" = postgres ] && [ -d "$WORK/real" ]; then measure postgres real "$WORK/real" "$rounds"; else
    measure "$engine" small "$WORK/small" "$rounds"
  fi
  measure "$engine" large "$WORK/large" "$(((rounds + 2) / 3))"
done
