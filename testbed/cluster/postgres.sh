#!/usr/bin/env bash
# Throw-away PostgreSQL servers of the test bed, each under a name, with a port and data of its own.
# They listen on one address that tests on this machine and pods in the cluster both reach.
# usage: postgres.sh start NAME [POSTGRES-OPTION...]  make it where needed, start it, print URL= and ADDRESS=
#        postgres.sh stop NAME [smart|fast|immediate]  end it (default fast); its data and port stay
#        postgres.sh restart NAME [POSTGRES-OPTION...] stop it fast and start it again
#        postgres.sh pause|resume NAME                 freeze all its processes, and let them go on
#        postgres.sh remove NAME                       end it and delete its data
set -euo pipefail
. "$(dirname "$0")/lib.sh"
usage() { fail "usage: postgres.sh start|stop|restart|pause|resume|remove NAME (see the head of $0)"; }

[ $# -ge 2 ] || usage
action=$1 name=$2
shift 2
[[ $name =~ ^[a-z0-9][a-z0-9-]*$ ]] || fail "a server's name has lower-case letters, digits and dashes: $name"
need_root_linux
find_slot || fail "no test bed is up for this checkout: make cluster-up"
alive holder || fail "the test bed is not running: make cluster-up"
daemon=postgres-$name
[ "$name" != main ] || daemon=postgres
data=$D/postgres/$name
as_postgres=(setpriv --reuid=postgres --regid=postgres --clear-groups)
signal() { # SIGNAL: to the postmaster
  local pid
  pid=$(head -n1 "$data/postmaster.pid" 2>/dev/null || true)
  [ -z "$pid" ] || kill -"$1" "$pid" 2>/dev/null || true
}
signal_all() {
  # shellcheck disable=SC2046
  kill -"$1" $(members "$TRACK/daemons/$daemon") 2>/dev/null || true
}

# initdb takes a second: once for a bed, then each server starts from a copy.
make_template() {
  local template=$D/postgres/.template
  [ ! -d "$template" ] || return 0
  install -d -o postgres -g postgres -m 700 "$D/postgres/.new"
  install -o postgres -m 600 /dev/null "$D/postgres/.password"
  echo "$POSTGRES_PASSWORD" >"$D/postgres/.password"
  run initdb "${as_postgres[@]}" "$POSTGRES_BIN/initdb" --pgdata="$D/postgres/.new" --username=postgres --no-sync --encoding=UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$D/postgres/.password" >"$D/log/initdb.log" 2>&1 || { tail "$D/log/initdb.log" >&2; fail "initdb"; }
  cat >>"$D/postgres/.new/pg_hba.conf" <<'H'
host all all all scram-sha-256
host replication all all scram-sha-256
H
  cat >>"$D/postgres/.new/postgresql.conf" <<H
listen_addresses = '$NODE_IP'
unix_socket_directories = ''
max_connections = 300
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
fsync = off
synchronous_commit = off
full_page_writes = off
# A run's message holds several files; tests look for statements in it.
track_activity_query_size = 65536
log_line_prefix = '%m [%p] %u@%d '
H
  mv "$D/postgres/.new" "$template"
}

start_server() {
  mkdir -p "$D/postgres" "$D/log"
  exec 6>"$D/postgres/.lock"
  flock 6
  make_template
  if [ ! -d "$data" ]; then
    local port=5432
    if [ "$name" != main ]; then
      while [ -e "$D/postgres/.port-$port" ] || [ $port = 5432 ]; do port=$((port + 1)); done
      echo "$name" >"$D/postgres/.port-$port"
    fi
    rm -rf "$data.new"
    cp -a "$D/postgres/.template" "$data.new"
    echo "port = $port" >>"$data.new/postgresql.conf"
    mv "$data.new" "$data"
  fi
  exec 6>&-
  if ! alive "$daemon"; then
    rm -f "$data/postmaster.pid" # a killed server's; its number may be another process by now
    start "$daemon" "${as_postgres[@]}" "$POSTGRES_BIN/postgres" -D "$data" "$@"
  fi
  wait_for 60 "$daemon" "$daemon accepts connections" "$POSTGRES_BIN/pg_isready" -q -h "$NODE_IP" -p "$(port_of)" >&2
}
port_of() { sed -n 's/^port = //p' "$data/postgresql.conf" | tail -n1; }
stop_server() { # MODE
  case $1 in
    smart) signal TERM ;;
    fast) signal INT ;;
    immediate) signal QUIT ;;
    *) usage ;;
  esac
  for _ in $(seq 300); do
    [ -n "$(members "$TRACK/daemons/$daemon")" ] || return 0
    sleep 0.1
  done
  fail "$daemon did not end within 30 s"
}

case $action in
  start) ;;
  *) [ -d "$data" ] || fail "there is no server $name: postgres.sh start $name" ;;
esac
case $action in
  start) start_server "$@" ;;
  stop) stop_server "${1:-fast}" ;;
  restart) stop_server fast && start_server "$@" ;;
  pause) signal_all STOP ;;
  resume) signal_all CONT ;;
  remove)
    [ "$name" != main ] || fail "the bed's own server goes with make cluster-down"
    signal_all CONT
    stop_server immediate
    rm -f "$D/postgres/.port-$(port_of)"
    rm -rf "$data"
    ;;
  *) usage ;;
esac
case $action in
  start | restart)
    echo "URL=postgres://postgres:$POSTGRES_PASSWORD@$NODE_IP:$(port_of)/postgres"
    echo "ADDRESS=$NODE_IP:$(port_of)"
    ;;
esac
