#!/usr/bin/env bash
# CLUSTER=existing: uses the cluster of KUBECONFIG and the image IMAGE, instead of making either.
# usage: existing.sh up|down|reload
set -euo pipefail
. "$(dirname "$0")/lib.sh"
if [ "$1" != up ] && grep -qs "^export BED_KIND='existing'" "$ENV_FILE"; then
  given=${IMAGE:-}
  # shellcheck source=/dev/null
  . "$ENV_FILE"
  IMAGE=${given:-$IMAGE}
fi
[ -n "${KUBECONFIG:-}" ] || fail "CLUSTER=existing needs KUBECONFIG, the cluster to use"
KUBECONFIG_FILE=$KUBECONFIG
forward=$LOCAL/port-forward.pid # its number and when it started, so that no other process is taken for it

end_forward() {
  local pid started
  [ -e "$forward" ] || return 0
  read -r pid started <"$forward"
  [ "$(awk '{print $22}' "/proc/$pid/stat" 2>/dev/null)" != "$started" ] || kill "$pid" 2>/dev/null || true
  rm -f "$forward"
}
install_operator() {
  # shellcheck disable=SC2086
  helm upgrade --install "$RELEASE" "$CHART" -n "$NAMESPACE" --create-namespace \
    --set image.repository="${IMAGE%:*}" --set-string image.tag="${IMAGE##*:}" \
    --set image.pullPolicy="${IMAGE_PULL_POLICY:-IfNotPresent}" --wait --timeout 3m ${BED_HELM_ARGS:-}
}

if [ "$1" = down ]; then
  end_forward
  helm uninstall "$RELEASE" -n "$NAMESPACE" --wait --ignore-not-found
  rm -f "$ENV_FILE"
  say "uninstalled"
  exit 0
fi

[ -n "${IMAGE:-}" ] || fail "CLUSTER=existing needs IMAGE, an image of the operator which that cluster can pull"
mkdir -p "$LOCAL/bin"
for tool in kubectl helm; do
  ready=$(type -P "$tool" || true)
  if [ "$ready" = "$LOCAL/bin/$tool" ]; then :
  elif [ -n "$ready" ]; then ln -sfn "$ready" "$LOCAL/bin/$tool"
  elif [ "$tool" = helm ]; then "$HERE/binaries.sh" helm
  else "$HERE/binaries.sh" kubetest; fi
done
if [ -z "${POSTGRES_URL:-}" ] || [ -z "${POSTGRES_POD_URL:-}" ]; then
  say "no POSTGRES_URL and POSTGRES_POD_URL: putting a PostgreSQL into namespace databases"
  kubectl apply -f "$HERE/existing-postgres.yaml"
  kubectl rollout status deployment/postgres -n databases --timeout=3m
  end_forward
  port=${BED_FORWARD_PORT:-15432}
  setsid "$LOCAL/bin/kubectl" --kubeconfig="$KUBECONFIG" port-forward -n databases service/postgres "$port:5432" \
    >"$LOCAL/port-forward.log" 2>&1 </dev/null &
  echo "$! $(awk '{print $22}' "/proc/$!/stat")" >"$forward"
  POSTGRES_URL=postgres://postgres:$POSTGRES_PASSWORD@127.0.0.1:$port/postgres
  POSTGRES_POD_URL=postgres://postgres:$POSTGRES_PASSWORD@postgres.databases.svc:5432/postgres
fi
export POSTGRES_URL POSTGRES_POD_URL
"$HERE/write-env.sh" existing "$IMAGE"
install_operator
say "up: . .local/cluster.env"
