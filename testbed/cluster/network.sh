# shellcheck shell=bash
# The bed's cgroups and namespaces, for up.sh. Sourced, never run.

# A cgroup of the bed's own in each hierarchy, so that down.sh finds every process of it.
make_cgroups() {
  local root group
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then # version 2
    mkdir -p "$TRACK/daemons"
    for root in /sys/fs/cgroup "$TRACK"; do
      for group in cpuset cpu io memory hugetlb pids; do
        echo "+$group" >"$root/cgroup.subtree_control" 2>/dev/null || true
      done
    done
    return
  fi
  awk '$3 == "cgroup" {print $2}' /proc/mounts | while read -r root; do
    mkdir -p "$root/$CGROUP"
    [ ! -e "$root/$CGROUP/cpuset.cpus" ] || for group in cpuset.cpus cpuset.mems; do
      cat "$root/$group" >"$root/$CGROUP/$group"
    done
  done
}

# A process that holds a network, a mount and an IPC namespace. All else of the bed runs in them, so two
# beds on a machine never meet at a firewall chain, a port or a fixed path, and none of it stays
# behind: the namespaces end with their last process. The host only has one end of a cable.
make_namespaces() {
  spawn holder unshare --net --ipc --mount --propagation private "$(readlink -f "$LOCAL/bin/pause")"
  wait_for 30 holder "the namespaces are there" own_namespaces
  local holder
  holder=$(pid_of holder)

  ip link add "$LINK" type veth peer name eth0 netns "$holder"
  ip addr add "$BED_ADDRESS/30" dev "$LINK"
  ip link set "$LINK" up
  nsenter --net="/proc/$holder/ns/net" sh -euc "
    ip link set lo up
    ip addr add $NODE_IP/30 dev eth0
    ip link set eth0 up
    # The node itself reaches Services: kube-proxy turns the address before the packet leaves.
    ip route add $SERVICE_CIDR dev lo src $NODE_IP
    # There is no world outside, and who asks for it hears so at once.
    ip route add unreachable default
    echo 1 >/proc/sys/net/ipv4/ip_forward
  "
  # From the host, pods and Services answer at their own addresses.
  ip route add "$POD_CIDR" via "$NODE_IP" dev "$LINK"
  ip route add "$SERVICE_CIDR" via "$NODE_IP" dev "$LINK"

  # Paths that containerd, CNI and the kubelet write to whatever they are told.
  local path
  for path in /var/log/containers /var/lib/cni /var/lib/kubelet /run/containerd; do
    [ -d "$path" ] || echo "$path" >>"$RUN/made" # for down.sh to remove
    mkdir -p "$path" "$D/private$path"
    in_mounts mount -n --bind "$D/private$path" "$path"
  done
  # Kernel settings that the kubelet wants for the whole machine: it finds them as it likes them.
  local setting
  for setting in vm/overcommit_memory=1 vm/panic_on_oom=0 kernel/panic=10 kernel/panic_on_oops=1 \
    kernel/keys/root_maxkeys=1000000 kernel/keys/root_maxbytes=25000000; do
    path=/proc/sys/${setting%=*}
    [ -e "$path" ] || continue
    mkdir -p "$D/private$(dirname "$path")"
    echo "${setting#*=}" >"$D/private$path"
    in_mounts mount -n --bind "$D/private$path" "$path"
  done
  in_mounts mount -n --make-rshared / # what the kubelet mounts, containers see
}

own_namespaces() {
  local holder
  holder=$(pid_of holder)
  [ "$(readlink "/proc/$holder/ns/net")" != "$(readlink /proc/self/ns/net)" ] &&
    [ "$(readlink "/proc/$holder/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ] &&
    [ "$(cat "/proc/$holder/comm")" = pause ]
}
in_mounts() { nsenter --mount="/proc/$(pid_of holder)/ns/mnt" --wd=/ "$@"; }
