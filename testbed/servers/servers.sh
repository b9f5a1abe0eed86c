#!/usr/bin/env bash
# Throw-away database servers for the engine's tests, each in a folder of its own, on a free port of
# loopback, run by an unprivileged user. See README.md.
#
# usage: servers.sh install [ENGINE...]       install what is missing (without names: the usual ones)
#        servers.sh start NAME [OPTION...]    make it where needed, start it, print URL=, PORT=, PID=, ...
#        servers.sh stop NAME                 end it in good order; its data and port stay
#        servers.sh kill NAME                 SIGKILL to all its processes at one moment; data and port stay
#        servers.sh pause|resume NAME         freeze all its processes, and let them go on
#        servers.sh show NAME                 print what start printed
#        servers.sh remove NAME | --all       end it and delete its data
#        servers.sh program ENGINE FOLDER     copy a PostgreSQL to where every user can run it
#        servers.sh list                      the servers there are, and whether they run
#        servers.sh run NAME... -- COMMAND    start them, run COMMAND with SCHEMAWARD_TEST_<NAME>_URL, end them
# shellcheck disable=SC2015 # A && B || fail: B is a test
set -euo pipefail
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/memory.sh"
usage() { fail "usage: servers.sh install|start|stop|kill|pause|resume|show|remove|program|list|run (see the head of $0)"; }

# ---- install ------------------------------------------------------------------------------

# Makes what is not in the cache, under a lock and a name of its own, so that it is there as a
# whole or not at all.
install_engine() { # ENGINE
  local target temp work T
  use_engine "$1"
  mkdir -p "$CACHE"
  # shellcheck disable=SC2046
  need_packages $(packages)
  target=$(installed)
  if [ ! -d "$target" ]; then
    exec 7>"$CACHE/.$ENGINE.lock"
    flock 7
    if [ ! -d "$target" ]; then
      T=$(date +%s%N)
      say "installing $ENGINE"
      temp=$(mktemp -d "$CACHE/.$ENGINE-XXXXXX")
      work=$(mktemp -d)
      # shellcheck disable=SC2064
      trap "rm -rf '$temp' '$work'" EXIT
      chmod 711 "$work"
      mkdir "$temp/program" "$work/program" "$work/data" "$work/build"
      PROGRAM=$work/program
      is_root || PROGRAM=$temp/program
      DATA=$work/data
      step "$work/log" make_program "$temp/program" "$work/build"
      chmod 755 "$temp" "$temp/program"
      chmod 700 "$DATA"
      own "$DATA"
      step "$work/log" make_template "$temp/program" "$work"
      mv "$DATA" "$temp/template"
      mv "$temp" "$target"
      rm -rf "$work"
      trap - EXIT
      say "installed $ENGINE in $((($(date +%s%N) - T) / 1000000)) ms"
    fi
    exec 7>&-
    # What has not been started for a month goes, and what a killed install left.
    find "$CACHE" -maxdepth 1 -name "$ENGINE-*" ! -path "$target" -mtime +30 -exec rm -rf {} +
    find "$CACHE" -maxdepth 1 -name ".$ENGINE-*" -mtime +1 -exec rm -rf {} +
  fi
  touch "$target"
}

# In the background, as a function that is part of a condition goes on after an error.
step() { # LOG FUNCTION...
  local log=$1
  shift
  (cd "${!#}" && "$@") >"$log" 2>&1 </dev/null 7>&- &
  wait $! || {
    tail -n 20 "$log" >&2
    fail "installing $ENGINE failed in $1"
  }
}

# ---- one server ---------------------------------------------------------------------------

# Holds the server's lock until this process ends.
lock_server() {
  mkdir -m 711 "$SERVERS" 2>/dev/null || [ -d "$SERVERS" ] || fail "cannot make $SERVERS"
  [ -O "$SERVERS" ] || fail "$SERVERS belongs to another user"
  exec 8>"$SERVERS/.$NAME.lock"
  flock -w 120 8 || fail "another command works on $NAME for more than 120 s"
}

make_server() {
  [ ! -d "$D" ] || return 0
  rm -rf "$SERVERS/.$NAME.new"
  mkdir -m 711 "$SERVERS/.$NAME.new" "$SERVERS/.$NAME.new/program"
  cp -a --reflink=auto "$(installed)/template" "$SERVERS/.$NAME.new/data"
  free_port >"$SERVERS/.$NAME.new/port"
  mv "$SERVERS/.$NAME.new" "$D"
}

