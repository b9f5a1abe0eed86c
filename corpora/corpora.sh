#!/usr/bin/env bash
# Real projects' migrations: run by the server's own client on one database and by Schemaward on another, and the two
# schemas compared as the server's own dump program writes them. A second run must find nothing to do.
#
# usage: corpora.sh list                        the corpora there are
#        corpora.sh extract NAME FOLDER         the files of one, as Schemaward is given them
#        corpora.sh check [NAME...]             all, or these; ends with 1 where one is not as the table says
#
# CORPORA_DIR holds the projects' git directories as owner+name/repo, owner+name or owner/name; what is not there is
# cloned from CORPORA_FROM (default https://github.com) into CORPORA_DIR (default the cache). SCHEMAWARD is the program
# (default target/release/schemaward). Nothing of the projects is kept in this repository.
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd -P)
SCHEMAWARD=${SCHEMAWARD:-${CARGO_TARGET_DIR:-$REPO/target}/release/schemaward}
CORPORA_DIR=${CORPORA_DIR:-${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/corpora}
FROM=${CORPORA_FROM:-https://github.com}
PASSWORD=schemaward # of the throw-away servers
fail() {
  echo "error: $*" >&2
  exit 1
}

# name, server, project, where its files lie, how they are named (see the functions form_* and own_*), and the expected
# end: equal; refused and the words of the refusal; or, where a file is not for that server, both stop.
corpora() {
  cat <<'T'
crates-io            postgres15 rust-lang/crates.io     migrations                                       diesel    equal
kratos               postgres15 ory/kratos              persistence/sql/migrations/sql                   ory       equal
hydra                postgres15 ory/hydra               persistence/sql/migrations                       ory       equal
keto                 postgres15 ory/keto                oryx/networkx/migrations/sql,internal/persistence/sql/migrations/sql ory equal
temporal             postgres15 temporalio/temporal     schema/postgresql/v12/temporal/versioned         temporal  equal
temporal-visibility  postgres15 temporalio/temporal     schema/postgresql/v12/visibility/versioned       temporal  refused: error: CREATE INDEX CONCURRENTLY cannot run inside a transaction
temporal-vis-advised postgres15 temporalio/temporal     schema/postgresql/v12/visibility/versioned       temporal  equal
harbor               postgres15 goharbor/harbor         make/migrations/postgresql                       plain     refused: error: versions 6 to 9 are missing
harbor-renumbered    postgres15 goharbor/harbor         make/migrations/postgresql                       numbered  equal
model-registry       postgres16 kubeflow/model-registry internal/platform/db/postgres/migrations         plain     equal
lemmy                postgres16 LemmyNet/lemmy          migrations                                       diesel    equal
supabase-auth        postgres15 supabase/auth           migrations                                       plain     equal
openfga              postgres15 openfga/openfga         assets/migrations/postgres                       plain     equal
kratos-mysql         mysql      ory/kratos              persistence/sql/migrations/sql                   ory       equal
hydra-mysql          mysql      ory/hydra               persistence/sql/migrations                       ory       equal
keto-mysql           mysql      ory/keto                oryx/networkx/migrations/sql,internal/persistence/sql/migrations/sql ory equal
temporal-mysql       mysql      temporalio/temporal     schema/mysql/v8/temporal/versioned               temporal  equal
temporal-vis-mysql   mysql      temporalio/temporal     schema/mysql/v8/visibility/versioned             temporal  equal
model-registry-mysql mysql      kubeflow/model-registry internal/platform/db/mysql/migrations            plain     equal
openfga-mysql        mysql      openfga/openfga         assets/migrations/mysql                          plain     equal
phorge-mysql         mysql      phorgeit/phorge         resources/sql/quickstart.sql                     phorge    refused: error: USE would change the database
kratos-mariadb       mariadb    ory/kratos              persistence/sql/migrations/sql                   ory       both stop
hydra-mariadb        mariadb    ory/hydra               persistence/sql/migrations                       ory       both stop
keto-mariadb         mariadb    ory/keto                oryx/networkx/migrations/sql,internal/persistence/sql/migrations/sql ory both stop
temporal-mariadb     mariadb    temporalio/temporal     schema/mysql/v8/temporal/versioned               temporal  equal
temporal-vis-mariadb mariadb    temporalio/temporal     schema/mysql/v8/visibility/versioned             temporal  both stop
model-reg-mariadb    mariadb    kubeflow/model-registry internal/platform/db/mysql/migrations            plain     equal
openfga-mariadb      mariadb    openfga/openfga         assets/migrations/mysql                          plain     both stop
phorge-mariadb       mariadb    phorgeit/phorge         resources/sql/quickstart.sql                     phorge    refused: error: USE would change the database
crates-io-own        postgres15 rust-lang/crates.io     migrations                                       diesel_own equal
vaultwarden          postgres15 dani-garcia/vaultwarden migrations/postgresql                            diesel_own equal
vaultwarden-mysql    mysql      dani-garcia/vaultwarden migrations/mysql                                 diesel_own equal
vaultwarden-mariadb  mariadb    dani-garcia/vaultwarden migrations/mysql                                 diesel_own equal
vaultwarden-sqlite   sqlite     dani-garcia/vaultwarden migrations/sqlite                                diesel_own equal
chirpstack           postgres15 chirpstack/chirpstack   chirpstack/migrations_postgres                   diesel_own equal
chirpstack-sqlite    sqlite     chirpstack/chirpstack   chirpstack/migrations_sqlite                     diesel_own equal
langfuse             postgres15 langfuse/langfuse       packages/shared/prisma/migrations                prisma_own equal
uaa                  postgres15 cloudfoundry/uaa        server/src/main/resources/org/cloudfoundry/identity/uaa/db/postgresql flyway_own equal
uaa-mysql            mysql      cloudfoundry/uaa        server/src/main/resources/org/cloudfoundry/identity/uaa/db/mysql flyway_own equal
uaa-mariadb          mariadb    cloudfoundry/uaa        server/src/main/resources/org/cloudfoundry/identity/uaa/db/mysql flyway_own both stop
kestra               postgres15 kestra-io/kestra        jdbc-postgres/src/main/resources/migrations/postgres flyway_own equal
kestra-mysql         mysql      kestra-io/kestra        jdbc-mysql/src/main/resources/migrations/mysql   flyway_own equal
conductor            postgres15 conductor-oss/conductor postgres-persistence/src/main/resources/db/migration_postgres flyway_own equal
conductor-mysql      mysql      conductor-oss/conductor mysql-persistence/src/main/resources/db/migration flyway_own equal
conductor-mariadb    mariadb    conductor-oss/conductor mysql-persistence/src/main/resources/db/migration flyway_own equal
conductor-sqlite     sqlite     conductor-oss/conductor sqlite-persistence/src/main/resources/db/migration_sqlite flyway_own equal
authelia             postgres15 authelia/authelia       internal/storage/migrations/postgres             authelia_own equal
authelia-mysql       mysql      authelia/authelia       internal/storage/migrations/mysql                authelia_own equal
authelia-mariadb     mariadb    authelia/authelia       internal/storage/migrations/mysql                authelia_own equal
authelia-sqlite      sqlite     authelia/authelia       internal/storage/migrations/sqlite               authelia_own equal
T
}
# What the project's own tooling puts into the text before it runs: a template's values; or what Schemaward's refusal of the
# file advises.
prepared() { # NAME PATH: from standard input
  case $1 in
    temporal-vis-advised) [[ $2 != */v1.1[34]/* ]] || echo "-- schemaward: no-transaction" && cat ;;
    supabase-auth) sed -E 's/\{\{ *index \.Options "Namespace" *\}\}/auth/g' ;;
    phorge-*) sed -E 's/\{\$NAMESPACE\}/corpus/g; s/\{\$CHARSET(_SORT|_FULLTEXT)?\}/utf8mb4/g; s/\{\$COLLATE_SORT\}|\{\$COLLATE_FULLTEXT\}/utf8mb4_unicode_ci/g; s/\{\$COLLATE_TEXT\}/utf8mb4_bin/g' ;;
    *) cat ;;
  esac
}
# What must be there before the first file, on both databases.
before() { # NAME
  case $1 in harbor*) echo 'CREATE TABLE schema_migrations (version bigint PRIMARY KEY, dirty boolean NOT NULL);' ;; esac # golang-migrate's
  case $1 in lemmy) echo 'CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY, run_on timestamp NOT NULL DEFAULT now());' ;; esac
  case $1 in chirpstack) echo 'CREATE EXTENSION IF NOT EXISTS pg_trgm; CREATE EXTENSION IF NOT EXISTS hstore;' ;; esac
  # As the program does on its connection.
  case $1 in vaultwarden-m*) echo 'SET GLOBAL foreign_key_checks = 0;' ;; esac
  case $1 in supabase-auth) echo 'CREATE SCHEMA auth; SET search_path = auth, public; ALTER DATABASE :"DBNAME" SET search_path = auth, public;' ;; esac
}

row() { corpora | awk -v name="$1" '$1 == name'; }
git_directory() { # PROJECT
  local one name=${1/\//+}
  for one in "$CORPORA_DIR/$name/repo" "$CORPORA_DIR/$name" "$CORPORA_DIR/$1"; do
    if git -C "$one" rev-parse --verify --quiet HEAD >/dev/null 2>&1; then echo "$one" && return; fi
  done
  mkdir -p "$CORPORA_DIR"
  git clone --quiet --bare --depth 1 "$FROM/$1" "$CORPORA_DIR/$name" >&2 || fail "$1 is not in CORPORA_DIR and cannot be cloned from $FROM"
  echo "$CORPORA_DIR/$name"
}

# ---- how projects name their files --------------------------------------------------------------
# Each prints lines "version<TAB>description<TAB>path" for the way forward; the version keeps the order.

# 001_name.up.sql, or without up, 0002_1.7.0_schema.up.sql.
form_plain() { # GIT FOLDER ENGINE
  git -C "$1" ls-tree --name-only HEAD "$2/" | grep -E '/[0-9]+_[^/]*\.sql$' | grep -vE '\.down\.sql$' |
    sed -E 's#^.*/([0-9]+)_([^/]*)$#\1\t\2\t&#; s#(\.up)?\.sql\t#\t#'
}
# The same, counted anew: 0010_1.9.0_schema.up.sql is 006.
form_numbered() { form_plain "$@" | sort -n | awk -F '\t' -v OFS='\t' '{ $1 = sprintf("%03d", NR) } 1'; }
# A folder a migration: 2019-02-26-002946_create_user/up.sql, or with -0000 behind the time. Diesel compares these as
# text, where a time without it comes first.
form_diesel() {
  git -C "$1" ls-tree -r --name-only HEAD "$2" | grep -E '^[^/]*/[0-9-]+_[^/]*/up\.sql$' |
    while read -r path; do
      name=${path#*/} name=${name%/up.sql}
      stamp=${name%%_*} stamp=${stamp//-/}
      if [ ${#stamp} = 14 ]; then stamp+=00000; else stamp+=1; fi
      printf '%s\t%s\t%s\n' "$stamp" "${name#*_}" "$path"
    done
}
# 20150101000001000000_networks.mysql.up.sql goes before 20150101000001000000_networks.up.sql, which is for any
# database that has none of its own.
form_ory() {
  local own=postgres
  [ "$3" = postgres ] || own=mysql
  # shellcheck disable=SC2046
  git -C "$1" ls-tree --name-only HEAD $(sed -E 's#(,|$)#/ #g' <<<"$2") | grep -E '\.up\.sql$' |
    awk -v own="$own" '{
      file = $0; sub(/.*\//, "", file); version = file; sub(/_.*/, "", version)
      rest = file; sub(/^[0-9]+_/, "", rest); sub(/\.up\.sql$/, "", rest)
      parts = split(rest, part, "."); rank = 1
      for (i = 2; i <= parts; i++) {
        if (part[i] == own) rank = 2
        else if (part[i] ~ /^(postgres|mysql|sqlite3?|cockroach)$/) rank = 0
      }
      if (rank > best[version]) { best[version] = rank; line[version] = version "\t" part[1] "\t" $0 }
    } END { for (version in line) print line[version] }'
}
# v1.10/manifest.json names the files of a version in their order.
form_temporal() {
  local n=0 version file
  for version in $(git -C "$1" ls-tree --name-only HEAD "$2/" | sort -V); do
    for file in $(git -C "$1" show "HEAD:$version/manifest.json" | tr -d '\n' | sed -E 's/.*"SchemaUpdateCqlFiles": *\[([^]]*)\].*/\1/; s/[",]/ /g'); do
      n=$((n + 1))
      printf '%03d\t%s_%s\t%s\n' $n "$(basename "$version")" "$(basename "$file" .sql)" "$version/$file"
    done
  done
}
# One file that makes all databases.
form_phorge() { printf '001\tquickstart\t%s\n' "$2"; }

# ---- projects whose own names are read as they are ----------------------------------------------
# Each prints lines "sort key<TAB>path<TAB>path of the way back, if any"; by the key the files are in the order of the
# project's own tool. Nothing is renamed.

# diesel compares what precedes the first underscore, without dashes, as text.
own_diesel_own() { # GIT FOLDER
  local path name key down
  git -C "$1" ls-tree -r --name-only HEAD "$2/" | grep -E '/up\.sql$' | while read -r path; do
    name=$(basename "$(dirname "$path")") key=${name%%_*} down=${path%/up.sql}/down.sql
    git -C "$1" cat-file -e "HEAD:$down" 2>/dev/null || down=
    printf '%s\t%s\t%s\n' "${key//-/}" "$path" "$down"
  done
}
# Prisma compares the folders' names as text.
own_prisma_own() { git -C "$1" -c core.quotePath=false ls-tree -r --name-only HEAD "$2/" | grep -E '/migration\.sql$' | sed -E 's#^(.*/([^/]*)/migration\.sql)$#\2\t\1\t#'; }
# Flyway compares number by number; an underscore in a version is a dot.
own_flyway_own() {
  local path version part key
  git -C "$1" ls-tree --name-only HEAD "$2/" | grep -E '/V[0-9][^/]*\.sql$' | while read -r path; do
    version=$(basename "$path") version=${version#V} version=${version%%__*} key=
    for part in ${version//[._]/ }; do key+=$(printf '%014d.' "$((10#$part))"); done
    printf '%s\t%s\t\n' "$key" "$path"
  done
}
# V0001.Initial_Schema.up.sql.
own_authelia_own() { git -C "$1" ls-tree --name-only HEAD "$2/" | grep -E '\.up\.sql$' | sed -E 's#^(.*/(V[0-9]+)\.[^/]*)\.up\.sql$#\2\t\1.up.sql\t\1.down.sql#'; }

# Takes the whole folder; what is run, in its order, with its way back, is in FOLDER.order.
extract_own() { # NAME FOLDER GIT FROM FORM
  rm -rf "$2" && mkdir -p "$2"
  git -C "$3" archive "HEAD:$4" | tar -x -C "$2"
  # Functions that its program adds to SQLite, and nobody else has.
  case $1 in authelia-sqlite) sed -i -E 's/\bBIN2B64\(/hex(/g; s/\bB642BIN\(/(/g' "$2"/*.sql ;; esac
  "own_$5" "$3" "$4" | LC_ALL=C sort -t $'\t' -k1,1 -k2,2 | cut -f2,3 | sed -E "s#(^|\t)$4/#\1#g" >"$2.order"
  [ -s "$2.order" ] || fail "$1: no files found in $4"
}

extract() { # NAME FOLDER
  local name server project folder form expected git version description path
  read -r name server project folder form expected < <(row "$1")
  [ -n "$form" ] || fail "there is no corpus $1: corpora.sh list"
  git=$(git_directory "$project")
  if [[ $form == *_own ]]; then extract_own "$1" "$2" "$git" "$folder" "$form" && return; fi
  rm -rf "$2" && mkdir -p "$2"
  while IFS=$'\t' read -r version description path; do
    git -C "$git" show "HEAD:$path" | prepared "$name" "$path" >"$2/${version}_$(tr -c 'A-Za-z0-9_.\n-' _ <<<"$description").sql"
  done < <("form_$form" "$git" "$folder" "${server//[0-9]/}" | sort -n)
  [ -n "$(ls "$2")" ] || fail "$name: no files found in $project, $folder"
}

# ---- one corpus -----------------------------------------------------------------------------------

in_order() { if [ -f "$1.order" ]; then cut -f1 "$1.order"; else find "$1" -name '*.sql' -printf '%f\n' | sort -t_ -n -k1,1; fi; }
# What the client is given: goose's own annotations tell where the way forward ends.
forward_part() { if grep -qE '^-- *\+goose Up' "$1"; then sed -E '/^-- *\+goose Down/,$d' "$1"; else cat "$1"; fi; }

sql() { # STATEMENT [DATABASE]
  case $SERVER in
    postgres*) PGPASSWORD=$PASSWORD psql -qXAt -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT" -U postgres -d "${2:-postgres}" <<<"$1" ;;
    sqlite) sqlite3 -bail "$WORK/${2:-other}.db" <<<"$1" ;;
    *) MYSQL_PWD=$PASSWORD "$BIN/$CLIENT" --no-defaults --protocol=tcp -N -h 127.0.0.1 -P "$PORT" -u root ${2:+"$2"} <<<"$1" ;;
  esac
}
by_client() { # DATABASE FILE: as a user would, each statement by itself
  case $SERVER in
    sqlite) forward_part "$2" | sqlite3 -bail "$WORK/$1.db" ;;
    postgres*) forward_part "$2" | PGPASSWORD=$PASSWORD PGOPTIONS='-c client_min_messages=warning' psql -qX -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT" -U postgres -d "$1" -f - ;;
    *)
      # Its program sends a file as one query, which the server divides: bodies have no DELIMITER.
      local whole=()
      [[ $NAME != authelia-* ]] || whole=(--delimiter=@@never@@)
      forward_part "$2" | MYSQL_PWD=$PASSWORD "$BIN/$CLIENT" --no-defaults "${whole[@]}" --protocol=tcp --default-character-set=utf8mb4 -h 127.0.0.1 -P "$PORT" -u root "$1"
      ;;
  esac
}
# Debian's pg_dump is 15's and does not read newer servers: there the catalogs' own words are compared.
dump() { # DATABASE
  case $SERVER in
    postgres16 | postgres17 | postgres18) PGPASSWORD=$PASSWORD psql -qXAt -h 127.0.0.1 -p "$PORT" -U postgres -d "$1" -f "$HERE/catalog.sql" ;;
    postgres*) PGPASSWORD=$PASSWORD pg_dump -h 127.0.0.1 -p "$PORT" -U postgres -d "$1" --schema-only --exclude-schema=schemaward | grep -vE '^\\(un)?restrict ' ;;
    sqlite) sqlite3 "$WORK/$1.db" "SELECT type, name, tbl_name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND tbl_name NOT LIKE 'schemaward%' ORDER BY type, name" ;;
    *)
      local table ignored=()
      for table in $(sql "SELECT table_name FROM information_schema.tables WHERE table_schema = '$1' AND table_name LIKE 'schemaward%'"); do ignored+=("--ignore-table=$1.$table"); done
      MYSQL_PWD=$PASSWORD "$BIN/$DUMP" --no-defaults --protocol=tcp -h 127.0.0.1 -P "$PORT" -u root --no-data --skip-comments --routines --triggers "${ignored[@]}" "$1" |
        sed -E 's/ AUTO_INCREMENT=[0-9]+//'
      ;;
  esac
}
# Databases that the files make themselves, which both sides would share: dumped and dropped between the two.
others() { case $SERVER in postgres* | sqlite) ;; *) sql "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE 'corpus\\_%' ORDER BY 1" ;; esac; }
take_others() { # FILE
  local one
  : >"$1"
  for one in $(others); do
    dump "$one" >>"$1"
    sql "DROP DATABASE \`$one\`"
  done
}
fresh() {
  local url
  if [ "$SERVER" = sqlite ]; then
    rm -f "$WORK/$1.db"*
  elif [[ $SERVER == postgres* ]]; then
    sql "DROP DATABASE IF EXISTS $1 WITH (FORCE)" 2>/dev/null
    sql "CREATE DATABASE $1"
  else sql "DROP DATABASE IF EXISTS $1; CREATE DATABASE $1 CHARACTER SET utf8mb4"; fi
  [ -z "$(before "$NAME")" ] || sql "$(before "$NAME")" "$1"
}
start_server() { # SERVER
  local said
  SERVER=$1
  [ "$SERVER" != sqlite ] || return 0
  said=$("$REPO/testbed/servers/servers.sh" start "$SERVER")
  PORT=$(sed -n 's/^PORT=//p' <<<"$said") BIN=$(sed -n 's/^BIN=//p' <<<"$said")
  CLIENT=mysql DUMP=mysqldump
  [ ! -x "$BIN/mariadb" ] || CLIENT=mariadb DUMP=mariadb-dump
}

same_schemas() { # [DATABASE]
  local one database=${1:-by_schemaward}
  case $SERVER in
    postgres* | sqlite) ;;
    # The dump has no switch for routines, and the ledger's are ours.
    *) sql "SELECT concat('DROP ', routine_type, ' ', routine_name, ';') FROM information_schema.routines WHERE routine_schema = '$database' AND routine_name LIKE 'schemaward%'" |
      while read -r one; do sql "$one" "$database" </dev/null; done ;;
  esac
  dump by_client >"$WORK/client.sql" 2>"$WORK/dump.err" && dump "$database" >"$WORK/schemaward.sql" 2>"$WORK/dump.err" || { cp "$WORK/dump.err" "$WORK/diff" && return 1; }
  cat "$WORK/client.others" >>"$WORK/client.sql" && cat "$WORK/schemaward.others" >>"$WORK/schemaward.sql"
  diff "$WORK/client.sql" "$WORK/schemaward.sql" >"$WORK/diff"
}

# The table in which a project's own tool keeps its history, with these files, as the tool writes it.
history_of() { # TOOL FOLDER FILE...
  local tool=$1 folder=$2 file name version rank=0
  shift 2
  case $tool in
    diesel) echo 'CREATE TABLE __diesel_schema_migrations (version varchar(50) PRIMARY KEY NOT NULL, run_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);' ;;
    prisma) echo 'CREATE TABLE _prisma_migrations (id varchar(36) PRIMARY KEY NOT NULL, checksum varchar(64) NOT NULL, finished_at timestamptz, migration_name varchar(255) NOT NULL, logs text, rolled_back_at timestamptz, started_at timestamptz NOT NULL DEFAULT now(), applied_steps_count integer NOT NULL DEFAULT 0);' ;;
    flyway) echo 'CREATE TABLE flyway_schema_history (installed_rank int NOT NULL PRIMARY KEY, version varchar(50), description varchar(200) NOT NULL, type varchar(20) NOT NULL, script varchar(1000) NOT NULL, checksum int, installed_by varchar(100) NOT NULL, installed_on timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP, execution_time int NOT NULL, success boolean NOT NULL);' ;;
  esac
  for file in "$@"; do
    name=${file%/*} rank=$((rank + 1))
    case $tool in
      diesel) version=${name%%_*} && echo "INSERT INTO __diesel_schema_migrations (version) VALUES ('${version//-/}');" ;;
      prisma) echo "INSERT INTO _prisma_migrations (id, checksum, finished_at, migration_name, applied_steps_count) VALUES ('$rank', '$(sha256sum <"$folder/$file" | cut -d' ' -f1)', now(), '${name//\'/\'\'}', 1);" ;;
      # Flyway's checksum: CRC-32 over the lines without their ends, as a signed number.
      flyway)
        version=${file#V} version=${version%%__*} name=${file#*__} name=${name%.sql}
        echo "INSERT INTO flyway_schema_history VALUES ($rank, '${version//_/.}', '${name//_/ }', 'SQL', '$file', $(tr -d '\r\n' <"$folder/$file" | gzip -c | tail -c 8 | od -An -N4 -td4), 'x', CURRENT_TIMESTAMP, 1, true);"
        ;;
    esac
  done
}
# What the project's own tool has applied, all but the newest file, is taken over, and the newest applied.
taken_over() { # NAME FORM URL FILE...
  local name=$1 tool=${2%_own} url=$3 file said ends=0
  shift 3
  local before=("${@:1:$#-1}")
  case $tool in diesel | prisma | flyway) ;; *) return 0 ;; esac
  fresh by_adopting
  for file in "${before[@]}"; do by_client by_adopting "$WORK/$name/$file" >/dev/null 2>&1; done
  sql "$(history_of "$tool" "$WORK/$name" "${before[@]}")" by_adopting
  export DATABASE_URL=${url/by_schemaward/by_adopting}
  said=$({ "$SCHEMAWARD" adopt --from "$tool" --dir "$WORK/$name" && "$SCHEMAWARD" migrate --dir "$WORK/$name"; } 2>&1 </dev/null) || ends=$?
  export DATABASE_URL=$url
  case $tool in diesel) sql 'DROP TABLE __diesel_schema_migrations' by_adopting ;; prisma) sql 'DROP TABLE _prisma_migrations' by_adopting ;; flyway) sql 'DROP TABLE flyway_schema_history' by_adopting ;; esac
  if [ $ends != 0 ]; then echo "; adopted: fails: $(grep -m 1 -A 1 '^error' <<<"$said" | tr '\n|' '  ' | cut -c1-200)"
  elif ! grep -q '1 migration applied' <<<"$said"; then echo "; adopted: not one applied: $(tail -n 2 <<<"$said" | tr '\n|' '  ')"
  elif same_schemas by_adopting; then echo "; a history of $tool's adopted, the newest applied: equal"
  else echo "; adopted: the schemas differ: $(head -n 3 "$WORK/diff" | tr '\n|' '  ')"; fi
}

has_way_back() { grep -q '[^[:space:]]' "$WORK/$1/${2:-none}" 2>/dev/null; } # NAME DOWN; an empty one is none
# Where the newest files have no way back: both databases again, up to the newest that has one.
without_newest() { # NAME
  local up down
  while IFS=$'\t' read -r up down; do
    if has_way_back "$1" "$down"; then break; fi
    rm -f "$WORK/$1/$up" "$WORK/$1/$down"
    sed -i '$d' "$WORK/$1.order"
  done < <(tac "$WORK/$1.order")
  fresh by_client
  fresh by_schemaward
  while IFS=$'\t' read -r up down; do by_client by_client "$WORK/$1/$up" >/dev/null 2>&1; done <"$WORK/$1.order"
  "$SCHEMAWARD" migrate --dir "$WORK/$1" >/dev/null 2>&1 </dev/null
}
# Back to the newest file without a way back, by the client and by the ledger's rollbacks.
back() { # NAME
  local up down stopped='' error ends=0 said words='' differ='' steps=0
  has_way_back "$1" "$(tail -n 1 "$WORK/$1.order" | cut -f2)" || without_newest "$1" || { echo "back: not run" && return; }
  while IFS=$'\t' read -r up down; do
    has_way_back "$1" "$down" || break
    steps=$((steps + 1))
    [ -z "$stopped" ] || continue
    words=$(back_by_client by_client "$WORK/$1/$down" 2>&1 >/dev/null) || stopped=$up
  done < <(tac "$WORK/$1.order")
  said=$("$SCHEMAWARD" rollback --steps $steps --yes 2>&1 </dev/null) || ends=$?
  same_schemas || differ="; the schemas differ: $(head -n 3 "$WORK/diff" | tr '\n|' '  ')"
  error=$(grep -m 1 -A 2 '^error' <<<"$said" | sed "s#$WORK/$1/##" | tr '\n|' '  ' | tr -s ' ') || true
  if [ $ends = 4 ]; then echo "back: refused: ${error:0:160}"
  elif [ $ends != 0 ] && [ -n "$stopped" ] && [[ $error == *"$stopped"* ]]; then echo "back: both stop: ${error:0:160}$differ"
  elif [ $ends != 0 ]; then echo "back: only Schemaward stops: ${error:0:160}"
  elif [ -n "$stopped" ]; then echo "back: the client alone stops at $stopped: $(tr '\n|' '  ' <<<"$words" | cut -c1-160)"
  else echo "back by $steps: ${differ:-equal}"; fi
}
back_by_client() { # DATABASE FILE: all of a file or nothing, as its rollback is
  case $SERVER in
    postgres*) PGPASSWORD=$PASSWORD PGOPTIONS='-c client_min_messages=warning' psql -qX1 -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$PORT" -U postgres -d "$1" -f "$2" ;;
    sqlite) { echo 'BEGIN;' && cat "$2" && echo ';COMMIT;'; } | sqlite3 -bail "$WORK/$1.db" ;;
    *) by_client "$1" "$2" ;;
  esac
}

# Prints a row of docs/corpora.md: name, project, commit, server, files, statements, end.
check() { # NAME
  local server project folder form expected file files ordered statements url said stopped words again differ error result ends=0
  read -r NAME server project folder form expected < <(row "$1")
  [ -n "$form" ] || fail "there is no corpus $1: corpora.sh list"
  start_server "$server"
  extract "$NAME" "$WORK/$NAME"
  mapfile -t ordered < <(in_order "$WORK/$NAME")
  files=${#ordered[@]}
  fresh by_client
  stopped=
  for file in "${ordered[@]}"; do
    words=$(by_client by_client "$WORK/$NAME/$file" 2>&1 >/dev/null) || { stopped=$file && break; }
  done
  take_others "$WORK/client.others"
  fresh by_schemaward
  case $server in
    postgres*) url=postgres://postgres:$PASSWORD@127.0.0.1:$PORT/by_schemaward ;;
    sqlite) url=sqlite:$WORK/by_schemaward.db ;;
    # Where the two servers read a text otherwise, the scheme says which it is.
    *) url=$server://root:$PASSWORD@127.0.0.1:$PORT/by_schemaward ;;
  esac
  export DATABASE_URL=$url NO_COLOR=1
  statements=$("$SCHEMAWARD" plan --dir "$WORK/$NAME" --format json 2>/dev/null | grep -o '"firstLine"' | wc -l || true)
  said=$("$SCHEMAWARD" migrate --dir "$WORK/$NAME" 2>&1 </dev/null) || ends=$?
  [ $ends != 0 ] || again=$("$SCHEMAWARD" migrate --dir "$WORK/$NAME" 2>&1 </dev/null && "$SCHEMAWARD" status --check --dir "$WORK/$NAME" 2>&1) || again="failed: $again"
  take_others "$WORK/schemaward.others"
  differ=
  same_schemas || differ="the schemas differ: $(head -n 3 "$WORK/diff" | tr '\n' ' ')"
  error=$(grep -m 1 -A 2 '^error' <<<"$said" | sed "s#$WORK/$NAME/##" | tr '\n|' '  ' | tr -s ' ') || true
  if [ $ends = 4 ]; then
    result="refused: $error"
  elif [ $ends != 0 ] && [ -n "$stopped" ] && [[ $error == *"$stopped"* ]]; then
    # The file is not for this server. What was done up to the statement must be the same, too.
    result="both stop: $error${differ:+; $differ}"
    [ -z "$differ" ] || result="stopped, and $result"
    # psql does not print the code; the others do.
    [[ $server == postgres* || $server == sqlite ]] || [[ $error == "error[$(grep -oE -m 1 'ERROR [0-9]+' <<<"$words" | cut -c7-)]"* ]] || result="with another error, $result"
  elif [ $ends != 0 ]; then
    result="Schemaward fails: $error"
  elif [ -n "$stopped" ]; then
    result="the server's own client fails at $stopped, and Schemaward does not: $(tr '\n|' '  ' <<<"$words" | cut -c1-200)"
  elif [ -n "$differ" ]; then
    result=$differ
  elif ! grep -qi 'nothing' <<<"$again" || [[ $again == failed:* ]]; then
    result="a second run finds something to do: $(head -n 2 <<<"$again" | tr '\n|' '  ')"
  else
    result="equal, $(wc -l <"$WORK/client.sql") lines of schema"
    result+=$(taken_over "$NAME" "$form" "$url" "${ordered[@]}")
    [ -z "$(cut -f2 "$WORK/$NAME.order" 2>/dev/null | tr -d '\n')" ] || result+="; $(back "$NAME")"
  fi
  echo "| $NAME | $project | $(git -C "$(git_directory "$project")" rev-parse --short=12 HEAD) | $server | $files | $([ "$statements" = 0 ] && echo – || echo "$statements") | $result |"
  [[ $result == "$expected"* ]]
}

case ${1:-} in
  list) corpora ;;
  extract) [ $# = 3 ] || fail "usage: corpora.sh extract NAME FOLDER"; extract "$2" "$3" ;;
  check)
    shift
    WORK=$(mktemp -d "${TMPDIR:-/tmp}/schemaward-corpora-XXXXXX")
    chmod 711 "$WORK"
    export SCHEMAWARD_SERVERS=$WORK/servers
    trap '"$REPO/testbed/servers/servers.sh" remove --all >/dev/null 2>&1 || true; rm -rf "$WORK"' EXIT
    [ $# -gt 0 ] || mapfile -t all < <(corpora | cut -d' ' -f1)
    echo "| corpus | project | commit | server | files | statements | ends in |"
    echo "| --- | --- | --- | --- | ---: | ---: | --- |"
    passed=0 failed=0
    for one in "${@:-${all[@]}}"; do
      if (check "$one"); then passed=$((passed + 1)); else failed=$((failed + 1)); fi
    done
    echo "$passed passed, $failed failed" >&2
    [ $failed = 0 ]
    ;;
  *) fail "usage: corpora.sh list | extract NAME FOLDER | check [NAME...]" ;;
esac
