#!/usr/bin/env bash
# `migrate` with a transaction a file, `migrate --transaction all`, and `psql -1` in turn on the same files, everything
# pending, each run on a database of its own. Medians, with the fastest and the slowest run, and the ratios to psql's.
#
# usage: transactions.sh PROGRAM [GIT]    GIT: a project with migrations/*/up.sql (crates.io) for another set;
#                                         ROUNDS=9, FILES=300
# No database is dropped: for minutes after files were deleted, ext4 takes 0.2 ms of processor time and more to make each
# new one (`recently_deleted`), which is charged to whoever comes next. TMPDIR=/dev/shm keeps the disk out of it altogether.
#
# Needs SCHEMAWARD_TEST_POSTGRES15_URL: testbed/servers/servers.sh run postgres15 -- …
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 1 ] || { sed -n 's/^# usage: //p' "$0" >&2; exit 2; }
. "$HERE/files.sh"
SERVER=${SCHEMAWARD_TEST_POSTGRES15_URL%/*}
WORK=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-transactions-XXXXXX")
trap 'rm -rf "$WORK"' EXIT
rustc -O -o "$WORK/stopwatch" "$HERE/stopwatch.rs"
ways=(file all psql-1)

# Two statements a file: a table and its index, then rows and a change.
write_files() { # FOLDER COUNT
  local n
  mkdir -p "$1"
  for ((n = 1; n <= $2; n++)); do
    if ((n % 2)); then
      echo "CREATE TABLE item_$n (id int PRIMARY KEY, name varchar(100) NOT NULL); CREATE INDEX item_${n}_name ON item_$n (name);"
    else
      echo "INSERT INTO item_$((n - 1)) VALUES (1, 'one; two'), (2, 'three'); ALTER TABLE item_$((n - 1)) ADD COLUMN note text;"
    fi >"$1/$((20000000000000 + n))_m.sql"
  done
}

run_as() { # WAY FOLDER DATABASE
  local command
  case $1 in
    psql-1) command=(psql -qX1 -v ON_ERROR_STOP=1 -f "$2.psql/all.sql" "$SERVER/$3") ;;
    *) command=("$PROGRAM" migrate --transaction "$1" --dir "$2") ;;
  esac
  DATABASE_URL="$SERVER/$3" "$WORK/stopwatch" "$WORK/log" "${command[@]}" || { cat "$WORK/log" >&2; exit 1; }
}

measure() { # SET
  local round place way name
  files_for psql-1 "$WORK/$1" "$WORK/$1.psql"
  for round in $(seq 1 "${ROUNDS:-9}"); do
    for place in 0 1 2; do
      way=${ways[$(((place + round) % 3))]} # each round begins with another one
      name=t_${1}_${round}_$place
      psql -qX "$SERVER/postgres" -c "CREATE DATABASE $name"
      run_as "$way" "$WORK/$1" "$name" >>"$WORK/times-$1-$way"
    done
  done
  for way in "${ways[@]}"; do
    sort -n "$WORK/times-$1-$way" | awk -v what="$way" '
      { t[NR] = $1 * 1000 }
      END { printf "%s %.1f %.1f %.1f\n", what, t[int((NR + 1) / 2)], t[1], t[NR] }'
  done | awk -v set="$1" '
    { way[NR] = $1; median[NR] = $2; least[NR] = $3; most[NR] = $4 }
    END { for (n = 1; n <= NR; n++) printf "%s, %s: %.1f ms (%.1f–%.1f), %.2f × psql -1\n", set, way[n], median[n], least[n], most[n], median[n] / median[NR] }'
}

PROGRAM=$(realpath "$1")
write_files "$WORK/generated" "${FILES:-300}"
measure generated
if [ -n "${2:-}" ]; then
  real_files "$WORK/real" "$2"
  measure real
fi
