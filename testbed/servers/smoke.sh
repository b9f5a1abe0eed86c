#!/usr/bin/env bash
# Shows that the servers do what the tests rely on: each engine answers, keeps what was committed
# through a SIGKILL, and leaves nothing behind. Prints 'N passed, N failed' as its last line.
# usage: smoke.sh [ENGINE...]   (without names: the usual ones)
set -uo pipefail
. "$(dirname "$0")/lib.sh"
servers=$HERE/servers.sh
[ $# -gt 0 ] || set -- "${USUAL[@]}"
passed=0 failed=0
check() { # WHAT COMMAND...
  local what=$1 from
  shift
  from=$(date +%s%N)
  if "$@" >"$SERVERS.out" 2>&1; then
    passed=$((passed + 1))
    say "ok      $what ($((($(date +%s%N) - from) / 1000000)) ms)"
  else
    failed=$((failed + 1))
    say "FAILED  $what"
    sed 's/^/        /' "$SERVERS.out" >&2
  fi
}
SCHEMAWARD_SERVERS=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-smoke-XXXXXX")
export SCHEMAWARD_SERVERS
chmod 711 "$SCHEMAWARD_SERVERS"
SERVERS=$SCHEMAWARD_SERVERS
trap '"$servers" remove --all; rm -f "$SERVERS".*' EXIT

field() { "$servers" show "$1" | sed -n "s/^$2=//p"; }
query() { # NAME SQL
  local bin port
  bin=$(field "$1" BIN) port=$(field "$1" PORT)
  case $1 in
    mariadb*) MYSQL_PWD=$PASSWORD "$bin/mariadb" --no-defaults --protocol=tcp -h 127.0.0.1 -P "$port" -u root -N -B test -e "$2" ;;
    mysql*) MYSQL_PWD=$PASSWORD "$bin/mysql" --no-defaults --protocol=tcp -h 127.0.0.1 -P "$port" -u root -N -B test -e "$2" ;;
    *) "$bin/psql" -X -A -t -v ON_ERROR_STOP=1 -c "$2" "$(field "$1" URL)" ;;
  esac
}
answer_is() { # PATTERN NAME SQL
  local answer
  answer=$(query "$2" "$3") || return 1
  # shellcheck disable=SC2053
  [[ $answer == $1 ]] || { echo "got: $answer; wanted: $1" && return 1; }
}
refuses() { ! query "$1" "SELECT 1"; }
killed_from_outside() { # its main process alone, as a test may do it
  kill -KILL "$(field "$1" PID)" && "$servers" start "$1"
}
unprivileged() { ! is_root || [ "$(stat -c %U "/proc/$(field "$1" PID)")" = nobody ]; }
nothing_left() { ! pgrep -f -- "$SERVERS/$1/" >/dev/null && [ ! -e "$SERVERS/$1" ]; }

version_of() {
  case $1 in
    postgres*) echo "PostgreSQL ${1#postgres}.*" ;;
    mariadb) echo "10.11.*-MariaDB*" ;;
    mysql) echo "9.*" ;;
    pgbouncer) echo "PostgreSQL 15.*" ;;
  esac
}
life_of() { # ENGINE [OPTION...]
  local name=$1 port
  check "$name starts" "$servers" start "$@"
  port=$(field "$name" PORT)
  check "$name has the right version" answer_is "$(version_of "$name")" "$name" "SELECT version()"
  check "$name is not run by root" unprivileged "$name"
  if [ "$name" != pgbouncer ]; then
    check "$name commits a row" query "$name" "CREATE TABLE smoke (id int PRIMARY KEY); INSERT INTO smoke VALUES (42)"
  fi
  check "$name is killed" "$servers" kill "$name"
  check "$name no longer answers" refuses "$name"
  check "$name starts again" "$servers" start "$name"
  check "$name keeps its port" [ "$(field "$name" PORT)" = "$port" ]
  [ "$name" = pgbouncer ] || check "$name kept the row" answer_is 42 "$name" "SELECT id FROM smoke"
  check "$name starts after its main process was killed alone" killed_from_outside "$name"
  check "$name answers" answer_is 1 "$name" "SELECT 1"
  check "$name stops" "$servers" stop "$name"
  check "$name starts after a stop" "$servers" start "$name"
  check "$name is paused" "$servers" pause "$name"
  check "$name is resumed" "$servers" resume "$name"
  check "$name answers after the pause" answer_is 1 "$name" "SELECT 1"
  check "a second $name starts beside it" "$servers" start "$name-second" "${@:2}"
  check "the second $name answers" answer_is 1 "$name-second" "SELECT 1"
  check "the second $name is removed" "$servers" remove "$name-second"
  [ "$name" = postgres15 ] || check "$name is removed" "$servers" remove "$name"
  [ "$name" = postgres15 ] || check "$name left nothing behind" nothing_left "$name"
}

run_exports() {
  # shellcheck disable=SC2016
  "$servers" run postgres15 pgbouncer -- bash -c \
    '[[ $SCHEMAWARD_TEST_POSTGRES15_URL == postgres://* && $SCHEMAWARD_TEST_POSTGRES_URL == "$SCHEMAWARD_TEST_POSTGRES15_URL" && $SCHEMAWARD_TEST_PGBOUNCER_URL == postgres://* ]]
     psql -X -c "SELECT 1" "$SCHEMAWARD_TEST_PGBOUNCER_URL"'
}
run_keeps_the_status() {
  "$servers" run postgres15 -- bash -c 'exit 7'
  [ $? = 7 ]
}
# How a run ends must not matter: the server's folder and process are gone soon after.
run_ends_on() { # SIGNAL
  local note=$SERVERS.note run pid folder
  rm -f "$note"
  # shellcheck disable=SC2016
  "$servers" run postgres15 -- bash -c 'echo "$("$1" show postgres15 | sed -n s/^PID=//p) $SCHEMAWARD_SERVERS" >"$2.new" && mv "$2.new" "$2" && exec sleep 60' \
    command "$servers" "$note" &
  run=$!
  await 30 test -e "$note" || return 1
  read -r pid folder <"$note"
  [ -n "$(start_time "$pid")" ] && [ -d "$folder" ] || return 1
  kill -"$1" "$run"
  wait "$run"
  await 20 test ! -e "$folder" && [ -z "$(start_time "$pid")" ]
}

"$servers" install "$@" || fail "installing failed"
for engine; do
  if [ "$engine" = pgbouncer ]; then
    check "postgres15 starts, for pgbouncer" "$servers" start postgres15
    life_of pgbouncer postgres15
  else
    life_of "$engine"
  fi
done
check "run exports the URLs" run_exports
check "run passes the status on" run_keeps_the_status
check "run ends the servers on SIGTERM" run_ends_on TERM
check "run ends the servers on SIGKILL" run_ends_on KILL
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
