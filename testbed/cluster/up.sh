#!/usr/bin/env bash
# Brings the test bed up: packages, programs, a Kubernetes cluster of one node with Services and
# DNS, a PostgreSQL server, and the operator from its chart. A bed that is whole is left as it is;
# one that is half up, or in which a daemon died, is torn down and made anew.
set -euo pipefail
. "$(dirname "$0")/lib.sh"

if [ "${CLUSTER:-}" = existing ]; then exec "$HERE/existing.sh" up; fi
need_root_linux
. "$HERE/network.sh"
"$HERE/packages.sh"
"$HERE/binaries.sh"
take_bed

# What keeps the bed from counting as up, or nothing.
missing() {
  [ -e "$D/up" ] || { echo "an earlier call did not finish"; return; }
  for daemon in "${DAEMONS[@]}"; do
    alive "$daemon" || { echo "$daemon is not running"; return; }
  done
  kubectl get --raw /readyz --request-timeout=5s >/dev/null 2>&1 || echo "the API server is not ready"
}
fill_in() {
  sed -e "s#@D@#$D#g; s#@NODE_IP@#$NODE_IP#g; s#@POD_CIDR@#$POD_CIDR#g; s#@DNS_IP@#$DNS_IP#g; s#@CGROUP@#$CGROUP#g" "$HERE/conf/$1"
}
program() { readlink -f "$LOCAL/bin/$1"; }

start_control_plane() {
  local kt=$1 pki=$D/pki etcd=http://127.0.0.1:2379 peer=http://127.0.0.1:2380
  "$kt" pki "$pki" "https://$NODE_IP:6443" 127.0.0.1 "$NODE_IP" "$SERVICE_IP"
  install -m 600 "$pki/admin.kubeconfig" "$KUBECONFIG_FILE"
  # The noise campaign writes 1,000 ConfigMaps of 1 MB three times before a compaction; 2 GiB, etcd's default, end before that.
  start etcd "$kt" etcd --name=default --data-dir="$D/etcd" --unsafe-no-fsync --log-level=warn --quota-backend-bytes=8589934592 \
    --listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
    --listen-peer-urls="$peer" --initial-advertise-peer-urls="$peer" --initial-cluster="default=$peer"
  fill_in audit-policy.yaml >"$D/audit-policy.yaml"
  start kube-apiserver "$kt" kube-apiserver --etcd-servers="$etcd" \
    --bind-address="$NODE_IP" --advertise-address="$NODE_IP" --secure-port=6443 \
    --service-cluster-ip-range="$SERVICE_CIDR" --cert-dir="$pki" --client-ca-file="$pki/ca.crt" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/sa.pub" --service-account-signing-key-file="$pki/sa.key" \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --requestheader-client-ca-file="$pki/ca.crt" --requestheader-allowed-names=front-proxy-client \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --audit-policy-file="$D/audit-policy.yaml" --audit-log-path="$AUDIT_LOG" --audit-log-maxsize=100 --audit-log-maxbackup=3
}

