#!/usr/bin/env bash
# Prints what one reads first when something fails: the operator's pods, events and logs, then
# the end of each daemon's log.
# usage: logs.sh [operator]
set -uo pipefail
. "$(dirname "$0")/lib.sh"
if find_slot; then
  :
elif [ -e "$ENV_FILE" ]; then
  # shellcheck source=/dev/null
  . "$ENV_FILE"
  KUBECONFIG_FILE=$KUBECONFIG
else
  fail "no test bed is up for this checkout: make cluster-up"
fi

title() { printf '\n==== %s\n' "$*"; }
title "pods"
kubectl get pods -A -o wide --request-timeout=5s
title "events in $NAMESPACE"
kubectl get events -n "$NAMESPACE" --sort-by=.lastTimestamp --request-timeout=5s | tail -n 20
for pod in $(kubectl get pods -n "$NAMESPACE" -o name --request-timeout=5s 2>/dev/null); do
  title "$pod"
  kubectl logs -n "$NAMESPACE" "$pod" --all-containers --tail=200 --request-timeout=10s
  kubectl logs -n "$NAMESPACE" "$pod" --all-containers --tail=50 --previous --request-timeout=10s 2>/dev/null &&
    title "above: $pod before its last restart"
done
if [ "${1:-}" != operator ] && [ -n "${D:-}" ]; then
  for log in "$D"/log/*.log; do
    title "$log"
    tail -n 15 "$log"
  done
fi
