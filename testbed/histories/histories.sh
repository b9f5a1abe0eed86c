#!/usr/bin/env bash
# Makes histories of other migration tools, by running the tools themselves on an empty database, so that
# `schemaward adopt` is held against tables as their newest versions really write them.
#
# usage: histories.sh make TOOL STATE URL [FOLDER]   run TOOL on the empty database of URL; its files stay in FOLDER
#        histories.sh states TOOL                    the states that TOOL can be brought into
#        histories.sh native FOLDER                  the same three migrations as Schemaward names them
#        histories.sh dump URL                       what is in the database's history table: its DDL and its rows
#        histories.sh page POSTGRES-URL MYSQL-URL... all tools, all states, on databases made for it, as Markdown
#
# The migrations: 20240101000001 customers, 20240102000001 orders, 20240103000001 orders_index. Flyway and
# refinery count 1, 2, 3 instead. States:
#   applied      all three
#   rolledback   all three, then the last one undone
#   failed       the third has two statements, and the second of them fails
# and Flyway's: baseline (at 2, then 3), repeatable (with an R__ file, changed and run again), dotted (1, 2, 2.1),
# repaired (failed, then `repair`, then right), deleted (2's file went, and `repair` wrote so), schema (a schema that Flyway made);
# sqlx', goose's, and refinery's: untransacted (failed, outside a transaction); goose's: outoforder; migrate's: forced.
#
# Needs bench/tools.sh install TOOL, psql, and for the others the mariadb client.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
TOOLS=$HERE/../../bench/tools.sh
fail() {
  echo "error: $*" >&2
  exit 1
}
ALL=(sqlx refinery diesel goose migrate dbmate flyway rails)
states() {
  case $1 in
    sqlx) echo applied rolledback failed untransacted ;;
    refinery) echo applied failed ;; # it has no way back
    goose) echo applied rolledback failed untransacted outoforder ;;
    migrate) echo applied rolledback failed forced ;;
    flyway) echo applied failed baseline repeatable dotted repaired deleted schema ;; # undo is not in the free edition
    diesel | dbmate | rails) echo applied rolledback failed ;;
    *) fail "there is no tool $1; there are: ${ALL[*]}" ;;
  esac
}

# ---- the migrations --------------------------------------------------------------------------

NAMES=(customers orders orders_index)
STAMPS=(20240101000001 20240102000001 20240103000001)
up() { # NUMBER STATE
  case $1 in
    0) echo "CREATE TABLE customers (id int PRIMARY KEY, name varchar(100) NOT NULL);" ;;
    1) echo "CREATE TABLE orders (id int PRIMARY KEY, customer_id int NOT NULL, total numeric(10, 2) NOT NULL);" ;;
    2)
      echo "CREATE INDEX orders_customer ON orders (customer_id);"
      case $2 in failed | untransacted | repaired | forced) echo "INSERT INTO nowhere VALUES (1);" ;; esac
      ;;
  esac
}
down() { # NUMBER
  case $1 in
    0) echo "DROP TABLE customers;" ;;
    1) echo "DROP TABLE orders;" ;;
    2) if [ "$KIND" = postgres ]; then echo "DROP INDEX orders_customer;"; else echo "DROP INDEX orders_customer ON orders;"; fi ;;
  esac
}
write_files() { # TOOL STATE FOLDER
  local n name stamp untransacted=
  [ "$2" = untransacted ] && untransacted=yes
  for n in 0 1 2; do
    name=${NAMES[n]} stamp=${STAMPS[n]}
    case $1 in
      native)
        { up $n "$2" && echo "-- rollback:" && down $n | sed 's/^/-- /'; } >"$3/${stamp}_$name.sql" ;;
      sqlx)
        { [ $n != 2 ] || [ -z "$untransacted" ] || echo "-- no-transaction"; up $n "$2"; } >"$3/${stamp}_$name.up.sql"
        down $n >"$3/${stamp}_$name.down.sql" ;;
      refinery) up $n "$2" >"$3/V$((n + 1))__$name.sql" ;;
      diesel)
        mkdir -p "$3/${stamp:0:4}-${stamp:4:2}-${stamp:6:2}-${stamp:8}_$name"
        up $n "$2" >"$3/${stamp:0:4}-${stamp:4:2}-${stamp:6:2}-${stamp:8}_$name/up.sql"
        down $n >"$3/${stamp:0:4}-${stamp:4:2}-${stamp:6:2}-${stamp:8}_$name/down.sql" ;;
      goose)
        { [ $n != 2 ] || [ -z "$untransacted" ] || echo "-- +goose NO TRANSACTION"
          echo "-- +goose Up" && up $n "$2" && echo "-- +goose Down" && down $n; } >"$3/${stamp}_$name.sql" ;;
      migrate)
        up $n "$2" >"$3/${stamp}_$name.up.sql"
        down $n >"$3/${stamp}_$name.down.sql" ;;
      dbmate) { echo "-- migrate:up" && up $n "$2" && echo "-- migrate:down" && down $n; } >"$3/${stamp}_$name.sql" ;;
      flyway)
        if [ "$2" = dotted ] && [ $n = 2 ]; then up $n "$2" >"$3/V2.1__$name.sql"; else up $n "$2" >"$3/V$((n + 1))__$name.sql"; fi
        [ "$2" != repeatable ] || echo "CREATE OR REPLACE VIEW names AS SELECT name FROM customers;" >"$3/R__names.sql" ;;
      rails)
        { echo "class $(sed -E 's/(^|_)(.)/\U\2/g' <<<"$name") < ActiveRecord::Migration[6.1]"
          echo "  def up" && up $n "$2" | sed 's/.*/    execute("&")/' && echo "  end"
          echo "  def down" && down $n | sed 's/.*/    execute("&")/' && echo "  end" && echo "end"; } >"$3/${stamp}_$name.rb" ;;
    esac
  done
}

