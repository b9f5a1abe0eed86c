# shellcheck shell=bash disable=SC2034
# The migrations that are measured, and the form in which each tool wants them. Sourced, never run.
#
# Every tool gets the same SQL under the same versions, 20000000000001 and up, so that all run it in the same order.
# CONCURRENTLY is taken out of it, for all alike: it cannot be run in a transaction, and psql -1 could not take part.

# The up files of a real project, numbered anew: FOLDER gets 20000000000001_m.sql and so on.
real_files() { # FOLDER GIT-DIR-OR-URL
  local from=$2 git name n=0
  mkdir -p "$1"
  if [ -d "$from" ]; then git=$from; else
    git=$1.git
    [ -d "$git" ] || git clone --quiet --bare --depth 1 "$from" "$git" || return 1
  fi
  git -C "$git" log -1 --format=%H >"$1.commit"
  # A folder a migration (diesel); its name begins with the time.
  while IFS= read -r -d '' name; do
    n=$((n + 1))
    git -C "$git" show "HEAD:$name" | sed -E 's/\bconcurrently\b//Ig' >"$1/$((20000000000000 + n))_m.sql"
  done < <(git -C "$git" ls-tree -r -z --name-only HEAD migrations | grep -zE '/up\.sql$' |
    sed -zE 's#^migrations/([0-9-]+)_.*#\1 &#' | while IFS=' ' read -r -d '' stamp name; do stamp=${stamp//-/}; [ ${#stamp} != 14 ] || stamp+=0000; printf '%s %s\0' "$stamp" "$name"; done |
    sort -zn | sed -zE 's/^[0-9]+ //')
  [ $n -gt 0 ] || { echo "no migrations/*/up.sql in $from" >&2; return 1; }
}

# Five files make a table and change it: 1,000 tables in 5,000 files.
generated_files() { # FOLDER COUNT
  local n table
  mkdir -p "$1"
  for ((n = 0; n < $2; n++)); do
    table=item_$((n / 5))
    case $((n % 5)) in
      0) echo "CREATE TABLE $table (id int PRIMARY KEY, name varchar(100) NOT NULL, created_at timestamp NOT NULL DEFAULT CURRENT_TIMESTAMP);" ;;
      1) echo "ALTER TABLE $table ADD COLUMN price numeric(10, 2);" ;;
      2) echo "CREATE INDEX ${table}_name ON $table (name);" ;;
      3) printf 'INSERT INTO %s (id, name, price) VALUES (1, %s, 1.50), (2, %s, 2.50);\nUPDATE %s SET price = price * 2 WHERE id = 2;\n' \
        "$table" "'one; two'" "'three'" "$table" ;;
      4) echo "ALTER TABLE $table ADD COLUMN note text; -- what people say of it" ;;
    esac >"$1/$((20000000000001 + n))_m.sql"
  done
}

# The same files as TOOL wants them.
files_for() { # TOOL FROM TO
  local file version
  mkdir -p "$3"
  case $1 in
    schemaward | sqlx) cp "$2"/*.sql "$3" ;;
    psql | psql-1) for file in "$2"/*.sql; do echo "\\i $file"; done >"$3/all.sql" ;;
    client) cat "$2"/*.sql >"$3/all.sql" ;;
    *)
      for file in "$2"/*.sql; do
        version=$(basename "$file" _m.sql)
        case $1 in
          refinery | flyway) ln "$file" "$3/V${version}__m.sql" 2>/dev/null || cp "$file" "$3/V${version}__m.sql" ;;
          migrate) ln "$file" "$3/${version}_m.up.sql" 2>/dev/null || cp "$file" "$3/${version}_m.up.sql" ;;
          diesel) mkdir "$3/${version}_m" && cp "$file" "$3/${version}_m/up.sql" ;;
          # One statement to goose, so that it sends the file whole as the others do, and functions stay whole.
          goose) { echo "-- +goose Up" && echo "-- +goose StatementBegin" && cat "$file" && printf '\n-- +goose StatementEnd\n'; } >"$3/${version}_m.sql" ;;
          dbmate) { echo "-- migrate:up" && cat "$file" && printf '\n-- migrate:down\n'; } >"$3/${version}_m.sql" ;;
        esac
      done
      ;;
  esac
}
