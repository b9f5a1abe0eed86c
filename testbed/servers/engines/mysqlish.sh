# shellcheck shell=bash disable=SC2034,SC2154
# What MySQL and MariaDB share. Sourced by mysql.sh and mariadb.sh.

STOP_SIGNAL=TERM

# Names in grants are addresses, and the root of the URL comes over TCP.
first_sql() {
  cat <<S
ALTER USER 'root'@'localhost' IDENTIFIED BY '$PASSWORD';
CREATE USER 'root'@'%' IDENTIFIED BY '$PASSWORD';
GRANT ALL PRIVILEGES ON *.* TO 'root'@'%' WITH GRANT OPTION;
CREATE DATABASE IF NOT EXISTS test;
S
}

# Nothing waits for the disk, as no test pulls the plug of the machine. What a SIGKILL of the server
# can lose or tear stays protected: a commit is handed to the kernel before it is answered (2, not
# 0), and the doublewrite buffer stays on, since a killed write may end between two pages of memory.
shared_options() {
  printf '%s\0' --bind-address=127.0.0.1 --skip-name-resolve --socket=mysql.sock \
    --innodb-flush-method=nosync --innodb-flush-log-at-trx-commit=2 --sync-binlog=0 \
    --innodb-buffer-pool-size=64M --max-connections=200 --local-infile=OFF
}

prepare() { rm -f "$DATA"/mysql.sock.lock; } # a killed server's: its number may be another process by now, or one that nobody has reaped
# "Access denied" is an answer too: a test may have changed the password.
ready() {
  answers "$1" || return 1
  local admin
  admin=$(admin_program "$(installed)/program")
  MYSQL_PWD=$PASSWORD "$admin" --no-defaults --protocol=tcp --connect-timeout=5 -h 127.0.0.1 -P "$1" -u root ping >/dev/null 2>&1
}
url() { echo "mysql://root:$PASSWORD@127.0.0.1:$1/test"; }
