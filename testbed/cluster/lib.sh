# shellcheck shell=bash disable=SC2034
# What the scripts of the test bed share: names and addresses, progress, waiting, and
# starting and ending daemons. Sourced, never run.
#
# A bed is known by its slot, a small number. From it follow its network, its cgroup and its
# folder, so that beds of several checkouts live side by side. The processes of a bed are
# always found through its cgroup, never by name or by a recorded pid.

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
REPO=$(cd "$HERE/../.." && pwd -P)
LOCAL=$REPO/.local
ENV_FILE=$LOCAL/cluster.env
CACHE=${SCHEMAWARD_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/schemaward}
RUN=/run/schemaward-bed
STATE=${BED_STATE:-/var/lib/schemaward-bed}
POSTGRES_BIN=/usr/lib/postgresql/15/bin
POSTGRES_PASSWORD=postgres
IMAGE_NAME=localhost/schemaward/schemaward
NAMESPACE=schemaward-system
RELEASE=schemaward
CHART=$REPO/charts/schemaward

export BED_T0=${BED_T0:-$(date +%s%N)} # scripts called from scripts count on
say() { printf '%6.1f s  %s\n' "$((($(date +%s%N) - BED_T0) / 100000000))e-1" "$*"; }
fail() {
  echo "error: $*" >&2
  exit 1
}

need_root_linux() {
  [ "$(uname -s)" = Linux ] || fail "the test bed needs Linux; on another system use CLUSTER=existing"
  [ "$(id -u)" = 0 ] || fail "the test bed needs root (containers, network namespaces); or use CLUSTER=existing"
}

# ---- the slot -------------------------------------------------------------------------

# All names and addresses of the bed in slot $1.
use_slot() {
  SLOT=$1
  D=$STATE/$SLOT
  CGROUP=schemaward-bed-$SLOT
  LINK=swbed$SLOT               # the host's end of the cable into the bed's network
  BED_ADDRESS=10.213.$SLOT.1    # the host, as seen from the bed and its pods
  NODE_IP=10.213.$SLOT.2        # the bed's node, as seen from the host and from pods
  POD_CIDR=10.214.$SLOT.0/24
  SERVICE_CIDR=10.215.$SLOT.0/24
  SERVICE_IP=10.215.$SLOT.1
  DNS_IP=10.215.$SLOT.10
  CTR=(ctr -a "$D/containerd.sock" -n k8s.io)
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    TRACK=/sys/fs/cgroup/$CGROUP
  else
    TRACK=/sys/fs/cgroup/pids/$CGROUP
  fi
  KUBECONFIG_FILE=$D/kubeconfig
  AUDIT_LOG=$D/audit/audit.log
}

