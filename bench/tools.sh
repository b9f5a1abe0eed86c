#!/usr/bin/env bash
# The other migration tools, for `make bench` and for the tests of `adopt`: installed from package
# registries by those registries' own clients, at pinned versions, into a cache.
#
# usage: tools.sh install [TOOL...]   install what is missing; says what could not be had, and why
#        tools.sh path TOOL           print the program's path; 1 where it is not installed
#        tools.sh versions            a line for each tool: name, version, where it comes from
#        tools.sh has TOOL            0 where it is installed
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/.." && pwd -P)
CACHE=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/bench-tools
say() { echo "$*" >&2; }

# name, version, kind of registry, package, and the program inside what is installed.
tools() {
  cat <<'T'
sqlx     0.9.0    crates  sqlx-cli                                bin/sqlx
refinery 0.10.0   crates  refinery_cli                            bin/refinery
diesel   2.3.14   crates  diesel_cli                              bin/diesel
goose    v3.29.0  go      github.com/pressly/goose/v3/cmd/goose   goose
migrate  v4.20.1  go      github.com/golang-migrate/migrate/v4/cmd/migrate migrate
dbmate   2.36.0   npm     dbmate                                  dbmate
flyway   12.5.0   maven   org.flywaydb:flyway-commandline         flyway
rails    6.1      debian  ruby-activerecord,ruby-pg,ruby-mysql2   rails
T
}
# Atlas' command line is in none of the registries: the Go module proxy refuses its module, and the
# npm package of its name fetches a program from a host of its own. Its library alone migrates nothing.
UNAVAILABLE='atlas: its command line is a module that the Go module proxy does not have, and the npm package downloads it from elsewhere'

row() { tools | awk -v name="$1" '$1 == name'; }
target() { # TOOL: the folder it lies in; another version or another way of building is another folder
  local name version kind package program
  read -r name version kind package program < <(row "$1")
  echo "$CACHE/$name-$version-$( { declare -f "install_$kind" "flags_$name" 2>/dev/null; echo "$package"; } | sha256sum | cut -c1-8)"
}
path() {
  local name version kind package program
  read -r name version kind package program < <(row "$1")
  [ -n "$program" ] || { say "there is no tool $1; there are: $(tools | cut -d' ' -f1 | xargs)"; return 2; }
  program=$(target "$1")/$program
  [ -x "$program" ] && echo "$program"
}

need_packages() { "$REPO/testbed/cluster/packages.sh" "$@" >&2; }

