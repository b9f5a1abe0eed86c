# shellcheck shell=bash disable=SC2154
# MariaDB, Debian's own package. Sourced by use_engine.

. "$HERE/engines/mysqlish.sh"

packages() { echo mariadb-server-core mariadb-client; }
inputs() { cat "$HERE/engines/mysqlish.sh" && package_version mariadb-server-core; }
make_program() { :; }

server_options() {
  # Its temporary files are its own: each start deletes what it finds of them, other servers', too.
  printf '%s\0' --no-defaults --datadir="$DATA" --tmpdir="$DATA" --pid-file="$DATA/mysqld.pid" --innodb-log-file-size=16M
  shared_options
}

make_template() { # PROGRAM WORK
  local options
  mapfile -d '' -t options < <(server_options)
  as_server "$1" mariadb-install-db --no-defaults --datadir="$DATA" --auth-root-authentication-method=normal \
    --skip-test-db --innodb-flush-method=nosync --innodb-log-file-size=16M
  # It makes a root for each name of this machine, and they would win over the one for all addresses.
  {
    echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';"
    echo "FLUSH PRIVILEGES;"
    first_sql
  } >"$2/first.sql"
  # shellcheck disable=SC2016
  as_server "$1" sh -c 'exec "$@" <"$0"' "$2/first.sql" mariadbd "${options[@]}" --bootstrap
}

command_line() { # PORT OPTION...
  local port=$1
  shift
  printf '%s\0' /usr/sbin/mariadbd
  server_options
  printf '%s\0' --port="$port" "$@"
}
admin_program() { echo /usr/bin/mariadb-admin; }
client_programs() { echo /usr/bin; }
