#!/usr/bin/env bash
# A throw-away MariaDB server of the test bed, on the address that tests on this machine and pods in the cluster both
# reach. It goes with make cluster-down.
# usage: mariadb.sh start    make it where needed, start it, print URL=
set -euo pipefail
. "$(dirname "$0")/lib.sh"

[ "$*" = start ] || fail "usage: mariadb.sh start (see the head of $0)"
need_root_linux
find_slot || fail "no test bed is up for this checkout: make cluster-up"
alive holder || fail "the test bed is not running: make cluster-up"
"$HERE/packages.sh" mariadb-server-core mariadb-client
data=$D/mariadb password=schemaward port=3306

mkdir -p "$D/log"
exec 6>"$D/.mariadb-lock"
flock 6
if [ ! -d "$data" ]; then
  rm -rf "$data.new"
  install -d -o nobody -m 700 "$data.new"
  run mariadb-install-db mariadb-install-db --no-defaults --user=nobody --datadir="$data.new" --auth-root-authentication-method=normal --skip-test-db \
    >"$D/log/mariadb-install-db.log" 2>&1 || { tail "$D/log/mariadb-install-db.log" >&2; fail "mariadb-install-db"; }
  printf '%s\n' "CREATE USER IF NOT EXISTS 'root'@'%' IDENTIFIED BY '$password';" \
    "GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;" >"$data.new/first.sql"
  mv "$data.new" "$data"
fi
if ! alive mariadb; then
  start mariadb mariadbd --no-defaults --user=nobody --datadir="$data" --socket="$data/socket" --pid-file="$data/pid" --bind-address="$NODE_IP" --port=$port \
    --skip-name-resolve --innodb-flush-log-at-trx-commit=2 --init-file="$data/first.sql"
fi
exec 6>&-
wait_for 60 mariadb "mariadb accepts connections" env MYSQL_PWD="$password" mariadb-admin --no-defaults --protocol=tcp --connect-timeout=5 -h "$NODE_IP" -P $port -u root ping >&2
echo "URL=mariadb://root:$password@$NODE_IP:$port"