# Compilers run nicely, one tool at a time.
install_crates() { # VERSION PACKAGE TARGET TOOL
  local flags=()
  mapfile -t flags < <("flags_$4")
  nice -n 10 cargo install --locked --quiet --root "$3" --version "$1" --target-dir "$3/build" "${flags[@]}" "$2"
  rm -rf "$3/build"
}
flags_sqlx() { printf '%s\n' --no-default-features --features postgres,mysql,rustls; }
flags_refinery() { printf '%s\n' --no-default-features --features postgresql,mysql,int8-versions; }
flags_diesel() {
  need_packages libpq-dev libmariadb-dev libmariadb-dev-compat pkg-config
  printf '%s\n' --no-default-features --features postgres,mysql
}
install_go() {
  local tags=()
  [ "$4" != migrate ] || tags=(-tags 'postgres mysql')
  GOBIN=$3 GOFLAGS=-buildvcs=false nice -n 10 go install -ldflags '-s -w' "${tags[@]}" "$2@$1"
}
# The program for this machine is in a package of its own beside one of a few lines that start it; a link
# leads past these, as they would be measured too. Nothing of the package is run on install.
install_npm() {
  command -v npm >/dev/null || need_packages npm
  npm install --prefix "$3" --no-save --ignore-scripts --loglevel=error "$2@$1" >&2
  ln -s "$(cd "$3" && find node_modules/@"$2" -type f -name "$2")" "$3/$4"
}
# The newest version whose parts the registry has: the command line, its core and the two kinds of database.
# The archive that bundles them is no longer published there, and the command line's own list of dependencies
# names all databases there are, so what it needs is listed here.
install_maven() {
  local part dependencies=''
  command -v mvn >/dev/null || need_packages maven
  command -v java >/dev/null || need_packages default-jre-headless
  for part in "$2:$1" org.flywaydb:flyway-{core,database-postgresql,mysql}:"$1" \
    tools.jackson.core:jackson-databind:3.0.0 tools.jackson.dataformat:jackson-dataformat-toml:3.0.0 \
    com.google.code.gson:gson:2.11.0 org.fusesource.jansi:jansi:1.18 \
    org.postgresql:postgresql:42.7.4 org.mariadb.jdbc:mariadb-java-client:3.5.1; do
    dependencies+=$(dependency "${part%%:*}" "$(cut -d: -f2 <<<"$part")" "${part##*:}")
  done
  cat >"$3/pom.xml" <<X
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>schemaward.bench</groupId><artifactId>flyway</artifactId><version>1</version>
<dependencies>$dependencies</dependencies></project>
X
  mvn -B -q -f "$3/pom.xml" org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies -DoutputDirectory="$3/lib"
  printf '#!/bin/sh\nexec java -cp "$(dirname "$0")/lib/*" org.flywaydb.commandline.Main "$@"\n' >"$3/flyway"
  chmod 755 "$3/flyway"
  "$3/flyway" --version
}
dependency() { # GROUP ARTIFACT VERSION: without what it depends on in turn, but for Jackson's parts
  echo "<dependency><groupId>$1</groupId><artifactId>$2</artifactId><version>$3</version>"
  [[ $1 == tools.jackson* ]] || echo "<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions>"
  echo "</dependency>"
}
# Rails' migrations are a Ruby library's: a script of a few lines stands in for `rails db:migrate`.
install_debian() {
  # shellcheck disable=SC2086
  need_packages ${2//,/ }
  cp "$HERE/rails.rb" "$3/rails"
  chmod 755 "$3/rails"
}

install() { # TOOL: made under a name of its own and moved into place whole
  local name version kind package program temp log
  read -r name version kind package program < <(row "$1")
  [ -n "$program" ] || { say "there is no tool $1"; return 2; }
  path "$name" >/dev/null && return
  mkdir -p "$CACHE"
  exec 7>"$CACHE/.lock"
  flock 7
  path "$name" >/dev/null && return
  temp=$(mktemp -d "$CACHE/.$name-XXXXXX")
  log=$temp.log
  say "installing $name $version ($kind)"
  if ("install_$kind" "$version" "$package" "$temp" "$name") >"$log" 2>&1 </dev/null 7>&-; then
    rm -rf "$(target "$name")"
    mv "$temp" "$(target "$name")"
    rm -f "$log"
  else
    say "not installed: $name $version: $(grep -iE 'error|403|404' "$log" | head -n 3 | tr '\n' ' ')(all of it: $log)"
    rm -rf "$temp"
    return 1
  fi
}

versions() {
  local name version kind package program
  while read -r name version kind package program; do
    if path "$name" >/dev/null; then
      echo "$name $version ($kind: $package)"
    else
      echo "$name - not installed: bench/tools.sh install $name"
    fi
  done < <(tools)
  echo "$UNAVAILABLE"
}

case ${1:-} in
  install)
    shift
    [ $# -gt 0 ] || mapfile -t all < <(tools | cut -d' ' -f1)
    status=0
    for one in "${@:-${all[@]}}"; do
      (set -e; install "$one") || status=1
    done
    say "$UNAVAILABLE"
    exit "$status"
    ;;
  path | has) [ $# = 2 ] || exit 2; if [ "$1" = has ]; then path "$2" >/dev/null; else path "$2"; fi ;;
  versions) versions ;;
  *) say "usage: tools.sh install [TOOL...] | path TOOL | has TOOL | versions"; exit 2 ;;
esac