# ---- the tools ---------------------------------------------------------------------------------

# A URL taken apart: KIND, NAME, SECRET, HOST, PORT, DATABASE.
read_url() {
  [[ $1 =~ ^(postgres|postgresql|mysql|mariadb)://([^:@/]+)(:([^@]*))?@([^:/]+):([0-9]+)/([^?]+) ]] || fail "not KIND://user:password@host:port/database"
  KIND=${BASH_REMATCH[1]} NAME=${BASH_REMATCH[2]} SECRET=${BASH_REMATCH[4]} HOST=${BASH_REMATCH[5]} PORT=${BASH_REMATCH[6]} DATABASE=${BASH_REMATCH[7]}
  case $KIND in postgres*) KIND=postgres ;; *) KIND=mysql ;; esac
}
# The tool's command line on the database that read_url took apart; FOLDER holds its files.
tool() { # TOOL FOLDER ARGUMENT...
  local name=$1 folder=$2 program url query='' schema=()
  program=$("$TOOLS" path "$name") || fail "$name is not installed: bench/tools.sh install $name"
  shift 2
  [ $KIND = mysql ] || query='?sslmode=disable'
  url=$KIND://$NAME:$SECRET@$HOST:$PORT/$DATABASE
  case $name in
    sqlx) "$program" migrate "$@" --source "$folder" --database-url "$url" ;;
    diesel) "$program" migration "$@" --migration-dir "$folder" --database-url "$url" ;;
    dbmate) "$program" --url "$url$query" --migrations-dir "$folder" --no-dump-schema "$@" ;;
    rails) "$program" "$@" "$url" "$folder" ;;
    goose)
      if [ $KIND = postgres ]; then "$program" -dir "$folder" postgres "$url$query" "$@"; else
        "$program" -dir "$folder" mysql "$NAME:$SECRET@tcp($HOST:$PORT)/$DATABASE?parseTime=true&multiStatements=true" "$@"
      fi ;;
    migrate)
      if [ $KIND = postgres ]; then "$program" -path "$folder" -database "$url$query" "$@"; else
        "$program" -path "$folder" -database "mysql://$NAME:$SECRET@tcp($HOST:$PORT)/$DATABASE?multiStatements=true" "$@"
      fi ;;
    refinery)
      # Its table of settings is a file; a password with special characters would need quoting.
      printf '[main]\ndb_type = "%s"\ndb_host = "%s"\ndb_port = "%s"\ndb_user = "%s"\ndb_pass = "%s"\ndb_name = "%s"\n' \
        "$([ $KIND = postgres ] && echo Postgres || echo Mysql)" "$HOST" "$PORT" "$NAME" "$SECRET" "$DATABASE" >"$folder/refinery.toml"
      "$program" migrate -c "$folder/refinery.toml" -p "$folder" "$@" ;;
    flyway)
      if [ $KIND = postgres ]; then url=jdbc:postgresql://$HOST:$PORT/$DATABASE; else
        url="jdbc:mariadb://$HOST:$PORT/$DATABASE?allowPublicKeyRetrieval=true"
      fi
      FLYWAY_PASSWORD=$SECRET "$program" -url="$url" -user="$NAME" -locations="filesystem:$folder" "$@" ;;
  esac
}
# Where a run must fail, its status is not looked at: Flyway ends with 0, and refinery does not see on MySQL that a
# file's second statement failed.
make_history() { # TOOL STATE FOLDER
  local t=$1 f=$3
  write_files "$1" "$2" "$f"
  case $1:$2 in
    sqlx:applied) tool sqlx "$f" run ;;
    sqlx:rolledback) tool sqlx "$f" run && tool sqlx "$f" revert ;;
    sqlx:*) tool sqlx "$f" run || true ;;
    diesel:applied) tool diesel "$f" run ;;
    diesel:rolledback) tool diesel "$f" run && tool diesel "$f" revert ;;
    diesel:*) tool diesel "$f" run || true ;;
    refinery:applied) tool refinery "$f" ;;
    refinery:*) tool refinery "$f" || true ;;
    goose:applied) tool goose "$f" up ;;
    goose:rolledback) tool goose "$f" up && tool goose "$f" down ;;
    goose:outoforder)
      mv "$f/20240102000001_orders.sql" "$f/later" && sed -i 's/ON orders.*/ON customers (name);/' "$f/20240103000001_orders_index.sql" &&
        tool goose "$f" up && mv "$f/later" "$f/20240102000001_orders.sql" && tool goose "$f" up -allow-missing ;;
    goose:*) tool goose "$f" up || true ;;
    migrate:applied) tool migrate "$f" up ;;
    migrate:rolledback) tool migrate "$f" up && tool migrate "$f" down 1 ;;
    migrate:forced) tool migrate "$f" up || tool migrate "$f" force 20240102000001 ;;
    migrate:*) tool migrate "$f" up || true ;;
    dbmate:applied) tool dbmate "$f" migrate ;;
    dbmate:rolledback) tool dbmate "$f" migrate && tool dbmate "$f" rollback ;;
    dbmate:*) tool dbmate "$f" migrate || true ;;
    rails:applied) tool rails "$f" migrate ;;
    rails:rolledback) tool rails "$f" migrate && tool rails "$f" rollback ;;
    rails:*) tool rails "$f" migrate || true ;;
    flyway:applied | flyway:dotted) tool flyway "$f" migrate ;;
    flyway:schema) tool flyway "$f" -defaultSchema=shop migrate ;;
    flyway:baseline)
      { up 0 applied && up 1 applied; } | client && tool flyway "$f" -baselineVersion=2 -baselineDescription=before_flyway baseline && tool flyway "$f" migrate ;;
    flyway:repeatable)
      tool flyway "$f" migrate && echo "CREATE OR REPLACE VIEW names AS SELECT id, name FROM customers;" >"$f/R__names.sql" &&
        { echo "DROP VIEW names;" | client; } && tool flyway "$f" migrate ;;
    flyway:repaired) tool flyway "$f" migrate && { [ $KIND = postgres ] || down 2 | client; } && up 2 applied >"$f/V3__orders_index.sql" && tool flyway "$f" repair && tool flyway "$f" migrate ;;
    flyway:deleted) tool flyway "$f" migrate && rm "$f/V2__orders.sql" && tool flyway "$f" repair ;;
    flyway:*) tool flyway "$f" migrate || true ;;
    *) fail "$1 has no state $2; it has: $(states "$1")" ;;
  esac
}