# 0 when it answers, 1 when it ended before, 2 when it did neither in time.
launch() {
  local end=$((SECONDS + READY_SECONDS))
  spawn "$@"
  until ready "$PORT"; do
    [ -n "$(main_pid)" ] || return 1
    [ $SECONDS -lt $end ] || return 2
    sleep 0.02
  done
  # Its own answer, not that of another program on the port.
  [ -n "$(main_pid)" ] || return 1
  readlink "/proc/$(main_pid)/exe" >"$D/exe"
}

start_server() { # [OPTION...]: new ones replace those of the last start
  local tries fresh=no options=() from status command=()
  [ -d "$D" ] || fresh=yes
  make_server
  [ -z "$(main_pid)" ] || {
    [ $# = 0 ] || fail "$NAME runs already: stop it before it gets other options"
    return 0
  }
  # What a server that was killed from outside left behind.
  kill_members
  [ $# = 0 ] || printf '%s\0' "$@" >"$D/options"
  [ ! -e "$D/options" ] || mapfile -d '' -t options <"$D/options"
  prepare "${options[@]}"
  for tries in 1 2 3 4 5; do
    PORT=$(cat "$D/port")
    from=$(stat -c %s "$LOG" 2>/dev/null || echo 0)
    mapfile -d '' -t command < <(command_line "$PORT" "${options[@]}")
    status=0
    launch "${command[@]}" || status=$?
    [ $status != 0 ] || return 0
    kill_members
    # Another program took the port first: only a server no one knows yet may move.
    [ $fresh = yes ] && [ "$tries" -lt 5 ] && answers "$PORT" || break
    free_port >"$D/port"
  done
  tail -c +$((from + 1)) "$LOG" | tail -n 25 >&2 || true
  [ $fresh = no ] || rm -rf "$D"
  [ $status != 1 ] || fail "$NAME ended while it started"
  fail "$NAME did not answer within $READY_SECONDS s"
}

# All at one moment, as when the machine loses its power: frozen first, so that none sees another die.
kill_members() {
  local pid pids=() stamped=()
  signal_members STOP
  mapfile -t pids < <(members)
  [ ${#pids[@]} -gt 0 ] || return 0
  for pid in "${pids[@]}"; do stamped+=("$pid:$(start_time "$pid")"); done
  kill -KILL "${pids[@]}" 2>/dev/null || true
  await 30 all_gone "${stamped[@]}" || fail "$NAME is still there 30 s after SIGKILL"
}
signal_members() { # SIGNAL: the main process first, which makes the others
  local pids
  mapfile -t pids < <(members)
  [ ${#pids[@]} = 0 ] || kill -"$1" "${pids[@]}" 2>/dev/null || true
}
stop_server() {
  local pid
  pid=$(main_pid)
  [ -n "$pid" ] || { kill_members && return 0; }
  kill -CONT "$pid"
  kill -"$STOP_SIGNAL" "$pid"
  await 60 gone || fail "$NAME did not end within 60 s: servers.sh kill $NAME"
}
remove_server() {
  kill_members
  rm -rf "$D" "$SERVERS/.$NAME.new"
}
show_server() {
  PORT=$(cat "$D/port")
  echo "URL=$(url "$PORT")"
  echo "PORT=$PORT"
  echo "PID=$(main_pid)"
  echo "DATA=$DATA"
  echo "LOG=$LOG"
  echo "BIN=$(client_programs "$(installed)/program")"
}

list_servers() {
  local pid
  for D in "$SERVERS"/*/; do
    [ -e "$D/port" ] || continue
    use_server "$(basename "$D")"
    pid=$(main_pid)
    printf '%-24s port %-6s %s\n' "$NAME" "$(cat "$D/port")" "${pid:+runs, pid }${pid:-stopped}"
  done
}
remove_all() {
  local one
  for one in "$SERVERS"/*/; do
    [ -e "$one/port" ] || continue
    "$HERE/servers.sh" remove "$(basename "$one")" || true
  done
  [ -d "$SERVERS" ] || return 0
  # Nothing but our own: the folder's name comes from outside.
  find "$SERVERS" -maxdepth 1 -name '.*' \( -name '*.lock' -o -name '*.started' \) -delete
  rmdir "$SERVERS"
}

# ---- run ----------------------------------------------------------------------------------

variable() { # NAME: of the variable with its URL
  local upper=${1^^}
  echo "SCHEMAWARD_TEST_${upper//-/_}_URL"
}

# The servers end through a guard of their own that sees this process end, in whatever way:
# SIGKILL cannot be trapped.
run() {
  local name first='' names=() poolers=() pid status=0 url life guard starter starting=()
  while [ $# -gt 0 ] && [ "$1" != -- ]; do
    case $1 in
      pgbouncer*) poolers+=("$1") ;;
      *) names+=("$1") ;;
    esac
    case $1 in postgres*) first=${first:-$1} ;; esac
    shift
  done
  [ $# -gt 1 ] && [ $((${#names[@]} + ${#poolers[@]})) -gt 0 ] || usage
  shift
  for name in "${names[@]}" "${poolers[@]}"; do (use_server "$name" && install_engine "$ENGINE"); done

  temp_in_memory
  SERVERS=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-run-XXXXXX")
  export SCHEMAWARD_SERVERS=$SERVERS
  chmod 711 "$SERVERS"
  # shellcheck disable=SC2016
  exec {life}> >(exec setsid bash -c 'trap "" HUP INT TERM; read -r _ || true; exec "$1" remove --all' guard "$HERE/servers.sh" >/dev/null 2>&1)
  guard=$!
  pid=
  trap 'forward HUP 129' HUP
  trap 'forward INT 130' INT
  trap 'forward TERM 143' TERM

  for name in "${names[@]}"; do
    "$HERE/servers.sh" start "$name" >"$SERVERS/.$name.started" {life}>&- &
    starting+=($!)
  done
  for starter in "${starting[@]}"; do wait "$starter" || status=1; done
  for name in "${poolers[@]}"; do
    [ $status != 0 ] || "$HERE/servers.sh" start "$name" ${first:+"$first"} >"$SERVERS/.$name.started" {life}>&- || status=1
  done
  if [ $status = 0 ]; then
    for name in "${names[@]}" "${poolers[@]}"; do
      export "$(variable "$name")=$(sed -n 's/^URL=//p' "$SERVERS/.$name.started")"
    done
    if [ -n "$first" ]; then
      url=$(variable "$first")
      export SCHEMAWARD_TEST_POSTGRES_URL=${!url} # whatever its version
    fi
    # A command in the background ignores SIGINT unless told otherwise.
    (trap - INT QUIT && exec "$@") <&0 {life}>&- &
    pid=$!
    while :; do
      status=0
      wait "$pid" || status=$?
      [ -n "$(start_time "$pid")" ] || break
    done
  fi
  exec {life}>&-
  wait "$guard" || true
  exit "${ended:-$status}"
}
# To the command and all below it: cargo does not pass it on to the tests.
forward() {
  ended=$2
  [ -n "$pid" ] || exit "$ended"
  # shellcheck disable=SC2046
  kill -"$1" $(descendants "$pid") 2>/dev/null || true
}

[ "$(uname -s)" = Linux ] || fail "the database servers need Linux"
[ $# -ge 1 ] || usage
action=$1
shift
case $action in
  install)
    [ $# -gt 0 ] || set -- "${USUAL[@]}"
    for engine; do (install_engine "$engine"); done
    ;;
  list) list_servers ;;
  program)
    [ $# = 2 ] || usage
    use_engine "$1"
    [[ $ENGINE == postgres* ]] || fail "$ENGINE runs from its own place only"
    (install_engine "$ENGINE")
    mkdir -p "$2"
    chmod 755 "$2"
    cp -a --reflink=auto "$(installed)/program/." "$2"
    ;;
  run)
    unset SCHEMAWARD_TEST_POSTGRES_URL
    run "$@"
    ;;
  remove)
    [ $# = 1 ] || usage
    if [ "$1" = --all ]; then
      remove_all
    else
      use_server "$1"
      [ -d "$D" ] || exit 0
      lock_server
      remove_server
    fi
    ;;
  start | stop | kill | pause | resume | show)
    [ $# -ge 1 ] || usage
    use_server "$1"
    shift
    [ "$action" = start ] || [ -d "$D" ] || fail "there is no server $NAME: servers.sh start $NAME"
    [ "$action" != start ] || (install_engine "$ENGINE")
    lock_server
    case $action in
      start)
        start_server "$@"
        show_server
        ;;
      stop) stop_server ;;
      kill) kill_members ;;
      pause) signal_members STOP ;;
      resume) signal_members CONT ;;
      show) show_server ;;
    esac
    ;;
  *) usage ;;
esac
