# shellcheck shell=bash disable=SC2154
# MariaDB: 10.11 is the machine's own package of Debian, 11 that of Debian's unstable suite. Sourced
# by use_engine.

. "$HERE/engines/mysqlish.sh"
. "$HERE/engines/suite.sh"

packages() { if is_own; then echo mariadb-server-core mariadb-client; else echo debian-archive-keyring; fi; }
inputs() {
  cat "$HERE/engines/mysqlish.sh"
  if is_own; then package_version mariadb-server-core; else cat "$HERE/engines/suite.sh"; fi
}
is_own() { [ "$ENGINE" = mariadb ]; }

make_program() { # TARGET WORK
  if is_own; then return; fi
  lay_packages "$2" mariadb-server-core mariadb-client
  local laid=$2/root
  take_programs "$1" "$laid" sbin/mariadbd bin/mariadb bin/mariadb-admin bin/mariadb-dump bin/mariadb-binlog \
    bin/my_print_defaults bin/resolveip
  cp -a "$laid/usr/bin/mariadb-install-db" "$1/bin"
  mkdir -p "$1/share"
  cp -a "$laid/usr/share/mariadb" "$1/share/mariadb"
}

# Where its programs are: the folder that has bin and sbin.
home() { if is_own; then echo /usr; else echo "$1"; fi; }

server_options() {
  # Its temporary files are its own: each start deletes what it finds of them, other servers', too.
  printf '%s\0' --no-defaults
  is_own || printf '%s\0' --basedir="$PROGRAM"
  printf '%s\0' --datadir="$DATA" --tmpdir="$DATA" --pid-file="$DATA/mysqld.pid" --innodb-log-file-size=16M
  shared_options
}

make_template() { # PROGRAM WORK
  local options home
  home=$(home "$PROGRAM")
  mapfile -d '' -t options < <(server_options)
  as_server "$1" "$home/bin/mariadb-install-db" --no-defaults --basedir="$home" --datadir="$DATA" --auth-root-authentication-method=normal \
    --skip-test-db --innodb-flush-method=nosync --innodb-log-file-size=16M
  # It makes a root for each name of this machine, and they would win over the one for all addresses.
  {
    echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';"
    echo "FLUSH PRIVILEGES;"
    first_sql
  } >"$2/first.sql"
  # shellcheck disable=SC2016
  as_server "$1" sh -c 'exec "$@" <"$0"' "$2/first.sql" "$home/sbin/mariadbd" "${options[@]}" --bootstrap
}

command_line() { # PORT OPTION...
  local port=$1
  shift
  printf '%s\0' "$(home "$PROGRAM")/sbin/mariadbd"
  server_options
  printf '%s\0' --port="$port" "$@"
}
admin_program() { echo "$(home "$1")/bin/mariadb-admin"; }
client_programs() { echo "$(home "$1")/bin"; }