# ---- what is in the table ----------------------------------------------------------------------

client() {
  if [ $KIND = postgres ]; then
    PGPASSWORD=$SECRET psql -qX -v ON_ERROR_STOP=1 -h "$HOST" -p "$PORT" -U "$NAME" -d "$DATABASE" "$@"
  else
    MYSQL_PWD=$SECRET mariadb --no-defaults --protocol=tcp -h "$HOST" -P "$PORT" -u "$NAME" "$DATABASE" "$@"
  fi
}
TABLES="'_sqlx_migrations','refinery_schema_history','__diesel_schema_migrations','goose_db_version','schema_migrations','schema_lock','flyway_schema_history','ar_internal_metadata'"
dump() {
  local table
  if [ $KIND = postgres ]; then
    client -At -c "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE tablename IN ($TABLES) ORDER BY 1" | while read -r table; do
      PGPASSWORD=$SECRET pg_dump -h "$HOST" -p "$PORT" -U "$NAME" -d "$DATABASE" --schema-only --no-owner -t "$table" </dev/null |
        grep -vE '^(--|SET |SELECT pg_catalog|\\|$)'
      client -c "SELECT * FROM $table ORDER BY 1" </dev/null
    done
  else
    client -N -e "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name IN ($TABLES) ORDER BY 1" | while read -r table; do
      client -N --raw -e "SHOW CREATE TABLE \`$table\`" </dev/null | sed "s/^$table\t//"
      client --binary-as-hex -t -e "SELECT * FROM \`$table\` ORDER BY 1" </dev/null
    done
  fi
}
fresh_database() { # NAME
  if [ $KIND = postgres ]; then
    client -c "DROP DATABASE IF EXISTS $1" -c "CREATE DATABASE $1" 2>/dev/null
  else client -e "DROP DATABASE IF EXISTS $1; CREATE DATABASE $1"; fi
}
page() { # URL...
  local url name state folder
  "$TOOLS" versions
  for name in "${ALL[@]}"; do
    "$TOOLS" has "$name" || continue
    for state in $(states "$name"); do
      for url; do
        read_url "$url"
        [ "$state" != schema ] || [ $KIND = postgres ] || continue
        fresh_database "adopt_${name}_$state"
        folder=$(mktemp -d)
        DATABASE=adopt_${name}_$state
        printf '\n## %s, %s, %s\n\n' "$name" "$state" "$(client "${QUIET[$KIND]}" "SELECT version()" | head -n 1 | cut -c1-40)"
        make_history "$name" "$state" "$folder" >"$folder/said" 2>&1 || { echo "**not as expected:**"; echo '```'; tail -n 15 "$folder/said"; echo '```'; }
        case $state in failed | untransacted) printf 'It said: `%s`\n\n' "$(grep -iE 'error|fail|nowhere' "$folder/said" | head -n 2 | tr '\n`' ' ')" ;; esac
        echo '```'
        dump
        echo '```'
        rm -rf "$folder"
      done
    done
  done
}
declare -A QUIET=([postgres]=-Atc [mysql]=-Ne)

case ${1:-} in
  make)
    [ $# -ge 4 ] || fail "usage: histories.sh make TOOL STATE URL [FOLDER]"
    read_url "$4"
    folder=${5:-}
    if [ -z "$folder" ]; then
      folder=$(mktemp -d)
      trap 'rm -rf "$folder"' EXIT
    fi
    mkdir -p "$folder"
    said=$(make_history "$2" "$3" "$folder" 2>&1) || fail "$2 could not be brought to $3: $said"
    ;;
  states) states "$2" ;;
  native)
    KIND=${3:-postgres}
    mkdir -p "$2"
    write_files native applied "$2" ;;
  dump) read_url "$2" && dump ;;
  page) shift && page "$@" ;;
  *) fail "usage: histories.sh make TOOL STATE URL [FOLDER] | states TOOL | native FOLDER | dump URL | page URL..." ;;
esac
