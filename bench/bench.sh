#!/usr/bin/env bash
# Measures Schemaward and the other migration tools as whole processes, in one run and in turn: how long it takes with
# everything pending and with nothing pending, on this machine and over a longer way, how many round trips it needs
# and how much memory. `make bench` runs it; docs/benchmarks.md says how to read what it prints.
#
# Writes bench.md, bench.json and runs.tsv into BENCH_OUT. Settings, all from the environment:
#   BENCH_OUT=target/bench          where the results and the tools' own words go
#   BENCH_CORPUS=URL|GIT-DIR        a project with migrations/*/up.sql for PostgreSQL (the Rust registry's application);
#                                   without it only generated files are measured
#   BENCH_ENGINES='postgres15 mariadb'  server names of testbed/servers
#   BENCH_TOOLS='schemaward sqlx'   only these; BENCH_TOOLS_GENERATED: only these on generated files
#   BENCH_FILES=5000                generated files on PostgreSQL; BENCH_FILES_MYSQL=500 on the others, whose every
#                                   statement that changes the schema waits for the disk
#   BENCH_ROUND_TRIPS='0 2 20'      added round-trip times in milliseconds
#   BENCH_ROUNDS=5                  runs of each tool (3 of those that take more than 5 s, 1 of those above 15 s; with
#                                   nothing pending five times as many of those below 1 s)
#   BENCH_RUN_SECONDS=60            a run that would take longer is left out, and the table says so
#   BENCH_SIZES='1000 2000 5000'    files for the question whether the cost grows linearly
#   BENCH_SCHEMAWARD=PROGRAM        instead of target/release/schemaward; BENCH_COMMIT says what it was built from
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd -P)
TOOLS=$HERE/tools.sh
. "$HERE/files.sh"
. "$HERE/runs.sh"
OUT=${BENCH_OUT:-${CARGO_TARGET_DIR:-$REPO/target}/bench}
SCHEMAWARD=${BENCH_SCHEMAWARD:-${CARGO_TARGET_DIR:-$REPO/target}/release/schemaward}
PASSWORD=schemaward # of the throw-away servers
ROUNDS=${BENCH_ROUNDS:-5}
LIMIT=${BENCH_RUN_SECONDS:-60}
say() { echo "$(date +%T)  $*" >&2; }
fail() {
  echo "error: $*" >&2
  exit 1
}

