# shellcheck shell=bash disable=SC2016,SC2153,SC2154
# MySQL, which Debian has in its unstable suite only. Its packages and the libraries they need are
# laid into a folder of their own, beside the machine's, and run by their own dynamic loader: no
# chroot, and nothing of the suite gets into the system. Sourced by use_engine.

. "$HERE/engines/mysqlish.sh"

SUITE=unstable
PACKAGES=(mysql-server-core mysql-client-core)

packages() { echo debian-archive-keyring; }
inputs() { cat "$HERE/engines/mysqlish.sh"; }

# The machine's own source of Debian's packages. Without package lists apt does not know which is
# which.
debian_source() {
  apt-get indextargets --format '$(REPO_URI) $(ORIGIN) $(LABEL)' 'Created-By: Packages' | awk '$2 == "Debian" && $3 == "Debian" {print $1; exit}'
}

make_program() { # TARGET WORK
  local apt=$2/apt root=$2/root uri lib deb program
  uri=$(debian_source)
  if [ -z "$uri" ] && is_root; then
    apt-get -o DPkg::Lock::Timeout=120 -qq update
    uri=$(debian_source)
  fi
  [ -n "$uri" ] || fail "apt's sources name no mirror of Debian: add one, then apt-get update"
  # An apt of its own: no package counts as installed, so that all libraries come along, libc's too.
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial" "$root"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $SUITE main" >"$apt/sources.list"
  : >"$apt/status"
  private_apt() {
    apt-get -q -o Dir::State="$apt" -o Dir::State::status="$apt/status" -o Dir::State::lists="$apt/lists" \
      -o Dir::Cache="$apt/cache" -o Dir::Etc::sourcelist="$apt/sources.list" -o Dir::Etc::sourceparts=/dev/null \
      -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null -o APT::Sandbox::User= \
      -o Acquire::Languages=none -o APT::Install-Recommends=false -o Debug::NoLocking=1 -o Acquire::Retries=3 "$@"
  }
  private_apt update
  private_apt -y --download-only install "${PACKAGES[@]}"
  for deb in "$apt"/cache/archives/*.deb; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$root" --keep-directory-symlink --no-same-owner
  done

  lib=usr/lib/$(dpkg-architecture -qDEB_HOST_MULTIARCH 2>/dev/null || gcc -print-multiarch 2>/dev/null || echo "$(uname -m)-linux-gnu")
  mkdir -p "$1/bin" "$1/lib" "$1/share"
  find "$root/$lib" -maxdepth 1 \( -type f -o -type l \) -name '*.so*' -exec cp -a -t "$1/lib" {} +
  cp -a "$root/usr/lib/mysql/plugin" "$1/plugin"
  cp -a "$root/usr/share/mysql" "$1/share/mysql"
  cp -a "$root/usr/sbin/mysqld" "$1/bin/mysqld.real"
  for program in mysql mysqladmin mysqldump mysqlbinlog; do cp -a "$root/usr/bin/$program" "$1/bin/$program.real"; done
  loader=$(find -L "$root/usr/lib64" "$root/$lib" -maxdepth 1 -name 'ld-linux*.so*' 2>/dev/null | head -n1)
  [ -n "$loader" ] || fail "no dynamic loader among the packages"
  cp -L "$loader" "$1/lib/loader"
  for program in mysqld mysql mysqladmin mysqldump mysqlbinlog; do
    cat >"$1/bin/$program" <<'W'
#!/bin/sh
# The program beside this one, with the libraries it was built for.
here=$(cd "$(dirname "$0")" && pwd)
exec "$here/../lib/loader" --library-path "$here/../lib" "$here/$(basename "$0").real" "$@"
W
    chmod 755 "$1/bin/$program"
  done
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