slot_of() { # CHECKOUT: its slot, or nothing
  local owner
  for owner in "$RUN"/*.checkout; do
    if [ -e "$owner" ] && [ "$(cat "$owner")" = "$1" ]; then
      basename "$owner" .checkout
      return
    fi
  done
}

# Takes this checkout's slot, or the first free one, and the lock of its bed, which ends with
# the process that holds it. A slot whose checkout is gone is torn down.
take_bed() {
  while :; do
    lock_slots
    claim_slot
    exec 8>&-
    lock_bed
    # An end of the bed while this waited took both away.
    [ "$(slot_of "$REPO")" != "$SLOT" ] || return 0
    exec 9>&-
  done
}

lock_slots() {
  while :; do
    mkdir -p "$RUN"
    exec 8>"$RUN/lock"
    flock 8
    [ ! /proc/self/fd/8 -ef "$RUN/lock" ] || return 0
  done
}
lock_bed() {
  while :; do
    mkdir -p "$RUN"
    exec 9>"$RUN/$SLOT.lock"
    flock -n 9 || { say "another make works on this bed: waiting" && flock 9; }
    [ ! /proc/self/fd/9 -ef "$RUN/$SLOT.lock" ] || return 0
  done
}

claim_slot() {
  local slot owner n
  slot=$(slot_of "$REPO")
  if [ -n "$slot" ] && [ -n "${BED_SLOT:-}" ] && [ "$slot" != "$BED_SLOT" ]; then
    fail "this checkout's bed is in slot $slot: run make cluster-down before BED_SLOT=$BED_SLOT"
  fi
  for n in ${slot:-${BED_SLOT:-$(seq 0 9)}}; do
    owner=$RUN/$n.checkout
    if [ -e "$owner" ] && [ ! -d "$(cat "$owner")" ]; then
      say "slot $n belonged to a checkout that is gone: tearing it down"
      BED_DOWN_SLOT=$n "$HERE/down.sh"
      rm -f "$owner"
    fi
    if [ ! -e "$owner" ] || [ "$(cat "$owner")" = "$REPO" ]; then
      echo "$REPO" >"$owner"
      use_slot "$n"
      return
    fi
  done
  fail "no slot is free; they belong to: $(cat "$RUN"/*.checkout | tr '\n' ' ')"
}

# Uses this checkout's slot, without taking one.
find_slot() {
  local slot
  slot=$(slot_of "$REPO")
  [ -n "$slot" ] || return 1
  use_slot "$slot"
}

# ---- processes ------------------------------------------------------------------------

members() { # [CGROUP-FOLDER]: the processes in it and below
  find "${1:-$TRACK}" -name cgroup.procs -exec cat {} + 2>/dev/null || true
}
pid_of() { head -n1 "$TRACK/daemons/$1/cgroup.procs" 2>/dev/null || true; }
alive() { [ -n "$(pid_of "$1")" ]; }

# Ends all processes of a cgroup folder and waits until they are gone. Zombies leave it at once.
kill_members() {
  local p
  for _ in $(seq 100); do
    p=$(members "$1")
    [ -n "$p" ] || return 0
    # shellcheck disable=SC2086
    kill -KILL $p 2>/dev/null || true
    sleep 0.05
  done
  echo "still there in $1: $(members "$1" | tr '\n' ' ')" >&2
  return 1
}

# Puts the shell that calls it into a cgroup of the bed's, where down.sh finds it.
join() {
  mkdir -p "$TRACK/daemons/$1"
  echo "$BASHPID" >"$TRACK/daemons/$1/cgroup.procs"
}
spawn() { # NAME COMMAND...: starts a daemon, which logs to $D/log/NAME.log
  mkdir -p "$TRACK/daemons/$1" "$D/log"
  (
    join "$1"
    # Locks above all, but also pipes that the caller's caller waits on, must not live on in it.
    for fd in /proc/"$BASHPID"/fd/*; do
      [ "${fd##*/}" -le 2 ] || eval "exec ${fd##*/}>&-"
    done
    exec setsid "${@:2}" >>"$D/log/$1.log" 2>&1 </dev/null
  ) &
  # Once more from here, so that it counts as alive when this returns.
  echo $! >"$TRACK/daemons/$1/cgroup.procs" 2>/dev/null || true
}

# The holder's namespaces are the bed's: entering them through a process leaves no mount behind.
use_namespaces() {
  local ns
  ns=/proc/$(pid_of holder)/ns
  ENTER=(nsenter --net="$ns/net" --ipc="$ns/ipc" --mount="$ns/mnt" --wd=/)
}
enter() { use_namespaces && "${ENTER[@]}" "$@"; }
run() { (use_namespaces && join "$1" && exec "${ENTER[@]}" "${@:2}" 6>&- 9>&-); } # NAME COMMAND...: inside the bed, waits
start() { use_namespaces && spawn "$1" "${ENTER[@]}" "${@:2}"; } # NAME COMMAND...: a daemon inside the bed

wait_for() { # SECONDS LOG-NAME WHAT COMMAND...: polls; on time-out or a dead daemon shows its log
  local end=$((SECONDS + $1)) log=$2 what=$3
  shift 3
  until "$@" >/dev/null 2>&1; do
    if [ -d "$TRACK/daemons/$log" ] && ! alive "$log"; then
      sleep 0.3
      alive "$log" || { show_log "$log"; fail "$log ended while waiting for: $what"; }
    fi
    [ $SECONDS -lt $end ] || { show_log "$log"; fail "timed out waiting for: $what"; }
    sleep 0.1
  done
  say "$what"
}
show_log() {
  echo "---- the end of $D/log/$1.log" >&2
  tail -n 25 "$D/log/$1.log" >&2 || true
}

kubectl() { "$LOCAL/bin/kubectl" --kubeconfig="$KUBECONFIG_FILE" "$@"; }
helm() { "$LOCAL/bin/helm" --kubeconfig="$KUBECONFIG_FILE" "$@"; }

# What must run for the bed to count as up.
DAEMONS=(holder etcd kube-apiserver kube-controller-manager kube-scheduler containerd kubelet kube-proxy coredns postgres)