WORK=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-bench-XXXXXX")
export SCHEMAWARD_SERVERS=$WORK/servers
PROXIES=()
finish() {
  local proxy
  for proxy in "${PROXIES[@]}"; do kill "$proxy" 2>/dev/null || true; done
  "$REPO/testbed/servers/servers.sh" remove --all >/dev/null 2>&1 || true
  rm -rf "$WORK"
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- one run -------------------------------------------------------------------------------

sql() { # STATEMENT [DATABASE]: as the server's superuser
  if [[ $ENGINE == postgres* ]]; then
    PGPASSWORD=$PASSWORD psql -qXAt -h 127.0.0.1 -p "$PORT" -U postgres -d "${2:-postgres}" -c "$1"
  else
    MYSQL_PWD=$PASSWORD "$CLIENT/$([ -x "$CLIENT/mariadb" ] && echo mariadb || echo mysql)" --no-defaults --protocol=tcp -N -h 127.0.0.1 -P "$PORT" -u root "${2:-mysql}" -e "$1"
  fi
}
# None is dropped before the server is: for minutes, a file system may have to search for inodes that were not freed just
# now (Linux: recently_deleted in fs/ext4/ialloc.c), which made each new table dearer than all the rest.
fresh_database() {
  sql "CREATE DATABASE $1"
  [[ $ENGINE != postgres* ]] || sql CHECKPOINT # what the run before left unwritten is not this one's to write
}
# The database that a tool has migrated, for the runs with nothing pending.
migrated_by() { local name=bench_${CORPUS}_$1 && echo "${name//-/_}"; }
# What a run has made, whatever the tool records it in: a run counts only if it equals what the server's client made.
made() { # DATABASE
  local own="'_sqlx_migrations','refinery_schema_history','__diesel_schema_migrations','goose_db_version','other_migrations','flyway_schema_history'"
  if [[ $ENGINE == postgres* ]]; then
    sql "SELECT count(*), count(DISTINCT table_name) FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT IN ($own)" "$1"
  else
    sql "SELECT count(*), count(DISTINCT table_name) FROM information_schema.columns WHERE table_schema = '$1' AND table_name NOT IN ($own) AND table_name NOT LIKE 'schemaward%'"
  fi
}
# Runs COMMAND and sets TOOK, in seconds.
timed() { # LOG
  TOOK=$(env "${ENVIRONMENT[@]}" "$WORK/stopwatch" "$1" "${COMMAND[@]}")
}

# ---- a proxy for each round-trip time ------------------------------------------------------------

declare -A PROXY_PORT
start_proxies() { # for the server on PORT
  local ms fifo
  for ms in count ${BENCH_ROUND_TRIPS:-0 2 20}; do
    [ "$ms" != 0 ] || continue
    rm -f "$WORK/port-$ms" "$WORK/trips-$ms"
    fifo=$WORK/fifo-$ENGINE-$ms
    mkfifo "$fifo"
    # Before others, as a network is: a busy processor does not slow it down. Only root may ask for that.
    "$WORK/delay_proxy" "$WORK/port-$ms" "$PORT" "$(awk -v ms="$ms" 'BEGIN { print ms * 1000 }')" "$WORK/trips-$ms" <"$fifo" >/dev/null 2>&1 &
    PROXIES+=($!)
    exec {life}>"$fifo"
    renice -n -15 -p $! >/dev/null 2>&1 || true
    until [ -s "$WORK/port-$ms" ]; do sleep 0.05; done
    PROXY_PORT[$ms]=$(<"$WORK/port-$ms")
  done
}
trips() { cat "$WORK/trips-count" 2>/dev/null || echo 0; }

# ---- a corpus on an engine ---------------------------------------------------------------------------

# The first run of each tool on a corpus, through a proxy that only counts: round trips, memory, the right result.
declare -A TRIPS PEAK FIRST BAD
RUNS=0
count_tool() { # TOOL
  local tool=$1 pending before expected database
  database=$(migrated_by "$tool")
  fresh_database "$database"
  for pending in all none; do
    command_for "$tool" "$ENGINE" "$WORK/files/$tool" "${PROXY_PORT[count]}" "$database" || { BAD[$tool]="not installed"; return; }
    if [ $pending = none ] && [[ $tool == psql* || $tool == client ]]; then continue; fi
    before=$(trips)
    COMMAND=(/usr/bin/time -f %M -o "$WORK/peak" "${COMMAND[@]}")
    timed "$OUT/logs/$ENGINE-$CORPUS-$tool-$pending" || { BAD[$tool]="failed: $(grep -iE -m 1 'error' "$OUT/logs/$ENGINE-$CORPUS-$tool-$pending" | cut -c1-100 || true)"; return; }
    until [ "$(trips)" != "$before" ]; do sleep 0.02; done
    sleep 0.1
    TRIPS[$tool:$pending]=$(($(trips) - before)) PEAK[$tool:$pending]=$(tail -n 1 "$WORK/peak") FIRST[$tool:$pending]=$TOOK
  done
  expected=${EXPECTED:=$(made "$database")}
  [ "$(made "$database")" = "$expected" ] || BAD[$tool]="made another schema than the server's client"
}
# Round trips that everyone needs: TCP's own, those of the login, and the word of leave. What the server's client needs for one statement, less one.
count_login() {
  local before COMMAND ENVIRONMENT=(PGSSLMODE=disable PGPASSWORD="$PASSWORD" MYSQL_PWD="$PASSWORD")
  if [[ $ENGINE == postgres* ]]; then COMMAND=(psql -qXAt -h 127.0.0.1 -p "${PROXY_PORT[count]}" -U postgres -d postgres -c 'SELECT 1'); else
    COMMAND=("$CLIENT/$([ -x "$CLIENT/mariadb" ] && echo mariadb-admin || echo mysqladmin)" --no-defaults --protocol=tcp --skip-ssl -h 127.0.0.1 -P "${PROXY_PORT[count]}" -u root ping)
  fi
  before=$(trips)
  timed "$OUT/logs/$ENGINE-login"
  until [ "$(trips)" != "$before" ]; do sleep 0.02; done
  sleep 0.1
  printf '%s\tlogin\t0\tcount\tnone\tlogin\t%s\t0\n' "$ENGINE" $(($(trips) - before - 1)) >>"$OUT/runs.tsv"
}
seconds_expected() { # TOOL PENDING MILLISECONDS
  awk -v first="${FIRST[$1:$2]}" -v trips="${TRIPS[$1:$2]}" -v ms="$3" 'BEGIN { printf "%d", first + trips * (ms ? ms + 0.3 : 0) / 1000 }'
}
measure() { # CORPUS FILES TOOL...
  local files=$2 tool ms pending round n order expected rounds most EXPECTED=
  CORPUS=$1
  shift 2
  local tools=("$@") run=()
  TRIPS=() PEAK=() FIRST=() BAD=()
  rm -rf "$WORK/files"
  for tool in "${tools[@]}"; do files_for "$tool" "$WORK/corpora/$CORPUS" "$WORK/files/$tool"; done
  # The server's own client first: what it makes is what all must make.
  for tool in $(printf '%s\n' "${tools[@]}" | grep -E '^(psql|client)' || true) $(printf '%s\n' "${tools[@]}" | grep -vE '^(psql|client)'); do
    count_tool "$tool"
    if [ -n "${BAD[$tool]:-}" ]; then
      say "$ENGINE $CORPUS $tool: ${BAD[$tool]}"
      printf '%s\t' "$ENGINE" "$CORPUS" "$files" - - "$tool" >>"$OUT/runs.tsv" && printf 'left out\t%s\n' "${BAD[$tool]}" >>"$OUT/runs.tsv"
    else
      say "$ENGINE $CORPUS $tool: ${FIRST[$tool:all]} s, ${TRIPS[$tool:all]} round trips, ${PEAK[$tool:all]} KiB; again: ${FIRST[$tool:none]:--} s, ${TRIPS[$tool:none]:--}"
      for pending in all none; do
        [ -z "${FIRST[$tool:$pending]:-}" ] || printf '%s\t' "$ENGINE" "$CORPUS" "$files" count $pending "$tool" "${TRIPS[$tool:$pending]}" >>"$OUT/runs.tsv"
        [ -z "${FIRST[$tool:$pending]:-}" ] || printf '%s\n' "${PEAK[$tool:$pending]}" >>"$OUT/runs.tsv"
      done
    fi
  done
  for tool in "${tools[@]}"; do [ -n "${BAD[$tool]:-}" ] || run+=("$tool"); done
  for ms in ${BENCH_ROUND_TRIPS:-0 2 20}; do
    for pending in all none; do
      say "$ENGINE $CORPUS, $ms ms, $pending pending"
      most=$ROUNDS
      # A few milliseconds, of which the machine adds or takes some by chance.
      [ $pending = all ] || most=$((5 * ROUNDS))
      for ((round = 0; round < most; round++)); do
        # In turn, and each round begins with another one.
        for ((n = 0; n < ${#run[@]}; n++)); do
          tool=${run[(n + round) % ${#run[@]}]}
          [ -n "${FIRST[$tool:$pending]:-}" ] || continue
          expected=$(seconds_expected "$tool" $pending "$ms")
          if [ "$expected" -gt "$LIMIT" ]; then
            [ $round != 0 ] || printf '%s\t%s\t%s\t%s\t%s\t%s\tleft out\tabout %s s\n' "$ENGINE" "$CORPUS" "$files" "$ms" $pending "$tool" "$expected" >>"$OUT/runs.tsv"
            continue
          fi
          rounds=$most
          [ "$expected" -lt 1 ] || rounds=$ROUNDS
          [ "$expected" -lt 5 ] || rounds=3
          [ "$expected" -lt 15 ] || rounds=1
          [ $round -lt "$rounds" ] || continue
          one_run "$tool" $pending "$ms" "$files"
        done
      done
    done
  done
}
one_run() { # TOOL PENDING MILLISECONDS FILES
  local database port=$PORT
  if [ "$2" = none ]; then database=$(migrated_by "$1"); else
    database=bench_run_$((RUNS += 1))
    fresh_database "$database"
  fi
  [ "$3" = 0 ] || port=${PROXY_PORT[$3]}
  command_for "$1" "$ENGINE" "$WORK/files/$1" "$port" "$database"
  if timed "$OUT/logs/$ENGINE-$CORPUS-$1-$2-$3"; then
    printf '%s\t%s\t%s\t%s\t%s\t%s\t%s\t\n' "$ENGINE" "$CORPUS" "$4" "$3" "$2" "$1" "$TOOK" >>"$OUT/runs.tsv"
  else
    printf '%s\t%s\t%s\t%s\t%s\t%s\tleft out\tfailed\n' "$ENGINE" "$CORPUS" "$4" "$3" "$2" "$1" >>"$OUT/runs.tsv"
    say "$1 failed: see $OUT/logs/$ENGINE-$CORPUS-$1-$2-$3"
  fi
}

# ---- all of it -----------------------------------------------------------------------------------------------

wanted() { # TOOL
  [ -z "${BENCH_TOOLS:-}" ] || [[ " $BENCH_TOOLS " == *" $1 "* ]]
}
# Default durability: what the throw-away servers relax for tests' sake is put back.
durable() { case $1 in postgres*) echo -c fsync=on -c shared_buffers=128MB ;; *) echo --innodb-flush-method=fsync --innodb-flush-log-at-trx-commit=1 --innodb-buffer-pool-size=128M --innodb-log-file-size=96M ;; esac; }

bench_engine() {
  local said name tools=() count size
  ENGINE=$1
  # shellcheck disable=SC2046
  said=$("$REPO/testbed/servers/servers.sh" start "$ENGINE" $(durable "$ENGINE"))
  PORT=$(sed -n 's/^PORT=//p' <<<"$said") CLIENT=$(sed -n 's/^BIN=//p' <<<"$said")
  start_proxies
  for name in $(contenders "$ENGINE"); do
    if wanted "$name"; then tools+=("$name"); fi
  done
  count_login
  count=${BENCH_FILES:-5000}
  [[ $ENGINE == postgres* ]] || count=${BENCH_FILES_MYSQL:-500}
  for name in "${tools[@]}"; do tool_version "$name" | sed "s/^/$ENGINE\t$name\t/"; done >>"$OUT/versions.tsv"
  echo "$ENGINE	server	$(sql 'SELECT version()' | cut -c1-60)" >>"$OUT/versions.tsv"
  if [[ $ENGINE == postgres* ]] && [ -d "$WORK/corpora/real" ]; then
    measure real "$(find "$WORK/corpora/real" -name '*.sql' | wc -l)" "${tools[@]}"
  fi
  generated_files "$WORK/corpora/generated" "$count"
  # shellcheck disable=SC2086
  measure generated "$count" ${BENCH_TOOLS_GENERATED:-"${tools[@]}"}
  rm -rf "$WORK/corpora/generated"
  if [[ $ENGINE == postgres* ]]; then
    for size in ${BENCH_SIZES:-1000 2000 5000}; do
      generated_files "$WORK/corpora/growth-$size" "$size"
      BENCH_ROUND_TRIPS=0 ROUNDS=3 measure "growth-$size" "$size" schemaward psql-1
    done
  fi
  "$REPO/testbed/servers/servers.sh" remove "$ENGINE" >/dev/null
}

[ -x "$SCHEMAWARD" ] || (cd "$REPO" && nice cargo build --release --quiet)
"$REPO/testbed/cluster/packages.sh" time postgresql-client-15
mkdir -p "$OUT/logs" "$SCHEMAWARD_SERVERS" && chmod 711 "$WORK" "$SCHEMAWARD_SERVERS"
rm -f "$OUT"/{runs,versions}.tsv "$OUT"/logs/*
for program in delay_proxy stopwatch; do rustc --edition 2024 -O "$HERE/$program.rs" -o "$WORK/$program"; done
# shellcheck disable=SC2046
[ -n "${BENCH_TOOLS:-}" ] || "$TOOLS" install sqlx refinery diesel goose migrate dbmate flyway || say "the tools that could not be installed are left out"
if [ -n "${BENCH_CORPUS:-}" ]; then
  real_files "$WORK/corpora/real" "$BENCH_CORPUS" || fail "BENCH_CORPUS=$BENCH_CORPUS has no migrations that could be read"
else
  say "BENCH_CORPUS is not set: only generated files are measured"
fi
{
  echo "commit	${BENCH_COMMIT:-$(git -C "$REPO" describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)}"
  echo "date	$(date -u +%FT%TZ)"
  echo "machine	$(nproc) processors, $(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1), $(awk '/^MemTotal/ { printf "%d", $2 / 1048576 + 0.5 }' /proc/meminfo) GiB, $(uname -sr)"
  [ ! -e "$WORK/corpora/real.commit" ] || echo "corpus	$(basename "${BENCH_CORPUS%/repo}") at $(<"$WORK/corpora/real.commit")"
} >"$OUT/about.tsv"
for engine in ${BENCH_ENGINES:-postgres15 mariadb}; do bench_engine "$engine"; done
"$HERE/report.sh" "$OUT"
say "results: $OUT/bench.md, $OUT/bench.json"