start_controllers() {
  local kt=$1 pki=$D/pki name
  for name in kube-controller-manager kube-scheduler; do
    local config=$pki/${name#kube-}.kubeconfig
    local flags=(--kubeconfig="$config" --authentication-kubeconfig="$config" --authorization-kubeconfig="$config"
      --bind-address=127.0.0.1 --cert-dir="$pki" --leader-elect=false --kube-api-qps=200 --kube-api-burst=400)
    [ "$name" = kube-scheduler ] || flags+=(--concurrent-job-syncs=20 --use-service-account-credentials=true
      --service-account-private-key-file="$pki/sa.key" --root-ca-file="$pki/ca.crt"
      --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key")
    start "$name" "$kt" "$name" "${flags[@]}"
  done
}

start_node() {
  local kt=$1
  fill_in kubelet.yaml >"$D/kubelet.yaml"
  start kubelet "$kt" kubelet --config="$D/kubelet.yaml" --kubeconfig="$D/pki/kubelet.kubeconfig" \
    --hostname-override=node1 --node-ip="$NODE_IP" --root-dir="$D/kubelet" --cert-dir="$D/kubelet-pki"
  start kube-proxy "$kt" kube-proxy --kubeconfig="$KUBECONFIG_FILE" --hostname-override=node1 --proxy-mode=iptables \
    --cluster-cidr="$POD_CIDR" --nodeport-addresses=primary --iptables-localhost-nodeports=false --oom-score-adj=0 \
    --conntrack-max-per-core=0 --conntrack-tcp-timeout-established=0 --conntrack-tcp-timeout-close-wait=0 \
    --healthz-bind-address=127.0.0.1:10256 --metrics-bind-address=127.0.0.1:10249
  fill_in Corefile >"$D/Corefile"
  start coredns "$(program coredns)" -conf "$D/Corefile"
}

# Images of the bed's own: the sandbox of every pod, and a busybox for tests.
import_images() {
  local images=$D/images
  mkdir -p "$images/pause" "$images/busybox"/{bin,etc,tmp}
  chmod 755 "$images"/* && chmod 1777 "$images/busybox/tmp"
  install -m 755 "$(program pause)" "$images/pause/pause"
  install -m 755 /bin/busybox "$images/busybox/bin/busybox"
  chroot "$images/busybox" /bin/busybox --install -s /bin
  printf 'root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$images/busybox/etc/passwd"
  "$HERE/mkimage.sh" localhost/bed/pause:1 "$images/pause" "$images/pause.tar" "" /pause
  "$HERE/mkimage.sh" localhost/bed/busybox:1 "$images/busybox" "$images/busybox.tar" "" /bin/sh
  for tar in "$images"/*.tar; do
    "${CTR[@]}" images import --all-platforms "$tar" >>"$D/log/images.log" 2>&1 || { show_log images; fail "importing $tar"; }
  done
}

cluster_up() {
  local kt
  kt=$(program kubetest)
  mkdir -p "$D"/{log,pki,etcd,audit,containerd,cni,kubelet,podlogs}
  chmod 755 "$STATE" "$D"
  chmod 700 "$D/pki" "$D/etcd" "$D/audit"
  make_cgroups
  make_namespaces
  fill_in 10-bed.conflist >"$D/cni/10-bed.conflist"
  fill_in containerd.toml >"$D/containerd.toml"
  start containerd containerd --config "$D/containerd.toml" --log-level warn
  start_control_plane "$kt"
  "$HERE/postgres.sh" start main >/dev/null
  wait_for 60 containerd "containerd answers" "${CTR[@]}" version
  import_images
  wait_for 90 kube-apiserver "the API server is ready" kubectl get --raw /readyz
  start_controllers "$kt"
  fill_in services.yaml | kubectl apply -f - >/dev/null
  start_node "$kt"
  wait_for 60 kube-controller-manager "the default service account is there" kubectl get serviceaccount default -n default
  wait_for 60 kubelet "the node is ready" kubectl wait --for=condition=Ready node/node1 --timeout=1s
  wait_for 60 coredns "DNS is ready" enter busybox wget -qO- http://127.0.0.1:8181/ready
  wait_for 60 kube-proxy "Services are served" enter busybox wget -qO- http://127.0.0.1:10256/healthz
  touch "$D/up"
}

missing=$(missing)
if [ -z "$missing" ]; then
  say "the cluster is up already (slot $SLOT)"
else
  if [ -d "$D" ] || [ -d "$TRACK" ]; then
    say "tearing down slot $SLOT first: $missing"
    BED_DOWN_SLOT=$SLOT "$HERE/down.sh"
  fi
  say "starting the cluster in slot $SLOT"
  cluster_up
fi
"$HERE/operator.sh" install
say "up: . .local/cluster.env"
