# shellcheck shell=bash disable=SC1090,SC2034
# What the scripts of the database servers share: names and folders, progress, and starting,
# finding and ending processes. Sourced, never run.
#
# A server is known by its name: an engine, or an engine, a dash and a label (postgres15,
# postgres15-orders). All that belongs to it lies in one folder, $SERVERS/NAME. Its process is
# always found by recorded pid and start time, never by its program's name.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd -P)
CACHE=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}/servers
SERVERS=${SCHEMAWARD_SERVERS:-${TMPDIR:-/tmp}/schemaward-servers-$(id -u)-$(sha256sum <<<"$REPO" | cut -c1-8)}
SERVERS=$(realpath -m "$SERVERS") # as the kernel names it in /proc/PID/cwd

ENGINES=(postgres13 postgres14 postgres15 postgres16 postgres17 postgres18 mariadb mariadb11 mysql mysql8 pgbouncer)
# What `install` without names installs: both ends of the range we promise, and Debian's own.
USUAL=(postgres13 postgres15 postgres18 mariadb mariadb11 mysql mysql8 pgbouncer)
PASSWORD=schemaward # of every superuser; the servers listen on loopback only
READY_SECONDS=${SERVERS_READY_SECONDS:-120}

export SERVERS_T0=${SERVERS_T0:-$(date +%s%N)} # scripts called from scripts count on
say() { printf '%6.1f s  %s\n' "$((($(date +%s%N) - SERVERS_T0) / 100000000))e-1" "$*" >&2; }
fail() {
  echo "error: $*" >&2
  exit 1
}

is_root() { [ "$(id -u)" = 0 ]; }

# Brings in what the engine is made of: ENGINE and the functions of engines/*.sh.
use_engine() {
  ENGINE=$1
  [[ " ${ENGINES[*]} " == *" $ENGINE "* ]] || fail "there is no engine $ENGINE; there are: ${ENGINES[*]}"
  . "$HERE/engines/${ENGINE//[0-9]/}.sh"
}

# Brings in the server NAME and its engine.
use_server() {
  NAME=$1
  [[ $NAME =~ ^[a-z0-9]+(-[a-z0-9]+)*$ ]] || fail "a server's name is an engine, or engine-label in lower case: $NAME"
  D=$SERVERS/$NAME
  DATA=$D/data
  LOG=$D/log
  use_engine "${NAME%%-*}"
  if is_root; then PROGRAM=$D/program; else PROGRAM=$(installed)/program; fi
}

# ---- what is installed ------------------------------------------------------------------

# The folder in the cache that holds the engine's program and the data a server starts from. Its
# name has a hash of what both are made from.
installed() {
  local hash
  hash=$({ echo "$PASSWORD" && cat "$HERE/engines/${ENGINE//[0-9]/}.sh" && inputs; } | sha256sum | cut -c1-16)
  echo "$CACHE/$ENGINE-$hash"
}

package_version() { dpkg-query -W -f '${Package} ${Version}\n' "$@" 2>/dev/null || true; }

# Installs Debian's packages where one is missing. One at a time, as each makes its own policy-rc.d.
need_packages() {
  local package missing=()
  for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  is_root || fail "missing the packages ${missing[*]}: as root, apt-get install ${missing[*]}"
  (
    flock 6
    "$REPO/testbed/cluster/packages.sh" "${missing[@]}" 6>&- 7>&- >&2
  ) 6>"$CACHE/.packages.lock"
}

# ---- processes ---------------------------------------------------------------------------

# Becomes a command run by an unprivileged user, where we are root. The cache may lie where that user
# cannot go (a root's home), so its program folder is bound to $PROGRAM in a mount namespace of
# the command's own, which leaves nothing behind.
become_server() { # PROGRAM-FOLDER COMMAND...
  local program=$1
  shift
  is_root || exec "$@"
  # shellcheck disable=SC2016
  exec unshare --mount --propagation private -- sh -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' sh \
    "$program" "$PROGRAM" setpriv --reuid=nobody --regid=nogroup --clear-groups "$@"
}
as_server() { (become_server "$@"); } # PROGRAM-FOLDER COMMAND...
own() { ! is_root || chown -R nobody:nogroup "$@"; }

# Field 22 of /proc/PID/stat; nothing for a process that is gone or a zombie. The program's name,
# in parentheses, may hold spaces.
start_time() {
  local stat fields
  { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 0
  read -ra fields <<<"${stat##*) }"
  case ${fields[0]} in Z | X) ;; *) echo "${fields[19]}" ;; esac
}
main_pid() { # of this server, where it runs
  local pid started
  read -r pid started 2>/dev/null <"$D/pid" || return 0
  [ "$(start_time "$pid")" != "$started" ] || echo "$pid"
}
descendants() { # PID: it and all below it, parents first
  local child
  echo "$1"
  # shellcheck disable=SC2013
  for child in $(cat "/proc/$1/task/"*/children 2>/dev/null); do descendants "$child"; done
}
# All processes of this server. Those whose parent was killed by someone else are known by the
# folder they work in and the program they run.
members() {
  local pid main
  main=$(main_pid)
  [ -z "$main" ] || descendants "$main"
  for pid in $(find /proc -maxdepth 2 -name cwd -lname "$DATA" 2>/dev/null | cut -d/ -f3); do
    [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" != "$(cat "$D/exe" 2>/dev/null)" ] || [ -z "$(start_time "$pid")" ] || echo "$pid"
  done
}

# spawn COMMAND...: starts the server's process and records it. Descriptors above 2 stay behind:
# whoever waits for one of ours to close must not wait for the server.
spawn() {
  local pid fd
  (
    for fd in /proc/"$BASHPID"/fd/*; do
      fd=${fd##*/}
      [ "$fd" -le 2 ] || eval "exec $fd>&-"
    done
    # Its own session: what is typed at a terminal does not reach it.
    become_server "$(installed)/program" setsid "$@"
  ) >>"$LOG" 2>&1 </dev/null &
  pid=$!
  echo "$pid $(start_time "$pid")" >"$D/pid"
  disown "$pid"
}

# Waits until what COMMAND tells is so, SECONDS at most.
await() {
  local end=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $end ] || return 1
    sleep 0.02
  done
}
gone() { [ -z "$(members)" ]; }
all_gone() { # PID:START...: none of these runs any more
  local one
  for one; do [ "$(start_time "${one%:*}")" != "${one#*:}" ] || return 1; done
}

# A port of loopback that nothing listens on, from below those that outgoing connections get.
free_port() {
  local port low
  read -r low _ </proc/sys/net/ipv4/ip_local_port_range
  [ "$low" -gt 12000 ] || low=32768
  while :; do
    port=$((10240 + RANDOM % (low - 10240)))
    (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
  done
  echo "$port"
}
answers() { (: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
