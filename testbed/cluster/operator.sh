#!/usr/bin/env bash
# Puts the operator of this checkout into the cluster, with its Helm chart.
# usage: operator.sh install   where the release is not there yet; writes .local/cluster.env
#        operator.sh reload    builds anew, loads the image, rolls the deployment and waits for it
set -euo pipefail
. "$(dirname "$0")/lib.sh"
if [ "${CLUSTER:-}" = existing ]; then exec "$HERE/existing.sh" reload; fi
need_root_linux
action=${1:-install}
find_slot || fail "no test bed is up for this checkout: make cluster-up"
[ "$action" = install ] || lock_bed
[ -e "$D/up" ] || fail "the test bed is not up: make cluster-up"

write_env() { "$HERE/write-env.sh" bed "$IMAGE"; }
released() {
  [ -n "$(kubectl get deployments -n "$NAMESPACE" -o name 2>/dev/null)" ] &&
    [ "$(helm status "$RELEASE" -n "$NAMESPACE" 2>/dev/null | sed -n 's/^STATUS: //p')" = deployed ]
}

IMAGE=$(cat "$D/image" 2>/dev/null || true)
write_env # now already: a cluster whose operator does not come up is there to be looked at
if [ "$action" = install ] && [ -e "$D/image" ] && released; then
  say "the operator is installed already ($IMAGE); make cluster-reload builds it anew"
  exit 0
fi

IMAGE=$("$HERE/image.sh" "$D/operator.tar")
"${CTR[@]}" images import --all-platforms "$D/operator.tar" >"$D/log/images.log" 2>&1 || { show_log images; fail "loading the image"; }
say "loaded $IMAGE"

# A helm that was killed leaves its release pending, and the next one refuses to touch it.
kubectl delete secrets -n "$NAMESPACE" -l 'owner=helm,status in (pending-install,pending-upgrade,pending-rollback)' >/dev/null 2>&1 || true
# shellcheck disable=SC2086
helm upgrade --install "$RELEASE" "$CHART" -n "$NAMESPACE" --create-namespace \
  --set image.repository="$IMAGE_NAME" --set-string image.tag="${IMAGE##*:}" --set image.pullPolicy=Never \
  --wait --timeout 2m ${BED_HELM_ARGS:-} >"$D/log/helm.log" 2>&1 || {
  show_log helm
  "$HERE/logs.sh" operator >&2 || true
  fail "helm upgrade --install"
}
if [ "$action" = reload ] && [ "$IMAGE" = "$(cat "$D/image" 2>/dev/null)" ]; then
  kubectl rollout restart deployment -n "$NAMESPACE" >/dev/null # the same image: helm changed nothing
fi
for deployment in $(kubectl get deployments -n "$NAMESPACE" -o name); do
  kubectl rollout status "$deployment" -n "$NAMESPACE" --timeout=2m >/dev/null || { "$HERE/logs.sh" operator >&2; fail "the rollout of $deployment"; }
done
say "the operator runs"

# The image before this one stays for pods that still use it; older ones go.
previous=$(cat "$D/image" 2>/dev/null || true)
echo "$IMAGE" >"$D/image"
[ "$IMAGE" = "$previous" ] || for old in $("${CTR[@]}" images ls -q "name~=^$IMAGE_NAME:"); do
  [ "$old" = "$IMAGE" ] || [ "$old" = "$previous" ] || "${CTR[@]}" images rm "$old" >/dev/null 2>&1 || true
done
write_env
