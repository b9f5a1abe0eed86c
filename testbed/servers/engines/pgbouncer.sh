# shellcheck shell=bash disable=SC2034,SC2154
# PgBouncer, Debian's own package, in front of one of our PostgreSQL servers. Its first option is
# that server's name (default: the only one that runs), the others are settings as in
# pgbouncer.ini, such as pool_mode=session. Sourced by use_engine.

CLIENT_BIN=/usr/lib/postgresql/15/bin
STOP_SIGNAL=INT # a safe end; TERM drops all connections at once

packages() { echo pgbouncer postgresql-client-15; }
inputs() { package_version pgbouncer; }
make_program() { :; }
make_template() { :; }

# The names of the PostgreSQL servers that run.
running_postgres() {
  local one
  for one in "$SERVERS"/postgres*/; do
    one=$(basename "$one")
    if (use_server "$one" && [ -n "$(main_pid)" ]) 2>/dev/null; then echo "$one"; fi
  done
}

# Every database of the server is reached under its own name, by every role of the server.
prepare() { # [SERVER] [SETTING=VALUE...]
  local target="" setting running
  if [ $# -gt 0 ] && [[ $1 != *=* ]]; then target=$1 && shift; fi
  if [ -z "$target" ]; then
    mapfile -t running < <(running_postgres)
    [ ${#running[@]} = 1 ] || fail "which server is $NAME for? ${#running[@]} run: servers.sh start $NAME SERVER"
    target=${running[0]}
  fi
  [ -e "$SERVERS/$target/port" ] || fail "$NAME is for $target, and there is no such server: servers.sh start $target"
  echo "\"postgres\" \"$PASSWORD\"" >"$DATA/users.txt"
  {
    echo "[databases]"
    echo "* = host=127.0.0.1 port=$(cat "$SERVERS/$target/port") auth_user=postgres"
    echo "[pgbouncer]"
    cat <<C
listen_addr = 127.0.0.1
listen_port = $(cat "$D/port")
unix_socket_dir =
auth_type = scram-sha-256
auth_file = $DATA/users.txt
admin_users = postgres
pool_mode = transaction
max_client_conn = 200
ignore_startup_parameters = extra_float_digits
C
    for setting; do echo "${setting%%=*} = ${setting#*=}"; done
  } >"$DATA/pgbouncer.ini"
  own "$DATA"
}
command_line() { # PORT: stands in the file
  printf '%s\0' /usr/sbin/pgbouncer "$DATA/pgbouncer.ini"
}
# Its own database: a failed login to another one would make it refuse that for a while.
ready() { "$CLIENT_BIN/pg_isready" -q -h 127.0.0.1 -p "$1" -U postgres -d pgbouncer; }
url() { echo "postgres://postgres:$PASSWORD@127.0.0.1:$1/postgres"; }
client_programs() { echo "$CLIENT_BIN"; }
