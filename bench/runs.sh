# shellcheck shell=bash disable=SC2153
# How each tool is run on the database DATABASE of 127.0.0.1:PORT, its files in FOLDER, as one process. Sourced,
# never run. Each gets TLS turned off and nothing else that it does not do by itself.

# The tools that can be measured on an engine, fast ones first.
contenders() { # ENGINE
  case $1 in
    postgres*) echo schemaward psql-1 psql sqlx refinery dbmate goose migrate diesel flyway ;;
    *) echo schemaward client sqlx refinery dbmate goose migrate diesel flyway ;;
  esac
}
# A file and the row that records it commit together; migrate relies on the server's implicit transaction and
# writes its rows apart; psql -1 has one transaction for all. On MySQL and MariaDB none can keep one.
keeps_transactions() { case $1 in schemaward | sqlx | refinery | dbmate | goose | diesel | flyway) return 0 ;; esac; return 1; }

# Sets COMMAND. Two tools get another table than schema_migrations: the real project had one, which its files drop.
command_for() { # TOOL ENGINE FOLDER PORT DATABASE
  local tool=$1 folder=$3 port=$4 database=$5 program url
  case $tool in
    schemaward) program=$SCHEMAWARD ;;
    psql | psql-1) program=$(command -v psql) ;;
    client) program=$CLIENT/$([ -x "$CLIENT/mariadb" ] && echo mariadb || echo mysql) ;;
    *) program=$("$TOOLS" path "$tool") || return 1 ;;
  esac
  if [[ $2 == postgres* ]]; then
    url="postgres://postgres:$PASSWORD@127.0.0.1:$port/$database?sslmode=disable"
    case $tool in
      schemaward) COMMAND=("$program" migrate --dir "$folder") ;; # DATABASE_URL
      psql) COMMAND=("$program" -qX -v ON_ERROR_STOP=1 -f "$folder/all.sql" "$url") ;;
      psql-1) COMMAND=("$program" -qX1 -v ON_ERROR_STOP=1 -f "$folder/all.sql" "$url") ;;
      goose) COMMAND=("$program" -dir "$folder" postgres "$url" up) ;;
      flyway) url="jdbc:postgresql://127.0.0.1:$port/$database?sslmode=disable" ;;
    esac
  else
    url=mysql://root:$PASSWORD@127.0.0.1:$port/$database
    case $tool in
      schemaward) COMMAND=("$program" migrate --dir "$folder") ;;
      client) COMMAND=(sh -c 'exec "$0" "$@" <"$SOURCE"' "$program" --no-defaults --protocol=tcp --skip-ssl -h 127.0.0.1 -P "$port" -u root "$database") ;;
      goose) COMMAND=("$program" -dir "$folder" mysql "root:$PASSWORD@tcp(127.0.0.1:$port)/$database?parseTime=true&multiStatements=true" up) ;;
      migrate) COMMAND=("$program" -path "$folder" -database "mysql://root:$PASSWORD@tcp(127.0.0.1:$port)/$database?multiStatements=true&x-migrations-table=other_migrations" up) ;;
      flyway) url="jdbc:mariadb://127.0.0.1:$port/$database?sslMode=disable&allowPublicKeyRetrieval=true" ;;
    esac
  fi
  case $tool in
    sqlx) COMMAND=("$program" migrate run --no-dotenv --source "$folder") ;; # DATABASE_URL
    diesel) COMMAND=("$program" migration run --migration-dir "$folder") ;; # DATABASE_URL
    dbmate) COMMAND=("$program" --migrations-dir "$folder" --no-dump-schema --migrations-table other_migrations migrate) ;; # DATABASE_URL
    flyway) COMMAND=("$program" -url="$url" -user="$([[ $2 == postgres* ]] && echo postgres || echo root)" -locations="filesystem:$folder" migrate) ;;
    refinery)
      printf '[main]\ndb_type = "%s"\ndb_host = "127.0.0.1"\ndb_port = "%s"\ndb_user = "%s"\ndb_pass = "%s"\ndb_name = "%s"\n' \
        "$([[ $2 == postgres* ]] && echo Postgres || echo Mysql)" "$port" "$([[ $2 == postgres* ]] && echo postgres || echo root)" "$PASSWORD" "$database" >"$folder.toml"
      COMMAND=("$program" migrate -c "$folder.toml" -p "$folder") ;;
    migrate) [[ $2 != postgres* ]] || COMMAND=("$program" -path "$folder" -database "$url&x-migrations-table=other_migrations" up) ;;
  esac
  ENVIRONMENT=(DATABASE_URL="$url" PGSSLMODE=disable PGOPTIONS=-cclient_min_messages=warning MYSQL_PWD="$PASSWORD" FLYWAY_PASSWORD="$PASSWORD" SOURCE="$folder/all.sql" NO_COLOR=1)
}
tool_version() { # TOOL
  case $1 in
    schemaward) "$SCHEMAWARD" --version | head -n 1 ;;
    psql | psql-1) psql --version ;;
    client) "$CLIENT/$([ -x "$CLIENT/mariadb" ] && echo mariadb || echo mysql)" --version | sed 's/.*\(Ver\|from\) /&/' ;;
    *) "$TOOLS" versions | awk -v tool="$1" '$1 == tool { print $1, $2 }' ;;
  esac
}
