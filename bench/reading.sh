#!/usr/bin/env bash
# How long it takes to read 36,000 statements in 600 files: `plan` as a whole process against an address where no server
# is, where all files are read and nothing else happens (on SQLite, against a database that is not there yet).
#
# usage: reading.sh PROGRAM [PROGRAM]     two programs run in turn; ROUNDS=15
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ $# -ge 1 ] || { sed -n '5s/^# //p' "$0" >&2; exit 2; }
WORK=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-reading-XXXXXX")
trap 'rm -rf "$WORK"' EXIT
rustc -O -o "$WORK/stopwatch" "$HERE/stopwatch.rs"

# Sixty statements as projects have them: five tables with an index, changes, rows, a view and a body each.
write_file() { # ENGINE NUMBER
  local t
  for t in $(seq $(($2 * 5)) $(($2 * 5 + 4))); do
    echo "-- the table $t
CREATE TABLE IF NOT EXISTS t$t (id bigint PRIMARY KEY, name varchar(200) NOT NULL, price numeric(10, 2) DEFAULT 0);
CREATE INDEX t${t}_name ON t$t (name);
ALTER TABLE t$t ADD COLUMN note varchar(30) DEFAULT 'it''s';
ALTER TABLE t$t RENAME COLUMN note TO remark;
INSERT INTO t$t (id, name, price) VALUES (1, 'somebody''s name', 12.50), (2, 'another; name', 3), (3, 'third', null);
INSERT INTO t$t (id, name, price) VALUES (4, 'somebody''s name', 12.50), (5, 'another; name', 3), (6, 'third', null);
INSERT INTO t$t (id, name, price) VALUES (7, 'somebody''s name', 12.50), (8, 'another; name', 3), (9, 'third', null);
UPDATE t$t SET price = price * 1.1 WHERE id = $t AND name <> '';
DELETE FROM t$t WHERE id IN (SELECT id FROM u$t WHERE a > 3);
CREATE VIEW v$t AS SELECT a.id, count(*) FROM t$t a JOIN u b ON a.id = b.id GROUP BY a.id;
DROP TABLE IF EXISTS old$t;"
    case $1 in
      postgres) echo "CREATE FUNCTION f$t() RETURNS int LANGUAGE plpgsql AS \$\$ BEGIN UPDATE t$t SET price = 1; RETURN 1; END \$\$;" ;;
      mysql) echo "CREATE PROCEDURE p$t() BEGIN UPDATE t$t SET price = 1; SELECT 1; END;" ;;
      sqlite) echo "CREATE TRIGGER g$t AFTER INSERT ON t$t BEGIN UPDATE t$t SET price = 1; SELECT 1; END;" ;;
    esac
  done
}

for engine in postgres mysql sqlite; do
  mkdir "$WORK/$engine"
  for number in $(seq 1 600); do write_file "$engine" "$number" >"$WORK/$engine/${number}_a.sql"; done
  case $engine in
    sqlite) url=sqlite:$WORK/none.db ;;
    *) url=$engine://nobody@127.0.0.1:1/none ;;
  esac
  for round in $(seq 1 "${ROUNDS:-15}"); do
    for index in $(seq 1 $#); do
      # Each round begins with another one.
      program=$(((index + round) % $# + 1))
      seconds=$(DATABASE_URL=$url "$WORK/stopwatch" "$WORK/log" "${!program}" plan --dir "$WORK/$engine") || true
      echo "$seconds" >>"$WORK/$engine-$program"
    done
  done
  for program in $(seq 1 $#); do
    sort -n "$WORK/$engine-$program" | awk -v name="$engine  ${!program}" '
      { all[NR] = $1 * 1000 }
      END { printf "%s: %.0f ms (%.0f ms–%.0f ms)\n", name, all[int((NR + 1) / 2)], all[1], all[NR] }'
  done
done
